/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_renew.h"

#include <stdlib.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "db/my_server.h"
#include "step/my_moment.h"

/* ER_TRG_DOES_NOT_EXIST */
enum { NO_SUCH_TRIGGER = 1360 };

/* The definition is listed; SHOW CREATE TRIGGER, as DROP TRIGGER, looks for the name. */
static bool is_known(struct lk_session *session, const struct lk_table *table, const char *name,
		     bool *known, struct lk_error *error)
{
	struct lk_result r;
	char *trigger = lk_my_quoted_name(session, table->schema, name);
	char *sql = lk_format("SHOW CREATE TRIGGER %s", trigger);
	bool asked = lk_query(session, &r, error, sql, 0, NULL);
	*known = asked || error->number != NO_SUCH_TRIGGER;
	lk_result_free(&r);
	free(sql);
	free(trigger);
	return asked || !*known;
}

static bool rename_there_and_back(struct lk_step_run *run, const struct lk_table *table,
				  const char *name, struct lk_error *error)
{
	/* Of a trigger's name, which is ours and of the right length. */
	char *aside = lk_my_quoted_name(run->session, table->schema, name);
	char *sql =
		lk_format("RENAME TABLE %s TO %s, %s TO %s", table->sql, aside, aside, table->sql);
	bool done = lk_my_locking(run, table, sql, false, error);
	free(sql);
	free(aside);
	return done;
}

bool lk_my_renew(struct lk_step_run *run, const struct lk_table *table, char *const *names,
		 size_t count, bool interrupted, struct lk_error *error)
{
	struct lk_my_server server;
	bool known = true;
	if (!lk_my_server(run->session, &server, error))
		return false;
	if (!server.maria || count == 0)
		return true;
	for (size_t i = 0; known && i < count; i++)
		if (!is_known(run->session, table, names[i], &known, error))
			return false;
	/* Who may not rename may still go on where nothing is known to be wrong. */
	return (known && !interrupted) || rename_there_and_back(run, table, names[0], error) ||
	       (known && error->class == LK_ERROR_PRIVILEGE);
}

bool lk_my_renew_triggers(struct lk_step_run *run, const struct lk_my_pair *pair, bool interrupted,
			  struct lk_error *error)
{
	char *names[2];
	size_t count = 0;
	if (pair->insert != LK_MY_TRIGGER_NONE)
		names[count++] = pair->insert_name;
	if (pair->update != LK_MY_TRIGGER_NONE)
		names[count++] = pair->update_name;
	return lk_my_renew(run, &pair->table, names, count, interrupted, error);
}
