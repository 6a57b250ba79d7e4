/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WAL, replicas, slots, publications: what our writes set in motion elsewhere. */
#include "doctor/pg_checks.h"

#include <string.h>

/* A replica this far behind is behind, whatever our writes will add. */
#define LAG_MS 10000
#define MUCH_WAL (1024LL * 1024 * 1024)

static void judge_wal(struct lk_doctor *d, const struct lk_result *r)
{
	const char *level = lk_cell_text(r, 0, 0);
	if (strcmp(level, "minimal") != 0) {
		lk_doctor_find(d, LK_DOCTOR_OK, "wal_level is %s, wal_keep_size %s", level,
			       lk_cell_text(r, 0, 1));
		return;
	}
	struct lk_finding *f = lk_doctor_find(d, LK_DOCTOR_NOTE, "wal_level is minimal");
	lk_finding_why(f,
		       "no replica and no backup to a point in time is possible: a dropped column "
		       "is in the last full backup, if anywhere");
	lk_finding_action(f, "ALTER SYSTEM SET wal_level = replica; then restart the server");
}

static void judge_archive(struct lk_doctor *d, const struct lk_result *r)
{
	bool on = lk_cell_bool(r, 0, 0), fails = lk_cell_bool(r, 0, 1);
	struct lk_finding *f;
	d->facts.archiver_fails = on && fails;
	if (on && fails) {
		f = lk_doctor_find(d, LK_DOCTOR_PROBLEM,
				   "archiving WAL fails: %s failed %s s ago, %s failures since %s",
				   lk_cell_text(r, 0, 2), lk_cell_text(r, 0, 3),
				   lk_cell_text(r, 0, 4), lk_cell_text(r, 0, 5));
		lk_finding_why(
			f, "WAL is kept until it is archived, and a backfill writes much of it: "
			   "the disk fills");
		lk_finding_action(f, "mend archive_command (%s); the server's log has its words",
				  lk_cell_text(r, 0, 6));
	} else {
		lk_doctor_find(d, LK_DOCTOR_OK, on ? "WAL is archived" : "archive_mode is off");
	}
}

/* Name, visible, state, sync_state, lag in ms (NULL unknown), bytes behind, feedback. */
static void judge_replica(struct lk_doctor *d, const struct lk_result *r, size_t i)
{
	const char *name = lk_cell_text(r, i, 0), *state = lk_cell_text(r, i, 2);
	const char *sync = lk_cell_text(r, i, 3), *behind = lk_cell_text(r, i, 5);
	double lag = lk_cell_double(r, i, 4);
	struct lk_finding *f;
	if (strcmp(state, "streaming") != 0) {
		f = lk_doctor_find(d, LK_DOCTOR_WARNING,
				   "replica %s is not streaming but in %s, %s behind", name, state,
				   behind);
		lk_finding_why(f, "until it has caught up a run would rest for its lag");
	} else if (lag > LAG_MS) {
		f = lk_doctor_find(d, LK_DOCTOR_WARNING, "replica %s is %.0f s and %s behind", name,
				   lag / 1000, behind);
		lk_finding_why(
			f, "a backfill rests while a replica is further behind than limits.lag");
	} else {
		lk_doctor_find(d, LK_DOCTOR_OK, "replica %s streams (%s), %s behind", name, sync,
			       behind);
	}
	if (lk_cell_bool(r, i, 6))
		return;
	f = lk_doctor_find(d, LK_DOCTOR_NOTE, "replica %s sends no hot_standby_feedback", name);
	lk_finding_why(
		f, "when contract drops a column, queries on it that take long are cancelled, or "
		   "hold its replay up for max_standby_streaming_delay");
	lk_finding_action(f, "on the replica: ALTER SYSTEM SET hot_standby_feedback = on; "
			     "SELECT pg_reload_conf();");
}

static void judge_replicas(struct lk_doctor *d, const struct lk_result *r)
{
	size_t hidden = 0;
	d->facts.has_replicas = r->rows > 0;
	for (size_t i = 0; i < r->rows; i++)
		if (lk_cell_bool(r, i, 1))
			judge_replica(d, r, i);
		else
			hidden++;
	if (hidden > 0) {
		struct lk_finding *f = lk_doctor_find(
			d, LK_DOCTOR_NOTE, "%zu replica%s: lag and state are hidden from the role",
			hidden, hidden == 1 ? "" : "s");
		lk_finding_why(f, "the backfill cannot rest when they fall behind");
		lk_finding_action(f, "GRANT pg_monitor TO %s;", lk_cell_text(r, 0, 7));
	}
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "no replica is connected");
}

/* Names, needed, there (NULL hidden), synchronous_commit off or local. */
static void judge_synchronous(struct lk_doctor *d, const struct lk_result *r)
{
	const char *names = lk_cell_text(r, 0, 0);
	int64_t needed = lk_cell_int(r, 0, 1), there = lk_cell_int(r, 0, 2);
	if (!names[0])
		return;
	if (!lk_cell(r, 0, 2)) {
		lk_doctor_find(
			d, LK_DOCTOR_NOTE,
			"commits wait for synchronous standbys (%s); whether they are there is "
			"hidden from the role",
			names);
		return;
	}
	if (there >= needed) {
		lk_doctor_find(d, LK_DOCTOR_OK, "%lld synchronous standby%s there (%s)",
			       (long long)there, there == 1 ? " is" : "s are", names);
		return;
	}
	d->facts.standby_gone = !lk_cell_bool(r, 0, 3);
	struct lk_finding *f = lk_doctor_find(
		d, lk_cell_bool(r, 0, 3) ? LK_DOCTOR_WARNING : LK_DOCTOR_PROBLEM,
		"%lld of %lld synchronous standbys are there (synchronous_standby_names %s)",
		(long long)there, (long long)needed, names);
	lk_finding_why(f,
		       "every commit of the application and of ours waits for them without an end");
	lk_finding_action(f,
			  "bring the standby back, or, if losing commits in a crash is better than "
			  "waiting: ALTER SYSTEM SET synchronous_standby_names = ''; "
			  "SELECT pg_reload_conf();");
}

/* Name, active, bytes held (pretty), bytes, wal_status, quoted name. */
static void judge_slots(struct lk_doctor *d, const struct lk_result *r)
{
	size_t well = 0;
	for (size_t i = 0; i < r->rows; i++) {
		const char *name = lk_cell_text(r, i, 0), *status = lk_cell_text(r, i, 4);
		bool lost = strcmp(status, "lost") == 0;
		if (lk_cell_bool(r, i, 1) && strcmp(status, "unreserved") != 0 && !lost) {
			well++;
			continue;
		}
		enum lk_doctor_level level = lk_cell_int(r, i, 3) > MUCH_WAL && !lost
						     ? LK_DOCTOR_PROBLEM
						     : LK_DOCTOR_WARNING;
		struct lk_finding *f = lk_doctor_find(
			d, level, "replication slot %s is %s and holds %s of WAL%s%s", name,
			lk_cell_bool(r, i, 1) ? "active" : "inactive", lk_cell_text(r, i, 2),
			lost || status[0] == 'u' ? ", status " : "",
			lost || status[0] == 'u' ? status : "");
		lk_finding_why(
			f, lost ? "its WAL is gone: whoever used it must be made anew"
				: "a backfill adds WAL that it keeps too, until the disk is full; "
				  "vacuum may be held back by it");
		lk_finding_action(f, "when nobody needs it: SELECT pg_drop_replication_slot(%s);",
				  lk_cell_text(r, i, 5));
	}
	if (r->rows == well)
		lk_doctor_find(d, LK_DOCTOR_OK, "no replication slot is left behind (%zu in use)",
			       well);
}

static void judge_slot_limit(struct lk_doctor *d, const struct lk_result *r)
{
	if (!lk_cell_bool(r, 0, 0))
		return;
	struct lk_finding *f = lk_doctor_find(
		d, LK_DOCTOR_NOTE, "max_slot_wal_keep_size is not set, and there are slots");
	lk_finding_why(f, "a slot whose reader is away keeps WAL until the disk is full");
	lk_finding_action(f, "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; "
			     "SELECT pg_reload_conf();");
}

static void judge_publications(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_PROBLEM,
				       "table %s is in publication %s and has no replica identity",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
		lk_finding_why(f, "every UPDATE and DELETE of it fails, the backfill's and the "
				  "application's");
		lk_finding_action(f,
				  "ALTER TABLE %s REPLICA IDENTITY FULL; or give it a primary key",
				  lk_cell_text(r, i, 0));
		d->facts.broken_identity = true;
	}
	lk_doctor_and_more(d, LK_DOCTOR_PROBLEM, r, "tables like that");
}

static void judge_subscribers(struct lk_doctor *d, const struct lk_result *r)
{
	long long publications = lk_cell_int(r, 0, 0), subscriptions = lk_cell_int(r, 0, 1);
	struct lk_finding *f;
	if (publications > 0) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE, "%lld publication%s (%s)", publications,
				   publications == 1 ? "" : "s", lk_cell_text(r, 0, 2));
		lk_finding_why(
			f, "logical replication carries rows, not DDL: a subscriber needs each new "
			   "column before the first row that has it");
	}
	if (subscriptions > 0) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE, "%lld subscription%s bring rows in",
				   subscriptions, subscriptions == 1 ? "" : "s");
		lk_finding_why(
			f, "a dual write's triggers fire for them; the application's own do only "
			   "when they are ENABLE ALWAYS or REPLICA");
	}
}

#define NEWEST                                                                                     \
	"CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END"

const struct lk_pg_check lk_pg_replication_checks[] = {
	{"wal", 0, NULL, "SELECT current_setting('wal_level'), current_setting('wal_keep_size')",
	 judge_wal},
	{"archiving", 0, NULL,
	 "SELECT current_setting('archive_mode') <> 'off', last_failed_time IS NOT NULL AND"
	 " (last_archived_time IS NULL OR last_failed_time > last_archived_time), last_failed_wal,"
	 " round(extract(epoch FROM now() - last_failed_time)), failed_count, stats_reset::date,"
	 " (SELECT setting FROM pg_settings WHERE name = 'archive_command') FROM pg_stat_archiver",
	 judge_archive},
	{"replicas", 0, NULL,
	 "SELECT coalesce(nullif(application_name, ''), 'process ' || pid), state IS NOT NULL, state,"
	 " sync_state, CASE WHEN replay_lsn = sent_lsn THEN 0"
	 "  ELSE extract(epoch FROM replay_lag) * 1000 END,"
	 " pg_size_pretty(pg_wal_lsn_diff(" NEWEST ", replay_lsn)),"
	 " backend_xmin IS NOT NULL OR EXISTS (SELECT FROM pg_replication_slots s"
	 "  WHERE s.active_pid = a.pid AND s.xmin IS NOT NULL), quote_ident(current_user)"
	 " FROM pg_stat_replication a WHERE application_name NOT IN ('pg_basebackup')"
	 " AND NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = a.pid"
	 "  AND s.slot_type = 'logical') ORDER BY 1",
	 judge_replicas},
	{"synchronous replication", 0, NULL,
	 "SELECT current_setting('synchronous_standby_names'),"
	 " coalesce(substring(current_setting('synchronous_standby_names') FROM '([0-9]+) *[(]')::int, 1),"
	 " CASE WHEN count(*) = count(state) THEN count(*) FILTER (WHERE sync_state IN ('sync', 'quorum'))"
	 "  END, (SELECT reset_val IN ('off', 'local') FROM pg_settings WHERE name = 'synchronous_commit')"
	 " FROM pg_stat_replication",
	 judge_synchronous},
	{"slots", 0, NULL,
	 "SELECT slot_name, active, pg_size_pretty(pg_wal_lsn_diff(" NEWEST ", restart_lsn)),"
	 " pg_wal_lsn_diff(" NEWEST ", restart_lsn)::bigint, wal_status, quote_literal(slot_name)"
	 " FROM pg_replication_slots WHERE NOT temporary ORDER BY restart_lsn",
	 judge_slots},
	{"slot limit", 0, NULL,
	 "SELECT current_setting('max_slot_wal_keep_size') = '-1' AND EXISTS (SELECT FROM"
	 " pg_replication_slots WHERE NOT temporary)",
	 judge_slot_limit},
	{"publications", 0, NULL,
	 "SELECT c.oid::regclass, string_agg(quote_ident(p.pubname), ', ' ORDER BY p.pubname)"
	 " FROM pg_publication_tables t JOIN pg_publication p USING (pubname)"
	 " JOIN pg_namespace n ON n.nspname = t.schemaname"
	 " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename"
	 " WHERE (p.pubupdate OR p.pubdelete) AND (c.relreplident = 'n' OR (c.relreplident = 'd'"
	 "  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))"
	 "  OR (c.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid"
	 "   AND i.indisreplident))) GROUP BY c.oid ORDER BY 1",
	 judge_publications},
	{"logical replication", 0, NULL,
	 "SELECT (SELECT count(*) FROM pg_publication), (SELECT count(*) FROM pg_stat_subscription),"
	 " (SELECT string_agg(pubname, ', ' ORDER BY pubname) FROM pg_publication)",
	 judge_subscribers},
	{NULL, 0, NULL, NULL, NULL},
};
