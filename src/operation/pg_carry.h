/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a second column is given of what the first one has: indexes, unique constraints, foreign keys. */
#ifndef LK_OPERATION_PG_CARRY_H
#define LK_OPERATION_PG_CARRY_H

#include "operation/pg_derive.h"

/* An object that was made for the second column, and what the first column's is called. */
struct lk_carried {
	char *made_sql;	 /* quoted */
	char *original;	 /* exact */
	bool constraint; /* else an index */
};

struct lk_carry {
	const struct lk_column *from;
	const char *to, *to_sql; /* the second column, exact and quoted */
	struct lk_carried *list; /* out */
	size_t count;
};

/* Adds the steps of phase migrate that make them, each with its undo. What cannot be carried this way was
 * refused before (pg_hindrance.h). */
bool lk_carry_objects(struct lk_derivation *d, struct lk_carry *carry, struct lk_error *error);
void lk_carry_free(struct lk_carry *carry);

#endif
