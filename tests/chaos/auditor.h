/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at the database from beside, all the time and through all faults: what the journal says and
 * what the catalog shows are read in one snapshot and must agree at every moment. A thread of its own.
 */
#ifndef LK_TESTS_CHAOS_AUDITOR_H
#define LK_TESTS_CHAOS_AUDITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/chaos/world.h"

struct lk_chaos_auditor;

struct lk_chaos_audit {
	int64_t looks;	       /* snapshots in which everything was compared */
	int64_t disagreements; /* of them, with something wrong */
	char first[400];       /* what the first one was */
};

struct lk_chaos_auditor *lk_chaos_auditor_start(const struct lk_chaos_world *world);
void lk_chaos_auditor_stop(struct lk_chaos_auditor *auditor, struct lk_chaos_audit *audit);
/* When the first movement after `since` was seen; 0 not yet. */
int64_t lk_chaos_auditor_moved_after(struct lk_chaos_auditor *auditor, int64_t since);

/* The same look, once: false and what disagrees in text. */
bool lk_chaos_audit_once(const struct lk_chaos_world *world, char text[400]);

#endif
