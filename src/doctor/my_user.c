/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the user may do; each thing that is missing with the GRANT that gives it. */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "doctor/my_checks.h"

struct user {
	struct lk_doctor *doctor;
	const struct lk_result *grants;
	char *name;	/* 'app'@'%' */
	char *database; /* of the URI; "" none */
};

/* On a whole database, or on everything; the caller's. */
static char *missing(const struct user *user, const char *const *needs, const char *database)
{
	return lk_my_missing(user->grants, needs, (const char *const[]){database, NULL});
}

static void judge_journal(const struct user *user)
{
	struct lk_doctor *d = user->doctor;
	char *lacks = missing(user, lk_my_journal_needs, "lockkeeper");
	d->check = "journal";
	d->facts.no_journal = *lacks != '\0';
	if (!*lacks) {
		lk_doctor_find(d, LK_DOCTOR_OK, "the journal, database lockkeeper, can be kept");
	} else {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_PROBLEM,
				       "the user may not keep the journal: %s is missing", lacks);
		lk_finding_why(f, "where a run stands is kept in the database lockkeeper, which is "
				  "replicated like any other");
		lk_finding_action(f, "GRANT %s ON `lockkeeper`.* TO %s;", lacks, user->name);
	}
	free(lacks);
}

/* Only on the database of the URI, or else on everything; single tables are looked at before each run. */
static void judge_tables(const struct user *user)
{
	struct lk_doctor *d = user->doctor;
	char *lacks = missing(user, lk_my_table_needs, user->database[0] ? user->database : NULL);
	char *on =
		user->database[0] ? d->session->driver->quote_name(user->database) : lk_strdup("*");
	d->check = "tables";
	if (!*lacks) {
		lk_doctor_find(d, LK_DOCTOR_OK, "the user may change every table of %s", on);
	} else {
		struct lk_finding *f =
			lk_doctor_find(d, user->database[0] ? LK_DOCTOR_WARNING : LK_DOCTOR_NOTE,
				       "the user may not %s on all tables of %s", lacks, on);
		lk_finding_why(
			f, "steps on a table without them are refused, unless they are granted on "
			   "the table itself");
		lk_finding_action(f, "GRANT %s ON %s.* TO %s;", lacks, on, user->name);
		d->facts.some_foreign_tables = true;
	}
	free(on);
	free(lacks);
}

/* One privilege on everything; several names mean that any will do. */
static bool has_any(const struct user *user, const char *const *names)
{
	static const char *const everything[2] = {NULL, NULL};
	for (; *names; names++)
		if (lk_my_granted(user->grants, *names, everything))
			return true;
	return false;
}

static bool judge_one(const struct user *user, const char *const *names, const char *cannot,
		      const char *why)
{
	struct lk_doctor *d = user->doctor;
	if (has_any(user, names))
		return true;
	struct lk_finding *f = lk_doctor_find(d, LK_DOCTOR_WARNING, "the user cannot %s", cannot);
	lk_finding_why(f, "%s", why);
	lk_finding_action(f, "GRANT %s ON *.* TO %s;", names[0], user->name);
	return false;
}

static void judge_sight(const struct user *user, bool maria)
{
	static const char *const process[] = {"PROCESS", NULL};
	static const char *const hosts_maria[] = {"REPLICATION MASTER ADMIN", "SUPER", NULL};
	static const char *const hosts_mysql[] = {"REPLICATION SLAVE", NULL};
	static const char *const status_maria[] = {"SLAVE MONITOR", "REPLICA MONITOR", "SUPER",
						   NULL};
	static const char *const status_mysql[] = {"REPLICATION CLIENT", "SUPER", NULL};
	static const char *const kill_maria[] = {"CONNECTION ADMIN", "SUPER", NULL};
	static const char *const kill_mysql[] = {"CONNECTION_ADMIN", "SUPER", NULL};
	struct lk_doctor *d = user->doctor;
	d->check = "sight";
	bool sees = judge_one(user, process, "see the transactions of other users",
			      "who is in the way cannot be named, and a stop cannot be proven");
	bool hosts =
		judge_one(user, maria ? hosts_maria : hosts_mysql, "see which replicas there are",
			  "a backfill cannot rest when they fall behind");
	bool status =
		judge_one(user, maria ? status_maria : status_mysql, "see whether replication runs",
			  "a replica that has stopped with an error is not told from one that is "
			  "only late (the GRANT is replicated to it)");
	d->facts.sees_little = !sees;
	d->facts.unread_replicas = !hosts || !status;
	if (sees && hosts && status)
		lk_doctor_find(d, LK_DOCTOR_OK, "the user sees all sessions and replicas");
	d->facts.cannot_signal = !has_any(user, maria ? kill_maria : kill_mysql);
	if (!d->facts.cannot_signal)
		return;
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_NOTE, "the user cannot end sessions of other users");
	lk_finding_why(f, "needed only to take over a run that another user has begun");
	lk_finding_action(f, "GRANT %s ON *.* TO %s;", maria ? kill_maria[0] : kill_mysql[0],
			  user->name);
}

/* log_bin, log_bin_trust_function_creators. */
static void judge_triggers(const struct user *user, const struct lk_result *r)
{
	static const char *const super[] = {"SUPER", NULL};
	struct lk_doctor *d = user->doctor;
	d->check = "triggers";
	d->facts.no_triggers =
		lk_cell_int(r, 0, 0) && !lk_cell_int(r, 0, 1) && !has_any(user, super);
	if (!d->facts.no_triggers) {
		lk_doctor_find(d, LK_DOCTOR_OK, "the user may create triggers with the binlog on");
		return;
	}
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_PROBLEM,
			       "log_bin_trust_function_creators is off, and the user has no SUPER");
	lk_finding_why(
		f, "the server refuses every CREATE TRIGGER while the binlog is on, so that there "
		   "is no dual write");
	lk_finding_action(f, "SET GLOBAL log_bin_trust_function_creators = 1; (and in the server's "
			     "options, for its next start)");
}

bool lk_my_check_user(struct lk_doctor *doctor, const struct lk_my_view *view,
		      struct lk_error *error)
{
	struct lk_result grants, r;
	doctor->check = "user";
	if (!LK_QUERY(doctor->session, &grants, error, "SHOW GRANTS"))
		return lk_doctor_unseen(doctor, error);
	if (!LK_QUERY(doctor->session, &r, error,
		      "SELECT @@GLOBAL.log_bin, @@GLOBAL.log_bin_trust_function_creators,"
		      " CURRENT_USER(), DATABASE()")) {
		lk_result_free(&grants);
		return lk_doctor_unseen(doctor, error);
	}
	struct user user = {doctor, &grants,
			    lk_my_account_sql(doctor->session, lk_cell_text(&r, 0, 2)),
			    lk_strdup(lk_cell_text(&r, 0, 3))};
	judge_journal(&user);
	judge_tables(&user);
	judge_sight(&user, view->server.maria);
	judge_triggers(&user, &r);
	free(user.name);
	free(user.database);
	lk_result_free(&r);
	lk_result_free(&grants);
	return true;
}
