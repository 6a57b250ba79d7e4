/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the reader share: its state, and what each kind of event does to it. */
#ifndef LK_BINLOG_READING_H
#define LK_BINLOG_READING_H

#include "binlog/compress.h"
#include "binlog/gtid.h"
#include "binlog/reader.h"
#include "binlog/rows.h"

struct lk_reader {
	bool maria, checksum;
	const uint8_t *bytes; /* fed, and not begun yet */
	size_t length;

	/* Owned copies. */
	struct lk_stream_table *tables;
	size_t table_count;
	bool stale; /* maps were read for other tables than these */
	struct lk_table_map *maps;
	size_t map_count, map_room;

	/* Under way: rows of an event, events of a payload. */
	struct lk_rows rows;
	bool in_rows, last_rows; /* the statement's tables end behind these rows */
	uint32_t rows_time;
	struct lk_payload *payload;
	bool in_payload;
	struct lk_room room; /* for what one event had compressed */

	bool in_transaction; /* its end will be seen */
	bool in_group;	     /* behind a GTID, whose transaction has not ended */
	bool owes_commit;    /* of a statement that was a transaction of its own */
	uint32_t owed_time;

	struct lk_binlog_position position, resume;
	bool placed;	     /* the file is known */
	bool anchored;	     /* all before the position was told, or was not asked for */
	struct lk_gtid gtid; /* of the transaction under way */
	struct lk_gtids *gtids;
	bool gtids_known;

	char gtid_text[LK_GTID_TEXT_SIZE];
	struct lk_buffer xid, database, text;
};

/*
 * Each reads one kind of event. Where it tells something, event->kind says so; true with NOTHING goes on to the next
 * bytes. lk_read_event is the list of them.
 */
bool lk_read_event(struct lk_reader *reader, const struct lk_event *read,
		   struct lk_stream_event *event, struct lk_error *error);
bool lk_read_query(struct lk_reader *reader, const struct lk_event *read,
		   struct lk_stream_event *event, struct lk_error *error);
bool lk_read_gtid(struct lk_reader *reader, const struct lk_event *read, struct lk_error *error);
bool lk_read_gtids(struct lk_reader *reader, const struct lk_event *read, struct lk_error *error);
bool lk_read_xa_prepare(struct lk_reader *reader, const struct lk_event *read,
			struct lk_stream_event *event, struct lk_error *error);

/* The transaction ends here, with this kind. */
void lk_reader_end(struct lk_reader *reader, enum lk_stream_kind kind, uint32_t time,
		   struct lk_stream_event *event);

/* Where the log goes on: by an event's header, by ROTATE, by a heartbeat. Class REFUSED when that is not ahead. */
bool lk_read_position(struct lk_reader *reader, const struct lk_event *read,
		      struct lk_error *error);
bool lk_read_rotate(struct lk_reader *reader, const struct lk_event *read, struct lk_error *error);
bool lk_read_heartbeat(struct lk_reader *reader, const struct lk_event *read,
		       struct lk_error *error);

#endif
