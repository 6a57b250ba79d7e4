/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements of the application for PostgreSQL. */
#include "sandbox/pg_parts.h"

static const struct lk_statement_word words[] = {
	{"handle", LK_FEATURE_HANDLE, {"username", "user_handle"}},
	{"orders", LK_FEATURE_PURCHASES, {"orders", "purchases"}},
	{"fax", LK_FEATURE_FAX, {", fax", ""}},
	{"conflict", LK_FEATURE_ONE_EMAIL, {"", " ON CONFLICT (email) DO UPDATE SET {sets}"}},
	{"recent", LK_FEATURE_RECENT, {"id DESC", "created_at DESC"}},
	{"newest", LK_FEATURE_NEWEST, {"created_at DESC, id DESC", "id DESC"}},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}},
};

/* The column is bigint and holds cents before its type changes, numeric afterwards. The same
 * statement has to do right on both sides, so it asks, each time the server looks at it anew. */
#define IS_CENTS "pg_typeof((NULL::{orders}).amount) = 'bigint'::regtype"
#define TO_AMOUNT "CASE WHEN " IS_CENTS " THEN $3::numeric ELSE $3 / 100.0 END"
#define TO_CENTS "(CASE WHEN " IS_CENTS " THEN amount::numeric ELSE amount * 100.0 END)::bigint"

static const struct lk_statement_attribute user_attributes[] = {
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

static const struct lk_statement_attribute order_attributes[] = {
	{"user_id", LK_FEATURE_RELEASE, {"user_id", "user_id"}, {"$2", "$2"}, NULL},
	{"amount", LK_FEATURE_RELEASE, {"amount", "amount"}, {TO_AMOUNT, TO_AMOUNT}, "$3"},
	{"status", LK_FEATURE_STATUS, {"status", NULL}, {"'new'", NULL}, "'new'::text"},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}, {NULL, NULL}, NULL},
};

static const struct lk_statement_attribute review_attributes[] = {
	{"order_id", LK_FEATURE_RELEASE, {"order_id", "order_id"}, {"$2", "$2"}, NULL},
	{"stars", LK_FEATURE_RELEASE, {"stars", "stars"}, {"$4", "$4"}, NULL},
	{"body",
	 LK_FEATURE_LONG_BODY,
	 {"body", "body"},
	 {"'It was ' || $3", "repeat('It was ' || $3 || '. ', 12)"},
	 NULL},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}, {NULL, NULL}, NULL},
};

#define LOG(source, keys)                                                                          \
	"INSERT INTO ledger (source, id, release, wrote) VALUES ('" source                         \
	"', $1, $5, jsonb_build_object(" keys "))"
#define LOG_GONE(source)                                                                           \
	"INSERT INTO ledger (source, id, release, gone) VALUES ('" source "', $1, $5, true)"
#define INSERT(table) "INSERT INTO " table " ({columns}) VALUES ({values})"

const struct lk_statements lk_pg_statements = {
	.words = words,
	.list =
		{
			[LK_READ_USERS] =
				{NULL, "iii",
				 "SELECT u.id, u.{handle}, CASE WHEN l.seq IS NOT NULL THEN l.wrote ->> 'handle'"
				 " WHEN mod(u.id, 1000) <> 0 THEN 'user_' || u.id END "
				 "FROM users u LEFT JOIN LATERAL (SELECT seq, wrote FROM ledger"
				 " WHERE source = 'users' AND id = u.id AND wrote ? 'handle'"
				 " ORDER BY seq DESC LIMIT 1) l ON true "
				 "WHERE u.id IN ($1, $2, $3) ORDER BY u.id"},
			[LK_READ_PAGE] =
				{NULL, "i",
				 "SELECT id, {handle}, email, display_name, balance{fax} FROM users "
				 "WHERE id BETWEEN $1 AND $1 + 19 ORDER BY id"},
			[LK_READ_ORDERS] = {NULL, "i",
					    "SELECT id, " TO_CENTS
					    ", status FROM {orders} WHERE user_id = $1 "
					    "ORDER BY {recent} LIMIT 10"},
			[LK_READ_NEWEST] =
				{NULL, "",
				 "SELECT id, user_id FROM {orders} ORDER BY {newest} LIMIT 10"},
			[LK_HOLD_USER] = {NULL, "i",
					  "SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE"},
			[LK_PAY] = {NULL, "ii",
				    "UPDATE users SET balance = balance + $2 WHERE id = $1"},
			[LK_LOG_PAID] =
				{NULL, "iiiit",
				 "INSERT INTO ledger (source, id, release, delta) "
				 "SELECT 'users', v.id, $5, $4 FROM (VALUES ($1), ($2), ($3)) v (id) "
				 "WHERE v.id IS NOT NULL"},
			[LK_CHANGE_USER] = {user_attributes, "ittit",
					    "UPDATE users SET {sets} WHERE id = $1"},
			[LK_ADD_USER] = {user_attributes, "ittit",
					 INSERT("users") "{conflict} RETURNING id"},
			[LK_ADD_UNNAMED_USER] = {user_attributes + 1, "ittit",
						 INSERT("users") " RETURNING id"},
			[LK_LOG_USER] = {user_attributes, "ittit", LOG("users", "{keys}")},
			[LK_DROP_USER] = {user_attributes, "ittit",
					  "DELETE FROM users WHERE id = $1"},
			[LK_LOG_NO_USER] = {user_attributes, "ittit", LOG_GONE("users")},
			[LK_ADD_ORDER] = {order_attributes, "iiiit",
					  INSERT("{orders}") " RETURNING id"},
			[LK_LOG_ORDER] = {order_attributes, "iiiit", LOG("orders", "{keys}")},
			[LK_CHANGE_ORDER] = {order_attributes, "iiiit",
					     "UPDATE {orders} SET amount = " TO_AMOUNT
					     " WHERE id = $1"},
			[LK_LOG_ORDER_CHANGE] = {order_attributes, "iiiit",
						 LOG("orders", "'amount', $3")},
			[LK_DROP_ORDER] = {order_attributes, "iiiit",
					   "DELETE FROM {orders} WHERE id = $1"},
			[LK_LOG_NO_ORDER] = {order_attributes, "iiiit", LOG_GONE("orders")},
			[LK_ADD_REVIEW] = {review_attributes, "iitit",
					   INSERT("reviews") " RETURNING id"},
			[LK_LOG_REVIEW] = {review_attributes, "iitit", LOG("reviews", "{keys}")},
			[LK_DROP_REVIEW] = {review_attributes, "iitit",
					    "DELETE FROM reviews WHERE id = $1"},
			[LK_LOG_NO_REVIEW] = {review_attributes, "iitit", LOG_GONE("reviews")},
		},
};
