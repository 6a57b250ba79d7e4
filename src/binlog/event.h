/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events of the binary log: their kinds, and the header that all have. */
#ifndef LK_BINLOG_EVENT_H
#define LK_BINLOG_EVENT_H

#include "base/error.h"
#include "binlog/bytes.h"

/* As the servers number them; those from 160 on are MariaDB's. */
enum lk_event_type {
	LK_EVENT_QUERY = 2,
	LK_EVENT_STOP = 3,
	LK_EVENT_ROTATE = 4,
	LK_EVENT_INTVAR = 5,
	LK_EVENT_APPEND_BLOCK = 9,
	LK_EVENT_DELETE_FILE = 11,
	LK_EVENT_RAND = 13,
	LK_EVENT_USER_VAR = 14,
	LK_EVENT_FORMAT_DESCRIPTION = 15,
	LK_EVENT_XID = 16,
	LK_EVENT_BEGIN_LOAD_QUERY = 17,
	LK_EVENT_EXECUTE_LOAD_QUERY = 18,
	LK_EVENT_TABLE_MAP = 19,
	LK_EVENT_WRITE_ROWS_V1 = 23,
	LK_EVENT_UPDATE_ROWS_V1 = 24,
	LK_EVENT_DELETE_ROWS_V1 = 25,
	LK_EVENT_INCIDENT = 26,
	LK_EVENT_HEARTBEAT = 27,
	LK_EVENT_IGNORABLE = 28,
	LK_EVENT_ROWS_QUERY = 29,
	LK_EVENT_WRITE_ROWS = 30,
	LK_EVENT_UPDATE_ROWS = 31,
	LK_EVENT_DELETE_ROWS = 32,
	LK_EVENT_GTID_LOG = 33,
	LK_EVENT_ANONYMOUS_GTID = 34,
	LK_EVENT_PREVIOUS_GTIDS = 35,
	LK_EVENT_TRANSACTION_CONTEXT = 36,
	LK_EVENT_VIEW_CHANGE = 37,
	LK_EVENT_XA_PREPARE = 38,
	LK_EVENT_PARTIAL_UPDATE_ROWS = 39,
	LK_EVENT_TRANSACTION_PAYLOAD = 40,
	LK_EVENT_HEARTBEAT_V2 = 41,
	LK_EVENT_GTID_TAGGED = 42,
	LK_EVENT_ANNOTATE_ROWS = 160,
	LK_EVENT_BINLOG_CHECKPOINT = 161,
	LK_EVENT_GTID = 162,
	LK_EVENT_GTID_LIST = 163,
	LK_EVENT_START_ENCRYPTION = 164,
	LK_EVENT_QUERY_COMPRESSED = 165,
	LK_EVENT_WRITE_ROWS_COMPRESSED_V1 = 166,
	LK_EVENT_UPDATE_ROWS_COMPRESSED_V1 = 167,
	LK_EVENT_DELETE_ROWS_COMPRESSED_V1 = 168,
	LK_EVENT_WRITE_ROWS_COMPRESSED = 169,
	LK_EVENT_UPDATE_ROWS_COMPRESSED = 170,
	LK_EVENT_DELETE_ROWS_COMPRESSED = 171,
};

enum {
	LK_EVENT_HEADER_SIZE = 19,
	LK_EVENT_CHECKSUM_SIZE = 4,
	/* Flags of the header. */
	LK_EVENT_ARTIFICIAL = 0x20, /* made by the sender: it stands in no file */
	LK_EVENT_MAY_BE_IGNORED = 0x80,
};

struct lk_event {
	uint32_t time;	 /* seconds since 1970, 0 unknown */
	uint32_t server; /* server_id of where it was first written */
	uint32_t length; /* of all of it */
	uint32_t next;	 /* the lower half of the position behind it; 0 when it has none */
	uint16_t flags;
	uint8_t type;
	struct lk_bytes body; /* without header and checksum */
};

/* How many bytes the event that begins here has, by its header; 0 when the header is not whole or wrong. */
size_t lk_event_length(const uint8_t *bytes, size_t length);
/* One whole event. With `checksum` its CRC32 is compared. Class REFUSED when it is damaged. */
bool lk_event_read(const uint8_t *bytes, size_t length, bool checksum, struct lk_event *event,
		   struct lk_error *error);
/* The same of one made by the sender, which has a checksum or has not, whatever the file's events have. */
bool lk_event_read_artificial(const uint8_t *bytes, size_t length, struct lk_event *event,
			      struct lk_error *error);
/* The checksum of a FORMAT_DESCRIPTION event that was read without; it leaves out the flag of a file in use. */
bool lk_event_format_holds(const struct lk_event *event);
/* "UPDATE_ROWS", or "UNKNOWN". */
const char *lk_event_name(uint8_t type);
/* Class REFUSED: an event of that type that cannot be read, and why. Always false. */
bool lk_event_fail(const struct lk_event *event, struct lk_error *error, const char *why);

#endif
