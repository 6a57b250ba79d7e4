/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/shop.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/pg_daemon.h"
#include "sandbox/shop.h"
#include "tests/bench/bench.h"

/* As in the sandbox. Nothing else works in the background while something is measured. */
static const char settings[] = "shared_buffers = 256MB\n"
			       "max_wal_size = 4GB\n"
			       "checkpoint_timeout = 1h\n"
			       "autovacuum = off\n";

PGconn *lk_bench_shop_connect(const struct lk_test_server *server, const char *name)
{
	struct lk_error error;
	char *conninfo = lk_test_server_conninfo(server, LK_TEST_PRIMARY, LK_POSTGRES_USER, name);
	PGconn *connection = PQconnectdb(conninfo);
	free(conninfo);
	if (PQstatus(connection) != CONNECTION_OK)
		lk_bench_must(lk_postgres_failed(connection, NULL, &error), &error);
	PQclear(PQexec(connection, "SET client_min_messages = warning"));
	return connection;
}

double lk_bench_shop_sql(PGconn *connection, const char *sql)
{
	struct lk_error error;
	int64_t from = lk_clock_us();
	if (!lk_postgres_execute(connection, sql, &error))
		lk_bench_must(lk_fail_context(&error, "%.200s", sql), &error);
	return (double)(lk_clock_us() - from) / 1e6;
}

double lk_bench_shop_number(PGconn *connection, const char *sql)
{
	struct lk_error error;
	PGresult *result = PQexec(connection, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) == 0) {
		lk_postgres_failed(connection, result, &error);
		lk_bench_must(lk_fail_context(&error, "%.200s", sql), &error);
	}
	double value = strtod(PQgetvalue(result, 0, 0), NULL);
	PQclear(result);
	return value;
}

struct lk_link *lk_bench_shop_link(const struct lk_test_server *server, const char *name)
{
	struct lk_error error;
	char *uri = lk_bench_shop_uri(server, name);
	struct lk_link *link = lk_link_open(uri, "bench", &error);
	free(uri);
	lk_bench_must(link != NULL, &error);
	return link;
}

struct lk_test_server *lk_bench_shop_start(int64_t users)
{
	const struct lk_test_server_options options = {.settings = settings};
	struct lk_error error;
	struct lk_test_server *server = lk_test_server_start(&options);
	struct lk_link *link = lk_bench_shop_link(server, "postgres");
	lk_bench_must(lk_shop_create_database(link, &error), &error);
	lk_link_close(link);
	link = lk_bench_shop_link(server, LK_SHOP_DATABASE);
	lk_bench_must(lk_shop_create_tables(link, users, &error), &error);
	lk_link_close(link);
	PGconn *connection = lk_bench_shop_connect(server, LK_SHOP_DATABASE);
	lk_bench_shop_sql(connection, "VACUUM (FREEZE, ANALYZE)");
	PQfinish(connection);
	return server;
}

static void on_server(const struct lk_test_server *server, const char *format, const char *name)
{
	char sql[200];
	PGconn *connection = lk_bench_shop_connect(server, "postgres");
	snprintf(sql, sizeof sql, "%s %s%s", format, name,
		 format[0] == 'C' ? " TEMPLATE " LK_SHOP_DATABASE " STRATEGY FILE_COPY"
				  : " WITH (FORCE)");
	lk_bench_shop_sql(connection, sql);
	lk_bench_shop_sql(connection, "CHECKPOINT");
	PQfinish(connection);
}

void lk_bench_shop_copy(const struct lk_test_server *server, const char *name)
{
	on_server(server, "CREATE DATABASE", name);
}

void lk_bench_shop_drop(const struct lk_test_server *server, const char *name)
{
	on_server(server, "DROP DATABASE IF EXISTS", name);
}

char *lk_bench_shop_uri(const struct lk_test_server *server, const char *name)
{
	return lk_format("postgresql:///%s?host=%s&port=5432&user=%s", name,
			 lk_test_server_folder(server), LK_POSTGRES_USER);
}
