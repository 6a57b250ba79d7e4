/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/pg_array.h"

void lk_pg_array_add(struct lk_buffer *array, const char *item)
{
	lk_buffer_add(array, array->length ? ",\"" : "{\"");
	for (const char *p = item; *p; p++) {
		if (*p == '"' || *p == '\\')
			lk_buffer_add(array, "\\");
		lk_buffer_add_bytes(array, p, 1);
	}
	lk_buffer_add(array, "\"");
}

char *lk_pg_array(const char *const *items, size_t count)
{
	struct lk_buffer out = {0};
	for (size_t i = 0; i < count; i++)
		lk_pg_array_add(&out, items[i]);
	lk_buffer_add(&out, count ? "}" : "{}");
	return lk_buffer_take(&out);
}
