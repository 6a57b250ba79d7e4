/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is at work now and would hold us up: DDL waits for their locks, an index build for their snapshots. */
#include "doctor/pg_checks.h"

#include <string.h>

/* Seconds: longer than DDL ever waits for a lock; so long that it is no accident. */
#define LONG_S 5
#define VERY_LONG_S 300
#define LONG_SQL "5"
/* Transaction numbers that one snapshot has held back. */
#define MANY_XIDS 10000000

/* Pid, role, application, state, seconds, statement, database. */
static void judge_transaction(struct lk_doctor *d, const struct lk_result *r, size_t i)
{
	const char *state = lk_cell_text(r, i, 3), *pid = lk_cell_text(r, i, 0);
	double seconds = lk_cell_double(r, i, 4), age;
	const char *word = lk_doctor_unit(seconds, &age);
	bool idle = strncmp(state, "idle in transaction", 19) == 0;
	struct lk_finding *f = lk_doctor_find(
		d, idle || seconds > VERY_LONG_S ? LK_DOCTOR_WARNING : LK_DOCTOR_NOTE,
		"process %s (%s%s%s) is %s, its transaction open for %.0f %s: %.60s", pid,
		lk_cell_text(r, i, 1), lk_cell_text(r, i, 2)[0] ? ", " : "", lk_cell_text(r, i, 2),
		state, age, word, lk_cell_text(r, i, 5));
	lk_finding_why(f, "DDL on a table that it has touched waits for its end, and so does each "
			  "index built CONCURRENTLY");
	lk_finding_action(f, "when it may be lost: SELECT pg_terminate_backend(%s);", pid);
}

static void judge_transactions(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++)
		judge_transaction(d, r, i);
	lk_doctor_and_more(d, LK_DOCTOR_NOTE, r,
			   "transactions open for longer than " LONG_SQL " s");
	d->facts.held_up = d->facts.held_up || r->rows > 0;
	if (r->rows == 0)
		lk_doctor_find(
			d, LK_DOCTOR_OK,
			d->facts.sees_little
				? "no transaction that the role can see is open for longer than %d s"
				: "no transaction is open for longer than %d s",
			LONG_S);
}

static void judge_prepared(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		double seconds = lk_cell_double(r, i, 2), age;
		const char *word = lk_doctor_unit(seconds, &age);
		struct lk_finding *f =
			lk_doctor_find(d, seconds > 3600 ? LK_DOCTOR_PROBLEM : LK_DOCTOR_WARNING,
				       "prepared transaction %s of %s in %s is open for %.0f %s",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1),
				       lk_cell_text(r, i, 3), age, word);
		lk_finding_why(
			f, "it keeps its locks over restarts, no statement can be cancelled to get "
			   "rid of it, and vacuum stands still behind it");
		lk_finding_action(f,
				  "in that database: COMMIT PREPARED %s; or ROLLBACK PREPARED %s;",
				  lk_cell_text(r, i, 0), lk_cell_text(r, i, 0));
		d->facts.held_up = true;
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "prepared transactions");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "no transaction is prepared");
}

static void judge_snapshots(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows; i++) {
		long long xids = lk_cell_int(r, i, 1);
		struct lk_finding *f =
			lk_doctor_find(d, xids > MANY_XIDS ? LK_DOCTOR_WARNING : LK_DOCTOR_NOTE,
				       "%s holds back a snapshot %lld transactions old",
				       lk_cell_text(r, i, 0), xids);
		lk_finding_why(
			f, "the row versions that a backfill replaces cannot be cleaned away: the "
			   "table grows");
		lk_finding_action(f, "%s", lk_cell_text(r, i, 2));
	}
}

static void judge_waits(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(
			d, LK_DOCTOR_WARNING, "process %s waits for %s: %.60s",
			lk_cell_text(r, i, 0), lk_cell_text(r, i, 1), lk_cell_text(r, i, 2));
		lk_finding_why(f,
			       "the application queues already, before anything of ours is added");
		lk_finding_action(f,
				  "look at it: SELECT * FROM pg_stat_activity WHERE pid IN (%s);",
				  lk_cell_text(r, i, 1));
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "sessions that wait for a lock");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "no session waits for a lock");
}

const struct lk_pg_check lk_pg_activity_checks[] = {
	{"transactions", 0, NULL,
	 "SELECT pid, usename, application_name, state, extract(epoch FROM clock_timestamp() - xact_start),"
	 " regexp_replace(query, '\\s+', ' ', 'g'), datname FROM pg_stat_activity"
	 " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
	 " AND application_name NOT LIKE 'lockkeeper:%'"
	 " AND clock_timestamp() - xact_start > interval '" LONG_SQL " s' ORDER BY xact_start",
	 judge_transactions},
	{"prepared transactions", 0, NULL,
	 "SELECT quote_literal(gid), owner, extract(epoch FROM clock_timestamp() - prepared), database"
	 " FROM pg_prepared_xacts ORDER BY prepared",
	 judge_prepared},
	{"snapshots", 0, NULL,
	 "SELECT * FROM (SELECT 'process ' || pid, age(backend_xmin)::bigint AS old,"
	 " format('when it may be lost: SELECT pg_terminate_backend(%s);', pid) FROM pg_stat_activity"
	 " WHERE backend_xmin IS NOT NULL AND backend_type = 'client backend'"
	 " UNION ALL SELECT 'slot ' || slot_name, greatest(age(xmin), age(catalog_xmin))::bigint,"
	 " 'let its reader catch up, or drop the slot' FROM pg_replication_slots"
	 " UNION ALL SELECT 'prepared transaction ' || gid, age(transaction)::bigint,"
	 " 'commit it or roll it back' FROM pg_prepared_xacts) AS held"
	 " WHERE old > 1000000 ORDER BY old DESC LIMIT 5",
	 judge_snapshots},
	{"lock waits", 0, NULL,
	 "SELECT pid, array_to_string(blockers, ', '), regexp_replace(query, '\\s+', ' ', 'g') FROM"
	 " (SELECT pid, query, pg_blocking_pids(pid) AS blockers FROM pg_stat_activity"
	 "  WHERE wait_event_type = 'Lock' OR state IS NULL) AS waiting WHERE cardinality(blockers) > 0"
	 " ORDER BY pid",
	 judge_waits},
	{NULL, 0, NULL, NULL, NULL},
};
