/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Metadata locks without a queue behind them. While a change of a definition waits for its exclusive lock
 * everyone who comes later waits for it, so: first look whether a long transaction stands in the way and wait for it
 * outside the queue; then try, and let the guard end the try after limits.lock_wait; then leave at least a second
 * between tries. Where the server does not show who holds what, the oldest open transaction is taken for the holder
 * after a try has failed, and is waited for a while.
 */
#ifndef LK_STEP_MY_GENTLE_H
#define LK_STEP_MY_GENTLE_H

#include "catalog/catalog.h"
#include "step/step.h"

/*
 * Runs `work` with the journal guarded (lk_journal_guard), until it succeeds, fails for another reason than waiting,
 * or the worker is told to stop. `work` is called again after each try that was ended, and any statement of it may
 * have been the one that was: it first asks the catalog what is already so, and last records its outcome
 * (lk_step_record). When it fails its transaction is rolled back and its LOCK TABLES released here.
 *
 * `table` is whose holders are waited for and named; NULL when there is none yet. Waiting for row locks and user locks
 * is the work's own affair.
 */
enum lk_outcome lk_my_gently(struct lk_step_run *run, const struct lk_table *table,
			     bool (*work)(struct lk_step_run *run, void *argument,
					  struct lk_error *error),
			     void *argument, struct lk_error *error);

#endif
