/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of the change stream share: a server, a session, a stream of some tables, and what it told as text. */
#ifndef LK_TESTS_MY_STREAM_H
#define LK_TESTS_MY_STREAM_H

#include "binlog/state.h"
#include "binlog/stream.h"
#include "tests/server/my_sessions.h"

struct streaming {
	struct lk_test_my *server;
	struct lk_session *session; /* as root, in UTC, where every date is legal */
	char *uri;
	struct lk_stream *stream; /* NULL none */
	/* What is watched. */
	struct lk_stream_table tables[4];
	struct lk_binlog_column columns[4][LK_BINLOG_KEY_COLUMNS];
	size_t table_count;
	struct lk_buffer told; /* a line an event, of rows "insert t (1, 'x')" */
};

/* Starts a primary for a test program's group, with these options (NULL at the end) or NULL. */
struct streaming *streaming_new(const char *const *options);
void streaming_free(struct streaming *streaming);

/* Watches test.TABLE by these columns ("a, b"), as the catalog has them. Its id is its number. */
void streaming_watch(struct streaming *streaming, const char *table, const char *columns);
void streaming_forget(struct streaming *streaming);
/* Opens a stream where the log ends now, with the GTIDs; or where the text says, a position or GTIDs. */
void streaming_open(struct streaming *streaming);
void streaming_open_at(struct streaming *streaming, const char *where);
bool streaming_try(struct streaming *streaming, const char *where, struct lk_error *error);
void streaming_close(struct streaming *streaming);
/* Reads all that is in the log now; the text is told. It is empty before. Errors fail the test. */
const char *streaming_read(struct streaming *streaming);
/* The same, and the stream must end with an error of that class; its sentence is in *error. */
void streaming_fails(struct streaming *streaming, enum lk_error_class class,
		     struct lk_error *error);
void streaming_sql(const struct streaming *streaming, const char *sql);

#endif
