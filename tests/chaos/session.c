/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/session.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

static void no_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

PGconn *lk_chaos_connect(const struct lk_test_server *server)
{
	char *conninfo = lk_test_server_conninfo(server, LK_TEST_PRIMARY, "postgres", "test");
	PGconn *connection = PQconnectdb(conninfo);
	PQsetNoticeReceiver(connection, no_notice, NULL);
	free(conninfo);
	return connection;
}

bool lk_chaos_first(PGconn *connection, const char *sql, char *value, size_t size)
{
	PGresult *r = PQexec(connection, sql);
	bool there =
		PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) > 0 && !PQgetisnull(r, 0, 0);
	lk_copy_text(value, size, there ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return there;
}

bool lk_chaos_wait(const struct lk_test_server *server, const char *sql, int seconds)
{
	int64_t until = lk_clock_us() + seconds * 1000000LL;
	char value[8] = "";
	while (value[0] != 't' && lk_clock_us() < until) {
		PGconn *connection = lk_chaos_connect(server);
		while (lk_chaos_first(connection, sql, value, sizeof value) && value[0] != 't' &&
		       lk_clock_us() < until)
			lk_sleep_ms(10);
		PQfinish(connection);
		if (value[0] != 't')
			lk_sleep_ms(10);
	}
	return value[0] == 't';
}
