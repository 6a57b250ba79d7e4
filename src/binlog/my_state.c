/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "db/my_server.h"

/* Where the log ends is asked for by another name since MySQL 8.2. */
static const char *end_statement(const struct lk_my_server *server)
{
	return !server->maria && server->version >= 80200 ? "SHOW BINARY LOG STATUS"
							  : "SHOW MASTER STATUS";
}

static bool explain(struct lk_error *error, bool maria)
{
	if (error->class == LK_ERROR_PRIVILEGE)
		lk_fail_context(
			error,
			"the user may not see where the binary log ends (GRANT %s ON *.* TO it)",
			maria ? "BINLOG MONITOR" : "REPLICATION CLIENT");
	return false;
}

static bool read_end(struct lk_session *session, const struct lk_my_server *server,
		     struct lk_binlog_position *end, struct lk_error *error)
{
	struct lk_result r;
	memset(end, 0, sizeof *end);
	if (!LK_QUERY(session, &r, error, end_statement(server)))
		return explain(error, server->maria);
	/* No row: there is no log. */
	if (r.rows > 0) {
		LK_COPY(end->file, lk_cell_text(&r, 0, 0));
		end->offset = strtoull(lk_cell_text(&r, 0, 1), NULL, 10);
	}
	lk_result_free(&r);
	return true;
}

bool lk_binlog_end(struct lk_session *session, struct lk_binlog_position *end,
		   struct lk_error *error)
{
	struct lk_my_server server;
	return lk_my_server(session, &server, error) && read_end(session, &server, end, error);
}

static const char maria_state[] =
	"SELECT @@global.log_bin, @@global.binlog_format, @@global.binlog_row_image,"
	" CONCAT_WS('/', (SELECT variable_value FROM information_schema.global_variables"
	" WHERE variable_name = 'SERVER_UID'), @@global.server_id, @@global.gtid_domain_id),"
	" 'ON', @@global.gtid_binlog_pos";
static const char mysql_state[] =
	"SELECT @@global.log_bin, @@global.binlog_format, @@global.binlog_row_image,"
	" @@global.server_uuid, @@global.gtid_mode, @@global.gtid_executed";

/* After the end, so that the GTIDs are not fewer than those up to there. */
static bool read_settings(struct lk_session *session, const struct lk_my_server *server,
			  struct lk_binlog_state *state, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, server->maria ? maria_state : mysql_state))
		return false;
	state->on = lk_cell_int(&r, 0, 0) == 1;
	LK_COPY(state->format, lk_cell_text(&r, 0, 1));
	LK_COPY(state->image, lk_cell_text(&r, 0, 2));
	LK_COPY(state->identity, lk_cell_text(&r, 0, 3));
	state->rows = strcmp(state->format, "ROW") == 0;
	state->full = strcmp(state->image, "FULL") == 0;
	state->gtids = strcmp(lk_cell_text(&r, 0, 4), "ON") == 0;
	state->gtid = lk_strdup(lk_cell_text(&r, 0, 5));
	lk_result_free(&r);
	return true;
}

bool lk_binlog_state_read(struct lk_session *session, struct lk_binlog_state *state,
			  struct lk_error *error)
{
	struct lk_my_server server;
	*state = (struct lk_binlog_state){0};
	if (lk_my_server(session, &server, error) &&
	    read_end(session, &server, &state->end, error) &&
	    read_settings(session, &server, state, error))
		return true;
	lk_binlog_state_free(state);
	return false;
}

void lk_binlog_state_free(struct lk_binlog_state *state)
{
	free(state->gtid);
	*state = (struct lk_binlog_state){0};
}
