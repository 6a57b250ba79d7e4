/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of PostgreSQL's dialect, each in a file of its own. */
#ifndef LK_SANDBOX_PG_PARTS_H
#define LK_SANDBOX_PG_PARTS_H

#include "sandbox/dialect.h"

extern const struct lk_link_ops lk_pg_link;
extern const struct lk_shop_ops lk_pg_shop;
extern const struct lk_release_ops lk_pg_release;
extern const struct lk_statements lk_pg_statements;
extern const struct lk_feature_terms lk_pg_features[LK_FEATURES];

bool lk_pg_shop_compare(struct lk_link *link, int64_t rows, struct lk_shop_sums *sums,
			struct lk_error *error);
char *lk_pg_shop_shape(struct lk_link *link, struct lk_error *error);

#endif
