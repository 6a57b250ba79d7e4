/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the dialect of MySQL and MariaDB, each in a file of its own. */
#ifndef LK_SANDBOX_MY_PARTS_H
#define LK_SANDBOX_MY_PARTS_H

#include "sandbox/dialect.h"

extern const struct lk_link_ops lk_my_link;
extern const struct lk_shop_ops lk_my_shop;
extern const struct lk_release_ops lk_my_release;
extern const struct lk_statements lk_my_statements;
extern const char lk_my_catalog_lists[];
extern const struct lk_feature_terms lk_my_features[LK_FEATURES];

bool lk_my_shop_compare(struct lk_link *link, int64_t rows, struct lk_shop_sums *sums,
			struct lk_error *error);
char *lk_my_shop_shape(struct lk_link *link, struct lk_error *error);

#endif
