/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server itself: whether it can be written, what it sets for sessions, how it keeps what was committed. */
#include <stdlib.h>
#include <string.h>

#include "doctor/my_checks.h"

#define FEW_CONNECTIONS 15
#define SMALL_LOG (512LL * 1024 * 1024)

/* read_only, super_read_only (NULL: there is none), the user, the host. */
static void judge_connection(struct lk_doctor *d, const struct lk_result *r)
{
	const char *read_only = lk_cell_text(r, 0, 0);
	d->facts.read_only = strcmp(read_only, "0") != 0 && strcasecmp(read_only, "OFF") != 0;
	if (!d->facts.read_only) {
		lk_doctor_find(d, LK_DOCTOR_OK, "connected to a server that can be written, as %s",
			       lk_cell_text(r, 0, 1));
		return;
	}
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_PROBLEM, "read_only is %s", lk_cell_text(r, 0, 0));
	lk_finding_why(f, "a server that is read only is a replica, or is about to be taken away");
	lk_finding_action(f, "give the URI of the primary; or SET GLOBAL read_only = OFF;");
}

static bool has_mode(const char *modes, const char *mode)
{
	const char *at = strstr(modes, mode);
	return at != NULL;
}

static void judge_sql_mode(struct lk_doctor *d, const struct lk_result *r)
{
	const char *modes = lk_cell_text(r, 0, 0);
	if (has_mode(modes, "STRICT_")) {
		lk_doctor_find(d, LK_DOCTOR_OK, "sql_mode is strict");
	} else {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_NOTE, "sql_mode is not strict: %s", modes);
		lk_finding_why(f,
			       "the application's values may be cut without an error; lockkeeper's "
			       "own sessions are strict, so that a backfill never cuts one");
		lk_finding_action(f, "SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, "
				     "',STRICT_TRANS_TABLES');");
	}
	if (!has_mode(modes, "ANSI_QUOTES") && !has_mode(modes, "NO_BACKSLASH_ESCAPES"))
		return;
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_NOTE, "sql_mode changes how SQL is read: %s", modes);
	lk_finding_why(f,
		       "a plan's quotes and backslashes mean there what they mean to the server");
}

/* Zone, the system's. */
static void judge_time_zone(struct lk_doctor *d, const struct lk_result *r)
{
	lk_doctor_find(d, LK_DOCTOR_OK, "time_zone is %s%s%s%s", lk_cell_text(r, 0, 0),
		       strcmp(lk_cell_text(r, 0, 0), "SYSTEM") == 0 ? " (" : "",
		       strcmp(lk_cell_text(r, 0, 0), "SYSTEM") == 0 ? lk_cell_text(r, 0, 1) : "",
		       strcmp(lk_cell_text(r, 0, 0), "SYSTEM") == 0 ? ")" : "");
}

static void judge_names(struct lk_doctor *d, const struct lk_result *r)
{
	long long how = lk_cell_int(r, 0, 0);
	if (how == 0) {
		lk_doctor_find(d, LK_DOCTOR_OK, "names of tables are compared exactly");
		return;
	}
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_NOTE, "lower_case_table_names is %lld", how);
	lk_finding_why(
		f, "Users and users are one table there and two on a server with 0: a plan that "
		   "is tried elsewhere must write names as they are");
}

/* innodb_flush_log_at_trx_commit, sync_binlog, log_bin. */
static void judge_durability(struct lk_doctor *d, const struct lk_result *r)
{
	long long redo = lk_cell_int(r, 0, 0), binlog = lk_cell_int(r, 0, 1);
	if (redo == 1 && (binlog == 1 || !lk_cell_int(r, 0, 2))) {
		lk_doctor_find(d, LK_DOCTOR_OK, "every commit is durable");
		return;
	}
	struct lk_finding *f = lk_doctor_find(
		d, LK_DOCTOR_NOTE, "innodb_flush_log_at_trx_commit is %lld and sync_binlog %lld",
		redo, binlog);
	lk_finding_why(f,
		       "a crash of the host loses the last commits, those of the journal as well; "
		       "after it the catalog decides what was done");
	lk_finding_action(f, "SET GLOBAL innodb_flush_log_at_trx_commit = 1, sync_binlog = 1;");
}

static void judge_room(struct lk_doctor *d, const struct lk_result *r)
{
	long long used = lk_cell_int(r, 0, 1), most = lk_cell_int(r, 0, 0);
	if (most - used >= FEW_CONNECTIONS) {
		lk_doctor_find(d, LK_DOCTOR_OK, "%lld of %lld connections are free", most - used,
			       most);
		return;
	}
	struct lk_finding *f = lk_doctor_find(
		d, LK_DOCTOR_WARNING, "only %lld of %lld connections are free", most - used, most);
	lk_finding_why(f, "a run uses six of its own, and must be able to come back after a break");
	lk_finding_action(f, "end idle sessions, or SET GLOBAL max_connections = %lld;",
			  most + 100);
}

static void judge_online_log(struct lk_doctor *d, const struct lk_result *r)
{
	long long bytes = lk_cell_int(r, 0, 0);
	if (bytes >= SMALL_LOG) {
		lk_doctor_find(d, LK_DOCTOR_OK, "innodb_online_alter_log_max_size is %lld MiB",
			       bytes >> 20);
		return;
	}
	struct lk_finding *f = lk_doctor_find(
		d, LK_DOCTOR_NOTE, "innodb_online_alter_log_max_size is %lld MiB", bytes >> 20);
	lk_finding_why(
		f, "an index or a rebuild in place that takes long fails with error 1799 when the "
		   "application writes more than that to the table meanwhile");
	lk_finding_action(f, "SET GLOBAL innodb_online_alter_log_max_size = 1073741824;");
}

static void judge_cluster(struct lk_doctor *d, const struct lk_result *r)
{
	d->facts.cluster = r->rows > 0 && lk_cell_int(r, 0, 1) > 0;
	if (!d->facts.cluster)
		return;
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_WARNING, "the server is one of a Galera cluster of %s",
			       lk_cell_text(r, 0, 1));
	lk_finding_why(
		f, "DDL is carried out on all nodes at once and stops all writes there until it "
		   "ends; a large transaction holds the whole cluster up");
	lk_finding_action(f,
			  "only steps that are INSTANT, and short chunks; try it on a copy first");
}

static void judge_group(struct lk_doctor *d, const struct lk_result *r)
{
	if (lk_cell_int(r, 0, 0) == 0)
		return;
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_NOTE, "the server is one of a replication group of %s",
			       lk_cell_text(r, 0, 0));
	lk_finding_why(
		f, "with several primaries DDL and writes of the same table on two of them break "
		   "the group; tables without a primary key cannot be written");
}

/* Data folder, largest table, its bytes. */
static void judge_disk(struct lk_doctor *d, const struct lk_result *r)
{
	double left, table = r->rows ? lk_cell_double(r, 0, 2) : 0, gib = 1024.0 * 1024 * 1024;
	struct lk_finding *f;
	if (r->rows == 0)
		return;
	if (!lk_doctor_free_bytes(d, lk_cell_text(r, 0, 0), &left)) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE,
				   "how much disk is free cannot be seen from here");
		lk_finding_why(
			f,
			"a rebuild in place needs the table's size again, and a backfill as much "
			"in the binlog; the largest table, %s, has %.1f GiB",
			lk_cell_text(r, 0, 1), table / gib);
		lk_finding_action(f, "on the server: df -h %s", lk_cell_text(r, 0, 0));
	} else if (left > 2 * table) {
		lk_doctor_find(d, LK_DOCTOR_OK,
			       "%.1f GiB of disk are free, the largest table has %.1f GiB",
			       left / gib, table / gib);
	} else {
		f = lk_doctor_find(d, LK_DOCTOR_WARNING,
				   "%.1f GiB of disk are free, less than twice table %s (%.1f GiB)",
				   left / gib, lk_cell_text(r, 0, 1), table / gib);
		lk_finding_why(
			f,
			"a rebuild in place needs the table's size again, and a backfill as much "
			"in the binlog");
		lk_finding_action(f, "make room first");
	}
}

const struct lk_my_check lk_my_instance_checks[] = {
	{"connection", 0, 0, NULL, "SELECT @@GLOBAL.read_only, CURRENT_USER()", judge_connection},
	{"sql_mode", 0, 0, NULL, "SELECT @@GLOBAL.sql_mode", judge_sql_mode},
	{"time zone", 0, 0, NULL, "SELECT @@GLOBAL.time_zone, @@system_time_zone", judge_time_zone},
	{"names", 0, 0, NULL, "SELECT @@lower_case_table_names", judge_names},
	{"durability", 0, 0, NULL,
	 "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.sync_binlog, @@GLOBAL.log_bin",
	 judge_durability},
	{"connections", 0, 0, NULL,
	 "SELECT @@GLOBAL.max_connections, COUNT(*) FROM information_schema.processlist"
	 " WHERE command <> 'Daemon'",
	 judge_room},
	{"online log", 0, 0, NULL, "SELECT @@GLOBAL.innodb_online_alter_log_max_size",
	 judge_online_log},
	{"cluster", 0, LK_MY_NEVER, NULL,
	 "SELECT variable_name, variable_value FROM information_schema.global_status"
	 " WHERE variable_name = 'wsrep_cluster_size'",
	 judge_cluster},
	{"group replication", LK_MY_NEVER, 0, NULL,
	 "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE'",
	 judge_group},
	{"disk", 0, 0, NULL,
	 "SELECT @@datadir, CONCAT(table_schema, '.', table_name), data_length + index_length AS size"
	 " FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND " LK_MY_PEOPLES(
		 "table_schema") " ORDER BY size DESC LIMIT 1",
	 judge_disk},
	{NULL, 0, 0, NULL, NULL, NULL},
};
