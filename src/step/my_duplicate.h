/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Duplicates that are none. While MySQL rebuilds a table in place it writes the application's changes down and repeats
 * them at the end. An INSERT that meets a row under a secondary UNIQUE index (INSERT … ON DUPLICATE KEY UPDATE,
 * INSERT IGNORE, REPLACE) has been written down before it is taken back, so that the repetition meets the duplicate
 * for good: error 1062, and the rebuild is lost, though no row is there twice. (MariaDB 10.11 does not
 * do that.)
 */
#ifndef LK_STEP_MY_DUPLICATE_H
#define LK_STEP_MY_DUPLICATE_H

#include "catalog/catalog.h"
#include "db/my_server.h"
#include "step/my_statement.h"

enum lk_my_duplicate {
	LK_MY_DUPLICATE_NEW, /* under an index that the statement makes, or nobody knows which */
	LK_MY_DUPLICATE_REAL, /* rows under an index that was there before; it should never have let them in */
	LK_MY_DUPLICATE_PASSING, /* no row is there twice */
};

/*
 * What the statement's error 1062 (`met`) stands for. Reads the whole index; `index` is its name, "" unknown. False
 * when that could not be found out.
 */
bool lk_my_duplicate_judge(struct lk_session *session, const struct lk_my_statement *statement,
			   const struct lk_table *table, const struct lk_error *met,
			   enum lk_my_duplicate *duplicate, char index[200],
			   struct lk_error *error);
/* Whether a rebuild of the table on this server may fail so. */
bool lk_my_duplicate_possible(struct lk_session *session, const struct lk_my_server *server,
			      const struct lk_table *table, bool *possible, struct lk_error *error);

#endif
