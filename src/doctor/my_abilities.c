/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What will work, limited or not at all, as it follows from what was found. */
#include "doctor/my_checks.h"

static void judge(struct lk_doctor *d, const char *family, const char *fails, const char *limited)
{
	lk_doctor_can(d, family,
		      fails	? LK_VERDICT_FAILS
		      : limited ? LK_VERDICT_LIMITED
				: LK_VERDICT_WORKS,
		      fails	? fails
		      : limited ? limited
				: "");
}

/* Without these nothing can be run at all; NULL when they are there. */
static const char *no_base(const struct lk_doctor_facts *f)
{
	return f->replica      ? "the target is a replica: give the URI of its primary"
	       : f->read_only  ? "the server is read only"
	       : f->too_old    ? "the server is too old"
	       : f->no_journal ? "the user cannot create or use the journal's database"
			       : NULL;
}

static void judge_changes(struct lk_doctor *d)
{
	const struct lk_doctor_facts *f = &d->facts;
	const char *fails = no_base(f), *foreign = NULL, *held = NULL;
	if (f->some_foreign_tables)
		foreign = "only on tables on which the user has the privileges";
	if (f->backup_held)
		held = "a backup holds DDL up now";
	else if (f->held_up)
		held = "open transactions hold metadata locks that DDL would wait for";
	judge(d, "columns and constraints (INSTANT, or in place with LOCK=NONE)", fails,
	      held	   ? held
	      : f->cluster ? "the whole cluster waits for each DDL"
			   : foreign);
	judge(d, "indexes in place", fails,
	      held	   ? held
	      : f->cluster ? "the whole cluster waits for each DDL"
			   : foreign);
	judge(d, "what needs a copy of the table",
	      fails ? fails : "a shadow table does that online, which this version cannot yet",
	      NULL);
	judge(d, "dual write (rename_column, change_type)",
	      fails	       ? fails
	      : f->no_triggers ? "the server lets the user create no trigger"
			       : NULL,
	      foreign);
	judge(d, "backfill", fails,
	      f->other_engines	    ? "not on tables of other engines than InnoDB"
	      : f->keyless	    ? "not on the tables without a usable key"
	      : f->statement_binlog ? "with STATEMENT in the binlog chunks lock gaps"
				    : foreign);
	judge(d, "backfill with triggers: skip", "there is no way to do that on MySQL and MariaDB",
	      NULL);
}

void lk_my_doctor_abilities(struct lk_doctor *d)
{
	const struct lk_doctor_facts *f = &d->facts;
	const char *fails = no_base(f);
	judge_changes(d);
	judge(d, "pause, resume, rollback", fails,
	      f->sees_little ? "without PROCESS a stop cannot be proven" : NULL);
	judge(d, "taking over another user's run", fails,
	      f->cannot_signal ? "the old keeper's sessions cannot be ended" : NULL);
	judge(d, "naming who is in the way", fails,
	      f->sees_little	? "transactions of other users are hidden from the user"
	      : f->locks_hidden ? "metadata locks are not shown: it is a guess"
				: NULL);
	judge(d, "throttle by replica lag", fails,
	      f->unread_replicas ? "not every replica can be asked"
	      : !f->has_replicas ? "no replica is connected: there is nothing to wait for"
				 : NULL);
}
