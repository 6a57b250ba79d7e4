/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the PostgreSQL derivations share beyond operation/derive.h. */
#ifndef LK_OPERATION_PG_DERIVE_H
#define LK_OPERATION_PG_DERIVE_H

#include "operation/derive.h"

/* NAMEDATALEN - 1 */
#define LK_PG_NAME_LIMIT 63

/* As struct lk_derivation wants it. */
bool lk_pg_name_taken(struct lk_derivation *d, const char *name, bool *taken,
		      struct lk_error *error);
/* SET NOT NULL without a scan under the lock: by a CHECK that was validated before. column_sql is quoted. */
void lk_derive_not_null(struct lk_derivation *d, enum lk_phase phase, const char *column,
			const char *column_sql);
/* The statements that bring NOT NULL back the same way, each fit to be repeated; with `fill` (may be NULL)
 * for the rows that hold NULL by then. The caller's. */
char *lk_derive_not_null_again(struct lk_derivation *d, const struct lk_column *column,
			       const char *fill);

/* Whether an expression gives another value at each call. What only looks like it counts as well. */
bool lk_derive_is_volatile(struct lk_derivation *d, const char *expression, bool *is_volatile,
			   struct lk_error *error);
/* What the server would say of a query of this plan, without running it; class PLAN with its sentence. Nothing is
 * asked when an earlier operation adds a column to the table, which the server does not know yet. */
bool lk_derive_try(struct lk_derivation *d, const char *what, const char *query,
		   struct lk_error *error);
/* Likewise for an expression over the table's rows; with a type (may be NULL) also whether it can be stored as
 * one. */
bool lk_derive_try_value(struct lk_derivation *d, const char *what, const char *expression,
			 const char *type, struct lk_error *error);
/* The type's name as the server writes it, the caller's; NULL and class PLAN when there is none. */
char *lk_derive_type(struct lk_derivation *d, const char *type, struct lk_error *error);

#endif
