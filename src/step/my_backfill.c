/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb backfill on MySQL and MariaDB.
 *
 * InnoDB ends a deadlock by undoing whoever has changed least, which would be the application and never a chunk.
 * So a chunk waits for nobody's row. On MariaDB the UPDATE itself gives up at once where one is taken. MySQL knows
 * that for a SELECT alone: there the query that looks for the chunk's upper key locks the rows as it passes (NOWAIT),
 * and the UPDATE then finds all of them its own. As this is READ COMMITTED, no gap between them is locked.
 *
 * Columns with ON UPDATE CURRENT_TIMESTAMP are set to what they are, so that a backfill is no change of the row for
 * whoever looks at such a column.
 */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "db/my_server.h"
#include "step/my_backfill_check.h"
#include "step/my_backfill_sql.h"
#include "step/my_key.h"
#include "step/my_step.h"

/* A cancelled UPDATE is undone row by row, which takes up to as long as it has taken: a pause must not wait for more
 * than this. */
#define LONGEST_MS 30.0

struct own {
	bool maria;
	struct lk_my_key key;
	char *set;		/* the statement without its range */
	char *differs;		/* its condition */
	int64_t waiting;	/* row lock waits in the whole server when the last chunk ended */
	int64_t waiting_before; /* before this one */
};

static bool my_await(struct lk_backfill *b, struct lk_error *error)
{
	(void)b;
	(void)error;
	return true;
}

static bool my_open(struct lk_backfill *b, struct lk_error *error)
{
	struct lk_my_server server;
	struct own *own = b->own = lk_alloc(sizeof(struct own));
	b->longest_ms = LONGEST_MS;
	if (!lk_my_server(b->run->session, &server, error))
		return false;
	own->maria = server.maria;
	return true;
}

static void forget_table(struct own *own)
{
	if (own->key.table)
		lk_my_key_free(&own->key);
	free(own->set);
	free(own->differs);
	own->set = own->differs = NULL;
}

/* The session goes on to other steps, whose writes are no backfill. */
static void my_close(struct lk_backfill *b)
{
	struct own *own = b->own;
	struct lk_error ignored;
	if (!own)
		return;
	lk_session_insist(b->run->session, true);
	lk_execute(b->run->session,
		   "SET @lockkeeper_backfill = NULL, SESSION time_zone = @@global.time_zone",
		   &ignored);
	lk_session_insist(b->run->session, false);
	forget_table(own);
	free(own);
}

static bool my_patience(struct lk_session *session, bool on, struct lk_error *error)
{
	(void)session;
	(void)on;
	(void)error;
	return true;
}

static bool my_enter(struct lk_backfill *b, struct lk_error *error)
{
	struct own *own = b->own;
	forget_table(own);
	return lk_my_key_read(b->run->session, &b->table, &own->key, error) &&
	       lk_my_backfill_parts(b->run->session, &b->table, lk_step_of(b->run), &own->set,
				    &own->differs, error);
}

/* How many wait for a row in the whole server: not cached, and needs no privilege, unlike the lists of locks. */
static bool count_waiting(struct lk_session *session, int64_t *count, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error,
		      "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"))
		return false;
	*count = r.rows > 0 ? lk_cell_int(&r, 0, 1) : 0;
	lk_result_free(&r);
	return true;
}

static bool my_begin(struct lk_backfill *b, struct lk_error *error)
{
	struct own *own = b->own;
	struct lk_session *session = b->run->session;
	own->waiting_before = 0;
	if (own->waiting > 0 && !count_waiting(session, &own->waiting_before, error))
		return false;
	const char *triggers = lk_step_of(b->run)->triggers;
	char *sql = lk_format("SET @lockkeeper_backfill = %d%s; START TRANSACTION",
			      triggers && strcmp(triggers, LK_MY_BOTH_SIDES) == 0 ? 2 : 1,
			      own->key.timestamp ? ", SESSION time_zone = '+00:00'" : "");
	bool begun = lk_execute(session, sql, error);
	free(sql);
	return begun;
}

static bool run_text(struct lk_backfill *b, struct lk_buffer *sql, struct lk_result *r,
		     struct lk_error *error)
{
	bool done = lk_query(b->run->session, r, error, lk_buffer_text(sql), 0, NULL);
	lk_buffer_free(sql);
	return done;
}

static void add_table(struct lk_backfill *b, struct lk_buffer *sql)
{
	lk_buffer_addf(sql, " FROM %s FORCE INDEX (%s)", b->table.sql, b->table.key.index);
}

static bool my_last_key(struct lk_backfill *b, struct lk_result *r, struct lk_error *error)
{
	struct own *own = b->own;
	struct lk_buffer sql = {0};
	lk_buffer_add(&sql, "SELECT ");
	lk_my_key_add_columns(&own->key, &sql);
	add_table(b, &sql);
	lk_buffer_add(&sql, " ORDER BY ");
	lk_my_key_add_order(&own->key, " DESC", NULL, NULL, &sql);
	lk_buffer_add(&sql, " LIMIT 1");
	return run_text(b, &sql, r, error);
}

static bool my_nth_key(struct lk_backfill *b, int64_t n, struct lk_result *r,
		       struct lk_error *error)
{
	struct own *own = b->own;
	struct lk_buffer sql = {0};
	lk_buffer_add(&sql, "SELECT ");
	lk_my_key_add_columns(&own->key, &sql);
	add_table(b, &sql);
	lk_buffer_add(&sql, " WHERE ");
	lk_my_key_add_range(&own->key, b->cursor.key, b->end, &sql);
	lk_buffer_add(&sql, " ORDER BY ");
	lk_my_key_add_order(&own->key, "", b->cursor.key, b->end, &sql);
	lk_buffer_addf(&sql, " LIMIT %lld, 1%s", (long long)n - 1,
		       own->maria ? "" : " FOR UPDATE NOWAIT");
	return run_text(b, &sql, r, error);
}

static bool my_count(struct lk_backfill *b, struct lk_result *r, struct lk_error *error)
{
	struct own *own = b->own;
	struct lk_buffer sql = {0};
	lk_buffer_add(&sql, "SELECT COUNT(*)");
	add_table(b, &sql);
	lk_buffer_add(&sql, " WHERE ");
	lk_my_key_add_range(&own->key, b->cursor.key, b->end, &sql);
	return run_text(b, &sql, r, error);
}

/* Strict mode makes most of what does not fit an error, but not all: a function of JSON, for one, warns and yields
 * NULL. */
static bool no_warning(struct lk_backfill *b, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(b->run->session, &r, error, "SELECT @@warning_count"))
		return false;
	bool warned = lk_cell_int(&r, 0, 0) > 0;
	lk_result_free(&r);
	if (!warned)
		return true;
	if (!LK_QUERY(b->run->session, &r, error, "SHOW WARNINGS LIMIT 100"))
		return false;
	bool good = true;
	for (size_t i = 0; good && i < r.rows; i++) {
		int number = (int)lk_cell_int(&r, i, 1);
		if (strcasecmp(lk_cell_text(&r, i, 0), "Note") == 0 ||
		    !lk_my_backfill_is_data_warning(number))
			continue;
		good = lk_fail(error, LK_ERROR_STATEMENT,
			       "%s (a warning, which a backfill takes for an error)",
			       lk_cell_text(&r, i, 2));
		error->number = number;
		LK_COPY(error->state, "22000");
	}
	lk_result_free(&r);
	return good;
}

static bool my_update(struct lk_backfill *b, struct lk_result *r, struct lk_error *error)
{
	struct own *own = b->own;
	struct lk_buffer sql = {0};
	/* Triggers of the table's own that write elsewhere wait for nobody either. */
	lk_buffer_addf(&sql, "%s%s WHERE ",
		       own->maria ? "SET STATEMENT innodb_lock_wait_timeout = 0 FOR " : "",
		       own->set);
	lk_my_key_add_range(&own->key, b->cursor.key, b->high, &sql);
	lk_buffer_add(&sql, own->differs);
	if (!run_text(b, &sql, r, error))
		return false;
	if (no_warning(b, error))
		return true;
	lk_result_free(r);
	return false;
}

/* InnoDB checks every constraint at once. */
static bool my_settle(struct lk_backfill *b, struct lk_error *error)
{
	(void)b;
	(void)error;
	return true;
}

/* Those that have come since the chunk began; whoever waited before waits for somebody else. */
static bool my_waiters(struct lk_backfill *b, int *waiters, struct lk_error *error)
{
	struct own *own = b->own;
	if (!count_waiting(b->run->session, &own->waiting, error))
		return false;
	*waiters =
		own->waiting > own->waiting_before ? (int)(own->waiting - own->waiting_before) : 0;
	return true;
}

static char *my_row(struct lk_backfill *b, char **value)
{
	struct own *own = b->own;
	struct lk_buffer out = {0};
	for (size_t i = 0; i < b->table.key.count; i++) {
		char *shown = lk_my_key_shown(&own->key, i, value[i]);
		/* What is no text is shown as a number, in hexadecimal or plainly. */
		bool bare = own->key.parts[i].form != LK_MY_PLAIN && strncmp(shown, "0x", 2) == 0;
		bare = bare || own->key.parts[i].form == LK_MY_NUMBER;
		char *text = bare ? lk_strdup(shown) : b->run->session->driver->quote_text(shown);
		lk_buffer_addf(&out, "%s%s = %s", i ? " AND " : "", b->table.key.sql[i], text);
		free(text);
		free(shown);
	}
	return lk_buffer_take(&out);
}

static char **my_shown_key(struct lk_backfill *b, char **value)
{
	struct own *own = b->own;
	char **shown = lk_alloc(b->table.key.count * sizeof(char *));
	for (size_t i = 0; i < b->table.key.count; i++)
		shown[i] = lk_my_key_shown(&own->key, i, value[i]);
	return shown;
}

static char *my_statement(struct lk_session *session, const struct lk_step *step,
			  const struct lk_table *root, const struct lk_table *table, bool check,
			  struct lk_error *error)
{
	char *set, *differs;
	(void)root;
	if (!lk_my_backfill_parts(session, table, step, &set, &differs, error))
		return NULL;
	struct lk_buffer keys = {0};
	for (size_t i = 0; i < table->key.count; i++)
		lk_buffer_addf(&keys, "%s%s", i ? ", " : "", table->key.sql[i]);
	char *sql = lk_format("%s WHERE (%s) > (…) AND (%s) <= (…)%s", set, lk_buffer_text(&keys),
			      lk_buffer_text(&keys), differs);
	char *tried = lk_format("%s WHERE FALSE%s", set, differs);
	if (check && !lk_my_backfill_check_sql(session, table, tried, error)) {
		free(sql);
		sql = NULL;
	}
	free(tried);
	lk_buffer_free(&keys);
	free(set);
	free(differs);
	return sql;
}

static char *my_lock(const struct lk_table *root, bool several)
{
	(void)several;
	return lk_format("the rows of one chunk of %s, for its duration; a chunk waits for nobody",
			 root->shown);
}

const struct lk_backfill_ops lk_my_backfill = {
	.check_table = lk_my_backfill_check_table,
	.check_leaf = lk_my_backfill_check_leaf,
	.statement = my_statement,
	.lock = my_lock,
	.await = my_await,
	.open = my_open,
	.close = my_close,
	.patience = my_patience,
	.enter = my_enter,
	.begin = my_begin,
	.last_key = my_last_key,
	.nth_key = my_nth_key,
	.count = my_count,
	.update = my_update,
	.settle = my_settle,
	.waiters = my_waiters,
	.is_data_error = lk_my_backfill_is_data_error,
	.explain = lk_my_backfill_explain,
	.row = my_row,
	.shown_key = my_shown_key,
};

static enum lk_outcome forward(struct lk_step_run *run, struct lk_error *error)
{
	return lk_backfill_forward(&lk_my_backfill, run, error);
}

static bool describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
		     struct lk_step_text *text, struct lk_error *error)
{
	return lk_backfill_describe(&lk_my_backfill, session, plan, number, text, error);
}

const struct lk_verb_ops lk_my_verb_backfill = {
	.forward = forward,
	.backward = lk_backfill_backward,
	.describe = describe,
};
