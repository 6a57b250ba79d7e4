/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a KILL leaves on MariaDB (seen on 10.11.19) when it meets a session that is at a table's triggers:
 *
 *  - in the middle of DROP TRIGGER: a trigger that fires, and that the server says does not exist; DROP TRIGGER IF EXISTS
 *    succeeds and changes nothing. Its name's file (t.TRN) has gone, its definition has not.
 *  - while the session opens the table: a broken copy of the table in the server's cache, with which the statements of
 *    others fail ("Trigger … has an error in its body"), until the table is changed or flushed.
 */
#ifndef LK_STEP_MY_RENEW_H
#define LK_STEP_MY_RENEW_H

#include "step/my_pair.h"
#include "step/step.h"

/*
 * Within lk_my_gently, before anything else is done to a dual write's triggers: mends both, by a RENAME of the table there
 * and back in one statement, which writes the names' files anew and which no other session sees. It is done when a
 * trigger's name is not known, and whenever an earlier attempt was `interrupted`, since a broken copy shows itself only to
 * who happens to get it. Does nothing on MySQL.
 */
bool lk_my_renew_triggers(struct lk_step_run *run, const struct lk_my_pair *pair, bool interrupted,
			  struct lk_error *error);
/* The same for any triggers of ours on a table, by their names without its database. */
bool lk_my_renew(struct lk_step_run *run, const struct lk_table *table, char *const *names,
		 size_t count, bool interrupted, struct lk_error *error);

#endif
