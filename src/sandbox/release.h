/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which release of the application runs where. Release 41 knows users.username alone, release 42
 * knows users.user_handle alone. What the database shows decides, as a deployment that follows the
 * plan would.
 */
#ifndef LK_SANDBOX_RELEASE_H
#define LK_SANDBOX_RELEASE_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/error.h"

enum { LK_RELEASE_OLD = 41, LK_RELEASE_NEW = 42 };

struct lk_release_stage {
	bool keeper;		     /* a session of ours ("lockkeeper:…") is connected */
	bool old_column, new_column; /* username, user_handle exist */
	bool begun;		     /* the run's first step that changes anything has begun */
	bool verified;		     /* the verify step is done: the new column may be trusted */
	bool contract; /* the gate of phase contract was answered: release 41 retires */
	bool undoing;  /* the run goes back: release 42 is withdrawn */
};

/* Reads the catalog and the newest run of the journal (which may not exist). */
bool lk_release_look(PGconn *connection, struct lk_release_stage *stage, struct lk_error *error);
/* The release that the connection with this number (from 0) should run. */
int lk_release_of(const struct lk_release_stage *stage, int number);

#endif
