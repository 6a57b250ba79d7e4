/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a seed of the chaos test happens to: a primary with a replica, people with homes of their own,
 * the real program. Where the system permits it, the keeper lives behind a network interface of its
 * own (else behind a proxy) and folders can be small file systems; what it does not permit is in
 * `missing`.
 *
 * Threads: made, ended and struck by faults on the main thread (servers end with the thread that
 * started them); the functions that start programs may be called from any thread.
 */
#ifndef LK_TESTS_CHAOS_WORLD_H
#define LK_TESTS_CHAOS_WORLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "tests/chaos/proxy.h"
#include "tests/chaos/engine.h"

enum lk_chaos_person { LK_CHAOS_ALICE, LK_CHAOS_BOB, LK_CHAOS_PEOPLE };

enum {
	LK_CHAOS_ROWS = 30000,
	LK_CHAOS_SERVER_MIB = 512, /* the servers' file system */
	LK_CHAOS_STATE_KIB = 512,  /* of a person's state */
};

#define LK_CHAOS_PLAN "chaos"

/* What a seed needs beyond the usual; read before the world is opened. */
struct lk_chaos_needs {
	bool network, small_server_disk, small_state_disk, clock;
};

struct lk_chaos_world {
	struct lk_chaos_needs has; /* of the needs, those that could be met */
	char missing[160];	   /* why the others could not, "" when all could */
	char folder[40];
	char *program, *clock_shim;
	char homes[LK_CHAOS_PEOPLE][64];
	const struct lk_chaos_engine *engine;
	void *servers;		       /* the engine's */
	char *uri;		       /* as the keeper reaches the primary */
	struct lk_chaos_proxy *proxy;  /* instead of a network of its own; NULL none */
	pid_t behind;		       /* a process in the keeper's network namespace; 0 none */
	_Atomic int64_t *clock_offset; /* seconds, read by the shim; NULL without */
	_Atomic pid_t console;	       /* the program that a person looks at now; 0 none */
	int lock;
	bool keep; /* leave the folder */
};

/* Namespaces must be entered before any thread is started: once, first thing in the process. */
void lk_chaos_world_open(struct lk_chaos_world *world, const struct lk_chaos_engine *engine,
			 const struct lk_chaos_needs *needs);
/* Ends every process that is left, however it stands, then the servers. */
void lk_chaos_world_close(struct lk_chaos_world *world);

struct lk_chaos_said {
	int status;	/* of the exit, or 128 + signal */
	bool hung;	/* it was ended because its time was over */
	char text[600]; /* the last it said on standard error, in one line */
};

/*
 * The program with these arguments (NULL at the end) in a person's home, and its end within so many milliseconds.
 * While it runs it is the person's console when the person is Alice.
 */
struct lk_chaos_said lk_chaos_do(struct lk_chaos_world *world, enum lk_chaos_person person,
				 int limit_ms, const char *const *arguments);
/* `lockkeeper run` of the plan with these gates answered. */
struct lk_chaos_said lk_chaos_run(struct lk_chaos_world *world, enum lk_chaos_person person,
				  int limit_ms, const char *gates);

/* Where a person's home in a world's folder is. */
void lk_chaos_home_name(const char *folder, enum lk_chaos_person person, char *home, size_t size);
/* The process that listens on a person's socket, also when it stands still; 0 when there is none. */
pid_t lk_chaos_keeper(const struct lk_chaos_world *world, enum lk_chaos_person person);
bool lk_chaos_process_gone(pid_t pid);

#endif
