/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "db/pg_array.h"
#include "watch/pg_progress.h"
#include "watch/sample.h"

#define AGE_MS(column) "coalesce(extract(epoch FROM now() - " column ") * 1000, -1)"

/* pg_blocking_pids takes every lock partition's latch, so it is called for waiting sessions alone. */
static const char session_sql[] =
	"SELECT pid, coalesce(usename, backend_type), application_name,"
	" coalesce(host(client_addr), CASE WHEN backend_type = 'client backend' THEN 'local' ELSE '' END),"
	" coalesce(state, backend_type), CASE WHEN wait_event_type IS NULL OR wait_event_type = 'Client' THEN ''"
	" ELSE wait_event_type || ':' || wait_event END,"
	" " AGE_MS("xact_start") ", CASE WHEN state = 'active' THEN " AGE_MS("query_start") " ELSE " AGE_MS(
		"state_change") " END, left(query, 220),"
				" CASE WHEN wait_event_type = 'Lock' THEN array_to_string(pg_blocking_pids(pid), ' ') ELSE '' END,"
				" application_name LIKE 'lockkeeper:' || $1 || ':%',"
				" application_name = 'lockkeeper:' || $1 || ':worker'"
				" FROM pg_stat_activity WHERE (backend_type = 'client backend' OR backend_type = 'autovacuum worker')"
				" AND pid <> pg_backend_pid() AND (state IS DISTINCT FROM 'idle' OR application_name LIKE"
				" 'lockkeeper:' || $1 || ':%')"
				" ORDER BY wait_event_type = 'Lock' DESC, xact_start NULLS LAST LIMIT 300";

static const char count_sql[] =
	"SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = 'idle'),"
	" count(*) FILTER (WHERE state LIKE 'idle in transaction%'),"
	" count(*) FILTER (WHERE wait_event_type = 'Lock'),"
	" coalesce(max(" AGE_MS(
		"xact_start") ") FILTER (WHERE application_name NOT LIKE 'lockkeeper:%'), -1),"
			      " (SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()),"
			      " pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, current_setting('max_connections')"
			      " FROM pg_stat_activity WHERE backend_type = 'client backend'";

/* A walsender in state "backup" is a base backup, not a replica. */
static const char replica_sql[] =
	"SELECT application_name || coalesce(' ' || host(client_addr), ''), state,"
	" coalesce(pg_wal_lsn_diff(replay_lsn, '0/0')::bigint, -1),"
	" coalesce(extract(epoch FROM clock_timestamp() - reply_time) * 1000, -1)"
	" FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup' ORDER BY 1 LIMIT 12";

/* Locks that somebody waits for, and who in an old transaction holds one on our tables. */
static const char lock_sql[] =
	"SELECT pid, replace(mode, 'Lock', ''), coalesce(relation::regclass::text, locktype), granted,"
	" coalesce(extract(epoch FROM clock_timestamp() - waitstart) * 1000, -1)"
	" FROM pg_locks WHERE NOT granted AND pid IS NOT NULL"
	" UNION ALL SELECT DISTINCT ON (l.pid) l.pid, replace(l.mode, 'Lock', ''), l.relation::regclass::text,"
	" true, -1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.granted"
	" AND l.locktype = 'relation' AND l.relation = ANY (ARRAY(SELECT to_regclass(t)::oid FROM"
	" unnest($1::text[]) t)) AND now() - a.xact_start > interval '1 second'";

/* waitstart came with PostgreSQL 14. */
static const char lock_sql_13[] =
	"SELECT pid, replace(mode, 'Lock', ''), coalesce(relation::regclass::text, locktype), granted, -1"
	" FROM pg_locks WHERE NOT granted AND pid IS NOT NULL"
	" UNION ALL SELECT DISTINCT ON (l.pid) l.pid, replace(l.mode, 'Lock', ''), l.relation::regclass::text,"
	" true, -1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.granted"
	" AND l.locktype = 'relation' AND l.relation = ANY (ARRAY(SELECT to_regclass(t)::oid FROM"
	" unnest($1::text[]) t)) AND now() - a.xact_start > interval '1 second'";

static void read_blockers(const char *text, struct lk_sample_session *s)
{
	char *end;
	while (*text && s->blocker_count < LK_SAMPLE_BLOCKERS) {
		long pid = strtol(text, &end, 10);
		if (end == text)
			break;
		bool known = false;
		for (int i = 0; i < s->blocker_count; i++)
			known = known || s->blockers[i] == (int)pid;
		if (!known)
			s->blockers[s->blocker_count++] = (int)pid;
		text = end;
	}
}

static void read_session(const struct lk_result *r, size_t row, struct lk_sample_session *s)
{
	s->pid = (int)lk_cell_int(r, row, 0);
	LK_COPY(s->user, lk_cell_text(r, row, 1));
	LK_COPY(s->application, lk_cell_text(r, row, 2));
	LK_COPY(s->client, lk_cell_text(r, row, 3));
	LK_COPY(s->state, lk_cell_text(r, row, 4));
	LK_COPY(s->wait, lk_cell_text(r, row, 5));
	s->transaction_ms = lk_cell_double(r, row, 6);
	s->query_ms = lk_cell_double(r, row, 7);
	s->wait_ms = -1;
	LK_COPY(s->statement, lk_cell_text(r, row, 8));
	read_blockers(lk_cell_text(r, row, 9), s);
	s->ours = lk_cell_bool(r, row, 10);
	s->worker = lk_cell_bool(r, row, 11);
}

static bool read_sessions(struct lk_session *session, const struct lk_watch_scope *scope,
			  struct lk_sample *sample, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, session_sql, scope->run))
		return false;
	sample->sessions = lk_alloc((r.rows + 1) * sizeof *sample->sessions);
	sample->session_count = r.rows;
	for (size_t i = 0; i < r.rows; i++)
		read_session(&r, i, &sample->sessions[i]);
	lk_result_free(&r);
	return true;
}

static bool read_counts(struct lk_session *session, struct lk_sample *sample,
			struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, count_sql))
		return false;
	sample->active = (int)lk_cell_int(&r, 0, 0);
	sample->idle = (int)lk_cell_int(&r, 0, 1);
	sample->idle_in_transaction = (int)lk_cell_int(&r, 0, 2);
	sample->waiting = (int)lk_cell_int(&r, 0, 3);
	sample->oldest_transaction_ms = lk_cell_double(&r, 0, 4);
	sample->transactions = lk_cell_int(&r, 0, 5);
	sample->position = lk_cell_int(&r, 0, 6);
	sample->max_connections = (int)lk_cell_int(&r, 0, 7);
	sample->hidden = (size_t)sample->idle;
	sample->history = -1;
	lk_result_free(&r);
	return true;
}

static bool read_replicas(struct lk_session *session, struct lk_sample *sample,
			  struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, replica_sql))
		return false;
	for (size_t i = 0; i < r.rows && i < LK_SAMPLE_REPLICAS; i++) {
		struct lk_sample_replica *p = &sample->replicas[sample->replica_count++];
		LK_COPY(p->name, lk_cell_text(&r, i, 0));
		LK_COPY(p->state, lk_cell_text(&r, i, 1));
		p->position = lk_cell_int(&r, i, 2);
		p->reply_age_ms = lk_cell_double(&r, i, 3);
	}
	lk_result_free(&r);
	return true;
}

static struct lk_sample_session *by_pid(struct lk_sample *sample, int pid)
{
	for (size_t i = 0; i < sample->session_count; i++)
		if (sample->sessions[i].pid == pid)
			return &sample->sessions[i];
	return NULL;
}

static bool read_locks(struct lk_session *session, const struct lk_watch_scope *scope,
		       struct lk_sample *sample, struct lk_error *error)
{
	struct lk_result r;
	size_t count = 0;
	while (scope->tables && scope->tables[count])
		count++;
	char *tables = lk_pg_array(scope->tables, count);
	bool read = LK_QUERY(session, &r, error, lock_sql, tables);
	if (!read && strcmp(error->state, "42703") == 0) /* undefined_column */
		read = LK_QUERY(session, &r, error, lock_sql_13, tables);
	free(tables);
	if (!read)
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		struct lk_sample_session *s = by_pid(sample, (int)lk_cell_int(&r, i, 0));
		bool granted = lk_cell_bool(&r, i, 3);
		if (!s || (granted && s->blocker_count > 0))
			continue;
		LK_COPY(s->mode, lk_cell_text(&r, i, 1));
		LK_COPY(s->object, lk_cell_text(&r, i, 2));
		s->holds_table = granted && !s->ours;
		if (!granted)
			s->wait_ms = lk_cell_double(&r, i, 4) >= 0 ? lk_cell_double(&r, i, 4)
								   : s->query_ms;
	}
	lk_result_free(&r);
	return true;
}

static bool pg_sample(struct lk_session *session, const struct lk_watch_scope *scope,
		      struct lk_sample *sample, struct lk_error *error)
{
	return read_counts(session, sample, error) && read_replicas(session, sample, error) &&
	       read_sessions(session, scope, sample, error) &&
	       read_locks(session, scope, sample, error) && lk_pg_progress(session, sample, error);
}

static bool pg_quiet(struct lk_session *session, const char *run, struct lk_quiet *quiet,
		     struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT count(*), count(*) FILTER (WHERE a.xact_start IS NOT NULL OR a.state = 'active'),"
		    " (SELECT count(*) FROM pg_locks l WHERE l.pid = ANY (array_agg(a.pid)))"
		    " FROM pg_stat_activity a WHERE a.application_name = 'lockkeeper:' || $1 || ':worker'",
		    run))
		return false;
	quiet->sessions = (int)lk_cell_int(&r, 0, 0);
	quiet->open_transactions = (int)lk_cell_int(&r, 0, 1);
	quiet->locks = (int)lk_cell_int(&r, 0, 2);
	lk_result_free(&r);
	return true;
}

const struct lk_watch_ops lk_pg_watch = {
	.sample = pg_sample,
	.quiet = pg_quiet,
};
