/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of a column's values, and of their order, when its type changes. Pure. */
#ifndef LK_SHADOW_MY_TYPE_H
#define LK_SHADOW_MY_TYPE_H

#include "base/buffer.h"
#include "shadow/my_relation.h"

enum lk_my_class {
	LK_MY_INTEGER,
	LK_MY_DECIMAL,
	LK_MY_FLOATING,
	LK_MY_DOUBLE,
	LK_MY_CHAR,
	LK_MY_VARCHAR,
	LK_MY_LONG_TEXT, /* tinytext … longtext */
	LK_MY_BINARY,
	LK_MY_VARBINARY,
	LK_MY_LONG_BYTES,
	LK_MY_DATE,
	LK_MY_TIME,
	LK_MY_DATETIME,
	LK_MY_TIMESTAMP,
	LK_MY_YEAR,
	LK_MY_ENUM_TYPE,
	LK_MY_SET_TYPE,
	LK_MY_BIT_TYPE,
	LK_MY_JSON,
	LK_MY_OTHER_TYPE, /* geometry, uuid, inet6, vector, … */
};
enum lk_my_class lk_my_class_of(const char *type);

/* What a changed column of the key does to it. */
enum lk_my_key_change {
	LK_MY_KEY_ORDERED,   /* the same values are told apart, in the same order */
	LK_MY_KEY_REORDERED, /* texts that another collation compares */
	LK_MY_KEY_LOST,	     /* rows cannot be followed by it */
};
enum lk_my_key_change lk_my_key_change_of(const struct lk_my_relation_column *from,
					  const struct lk_my_relation_column *to);

/* What the server's own ALTER TABLE puts into the rows for a new NOT NULL column of such a type that has no default, as a
 * literal: zero, an empty text, the first member. NULL: it has nothing that is a value. */
const char *lk_my_implicit_value(const char *type);

/* Whether both hold and compare values alike. */
bool lk_my_same_column(const struct lk_my_relation_column *from,
		       const struct lk_my_relation_column *to);

/*
 * What INSERT … SELECT has to be given for the original's column, so that the shadow holds what the server's own ALTER
 * would make of it: mostly the column itself. The caller's.
 */
char *lk_my_as_sent(const struct lk_my_relation_column *from,
		    const struct lk_my_relation_column *to, const char *column);
/*
 * The value of the original's column ("o.`c`") as an expression for what INSERT would make of it in the shadow's, in that
 * one's character set; the caller's. NULL: no expression does it exactly as INSERT on both servers.
 */
char *lk_my_as_held(const struct lk_my_relation_column *from,
		    const struct lk_my_relation_column *to, const char *column);
/*
 * Adds a text for a value of a column of such a type, or of what lk_my_as_held makes of one, in which NULL is unlike
 * any value and after which another can follow: equal texts are equal values and the other way round. Texts
 * and bytes that may be long go in by their CRC32.
 */
void lk_my_add_print(struct lk_buffer *out, const struct lk_my_relation_column *column,
		     const char *value);

#endif
