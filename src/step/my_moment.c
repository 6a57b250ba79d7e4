/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_moment.h"

#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "db/my_server.h"
#include "step/my_holder.h"

/* RENAME of a view is what the last one comes of. */
enum {
	LOCK_WAIT_TIMEOUT = 1205,
	NOT_LOCKED_FOR_WRITE = 1099,
	NOT_LOCKED = 1100,
	UNFIT_UNDER_LOCKS = 1192
};

/* Longer than it takes until a transaction counts as a long one (my_holder.h). */
#define PATIENCE_US 3000000
/* Between tries that do not wait, and between looks for a free moment. */
#define TRY_GAP_MS 15
#define LOOK_GAP_MS 2
/*
 * While the guard decides how long the last wait of long work may last, this is the server's own limit, in seconds, for
 * when the guard cannot be heard.
 */
#define BUILDING_WAIT 60
#define USUAL_WAIT 2

static bool set_wait(struct lk_session *session, int seconds, struct lk_error *error)
{
	char *sql = lk_format("SET SESSION lock_wait_timeout = %d", seconds);
	bool set = lk_execute(session, sql, error);
	free(sql);
	return set;
}

/* Whatever became of the statement. */
static void set_usual_wait(struct lk_session *session)
{
	struct lk_error ignored;
	lk_session_insist(session, true);
	set_wait(session, USUAL_WAIT, &ignored);
	lk_session_insist(session, false);
}

/* False with class RETRY when it could not be had at once for too long, and with CANCELLED on a stop. */
static bool try_without_waiting(struct lk_step_run *run, const char *sql, struct lk_error *error)
{
	int64_t until = lk_clock_us() + PATIENCE_US;
	if (!set_wait(run->session, 0, error))
		return false;
	for (;;) {
		if (lk_execute(run->session, sql, error))
			break;
		if (error->number != LOCK_WAIT_TIMEOUT || lk_clock_us() > until ||
		    !lk_pace_sleep(run->pace, TRY_GAP_MS))
			break;
	}
	bool done = error->class == LK_NO_ERROR;
	if (error->class != LK_ERROR_LOST)
		set_usual_wait(run->session);
	return done;
}

static char *lock_sql(const struct lk_table *table)
{
	return lk_format("LOCK TABLES %s WRITE", table->sql);
}

static void unlock(struct lk_session *session)
{
	struct lk_error ignored;
	lk_session_insist(session, true);
	lk_execute(session, "UNLOCK TABLES", &ignored);
	lk_session_insist(session, false);
}

/* Holding all of the table for a moment says that nobody else does. */
static bool await_on_mariadb(struct lk_step_run *run, const struct lk_table *table,
			     struct lk_error *error)
{
	char *sql = lock_sql(table);
	bool had = try_without_waiting(run, sql, error);
	free(sql);
	unlock(run->session);
	return had;
}

/* Of the tables in the list, "('shop', 'orders'), …", until nobody holds one; class CANCELLED on a stop. */
static bool await_free(struct lk_step_run *run, const char *names, bool *held,
		       struct lk_error *error)
{
	int64_t until = lk_clock_us() + PATIENCE_US;
	char *sql = lk_format(
		"SELECT COUNT(*) FROM performance_schema.metadata_locks m JOIN"
		" performance_schema.threads t ON t.thread_id = m.owner_thread_id WHERE m.object_type ="
		" 'TABLE' AND (m.object_schema, m.object_name) IN (%s) AND m.lock_status = 'GRANTED'"
		" AND t.processlist_id <> CONNECTION_ID()",
		names);
	bool looked = true;
	*held = true;
	while (looked && *held && lk_clock_us() < until) {
		struct lk_result r;
		looked = LK_QUERY(run->session, &r, error, sql);
		if (!looked)
			break;
		*held = lk_cell_int(&r, 0, 0) > 0;
		lk_result_free(&r);
		if (*held && !lk_pace_sleep(run->pace, LOOK_GAP_MS))
			looked = lk_fail(error, LK_ERROR_CANCELLED, "stopped");
	}
	free(sql);
	return looked;
}

static bool await_on_mysql(struct lk_step_run *run, const struct lk_table *table, const char *names,
			   struct lk_error *error)
{
	enum lk_my_lock_view view;
	bool held = true;
	if (!lk_my_lock_view(run->session, &view, error) ||
	    (view == LK_MY_LOCKS_SCHEMA && !await_free(run, names, &held, error)))
		return false;
	struct lk_my_holder holder;
	if (held && view == LK_MY_LOCKS_SCHEMA &&
	    lk_my_holder_find(run->session, view, table, &holder, error) && holder.found)
		return lk_fail(error, LK_ERROR_RETRY, "%s", holder.text);
	return true;
}

static bool build(struct lk_step_run *run, const char *sql, struct lk_error *error)
{
	bool done = set_wait(run->session, BUILDING_WAIT, error) &&
		    lk_execute(run->session, sql, error);
	if (done || error->class != LK_ERROR_LOST)
		set_usual_wait(run->session);
	return done;
}

/*
 * Whether the table has foreign keys, of its own or to it, and the names of all that must be free for the statement,
 * as await_free takes them (the caller's): RENAME takes the tables at their other ends exclusively as well.
 */
static bool read_names(struct lk_session *session, const struct lk_table *table, const char *sql,
		       char **names, bool *relatives, struct lk_error *error)
{
	struct lk_result r;
	struct lk_buffer list = {0};
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT $1, $2 UNION SELECT referenced_table_schema, referenced_table_name FROM"
		    " information_schema.key_column_usage WHERE table_schema = $1 AND table_name = $2"
		    " AND referenced_table_name IS NOT NULL UNION SELECT table_schema, table_name FROM"
		    " information_schema.key_column_usage WHERE referenced_table_schema = $1"
		    " AND referenced_table_name = $2",
		    table->schema, table->name))
		return false;
	*relatives = r.rows > 1;
	bool all = strncmp(sql, "RENAME TABLE ", 13) == 0;
	for (size_t i = 0; i < r.rows; i++) {
		const char *schema = lk_cell_text(&r, i, 0), *name = lk_cell_text(&r, i, 1);
		if (!all && (strcmp(schema, table->schema) != 0 || strcmp(name, table->name) != 0))
			continue;
		char *s = session->driver->quote_text(schema),
		     *n = session->driver->quote_text(name);
		lk_buffer_addf(&list, "%s(%s, %s)", list.length ? ", " : "", s, n);
		free(n);
		free(s);
	}
	lk_result_free(&r);
	*names = lk_buffer_take(&list);
	return true;
}

/*
 * On a table that is never free for a moment, because short transactions follow and overlap each other, one has to wait
 * in the end: it is over in milliseconds, or the killer ends it. Behind a long transaction it would not be, so there
 * *error stays what it is.
 */
static bool wait_among_short_ones(struct lk_step_run *run, const struct lk_table *table,
				  const char *sql, struct lk_error *error)
{
	enum lk_my_lock_view view;
	struct lk_my_holder holder;
	struct lk_error ignored;
	if (error->number != LOCK_WAIT_TIMEOUT || atomic_load(&run->pace->stop) ||
	    !lk_my_lock_view(run->session, &view, &ignored) ||
	    !lk_my_holder_find(run->session, view, table, &holder, &ignored) || holder.found)
		return false;
	return lk_execute(run->session, sql, error);
}

/*
 * Between a look and an ALTER's own request lie milliseconds of preparing it; LOCK TABLES asks at once, and what comes
 * under it has nobody to wait for. What cannot be done under it, for it needs other tables, is done without, and so is
 * everything without the privilege. So are tables with foreign keys: LOCK TABLES takes those at their other ends as well,
 * SHARED_READ_ONLY, which an ALTER by itself does not, and waits for transactions there.
 */
static bool execute_held(struct lk_step_run *run, const struct lk_table *table, const char *sql,
			 struct lk_error *error)
{
	char *lock = lock_sql(table);
	bool held = lk_execute(run->session, lock, error);
	free(lock);
	if (!held)
		return error->class == LK_ERROR_PRIVILEGE && lk_execute(run->session, sql, error);
	bool done = lk_execute(run->session, sql, error);
	if (done || error->class != LK_ERROR_LOST)
		unlock(run->session);
	bool unfit = !done && (error->number == NOT_LOCKED_FOR_WRITE ||
			       error->number == NOT_LOCKED || error->number == UNFIT_UNDER_LOCKS);
	return done || (unfit && lk_execute(run->session, sql, error));
}

static bool lock_on_mariadb(struct lk_step_run *run, const struct lk_table *table, const char *sql,
			    bool building, struct lk_error *error)
{
	if (!building)
		return try_without_waiting(run, sql, error) ||
		       wait_among_short_ones(run, table, sql, error);
	return (!table || await_on_mariadb(run, table, error)) && build(run, sql, error);
}

static bool lock_on_mysql(struct lk_step_run *run, const struct lk_table *table, const char *sql,
			  bool building, struct lk_error *error)
{
	bool relatives = true;
	if (table) {
		/* Asked before the moment, which is short. */
		char *names;
		if (!read_names(run->session, table, sql, &names, &relatives, error))
			return false;
		bool free_now = await_on_mysql(run, table, names, error);
		free(names);
		if (!free_now)
			return false;
	}
	if (building)
		return build(run, sql, error);
	return table && !relatives && strncmp(sql, "LOCK TABLES ", 12) != 0
		       ? execute_held(run, table, sql, error)
		       : lk_execute(run->session, sql, error);
}

bool lk_my_locking(struct lk_step_run *run, const struct lk_table *table, const char *sql,
		   bool building, struct lk_error *error)
{
	struct lk_my_server server;
	return lk_my_server(run->session, &server, error) &&
	       (server.maria ? lock_on_mariadb : lock_on_mysql)(run, table, sql, building, error);
}
