/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of operations that an engine's client library stands behind. Everything above calls
 * session.h; only pg_* (and my_*) files know a client library.
 */
#ifndef LK_DB_DRIVER_H
#define LK_DB_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "db/result.h"

/* MariaDB is MySQL here; which of the two a server is, and its version, are facts about the server. */
enum lk_engine { LK_ENGINE_POSTGRES, LK_ENGINE_MYSQL, LK_ENGINES };

struct lk_driver {
	enum lk_engine engine;
	const char *name;	    /* "postgresql", as in --json */
	const char *title;	    /* "PostgreSQL", as in a sentence */
	const char *const *schemes; /* of URIs it serves, NULL at the end */
	/* Opens a connection that calls itself `name` in the server's list of sessions. */
	void *(*open)(const char *uri, const char *name, struct lk_error *error);
	void (*close)(void *connection);
	/* One statement with text parameters (NULL is SQL NULL), or, with no parameters, any number of
	 * statements. *result may be NULL. Blocks. */
	bool (*execute)(void *connection, const char *sql, size_t count,
			const char *const *parameters, struct lk_result *result,
			struct lk_error *error);
	/* The server's number of the session; MySQL's beyond 2^31 are negative here, and still name the session. */
	int (*session_id)(const void *connection);
	/* Makes a blocked or future call on the connection fail soon; from any thread, even half-open. */
	void (*interrupt)(void *connection);
	/* Cancels the statement that session `id` runs, by a statement on another open connection. */
	bool (*cancel)(void *connection, int id, struct lk_error *error);
	/* Ends session `id` if it calls itself what this connection does; *gone once it is not there any more. */
	bool (*end_namesake)(void *connection, int id, bool *gone, struct lk_error *error);
	/* The same as cancel without any open connection of ours, when that fails. */
	bool (*cancel_directly)(void *connection, struct lk_error *error);
	/* The statement that limits what a session's statements, and their waits for locks, may take; the
	 * caller's. Rounded up to what the engine counts in. */
	char *(*limits)(int statement_ms, int lock_ms);
	/* Where the connection goes, without secrets: "app@db1:5432/shop". The caller's. */
	char *(*describe)(const void *connection);
	/* Quoted forms, the caller's. */
	char *(*quote_name)(const char *name);
	char *(*quote_text)(const char *text);
};

extern const struct lk_driver lk_pg_driver;
/* Without a client library of MySQL its `open` says so. */
extern const struct lk_driver lk_my_driver;

#endif
