/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The servers of one sandbox: a primary with the shop's rows and a replica that follows it, in its folder. */
#ifndef LK_SANDBOX_SERVERS_H
#define LK_SANDBOX_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/folder.h"
#include "sandbox/program.h"

struct lk_servers;
struct lk_servers_start;

enum lk_servers_role { LK_SERVERS_PRIMARY, LK_SERVERS_REPLICA };

/* A kind of server that there is a sandbox of; pg_servers.c and my_servers.c have them. */
struct lk_servers_kind {
	const char *word;  /* on the command line: "postgres" */
	const char *title; /* in sentences: "PostgreSQL" */
	/* Finds the programs and whom they run as; fills servers->as and servers->own. */
	bool (*find)(struct lk_servers *servers, struct lk_error *error);
	/* In the folder: both servers, and the shop with its rows. What failed may still run. */
	bool (*start)(struct lk_servers_start *start, struct lk_error *error);
	/* As lk_servers_stop. */
	void (*stop)(struct lk_servers *servers, bool clean);
	/* Of the shop, for the user who may do everything or for the application's; the caller's. */
	char *(*uri)(const struct lk_servers *servers, enum lk_servers_role role, bool application);
	void (*free)(struct lk_servers *servers);
};

struct lk_servers {
	const struct lk_servers_kind *kind;
	struct lk_program_user as;
	struct lk_folder folder;
	void *own; /* the kind's */
};

/* One line for a person, whenever a stage of a start is over. */
typedef void lk_servers_progress(void *context, const char *line);

/* A start on its way. */
struct lk_servers_start {
	struct lk_servers *servers;
	int64_t rows;	 /* of the users */
	int connections; /* of the application, which must fit beside those of keepers and people */
	lk_servers_progress *progress;
	void *context;
	int64_t last_us; /* when the last stage ended */
};

/* Ended by NULL; the first is the default. */
extern const struct lk_servers_kind *const lk_servers_kinds[];
/* By its word; NULL when there is none. */
const struct lk_servers_kind *lk_servers_kind(const char *word);
extern const struct lk_servers_kind lk_servers_postgres, lk_servers_mariadb, lk_servers_mysql;

/* Fills *servers and finds the programs; lk_servers_free it in any case. */
bool lk_servers_find(struct lk_servers *servers, const struct lk_servers_kind *kind,
		     struct lk_error *error);
/*
 * Starts both servers in servers->folder, which the caller has made, and creates the shop's database. On
 * failure nothing runs. `start` has no last_us yet.
 */
bool lk_servers_start(struct lk_servers_start *start, struct lk_error *error);
/* For the kinds: says what was done and how long it took. */
void lk_servers_stage_done(struct lk_servers_start *start, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Ends both; `clean` when their data folders are to be used again. */
void lk_servers_stop(struct lk_servers *servers, bool clean);
void lk_servers_free(struct lk_servers *servers);

/* The URI of the shop; the caller's. */
char *lk_servers_uri(const struct lk_servers *servers, enum lk_servers_role role, bool application);

#endif
