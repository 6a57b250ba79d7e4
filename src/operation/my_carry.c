/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/my_carry.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "catalog/identifier.h"
#include "catalog/my_catalog.h"
#include "operation/my_indexes.h"

/* Quoted, the caller's; NULL when the server could not be asked. */
static char *free_name(struct lk_my_derivation *m, const struct lk_my_carry *carry, const char *old,
		       const char *suffix, struct lk_error *error)
{
	char *stem = lk_derive_renamed(old, carry->from->name, carry->to);
	char *name = lk_derive_free_name(&m->d, stem, suffix, error);
	free(stem);
	return name;
}

/* A name in backticks, as it is; the caller's. */
static char *plain(const char *quoted)
{
	struct lk_my_part *parts;
	char *rest = lk_format("(%s)", quoted);
	size_t count = lk_my_parts(rest, &parts);
	char *name = lk_strdup(count ? parts[0].column : "");
	lk_my_parts_free(parts, count);
	free(rest);
	return name;
}

static bool add_index(struct lk_my_derivation *m, struct lk_my_carry *carry,
		      const struct lk_my_item *item, struct lk_error *error)
{
	char *name = free_name(m, carry, item->name, "_idx", error);
	if (!name)
		return false;
	char *rest = lk_my_replaced(item->rest, carry->from->name, carry->to);
	char *change = lk_format("ADD %sINDEX %s %s",
				 item->kind == LK_MY_UNIQUE_KEY ? "UNIQUE " : "", name, rest);
	char *undo = lk_format("DROP INDEX %s", name);
	lk_my_alter(m, LK_MIGRATE, change, undo);
	*LK_PUSH(carry->list, carry->count) =
		(struct lk_my_carried){plain(name), lk_strdup(item->name)};
	free(undo);
	free(change);
	free(rest);
	free(name);
	return true;
}

/* Constraints have names of their own in the whole database, which indexes do not take. Quoted, the caller's. */
static char *free_constraint_name(struct lk_my_derivation *m, const struct lk_my_carry *carry,
				  const char *old, struct lk_error *error)
{
	/* By table_schema: by any other column MariaDB opens each table of the server. */
	static const char sql[] =
		"SELECT 1 FROM information_schema.table_constraints WHERE " LK_MY_SAME_NAME(
			"table_schema", "$1") " AND constraint_name = $2";
	char *stem = lk_derive_renamed(old, carry->from->name, carry->to);
	char *name = NULL, ending[16] = "";
	bool taken = true;
	for (int n = 2; taken; n++) {
		struct lk_result r;
		free(name);
		name = lk_identifier_make(stem, ending, m->d.name_limit);
		if (!LK_QUERY(m->d.session, &r, error, sql, m->d.table.schema, name)) {
			free(name);
			free(stem);
			return NULL;
		}
		taken = r.rows > 0;
		lk_result_free(&r);
		snprintf(ending, sizeof ending, "_%d", n);
	}
	char *quoted = m->d.session->driver->quote_name(name);
	free(name);
	free(stem);
	return quoted;
}

static bool add_foreign_key(struct lk_my_derivation *m, struct lk_my_carry *carry,
			    const struct lk_my_item *item, struct lk_error *error)
{
	const char *references = strstr(item->rest, ") REFERENCES ");
	char *name = references ? free_constraint_name(m, carry, item->name, error) : NULL;
	if (!name)
		return false;
	char *column = m->d.session->driver->quote_name(carry->to);
	char *change = lk_format("ADD CONSTRAINT %s FOREIGN KEY (%s%s", name, column, references);
	char *undo = lk_format("DROP FOREIGN KEY %s", name);
	lk_my_alter(m, LK_MIGRATE, change, undo);
	free(undo);
	free(change);
	free(column);
	free(name);
	return true;
}

bool lk_my_carry_objects(struct lk_my_derivation *m, struct lk_my_carry *carry,
			 struct lk_error *error)
{
	bool added = true;
	for (size_t i = 0; added && i < m->definition.count; i++) {
		const struct lk_my_item *item = &m->definition.items[i];
		if ((item->kind == LK_MY_KEY || item->kind == LK_MY_UNIQUE_KEY) &&
		    lk_my_mentions(item->rest, carry->from->name))
			added = add_index(m, carry, item, error);
	}
	/* Behind the indexes that they need. */
	for (size_t i = 0; added && i < m->definition.count; i++) {
		const struct lk_my_item *item = &m->definition.items[i];
		struct lk_my_part *parts;
		if (item->kind != LK_MY_FOREIGN_KEY)
			continue;
		size_t count = lk_my_parts(item->rest, &parts);
		if (count == 1 && parts[0].column &&
		    strcasecmp(parts[0].column, carry->from->name) == 0)
			added = add_foreign_key(m, carry, item, error);
		lk_my_parts_free(parts, count);
	}
	return added;
}

bool lk_my_carry_end(struct lk_my_derivation *m, const struct lk_my_carry *carry,
		     const char *from_then, struct lk_error *error)
{
	for (size_t i = 0; i < m->definition.count; i++) {
		const struct lk_my_item *item = &m->definition.items[i];
		struct lk_my_part *parts;
		if (item->kind != LK_MY_FOREIGN_KEY)
			continue;
		size_t count = lk_my_parts(item->rest, &parts);
		bool of_column = count == 1 && parts[0].column &&
				 strcasecmp(parts[0].column, carry->from->name) == 0;
		lk_my_parts_free(parts, count);
		if (!of_column)
			continue;
		char *name = m->d.session->driver->quote_name(item->name);
		char *column = m->d.session->driver->quote_name(from_then);
		char *change = lk_format("DROP FOREIGN KEY %s", name);
		char *undo = lk_format("ADD CONSTRAINT %s FOREIGN KEY (%s%s", name, column,
				       strstr(item->rest, ") REFERENCES "));
		lk_my_alter(m, LK_CONTRACT, change, undo);
		free(undo);
		free(change);
		free(column);
		free(name);
	}
	return lk_my_drop_indexes_of(m, carry->from->name, from_then, error);
}

void lk_my_carry_free(struct lk_my_carry *carry)
{
	for (size_t i = 0; i < carry->count; i++) {
		free(carry->list[i].made);
		free(carry->list[i].original);
	}
	free(carry->list);
}
