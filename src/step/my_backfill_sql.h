/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statement of a chunk on MySQL and MariaDB. */
#ifndef LK_STEP_MY_BACKFILL_SQL_H
#define LK_STEP_MY_BACKFILL_SQL_H

#include "catalog/catalog.h"
#include "plan/model.h"

/* `triggers` of a step of our own making, which may write either column of a dual write. */
#define LK_MY_BOTH_SIDES "both sides"

/*
 * "UPDATE t FORCE INDEX (PRIMARY) SET …" and " AND (where) AND (any column differs)", between which the range of
 * keys goes; both the caller's. An assignment comes behind all expressions that read its column: the server works
 * them out from left to right, and would hand the new value on. Class REFUSED when no order does that.
 */
bool lk_my_backfill_parts(struct lk_session *session, const struct lk_table *table,
			  const struct lk_step *step, char **set, char **differs,
			  struct lk_error *error);

/* Whether values of a type (as DDL writes it) are texts, so that they must be compared byte by byte. */
bool lk_my_compared_by_bytes(const char *type);

#endif
