/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/my_exchange.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"

#define PLAN                                                                                       \
	"plan: p\nsteps:\n  expand:\n    - ddl: \"ALTER TABLE t COMMENT 'x'\"\n"                   \
	"      undo: \"ALTER TABLE t COMMENT ''\"\n"
#define COLUMNS "id, v, s, note"

static void make_tables(const struct lk_test_my *server)
{
	lk_test_my_sql(
		server,
		"DROP VIEW IF EXISTS w; DROP TABLE IF EXISTS t, t_lk_new, t_lk_old, app_log;"
		"CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v int NOT NULL DEFAULT 0,"
		" s int NOT NULL DEFAULT 0, note varchar(40) NOT NULL DEFAULT '');"
		"INSERT INTO t (id) WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n"
		" WHERE n < 160) SELECT n FROM n;"
		"CREATE TABLE t_lk_new LIKE t; ALTER TABLE t_lk_new MODIFY id bigint AUTO_INCREMENT;"
		"INSERT INTO t_lk_new SELECT * FROM t;"
		"CREATE TABLE app_log (n bigint AUTO_INCREMENT PRIMARY KEY, id bigint, KEY (id));"
		"CREATE VIEW w AS SELECT id, s FROM t");
}

static bool position(void *context, struct lk_session *session, char *text, size_t size,
		     struct lk_error *error)
{
	struct lk_result r;
	(void)context;
	if (!LK_QUERY(session, &r, error, "SELECT CONCAT(MAX(id), SPACE(1), COUNT(*)) FROM t"))
		return false;
	lk_copy_text(text, size, lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return true;
}

static bool drain(void *context, struct lk_session *session, const char *to, int64_t until_us,
		  struct lk_error *error)
{
	struct my_exchange *exchange = context;
	const char *shadow = exchange->order.tables.shadow;
	if (exchange->behind > 0) {
		exchange->behind--;
		while (lk_clock_us() < until_us)
			lk_sleep_ms(1);
		return lk_fail(error, LK_ERROR_RETRY, "the stream was 7 rows behind");
	}
	assert_int_not_equal(to[0], '\0');
	if (exchange->begins && !lk_begin(session, error))
		return false;
	char *sql = lk_format("REPLACE INTO %s (" COLUMNS ") SELECT " COLUMNS " FROM t;"
			      " DELETE FROM %s WHERE id NOT IN (SELECT id FROM t)",
			      shadow, shadow);
	bool done = lk_execute(session, sql, error);
	if (done && exchange->begins)
		done = lk_commit(session, error);
	free(sql);
	return done;
}

static void at(void *context, enum lk_my_cut_over_point point)
{
	struct my_exchange *exchange = context;
	if (!exchange->act || exchange->acting || point != exchange->act_at)
		return;
	exchange->acting = true;
	exchange->act(exchange);
	atomic_store(&exchange->acted, true);
}

static void tried(void *context, const struct lk_my_cut_over_try *attempt)
{
	struct my_exchange *exchange = context;
	if (!exchange->first_why[0])
		LK_COPY(exchange->first_why, attempt->why);
}

void my_exchange_open(struct my_exchange *exchange, const struct lk_test_my *server)
{
	my_need(server);
	memset(exchange, 0, sizeof *exchange);
	exchange->server = server;
	make_tables(server);
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_test_steps_open_uri(&exchange->steps, uri, PLAN);
	free(uri);
	exchange->order = (struct lk_my_cut_over){
		.tables = {.schema = "test", .table = "t", .shadow = "t_lk_new", .old = "t_lk_old"},
		.locks = "lockkeeper.epoch READ",
		.gap_ms = 50,
		/* A busy machine is no slow stream. */
		.hold_ms = 2000,
		.context = exchange,
		.position = position,
		.drain = drain,
		.tried = tried,
		.at = at,
	};
	exchange->other = lk_test_my_connect(server);
}

void my_exchange_nothing_left(struct my_exchange *exchange)
{
	/* An ended session's locks and list entry go a moment after its connection. */
	char *sql =
		lk_format("SELECT (SELECT COUNT(*) FROM information_schema.triggers WHERE"
			  " trigger_name LIKE 'lk\\_fence%%') + (SELECT COUNT(*) FROM"
			  " information_schema.processlist WHERE info LIKE '%%RENAME%%' AND id <>"
			  " CONNECTION_ID()) = 0 AND IS_USED_LOCK('lockkeeper.fence:%s') IS NULL"
			  " AND IS_USED_LOCK('lockkeeper.guard:%s') IS NULL",
			  exchange->steps.name, exchange->steps.name);
	if (!lk_test_my_wait(exchange->server, sql, 10))
		fail_msg("something is left: %s", exchange->report.why);
	free(sql);
	/* Whoever can have the tables for himself at once has nobody else at them. */
	lk_test_my_sql(exchange->server,
		       "SET lock_wait_timeout = 1; LOCK TABLES t WRITE; UNLOCK TABLES");
}

void my_exchange_close(struct my_exchange *exchange)
{
	my_exchange_nothing_left(exchange);
	mysql_close(exchange->other);
	lk_test_steps_close(&exchange->steps);
}

enum lk_outcome my_exchange_run(struct my_exchange *exchange)
{
	exchange->outcome = lk_my_cut_over(&exchange->steps.run, &exchange->order,
					   &exchange->report, &exchange->steps.error);
	return exchange->outcome;
}

void my_exchange_must(struct my_exchange *exchange)
{
	if (my_exchange_run(exchange) == LK_OUTCOME_DONE)
		return;
	char *said = lk_test_steps_said(&exchange->steps);
	fail_msg("outcome %d: %s (%s)\n%s", exchange->outcome, exchange->steps.error.text,
		 exchange->report.why, said);
}

static void *run(void *argument)
{
	struct my_exchange *exchange = argument;
	my_exchange_run(exchange);
	pthread_mutex_lock(&exchange->steps.mutex);
	exchange->steps.ended = true;
	pthread_mutex_unlock(&exchange->steps.mutex);
	mysql_thread_end();
	return NULL;
}

void my_exchange_begin(struct my_exchange *exchange)
{
	exchange->steps.ended = false;
	assert_int_equal(pthread_create(&exchange->thread, NULL, run, exchange), 0);
}

enum lk_outcome my_exchange_end(struct my_exchange *exchange)
{
	pthread_join(exchange->thread, NULL);
	return exchange->outcome;
}

void my_exchange_turn(struct my_exchange *exchange)
{
	struct lk_my_cut_over_tables *tables = &exchange->order.tables;
	const char *shadow = tables->shadow;
	tables->shadow = tables->old;
	tables->old = shadow;
}

static void *help(void *argument)
{
	struct my_exchange *exchange = argument;
	const char *sql = exchange->helper_sql;
	int more = mysql_query(exchange->other, sql);
	for (; more == 0; more = mysql_next_result(exchange->other))
		mysql_free_result(mysql_store_result(exchange->other));
	atomic_store(&exchange->helped, true);
	mysql_thread_end();
	return NULL;
}

void my_exchange_meanwhile(struct my_exchange *exchange, const char *sql, const char *state)
{
	char *waits =
		lk_format("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lu AND"
			  " state LIKE '%s'",
			  mysql_thread_id(exchange->other), state);
	exchange->helper_sql = sql;
	exchange->helping = true;
	atomic_store(&exchange->helped, false);
	assert_int_equal(pthread_create(&exchange->helper, NULL, help, exchange), 0);
	/* In a session that is there: where a database's lock is waited for nobody can connect to it. */
	for (bool seen = false; !seen && !atomic_load(&exchange->helped); lk_sleep_ms(1)) {
		char *count = my_value(exchange->steps.control, waits);
		seen = count[0] != '0';
		free(count);
	}
	free(waits);
}

void my_exchange_meanwhile_end(struct my_exchange *exchange)
{
	if (exchange->helping)
		pthread_join(exchange->helper, NULL);
	exchange->helping = false;
}

#define ROW "1 + CONNECTION_ID() % 97"
enum { ALONE, TOGETHER, LOCKING, PREPARED, VIEWED, ADDING };
static const char *const statements[EXCHANGE_WRITERS] = {
	[ALONE] = "UPDATE t SET s = s + 1 WHERE id = " ROW,
	[TOGETHER] = "BEGIN; UPDATE t SET v = v + 1 WHERE id = " ROW
		     "; INSERT INTO app_log (id) VALUES (" ROW "); COMMIT",
	[LOCKING] = "BEGIN; SELECT v FROM t WHERE id = " ROW
		    " FOR UPDATE; UPDATE t SET v = v + 1 WHERE id = " ROW
		    "; INSERT INTO app_log (id) VALUES (" ROW "); COMMIT",
	[PREPARED] = "PREPARE p FROM 'UPDATE t SET s = s + 1 WHERE id = ?'; SET @id = " ROW
		     "; EXECUTE p USING @id",
	[VIEWED] = "UPDATE w SET s = s + 1 WHERE id = " ROW,
	[ADDING] = "INSERT INTO t (note) VALUES ('gone'); DELETE FROM t WHERE id ="
		   " LAST_INSERT_ID(); INSERT INTO t (note) VALUES ('added')",
};

void my_exchange_write(struct my_exchange *exchange, int pause_us)
{
	for (size_t i = 0; i < EXCHANGE_WRITERS; i++)
		exchange->writers[i] =
			lk_test_my_load_start(exchange->server, statements[i], 1, pause_us);
}

void my_exchange_let_write(struct my_exchange *exchange, int64_t more)
{
	for (size_t i = 0; i < EXCHANGE_WRITERS; i++)
		lk_test_my_load_wait(exchange->writers[i], more);
}

static int64_t expect(struct my_exchange *exchange, const char *sql, int64_t expected,
		      const char *what)
{
	int64_t found = lk_test_my_number(exchange->server, sql);
	if (found != expected)
		fail_msg("%s: %lld in t, %lld written (%s)", what, (long long)found,
			 (long long)expected, exchange->report.why);
	return found;
}

double my_exchange_compare(struct my_exchange *exchange, int64_t *errors, char first_error[300])
{
	struct lk_test_my_load_result r[EXCHANGE_WRITERS];
	double longest = 0;
	*errors = 0;
	first_error[0] = '\0';
	for (size_t i = 0; i < EXCHANGE_WRITERS; i++) {
		lk_test_my_load_stop(exchange->writers[i], &r[i]);
		*errors += r[i].errors;
		if (r[i].errors && !first_error[0])
			snprintf(first_error, 300, "%.200s: %.90s", statements[i],
				 r[i].first_error);
		if (r[i].longest_ms > longest)
			longest = r[i].longest_ms;
	}
	expect(exchange, "SELECT SUM(s) FROM t",
	       r[ALONE].transactions + r[PREPARED].transactions + r[VIEWED].transactions,
	       "single statements");
	expect(exchange, "SELECT SUM(v) FROM t",
	       lk_test_my_number(exchange->server, "SELECT COUNT(*) FROM app_log"), "transactions");
	expect(exchange,
	       "SELECT COUNT(*) FROM (SELECT t.id FROM t LEFT JOIN app_log a ON a.id = t.id"
	       " GROUP BY t.id, t.v HAVING t.v <> COUNT(a.n)) AS different",
	       0, "rows that differ from their log");
	if (r[ADDING].errors == 0) {
		expect(exchange, "SELECT COUNT(*) FROM t WHERE note = 'added'",
		       r[ADDING].transactions, "rows added");
		expect(exchange, "SELECT COUNT(*) FROM t WHERE note = 'gone'", 0, "rows deleted");
	}
	return longest;
}

double my_exchange_all_there(struct my_exchange *exchange)
{
	int64_t errors;
	char first[300];
	double longest = my_exchange_compare(exchange, &errors, first);
	if (errors)
		fail_msg("%lld errors for the application, the first: %s", (long long)errors,
			 first);
	return longest;
}
