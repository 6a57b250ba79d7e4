/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Indexes built and dropped CONCURRENTLY, which no transaction guards: the catalog is asked what is there. */
#ifndef LK_STEP_PG_INDEX_H
#define LK_STEP_PG_INDEX_H

#include "step/step.h"

enum lk_pg_index_state { LK_PG_INDEX_ABSENT, LK_PG_INDEX_INVALID, LK_PG_INDEX_VALID };

/* The state of an index by its unquoted name; table_sql says on which table and so in whose schema. With ""
 * any table of the current schema will do. Another table's index of that name counts as absent. */
bool lk_pg_index_state(struct lk_session *session, const char *table_sql, const char *name,
		       enum lk_pg_index_state *state, struct lk_error *error);
/* The same by the index's own name, quoted, as a statement writes it. */
bool lk_pg_index_state_of(struct lk_session *session, const char *index_sql,
			  enum lk_pg_index_state *state, struct lk_error *error);
/* What interrupted REINDEX CONCURRENTLYs left on a table, or on the table of an index (quoted): quoted names
 * of invalid indexes that end in _ccnew or _ccold and perhaps a number. *result is the caller's. */
bool lk_pg_index_leftovers(struct lk_session *session, const char *relation_sql,
			   struct lk_result *result, struct lk_error *error);
/* False, with the reason, for servers (server_version_num) that build corrupt indexes CONCURRENTLY. */
bool lk_pg_index_build_is_safe(int server_version, struct lk_error *error);
/* Drops an index that a cancelled or failed build left behind. */
bool lk_pg_index_drop_invalid(struct lk_session *session, const char *table_sql, const char *name,
			      struct lk_error *error);

#endif
