/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table's key as a backfill walks by it on MySQL and MariaDB: how each column is read as a text that is exact,
 * and how that text is written into a condition that the key's index answers as a range.
 *
 * Numbers are written bare: in quotes a DECIMAL or BIGINT is compared as a DOUBLE. FLOAT and DOUBLE are read as
 * the DOUBLE that they are compared as, BIT as its number. Texts travel in hexadecimal in the column's own
 * character set, so that nothing is lost on the way, and are compared by the column's collation; the same of
 * binary strings. An ENUM is sorted by its number and compared with a text by the text: "greater" is a list of
 * the members behind.
 *
 * Rows of several columns are compared column by column, (a > 1 OR (a = 1 AND b > 2)), since neither server looks
 * up a range by (a, b) > (1, 2).
 */
#ifndef LK_STEP_MY_KEY_H
#define LK_STEP_MY_KEY_H

#include "base/buffer.h"
#include "catalog/catalog.h"

enum lk_my_form {
	LK_MY_PLAIN,
	LK_MY_NUMBER,
	LK_MY_FLOAT,
	LK_MY_BITS,
	LK_MY_ENUM,
	LK_MY_TEXT,
	LK_MY_BYTES
};

struct lk_my_key_part {
	enum lk_my_form form;
	char *charset;	/* of a TEXT */
	char **members; /* of an ENUM by their numbers, from 0, as literals */
	size_t member_count;
};

struct lk_my_key {
	const struct lk_table *table; /* borrowed; its key */
	struct lk_my_key_part *parts; /* as many as table->key.count */
	bool timestamp; /* a column is a TIMESTAMP: its text is exact in UTC only, not where clocks are turned back */
};

bool lk_my_key_read(struct lk_session *session, const struct lk_table *table, struct lk_my_key *key,
		    struct lk_error *error);
void lk_my_key_free(struct lk_my_key *key);

/* "`a`, HEX(`b`)": what to select. */
void lk_my_key_add_columns(const struct lk_my_key *key, struct lk_buffer *out);
/* "`a` DESC, `b` DESC", `direction` being " DESC" or "". Of rows of the range (low, high] an ENUM that is the same
 * in both is left out: to MariaDB it is a constant there, and it would sort by the columns behind it. */
void lk_my_key_add_order(const struct lk_my_key *key, const char *direction, char *const *low,
			 char *const *high, struct lk_buffer *out);
/* The condition "key > low AND key <= high"; low or high may be NULL, not both. Texts as selected. */
void lk_my_key_add_range(const struct lk_my_key *key, char *const *low, char *const *high,
			 struct lk_buffer *out);
/* The condition "key = value". */
void lk_my_key_add_equal(const struct lk_my_key *key, char *const *value, struct lk_buffer *out);
/* A value of column i as a literal that compares exactly with the column. */
void lk_my_key_add_literal(const struct lk_my_key *key, size_t i, const char *value,
			   struct lk_buffer *out);
/* A value of column i as people read it: texts decoded where they are printable UTF-8, else 0x…; the caller's. */
char *lk_my_key_shown(const struct lk_my_key *key, size_t i, const char *value);

#endif
