/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_moment.h"

#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "db/my_server.h"
#include "step/my_holder.h"
#include "step/my_statement.h"
#include "step/record.h"

enum {
	LOCK_WAIT_TIMEOUT = 1205,
	NOT_LOCKED_FOR_WRITE = 1099,
	NOT_LOCKED = 1100,
	UNFIT_UNDER_LOCKS = 1192,
	VIEW_INVALID = 1356
};

/* Longer than it takes until a transaction counts as a long one (my_holder.h). */
#define PATIENCE_US 3000000
/*
 * For a free moment on MySQL, where going out without one may cost the application a deadlock. On a busy machine, with
 * a family of tables to be free at once, ten seconds were not always enough; waiting costs nobody anything.
 */
#define MOMENT_PATIENCE_US 60000000
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

/* What a statement must find free on MySQL. */
struct moment {
	const struct lk_table *table;
	const char *names; /* of the tables: "('shop', 'orders'), …" */
	const char *lock;  /* LOCK TABLES for the statement; "" none */
	enum lk_my_lock_view view;
};

/* EXP fails with this where anybody holds anything. */
enum { OUT_OF_RANGE = 1690 };

/* Right behind a look. *held: somebody held a table all the time, so nothing was done. */
static bool execute_when_free(struct lk_step_run *run, const struct moment *moment, const char *sql,
			      bool *held, struct lk_error *error)
{
	int64_t until = lk_clock_us() + PATIENCE_US;
	char *text = lk_format(
		"SET @lockkeeper_free = (SELECT EXP(1000 * EXISTS (SELECT 1 FROM"
		" performance_schema.metadata_locks WHERE object_type = 'TABLE' AND"
		" (object_schema, object_name) IN (%s) AND lock_status = 'GRANTED' AND"
		" owner_thread_id <> (SELECT thread_id FROM performance_schema.threads WHERE"
		" processlist_id = CONNECTION_ID()))))",
		moment->names);
	const struct lk_look look = {text, OUT_OF_RANGE};
	bool done, stopped = false;
	do {
		done = lk_execute_behind(run->session, &look, sql, held, error);
		stopped = *held && !lk_pace_sleep(run->pace, LOOK_GAP_MS);
	} while (*held && !stopped && lk_clock_us() < until);
	free(text);
	*held = *held && !stopped;
	return stopped ? lk_fail(error, LK_ERROR_CANCELLED, "stopped") : done;
}

/* Among short transactions that overlap it goes out in the end all the same; behind a long one not. */
static bool execute_at_a_moment(struct lk_step_run *run, const struct moment *moment,
				const char *sql, struct lk_error *error)
{
	bool held;
	struct lk_my_holder holder;
	int64_t until = lk_clock_us() + MOMENT_PATIENCE_US;
	if (moment->view != LK_MY_LOCKS_SCHEMA)
		return lk_execute(run->session, sql, error);
	do {
		bool done = execute_when_free(run, moment, sql, &held, error);
		if (!held)
			return done;
		if (moment->table &&
		    lk_my_holder_find(run->session, moment->view, moment->table, &holder, error) &&
		    holder.found)
			return lk_fail(error, LK_ERROR_RETRY, "%s", holder.text);
	} while (lk_clock_us() < until);
	lk_step_say(
		run,
		"at no look in %d s were the tables free of short transactions: the statement goes out "
		"all the same, and the server may end one of them (error 1213)",
		MOMENT_PATIENCE_US / 1000000);
	return lk_execute(run->session, sql, error);
}

/* `moment` may be NULL. */
static bool build(struct lk_step_run *run, const struct moment *moment, const char *sql,
		  struct lk_error *error)
{
	bool done = set_wait(run->session, BUILDING_WAIT, error) &&
		    (moment ? execute_at_a_moment(run, moment, sql, error)
			    : lk_execute(run->session, sql, error));
	if (done || error->class != LK_ERROR_LOST)
		set_usual_wait(run->session);
	return done;
}

static void add_name(struct lk_session *session, struct lk_buffer *list, const char *schema,
		     const char *name)
{
	char *s = schema ? session->driver->quote_text(schema) : lk_strdup("DATABASE()");
	char *n = session->driver->quote_text(name);
	lk_buffer_addf(list, "%s(%s, %s)", list->length ? ", " : "", s, n);
	free(n);
	free(s);
}

/* The table, or all that a RENAME names: it takes that at once, views as well. */
static void add_own_names(struct lk_session *session, const struct lk_table *table, const char *sql,
			  bool *renames, struct lk_buffer *list)
{
	struct lk_my_statement statement;
	lk_my_statement_read(sql, &statement);
	*renames = statement.kind == LK_MY_RENAME_TABLE;
	if (table && !*renames)
		add_name(session, list, table->schema, table->name);
	for (size_t i = 0; *renames && i < statement.object_count; i++)
		add_name(session, list, statement.objects[i].schema, statement.objects[i].name);
	lk_my_statement_free(&statement);
}

enum { PLAIN_TABLE, VIEW, RELATIVE };

/* Of those in the list what is there, and the tables at the other ends of their foreign keys, each with what it is. */
static bool read_family(struct lk_session *session, const char *list, struct lk_result *family,
			struct lk_error *error)
{
	char *sql = lk_format(
		"SELECT table_schema, table_name, IF(table_type = 'BASE TABLE', %d, %d) FROM"
		" information_schema.tables WHERE (table_schema, table_name) IN (%s) UNION SELECT"
		" referenced_table_schema, referenced_table_name, %d FROM"
		" information_schema.key_column_usage WHERE (table_schema, table_name) IN (%s) AND"
		" (referenced_table_schema, referenced_table_name) NOT IN (%s) UNION SELECT"
		" table_schema, table_name, %d FROM information_schema.key_column_usage WHERE"
		" (referenced_table_schema, referenced_table_name) IN (%s) AND (table_schema,"
		" table_name) NOT IN (%s)",
		PLAIN_TABLE, VIEW, list, RELATIVE, list, list, RELATIVE, list, list);
	bool read = lk_query(session, family, error, sql, 0, NULL);
	free(sql);
	return read;
}

/*
 * A RENAME takes the tables at the other ends of foreign keys exclusively as well, after the others; and a view cannot
 * be renamed under LOCK TABLES unless it is locked. Another statement on a table that has such relatives is done without
 * LOCK TABLES, which takes those SHARED_READ_ONLY and waits for transactions there, as an ALTER by itself does not; and
 * so is one on a view, since LOCK TABLES takes the tables below it too.
 */
static void add_family(struct lk_session *session, const struct lk_result *family, bool renames,
		       struct lk_buffer *names, struct lk_buffer *lock)
{
	bool related = false;
	for (size_t i = 0; i < family->rows; i++) {
		const char *schema = lk_cell_text(family, i, 0), *name = lk_cell_text(family, i, 1);
		int64_t kind = lk_cell_int(family, i, 2);
		related = related || kind == RELATIVE;
		if (kind != PLAIN_TABLE && !renames)
			continue;
		if (kind == RELATIVE)
			add_name(session, names, schema, name);
		char *s = session->driver->quote_name(schema),
		     *n = session->driver->quote_name(name);
		lk_buffer_addf(lock, "%s%s.%s WRITE", lock->length ? ", " : "LOCK TABLES ", s, n);
		free(n);
		free(s);
	}
	if (related && !renames)
		lk_buffer_reset(lock);
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
 * everything without the privilege.
 */
static bool execute_held(struct lk_step_run *run, const struct moment *moment, const char *sql,
			 struct lk_error *error)
{
	if (!execute_at_a_moment(run, moment, moment->lock, error))
		return (error->class == LK_ERROR_PRIVILEGE || error->number == VIEW_INVALID) &&
		       execute_at_a_moment(run, moment, sql, error);
	bool done = lk_execute(run->session, sql, error);
	if (done || error->class != LK_ERROR_LOST)
		unlock(run->session);
	bool unfit = !done && (error->number == NOT_LOCKED_FOR_WRITE ||
			       error->number == NOT_LOCKED || error->number == UNFIT_UNDER_LOCKS);
	return done || (unfit && execute_at_a_moment(run, moment, sql, error));
}

static bool lock_on_mariadb(struct lk_step_run *run, const struct lk_table *table, const char *sql,
			    bool building, struct lk_error *error)
{
	if (!building)
		return try_without_waiting(run, sql, error) ||
		       wait_among_short_ones(run, table, sql, error);
	return (!table || await_on_mariadb(run, table, error)) && build(run, NULL, sql, error);
}

static bool carry_out_on_mysql(struct lk_step_run *run, struct moment *moment, const char *sql,
			       bool building, struct lk_error *error)
{
	if (!lk_my_lock_view(run->session, &moment->view, error))
		return false;
	if (building)
		return build(run, moment, sql, error);
	bool held = moment->lock[0] && strncmp(sql, "LOCK TABLES ", 12) != 0;
	return (held ? execute_held : execute_at_a_moment)(run, moment, sql, error);
}

static bool lock_on_mysql(struct lk_step_run *run, const struct lk_table *table, const char *sql,
			  bool building, struct lk_error *error)
{
	struct lk_buffer names = {0}, lock = {0};
	struct lk_result family = {0};
	bool renames, done;
	add_own_names(run->session, table, sql, &renames, &names);
	if (names.length == 0) {
		done = building ? build(run, NULL, sql, error)
				: lk_execute(run->session, sql, error);
	} else if ((done = read_family(run->session, names.text, &family, error))) {
		/* Asked before the moment, which is short. */
		add_family(run->session, &family, renames, &names, &lock);
		struct moment moment = {
			.table = table, .names = names.text, .lock = lk_buffer_text(&lock)};
		done = carry_out_on_mysql(run, &moment, sql, building, error);
	}
	lk_result_free(&family);
	lk_buffer_free(&lock);
	lk_buffer_free(&names);
	return done;
}

bool lk_my_locking(struct lk_step_run *run, const struct lk_table *table, const char *sql,
		   bool building, struct lk_error *error)
{
	struct lk_my_server server;
	return lk_my_server(run->session, &server, error) &&
	       (server.maria ? lock_on_mariadb : lock_on_mysql)(run, table, sql, building, error);
}
