/* SPDX-License-Identifier: GPL-3.0-or-later */
/* add_check, add_unique, drop_constraint. */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "operation/my_indexes.h"
#include "operation/my_operations.h"

/* Whether the condition names the column, in backticks or as a word outside of texts. */
static bool names_column(const char *condition, const char *column)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$";
	size_t length = strlen(column);
	if (lk_my_mentions(condition, column))
		return true;
	for (const char *p = condition; *p;) {
		size_t word = strspn(p, letters);
		if (*p == '\'' || *p == '"') {
			const char *end = strchr(p + 1, *p);
			p = end ? end + 1 : p + strlen(p);
			continue;
		}
		if (word == length && strncasecmp(p, column, length) == 0)
			return true;
		p += word ? word : 1;
	}
	return false;
}

/* A column of the condition that has no check of its own yet, and that no other operation changes. */
static const struct lk_column *check_holder(const struct lk_my_derivation *m, const char *condition)
{
	const struct lk_table *table = &m->d.table;
	struct lk_error ignored;
	for (size_t i = 0; i < table->column_count; i++) {
		const struct lk_column *column = &table->columns[i];
		char *check = NULL;
		free(lk_my_without_check(column->definition, &check));
		bool has = check != NULL;
		free(check);
		if (!has && !column->generated && !column->identity &&
		    names_column(condition, column->name) &&
		    lk_my_need_alone(m, column->name, &ignored))
			return column;
	}
	return NULL;
}

static bool may_check(struct lk_my_derivation *m, struct lk_error *error)
{
	const char *check = m->d.operation->check;
	if (!lk_my_need_table(m, error) || !lk_my_try_value(m, "check", check, error))
		return false;
	return m->server.maria ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "%s enforces a new CHECK only by a copy of the whole table, during which nobody "
		       "writes; a shadow table does that online, which this version cannot yet",
		       m->server.shown);
}

/*
 * A constraint of the table is added by a copy only, here as well; but a column's own check is a matter of its
 * definition, in an instant, and holds for what is written from then on. It bears the column's name. What the
 * rows hold that are there is verified before, since a broken one could not be changed any more, and after.
 */
bool lk_my_add_check(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	if (!may_check(m, error))
		return false;
	const struct lk_column *column = check_holder(m, o->check);
	if (!column)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"%s adds a check without a copy of the table only as a column's own, and each column "
			"that (%.200s) names has one already, is generated, or is changed by another "
			"operation of this plan",
			m->server.shown, o->check);
	char *does = lk_format("may write rows of %s without (%.150s)", m->d.table.shown, o->check);
	char *broken = lk_format("(%s) IS FALSE", o->check);
	char *with = lk_format("%s CHECK (%s)", column->definition, o->check);
	char *change = lk_format("MODIFY COLUMN %s %s", column->sql, with);
	bool good = lk_my_try_alter(m, "check", change, error);
	lk_derive_old_release_gone(&m->d, LK_MIGRATE, does);
	lk_derive_verify(&m->d, LK_MIGRATE, broken, "*");
	lk_my_modify(m, LK_MIGRATE, column->sql, with, column->definition);
	lk_derive_verify(&m->d, LK_MIGRATE, broken, "*");
	free(change);
	free(with);
	free(broken);
	free(does);
	return good;
}

static void verify_present(struct lk_my_derivation *m)
{
	const struct lk_names *columns = &m->d.operation->columns;
	for (size_t i = 0; i < columns->count; i++) {
		const struct lk_column *column = lk_table_column(&m->d.table, columns->list[i]);
		if (!column || column->not_null)
			continue;
		char *missing = lk_format("%s IS NULL", column->sql);
		lk_derive_verify(&m->d, LK_MIGRATE, missing, column->sql);
		free(missing);
	}
}

/* It cannot be taken back without a copy, and stays where a run goes back: it does no harm. */
static bool add_primary(struct lk_my_derivation *m, const char *list, struct lk_error *error)
{
	if (lk_my_item(&m->definition, LK_MY_PRIMARY_KEY, "PRIMARY"))
		return lk_fail(error, LK_ERROR_PLAN, "table %s has a primary key already",
			       m->d.table.shown);
	verify_present(m);
	lk_derive_gate(
		&m->d, LK_MIGRATE, lk_strdup("primary-key-stays"),
		lk_format("the primary key of %s may stay when the run goes back (taking it away "
			  "needs a copy of the table)",
			  m->d.table.shown),
		NULL);
	char *change = lk_format("ADD PRIMARY KEY (%s)", list);
	lk_my_alter(m, LK_MIGRATE, change, NULL);
	free(change);
	return true;
}

static bool add_unique(struct lk_my_derivation *m, const char *list, struct lk_error *error)
{
	char *name = lk_derive_wished_name(&m->d, "_key", error);
	if (!name)
		return false;
	char *change = lk_format("ADD UNIQUE INDEX %s (%s)", name, list);
	char *undo = lk_format("DROP INDEX %s", name);
	lk_my_alter(m, LK_MIGRATE, change, undo);
	free(undo);
	free(change);
	free(name);
	return true;
}

bool lk_my_add_unique(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	if (!lk_my_need_table(m, error) || !lk_derive_need_columns(&m->d, &o->columns, error) ||
	    !lk_my_need_indexable(m, &o->columns, error))
		return false;
	char *list = lk_derive_list(&m->d, &o->columns);
	char *does = lk_format("may write the same %s twice into %s", list, m->d.table.shown);
	lk_derive_old_release_gone(&m->d, LK_MIGRATE, does);
	lk_my_verify_unique(m, LK_MIGRATE, &o->columns);
	bool added = o->primary_key ? add_primary(m, list, error) : add_unique(m, list, error);
	free(does);
	free(list);
	return added;
}

/* One of any kind, as a person may call it; a check of a column's own is found by the column (MariaDB). */
static const struct lk_my_item *find_constraint(struct lk_my_derivation *m, struct lk_error *error)
{
	static const enum lk_my_item_kind kinds[] = {
		LK_MY_FOREIGN_KEY, LK_MY_CHECK, LK_MY_UNIQUE_KEY, LK_MY_PRIMARY_KEY, LK_MY_COLUMN};
	const char *name = m->d.operation->name;
	for (size_t i = 0; i < LK_COUNT(kinds); i++) {
		const struct lk_my_item *item = lk_my_item(&m->definition, kinds[i], name);
		char *check = NULL;
		if (item && item->kind == LK_MY_COLUMN) {
			free(lk_my_without_check(item->rest, &check));
			item = check ? item : NULL;
			free(check);
		}
		if (item)
			return item;
	}
	lk_fail(error, LK_ERROR_PLAN, "table %s has no constraint \"%s\"", m->d.table.shown, name);
	return NULL;
}

static bool may_drop(struct lk_my_derivation *m, const struct lk_my_item *item,
		     struct lk_error *error)
{
	char *by = NULL;
	if (item->kind == LK_MY_PRIMARY_KEY)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "the primary key of table %s cannot be dropped without a copy of it",
			       m->d.table.shown);
	if (item->kind == LK_MY_UNIQUE_KEY && !lk_my_index_needed(m, item, &by, error))
		return false;
	bool may =
		!by || lk_fail(error, LK_ERROR_REFUSED, "%s needs constraint %s", by, item->name);
	free(by);
	return may;
}

/* Neither server brings it back without a copy of the table. */
static void drop_check(struct lk_my_derivation *m, const struct lk_my_item *item)
{
	char *name = m->d.session->driver->quote_name(item->name);
	char *change = lk_format("DROP CONSTRAINT %s", name);
	lk_my_alter(m, LK_CONTRACT, change, NULL)->destroys = lk_strdup("data");
	free(change);
	free(name);
}

static void drop_own_check(struct lk_my_derivation *m, const struct lk_my_item *item)
{
	char *check, *without = lk_my_without_check(item->rest, &check);
	char *name = m->d.session->driver->quote_name(item->name);
	lk_my_modify(m, LK_CONTRACT, name, without, item->rest);
	free(name);
	free(without);
	free(check);
}

static void add_drop(struct lk_my_derivation *m, const struct lk_my_item *item)
{
	char *name = m->d.session->driver->quote_name(item->name);
	char *change = lk_format("DROP FOREIGN KEY %s", name);
	char *undo = lk_format("ADD %s", item->text);
	if (item->kind == LK_MY_FOREIGN_KEY)
		lk_my_alter(m, LK_CONTRACT, change, undo);
	else if (item->kind == LK_MY_UNIQUE_KEY)
		lk_my_drop_index_step(m, item, item->text);
	else if (item->kind == LK_MY_CHECK)
		drop_check(m, item);
	else
		drop_own_check(m, item);
	free(undo);
	free(change);
	free(name);
}

bool lk_my_drop_constraint(struct lk_my_derivation *m, struct lk_error *error)
{
	if (!lk_my_need_table(m, error))
		return false;
	const struct lk_my_item *item = find_constraint(m, error);
	if (!item || !may_drop(m, item, error) ||
	    (item->kind == LK_MY_COLUMN && !lk_my_need_alone(m, item->name, error)))
		return false;
	bool for_ever = item->kind == LK_MY_CHECK;
	lk_derive_gate(&m->d, LK_CONTRACT, lk_strdup("constraint-unused"),
		       lk_format("nothing relies on %s of table %s any more: %.150s%s", item->name,
				 m->d.table.shown, item->text,
				 for_ever ? " (bringing it back needs a copy of the table)" : ""),
		       NULL);
	add_drop(m, item);
	return true;
}
