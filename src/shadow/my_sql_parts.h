/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of my_shadow_sql.h share. In the statements "o" is the original, "s" the shadow. For this folder. */
#ifndef LK_SHADOW_MY_SQL_PARTS_H
#define LK_SHADOW_MY_SQL_PARTS_H

#include "shadow/my_shadow_sql.h"

/* The original's key as it stands in another table: the same texts and comparisons, by other names. */
struct lk_my_key_view {
	struct lk_table table; /* only its key's sql and count */
	struct lk_my_key key;
};
/* The original's own columns behind an alias. */
void lk_my_view_original(const struct lk_my_shape *shape, const char *alias,
			 struct lk_my_key_view *view);
/* The shadow's columns behind an alias, compared as the original compares them; an index of the shadow cannot
 * be used where that is another way. */
void lk_my_view_shadow(const struct lk_my_shape *shape, const char *alias,
		       struct lk_my_key_view *view);
void lk_my_view_free(struct lk_my_key_view *view);

/* The condition "key in (low, high]", TRUE when both are open. */
void lk_my_add_bounds(struct lk_buffer *out, const struct lk_my_key_view *view, char *const *low,
		      char *const *high);
/* "`db`.`t` AS o FORCE INDEX (…)", by the key. */
void lk_my_add_original(struct lk_buffer *out, const struct lk_my_shape *shape);
void lk_my_add_shadow(struct lk_buffer *out, const struct lk_my_shape *shape);
/* The value of a copied column as the shadow would hold it, compared as it would; false: no expression says it. */
bool lk_my_add_held(struct lk_buffer *out, const struct lk_my_mapped *mapped, const char *alias);
/* "a.x = b.x AND …" of two views. */
void lk_my_add_same_key(struct lk_buffer *out, const struct lk_my_key_view *a,
			const struct lk_my_key_view *b);
/* "`a`, `b`": the shadow's columns that are copied; and behind an alias the original's that they come from. */
void lk_my_add_targets(struct lk_buffer *out, const struct lk_my_shape *shape);
void lk_my_add_sources(struct lk_buffer *out, const struct lk_my_shape *shape);
/* The statement of lk_my_chunk_copy with an order and a limit, 0 none. */
char *lk_my_chunk_copy_first(const struct lk_my_shape *shape, char *const *low, char *const *high,
			     int64_t rows);

#endif
