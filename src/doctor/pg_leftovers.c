/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What earlier runs of ours have left in the database. */
#include "doctor/pg_checks.h"

#include <string.h>

/* Quoted trigger, table, quoted function with its arguments. */
static void judge_triggers(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_PROBLEM,
				       "trigger %s of table %s belongs to no run of the journal",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
		lk_finding_why(
			f,
			"a dual write goes on for ever: each write pays for it, and dropping one of "
			"its columns would make every write fail");
		lk_finding_action(f, "DROP TRIGGER %s ON %s;", lk_cell_text(r, i, 0),
				  lk_cell_text(r, i, 1));
	}
	lk_doctor_and_more(d, LK_DOCTOR_PROBLEM, r, "triggers like that");
}

static void judge_functions(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(
			d, LK_DOCTOR_WARNING, "function %s belongs to no run of the journal",
			lk_cell_text(r, i, 0));
		lk_finding_why(f, "a dual write has left it; nothing calls it any more");
		lk_finding_action(f, "DROP FUNCTION %s;", lk_cell_text(r, i, 0));
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "functions like that");
}

/* What an unfinished run's clean-up names is in use. With no journal there are no such runs. */
#define IN_USE(name)                                                                               \
	"EXISTS (SELECT FROM lockkeeper.cleanup u JOIN lockkeeper.run r ON r.name = u.run"         \
	" WHERE r.state NOT IN ('done', 'undone') AND position(" name " IN u.sql) > 0)"

const struct lk_pg_check lk_pg_leftover_checks[] = {
	{"runs", 0, "lockkeeper.cleanup",
	 "SELECT r.name, r.plan, r.state, r.reason, coalesce(now() - h.at < interval '10 s', false),"
	 " coalesce(h.who || '@' || h.host || ', process ' || h.pid, 'unknown'),"
	 " (SELECT string_agg(c.sql, '; ' ORDER BY c.step DESC) FROM lockkeeper.cleanup c WHERE c.run = r.name)"
	 " FROM lockkeeper.run r LEFT JOIN lockkeeper.heartbeat h ON h.run = r.name"
	 " WHERE r.state NOT IN ('done', 'undone') ORDER BY r.created_at",
	 lk_doctor_judge_runs},
	{"old runs", 0, "lockkeeper.run",
	 "SELECT count(*) FROM lockkeeper.run WHERE state IN ('done', 'undone')"
	 " AND changed_at < now() - interval '30 days'",
	 lk_doctor_judge_old_runs},
	{"lost triggers", 0, "lockkeeper.cleanup",
	 "SELECT format('%I', t.tgname), t.tgrelid::regclass FROM pg_trigger t"
	 " WHERE NOT t.tgisinternal AND t.tgname ~ '^(zz_|~~)lockkeeper' AND NOT " IN_USE(
		 "t.tgname::text") " AND NOT " IN_USE("t.tgfoid::regproc::text") " ORDER BY 2, 1",
	 judge_triggers},
	{"lost functions", 0, "lockkeeper.cleanup",
	 "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
	 " WHERE n.nspname = 'lockkeeper' AND p.prorettype = 'trigger'::regtype"
	 " AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid)"
	 " AND NOT " IN_USE("p.proname::text") " ORDER BY 1",
	 judge_functions},
	{NULL, 0, NULL, NULL, NULL},
};
