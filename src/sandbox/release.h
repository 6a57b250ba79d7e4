/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which release of the application runs where, and which features (feature.h) it has there. What the
 * database shows decides, as a deployment that follows the plan would:
 *
 * - release 42 is rolled out to every second connection when the run reaches the gate that asks for it
 *   ("release-42", "new-release"), and to all others when release 41 is asked to be gone
 *   ("release-41-gone", "old-release-gone") or phase contract is entered;
 * - where a plan has no such gate, it comes when the run is done;
 * - when a run is rolled back, release 42 is withdrawn, and what it left is mended.
 *
 * Without any run a new shape that somebody made by hand is taken up by every second connection.
 */
#ifndef LK_SANDBOX_RELEASE_H
#define LK_SANDBOX_RELEASE_H

#include <stdbool.h>

#include "base/error.h"
#include "sandbox/feature.h"
#include "sandbox/link.h"

enum { LK_RELEASE_OLD = 41, LK_RELEASE_NEW = 42 };

/* What a connection runs: the release, and the features it follows in the new way, a bit each. */
struct lk_release_way {
	int release;
	unsigned features;
};

struct lk_release_stage {
	bool keeper;	/* a session of ours ("lockkeeper:…") is connected */
	bool begun;	/* the newest run's first step that changes anything has begun */
	bool untrusted; /* the new handle is not verified yet: what is read there may be old */
	unsigned back;	/* features whose run goes back or has gone back */
	struct lk_release_way ways[2]; /* of connections with even and odd numbers */
};

/* Reads the catalog and the runs of the journal (which may not exist). */
bool lk_release_look(struct lk_link *link, struct lk_release_stage *stage, struct lk_error *error);
/* What the connection with this number (from 0) should run. */
struct lk_release_way lk_release_of(const struct lk_release_stage *stage, int number);
/* Mends what these features left; to be called once no connection follows them any more. */
bool lk_release_mend(struct lk_link *link, unsigned features, struct lk_error *error);

static inline bool lk_release_has(struct lk_release_way way, enum lk_feature feature)
{
	return (way.features >> feature & 1) != 0;
}

#endif
