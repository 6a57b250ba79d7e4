/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/statement.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sandbox/dialect.h"

static const char *const names[LK_STATEMENTS] = {
	[LK_READ_USERS] = "read users",
	[LK_READ_PAGE] = "read a page",
	[LK_READ_ORDERS] = "read orders",
	[LK_READ_NEWEST] = "read the newest orders",
	[LK_HOLD_USER] = "hold a user",
	[LK_PAY] = "pay",
	[LK_LOG_PAID] = "log what was paid",
	[LK_CHANGE_USER] = "change a user",
	[LK_ADD_USER] = "add a user",
	[LK_ADD_UNNAMED_USER] = "add an unnamed user",
	[LK_LOG_USER] = "log a user",
	[LK_DROP_USER] = "delete a user",
	[LK_LOG_NO_USER] = "log a deleted user",
	[LK_ADD_ORDER] = "add an order",
	[LK_LOG_ORDER] = "log an order",
	[LK_CHANGE_ORDER] = "change an order",
	[LK_LOG_ORDER_CHANGE] = "log a changed order",
	[LK_DROP_ORDER] = "delete an order",
	[LK_LOG_NO_ORDER] = "log a deleted order",
	[LK_ADD_REVIEW] = "add a review",
	[LK_LOG_REVIEW] = "log a review",
	[LK_DROP_REVIEW] = "delete a review",
	[LK_LOG_NO_REVIEW] = "log a deleted review",
};

const char *lk_statement_name(enum lk_statement statement)
{
	return names[statement];
}

/* One of an attribute's lists; false when the word names none. */
static bool add_list(struct lk_buffer *sql, const char *name, size_t length,
		     const struct lk_statement_attribute *attributes, struct lk_release_way way)
{
	static const char *const lists[] = {"columns", "values", "sets", "keys"};
	size_t list = 0;
	while (list < LK_COUNT(lists) &&
	       (strlen(lists[list]) != length || strncmp(lists[list], name, length) != 0))
		list++;
	const char *comma = "";
	for (const struct lk_statement_attribute *a = attributes;
	     a && a->key && list < LK_COUNT(lists); a++) {
		bool is_new = lk_release_has(way, a->feature);
		const char *column = a->column[is_new], *value = a->value[is_new];
		const char *logged = a->expected ? a->expected : value;
		if (list == 3 ? !logged : !column)
			continue;
		lk_buffer_add(sql, comma);
		comma = ", ";
		switch (list) {
		case 0:
			lk_buffer_add(sql, column);
			break;
		case 1:
			lk_buffer_add(sql, value);
			break;
		case 2:
			lk_buffer_addf(sql, "%s = %s", column, value);
			break;
		default:
			lk_buffer_addf(sql, "'%s', %s", a->key, logged);
		}
	}
	return list < LK_COUNT(lists);
}

struct expansion {
	const struct lk_statement_word *words;
	const struct lk_statement_attribute *attributes;
	struct lk_release_way way;
};

static void expand(struct lk_buffer *sql, const char *text, const struct expansion *e)
{
	for (const char *p = text; *p;) {
		size_t plain = strcspn(p, "{");
		lk_buffer_add_bytes(sql, p, plain);
		p += plain;
		if (!*p)
			break;
		size_t length = strcspn(++p, "}");
		if (!add_list(sql, p, length, e->attributes, e->way))
			for (const struct lk_statement_word *word = e->words; word->name; word++)
				if (strlen(word->name) == length &&
				    strncmp(word->name, p, length) == 0)
					expand(sql,
					       word->text[lk_release_has(e->way, word->feature)],
					       e);
		p += length + 1;
	}
}

/* Lists may hold words themselves, so what comes out is gone through once more. */
static char *sql_of(const struct lk_statement_text *text, const struct expansion *e)
{
	struct lk_buffer once = {0}, sql = {0};
	expand(&once, text->sql, e);
	expand(&sql, lk_buffer_text(&once), e);
	lk_buffer_free(&once);
	return lk_buffer_take(&sql);
}

bool lk_statement_prepare(struct lk_link *link, struct lk_release_way way, struct lk_error *error)
{
	const struct lk_statements *statements = link->dialect->statements;
	bool prepared = true;
	for (int i = 0; i < LK_STATEMENTS && prepared; i++) {
		const struct lk_statement_text *text = &statements->list[i];
		const struct expansion e = {statements->words, text->attributes, way};
		char *sql = sql_of(text, &e);
		prepared = lk_link_prepare(link, i, sql, text->types, error) ||
			   lk_fail_context(error, "\"%s\"", names[i]);
		free(sql);
	}
	return prepared;
}
