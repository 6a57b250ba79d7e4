/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/my_checks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* No check is worth waiting for longer. */
#define STATEMENT_LIMIT_MS 15000
#define LOCK_LIMIT_MS 1000

/* XAER_RMERR, of XA RECOVER. */
enum { XA_DENIED = 1401 };
enum { OLDEST_MARIA = 100600, NEWEST_MARIA = 101200, OLDEST_MYSQL = 80000, NEWEST_MYSQL = 90800 };

static void judge_version(struct lk_doctor *d, const struct lk_my_server *server)
{
	struct lk_finding *f;
	int oldest = server->maria ? OLDEST_MARIA : OLDEST_MYSQL;
	int newest = server->maria ? NEWEST_MARIA : NEWEST_MYSQL;
	d->check = "version";
	d->facts.too_old = server->version < oldest;
	if (d->facts.too_old) {
		f = lk_doctor_find(d, LK_DOCTOR_PROBLEM, "%s is too old", server->shown);
		lk_finding_why(f, "%s is the oldest that is served",
			       server->maria ? "MariaDB 10.6" : "MySQL 8.0");
		lk_finding_action(f, "upgrade the server");
	} else if (server->version >= newest) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE, "%s", server->shown);
		lk_finding_why(f, "newer than %s, which lockkeeper is tested with",
			       server->maria ? "MariaDB 10.11" : "MySQL 9.7");
	} else {
		lk_doctor_find(d, LK_DOCTOR_OK, "%s", server->shown);
	}
}

/* Whether somebody in the way can be named. */
static void judge_view(struct lk_doctor *d, const struct lk_my_view *view)
{
	char unseen[sizeof((struct lk_sample *)0)->unseen];
	d->check = "instrumentation";
	lk_my_view_unseen(view, unseen, sizeof unseen);
	d->facts.locks_hidden = unseen[0] != '\0';
	if (!unseen[0]) {
		lk_doctor_find(d, LK_DOCTOR_OK, "metadata locks are instrumented");
		return;
	}
	char *action = strstr(unseen, ": ");
	struct lk_finding *f = lk_doctor_find(d, LK_DOCTOR_WARNING, "%.*s",
					      action ? (int)(action - unseen) : 400, unseen);
	lk_finding_why(f,
		       "DDL waits for every transaction that uses its table, and the application "
		       "for the DDL: who holds it up must be seen");
	lk_finding_action(f, "%s", action ? action + 2 : "");
}

static bool is_there(struct lk_doctor *d, const char *table, bool *there, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    d->session, &r, error,
		    "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'lockkeeper'"
		    " AND table_name = $1",
		    table))
		return false;
	*there = lk_cell_int(&r, 0, 0) > 0;
	lk_result_free(&r);
	return true;
}

static bool carry_out(struct lk_doctor *d, const struct lk_my_check *check,
		      const struct lk_my_server *server, struct lk_error *error)
{
	bool there = true;
	int from = server->maria ? check->from_maria : check->from_mysql;
	d->check = check->name;
	if (from == LK_MY_NEVER || server->version < from)
		return true;
	if (check->needs && !is_there(d, check->needs, &there, error))
		return lk_doctor_unseen(d, error);
	size_t before = d->count;
	error->number = 0;
	if (there && !lk_doctor_look(d, check->query, check->judge, error))
		return false;
	/* MySQL's word for a missing privilege is an alarm about data. */
	if (error->number == XA_DENIED && d->count > before) {
		struct lk_finding *f = &d->findings[d->count - 1];
		free(f->found);
		f->found = lk_strdup("the user may not list them");
		lk_finding_why(f, "one that is forgotten keeps its locks over restarts");
		lk_finding_action(f, "GRANT XA_RECOVER_ADMIN ON *.* TO the user, or look yourself: "
				     "XA RECOVER");
	}
	return true;
}

static bool carry_out_all(struct lk_doctor *d, const struct lk_my_check *list,
			  const struct lk_my_server *server, struct lk_error *error)
{
	for (const struct lk_my_check *check = list; check->name; check++)
		if (!carry_out(d, check, server, error))
			return false;
	return true;
}

static bool examine(struct lk_doctor *d, struct lk_error *error)
{
	struct lk_my_view view;
	if (!lk_session_limit(d->session, STATEMENT_LIMIT_MS, LOCK_LIMIT_MS, error) ||
	    !lk_execute(d->session, "SET SESSION TRANSACTION READ ONLY", error) ||
	    !lk_my_view_learn(d->session, &view, error))
		return false;
	judge_version(d, &view.server);
	if (!carry_out_all(d, lk_my_instance_checks, &view.server, error) ||
	    !lk_my_check_user(d, &view, error))
		return false;
	judge_view(d, &view);
	if (!carry_out_all(d, lk_my_replication_checks, &view.server, error) ||
	    !lk_my_check_replicas(d, &view, error) ||
	    !carry_out_all(d, lk_my_activity_checks, &view.server, error) ||
	    !carry_out_all(d, lk_my_table_checks, &view.server, error) ||
	    !carry_out_all(d, lk_my_leftover_checks, &view.server, error))
		return false;
	lk_my_doctor_abilities(d);
	return true;
}

const struct lk_doctor_ops lk_my_doctor = {.examine = examine};
