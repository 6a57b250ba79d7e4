/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The change stream of MySQL and MariaDB: which keys of watched tables changed, in which transaction, up to which
 * position of the binary log; and what else happened there that concerns whoever follows a table.
 *
 *	struct lk_stream *stream = lk_stream_open(&options, &error);
 *	lk_stream_watch(stream, tables, count);
 *	while (lk_stream_next(stream, &event, &error))
 *		switch (event.kind) …
 *	lk_stream_close(stream);
 *
 * A transaction arrives as its ROWs and STATEMENTs in order, and ends with COMMIT, ROLLBACK or PREPARE. All transactions
 * end visibly, of tables that are not watched too, so that the position moves. Rows that a savepoint took back may be
 * among them: a key says "look at this row again" and not "it changed".
 *
 * Whatever makes the stream less than complete is an error and ends it: what cannot be decoded, a table that is not as the
 * catalog said, a row image without its key, an incident that the server recorded, a position that went back. Values of
 * other columns than the key's are not looked at.
 *
 * A stream belongs to one thread, but for lk_stream_interrupt.
 */
#ifndef LK_BINLOG_STREAM_H
#define LK_BINLOG_STREAM_H

#include "binlog/key.h"
#include "binlog/position.h"

/* How much of a statement's text is kept. */
#define LK_STREAM_TEXT_MAX 65536

enum lk_stream_kind {
	LK_STREAM_NOTHING, /* never from lk_stream_next */
	LK_STREAM_IDLE, /* nothing came for wait_ms, or nothing that is told; `position` may have moved */
	LK_STREAM_ROW,
	LK_STREAM_STATEMENT, /* logged as text: DDL, TRUNCATE, DML of a session that logs statements, LOAD DATA */
	LK_STREAM_COMMIT, /* with an xid: of an XA transaction that was prepared before */
	LK_STREAM_ROLLBACK, /* likewise; without one: of a transaction that changed what cannot be taken back */
	LK_STREAM_PREPARE, /* XA: the transaction's keys stay open until COMMIT or ROLLBACK with this xid */
};

enum lk_stream_change { LK_STREAM_INSERT, LK_STREAM_UPDATE, LK_STREAM_DELETE };

/* Pointers are valid until the next call. */
struct lk_stream_event {
	enum lk_stream_kind kind;
	/* ROW: the table's id; keys as in binlog/key.h. An INSERT has no `before`, a DELETE no `after` (NULL). */
	int table;
	enum lk_stream_change change;
	const uint8_t *before, *after;
	size_t before_length, after_length;
	/* STATEMENT: the default database ("" none) and the text, terminated; it may hold any byte. */
	const char *database, *text;
	size_t text_length;
	bool cut; /* the text was longer than LK_STREAM_TEXT_MAX */
	/* COMMIT, ROLLBACK, PREPARE: "" when it has none. The xid as XA RECOVER … FORMAT = 'SQL' writes it: X'61',X'',1 */
	const char *gtid, *xid;
	uint32_t time; /* the server's, seconds since 1970: when the statement began; 0 unknown */
	struct lk_binlog_position
		position; /* behind the event, mostly within a transaction: see lk_stream_resume */
};

/* A table to watch. */
struct lk_stream_table {
	const char *schema, *name; /* exact, as the server writes them */
	int id;			   /* the caller's own, in each ROW */
	const struct lk_binlog_column *key;
	size_t key_count; /* up to LK_BINLOG_KEY_COLUMNS */
};

struct lk_stream_options {
	const char *uri, *run; /* as lk_session_open; the session's role is "stream" */
	/* Where to begin: at `position`, or, when that is empty, behind what `gtid` names (MySQL: a GTID set, MariaDB: a list of
	 * positions). With both the position counts, and GTIDs are counted on from `gtid`, which must be those up to there. */
	struct lk_binlog_position position;
	const char *gtid; /* NULL: not known */
	/* lk_stream_next returns after this long at the latest while the server lives, which is what its heartbeat is set to;
	 * 0: a second. A server that is silent for several of them, at least 5 s, counts as lost. */
	int wait_ms;
};

struct lk_stream;

/*
 * NULL and *error: class PRIVILEGE without REPLICATION SLAVE, REFUSED when the binary log is off, or with a position that
 * cannot be asked for (beyond 4 GiB: the protocol has 32 bits for it; a GTID still can).
 */
struct lk_stream *lk_stream_open(const struct lk_stream_options *options, struct lk_error *error);
void lk_stream_close(struct lk_stream *stream);
/* From the log's next event on these tables are watched and no others, in the middle of a statement too. Copies it. */
void lk_stream_watch(struct lk_stream *stream, const struct lk_stream_table *tables, size_t count);
/*
 * The next event. An error ends the stream: LOST when the link or the server went (open another stream at
 * lk_stream_resume), CANCELLED after lk_stream_interrupt, PRIVILEGE, and REFUSED for the rest; see lk_stream_gone.
 */
bool lk_stream_next(struct lk_stream *stream, struct lk_stream_event *event,
		    struct lk_error *error);
/* Whether the error says that the server does not have, or no longer has, the position or GTID (error 1236). */
bool lk_stream_gone(const struct lk_error *error);
/* Makes a call of lk_stream_next, or the next one, fail soon. From any thread, while the stream is open. */
void lk_stream_interrupt(struct lk_stream *stream);

/*
 * Behind the last transaction that has ended: where a stream may begin again. Empty until known: begun by GTID, and neither
 * a transaction nor an IDLE since then.
 */
struct lk_binlog_position lk_stream_resume(const struct lk_stream *stream);
/* The GTIDs up to there, as options.gtid takes them; the caller's. NULL while they are not known: begun at a position
 * without them, and no new file of the log since then. */
char *lk_stream_gtid(const struct lk_stream *stream);

#endif
