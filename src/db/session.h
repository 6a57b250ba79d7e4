/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection to the target with one purpose ("worker", "watch", …). Every session calls itself
 * "lockkeeper:RUN:ROLE" in the server's list. A session belongs to one thread, except for
 * lk_session_cancel_* and lk_session_interrupt, which any thread may call while it is open.
 */
#ifndef LK_DB_SESSION_H
#define LK_DB_SESSION_H

#include <stdatomic.h>

#include "db/driver.h"
#include "db/flight.h"

/* How a finished statement is told to whoever keeps the list of what we sent. */
typedef void lk_session_sent(void *context, const char *role, const char *sql, double took_ms,
			     int64_t rows, const struct lk_error *error);

struct lk_session {
	const struct lk_driver *driver;
	void *connection;
	char *uri, *run; /* as it was opened */
	char role[16];
	int id; /* the server's number of it */
	struct lk_flight flight;
	/* While *stop is true every statement but lk_rollback fails with class CANCELLED, unsent. NULL: never. */
	const atomic_bool *stop;
	bool insisting;	       /* see lk_session_insist */
	lk_session_sent *sent; /* may be NULL */
	void *sent_context;
};

/* The driver for a URI's scheme, or NULL and a sentence that names the legal ones. */
const struct lk_driver *lk_driver_for(const char *uri, struct lk_error *error);

/*
 * Each folder above has a table of operations for each engine. True when it has one for this session's engine;
 * NULL means that the engine is not served there yet, which is refused in the same words everywhere.
 */
bool lk_session_served(const struct lk_session *session, const void *operations,
		       struct lk_error *error);

struct lk_session *lk_session_open(const char *uri, const char *run, const char *role,
				   struct lk_error *error);
/* Another session to the same place for the same run. */
struct lk_session *lk_session_beside(const struct lk_session *session, const char *role,
				     struct lk_error *error);
void lk_session_close(struct lk_session *session);
/*
 * From now on no statement of the session takes longer than this, nor waits longer for a lock, as far as the
 * engine can see to it (MySQL ends reading statements alone): for sessions whose thread must not be kept.
 */
bool lk_session_limit(struct lk_session *session, int statement_ms, int lock_ms,
		      struct lk_error *error);

/* Statements without parameters and without rows; several may stand in one text. */
bool lk_execute(struct lk_session *session, const char *sql, struct lk_error *error);
/* A statement that fails with `refusal`, an error's number, while another one should not go out. */
struct lk_look {
	const char *sql;
	int refusal;
};
/*
 * A statement in one text with a look in front of it, so that little time lies between them: what stands behind one that
 * has failed is not carried out. *refused: so it was, which is told to nobody who keeps a list.
 */
bool lk_execute_behind(struct lk_session *session, const struct lk_look *look, const char *sql,
		       bool *refused, struct lk_error *error);
/* One statement. `parameters` are texts, NULL for SQL NULL. *result is the caller's, empty on failure. */
bool lk_query(struct lk_session *session, struct lk_result *result, struct lk_error *error,
	      const char *sql, size_t count, const char *const *parameters);
/* lk_query with the parameters as arguments: LK_QUERY(s, &r, &e, "SELECT $1::int", "7") */
#define LK_QUERY(session, result, error, sql, ...)                                                 \
	lk_query((session), (result), (error), (sql),                                              \
		 sizeof((const char *[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1,               \
		 (const char *[]){NULL, ##__VA_ARGS__} + 1)
/* LK_QUERY whose rows nobody needs. */
#define LK_RUN(session, error, sql, ...) LK_QUERY(session, NULL, error, sql, ##__VA_ARGS__)

/* While on, statements go out although a stop was asked for, and are not cancelled: for the few that put
 * something back in order. */
void lk_session_insist(struct lk_session *session, bool on);

bool lk_begin(struct lk_session *session, struct lk_error *error);
bool lk_commit(struct lk_session *session, struct lk_error *error);
/* Ends any transaction; never fails visibly (a broken connection has no transaction). Ignores *stop. */
void lk_rollback(struct lk_session *session);

/*
 * Cancelling what another thread's session runs takes two calls, so that the session cannot be closed in
 * between: _begin, under whatever lock guards the pointer to the session, marks the cancel as on its way
 * (lk_session_close and the next statement wait for it) and yields false when nothing runs; then _finish,
 * without any lock, sends it by a statement on `control` (the calling thread's own session, may be NULL) or
 * directly when that fails.
 */
bool lk_session_cancel_begin(struct lk_session *session);
bool lk_session_cancel_finish(struct lk_session *session, struct lk_session *control,
			      struct lk_error *error);
/*
 * Proves that an earlier session of the same run and role, number `id` (0: there was none), is gone: behind a
 * broken connection the server may still hold its locks, or still be at work. Ends it if need be.
 */
bool lk_session_end_lost(struct lk_session *session, int id, struct lk_error *error);
/* Makes the session's current and future calls fail soon. For shutdown. */
void lk_session_interrupt(struct lk_session *session);

#endif
