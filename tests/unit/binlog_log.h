/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file of a binary log read by the product's reader, as text: a line for each thing that it tells. */
#ifndef LK_TESTS_BINLOG_LOG_H
#define LK_TESTS_BINLOG_LOG_H

#include "base/buffer.h"
#include "binlog/reader.h"

struct test_log {
	const uint8_t *bytes; /* from the file's first, its mark of four bytes */
	size_t length;
	bool maria;
	const struct lk_stream_table *tables;
	size_t table_count;
	/* Filled: what was told, how many rows of it, the reader's end. */
	struct lk_buffer text;
	size_t rows;
	struct lk_binlog_position resume;
	char *gtid; /* the caller's */
};

/* False with the reader's error; the text is there nevertheless. */
bool test_log_read(struct test_log *log, struct lk_error *error);
void test_log_free(struct test_log *log);

#endif
