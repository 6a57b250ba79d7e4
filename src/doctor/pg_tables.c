/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables that some step refuses, or treats in another way than one might expect. */
#include "doctor/pg_checks.h"

static void judge_keys(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_WARNING, "table %s (%s) has no usable key",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
		lk_finding_why(
			f, "a backfill walks by a primary key, or a valid unique index over NOT "
			   "NULL columns, and refuses tables without");
		lk_finding_action(
			f,
			"CREATE UNIQUE INDEX CONCURRENTLY ON %s (…); over columns that are NOT NULL",
			lk_cell_text(r, i, 0));
		d->facts.keyless = true;
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "tables without a usable key");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "every table has a key to walk by");
}

static void judge_indexes(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_WARNING, "index %s of table %s is invalid",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
		lk_finding_why(
			f,
			"a build that failed left it: no query uses it, every write keeps it "
			"up%s",
			lk_cell_bool(r, i, 2) ? ", and as a unique one it refuses rows" : "");
		lk_finding_action(f, "DROP INDEX CONCURRENTLY %s;", lk_cell_text(r, i, 0));
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "invalid indexes");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "every index is valid");
}

static void judge_constraints(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(d, LK_DOCTOR_NOTE,
						      "constraint %s of table %s is not validated",
						      lk_cell_text(r, i, 1), lk_cell_text(r, i, 0));
		lk_finding_why(
			f, "old rows may break it, and a backfill that touches such a row fails");
		lk_finding_action(f, "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
				  lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
	}
	lk_doctor_and_more(d, LK_DOCTOR_NOTE, r, "constraints like that");
}

static void judge_row_security(struct lk_doctor *d, const struct lk_result *r)
{
	if (r->rows == 0)
		return;
	struct lk_finding *f = lk_doctor_find(
		d, LK_DOCTOR_NOTE, "%s table%s row level security: %s", lk_cell_text(r, 0, 0),
		lk_cell_int(r, 0, 0) == 1 ? " has" : "s have", lk_cell_text(r, 0, 1));
	lk_finding_why(f, "it could hide rows, so a backfill or a dual write refuses the table");
	d->facts.row_security = true;
}

static void judge_unlogged(struct lk_doctor *d, const struct lk_result *r)
{
	if (r->rows == 0)
		return;
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_NOTE, "%s table%s unlogged: %s", lk_cell_text(r, 0, 0),
			       lk_cell_int(r, 0, 0) == 1 ? " is" : "s are", lk_cell_text(r, 0, 1));
	lk_finding_why(f,
		       "a crash of the server empties it, while the journal says that the backfill "
		       "is done; replicas never have its rows");
}

static void judge_inheritance(struct lk_doctor *d, const struct lk_result *r)
{
	if (r->rows == 0)
		return;
	struct lk_finding *f = lk_doctor_find(
		d, LK_DOCTOR_NOTE, "%s table%s inheritance children: %s", lk_cell_text(r, 0, 0),
		lk_cell_int(r, 0, 0) == 1 ? " has" : "s have", lk_cell_text(r, 0, 1));
	lk_finding_why(
		f, "DDL on it goes to every child, each with its own lock; keys and triggers do "
		   "not");
}

static void judge_partitions(struct lk_doctor *d, const struct lk_result *r)
{
	if (r->rows == 0)
		return;
	struct lk_finding *f = lk_doctor_find(
		d, LK_DOCTOR_NOTE, "%s table%s partitioned: %s", lk_cell_text(r, 0, 0),
		lk_cell_int(r, 0, 0) == 1 ? " is" : "s are", lk_cell_text(r, 0, 1));
	lk_finding_why(f, "DDL takes its lock on every partition, and no index of the whole can be "
			  "built CONCURRENTLY: explain tells what a plan does there");
}

/* "3", "a, b, c" of the tables for which the condition holds; no row when there are none. */
#define LIST(condition)                                                                                         \
	"SELECT count(*), string_agg(CASE WHEN nr <= 5 THEN name WHEN nr = 6 THEN '…' END, ', ' ORDER BY nr)" \
	" FROM (SELECT c.oid::regclass::text AS name,"                                                          \
	"  row_number() OVER (ORDER BY c.oid::regclass::text) AS nr"                                            \
	"  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " condition                      \
	"  AND" LK_PG_PEOPLES ") AS found HAVING count(*) > 0"

const struct lk_pg_check lk_pg_table_checks[] = {
	{"keys", 0, NULL,
	 "SELECT c.oid::regclass, pg_size_pretty(pg_total_relation_size(c.oid)) FROM pg_class c"
	 " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
	 " AND NOT c.relispartition AND" LK_PG_PEOPLES
	 " AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.oid AND e.deptype = 'e')"
	 " AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid"
	 "  AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS"
	 "  (SELECT FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k JOIN pg_attribute a ON a.attrelid = c.oid"
	 "   AND a.attnum = k WHERE NOT a.attnotnull)) ORDER BY pg_total_relation_size(c.oid) DESC",
	 judge_keys},
	{"indexes", 0, NULL,
	 "SELECT i.indexrelid::regclass, i.indrelid::regclass, i.indisunique FROM pg_index i"
	 " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
	 " WHERE NOT i.indisvalid AND c.relkind = 'i' AND" LK_PG_PEOPLES
	 " AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)"
	 " ORDER BY 1",
	 judge_indexes},
	{"constraints", 0, NULL,
	 "SELECT c.oid::regclass, format('%I', x.conname) FROM pg_constraint x"
	 " JOIN pg_class c ON c.oid = x.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
	 " WHERE NOT x.convalidated AND" LK_PG_PEOPLES " ORDER BY 1, 2",
	 judge_constraints},
	{"row level security", 0, NULL, LIST("c.relrowsecurity"), judge_row_security},
	{"unlogged tables", 0, NULL, LIST("c.relkind = 'r' AND c.relpersistence = 'u'"),
	 judge_unlogged},
	{"inheritance", 0, NULL,
	 LIST("c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid)"),
	 judge_inheritance},
	{"partitions", 0, NULL, LIST("c.relkind = 'p' AND NOT c.relispartition"), judge_partitions},
	{NULL, 0, NULL, NULL, NULL},
};
