/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of a table's keys its rows are copied by. */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "shadow/my_mapping.h"
#include "shadow/my_type.h"

/* Why the values of such a column do not come out of the binary log, or not exactly; NULL: they do. */
static const char *unfit(const struct lk_my_shape *shape,
			 const struct lk_my_relation_column *column)
{
	if (column->generated)
		return "is a generated column, which a shadow works out anew";
	switch (lk_my_class_of(column->type)) {
	case LK_MY_FLOATING:
	case LK_MY_DOUBLE:
		return "is a floating-point number, which does not come back exactly as text";
	case LK_MY_SET_TYPE:
		return "is a SET, which is sorted by one thing and compared by another";
	case LK_MY_LONG_TEXT:
	case LK_MY_LONG_BYTES:
	case LK_MY_JSON:
		return "is a long text, of which an index knows the beginning";
	case LK_MY_OTHER_TYPE:
		return strcasecmp(column->type, "uuid") == 0 ||
				       strncasecmp(column->type, "inet", 4) == 0
			       ? NULL
			       : "is of a type that has no text to compare by";
	case LK_MY_TIMESTAMP:
		return shape->utc
			       ? NULL
			       : "is a TIMESTAMP, which is exact in UTC only, while a generated column or a"
				 " conversion of times needs the server's time zone";
	default:
		return NULL;
	}
}

/* Whether an index tells every row. */
static bool tells_rows(const struct lk_my_relation_index *index)
{
	for (size_t k = 0; k < index->count; k++)
		if (!index->parts[k].column || index->parts[k].prefix > 0 ||
		    index->parts[k].nullable)
			return false;
	return index->unique && index->usable && strcmp(index->kind, "BTREE") == 0;
}

static bool is_fit(const struct lk_my_shape *shape, const struct lk_my_relation_index *index,
		   struct lk_error *error)
{
	for (size_t k = 0; k < index->count; k++) {
		const struct lk_my_relation_column *column =
			lk_my_relation_column(&shape->original, index->parts[k].column);
		const char *reason = column ? unfit(shape, column) : "cannot be seen";
		if (!reason)
			continue;
		if (error->class == LK_NO_ERROR)
			lk_fail(error, LK_ERROR_REFUSED,
				"%s cannot be copied by its key %s: column %s (%s) %s; give it a UNIQUE key"
				" over NOT NULL columns of other types first",
				shape->table.shown, index->name, index->parts[k].column,
				column ? column->type : "?", reason);
		return false;
	}
	return true;
}

/* The optimizer's order: SHOW INDEX has the primary key first, then unique ones. */
const struct lk_my_relation_index *lk_my_next_key(const struct lk_my_shape *shape, size_t *n,
						  struct lk_error *error)
{
	while (*n < shape->original.index_count) {
		const struct lk_my_relation_index *index = &shape->original.indexes[(*n)++];
		if (tells_rows(index) && is_fit(shape, index, error))
			return index;
	}
	if (error->class == LK_NO_ERROR)
		lk_fail(error, LK_ERROR_REFUSED,
			"%s has no PRIMARY KEY, and no UNIQUE key over whole NOT NULL columns, by which its"
			" rows could be told apart: add one first",
			shape->table.shown);
	return NULL;
}

static void free_names(char **names, size_t count)
{
	for (size_t i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
}

bool lk_my_use_key(struct lk_session *session, struct lk_my_shape *shape,
		   const struct lk_my_relation_index *index, struct lk_error *error)
{
	struct lk_key *key = &shape->table.key;
	lk_my_key_free(&shape->key);
	free(key->index);
	free_names(key->columns, key->count);
	free_names(key->sql, key->count);
	free_names(key->types, key->count);
	key->count = index->count;
	key->index = lk_strdup(index->sql);
	key->columns = lk_alloc(key->count * sizeof(char *));
	key->sql = lk_alloc(key->count * sizeof(char *));
	key->types = lk_alloc(key->count * sizeof(char *));
	for (size_t i = 0; i < key->count; i++) {
		const struct lk_my_relation_column *column =
			lk_my_relation_column(&shape->original, index->parts[i].column);
		key->columns[i] = lk_strdup(column->name);
		key->sql[i] = lk_strdup(column->sql);
		key->types[i] = lk_strdup(column->type);
	}
	return lk_my_key_read(session, &shape->table, &shape->key, error);
}
