/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the engines' queries of the journal answer, as the journal's structures. The SQL is the engine's; which
 * columns it must yield, in which order, is said here. Booleans are "t" and "f", moments are wall ms.
 */
#ifndef LK_JOURNAL_ROWS_H
#define LK_JOURNAL_ROWS_H

#include "journal/journal.h"

/*
 * Runs: name, plan, digest, state, reason, wanted, the keeper's host, "WHO@HOST, process PID", pid, epoch,
 * created, changed, the heartbeat's age in ms (negative: none), backward, last event, steps, steps done.
 */
/* The first of them, if any, for the one parameter. */
bool lk_journal_run_row(struct lk_session *session, const char *sql, const char *parameter,
			bool *found, struct lk_journal_run *run, struct lk_error *error);
bool lk_journal_run_rows(struct lk_session *session, const char *sql, struct lk_journal_run **runs,
			 size_t *count, struct lk_error *error);

/* Number, state, note, started, ended, phase, name, verb; those beyond `count` are left out. */
bool lk_journal_step_rows(struct lk_session *session, const char *sql, const char *run,
			  size_t count, struct lk_journal_step *steps, struct lk_error *error);

/* Number, at, kind, who, text. */
bool lk_journal_event_rows(struct lk_session *session, const char *sql, const char *run,
			   struct lk_journal_event **events, size_t *count, struct lk_error *error);

/* Gate, who, origin, at, digest. */
bool lk_journal_answer_rows(struct lk_session *session, const char *sql, const char *run,
			    struct lk_journal_answer **answers, size_t *count,
			    struct lk_error *error);

/* Wanted, gate, who, origin, at; one row with no gate when nobody has answered yet. */
bool lk_journal_poll_rows(struct lk_session *session, const char *sql,
			  const char *const run_digest[2], char wanted[16],
			  struct lk_journal_approval **approvals, size_t *count,
			  struct lk_error *error);

/* The first column of all rows with ";\n" between them; *sql_text is the caller's. */
bool lk_journal_cleanup_rows(struct lk_session *session, const char *sql, const char *run,
			     char **sql_text, struct lk_error *error);

/* The plan, as JSON, in the first column. */
bool lk_journal_plan_row(struct lk_session *session, const char *sql, const char *run,
			 struct lk_plan *plan, struct lk_error *error);
/* A plan as that text; the caller's. */
char *lk_journal_document(const struct lk_plan *plan);

/* The run's epoch in the first column: class FENCED when it is another one. */
bool lk_journal_epoch_row(struct lk_session *session, const char *sql, const char *run,
			  int64_t epoch, struct lk_error *error);

/* WHO@HOST, pid, seconds since it was heard of, of the keeper that holds the run: class REFUSED. */
bool lk_journal_refuse_with_holder(struct lk_session *session, const char *sql, const char *run,
				   struct lk_error *error);

/* The first row's text, "" when there is none; `run` may be NULL: then the query has no parameter. */
bool lk_journal_text(struct lk_session *session, const char *sql, const char *run, char *text,
		     size_t size, struct lk_error *error);
/* One number. */
bool lk_journal_number(struct lk_session *session, const char *sql, const char *run,
		       int64_t *number, struct lk_error *error);

#endif
