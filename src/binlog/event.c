/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/event.h"

#include <zlib.h>

#include "base/memory.h"

size_t lk_event_length(const uint8_t *bytes, size_t length)
{
	if (length < LK_EVENT_HEADER_SIZE)
		return 0;
	size_t wanted = (size_t)lk_little_endian(bytes + 9, 4);
	return wanted < LK_EVENT_HEADER_SIZE ? 0 : wanted;
}

static bool checksum_holds(const uint8_t *bytes, size_t length)
{
	if (length < LK_EVENT_HEADER_SIZE + LK_EVENT_CHECKSUM_SIZE)
		return false;
	size_t covered = length - LK_EVENT_CHECKSUM_SIZE;
	return crc32_z(0, bytes, covered) ==
	       lk_little_endian(bytes + covered, LK_EVENT_CHECKSUM_SIZE);
}

static bool damaged(const uint8_t *bytes, size_t length, const char *why, struct lk_error *error)
{
	uint8_t type = length > 4 ? bytes[4] : 0;
	return lk_fail(error, LK_ERROR_REFUSED,
		       "an event of the binary log (%s, type %u) is damaged: %s",
		       lk_event_name(type), type, why);
}

bool lk_event_read(const uint8_t *bytes, size_t length, bool checksum, struct lk_event *event,
		   struct lk_error *error)
{
	size_t body = length - LK_EVENT_HEADER_SIZE;
	if (length == 0 || lk_event_length(bytes, length) != length)
		return damaged(bytes, length, "its length is not what its header says", error);
	if (checksum && !checksum_holds(bytes, length))
		return damaged(bytes, length, "its checksum is wrong", error);
	event->time = (uint32_t)lk_little_endian(bytes, 4);
	event->type = bytes[4];
	event->server = (uint32_t)lk_little_endian(bytes + 5, 4);
	event->length = (uint32_t)length;
	event->next = (uint32_t)lk_little_endian(bytes + 13, 4);
	event->flags = (uint16_t)lk_little_endian(bytes + 17, 2);
	event->body = lk_bytes(bytes + LK_EVENT_HEADER_SIZE,
			       checksum ? body - LK_EVENT_CHECKSUM_SIZE : body);
	return true;
}

bool lk_event_read_artificial(const uint8_t *bytes, size_t length, struct lk_event *event,
			      struct lk_error *error)
{
	return lk_event_read(bytes, length, checksum_holds(bytes, length), event, error);
}

bool lk_event_format_holds(const struct lk_event *event)
{
	enum { FLAGS = 17, IN_USE = 1 };
	const uint8_t *bytes = event->body.at - LK_EVENT_HEADER_SIZE;
	const uint8_t flags = (uint8_t)(bytes[FLAGS] & ~IN_USE);
	size_t rest = event->length - LK_EVENT_CHECKSUM_SIZE - FLAGS - 1;
	unsigned long sum = crc32_z(crc32_z(0, bytes, FLAGS), &flags, 1);
	return crc32_z(sum, bytes + FLAGS + 1, rest) ==
	       lk_little_endian(event->body.end - LK_EVENT_CHECKSUM_SIZE, LK_EVENT_CHECKSUM_SIZE);
}

const char *lk_event_name(uint8_t type)
{
	static const char *const names[] = {
		[1] = "START_V3",
		[2] = "QUERY",
		[3] = "STOP",
		[4] = "ROTATE",
		[5] = "INTVAR",
		[6] = "LOAD",
		[7] = "SLAVE",
		[8] = "CREATE_FILE",
		[9] = "APPEND_BLOCK",
		[10] = "EXEC_LOAD",
		[11] = "DELETE_FILE",
		[12] = "NEW_LOAD",
		[13] = "RAND",
		[14] = "USER_VAR",
		[15] = "FORMAT_DESCRIPTION",
		[16] = "XID",
		[17] = "BEGIN_LOAD_QUERY",
		[18] = "EXECUTE_LOAD_QUERY",
		[19] = "TABLE_MAP",
		[20] = "PRE_GA_WRITE_ROWS",
		[21] = "PRE_GA_UPDATE_ROWS",
		[22] = "PRE_GA_DELETE_ROWS",
		[23] = "WRITE_ROWS_V1",
		[24] = "UPDATE_ROWS_V1",
		[25] = "DELETE_ROWS_V1",
		[26] = "INCIDENT",
		[27] = "HEARTBEAT",
		[28] = "IGNORABLE",
		[29] = "ROWS_QUERY",
		[30] = "WRITE_ROWS",
		[31] = "UPDATE_ROWS",
		[32] = "DELETE_ROWS",
		[33] = "GTID_LOG",
		[34] = "ANONYMOUS_GTID",
		[35] = "PREVIOUS_GTIDS",
		[36] = "TRANSACTION_CONTEXT",
		[37] = "VIEW_CHANGE",
		[38] = "XA_PREPARE",
		[39] = "PARTIAL_UPDATE_ROWS",
		[40] = "TRANSACTION_PAYLOAD",
		[41] = "HEARTBEAT_V2",
		[42] = "GTID_TAGGED",
		[160] = "ANNOTATE_ROWS",
		[161] = "BINLOG_CHECKPOINT",
		[162] = "GTID",
		[163] = "GTID_LIST",
		[164] = "START_ENCRYPTION",
		[165] = "QUERY_COMPRESSED",
		[166] = "WRITE_ROWS_COMPRESSED_V1",
		[167] = "UPDATE_ROWS_COMPRESSED_V1",
		[168] = "DELETE_ROWS_COMPRESSED_V1",
		[169] = "WRITE_ROWS_COMPRESSED",
		[170] = "UPDATE_ROWS_COMPRESSED",
		[171] = "DELETE_ROWS_COMPRESSED",
		[172] = "PARTIAL_ROW_DATA",
	};
	return type < LK_COUNT(names) && names[type] ? names[type] : "UNKNOWN";
}

bool lk_event_fail(const struct lk_event *event, struct lk_error *error, const char *why)
{
	return lk_fail(error, LK_ERROR_REFUSED,
		       "an event of the binary log (%s, type %u) cannot be read: %s",
		       lk_event_name(event->type), event->type, why);
}
