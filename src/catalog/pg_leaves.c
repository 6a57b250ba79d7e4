/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partitions and inheriting children: the tables in which rows stand. */
#include <stdio.h>

#include "base/memory.h"
#include "catalog/pg_catalog.h"

/* A partition that DETACH … CONCURRENTLY has begun to take away; the column came with PostgreSQL 14. */
#define ATTACHED "NOT coalesce((to_jsonb(i) ->> 'inhdetachpending')::boolean, false)"

bool lk_pg_leaves(struct lk_session *session, const struct lk_table *table, struct lk_leaf **leaves,
		  size_t *count, struct lk_error *error)
{
	static const char sql[] =
		"WITH RECURSIVE tree AS (SELECT $1::oid AS id UNION SELECT i.inhrelid FROM tree"
		"  JOIN pg_inherits i ON i.inhparent = tree.id WHERE " ATTACHED ")"
		" SELECT c.oid, n.nspname, c.relname, c.relkind = 'f', " LK_PG_ROWS
		" FROM tree JOIN pg_class c ON c.oid = tree.id JOIN pg_namespace n ON n.oid = c.relnamespace"
		" WHERE c.relkind IN ('r', 'f') ORDER BY c.oid <> $1::oid, c.oid";
	char id[24];
	struct lk_result r;
	snprintf(id, sizeof id, "%lld", (long long)table->id);
	if (!LK_QUERY(session, &r, error, sql, id))
		return false;
	*count = r.rows;
	*leaves = lk_alloc((r.rows + 1) * sizeof **leaves);
	for (size_t i = 0; i < r.rows; i++) {
		const char *schema = lk_cell_text(&r, i, 1), *name = lk_cell_text(&r, i, 2);
		(*leaves)[i] = (struct lk_leaf){.id = lk_cell_int(&r, i, 0),
						.sql = lk_pg_quoted_name(session, schema, name),
						.shown = lk_pg_shown_name(schema, name),
						.foreign = lk_cell_bool(&r, i, 3),
						.rows = lk_cell_int(&r, i, 4)};
	}
	lk_result_free(&r);
	return true;
}

bool lk_pg_is_leaf(struct lk_session *session, const struct lk_table *table, int64_t id, bool *is,
		   struct lk_error *error)
{
	static const char sql[] =
		"WITH RECURSIVE up AS (SELECT $2::oid AS id UNION SELECT i.inhparent FROM up"
		"  JOIN pg_inherits i ON i.inhrelid = up.id WHERE " ATTACHED ")"
		" SELECT $1::oid IN (SELECT id FROM up)";
	char ids[2][24];
	struct lk_result r;
	snprintf(ids[0], sizeof ids[0], "%lld", (long long)table->id);
	snprintf(ids[1], sizeof ids[1], "%lld", (long long)id);
	if (!LK_QUERY(session, &r, error, sql, ids[0], ids[1]))
		return false;
	*is = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return true;
}
