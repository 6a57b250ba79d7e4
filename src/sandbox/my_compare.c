/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The comparison of the shop's rows with the ledger on MySQL and MariaDB. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sandbox/my_parts.h"
#include "sandbox/my_rows.h"

/* What a name of the ledger was set to last, or was from the start: KEY_KEY is the newest entry that has it. */
#define WRITTEN(key, first)                                                                        \
	"CASE WHEN n.s_" key " IS NOT NULL THEN JSON_VALUE(l_" key ".wrote, '$." key               \
	"') WHEN {initial} THEN " first " END"
/* Texts byte by byte: what a collation calls the same is not. */
#define SAME(a, b)                                                                                 \
	"(CAST(CONVERT(" a " USING utf8mb4) AS BINARY) <=> CAST(CONVERT(" b                        \
	" USING utf8mb4) AS BINARY))"
#define DIFFERS(column, key, first) "NOT " SAME("t." column, WRITTEN(key, first))
#define AMOUNT(column)                                                                             \
	"NOT (t." column                                                                           \
	" * 100 <=> CAST(" WRITTEN("amount", LK_SHOP_CENTS("t.id")) " AS DECIMAL(30, 2)))"

/* What makes a row different, if the table has a column of that name and type ("" any type). */
static const struct rule {
	const char *table, *column, *type;
	const char *key; /* that it needs of the ledger; NULL none */
	const char *differs;
} rules[] = {
	{"users", "balance", "", NULL, "NOT (t.balance <=> COALESCE(n.delta, 0))"},
	{"users", "username", "", "handle", DIFFERS("username", "handle", LK_SHOP_HANDLE("t.id"))},
	{"users", "user_handle", "", "handle",
	 DIFFERS("user_handle", "handle", LK_SHOP_HANDLE("t.id"))},
	{"users", "email", "", "email", DIFFERS("email", "email", LK_SHOP_EMAIL("t.id"))},
	/* A plan that wants no NULL here may have filled it. */
	{"users", "display_name", "", "display_name",
	 DIFFERS("display_name", "display_name", LK_SHOP_DISPLAY_NAME("t.id")) " AND NOT (" WRITTEN(
		 "display_name",
		 LK_SHOP_DISPLAY_NAME(
			 "t.id")) " IS NULL AND " SAME("t.display_name",
						       "CONCAT('Customer ', t.id)") ")"},
	{"users", "fax", "", "fax", DIFFERS("fax", "fax", LK_SHOP_FAX("t.id"))},
	/* Random where the application has not given one. */
	{"users", "public_id", "", "public_id",
	 "n.s_public_id IS NOT NULL AND " DIFFERS("public_id", "public_id", "NULL")},
	{"users", "loyalty", "", "loyalty",
	 "NOT " SAME("t.loyalty", "COALESCE(JSON_VALUE(l_loyalty.wrote, '$.loyalty'), '1')")},
	{"orders", "user_id", "", "user_id", DIFFERS("user_id", "user_id", "t.id")},
	{"orders", "amount", "bigint", "amount",
	 DIFFERS("amount", "amount", LK_SHOP_CENTS("t.id"))},
	{"orders", "amount", "decimal", "amount", AMOUNT("amount")},
	{"orders", "amount_new", "decimal", "amount", AMOUNT("amount_new")},
	{"orders", "amount_old", "decimal", "amount", AMOUNT("amount_old")},
	{"orders", "amount_new", "bigint", "amount",
	 DIFFERS("amount_new", "amount", LK_SHOP_CENTS("t.id"))},
	{"orders", "amount_old", "bigint", "amount",
	 DIFFERS("amount_old", "amount", LK_SHOP_CENTS("t.id"))},
	{"orders", "status", "", "status", DIFFERS("status", "status", LK_SHOP_STATUS("t.id"))},
	{"reviews", "order_id", "", "order_id",
	 DIFFERS("order_id", "order_id", LK_SHOP_ORDER("t.id"))},
	{"reviews", "stars", "", "stars", DIFFERS("stars", "stars", LK_SHOP_STARS("t.id"))},
	{"reviews", "body", "", "body", DIFFERS("body", "body", LK_SHOP_BODY("t.id"))},
};

struct shop_table {
	const char *source; /* in the ledger */
	const char *name;   /* in the database */
	int64_t rows;	    /* from the start */
};

static bool columns_of(struct lk_link *link, const char *table, struct lk_result *columns,
		       struct lk_error *error)
{
	char *sql = lk_format("SELECT column_name, data_type FROM information_schema.columns"
			      " WHERE table_schema = '" LK_SHOP_DATABASE "' AND table_name = '%s'",
			      table);
	bool read = lk_link_query(link, sql, columns, error);
	free(sql);
	return read;
}

/* Whether the rule is one of this table as it is now. */
static bool applies(const struct rule *rule, const struct shop_table *table,
		    const struct lk_result *columns)
{
	if (strcmp(rule->table, table->source) != 0)
		return false;
	for (size_t i = 0; i < columns->rows; i++)
		if (strcmp(lk_cell_text(columns, i, 0), rule->column) == 0 &&
		    (!rule->type[0] || strcmp(lk_cell_text(columns, i, 1), rule->type) == 0))
			return true;
	return false;
}

/* The keys that the table's rules need, each once. */
struct keys {
	const char *names[LK_COUNT(rules)];
	size_t count;
};

static struct keys keys_of(const struct shop_table *table, const struct lk_result *columns)
{
	struct keys keys = {.count = 0};
	for (size_t i = 0; i < LK_COUNT(rules); i++) {
		bool known = !rules[i].key || !applies(&rules[i], table, columns);
		for (size_t k = 0; k < keys.count && !known; k++)
			known = strcmp(keys.names[k], rules[i].key) == 0;
		if (!known)
			keys.names[keys.count++] = rules[i].key;
	}
	return keys;
}

/* The rule's condition with {initial} for "this row was there from the start". */
static void add_rule(struct lk_buffer *sql, const struct rule *rule, int64_t rows)
{
	static const char word[] = "{initial}";
	const char *from = rule->differs;
	lk_buffer_add(sql, " OR (");
	for (const char *at; (at = strstr(from, word)); from = at + strlen(word)) {
		lk_buffer_add_bytes(sql, from, (size_t)(at - from));
		lk_buffer_addf(sql, "t.id BETWEEN 1 AND %" PRId64, rows);
	}
	lk_buffer_addf(sql, "%s)", from);
}

/*
 * One statement, so one snapshot: of the table its rows, those among them that should be there, and those that
 * should not or hold something else; of the ledger how many rows from the start are gone and how many have come.
 */
static char *compare_sql(const struct shop_table *table, const struct lk_result *columns)
{
	const struct keys keys = keys_of(table, columns);
	struct lk_buffer sql = {0};
	lk_buffer_add(&sql, "WITH n AS (SELECT id, MAX(gone) AS gone, SUM(delta) AS delta");
	for (size_t k = 0; k < keys.count; k++)
		lk_buffer_addf(
			&sql,
			", MAX(CASE WHEN JSON_CONTAINS_PATH(wrote, 'one', '$.%s') THEN seq END) AS s_%s",
			keys.names[k], keys.names[k]);
	lk_buffer_addf(&sql,
		       " FROM ledger WHERE source = '%s' GROUP BY id) "
		       "SELECT COUNT(*), SUM({wanted}), SUM(NOT {wanted}",
		       table->source);
	for (size_t i = 0; i < LK_COUNT(rules); i++)
		if (applies(&rules[i], table, columns))
			add_rule(&sql, &rules[i], table->rows);
	lk_buffer_addf(&sql,
		       "), (SELECT COUNT(*) FROM n WHERE gone AND id BETWEEN 1 AND %" PRId64 "),"
		       " (SELECT COUNT(*) FROM n WHERE NOT gone AND NOT (id BETWEEN 1 AND %" PRId64
		       "))"
		       " FROM %s t LEFT JOIN n ON n.id = t.id",
		       table->rows, table->rows, table->name);
	for (size_t k = 0; k < keys.count; k++)
		lk_buffer_addf(&sql, " LEFT JOIN ledger l_%s ON l_%s.seq = n.s_%s", keys.names[k],
			       keys.names[k], keys.names[k]);
	return lk_buffer_take(&sql);
}

/* Puts the condition that a row should be there into the text of compare_sql. */
static char *with_wanted(char *sql, int64_t rows)
{
	static const char word[] = "{wanted}";
	struct lk_buffer out = {0};
	const char *from = sql;
	for (const char *at; (at = strstr(from, word)); from = at + strlen(word)) {
		lk_buffer_add_bytes(&out, from, (size_t)(at - from));
		lk_buffer_addf(&out,
			       "CASE WHEN n.id IS NULL THEN t.id BETWEEN 1 AND %" PRId64
			       " ELSE NOT n.gone END",
			       rows);
	}
	lk_buffer_add(&out, from);
	free(sql);
	return lk_buffer_take(&out);
}

/* A plain statement's view is not one moment on MariaDB: among many writers it may have half of a transaction. */
static const char snapshot[] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
			       "START TRANSACTION WITH CONSISTENT SNAPSHOT";

static bool compare_table(struct lk_link *link, const struct shop_table *table,
			  struct lk_shop_sums *sums, struct lk_error *error)
{
	struct lk_result columns, result;
	if (!columns_of(link, table->name, &columns, error))
		return false;
	char *sql = with_wanted(compare_sql(table, &columns), table->rows);
	bool done = lk_link_execute(link, snapshot, error) &&
		    lk_link_query(link, sql, &result, error) &&
		    lk_link_execute(link, "COMMIT", error);
	free(sql);
	lk_result_free(&columns);
	if (!done)
		return lk_fail_context(error, "comparing %s", table->name);
	int64_t present = lk_cell_int(&result, 0, 0), wanted_there = lk_cell_int(&result, 0, 1);
	int64_t wanted = table->rows - lk_cell_int(&result, 0, 3) + lk_cell_int(&result, 0, 4);
	int64_t missing = wanted - wanted_there;
	sums->present += present;
	sums->compared += present + missing;
	sums->different += lk_cell_int(&result, 0, 2) + missing;
	lk_result_free(&result);
	return true;
}

/* A plan may have given it its other name; the old one may be a view by now. */
static bool name_orders(struct lk_link *link, const char **name, struct lk_error *error)
{
	struct lk_result result;
	if (!lk_link_query(link,
			   "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = "
			   "'" LK_SHOP_DATABASE "' AND table_name = 'purchases'",
			   &result, error))
		return false;
	*name = lk_cell_int(&result, 0, 0) > 0 ? "purchases" : "orders";
	lk_result_free(&result);
	return true;
}

bool lk_my_shop_compare(struct lk_link *link, int64_t rows, struct lk_shop_sums *sums,
			struct lk_error *error)
{
	int64_t orders = lk_shop_orders(rows);
	const char *name = NULL;
	bool done = name_orders(link, &name, error);
	const struct shop_table tables[] = {{"users", "users", rows},
					    {"orders", name, orders},
					    {"reviews", "reviews", (orders + 1) / 2}};
	for (size_t i = 0; i < LK_COUNT(tables) && done; i++)
		done = compare_table(link, &tables[i], sums, error);
	return done;
}
