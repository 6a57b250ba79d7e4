/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which rows the shadow cannot hold. Only the server knows all its rules (types, modes, CHECK constraints, partitions),
 * so it is asked: the copy of a range, taken back at once, fails at the first such row, which is found by halving.
 */
#include <string.h>

#include "base/memory.h"
#include "db/my_text.h"
#include "shadow/my_sql_parts.h"

/* Copies the first `rows` rows of the range and takes them back. *met has the server's words when it refuses one. */
static bool try_first(struct lk_session *session, const struct lk_my_shape *shape, char *const *low,
		      char *const *high, int64_t rows, struct lk_error *met)
{
	char *sql = lk_my_chunk_copy_first(shape, low, high, rows);
	bool done = lk_begin(session, met) && lk_execute(session, sql, met);
	lk_rollback(session);
	free(sql);
	return done;
}

static bool count_rows(struct lk_session *session, const struct lk_my_shape *shape,
		       char *const *low, char *const *high, int64_t *rows, struct lk_error *error)
{
	struct lk_buffer sql = {0};
	struct lk_result r;
	struct lk_my_key_view o;
	lk_my_view_original(shape, "o", &o);
	lk_buffer_add(&sql, "SELECT COUNT(*) FROM ");
	lk_my_add_original(&sql, shape);
	lk_buffer_add(&sql, " WHERE ");
	lk_my_add_bounds(&sql, &o, low, high);
	bool read = lk_query(session, &r, error, lk_buffer_text(&sql), 0, NULL);
	if (read) {
		*rows = lk_cell_int(&r, 0, 0);
		lk_result_free(&r);
	}
	lk_my_view_free(&o);
	lk_buffer_free(&sql);
	return read;
}

/* The number, from 1, of the first row that is refused, the range being known to have one. */
static bool halve(struct lk_session *session, const struct lk_my_shape *shape, char *const *low,
		  char *const *high, int64_t *row, struct lk_error *error)
{
	struct lk_error met = {0};
	int64_t fits = 0, fails = 0;
	if (!count_rows(session, shape, low, high, &fails, error))
		return false;
	while (fails - fits > 1) {
		int64_t middle = fits + (fails - fits) / 2;
		if (try_first(session, shape, low, high, middle, &met)) {
			fits = middle;
		} else if (met.class == LK_ERROR_STATEMENT) {
			fails = middle;
		} else {
			*error = met;
			return false;
		}
	}
	*row = fails;
	return true;
}

/* Its key and, as a person reads it, each column that the error names. */
static bool read_row(struct lk_session *session, const struct lk_my_shape *shape, char *const *low,
		     int64_t row, char ***key, struct lk_error *error)
{
	struct lk_result r;
	char *sql = lk_my_bound(shape, low, row);
	bool read = lk_query(session, &r, error, sql, 0, NULL);
	free(sql);
	if (!read)
		return false;
	if (r.rows == 0) {
		lk_result_free(&r);
		return lk_fail(error, LK_ERROR_RETRY, "a row of %s has gone in the meantime",
			       shape->table.shown);
	}
	*key = lk_alloc(shape->table.key.count * sizeof(char *));
	for (size_t i = 0; i < shape->table.key.count; i++)
		(*key)[i] = lk_strdup(lk_cell_text(&r, 0, i));
	lk_result_free(&r);
	return true;
}

/* The column that the server's sentence names, for people only; NULL: none. */
static const struct lk_my_mapped *named_column(const struct lk_my_shape *shape,
					       const struct lk_error *met)
{
	for (size_t i = 0; i < shape->mapping.count; i++) {
		const struct lk_my_mapped *m = &shape->mapping.columns[i];
		char *quoted = lk_format("'%s'", m->to->name);
		bool named = strstr(met->text, quoted) || strstr(met->text, m->to->sql);
		free(quoted);
		if (named)
			return m;
	}
	return NULL;
}

static char *value_of(struct lk_session *session, const struct lk_my_shape *shape,
		      const struct lk_my_mapped *m, char *const *key)
{
	struct lk_buffer sql = {0};
	struct lk_error ignored;
	struct lk_result r;
	char *value = NULL;
	lk_buffer_addf(&sql, "SELECT LEFT(CAST(%s AS CHAR), 40) FROM %s WHERE ", m->from->sql,
		       shape->table.sql);
	lk_my_key_add_equal(&shape->key, key, &sql);
	if (lk_query(session, &r, &ignored, lk_buffer_text(&sql), 0, NULL)) {
		if (r.rows > 0)
			value = lk_cell(&r, 0, 0) ? lk_format("'%s'", lk_cell(&r, 0, 0))
						  : lk_strdup("NULL");
		lk_result_free(&r);
	}
	lk_buffer_free(&sql);
	return value ? value : lk_strdup("a value");
}

static char *sentence_of(struct lk_session *session, const struct lk_my_shape *shape,
			 char *const *key, const struct lk_error *met)
{
	struct lk_buffer out = {0};
	const struct lk_my_mapped *m = named_column(shape, met);
	for (size_t i = 0; i < shape->table.key.count; i++) {
		char *shown = lk_my_key_shown(&shape->key, i, key[i]);
		lk_buffer_addf(&out, "%s%s.%s %s", i ? ", " : "", shape->table.shown,
			       shape->table.key.columns[i], shown);
		free(shown);
	}
	if (m) {
		char *value = value_of(session, shape, m, key);
		lk_buffer_addf(&out, ": %s of %s does not fit %s%s", value, m->from->name,
			       m->to->type, m->to->not_null ? " NOT NULL" : "");
		free(value);
	}
	lk_buffer_addf(&out, m ? " (%s)" : ": %s", met->text);
	return lk_buffer_take(&out);
}

bool lk_my_find_unfit(struct lk_session *session, const struct lk_my_shape *shape, char *const *low,
		      char *const *high, size_t limit, struct lk_my_unfits *unfits,
		      struct lk_error *error)
{
	memset(unfits, 0, sizeof *unfits);
	unfits->parts = shape->table.key.count;
	while (unfits->count < limit) {
		struct lk_error met = {0};
		int64_t row;
		char **key = NULL;
		if (try_first(session, shape, low, high, 0, &met))
			return true;
		if (met.class != LK_ERROR_STATEMENT) {
			*error = met;
			break;
		}
		if (!halve(session, shape, low, high, &row, error) ||
		    !read_row(session, shape, low, row, &key, error))
			break;
		/* Its own words, for the ones above may be another row's. */
		try_first(session, shape, low, key, 0, &met);
		struct lk_my_unfit *found = LK_PUSH(unfits->list, unfits->count);
		found->key = key;
		found->duplicate = lk_my_is_duplicate(&met);
		found->sentence = sentence_of(session, shape, key, &met);
		low = key;
	}
	if (unfits->count == limit)
		return true;
	lk_my_unfits_free(unfits);
	return false;
}

void lk_my_unfits_free(struct lk_my_unfits *unfits)
{
	for (size_t i = 0; i < unfits->count; i++) {
		for (size_t k = 0; k < unfits->parts; k++)
			free(unfits->list[i].key[k]);
		free(unfits->list[i].key);
		free(unfits->list[i].sentence);
	}
	free(unfits->list);
	memset(unfits, 0, sizeof *unfits);
}
