/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements of the application for MySQL and MariaDB. */
#include "sandbox/my_parts.h"

static const struct lk_statement_word words[] = {
	{"handle", LK_FEATURE_HANDLE, {"username", "user_handle"}},
	{"orders", LK_FEATURE_PURCHASES, {"orders", "purchases"}},
	{"fax", LK_FEATURE_FAX, {", fax", ""}},
	{"conflict",
	 LK_FEATURE_ONE_EMAIL,
	 {"", " ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), {sets}"}},
	{"recent", LK_FEATURE_RECENT, {"id DESC", "created_at DESC"}},
	{"newest", LK_FEATURE_NEWEST, {"created_at DESC, id DESC", "id DESC"}},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}},
};

/*
 * The column is bigint and holds cents before its type changes, decimal afterwards. The same statement has to do
 * right on both sides: a row that is there shows it by its point; for a new one the catalog is asked, while the
 * statement already holds the table's metadata lock.
 */
#define HAS_POINT "LOCATE('.', amount) > 0"
#define IS_CENTS                                                                                   \
	"(SELECT data_type FROM information_schema.columns WHERE table_schema = 'shop'"            \
	" AND table_name = '{orders}' AND column_name = 'amount') = 'bigint'"
#define NEW_AMOUNT "IF(" IS_CENTS ", $3, $3 / 100)"
#define TO_AMOUNT "IF(" HAS_POINT ", $3 / 100, $3)"
#define TO_CENTS "CAST(IF(" HAS_POINT ", amount * 100, amount) AS SIGNED)"

/*
 * A uuid's text out of one that makes values unique (MySQL 9 has no MD5()); MariaDB's type refuses one whose
 * version and variant it does not know.
 */
#define DASHED                                                                                     \
	"INSERT(INSERT(INSERT(INSERT(LEFT(SHA2($3, 256), 32), 21, 0, '-'), 17, 0, '-'), 13, 0, '-'), 9, 0, '-')"
#define UUID "INSERT(INSERT(" DASHED ", 15, 1, '4'), 20, 1, '8')"

static const struct lk_statement_attribute user_attributes[] = {
	{"handle", LK_FEATURE_HANDLE, {"username", "user_handle"}, {"$2", "$2"}, NULL},
	{"email",
	 LK_FEATURE_NO_EMAIL,
	 {"email", "email"},
	 {"CONCAT('e', $3, '@example.com')",
	  "IF($4 % 5 <> 0, CONCAT('e', $3, '@example.com'), NULL)"},
	 NULL},
	{"display_name",
	 LK_FEATURE_NAMED,
	 {"display_name", "display_name"},
	 {"IF($4 % 3 <> 0, CONCAT('Name ', $3), NULL)", "CONCAT('Name ', $3)"},
	 NULL},
	{"fax",
	 LK_FEATURE_FAX,
	 {"fax", NULL},
	 {"IF($4 % 2 = 0, CONCAT('+49 ', $3), NULL)", NULL},
	 NULL},
	{"public_id", LK_FEATURE_PUBLIC, {NULL, "public_id"}, {NULL, UUID}, NULL},
	{"loyalty", LK_FEATURE_LOYALTY, {NULL, "loyalty"}, {NULL, "CAST($4 AS SIGNED) % 7"}, NULL},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}, {NULL, NULL}, NULL},
};

static const struct lk_statement_attribute order_attributes[] = {
	{"user_id", LK_FEATURE_RELEASE, {"user_id", "user_id"}, {"$2", "$2"}, NULL},
	{"amount", LK_FEATURE_RELEASE, {"amount", "amount"}, {NEW_AMOUNT, NEW_AMOUNT}, "$3"},
	{"status", LK_FEATURE_STATUS, {"status", NULL}, {"'new'", NULL}, "'new'"},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}, {NULL, NULL}, NULL},
};

static const struct lk_statement_attribute review_attributes[] = {
	{"order_id", LK_FEATURE_RELEASE, {"order_id", "order_id"}, {"$2", "$2"}, NULL},
	{"stars", LK_FEATURE_RELEASE, {"stars", "stars"}, {"$4", "$4"}, NULL},
	{"body",
	 LK_FEATURE_LONG_BODY,
	 {"body", "body"},
	 {"CONCAT('It was ', $3)", "REPEAT(CONCAT('It was ', $3, '. '), 12)"},
	 NULL},
	{NULL, LK_FEATURE_RELEASE, {NULL, NULL}, {NULL, NULL}, NULL},
};

#define LOG(source, keys)                                                                          \
	"INSERT INTO ledger (source, id, `release`, wrote) VALUES ('" source                       \
	"', $1, $5, JSON_OBJECT(" keys "))"
#define LOG_GONE(source)                                                                           \
	"INSERT INTO ledger (source, id, `release`, gone) VALUES ('" source "', $1, $5, true)"
#define INSERT(table) "INSERT INTO " table " ({columns}) VALUES ({values})"

const struct lk_statements lk_my_statements = {
	.words = words,
	.list =
		{
			[LK_READ_USERS] =
				{NULL, "iii",
				 "SELECT u.id, u.{handle}, CASE WHEN l.seq IS NOT NULL"
				 " THEN JSON_VALUE(l.wrote, '$$.handle')"
				 " WHEN MOD(u.id, 1000) <> 0 THEN CONCAT('user_', u.id) END "
				 "FROM users u LEFT JOIN ledger l ON l.seq ="
				 " (SELECT MAX(seq) FROM ledger WHERE source = 'users' AND id = u.id"
				 " AND JSON_CONTAINS_PATH(wrote, 'one', '$$.handle')) "
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
					  "SELECT id FROM users WHERE id = $1 FOR UPDATE"},
			[LK_PAY] = {NULL, "ii",
				    "UPDATE users SET balance = balance + $2 WHERE id = $1"},
			[LK_LOG_PAID] =
				{NULL, "iiiit",
				 "INSERT INTO ledger (source, id, `release`, delta) "
				 "SELECT 'users', v.id, $5, $4 FROM"
				 " (SELECT $1 AS id UNION ALL SELECT $2 UNION ALL SELECT $3) v "
				 "WHERE v.id IS NOT NULL"},
			[LK_CHANGE_USER] = {user_attributes, "ittit",
					    "UPDATE users SET {sets} WHERE id = $1"},
			[LK_ADD_USER] = {user_attributes, "ittit", INSERT("users") "{conflict}"},
			[LK_ADD_UNNAMED_USER] = {user_attributes + 1, "ittit", INSERT("users")},
			[LK_LOG_USER] = {user_attributes, "ittit", LOG("users", "{keys}")},
			[LK_DROP_USER] = {user_attributes, "ittit",
					  "DELETE FROM users WHERE id = $1"},
			[LK_LOG_NO_USER] = {user_attributes, "ittit", LOG_GONE("users")},
			[LK_ADD_ORDER] = {order_attributes, "iiiit", INSERT("{orders}")},
			[LK_LOG_ORDER] = {order_attributes, "iiiit", LOG("orders", "{keys}")},
			[LK_CHANGE_ORDER] = {order_attributes, "iiiit",
					     "UPDATE {orders} SET amount = " TO_AMOUNT
					     " WHERE id = $1"},
			[LK_LOG_ORDER_CHANGE] = {order_attributes, "iiiit",
						 LOG("orders", "'amount', $3")},
			[LK_DROP_ORDER] = {order_attributes, "iiiit",
					   "DELETE FROM {orders} WHERE id = $1"},
			[LK_LOG_NO_ORDER] = {order_attributes, "iiiit", LOG_GONE("orders")},
			[LK_ADD_REVIEW] = {review_attributes, "iitit", INSERT("reviews")},
			[LK_LOG_REVIEW] = {review_attributes, "iitit", LOG("reviews", "{keys}")},
			[LK_DROP_REVIEW] = {review_attributes, "iitit",
					    "DELETE FROM reviews WHERE id = $1"},
			[LK_LOG_NO_REVIEW] = {review_attributes, "iitit", LOG_GONE("reviews")},
		},
};
