/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/pg_progress.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "watch/progress.h"

/* Sizes come from the planner's estimate: asking for the file's own would wait behind a strong lock. */
#define SIZE_OF(column)                                                                            \
	"CASE WHEN " column ".relpages > 0 THEN pg_size_pretty(" column                            \
	".relpages::bigint * current_setting('block_size')::bigint) ELSE 'size unknown' END"

static const char build_sql[] =
	"SELECT p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total, p.lockers_done,"
	" p.lockers_total, p.current_locker_pid, h.usename, h.application_name,"
	" extract(epoch FROM clock_timestamp() - h.xact_start)::bigint,"
	" coalesce(i.relname, ''), coalesce(t.relname, ''), " SIZE_OF(
		"t") " FROM pg_stat_progress_create_index p"
		     " LEFT JOIN pg_class i ON i.oid = p.index_relid LEFT JOIN pg_class t ON t.oid = p.relid"
		     " LEFT JOIN pg_stat_activity h ON h.pid = p.current_locker_pid WHERE p.pid = $1::int";

/* What a statement of other kinds holds most strongly is what it is about. */
static const char other_sql[] = "SELECT c.relname, " SIZE_OF(
	"c") " FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
	     " WHERE l.pid = $1::int AND l.granted AND l.locktype = 'relation' AND c.relkind IN ('r', 'p', 'm')"
	     " AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',"
	     " 'AccessExclusiveLock') AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname IN"
	     " ('pg_catalog', 'lockkeeper')) ORDER BY c.relpages DESC LIMIT 1";

/* "process 4711 (alice report)"; "" while it waits for nobody in particular. */
static void name_locker(const struct lk_result *r, char *text, size_t size)
{
	text[0] = '\0';
	if (lk_cell_int(r, 0, 7) != 0)
		snprintf(text, size, "process %.12s (%.30s %.40s)", lk_cell_text(r, 0, 7),
			 lk_cell_text(r, 0, 8), lk_cell_text(r, 0, 9));
}

static void describe_wait(const struct lk_result *r, const char *locker, char *text, size_t size)
{
	char age[24];
	long long gone = lk_cell_int(r, 0, 5), all = lk_cell_int(r, 0, 6);
	lk_show_elapsed((double)lk_cell_int(r, 0, 10) * 1000, age, sizeof age);
	if (!*locker)
		snprintf(text, size, "%lld of %lld gone", gone, all);
	else if (!lk_cell(r, 0, 10))
		snprintf(text, size, "%lld of %lld gone, now for %s", gone, all, locker);
	else
		snprintf(text, size, "%lld of %lld gone, now for %s, whose transaction is %s old",
			 gone, all, locker, age);
}

static void describe_amount(const struct lk_result *r, char *text, size_t size)
{
	long long blocks = lk_cell_int(r, 0, 2), tuples = lk_cell_int(r, 0, 4);
	long long done = blocks ? lk_cell_int(r, 0, 1) : lk_cell_int(r, 0, 3);
	long long total = blocks ? blocks : tuples;
	text[0] = '\0';
	if (total > 0)
		snprintf(text, size, "%lld of %lld %s (%lld %%)", done, total,
			 blocks ? "blocks" : "rows", done * 100 / total);
}

static void describe_build(const struct lk_result *r, const char *elapsed, struct lk_sample *sample)
{
	char detail[200], locker[100];
	const char *phase = lk_cell_text(r, 0, 0);
	name_locker(r, locker, sizeof locker);
	if (strncmp(phase, "waiting", 7) == 0 && lk_cell_int(r, 0, 6) > 0)
		describe_wait(r, locker, detail, sizeof detail);
	else
		describe_amount(r, detail, sizeof detail);
	snprintf(sample->work_phase, sizeof sample->work_phase, "index %.40s of %.40s: %.50s%s%s",
		 lk_cell_text(r, 0, 11), lk_cell_text(r, 0, 12), phase, *locker ? ", for " : "",
		 locker);
	snprintf(sample->work, sizeof sample->work, "%.50s%s%s; %s so far", phase,
		 detail[0] ? ": " : "", detail, elapsed);
}

static bool describe_other(struct lk_session *session, const char *pid, const char *elapsed,
			   struct lk_sample *sample, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, other_sql, pid))
		return false;
	if (r.rows > 0) {
		snprintf(sample->work, sizeof sample->work, "works on %.60s (%s); %s so far",
			 lk_cell_text(&r, 0, 0), lk_cell_text(&r, 0, 1), elapsed);
		snprintf(sample->work_phase, sizeof sample->work_phase, "works on %.60s (%s)",
			 lk_cell_text(&r, 0, 0), lk_cell_text(&r, 0, 1));
	}
	lk_result_free(&r);
	return true;
}

bool lk_pg_progress(struct lk_session *session, struct lk_sample *sample, struct lk_error *error)
{
	struct lk_result r;
	char pid[16], elapsed[24];
	const struct lk_sample_session *worker = lk_busy_worker(sample);
	if (!worker)
		return true;
	if (strcmp(worker->wait, "IPC:SyncRep") == 0) {
		lk_show_elapsed(worker->query_ms, elapsed, sizeof elapsed);
		LK_COPY(sample->work_phase,
			"waits for a synchronous standby (synchronous_standby_names) to confirm a commit");
		snprintf(sample->work, sizeof sample->work, "%s; %s so far", sample->work_phase,
			 elapsed);
		return true;
	}
	snprintf(pid, sizeof pid, "%d", worker->pid);
	lk_show_elapsed(worker->query_ms, elapsed, sizeof elapsed);
	if (!LK_QUERY(session, &r, error, build_sql, pid))
		return false;
	bool building = r.rows > 0;
	if (building)
		describe_build(&r, elapsed, sample);
	lk_result_free(&r);
	return building || describe_other(session, pid, elapsed, sample, error);
}
