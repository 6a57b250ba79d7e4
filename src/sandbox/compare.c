/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The comparison of the shop's rows with the ledger, and the shape of its tables. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sandbox/postgres.h"
#include "sandbox/shop.h"

/* What a name of the ledger was set to last, or was from the start. */
#define WRITTEN(key, first)                                                                        \
	"CASE WHEN e.wrote ? '" key "' THEN e.wrote ->> '" key "' WHEN e.initial THEN (" first     \
	")::text END"
#define DIFFERS(column, key, first) "t." column "::text IS DISTINCT FROM " WRITTEN(key, first)

/* What makes a row different, if the table has a column of that name and type ("" any type). */
static const struct rule {
	const char *table, *column, *type, *differs;
} rules[] = {
	{"users", "balance", "", "t.balance IS DISTINCT FROM coalesce(e.delta, 0)"},
	{"users", "username", "", DIFFERS("username", "handle", LK_SHOP_HANDLE("e.id"))},
	{"users", "user_handle", "", DIFFERS("user_handle", "handle", LK_SHOP_HANDLE("e.id"))},
	{"users", "email", "", DIFFERS("email", "email", LK_SHOP_EMAIL("e.id"))},
	/* A plan that wants no NULL here may have filled it. */
	{"users", "display_name", "",
	 DIFFERS("display_name", "display_name", LK_SHOP_DISPLAY_NAME("e.id")) " AND NOT (" WRITTEN(
		 "display_name",
		 LK_SHOP_DISPLAY_NAME(
			 "e.id")) " IS NULL AND t.display_name = 'Customer ' || t.id)"},
	{"users", "fax", "", DIFFERS("fax", "fax", LK_SHOP_FAX("e.id"))},
	/* Random where the application has not given one. */
	{"users", "public_id", "",
	 "(t.public_id::text IS DISTINCT FROM e.wrote ->> 'public_id' AND e.wrote ? 'public_id')"},
	{"users", "loyalty", "",
	 "t.loyalty::text IS DISTINCT FROM coalesce(e.wrote ->> 'loyalty', '1')"},
	{"orders", "user_id", "", DIFFERS("user_id", "user_id", "e.id")},
	{"orders", "amount", "bigint", DIFFERS("amount", "amount", LK_SHOP_CENTS("e.id"))},
	{"orders", "amount", "numeric",
	 "t.amount * 100 IS DISTINCT FROM (" WRITTEN("amount", LK_SHOP_CENTS("e.id")) ")::numeric"},
	{"orders", "amount_new", "numeric",
	 "t.amount_new * 100 IS DISTINCT FROM (" WRITTEN("amount",
							 LK_SHOP_CENTS("e.id")) ")::numeric"},
	{"orders", "amount_new", "bigint", DIFFERS("amount_new", "amount", LK_SHOP_CENTS("e.id"))},
	{"orders", "amount_old", "bigint", DIFFERS("amount_old", "amount", LK_SHOP_CENTS("e.id"))},
	{"orders", "status", "", DIFFERS("status", "status", LK_SHOP_STATUS("e.id"))},
	{"reviews", "order_id", "", DIFFERS("order_id", "order_id", LK_SHOP_ORDER("e.id"))},
	{"reviews", "stars", "", DIFFERS("stars", "stars", LK_SHOP_STARS("e.id"))},
	{"reviews", "body", "", DIFFERS("body", "body", LK_SHOP_BODY("e.id"))},
};

/* "column type" of each column, sorted; NULL when there is no such table. */
static PGresult *columns_of(PGconn *connection, const char *table, struct lk_error *error)
{
	const char *const values[] = {table};
	PGresult *result = PQexecParams(
		connection,
		"SELECT a.attname, t.typname, CASE t.typname WHEN 'int8' THEN 'bigint' ELSE t.typname END"
		" FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
		" JOIN pg_class c ON c.oid = a.attrelid"
		" WHERE c.oid = to_regclass($1) AND c.relkind = 'r' AND a.attnum > 0"
		" AND NOT a.attisdropped",
		1, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	lk_postgres_failed(connection, result, error);
	PQclear(result);
	return NULL;
}

static bool has_column(const PGresult *columns, const struct rule *rule)
{
	for (int i = 0; i < PQntuples(columns); i++)
		if (strcmp(PQgetvalue(columns, i, 0), rule->column) == 0 &&
		    (!rule->type[0] || strcmp(PQgetvalue(columns, i, 2), rule->type) == 0))
			return true;
	return false;
}

struct shop_table {
	const char *source; /* in the ledger */
	const char *name;   /* in the database */
	int64_t rows;	    /* from the start */
};

static char *compare_sql(const struct shop_table *table, const PGresult *columns)
{
	struct lk_buffer sql = {0};
	lk_buffer_addf(
		&sql,
		"WITH entry AS ("
		" SELECT id, bool_or(gone) AS gone, sum(delta) AS delta FROM ledger"
		" WHERE source = '%s' GROUP BY id), "
		"written AS ("
		" SELECT l.id, jsonb_object_agg(w.key, w.value ORDER BY l.seq) AS wrote"
		" FROM ledger l, jsonb_each(l.wrote) w WHERE l.source = '%s' GROUP BY l.id), "
		"e AS ("
		" SELECT coalesce(n.id, g) AS id, g IS NOT NULL AS initial,"
		"  coalesce(w.wrote, '{}') AS wrote, n.delta"
		" FROM generate_series(1::bigint, %" PRId64 ") g FULL JOIN entry n ON n.id = g"
		" LEFT JOIN written w ON w.id = n.id WHERE n.gone IS NOT TRUE) "
		"SELECT count(t.id), count(*), count(*) FILTER (WHERE t.id IS NULL OR e.id IS NULL",
		table->source, table->source, table->rows);
	for (size_t i = 0; i < LK_COUNT(rules); i++)
		if (strcmp(rules[i].table, table->source) == 0 && has_column(columns, &rules[i]))
			lk_buffer_addf(&sql, " OR %s", rules[i].differs);
	lk_buffer_addf(&sql, ") FROM %s t FULL JOIN e ON e.id = t.id", table->name);
	return lk_buffer_take(&sql);
}

static bool compare_table(PGconn *connection, const struct shop_table *table, int64_t sums[3],
			  struct lk_error *error)
{
	PGresult *columns = columns_of(connection, table->name, error);
	if (!columns)
		return false;
	char *sql = compare_sql(table, columns);
	PGresult *result = PQexec(connection, sql);
	bool done = PQresultStatus(result) == PGRES_TUPLES_OK ||
		    lk_postgres_failed(connection, result, error);
	for (int i = 0; i < 3 && done; i++)
		sums[i] += strtoll(PQgetvalue(result, 0, i), NULL, 10);
	PQclear(result);
	PQclear(columns);
	free(sql);
	return done || lk_fail_context(error, "comparing %s", table->name);
}

/* A plan may have given it its other name; the old one may be a view by now. */
static bool name_orders(PGconn *connection, const char **name, struct lk_error *error)
{
	PGresult *result = PQexec(connection, "SELECT to_regclass('public.purchases') IS NOT NULL");
	bool read = PQresultStatus(result) == PGRES_TUPLES_OK ||
		    lk_postgres_failed(connection, result, error);
	if (read)
		*name = PQgetvalue(result, 0, 0)[0] == 't' ? "purchases" : "orders";
	PQclear(result);
	return read;
}

bool lk_shop_compare(PGconn *connection, int64_t rows, int64_t *present, int64_t *compared,
		     int64_t *different, struct lk_error *error)
{
	int64_t orders = lk_shop_orders(rows), sums[3] = {0};
	const char *name = NULL;
	bool done =
		lk_postgres_execute(connection, "SET work_mem = '128MB'; SET search_path = public",
				    error) &&
		name_orders(connection, &name, error);
	const struct shop_table tables[] = {{"users", "users", rows},
					    {"orders", name, orders},
					    {"reviews", "reviews", (orders + 1) / 2}};
	for (size_t i = 0; i < LK_COUNT(tables) && done; i++)
		done = compare_table(connection, &tables[i], sums, error);
	*present = sums[0];
	*compared = sums[1];
	*different = sums[2];
	return done;
}

/* What is in schema lockkeeper but the journal is a leftover of ours. */
static const char shape_sql[] =
	"SET search_path = '';"
	"WITH class AS (SELECT c.*, format('%s %s', c.relkind, c.oid::regclass) AS title"
	" FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')), "
	"line AS ("
	" SELECT format('%s owner %s', title, relowner::regrole) AS line FROM class"
	" UNION ALL SELECT format('view %s as %s', title, pg_get_viewdef(oid)) FROM class"
	"  WHERE relkind = 'v'"
	" UNION ALL SELECT format('column %s.%s %s collation %s%s%s identity %s generated %s remark %s',"
	"   title, a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation,"
	"   CASE WHEN a.attnotnull THEN ' not null' END,"
	"   ' default ' || pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,"
	"   col_description(class.oid, a.attnum))"
	"  FROM class JOIN pg_attribute a ON a.attrelid = class.oid"
	"  LEFT JOIN pg_attrdef d ON d.adrelid = class.oid AND d.adnum = a.attnum"
	"  WHERE a.attnum > 0 AND NOT a.attisdropped"
	" UNION ALL SELECT format('index %s%s', pg_get_indexdef(i.indexrelid),"
	"   CASE WHEN NOT i.indisvalid THEN ' invalid' END)"
	"  FROM class JOIN pg_index i ON i.indrelid = class.oid"
	" UNION ALL SELECT format('constraint %s %s %s%s', title, k.conname,"
	"   pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN ' unchecked' END)"
	"  FROM class JOIN pg_constraint k ON k.conrelid = class.oid"
	" UNION ALL SELECT format('trigger %s', pg_get_triggerdef(g.oid))"
	"  FROM class JOIN pg_trigger g ON g.tgrelid = class.oid WHERE NOT g.tgisinternal"
	" UNION ALL SELECT format('grant %s %s to %s', title, p.privilege_type, p.grantee::regrole)"
	"  FROM class, aclexplode(coalesce(relacl, acldefault('r', relowner))) p"
	" UNION ALL SELECT format('grant %s.%s %s to %s', title, a.attname, p.privilege_type,"
	"   p.grantee::regrole)"
	"  FROM class JOIN pg_attribute a ON a.attrelid = class.oid,"
	"  aclexplode(a.attacl) p WHERE NOT a.attisdropped"
	" UNION ALL SELECT format('function %s', p.oid::regprocedure) FROM pg_proc p"
	"  WHERE p.prorettype = 'trigger'::regtype AND p.pronamespace IN (SELECT oid FROM pg_namespace"
	"  WHERE nspname IN ('public', 'lockkeeper'))) "
	"SELECT coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"), '') FROM line";

char *lk_shop_shape(PGconn *connection, struct lk_error *error)
{
	PGresult *result = PQexec(connection, shape_sql);
	bool read = PQresultStatus(result) == PGRES_TUPLES_OK ||
		    lk_postgres_failed(connection, result, error);
	char *shape = read ? lk_strdup(PQgetvalue(result, 0, 0)) : NULL;
	PQclear(result);
	return shape;
}
