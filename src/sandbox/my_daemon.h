/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One private server of MariaDB or MySQL: on a unix socket in a folder of ours and, for its replica, on a port of
 * 127.0.0.1. Start servers from the main thread (program.h).
 */
#ifndef LK_SANDBOX_MY_DAEMON_H
#define LK_SANDBOX_MY_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "sandbox/program.h"

struct lk_my_daemon;

/* How MariaDB's and MySQL's programs differ. */
struct lk_my_flavour {
	const char *title;
	/* The daemon's path, and that of the program that makes data folders (may be the same); the caller's.
	 * False and *error when there are none. */
	bool (*find)(char **daemon, char **install, struct lk_error *error);
	const char *const *make;    /* arguments of the latter, besides --datadir; ended by NULL */
	const char *const *always;  /* arguments of the daemon */
	const char *const *primary; /* and once it writes its binary log */
	/* Between braces in what follows: {password} of clients, {secret} of the replica, {port} of the primary. */
	/* Statements of the first start, one a line. */
	const char *init_sql;
	/* On the replica, to follow the primary; and whether it does: rows, or none. */
	const char *follow_sql, *follows_sql;
};

extern const struct lk_my_flavour lk_my_flavour_mariadb, lk_my_flavour_mysql;

struct lk_my_daemon {
	char data[220];	  /* SERVERS/NAME; beside it NAME.sock, NAME.pid, NAME.log */
	char folder[200]; /* SERVERS */
	char socket[230], log[230];
	int port, port_held; /* the port, and the descriptor that keeps it (base/port.h), -1 none */
	int id;		     /* as servers number themselves in replication */
	pid_t pid;	     /* 0 while it does not run */
};

void lk_my_daemon_name(struct lk_my_daemon *daemon, const char *servers, const char *name, int id);
/* Takes a port of 127.0.0.1 for it, until lk_my_daemon_release. */
bool lk_my_daemon_take_port(struct lk_my_daemon *daemon, struct lk_error *error);
void lk_my_daemon_release(struct lk_my_daemon *daemon);
/* Starts it with arguments (ended by NULL); it may not answer yet. */
bool lk_my_daemon_start(struct lk_my_daemon *daemon, const struct lk_program_user *as,
			const char *const *arguments, struct lk_error *error);
/* Waits until a link to `uri` can be opened. A server that ends meanwhile, or does not answer, is an error. */
bool lk_my_daemon_wait(struct lk_my_daemon *daemon, const char *uri, struct lk_error *error);
/* SIGTERM for a clean end, or SIGKILL. Waits until it is gone. */
void lk_my_daemon_stop(struct lk_my_daemon *daemon, int signal);

#endif
