/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replicas of the servers that tests start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/my_server.h"

#define LIMIT_S 60

/* The value of a column of the replication's status, "" when there is none; the caller's. */
static char *status(const struct lk_test_my *replica, const char *column)
{
	MYSQL *mysql = lk_test_my_connect(replica);
	char *value = NULL;
	MYSQL_RES *rows = mysql_query(mysql, lk_test_my_used()->status) == 0
				  ? mysql_store_result(mysql)
				  : NULL;
	MYSQL_ROW row = rows ? mysql_fetch_row(rows) : NULL;
	for (unsigned i = 0; row && i < mysql_num_fields(rows) && !value; i++)
		if (strcmp(mysql_fetch_field_direct(rows, i)->name, column) == 0)
			value = lk_strdup(row[i] ? row[i] : "");
	mysql_free_result(rows);
	mysql_close(mysql);
	return value ? value : lk_strdup("");
}

/* Until the column has the value, or until it has another one. */
static void await_value(const struct lk_test_my *replica, const char *column, const char *text,
			bool same)
{
	int64_t deadline = lk_clock_us() + (int64_t)LIMIT_S * 1000000;
	for (;;) {
		char *value = status(replica, column);
		bool there = (strcmp(value, text) == 0) == same;
		if (!there && lk_clock_us() > deadline) {
			char *why = status(replica, "Last_Error");
			fprintf(stderr, "test server: %s is \"%s\", %s \"%s\": %s\n", column, value,
				same ? "not" : "still", text, why);
			exit(1);
		}
		free(value);
		if (there)
			return;
		lk_sleep_ms(10);
	}
}

static void await(const struct lk_test_my *replica, const char *column, const char *wanted)
{
	await_value(replica, column, wanted, true);
}

static void await_running(const struct lk_test_my *replica)
{
	await(replica, lk_test_my_used()->receives, "Yes");
	await(replica, lk_test_my_used()->applies, "Yes");
}

/* Frees the statements. */
static void run(const struct lk_test_my *server, char *sql)
{
	lk_test_my_sql(server, sql);
	free(sql);
}

struct lk_test_my *lk_test_my_start_replica(struct lk_test_my *primary, const char *const *options)
{
	struct lk_test_my *replica = lk_test_my_start_primary(options);
	if (!replica)
		return NULL;
	run(replica, lk_test_my_used()->follow(lk_test_my_port(primary)));
	await_running(replica);
	lk_test_my_sql(replica, "SET GLOBAL read_only = 1");
	lk_test_my_catch_up(primary, replica);
	return replica;
}

void lk_test_my_delay(struct lk_test_my *replica, int seconds)
{
	run(replica, lk_test_my_used()->delay(seconds));
	await_running(replica);
}

void lk_test_my_halt(struct lk_test_my *replica)
{
	lk_test_my_sql(replica, lk_test_my_used()->halt);
}

void lk_test_my_resume(struct lk_test_my *replica)
{
	lk_test_my_sql(replica, lk_test_my_used()->resume);
	await_running(replica);
}

/* A row in the way and not a table: MariaDB's slave_ddl_exec_mode replaces the table. */
void lk_test_my_break(struct lk_test_my *primary, struct lk_test_my *replica)
{
	lk_test_my_sql(primary, "CREATE TABLE IF NOT EXISTS test.in_the_way (n int PRIMARY KEY);"
				"DELETE FROM test.in_the_way");
	lk_test_my_catch_up(primary, replica);
	lk_test_my_sql(replica, "SET sql_log_bin = 0; INSERT INTO test.in_the_way VALUES (1)");
	lk_test_my_sql(primary, "INSERT INTO test.in_the_way VALUES (1)");
	await(replica, lk_test_my_used()->applies, "No");
	/* 1062; of several workers on MySQL also 3030, "error(s) in the worker(s)". */
	await_value(replica, "Last_SQL_Errno", "0", false);
}

void lk_test_my_mend(struct lk_test_my *replica)
{
	lk_test_my_sql(replica, "SET sql_log_bin = 0; DELETE FROM test.in_the_way");
	lk_test_my_halt(replica);
	lk_test_my_resume(replica);
}

void lk_test_my_catch_up(const struct lk_test_my *primary, const struct lk_test_my *replica)
{
	char *position = lk_test_my_value(primary, lk_test_my_used()->written);
	char *sql = lk_test_my_used()->applied(position, LIMIT_S);
	bool applied = lk_test_my_number(replica, sql) == 1;
	free(sql);
	free(position);
	if (applied)
		return;
	fprintf(stderr, "test server: the replica does not catch up\n");
	exit(1);
}
