/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shop on PostgreSQL, and PostgreSQL's dialect. */
#include "sandbox/pg_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/pg_rows.h"

static const char tables_sql[] = "CREATE TABLE users ("
				 " id bigint GENERATED ALWAYS AS IDENTITY,"
				 " username text,"
				 " email text NOT NULL,"
				 " display_name text,"
				 " fax text,"
				 " balance bigint NOT NULL DEFAULT 0,"
				 " created_at timestamptz NOT NULL DEFAULT now());"
				 "CREATE TABLE orders ("
				 " id bigint GENERATED ALWAYS AS IDENTITY,"
				 " user_id bigint NOT NULL,"
				 " amount bigint NOT NULL,"
				 " status text,"
				 " created_at timestamptz NOT NULL DEFAULT now());"
				 "CREATE TABLE reviews ("
				 " id bigint GENERATED ALWAYS AS IDENTITY,"
				 " order_id bigint NOT NULL,"
				 " stars int NOT NULL,"
				 " body text,"
				 " CONSTRAINT reviews_body_check CHECK (length(body) <= 120));"
				 "CREATE TABLE ledger ("
				 " seq bigserial PRIMARY KEY,"
				 " source text NOT NULL,"
				 " id bigint NOT NULL,"
				 " release text NOT NULL,"
				 " gone boolean NOT NULL DEFAULT false,"
				 " delta bigint NOT NULL DEFAULT 0,"
				 " wrote jsonb NOT NULL DEFAULT '{}');";

/* Constraints and indexes follow the rows: building them once is several times as fast. */
static const char rest_sql[] =
	"SET LOCAL maintenance_work_mem = '256MB';"
	"ALTER TABLE users ADD PRIMARY KEY (id);"
	"CREATE INDEX users_username_idx ON users (username);"
	"COMMENT ON COLUMN users.username IS 'the name other customers see';"
	"ALTER TABLE orders ADD PRIMARY KEY (id);"
	"ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id);"
	"CREATE INDEX orders_user_id_idx ON orders (user_id);"
	"CREATE INDEX orders_created_at_idx ON orders (created_at);"
	"COMMENT ON COLUMN orders.amount IS 'what the customer pays';"
	"ALTER TABLE reviews ADD PRIMARY KEY (id);"
	"CREATE INDEX reviews_order_id_idx ON reviews (order_id);"
	"CREATE INDEX ledger_id_seq_idx ON ledger (id, source, seq);"
	"GRANT SELECT, INSERT, UPDATE, DELETE ON users, orders, reviews, ledger TO " LK_SHOP_ROLE
	";"
	"GRANT USAGE ON SEQUENCE ledger_seq_seq TO " LK_SHOP_ROLE ";"
	"GRANT SELECT (id, username) ON users TO reporting;"
	"GRANT SELECT (id, amount) ON orders TO reporting";

static bool create_database(struct lk_link *link, struct lk_error *error)
{
	return lk_link_execute(link, "CREATE ROLE " LK_SHOP_ROLE " LOGIN; CREATE ROLE reporting",
			       error) &&
	       lk_link_execute(link, "CREATE DATABASE " LK_SHOP_DATABASE, error);
}

static char *fill_sql(int64_t users)
{
	int64_t orders = lk_shop_orders(users), reviews = (orders + 1) / 2;
	return lk_format(
		"INSERT INTO users (id, username, email, display_name, fax)"
		" OVERRIDING SYSTEM VALUE SELECT g, " LK_SHOP_HANDLE("g") ", " LK_SHOP_EMAIL("g") ", " LK_SHOP_DISPLAY_NAME("g") ", " LK_SHOP_FAX(
			"g") " FROM generate_series(1::bigint, %" PRId64 ") g;"
			     "INSERT INTO orders (id, user_id, amount, status) OVERRIDING SYSTEM VALUE"
			     " SELECT g, g, " LK_SHOP_CENTS("g") ", " LK_SHOP_STATUS(
				     "g") " FROM generate_series(1::bigint, %" PRId64 ") g;"
					  "INSERT INTO reviews (id, order_id, stars, body) OVERRIDING SYSTEM VALUE"
					  " SELECT g, " LK_SHOP_ORDER("g") ", " LK_SHOP_STARS("g") ", " LK_SHOP_BODY(
						  "g") " FROM generate_series(1::bigint, %" PRId64
						       ") g;"
						       "SELECT setval(pg_get_serial_sequence('users', 'id'), %" PRId64
						       "),"
						       " setval(pg_get_serial_sequence('orders', 'id'), %" PRId64
						       "),"
						       " setval(pg_get_serial_sequence('reviews', 'id'), %" PRId64
						       ")",
		users, orders, reviews, users, orders, reviews);
}

/* The tables are made and filled in one transaction, so a server without WAL to ship writes none for
 * them. */
static bool create_tables(struct lk_link *link, int64_t rows, struct lk_error *error)
{
	char *fill = fill_sql(rows);
	bool made = lk_link_execute(link, "BEGIN", error) &&
		    lk_link_execute(link, tables_sql, error) &&
		    lk_link_execute(link, fill, error) && lk_link_execute(link, rest_sql, error) &&
		    lk_link_execute(link, "COMMIT", error) &&
		    lk_link_execute(link, "VACUUM (FREEZE, ANALYZE) users, orders, reviews", error);
	free(fill);
	return made;
}

static enum lk_refusal refusal(const struct lk_error *error)
{
	if (strcmp(error->state, "23514") == 0)
		return LK_REFUSED_CHECK;
	return strcmp(error->state, "23503") == 0 ? LK_REFUSED_FOREIGN_KEY : LK_REFUSED_NOT;
}

const struct lk_shop_ops lk_pg_shop = {
	.create_database = create_database,
	.create_tables = create_tables,
	.compare = lk_pg_shop_compare,
	.shape = lk_pg_shop_shape,
};

const struct lk_dialect lk_pg_dialect = {
	.engine = LK_ENGINE_POSTGRES,
	.link = &lk_pg_link,
	.shop = &lk_pg_shop,
	.release = &lk_pg_release,
	.statements = &lk_pg_statements,
	.begin = "BEGIN",
	.begin_repeatable = "BEGIN ISOLATION LEVEL REPEATABLE READ",
	.refusal = refusal,
};
