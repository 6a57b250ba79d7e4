/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan as YAML that the reader takes back: what `explain` prints and a person may edit and run.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/duration.h"
#include "plan/model.h"
#include "plan/alternative.h"
#include "plan/parts.h"

enum { STEP_INDENT = 4, VALUE_INDENT = 8 };

static void add_quoted(struct lk_buffer *out, const char *text)
{
	lk_buffer_add(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			lk_buffer_addf(out, "\\%c", *text);
		else if (*text == '\n')
			lk_buffer_add(out, "\\n");
		else if (*text == '\t')
			lk_buffer_add(out, "\\t");
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			lk_buffer_addf(out, "\\x%02x", (unsigned char)*text);
		else if (*text == '\xC2' && (unsigned char)text[1] < 0xA0) /* U+0080 to U+009F */
			lk_buffer_addf(out, "\\x%02x", (unsigned char)*++text);
		else
			lk_buffer_add_bytes(out, text, 1);
	}
	lk_buffer_add(out, "\"");
}

/* A | block keeps what it is given only when no line says something else by its white space. */
static bool fits_block(const char *sql)
{
	if (!strchr(sql, '\n') || *sql == ' ' || *sql == '\n' || *sql == '#')
		return false;
	for (const char *p = sql; *p; p++) {
		if (((unsigned char)*p < 0x20 && *p != '\n') || (unsigned char)*p >= 0x7f)
			return false;
		if (*p == '\n' && (p[1] == '\n' || p[1] == '\0' || p[-1] == ' '))
			return false;
	}
	return true;
}

/* SQL behind its key; a block's lines are indented deeper than the key. */
static void add_sql(struct lk_buffer *out, int indent, const char *sql)
{
	if (!fits_block(sql)) {
		add_quoted(out, sql);
		return;
	}
	lk_buffer_add(out, "|");
	while (*sql) {
		size_t length = strcspn(sql, "\n");
		lk_buffer_addf(out, "\n%*s%.*s", indent, "", (int)length, sql);
		sql += length + (sql[length] == '\n');
	}
}

static void add_pair(struct lk_buffer *out, int indent, const char *key, const char *text)
{
	if (!text)
		return;
	lk_buffer_addf(out, "%*s%s: ", indent, "", key);
	add_quoted(out, text);
	lk_buffer_add(out, "\n");
}

static void add_sql_pair(struct lk_buffer *out, int indent, const char *key, const char *sql)
{
	if (!sql)
		return;
	lk_buffer_addf(out, "%*s%s: ", indent, "", key);
	add_sql(out, indent + 4, sql);
	lk_buffer_add(out, "\n");
}

static void write_gate(struct lk_buffer *out, const struct lk_step *step)
{
	lk_buffer_add(out, "\n");
	add_pair(out, VALUE_INDENT, "name", step->name);
	if (step->gate == LK_GATE_ASK) {
		add_pair(out, VALUE_INDENT, "ask", step->ask);
		lk_buffer_addf(out, "%*sby: %s\n", VALUE_INDENT, "",
			       step->needed > 1 ? "two_people" : "person");
	} else {
		add_sql_pair(out, VALUE_INDENT, "none", step->sql);
	}
	add_pair(out, VALUE_INDENT, "undo", step->undo);
}

static void write_backfill(struct lk_buffer *out, const struct lk_step *step)
{
	lk_buffer_add(out, "\n");
	add_pair(out, VALUE_INDENT, "table", step->table);
	lk_buffer_addf(out, "%*sset:\n", VALUE_INDENT, "");
	for (size_t i = 0; i < step->set_count; i++) {
		lk_buffer_addf(out, "%*s", VALUE_INDENT + 4, "");
		add_quoted(out, step->set[i].column);
		lk_buffer_add(out, ": ");
		add_sql(out, VALUE_INDENT + 8, step->set[i].expression);
		lk_buffer_add(out, "\n");
	}
	add_sql_pair(out, VALUE_INDENT, "where", step->where);
	add_pair(out, VALUE_INDENT, "on_error", step->on_error);
	add_pair(out, VALUE_INDENT, "triggers", step->triggers);
}

static void write_step(struct lk_buffer *out, const struct lk_step *step)
{
	lk_buffer_addf(out, "%*s- %s:", STEP_INDENT, "", lk_verb_name(step->verb));
	switch (step->verb) {
	case LK_VERB_GATE:
		write_gate(out, step);
		return; /* a gate's name and undo stand inside it */
	case LK_VERB_DDL:
	case LK_VERB_SQL:
		lk_buffer_add(out, " ");
		add_sql(out, VALUE_INDENT, step->sql);
		lk_buffer_add(out, "\n");
		break;
	case LK_VERB_DUAL_WRITE:
	case LK_VERB_SWAP_COLUMNS:
		lk_buffer_add(out, "\n");
		add_pair(out, VALUE_INDENT, "table", step->table);
		add_pair(out, VALUE_INDENT, "from", step->from);
		add_pair(out, VALUE_INDENT, "to", step->to);
		add_pair(out, VALUE_INDENT, "like", step->like);
		add_pair(out, VALUE_INDENT, "type", step->type);
		add_sql_pair(out, VALUE_INDENT, "using", step->forth);
		add_sql_pair(out, VALUE_INDENT, "back", step->back);
		break;
	case LK_VERB_BACKFILL:
		write_backfill(out, step);
		break;
	case LK_VERB_VERIFY:
		lk_buffer_add(out, "\n");
		add_sql_pair(out, VALUE_INDENT, "none", step->sql);
		break;
	case LK_VERB_END_DUAL_WRITE:
		lk_buffer_add(out, "\n");
		add_pair(out, VALUE_INDENT, "table", step->table);
		add_pair(out, VALUE_INDENT, "column", step->from);
		break;
	case LK_VERBS:
		break;
	}
	add_pair(out, STEP_INDENT + 2, "name", step->name);
	add_sql_pair(out, STEP_INDENT + 2, "undo", step->undo);
	add_pair(out, STEP_INDENT + 2, "destroys", step->destroys);
}

static void write_steps(struct lk_buffer *out, const struct lk_plan *plan)
{
	int phase = -1;
	lk_buffer_add(out, "steps:\n");
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct lk_step *step = &plan->steps[i];
		if (step->phase_entry)
			continue;
		if ((int)step->phase != phase)
			lk_buffer_addf(out, "  %s:\n", lk_phase_name(step->phase));
		phase = (int)step->phase;
		write_step(out, step);
	}
}

static void add_names(struct lk_buffer *out, int indent, const char *key,
		      const struct lk_names *names)
{
	if (names->count == 0)
		return;
	lk_buffer_addf(out, "%*s%s: [", indent, "", key);
	for (size_t i = 0; i < names->count; i++) {
		lk_buffer_add(out, i ? ", " : "");
		add_quoted(out, names->list[i]);
	}
	lk_buffer_add(out, "]\n");
}

/* False when the member has but one text. */
static bool write_alternatives(struct lk_buffer *out, const struct lk_operation *operation,
			       const struct lk_operation_field *field)
{
	for (size_t i = 0; i < operation->alternative_count; i++) {
		const struct lk_alternative *alternative = &operation->alternatives[i];
		if (alternative->offset != field->offset)
			continue;
		lk_buffer_addf(out, "%*s%s:\n", VALUE_INDENT, "", field->name);
		for (int k = 0; k < LK_ALTERNATIVES; k++)
			if (field->member == LK_MEMBER_SQL)
				add_sql_pair(out, VALUE_INDENT + 2, lk_alternative_words[k],
					     alternative->texts[k]);
			else
				add_pair(out, VALUE_INDENT + 2, lk_alternative_words[k],
					 alternative->texts[k]);
		return true;
	}
	return false;
}

static void write_operation(struct lk_buffer *out, const struct lk_operation *operation)
{
	lk_buffer_addf(out, "  - %s:\n", lk_operation_name(operation->kind));
	for (const struct lk_operation_field *field = lk_operation_fields; field->name; field++) {
		void *at = lk_operation_at(operation, field);
		if (!lk_operation_has(operation->kind, field) ||
		    write_alternatives(out, operation, field))
			continue;
		if (field->member == LK_MEMBER_SQL)
			add_sql_pair(out, VALUE_INDENT, field->name, *(char **)at);
		else if (lk_member_is_text(field->member))
			add_pair(out, VALUE_INDENT, field->name, *(char **)at);
		else if (lk_member_is_list(field->member))
			add_names(out, VALUE_INDENT, field->name, at);
		else if (*(bool *)at)
			lk_buffer_addf(out, "%*s%s: true\n", VALUE_INDENT, "", field->name);
	}
}

static void write_operations(struct lk_buffer *out, const struct lk_plan *plan)
{
	lk_buffer_add(out, "operations:\n");
	for (size_t i = 0; i < plan->operation_count; i++)
		write_operation(out, &plan->operations[i]);
}

static void add_time(struct lk_buffer *out, const char *key, int64_t milliseconds)
{
	char text[32];
	if (milliseconds <= 0)
		return;
	lk_duration_format(milliseconds, text, sizeof text);
	lk_buffer_addf(out, "  %s: %s\n", key, text);
}

static void write_limits(struct lk_buffer *out, const struct lk_limits *limits)
{
	if (!limits->lag_ms && !limits->lock_wait_ms && !limits->chunk_time_ms &&
	    !limits->running && !limits->history && !limits->probe)
		return;
	lk_buffer_add(out, "limits:\n");
	add_time(out, "lag", limits->lag_ms);
	add_time(out, "lock_wait", limits->lock_wait_ms);
	add_time(out, "chunk_time", limits->chunk_time_ms);
	if (limits->running)
		lk_buffer_addf(out, "  running: %d\n", limits->running);
	if (limits->history)
		lk_buffer_addf(out, "  history: %lld\n", (long long)limits->history);
	if (limits->probe) {
		lk_buffer_add(out, "  probe:\n");
		add_sql_pair(out, 4, "sql", limits->probe);
		lk_buffer_add(out, limits->probe_ms ? "  " : "");
		add_time(out, "limit", limits->probe_ms);
	}
}

char *lk_plan_to_yaml(const struct lk_plan *plan)
{
	struct lk_buffer out = {0};
	add_pair(&out, 0, "plan", plan->name);
	if (plan->why && *plan->why)
		add_pair(&out, 0, "why", plan->why);
	add_pair(&out, 0, "target", plan->target);
	if (plan->release_old || plan->release_new) {
		lk_buffer_add(&out, "releases:\n");
		add_pair(&out, 2, "old", plan->release_old);
		add_pair(&out, 2, "new", plan->release_new);
	}
	if (plan->step_count > 0)
		write_steps(&out, plan);
	else
		write_operations(&out, plan);
	write_limits(&out, &plan->limits);
	add_names(&out, 0, "replicas", &plan->replicas);
	return lk_buffer_take(&out);
}
