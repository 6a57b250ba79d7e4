/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shadow itself. */
#include <string.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "shadow/my_shadow_sql.h"
#include "shadow/my_shape_parts.h"

static bool run_made(struct lk_session *session, char *sql, struct lk_error *error)
{
	bool done = lk_execute(session, sql, error);
	free(sql);
	return done;
}

static bool is_there(struct lk_session *session, const struct lk_my_shape *shape, bool *there,
		     struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error,
		      "SELECT COUNT(*) FROM information_schema.tables WHERE " LK_MY_SAME_NAME(
			      "table_schema", "$1") " AND " LK_MY_SAME_NAME("table_name", "$2"),
		      shape->table.schema, shape->names.shadow))
		return false;
	*there = lk_cell_int(&r, 0, 0) != 0;
	lk_result_free(&r);
	return true;
}

static bool clear_place(struct lk_session *session, const struct lk_my_shape *shape, bool ours,
			struct lk_error *error)
{
	bool there;
	if (!is_there(session, shape, &there, error))
		return false;
	if (there && !ours)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"there is a table %s already, the name that the shadow of %s would have: if nobody"
			" needs it, drop it",
			shape->names.shadow, shape->table.shown);
	return !there ||
	       run_made(session, lk_format("DROP TABLE IF EXISTS %s", shape->shadow_sql), error);
}

bool lk_my_shape_map(struct lk_session *session, struct lk_my_shape *shape, struct lk_error *error)
{
	struct lk_my_alter alter;
	bool ansi;
	shape->mapped = false;
	lk_my_mapping_free(&shape->mapping);
	lk_my_relation_free(&shape->shadow);
	if (!lk_my_shape_ansi(session, &ansi, error) ||
	    !lk_my_relation_read(session, shape->shadow_sql, &shape->shadow, error) ||
	    !lk_my_alter_read(shape->alter, ansi, &alter, error))
		return false;
	bool mapped = lk_my_shape_choose(session, shape, &alter, NULL, error);
	lk_my_alter_free(&alter);
	return mapped;
}

static bool fill(struct lk_session *session, struct lk_my_shape *shape, struct lk_error *error)
{
	char *counter = NULL;
	if (!run_made(session, lk_my_shape_alter(shape, shape->shadow_sql), error)) {
		if (error->class == LK_ERROR_STATEMENT)
			error->class = LK_ERROR_REFUSED;
		return lk_fail_context(error, "%s does not take the change", shape->table.shown);
	}
	return lk_my_shape_map(session, shape, error) &&
	       lk_my_carry_counter(session, shape, &counter, error) &&
	       (!counter || run_made(session, counter, error));
}

bool lk_my_shadow_make(struct lk_session *session, struct lk_my_shape *shape, bool ours,
		       struct lk_error *error)
{
	struct lk_error ignored;
	if (!clear_place(session, shape, ours, error) ||
	    !run_made(session,
		      lk_format("CREATE TABLE %s LIKE %s", shape->shadow_sql, shape->table.sql),
		      error))
		return false;
	if (fill(session, shape, error))
		return true;
	lk_session_insist(session, true);
	run_made(session, lk_format("DROP TABLE IF EXISTS %s", shape->shadow_sql), &ignored);
	lk_session_insist(session, false);
	return false;
}

/* The catalog's table, and the old one as its shadow. */
static bool read_turned(struct lk_session *session, const struct lk_my_shape *forward,
			struct lk_my_shape *back, struct lk_error *error)
{
	return lk_my_server(session, &back->server, error) &&
	       lk_catalog_table(session, forward->table.sql, &back->table, error) &&
	       lk_my_relation_read(session, back->table.sql, &back->original, error) &&
	       lk_my_relation_read(session, back->shadow_sql, &back->shadow, error) &&
	       lk_my_shape_choose(session, back, NULL, &forward->mapping, error);
}

/* What going back loses. */
static void note_losses(struct lk_my_shape *back)
{
	for (size_t i = 0; i < back->shadow.column_count; i++) {
		const struct lk_my_relation_column *c = &back->shadow.columns[i];
		if (!c->generated && !lk_my_mapped_to(&back->mapping, c->name))
			lk_my_shape_note(
				back,
				"column %s of %s is not in %s: a row that changes has its default there from"
				" then on",
				c->name, back->names.shadow, back->table.shown);
	}
	for (size_t i = 0; i < back->original.column_count; i++) {
		const struct lk_my_relation_column *c = &back->original.columns[i];
		if (!c->generated && !lk_my_mapped_from(&back->mapping, c->name))
			lk_my_shape_note(
				back,
				"column %s of %s is not in %s: what is written into it is lost by going back",
				c->name, back->table.shown, back->names.shadow);
	}
}

bool lk_my_shape_turn(struct lk_session *session, const struct lk_my_shape *forward,
		      struct lk_my_shape *back, struct lk_error *error)
{
	memset(back, 0, sizeof *back);
	back->names.shadow = lk_strdup(forward->names.old);
	back->names.old = lk_strdup(forward->names.shadow);
	back->shadow_sql = lk_strdup(forward->old_sql);
	back->old_sql = lk_strdup(forward->shadow_sql);
	back->alter = lk_strdup("");
	back->mode = lk_strdup(forward->mode);
	back->utc = forward->utc;
	back->space = (struct lk_my_space){-1, -1, -1, -1, -1, -1, forward->space.binlog_on};
	if (read_turned(session, forward, back, error)) {
		note_losses(back);
		return true;
	}
	lk_my_shape_free(back);
	return false;
}
