/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/model/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

char *lk_show_number(int64_t value, char text[LK_SHORT])
{
	char digits[LK_SHORT];
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)size);
	char *to = text;

	if (value < 0)
		*to++ = '-';
	for (int i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

char *lk_show_age(double milliseconds, char text[LK_SHORT])
{
	double limit = 1e15;
	int64_t s;

	if (!(milliseconds >= 0)) {
		strcpy(text, "----");
		return text;
	}
	s = (int64_t)((milliseconds < limit ? milliseconds : limit) / 1000);
	if (milliseconds < 1000)
		snprintf(text, LK_SHORT, "<1s");
	else if (s < 10)
		snprintf(text, LK_SHORT, "%.1fs", floor(milliseconds / 100) / 10);
	else if (s < 60)
		snprintf(text, LK_SHORT, "%ds", (int)s);
	else if (s < 3600)
		snprintf(text, LK_SHORT, "%dm%02ds", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(text, LK_SHORT, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(text, LK_SHORT, "%lldd%02dh", (long long)(s / 86400),
			 (int)(s / 3600 % 24));
	return text;
}

char *lk_show_time(double milliseconds, char text[LK_SHORT])
{
	if (!(milliseconds >= 0))
		strcpy(text, "--");
	else if (milliseconds < 9.95)
		snprintf(text, LK_SHORT, "%.1f ms", milliseconds);
	else if (milliseconds < 9999.5)
		snprintf(text, LK_SHORT, "%.0f ms", milliseconds);
	else
		snprintf(text, LK_SHORT, "%.1f s", milliseconds < 1e12 ? milliseconds / 1e3 : 1e9);
	return text;
}

static char *show_utc(int64_t wall_ms, const char *format, char text[LK_SHORT])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;

	if (wall_ms <= 0 || !gmtime_r(&seconds, &parts)) {
		strcpy(text, "-");
		return text;
	}
	if (strcmp(format, "minute") == 0)
		snprintf(text, LK_SHORT, "%02d:%02d", parts.tm_hour, parts.tm_min);
	else
		snprintf(text, LK_SHORT, "%02d:%02d:%02dZ", parts.tm_hour, parts.tm_min,
			 parts.tm_sec);
	return text;
}

char *lk_show_clock(int64_t wall_ms, char text[LK_SHORT])
{
	return show_utc(wall_ms, "second", text);
}

char *lk_show_minute(int64_t wall_ms, char text[LK_SHORT])
{
	return show_utc(wall_ms, "minute", text);
}

char *lk_show_span(int64_t milliseconds, char text[LK_SHORT])
{
	int64_t s = milliseconds < 0 ? 0 : milliseconds / 1000;

	snprintf(text, LK_SHORT, "%02lld:%02d:%02d", (long long)(s / 3600), (int)(s / 60 % 60),
		 (int)(s % 60));
	return text;
}
