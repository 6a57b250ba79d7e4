/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/beats.h"

void lk_beats_add(struct lk_beats *beats, int64_t at_us)
{
	if (beats->first == 0)
		beats->first = at_us;
	beats->at[beats->next] = at_us;
	beats->next = (beats->next + 1) % LK_BEATS;
	if (beats->count < LK_BEATS)
		beats->count++;
}

double lk_beats_lag(const struct lk_beats *beats, int64_t seen, int64_t now_us)
{
	int64_t oldest = INT64_MAX, missing = INT64_MAX;
	if (beats->count == 0)
		return -1;
	for (size_t i = 0; i < beats->count; i++) {
		int64_t at = beats->at[i];
		if (at < oldest)
			oldest = at;
		if (at > seen && at < missing)
			missing = at;
	}
	if (missing == INT64_MAX)
		return 0;
	/* When all that are remembered are missing, it is forgotten which came after that one: the next was due
	 * after the usual time. */
	int64_t due = seen == 0 ? beats->first : seen + LK_BEAT_MS * 1000;
	if (missing == oldest && due < oldest)
		missing = due;
	return now_us > missing ? (double)(now_us - missing) / 1000.0 : 0;
}
