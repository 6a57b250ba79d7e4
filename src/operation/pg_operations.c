/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/pg_operations.h"

static bool (*const derivations[LK_OPERATIONS])(struct lk_derivation *, struct lk_error *) = {
	[LK_OPERATION_ADD_COLUMN] = lk_pg_add_column,
	[LK_OPERATION_DROP_COLUMN] = lk_pg_drop_column,
	[LK_OPERATION_RENAME_COLUMN] = lk_pg_rename_column,
	[LK_OPERATION_CHANGE_TYPE] = lk_pg_change_type,
	[LK_OPERATION_SET_NOT_NULL] = lk_pg_set_not_null,
	[LK_OPERATION_DROP_NOT_NULL] = lk_pg_drop_not_null,
	[LK_OPERATION_SET_DEFAULT] = lk_pg_set_default,
	[LK_OPERATION_ADD_INDEX] = lk_pg_add_index,
	[LK_OPERATION_DROP_INDEX] = lk_pg_drop_index,
	[LK_OPERATION_ADD_CHECK] = lk_pg_add_check,
	[LK_OPERATION_ADD_FOREIGN_KEY] = lk_pg_add_foreign_key,
	[LK_OPERATION_ADD_UNIQUE] = lk_pg_add_unique,
	[LK_OPERATION_DROP_CONSTRAINT] = lk_pg_drop_constraint,
	[LK_OPERATION_RENAME_TABLE] = lk_pg_rename_table,
};

static bool derive(struct lk_session *session, const struct lk_operation *operation,
		   struct lk_plan *plan, struct lk_error *error)
{
	struct lk_derivation d = {.session = session,
				  .plan = plan,
				  .operation = operation,
				  .name_limit = LK_PG_NAME_LIMIT,
				  .is_taken = lk_pg_name_taken};
	if (operation->table && !lk_catalog_table(session, operation->table, &d.table, error))
		return false;
	bool derived = derivations[operation->kind](&d, error);
	lk_table_free(&d.table);
	return derived;
}

const struct lk_operation_ops lk_pg_operations = {
	.derive = derive,
};
