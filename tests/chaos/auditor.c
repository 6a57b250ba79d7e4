/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/auditor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/chaos/session.h"

enum { GAP_MS = 40, MOVES = 4096 };

struct lk_chaos_auditor {
	const struct lk_test_server *server;
	atomic_bool stop;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards everything below */
	struct lk_chaos_audit audit;
	int64_t moves[MOVES]; /* when the run was seen to have moved */
	int count;
	char signature[200]; /* of the last look */
};

/*
 * One statement, so one snapshot. The latest run's steps by what they do: d dual write, b backfill, v verify,
 * a ADD CONSTRAINT, w VALIDATE, n SET NOT NULL, r DROP CONSTRAINT, i CREATE INDEX, e end of dual write, x DROP.
 * Of the catalog: oldc, newc the columns, trg triggers, chk the check (null absent, else validated), nn NOT NULL,
 * idx the index on the new column (null absent, else valid). `what` names each claim that does not hold.
 */
static const char look_sql[] =
	"WITH run AS (SELECT name, backward, state FROM lockkeeper.run ORDER BY created_at DESC LIMIT 1),"
	" doc AS (SELECT s.number, s.state, s.verb, s.name, r.backward FROM lockkeeper.step s JOIN run r"
	"  ON r.name = s.run),"
	" st AS (SELECT bool_or(backward) AS back,"
	"  max(state) FILTER (WHERE number = 1) AS d, max(state) FILTER (WHERE number = 4) AS b,"
	"  max(state) FILTER (WHERE number = 6) AS a, max(state) FILTER (WHERE number = 7) AS w,"
	"  max(state) FILTER (WHERE number = 8) AS n, max(state) FILTER (WHERE number = 9) AS r,"
	"  max(state) FILTER (WHERE number = 10) AS i, max(state) FILTER (WHERE number = 13) AS e,"
	"  max(state) FILTER (WHERE number = 14) AS x,"
	"  string_agg(left(state, 1), '' ORDER BY number) AS letters FROM doc),"
	" cat AS (SELECT"
	"  EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'username') AS oldc,"
	"  EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'user_handle') AS newc,"
	"  (SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) AS trg,"
	"  (SELECT bool_and(convalidated) FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c') AS chk,"
	"  coalesce((SELECT attnotnull FROM pg_attribute WHERE attrelid = c.oid AND attname = 'user_handle'),"
	"   false) AS nn,"
	"  (SELECT bool_or(indisvalid) FROM pg_index x JOIN pg_attribute t ON t.attrelid = c.oid"
	"   AND t.attnum = x.indkey[0] WHERE x.indrelid = c.oid AND t.attname = 'user_handle') AS idx"
	"  FROM pg_class c WHERE c.relname = 'users' AND c.relnamespace = 'public'::regnamespace),"
	" cur AS (SELECT c.* FROM lockkeeper.cursor c JOIN run ON run.name = c.run),"
	" bad AS ("
	" SELECT 'dual write is ' || d || ', its column or triggers are not' AS what FROM st, cat"
	"  WHERE (d = 'done' AND x <> 'done') IS DISTINCT FROM (newc AND oldc AND trg > 0)"
	" UNION ALL SELECT 'drop is ' || x || ', the old column or triggers say otherwise' FROM st, cat"
	"  WHERE (x = 'done') IS DISTINCT FROM (NOT oldc) OR (x = 'done' AND (trg > 0 OR NOT newc))"
	" UNION ALL SELECT 'end of dual write is ' || e || ', drop is ' || x FROM st"
	"  WHERE (e = 'done') <> (x = 'done')"
	" UNION ALL SELECT 'check is there, added: ' || a || ', dropped: ' || r FROM st, cat"
	"  WHERE chk IS NOT NULL AND (a <> 'done' OR r = 'done')"
	" UNION ALL SELECT 'check is not there, added: ' || a || ', dropped: ' || r FROM st, cat"
	"  WHERE chk IS NULL AND NOT back AND a = 'done' AND r <> 'done'"
	" UNION ALL SELECT 'check is validated: ' || chk || ', step: ' || w FROM st, cat"
	"  WHERE chk IS NOT NULL AND NOT back AND chk <> (w = 'done')"
	" UNION ALL SELECT 'NOT NULL: ' || nn || ', step: ' || n FROM st, cat"
	"  WHERE newc AND nn <> (n = 'done')"
	" UNION ALL SELECT 'index: ' || coalesce(idx::text, 'absent') || ', step: ' || i FROM st, cat"
	"  WHERE (NOT back AND i = 'done' AND idx IS NOT TRUE) OR (i IN ('pending', 'undone') AND idx IS NOT NULL)"
	" UNION ALL SELECT 'backfill is done, its cursor is not' FROM st"
	"  WHERE b = 'done' AND NOT EXISTS (SELECT FROM cur WHERE finished)"
	" ) SELECT (SELECT string_agg(what, '; ') FROM bad),"
	" concat_ws(' ', (SELECT name || state FROM run), (SELECT letters FROM st), (SELECT rows_done FROM cur)),"
	" (SELECT key[1] FROM cur), (SELECT newc AND oldc FROM cat)";

static bool rows_agree(PGconn *connection, char *text, size_t size)
{
	/* Behind the cursor every row is filled: the claim of "exactly once". */
	PGresult *r = PQexec(
		connection,
		"SELECT count(*), min(id), (SELECT key[1] FROM lockkeeper.cursor c JOIN lockkeeper.run r ON"
		" r.name = c.run ORDER BY r.created_at DESC LIMIT 1) FROM users WHERE user_handle IS DISTINCT FROM"
		" username AND id <= (SELECT key[1]::bigint FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name ="
		" c.run ORDER BY r.created_at DESC LIMIT 1)");
	bool agree = PQresultStatus(r) != PGRES_TUPLES_OK || strcmp(PQgetvalue(r, 0, 0), "0") == 0;
	if (!agree)
		snprintf(text, size, "%s rows behind the cursor %s differ, the first is %s",
			 PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 2), PQgetvalue(r, 0, 1));
	PQclear(r);
	return agree;
}

/* *looked says whether there was anything to compare; the signature changes whenever the run moves. */
static bool look(PGconn *connection, bool *looked, char *signature, char *text, size_t size)
{
	PGresult *r = PQexec(connection, look_sql);
	*looked = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1;
	bool agree = true, both = false;
	if (*looked) {
		agree = PQgetisnull(r, 0, 0);
		lk_copy_text(text, size, PQgetvalue(r, 0, 0));
		lk_copy_text(signature, 200, PQgetvalue(r, 0, 1));
		both = PQgetvalue(r, 0, 3)[0] == 't' && !PQgetisnull(r, 0, 2);
	}
	PQclear(r);
	return agree && (!both || rows_agree(connection, text, size));
}

bool lk_chaos_audit_once(PGconn *connection, char *text, size_t size)
{
	bool looked;
	char signature[200] = "";
	return look(connection, &looked, signature, text, size);
}

static void keep(struct lk_chaos_auditor *a, bool agree, const char *signature, const char *text)
{
	pthread_mutex_lock(&a->mutex);
	a->audit.looks++;
	a->audit.disagreements += !agree;
	if (!agree && !a->audit.first[0])
		snprintf(a->audit.first, sizeof a->audit.first, "%.190s (%.190s)", text, signature);
	if (strcmp(a->signature, signature) != 0) {
		LK_COPY(a->signature, signature);
		a->moves[a->count % MOVES] = lk_clock_us();
		a->count++;
	}
	pthread_mutex_unlock(&a->mutex);
}

static void *audit(void *argument)
{
	struct lk_chaos_auditor *a = argument;
	PGconn *connection = lk_chaos_connect(a->server);
	while (!atomic_load(&a->stop)) {
		char text[400] = "", signature[200] = "";
		bool looked = false;
		if (PQstatus(connection) != CONNECTION_OK)
			PQreset(connection);
		bool agree = look(connection, &looked, signature, text, sizeof text);
		if (looked)
			keep(a, agree, signature, text);
		lk_sleep_ms(GAP_MS);
	}
	PQfinish(connection);
	return NULL;
}

struct lk_chaos_auditor *lk_chaos_auditor_start(const struct lk_test_server *server)
{
	struct lk_chaos_auditor *a = lk_alloc(sizeof *a);
	a->server = server;
	pthread_mutex_init(&a->mutex, NULL);
	if (pthread_create(&a->thread, NULL, audit, a) != 0)
		abort();
	return a;
}

void lk_chaos_auditor_stop(struct lk_chaos_auditor *a, struct lk_chaos_audit *result)
{
	atomic_store(&a->stop, true);
	pthread_join(a->thread, NULL);
	*result = a->audit;
	pthread_mutex_destroy(&a->mutex);
	free(a);
}

int64_t lk_chaos_auditor_moved_after(struct lk_chaos_auditor *a, int64_t since)
{
	int64_t found = 0;
	pthread_mutex_lock(&a->mutex);
	for (int i = a->count - 1; i >= 0 && i >= a->count - MOVES; i--) {
		if (a->moves[i % MOVES] <= since)
			break;
		found = a->moves[i % MOVES];
	}
	pthread_mutex_unlock(&a->mutex);
	return found;
}
