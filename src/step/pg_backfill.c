/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb backfill on PostgreSQL. A chunk and its wait for a row lock together stay below the server's
 * deadlock_timeout: of a deadlock we give up first, and the application never hears.
 */
#include <string.h>

#include "base/memory.h"
#include "step/backfill.h"
#include "step/pg_backfill_check.h"
#include "step/pg_backfill_sql.h"
#include "step/pg_standby.h"
#include "step/pg_step.h"

#define CATALOG_PATIENCE "2s"

struct own {
	const char *role; /* the session_replication_role to work under; NULL: as it is */
	int64_t lock_wait_ms;
	int64_t standby_looked_us;
};

/* Made before `open`, which comes after the first wait. */
static struct own *own_of(struct lk_backfill *b)
{
	if (!b->own)
		b->own = lk_alloc(sizeof(struct own));
	return b->own;
}

static bool pg_await(struct lk_backfill *b, struct lk_error *error)
{
	return lk_pg_standby_wait(b->run, &own_of(b)->standby_looked_us, error);
}

/* The server's patience with deadlocks bounds ours; and who the application's triggers will think we are. */
static bool pg_open(struct lk_backfill *b, struct lk_error *error)
{
	struct lk_result r;
	struct own *own = own_of(b);
	const char *triggers = lk_step_of(b->run)->triggers;
	if (!LK_QUERY(b->run->session, &r, error,
		      "SELECT (SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'),"
		      " current_setting('session_replication_role') = 'replica'"))
		return false;
	int64_t deadlock_ms = lk_cell_int(&r, 0, 0);
	bool replica = lk_cell_bool(&r, 0, 1);
	lk_result_free(&r);
	own->lock_wait_ms = lk_step_lock_wait_ms(b->run);
	if (own->lock_wait_ms > deadlock_ms / 4)
		own->lock_wait_ms = deadlock_ms / 4;
	if (own->lock_wait_ms < 1)
		own->lock_wait_ms = 1;
	b->longest_ms = (double)deadlock_ms / 2;
	if (triggers && strcmp(triggers, "skip") == 0)
		own->role = "replica";
	else if (replica)
		own->role = "origin";
	return true;
}

static void pg_close(struct lk_backfill *b)
{
	free(b->own);
}

/* The catalog is read without a bound otherwise, and whoever alters a table holds it. */
static bool pg_patience(struct lk_session *session, bool on, struct lk_error *error)
{
	return LK_RUN(session, error, "SELECT set_config('lock_timeout', $1, false)",
		      on ? CATALOG_PATIENCE : "0");
}

static bool pg_enter(struct lk_backfill *b, struct lk_error *error)
{
	(void)b;
	(void)error;
	return true;
}

static bool pg_begin(struct lk_backfill *b, struct lk_error *error)
{
	struct own *own = own_of(b);
	char *sql = lk_pg_backfill_begin_sql(own->lock_wait_ms, own->role);
	bool begun = lk_execute(b->run->session, sql, error);
	free(sql);
	return begun;
}

/* Runs SQL, which it frees, over the range (cursor, high]. */
static bool over_range(struct lk_backfill *b, char *sql, char **high, struct lk_result *r,
		       struct lk_error *error)
{
	size_t k = b->table.key.count;
	const char *parameters[2 * LK_BACKFILL_KEY_COLUMNS];
	for (size_t i = 0; i < k; i++) {
		parameters[i] = high[i];
		parameters[k + i] = b->cursor.key ? b->cursor.key[i] : NULL;
	}
	bool done = lk_query(b->run->session, r, error, sql, b->cursor.key ? 2 * k : k, parameters);
	free(sql);
	return done;
}

static bool pg_last_key(struct lk_backfill *b, struct lk_result *r, struct lk_error *error)
{
	char *sql = lk_pg_backfill_last_sql(&b->table);
	bool read = lk_query(b->run->session, r, error, sql, 0, NULL);
	free(sql);
	return read;
}

static bool pg_nth_key(struct lk_backfill *b, int64_t n, struct lk_result *r,
		       struct lk_error *error)
{
	return over_range(b, lk_pg_backfill_nth_sql(&b->table, b->cursor.key != NULL, n), b->end, r,
			  error);
}

static bool pg_count(struct lk_backfill *b, struct lk_result *r, struct lk_error *error)
{
	return over_range(b, lk_pg_backfill_count_sql(&b->table, b->cursor.key != NULL), b->end, r,
			  error);
}

static bool pg_update(struct lk_backfill *b, struct lk_result *r, struct lk_error *error)
{
	return over_range(b,
			  lk_pg_backfill_update_sql(b->run->session, &b->root, &b->table,
						    lk_step_of(b->run), b->cursor.key != NULL),
			  b->high, r, error);
}

static bool pg_settle(struct lk_backfill *b, struct lk_error *error)
{
	return LK_RUN(b->run->session, error, "SET CONSTRAINTS ALL IMMEDIATE");
}

static bool pg_waiters(struct lk_backfill *b, int *waiters, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    b->run->session, &r, error,
		    "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
		    " AND transactionid = pg_current_xact_id_if_assigned()::xid"))
		return false;
	*waiters = (int)lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

/* By SQLSTATE's class (manual, appendix A): these speak of the statement, the session or the server; every
 * other one, with those that people make up for RAISE, of a row. */
static bool pg_is_data_error(const struct lk_error *error)
{
	static const char *const others[] = {
		"01", "02", "03", "08", "09", "0A", "0B", "0L", "0P", "24", "25", "26", "28", "2B",
		"2D", "3B", "3D", "3F", "40", "42", "53", "55", "57", "58", "72", "F0", "HV", "XX",
	};
	if (error->class != LK_ERROR_STATEMENT || !error->state[0])
		return false;
	for (size_t i = 0; i < LK_COUNT(others); i++)
		if (strncmp(error->state, others[i], 2) == 0)
			return false;
	return true;
}

static char *pg_row(struct lk_backfill *b, char **key)
{
	return lk_pg_backfill_row_sql(b->run->session, &b->table, key);
}

static char **pg_shown_key(struct lk_backfill *b, char **key)
{
	return lk_backfill_copy_key(key, b->table.key.count);
}

static char *pg_statement(struct lk_session *session, const struct lk_step *step,
			  const struct lk_table *root, const struct lk_table *table, bool check,
			  struct lk_error *error)
{
	char *sql = lk_pg_backfill_update_sql(session, root, table, step, true);
	if (!check || lk_pg_backfill_check_sql(session, sql, 2 * table->key.count, error))
		return sql;
	free(sql);
	return NULL;
}

static char *pg_lock(const struct lk_table *root, bool several)
{
	return lk_format("ROW EXCLUSIVE on %s%s; the rows of one chunk, for its duration",
			 root->shown, several ? " and its parts" : "");
}

const struct lk_backfill_ops lk_pg_backfill = {
	.check_table = lk_pg_backfill_check_table,
	.check_leaf = lk_pg_backfill_check_leaf,
	.statement = pg_statement,
	.lock = pg_lock,
	.await = pg_await,
	.open = pg_open,
	.close = pg_close,
	.patience = pg_patience,
	.enter = pg_enter,
	.begin = pg_begin,
	.last_key = pg_last_key,
	.nth_key = pg_nth_key,
	.count = pg_count,
	.update = pg_update,
	.settle = pg_settle,
	.waiters = pg_waiters,
	.is_data_error = pg_is_data_error,
	.row = pg_row,
	.shown_key = pg_shown_key,
};

static enum lk_outcome forward(struct lk_step_run *run, struct lk_error *error)
{
	return lk_backfill_forward(&lk_pg_backfill, run, error);
}

static bool describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
		     struct lk_step_text *text, struct lk_error *error)
{
	return lk_backfill_describe(&lk_pg_backfill, session, plan, number, text, error);
}

const struct lk_verb_ops lk_pg_verb_backfill = {
	.forward = forward,
	.backward = lk_backfill_backward,
	.describe = describe,
};
