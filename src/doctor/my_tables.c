/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables that some step refuses, or treats in another way than one might expect. */
#include <string.h>

#include "doctor/my_checks.h"

static void judge_keys(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(
			d, LK_DOCTOR_WARNING, "table %s has no usable key", lk_cell_text(r, i, 0));
		lk_finding_why(
			f,
			"a backfill walks by a primary key, or a unique index over NOT NULL columns, "
			"and refuses tables without; replicas apply its rows one scan each");
		lk_finding_action(f, "ALTER TABLE %s ADD PRIMARY KEY (…);", lk_cell_text(r, i, 0));
		d->facts.keyless = true;
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "tables without a usable key");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "every table has a key to walk by");
}

static void judge_engines(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f =
			lk_doctor_find(d, LK_DOCTOR_WARNING, "table %s is of engine %s",
				       lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
		lk_finding_why(
			f,
			"it has no transactions, and every DDL copies it while it is locked: steps "
			"on it are refused");
		lk_finding_action(
			f, "ALTER TABLE %s ENGINE=InnoDB; (copies it, and blocks writes meanwhile)",
			lk_cell_text(r, i, 0));
		d->facts.other_engines = true;
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "tables like that");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "every table is of InnoDB");
}

/* "3", "a, b, c, …" */
static void note(struct lk_doctor *d, const struct lk_result *r, const char *what, const char *why)
{
	if (r->rows == 0 || lk_cell_int(r, 0, 0) == 0)
		return;
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_NOTE, "%s table%s %s: %s", lk_cell_text(r, 0, 0),
			       lk_cell_int(r, 0, 0) == 1 ? "" : "s", what, lk_cell_text(r, 0, 1));
	lk_finding_why(f, "%s", why);
}

static void judge_triggers(struct lk_doctor *d, const struct lk_result *r)
{
	note(d, r, "with triggers of the application",
	     "they run for a backfill's updates as well (triggers: skip is not possible), and a dual write's "
	     "come after them");
}

static void judge_foreign_keys(struct lk_doctor *d, const struct lk_result *r)
{
	note(d, r, "with foreign keys",
	     "DDL on one locks the tables at the other end too; rows that a cascade changes fire no trigger, "
	     "so a dual write does not see them");
}

static void judge_partitions(struct lk_doctor *d, const struct lk_result *r)
{
	note(d, r, "partitioned",
	     "a unique key must have the partitioning columns; explain tells what a plan "
	     "does there");
}

static void judge_versioned(struct lk_doctor *d, const struct lk_result *r)
{
	note(d, r, "system versioned",
	     "DDL on it is refused by the server unless "
	     "system_versioning_alter_history is KEEP, and a backfill doubles its rows");
}

static void judge_fulltext(struct lk_doctor *d, const struct lk_result *r)
{
	note(d, r, "with FULLTEXT indexes",
	     "MySQL adds no column INSTANT there, and a rebuild needs LOCK=SHARED, which is refused");
}

static void judge_compressed(struct lk_doctor *d, const struct lk_result *r)
{
	note(d, r, "with ROW_FORMAT=COMPRESSED",
	     "no column can be added INSTANT: the table is rebuilt in place");
}

/* Table, versions. */
static void judge_versions(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		struct lk_finding *f = lk_doctor_find(d, LK_DOCTOR_WARNING,
						      "table %s has had %s of 64 INSTANT changes",
						      lk_cell_text(r, i, 0), lk_cell_text(r, i, 1));
		lk_finding_why(
			f,
			"when they are used up, columns are added and dropped by a rebuild only");
		lk_finding_action(
			f,
			"rebuild it at a quiet time: ALTER TABLE %s FORCE, ALGORITHM=INPLACE, LOCK=NONE;",
			lk_cell_text(r, i, 0));
	}
}

#define NAME(prefix) "CONCAT(" prefix "table_schema, '.', " prefix "table_name)"
#define LIST(from, condition)                                                                          \
	"SELECT COUNT(*), CONCAT(SUBSTRING_INDEX(GROUP_CONCAT(n ORDER BY n SEPARATOR ', '), ', ', 5)," \
	" IF(COUNT(*) > 5, ', …', '')) FROM (SELECT DISTINCT " NAME(                                   \
		"t.") " AS n FROM " from                                                               \
		      " WHERE " LK_MY_PEOPLES("t.table_schema") " AND " condition ") AS found"

const struct lk_my_check lk_my_table_checks[] = {
	{"keys", 0, 0, NULL,
	 "SELECT " NAME(
		 "t.") " FROM information_schema.tables t WHERE t.table_type = 'BASE TABLE'"
		       " AND " LK_MY_PEOPLES(
			       "t.table_schema") " AND NOT EXISTS (SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = t.table_schema"
						 "  AND s.table_name = t.table_name AND s.non_unique = 0 GROUP BY s.index_name"
						 "  HAVING SUM(s.nullable = 'YES' OR s.sub_part IS NOT NULL OR s.column_name IS NULL) = 0)"
						 " ORDER BY t.data_length DESC",
	 judge_keys},
	{"engines", 0, 0, NULL,
	 "SELECT " NAME(
		 "") ", engine FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
		     " AND engine <> 'InnoDB' AND " LK_MY_PEOPLES(
			     "table_schema") " ORDER BY data_length DESC",
	 judge_engines},
	{"triggers", 0, 0, NULL,
	 "SELECT COUNT(DISTINCT event_object_schema, event_object_table),"
	 " SUBSTRING_INDEX(GROUP_CONCAT(DISTINCT CONCAT(event_object_schema, '.', event_object_table)"
	 " SEPARATOR ', '), ', ', 5) FROM information_schema.triggers WHERE LEFT(trigger_name, 11) <> 'lockkeeper_'"
	 " AND " LK_MY_PEOPLES("event_object_schema"),
	 judge_triggers},
	{"foreign keys", 0, 0, NULL,
	 LIST("information_schema.table_constraints t", "t.constraint_type = 'FOREIGN KEY'"),
	 judge_foreign_keys},
	{"partitions", 0, 0, NULL,
	 LIST("information_schema.partitions t", "t.partition_name IS NOT NULL"), judge_partitions},
	{"system versioning", 0, LK_MY_NEVER, NULL,
	 LIST("information_schema.tables t", "t.table_type = 'SYSTEM VERSIONED'"), judge_versioned},
	{"full text", LK_MY_NEVER, 0, NULL,
	 LIST("information_schema.statistics t", "t.index_type = 'FULLTEXT'"), judge_fulltext},
	{"compression", 0, 0, NULL,
	 LIST("information_schema.tables t", "t.row_format = 'Compressed'"), judge_compressed},
	{"instant changes", LK_MY_NEVER, 80029, NULL,
	 "SELECT REPLACE(name, '/', '.'), total_row_versions FROM information_schema.innodb_tables"
	 " WHERE total_row_versions >= 48 ORDER BY total_row_versions DESC",
	 judge_versions},
	{NULL, 0, 0, NULL, NULL, NULL},
};
