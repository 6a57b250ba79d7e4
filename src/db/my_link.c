/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/binlog_link.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "db/my_connect.h"
#include "db/my_library.h"
#include "db/my_text.h"

enum { SILENT_BEATS = 5, LEAST_SILENCE_S = 5 };

struct lk_binlog_link {
	MYSQL *mysql;
	struct lk_my_dump *dump;
	int socket; /* a second descriptor, as a driver's connection has it */
	bool maria, checksum;
	atomic_bool interrupted;
};

static bool run(MYSQL *mysql, const char *sql, struct lk_error *error)
{
	return mysql_query(mysql, sql) == 0 || lk_my_failed(mysql, error);
}

/* One row of two values: whether there is a log, and how its events are checked. */
static bool look_at_log(struct lk_binlog_link *link, struct lk_error *error)
{
	MYSQL *mysql = link->mysql;
	if (!run(mysql, "SELECT @@global.log_bin, @@global.binlog_checksum", error))
		return false;
	MYSQL_RES *rows = mysql_store_result(mysql);
	MYSQL_ROW row = rows ? mysql_fetch_row(rows) : NULL;
	bool on = row && row[0] && strcmp(row[0], "1") == 0;
	link->checksum = row && row[1] && strcmp(row[1], "NONE") != 0;
	if (!row)
		lk_my_failed(mysql, error);
	else if (!on)
		lk_fail(error, LK_ERROR_REFUSED,
			"the server keeps no binary log (log_bin is off), so changes of its tables "
			"cannot be followed");
	if (rows)
		mysql_free_result(rows);
	return on;
}

/*
 * What a replica says of itself. Checksums arrive as they are; MariaDB sends GTIDs to those alone who say that they know
 * them. A paused reader may leave the server waiting to send for an hour. The uuid is one of our own: by it, or else by
 * the number, MySQL ends what it takes for an older link of the same replica.
 */
static bool introduce(struct lk_binlog_link *link, int heartbeat_ms, struct lk_error *error)
{
	int64_t beat = (int64_t)heartbeat_ms * 1000000;
	char *sql = lk_format("SET @mariadb_slave_capability = 4,"
			      " @master_binlog_checksum = @@global.binlog_checksum,"
			      " @source_binlog_checksum = @@global.binlog_checksum,"
			      " @master_heartbeat_period = %" PRId64
			      ", @source_heartbeat_period = %" PRId64
			      ", @slave_uuid = UUID(), @replica_uuid = @slave_uuid,"
			      " SESSION net_write_timeout = 3600",
			      beat, beat);
	bool done = run(link->mysql, sql, error);
	free(sql);
	return done;
}

struct lk_binlog_link *lk_binlog_link_open(const char *uri, const char *name, int heartbeat_ms,
					   struct lk_error *error)
{
	unsigned silence_s = (unsigned)(heartbeat_ms * SILENT_BEATS / 1000);
	MYSQL *mysql = lk_my_connect_impatient(
		uri, name, silence_s > LEAST_SILENCE_S ? silence_s : LEAST_SILENCE_S, error);
	if (!mysql)
		return NULL;
	struct lk_binlog_link *link = lk_alloc(sizeof *link);
	link->mysql = mysql;
	link->maria = strstr(mysql_get_server_info(mysql), "MariaDB") != NULL;
	link->socket = fcntl(lk_my_library_socket(mysql), F_DUPFD_CLOEXEC, 0);
	if (look_at_log(link, error) && introduce(link, heartbeat_ms, error))
		return link;
	lk_binlog_link_close(link);
	return NULL;
}

bool lk_binlog_link_maria(const struct lk_binlog_link *link)
{
	return link->maria;
}

bool lk_binlog_link_checksum(const struct lk_binlog_link *link)
{
	return link->checksum;
}

uint32_t lk_my_replica_number(void)
{
	uint32_t number = 0;
	if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number)
		number = (uint32_t)getpid() * 2654435761u;
	return number | 0x80000000u;
}

static bool set_list(MYSQL *mysql, const char *list, struct lk_error *error)
{
	char *text = lk_my_quote_text(list);
	char *sql = lk_format("SET @slave_connect_state = %s, @slave_gtid_strict_mode = 1", text);
	bool done = run(mysql, sql, error);
	free(sql);
	free(text);
	return done;
}

bool lk_binlog_link_start(struct lk_binlog_link *link, const struct lk_binlog_start *start,
			  struct lk_error *error)
{
	if (start->file && start->offset > UINT32_MAX)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "the server cannot be asked for its binary log from %s:%" PRIu64
			       ": the protocol ends at 4 GiB; from a GTID it can",
			       start->file, start->offset);
	if (start->list && !set_list(link->mysql, start->list, error))
		return false;
	link->dump = lk_my_library_dump(link->mysql, start, error);
	return link->dump != NULL;
}

bool lk_binlog_link_fetch(struct lk_binlog_link *link, const uint8_t **event, size_t *length,
			  struct lk_error *error)
{
	bool came = !atomic_load(&link->interrupted) &&
		    lk_my_library_fetch(link->dump, event, length, error);
	if (atomic_load(&link->interrupted))
		return lk_fail(error, LK_ERROR_CANCELLED, "the change stream was interrupted");
	return came;
}

void lk_binlog_link_interrupt(struct lk_binlog_link *link)
{
	atomic_store(&link->interrupted, true);
	if (link->socket >= 0)
		shutdown(link->socket, SHUT_RDWR);
}

void lk_binlog_link_close(struct lk_binlog_link *link)
{
	if (!link)
		return;
	/* Else the library would wait for the server to end what it has no end for. */
	if (link->socket >= 0 && link->dump)
		shutdown(link->socket, SHUT_RDWR);
	if (link->dump)
		lk_my_library_end_dump(link->dump);
	mysql_close(link->mysql);
	if (link->socket >= 0)
		close(link->socket);
	free(link);
}
