/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The binary log by libmysqlclient (mysql_binlog_open of the C API, 8.0 and newer). */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "db/my_connect.h"
#include "db/my_library.h"

enum { FIRST = 4 };

struct lk_my_dump {
	MYSQL *mysql;
	MYSQL_RPL rpl;
	const uint8_t *set; /* while it is opened */
};

/* The library asks for the set's bytes in its packet. */
static void put_set(MYSQL_RPL *rpl, unsigned char *packet)
{
	const struct lk_my_dump *dump = rpl->gtid_set_arg;
	memcpy(packet, dump->set, rpl->gtid_set_encoded_size);
}

struct lk_my_dump *lk_my_library_dump(MYSQL *mysql, const struct lk_binlog_start *start,
				      struct lk_error *error)
{
	struct lk_my_dump *dump = lk_alloc(sizeof *dump);
	MYSQL_RPL *rpl = &dump->rpl;
	dump->mysql = mysql;
	dump->set = start->set;
	rpl->server_id = lk_my_replica_number();
	rpl->file_name = start->file ? start->file : "";
	rpl->file_name_length = strlen(rpl->file_name);
	rpl->start_position = start->file ? start->offset : FIRST;
	if (start->set) {
		rpl->flags = MYSQL_RPL_GTID;
		rpl->gtid_set_encoded_size = start->set_length;
		rpl->fix_gtid_set = put_set;
		rpl->gtid_set_arg = dump;
	}
	if (mysql_binlog_open(mysql, rpl) == 0)
		return dump;
	lk_my_failed(mysql, error);
	free(dump);
	return NULL;
}

bool lk_my_library_fetch(struct lk_my_dump *dump, const uint8_t **event, size_t *length,
			 struct lk_error *error)
{
	if (mysql_binlog_fetch(dump->mysql, &dump->rpl) != 0)
		return lk_my_failed(dump->mysql, error);
	if (dump->rpl.size < 1)
		return lk_fail(error, LK_ERROR_LOST, "the server has ended the change stream");
	*event = dump->rpl.buffer + 1;
	*length = dump->rpl.size - 1;
	return true;
}

void lk_my_library_end_dump(struct lk_my_dump *dump)
{
	mysql_binlog_close(dump->mysql, &dump->rpl);
	free(dump);
}
