/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The derivations, one a kind of operation; inside this folder only. */
#ifndef LK_OPERATION_PG_OPERATIONS_H
#define LK_OPERATION_PG_OPERATIONS_H

#include "operation/pg_derive.h"

bool lk_pg_add_column(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_drop_column(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_rename_column(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_change_type(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_set_not_null(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_drop_not_null(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_set_default(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_add_index(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_drop_index(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_add_check(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_add_foreign_key(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_add_unique(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_drop_constraint(struct lk_derivation *d, struct lk_error *error);
bool lk_pg_rename_table(struct lk_derivation *d, struct lk_error *error);

#endif
