/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shop on MySQL and MariaDB, and their dialect. */
#include "sandbox/my_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/my_rows.h"

static const char tables_sql[] =
	"CREATE TABLE users ("
	" id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,"
	" username varchar(80) COMMENT 'the name other customers see',"
	" email varchar(120) NOT NULL,"
	" display_name varchar(120),"
	" fax varchar(60),"
	" balance bigint NOT NULL DEFAULT 0,"
	" created_at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)) ENGINE = InnoDB;"
	"CREATE TABLE orders ("
	" id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,"
	" user_id bigint NOT NULL,"
	" amount bigint NOT NULL COMMENT 'what the customer pays',"
	" status varchar(20),"
	" created_at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)) ENGINE = InnoDB;"
	"CREATE TABLE reviews ("
	" id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,"
	" order_id bigint NOT NULL,"
	" stars int NOT NULL,"
	" body varchar(500),"
	" CONSTRAINT reviews_body_check CHECK (CHAR_LENGTH(body) <= 120)) ENGINE = InnoDB;"
	"CREATE TABLE ledger ("
	" seq bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,"
	" source varchar(20) NOT NULL,"
	" id bigint NOT NULL,"
	" `release` varchar(10) NOT NULL,"
	" gone boolean NOT NULL DEFAULT false,"
	" delta bigint NOT NULL DEFAULT 0,"
	" wrote json NOT NULL DEFAULT ('{}'),"
	" KEY ledger_id_seq_idx (id, source, seq)) ENGINE = InnoDB";

/* Indexes follow the rows: building them once is faster. */
static const char rest_sql[] = "ALTER TABLE users ADD KEY users_username_idx (username);"
			       "ALTER TABLE orders ADD KEY orders_user_id_idx (user_id),"
			       " ADD KEY orders_created_at_idx (created_at);"
			       "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey"
			       " FOREIGN KEY (user_id) REFERENCES users (id);"
			       "ALTER TABLE reviews ADD KEY reviews_order_id_idx (order_id);"
			       "GRANT SELECT (id, username) ON users TO reporting@localhost;"
			       "GRANT SELECT (id, amount) ON orders TO reporting@localhost";

static bool create_database(struct lk_link *link, struct lk_error *error)
{
	return lk_link_execute(link,
			       "CREATE DATABASE " LK_SHOP_DATABASE " CHARACTER SET utf8mb4;"
			       "GRANT SELECT, INSERT, UPDATE, DELETE ON " LK_SHOP_DATABASE
			       ".* TO " LK_SHOP_ROLE "@localhost",
			       error);
}

/* The numbers from `first` to `last` in order, as many as a recursion may have by default on MySQL. */
#define BATCH 1000
#define NUMBERS                                                                                    \
	"WITH RECURSIVE g AS (SELECT CAST(%" PRId64                                                \
	" AS SIGNED) AS n UNION ALL SELECT n + 1 FROM g WHERE n < %" PRId64 ")"

static bool fill(struct lk_link *link, const char *into, int64_t rows, struct lk_error *error)
{
	bool filled = lk_link_execute(link, "START TRANSACTION", error);
	for (int64_t first = 1; filled && first <= rows; first += BATCH) {
		int64_t last = first + BATCH - 1 < rows ? first + BATCH - 1 : rows;
		char *numbers = lk_format(NUMBERS, first, last);
		/* Where WITH stands in an INSERT is the same for both: in front of its SELECT. */
		const char *select = strstr(into, "SELECT");
		char *sql =
			lk_format("%.*s%s %s FROM g", (int)(select - into), into, numbers, select);
		filled = lk_link_execute(link, sql, error);
		free(sql);
		free(numbers);
	}
	return filled && lk_link_execute(link, "COMMIT", error);
}

/* On a server that does not write its binary log yet. */
static bool create_tables(struct lk_link *link, int64_t rows, struct lk_error *error)
{
	int64_t orders = lk_shop_orders(rows), reviews = (orders + 1) / 2;
	return lk_link_execute(link, tables_sql, error) &&
	       fill(link,
		    "INSERT INTO users (id, username, email, display_name, fax) "
		    "SELECT n, " LK_SHOP_HANDLE("n") ", " LK_SHOP_EMAIL(
			    "n") ", " LK_SHOP_DISPLAY_NAME("n") ", " LK_SHOP_FAX("n"),
		    rows, error) &&
	       fill(link,
		    "INSERT INTO orders (id, user_id, amount, status) "
		    "SELECT n, n, " LK_SHOP_CENTS("n") ", " LK_SHOP_STATUS("n"),
		    orders, error) &&
	       fill(link,
		    "INSERT INTO reviews (id, order_id, stars, body) "
		    "SELECT n, " LK_SHOP_ORDER("n") ", " LK_SHOP_STARS("n") ", " LK_SHOP_BODY("n"),
		    reviews, error) &&
	       lk_link_execute(link, rest_sql, error) &&
	       lk_link_execute(link, "ANALYZE TABLE users, orders, reviews", error);
}

enum { NO_SUCH_ROW = 1452, CHECK_FAILED_MARIADB = 4025, CHECK_FAILED_MYSQL = 3819 };

static enum lk_refusal refusal(const struct lk_error *error)
{
	if (error->number == CHECK_FAILED_MARIADB || error->number == CHECK_FAILED_MYSQL)
		return LK_REFUSED_CHECK;
	return error->number == NO_SUCH_ROW ? LK_REFUSED_FOREIGN_KEY : LK_REFUSED_NOT;
}

const struct lk_shop_ops lk_my_shop = {
	.create_database = create_database,
	.create_tables = create_tables,
	.compare = lk_my_shop_compare,
	.shape = lk_my_shop_shape,
};

const struct lk_dialect lk_my_dialect = {
	.engine = LK_ENGINE_MYSQL,
	.link = &lk_my_link,
	.shop = &lk_my_shop,
	.release = &lk_my_release,
	.statements = &lk_my_statements,
	.begin = "BEGIN",
	.begin_repeatable = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; BEGIN",
	.refusal = refusal,
};
