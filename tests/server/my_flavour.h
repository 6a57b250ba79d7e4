/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What differs between the servers that test programs start as "MySQL": a table of operations, a row each. */
#ifndef LK_TESTS_MY_FLAVOUR_H
#define LK_TESTS_MY_FLAVOUR_H

#include <mysql.h>
#include <stdbool.h>
#include <stddef.h>

struct lk_test_programs {
	char *daemon, *install; /* install makes a data folder */
};

struct lk_test_flavour {
	const char *name;  /* "mariadb", as in the environment's LK_MYSQL */
	const char *label; /* "MariaDB", for people */
	/* Fills the programs, the caller's; false when they are not all there. */
	bool (*find)(struct lk_test_programs *programs);
	/* Arguments that make a data folder, and those of every server and of a primary; NULL at the end. */
	const char *const *install, *const *always, *const *primary;
	/* Statements, the caller's: follow the primary at that port from the beginning of its binlog; apply
	 * everything so many seconds late. */
	char *(*follow)(int port);
	char *(*delay)(int seconds);
	const char *halt, *resume; /* replication */
	const char *status;	   /* one row, with the two columns that follow */
	const char *receives, *applies;
	/* A query for what is written so far, and one, the caller's, that waits until that is applied, at most
	 * so many seconds, and then yields 1. */
	const char *written;
	char *(*applied)(const char *written, int seconds);
};

/* All of them, NULL at the end. */
extern const struct lk_test_flavour *const lk_test_flavours[];

#endif
