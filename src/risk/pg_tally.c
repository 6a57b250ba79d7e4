/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "risk/pg_tally.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "risk/pg_parse.h"
#include "risk/pg_risk.h"

static const char *const lock_names[] = {
	[LK_LOCK_NONE] = "none",
	[LK_LOCK_ACCESS_SHARE] = "ACCESS SHARE",
	[LK_LOCK_ROW_SHARE] = "ROW SHARE",
	[LK_LOCK_ROW_EXCLUSIVE] = "ROW EXCLUSIVE",
	[LK_LOCK_SHARE_UPDATE_EXCLUSIVE] = "SHARE UPDATE EXCLUSIVE",
	[LK_LOCK_SHARE] = "SHARE",
	[LK_LOCK_SHARE_ROW_EXCLUSIVE] = "SHARE ROW EXCLUSIVE",
	[LK_LOCK_EXCLUSIVE] = "EXCLUSIVE",
	[LK_LOCK_ACCESS_EXCLUSIVE] = "ACCESS EXCLUSIVE",
};

static const struct {
	const char *cost, *duration;
} costs[] = {
	[LK_COST_NONE] = {"no rewrite, no scan", "for milliseconds"},
	[LK_COST_ROWS] = {"as many rows as it reads or changes", "until it commits"},
	[LK_COST_SCAN] = {"reads the whole table", "for as long as it reads the table"},
	[LK_COST_BUILD] = {"reads the whole table and builds an index",
			   "for as long as it builds the index"},
	[LK_COST_BUILD_TWICE] = {"builds an index, reading the table twice; writes go on",
				 "for as long as it builds the index"},
	[LK_COST_MAYBE_REWRITE] = {"rewrites the whole table unless the values keep their form",
				   "for as long as it rewrites the table"},
	[LK_COST_REWRITE] = {"rewrites the whole table and its indexes",
			     "for as long as it rewrites the table"},
};

static void append(char *to, size_t size, const char *separator, const char *text)
{
	size_t used = strlen(to);
	if (used > 0) {
		lk_copy_text(to + used, size - used, separator);
		used = strlen(to);
	}
	lk_copy_text(to + used, size - used, text);
}

void lk_tally_add(struct lk_tally *tally, const char *kind, enum lk_lock lock, enum lk_cost cost)
{
	if (!strstr(tally->risk->kind, kind))
		append(tally->risk->kind, sizeof tally->risk->kind, ", ", kind);
	if (lock > tally->lock)
		tally->lock = lock;
	if (cost > tally->cost)
		tally->cost = cost;
}

void lk_tally_object(struct lk_tally *tally, const char *object)
{
	if (!tally->risk->object[0])
		LK_COPY(tally->risk->object, object);
}

/* The same table twice keeps the stronger lock. */
static void add_table(struct lk_tally *tally, const char *name, const char *sql, const char *mode)
{
	struct lk_risk *risk = tally->risk;
	if (!*sql || risk->table_count == LK_RISK_TABLES)
		return;
	for (size_t i = 0; i < risk->table_count; i++)
		if (strcmp(risk->tables[i].sql, sql) == 0 &&
		    strcmp(risk->tables[i].mode, mode) == 0)
			return;
	struct lk_risk_table *table = &risk->tables[risk->table_count++];
	LK_COPY(table->name, name);
	LK_COPY(table->sql, sql);
	LK_COPY(table->mode, mode);
}

void lk_tally_table(struct lk_tally *tally, const json_t *relation, enum lk_lock lock)
{
	char name[132], sql[160];
	lk_relation_name(relation, name, sizeof name);
	lk_relation_sql(relation, sql, sizeof sql);
	add_table(tally, name, sql, lock == LK_LOCK_NONE ? "" : lock_names[lock]);
}

void lk_tally_named(struct lk_tally *tally, const json_t *list, size_t drop)
{
	char name[132], sql[160];
	lk_list_name(list, drop, name, sizeof name);
	lk_list_sql(list, drop, sql, sizeof sql);
	add_table(tally, name, sql, "");
}

void lk_tally_tables_below(struct lk_tally *tally, const json_t *node, enum lk_lock lock)
{
	const char *key;
	json_t *value;
	size_t index;
	json_array_foreach ((json_t *)(size_t)node, index, value)
		lk_tally_tables_below(tally, value, lock);
	json_object_foreach ((json_t *)(size_t)node, key, value) {
		if (strcmp(key, "RangeVar") == 0)
			lk_tally_table(tally, value, lock);
		lk_tally_tables_below(tally, value, lock);
	}
}

struct lk_risk_lookup *lk_tally_lookup(struct lk_tally *tally, enum lk_lock lock)
{
	struct lk_risk *risk = tally->risk;
	/* With more than these the last one is given up: the statement then takes its lock itself. */
	size_t i =
		risk->lookup_count < LK_RISK_LOOKUPS ? risk->lookup_count++ : LK_RISK_LOOKUPS - 1;
	risk->lookups[i] = (struct lk_risk_lookup){.mode = ""};
	LK_COPY(risk->lookups[i].mode, lock_names[lock]);
	return &risk->lookups[i];
}

void lk_tally_end_statement(struct lk_tally *tally)
{
	struct lk_risk *risk = tally->risk;
	size_t kept = 0;
	for (size_t i = 0; i < risk->table_count; i++) {
		struct lk_risk_table *table = &risk->tables[i];
		if (!table->mode[0] && tally->lock != LK_LOCK_NONE)
			LK_COPY(table->mode, lock_names[tally->lock]);
		bool known = !table->mode[0];
		for (size_t k = 0; !known && k < kept; k++)
			known = strcmp(risk->tables[k].sql, table->sql) == 0 &&
				strcmp(risk->tables[k].mode, table->mode) == 0;
		if (!known)
			risk->tables[kept++] = *table;
	}
	risk->table_count = kept;
	if (tally->lock > tally->strongest)
		tally->strongest = tally->lock;
	tally->lock = LK_LOCK_NONE;
}

void lk_pg_risk_locks_text(const struct lk_risk *risk, char *text, size_t size)
{
	text[0] = '\0';
	for (int mode = LK_LOCK_ACCESS_EXCLUSIVE; mode > LK_LOCK_NONE; mode--) {
		bool first = true;
		for (size_t i = 0; i < risk->table_count; i++) {
			const struct lk_risk_table *table = &risk->tables[i];
			if (strcmp(table->mode, lock_names[mode]) != 0)
				continue;
			if (first)
				append(text, size, "; ", lock_names[mode]);
			append(text, size, first ? " on " : ", ", table->name);
			first = false;
		}
	}
	if (!text[0])
		lk_copy_text(text, size, risk->parsed ? "none" : "not checked");
}

void lk_tally_note(struct lk_tally *tally, const char *format, ...)
{
	char text[sizeof tally->risk->note];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!strstr(tally->risk->note, text))
		append(tally->risk->note, sizeof tally->risk->note, "; ", text);
}

void lk_tally_finish(struct lk_tally *tally)
{
	struct lk_risk *risk = tally->risk;
	char object[61];
	LK_COPY(object, risk->object);
	LK_COPY(risk->cost, costs[tally->cost].cost);
	if (tally->strongest != LK_LOCK_NONE)
		LK_COPY(risk->mode, lock_names[tally->strongest]);
	if (tally->strongest == LK_LOCK_NONE)
		LK_COPY(risk->lock, "none");
	else if (!*object)
		snprintf(risk->lock, sizeof risk->lock, "%s, %s", lock_names[tally->strongest],
			 costs[tally->cost].duration);
	else
		snprintf(risk->lock, sizeof risk->lock, "%s on %s, %s",
			 lock_names[tally->strongest], object, costs[tally->cost].duration);
}
