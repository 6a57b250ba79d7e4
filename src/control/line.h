/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON objects, one a line: cutting a byte stream into them. Used by both ends of the control socket. */
#ifndef LK_CONTROL_LINE_H
#define LK_CONTROL_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* A line longer than this is an error of the peer. */
#define LK_LINE_LIMIT ((size_t)1024 * 1024)

/* The protocol's number; changes only when an old client could misread a new keeper. */
#define LK_PROTOCOL 1

struct lk_lines {
	struct lk_buffer pending; /* bytes after the last complete line */
};

/*
 * Adds bytes and calls `take` for each complete line that is a JSON object. The object is borrowed for
 * the call. False and *error when a line is too long or is not a JSON object, or when take returned false.
 */
bool lk_lines_feed(struct lk_lines *lines, const char *bytes, size_t count,
		   bool (*take)(void *context, json_t *object), void *context,
		   struct lk_error *error);
void lk_lines_free(struct lk_lines *lines);

/* {"key": value}\n as text, the caller's. Takes over the reference. */
char *lk_line_of(const char *key, json_t *value);

#endif
