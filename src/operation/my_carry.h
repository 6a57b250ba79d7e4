/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a second column is given of what the first one has: indexes, foreign keys, rights of their own. */
#ifndef LK_OPERATION_MY_CARRY_H
#define LK_OPERATION_MY_CARRY_H

#include "operation/my_derive.h"

/* An index that was made for the second column, and what the first column's is called. */
struct lk_my_carried {
	char *made;	/* exact */
	char *original; /* likewise */
};

struct lk_my_carry {
	const struct lk_column *from;
	const char *to;		    /* the second column, exact */
	struct lk_my_carried *list; /* out: the indexes */
	size_t count;
};

/* Adds the steps of phase migrate that make indexes and foreign keys, each with its undo. What cannot be carried
 * this way was refused before (my_hindrance.h). */
bool lk_my_carry_objects(struct lk_my_derivation *m, struct lk_my_carry *carry,
			 struct lk_error *error);
/* Steps of phase contract that take the first column's foreign keys and indexes away, before the column;
 * `from_then` is what it is called by then. */
bool lk_my_carry_end(struct lk_my_derivation *m, const struct lk_my_carry *carry,
		     const char *from_then, struct lk_error *error);
void lk_my_carry_free(struct lk_my_carry *carry);

/*
 * GRANT steps, each with its REVOKE as the undo, that give those who have rights on `column` alone the same on
 * column `to`; and in phase contract the REVOKEs that take away those on `column`, which would outlive it. Class
 * PRIVILEGE when the list of such rights cannot be read.
 */
bool lk_my_carry_grants(struct lk_my_derivation *m, const char *column, const char *to,
			struct lk_error *error);
bool lk_my_end_grants(struct lk_my_derivation *m, const char *column, struct lk_error *error);
/* Likewise for the rights on the table, and on its columns, that are given by its name: for `to_sql`. */
bool lk_my_carry_table_grants(struct lk_my_derivation *m, const char *to_sql,
			      struct lk_error *error);

#endif
