/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fence: three triggers, BEFORE INSERT, UPDATE and DELETE, which do nothing until somebody holds the run's user lock.
 * They are made under a LOCK TABLES of its own, so that the table's lock is asked for once. The exchange takes them to the
 * old table.
 */
#include "shadow/my_cut_over_try.h"

#include <string.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "db/my_server.h"
#include "step/my_moment.h"
#include "step/my_renew.h"

static const char *const events[] = {"INSERT", "UPDATE", "DELETE"};
enum { TRIGGERS = 3 };

char *lk_my_cut_fence_lock(const struct lk_step_run *run)
{
	return lk_format("lockkeeper.fence:%s", run->run);
}

/* Without its database; the caller's. */
static char *trigger_name(const struct lk_step_run *run, int event)
{
	return lk_format("lk_fence_%s_%c", run->run, events[event][0]);
}

static char *create_sql(const struct lk_step_run *run, const struct lk_table *table, int event)
{
	char *bare = trigger_name(run, event), *lock = lk_my_cut_fence_lock(run);
	char *name = lk_my_quoted_name(run->session, table->schema, bare);
	char *text = run->session->driver->quote_text(lock);
	char *sql = lk_format(
		"CREATE TRIGGER %s BEFORE %s ON %s FOR EACH ROW IF IS_USED_LOCK(%s) IS NOT NULL THEN"
		" SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'lockkeeper: the"
		" table is being exchanged, try again'; END IF",
		name, events[event], table->sql, text);
	free(text);
	free(name);
	free(lock);
	free(bare);
	return sql;
}

/* Of one trigger: the table it is on, "" none; the caller's. NULL on failure. */
static char *find(struct lk_step_run *run, const char *schema, int event, struct lk_error *error)
{
	struct lk_result r;
	char *name = trigger_name(run, event);
	bool read = LK_QUERY(run->session, &r, error,
			     "SELECT event_object_table FROM information_schema.triggers WHERE"
			     " trigger_schema = $1 AND trigger_name = $2",
			     schema, name);
	free(name);
	char *on = read ? lk_strdup(r.rows ? lk_cell_text(&r, 0, 0) : "") : NULL;
	lk_result_free(&r);
	return on;
}

/* Which of them are on the table. */
static bool read_fence(struct lk_step_run *run, const char *schema, const char *table,
		       bool there[TRIGGERS], struct lk_error *error)
{
	for (int e = 0; e < TRIGGERS; e++) {
		char *on = find(run, schema, e, error);
		if (!on)
			return false;
		there[e] = strcmp(on, table) == 0;
		free(on);
	}
	return true;
}

static void unlock(struct lk_session *session)
{
	struct lk_error ignored;
	lk_session_insist(session, true);
	lk_execute(session, "UNLOCK TABLES", &ignored);
	lk_session_insist(session, false);
}

static bool lock(struct lk_step_run *run, const struct lk_table *table, struct lk_error *error)
{
	char *sql = lk_format("LOCK TABLES %s WRITE", table->sql);
	bool locked = lk_my_locking(run, table, sql, false, error);
	free(sql);
	return locked;
}

/* Under LOCK TABLES; not to be cancelled, since that can damage a trigger (step/my_renew.h). */
static bool make(struct lk_step_run *run, const struct lk_table *table, const bool *there,
		 struct lk_error *error)
{
	bool made = true;
	lk_session_insist(run->session, true);
	for (int e = 0; made && e < TRIGGERS; e++) {
		char *sql = there[e] ? NULL : create_sql(run, table, e);
		made = there[e] || lk_execute(run->session, sql, error);
		free(sql);
	}
	lk_session_insist(run->session, false);
	return made;
}

/*
 * A KILL of a RENAME that exchanges two tables which both have triggers can leave one with a file of triggers that the
 * server cannot read (seen on 10.11.19: error 1343 for each statement on the table, RENAME and DROP TRIGGER too, until
 * somebody removes the .TRG file). Where only the first has any that has not happened in hundreds of KILLs.
 */
static bool shadow_has_none(struct lk_my_cut *cut, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(cut->run->session, &r, error,
		      "SELECT trigger_name FROM information_schema.triggers WHERE"
		      " event_object_schema = $1 AND event_object_table = $2",
		      cut->shadow.schema, cut->shadow.name))
		return false;
	bool none = r.rows == 0;
	if (!none)
		lk_fail(error, LK_ERROR_REFUSED,
			"%s has a trigger, %.80s: with triggers on both tables a KILL of the RENAME can make "
			"a table unusable on MariaDB",
			cut->shadow.shown, lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return none;
}

bool lk_my_cut_fence(struct lk_my_cut *cut, struct lk_error *error)
{
	bool there[TRIGGERS];
	struct lk_step_run *run = cut->run;
	if (!shadow_has_none(cut, error))
		return false;
	if (!read_fence(run, cut->table.schema, cut->table.name, there, error))
		return false;
	if (there[0] && there[1] && there[2])
		return true;
	if (!lock(run, &cut->table, error))
		return false;
	bool made = make(run, &cut->table, there, error);
	unlock(run->session);
	return made;
}

static bool drop(struct lk_step_run *run, const struct lk_table *table, const bool *there,
		 struct lk_error *error)
{
	bool dropped = true;
	lk_session_insist(run->session, true);
	for (int e = 0; dropped && e < TRIGGERS; e++) {
		char *bare = trigger_name(run, e);
		char *name = lk_my_quoted_name(run->session, table->schema, bare);
		char *sql = lk_format("DROP TRIGGER %s", name);
		dropped = !there[e] || lk_execute(run->session, sql, error);
		free(sql);
		free(name);
		free(bare);
	}
	lk_session_insist(run->session, false);
	return dropped;
}

/* A trigger whose name a KILL has taken can only be dropped once it has it again. */
static bool renew(struct lk_step_run *run, const struct lk_table *table, const bool *there,
		  struct lk_error *error)
{
	char *names[TRIGGERS];
	size_t count = 0;
	for (int e = 0; e < TRIGGERS; e++)
		if (there[e])
			names[count++] = trigger_name(run, e);
	bool renewed = lk_my_renew(run, table, names, count, false, error);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	return renewed;
}

static bool clean_table(struct lk_step_run *run, const char *schema, const char *name,
			struct lk_error *error)
{
	bool there[TRIGGERS];
	if (!read_fence(run, schema, name, there, error))
		return false;
	if (!there[0] && !there[1] && !there[2])
		return true;
	char *sql = lk_my_quoted_name(run->session, schema, name);
	struct lk_table table = {
		.schema = (char *)schema, .name = (char *)name, .sql = sql, .shown = (char *)name};
	bool cleaned = renew(run, &table, there, error) && lock(run, &table, error);
	if (cleaned) {
		cleaned = drop(run, &table, there, error);
		unlock(run->session);
	}
	free(sql);
	return cleaned;
}

static bool clean(struct lk_step_run *run, const struct lk_my_cut_over_tables *tables,
		  struct lk_error *error)
{
	struct lk_my_server server;
	if (!lk_my_server(run->session, &server, error))
		return false;
	return !server.maria || (clean_table(run, tables->schema, tables->table, error) &&
				 clean_table(run, tables->schema, tables->shadow, error) &&
				 clean_table(run, tables->schema, tables->old, error));
}

void lk_my_cut_mend(struct lk_my_cut *cut)
{
	char *names[TRIGGERS];
	struct lk_error ignored;
	for (int e = 0; e < TRIGGERS; e++)
		names[e] = trigger_name(cut->run, e);
	lk_my_renew(cut->run, &cut->table, names, TRIGGERS, true, &ignored);
	for (int e = 0; e < TRIGGERS; e++)
		free(names[e]);
}

bool lk_my_cut_over_clean(struct lk_step_run *run, const struct lk_my_cut_over_tables *tables,
			  struct lk_error *error)
{
	/* A pace of its own, which nobody stops. */
	struct lk_pace pace;
	struct lk_step_run own = *run;
	const atomic_bool *stop = run->session->stop;
	lk_pace_init(&pace, 0);
	own.pace = &pace;
	run->session->stop = NULL;
	bool cleaned = clean(&own, tables, error);
	run->session->stop = stop;
	lk_pace_destroy(&pace);
	return cleaned;
}
