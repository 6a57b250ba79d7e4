/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The binary log by libmariadb. Its replication interface asks for files and positions below 4 GiB alone and cannot parse
 * all that servers send, so the command is ours, by the connection's table of methods, and of what
 * mariadb_rpl_fetch read only the packet is taken, which stands in the connection's buffer whether or not the library
 * understood it.
 */
#include <mysql.h>

#include <mariadb_rpl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "db/my_connect.h"
#include "db/my_library.h"

enum { DUMP = 0x12, DUMP_GTID = 0x1e, EVENT_HEADER = 19, LENGTH_AT = 9, FIRST = 4 };

struct lk_my_dump {
	MYSQL *mysql;
	MARIADB_RPL *library;
};

static void add_number(struct lk_buffer *out, uint64_t number, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		lk_buffer_add_bytes(out, &(char){(char)(number >> 8 * i)}, 1);
}

/* MySQL's: flags, replica, no file, the first position, the set. */
static bool ask_by_set(MYSQL *mysql, const struct lk_binlog_start *start)
{
	struct lk_buffer out = {0};
	add_number(&out, 0, 2);
	add_number(&out, lk_my_replica_number(), 4);
	add_number(&out, 0, 4);
	add_number(&out, FIRST, 8);
	add_number(&out, start->set_length, 4);
	lk_buffer_add_bytes(&out, (const char *)start->set, start->set_length);
	bool failed = mysql->methods->db_command(mysql, (enum enum_server_command)DUMP_GTID,
						 out.text, out.length, 1, NULL);
	lk_buffer_free(&out);
	return !failed;
}

static bool ask_by_position(MYSQL *mysql, const struct lk_binlog_start *start)
{
	struct lk_buffer out = {0};
	add_number(&out, start->file ? start->offset : FIRST, 4);
	add_number(&out, 0, 2);
	add_number(&out, lk_my_replica_number(), 4);
	lk_buffer_add(&out, start->file ? start->file : "");
	bool failed = mysql->methods->db_command(mysql, (enum enum_server_command)DUMP, out.text,
						 out.length, 1, NULL);
	lk_buffer_free(&out);
	return !failed;
}

struct lk_my_dump *lk_my_library_dump(MYSQL *mysql, const struct lk_binlog_start *start,
				      struct lk_error *error)
{
	MARIADB_RPL *library = mariadb_rpl_init(mysql);
	bool asked =
		library && (start->set ? ask_by_set(mysql, start) : ask_by_position(mysql, start));
	if (!library)
		lk_fail(error, LK_ERROR_SYSTEM, "the client library has no memory");
	else if (!asked)
		lk_my_failed(mysql, error);
	if (!asked) {
		if (library)
			mariadb_rpl_close(library);
		return NULL;
	}
	struct lk_my_dump *dump = lk_alloc(sizeof *dump);
	dump->mysql = mysql;
	dump->library = library;
	return dump;
}

/* Behind a byte of 0 stands the event, whose header says how long it is. */
static bool take_packet(const NET *net, const uint8_t **event, size_t *length)
{
	const uint8_t *packet = net->read_pos;
	size_t there = packet && packet >= net->buff && packet < net->buff_end
			       ? (size_t)(net->buff_end - packet)
			       : 0;
	if (there < 1 + EVENT_HEADER || packet[0] != 0)
		return false;
	*event = packet + 1;
	*length = 0;
	for (size_t i = 4; i > 0; i--)
		*length = *length << 8 | packet[1 + LENGTH_AT + i - 1];
	return *length >= EVENT_HEADER && *length <= there - 1;
}

/* The packet is there; 0 where the library keeps such errors to itself, and where the server has ended the dump. */
static bool is_of_parsing(unsigned number)
{
	/* CR_ERR_BINLOG_UNCOMPRESS to CR_BINLOG_INVALID_FILE, which older headers lack. */
	enum { FIRST_OF_PARSING = 5017, LAST_OF_PARSING = 5022 };
	return number == 0 || (number >= FIRST_OF_PARSING && number <= LAST_OF_PARSING);
}

bool lk_my_library_fetch(struct lk_my_dump *dump, const uint8_t **event, size_t *length,
			 struct lk_error *error)
{
	MARIADB_RPL_EVENT *came = mariadb_rpl_fetch(dump->library, NULL);
	if (came)
		mariadb_free_rpl_event(came);
	else if (!is_of_parsing(mysql_errno(dump->mysql)))
		return lk_my_failed(dump->mysql, error);
	return take_packet(&dump->mysql->net, event, length) ||
	       lk_fail(error, LK_ERROR_LOST, "the server has ended the change stream");
}

void lk_my_library_end_dump(struct lk_my_dump *dump)
{
	mariadb_rpl_close(dump->library);
	free(dump);
}
