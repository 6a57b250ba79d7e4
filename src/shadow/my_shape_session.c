/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the sessions that fill a shadow convert values: sql_mode and time zone. */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "shadow/my_shape_parts.h"
#include "shadow/my_type.h"

static bool is_moment(enum lk_my_class class)
{
	return class == LK_MY_DATE || class == LK_MY_DATETIME || class == LK_MY_TIMESTAMP;
}

/* What the clauses convert. */
struct conversions {
	bool into_moments; /* texts or numbers to dates */
	bool by_zone;	   /* between TIMESTAMP and what has no time zone */
};

static struct conversions conversions_of(const struct lk_my_shape *shape,
					 const struct lk_my_alter *alter)
{
	struct conversions found = {false, false};
	for (size_t i = 0; i < alter->statement.action_count; i++) {
		const struct lk_my_action *action = &alter->statement.actions[i];
		const struct lk_my_relation_column *column =
			action->kind == LK_MY_CHANGE_COLUMN
				? lk_my_relation_column(&shape->original, action->name)
				: NULL;
		if (!column)
			continue;
		enum lk_my_class was = lk_my_class_of(column->type);
		enum lk_my_class is = lk_my_class_of(action->type);
		found.into_moments = found.into_moments || (is_moment(is) && !is_moment(was));
		found.by_zone =
			found.by_zone || (is == LK_MY_TIMESTAMP) != (was == LK_MY_TIMESTAMP);
	}
	return found;
}

/* Of the server's mode, without those that would make its own rows fail, or read otherwise than they are. */
static char *mode_of(const char *server, bool into_moments)
{
	static const char *const never[] = {"PAD_CHAR_TO_FULL_LENGTH", "EMPTY_STRING_IS_NULL",
					    NULL};
	static const char *const dates[] = {"NO_ZERO_DATE", "NO_ZERO_IN_DATE", "TRADITIONAL", NULL};
	struct lk_buffer out = {0};
	char *copy = lk_strdup(server), *rest = NULL;
	for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		bool kept = true;
		for (size_t i = 0; never[i]; i++)
			kept = kept && strcasecmp(word, never[i]) != 0;
		for (size_t i = 0; !into_moments && dates[i]; i++)
			kept = kept && strcasecmp(word, dates[i]) != 0;
		if (kept)
			lk_buffer_addf(&out, "%s,", word);
	}
	/* Dates that an application once stored are carried as they are. */
	lk_buffer_addf(&out, "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO%s",
		       into_moments ? "" : ",ALLOW_INVALID_DATES");
	free(copy);
	return lk_buffer_take(&out);
}

static void note_dates(struct lk_my_shape *shape, bool into_moments, const char *server)
{
	struct lk_buffer columns = {0};
	if (!strstr(server, "NO_ZERO_DATE") && !strstr(server, "NO_ZERO_IN_DATE"))
		return;
	for (size_t i = 0; i < shape->original.column_count; i++)
		if (is_moment(lk_my_class_of(shape->original.columns[i].type)))
			lk_buffer_addf(&columns, "%s%s", columns.length ? ", " : "",
				       shape->original.columns[i].name);
	if (columns.length && into_moments)
		lk_my_shape_note(
			shape,
			"sql_mode forbids zero dates: since texts or numbers are converted to dates, rows that have"
			" a zero date in %s stop the copy",
			lk_buffer_text(&columns));
	else if (columns.length)
		lk_my_shape_note(
			shape,
			"sql_mode forbids zero dates: those that %s may hold are carried over all the same",
			lk_buffer_text(&columns));
	lk_buffer_free(&columns);
}

/* TIMESTAMP values are exact in UTC only; but the server's zone decides what a DATETIME becomes, and may stand in
 * generated columns. */
static bool fits_utc(const struct lk_my_shape *shape, bool by_zone)
{
	for (size_t i = 0; i < shape->original.column_count; i++)
		if (shape->original.columns[i].generated)
			return false;
	return !by_zone;
}

bool lk_my_shape_settle(struct lk_session *session, struct lk_my_shape *shape,
			const struct lk_my_alter *alter, struct lk_error *error)
{
	struct conversions found = conversions_of(shape, alter);
	struct lk_result r;
	shape->utc = fits_utc(shape, found.by_zone);
	/* The server's own: the session may be one of ours already. */
	if (!LK_QUERY(session, &r, error, "SELECT @@global.sql_mode"))
		return false;
	shape->mode = mode_of(lk_cell_text(&r, 0, 0), found.into_moments);
	note_dates(shape, found.into_moments, lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return true;
}

bool lk_my_shadow_session(struct lk_session *session, const struct lk_my_shape *shape,
			  struct lk_error *error)
{
	char *sql = lk_format("SET SESSION sql_mode = '%s', time_zone = %s", shape->mode,
			      shape->utc ? "'+00:00'" : "@@global.time_zone");
	bool set = LK_RUN(session, error,
			  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE") &&
		   lk_execute(session, sql, error);
	free(sql);
	return set;
}
