/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "db/my_server.h"
#include "db/my_uri.h"
#include "watch/follow.h"

enum { NO_DATABASE = 1049, NO_TABLE = 1146 };

/* In a table of its own, for the journal's heartbeat tells other keepers that a run is kept. */
static const char create_sql[] =
	"CREATE TABLE IF NOT EXISTS lockkeeper.beat (run VARCHAR(64) NOT NULL, keeper VARCHAR(120) NOT NULL,"
	" beat BIGINT NOT NULL, at DATETIME(6) NOT NULL, PRIMARY KEY (run))"
	" ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
static const char there_sql[] =
	"SELECT COALESCE(SUM(table_name = 'run'), 0), COALESCE(SUM(table_name = 'beat'), 0)"
	" FROM information_schema.tables WHERE table_schema = 'lockkeeper' AND table_name IN ('run', 'beat')";
/* Beats of keepers that ended without taking theirs away. */
static const char old_sql[] =
	"DELETE FROM lockkeeper.beat WHERE at < UTC_TIMESTAMP(6) - INTERVAL 1 DAY";
static const char own_sql[] =
	"INSERT INTO lockkeeper.beat (run, keeper, beat, at) VALUES ($1, $2, 0, UTC_TIMESTAMP(6))"
	" ON DUPLICATE KEY UPDATE keeper = $2, beat = 0, at = UTC_TIMESTAMP(6)";
static const char beat_sql[] =
	"UPDATE lockkeeper.beat SET beat = $3, at = UTC_TIMESTAMP(6) WHERE run = $1 AND keeper = $2";
static const char read_sql[] = "SELECT beat FROM lockkeeper.beat WHERE run = $1 AND keeper = $2";

/* Columns of SHOW REPLICA STATUS, whose names differ and whose places are the same everywhere. */
enum {
	IO_RUNNING = 10,
	SQL_RUNNING = 11,
	SECONDS_BEHIND = 32,
	LAST_IO_ERROR = 35,
	LAST_SQL_ERROR = 37,
	STATUS_COLUMNS = 38
};

static char *my_address(const char *uri, const char *host, int port, struct lk_error *error)
{
	return lk_my_uri_elsewhere(uri, host, port, error);
}

static bool my_prepare(struct lk_session *session, const char *keeper, bool *ready,
		       struct lk_error *error)
{
	struct lk_result r;
	*ready = false;
	if (!LK_QUERY(session, &r, error, there_sql))
		return false;
	bool journal = lk_cell_int(&r, 0, 0) > 0, made = lk_cell_int(&r, 0, 1) > 0;
	lk_result_free(&r);
	if (!journal)
		return true;
	*ready = (made || lk_execute(session, create_sql, error)) &&
		 lk_execute(session, old_sql, error) &&
		 LK_RUN(session, error, own_sql, session->run, keeper);
	return *ready;
}

static bool my_beat(struct lk_session *session, const char *keeper, int64_t beat,
		    struct lk_error *error)
{
	struct lk_result r;
	char number[24];
	snprintf(number, sizeof number, "%lld", (long long)beat);
	if (!LK_QUERY(session, &r, error, beat_sql, session->run, keeper, number))
		return false;
	bool written = r.affected == 1;
	lk_result_free(&r);
	return written || lk_fail(error, LK_ERROR_RETRY,
				  "the row of the heartbeat in lockkeeper.beat is gone");
}

static bool my_end(struct lk_session *session, struct lk_error *error)
{
	return LK_RUN(session, error, "DELETE FROM lockkeeper.beat WHERE run = $1", session->run);
}

static bool my_name(const char *uri, char *name, size_t size, struct lk_error *error)
{
	struct lk_my_uri parts;
	if (!lk_my_uri_parse(uri, &parts, error))
		return false;
	if (parts.socket)
		snprintf(name, size, "%s", parts.socket);
	else
		snprintf(name, size, "%.50s:%u", parts.host ? parts.host : "localhost",
			 parts.port ? parts.port : 3306);
	lk_my_uri_free(&parts);
	return true;
}

static bool my_identify(struct lk_session *session, char *server, size_t size,
			struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, "SELECT @@GLOBAL.server_id"))
		return false;
	snprintf(server, size, "%s", lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return true;
}

static bool my_verify(struct lk_session *session, const char *server, struct lk_error *error)
{
	char answers[24];
	if (!my_identify(session, answers, sizeof answers, error))
		return false;
	return strcmp(answers, server) == 0 ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "at that address answers server_id %s, and the replica is server_id %s",
		       answers, server);
}

static bool my_read_beat(struct lk_session *session, const char *keeper, int64_t *beat,
			 struct lk_error *error)
{
	struct lk_result r;
	*beat = 0;
	if (!LK_QUERY(session, &r, error, read_sql, session->run, keeper))
		return error->number == NO_TABLE || error->number == NO_DATABASE;
	if (r.rows > 0)
		*beat = lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

/* One row a source that it replicates from; the worst counts. */
static void judge_source(const struct lk_result *r, size_t row, size_t first,
			 struct lk_replica_reading *reading)
{
	const char *io = lk_cell_text(r, row, first + IO_RUNNING);
	const char *sql = lk_cell_text(r, row, first + SQL_RUNNING);
	const char *said = lk_cell_text(r, row, first + LAST_SQL_ERROR);
	bool applies = strcmp(sql, "Yes") == 0, receives = strcmp(io, "Yes") == 0;
	double behind = lk_cell(r, row, first + SECONDS_BEHIND)
				? lk_cell_double(r, row, first + SECONDS_BEHIND) * 1000
				: -1;
	if (applies)
		said = lk_cell_text(r, row, first + LAST_IO_ERROR);
	if (!applies || !receives) {
		reading->broken = true;
		snprintf(reading->note, sizeof reading->note,
			 "it does not %s (%s thread: %s)%s%.140s", applies ? "receive" : "apply",
			 applies ? "IO" : "SQL", applies ? io : sql, *said ? ": " : "", said);
	} else if (!reading->broken && behind > reading->behind_ms) {
		reading->behind_ms = behind;
		snprintf(reading->note, sizeof reading->note,
			 "%.0f s by the server's own reckoning", behind / 1000);
	}
}

static bool my_read_state(struct lk_session *session, struct lk_replica_reading *reading,
			  struct lk_error *error)
{
	struct lk_result r;
	struct lk_my_server server;
	reading->broken = false;
	reading->behind_ms = -1;
	reading->note[0] = '\0';
	if (!lk_my_server(session, &server, error) ||
	    !LK_QUERY(session, &r, error,
		      server.maria	       ? "SHOW ALL REPLICAS STATUS"
		      : server.version < 80022 ? "SHOW SLAVE STATUS"
					       : "SHOW REPLICA STATUS"))
		return false;
	if (r.rows == 0) {
		reading->broken = true;
		LK_COPY(reading->note,
			"it replicates from nobody (RESET REPLICA ALL, or promoted)");
	}
	/* MariaDB's statement puts the connection's name and a state in front. */
	size_t first = server.maria ? 2 : 0;
	for (size_t i = 0; i < r.rows && r.columns >= first + STATUS_COLUMNS; i++)
		judge_source(&r, i, first, reading);
	lk_result_free(&r);
	return true;
}

const struct lk_follow_ops lk_my_follow = {
	.address = my_address,
	.name = my_name,
	.prepare = my_prepare,
	.beat = my_beat,
	.end = my_end,
	.identify = my_identify,
	.verify = my_verify,
	.read_beat = my_read_beat,
	.read_state = my_read_state,
};
