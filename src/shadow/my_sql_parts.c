/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_sql_parts.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "shadow/my_type.h"

static void begin_view(const struct lk_my_shape *shape, struct lk_my_key_view *view)
{
	memset(view, 0, sizeof *view);
	view->table.key.count = shape->table.key.count;
	view->table.key.sql = lk_alloc(view->table.key.count * sizeof(char *));
	view->key.table = &view->table;
	view->key.parts = shape->key.parts;
	view->key.timestamp = shape->key.timestamp;
}

void lk_my_view_original(const struct lk_my_shape *shape, const char *alias,
			 struct lk_my_key_view *view)
{
	begin_view(shape, view);
	for (size_t i = 0; i < view->table.key.count; i++)
		view->table.key.sql[i] = lk_format("%s.%s", alias, shape->table.key.sql[i]);
}

static bool is_compared_alike(const struct lk_my_mapped *m)
{
	return !m->from->collation ||
	       (m->to->collation && strcasecmp(m->from->collation, m->to->collation) == 0);
}

void lk_my_view_shadow(const struct lk_my_shape *shape, const char *alias,
		       struct lk_my_key_view *view)
{
	begin_view(shape, view);
	for (size_t i = 0; i < view->table.key.count; i++) {
		const struct lk_my_mapped *m = &shape->mapping.columns[shape->mapping.key[i]];
		view->table.key.sql[i] =
			is_compared_alike(m)
				? lk_format("%s.%s", alias, m->to->sql)
				: lk_format("CONVERT(%s.%s USING %s) COLLATE %s", alias, m->to->sql,
					    m->from->charset, m->from->collation);
	}
}

void lk_my_view_free(struct lk_my_key_view *view)
{
	for (size_t i = 0; i < view->table.key.count; i++)
		free(view->table.key.sql[i]);
	free(view->table.key.sql);
	memset(view, 0, sizeof *view);
}

void lk_my_add_bounds(struct lk_buffer *out, const struct lk_my_key_view *view, char *const *low,
		      char *const *high)
{
	if (low || high)
		lk_my_key_add_range(&view->key, low, high, out);
	else
		lk_buffer_add(out, "TRUE");
}

void lk_my_add_original(struct lk_buffer *out, const struct lk_my_shape *shape)
{
	lk_buffer_addf(out, "%s AS o FORCE INDEX (%s)", shape->table.sql, shape->table.key.index);
}

void lk_my_add_shadow(struct lk_buffer *out, const struct lk_my_shape *shape)
{
	lk_buffer_addf(out, "%s AS s FORCE INDEX (%s)", shape->shadow_sql,
		       shape->mapping.index->sql);
}

bool lk_my_add_held(struct lk_buffer *out, const struct lk_my_mapped *mapped, const char *alias)
{
	char *column = lk_format("%s.%s", alias, mapped->from->sql);
	char *held = lk_my_as_held(mapped->from, mapped->to, column);
	free(column);
	if (!held)
		return false;
	lk_buffer_add(out, held);
	/* Both sides of a comparison would be columns, with a collation each. */
	if (mapped->to->collation && !lk_my_same_column(mapped->from, mapped->to))
		lk_buffer_addf(out, " COLLATE %s", mapped->to->collation);
	free(held);
	return true;
}

void lk_my_add_same_key(struct lk_buffer *out, const struct lk_my_key_view *a,
			const struct lk_my_key_view *b)
{
	for (size_t i = 0; i < a->table.key.count; i++)
		lk_buffer_addf(out, "%s%s = %s", i ? " AND " : "", a->table.key.sql[i],
			       b->table.key.sql[i]);
}

void lk_my_add_targets(struct lk_buffer *out, const struct lk_my_shape *shape)
{
	for (size_t i = 0; i < shape->mapping.count; i++)
		lk_buffer_addf(out, "%s%s", i ? ", " : "", shape->mapping.columns[i].to->sql);
}

void lk_my_add_sources(struct lk_buffer *out, const struct lk_my_shape *shape)
{
	for (size_t i = 0; i < shape->mapping.count; i++) {
		const struct lk_my_mapped *m = &shape->mapping.columns[i];
		char *column = lk_format("o.%s", m->from->sql);
		char *sent = lk_my_as_sent(m->from, m->to, column);
		lk_buffer_addf(out, "%s%s", i ? ", " : "", sent);
		free(sent);
		free(column);
	}
}
