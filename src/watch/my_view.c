/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/my_view.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { TABLE_DENIED = 1142, COLUMN_DENIED = 1143, DATABASE_DENIED = 1044, NEEDS_PRIVILEGE = 1227 };

#define ENABLED(kind, names)                                                                       \
	"(SELECT COUNT(*) FROM performance_schema." kind " WHERE enabled = 'YES' AND " names ")"

static const char schema_sql[] =
	"SELECT " ENABLED("setup_instruments", "name = 'wait/lock/metadata/sql/mdl'") ", " ENABLED("setup_consumers", "name = 'events_statements_current'") ", " ENABLED(
		"setup_consumers",
		"name = 'events_stages_current'") ", " ENABLED("setup_consumers",
							       "name = 'events_transactions_current'") ", " ENABLED("setup_instruments",
														    "name = 'transaction'");

/* The plugin shows what is held; what is waited for only the performance schema does. */
static const char plugin_sql[] =
	"SELECT COUNT(*) FROM information_schema.plugins WHERE plugin_name = 'METADATA_LOCK_INFO'"
	" AND plugin_status = 'ACTIVE'";

#define MDL_STATEMENT                                                                              \
	"UPDATE performance_schema.setup_instruments SET enabled = 'YES'"                          \
	" WHERE name = 'wait/lock/metadata/sql/mdl'"

bool lk_my_denied(const struct lk_error *error)
{
	return error->number == TABLE_DENIED || error->number == COLUMN_DENIED ||
	       error->number == DATABASE_DENIED || error->number == NEEDS_PRIVILEGE;
}

static bool is_on(struct lk_session *session, bool *on, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, "SELECT @@GLOBAL.performance_schema"))
		return false;
	*on = lk_cell_int(&r, 0, 0) == 1;
	lk_result_free(&r);
	return true;
}

/* 'user'@'host'; whoever reads the sentence is somebody else. */
static const char user_sql[] =
	"SELECT CONCAT(QUOTE(LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER())"
	" - CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)) - 1)), '@',"
	" QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))";

static bool learn_user(struct lk_session *session, struct lk_my_view *view, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, user_sql))
		return false;
	LK_COPY(view->user, lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return true;
}

static bool learn_schema(struct lk_session *session, struct lk_my_view *view,
			 struct lk_error *error)
{
	struct lk_result r;
	if (!is_on(session, &view->schema, error))
		return false;
	if (!view->schema)
		return true;
	if (!LK_QUERY(session, &r, error, schema_sql)) {
		view->schema = false;
		view->denied = lk_my_denied(error);
		return view->denied && learn_user(session, view, error);
	}
	view->metadata = lk_cell_int(&r, 0, 0) > 0;
	view->statements = lk_cell_int(&r, 0, 1) > 0;
	view->stages = lk_cell_int(&r, 0, 2) > 0;
	view->transactions = lk_cell_int(&r, 0, 3) > 0 && lk_cell_int(&r, 0, 4) > 0;
	lk_result_free(&r);
	return true;
}

bool lk_my_view_learn(struct lk_session *session, struct lk_my_view *view, struct lk_error *error)
{
	struct lk_result r;
	memset(view, 0, sizeof *view);
	if (!lk_my_server(session, &view->server, error) || !learn_schema(session, view, error))
		return false;
	if (!view->server.maria || view->metadata)
		return true;
	if (!LK_QUERY(session, &r, error, plugin_sql))
		return false;
	view->plugin = lk_cell_int(&r, 0, 0) > 0;
	lk_result_free(&r);
	return true;
}

void lk_my_view_unseen(const struct lk_my_view *view, char *text, size_t size)
{
	text[0] = '\0';
	if (view->metadata)
		return;
	if (view->denied)
		snprintf(text, size,
			 "who holds locks is hidden from our user, so it is guessed: "
			 "GRANT SELECT ON performance_schema.* TO %s",
			 view->user);
	else if (view->schema)
		snprintf(text, size,
			 "metadata locks are not instrumented, so who holds them is guessed: "
			 "%s (for locks taken from then on)",
			 MDL_STATEMENT);
	else if (view->plugin)
		snprintf(
			text, size,
			"what waits for a metadata lock is guessed from its statement, as the "
			"performance schema is off: start the server with performance_schema=ON and "
			"performance-schema-instrument='wait/lock/metadata/sql/mdl=ON'");
	else if (view->server.maria)
		snprintf(text, size,
			 "metadata locks are not visible, so who holds them is guessed: "
			 "INSTALL SONAME 'metadata_lock_info'");
	else
		snprintf(text, size,
			 "locks are not visible, so who holds them is guessed, and waits are "
			 "known to a second: start the server with performance_schema=ON");
}
