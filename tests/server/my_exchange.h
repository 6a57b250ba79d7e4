/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table t, a shadow of it and their cut-over, for tests without a stream: the drain brings the shadow to what the table
 * is, whole, in either direction. Writers leave a record of what they wrote.
 */
#ifndef LK_TESTS_MY_EXCHANGE_H
#define LK_TESTS_MY_EXCHANGE_H

#include "shadow/my_cut_over.h"
#include "tests/server/my_load.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

enum { EXCHANGE_WRITERS = 6 };

struct my_exchange {
	const struct lk_test_my *server;
	struct lk_test_steps steps;
	struct lk_my_cut_over order;
	struct lk_my_cut_over_report report;
	enum lk_outcome outcome;
	/* What happens once, at a point, and whatever it needs; called on the cut-over's thread. */
	void (*act)(struct my_exchange *exchange);
	enum lk_my_cut_over_point act_at;
	bool acting;
	atomic_bool acted; /* it is over */
	MYSQL *other;	   /* a connection of the test's */
	pthread_t thread, helper;
	const char *helper_sql;
	bool helping;
	atomic_bool helped;
	int behind;  /* so many drains are not reached in time */
	bool begins; /* the drain begins with START TRANSACTION, as it must not */
	char first_why[400];
	struct lk_test_my_load *writers[EXCHANGE_WRITERS];
};

/* Makes the tables: t with rows, t_lk_new like it; t_lk_old is not there. */
void my_exchange_open(struct my_exchange *exchange, const struct lk_test_my *server);
/* Fails the test if anything of ours is left: a trigger, a user lock, a session that is not the test's. */
void my_exchange_close(struct my_exchange *exchange);

enum lk_outcome my_exchange_run(struct my_exchange *exchange);
void my_exchange_must(struct my_exchange *exchange);
/* In a thread of its own. */
void my_exchange_begin(struct my_exchange *exchange);
enum lk_outcome my_exchange_end(struct my_exchange *exchange);
/* The next one goes the other way: t to the shadow's name, the old table to t. */
void my_exchange_turn(struct my_exchange *exchange);
/* A statement of `other` in a thread of its own; returns when the server shows it waiting (state LIKE), or it is over. */
void my_exchange_meanwhile(struct my_exchange *exchange, const char *sql, const char *state);
void my_exchange_meanwhile_end(struct my_exchange *exchange);

/* Writers of many kinds, with a pause after each transaction. */
void my_exchange_write(struct my_exchange *exchange, int pause_us);
void my_exchange_let_write(struct my_exchange *exchange, int64_t more);
/* Stops them. Every row that they have written down is in t as they wrote it; their errors are counted, the first one told
 * in first_error; returns the longest of a transaction, in ms. */
double my_exchange_compare(struct my_exchange *exchange, int64_t *errors, char first_error[300]);
/* That, and no error at all. */
double my_exchange_all_there(struct my_exchange *exchange);
/* No lock, no statement and no fence of ours. */
void my_exchange_nothing_left(struct my_exchange *exchange);

#endif
