/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The short form: what is wanted, and names, which both forms use. */
#include <string.h>

#include "base/memory.h"
#include "plan/parts.h"

char *lk_plan_read_table(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node)
{
	const char *text = lk_yaml_text(reader, node, "table");
	if (!text)
		return NULL;
	if (!lk_table_is_good(text)) {
		lk_yaml_problem(reader, node,
				"table \"%.80s\" is not a name, nor schema.table; put double "
				"quotes around a "
				"part that holds a dot or a quote",
				text);
		return NULL;
	}
	return lk_strdup(text);
}

char *lk_plan_read_column(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			  const char *what)
{
	const char *text = lk_yaml_text(reader, node, what);
	if (!text)
		return NULL;
	if (!lk_column_is_good(text)) {
		lk_yaml_problem(reader, node, "%s \"%.80s\" is not a column's name (1 to 63 bytes)",
				what, text);
		return NULL;
	}
	return lk_strdup(text);
}

static void read_rename(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			struct lk_plan *plan)
{
	static const struct lk_yaml_key keys[] = {
		{"table", true, NULL}, {"from", true, NULL}, {"to", true, NULL}, {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	struct lk_operation *operation = LK_PUSH(plan->operations, plan->operation_count);
	operation->kind = LK_OPERATION_RENAME_COLUMN;
	operation->line = node->line;
	operation->column = node->column;
	lk_yaml_mapping(reader, node, "rename_column", keys, values);
	operation->table = values[0] ? lk_plan_read_table(reader, values[0]) : NULL;
	operation->from = values[1] ? lk_plan_read_column(reader, values[1], "from") : NULL;
	operation->to = values[2] ? lk_plan_read_column(reader, values[2], "to") : NULL;
	if (operation->from && operation->to && strcmp(operation->from, operation->to) == 0)
		lk_yaml_problem(reader, values[2], "from and to are the same column: \"%.80s\"",
				operation->to);
}

void lk_plan_read_operations(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			     struct lk_plan *plan)
{
	static const struct lk_yaml_key keys[] = {{"rename_column", false, NULL}, {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	if (node->kind != LK_YAML_SEQUENCE || node->count == 0) {
		lk_yaml_problem(reader, node,
				"operations is a list: lines that begin with \"- rename_column:\"");
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		if (i == LK_MOST_OPERATIONS) {
			lk_yaml_problem(reader, node->members[i],
					"a plan has at most %d operations", LK_MOST_OPERATIONS);
			return;
		}
		bool known =
			lk_yaml_mapping(reader, node->members[i], "an operation", keys, values);
		if (values[0])
			read_rename(reader, values[0], plan);
		else if (known)
			lk_yaml_problem(reader, node->members[i],
					"the operation is empty; legal: rename_column");
	}
}
