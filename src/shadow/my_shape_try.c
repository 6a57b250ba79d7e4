/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The clauses tried on an empty table. CREATE TEMPORARY TABLE … LIKE and an ALTER of it are not in a binary log of rows,
 * take no lock on the original beyond the moment, and what is left of them goes with the session.
 */
#include <string.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "shadow/my_shape_parts.h"

#define TRIAL "lockkeeper_trial"

/* Errors that say that a temporary table cannot be so, rather than that the clauses are wrong. */
static bool is_about_temporary(const struct lk_error *error)
{
	static const int numbers[] = {
		1478, /* MariaDB: partitions */
		1562, /* MySQL: partitions */
		1796, /* FULLTEXT */
		3500, /* MySQL: compressed */
		4047, /* MariaDB: compressed */
	};
	for (size_t i = 0; i < LK_COUNT(numbers); i++)
		if (error->number == numbers[i])
			return true;
	return false;
}

/* Asked for by INSERT … SELECT for each row until the statement ends, also where every row has its value. */
static bool judge_counter(struct lk_session *session, struct lk_my_shape *shape,
			  struct lk_error *error)
{
	struct lk_result r;
	bool counted = false;
	for (size_t i = 0; i < shape->shadow.column_count; i++)
		counted = counted || shape->shadow.columns[i].counted;
	if (!counted)
		return true;
	if (!LK_QUERY(session, &r, error, "SELECT @@innodb_autoinc_lock_mode"))
		return false;
	shape->mapping.one_at_a_time = lk_cell_int(&r, 0, 0) < 2;
	lk_result_free(&r);
	return true;
}

bool lk_my_shape_choose(struct lk_session *session, struct lk_my_shape *shape,
			const struct lk_my_alter *alter, const struct lk_my_mapping *forward,
			struct lk_error *error)
{
	struct lk_error first = {0}, unfit = {0};
	const struct lk_my_relation_index *index;
	size_t n = 0;
	while ((index = lk_my_next_key(shape, &n, &unfit)) != NULL) {
		struct lk_error why = {0};
		if (!lk_my_use_key(session, shape, index, error))
			return false;
		if (alter ? lk_my_mapping_make(shape, alter, &why)
			  : lk_my_mapping_turn(shape, forward, &why)) {
			shape->mapped = true;
			return judge_counter(session, shape, error);
		}
		if (first.class == LK_NO_ERROR)
			first = why;
	}
	*error = first.class != LK_NO_ERROR ? first : unfit;
	return false;
}

static bool use_first_key(struct lk_session *session, struct lk_my_shape *shape,
			  struct lk_error *error)
{
	struct lk_error unfit = {0};
	size_t n = 0;
	const struct lk_my_relation_index *index = lk_my_next_key(shape, &n, &unfit);
	if (index)
		return lk_my_use_key(session, shape, index, error);
	*error = unfit;
	return false;
}

static void drop_trial(struct lk_session *session, const char *trial_sql)
{
	struct lk_error ignored;
	char *sql = lk_format("DROP TEMPORARY TABLE %s", trial_sql);
	lk_session_insist(session, true);
	lk_execute(session, sql, &ignored);
	lk_session_insist(session, false);
	free(sql);
}

static bool run_made(struct lk_session *session, char *sql, struct lk_error *error)
{
	bool done = lk_execute(session, sql, error);
	free(sql);
	return done;
}

static void note_untried(struct lk_my_shape *shape, const struct lk_error *why)
{
	lk_my_shape_note(
		shape,
		"whether %s takes the change is known only when its shadow is made: it cannot be tried on a"
		" temporary table (%s)",
		shape->table.shown, why->text);
}

/* What the altered trial looks like. *tried: it could be tried. */
static bool alter_trial(struct lk_session *session, struct lk_my_shape *shape,
			const char *trial_sql, bool *tried, struct lk_error *error)
{
	struct lk_error met;
	*tried = run_made(session, lk_my_shape_alter(shape, trial_sql), &met);
	if (*tried)
		return lk_my_relation_read(session, trial_sql, &shape->shadow, error);
	if (is_about_temporary(&met)) {
		note_untried(shape, &met);
		return true;
	}
	*error = met;
	if (met.class == LK_ERROR_STATEMENT) {
		error->class = LK_ERROR_REFUSED;
		lk_fail_context(error, "%s does not take the change", shape->table.shown);
	}
	return false;
}

bool lk_my_shape_try(struct lk_session *session, struct lk_my_shape *shape,
		     const struct lk_my_alter *alter, struct lk_error *error)
{
	struct lk_error met;
	char *trial_sql = lk_my_quoted_name(session, shape->table.schema, TRIAL);
	bool tried = false;
	bool right = lk_my_shadow_session(session, shape, error);
	if (right &&
	    run_made(session,
		     lk_format("CREATE TEMPORARY TABLE %s LIKE %s", trial_sql, shape->table.sql),
		     &met)) {
		right = alter_trial(session, shape, trial_sql, &tried, error);
		drop_trial(session, trial_sql);
	} else if (right && (met.class == LK_ERROR_STATEMENT || met.class == LK_ERROR_PRIVILEGE)) {
		note_untried(shape, &met);
	} else if (right) {
		*error = met;
		right = false;
	}
	free(trial_sql);
	if (!right)
		return false;
	return tried ? lk_my_shape_choose(session, shape, alter, NULL, error)
		     : use_first_key(session, shape, error);
}
