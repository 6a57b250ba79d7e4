/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the threads of the application share; known to its own files only. */
#ifndef LK_SANDBOX_CREW_H
#define LK_SANDBOX_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "sandbox/application.h"
#include "sandbox/buyer.h"
#include "sandbox/figures.h"
#include "sandbox/release.h"

struct lk_crew {
	struct lk_application *application;
	struct lk_buyer buyer; /* the thread's own */
	pthread_t thread;
	bool started;
	/* guarded by the application's mutex */
	int socket;		   /* of its connection, to break it off; -1 none */
	struct lk_release_way way; /* of its connection; release 0 none */
	bool ended;
};

struct lk_application {
	char *uri, *watcher_uri, *file;
	int connections, per_second;
	int64_t begun_us;
	struct lk_figures *figures;

	pthread_mutex_t mutex; /* guards what follows, and the members of workers that say so */
	pthread_cond_t changed;
	struct lk_release_stage stage;
	int64_t looked_ms; /* wall time at which the look that gave the stage began; 0 none yet */
	unsigned mended;   /* features that go back and have been mended */
	bool stop;	   /* no further transaction begins */
	bool abandoned;	   /* what fails from now on is no error of the application */

	struct lk_crew deployer; /* watches the database; its buyer is unused */
	pthread_t reporter;
	bool reporting;
	struct lk_crew workers[];
};

/* Thread functions; the argument of the first two is a struct lk_crew, of the last the
 * application. */
void *lk_crew_main(void *argument);
void *lk_deployer_main(void *argument);
void *lk_reporter_main(void *argument);

/* When the transaction with this number (from 0) of a worker is due. */
int64_t lk_crew_due_us(const struct lk_crew *worker, int64_t number);
/* Under the mutex: what a worker should run. */
struct lk_release_way lk_crew_way(const struct lk_crew *worker);
/* Under the mutex: features that go back, that no connection follows any more, and whose leftovers are
 * to be mended; and whether every connection runs what it should and nothing is left to mend. */
unsigned lk_crew_to_mend(const struct lk_application *application);
bool lk_crew_settled(const struct lk_application *application);
/* Publishes the worker's connection (NULL: none) so that it can be broken off. */
void lk_crew_publish(struct lk_crew *worker, const struct lk_link *link, struct lk_release_way way);
/* Writes the file of figures. */
void lk_crew_report(struct lk_application *application);

#endif
