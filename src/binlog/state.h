/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a server says of its binary log: whether a stream of it can be relied on, and where it ends. */
#ifndef LK_BINLOG_STATE_H
#define LK_BINLOG_STATE_H

#include "binlog/position.h"
#include "db/session.h"

struct lk_binlog_state {
	bool on;    /* log_bin */
	bool rows;  /* binlog_format is ROW; each session may choose otherwise for itself */
	bool full;  /* binlog_row_image is FULL; likewise */
	bool gtids; /* transactions have a GTID: always on MariaDB, gtid_mode ON on MySQL */
	char format[16], image[16];
	/* Says that it is the same server: server_uuid on MySQL; server_uid if there is one, server_id and gtid_domain_id on
	 * MariaDB, "1/0". A copy that was restored beside it is another one on MySQL, and may be the same on MariaDB. */
	char identity[128];
	struct lk_binlog_position end; /* behind the last transaction; empty when the log is off */
	char *gtid; /* what was executed up to there or a little later, as the stream's start takes it; "" none */
};

/* Blocking; on the session's thread. Class PRIVILEGE with a GRANT when the user may not see where the log ends. */
bool lk_binlog_state_read(struct lk_session *session, struct lk_binlog_state *state,
			  struct lk_error *error);
void lk_binlog_state_free(struct lk_binlog_state *state);

/* Where the log ends, alone: for asking often. */
bool lk_binlog_end(struct lk_session *session, struct lk_binlog_position *end,
		   struct lk_error *error);

#endif
