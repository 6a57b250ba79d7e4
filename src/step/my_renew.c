/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_renew.h"

#include <stdlib.h>

#include "base/memory.h"
#include "db/my_server.h"
#include "step/my_moment.h"

/* ER_TRG_DOES_NOT_EXIST */
enum { NO_SUCH_TRIGGER = 1360 };

/* The definition is listed; SHOW CREATE TRIGGER, as DROP TRIGGER, looks for the name. */
static bool is_known(struct lk_session *session, const struct lk_my_pair *pair, const char *name,
		     bool *known, struct lk_error *error)
{
	struct lk_result r;
	char *trigger = lk_my_pair_trigger(session, pair, name);
	char *sql = lk_format("SHOW CREATE TRIGGER %s", trigger);
	bool asked = lk_query(session, &r, error, sql, 0, NULL);
	*known = asked || error->number != NO_SUCH_TRIGGER;
	lk_result_free(&r);
	free(sql);
	free(trigger);
	return asked || !*known;
}

static bool are_known(struct lk_session *session, const struct lk_my_pair *pair, bool *known,
		      struct lk_error *error)
{
	*known = true;
	return (pair->insert == LK_MY_TRIGGER_NONE ||
		is_known(session, pair, pair->insert_name, known, error)) &&
	       (!*known || pair->update == LK_MY_TRIGGER_NONE ||
		is_known(session, pair, pair->update_name, known, error));
}

static bool rename_there_and_back(struct lk_step_run *run, const struct lk_my_pair *pair,
				  struct lk_error *error)
{
	/* Of a trigger's name, which is ours and of the right length. */
	char *aside = lk_my_pair_trigger(run->session, pair, pair->insert_name);
	char *sql = lk_format("RENAME TABLE %s TO %s, %s TO %s", pair->table.sql, aside, aside,
			      pair->table.sql);
	bool done = lk_my_locking(run, &pair->table, sql, false, error);
	free(sql);
	free(aside);
	return done;
}

bool lk_my_renew_triggers(struct lk_step_run *run, const struct lk_my_pair *pair, bool interrupted,
			  struct lk_error *error)
{
	struct lk_my_server server;
	bool known;
	if (!lk_my_server(run->session, &server, error))
		return false;
	if (!server.maria ||
	    (pair->insert == LK_MY_TRIGGER_NONE && pair->update == LK_MY_TRIGGER_NONE))
		return true;
	if (!are_known(run->session, pair, &known, error))
		return false;
	/* Who may not rename may still go on where nothing is known to be wrong. */
	return (known && !interrupted) || rename_there_and_back(run, pair, error) ||
	       (known && error->class == LK_ERROR_PRIVILEGE);
}
