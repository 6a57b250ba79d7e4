/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_holder.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "step/record.h"

/*
 * innodb_trx gives the moment in which a transaction began in whole seconds, so one that is 2 s old by it has
 * been there for over one. Its rows come out of a cache that is renewed when nobody has read them for 100 ms.
 */
#define LONG_S "2"

/* MariaDB's backup locks that keep definitions as they are. */
#define BACKUP "'BACKUP_(WAIT_DDL|WAIT_COMMIT|FTWRL|BLOCK_DDL)'"
#define TRANSACTION_AGE "COALESCE(TIMESTAMPDIFF(SECOND, x.trx_started, NOW()), 0)"
/* Who is idle and holds something without a transaction has used LOCK TABLES or the like. */
#define AGE(command, time)                                                                         \
	"GREATEST(" TRANSACTION_AGE ", IF(" command " <> 'Sleep' OR x.trx_started IS NULL,"        \
	" COALESCE(" time ", 0), 0)) AS age"
#define THREAD_AGE AGE("t.processlist_command", "t.processlist_time")
#define PROCESS_AGE AGE("p.command", "p.time")
#define INNODB_TRX " LEFT JOIN information_schema.innodb_trx x ON x.trx_mysql_thread_id ="

/* What a row of each query holds. */
enum { ID, USER, COMMAND, BEGAN, AGE, WHOLE, PROGRAM };

/*
 * $1, $2: the table. A prepared XA transaction whose session has gone has no thread; it keeps a transaction
 * without one.
 */
static const char schema_sql[] =
	"SELECT COALESCE(t.processlist_id, 0), COALESCE(t.processlist_user, ''),"
	" COALESCE(t.processlist_command, ''), COALESCE(x.trx_started, ''),"
	" " THREAD_AGE ","
	" m.object_type <> 'TABLE' AS whole,"
	" COALESCE((SELECT a.attr_value FROM performance_schema.session_connect_attrs a WHERE"
	"  a.processlist_id = t.processlist_id AND a.attr_name = 'program_name'), '')"
	" FROM performance_schema.metadata_locks m LEFT JOIN performance_schema.threads t ON"
	" t.thread_id = m.owner_thread_id" INNODB_TRX " COALESCE(t.processlist_id, 0)"
	" WHERE m.lock_status = 'GRANTED' AND COALESCE(t.processlist_id, 0) <> CONNECTION_ID() AND"
	" ((m.object_type = 'TABLE' AND m.object_schema = $1 AND m.object_name = $2)"
	"  OR (m.object_type IN ('GLOBAL', 'BACKUP LOCK') AND m.lock_type = 'SHARED')"
	"  OR (m.object_type = 'BACKUP' AND m.lock_type REGEXP " BACKUP "))"
	" HAVING whole OR age >= " LONG_S " ORDER BY whole DESC, age DESC LIMIT 1";

static const char plugin_sql[] =
	"SELECT m.thread_id, COALESCE(p.user, ''), COALESCE(p.command, ''),"
	" COALESCE(x.trx_started, ''),"
	" " PROCESS_AGE ", m.table_schema = '' AS whole, ''"
	" FROM information_schema.metadata_lock_info m"
	" LEFT JOIN information_schema.processlist p ON p.id = m.thread_id" INNODB_TRX
	" m.thread_id"
	" WHERE m.thread_id <> CONNECTION_ID() AND ((m.table_schema = $1 AND m.table_name = $2)"
	" OR m.lock_mode REGEXP " BACKUP ")"
	" HAVING whole OR age >= " LONG_S " ORDER BY whole DESC, age DESC LIMIT 1";

/* Without an instrument: the oldest transaction, whatever it has touched. */
static const char guess_sql[] =
	"SELECT x.trx_mysql_thread_id, COALESCE(p.user, ''), COALESCE(p.command, ''), x.trx_started,"
	" " TRANSACTION_AGE " AS age, 0, '' FROM information_schema.innodb_trx x"
	" LEFT JOIN information_schema.processlist p ON p.id = x.trx_mysql_thread_id"
	" WHERE x.trx_mysql_thread_id <> CONNECTION_ID() AND $1 IS NOT NULL AND $2 IS NOT NULL"
	" HAVING age >= " LONG_S " ORDER BY x.trx_started LIMIT 1";

static const char instrumented_sql[] =
	"SELECT (SELECT COUNT(*) FROM performance_schema.setup_instruments WHERE name ="
	" 'wait/lock/metadata/sql/mdl' AND enabled = 'YES') > 0 AND (SELECT COUNT(*) FROM"
	" performance_schema.setup_consumers WHERE name = 'global_instrumentation' AND enabled = 'YES')"
	" > 0 AND (SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE object_type = 'none') = 0"
	" AND (SELECT COUNT(*) FROM performance_schema.threads WHERE thread_id = 0) = 0";

/* Whoever may not read what a query reads sees what a server shows that has none of it. */
static bool read_if_allowed(struct lk_session *session, struct lk_result *r, const char *sql,
			    size_t count, const char *const *parameters, struct lk_error *error)
{
	if (lk_query(session, r, error, sql, count, parameters))
		return true;
	if (error->class != LK_ERROR_PRIVILEGE)
		return false;
	lk_error_clear(error);
	memset(r, 0, sizeof *r);
	return true;
}

bool lk_my_lock_view(struct lk_session *session, enum lk_my_lock_view *view, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT @@performance_schema, (SELECT COUNT(*) FROM information_schema.plugins"
		    " WHERE plugin_name = 'METADATA_LOCK_INFO' AND plugin_status = 'ACTIVE')"))
		return false;
	bool schema = lk_cell_int(&r, 0, 0) > 0, plugin = lk_cell_int(&r, 0, 1) > 0;
	lk_result_free(&r);
	if (schema) {
		if (!read_if_allowed(session, &r, instrumented_sql, 0, NULL, error))
			return false;
		schema = r.rows > 0 && lk_cell_int(&r, 0, 0) > 0;
		lk_result_free(&r);
	}
	*view = schema ? LK_MY_LOCKS_SCHEMA : plugin ? LK_MY_LOCKS_PLUGIN : LK_MY_LOCKS_UNSEEN;
	return true;
}

const char *lk_my_lock_view_advice(enum lk_my_lock_view view)
{
	return view == LK_MY_LOCKS_UNSEEN
		       ? "; the server shows metadata locks after UPDATE"
			 " performance_schema.setup_instruments SET enabled = 'YES' WHERE name ="
			 " 'wait/lock/metadata/sql/mdl' or, on MariaDB, INSTALL SONAME"
			 " 'metadata_lock_info'"
		       : "";
}

static void describe(const struct lk_result *r, const struct lk_table *table,
		     struct lk_my_holder *holder)
{
	char age[24], who[120];
	const char *command = lk_cell_text(r, 0, COMMAND), *program = lk_cell_text(r, 0, PROGRAM);
	lk_step_age_text(lk_cell_int(r, 0, AGE), age, sizeof age);
	if (holder->id)
		snprintf(who, sizeof who, "process %lld (%.40s%s%.40s, %s)", (long long)holder->id,
			 lk_cell_text(r, 0, USER), program[0] ? " " : "", program,
			 strcmp(command, "Sleep") != 0	? "running"
			 : lk_cell_text(r, 0, BEGAN)[0] ? "idle in a transaction"
							: "idle");
	else
		LK_COPY(who, "a prepared XA transaction (XA RECOVER lists it)");
	if (holder->guessed)
		snprintf(holder->text, sizeof holder->text,
			 "perhaps %s, whose transaction is %s old", who, age);
	else if (lk_cell_int(r, 0, WHOLE))
		snprintf(
			holder->text, sizeof holder->text,
			"%s holds a backup or read lock on the whole server, for at least %s: FLUSH"
			" TABLES WITH READ LOCK, LOCK INSTANCE FOR BACKUP or BACKUP STAGE",
			who, age);
	else
		snprintf(holder->text, sizeof holder->text, "%s has held %.80s for %s", who,
			 table->shown, age);
}

bool lk_my_holder_find(struct lk_session *session, enum lk_my_lock_view view,
		       const struct lk_table *table, struct lk_my_holder *holder,
		       struct lk_error *error)
{
	static const char *const queries[] = {[LK_MY_LOCKS_UNSEEN] = guess_sql,
					      [LK_MY_LOCKS_SCHEMA] = schema_sql,
					      [LK_MY_LOCKS_PLUGIN] = plugin_sql};
	struct lk_result r;
	const char *const names[] = {table ? table->schema : "", table ? table->name : ""};
	memset(holder, 0, sizeof *holder);
	if (!read_if_allowed(session, &r, queries[view], 2, names, error))
		return false;
	if (r.rows > 0) {
		holder->found = true;
		holder->guessed = view == LK_MY_LOCKS_UNSEEN;
		holder->id = lk_cell_int(&r, 0, ID);
		LK_COPY(holder->began, lk_cell_text(&r, 0, BEGAN));
		describe(&r, table, holder);
	}
	lk_result_free(&r);
	return true;
}
