/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LK_JOURNAL_MY_INSTALL_H
#define LK_JOURNAL_MY_INSTALL_H

#include "db/session.h"

/* The statements that make the journal's database; each is harmless when it was run before. */
bool lk_my_journal_installed(struct lk_session *session, bool *installed, struct lk_error *error);
bool lk_my_journal_install(struct lk_session *session, struct lk_error *error);

/* Every table of the journal that has rows of a run, `run` itself as the last. */
extern const char *const lk_my_journal_tables[];
extern const size_t lk_my_journal_table_count;

/*
 * A lock of its own around what two keepers must not do at once, and which no transaction guards: making the
 * journal, beginning a run, dropping the journal. Waits up to half a minute. _unlock is harmless without it.
 */
bool lk_my_journal_lock(struct lk_session *session, struct lk_error *error);
void lk_my_journal_unlock(struct lk_session *session);

/* Puts the GRANT that is missing behind an error of class PRIVILEGE; other errors stay. Returns false. */
bool lk_my_journal_name_grant(struct lk_session *session, struct lk_error *error);

#endif
