/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The short form: what is wanted, and names, which both forms use. */
#include <string.h>

#include "base/memory.h"
#include "plan/alternative.h"
#include "plan/parts.h"

/* As many keys as any operation has, and the end of the table. */
enum { MOST_KEYS = 10 };

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
		lk_yaml_problem(reader, node, "%s \"%.80s\" is not a name (1 to 63 bytes)", what,
				text);
		return NULL;
	}
	return lk_strdup(text);
}

static void read_names(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		       const struct lk_operation_field *field, struct lk_names *names)
{
	if (node->kind != LK_YAML_SEQUENCE || node->count == 0) {
		lk_yaml_problem(reader, node, "%s is a list of names: [a, b]", field->name);
		return;
	}
	if (node->count > LK_MOST_COLUMNS) {
		lk_yaml_problem(reader, node, "%s has more than %d members", field->name,
				LK_MOST_COLUMNS);
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		char *name =
			field->member == LK_MEMBER_ELEMENTS
				? lk_plan_read_expression(reader, node->members[i], field->name)
				: lk_plan_read_column(reader, node->members[i], field->name);
		for (size_t j = 0; name && j < names->count; j++)
			if (strcmp(names->list[j], name) == 0)
				lk_yaml_problem(reader, node->members[i],
						"\"%.80s\" is in %s twice", name, field->name);
		if (name)
			*LK_PUSH(names->list, names->count) = name;
	}
}

static char *read_action(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			 const char *what)
{
	int word = lk_yaml_word(reader, node, what, lk_reference_actions);
	return word < 0 ? NULL : lk_strdup(lk_reference_actions[word]);
}

static char *read_text(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		       const struct lk_operation_field *field)
{
	switch (field->member) {
	case LK_MEMBER_TABLE:
		return lk_plan_read_table(reader, node);
	case LK_MEMBER_COLUMN:
		return lk_plan_read_column(reader, node, field->name);
	case LK_MEMBER_TYPE:
		return lk_plan_read_type(reader, node);
	case LK_MEMBER_SQL:
		return lk_plan_read_expression(reader, node, field->name);
	case LK_MEMBER_ACTION:
		return read_action(reader, node, field->name);
	default:
		return NULL;
	}
}

/* {postgresql: …, mysql: …, mariadb: …}: which it will be is not known before the target is. */
static void read_alternatives(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			      const struct lk_operation_field *field,
			      struct lk_operation *operation)
{
	struct lk_yaml_key keys[LK_ALTERNATIVES + 1] = {0};
	const struct lk_yaml_node *values[LK_ALTERNATIVES + 1];
	char **at = lk_operation_at(operation, field);
	for (int i = 0; i < LK_ALTERNATIVES; i++)
		keys[i].name = lk_alternative_words[i];
	if (node->count == 0)
		lk_yaml_problem(reader, node, "%s names no engine: {postgresql: …, mysql: …}",
				field->name);
	if (!lk_yaml_mapping(reader, node, field->name, keys, values) || node->count == 0)
		return;
	struct lk_alternative *alternative =
		LK_PUSH(operation->alternatives, operation->alternative_count);
	*alternative = (struct lk_alternative){.member = field->name,
					       .offset = field->offset,
					       .line = node->line,
					       .column = node->column};
	for (int i = 0; i < LK_ALTERNATIVES; i++)
		if (values[i])
			alternative->texts[i] = read_text(reader, values[i], field);
	for (int i = 0; i < LK_ALTERNATIVES && !*at; i++)
		if (alternative->texts[i])
			*at = lk_strdup(alternative->texts[i]);
}

static void read_member(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			const struct lk_operation_field *field, struct lk_operation *operation)
{
	void *at = lk_operation_at(operation, field);
	switch (field->member) {
	case LK_MEMBER_TABLE:
	case LK_MEMBER_COLUMN:
	case LK_MEMBER_TYPE:
	case LK_MEMBER_SQL:
	case LK_MEMBER_ACTION:
		if (node->kind == LK_YAML_MAPPING)
			read_alternatives(reader, node, field, operation);
		else
			*(char **)at = read_text(reader, node, field);
		break;
	case LK_MEMBER_COLUMNS:
	case LK_MEMBER_ELEMENTS:
		read_names(reader, node, field, at);
		break;
	case LK_MEMBER_FLAG:
		lk_yaml_boolean(reader, node, field->name, at);
		break;
	}
}

/* What no single member can show. */
static void check_operation(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			    const struct lk_operation *o)
{
	const char *old = o->from ? o->from : o->column;
	if (o->to && old && strcmp(old, o->to) == 0)
		lk_yaml_problem(reader, node, "the old and the new name are the same: \"%.80s\"",
				o->to);
	if (o->kind == LK_OPERATION_ADD_FOREIGN_KEY && o->referenced.count > 0 &&
	    o->referenced.count != o->columns.count)
		lk_yaml_problem(reader, node, "%zu columns cannot refer to %zu", o->columns.count,
				o->referenced.count);
	if (o->kind == LK_OPERATION_CHANGE_TYPE && o->forth && !o->back)
		lk_yaml_problem(
			reader, node,
			"change_type with using needs back as well: the expression that makes the old "
			"value from the new one, for releases that still read the old column");
	if (o->kind == LK_OPERATION_CHANGE_TYPE && o->back && !o->forth)
		lk_yaml_problem(reader, node,
				"change_type with back needs using as well: the expression that "
				"makes the new value from the old one");
}

static void read_operation(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			   enum lk_operation_kind kind, struct lk_plan *plan)
{
	struct lk_yaml_key keys[MOST_KEYS] = {0};
	const struct lk_operation_field *fields[MOST_KEYS];
	const struct lk_yaml_node *values[MOST_KEYS];
	size_t count = 0;
	struct lk_operation *operation = LK_PUSH(plan->operations, plan->operation_count);
	operation->kind = kind;
	operation->line = node->line;
	operation->column_number = node->column;
	for (const struct lk_operation_field *field = lk_operation_fields; field->name; field++) {
		if (!lk_operation_has(kind, field) || count + 1 == MOST_KEYS)
			continue;
		keys[count] = (struct lk_yaml_key){field->name,
						   (field->required & (1u << kind)) != 0, NULL};
		fields[count++] = field;
	}
	lk_yaml_mapping(reader, node, lk_operation_name(kind), keys, values);
	for (size_t i = 0; i < count; i++)
		if (values[i])
			read_member(reader, values[i], fields[i], operation);
	check_operation(reader, node, operation);
}

static void read_entry(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		       struct lk_plan *plan)
{
	struct lk_yaml_key keys[LK_OPERATIONS + 1] = {0};
	const struct lk_yaml_node *values[LK_OPERATIONS + 1];
	bool any = false;
	for (int kind = 0; kind < LK_OPERATIONS; kind++)
		keys[kind].name = lk_operation_words[kind];
	bool known = lk_yaml_mapping(reader, node, "an operation", keys, values);
	for (int kind = 0; node->kind == LK_YAML_MAPPING && kind < LK_OPERATIONS; kind++) {
		if (values[kind] && any)
			lk_yaml_problem(reader, values[kind],
					"one operation a line: begin %s with \"- \"",
					lk_operation_words[kind]);
		else if (values[kind])
			read_operation(reader, values[kind], (enum lk_operation_kind)kind, plan);
		any = any || values[kind];
	}
	if (known && !any)
		lk_yaml_problem(reader, node,
				"the operation is empty; legal are: add_column, drop_column, "
				"rename_column and others (man lockkeeper-plan)");
}

void lk_plan_read_operations(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			     struct lk_plan *plan)
{
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
		read_entry(reader, node->members[i], plan);
	}
}
