/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What on a PostgreSQL table stands in the way of renaming a column by way of a second one. */
#ifndef LK_OPERATION_PG_HINDRANCE_H
#define LK_OPERATION_PG_HINDRANCE_H

#include "catalog/catalog.h"

/* True when nothing hinders; otherwise class REFUSED and a sentence that names each object. */
bool lk_pg_rename_unhindered(struct lk_session *session, const struct lk_table *table,
			     const struct lk_column *column, struct lk_error *error);

#endif
