/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/derive.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/identifier.h"

struct lk_step *lk_derive_ddl(struct lk_derivation *d, enum lk_phase phase, char *sql, char *undo)
{
	struct lk_step *step = lk_plan_add_step(d->plan, phase, LK_VERB_DDL);
	step->sql = sql;
	step->undo = undo;
	return step;
}

struct lk_step *lk_derive_sql(struct lk_derivation *d, enum lk_phase phase, char *sql, char *undo)
{
	struct lk_step *step = lk_plan_add_step(d->plan, phase, LK_VERB_SQL);
	step->sql = sql;
	step->undo = undo;
	return step;
}

/* "a; b", once; takes `text`. */
static void ask_as_well(char **question, char *text)
{
	if (!*question) {
		*question = text;
		return;
	}
	if (text && !strstr(*question, text)) {
		char *both = lk_format("%s; %s", *question, text);
		free(*question);
		*question = both;
	}
	free(text);
}

void lk_derive_gate(struct lk_derivation *d, enum lk_phase phase, char *name, char *ask, char *undo)
{
	int there;
	/* One answer opens one gate: that of another phase has another name. */
	char *stem = lk_strdup(name);
	for (int n = 2; (there = lk_plan_find_step(d->plan, name)) >= 0 &&
			d->plan->steps[there].phase != phase;
	     n++) {
		free(name);
		name = lk_format("%s-%d", stem, n);
	}
	free(stem);
	if (there >= 0) {
		ask_as_well(&d->plan->steps[there].ask, ask);
		ask_as_well(&d->plan->steps[there].undo, undo);
		free(name);
		return;
	}
	struct lk_step *step = lk_plan_add_step(d->plan, phase, LK_VERB_GATE);
	step->gate = LK_GATE_ASK;
	step->needed = 1;
	step->name = name;
	step->ask = ask;
	step->undo = undo;
}

void lk_derive_new_release(struct lk_derivation *d, enum lk_phase phase, const char *does,
			   const char *note)
{
	const char *release = d->plan->release_new;
	if (release)
		lk_derive_gate(
			d, phase, lk_format("release-%s", release),
			lk_format("release %s is running and %s%s", release, does, note),
			lk_format("release %s is withdrawn: nothing %s any more", release, does));
	else
		lk_derive_gate(d, phase, lk_strdup("new-release"),
			       lk_format("the release that %s is running%s", does, note),
			       lk_format("nothing %s any more", does));
}

void lk_derive_old_release_gone(struct lk_derivation *d, enum lk_phase phase, const char *does)
{
	const char *release = d->plan->release_old;
	if (release)
		lk_derive_gate(
			d, phase, lk_format("release-%s-gone", release),
			lk_format("release %s, which %s, is not running anywhere", release, does),
			NULL);
	else
		lk_derive_gate(d, phase, lk_strdup("old-release-gone"),
			       lk_format("no release that %s is running anywhere", does), NULL);
}

static void add_type_gate(struct lk_derivation *d, const char *column, const char *type)
{
	const char *shown = d->table.shown;
	char *gate = lk_format("type-of-%s", column);
	for (char *p = gate; *p; p++)
		*p = strchr("-_.", *p) || (*p >= '0' && *p <= '9') ||
				     ((*p | 32) >= 'a' && (*p | 32) <= 'z')
			     ? *p
			     : '-';
	gate[strlen(gate) > 40 ? 40 : strlen(gate)] = '\0';
	lk_derive_gate(
		d, LK_MIGRATE, gate,
		lk_format("every running release works with %s.%s as %s", shown, column, type),
		lk_format("no running release needs %s.%s as %s any more", shown, column, type));
}

void lk_derive_swap(struct lk_derivation *d, const char *from, const char *to, const char *type)
{
	add_type_gate(d, from, type);
	struct lk_step *swap = lk_plan_add_step(d->plan, LK_MIGRATE, LK_VERB_SWAP_COLUMNS);
	swap->table = lk_strdup(d->operation->table);
	swap->from = lk_strdup(from);
	swap->to = lk_strdup(to);
}

void lk_derive_dual_write(struct lk_derivation *d, const char *from, const char *to,
			  const char *type, const char *const ways[2])
{
	struct lk_step *step = lk_plan_add_step(d->plan, LK_EXPAND, LK_VERB_DUAL_WRITE);
	step->table = lk_strdup(d->operation->table);
	step->from = lk_strdup(from);
	step->to = lk_strdup(to);
	step->like = lk_strdup(from);
	if (!type)
		return;
	step->type = lk_strdup(type);
	step->forth = lk_strdup(ways[0]);
	step->back = lk_strdup(ways[1]);
}

void lk_derive_verify(struct lk_derivation *d, enum lk_phase phase, const char *condition,
		      const char *shown)
{
	struct lk_buffer key = {0};
	struct lk_step *step = lk_plan_add_step(d->plan, phase, LK_VERB_VERIFY);
	for (size_t i = 0; i < d->table.key.count; i++)
		lk_buffer_addf(&key, "%s%s", i ? ", " : "", d->table.key.sql[i]);
	step->sql = lk_format("SELECT %s FROM %s WHERE %s",
			      d->table.key.count ? lk_buffer_text(&key) : shown, d->table.sql,
			      condition);
	lk_buffer_free(&key);
}

struct lk_step *lk_derive_backfill(struct lk_derivation *d, const char *column,
				   const char *expression, char *where)
{
	struct lk_step *step = lk_plan_add_step(d->plan, LK_MIGRATE, LK_VERB_BACKFILL);
	step->table = lk_strdup(d->operation->table);
	step->where = where;
	struct lk_assignment *set = LK_PUSH(step->set, step->set_count);
	set->column = lk_strdup(column);
	set->expression = lk_strdup(expression);
	return step;
}

/* In the catalog, or in a step that this plan has already. */
static bool is_taken(struct lk_derivation *d, const char *name, bool *taken, struct lk_error *error)
{
	char *quoted = d->session->driver->quote_name(name);
	bool planned = false;
	for (size_t i = 0; i < d->plan->step_count; i++)
		planned =
			planned || (d->plan->steps[i].sql && strstr(d->plan->steps[i].sql, quoted));
	free(quoted);
	if (!d->is_taken(d, name, taken, error))
		return false;
	*taken = *taken || planned;
	return true;
}

char *lk_derive_free_name(struct lk_derivation *d, const char *stem, const char *suffix,
			  struct lk_error *error)
{
	char *name = NULL, ending[24] = "";
	bool taken = true;
	for (int n = 1; taken; n++) {
		free(name);
		if (n > 1)
			snprintf(ending, sizeof ending, "_%d%s", n, suffix);
		else if (strlen(stem) > d->name_limit)
			snprintf(ending, sizeof ending, "_1%s", suffix);
		name = lk_identifier_make(stem, ending, d->name_limit);
		if (!is_taken(d, name, &taken, error)) {
			free(name);
			return NULL;
		}
	}
	char *sql = d->session->driver->quote_name(name);
	free(name);
	return sql;
}

/* "orders_user_id_created_at", and for a primary key "orders", as the server does; what is not a name of its own leaves its letters: "lower(email)". */
static char *stem_of(const struct lk_derivation *d)
{
	struct lk_buffer stem = {0};
	const struct lk_names *columns = &d->operation->columns;
	lk_buffer_add(&stem, d->table.name);
	for (size_t i = 0; i < columns->count && !d->operation->primary_key; i++) {
		bool word = false;
		lk_buffer_add(&stem, "_");
		for (const char *p = columns->list[i]; *p; p++) {
			bool letter = strchr(" \t\n()'\",:.|+-*/%<>=", *p) == NULL;
			if (letter || (word && p[1] && p[1] != ')'))
				lk_buffer_add_bytes(&stem, letter ? p : "_", 1);
			word = letter;
		}
	}
	return lk_buffer_take(&stem);
}

char *lk_derive_wished_name(struct lk_derivation *d, const char *suffix, struct lk_error *error)
{
	const char *wished = d->operation->name;
	bool taken = false;
	if (wished) {
		if (!is_taken(d, wished, &taken, error))
			return NULL;
		if (!taken)
			return d->session->driver->quote_name(wished);
		lk_fail(error, LK_ERROR_PLAN,
			"the name \"%s\" is taken in schema \"%s\": choose another, or drop what has it if it "
			"was left by an earlier attempt",
			wished, d->table.schema);
		return NULL;
	}
	char *stem = stem_of(d), *whole = lk_identifier_make(stem, suffix, d->name_limit);
	char *name = lk_derive_free_name(d, whole, suffix, error);
	free(whole);
	free(stem);
	return name;
}

char *lk_derive_qualify(const struct lk_derivation *d, const char *name_sql)
{
	char *schema = d->session->driver->quote_name(d->table.schema);
	char *both = lk_format("%s.%s", schema, name_sql);
	free(schema);
	return both;
}

bool lk_derive_has_column(const struct lk_derivation *d, const char *name)
{
	if (lk_table_column(&d->table, name))
		return true;
	for (const struct lk_operation *o = d->plan->operations; o < d->operation; o++)
		if (o->kind == LK_OPERATION_ADD_COLUMN && strcmp(o->column, name) == 0 &&
		    strcmp(o->table, d->operation->table) == 0)
			return true;
	return false;
}

bool lk_derive_need_columns(struct lk_derivation *d, const struct lk_names *names,
			    struct lk_error *error)
{
	for (size_t i = 0; i < names->count; i++)
		if (!lk_derive_has_column(d, names->list[i]))
			return lk_table_need_column(&d->table, names->list[i], error) != NULL;
	return true;
}

char *lk_derive_list(const struct lk_derivation *d, const struct lk_names *names)
{
	struct lk_buffer out = {0};
	for (size_t i = 0; i < names->count; i++) {
		char *name = d->session->driver->quote_name(names->list[i]);
		lk_buffer_addf(&out, "%s%s", i ? ", " : "", name);
		free(name);
	}
	return lk_buffer_take(&out);
}

bool lk_derive_need_table(const struct lk_derivation *d, bool partitioned, struct lk_error *error)
{
	const struct lk_table *table = &d->table;
	const char *operation = lk_operation_name(d->operation->kind);
	bool is_partitioned = strcmp(table->kind, "partitioned table") == 0;
	if (strcmp(table->kind, "table") != 0 && !(partitioned && is_partitioned))
		return lk_fail(error, LK_ERROR_REFUSED,
			       "%s is a %s, not a plain table: %s does not change it", table->shown,
			       table->kind, operation);
	if (table->has_parent || (table->has_children && !is_partitioned))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"table %s has inheritance parents or children, which %s does not carry",
			table->shown, operation);
	return true;
}

bool lk_derive_need_key(const struct lk_derivation *d, struct lk_error *error)
{
	return d->table.key.count > 0 ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "table %s has no usable key: the backfill walks by a primary key or a unique index "
		       "over NOT NULL columns, so create one first",
		       d->table.shown);
}

char *lk_derive_renamed(const char *old, const char *from, const char *to)
{
	const char *at = NULL;
	/* As a word of its own if it is one: "r_two_o" of o has it at the end. */
	for (const char *p = strstr(old, from); p; p = strstr(p + 1, from)) {
		bool begins = p == old || p[-1] == '_',
		     ends = !p[strlen(from)] || p[strlen(from)] == '_';
		if (!at || (begins && ends))
			at = p;
	}
	return at ? lk_format("%.*s%s%s", (int)(at - old), old, to, at + strlen(from))
		  : lk_format("%s_%s", old, to);
}
