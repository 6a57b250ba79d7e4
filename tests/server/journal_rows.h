/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a journal remembers, whatever the engine is: plans, cursors, rows left out, answers, events. */
#ifndef LK_TESTS_SERVER_JOURNAL_ROWS_H
#define LK_TESTS_SERVER_JOURNAL_ROWS_H

#include "journal/journal.h"

/* A session that calls itself as a keeper's of this run. */
typedef struct lk_session *lk_journal_rows_open(const char *run, const char *role);

/* The *state of the tests below; the journal is installed by them. */
struct lk_journal_rows {
	lk_journal_rows_open *open;
};

void lk_journal_rows_plan(void **state);
void lk_journal_rows_mended(void **state);
void lk_journal_rows_cursor(void **state);
void lk_journal_rows_parts(void **state);
void lk_journal_rows_wishes(void **state);

/* A plan of a ddl and a gate, with `more` steps of phase expand. */
void lk_journal_rows_make_plan(const char *name, const char *more, struct lk_plan *plan);
/* A session with the journal there and a run in it, which is alice's. */
struct lk_session *lk_journal_rows_session(lk_journal_rows_open *open, const char *run,
					   const char *plan_name, struct lk_plan *plan);
/* A call's answer that must be true; one that must be false, of this class, with these words. */
void lk_journal_rows_done(bool done, const struct lk_error *error);
void lk_journal_rows_refused(bool done, const struct lk_error *error, enum lk_error_class class,
			     const char *words);

#endif
