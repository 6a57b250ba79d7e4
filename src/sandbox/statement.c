/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/statement.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sandbox/postgres.h"

/* Of pg_type; libpq has no names for them. */
enum { BIGINT = 20, INTEGER = 23, TEXT = 25, BIGINTS = 1016 };

/* A word between braces that differs between the old way of a feature and its new one. */
struct word {
	const char *name;
	enum lk_feature feature;
	const char *text[2];
};

static const struct word words[] = {
	{"handle", LK_FEATURE_HANDLE, {"username", "user_handle"}},
	{"orders", LK_FEATURE_PURCHASES, {"orders", "purchases"}},
	{"fax", LK_FEATURE_FAX, {", fax", ""}},
	{"conflict", LK_FEATURE_ONE_EMAIL, {"", " ON CONFLICT (email) DO UPDATE SET {excluded}"}},
	{"recent", LK_FEATURE_RECENT, {"id DESC", "created_at DESC"}},
	{"newest", LK_FEATURE_NEWEST, {"created_at DESC, id DESC", "id DESC"}},
};

/* The column is bigint and holds cents before its type changes, numeric afterwards. The same
 * statement has to do right on both sides, so it asks, each time the server looks at it anew. */
#define IS_CENTS "pg_typeof((NULL::{orders}).amount) = 'bigint'::regtype"
#define TO_AMOUNT "CASE WHEN " IS_CENTS " THEN $3::numeric ELSE $3 / 100.0 END"
#define TO_CENTS "(CASE WHEN " IS_CENTS " THEN amount::numeric ELSE amount * 100.0 END)::bigint"

/* What is written into a column: nothing where it is NULL. */
struct attribute {
	const char *key; /* in the ledger */
	enum lk_feature feature;
	const char *column[2], *value[2];
	const char *expected; /* for the ledger, when it is not the value; NULL: the value */
};

static const struct attribute user_attributes[] = {
	{"handle", LK_FEATURE_HANDLE, {"username", "user_handle"}, {"$2", "$2"}, NULL},
	{"email",
	 LK_FEATURE_NO_EMAIL,
	 {"email", "email"},
	 {"'e' || $3 || '@example.com'",
	  "CASE WHEN $4 % 5 <> 0 THEN 'e' || $3 || '@example.com' END"},
	 NULL},
	{"display_name",
	 LK_FEATURE_NAMED,
	 {"display_name", "display_name"},
	 {"CASE WHEN $4 % 3 <> 0 THEN 'Name ' || $3 END", "'Name ' || $3"},
	 NULL},
	{"fax",
	 LK_FEATURE_FAX,
	 {"fax", NULL},
	 {"CASE WHEN $4 % 2 = 0 THEN '+49 ' || $3 END", NULL},
	 NULL},
	{"public_id", LK_FEATURE_PUBLIC, {NULL, "public_id"}, {NULL, "md5($3)::uuid"}, NULL},
	{"loyalty", LK_FEATURE_LOYALTY, {NULL, "loyalty"}, {NULL, "$4 % 7"}, NULL},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}, {NULL, NULL}, NULL},
};

static const struct attribute order_attributes[] = {
	{"user_id", LK_FEATURE_RELEASE, {"user_id", "user_id"}, {"$2", "$2"}, NULL},
	{"amount", LK_FEATURE_RELEASE, {"amount", "amount"}, {TO_AMOUNT, TO_AMOUNT}, "$3"},
	{"status", LK_FEATURE_STATUS, {"status", NULL}, {"'new'", NULL}, "'new'::text"},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}, {NULL, NULL}, NULL},
};

static const struct attribute review_attributes[] = {
	{"order_id", LK_FEATURE_RELEASE, {"order_id", "order_id"}, {"$2", "$2"}, NULL},
	{"stars", LK_FEATURE_RELEASE, {"stars", "stars"}, {"$4", "$4"}, NULL},
	{"body",
	 LK_FEATURE_LONG_BODY,
	 {"body", "body"},
	 {"'It was ' || $3", "repeat('It was ' || $3 || '. ', 12)"},
	 NULL},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}, {NULL, NULL}, NULL},
};

struct table {
	const struct attribute *attributes;
	int count; /* of parameters */
	Oid types[LK_STATEMENT_VALUES];
};

static const struct table users = {user_attributes, 5, {BIGINT, TEXT, TEXT, INTEGER, TEXT}};
static const struct table unnamed = {user_attributes + 1, 5, {BIGINT, TEXT, TEXT, INTEGER, TEXT}};
static const struct table orders = {order_attributes, 5, {BIGINT, BIGINT, BIGINT, INTEGER, TEXT}};
static const struct table reviews = {review_attributes, 5, {BIGINT, BIGINT, TEXT, INTEGER, TEXT}};
static const struct table nothing = {review_attributes, 0, {0}};
static const struct table by_id = {review_attributes, 1, {BIGINT}};
static const struct table by_ids = {review_attributes, 1, {BIGINTS}};
static const struct table payment = {review_attributes, 2, {BIGINT, BIGINT}};
static const struct table payments = {review_attributes, 3, {BIGINTS, BIGINT, TEXT}};

#define LOG(source, keys)                                                                          \
	"INSERT INTO ledger (source, id, release, wrote) VALUES ('" source                         \
	"', $1, $5, jsonb_build_object(" keys "))"
#define LOG_GONE(source)                                                                           \
	"INSERT INTO ledger (source, id, release, gone) VALUES ('" source "', $1, $5, true)"
#define INSERT(table) "INSERT INTO " table " ({columns}) VALUES ({values})"

/* {columns}, {values}, {sets}, {excluded} and {keys} come from the table's attributes. */
static const struct {
	const char *name;
	const struct table *table;
	const char *sql;
} statements[LK_STATEMENTS] = {
	[LK_READ_USERS] =
		{"read users", &by_ids,
		 "SELECT u.id, u.{handle}, CASE WHEN l.seq IS NOT NULL THEN l.wrote ->> 'handle'"
		 " WHEN mod(u.id, 1000) <> 0 THEN 'user_' || u.id END "
		 "FROM users u LEFT JOIN LATERAL (SELECT seq, wrote FROM ledger"
		 " WHERE source = 'users' AND id = u.id AND wrote ? 'handle'"
		 " ORDER BY seq DESC LIMIT 1) l ON true "
		 "WHERE u.id = ANY ($1) ORDER BY u.id"},
	[LK_READ_PAGE] = {"read a page", &by_id,
			  "SELECT id, {handle}, email, display_name, balance{fax} FROM users "
			  "WHERE id BETWEEN $1 AND $1 + 19 ORDER BY id"},
	[LK_READ_ORDERS] = {"read orders", &by_id,
			    "SELECT id, " TO_CENTS ", status FROM {orders} WHERE user_id = $1 "
			    "ORDER BY {recent} LIMIT 10"},
	[LK_READ_NEWEST] = {"read the newest orders", &nothing,
			    "SELECT id, user_id FROM {orders} ORDER BY {newest} LIMIT 10"},
	[LK_PAY] = {"pay", &payment, "UPDATE users SET balance = balance + $2 WHERE id = $1"},
	[LK_LOG_PAID] = {"log what was paid", &payments,
			 "INSERT INTO ledger (source, id, release, delta) "
			 "SELECT 'users', unnest($1), $3, $2"},
	[LK_CHANGE_USER] = {"change a user", &users, "UPDATE users SET {sets} WHERE id = $1"},
	[LK_ADD_USER] = {"add a user", &users, INSERT("users") "{conflict} RETURNING id"},
	[LK_ADD_UNNAMED_USER] = {"add an unnamed user", &unnamed, INSERT("users") " RETURNING id"},
	[LK_LOG_USER] = {"log a user", &users, LOG("users", "{keys}")},
	[LK_DROP_USER] = {"delete a user", &users, "DELETE FROM users WHERE id = $1"},
	[LK_LOG_NO_USER] = {"log a deleted user", &users, LOG_GONE("users")},
	[LK_ADD_ORDER] = {"add an order", &orders, INSERT("{orders}") " RETURNING id"},
	[LK_LOG_ORDER] = {"log an order", &orders, LOG("orders", "{keys}")},
	[LK_CHANGE_ORDER] = {"change an order", &orders,
			     "UPDATE {orders} SET amount = " TO_AMOUNT " WHERE id = $1"},
	[LK_LOG_ORDER_CHANGE] = {"log a changed order", &orders, LOG("orders", "'amount', $3")},
	[LK_DROP_ORDER] = {"delete an order", &orders, "DELETE FROM {orders} WHERE id = $1"},
	[LK_LOG_NO_ORDER] = {"log a deleted order", &orders, LOG_GONE("orders")},
	[LK_ADD_REVIEW] = {"add a review", &reviews, INSERT("reviews") " RETURNING id"},
	[LK_LOG_REVIEW] = {"log a review", &reviews, LOG("reviews", "{keys}")},
	[LK_DROP_REVIEW] = {"delete a review", &reviews, "DELETE FROM reviews WHERE id = $1"},
	[LK_LOG_NO_REVIEW] = {"log a deleted review", &reviews, LOG_GONE("reviews")},
};

const char *lk_statement_name(enum lk_statement statement)
{
	return statements[statement].name;
}

int lk_statement_values(enum lk_statement statement)
{
	return statements[statement].table->count;
}

/* One of an attribute's lists; false when the word names none. */
static bool add_list(struct lk_buffer *sql, const char *name, size_t length,
		     const struct attribute *attributes, struct lk_release_way way)
{
	static const char *const lists[] = {"columns", "values", "sets", "excluded", "keys"};
	size_t list = 0;
	while (list < LK_COUNT(lists) &&
	       (strlen(lists[list]) != length || strncmp(lists[list], name, length) != 0))
		list++;
	const char *comma = "";
	for (const struct attribute *a = attributes; a->key && list < LK_COUNT(lists); a++) {
		bool is_new = lk_release_has(way, a->feature);
		const char *column = a->column[is_new], *value = a->value[is_new];
		const char *logged = a->expected ? a->expected : value;
		if (list == 4 ? !logged : !column)
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
		case 3:
			lk_buffer_addf(sql, "%s = EXCLUDED.%s", column, column);
			break;
		default:
			lk_buffer_addf(sql, "'%s', %s", a->key, logged);
		}
	}
	return list < LK_COUNT(lists);
}

static void expand(struct lk_buffer *sql, const char *text, const struct attribute *attributes,
		   struct lk_release_way way)
{
	for (const char *p = text; *p;) {
		size_t plain = strcspn(p, "{");
		lk_buffer_add_bytes(sql, p, plain);
		p += plain;
		if (!*p)
			break;
		size_t length = strcspn(++p, "}");
		if (!add_list(sql, p, length, attributes, way))
			for (size_t i = 0; i < LK_COUNT(words); i++)
				if (strlen(words[i].name) == length &&
				    strncmp(words[i].name, p, length) == 0)
					expand(sql,
					       words[i].text[lk_release_has(way, words[i].feature)],
					       attributes, way);
		p += length + 1;
	}
}

/* Lists may hold words themselves, so what comes out is gone through once more. */
static char *sql_of(enum lk_statement statement, struct lk_release_way way)
{
	struct lk_buffer once = {0}, sql = {0};
	const struct attribute *attributes = statements[statement].table->attributes;
	expand(&once, statements[statement].sql, attributes, way);
	expand(&sql, lk_buffer_text(&once), attributes, way);
	lk_buffer_free(&once);
	return lk_buffer_take(&sql);
}

bool lk_statement_prepare(PGconn *connection, struct lk_release_way way, struct lk_error *error)
{
	bool prepared = true;
	for (int i = 0; i < LK_STATEMENTS && prepared; i++) {
		const struct table *table = statements[i].table;
		char *sql = sql_of((enum lk_statement)i, way);
		PGresult *result =
			PQprepare(connection, statements[i].name, sql, table->count, table->types);
		prepared = PQresultStatus(result) == PGRES_COMMAND_OK ||
			   lk_postgres_failed(connection, result, error) ||
			   lk_fail_context(error, "\"%s\"", statements[i].name);
		PQclear(result);
		free(sql);
	}
	return prepared;
}
