/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/my_operations.h"

#include <string.h>

#include "catalog/my_catalog.h"

static bool (*const derivations[LK_OPERATIONS])(struct lk_my_derivation *, struct lk_error *) = {
	[LK_OPERATION_ADD_COLUMN] = lk_my_add_column,
	[LK_OPERATION_DROP_COLUMN] = lk_my_drop_column,
	[LK_OPERATION_RENAME_COLUMN] = lk_my_rename_column,
	[LK_OPERATION_CHANGE_TYPE] = lk_my_change_type,
	[LK_OPERATION_SET_NOT_NULL] = lk_my_set_not_null,
	[LK_OPERATION_DROP_NOT_NULL] = lk_my_drop_not_null,
	[LK_OPERATION_SET_DEFAULT] = lk_my_set_default,
	[LK_OPERATION_ADD_INDEX] = lk_my_add_index,
	[LK_OPERATION_DROP_INDEX] = lk_my_drop_index,
	[LK_OPERATION_ADD_CHECK] = lk_my_add_check,
	[LK_OPERATION_ADD_FOREIGN_KEY] = lk_my_add_foreign_key,
	[LK_OPERATION_ADD_UNIQUE] = lk_my_add_unique,
	[LK_OPERATION_DROP_CONSTRAINT] = lk_my_drop_constraint,
	[LK_OPERATION_RENAME_TABLE] = lk_my_rename_table,
};

static bool derive(struct lk_session *session, const struct lk_operation *operation,
		   struct lk_plan *plan, struct lk_error *error)
{
	struct lk_my_derivation m = {.d = {.session = session,
					   .plan = plan,
					   .operation = operation,
					   .name_limit = LK_MY_NAME_LIMIT,
					   .is_taken = lk_my_name_taken}};
	struct lk_table *table = &m.d.table;
	lk_error_clear(error);
	bool derived =
		lk_my_server(session, &m.server, error) &&
		(!operation->table || lk_catalog_table(session, operation->table, table, error)) &&
		(!operation->table || strcmp(table->kind, "table") != 0 ||
		 lk_my_definition(session, table->sql, &m.definition, error)) &&
		derivations[operation->kind](&m, error);
	lk_my_definition_free(&m.definition);
	lk_table_free(table);
	return derived;
}

const struct lk_operation_ops lk_my_operations = {
	.derive = derive,
};
