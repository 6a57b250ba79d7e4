/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_mapping.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "shadow/my_type.h"

const struct lk_my_mapped *lk_my_mapped_from(const struct lk_my_mapping *mapping, const char *name)
{
	for (size_t i = 0; i < mapping->count; i++)
		if (strcasecmp(mapping->columns[i].from->name, name) == 0)
			return &mapping->columns[i];
	return NULL;
}

const struct lk_my_mapped *lk_my_mapped_to(const struct lk_my_mapping *mapping, const char *name)
{
	for (size_t i = 0; i < mapping->count; i++)
		if (strcasecmp(mapping->columns[i].to->name, name) == 0)
			return &mapping->columns[i];
	return NULL;
}

/* A column that has gone without a word of ours for it means that the clauses were not understood. */
static bool check_followed(const struct lk_my_shape *shape, const struct lk_my_alter *alter,
			   struct lk_error *error)
{
	for (size_t i = 0; i < shape->original.column_count; i++) {
		const struct lk_my_relation_column *c = &shape->original.columns[i];
		const char *name = lk_my_alter_new_name(alter, c->name);
		if (lk_my_alter_drops(alter, c->name))
			continue;
		if (!lk_my_relation_column(&shape->shadow, name ? name : c->name))
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"column %s of %s is not in the altered table, and the clauses do not say in a"
				" way that is understood here what became of it: write DROP COLUMN, RENAME"
				" COLUMN or CHANGE",
				c->name, shape->table.shown);
	}
	return true;
}

static void map_columns(struct lk_my_shape *shape, const struct lk_my_alter *alter)
{
	for (size_t i = 0; i < shape->shadow.column_count; i++) {
		const struct lk_my_relation_column *to = &shape->shadow.columns[i];
		const char *source = lk_my_alter_source(alter, &shape->original, to->name);
		if (!source || to->generated)
			continue;
		struct lk_my_mapped *m = LK_PUSH(shape->mapping.columns, shape->mapping.count);
		m->from = lk_my_relation_column(&shape->original, source);
		m->to = to;
	}
}

bool lk_my_needs_value(const struct lk_my_shape *shape, const struct lk_my_relation_column *column)
{
	return !column->preset && !column->generated && !column->counted &&
	       !lk_my_mapped_to(&shape->mapping, column->name);
}

static bool check_new_columns(const struct lk_my_shape *shape, struct lk_error *error)
{
	for (size_t i = 0; i < shape->shadow.column_count; i++) {
		const struct lk_my_relation_column *c = &shape->shadow.columns[i];
		if (lk_my_needs_value(shape, c) && !lk_my_implicit_value(c->type))
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"new column %s (%s NOT NULL) has no default, and no value that the rows of %s"
				" could have in it: give it a DEFAULT, or make it NULL",
				c->name, c->type, shape->table.shown);
	}
	return true;
}

static const struct lk_my_mapped *key_column(const struct lk_my_shape *shape, size_t i)
{
	return &shape->mapping.columns[shape->mapping.key[i]];
}

static bool map_key_column(struct lk_my_shape *shape, size_t i, struct lk_error *error)
{
	struct lk_my_mapping *mapping = &shape->mapping;
	const char *name = shape->table.key.columns[i];
	const struct lk_my_mapped *m = lk_my_mapped_from(mapping, name);
	if (!m)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"column %s of the key of %s (%s) is not kept by the change, and rows could not be told"
			" apart while they are copied: keep it with a UNIQUE index, and drop it in a step"
			" afterwards",
			name, shape->table.shown, shape->table.key.index);
	mapping->key[i] = (size_t)(m - mapping->columns);
	switch (lk_my_key_change_of(m->from, m->to)) {
	case LK_MY_KEY_REORDERED:
		mapping->ordered = false;
		return true;
	case LK_MY_KEY_ORDERED:
		return true;
	default:
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"column %s of the key of %s changes from %s to %s: rows could not be followed by it"
			" through the copy; change it by a new column (change_type), or copy by another UNIQUE"
			" key",
			name, shape->table.shown, m->from->type, m->to->type);
	}
}

static bool map_key(struct lk_my_shape *shape, struct lk_error *error)
{
	struct lk_my_mapping *mapping = &shape->mapping;
	mapping->key = lk_alloc(shape->table.key.count * sizeof *mapping->key);
	mapping->ordered = true;
	for (size_t i = 0; i < shape->table.key.count; i++)
		if (!map_key_column(shape, i, error))
			return false;
	return true;
}

static bool is_key_column(const struct lk_my_shape *shape, const char *name)
{
	for (size_t i = 0; name && i < shape->table.key.count; i++)
		if (strcasecmp(key_column(shape, i)->to->name, name) == 0)
			return true;
	return false;
}

/* Whether the key's columns, whole, are among the first `first` parts. */
static bool holds_key(const struct lk_my_shape *shape, const struct lk_my_relation_index *index,
		      size_t first)
{
	size_t found = 0;
	for (size_t k = 0; k < index->count && k < first; k++)
		found +=
			index->parts[k].prefix == 0 && is_key_column(shape, index->parts[k].column);
	return found == shape->table.key.count;
}

/* Whether each of the index's columns is one of the key's. */
static bool within_key(const struct lk_my_shape *shape, const struct lk_my_relation_index *index)
{
	for (size_t k = 0; k < index->count; k++)
		if (index->parts[k].prefix > 0 || index->parts[k].nullable ||
		    !is_key_column(shape, index->parts[k].column))
			return false;
	return true;
}

/* Whether a row that is copied twice meets itself under the index. */
static bool meets_itself(const struct lk_my_shape *shape, const struct lk_my_relation_index *index)
{
	for (size_t k = 0; k < index->count; k++)
		if (!index->parts[k].column || index->parts[k].nullable ||
		    !lk_my_mapped_to(&shape->mapping, index->parts[k].column))
			return false;
	return index->unique && holds_key(shape, index, index->count);
}

static bool is_plain(const struct lk_my_relation_index *index)
{
	return index->usable && strcmp(index->kind, "BTREE") == 0;
}

static void find_key_index(struct lk_my_shape *shape)
{
	struct lk_my_mapping *m = &shape->mapping;
	const struct lk_my_relation_index *leading = NULL;
	bool itself = false;
	for (size_t i = 0; i < shape->shadow.index_count; i++) {
		const struct lk_my_relation_index *x = &shape->shadow.indexes[i];
		itself = itself || meets_itself(shape, x);
		if (!is_plain(x))
			continue;
		if (!leading && holds_key(shape, x, shape->table.key.count))
			leading = x;
		if (x->unique && within_key(shape, x) && (!m->index || x->count > m->index->count))
			m->index = x;
	}
	m->unique = m->index != NULL;
	if (!m->unique && itself)
		m->index = leading;
}

static bool need_key_index(struct lk_my_shape *shape, struct lk_error *error)
{
	struct lk_buffer columns = {0};
	find_key_index(shape);
	if (shape->mapping.index)
		return true;
	for (size_t i = 0; i < shape->table.key.count; i++)
		lk_buffer_addf(&columns, "%s%s", i ? ", " : "", key_column(shape, i)->to->sql);
	lk_fail(error, LK_ERROR_REFUSED,
		"the altered table has no index that tells the rows of %s by its key (%s) while they are"
		" copied: add UNIQUE KEY (%s) to the change, and drop it in a step afterwards; where"
		" partitions do not allow that, a primary key that has these columns among its own, and"
		" an index that begins with them",
		shape->table.shown, shape->table.key.index, lk_buffer_text(&columns));
	lk_buffer_free(&columns);
	return false;
}

/* Whether rows that are distinct under an index of the original are so under that part of the shadow's index too. */
static bool part_covers(const struct lk_my_shape *shape, const struct lk_my_relation_part *old,
			const struct lk_my_relation_index *index)
{
	const struct lk_my_mapped *m =
		old->column ? lk_my_mapped_from(&shape->mapping, old->column) : NULL;
	if (!m || lk_my_key_change_of(m->from, m->to) != LK_MY_KEY_ORDERED)
		return false;
	for (size_t k = 0; k < index->count; k++) {
		const struct lk_my_relation_part *now = &index->parts[k];
		if (now->column && strcasecmp(now->column, m->to->name) == 0)
			return now->prefix == 0 || (old->prefix > 0 && now->prefix >= old->prefix);
	}
	return false;
}

static bool is_new_unique(const struct lk_my_shape *shape, const struct lk_my_relation_index *index)
{
	for (size_t i = 0; i < shape->original.index_count; i++) {
		const struct lk_my_relation_index *old = &shape->original.indexes[i];
		size_t covered = 0;
		while (old->unique && covered < old->count &&
		       part_covers(shape, &old->parts[covered], index))
			covered++;
		if (old->unique && covered == old->count)
			return false;
	}
	return true;
}

/* Whether every column of it is copied, and known as the shadow would hold it. */
static bool is_checkable(const struct lk_my_shape *shape, const struct lk_my_relation_index *index)
{
	for (size_t k = 0; k < index->count; k++) {
		const char *name = index->parts[k].column;
		const struct lk_my_mapped *m = name ? lk_my_mapped_to(&shape->mapping, name) : NULL;
		char *held = m ? lk_my_as_held(m->from, m->to, "c") : NULL;
		free(held);
		if (!held)
			return false;
	}
	return true;
}

/* Whether it has a new AUTO_INCREMENT, by which no two rows are alike. */
static bool numbers_rows(const struct lk_my_shape *shape, const struct lk_my_relation_index *index)
{
	for (size_t k = 0; k < index->count; k++) {
		const char *name = index->parts[k].column;
		const struct lk_my_relation_column *c =
			name ? lk_my_relation_column(&shape->shadow, name) : NULL;
		if (c && c->counted && !lk_my_mapped_to(&shape->mapping, name))
			return true;
	}
	return false;
}

static void judge_uniques(struct lk_my_shape *shape)
{
	struct lk_my_mapping *m = &shape->mapping;
	for (size_t i = 0; i < shape->shadow.index_count; i++) {
		const struct lk_my_relation_index *x = &shape->shadow.indexes[i];
		if (!x->unique || numbers_rows(shape, x))
			continue;
		/* Rows of different keys cannot meet under an index that holds the key. */
		m->further_uniques += !m->ordered || !holds_key(shape, x, x->count);
		if (!is_new_unique(shape, x))
			continue;
		*LK_PUSH(m->uniques, m->unique_count) =
			(struct lk_my_new_unique){.index = x, .checkable = is_checkable(shape, x)};
	}
	m->replaces = m->unique && m->ordered && m->further_uniques == 0;
}

static bool is_direct(const struct lk_my_mapping *mapping)
{
	for (size_t i = 0; i < mapping->count; i++) {
		char *held = lk_my_as_held(mapping->columns[i].from, mapping->columns[i].to, "c");
		free(held);
		if (!held)
			return false;
	}
	return true;
}

/* Everything that follows from the columns. */
static bool finish(struct lk_my_shape *shape, struct lk_error *error)
{
	if (!check_new_columns(shape, error) || !map_key(shape, error) ||
	    !need_key_index(shape, error)) {
		lk_my_mapping_free(&shape->mapping);
		return false;
	}
	judge_uniques(shape);
	shape->mapping.direct = is_direct(&shape->mapping);
	return true;
}

bool lk_my_mapping_make(struct lk_my_shape *shape, const struct lk_my_alter *alter,
			struct lk_error *error)
{
	lk_my_mapping_free(&shape->mapping);
	if (!check_followed(shape, alter, error))
		return false;
	map_columns(shape, alter);
	return finish(shape, error);
}

bool lk_my_mapping_turn(struct lk_my_shape *shape, const struct lk_my_mapping *forward,
			struct lk_error *error)
{
	lk_my_mapping_free(&shape->mapping);
	for (size_t i = 0; i < forward->count; i++) {
		const struct lk_my_mapped *was = &forward->columns[i];
		const struct lk_my_relation_column *from = lk_my_relation_column(&shape->original,
										 was->to->name),
						   *to = lk_my_relation_column(&shape->shadow,
									       was->from->name);
		if (!from || !to) {
			lk_my_mapping_free(&shape->mapping);
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"%s has been changed since: column %s has gone from it or from %s",
				shape->table.shown, from ? was->from->name : was->to->name,
				shape->names.shadow);
		}
		/* A column that was made a plain one may be generated in the old table. */
		if (!to->generated)
			*LK_PUSH(shape->mapping.columns, shape->mapping.count) =
				(struct lk_my_mapped){.from = from, .to = to};
	}
	return finish(shape, error);
}

void lk_my_mapping_free(struct lk_my_mapping *mapping)
{
	free(mapping->columns);
	free(mapping->key);
	free(mapping->uniques);
	memset(mapping, 0, sizeof *mapping);
}
