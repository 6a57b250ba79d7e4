/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server itself: version, how we are connected, what it sets for sessions, what it has loaded. */
#include "doctor/pg_checks.h"

#include <string.h>

#define OLDEST 130000
#define TESTED 160000 /* below this, what we are tested with */
#define FEW_CONNECTIONS 15

static void judge_connection(struct lk_doctor *d, const struct lk_result *r)
{
	struct lk_finding *f;
	/* A pooler hands out a process number of its own at connect, not the server's. */
	d->facts.pooled = lk_cell_int(r, 0, 0) != d->session->id;
	d->facts.replica = lk_cell_bool(r, 0, 1);
	if (d->facts.pooled) {
		f = lk_doctor_find(d, LK_DOCTOR_PROBLEM,
				   "the target is behind a connection pooler");
		lk_finding_why(f, "locks, cancels and settings need a session of their own");
		lk_finding_action(f, "give the URI of the server itself");
	}
	if (d->facts.replica) {
		f = lk_doctor_find(d, LK_DOCTOR_PROBLEM, "the target is a replica");
		lk_finding_why(f, "nothing can be changed there");
		lk_finding_action(f, "give the URI of its primary");
	}
	if (!d->facts.pooled && !d->facts.replica)
		lk_doctor_find(d, LK_DOCTOR_OK,
			       "connected to a primary, not through a pooler, as %s",
			       lk_cell_text(r, 0, 2));
}

static void judge_version(struct lk_doctor *d, const struct lk_result *r)
{
	const char *name = lk_cell_text(r, 0, 0);
	int64_t number = lk_cell_int(r, 0, 1);
	struct lk_finding *f;
	d->facts.too_old = number < OLDEST;
	/* Release notes of 14.4: CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY miss rows. */
	d->facts.index_corrupting = number >= 140000 && number < 140004;
	if (d->facts.too_old) {
		f = lk_doctor_find(d, LK_DOCTOR_PROBLEM, "PostgreSQL %s is too old", name);
		lk_finding_why(f, "13 is the oldest that is served");
		lk_finding_action(f, "upgrade the server");
	} else if (d->facts.index_corrupting) {
		f = lk_doctor_find(d, LK_DOCTOR_PROBLEM,
				   "PostgreSQL %s builds corrupt indexes CONCURRENTLY", name);
		lk_finding_why(
			f, "14.0 to 14.3 leave rows out of an index that is built under writes");
		lk_finding_action(
			f, "update to 14.4 or later, then check what was built with amcheck: "
			   "SELECT bt_index_check('index'::regclass, true);");
	} else if (number >= TESTED) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE, "PostgreSQL %s", name);
		lk_finding_why(f,
			       "newer than 15, which lockkeeper is tested with; the grammar that "
			       "checks plans is of 15 too");
	} else {
		lk_doctor_find(d, LK_DOCTOR_OK, "PostgreSQL %s", name);
	}
}

/* What the role's sessions begin with; ours set them anew. */
static void judge_defaults(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows; i++) {
		const char *name = lk_cell_text(r, i, 0);
		struct lk_finding *f = lk_doctor_find(d, LK_DOCTOR_NOTE, "%s is %s%s, from %s",
						      name, lk_cell_text(r, i, 1),
						      lk_cell_text(r, i, 2), lk_cell_text(r, i, 3));
		if (strcmp(name, "default_transaction_read_only") == 0)
			lk_finding_why(f,
				       "lockkeeper's sessions switch it off for themselves; psql, "
				       "used to clean up by hand, would begin read only");
		else
			lk_finding_why(f, "lockkeeper's sessions switch it off for themselves; "
					  "statements run by hand would be cut off by it");
	}
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "no time-out is set for the role's sessions");
}

static void judge_durability(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_WARNING, "%s is off", lk_cell_text(r, i, 0));
		lk_finding_why(f, "a crash of the server can corrupt the database and the journal");
		lk_finding_action(f, "ALTER SYSTEM SET %s = on; SELECT pg_reload_conf();",
				  lk_cell_text(r, i, 0));
	}
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "fsync and full_page_writes are on");
}

static void judge_room(struct lk_doctor *d, const struct lk_result *r)
{
	long long left = lk_cell_int(r, 0, 0), most = lk_cell_int(r, 0, 1);
	if (left >= FEW_CONNECTIONS) {
		lk_doctor_find(d, LK_DOCTOR_OK, "%lld of %lld connections are free", left, most);
		return;
	}
	struct lk_finding *f = lk_doctor_find(d, LK_DOCTOR_WARNING,
					      "only %lld of %lld connections are free", left, most);
	lk_finding_why(f,
		       "a run uses five of its own, and must be able to come back after a break");
	lk_finding_action(f, "end idle sessions, or put the application behind a pooler");
}

static void judge_extensions(struct lk_doctor *d, const struct lk_result *r)
{
	bool statements = false;
	for (size_t i = 0; i < r->rows; i++) {
		const char *name = lk_cell_text(r, i, 0);
		if (strcmp(name, "pg_stat_statements") == 0) {
			statements = true;
			continue;
		}
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_NOTE, "extension %s is installed", name);
		lk_finding_why(f,
			       "it changes what DDL does to its tables, or replicates without DDL: "
			       "try the plan on a copy first");
	}
	if (statements) {
		lk_doctor_find(d, LK_DOCTOR_OK, "extension pg_stat_statements is installed");
		return;
	}
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_NOTE, "extension pg_stat_statements is not installed");
	lk_finding_why(f, "it shows whether anybody still uses an old column before it is dropped");
	lk_finding_action(f, "load it by shared_preload_libraries, then CREATE EXTENSION "
			     "pg_stat_statements;");
}

static void judge_event_triggers(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(
			d, LK_DOCTOR_NOTE, "event trigger %s runs %s at %s", lk_cell_text(r, i, 0),
			lk_cell_text(r, i, 1), lk_cell_text(r, i, 2));
		lk_finding_why(
			f, "it takes part in each of lockkeeper's DDL statements, and its error "
			   "fails them");
	}
}

const struct lk_pg_check lk_pg_server_checks[] = {
	{"connection", 0, NULL, "SELECT pg_backend_pid(), pg_is_in_recovery(), current_user",
	 judge_connection},
	{"version", 0, NULL,
	 "SELECT split_part(current_setting('server_version'), ' ', 1),"
	 " current_setting('server_version_num')",
	 judge_version},
	{"session defaults", 0, NULL,
	 "SELECT s.name, s.reset_val, CASE WHEN s.reset_val ~ '^[0-9]+$' THEN ' ' || s.unit ELSE '' END,"
	 " coalesce((SELECT CASE WHEN x.setrole = 0 THEN 'ALTER DATABASE'"
	 "  WHEN x.setdatabase = 0 THEN 'ALTER ROLE' ELSE 'ALTER ROLE IN DATABASE' END"
	 "  FROM pg_db_role_setting x WHERE EXISTS (SELECT FROM unnest(x.setconfig) c"
	 "   WHERE split_part(c, '=', 1) = s.name)"
	 "  AND x.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))"
	 "  AND x.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
	 "  ORDER BY x.setrole = 0, x.setdatabase = 0 LIMIT 1), 'the server''s settings')"
	 " FROM pg_settings s WHERE s.name IN ('statement_timeout', 'lock_timeout',"
	 " 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout',"
	 " 'default_transaction_read_only') AND s.reset_val NOT IN ('0', 'off') ORDER BY s.name",
	 judge_defaults},
	{"durability", 0, NULL,
	 "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'"
	 " ORDER BY name",
	 judge_durability},
	{"connections", 0, NULL,
	 "SELECT current_setting('max_connections')::int"
	 " - current_setting('superuser_reserved_connections')::int - count(*),"
	 " current_setting('max_connections') FROM pg_stat_activity WHERE backend_type = 'client backend'"
	 " OR backend_type IS NULL",
	 judge_room},
	{"extensions", 0, NULL,
	 "SELECT extname FROM pg_extension WHERE extname IN ('pg_stat_statements', 'timescaledb', 'citus',"
	 " 'pglogical', 'bdr', 'pg_squeeze', 'pg_partman', 'spock') ORDER BY extname",
	 judge_extensions},
	{"event triggers", 0, NULL,
	 "SELECT evtname, evtfoid::regproc, evtevent FROM pg_event_trigger WHERE evtenabled <> 'D'"
	 " ORDER BY evtname",
	 judge_event_triggers},
	{NULL, 0, NULL, NULL, NULL},
};
