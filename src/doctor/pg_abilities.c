/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What will work, limited or not at all, as it follows from what was found. */
#include "doctor/pg_checks.h"

/* Without these nothing can be run at all; NULL when they are there. */
static const char *no_base(const struct lk_doctor_facts *f)
{
	return f->pooled       ? "the target is a pooler: give the URI of the server itself"
	       : f->replica    ? "the target is a replica: give the URI of its primary"
	       : f->too_old    ? "the server is too old"
	       : f->no_journal ? "the role cannot create or use the journal's schema"
			       : NULL;
}

static const char *no_change(const struct lk_doctor_facts *f)
{
	const char *base = no_base(f);
	return base	      ? base
	       : f->no_tables ? "the role owns no table here and is no member of an owner"
			      : NULL;
}

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

static void judge_changes(struct lk_doctor *d)
{
	const struct lk_doctor_facts *f = &d->facts;
	const char *fails = no_change(f);
	const char *commits = f->standby_gone
				      ? "every commit waits for a synchronous standby that is gone"
				      : NULL;
	judge(d, "columns and constraints (DDL with short locks)", fails ? fails : commits,
	      f->held_up	       ? "open transactions hold locks that DDL would wait for"
	      : f->some_foreign_tables ? "only on tables that the role owns"
				       : NULL);
	judge(d, "indexes CONCURRENTLY",
	      fails		    ? fails
	      : f->index_corrupting ? "this version can build corrupt indexes"
				    : commits,
	      f->held_up	       ? "a build waits for every open transaction"
	      : f->some_foreign_tables ? "only on tables that the role owns"
				       : NULL);
	judge(d, "dual write (rename_column, change_type)",
	      fails	     ? fails
	      : f->no_schema ? "the role cannot create in the tables' schema"
			     : commits,
	      f->some_foreign_tables ? "only on tables that the role owns" : NULL);
	judge(d, "backfill", fails ? fails : commits,
	      f->keyless	   ? "not on the tables without a usable key"
	      : f->row_security	   ? "not on the tables with row level security"
	      : f->broken_identity ? "not on published tables without replica identity"
	      : f->archiver_fails  ? "WAL is not archived: it piles up until the disk is full"
				   : NULL);
	judge(d, "backfill with triggers: skip", fails ? fails : commits,
	      f->no_replication_role ? "the role cannot set session_replication_role" : NULL);
}

static void judge_supervision(struct lk_doctor *d)
{
	const struct lk_doctor_facts *f = &d->facts;
	const char *fails = no_base(f);
	judge(d, "pause, resume, rollback", fails, NULL);
	judge(d, "taking over another role's run", fails,
	      f->cannot_signal
		      ? "the old keeper's sessions cannot be ended without pg_signal_backend"
		      : NULL);
	judge(d, "naming who is in the way", fails,
	      f->sees_little ? "statements and ages of other sessions are hidden from the role"
			     : NULL);
	judge(d, "throttle by replica lag", fails,
	      f->sees_little	 ? "the lag of replicas is hidden from the role"
	      : !f->has_replicas ? "no replica is connected: there is nothing to wait for"
				 : NULL);
	judge(d, "getting past an autovacuum", fails,
	      f->no_deadlock_timeout
		      ? "without deadlock_timeout it takes one announced wait of 1.2 s"
		      : NULL);
}

void lk_pg_doctor_abilities(struct lk_doctor *d)
{
	judge_changes(d);
	judge_supervision(d);
}
