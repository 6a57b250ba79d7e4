/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LK_JOURNAL_PG_INSTALL_H
#define LK_JOURNAL_PG_INSTALL_H

#include "db/session.h"

/* The statements that make the journal's schema; each is harmless when it was run before. */
bool lk_pg_journal_installed(struct lk_session *session, bool *installed, struct lk_error *error);
bool lk_pg_journal_install(struct lk_session *session, struct lk_error *error);

#endif
