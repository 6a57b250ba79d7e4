/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/line.h"

#include <string.h>

#include "base/memory.h"

static bool take_line(const char *line, size_t length, bool (*take)(void *, json_t *),
		      void *context, struct lk_error *error)
{
	json_error_t where;
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(object)) {
		json_decref(object);
		return lk_fail(
			error, LK_ERROR_SYSTEM,
			"the other end of the control socket sent a line that is not a JSON object");
	}
	bool taken = take(context, object);
	json_decref(object);
	return taken || error->class != LK_NO_ERROR ||
	       lk_fail(error, LK_ERROR_SYSTEM, "the message was not accepted");
}

bool lk_lines_feed(struct lk_lines *lines, const char *bytes, size_t count,
		   bool (*take)(void *context, json_t *object), void *context,
		   struct lk_error *error)
{
	struct lk_buffer *pending = &lines->pending;
	lk_error_clear(error);
	lk_buffer_add_bytes(pending, bytes, count);
	size_t start = 0;
	char *end;
	while ((end = memchr(pending->text + start, '\n', pending->length - start))) {
		size_t length = (size_t)(end - pending->text) - start;
		if (length > 0 &&
		    (!take_line(pending->text + start, length, take, context, error) ||
		     error->class != LK_NO_ERROR))
			return false;
		start += length + 1;
	}
	memmove(pending->text, pending->text + start, pending->length - start + 1);
	pending->length -= start;
	if (pending->length > LK_LINE_LIMIT)
		return lk_fail(error, LK_ERROR_SYSTEM,
			       "the other end of the control socket sent a line of over 1 MB");
	return true;
}

void lk_lines_free(struct lk_lines *lines)
{
	lk_buffer_free(&lines->pending);
}

char *lk_line_of(const char *key, json_t *value)
{
	json_t *object = json_object();
	json_object_set_new(object, key, value);
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(object);
	char *line = lk_format("%s\n", text);
	free(text);
	return line;
}
