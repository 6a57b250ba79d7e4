/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/my_sessions.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/*
 * Where sessions are listed: number, user, application, client, command, state, ms since the command began,
 * statement. MariaDB's processlist has milliseconds; on MySQL the performance schema alone has. The two lists
 * take no lock that a statement waits for (MySQL's old processlist did, and is read where there is no other).
 */
#define PROGRAM                                                                                    \
	" LEFT JOIN performance_schema.session_connect_attrs a"                                    \
	" ON a.attr_name = 'program_name' AND a.processlist_id = "

static const char from_threads[] =
	"SELECT t.processlist_id AS id, t.processlist_user AS user, a.attr_value AS application,"
	" t.processlist_host AS client, t.processlist_command AS command, t.processlist_state AS state,"
	" COALESCE(e.timer_wait / 1000000000, t.processlist_time * 1000) AS ms, t.processlist_info AS info"
	" FROM performance_schema.threads t" PROGRAM "t.processlist_id"
	" LEFT JOIN performance_schema.events_statements_current e ON e.thread_id = t.thread_id"
	" AND e.nesting_event_id IS NULL AND e.end_event_id IS NULL"
	" WHERE t.type = 'FOREGROUND' AND t.processlist_id IS NOT NULL";

static const char from_processlist[] =
	"SELECT p.id AS id, p.user AS user, NULL AS application, p.host AS client, p.command AS command,"
	" p.state AS state, %s AS ms, p.info AS info FROM information_schema.processlist p";

static const char from_processlist_named[] =
	"SELECT p.id AS id, p.user AS user, a.attr_value AS application, p.host AS client, p.command AS command,"
	" p.state AS state, %s AS ms, p.info AS info FROM information_schema.processlist p" PROGRAM
	"p.id";

/* The server's own threads are no sessions of anybody. */
#define PEOPLE                                                                                       \
	"s.id <> CONNECTION_ID() AND s.command NOT IN ('Daemon', 'Binlog Dump', 'Binlog Dump GTID'," \
	" 'Slave_IO', 'Slave_SQL', 'Slave_worker') AND COALESCE(s.user, '') NOT IN ('system user',"  \
	" 'event_scheduler')"

/* InnoDB knows seconds: what a transaction is at least. */
#define TRANSACTION_MS                                                                             \
	"COALESCE(GREATEST(TIMESTAMPDIFF(MICROSECOND, x.trx_started, " LK_MY_SYSTEM_NOW            \
	") / 1000 - 1000, 0), -1)"
#define WAIT_MS                                                                                    \
	"COALESCE(GREATEST(TIMESTAMPDIFF(MICROSECOND, x.trx_wait_started, " LK_MY_SYSTEM_NOW       \
	") / 1000, 0), -1)"

#define ROLE                                                                                       \
	"CASE WHEN COALESCE(f.user, '') <> SUBSTRING_INDEX(USER(), '@', 1) THEN ''"                \
	" WHEN " LK_MY_IS_OURS(                                                                    \
		"f.id",                                                                            \
		"worker") " THEN 'worker'"                                                         \
			  " WHEN " LK_MY_IS_OURS(                                                  \
				  "f.id",                                                          \
				  "control") " THEN 'control'"                                     \
					     " WHEN " LK_MY_IS_OURS(                               \
						     "f.id",                                       \
						     "journal") " THEN 'journal'"                  \
								" WHEN " LK_MY_IS_OURS(            \
									"f.id",                    \
									"beat") " THEN 'beat' ELSE '' END"

static const char list_sql[] =
	"SELECT s.id, s.user, COALESCE(s.application, ''), COALESCE(s.client, ''), s.command,"
	" COALESCE(s.state, ''), COALESCE(s.ms, -1), LEFT(COALESCE(s.info, ''), 220), " TRANSACTION_MS
	","
	" COALESCE(x.trx_state = 'LOCK WAIT', 0), " WAIT_MS ", s.role"
	" FROM (SELECT f.*, " ROLE " AS role FROM (%s) AS f) AS s"
	" LEFT JOIN information_schema.innodb_trx x ON x.trx_mysql_thread_id = s.id"
	" WHERE " PEOPLE " AND %s"
	" ORDER BY x.trx_state = 'LOCK WAIT' OR s.state LIKE 'Waiting for%%lock' DESC, x.trx_started IS NULL,"
	" x.trx_started LIMIT 300";

#define BUSY "(s.command <> 'Sleep' OR x.trx_id IS NOT NULL OR s.role <> '')"

/* A comment of ours in front of a statement says whose it is, where no program's name is known. */
static const char count_sql[] =
	"SELECT COALESCE(SUM(s.command <> 'Sleep'), 0), COALESCE(SUM(s.command = 'Sleep' AND x.trx_id IS NULL), 0),"
	" COALESCE(SUM(s.command = 'Sleep' AND x.trx_id IS NOT NULL), 0),"
	" COALESCE(SUM(x.trx_state = 'LOCK WAIT' OR s.state LIKE 'Waiting for%% lock'"
	"  OR s.state = 'Waiting for table flush'), 0),"
	" MAX(CASE WHEN COALESCE(s.application, s.info, '') NOT LIKE '%%lockkeeper:%%' THEN " TRANSACTION_MS
	" END), @@GLOBAL.max_connections"
	" FROM (%s) AS s LEFT JOIN information_schema.innodb_trx x ON x.trx_mysql_thread_id = s.id"
	" WHERE " PEOPLE;

/* The list of sessions as a subquery; the caller's. */
static char *source(const struct lk_my_view *view)
{
	if (!view->server.maria && view->schema)
		return lk_strdup(from_threads);
	return lk_format(view->schema ? from_processlist_named : from_processlist,
			 view->server.maria ? "p.time_ms" : "p.time * 1000");
}

/* "127.0.0.1:4711", "[::1]:4711", "localhost": without the port. */
static void copy_client(char *to, size_t size, const char *from)
{
	const char *colon = strrchr(from, ':');
	size_t length = colon ? (size_t)(colon - from) : strlen(from);
	snprintf(to, size, "%.*s", (int)length, from);
}

/* The engine's own words, except that a session without a statement says what that means for others. */
static const char *state_word(const char *command, bool in_transaction)
{
	if (strcmp(command, "Sleep") == 0)
		return in_transaction ? "idle in transaction" : "idle";
	return strcmp(command, "Query") == 0 || strcmp(command, "Execute") == 0 ? "active"
										: command;
}

static bool is_wait(const char *state)
{
	return strncmp(state, "Waiting for", 11) == 0 || strcmp(state, "User lock") == 0;
}

static void read_session(const struct lk_result *r, size_t row, const struct lk_watch_scope *scope,
			 struct lk_sample_session *s)
{
	const char *role = lk_cell_text(r, row, 11), *state = lk_cell_text(r, row, 5);
	bool sleeps = strcmp(lk_cell_text(r, row, 4), "Sleep") == 0;
	s->pid = (int)strtoull(lk_cell_text(r, row, 0), NULL, 10);
	LK_COPY(s->user, lk_cell_text(r, row, 1));
	LK_COPY(s->application, lk_cell_text(r, row, 2));
	if (!s->application[0] && role[0])
		snprintf(s->application, sizeof s->application, "lockkeeper:%s:%s", scope->run,
			 role);
	copy_client(s->client, sizeof s->client, lk_cell_text(r, row, 3));
	s->transaction_ms = lk_cell_double(r, row, 8);
	s->query_ms = lk_cell_double(r, row, 6);
	LK_COPY(s->state, state_word(lk_cell_text(r, row, 4), s->transaction_ms >= 0));
	if (!sleeps && s->transaction_ms >= 0 && s->transaction_ms < s->query_ms &&
	    s->transaction_ms > s->query_ms - 1000)
		s->transaction_ms = s->query_ms;
	LK_COPY(s->statement, lk_cell_text(r, row, 7));
	s->ours = role[0] != '\0';
	s->worker = strcmp(role, "worker") == 0;
	s->wait_ms = -1;
	if (lk_cell_int(r, row, 9)) {
		/* To a second; the statement is not older than itself. */
		s->wait_ms = lk_cell_double(r, row, 10);
		if (s->query_ms >= 0 && s->query_ms < s->wait_ms)
			s->wait_ms = s->query_ms;
		LK_COPY(s->wait, "row lock");
	} else if (is_wait(state)) {
		s->wait_ms = s->query_ms;
		LK_COPY(s->wait, state);
	}
}

/* Adds those for which the condition holds. */
static bool add_sessions(struct lk_session *session, const struct lk_my_view *view,
			 const struct lk_watch_scope *scope, const char *condition,
			 struct lk_sample *sample, struct lk_error *error)
{
	struct lk_result r;
	char *from = source(view), *sql = lk_format(list_sql, from, condition);
	bool read = LK_QUERY(session, &r, error, sql, scope->run);
	free(sql);
	free(from);
	if (!read)
		return false;
	for (size_t i = 0; i < r.rows; i++)
		read_session(&r, i, scope, LK_PUSH(sample->sessions, sample->session_count));
	lk_result_free(&r);
	return true;
}

static bool read_counts(struct lk_session *session, const char *from, struct lk_sample *sample,
			struct lk_error *error)
{
	struct lk_result r;
	char *sql = lk_format(count_sql, from);
	bool read = LK_QUERY(session, &r, error, sql);
	free(sql);
	if (!read)
		return false;
	sample->active = (int)lk_cell_int(&r, 0, 0);
	sample->idle = (int)lk_cell_int(&r, 0, 1);
	sample->idle_in_transaction = (int)lk_cell_int(&r, 0, 2);
	sample->waiting = (int)lk_cell_int(&r, 0, 3);
	sample->oldest_transaction_ms = lk_cell(&r, 0, 4) ? lk_cell_double(&r, 0, 4) : -1;
	sample->max_connections = (int)lk_cell_int(&r, 0, 5);
	sample->hidden = (size_t)sample->idle;
	lk_result_free(&r);
	return true;
}

bool lk_my_read_sessions(struct lk_session *session, const struct lk_my_view *view,
			 const struct lk_watch_scope *scope, struct lk_sample *sample,
			 struct lk_error *error)
{
	char *from = source(view);
	bool read = read_counts(session, from, sample, error) &&
		    add_sessions(session, view, scope, BUSY, sample, error);
	free(from);
	return read;
}

static bool is_listed(const struct lk_sample *sample, int pid)
{
	for (size_t i = 0; i < sample->session_count; i++)
		if (sample->sessions[i].pid == pid)
			return true;
	return false;
}

bool lk_my_read_blockers(struct lk_session *session, const struct lk_my_view *view,
			 const struct lk_watch_scope *scope, struct lk_sample *sample,
			 struct lk_error *error)
{
	struct lk_buffer ids = {0};
	for (size_t i = 0; i < sample->session_count; i++)
		for (int k = 0; k < sample->sessions[i].blocker_count; k++)
			if (!is_listed(sample, sample->sessions[i].blockers[k]))
				lk_buffer_addf(&ids, "%s%u", ids.length ? ", " : "s.id IN (",
					       (unsigned)sample->sessions[i].blockers[k]);
	lk_buffer_add(&ids, ids.length ? ")" : "");
	bool read = ids.length == 0 || add_sessions(session, view, scope, ids.text, sample, error);
	lk_buffer_free(&ids);
	return read;
}
