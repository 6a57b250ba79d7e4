/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_relation.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"

/* Of SHOW FULL COLUMNS and of SHOW INDEX. */
enum { FIELD, TYPE, COLLATION, NULLS, KEY, PRESET, EXTRA };
enum { TABLE, NON_UNIQUE, KEY_NAME, SEQUENCE, COLUMN, DIRECTION, CARDINALITY, SUB_PART, PACKED };
enum { NULLABLE = PACKED + 1, INDEX_TYPE, COMMENT, INDEX_COMMENT, SWITCHED, EXPRESSION };

static char *copy_or_null(const char *text)
{
	return text ? lk_strdup(text) : NULL;
}

static bool show(struct lk_session *session, const char *what, const char *table_sql,
		 struct lk_result *r, struct lk_error *error)
{
	char *sql = lk_format("SHOW %s FROM %s", what, table_sql);
	bool shown = lk_query(session, r, error, sql, 0, NULL);
	free(sql);
	return shown;
}

/* A collation's name begins with its character set's. */
static char *charset_of(const char *collation)
{
	return collation ? lk_strndup(collation, strcspn(collation, "_")) : NULL;
}

static bool read_columns(struct lk_session *session, const char *table_sql,
			 struct lk_my_relation *relation, struct lk_error *error)
{
	struct lk_result r;
	if (!show(session, "FULL COLUMNS", table_sql, &r, error))
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		struct lk_my_relation_column *c =
			LK_PUSH(relation->columns, relation->column_count);
		const char *extra = lk_cell_text(&r, i, EXTRA);
		c->name = lk_strdup(lk_cell_text(&r, i, FIELD));
		c->sql = session->driver->quote_name(c->name);
		c->type = lk_strdup(lk_cell_text(&r, i, TYPE));
		c->collation = copy_or_null(lk_cell(&r, i, COLLATION));
		c->charset = charset_of(c->collation);
		c->not_null = strcmp(lk_cell_text(&r, i, NULLS), "NO") == 0;
		c->preset = !c->not_null || lk_cell(&r, i, PRESET) != NULL;
		/* Not DEFAULT_GENERATED, which is a default that is an expression. */
		c->generated = strcasestr(extra, "VIRTUAL") || strcasestr(extra, "STORED") ||
			       strcasestr(extra, "PERSISTENT");
		c->counted = strcasestr(extra, "auto_increment") != NULL;
	}
	lk_result_free(&r);
	return true;
}

static void read_part(const struct lk_result *r, size_t row, struct lk_my_relation_index *index)
{
	struct lk_my_relation_part *part = LK_PUSH(index->parts, index->count);
	part->column = copy_or_null(lk_cell(r, row, COLUMN));
	part->prefix = (long)lk_cell_int(r, row, SUB_PART);
	part->nullable = strcmp(lk_cell_text(r, row, NULLABLE), "YES") == 0;
}

static bool read_indexes(struct lk_session *session, const char *table_sql,
			 struct lk_my_relation *relation, struct lk_error *error)
{
	struct lk_result r;
	if (!show(session, "INDEX", table_sql, &r, error))
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		if (lk_cell_int(&r, i, SEQUENCE) == 1) {
			struct lk_my_relation_index *x =
				LK_PUSH(relation->indexes, relation->index_count);
			const char *switched =
				r.columns > SWITCHED ? lk_cell_text(&r, i, SWITCHED) : "";
			x->name = lk_strdup(lk_cell_text(&r, i, KEY_NAME));
			x->sql = session->driver->quote_name(x->name);
			x->kind = lk_strdup(lk_cell_text(&r, i, INDEX_TYPE));
			x->unique = lk_cell_int(&r, i, NON_UNIQUE) == 0;
			/* The column is "Visible" on one server and "Ignored" on the other, which
			 * alone has no expressions. */
			x->usable = r.columns > EXPRESSION ? strcmp(switched, "NO") != 0
							   : strcmp(switched, "YES") != 0;
		}
		if (relation->index_count > 0)
			read_part(&r, i, &relation->indexes[relation->index_count - 1]);
	}
	lk_result_free(&r);
	return true;
}

bool lk_my_relation_read(struct lk_session *session, const char *table_sql,
			 struct lk_my_relation *relation, struct lk_error *error)
{
	memset(relation, 0, sizeof *relation);
	if (read_columns(session, table_sql, relation, error) &&
	    read_indexes(session, table_sql, relation, error))
		return true;
	lk_my_relation_free(relation);
	return false;
}

void lk_my_relation_free(struct lk_my_relation *relation)
{
	for (size_t i = 0; i < relation->column_count; i++) {
		struct lk_my_relation_column *c = &relation->columns[i];
		free(c->name);
		free(c->sql);
		free(c->type);
		free(c->collation);
		free(c->charset);
	}
	for (size_t i = 0; i < relation->index_count; i++) {
		struct lk_my_relation_index *x = &relation->indexes[i];
		for (size_t k = 0; k < x->count; k++)
			free(x->parts[k].column);
		free(x->parts);
		free(x->name);
		free(x->sql);
		free(x->kind);
	}
	free(relation->columns);
	free(relation->indexes);
	memset(relation, 0, sizeof *relation);
}

const struct lk_my_relation_column *lk_my_relation_column(const struct lk_my_relation *relation,
							  const char *name)
{
	for (size_t i = 0; i < relation->column_count; i++)
		if (strcasecmp(relation->columns[i].name, name) == 0)
			return &relation->columns[i];
	return NULL;
}
