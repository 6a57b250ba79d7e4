/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What differs between the servers that chaos happens to: how they are started and struck, and the statements
 * that look at them. A row each; nothing else of the test knows which it is.
 *
 * Texts that the functions return are the caller's. Statements that ask yes or no yield "t" or "1" for yes.
 */
#ifndef LK_TESTS_CHAOS_ENGINE_H
#define LK_TESTS_CHAOS_ENGINE_H

#include <stdbool.h>
#include <sys/types.h>

enum lk_chaos_node { LK_CHAOS_PRIMARY, LK_CHAOS_REPLICA, LK_CHAOS_NODES };

/* In the order in which a run comes by. */
enum lk_chaos_moment {
	LK_CHAOS_IN_BIRTH, /* of the journal and of the run in it */
	LK_CHAOS_IN_DUAL_WRITE,
	LK_CHAOS_IN_CHUNK,
	LK_CHAOS_BEFORE_RECORD, /* between a statement and the journal's record of it */
	LK_CHAOS_IN_COMMIT,
	LK_CHAOS_IN_VERIFY,
	LK_CHAOS_IN_VALIDATE,
	LK_CHAOS_IN_INDEX,
	LK_CHAOS_IN_DROP, /* of the old column, or of whatever is taken back */
	LK_CHAOS_MOMENTS,
	LK_CHAOS_ANY_TIME = LK_CHAOS_MOMENTS
};

struct lk_chaos_sign {
	const char *name, *worker; /* a condition on the worker's row in the list of sessions */
	int step;   /* of the derived plan, forward; a later one begun: it has passed */
	int gap_ms; /* between looks: those that are over in no time are looked at without a pause */
};

struct lk_chaos_engine {
	const char *name;	 /* as in CHAOS_ENGINE */
	bool (*available)(void); /* whether there is such a server on this system */

	/* A primary and its replica; with an address, the primary listens there too and lets everybody in who comes
	 * from `network`. */
	void *(*start)(const char *address, const char *network);
	void (*stop)(void *servers);
	/* As the test itself reaches the primary, as a keeper does at that address, or through a port of the
	 * loopback that leads to the unix socket. */
	char *(*uri)(const void *servers);
	char *(*uri_at)(const void *servers, const char *address);
	char *(*uri_by_port)(int port);
	char *(*socket)(const void *servers);
	char *(*log)(const void *servers, enum lk_chaos_node node);
	/* Ends a server, in order or as after a crash, and starts it; makes it stand still and go on. */
	void (*down)(void *servers, enum lk_chaos_node node, bool immediate);
	void (*up)(void *servers, enum lk_chaos_node node);
	void (*kill)(void *servers, enum lk_chaos_node node);
	void (*freeze)(void *servers, enum lk_chaos_node node, bool frozen);
	/* kill -9 of the process that serves these sessions, after which the primary comes back by itself or is
	 * started by whoever watches over it. */
	void (*kill_sessions)(void *servers, const pid_t *sessions, int count);
	bool has_processes;    /* of its sessions: one of them can stand still */
	bool survives_no_room; /* a full disk passes without a person */

	/* Statements. */
	const char *ready;    /* the primary takes writes */
	const char *followed; /* a replica is connected */
	char *(*end)(int session);
	char *(*seed)(int number); /* from 1 to a million: what the session draws next */
	/* The numbers of the run's sessions with this role ("worker", "%"), of which a condition holds. */
	char *(*sessions)(const char *role, const char *condition);
	const struct lk_chaos_sign *signs; /* LK_CHAOS_MOMENTS + 1 */
	/* "NUMBER" or "NUMBER back" of the newest run's last step begun. */
	const char *where;
	/* TABLE users (id, username, note) with an index on username, and users_ledger (id, value). */
	char *(*make_users)(int rows);
	/* One transaction of an application: a row changed, added or removed, and noted in the ledger. */
	char *(*write)(bool new_release);
	/*
	 * One row, one snapshot: what disagrees between journal and catalog (NULL nothing), a text that changes
	 * whenever the run moves, the cursor's key (NULL none), whether both columns are there.
	 */
	const char *look;
	bool one_snapshot; /* that is one indeed: what disagrees need not be looked at twice */
	/* Rows behind the cursor that differ, the first of them, the cursor's key. */
	const char *behind;
	/* How many rows differ from the ledger: with the old column, with the new one. */
	const char *differ[2];
	/* Everything on or beside the table, as text; and what it has to be with that column alone. */
	const char *schema;
	char *(*schema_wanted)(const char *column);
	const char *letters; /* of the newest run's steps' states, "ddp" */
	const char *state;   /* of the newest run, " back" behind it on the way back */
	const char *events;  /* the journal's own story */
};

extern const struct lk_chaos_engine lk_chaos_postgres, lk_chaos_mariadb, lk_chaos_mysql;
/* All there are, NULL at the end. */
extern const struct lk_chaos_engine *const lk_chaos_engines[];

#endif
