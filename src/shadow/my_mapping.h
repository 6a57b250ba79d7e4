/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which column of the original becomes which of the shadow, and by what rows of both are told apart. For this folder. */
#ifndef LK_SHADOW_MY_MAPPING_H
#define LK_SHADOW_MY_MAPPING_H

#include "shadow/my_alter.h"
#include "shadow/my_shape.h"

/*
 * The next UNIQUE index of the original, from number *n on, the primary key first, that tells every row and whose
 * columns' values the binary log gives exactly; *n goes behind it. NULL: there is no other one, and *error (class
 * REFUSED) has the reason why the first one that was passed over will not do.
 */
const struct lk_my_relation_index *lk_my_next_key(const struct lk_my_shape *shape, size_t *n,
						  struct lk_error *error);
/* Makes it the key by which rows are copied. */
bool lk_my_use_key(struct lk_session *session, struct lk_my_shape *shape,
		   const struct lk_my_relation_index *index, struct lk_error *error);
/* From shape->original, shape->shadow and shape->table.key. Class REFUSED with a sentence. */
bool lk_my_mapping_make(struct lk_my_shape *shape, const struct lk_my_alter *alter,
			struct lk_error *error);
/* Whether a column of the shadow is new and must be given lk_my_implicit_value, since it has no default. */
bool lk_my_needs_value(const struct lk_my_shape *shape, const struct lk_my_relation_column *column);
/* The way back: shape->shadow is the old table, shape->original the new one that `forward` made of it. */
bool lk_my_mapping_turn(struct lk_my_shape *shape, const struct lk_my_mapping *forward,
			struct lk_error *error);
void lk_my_mapping_free(struct lk_my_mapping *mapping);
/* Where a column of the original stands in the mapping; NULL: it is not copied. */
const struct lk_my_mapped *lk_my_mapped_from(const struct lk_my_mapping *mapping, const char *name);
const struct lk_my_mapped *lk_my_mapped_to(const struct lk_my_mapping *mapping, const char *name);

#endif
