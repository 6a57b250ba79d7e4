/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A place in a server's binary log: file and offset, in text "mysql-bin.000012:4711". */
#ifndef LK_BINLOG_POSITION_H
#define LK_BINLOG_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The servers cut paths at 512; a file's name alone is at most 255 on every file system. */
#define LK_BINLOG_FILE_SIZE 256

struct lk_binlog_position {
	char file[LK_BINLOG_FILE_SIZE]; /* name without folder; "" none */
	uint64_t offset; /* in bytes, also beyond 4 GiB; the first event of a file is at 4 */
};

/* False with class USAGE, and *position empty, when the text is no position. */
bool lk_binlog_position_parse(const char *text, struct lk_binlog_position *position,
			      struct lk_error *error);
/* The text; the caller's. */
char *lk_binlog_position_format(const struct lk_binlog_position *position);
/*
 * Negative, 0 or positive as `a` lies before, at or behind `b`, in *order. Files are in the order of their numbers and
 * not of their names' text: .1000000 follows .999999. False when the names differ in more than the number: then
 * these are two logs, and nothing can be said.
 */
bool lk_binlog_position_compare(const struct lk_binlog_position *a,
				const struct lk_binlog_position *b, int *order);

#endif
