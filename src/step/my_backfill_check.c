/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_backfill_check.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "step/my_expression.h"
#include "step/my_key.h"

/* What gives another answer in another time zone, besides the columns of type TIMESTAMP. */
static const char *const clocks[] = {
	"now",
	"sysdate",
	"curdate",
	"curtime",
	"current_date",
	"current_time",
	"localtime",
	"localtimestamp",
	"current_timestamp",
	"from_unixtime",
	"unix_timestamp",
	"convert_tz",
	"utc_timestamp",
	NULL,
};

static bool check_column(const struct lk_table *table, const char *name, struct lk_error *error)
{
	const struct lk_column *column = lk_table_column(table, name);
	if (column && column->generated)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"column %s.%s is generated: the server computes it from its own expression, so"
			" a backfill cannot set it",
			table->shown, name);
	for (size_t i = 0; column && i < table->key.count; i++)
		if (strcasecmp(table->key.columns[i], name) == 0)
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"column %s.%s is part of the key %s by which the backfill walks: rows"
				" would move while it counts them",
				table->shown, name, table->key.index);
	return true;
}

/* Only triggers of ours know that a backfill is at work; no session can be told to pass the others by. */
static bool check_triggers(struct lk_session *session, const struct lk_step *step,
			   const struct lk_table *table, struct lk_error *error)
{
	struct lk_result r;
	if (!step->triggers || strcmp(step->triggers, "skip") != 0)
		return true;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = $1"
		    " AND event_object_table = $2 AND event_manipulation = 'UPDATE'"
		    " AND LEFT(trigger_name, 11) <> 'lockkeeper_' LIMIT 1",
		    table->schema, table->name))
		return false;
	bool none = r.rows == 0;
	if (!none)
		lk_fail(error, LK_ERROR_REFUSED,
			"triggers: skip is not possible: trigger %s of %s fires for every UPDATE, and neither"
			" MySQL nor MariaDB can pass it by for one session. Let the backfill fire it"
			" (triggers: fire), or have the trigger itself do nothing while"
			" @lockkeeper_backfill is 1",
			lk_cell_text(&r, 0, 0), table->shown);
	lk_result_free(&r);
	return none;
}

bool lk_my_backfill_check_table(struct lk_session *session, const struct lk_step *step,
				const struct lk_table *table, struct lk_error *error)
{
	if (strncmp(table->kind, "table of engine", 15) == 0)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"%s is a %s: without transactions a chunk that is cancelled stays half done. Change"
			" it to InnoDB first (ALTER TABLE %s ENGINE=InnoDB copies the table)",
			table->shown, table->kind, table->sql);
	if (strcmp(table->kind, "table") != 0)
		return lk_fail(error, LK_ERROR_REFUSED, "%s is a %s: a backfill walks tables",
			       table->shown, table->kind);
	for (size_t i = 0; i < step->set_count; i++)
		if (!check_column(table, step->set[i].column, error))
			return false;
	return check_triggers(session, step, table, error);
}

/* An expression that may mean something else in UTC, where a key of type TIMESTAMP has us work. */
static const char *clock_in(const struct lk_table *table, const char *expression)
{
	const char *found = expression ? lk_my_speaks_of(expression, clocks) : NULL;
	for (size_t i = 0; expression && !found && i < table->column_count; i++)
		if (strncasecmp(table->columns[i].type, "timestamp", 9) == 0 &&
		    lk_my_reads(expression, table->columns[i].name))
			found = table->columns[i].name;
	return found;
}

static bool check_clock(struct lk_session *session, const struct lk_step *step,
			const struct lk_table *leaf, struct lk_error *error)
{
	struct lk_my_key key;
	struct lk_result r;
	if (!lk_my_key_read(session, leaf, &key, error))
		return false;
	bool matters = key.timestamp;
	lk_my_key_free(&key);
	if (!matters)
		return true;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT @@session.time_zone IN ('+00:00', '-00:00', 'UTC', 'Etc/UTC') OR"
		    " @@session.time_zone = 'SYSTEM' AND @@system_time_zone IN ('UTC', 'Etc/UTC')"))
		return false;
	bool utc = lk_cell_int(&r, 0, 0) != 0;
	lk_result_free(&r);
	const char *clock = utc ? NULL : clock_in(leaf, step->where);
	for (size_t i = 0; !utc && !clock && i < step->set_count; i++)
		clock = clock_in(leaf, step->set[i].expression);
	if (!clock)
		return true;
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"the key of %s holds a TIMESTAMP, which only has exact texts in UTC, and the plan's SQL"
		" speaks of %s, which means something else there than in the server's time zone: leave"
		" it out, or give the table a key without TIMESTAMP",
		leaf->shown, clock);
}

static bool refuse_privilege(struct lk_session *session, const struct lk_table *leaf,
			     struct lk_error *error)
{
	struct lk_error why = *error;
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, "SELECT CURRENT_USER()"))
		return false;
	char *account = lk_my_account_sql(session, lk_cell_text(&r, 0, 0));
	lk_fail(error, LK_ERROR_PRIVILEGE,
		"the backfill may not read and write table %s (%.200s): GRANT SELECT, UPDATE ON %s TO %s",
		leaf->shown, why.text, leaf->sql, account);
	free(account);
	lk_result_free(&r);
	return false;
}

/* The server itself says whether the user may. */
static bool probe(struct lk_session *session, const struct lk_table *leaf, struct lk_error *error)
{
	const char *column = NULL;
	for (size_t i = 0; !column && i < leaf->column_count; i++)
		if (!leaf->columns[i].generated)
			column = leaf->columns[i].sql;
	char *sql = lk_format("EXPLAIN FORMAT=TRADITIONAL UPDATE %s SET %s = %s WHERE FALSE",
			      leaf->sql, column, column);
	bool may = LK_RUN(session, error, sql);
	free(sql);
	if (may)
		return true;
	return error->class == LK_ERROR_PRIVILEGE ? refuse_privilege(session, leaf, error)
						  : lk_fail_context(error, "table %s", leaf->shown);
}

bool lk_my_backfill_check_leaf(struct lk_session *session, const struct lk_step *step,
			       const struct lk_table *leaf, struct lk_error *error)
{
	if (leaf->key.count == 0)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"table %s has no usable key: the backfill walks by a primary key or a unique index "
			"over NOT NULL columns, so create one first",
			leaf->shown);
	return check_clock(session, step, leaf, error) && probe(session, leaf, error);
}

void lk_my_backfill_explain(const struct lk_table *table, struct lk_error *error)
{
	enum { SAME_TABLE = 1093 };
	char what[sizeof error->text];
	if (error->number != SAME_TABLE)
		return;
	LK_COPY(what, error->text);
	snprintf(
		error->text, sizeof error->text,
		"%.300s: an UPDATE may not read its own table in a subquery here. Put that subquery into"
		" another one, (SELECT … FROM (SELECT … FROM %s) AS x), which the server then works out"
		" for every chunk anew; or fill from another table",
		what, table->sql);
}

bool lk_my_backfill_check_sql(struct lk_session *session, const struct lk_table *table,
			      const char *sql, struct lk_error *error)
{
	char *text = lk_format("EXPLAIN FORMAT=TRADITIONAL %s", sql);
	bool planned = LK_RUN(session, error, text);
	free(text);
	if (planned)
		return true;
	lk_my_backfill_explain(table, error);
	return lk_fail_context(error, "the statement of the backfill");
}

/* A value that does not fit, of a column, of a function, of JSON. */
static const int data_numbers[] = {
	1048, 1062, 1169, 1216, 1217, 1264, 1265, 1292, 1365, 1366, 1367, 1406, 1411, 1416,
	1441, 1451, 1452, 1525, 1644, 1690, 1712, 3140, 3141, 3143, 3144, 3146, 3156, 3819,
	3854, 3905, 4025, 4035, 4036, 4037, 4038, 4039, 4041, 4042, 4044, 4076,
};

bool lk_my_backfill_is_data_warning(int number)
{
	for (size_t i = 0; i < LK_COUNT(data_numbers); i++)
		if (data_numbers[i] == number)
			return true;
	return false;
}

/* By number; else by SQLSTATE's class: 22 and 23 speak of values, and a state that the server does not know is one
 * that somebody made up for SIGNAL. */
bool lk_my_backfill_is_data_error(const struct lk_error *error)
{
	if (error->class != LK_ERROR_STATEMENT || !error->state[0])
		return false;
	return lk_my_backfill_is_data_warning(error->number) ||
	       strncmp(error->state, "22", 2) == 0 || strncmp(error->state, "23", 2) == 0 ||
	       strncmp(error->state, "45", 2) == 0;
}
