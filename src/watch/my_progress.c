/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/my_progress.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "watch/progress.h"

/* State, stage, of so many, percent of the stage (Progress Reporting, MariaDB's manual). */
static const char maria_sql[] =
	"SELECT state, stage, max_stage, progress FROM information_schema.processlist WHERE id = $1";
/* State, work done, work to do (MySQL's manual, 17.16.1: ALTER TABLE by stage events). */
static const char mysql_sql[] =
	"SELECT t.processlist_state, e.event_name, e.work_completed, e.work_estimated"
	" FROM performance_schema.threads t LEFT JOIN performance_schema.events_stages_current e"
	" ON e.thread_id = t.thread_id WHERE t.processlist_id = $1";

static void describe_maria(const struct lk_result *r, char phase[100], char detail[100])
{
	long long stages = lk_cell_int(r, 0, 2);
	double percent = lk_cell_double(r, 0, 3);
	lk_copy_text(phase, 100, lk_cell_text(r, 0, 0));
	if (stages > 0)
		snprintf(detail, 100, "stage %lld of %lld, %.0f %%",
			 (long long)lk_cell_int(r, 0, 1), stages, percent);
}

/* "stage/innodb/alter table (read PK and internal sort)" */
static void describe_mysql(const struct lk_result *r, char phase[100], char detail[100])
{
	const char *event = lk_cell_text(r, 0, 1), *name = strrchr(event, '/');
	long long done = lk_cell_int(r, 0, 2), all = lk_cell_int(r, 0, 3);
	lk_copy_text(phase, 100, name ? name + 1 : lk_cell_text(r, 0, 0));
	if (all > 0)
		snprintf(detail, 100, "%lld of %lld units of work (%lld %%)", done, all,
			 done >= all ? 100 : done * 100 / all);
}

bool lk_my_progress(struct lk_session *session, const struct lk_my_view *view,
		    struct lk_sample *sample, struct lk_error *error)
{
	struct lk_result r;
	char id[16], elapsed[24], phase[100] = "", detail[100] = "";
	const struct lk_sample_session *worker = lk_busy_worker(sample);
	if (!worker || (!view->server.maria && !view->schema))
		return true;
	snprintf(id, sizeof id, "%u", (unsigned)worker->pid);
	lk_show_elapsed(worker->query_ms, elapsed, sizeof elapsed);
	if (!LK_QUERY(session, &r, error, view->server.maria ? maria_sql : mysql_sql, id))
		return false;
	if (r.rows > 0 && view->server.maria)
		describe_maria(&r, phase, detail);
	else if (r.rows > 0)
		describe_mysql(&r, phase, detail);
	lk_result_free(&r);
	if (!phase[0])
		return true;
	snprintf(sample->work_phase, sizeof sample->work_phase, "server: %s", phase);
	snprintf(sample->work, sizeof sample->work, "%s%s%s; %s so far", phase,
		 detail[0] ? ": " : "", detail, elapsed);
	return true;
}
