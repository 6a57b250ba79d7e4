/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done to the world: one function a kind of fault. Each holds it as long as the fault lasts and ends
 * it; most of what it broke has then to come back by itself.
 */
#ifndef LK_TESTS_CHAOS_STRIKES_H
#define LK_TESTS_CHAOS_STRIKES_H

#include "tests/chaos/faults.h"

void lk_chaos_keeper_kill(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_end_worker(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_end_journal(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_end_watch(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_end_control(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_backend_kill(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_backend_stop(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_primary_restart(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_replica_restart(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_primary_freeze(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_keeper_stop(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_console_stop(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_two_keepers(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_pause_storm(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_server_disk(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_own_disk(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_network_cut(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_takeover_crash(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
void lk_chaos_clock_jump(struct lk_chaos_world *world, struct lk_chaos_fault *fault);

/* Until primary and replica are there and nobody but Alice has a keeper. */
void lk_chaos_await_back(struct lk_chaos_world *world);

#endif
