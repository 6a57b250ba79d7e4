/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/progress.h"

#include <stdio.h>
#include <string.h>

#define LONG_STATEMENT_MS 1000

const struct lk_sample_session *lk_busy_worker(const struct lk_sample *sample)
{
	for (size_t i = 0; i < sample->session_count; i++)
		if (sample->sessions[i].worker &&
		    strcmp(sample->sessions[i].state, "active") == 0 &&
		    sample->sessions[i].query_ms > LONG_STATEMENT_MS)
			return &sample->sessions[i];
	return NULL;
}

void lk_show_elapsed(double ms, char *text, size_t size)
{
	long long seconds = (long long)(ms / 1000);
	if (seconds < 120)
		snprintf(text, size, "%lld s", seconds);
	else if (seconds < 7200)
		snprintf(text, size, "%lld min", seconds / 60);
	else
		snprintf(text, size, "%lld h", seconds / 3600);
}
