/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Room for what a backfill leaves. SQL cannot tell how much is free; on the server's own host the system can. */
#include "doctor/pg_checks.h"

/* Data folder (NULL hidden), largest table, its bytes, the same to be read. */
static void judge_disk(struct lk_doctor *d, const struct lk_result *r)
{
	double left, table = r->rows ? lk_cell_double(r, 0, 2) : 0;
	struct lk_finding *f;
	if (r->rows == 0)
		return;
	if (!lk_doctor_free_bytes(d, lk_cell_text(r, 0, 0), &left)) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE,
				   "how much disk is free cannot be seen from here");
		lk_finding_why(
			f,
			"a backfill of every row needs up to the table's size again, and as much "
			"WAL; the largest table, %s, has %s",
			lk_cell_text(r, 0, 1), lk_cell_text(r, 0, 3));
		lk_finding_action(f, "on the server: df -h");
		return;
	}
	double gib = left / (1024.0 * 1024 * 1024);
	if (left > 2 * table) {
		lk_doctor_find(d, LK_DOCTOR_OK,
			       "%.1f GiB of disk are free, the largest table has %s", gib,
			       lk_cell_text(r, 0, 3));
		return;
	}
	f = lk_doctor_find(d, LK_DOCTOR_WARNING,
			   "%.1f GiB of disk are free, less than twice table %s (%s)", gib,
			   lk_cell_text(r, 0, 1), lk_cell_text(r, 0, 3));
	lk_finding_why(
		f, "a backfill of every row needs up to the table's size again, and as much WAL");
	lk_finding_action(f, "make room first, or give the backfill a where");
}

const struct lk_pg_check lk_pg_disk_checks[] = {
	{"disk", 0, NULL,
	 /* By the planner's figures: asking for the true size would wait for locks. */
	 "SELECT (SELECT setting FROM pg_settings WHERE name = 'data_directory'), c.oid::regclass, size.bytes,"
	 " pg_size_pretty(size.bytes) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	 " LEFT JOIN pg_class t ON t.oid = c.reltoastrelid CROSS JOIN LATERAL"
	 " (SELECT (c.relpages::bigint + coalesce(t.relpages, 0)) * current_setting('block_size')::int) AS size(bytes)"
	 " WHERE c.relkind = 'r' AND" LK_PG_PEOPLES " ORDER BY size.bytes DESC LIMIT 1",
	 judge_disk},
	{NULL, 0, NULL, NULL, NULL},
};
