/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a backfill cannot do on MySQL and MariaDB, found before it begins; the contracts are those of
 * struct lk_backfill_ops. */
#ifndef LK_STEP_MY_BACKFILL_CHECK_H
#define LK_STEP_MY_BACKFILL_CHECK_H

#include "step/backfill.h"

bool lk_my_backfill_check_table(struct lk_session *session, const struct lk_step *step,
				const struct lk_table *table, struct lk_error *error);
bool lk_my_backfill_check_leaf(struct lk_session *session, const struct lk_step *step,
			       const struct lk_table *leaf, struct lk_error *error);
/* Has the server plan the statement. All of its columns must be there. */
bool lk_my_backfill_check_sql(struct lk_session *session, const struct lk_table *table,
			      const char *sql, struct lk_error *error);
/* Whether the statement failed on what a row holds (struct lk_backfill_ops). */
bool lk_my_backfill_is_data_error(const struct lk_error *error);
/* Of a warning: whether it says that a value is not what the expression meant to store. */
bool lk_my_backfill_is_data_warning(int number);
void lk_my_backfill_explain(const struct lk_table *table, struct lk_error *error);

#endif
