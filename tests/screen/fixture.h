/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots as a keeper sends them at some moments of a run; the tests change what they are about.
 */
#ifndef LK_TESTS_FIXTURE_H
#define LK_TESTS_FIXTURE_H

#include "control/snapshot.h"

/* The middle of a backfill: replicas, waits, sessions, alerts, an application. */
void fixture_running(struct lk_snapshot *s);
/* At the gate in front of expand: nothing was changed. */
void fixture_gate_expand(struct lk_snapshot *s);
/* At a gate that a person answers, between phases. */
void fixture_gate_release(struct lk_snapshot *s);
/* At the gate in front of contract, which destroys data. */
void fixture_gate_contract(struct lk_snapshot *s);
/* Paused, with the proof. */
void fixture_paused(struct lk_snapshot *s);
void fixture_done(struct lk_snapshot *s);
/* Texts of the server that try to draw: the payload stands in every field that comes from outside.
 */
void fixture_hostile(struct lk_snapshot *s, const char *payload);
/* A line of the log. */
struct lk_event fixture_event(int64_t number, const char *kind, const char *text);

#endif
