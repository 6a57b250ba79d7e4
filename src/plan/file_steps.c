/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The long form: every step, one reader a verb. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plan/parts.h"
#include "plan/sql_text.h"

enum { LONGEST_QUESTION = 280, LONGEST_SQL = 64 * 1024, MOST_STATEMENTS = 50 };

#define LATER "this version does not have it; use ask or none"

/* SQL that stands by itself, of one or more statements. A copy, trimmed, or NULL and a problem. */
static char *read_script(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			 const char *what, int most)
{
	const char *text = lk_yaml_text(reader, node, what);
	struct lk_sql_shape shape;
	if (!text)
		return NULL;
	if (node->style == LK_YAML_PLAIN) {
		lk_yaml_problem(
			reader, node,
			"the SQL of %s must be in quotes or a | block: unquoted, YAML would end it "
			"at a comma, a colon or a #",
			what);
		return NULL;
	}
	lk_sql_any_shape(text, &shape);
	if (strlen(text) > LONGEST_SQL)
		lk_yaml_problem(reader, node, "the SQL of %s is longer than 64 KB", what);
	else if (shape.unclosed)
		lk_yaml_problem(
			reader, node,
			"the SQL of %s has a quote, comment or parenthesis without its other end",
			what);
	else if (shape.statements == 0)
		lk_yaml_problem(reader, node, "%s holds no statement", what);
	else if (shape.statements > most)
		lk_yaml_problem(reader, node, "%s takes %s; this holds %d", what,
				most == 1 ? "one statement" : "fewer statements", shape.statements);
	else
		return lk_sql_trim(text);
	return NULL;
}

/* SQL that must be one statement (or one query). */
static char *read_sql(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		      const char *what)
{
	return read_script(reader, node, what, 1);
}

/* It is put into a statement of our own: nothing in it may reach what follows it there. */
char *lk_plan_read_expression(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			      const char *what)
{
	const char *text = lk_yaml_text(reader, node, what);
	struct lk_sql_shape shape;
	if (!text)
		return NULL;
	if (node->style == LK_YAML_PLAIN && (node->comment || !lk_sql_is_plain_name(text))) {
		lk_yaml_problem(
			reader, node,
			node->comment
				? "a comment stands behind the unquoted SQL of %s: put the SQL "
				  "in quotes"
				: "the SQL of %s is more than a column's name: put it in quotes",
			what);
		return NULL;
	}
	lk_sql_any_shape(text, &shape);
	if (shape.unclosed)
		lk_yaml_problem(
			reader, node,
			"the SQL of %s has a quote, comment or parenthesis without its other end",
			what);
	else if (shape.comment)
		lk_yaml_problem(reader, node, "the SQL of %s may not hold a comment", what);
	else if (shape.statements != 1 || shape.comma || strchr(text, ';') == text)
		lk_yaml_problem(reader, node, "%s takes one expression; this is more than one",
				what);
	else
		return lk_sql_trim(text);
	return NULL;
}

char *lk_plan_read_type(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node)
{
	const char *text = lk_yaml_text(reader, node, "type");
	struct lk_sql_shape shape;
	if (!text)
		return NULL;
	lk_sql_any_shape(text, &shape);
	if (shape.unclosed || shape.comment || shape.comma || strpbrk(text, ";:"))
		lk_yaml_problem(
			reader, node,
			"type \"%.60s\" is not a type; inside {} a comma ends a value, so put "
			"numeric(14,2) in quotes",
			text);
	else
		return lk_sql_trim(text);
	return NULL;
}

static char *read_question(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			   const char *what)
{
	const char *text = lk_yaml_text(reader, node, what);
	if (!text)
		return NULL;
	if (strlen(text) > LONGEST_QUESTION) {
		lk_yaml_problem(reader, node,
				"%s is longer than %d bytes, which no screen shows whole", what,
				LONGEST_QUESTION);
		return NULL;
	}
	return lk_sql_line(text);
}

static void read_ddl(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     struct lk_step *step)
{
	step->sql = read_sql(reader, node, "ddl");
}

static void read_statements(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			    struct lk_step *step)
{
	step->sql = read_script(reader, node, "sql", MOST_STATEMENTS);
}

static void read_dual_write(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			    struct lk_step *step)
{
	static const struct lk_yaml_key keys[] = {{"table", true, NULL}, {"from", true, NULL},
						  {"to", true, NULL},	 {"like", false, NULL},
						  {"type", false, NULL}, {"using", false, NULL},
						  {"back", false, NULL}, {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	lk_yaml_mapping(reader, node, "dual_write", keys, values);
	step->type = values[4] ? lk_plan_read_type(reader, values[4]) : NULL;
	step->forth = values[5] ? lk_plan_read_expression(reader, values[5], "using") : NULL;
	step->back = values[6] ? lk_plan_read_expression(reader, values[6], "back") : NULL;
	if (!values[4] != !values[5] || !values[4] != !values[6])
		lk_yaml_problem(
			reader, node,
			"type, using and back belong together: the new column's type, its value from "
			"the old one, and the old one's value from it");
	step->table = values[0] ? lk_plan_read_table(reader, values[0]) : NULL;
	step->from = values[1] ? lk_plan_read_column(reader, values[1], "from") : NULL;
	step->to = values[2] ? lk_plan_read_column(reader, values[2], "to") : NULL;
	step->like = values[3]	  ? lk_plan_read_column(reader, values[3], "like")
		     : step->from ? lk_strdup(step->from)
				  : NULL;
	if (step->from && step->to && strcmp(step->from, step->to) == 0)
		lk_yaml_problem(reader, values[2], "from and to are the same column: \"%.80s\"",
				step->to);
}

static void read_assignment(const struct lk_yaml_reader *reader, struct lk_yaml_node *const *member,
			    struct lk_step *step)
{
	char *column = lk_plan_read_column(reader, member[0], "the column to set");
	for (size_t i = 0; column && i < step->set_count; i++) {
		if (strcmp(step->set[i].column, column) != 0)
			continue;
		lk_yaml_problem(reader, member[0], "the column \"%s\" is set twice", column);
		free(column);
		column = NULL;
	}
	char *expression = column && lk_yaml_is_null(member[1]) && member[0]->flow
				   ? NULL
				   : lk_plan_read_expression(reader, member[1], "set");
	if (column && !expression && lk_yaml_is_null(member[1]) && member[0]->flow)
		lk_yaml_problem(
			reader, member[0],
			"\"%.60s\" stands alone in set: inside {} a comma ends a value, so put the "
			"SQL before it in quotes",
			column);
	if (column && expression) {
		*LK_PUSH(step->set, step->set_count) = (struct lk_assignment){column, expression};
		return;
	}
	free(column);
	free(expression);
}

/* A copy of one of the words; NULL for the first, which is the default, and for none. */
static char *read_word(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		       const char *what, const char *const *words)
{
	int word = node ? lk_yaml_word(reader, node, what, words) : 0;
	return word > 0 ? lk_strdup(words[word]) : NULL;
}

static void read_backfill(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			  struct lk_step *step)
{
	static const struct lk_yaml_key keys[] = {
		{"table", true, NULL},	   {"set", true, NULL},	      {"where", false, NULL},
		{"on_error", false, NULL}, {"triggers", false, NULL}, {0}};
	static const char *const errors[] = {"stop", "skip", NULL};
	static const char *const triggers[] = {"fire", "skip", NULL};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	lk_yaml_mapping(reader, node, "backfill", keys, values);
	step->on_error = read_word(reader, values[3], "on_error", errors);
	step->triggers = read_word(reader, values[4], "triggers", triggers);
	step->table = values[0] ? lk_plan_read_table(reader, values[0]) : NULL;
	step->where = values[2] ? lk_plan_read_expression(reader, values[2], "where") : NULL;
	if (values[1] && (values[1]->kind != LK_YAML_MAPPING || values[1]->count == 0))
		lk_yaml_problem(
			reader, values[1],
			"set is a map of columns and what they become: {user_handle: username}");
	else if (values[1])
		for (size_t i = 0; i + 1 < values[1]->count; i += 2)
			read_assignment(reader, values[1]->members + i, step);
}

static void read_verify(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			struct lk_step *step)
{
	static const struct lk_yaml_key keys[] = {{"none", true, NULL}, {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	lk_yaml_mapping(reader, node, "verify", keys, values);
	step->sql = values[0] ? read_sql(reader, values[0], "verify's none") : NULL;
}

static void read_gate(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		      struct lk_step *step)
{
	static const struct lk_yaml_key keys[] = {
		{"name", true, NULL},	     {"ask", false, NULL},  {"by", false, NULL},
		{"none", false, NULL},	     {"undo", false, NULL}, {"evidence", false, LATER},
		{"rehearsed", false, LATER}, {"for", false, LATER}, {0}};
	static const char *const people[] = {"person", "two_people", NULL};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	bool whole = lk_yaml_mapping(reader, node, "gate", keys, values);
	const struct lk_yaml_node *name = values[0], *ask = values[1], *by = values[2],
				  *none = values[3], *undo = values[4];
	const char *text = name ? lk_yaml_text(reader, name, "the gate's name") : NULL;
	if (text)
		step->name = lk_strdup(text);
	if (ask && none)
		lk_yaml_problem(reader, none,
				"a gate asks a person (ask) or the database (none), not both");
	else if (!ask && !none && whole)
		lk_yaml_problem(reader, node, "the gate has no question: ask, or none with SQL");
	if (by && none)
		lk_yaml_problem(reader, by,
				"by belongs to ask: a gate with none is answered by its SQL");
	step->gate = none ? LK_GATE_NONE : LK_GATE_ASK;
	step->ask = ask ? read_question(reader, ask, "ask") : NULL;
	step->sql = none ? read_sql(reader, none, "the gate's none") : NULL;
	step->undo = undo ? read_question(reader, undo, "the gate's undo") : NULL;
	step->needed = by && lk_yaml_word(reader, by, "by", people) == 1 ? 2 : 1;
}

static void read_end_dual_write(const struct lk_yaml_reader *reader,
				const struct lk_yaml_node *node, struct lk_step *step)
{
	static const struct lk_yaml_key keys[] = {
		{"table", true, NULL}, {"column", true, NULL}, {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	lk_yaml_mapping(reader, node, "end_dual_write", keys, values);
	step->table = values[0] ? lk_plan_read_table(reader, values[0]) : NULL;
	step->from = values[1] ? lk_plan_read_column(reader, values[1], "column") : NULL;
}

static void read_swap_columns(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			      struct lk_step *step)
{
	static const struct lk_yaml_key keys[] = {
		{"table", true, NULL}, {"from", true, NULL}, {"to", true, NULL}, {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	lk_yaml_mapping(reader, node, "swap_columns", keys, values);
	step->table = values[0] ? lk_plan_read_table(reader, values[0]) : NULL;
	step->from = values[1] ? lk_plan_read_column(reader, values[1], "from") : NULL;
	step->to = values[2] ? lk_plan_read_column(reader, values[2], "to") : NULL;
}

static void (*const verb_readers[LK_VERBS])(const struct lk_yaml_reader *,
					    const struct lk_yaml_node *, struct lk_step *) = {
	[LK_VERB_GATE] = read_gate,
	[LK_VERB_DDL] = read_ddl,
	[LK_VERB_DUAL_WRITE] = read_dual_write,
	[LK_VERB_BACKFILL] = read_backfill,
	[LK_VERB_VERIFY] = read_verify,
	[LK_VERB_END_DUAL_WRITE] = read_end_dual_write,
	[LK_VERB_SQL] = read_statements,
	[LK_VERB_SWAP_COLUMNS] = read_swap_columns,
};

static void read_extras(const struct lk_yaml_reader *reader,
			const struct lk_yaml_node *const *values, struct lk_step *step)
{
	static const char *const destroyed[] = {"data", NULL};
	const struct lk_yaml_node *name = values[0], *undo = values[1], *destroys = values[2];
	const char *verb = lk_verb_name(step->verb);
	if (name && step->verb == LK_VERB_GATE) {
		lk_yaml_problem(reader, name, "a gate's name stands inside it: gate: {name: …}");
	} else if (name) {
		const char *text = lk_yaml_text(reader, name, "the step's name");
		step->name = text ? lk_strdup(text) : NULL;
	}
	bool statements = step->verb == LK_VERB_DDL || step->verb == LK_VERB_SQL;
	if (undo && statements)
		step->undo = read_script(reader, undo, "undo", MOST_STATEMENTS);
	else if (undo && step->verb == LK_VERB_GATE)
		lk_yaml_problem(reader, undo, "a gate's undo stands inside it: gate: {undo: …}");
	else if (undo)
		lk_yaml_problem(reader, undo,
				"undo belongs to ddl, sql and gate: %s knows its own way back",
				verb);
	if (destroys && !statements)
		lk_yaml_problem(reader, destroys, "destroys belongs to ddl and sql, not to %s",
				verb);
	else if (destroys && step->phase != LK_CONTRACT)
		lk_yaml_problem(
			reader, destroys,
			"what destroys data stands in contract, not in %s: before contract every "
			"step has a way back",
			lk_phase_name(step->phase));
	else if (destroys && lk_yaml_word(reader, destroys, "destroys", destroyed) == 0)
		step->destroys = lk_strdup("data");
	if (undo && destroys)
		lk_yaml_problem(reader, undo, "a step that destroys data has no undo");
}

static void read_step(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		      enum lk_phase phase, struct lk_plan *plan)
{
	static const struct lk_yaml_key keys[] = {
		{"gate", false, NULL},
		{"ddl", false, NULL},
		{"dual_write", false, NULL},
		{"backfill", false, NULL},
		{"verify", false, NULL},
		{"end_dual_write", false, NULL},
		{"sql", false, NULL},
		{"swap_columns", false, NULL},
		{"name", false, NULL},
		{"undo", false, NULL},
		{"destroys", false, NULL},
		{"on_error", false,
		 "it stands inside backfill: backfill: {table: …, set: …, on_error: skip}"},
		{0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	int verb = -1;
	bool known = lk_yaml_mapping(reader, node, "a step", keys, values);
	for (int i = 0; node->kind == LK_YAML_MAPPING && i < LK_VERBS; i++) {
		if (!values[i])
			continue;
		if (verb >= 0)
			lk_yaml_problem(reader, values[i],
					"a step has one verb; this one has %s and %s: begin "
					"the second with \"- \"",
					keys[verb].name, keys[i].name);
		else
			verb = i;
	}
	if (verb < 0 && known)
		lk_yaml_problem(
			reader, node,
			"the step has no verb: ddl, sql, dual_write, backfill, verify, gate, "
			"swap_columns or end_dual_write");
	if (verb < 0)
		return;
	struct lk_step *step = lk_plan_add_step(plan, phase, (enum lk_verb)verb);
	step->line = node->line;
	step->column = node->column;
	verb_readers[verb](reader, values[verb], step);
	read_extras(reader, values + LK_VERBS, step);
}

void lk_plan_read_steps(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			struct lk_plan *plan)
{
	static const struct lk_yaml_key keys[] = {
		{"expand", false, NULL}, {"migrate", false, NULL}, {"contract", false, NULL}, {0}};
	const struct lk_yaml_node *phases[LK_COUNT(keys)];
	size_t before = reader->problems->count;
	lk_yaml_mapping(reader, node, "steps", keys, phases);
	if (node->kind != LK_YAML_MAPPING)
		return;
	for (int phase = 0; phase < LK_PHASES; phase++) {
		const struct lk_yaml_node *list = phases[phase];
		if (list && list->kind != LK_YAML_SEQUENCE)
			lk_yaml_problem(reader, list,
					"%s is a list of steps: lines that begin with \"- \"",
					keys[phase].name);
		for (size_t i = 0; list && list->kind == LK_YAML_SEQUENCE && i < list->count; i++) {
			if (plan->step_count == LK_MOST_STEPS) {
				lk_yaml_problem(reader, list->members[i],
						"a plan has at most %d steps", LK_MOST_STEPS);
				return;
			}
			read_step(reader, list->members[i], (enum lk_phase)phase, plan);
		}
	}
	if (plan->step_count == 0 && reader->problems->count == before)
		lk_yaml_problem(reader, node, "steps holds no step");
}
