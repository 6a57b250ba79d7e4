/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The moment in which a statement takes its exclusive metadata lock. A request that waits does more than keep those
 * waiting who come later: a transaction that has read the table and now wants to write it waits for us, and we for it,
 * and the server at once ends its statement with error 1213, never ours. So nothing of ours should ever wait.
 */
#ifndef LK_STEP_MY_MOMENT_H
#define LK_STEP_MY_MOMENT_H

#include "catalog/catalog.h"
#include "step/step.h"

/*
 * Runs one statement that needs an exclusive metadata lock on the table (NULL: on something new, or on what a RENAME
 * names), within lk_my_gently. On MariaDB it is tried every few milliseconds with lock_wait_timeout = 0, which never
 * waits, for up to three seconds; then it waits after all where only short transactions are in its way, and else fails
 * with class RETRY. MySQL cannot do that (its least wait is 1 s): there it goes out together with a look that fails
 * while anybody holds the table, as far as the server shows it, again and again, and mostly as a LOCK TABLES under
 * which the statement itself comes; after a minute without such a moment it goes out all the same, under the killer's
 * eye, unless a long transaction is in its way. A statement that is a LOCK TABLES itself holds what it locks when this
 * returns.
 *
 * A statement that is `building` for long keeps its own lock_wait_timeout, since it needs the lock once more at its end,
 * where losing the wait loses the work; only its beginning is chosen this way.
 */
bool lk_my_locking(struct lk_step_run *run, const struct lk_table *table, const char *sql,
		   bool building, struct lk_error *error);

#endif
