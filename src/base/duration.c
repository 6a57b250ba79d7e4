/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const struct unit {
	const char *name;
	int64_t milliseconds;
} units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000},
};

#define LONGEST_MS (INT64_C(100) * 366 * 86400000)

static const struct unit *find_unit(const char *name)
{
	for (size_t i = 0; i < LK_COUNT(units); i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

bool lk_duration_parse(const char *text, int64_t *milliseconds)
{
	int64_t whole = 0, fraction = 0, scale = 1;
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 13)
		return false;
	for (size_t i = 0; i < digits; i++)
		whole = whole * 10 + (*text++ - '0');
	if (*text == '.') {
		digits = strspn(++text, "0123456789");
		if (digits == 0 || digits > 3)
			return false;
		for (size_t i = 0; i < digits; i++, scale *= 10)
			fraction = fraction * 10 + (*text++ - '0');
	}
	if (*text == ' ')
		text++;
	const struct unit *unit = find_unit(text);
	if (!unit || whole > LONGEST_MS / unit->milliseconds)
		return false;
	if (fraction * unit->milliseconds % scale != 0)
		return false;
	*milliseconds = whole * unit->milliseconds + fraction * unit->milliseconds / scale;
	return true;
}

void lk_duration_format(int64_t milliseconds, char *text, size_t size)
{
	static const char *const down[] = {"d", "h", "min", "s"};
	/* 48h and 90min are read more easily than 2d and 1.5h; a day is only said of whole days
	 * over two */
	for (size_t i = 0; milliseconds > 0 && i < LK_COUNT(down); i++) {
		int64_t unit = find_unit(down[i])->milliseconds;
		if (milliseconds % unit == 0 && milliseconds / unit > (i == 0 ? 2 : 0)) {
			snprintf(text, size, "%" PRId64 "%s", milliseconds / unit, down[i]);
			return;
		}
	}
	if (milliseconds > 1000 && milliseconds < 60000) {
		int n = snprintf(text, size, "%" PRId64 ".%03d", milliseconds / 1000,
				 (int)(milliseconds % 1000));
		while (n > 0 && text[n - 1] == '0')
			n--;
		snprintf(text + n, size - (size_t)n, "s");
		return;
	}
	snprintf(text, size, "%" PRId64 "ms", milliseconds);
}
