/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements that compare the original, through the change, with the shadow. */
#include <string.h>

#include "base/memory.h"
#include "db/my_text.h"
#include "shadow/my_mapping.h"
#include "shadow/my_sql_parts.h"
#include "shadow/my_type.h"

/* Where values "as the shadow would hold them" are read: worked out, converted by the server, or the shadow's own. */
enum source { FROM_ORIGINAL, FROM_STAGE, FROM_SHADOW };
static const char *const aliases[] = {"o", "g", "s"};

static char *stage_sql(const struct lk_my_shape *shape)
{
	char *schema = lk_my_quote_name(shape->table.schema);
	char *stage = lk_format("%s.lockkeeper_stage", schema);
	free(schema);
	return stage;
}

static enum source left_source(const struct lk_my_shape *shape)
{
	return shape->mapping.direct ? FROM_ORIGINAL : FROM_STAGE;
}

/* A row as one text of bytes; equal texts are equal rows. */
static void add_row(struct lk_buffer *sql, const struct lk_my_shape *shape, enum source source)
{
	lk_buffer_add(sql, "CONCAT(_binary''");
	for (size_t i = 0; i < shape->mapping.count; i++) {
		const struct lk_my_mapped *m = &shape->mapping.columns[i];
		struct lk_buffer value = {0};
		if (source == FROM_ORIGINAL)
			lk_my_add_held(&value, m, aliases[source]);
		else
			lk_buffer_addf(&value, "%s.%s", aliases[source], m->to->sql);
		lk_buffer_add(sql, ", ");
		lk_my_add_print(sql, m->to, lk_buffer_text(&value));
		lk_buffer_free(&value);
	}
	lk_buffer_add(sql, ")");
}

static void add_left(struct lk_buffer *sql, const struct lk_my_shape *shape)
{
	if (shape->mapping.direct) {
		lk_my_add_original(sql, shape);
		return;
	}
	char *stage = stage_sql(shape);
	lk_buffer_addf(sql, "%s AS g", stage);
	free(stage);
}

/* The key of the left side, as the original compares it. */
static void view_left(const struct lk_my_shape *shape, struct lk_my_key_view *view)
{
	if (shape->mapping.direct)
		lk_my_view_original(shape, "o", view);
	else
		lk_my_view_shadow(shape, "g", view);
}

/* The shadow's row for a row of the left side: found by its index, and the very one. */
static void add_match(struct lk_buffer *sql, const struct lk_my_shape *shape, enum source left)
{
	struct lk_my_key_view l, s;
	for (size_t i = 0; i < shape->table.key.count; i++) {
		const struct lk_my_mapped *m = &shape->mapping.columns[shape->mapping.key[i]];
		lk_buffer_addf(sql, "%ss.%s = ", i ? " AND " : "", m->to->sql);
		if (left == FROM_ORIGINAL)
			lk_my_add_held(sql, m, "o");
		else
			lk_buffer_addf(sql, "g.%s", m->to->sql);
	}
	if (shape->mapping.ordered)
		return;
	if (left == FROM_ORIGINAL)
		lk_my_view_original(shape, "o", &l);
	else
		lk_my_view_shadow(shape, "g", &l);
	lk_my_view_shadow(shape, "s", &s);
	lk_buffer_add(sql, " AND ");
	lk_my_add_same_key(sql, &s, &l);
	lk_my_view_free(&s);
	lk_my_view_free(&l);
}

char *lk_my_compare_begin(const struct lk_my_shape *shape)
{
	struct lk_buffer sql = {0};
	if (shape->mapping.direct)
		return lk_strdup("");
	char *stage = stage_sql(shape);
	/* Neither is in a binary log of rows. */
	lk_buffer_addf(&sql,
		       "DROP TEMPORARY TABLE IF EXISTS %s;"
		       " CREATE TEMPORARY TABLE %s ENGINE=InnoDB AS SELECT ",
		       stage, stage);
	lk_my_add_targets(&sql, shape);
	lk_buffer_addf(&sql, " FROM %s WHERE FALSE", shape->shadow_sql);
	free(stage);
	return lk_buffer_take(&sql);
}

char *lk_my_compare_stage(const struct lk_my_shape *shape, char *const *low, char *const *high)
{
	struct lk_buffer sql = {0};
	struct lk_my_key_view o;
	if (shape->mapping.direct)
		return lk_strdup("");
	char *stage = stage_sql(shape);
	lk_my_view_original(shape, "o", &o);
	lk_buffer_addf(&sql, "DELETE FROM %s; INSERT INTO %s (", stage, stage);
	lk_my_add_targets(&sql, shape);
	lk_buffer_add(&sql, ") SELECT ");
	lk_my_add_sources(&sql, shape);
	lk_buffer_add(&sql, " FROM ");
	lk_my_add_original(&sql, shape);
	lk_buffer_add(&sql, " WHERE ");
	lk_my_add_bounds(&sql, &o, low, high);
	lk_my_view_free(&o);
	free(stage);
	return lk_buffer_take(&sql);
}

/* The rows of a side in a range, behind FROM. */
static void add_side(struct lk_buffer *sql, const struct lk_my_shape *shape, enum source source,
		     char *const *low, char *const *high)
{
	struct lk_my_key_view view;
	if (source == FROM_STAGE) {
		add_left(sql, shape);
		return;
	}
	if (source == FROM_SHADOW && shape->mapping.ordered) {
		lk_my_add_shadow(sql, shape);
		lk_my_view_shadow(shape, "s", &view);
	} else {
		lk_my_add_original(sql, shape);
		lk_my_view_original(shape, "o", &view);
	}
	/* Where ranges differ, the shadow's rows are those of the original's rows in the range. */
	if (source == FROM_SHADOW && !shape->mapping.ordered) {
		lk_buffer_add(sql, " STRAIGHT_JOIN ");
		lk_my_add_shadow(sql, shape);
		lk_buffer_add(sql, " ON ");
		if (shape->mapping.direct) {
			add_match(sql, shape, FROM_ORIGINAL);
		} else {
			struct lk_my_key_view s;
			lk_my_view_shadow(shape, "s", &s);
			lk_my_add_same_key(sql, &s, &view);
			lk_my_view_free(&s);
		}
	}
	lk_buffer_add(sql, " WHERE ");
	lk_my_add_bounds(sql, &view, low, high);
	lk_my_view_free(&view);
}

/*
 * The inner CRC32 of two rows changes by the same bits when they swap values of the same length, which leaves a XOR, and
 * often a sum, as it was. The outer one is of its digits.
 */
char *lk_my_compare_sum(const struct lk_my_shape *shape, enum lk_my_side side, char *const *low,
			char *const *high)
{
	struct lk_buffer sql = {0};
	enum source source = side == LK_MY_SHADOW ? FROM_SHADOW : left_source(shape);
	lk_buffer_add(&sql, "SELECT COUNT(*), COALESCE(SUM(CRC32(CRC32(");
	add_row(&sql, shape, source);
	lk_buffer_add(&sql, "))), 0) FROM ");
	add_side(&sql, shape, source, low, high);
	return lk_buffer_take(&sql);
}

static void add_missing(struct lk_buffer *sql, const struct lk_my_shape *shape, char *const *low,
			char *const *high)
{
	struct lk_my_key_view left;
	enum source source = left_source(shape);
	const char *found = shape->mapping.columns[shape->mapping.key[0]].to->sql;
	view_left(shape, &left);
	lk_buffer_add(sql, "SELECT ");
	lk_my_key_add_columns(&left.key, sql);
	lk_buffer_addf(sql, ", IF(s.%s IS NULL, 'missing', 'differs') FROM ", found);
	add_left(sql, shape);
	lk_buffer_add(sql, " LEFT JOIN ");
	lk_my_add_shadow(sql, shape);
	lk_buffer_add(sql, " ON ");
	add_match(sql, shape, source);
	lk_buffer_add(sql, " WHERE ");
	if (source == FROM_ORIGINAL) {
		lk_my_add_bounds(sql, &left, low, high);
		lk_buffer_add(sql, " AND ");
	}
	lk_buffer_addf(sql, "(s.%s IS NULL OR NOT (", found);
	add_row(sql, shape, source);
	lk_buffer_add(sql, " <=> ");
	add_row(sql, shape, FROM_SHADOW);
	lk_buffer_add(sql, "))");
	lk_my_view_free(&left);
}

/* Rows of the shadow without one in the original. */
static void add_extra(struct lk_buffer *sql, const struct lk_my_shape *shape, char *const *low,
		      char *const *high)
{
	struct lk_my_key_view o, s;
	lk_my_view_original(shape, "o", &o);
	lk_my_view_shadow(shape, "s", &s);
	lk_buffer_add(sql, "SELECT ");
	lk_my_key_add_columns(&s.key, sql);
	lk_buffer_add(sql, ", 'extra' FROM ");
	lk_my_add_shadow(sql, shape);
	lk_buffer_add(sql, " LEFT JOIN ");
	lk_my_add_original(sql, shape);
	lk_buffer_add(sql, " ON ");
	lk_my_add_same_key(sql, &o, &s);
	lk_buffer_add(sql, " WHERE ");
	lk_my_add_bounds(sql, &s, low, high);
	lk_buffer_addf(sql, " AND %s IS NULL", o.table.key.sql[0]);
	lk_my_view_free(&s);
	lk_my_view_free(&o);
}

char *lk_my_compare_differ(const struct lk_my_shape *shape, char *const *low, char *const *high,
			   int limit)
{
	struct lk_buffer sql = {0};
	lk_buffer_add(&sql, "(");
	add_missing(&sql, shape, low, high);
	lk_buffer_addf(&sql, " LIMIT %d)", limit);
	if (shape->mapping.ordered) {
		lk_buffer_add(&sql, " UNION ALL (");
		add_extra(&sql, shape, low, high);
		lk_buffer_addf(&sql, " LIMIT %d)", limit);
	}
	return lk_buffer_take(&sql);
}

char *lk_my_compare_strays(const struct lk_my_shape *shape, int limit)
{
	struct lk_buffer sql = {0};
	if (shape->mapping.ordered)
		return NULL;
	add_extra(&sql, shape, NULL, NULL);
	lk_buffer_addf(&sql, " LIMIT %d", limit);
	return lk_buffer_take(&sql);
}

/* One column of a UNIQUE index as it would be compared there. */
static void add_unique_part(struct lk_buffer *sql, const struct lk_my_shape *shape,
			    const struct lk_my_relation_part *part)
{
	const struct lk_my_mapped *m = lk_my_mapped_to(&shape->mapping, part->column);
	lk_buffer_add(sql, part->prefix > 0 ? "LEFT(" : "");
	lk_my_add_held(sql, m, "o");
	if (part->prefix > 0)
		lk_buffer_addf(sql, ", %ld)", part->prefix);
}

static void add_groups(struct lk_buffer *sql, const struct lk_my_shape *shape,
		       const struct lk_my_relation_index *index, int limit)
{
	lk_buffer_add(sql, "(SELECT ");
	for (size_t k = 0; k < index->count; k++) {
		lk_buffer_add(sql, k ? ", " : "");
		add_unique_part(sql, shape, &index->parts[k]);
		lk_buffer_addf(sql, " AS u%zu", k);
	}
	lk_buffer_addf(sql, " FROM %s AS o GROUP BY ", shape->table.sql);
	for (size_t k = 0; k < index->count; k++)
		lk_buffer_addf(sql, "%su%zu", k ? ", " : "", k);
	/* NULLs are not equal to each other under a UNIQUE index. */
	lk_buffer_add(sql, " HAVING COUNT(*) > 1");
	for (size_t k = 0; k < index->count; k++)
		lk_buffer_addf(sql, " AND u%zu IS NOT NULL", k);
	lk_buffer_addf(sql, " LIMIT %d) AS d", limit);
}

char *lk_my_find_twice(const struct lk_my_shape *shape, size_t which, int limit)
{
	const struct lk_my_relation_index *index = shape->mapping.uniques[which].index;
	struct lk_buffer sql = {0};
	struct lk_my_key_view o;
	lk_my_view_original(shape, "o", &o);
	lk_buffer_add(&sql, "SELECT ");
	lk_my_key_add_columns(&o.key, &sql);
	lk_buffer_addf(&sql, " FROM %s AS o JOIN ", shape->table.sql);
	add_groups(&sql, shape, index, limit);
	lk_buffer_add(&sql, " ON ");
	for (size_t k = 0; k < index->count; k++) {
		lk_buffer_add(&sql, k ? " AND " : "");
		add_unique_part(&sql, shape, &index->parts[k]);
		lk_buffer_addf(&sql, " = d.u%zu", k);
	}
	lk_buffer_addf(&sql, " LIMIT %d", 2 * limit);
	lk_my_view_free(&o);
	return lk_buffer_take(&sql);
}
