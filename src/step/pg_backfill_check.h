/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a backfill cannot do, found before it begins; each refusal says what to do instead. Only reads. */
#ifndef LK_STEP_PG_BACKFILL_CHECK_H
#define LK_STEP_PG_BACKFILL_CHECK_H

#include "catalog/catalog.h"
#include "plan/model.h"

/* Of the plan's table as a whole. Columns that it lacks are no concern of this. */
bool lk_pg_backfill_check_table(struct lk_session *session, const struct lk_step *step,
				const struct lk_table *table, struct lk_error *error);
/* Of one of the tables in which its rows stand. */
bool lk_pg_backfill_check_leaf(struct lk_session *session, const struct lk_step *step,
			       const struct lk_table *leaf, struct lk_error *error);
/* Of the statement itself, by having the server plan it. All of its columns must be there. */
bool lk_pg_backfill_check_sql(struct lk_session *session, const char *sql, size_t parameters,
			      struct lk_error *error);

#endif
