/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One row a kind of statement; those whose locks depend on details have a function. */
#include <pg_query.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "risk/pg_alter_table.h"
#include "risk/pg_parse.h"
#include "risk/pg_risk.h"
#include "risk/pg_tally.h"

static void relation(const json_t *body, struct lk_tally *tally)
{
	char name[160];
	const json_t *range = json_object_get(body, "relation");
	range = range ? range : json_object_get(body, "table");
	lk_relation_name(range, name, sizeof name);
	lk_tally_object(tally, name);
	if (!tally->risk->table[0])
		lk_relation_sql(range, tally->risk->table, sizeof tally->risk->table);
	lk_tally_table(tally, range, LK_LOCK_NONE);
}

static void all_relations(const json_t *list, struct lk_tally *tally)
{
	char name[160];
	const json_t *node = json_array_get(list, 0), *body = lk_node_body(node);
	const json_t *inner = json_object_get(body, "relation"); /* a VacuumRelation */
	lk_relation_name(inner ? inner : body, name, sizeof name);
	lk_tally_object(tally, name);
	if (json_array_size(list) > 1)
		lk_tally_note(tally, "and %zu more tables", json_array_size(list) - 1);
	for (size_t i = 0; inner && i < json_array_size(list); i++)
		lk_tally_table(tally,
			       json_object_get(lk_node_body(json_array_get(list, i)), "relation"),
			       LK_LOCK_NONE);
	lk_tally_tables_below(tally, list, LK_LOCK_NONE);
}

static void create_index(const json_t *body, struct lk_tally *tally)
{
	relation(body, tally);
	LK_COPY(tally->risk->index, lk_node_text(body, "idxname"));
	tally->risk->if_not_exists = lk_node_true(body, "if_not_exists");
	if (!lk_node_true(body, "concurrent")) {
		lk_tally_add(tally, "create index", LK_LOCK_SHARE, LK_COST_BUILD);
		lk_tally_note(tally, "blocks every write meanwhile; CONCURRENTLY does not");
		return;
	}
	lk_tally_add(tally, "create index concurrently", LK_LOCK_SHARE_UPDATE_EXCLUSIVE,
		     LK_COST_BUILD_TWICE);
	lk_tally_note(tally,
		      "waits for every older transaction; leaves an invalid index when it fails");
	tally->risk->transactional = false;
}

static void create_constraints(const json_t *list, struct lk_tally *tally)
{
	size_t index;
	json_t *node;
	json_array_foreach ((json_t *)(size_t)list, index, node) {
		const json_t *constraint = json_object_get(node, "Constraint");
		if (strcmp(lk_node_text(constraint, "contype"), "CONSTR_FOREIGN") == 0)
			lk_risk_note_reference(constraint, tally);
		create_constraints(
			json_object_get(json_object_get(node, "ColumnDef"), "constraints"), tally);
	}
}

static void create_table(const json_t *body, struct lk_tally *tally)
{
	char name[160];
	const json_t *parents = json_object_get(body, "inhRelations");
	lk_relation_name(json_object_get(json_array_get(parents, 0), "RangeVar"), name,
			 sizeof name);
	if (json_object_get(body, "partbound")) {
		lk_tally_object(tally, name);
		lk_tally_add(tally, "create partition", LK_LOCK_ACCESS_EXCLUSIVE, LK_COST_NONE);
		lk_tally_note(tally, "CREATE TABLE, then ATTACH PARTITION, locks the parent less");
		lk_tally_tables_below(tally, parents, LK_LOCK_NONE);
	} else if (json_array_size(parents) > 0) {
		lk_tally_object(tally, name);
		lk_tally_add(tally, "create table", LK_LOCK_SHARE_UPDATE_EXCLUSIVE, LK_COST_NONE);
		lk_tally_tables_below(tally, parents, LK_LOCK_NONE);
	} else {
		relation(body, tally);
		lk_tally_add(tally, "create table", LK_LOCK_NONE, LK_COST_NONE);
	}
	create_constraints(json_object_get(body, "tableElts"), tally);
}

/* What DROP … takes, by the kind of object; `parent`: the lock is on the table that is named before
 * it. */
static const struct drop {
	const char *type, *kind;
	enum lk_lock lock;
	bool destroys, parent;
} drops[] = {
	{"OBJECT_TABLE", "drop table", LK_LOCK_ACCESS_EXCLUSIVE, true, false},
	{"OBJECT_SEQUENCE", "drop sequence", LK_LOCK_ACCESS_EXCLUSIVE, true, false},
	{"OBJECT_MATVIEW", "drop materialized view", LK_LOCK_ACCESS_EXCLUSIVE, false, false},
	{"OBJECT_VIEW", "drop view", LK_LOCK_ACCESS_EXCLUSIVE, false, false},
	{"OBJECT_INDEX", "drop index", LK_LOCK_ACCESS_EXCLUSIVE, false, false},
	{"OBJECT_TRIGGER", "drop trigger", LK_LOCK_ACCESS_EXCLUSIVE, false, true},
	{"OBJECT_RULE", "drop rule", LK_LOCK_ACCESS_EXCLUSIVE, false, true},
	{"OBJECT_POLICY", "drop policy", LK_LOCK_ACCESS_EXCLUSIVE, false, true},
	{"OBJECT_SCHEMA", "drop schema", LK_LOCK_ACCESS_EXCLUSIVE, true, false},
	{"OBJECT_FOREIGN_TABLE", "drop foreign table", LK_LOCK_ACCESS_EXCLUSIVE, false, false},
	{"OBJECT_EXTENSION", "drop extension", LK_LOCK_ACCESS_EXCLUSIVE, true, false},
	{"OBJECT_TYPE", "drop type", LK_LOCK_NONE, false, false},
	{"OBJECT_DOMAIN", "drop domain", LK_LOCK_NONE, false, false},
	{"OBJECT_FUNCTION", "drop function", LK_LOCK_NONE, false, false},
	{"OBJECT_PROCEDURE", "drop procedure", LK_LOCK_NONE, false, false},
	{"OBJECT_STATISTIC_EXT", "drop statistics", LK_LOCK_NONE, false, false},
};

static const struct drop *find_drop(const char *type)
{
	for (size_t i = 0; i < LK_COUNT(drops); i++)
		if (strcmp(type, drops[i].type) == 0)
			return &drops[i];
	return NULL;
}

static void drop_index(const json_t *body, struct lk_tally *tally)
{
	bool concurrent = lk_node_true(body, "concurrent");
	const json_t *items = json_object_get(
		json_object_get(json_array_get(json_object_get(body, "objects"), 0), "List"),
		"items");
	const json_t *last = json_array_get(items, json_array_size(items) - 1);
	LK_COPY(tally->risk->index, lk_node_text(json_object_get(last, "String"), "sval"));
	lk_list_sql(items, 0, tally->risk->index_sql, sizeof tally->risk->index_sql);
	struct lk_risk_lookup *lookup = lk_tally_lookup(
		tally, concurrent ? LK_LOCK_SHARE_UPDATE_EXCLUSIVE : LK_LOCK_ACCESS_EXCLUSIVE);
	LK_COPY(lookup->index, tally->risk->index_sql);
	lk_tally_add(tally, concurrent ? "drop index concurrently" : "drop index",
		     concurrent ? LK_LOCK_SHARE_UPDATE_EXCLUSIVE : LK_LOCK_ACCESS_EXCLUSIVE,
		     LK_COST_NONE);
	lk_tally_note(tally,
		      concurrent ? "waits for every older transaction"
				 : "its table is locked as well; CONCURRENTLY does not block it");
	if (concurrent)
		tally->risk->transactional = false;
}

/* What is locked when it is a table, or stands on one; and whoever has a foreign key to or from it. */
static void dropped_tables(const struct drop *row, const json_t *objects, struct lk_tally *tally)
{
	bool table = row && strcmp(row->type, "OBJECT_TABLE") == 0;
	if (!row || row->lock == LK_LOCK_NONE)
		return;
	for (size_t i = 0; i < json_array_size(objects); i++) {
		const json_t *items = json_object_get(
			json_object_get(json_array_get(objects, i), "List"), "items");
		lk_tally_named(tally, items, row->parent ? 1 : 0);
		if (table)
			lk_list_sql(items, 0, lk_tally_lookup(tally, row->lock)->table,
				    sizeof tally->risk->lookups[0].table);
	}
}

static void drop(const json_t *body, struct lk_tally *tally)
{
	char name[160];
	const struct drop *row = find_drop(lk_node_text(body, "removeType"));
	const json_t *objects = json_object_get(body, "objects"),
		     *first = json_array_get(objects, 0);
	const json_t *items = json_object_get(json_object_get(first, "List"), "items");
	if (items)
		lk_list_name(items, row && row->parent ? 1 : 0, name, sizeof name);
	else
		LK_COPY(name, lk_node_text(json_object_get(first, "String"), "sval"));
	lk_tally_object(tally, name);
	if (json_array_size(objects) > 1)
		lk_tally_note(tally, "and %zu more objects", json_array_size(objects) - 1);
	if (row && strcmp(row->type, "OBJECT_INDEX") == 0) {
		drop_index(body, tally);
		return;
	}
	bool cascade = strcmp(lk_node_text(body, "behavior"), "DROP_CASCADE") == 0;
	dropped_tables(row, objects, tally);
	lk_tally_add(tally, row ? row->kind : "drop", row ? row->lock : LK_LOCK_ACCESS_EXCLUSIVE,
		     LK_COST_NONE);
	if ((row && row->destroys) || cascade)
		tally->risk->destroys_data = true;
	if (cascade)
		lk_tally_note(tally, "CASCADE drops and locks whatever depends on it");
	else if (row && strcmp(row->type, "OBJECT_TABLE") == 0)
		lk_tally_note(tally, "tables that its foreign keys refer to are locked as well");
}

static void rename_object(const json_t *body, struct lk_tally *tally)
{
	static const struct {
		const char *type, *kind;
		enum lk_lock lock;
	} renames[] = {
		{"OBJECT_COLUMN", "rename column", LK_LOCK_ACCESS_EXCLUSIVE},
		{"OBJECT_TABLE", "rename table", LK_LOCK_ACCESS_EXCLUSIVE},
		{"OBJECT_VIEW", "rename view", LK_LOCK_ACCESS_EXCLUSIVE},
		{"OBJECT_MATVIEW", "rename view", LK_LOCK_ACCESS_EXCLUSIVE},
		{"OBJECT_TABCONSTRAINT", "rename constraint", LK_LOCK_ACCESS_EXCLUSIVE},
		{"OBJECT_TRIGGER", "rename trigger", LK_LOCK_ACCESS_EXCLUSIVE},
		{"OBJECT_POLICY", "rename policy", LK_LOCK_ACCESS_EXCLUSIVE},
		{"OBJECT_RULE", "rename rule", LK_LOCK_ACCESS_EXCLUSIVE},
		{"OBJECT_INDEX", "rename index", LK_LOCK_SHARE_UPDATE_EXCLUSIVE},
	};
	const char *type = lk_node_text(body, "renameType");
	const char *kind = "rename";
	enum lk_lock lock = LK_LOCK_NONE;
	for (size_t i = 0; i < LK_COUNT(renames); i++) {
		if (strcmp(type, renames[i].type) == 0) {
			kind = renames[i].kind;
			lock = renames[i].lock;
		}
	}
	relation(body, tally);
	lk_tally_add(tally, kind, lock, LK_COST_NONE);
	if (strcmp(type, "OBJECT_COLUMN") == 0 || strcmp(type, "OBJECT_TABLE") == 0)
		lk_tally_note(tally, "the application fails at once wherever it uses the old name");
}

/* Foreign keys are checked, or carried on by CASCADE, at the other end. */
static void changed_elsewhere(const json_t *body, struct lk_tally *tally, enum lk_lock lock)
{
	struct lk_risk_lookup *lookup = lk_tally_lookup(tally, lock);
	lk_relation_sql(json_object_get(body, "relation"), lookup->table, sizeof lookup->table);
}

static void change_rows(const json_t *body, struct lk_tally *tally, const char *kind)
{
	relation(body, tally);
	lk_tally_tables_below(tally, body, LK_LOCK_ACCESS_SHARE);
	changed_elsewhere(body, tally, LK_LOCK_ROW_EXCLUSIVE);
	lk_tally_add(tally, kind, LK_LOCK_ROW_EXCLUSIVE, LK_COST_ROWS);
	if (!json_object_get(body, "whereClause"))
		lk_tally_note(tally,
			      "no WHERE: every row in one transaction; a backfill goes by chunks");
}

static void update(const json_t *body, struct lk_tally *tally)
{
	change_rows(body, tally, "update");
}

static void delete (const json_t *body, struct lk_tally *tally)
{
	change_rows(body, tally, "delete");
	tally->risk->destroys_data = true;
}

static void truncate_table(const json_t *body, struct lk_tally *tally)
{
	all_relations(json_object_get(body, "relations"), tally);
	lk_tally_add(tally, "truncate", LK_LOCK_ACCESS_EXCLUSIVE, LK_COST_NONE);
	tally->risk->destroys_data = true;
}

static bool has_option(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *element = json_object_get(json_array_get(list, i), "DefElem");
		if (strcmp(lk_node_text(element, "defname"), name) == 0)
			return true;
	}
	return false;
}

static void vacuum(const json_t *body, struct lk_tally *tally)
{
	bool full = has_option(json_object_get(body, "options"), "full");
	all_relations(json_object_get(body, "rels"), tally);
	if (!lk_node_true(body, "is_vacuumcmd")) {
		lk_tally_add(tally, "analyze", LK_LOCK_SHARE_UPDATE_EXCLUSIVE, LK_COST_ROWS);
		return;
	}
	tally->risk->transactional = false;
	lk_tally_add(tally, full ? "vacuum full" : "vacuum",
		     full ? LK_LOCK_ACCESS_EXCLUSIVE : LK_LOCK_SHARE_UPDATE_EXCLUSIVE,
		     full ? LK_COST_REWRITE : LK_COST_SCAN);
}

static void reindex(const json_t *body, struct lk_tally *tally)
{
	const char *kind = lk_node_text(body, "kind");
	bool index = strcmp(kind, "REINDEX_OBJECT_INDEX") == 0;
	bool concurrent = has_option(json_object_get(body, "params"), "concurrently");
	relation(body, tally);
	if (index) {
		lk_relation_sql(json_object_get(body, "relation"), tally->risk->index_sql,
				sizeof tally->risk->index_sql);
		LK_COPY(lk_tally_lookup(tally,
					concurrent ? LK_LOCK_SHARE_UPDATE_EXCLUSIVE : LK_LOCK_SHARE)
				->index,
			tally->risk->index_sql);
	}
	if (concurrent) {
		lk_tally_add(tally, "reindex concurrently", LK_LOCK_SHARE_UPDATE_EXCLUSIVE,
			     LK_COST_BUILD_TWICE);
		tally->risk->transactional = false;
		return;
	}
	lk_tally_add(tally, "reindex", LK_LOCK_SHARE, LK_COST_BUILD);
	lk_tally_note(tally, "takes ACCESS EXCLUSIVE on the index, so most reads wait too");
	if (!index && strcmp(kind, "REINDEX_OBJECT_TABLE") != 0)
		tally->risk->transactional = false;
}

static void refresh(const json_t *body, struct lk_tally *tally)
{
	bool concurrent = lk_node_true(body, "concurrent");
	relation(body, tally);
	lk_tally_add(tally, "refresh materialized view",
		     concurrent ? LK_LOCK_EXCLUSIVE : LK_LOCK_ACCESS_EXCLUSIVE, LK_COST_REWRITE);
}

static void lock_table(const json_t *body, struct lk_tally *tally)
{
	json_int_t mode = json_integer_value(json_object_get(body, "mode"));
	bool known = mode > LK_LOCK_NONE && mode <= LK_LOCK_ACCESS_EXCLUSIVE;
	all_relations(json_object_get(body, "relations"), tally);
	lk_tally_add(tally, "lock table", known ? (enum lk_lock)mode : LK_LOCK_ACCESS_EXCLUSIVE,
		     LK_COST_ROWS);
}

static void comment(const json_t *body, struct lk_tally *tally)
{
	char name[160];
	const char *type = lk_node_text(body, "objtype");
	const json_t *object = json_object_get(body, "object");
	bool column = strcmp(type, "OBJECT_COLUMN") == 0, table = strcmp(type, "OBJECT_TABLE") == 0;
	lk_list_name(json_object_get(json_object_get(object, "List"), "items"), column ? 1 : 0,
		     name, sizeof name);
	lk_tally_object(tally, name);
	if (column || table)
		lk_tally_named(tally, json_object_get(json_object_get(object, "List"), "items"),
			       column ? 1 : 0);
	lk_tally_add(tally, "comment",
		     column || table ? LK_LOCK_SHARE_UPDATE_EXCLUSIVE : LK_LOCK_NONE, LK_COST_NONE);
}

static void select_rows(const json_t *body, struct lk_tally *tally)
{
	bool locks = json_object_get(body, "lockingClause") != NULL;
	const json_t *from = json_array_get(json_object_get(body, "fromClause"), 0);
	char name[160];
	lk_relation_name(json_object_get(from, "RangeVar"), name, sizeof name);
	lk_tally_object(tally, name);
	lk_tally_tables_below(tally, body, LK_LOCK_NONE);
	lk_tally_add(tally, "select", locks ? LK_LOCK_ROW_SHARE : LK_LOCK_ACCESS_SHARE,
		     LK_COST_ROWS);
}

static void unknown_block(const json_t *body, struct lk_tally *tally)
{
	(void)body;
	lk_tally_add(tally, "call", LK_LOCK_NONE, LK_COST_ROWS);
	lk_tally_note(tally, "not checked: what the code in it does is known only when it runs");
}

static void insert(const json_t *body, struct lk_tally *tally)
{
	relation(body, tally);
	lk_tally_tables_below(tally, body, LK_LOCK_ACCESS_SHARE);
	changed_elsewhere(body, tally, LK_LOCK_ROW_SHARE);
	lk_tally_add(tally, "insert", LK_LOCK_ROW_EXCLUSIVE, LK_COST_ROWS);
}

static void transaction(const json_t *body, struct lk_tally *tally)
{
	(void)body;
	lk_tally_add(tally, "transaction control", LK_LOCK_NONE, LK_COST_NONE);
	lk_tally_note(tally, "the keeper begins and commits itself: leave BEGIN and COMMIT out");
	tally->risk->transactional = false;
}

static void set_variable(const json_t *body, struct lk_tally *tally)
{
	lk_tally_add(tally, "set", LK_LOCK_NONE, LK_COST_NONE);
	if (!lk_node_true(body, "is_local"))
		tally->risk->session_setting = true;
}

/* The view is locked when it is there already, what it reads in any case. */
static void create_view(const json_t *body, struct lk_tally *tally)
{
	const json_t *view = json_object_get(body, "view");
	lk_tally_object(tally, lk_node_text(view, "relname"));
	lk_tally_table(tally, view, LK_LOCK_ACCESS_EXCLUSIVE);
	lk_tally_tables_below(tally, json_object_get(body, "query"), LK_LOCK_ACCESS_SHARE);
	lk_tally_add(tally, "create view", LK_LOCK_ACCESS_EXCLUSIVE, LK_COST_NONE);
}

static void create_table_as(const json_t *body, struct lk_tally *tally)
{
	lk_tally_tables_below(tally, json_object_get(body, "query"), LK_LOCK_ACCESS_SHARE);
	lk_tally_add(tally, "create table as", LK_LOCK_ACCESS_SHARE, LK_COST_ROWS);
}

static void alter_schema(const json_t *body, struct lk_tally *tally)
{
	relation(body, tally);
	lk_tally_add(tally, "set schema", LK_LOCK_ACCESS_EXCLUSIVE, LK_COST_NONE);
	lk_tally_note(tally, "the application fails at once wherever it uses the old name");
}

static void alter_sequence(const json_t *body, struct lk_tally *tally)
{
	char name[160];
	lk_relation_name(json_object_get(body, "sequence"), name, sizeof name);
	lk_tally_object(tally, name);
	lk_tally_add(tally, "alter sequence", LK_LOCK_SHARE_ROW_EXCLUSIVE, LK_COST_NONE);
}

static void drop_database(const json_t *body, struct lk_tally *tally)
{
	(void)body;
	lk_tally_add(tally, "drop database", LK_LOCK_ACCESS_EXCLUSIVE, LK_COST_NONE);
	tally->risk->transactional = false;
	tally->risk->destroys_data = true;
}

#define AE LK_LOCK_ACCESS_EXCLUSIVE
#define SRE LK_LOCK_SHARE_ROW_EXCLUSIVE
#define SUE LK_LOCK_SHARE_UPDATE_EXCLUSIVE

static const struct statement {
	const char *tag;
	void (*judge)(const json_t *body, struct lk_tally *tally); /* NULL: what the row says */
	const char *kind;
	enum lk_lock lock;
	enum lk_cost cost;
	bool outside; /* not inside a transaction */
} kinds[] = {
	{"AlterTableStmt", lk_risk_alter_table, NULL, 0, 0, false},
	{"IndexStmt", create_index, NULL, 0, 0, false},
	{"CreateStmt", create_table, NULL, 0, 0, false},
	{"DropStmt", drop, NULL, 0, 0, false},
	{"RenameStmt", rename_object, NULL, 0, 0, false},
	{"UpdateStmt", update, NULL, 0, 0, false},
	{"DeleteStmt", delete, NULL, 0, 0, false},
	{"TruncateStmt", truncate_table, NULL, 0, 0, false},
	{"VacuumStmt", vacuum, NULL, 0, 0, false},
	{"ReindexStmt", reindex, NULL, 0, 0, false},
	{"RefreshMatViewStmt", refresh, NULL, 0, 0, false},
	{"LockStmt", lock_table, NULL, 0, 0, false},
	{"CommentStmt", comment, NULL, 0, 0, false},
	{"SelectStmt", select_rows, NULL, 0, 0, false},
	{"DoStmt", unknown_block, NULL, 0, 0, false},
	{"CallStmt", unknown_block, NULL, 0, 0, false},
	{"TransactionStmt", transaction, NULL, 0, 0, false},
	{"AlterObjectSchemaStmt", alter_schema, NULL, 0, 0, false},
	{"AlterSeqStmt", alter_sequence, NULL, 0, 0, false},
	{"DropdbStmt", drop_database, NULL, 0, 0, false},
	{"InsertStmt", insert, NULL, 0, 0, false},
	{"MergeStmt", NULL, "merge", LK_LOCK_ROW_EXCLUSIVE, LK_COST_ROWS, false},
	{"CopyStmt", NULL, "copy", LK_LOCK_ROW_EXCLUSIVE, LK_COST_ROWS, false},
	{"CreateTrigStmt", NULL, "create trigger", SRE, LK_COST_NONE, false},
	{"RuleStmt", NULL, "create rule", AE, LK_COST_NONE, false},
	{"CreatePolicyStmt", NULL, "create policy", AE, LK_COST_NONE, false},
	{"AlterPolicyStmt", NULL, "alter policy", AE, LK_COST_NONE, false},
	{"ClusterStmt", NULL, "cluster", AE, LK_COST_REWRITE, false},
	{"CreateStatsStmt", NULL, "create statistics", SUE, LK_COST_NONE, false},
	{"CreateTableAsStmt", create_table_as, NULL, 0, 0, false},
	{"ViewStmt", create_view, NULL, 0, 0, false},
	{"AlterDomainStmt", NULL, "alter domain", LK_LOCK_SHARE, LK_COST_SCAN, false},
	{"AlterPublicationStmt", NULL, "alter publication", SUE, LK_COST_NONE, false},
	{"GrantStmt", NULL, "grant or revoke", LK_LOCK_NONE, LK_COST_NONE, false},
	{"GrantRoleStmt", NULL, "grant or revoke", LK_LOCK_NONE, LK_COST_NONE, false},
	{"AlterEnumStmt", NULL, "alter type", LK_LOCK_NONE, LK_COST_NONE, false},
	{"CreateEnumStmt", NULL, "create type", LK_LOCK_NONE, LK_COST_NONE, false},
	{"CompositeTypeStmt", NULL, "create type", LK_LOCK_NONE, LK_COST_NONE, false},
	{"CreateDomainStmt", NULL, "create domain", LK_LOCK_NONE, LK_COST_NONE, false},
	{"CreateFunctionStmt", NULL, "create function", LK_LOCK_NONE, LK_COST_NONE, false},
	{"AlterFunctionStmt", NULL, "alter function", LK_LOCK_NONE, LK_COST_NONE, false},
	{"CreateSeqStmt", NULL, "create sequence", LK_LOCK_NONE, LK_COST_NONE, false},
	{"CreateSchemaStmt", NULL, "create schema", LK_LOCK_NONE, LK_COST_NONE, false},
	{"CreateExtensionStmt", NULL, "create extension", LK_LOCK_NONE, LK_COST_NONE, false},
	{"VariableSetStmt", set_variable, NULL, 0, 0, false},
	{"CreatedbStmt", NULL, "create database", LK_LOCK_NONE, LK_COST_NONE, true},
	{"CreateTableSpaceStmt", NULL, "create tablespace", LK_LOCK_NONE, LK_COST_NONE, true},
	{"AlterSystemStmt", NULL, "alter system", LK_LOCK_NONE, LK_COST_NONE, true},
};

static void judge(const json_t *node, struct lk_tally *tally)
{
	const char *tag = lk_node_tag(node);
	const json_t *body = lk_node_body(node);
	for (size_t i = 0; i < LK_COUNT(kinds); i++) {
		if (strcmp(tag, kinds[i].tag) != 0)
			continue;
		if (kinds[i].judge) {
			kinds[i].judge(body, tally);
			return;
		}
		relation(body, tally);
		lk_tally_tables_below(tally, json_object_get(body, "relations"), LK_LOCK_NONE);
		/* MERGE and COPY read others. */
		if (kinds[i].lock == LK_LOCK_ROW_EXCLUSIVE)
			lk_tally_tables_below(tally, body, LK_LOCK_ACCESS_SHARE);
		lk_tally_add(tally, kinds[i].kind, kinds[i].lock, kinds[i].cost);
		if (kinds[i].outside)
			tally->risk->transactional = false;
		return;
	}
	lk_tally_add(tally, "other", LK_LOCK_NONE, LK_COST_NONE);
	lk_tally_note(tally, "not checked: its locks were not measured (%.60s)", tag);
}

void lk_pg_risk_statement(const char *sql, struct lk_risk *risk)
{
	struct lk_tally tally = {.risk = risk};
	*risk = (struct lk_risk){.transactional = true};
	json_t *statements = lk_risk_parse(sql, risk->note, sizeof risk->note);
	if (!statements) {
		LK_COPY(risk->kind, "not checked");
		LK_COPY(risk->lock, "not checked");
		LK_COPY(risk->cost, "not checked");
		return;
	}
	risk->parsed = true;
	risk->statements = (int)json_array_size(statements);
	for (size_t i = 0; i < json_array_size(statements); i++) {
		judge(json_object_get(json_array_get(statements, i), "stmt"), &tally);
		lk_tally_end_statement(&tally);
	}
	if (json_array_size(statements) == 0)
		lk_tally_note(&tally, "there is no statement in it");
	else if (json_array_size(statements) > 1)
		lk_tally_note(&tally, "%zu statements, judged together",
			      json_array_size(statements));
	lk_tally_finish(&tally);
	json_decref(statements);
}
