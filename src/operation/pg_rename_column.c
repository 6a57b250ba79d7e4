/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rename_column on PostgreSQL: a second column kept equal by triggers, filled, given everything the old
 * one has, and only then the old one dropped. Each carried object is a step of its own, so that each can be
 * seen, stopped and taken back.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/catalog.h"
#include "catalog/identifier.h"
#include "operation/operation.h"
#include "operation/pg_hindrance.h"

/* NAMEDATALEN - 1 */
#define NAME_LIMIT 63

struct rename {
	struct lk_session *session;
	struct lk_plan *plan;
	const struct lk_operation *operation;
	struct lk_table table;
	const struct lk_column *from;
	char *to_sql; /* the new column's quoted name */
};

static bool check_table(struct rename *r, struct lk_error *error)
{
	const struct lk_table *table = &r->table;
	if (strcmp(table->kind, "table") != 0)
		return lk_fail(error, LK_ERROR_REFUSED, "%s is a %s, not a plain table",
			       table->shown, table->kind);
	if (table->has_parent || table->has_children)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"table %s has inheritance parents or children, which rename_column does not carry",
			table->shown);
	if (table->key.count == 0)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"table %s has no usable key: the backfill walks by a primary key or a unique index "
			"over NOT NULL columns, so create one first",
			table->shown);
	if (lk_table_column(table, r->operation->to))
		return lk_fail(
			error, LK_ERROR_PLAN,
			"table %s already has a column \"%s\": choose another name, or drop it if it was left "
			"by an earlier attempt",
			table->shown, r->operation->to);
	return true;
}

static struct lk_step *add_ddl(struct rename *r, enum lk_phase phase, char *sql, char *undo)
{
	struct lk_step *step = lk_plan_add_step(r->plan, phase, LK_VERB_DDL);
	step->sql = sql;
	step->undo = undo;
	return step;
}

static void add_gate(struct rename *r, enum lk_phase phase, char *name, char *ask, char *undo)
{
	struct lk_step *step = lk_plan_add_step(r->plan, phase, LK_VERB_GATE);
	step->gate = LK_GATE_ASK;
	step->needed = 1;
	step->name = name;
	step->ask = ask;
	step->undo = undo;
}

static void add_dual_write(struct rename *r)
{
	struct lk_step *step = lk_plan_add_step(r->plan, LK_EXPAND, LK_VERB_DUAL_WRITE);
	step->table = lk_strdup(r->operation->table);
	step->from = lk_strdup(r->operation->from);
	step->to = lk_strdup(r->operation->to);
	step->like = lk_strdup(r->operation->from);
}

static void add_new_release_gate(struct rename *r)
{
	const char *release = r->plan->release_new;
	if (release)
		add_gate(
			r, LK_MIGRATE, lk_format("release-%s", release),
			lk_format("release %s is running and writes %s", release, r->operation->to),
			lk_format("release %s is withdrawn: nothing reads or writes %s any more",
				  release, r->operation->to));
	else
		add_gate(r, LK_MIGRATE, lk_strdup("new-release"),
			 lk_format("the release that writes %s is running", r->operation->to),
			 lk_format("nothing reads or writes %s any more", r->operation->to));
}

static void add_backfill(struct rename *r)
{
	struct lk_step *step = lk_plan_add_step(r->plan, LK_MIGRATE, LK_VERB_BACKFILL);
	step->table = lk_strdup(r->operation->table);
	struct lk_assignment *set = LK_PUSH(step->set, step->set_count);
	set->column = lk_strdup(r->operation->to);
	set->expression = lk_strdup(r->from->sql);
}

static void add_verify(struct rename *r)
{
	struct lk_buffer key = {0};
	struct lk_step *step = lk_plan_add_step(r->plan, LK_MIGRATE, LK_VERB_VERIFY);
	for (size_t i = 0; i < r->table.key.count; i++)
		lk_buffer_addf(&key, "%s%s", i ? ", " : "", r->table.key.sql[i]);
	step->sql = lk_format("SELECT %s FROM %s WHERE %s IS DISTINCT FROM %s",
			      lk_buffer_text(&key), r->table.sql, r->to_sql, r->from->sql);
	lk_buffer_free(&key);
}

/* A CHECK that is valid beforehand lets SET NOT NULL skip its scan under the exclusive lock. */
static void add_not_null(struct rename *r)
{
	char *check = lk_identifier_make(r->operation->to, "_lk_not_null", NAME_LIMIT);
	char *name = r->session->driver->quote_name(check);
	const char *t = r->table.sql;
	free(check);
	add_ddl(r, LK_MIGRATE,
		lk_format("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID", t,
			  name, r->to_sql),
		lk_format("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", t, name));
	add_ddl(r, LK_MIGRATE, lk_format("ALTER TABLE %s VALIDATE CONSTRAINT %s", t, name), NULL);
	add_ddl(r, LK_MIGRATE,
		lk_format("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", t, r->to_sql),
		lk_format("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", t, r->to_sql));
	add_ddl(r, LK_MIGRATE, lk_format("ALTER TABLE %s DROP CONSTRAINT %s", t, name), NULL);
	free(name);
}

/* Names of objects made for the new column: the old one's name with the column's name changed in it. */
static char *renamed(struct rename *r, const char *old)
{
	const char *from = r->operation->from, *at = NULL;
	/* As a word of its own if it is one: "r_two_o" of o has it at the end. */
	for (const char *p = strstr(old, from); p; p = strstr(p + 1, from)) {
		bool begins = p == old || p[-1] == '_',
		     ends = !p[strlen(from)] || p[strlen(from)] == '_';
		if (!at || (begins && ends))
			at = p;
	}
	return at ? lk_format("%.*s%s%s", (int)(at - old), old, r->operation->to, at + strlen(from))
		  : lk_format("%s_%s", old, r->operation->to);
}

/* In the table's schema, or in a step that this plan has already. */
static bool is_taken(struct rename *r, const char *name, bool *taken, struct lk_error *error)
{
	struct lk_result found;
	char id[24];
	char *quoted = r->session->driver->quote_name(name);
	snprintf(id, sizeof id, "%lld", (long long)r->table.id);
	*taken = false;
	for (size_t i = 0; i < r->plan->step_count; i++)
		*taken = *taken || (r->plan->steps[i].sql && strstr(r->plan->steps[i].sql, quoted));
	free(quoted);
	if (!LK_QUERY(
		    r->session, &found, error,
		    "SELECT FROM pg_class c, pg_class t WHERE t.oid = $1::oid AND c.relnamespace = t.relnamespace AND"
		    " c.relname = $2 UNION ALL SELECT FROM pg_constraint WHERE conrelid = $1::oid AND conname = $2",
		    id, name))
		return false;
	*taken = *taken || found.rows > 0;
	lk_result_free(&found);
	return true;
}

/* Quoted; the caller's. NULL when the server could not be asked. */
static char *carried_name(struct rename *r, const char *old, const char *suffix,
			  struct lk_error *error)
{
	char *stem = renamed(r, old), *name = NULL, ending[24] = "";
	bool taken = true;
	for (int n = 1; taken; n++) {
		free(name);
		if (n > 1 || strlen(stem) > NAME_LIMIT)
			snprintf(ending, sizeof ending, "_%d%s", n, suffix);
		name = lk_identifier_make(stem, ending, NAME_LIMIT);
		if (!is_taken(r, name, &taken, error)) {
			free(stem);
			free(name);
			return NULL;
		}
	}
	char *sql = r->session->driver->quote_name(name);
	free(stem);
	free(name);
	return sql;
}

/* Columns of each index that uses the old one, ready for CREATE INDEX; indexes that cannot be written
 * this way were refused as hindrances. */
static const char index_sql[] =
	"SELECT i.indexrelid, ic.relname, i.indisunique, am.amname, con.conname,"
	" (SELECT string_agg(CASE WHEN k.att = $2::smallint THEN $3 ELSE quote_ident(a.attname) END"
	"   || CASE WHEN n <= i.indnkeyatts AND i.indcollation[n - 1] <> 0 AND i.indcollation[n - 1] <> a.attcollation"
	"     THEN (SELECT format(' COLLATE %I.%I', cn.nspname, co.collname) FROM pg_collation co"
	"      JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = i.indcollation[n - 1]) ELSE '' END"
	"   || CASE WHEN n <= i.indnkeyatts AND i.indoption[n - 1] & 1 = 1 THEN ' DESC' ELSE '' END"
	"   || CASE WHEN n <= i.indnkeyatts AND (i.indoption[n - 1] & 2 = 2) <> (i.indoption[n - 1] & 1 = 1)"
	"     THEN CASE WHEN i.indoption[n - 1] & 2 = 2 THEN ' NULLS FIRST' ELSE ' NULLS LAST' END ELSE '' END,"
	"   CASE WHEN n = i.indnkeyatts + 1 THEN ') INCLUDE (' ELSE ', ' END ORDER BY n)"
	"  FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k(att, n)"
	"  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att),"
	" CASE WHEN ic.reloptions IS NULL THEN '' ELSE format(' WITH (%s)', array_to_string(ic.reloptions, ', ')) END,"
	" CASE WHEN con.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN con.condeferrable THEN"
	"  ' DEFERRABLE' ELSE '' END,"
	" pg_get_indexdef(i.indexrelid) LIKE '% NULLS NOT DISTINCT%'"
	" FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam"
	" LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype = 'u'"
	" WHERE i.indrelid = $1::oid AND $2::smallint = ANY (i.indkey) AND NOT i.indisprimary"
	" ORDER BY ic.relname";

static bool add_index(struct rename *r, const struct lk_result *list, size_t row,
		      struct lk_error *error)
{
	const char *constraint = lk_cell(list, row, 4), *schema = r->table.schema;
	char *name = carried_name(r, lk_cell_text(list, row, 1), "_idx", error);
	if (!name)
		return false;
	char *schema_sql = r->session->driver->quote_name(schema);
	add_ddl(r, LK_MIGRATE,
		lk_format("CREATE %sINDEX CONCURRENTLY %s ON %s USING %s (%s)%s%s",
			  lk_cell_bool(list, row, 2) ? "UNIQUE " : "", name, r->table.sql,
			  lk_cell_text(list, row, 3), lk_cell_text(list, row, 5),
			  lk_cell_bool(list, row, 8) ? " NULLS NOT DISTINCT" : "",
			  lk_cell_text(list, row, 6)),
		lk_format("DROP INDEX CONCURRENTLY IF EXISTS %s.%s", schema_sql, name));
	if (constraint)
		add_ddl(r, LK_MIGRATE,
			lk_format("ALTER TABLE %s ADD CONSTRAINT %s UNIQUE USING INDEX %s%s",
				  r->table.sql, name, name, lk_cell_text(list, row, 7)),
			lk_format("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", r->table.sql,
				  name));
	free(schema_sql);
	free(name);
	return true;
}

static bool add_indexes(struct rename *r, struct lk_error *error)
{
	struct lk_result list;
	char rel[24], att[16];
	snprintf(rel, sizeof rel, "%lld", (long long)r->table.id);
	snprintf(att, sizeof att, "%d", r->from->number);
	if (!LK_QUERY(r->session, &list, error, index_sql, rel, att, r->to_sql))
		return false;
	bool added = true;
	for (size_t i = 0; added && i < list.rows; i++)
		added = add_index(r, &list, i, error);
	lk_result_free(&list);
	return added;
}

static bool add_foreign_keys(struct rename *r, struct lk_error *error)
{
	/* ON DELETE SET NULL may name the column itself. One that was never validated may have reasons. */
	static const char sql[] =
		"SELECT c.conname, replace(replace(regexp_replace(pg_get_constraintdef(c.oid),"
		" '^FOREIGN KEY \\(.*?\\) REFERENCES', ''), ' NOT VALID', ''), ' (' || quote_ident(a.attname) ||"
		" ')', ' (' || $3 || ')'), c.convalidated FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid"
		" AND a.attnum = c.conkey[1] WHERE c.conrelid = $1::oid AND c.contype = 'f'"
		" AND c.conkey = ARRAY[$2::smallint] ORDER BY c.conname";
	struct lk_result list;
	char rel[24], att[16];
	snprintf(rel, sizeof rel, "%lld", (long long)r->table.id);
	snprintf(att, sizeof att, "%d", r->from->number);
	if (!LK_QUERY(r->session, &list, error, sql, rel, att, r->to_sql))
		return false;
	for (size_t i = 0; i < list.rows; i++) {
		char *name = carried_name(r, lk_cell_text(&list, i, 0), "_fkey", error);
		if (!name) {
			lk_result_free(&list);
			return false;
		}
		add_ddl(r, LK_MIGRATE,
			lk_format(
				"ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES%s NOT VALID",
				r->table.sql, name, r->to_sql, lk_cell_text(&list, i, 1)),
			lk_format("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", r->table.sql,
				  name));
		if (lk_cell_bool(&list, i, 2))
			add_ddl(r, LK_MIGRATE,
				lk_format("ALTER TABLE %s VALIDATE CONSTRAINT %s", r->table.sql,
					  name),
				NULL);
		free(name);
	}
	lk_result_free(&list);
	return true;
}

static void add_contract(struct rename *r)
{
	const char *release = r->plan->release_old;
	if (release)
		add_gate(r, LK_CONTRACT, lk_format("release-%s-gone", release),
			 lk_format("release %s, which reads and writes %s, is not running anywhere",
				   release, r->operation->from),
			 NULL);
	else
		add_gate(r, LK_CONTRACT, lk_strdup("old-release-gone"),
			 lk_format("no release that reads or writes %s is running anywhere",
				   r->operation->from),
			 NULL);
	struct lk_step *end = lk_plan_add_step(r->plan, LK_CONTRACT, LK_VERB_END_DUAL_WRITE);
	end->table = lk_strdup(r->operation->table);
	end->from = lk_strdup(r->operation->from);
	struct lk_step *drop = add_ddl(
		r, LK_CONTRACT,
		lk_format("ALTER TABLE %s DROP COLUMN %s", r->table.sql, r->from->sql), NULL);
	drop->destroys = lk_strdup("data");
}

static bool derive(struct rename *r, struct lk_error *error)
{
	if (!check_table(r, error))
		return false;
	r->from = lk_table_need_column(&r->table, r->operation->from, error);
	if (!r->from || !lk_pg_rename_unhindered(r->session, &r->table, r->from, error))
		return false;
	r->to_sql = r->session->driver->quote_name(r->operation->to);
	add_dual_write(r);
	add_new_release_gate(r);
	add_backfill(r);
	add_verify(r);
	if (r->from->not_null)
		add_not_null(r);
	if (!add_indexes(r, error) || !add_foreign_keys(r, error))
		return false;
	add_contract(r);
	return true;
}

static bool pg_rename_column(struct lk_session *session, const struct lk_operation *operation,
			     struct lk_plan *plan, struct lk_error *error)
{
	struct rename r = {.session = session, .plan = plan, .operation = operation};
	if (!lk_catalog_table(session, operation->table, &r.table, error))
		return false;
	bool derived = derive(&r, error);
	free(r.to_sql);
	lk_table_free(&r.table);
	return derived;
}

const struct lk_operation_ops lk_pg_operations = {
	.rename_column = pg_rename_column,
};
