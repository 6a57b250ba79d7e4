/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps and operations in one line each. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "plan/model.h"
#include "plan/sql_text.h"

/* SQL on one line, cut where a line of the console ends anyway. */
static void add_squeezed(struct lk_buffer *text, const char *sql)
{
	enum { WIDEST = 120 };
	char line[WIDEST + 1];
	char *squeezed = lk_sql_line(sql);
	LK_COPY(line, squeezed);
	lk_buffer_addf(text, "%s%s", line, strlen(line) < strlen(squeezed) ? "…" : "");
	free(squeezed);
}

static void summarize_gate(struct lk_buffer *text, const struct lk_step *step)
{
	if (step->phase_entry) {
		lk_buffer_addf(text, "enter %s", lk_phase_name(step->phase));
	} else if (step->gate == LK_GATE_NONE) {
		lk_buffer_add(text, "wait until nothing is found: ");
		add_squeezed(text, step->sql);
	} else {
		lk_buffer_addf(text, "ask %s: %s", step->needed > 1 ? "two people" : "a person",
			       step->ask);
	}
}

static void summarize_backfill(struct lk_buffer *text, const struct lk_step *step)
{
	lk_buffer_add(text, "backfill ");
	for (size_t i = 0; i < step->set_count; i++) {
		lk_buffer_addf(text, "%s%s.%s from ", i ? ", " : "", step->table,
			       step->set[i].column);
		add_squeezed(text, step->set[i].expression);
	}
	if (step->where) {
		lk_buffer_add(text, " where ");
		add_squeezed(text, step->where);
	}
}

char *lk_step_summary(const struct lk_step *step)
{
	struct lk_buffer text = {0};
	switch (step->verb) {
	case LK_VERB_GATE:
		summarize_gate(&text, step);
		break;
	case LK_VERB_DDL:
	case LK_VERB_SQL:
		add_squeezed(&text, step->sql);
		break;
	case LK_VERB_DUAL_WRITE:
		lk_buffer_addf(&text, "add %s.%s%s%s and keep it equal to %s", step->table,
			       step->to, step->type ? " " : "", step->type ? step->type : "",
			       step->from);
		break;
	case LK_VERB_BACKFILL:
		summarize_backfill(&text, step);
		break;
	case LK_VERB_VERIFY:
		lk_buffer_add(&text, "verify that nothing is found: ");
		add_squeezed(&text, step->sql);
		break;
	case LK_VERB_END_DUAL_WRITE:
		lk_buffer_addf(&text, "end the dual write of %s.%s", step->table, step->from);
		break;
	case LK_VERB_SWAP_COLUMNS:
		lk_buffer_addf(&text, "exchange the names of %s.%s and %s", step->table, step->from,
			       step->to);
		break;
	case LK_VERBS:
		break;
	}
	return lk_buffer_take(&text);
}

static void add_names(struct lk_buffer *out, const struct lk_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		lk_buffer_addf(out, "%s%s", i ? ", " : " (", names->list[i]);
	lk_buffer_add(out, names->count ? ")" : "");
}

char *lk_operation_summary(const struct lk_operation *o)
{
	struct lk_buffer out = {0};
	switch (o->kind) {
	case LK_OPERATION_ADD_COLUMN:
		lk_buffer_addf(&out, "add %s.%s %s%s", o->table, o->column, o->type,
			       o->not_null ? " not null" : "");
		break;
	case LK_OPERATION_DROP_COLUMN:
		lk_buffer_addf(&out, "drop %s.%s", o->table, o->column);
		break;
	case LK_OPERATION_RENAME_COLUMN:
		lk_buffer_addf(&out, "rename %s.%s to %s", o->table, o->from, o->to);
		break;
	case LK_OPERATION_CHANGE_TYPE:
		lk_buffer_addf(&out, "change %s.%s to %s%s%s", o->table, o->column, o->type,
			       o->to ? ", named " : "", o->to ? o->to : "");
		break;
	case LK_OPERATION_SET_NOT_NULL:
		lk_buffer_addf(&out, "make %s.%s not null", o->table, o->column);
		break;
	case LK_OPERATION_DROP_NOT_NULL:
		lk_buffer_addf(&out, "let %s.%s be null", o->table, o->column);
		break;
	case LK_OPERATION_SET_DEFAULT:
		lk_buffer_addf(&out, "default of %s.%s: %s", o->table, o->column, o->default_sql);
		break;
	case LK_OPERATION_ADD_INDEX:
		lk_buffer_addf(&out, "%sindex on %s", o->unique ? "unique " : "", o->table);
		add_names(&out, &o->columns);
		break;
	case LK_OPERATION_DROP_INDEX:
		lk_buffer_addf(&out, "drop index %s", o->name);
		break;
	case LK_OPERATION_ADD_CHECK:
		lk_buffer_addf(&out, "check on %s: %s", o->table, o->check);
		break;
	case LK_OPERATION_ADD_FOREIGN_KEY:
		lk_buffer_addf(&out, "foreign key %s", o->table);
		add_names(&out, &o->columns);
		lk_buffer_addf(&out, " to %s", o->references);
		break;
	case LK_OPERATION_ADD_UNIQUE:
		lk_buffer_addf(&out, "%s on %s", o->primary_key ? "primary key" : "unique",
			       o->table);
		add_names(&out, &o->columns);
		break;
	case LK_OPERATION_DROP_CONSTRAINT:
		lk_buffer_addf(&out, "drop constraint %s of %s", o->name, o->table);
		break;
	case LK_OPERATION_RENAME_TABLE:
		lk_buffer_addf(&out, "rename table %s to %s", o->table, o->to);
		break;
	case LK_OPERATIONS:
		break;
	}
	return lk_buffer_take(&out);
}
