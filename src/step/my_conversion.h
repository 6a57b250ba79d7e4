/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bodies of a dual write's triggers on MySQL and MariaDB.
 *
 * Where the two columns hold the same in different forms (cents and euros, text and a number), `forth` makes the
 * new column's value from the row, `back` the old one's. On INSERT the new column, where it stands at its
 * default, takes forth's value; else the old one, where it stands at its default, takes back's; when both were given
 * they must agree in one of the two directions, so that rounding is no contradiction. On UPDATE the side that changed
 * is carried to the other; the old side has changed also when another column that forth reads has, and forth's value
 * with it.
 *
 * A value that cannot be carried over (text that is no number) makes the application's statement fail, with a
 * sentence that names the columns and the reason (SQLSTATE 22000): the alternative would be a row of which the other
 * release sees something else. A row that was so before is let alone by whoever does not change it.
 *
 * Names in expressions are columns, also "table.column", by the names they had when the dual write began: the
 * expression stands over a row of its own, built of NEW.
 */
#ifndef LK_STEP_MY_CONVERSION_H
#define LK_STEP_MY_CONVERSION_H

#include "step/my_pair.h"

/* What the bodies must know besides the pair. */
struct lk_my_body {
	const struct lk_my_pair *pair;
	const struct lk_column *old_side, *new_side; /* new_side may not be there yet: NULL */
	const char *old_default, *new_default;	     /* as SQL; NULL none */
	const char *old_zero; /* what the old side holds when it was not given, besides NULL */
	bool old_text, new_text;
};

/* "BEGIN … END"; the caller's. */
char *lk_my_body_insert(struct lk_session *session, const struct lk_my_body *body);
char *lk_my_body_update(struct lk_session *session, const struct lk_my_body *body);

/* Refuses expressions that do not fit the table, give another value at each call, contain a subquery or read a
 * generated column, and a type that the server does not know. Only reads. */
bool lk_my_conversion_check(struct lk_session *session, const struct lk_my_pair *pair,
			    struct lk_error *error);

/* An expression of the plan over a row: "(SELECT (expression) FROM (SELECT record.`a` AS `a`, …) AS `table`)". */
void lk_my_add_value(struct lk_session *session, struct lk_buffer *out,
		     const struct lk_my_pair *pair, const char *expression, const char *record);

#endif
