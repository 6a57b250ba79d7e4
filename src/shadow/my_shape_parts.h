/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of my_shape.h share. For this folder. */
#ifndef LK_SHADOW_MY_SHAPE_PARTS_H
#define LK_SHADOW_MY_SHAPE_PARTS_H

#include "shadow/my_mapping.h"

/* Refuses what stands around the table: other engines, foreign keys, triggers. */
bool lk_my_shape_surroundings(struct lk_session *session, const struct lk_my_shape *shape,
			      struct lk_error *error);
/* Chooses shape->mode and shape->utc by what the clauses convert. */
bool lk_my_shape_settle(struct lk_session *session, struct lk_my_shape *shape,
			const struct lk_my_alter *alter, struct lk_error *error);
/* Tries the clauses on an empty temporary table and maps by it; where that cannot be, a note. */
bool lk_my_shape_try(struct lk_session *session, struct lk_my_shape *shape,
		     const struct lk_my_alter *alter, struct lk_error *error);
/* Chooses the first key that the mapping can carry, shape->shadow being read: by the clauses, or, `alter` being NULL, back
 * on the way that `forward` is. */
bool lk_my_shape_choose(struct lk_session *session, struct lk_my_shape *shape,
			const struct lk_my_alter *alter, const struct lk_my_mapping *forward,
			struct lk_error *error);
/* Adds a note. */
void lk_my_shape_note(struct lk_my_shape *shape, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "ALTER TABLE table clauses"; the caller's. */
char *lk_my_shape_alter(const struct lk_my_shape *shape, const char *table_sql);
bool lk_my_shape_ansi(struct lk_session *session, bool *ansi, struct lk_error *error);

#endif
