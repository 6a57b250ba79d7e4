/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_standby.h"

#include "base/clock.h"
#include "base/memory.h"
#include "step/pg_step.h"

#define LOOK_EVERY_US 1000000
#define SAY_EVERY_US 10000000
#define LOOK_AGAIN_MS 200

/* Nothing is known to a role that may not see who replicates: then nothing is missing. */
static const char missing_sql[] =
	"SELECT current_setting('synchronous_standby_names') WHERE"
	" current_setting('synchronous_standby_names') <> ''"
	" AND current_setting('synchronous_commit') NOT IN ('off', 'local')"
	" AND pg_has_role('pg_read_all_stats', 'USAGE')"
	" AND (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')) <"
	"  coalesce(substring(current_setting('synchronous_standby_names')"
	"   from '^\\s*(?:[A-Za-z]+\\s+)?(\\d+)\\s*\\(')::int, 1)";

static bool look(struct lk_step_run *run, char **missing, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(run->session, &r, error, missing_sql))
		return false;
	*missing = r.rows ? lk_strdup(lk_cell_text(&r, 0, 0)) : NULL;
	lk_result_free(&r);
	return true;
}

bool lk_pg_standby_wait(struct lk_step_run *run, int64_t *looked_us, struct lk_error *error)
{
	int64_t said_us = 0;
	if (*looked_us && lk_clock_us() - *looked_us < LOOK_EVERY_US)
		return true;
	for (;;) {
		char *missing;
		if (!look(run, &missing, error))
			return false;
		*looked_us = lk_clock_us();
		if (!missing)
			return true;
		if (!said_us || *looked_us - said_us > SAY_EVERY_US) {
			said_us = *looked_us;
			lk_step_say(
				run,
				"waiting for synchronous standby: synchronous_standby_names = '%s', and not"
				" enough of them are connected, so no commit would end",
				missing);
		}
		free(missing);
		if (!lk_pace_sleep(run->pace, LOOK_AGAIN_MS))
			return lk_fail(error, LK_ERROR_CANCELLED, "stopped");
	}
}
