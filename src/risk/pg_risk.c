/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "risk/pg_risk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "risk/pg_parse.h"

static bool drops_column(const char *sql, const char *table, const char *column)
{
	char reason[200], name[160];
	bool found = false;
	json_t *statements = lk_risk_parse(sql, reason, sizeof reason);
	for (size_t s = 0; s < json_array_size(statements); s++) {
		const json_t *body = json_object_get(
			json_object_get(json_array_get(statements, s), "stmt"), "AlterTableStmt");
		const json_t *commands = json_object_get(body, "cmds");
		lk_relation_name(json_object_get(body, "relation"), name, sizeof name);
		for (size_t i = 0; strcmp(name, table) == 0 && i < json_array_size(commands); i++) {
			const json_t *command =
				json_object_get(json_array_get(commands, i), "AlterTableCmd");
			found = found ||
				(strcmp(lk_node_text(command, "subtype"), "AT_DropColumn") == 0 &&
				 strcmp(lk_node_text(command, "name"), column) == 0);
		}
	}
	json_decref(statements);
	return found;
}

/* A type is one when something can be cast to it. */
static bool is_type(const char *type, bool *parsed, char *reason, size_t size)
{
	char *cast = lk_format("CAST(NULL AS %s)", type);
	bool is = lk_pg_risk_is_expression(cast, parsed, reason, size);
	free(cast);
	/* The grammar knows all types' forms: what it cannot read is none. */
	if (!is && parsed)
		*parsed = true;
	return is;
}

static const char *const postgresql[] = {"postgresql", NULL};
static const char *const *const servers[] = {postgresql, NULL};

const struct lk_risk_ops lk_pg_risk = {
	.servers = servers,
	.dialect = &lk_sql_postgres,
	.outlasts = "it would outlast the transaction: write SET LOCAL",
	.statement = lk_pg_risk_statement,
	.locks_text = lk_pg_risk_locks_text,
	.split = lk_pg_risk_split,
	.is_read_only = lk_pg_risk_is_read_only,
	.is_expression = lk_pg_risk_is_expression,
	.is_type = is_type,
	.columns = lk_pg_risk_columns,
	.drops_column = drops_column,
};
