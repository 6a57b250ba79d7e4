/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PostgreSQL installation and the servers started from it: private ones, on a unix socket in a
 * folder of ours, never on a network. As root the programs run as an unprivileged user, else as
 * ourselves.
 *
 * A server is a child of the thread that started it and is told to end (SIGQUIT, immediate
 * shutdown) when that thread dies, however it dies: start servers from the main thread.
 */
#ifndef LK_SANDBOX_PG_DAEMON_H
#define LK_SANDBOX_PG_DAEMON_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/error.h"
#include "sandbox/program.h"

struct lk_postgres {
	char bin[200];		   /* the folder of initdb, postgres, pg_basebackup */
	struct lk_program_user as; /* whom its programs run as */
};

struct lk_postgres_server {
	char data[220];
	char sockets[200]; /* the folder of its socket */
	char log[230];
	int port;  /* only a part of the socket's name */
	pid_t pid; /* 0 while it does not run */
};

/* The name of the superuser that lk_postgres_initdb makes. */
#define LK_POSTGRES_USER "postgres"

/*
 * Finds the programs: $LOCKKEEPER_PG_BINDIR if set (then nowhere else), the newest of the places
 * where distributions put them, what pg_config names, PATH. And the user: as root "postgres" or,
 * where there is none, "nobody".
 */
bool lk_postgres_find(struct lk_postgres *postgres, struct lk_error *error);
/*
 * Runs one of its programs (arguments[0] is the bare name) in a folder and waits for it. Output is
 * added to the log; on failure the error ends with the log's last line.
 */
bool lk_postgres_run(const struct lk_postgres *postgres, const char *const *arguments,
		     const char *folder, const char *log, struct lk_error *error);
/* Fills the server's names: data folder servers/name, log servers/name.log, socket in servers. */
void lk_postgres_name(struct lk_postgres_server *server, const char *servers, const char *name,
		      int port);
/* Makes the data folder: UTF-8, C.UTF-8, no password on the private socket, fsync off. */
bool lk_postgres_initdb(const struct lk_postgres *postgres, const struct lk_postgres_server *server,
			struct lk_error *error);
/* Adds lines to its postgresql.conf; read at the next start. */
bool lk_postgres_configure(const struct lk_postgres_server *server, const char *lines,
			   struct lk_error *error);
/* Copies a running server into the data folder of a new standby (with the slot and name `slot`). */
bool lk_postgres_copy(const struct lk_postgres *postgres, const struct lk_postgres_server *from,
		      const struct lk_postgres_server *to, const char *slot,
		      struct lk_error *error);
/* Starts it and waits until it answers. */
bool lk_postgres_start(const struct lk_postgres *postgres, struct lk_postgres_server *server,
		       struct lk_error *error);
/* Ends it with SIGINT (fast), SIGQUIT (immediate) or SIGKILL and waits until it is gone; a server
 * that does not go within 30 s is killed. */
void lk_postgres_stop(struct lk_postgres_server *server, int signal);
/* "host=… port=… user=… dbname=… application_name=…", the caller's. */
char *lk_postgres_conninfo(const struct lk_postgres_server *server, const char *user,
			   const char *database, const char *application);
/* postgresql:///database?host=…&port=…&user=…, the caller's. */
char *lk_postgres_uri_of(const struct lk_postgres_server *server, const char *database,
			 const char *user);
/* The same of the superuser. */
char *lk_postgres_uri(const struct lk_postgres_server *server, const char *database);
/* A new connection, or NULL and *error. */
PGconn *lk_postgres_connect(const struct lk_postgres_server *server, const char *user,
			    const char *database, const char *application, struct lk_error *error);

/* What libpq says went wrong with a result (or, with NULL, with the connection); always returns
 * false. */
bool lk_postgres_failed(PGconn *connection, const PGresult *result, struct lk_error *error);
/* Runs statements and throws rows away. */
bool lk_postgres_execute(PGconn *connection, const char *sql, struct lk_error *error);

#endif
