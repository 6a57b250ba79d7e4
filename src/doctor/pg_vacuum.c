/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vacuum and statistics: a backfill makes a dead row of every row, and plans by the statistics. */
#include "doctor/pg_checks.h"

static void judge_settings(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_PROBLEM, "%s is off", lk_cell_text(r, i, 0));
		lk_finding_why(f,
			       "a backfill leaves a dead version of every row, and nothing cleans "
			       "them away; statistics grow old");
		lk_finding_action(f, "ALTER SYSTEM SET %s = on; SELECT pg_reload_conf();",
				  lk_cell_text(r, i, 0));
	}
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "autovacuum is on");
}

static void judge_switched_off(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_NOTE, "autovacuum is switched off for table %s",
				       lk_cell_text(r, i, 0));
		lk_finding_why(f, "after a backfill of it somebody has to vacuum it by hand");
		lk_finding_action(f, "ALTER TABLE %s RESET (autovacuum_enabled);",
				  lk_cell_text(r, i, 0));
	}
	lk_doctor_and_more(d, LK_DOCTOR_NOTE, r, "tables like that");
}

/* Table, age, freeze limit, whether a worker is at it. */
static void judge_wraparound(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		long long age = lk_cell_int(r, i, 1);
		struct lk_finding *f = lk_doctor_find(
			d, age > 1000000000 ? LK_DOCTOR_PROBLEM : LK_DOCTOR_WARNING,
			"table %s is %lld transactions old (autovacuum_freeze_max_age %s)",
			lk_cell_text(r, i, 0), age, lk_cell_text(r, i, 2));
		lk_finding_why(
			f, "an autovacuum to prevent wraparound comes, which gives way to no DDL");
		lk_finding_action(f, "let it end before the run: VACUUM (FREEZE, VERBOSE) %s;",
				  lk_cell_text(r, i, 0));
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "tables as old");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "no table is near transaction wraparound");
}

static void judge_running(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(
			d, lk_cell_bool(r, i, 3) ? LK_DOCTOR_WARNING : LK_DOCTOR_NOTE,
			"process %s vacuums table %s for %s s (%s)%s", lk_cell_text(r, i, 0),
			lk_cell_text(r, i, 1), lk_cell_text(r, i, 2), lk_cell_text(r, i, 4),
			lk_cell_bool(r, i, 3) ? ", to prevent wraparound" : "");
		lk_finding_why(
			f, "DDL on the table waits for it; an automatic one yields, one to prevent "
			   "wraparound or by hand does not");
	}
}

static void judge_dead_rows(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(
			d, LK_DOCTOR_NOTE, "table %s has %s dead rows beside %s live ones",
			lk_cell_text(r, i, 0), lk_cell_text(r, i, 1), lk_cell_text(r, i, 2));
		lk_finding_why(f, "autovacuum is behind; a backfill needs room for as many again");
		lk_finding_action(f, "VACUUM (VERBOSE) %s;", lk_cell_text(r, i, 0));
	}
	lk_doctor_and_more(d, LK_DOCTOR_NOTE, r, "tables like that");
}

static void judge_statistics(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_WARNING, "table %s (%s) was never analysed",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
		lk_finding_why(
			f, "the planner guesses: chunks of a backfill may be read by whole scans, "
			   "and how far it is cannot be told");
		lk_finding_action(f, "ANALYZE %s;", lk_cell_text(r, i, 0));
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "tables like that");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "every table of some size was analysed");
}

#define TABLES                                                                                     \
	" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm')"

const struct lk_pg_check lk_pg_vacuum_checks[] = {
	{"autovacuum", 0, NULL,
	 "SELECT name FROM pg_settings WHERE name IN ('autovacuum', 'track_counts') AND setting = 'off'"
	 " ORDER BY name",
	 judge_settings},
	{"autovacuum of tables", 0, NULL,
	 "SELECT c.oid::regclass" TABLES " AND" LK_PG_PEOPLES
	 " AND EXISTS (SELECT FROM pg_options_to_table(c.reloptions) o WHERE o.option_name ="
	 "  'autovacuum_enabled' AND lower(o.option_value) IN ('off', 'false', '0', 'no')) ORDER BY 1",
	 judge_switched_off},
	{"wraparound", 0, NULL,
	 "SELECT c.oid::regclass, age(c.relfrozenxid), current_setting('autovacuum_freeze_max_age')" TABLES
	 " AND age(c.relfrozenxid) > current_setting('autovacuum_freeze_max_age')::int"
	 " AND" LK_PG_PEOPLES " ORDER BY age(c.relfrozenxid) DESC",
	 judge_wraparound},
	{"vacuums", 0, NULL,
	 "SELECT p.pid, p.relid::regclass, round(extract(epoch FROM clock_timestamp() - a.xact_start)),"
	 " a.query LIKE '%to prevent wraparound%', p.phase FROM pg_stat_progress_vacuum p"
	 " JOIN pg_stat_activity a USING (pid) WHERE p.datname = current_database() AND p.relid > 0",
	 judge_running},
	{"dead rows", 0, NULL,
	 "SELECT s.relid::regclass, s.n_dead_tup, s.n_live_tup FROM pg_stat_user_tables s"
	 " WHERE s.schemaname <> 'lockkeeper' AND s.n_dead_tup > 10000"
	 " AND s.n_dead_tup > 0.4 * s.n_live_tup ORDER BY s.n_dead_tup DESC",
	 judge_dead_rows},
	{"statistics", 0, NULL,
	 "SELECT c.oid::regclass, pg_size_pretty(pg_relation_size(c.oid))" TABLES
	 " AND" LK_PG_PEOPLES
	 /* The size takes a lock: only of tables that are in question. */
	 " AND CASE WHEN c.reltuples < 0 OR (c.reltuples = 0"
	 "  AND current_setting('server_version_num')::int < 140000)"
	 "  THEN pg_relation_size(c.oid) > 1024 * 1024 ELSE false END"
	 " ORDER BY pg_relation_size(c.oid) DESC",
	 judge_statistics},
	{NULL, 0, NULL, NULL, NULL},
};
