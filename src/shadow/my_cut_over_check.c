/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why not now. */
#include <stdio.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "shadow/my_cut_over_try.h"
#include "step/my_holder.h"
#include "step/record.h"

/* Below this a RENAME that waits might not go before writers that wait. */
#define LEAST_WRITE_LOCKS "1000000"

enum { NO_SUCH_TABLE = 1146, LOCK_WAIT_TIMEOUT = 1205 };

enum { ID, USER, COMMAND, AGE };

/*
 * $1: the moment. READ COMMITTED takes a new snapshot for each statement, and a statement that has not named our tables
 * will not. A prepared transaction whose session has gone has none; after a restart of MariaDB it holds its rows, but not
 * the table, and would be committed into the old one.
 */
static const char transactions_sql[] =
	"SELECT x.trx_mysql_thread_id, COALESCE(p.user, ''), COALESCE(p.command, ''),"
	" COALESCE(TIMESTAMPDIFF(SECOND, x.trx_started, NOW()), 0)"
	" FROM information_schema.innodb_trx x LEFT JOIN information_schema.processlist p ON p.id ="
	" x.trx_mysql_thread_id WHERE x.trx_mysql_thread_id <> CONNECTION_ID() AND"
	" ((x.trx_mysql_thread_id = 0 AND x.trx_rows_modified > 0) OR (x.trx_mysql_thread_id <> 0 AND"
	" x.trx_started <= $1 AND x.trx_autocommit_non_locking = 0 AND"
	" x.trx_isolation_level NOT IN ('READ COMMITTED', 'READ UNCOMMITTED')))"
	" ORDER BY x.trx_started LIMIT 1";

bool lk_my_cut_transactions(struct lk_session *session, const struct lk_my_cut_over *order,
			    char *why, size_t size, struct lk_error *error)
{
	struct lk_result r;
	char age[24];
	why[0] = '\0';
	if (!LK_QUERY(session, &r, error, transactions_sql, order->complete_from))
		return error->class == LK_ERROR_PRIVILEGE
			       ? lk_fail_context(error,
						 "old transactions must be seen before a "
						 "cut-over, which takes the privilege PROCESS")
			       : false;
	if (r.rows > 0) {
		lk_step_age_text(lk_cell_int(&r, 0, AGE), age, sizeof age);
		if (lk_cell_int(&r, 0, ID) == 0)
			snprintf(
				why, size,
				"a prepared XA transaction without a session, %s old, may hold rows "
				"of %.80s (XA RECOVER lists it)",
				age, order->tables.table);
		else
			snprintf(
				why, size,
				"process %s (%.40s, %s) has a transaction that is %s old and would "
				"read a part of the new table's rows",
				lk_cell_text(&r, 0, ID), lk_cell_text(&r, 0, USER),
				lk_cell_text(&r, 0, COMMAND)[0] == 'S' ? "idle" : "running", age);
	}
	lk_result_free(&r);
	return true;
}

/*
 * A RENAME of a table that is not there asks for all that one of ours would: the database, and the backup lock. With no
 * wait allowed it says which it was, and leaves no trace, in the binary log neither.
 */
bool lk_my_cut_backup(struct lk_my_cut *cut, bool *there, struct lk_error *error)
{
	const char *run = cut->run->run, *schema = cut->order->tables.schema;
	char *name = lk_format("lk_probe_%s", run), *aside = lk_format("lk_probe_%s_", run);
	char *from = lk_my_quoted_name(cut->look, schema, name),
	     *to = lk_my_quoted_name(cut->look, schema, aside);
	char *sql = lk_format("RENAME TABLE %s TO %s", from, to);
	bool done = lk_execute(cut->look, sql, error);
	free(sql);
	free(to);
	free(from);
	free(aside);
	free(name);
	*there = !done && error->number == LOCK_WAIT_TIMEOUT;
	if (!done && !*there && error->number != NO_SUCH_TABLE)
		return false;
	lk_error_clear(error);
	return true;
}

static bool open_look(struct lk_my_cut *cut, struct lk_error *error)
{
	struct lk_result r;
	if (cut->look)
		return true;
	cut->look = lk_session_beside(cut->run->session, "look", error);
	if (!cut->look || !LK_QUERY(cut->look, &r, error,
				    "SELECT @@global.max_write_lock_count >= " LEAST_WRITE_LOCKS))
		return false;
	bool ordinary = lk_cell_int(&r, 0, 0) > 0;
	lk_result_free(&r);
	if (!ordinary)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"max_write_lock_count is less than " LEAST_WRITE_LOCKS ": writers could "
			"go before the RENAME and write the old table; set it to its default");
	return lk_execute(cut->look, "SET SESSION lock_wait_timeout = 0", error);
}

static bool examine_backup(struct lk_my_cut *cut, char *why, size_t size, struct lk_error *error)
{
	bool there;
	if (!open_look(cut, error) || !lk_my_cut_backup(cut, &there, error))
		return false;
	if (there)
		snprintf(why, size,
			 "a backup (BACKUP STAGE), FLUSH TABLES WITH READ LOCK or a change of the "
			 "database %.60s keeps tables from being renamed",
			 cut->order->tables.schema);
	return true;
}

/* Where the server does not show who holds what, nobody is suspected before a try has failed. */
static bool examine_holders(struct lk_my_cut *cut, char *why, size_t size, struct lk_error *error)
{
	const struct lk_table *const tables[] = {&cut->table, &cut->shadow};
	enum lk_my_lock_view view = lk_my_killer_view(cut->killer);
	for (size_t i = 0; !why[0] && view != LK_MY_LOCKS_UNSEEN && i < LK_COUNT(tables); i++) {
		struct lk_my_holder holder;
		if (!lk_my_holder_find(cut->run->session, view, tables[i], &holder, error))
			return false;
		if (holder.found)
			snprintf(why, size, "%s", holder.text);
	}
	return true;
}

bool lk_my_cut_examine(struct lk_my_cut *cut, char *why, size_t size, struct lk_error *error)
{
	why[0] = '\0';
	return lk_my_cut_transactions(cut->run->session, cut->order, why, size, error) &&
	       (why[0] || examine_holders(cut, why, size, error)) &&
	       (why[0] || !cut->maria || examine_backup(cut, why, size, error));
}
