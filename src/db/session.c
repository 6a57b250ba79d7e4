/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/session.h"

#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"

/* A session that was told to end is given this long before the caller is told that it is still there. */
#define END_LOST_US 2000000

static const struct lk_driver *const drivers[] = {&lk_pg_driver, &lk_my_driver};

static bool has_scheme(const struct lk_driver *driver, const char *uri)
{
	for (size_t i = 0; driver->schemes[i]; i++)
		if (strncmp(uri, driver->schemes[i], strlen(driver->schemes[i])) == 0)
			return true;
	return false;
}

const struct lk_driver *lk_driver_for(const char *uri, struct lk_error *error)
{
	struct lk_buffer legal = {0};
	for (size_t d = 0; d < LK_COUNT(drivers); d++)
		if (has_scheme(drivers[d], uri))
			return drivers[d];
	for (size_t d = 0; d < LK_COUNT(drivers); d++)
		for (size_t i = 0; drivers[d]->schemes[i]; i++)
			lk_buffer_addf(&legal, "%s%s", legal.length ? ", " : "",
				       drivers[d]->schemes[i]);
	lk_fail(error, LK_ERROR_USAGE,
		"\"%s\" is not a target: give a name from the settings or a URI that begins with %s",
		uri, lk_buffer_text(&legal));
	lk_buffer_free(&legal);
	return NULL;
}

bool lk_session_served(const struct lk_session *session, const void *operations,
		       struct lk_error *error)
{
	return operations ||
	       lk_fail(error, LK_ERROR_REFUSED, "%s can be connected to, but not migrated yet",
		       session->driver->title);
}

struct lk_session *lk_session_open(const char *uri, const char *run, const char *role,
				   struct lk_error *error)
{
	const struct lk_driver *driver = lk_driver_for(uri, error);
	if (!driver)
		return NULL;
	char *name = lk_format("lockkeeper:%s:%s", run, role);
	void *connection = driver->open(uri, name, error);
	free(name);
	if (!connection)
		return NULL;
	struct lk_session *session = lk_alloc(sizeof *session);
	session->driver = driver;
	session->connection = connection;
	session->uri = lk_strdup(uri);
	session->run = lk_strdup(run);
	session->id = driver->session_id(connection);
	LK_COPY(session->role, role);
	lk_flight_init(&session->flight);
	return session;
}

struct lk_session *lk_session_beside(const struct lk_session *session, const char *role,
				     struct lk_error *error)
{
	return lk_session_open(session->uri, session->run, role, error);
}

void lk_session_close(struct lk_session *session)
{
	if (!session)
		return;
	/* Waits for cancels that are on their way to this session. */
	lk_flight_begin(&session->flight);
	session->driver->close(session->connection);
	lk_flight_destroy(&session->flight);
	free(session->uri);
	free(session->run);
	free(session);
}

bool lk_session_limit(struct lk_session *session, int statement_ms, int lock_ms,
		      struct lk_error *error)
{
	char *sql = session->driver->limits(statement_ms, lock_ms);
	bool limited = lk_execute(session, sql, error);
	free(sql);
	return limited;
}

/* No error's number. */
enum { NONE_UNSAID = -1 };

/* The list of what we sent has it as `shown`, unless it fails with the error `unsaid`. */
static bool run_statement(struct lk_session *session, struct lk_result *result,
			  struct lk_error *error, const char *sql, size_t count,
			  const char *const *parameters, const char *shown, int unsaid)
{
	struct lk_error ignored;
	if (lk_flight_begin(&session->flight))
		session->driver->execute(session->connection, "", 0, NULL, NULL, &ignored);
	int64_t from = lk_clock_us();
	bool done = session->driver->execute(session->connection, sql, count, parameters, result,
					     error);
	lk_flight_end(&session->flight);
	if (session->sent && (done || error->number != unsaid))
		session->sent(session->sent_context, session->role, shown,
			      (double)(lk_clock_us() - from) / 1000.0,
			      done && result
				      ? (result->rows ? (int64_t)result->rows : result->affected)
				      : 0,
			      done ? NULL : error);
	return done;
}

/* False, with *error, once it was told to stop. */
static bool may_send(const struct lk_session *session, struct lk_error *error)
{
	lk_error_clear(error);
	return !session->stop || session->insisting || !atomic_load(session->stop) ||
	       lk_fail(error, LK_ERROR_CANCELLED, "stopped before the statement was sent");
}

bool lk_query(struct lk_session *session, struct lk_result *result, struct lk_error *error,
	      const char *sql, size_t count, const char *const *parameters)
{
	struct lk_result unwanted = {0};
	if (result)
		memset(result, 0, sizeof *result);
	if (!may_send(session, error))
		return false;
	bool done = run_statement(session, result ? result : &unwanted, error, sql, count,
				  parameters, sql, NONE_UNSAID);
	lk_result_free(&unwanted);
	return done;
}

bool lk_execute_behind(struct lk_session *session, const struct lk_look *look, const char *sql,
		       bool *refused, struct lk_error *error)
{
	*refused = false;
	if (!may_send(session, error))
		return false;
	/* The mark that the driver puts in front of a text is the look's. */
	char *both = lk_format("%s; /* lockkeeper:%s */ %s", look->sql, session->role, sql);
	bool done = run_statement(session, NULL, error, both, 0, NULL, sql, look->refusal);
	free(both);
	*refused = !done && error->number == look->refusal;
	return done;
}

bool lk_execute(struct lk_session *session, const char *sql, struct lk_error *error)
{
	return lk_query(session, NULL, error, sql, 0, NULL);
}

void lk_session_insist(struct lk_session *session, bool on)
{
	session->insisting = on;
	lk_flight_shield(&session->flight, on);
}

bool lk_begin(struct lk_session *session, struct lk_error *error)
{
	/* Not BEGIN, which opens a block of statements where MariaDB's sql_mode is ORACLE. */
	return lk_execute(session, "START TRANSACTION", error);
}

bool lk_commit(struct lk_session *session, struct lk_error *error)
{
	return lk_execute(session, "COMMIT", error);
}

void lk_rollback(struct lk_session *session)
{
	struct lk_error ignored;
	run_statement(session, NULL, &ignored, "ROLLBACK", 0, NULL, "ROLLBACK", NONE_UNSAID);
}

bool lk_session_cancel_begin(struct lk_session *session)
{
	return lk_flight_cancel_begin(&session->flight) != 0;
}

bool lk_session_cancel_finish(struct lk_session *session, struct lk_session *control,
			      struct lk_error *error)
{
	bool sent = control && control->driver->cancel(control->connection, session->id, error);
	if (!sent)
		sent = session->driver->cancel_directly(session->connection, error);
	lk_flight_cancel_end(&session->flight);
	return sent;
}

bool lk_session_end_lost(struct lk_session *session, int id, struct lk_error *error)
{
	int64_t until = lk_clock_us() + END_LOST_US;
	bool gone = id == 0;
	while (!gone) {
		if (!session->driver->end_namesake(session->connection, id, &gone, error))
			return false;
		if (!gone && lk_clock_us() > until)
			return lk_fail(error, LK_ERROR_LOST,
				       "our own lost session %d has not ended yet", id);
		if (!gone)
			lk_sleep_ms(10);
	}
	return true;
}

void lk_session_interrupt(struct lk_session *session)
{
	session->driver->interrupt(session->connection);
}
