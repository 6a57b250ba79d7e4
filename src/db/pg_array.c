/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/pg_array.h"

#include "base/buffer.h"

char *lk_pg_array(const char *const *items, size_t count)
{
	struct lk_buffer out = {0};
	lk_buffer_add(&out, "{");
	for (size_t i = 0; i < count; i++) {
		lk_buffer_add(&out, i ? ",\"" : "\"");
		for (const char *p = items[i]; *p; p++) {
			if (*p == '"' || *p == '\\')
				lk_buffer_add(&out, "\\");
			lk_buffer_add_bytes(&out, p, 1);
		}
		lk_buffer_add(&out, "\"");
	}
	lk_buffer_add(&out, "}");
	return lk_buffer_take(&out);
}
