/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What earlier runs of ours, and other tools for online schema change, have left in the server. */
#include <string.h>

#include "doctor/my_checks.h"

/* Trigger, table. */
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
		lk_finding_action(f, "DROP TRIGGER %s;", lk_cell_text(r, i, 0));
	}
	lk_doctor_and_more(d, LK_DOCTOR_PROBLEM, r, "triggers like that");
}

static void judge_probes(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(
			d, LK_DOCTOR_NOTE, "table lockkeeper.%s is left", lk_cell_text(r, i, 0));
		lk_finding_why(
			f,
			"an empty copy on which a statement was tried; its keeper has ended in the "
			"middle");
		lk_finding_action(f, "DROP TABLE lockkeeper.`%s`;", lk_cell_text(r, i, 0));
	}
}

/* Table, tool, age. */
static void judge_other_tools(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_WARNING, "table %s looks like one of %s",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
		lk_finding_why(
			f,
			"such a change may be under way on the same table, and a step of ours in the "
			"middle of it would be lost");
		lk_finding_action(f, "see whether it still runs; if not: DROP TABLE %s;",
				  lk_cell_text(r, i, 0));
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "tables of other tools");
}

static void judge_other_triggers(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_WARNING,
				       "trigger %s of table %s is one of pt-online-schema-change",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
		lk_finding_why(
			f,
			"the change is under way, or its end has failed and every write pays for it");
		lk_finding_action(f, "see whether it still runs; if not: DROP TRIGGER %s;",
				  lk_cell_text(r, i, 0));
	}
}

/* What an unfinished run's clean-up names is in use. With no journal there are no such runs. */
#define IN_USE(name)                                                                               \
	"EXISTS (SELECT 1 FROM lockkeeper.cleanup u JOIN lockkeeper.run r ON r.name = u.run"       \
	" WHERE r.state NOT IN ('done', 'undone') AND LOCATE(" name ", u.`sql`) > 0)"
#define QUOTED(a, b) "CONCAT('`', REPLACE(" a ", '`', '``'), '`.`', REPLACE(" b ", '`', '``'), '`')"
#define IS_OF(suffix) "t.table_name = CONCAT('_', b.table_name, '_" suffix "')"

const struct lk_my_check lk_my_leftover_checks[] = {
	{"runs", 0, 0, "cleanup",
	 "SELECT r.name, r.plan, r.state, r.reason, IF(h.at > UTC_TIMESTAMP(6) - INTERVAL 10 SECOND, 't', 'f'),"
	 " COALESCE(CONCAT(h.who, '@', h.host, ', process ', h.pid), 'unknown'),"
	 " (SELECT GROUP_CONCAT(c.`sql` ORDER BY c.step DESC SEPARATOR '; ') FROM lockkeeper.cleanup c"
	 "  WHERE c.run = r.name)"
	 " FROM lockkeeper.run r LEFT JOIN lockkeeper.heartbeat h ON h.run = r.name"
	 " WHERE r.state NOT IN ('done', 'undone') ORDER BY r.created_at",
	 lk_doctor_judge_runs},
	{"old runs", 0, 0, "run",
	 "SELECT COUNT(*) FROM lockkeeper.run WHERE state IN ('done', 'undone')"
	 " AND changed_at < UTC_TIMESTAMP(6) - INTERVAL 30 DAY",
	 lk_doctor_judge_old_runs},
	{"lost triggers", 0, 0, "cleanup",
	 "SELECT " QUOTED("t.trigger_schema", "t.trigger_name") ", " QUOTED(
		 "t.event_object_schema",
		 "t.event_object_table") " FROM information_schema.triggers t"
					 " WHERE LEFT(t.trigger_name, 11) = 'lockkeeper_' AND NOT " IN_USE(
						 "t.trigger_name") " ORDER BY 2, 1",
	 judge_triggers},
	{"probes", 0, 0, NULL,
	 "SELECT table_name FROM information_schema.tables WHERE table_schema = 'lockkeeper'"
	 " AND LEFT(table_name, 6) = 'probe_' AND create_time < NOW() - INTERVAL 1 MINUTE",
	 judge_probes},
	{"other tools", 0, 0, NULL,
	 "SELECT " QUOTED("t.table_schema", "t.table_name") ", CASE WHEN " IS_OF("gho") " OR " IS_OF("ghc") " OR " IS_OF(
		 "del") " THEN 'gh-ost'"
			" WHEN " IS_OF(
				"chkpnt") " OR t.table_name = '_spirit_sentinel' THEN 'spirit'"
					  " ELSE 'pt-online-schema-change or spirit' END"
					  " FROM information_schema.tables t JOIN information_schema.tables b ON b.table_schema = t.table_schema"
					  " AND (" IS_OF("gho") " OR " IS_OF("ghc") " OR " IS_OF("del") " OR " IS_OF(
						  "new") " OR " IS_OF("old") " OR " IS_OF("chkpnt") ") WHERE " LK_MY_PEOPLES("t.table_schema") " ORDER BY 1",
	 judge_other_tools},
	{"other tools", 0, 0, NULL,
	 "SELECT " QUOTED("trigger_schema", "trigger_name") ", " QUOTED(
		 "event_object_schema",
		 "event_object_table") " FROM information_schema.triggers"
				       " WHERE LEFT(trigger_name, 7) = 'pt_osc_' ORDER BY 1",
	 judge_other_triggers},
	{NULL, 0, 0, NULL, NULL, NULL},
};
