/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements that move rows. */
#include "shadow/my_shadow_sql.h"

#include <string.h>

#include "base/memory.h"
#include "shadow/my_mapping.h"
#include "shadow/my_sql_parts.h"
#include "shadow/my_type.h"

char *lk_my_bound(const struct lk_my_shape *shape, char *const *low, int64_t rows)
{
	struct lk_buffer sql = {0};
	struct lk_my_key_view o;
	lk_my_view_original(shape, "o", &o);
	lk_buffer_add(&sql, "SELECT ");
	lk_my_key_add_columns(&o.key, &sql);
	lk_buffer_add(&sql, ", 1 FROM ");
	lk_my_add_original(&sql, shape);
	lk_buffer_add(&sql, " WHERE ");
	lk_my_add_bounds(&sql, &o, low, NULL);
	lk_buffer_add(&sql, " ORDER BY ");
	lk_my_key_add_order(&o.key, "", NULL, NULL, &sql);
	lk_buffer_addf(&sql, " LIMIT %lld, 1", (long long)rows - 1);
	lk_my_view_free(&o);
	return lk_buffer_take(&sql);
}

/* What strict servers leave to nobody: new columns that are NOT NULL and have no default. */
static void add_implicit(struct lk_buffer *sql, const struct lk_my_shape *shape, bool values)
{
	for (size_t i = 0; i < shape->shadow.column_count; i++) {
		const struct lk_my_relation_column *c = &shape->shadow.columns[i];
		if (lk_my_needs_value(shape, c))
			lk_buffer_addf(sql, ", %s",
				       values ? lk_my_implicit_value(c->type) : c->sql);
	}
}

static void add_insert(struct lk_buffer *sql, const struct lk_my_shape *shape, const char *verb)
{
	lk_buffer_addf(sql, "%s INTO %s (", verb, shape->shadow_sql);
	lk_my_add_targets(sql, shape);
	add_implicit(sql, shape, false);
	lk_buffer_add(sql, ") SELECT ");
	lk_my_add_sources(sql, shape);
	add_implicit(sql, shape, true);
	lk_buffer_add(sql, " FROM ");
	lk_my_add_original(sql, shape);
	lk_buffer_add(sql, " WHERE ");
}

/*
 * INSERT IGNORE would swallow whatever else is wrong with a row, and an anti-join reads the shadow into a temporary
 * table first. This is met under any UNIQUE index; where the rows are not the same one, a NULL is put into the key,
 * which may have none: error 1048.
 */
static void add_keeping(struct lk_buffer *sql, const struct lk_my_shape *shape,
			const struct lk_my_key_view *o)
{
	struct lk_my_key_view s;
	const char *key = shape->mapping.columns[shape->mapping.key[0]].to->sql;
	lk_my_view_shadow(shape, shape->shadow_sql, &s);
	lk_buffer_addf(sql, " ON DUPLICATE KEY UPDATE %s = IF(", key);
	lk_my_add_same_key(sql, &s, o);
	lk_buffer_addf(sql, ", %s.%s, NULL)", shape->shadow_sql, key);
	lk_my_view_free(&s);
}

char *lk_my_chunk_copy_first(const struct lk_my_shape *shape, char *const *low, char *const *high,
			     int64_t rows)
{
	struct lk_buffer sql = {0};
	struct lk_my_key_view o;
	lk_my_view_original(shape, "o", &o);
	add_insert(&sql, shape, "INSERT");
	lk_my_add_bounds(&sql, &o, low, high);
	if (rows > 0) {
		lk_buffer_add(&sql, " ORDER BY ");
		lk_my_key_add_order(&o.key, "", low, high, &sql);
		lk_buffer_addf(&sql, " LIMIT %lld", (long long)rows);
	}
	add_keeping(&sql, shape, &o);
	lk_my_view_free(&o);
	return lk_buffer_take(&sql);
}

char *lk_my_chunk_copy(const struct lk_my_shape *shape, char *const *low, char *const *high)
{
	return lk_my_chunk_copy_first(shape, low, high, 0);
}

/* "a IN (1, 2)", "(a = 1 AND b = 2) OR …": neither server looks up ranges by (a, b) IN (…) in all cases. */
static void add_keys(struct lk_buffer *sql, const struct lk_my_key_view *view,
		     const struct lk_my_keys *keys)
{
	size_t parts = view->table.key.count;
	if (parts == 1)
		lk_buffer_addf(sql, "%s IN (", view->table.key.sql[0]);
	else
		lk_buffer_add(sql, "(");
	for (size_t n = 0; n < keys->count; n++) {
		const char *const *literals = keys->literals + n * parts;
		lk_buffer_add(sql, n == 0 ? "" : parts == 1 ? ", " : " OR ");
		for (size_t i = 0; parts > 1 && i < parts; i++)
			lk_buffer_addf(sql, "%s%s = %s", i ? " AND " : "(", view->table.key.sql[i],
				       literals[i]);
		lk_buffer_add(sql, parts > 1 ? ")" : literals[0]);
	}
	lk_buffer_add(sql, ")");
}

/* The shadow's columns as they are, so that its index is used. */
static void view_index(const struct lk_my_shape *shape, struct lk_my_key_view *view)
{
	lk_my_view_shadow(shape, "s", view);
	for (size_t i = 0; i < view->table.key.count; i++) {
		free(view->table.key.sql[i]);
		view->table.key.sql[i] =
			lk_format("s.%s", shape->mapping.columns[shape->mapping.key[i]].to->sql);
	}
}

char *lk_my_again_delete(const struct lk_my_shape *shape, const struct lk_my_keys *keys)
{
	struct lk_buffer sql = {0};
	struct lk_my_key_view s, index;
	view_index(shape, &index);
	lk_buffer_add(&sql, "DELETE s FROM ");
	lk_my_add_shadow(&sql, shape);
	lk_buffer_add(&sql, " WHERE ");
	add_keys(&sql, &index, keys);
	/* What the shadow takes for the same may be another row. */
	if (!shape->mapping.ordered) {
		lk_my_view_shadow(shape, "s", &s);
		lk_buffer_add(&sql, " AND ");
		add_keys(&sql, &s, keys);
		lk_my_view_free(&s);
	}
	lk_my_view_free(&index);
	return lk_buffer_take(&sql);
}

char *lk_my_again_copy(const struct lk_my_shape *shape, const struct lk_my_keys *keys)
{
	struct lk_buffer sql = {0};
	struct lk_my_key_view o;
	lk_my_view_original(shape, "o", &o);
	add_insert(&sql, shape, shape->mapping.replaces ? "REPLACE" : "INSERT");
	add_keys(&sql, &o, keys);
	lk_buffer_add(&sql,
		      shape->server.maria ? " LOCK IN SHARE MODE NOWAIT" : " FOR SHARE NOWAIT");
	lk_my_view_free(&o);
	return lk_buffer_take(&sql);
}

static bool run_made(struct lk_session *session, char *sql, struct lk_error *error)
{
	bool done = lk_execute(session, sql, error);
	free(sql);
	return done;
}

bool lk_my_copy_again(struct lk_session *session, const struct lk_my_shape *shape,
		      const struct lk_my_keys *keys, const struct lk_my_keys *gone,
		      struct lk_error *error)
{
	const struct lk_my_keys *deleted = gone && shape->mapping.replaces ? gone : keys;
	if (keys->count == 0)
		return true;
	if (!lk_begin(session, error))
		return false;
	if ((deleted->count == 0 || run_made(session, lk_my_again_delete(shape, deleted), error)) &&
	    run_made(session, lk_my_again_copy(shape, keys), error) && lk_commit(session, error))
		return true;
	lk_rollback(session);
	return false;
}

bool lk_my_is_duplicate(const struct lk_error *error)
{
	enum { DUPLICATE = 1062, DUPLICATE_NAMED = 1586, NULL_KEY = 1048 };
	return error->number == DUPLICATE || error->number == DUPLICATE_NAMED ||
	       error->number == NULL_KEY;
}

/* Whether an index of the shadow can have two of its rows of different keys meet, and what they meet by is known. */
static bool can_obstruct(const struct lk_my_shape *shape, const struct lk_my_relation_index *index)
{
	size_t held = 0, of_key = 0;
	for (size_t k = 0; k < index->count; k++) {
		const struct lk_my_relation_part *part = &index->parts[k];
		const struct lk_my_mapped *m =
			part->column && part->prefix == 0
				? lk_my_mapped_to(&shape->mapping, part->column)
				: NULL;
		struct lk_buffer unused = {0};
		held += m && lk_my_add_held(&unused, m, "o");
		lk_buffer_free(&unused);
		for (size_t i = 0; m && i < shape->table.key.count; i++)
			of_key += m == &shape->mapping.columns[shape->mapping.key[i]];
	}
	return index->unique && held == index->count &&
	       (!shape->mapping.ordered || of_key < shape->table.key.count);
}

/* Texts byte by byte: what a collation takes for the same may stand in the way. */
static void add_other_key(struct lk_buffer *sql, const struct lk_my_shape *shape,
			  const struct lk_my_key_view *s, const struct lk_my_key_view *o)
{
	lk_buffer_add(sql, " AND NOT (");
	for (size_t i = 0; i < shape->table.key.count; i++) {
		bool text = shape->key.parts[i].form == LK_MY_TEXT;
		lk_buffer_addf(sql,
			       text ? "%sCAST(%s AS BINARY) = CAST(%s AS BINARY)" : "%s%s = %s",
			       i ? " AND " : "", s->table.key.sql[i], o->table.key.sql[i]);
	}
	lk_buffer_add(sql, ")");
}

static void add_obstacles(struct lk_buffer *sql, const struct lk_my_shape *shape,
			  const struct lk_my_relation_index *index, const char *condition)
{
	struct lk_my_key_view o, s;
	lk_my_view_original(shape, "o", &o);
	lk_my_view_shadow(shape, "s", &s);
	lk_buffer_addf(sql, "%sSELECT ", sql->length ? " UNION " : "");
	lk_my_key_add_columns(&s.key, sql);
	lk_buffer_add(sql, " FROM ");
	lk_my_add_original(sql, shape);
	lk_buffer_addf(sql, " STRAIGHT_JOIN %s AS s FORCE INDEX (%s) ON ", shape->shadow_sql,
		       index->sql);
	for (size_t k = 0; k < index->count; k++) {
		const struct lk_my_mapped *m =
			lk_my_mapped_to(&shape->mapping, index->parts[k].column);
		lk_buffer_addf(sql, "%ss.%s = ", k ? " AND " : "", m->to->sql);
		lk_my_add_held(sql, m, "o");
	}
	lk_buffer_addf(sql, " WHERE %s", condition);
	add_other_key(sql, shape, &s, &o);
	lk_my_view_free(&s);
	lk_my_view_free(&o);
}

static char *obstacles(const struct lk_my_shape *shape, struct lk_buffer *condition)
{
	struct lk_buffer sql = {0};
	for (size_t i = 0; i < shape->shadow.index_count; i++)
		if (can_obstruct(shape, &shape->shadow.indexes[i]))
			add_obstacles(&sql, shape, &shape->shadow.indexes[i],
				      lk_buffer_text(condition));
	lk_buffer_free(condition);
	return sql.length ? lk_buffer_take(&sql) : NULL;
}

char *lk_my_obstacles_of(const struct lk_my_shape *shape, const struct lk_my_keys *keys)
{
	struct lk_buffer condition = {0};
	struct lk_my_key_view o;
	lk_my_view_original(shape, "o", &o);
	add_keys(&condition, &o, keys);
	lk_my_view_free(&o);
	return obstacles(shape, &condition);
}

char *lk_my_obstacles_in(const struct lk_my_shape *shape, char *const *low, char *const *high)
{
	struct lk_buffer condition = {0};
	struct lk_my_key_view o;
	lk_my_view_original(shape, "o", &o);
	lk_buffer_add(&condition, "(");
	lk_my_add_bounds(&condition, &o, low, high);
	lk_buffer_add(&condition, ")");
	lk_my_view_free(&o);
	return obstacles(shape, &condition);
}

static bool counts(const struct lk_my_shape *shape)
{
	for (size_t i = 0; i < shape->mapping.count; i++)
		if (shape->mapping.columns[i].from->counted &&
		    shape->mapping.columns[i].to->counted)
			return true;
	return false;
}

/* MySQL answers from statistics up to a day old unless it is told to look. */
bool lk_my_carry_counter(struct lk_session *session, const struct lk_my_shape *shape,
			 char **statement, struct lk_error *error)
{
	static const char sql[] =
		"SELECT MAX(CASE WHEN table_name = $2 THEN auto_increment END),"
		" MAX(CASE WHEN table_name = $3 THEN auto_increment END) FROM information_schema.tables"
		" WHERE table_schema = $1 AND table_name IN ($2, $3)";
	struct lk_result r;
	*statement = NULL;
	if (!counts(shape))
		return true;
	if ((!shape->server.maria &&
	     !LK_RUN(session, error, "SET SESSION information_schema_stats_expiry = 0")) ||
	    !LK_QUERY(session, &r, error, sql, shape->table.schema, shape->table.name,
		      shape->names.shadow))
		return false;
	uint64_t original = strtoull(lk_cell_text(&r, 0, 0), NULL, 10);
	uint64_t shadow = strtoull(lk_cell_text(&r, 0, 1), NULL, 10);
	if (original > shadow && original > 1)
		*statement = lk_format("ALTER TABLE %s AUTO_INCREMENT = %llu", shape->shadow_sql,
				       (unsigned long long)original);
	lk_result_free(&r);
	return true;
}

char *lk_my_shadow_analyze(const struct lk_my_shape *shape)
{
	return lk_format("ANALYZE TABLE %s", shape->shadow_sql);
}
