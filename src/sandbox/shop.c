/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/shop.h"

#include "sandbox/dialect.h"

bool lk_shop_create_database(struct lk_link *link, struct lk_error *error)
{
	return link->dialect->shop->create_database(link, error);
}

bool lk_shop_create_tables(struct lk_link *link, int64_t rows, struct lk_error *error)
{
	return link->dialect->shop->create_tables(link, rows, error) ||
	       lk_fail_context(error, "cannot create the tables of the sandbox");
}

bool lk_shop_compare(struct lk_link *link, int64_t rows, struct lk_shop_sums *sums,
		     struct lk_error *error)
{
	*sums = (struct lk_shop_sums){0};
	return link->dialect->shop->compare(link, rows, sums, error);
}

char *lk_shop_shape(struct lk_link *link, struct lk_error *error)
{
	return link->dialect->shop->shape(link, error);
}
