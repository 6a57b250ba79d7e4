/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The comparison of the shop's rows with the ledger, and the shape of its tables, on PostgreSQL. */
#include "sandbox/pg_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sandbox/pg_rows.h"

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

/* Each column with its type; none when there is no such table. */
static bool columns_of(struct lk_link *link, const char *table, struct lk_result *columns,
		       struct lk_error *error)
{
	char *sql = lk_format(
		"SELECT a.attname, CASE t.typname WHEN 'int8' THEN 'bigint' ELSE t.typname END"
		" FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
		" JOIN pg_class c ON c.oid = a.attrelid"
		" WHERE c.oid = to_regclass('%s') AND c.relkind = 'r' AND a.attnum > 0"
		" AND NOT a.attisdropped",
		table);
	bool read = lk_link_query(link, sql, columns, error);
	free(sql);
	return read;
}

static bool has_column(const struct lk_result *columns, const struct rule *rule)
{
	for (size_t i = 0; i < columns->rows; i++)
		if (strcmp(lk_cell_text(columns, i, 0), rule->column) == 0 &&
		    (!rule->type[0] || strcmp(lk_cell_text(columns, i, 1), rule->type) == 0))
			return true;
	return false;
}

struct shop_table {
	const char *source; /* in the ledger */
	const char *name;   /* in the database */
	int64_t rows;	    /* from the start */
};

static char *compare_sql(const struct shop_table *table, const struct lk_result *columns)
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

static bool compare_table(struct lk_link *link, const struct shop_table *table,
			  struct lk_shop_sums *sums, struct lk_error *error)
{
	struct lk_result columns, result;
	if (!columns_of(link, table->name, &columns, error))
		return false;
	char *sql = compare_sql(table, &columns);
	bool done = lk_link_query(link, sql, &result, error);
	free(sql);
	lk_result_free(&columns);
	if (!done)
		return lk_fail_context(error, "comparing %s", table->name);
	sums->present += lk_cell_int(&result, 0, 0);
	sums->compared += lk_cell_int(&result, 0, 1);
	sums->different += lk_cell_int(&result, 0, 2);
	lk_result_free(&result);
	return true;
}

/* A plan may have given it its other name; the old one may be a view by now. */
static bool name_orders(struct lk_link *link, const char **name, struct lk_error *error)
{
	struct lk_result result;
	if (!lk_link_query(link, "SELECT to_regclass('public.purchases') IS NOT NULL", &result,
			   error))
		return false;
	*name = lk_cell_bool(&result, 0, 0) ? "purchases" : "orders";
	lk_result_free(&result);
	return true;
}

bool lk_pg_shop_compare(struct lk_link *link, int64_t rows, struct lk_shop_sums *sums,
			struct lk_error *error)
{
	int64_t orders = lk_shop_orders(rows);
	const char *name = NULL;
	bool done =
		lk_link_execute(link, "SET work_mem = '128MB'; SET search_path = public", error) &&
		name_orders(link, &name, error);
	const struct shop_table tables[] = {{"users", "users", rows},
					    {"orders", name, orders},
					    {"reviews", "reviews", (orders + 1) / 2}};
	for (size_t i = 0; i < LK_COUNT(tables) && done; i++)
		done = compare_table(link, &tables[i], sums, error);
	return done;
}

/* What is in schema lockkeeper but the journal is a leftover of ours. */
static const char shape_sql[] =
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

char *lk_pg_shop_shape(struct lk_link *link, struct lk_error *error)
{
	struct lk_result result;
	if (!lk_link_execute(link, "SET search_path = ''", error) ||
	    !lk_link_query(link, shape_sql, &result, error))
		return NULL;
	char *shape = lk_strdup(lk_cell_text(&result, 0, 0));
	lk_result_free(&result);
	return shape;
}
