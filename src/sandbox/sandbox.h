/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A private, real server with a replica and an application of two releases, in a process of its
 * own. These are the calls of the program that asked for it; the sandbox's own process is
 * server.c's.
 */
#ifndef LK_SANDBOX_SANDBOX_H
#define LK_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The default is taken for a member that is 0, but for `writes`, where a negative number asks for
 * it. */
struct lk_sandbox_options {
	const char *kind;    /* of the servers: "postgres" (the default), "mariadb", "mysql" */
	int64_t rows;	     /* of the users table; default 1,000,000 */
	int writes;	     /* transactions a second of the application; 0: no load; default 300 */
	int connections;     /* default 8 */
	int64_t max_time_ms; /* the sandbox ends itself after this; default 2 h */
	int64_t idle_ms; /* or after this without a console and without a keeper; default 60 s */
	bool keep;	 /* leave the folder when it ends */
};

struct lk_sandbox {
	char folder[200];
	char uri[500]; /* of the primary's database: postgresql:///shop?host=… */
	char replica_uri[500];
	char application_file[240]; /* JSON, rewritten several times a second; see application.h */
	int pid;		    /* of the sandbox's process */
	int connection;		    /* keeps the sandbox alive while open */
};

/* What the application saw, and what the rows of all its tables say. */
struct lk_sandbox_result {
	int64_t transactions, errors;
	double p50_ms, p95_ms, p99_ms, max_ms, p99_alone_ms, longest_stall_ms;
	char first_error[300];
	int64_t rows, rows_compared, rows_different;
};

/*
 * Starts a sandbox and waits until it serves. `progress` (may be NULL) gets one line for each
 * stage. Leftovers of sandboxes that were killed are removed first. A started sandbox is given up
 * with lk_sandbox_stop, or by closing `connection`: it ends by itself idle_ms after that.
 */
bool lk_sandbox_start(const struct lk_sandbox_options *options,
		      void (*progress)(void *context, const char *line), void *context,
		      struct lk_sandbox *sandbox, struct lk_error *error);
/* Stops the application, for good, and compares every row with what it wrote. May be called again
 * for another comparison. */
bool lk_sandbox_result(struct lk_sandbox *sandbox, struct lk_sandbox_result *result,
		       struct lk_error *error);
/* The same comparison while the application goes on. */
bool lk_sandbox_compare(struct lk_sandbox *sandbox, struct lk_sandbox_result *result,
			struct lk_error *error);
/* All that the catalog says about the shop's tables, sorted lines; the caller's, NULL and *error when it
 * cannot be read. */
char *lk_sandbox_shape(const struct lk_sandbox *sandbox, struct lk_error *error);
/* Ends servers and process and waits until they and the folder are gone (unless it is to be kept).
 */
bool lk_sandbox_stop(struct lk_sandbox *sandbox, struct lk_error *error);

/* The sandbox's own process (`lockkeeper sandbox-server …`). */
int lk_sandbox_server_main(int argc, char **argv);

#endif
