/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The derivations for MySQL and MariaDB, one a kind of operation; inside this folder only. */
#ifndef LK_OPERATION_MY_OPERATIONS_H
#define LK_OPERATION_MY_OPERATIONS_H

#include "operation/my_derive.h"

bool lk_my_add_column(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_drop_column(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_rename_column(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_change_type(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_set_not_null(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_drop_not_null(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_set_default(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_add_index(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_drop_index(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_add_check(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_add_foreign_key(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_add_unique(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_drop_constraint(struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_rename_table(struct lk_my_derivation *m, struct lk_error *error);

#endif
