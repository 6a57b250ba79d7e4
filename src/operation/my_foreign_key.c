/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * add_foreign_key: without foreign_key_checks, as the step has it, the constraint is there at once and holds for
 * what is written from then on; the rows that are there are verified before and after.
 */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "operation/my_indexes.h"
#include "operation/my_operations.h"

struct reference {
	struct lk_my_derivation *m;
	struct lk_table other;
	struct lk_my_definition definition; /* the other's */
	char **columns;			    /* of the other, exact; as many as the operation has */
};

/* Those that the plan names, or the other table's primary key. */
static bool referenced_columns(struct reference *r, struct lk_error *error)
{
	const struct lk_operation *o = r->m->d.operation;
	struct lk_my_part *parts = NULL;
	size_t count = o->referenced.count;
	const struct lk_my_item *primary = lk_my_item(&r->definition, LK_MY_PRIMARY_KEY, "PRIMARY");
	size_t part_count = primary ? lk_my_parts(primary->rest, &parts) : 0;
	bool good = true;
	if (count == 0)
		count = part_count;
	if (count != o->columns.count)
		good = lk_fail(error, LK_ERROR_PLAN,
			       "the primary key of %s has %zu columns, not %zu: name the columns "
			       "(referenced: […])",
			       r->other.shown, count, o->columns.count);
	r->columns = lk_alloc((o->columns.count + 1) * sizeof(char *));
	for (size_t i = 0; good && i < count; i++) {
		const struct lk_column *column = lk_table_need_column(
			&r->other, o->referenced.count ? o->referenced.list[i] : parts[i].column,
			error);
		good = column != NULL;
		if (good)
			r->columns[i] = lk_strdup(column->name);
	}
	lk_my_parts_free(parts, part_count);
	return good;
}

/* A key over exactly these columns, in this order. */
static bool need_unique(const struct reference *r, struct lk_error *error)
{
	size_t wanted = r->m->d.operation->columns.count;
	for (size_t i = 0; i < r->definition.count; i++) {
		const struct lk_my_item *item = &r->definition.items[i];
		struct lk_my_part *parts;
		if (item->kind != LK_MY_PRIMARY_KEY && item->kind != LK_MY_UNIQUE_KEY)
			continue;
		size_t count = lk_my_parts(item->rest, &parts);
		bool same = count == wanted;
		for (size_t c = 0; same && c < count; c++)
			same = parts[c].column && !parts[c].prefix &&
			       strcasecmp(parts[c].column, r->columns[c]) == 0;
		lk_my_parts_free(parts, count);
		if (same)
			return true;
	}
	return lk_fail(
		error, LK_ERROR_PLAN,
		"the referenced columns of %s have no unique index in this order: a foreign key "
		"needs one",
		r->other.shown);
}

/* The server wants the same type, sign, character set and collation; lengths of texts may differ. */
static bool need_same_types(struct reference *r, struct lk_error *error)
{
	static const char sql[] =
		"SELECT group_concat(DISTINCT coalesce(concat(data_type, ' ', collation_name), column_type)"
		"  SEPARATOR ' and '), count(DISTINCT CASE WHEN collation_name IS NULL"
		"  THEN concat(data_type, column_type LIKE '%unsigned%', coalesce(numeric_scale, 0),"
		"   coalesce(datetime_precision, 0))"
		"  ELSE concat(replace(data_type, 'varchar', 'char'), collation_name) END)"
		" FROM information_schema.columns WHERE (" LK_MY_SAME_NAME("table_schema", "$1") " AND " LK_MY_SAME_NAME(
			"table_name",
			"$2") " AND column_name = $3) OR"
			      " (" LK_MY_SAME_NAME("table_schema", "$4") " AND " LK_MY_SAME_NAME(
				      "table_name", "$5") " AND column_name = $6)";
	const struct lk_table *table = &r->m->d.table;
	const struct lk_names *own = &r->m->d.operation->columns;
	for (size_t i = 0; i < own->count; i++) {
		struct lk_result found;
		if (!LK_QUERY(r->m->d.session, &found, error, sql, table->schema, table->name,
			      own->list[i], r->other.schema, r->other.name, r->columns[i]))
			return false;
		bool same =
			lk_cell_int(&found, 0, 1) == 1 ||
			lk_fail(error, LK_ERROR_PLAN,
				"%s.%s and %s.%s differ in type (%s), and a foreign key needs the same",
				table->shown, own->list[i], r->other.shown, r->columns[i],
				lk_cell_text(&found, 0, 0));
		lk_result_free(&found);
		if (!same)
			return false;
	}
	return true;
}

static bool may_act(const struct reference *r, struct lk_error *error)
{
	const struct lk_operation *o = r->m->d.operation;
	const char *const actions[] = {o->on_delete, o->on_update};
	for (size_t i = 0; i < LK_COUNT(actions); i++) {
		if (!actions[i])
			continue;
		if (strcasecmp(actions[i], "set default") == 0)
			return lk_fail(error, LK_ERROR_REFUSED, "InnoDB has no SET DEFAULT");
		for (size_t c = 0; strcasecmp(actions[i], "set null") == 0 && c < o->columns.count;
		     c++) {
			const struct lk_column *column =
				lk_table_column(&r->m->d.table, o->columns.list[c]);
			if (column && column->not_null)
				return lk_fail(error, LK_ERROR_PLAN,
					       "column %s is NOT NULL, so SET NULL cannot be done",
					       column->name);
		}
	}
	return true;
}

/* The condition that a row of this table refers to none of the other; the caller's. */
static char *orphan(const struct reference *r)
{
	const struct lk_names *own = &r->m->d.operation->columns;
	const char *t = r->m->d.table.sql;
	struct lk_buffer present = {0}, equal = {0};
	for (size_t i = 0; i < own->count; i++) {
		char *column = r->m->d.session->driver->quote_name(own->list[i]);
		char *theirs = r->m->d.session->driver->quote_name(r->columns[i]);
		lk_buffer_addf(&present, "%s.%s IS NOT NULL AND ", t, column);
		lk_buffer_addf(&equal, "%slk_other.%s = %s.%s", i ? " AND " : "", theirs, t,
			       column);
		free(theirs);
		free(column);
	}
	lk_buffer_addf(&present, "NOT EXISTS (SELECT 1 FROM %s AS lk_other WHERE %s)", r->other.sql,
		       lk_buffer_text(&equal));
	lk_buffer_free(&equal);
	return lk_buffer_take(&present);
}

/* "FOREIGN KEY (…) REFERENCES … ON DELETE …"; the caller's. */
static char *definition_of(const struct reference *r, const char *list)
{
	const struct lk_operation *o = r->m->d.operation;
	struct lk_buffer out = {0};
	lk_buffer_addf(&out, "FOREIGN KEY (%s) REFERENCES %s (", list, r->other.sql);
	for (size_t i = 0; i < o->columns.count; i++) {
		char *theirs = r->m->d.session->driver->quote_name(r->columns[i]);
		lk_buffer_addf(&out, "%s%s", i ? ", " : "", theirs);
		free(theirs);
	}
	lk_buffer_add(&out, ")");
	if (o->on_delete)
		lk_buffer_addf(&out, " ON DELETE %s", o->on_delete);
	if (o->on_update)
		lk_buffer_addf(&out, " ON UPDATE %s", o->on_update);
	return lk_buffer_take(&out);
}

static bool has_index(const struct lk_my_derivation *m)
{
	const struct lk_names *own = &m->d.operation->columns;
	for (size_t i = 0; i < m->definition.count; i++) {
		const struct lk_my_item *item = &m->definition.items[i];
		struct lk_my_part *parts;
		if (item->kind != LK_MY_KEY && item->kind != LK_MY_UNIQUE_KEY &&
		    item->kind != LK_MY_PRIMARY_KEY)
			continue;
		size_t count = lk_my_parts(item->rest, &parts);
		bool serves = count >= own->count;
		for (size_t c = 0; serves && c < own->count; c++)
			serves = parts[c].column && !parts[c].prefix &&
				 strcasecmp(parts[c].column, own->list[c]) == 0;
		lk_my_parts_free(parts, count);
		if (serves)
			return true;
	}
	return false;
}

/* The server would make one by itself, in the same statement, and leave it when the constraint goes. */
static bool add_index(struct lk_my_derivation *m, const char *list, struct lk_error *error)
{
	if (has_index(m))
		return true;
	struct lk_buffer stem = {0};
	const struct lk_names *own = &m->d.operation->columns;
	lk_buffer_add(&stem, m->d.table.name);
	for (size_t i = 0; i < own->count; i++)
		lk_buffer_addf(&stem, "_%s", own->list[i]);
	lk_buffer_add(&stem, "_idx");
	char *name = lk_derive_free_name(&m->d, lk_buffer_text(&stem), "_idx", error);
	lk_buffer_free(&stem);
	if (!name)
		return false;
	char *change = lk_format("ADD INDEX %s (%s)", name, list);
	char *undo = lk_format("DROP INDEX %s", name);
	lk_my_alter(m, LK_MIGRATE, change, undo);
	free(undo);
	free(change);
	free(name);
	return true;
}

static bool add_reference(struct reference *r, const char *name, struct lk_error *error)
{
	struct lk_my_derivation *m = r->m;
	char *list = lk_derive_list(&m->d, &m->d.operation->columns);
	char *none = orphan(r), *definition = definition_of(r, list);
	char *query = lk_format("SELECT 1 FROM %s WHERE %s", m->d.table.sql, none);
	char *change = lk_format("ADD CONSTRAINT %s %s", name, definition);
	char *undo = lk_format("DROP FOREIGN KEY %s", name);
	char *does = lk_format("may write rows of %s that %s does not have", m->d.table.shown,
			       r->other.shown);
	bool added = lk_my_try(m, "the foreign key", query, error) &&
		     lk_my_try_alter(m, "the foreign key", change, error);
	if (added) {
		lk_derive_old_release_gone(&m->d, LK_MIGRATE, does);
		lk_derive_verify(&m->d, LK_MIGRATE, none, list);
		added = add_index(m, list, error);
		lk_my_alter(m, LK_MIGRATE, change, undo);
		lk_derive_verify(&m->d, LK_MIGRATE, none, list);
	}
	free(does);
	free(undo);
	free(change);
	free(query);
	free(definition);
	free(none);
	free(list);
	return added;
}

static bool need_plain_tables(struct reference *r, struct lk_error *error)
{
	if (strcmp(r->other.kind, "table") != 0)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "%s is a %s: add_foreign_key refers to plain tables", r->other.shown,
			       r->other.kind);
	if (!lk_my_definition(r->m->d.session, r->other.sql, &r->definition, error))
		return false;
	bool parted = lk_my_partitioned(r->m) ||
		      (r->definition.options && strstr(r->definition.options, "PARTITION BY"));
	return !parted ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "a partitioned table of InnoDB has no foreign keys, and none refers to "
		       "it");
}

bool lk_my_add_foreign_key(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	struct reference r = {.m = m};
	char *name = NULL;
	if (!lk_my_need_table(m, error) ||
	    !lk_catalog_table(m->d.session, o->references, &r.other, error))
		return false;
	bool derived = need_plain_tables(&r, error) &&
		       lk_derive_need_columns(&m->d, &o->columns, error) &&
		       referenced_columns(&r, error) && need_unique(&r, error) &&
		       need_same_types(&r, error) && may_act(&r, error) &&
		       (name = lk_derive_wished_name(&m->d, "_fkey", error)) != NULL &&
		       add_reference(&r, name, error);
	for (size_t i = 0; r.columns && i < o->columns.count; i++)
		free(r.columns[i]);
	free(r.columns);
	free(name);
	lk_my_definition_free(&r.definition);
	lk_table_free(&r.other);
	return derived;
}
