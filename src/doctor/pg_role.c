/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the role may do; each thing that is missing with the GRANT that gives it. */
#include "doctor/pg_checks.h"

static void judge_journal(struct lk_doctor *d, const struct lk_result *r)
{
	bool schema = lk_cell_bool(r, 0, 0), may_create = lk_cell_bool(r, 0, 1);
	bool may_use = lk_cell_bool(r, 0, 2);
	struct lk_finding *f;
	d->facts.no_journal = schema ? !may_use : !may_create;
	if (schema && !may_use) {
		f = lk_doctor_find(d, LK_DOCTOR_PROBLEM,
				   "the role may not use the journal, which belongs to %s",
				   lk_cell_text(r, 0, 3));
		lk_finding_why(f, "runs of other people are in it, and new ones go there as well");
		lk_finding_action(f, "GRANT %s TO %s;", lk_cell_text(r, 0, 3),
				  lk_cell_text(r, 0, 4));
	} else if (!schema && !may_create) {
		f = lk_doctor_find(d, LK_DOCTOR_PROBLEM,
				   "the role may not create the journal's schema, lockkeeper");
		lk_finding_why(f, "where a run stands is kept in the database itself");
		lk_finding_action(f, "GRANT CREATE ON DATABASE %s TO %s;", lk_cell_text(r, 0, 5),
				  lk_cell_text(r, 0, 4));
	} else {
		lk_doctor_find(d, LK_DOCTOR_OK, "the journal's schema, lockkeeper, %s",
			       schema ? "is there and can be used" : "can be created");
	}
}

/* One row an owner: owner, tables, ours (the role has the owner's rights), an example, the role, superuser. */
static void judge_owners(struct lk_doctor *d, const struct lk_result *r)
{
	long long ours = 0, foreign = 0;
	for (size_t i = 0; i < r->rows; i++)
		*(lk_cell_bool(r, i, 2) ? &ours : &foreign) += lk_cell_int(r, i, 1);
	d->facts.no_tables = ours == 0 && foreign > 0;
	d->facts.some_foreign_tables = ours > 0 && foreign > 0;
	enum lk_doctor_level level = ours == 0 ? LK_DOCTOR_PROBLEM : LK_DOCTOR_NOTE;
	for (size_t i = 0; i < r->rows; i++) {
		long long tables = lk_cell_int(r, i, 1);
		if (lk_cell_bool(r, i, 2))
			continue;
		struct lk_finding *f = lk_doctor_find(
			d, level, "%lld table%s (%s%s) belong%s to %s, not to the role", tables,
			tables == 1 ? "" : "s", lk_cell_text(r, i, 3), tables == 1 ? "" : ", …",
			tables == 1 ? "s" : "", lk_cell_text(r, i, 0));
		lk_finding_why(f, "only an owner, or a member of it, may alter a table");
		/* Membership in a superuser's role would make a superuser of the role. */
		if (lk_cell_bool(r, i, 5))
			lk_finding_action(
				f,
				"give them to a role that is no superuser: ALTER TABLE %s OWNER TO …;",
				lk_cell_text(r, i, 3));
		else
			lk_finding_action(f, "GRANT %s TO %s;", lk_cell_text(r, i, 0),
					  lk_cell_text(r, i, 4));
	}
	if (foreign == 0 && ours == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "there is no table yet");
	else if (foreign == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "the role may alter all %lld tables", ours);
}

static void judge_schemas(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_PROBLEM, "the role may not create in schema %s",
				       lk_cell_text(r, i, 0));
		lk_finding_why(
			f, "indexes, constraints and a dual write's triggers are created there");
		lk_finding_action(f, "GRANT CREATE ON SCHEMA %s TO %s;", lk_cell_text(r, i, 0),
				  lk_cell_text(r, i, 1));
		d->facts.no_schema = true;
	}
	lk_doctor_and_more(d, LK_DOCTOR_PROBLEM, r, "schemas like that");
}

static void judge_membership(struct lk_doctor *d, const struct lk_result *r)
{
	const char *role = lk_cell_text(r, 0, 2);
	struct lk_finding *f;
	d->facts.sees_little = !lk_cell_bool(r, 0, 0);
	d->facts.cannot_signal = !lk_cell_bool(r, 0, 1);
	if (d->facts.sees_little) {
		f = lk_doctor_find(d, LK_DOCTOR_WARNING,
				   "the role cannot see the sessions and replicas of others");
		lk_finding_why(f, "who is in the way cannot be named, and the lag of replicas is "
				  "unknown; what is said below may be incomplete");
		lk_finding_action(f, "GRANT pg_monitor TO %s;", role);
	} else {
		lk_doctor_find(d, LK_DOCTOR_OK, "the role sees all sessions and replicas");
	}
	if (!d->facts.cannot_signal)
		return;
	f = lk_doctor_find(d, LK_DOCTOR_NOTE, "the role cannot end sessions of other roles");
	lk_finding_why(f, "needed only to take over a run that another role has begun");
	lk_finding_action(f, "GRANT pg_signal_backend TO %s;", role);
}

static void judge_superuser(struct lk_doctor *d, const struct lk_result *r)
{
	/* Before PostgreSQL 15 nobody else may set the two parameters. */
	d->facts.no_deadlock_timeout = d->facts.no_replication_role = !lk_cell_bool(r, 0, 0);
	if (!lk_cell_bool(r, 0, 0))
		return;
	struct lk_finding *f = lk_doctor_find(d, LK_DOCTOR_NOTE, "the role %s is a superuser",
					      lk_cell_text(r, 0, 1));
	lk_finding_why(f, "more than is needed: a mistake in a plan could do more harm");
	lk_finding_action(
		f, "CREATE ROLE migrator LOGIN; GRANT the tables' owner and pg_monitor to it");
}

/* The two parameters that only superusers could set before PostgreSQL 15 made them grantable. */
static void judge_parameters(struct lk_doctor *d, const struct lk_result *r)
{
	const char *role = lk_cell_text(r, 0, 2);
	struct lk_finding *f;
	d->facts.no_deadlock_timeout = !lk_cell_bool(r, 0, 0);
	d->facts.no_replication_role = !lk_cell_bool(r, 0, 1);
	if (d->facts.no_deadlock_timeout) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE, "the role cannot set deadlock_timeout");
		lk_finding_why(f, "an autovacuum in the way of DDL yields after 20 ms with it, and "
				  "after a longer, announced wait without");
		lk_finding_action(f, "GRANT SET ON PARAMETER deadlock_timeout TO %s;", role);
	}
	if (d->facts.no_replication_role) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE,
				   "the role cannot set session_replication_role");
		lk_finding_why(f,
			       "a backfill with triggers: skip needs it to keep the application's "
			       "triggers from firing");
		lk_finding_action(f, "GRANT SET ON PARAMETER session_replication_role TO %s;",
				  role);
	}
}

const struct lk_pg_check lk_pg_role_checks[] = {
	{"journal", 0, NULL,
	 "SELECT n.oid IS NOT NULL, has_database_privilege(current_database(), 'CREATE'),"
	 " n.oid IS NOT NULL AND has_schema_privilege(n.oid, 'USAGE') AND NOT EXISTS (SELECT FROM pg_class c"
	 "  WHERE c.relnamespace = n.oid AND c.relkind = 'r'"
	 "  AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')"
	 "   AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))),"
	 " quote_ident(pg_get_userbyid(n.nspowner)), quote_ident(current_user),"
	 " quote_ident(current_database())"
	 " FROM (VALUES (1)) one LEFT JOIN pg_namespace n ON n.nspname = 'lockkeeper'",
	 judge_journal},
	{"ownership", 0, NULL,
	 "SELECT quote_ident(pg_get_userbyid(c.relowner)), count(*), pg_has_role(c.relowner, 'USAGE'),"
	 " min(c.oid::regclass::text), quote_ident(current_user),"
	 " (SELECT o.rolsuper FROM pg_roles o WHERE o.oid = c.relowner)"
	 " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
	 " AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.oid AND e.deptype = 'e')"
	 " AND" LK_PG_PEOPLES " GROUP BY c.relowner ORDER BY count(*) DESC",
	 judge_owners},
	{"schemas", 0, NULL,
	 "SELECT quote_ident(n.nspname), quote_ident(current_user) FROM pg_namespace n WHERE" LK_PG_PEOPLES
	 " AND NOT has_schema_privilege(n.oid, 'CREATE') AND EXISTS (SELECT FROM pg_class c"
	 "  WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE'))"
	 " ORDER BY 1",
	 judge_schemas},
	{"membership", 0, NULL,
	 "SELECT pg_has_role('pg_read_all_stats', 'USAGE'), pg_has_role('pg_signal_backend', 'USAGE'),"
	 " quote_ident(current_user)",
	 judge_membership},
	{"superuser", 0, NULL,
	 "SELECT rolsuper, quote_ident(rolname) FROM pg_roles WHERE rolname = current_user",
	 judge_superuser},
	{"parameters", 150000, NULL,
	 "SELECT has_parameter_privilege('deadlock_timeout', 'SET'),"
	 " has_parameter_privilege('session_replication_role', 'SET'), quote_ident(current_user)",
	 judge_parameters},
	{NULL, 0, NULL, NULL, NULL},
};
