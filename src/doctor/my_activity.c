/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is at work now and would hold us up. */
#include <string.h>

#include "doctor/my_checks.h"

#define LONG_SQL "5"
#define VERY_LONG_S 300
#define LONG_HISTORY 1000000

/* Session, user, command, seconds, statement, rows changed. */
static void judge_transactions(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		double seconds = lk_cell_double(r, i, 3), age;
		const char *word = lk_doctor_unit(seconds, &age);
		bool idle = strcmp(lk_cell_text(r, i, 2), "Sleep") == 0;
		struct lk_finding *f = lk_doctor_find(
			d, idle || seconds > VERY_LONG_S ? LK_DOCTOR_WARNING : LK_DOCTOR_NOTE,
			"session %s (%s) is %s, its transaction open for %.0f %s, %s rows changed%s%.60s",
			lk_cell_text(r, i, 0), lk_cell_text(r, i, 1), idle ? "idle" : "at work",
			age, word, lk_cell_text(r, i, 5), lk_cell_text(r, i, 4)[0] ? ": " : "",
			lk_cell_text(r, i, 4));
		lk_finding_why(
			f,
			"DDL, and each trigger that is made, waits for its end when it has touched "
			"the table, and the application waits behind the DDL");
		lk_finding_action(f, "when it may be lost: KILL %s;", lk_cell_text(r, i, 0));
	}
	lk_doctor_and_more(d, LK_DOCTOR_NOTE, r,
			   "transactions open for longer than " LONG_SQL " s");
	d->facts.held_up = d->facts.held_up || r->rows > 0;
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK,
			       "no transaction is open for longer than " LONG_SQL " s");
}

/* formatID, lengths, data: the rows of XA RECOVER. */
static void judge_prepared(struct lk_doctor *d, const struct lk_result *r)
{
	if (r->rows == 0)
		return;
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_WARNING, "%zu prepared XA transaction%s open", r->rows,
			       r->rows == 1 ? " is" : "s are");
	lk_finding_why(
		f,
		"it keeps its locks over restarts, and no session can be ended to get rid of it");
	lk_finding_action(f, "XA RECOVER CONVERT XID; then XA COMMIT or XA ROLLBACK each");
}

static void judge_waits(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_WARNING, "session %s (%s) is \"%s\": %.60s",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1),
				       lk_cell_text(r, i, 2), lk_cell_text(r, i, 3));
		lk_finding_why(f,
			       "the application queues already, before anything of ours is added");
		lk_finding_action(f, "look at it: SELECT * FROM information_schema.processlist;");
		d->facts.backup_held = d->facts.backup_held ||
				       strstr(lk_cell_text(r, i, 2), "backup lock") ||
				       strstr(lk_cell_text(r, i, 2), "global read lock");
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "sessions that wait for a lock");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "no session waits for a lock");
}

/* Session, kind, type. */
static void judge_backups(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(
			d, LK_DOCTOR_WARNING, "session %s holds a %s (%s)", lk_cell_text(r, i, 0),
			lk_cell_text(r, i, 1), lk_cell_text(r, i, 2));
		lk_finding_why(
			f,
			"a backup is under way: DDL waits for it, and with FLUSH TABLES WITH READ "
			"LOCK every write does");
		lk_finding_action(f, "let it end before the run begins");
		d->facts.backup_held = true;
	}
}

static void judge_history(struct lk_doctor *d, const struct lk_result *r)
{
	if (r->rows == 0)
		return;
	long long length = lk_cell_int(r, 0, 0);
	if (length < LONG_HISTORY) {
		lk_doctor_find(d, LK_DOCTOR_OK, "the history list has %lld entries", length);
		return;
	}
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_WARNING, "the history list has %lld entries", length);
	lk_finding_why(
		f, "an old reader keeps purge from cleaning up, and every read walks through old "
		   "versions; a backfill adds to it and rests from limits.history on");
	lk_finding_action(f, "find the oldest: SELECT trx_mysql_thread_id, trx_started FROM "
			     "information_schema.innodb_trx ORDER BY trx_started LIMIT 5;");
}

#define BACKUP_LOCKS(table, thread, kind, type, condition)                                         \
	"SELECT " thread ", CASE WHEN " kind                                                       \
	" IN ('GLOBAL', 'COMMIT', 'Global read lock', 'Commit lock') OR " type                     \
	" LIKE '%FTWRL%' THEN 'global read lock' ELSE 'backup lock' END, MIN(" type                \
	") FROM " table " WHERE " condition " AND (" type " LIKE '%BACKUP_START' OR " type         \
	" LIKE '%BACKUP_FLUSH' OR " type " LIKE '%BACKUP_WAIT%' OR " type                          \
	" LIKE '%BACKUP_BLOCK%' OR " type " LIKE '%FTWRL%' OR " kind                               \
	" IN ('GLOBAL', 'COMMIT', 'BACKUP LOCK', 'Global read lock', 'Commit lock')"               \
	" AND " type " LIKE '%SHARED') GROUP BY 1, 2"

const struct lk_my_check lk_my_activity_checks[] = {
	{"transactions", 0, 0, NULL,
	 "SELECT x.trx_mysql_thread_id, p.user, p.command, TIMESTAMPDIFF(SECOND, x.trx_started,"
	 " " LK_MY_SYSTEM_NOW ") AS age, COALESCE(LEFT(p.info, 80), ''), x.trx_rows_modified"
	 " FROM information_schema.innodb_trx x JOIN information_schema.processlist p"
	 " ON p.id = x.trx_mysql_thread_id WHERE p.id <> CONNECTION_ID()"
	 " AND COALESCE(p.info, '') NOT LIKE '/* lockkeeper:%' HAVING age > " LONG_SQL
	 " ORDER BY age DESC",
	 judge_transactions},
	{"prepared transactions", 0, 0, NULL, "XA RECOVER", judge_prepared},
	{"lock waits", 0, 0, NULL,
	 "SELECT id, user, state, COALESCE(LEFT(info, 80), '') FROM information_schema.processlist"
	 " WHERE state LIKE 'Waiting for%lock' OR state = 'Waiting for table flush'",
	 judge_waits},
	{"backup locks", 0, 0, NULL,
	 BACKUP_LOCKS("performance_schema.metadata_locks m JOIN performance_schema.threads t"
		      " ON t.thread_id = m.owner_thread_id",
		      "t.processlist_id", "m.object_type", "m.lock_type",
		      "m.lock_status <> 'PENDING'"),
	 judge_backups},
	{"history list", 0, 0, NULL,
	 "SELECT `count` FROM information_schema.innodb_metrics WHERE name = 'trx_rseg_history_len'",
	 judge_history},
	{NULL, 0, 0, NULL, NULL, NULL},
};
