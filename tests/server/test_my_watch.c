/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the watcher sees of a real server of MySQL or MariaDB: who waits for whom, and whether a stop is proven. */
#include "tests/server/my_sessions.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "watch/lock_tree.h"
#include "watch/my_quiet.h"
#include "watch/sample.h"

#define WAIT_US 20000000

static const char *const instrumented[] = {
	"--performance-schema=ON", "--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON",
	NULL};
static const char *const blind[] = {"--performance-schema=OFF", NULL};

struct scene {
	struct lk_test_my *server;
	struct lk_session *watch;
};

static const char *const tables[] = {"`users`", "`test`.`orders`", NULL};

static void take(struct lk_session *watch, struct lk_sample *sample)
{
	const struct lk_watch_scope scope = {"test", tables, NULL};
	struct lk_error error;
	if (!lk_watch_sample(watch, &scope, sample, &error))
		fail_msg("no sample: %s", error.text);
}

/* NULL when the sample does not have it. */
static const struct lk_sample_session *look_for(const struct lk_sample *sample,
						const struct lk_session *session)
{
	for (size_t i = 0; i < sample->session_count; i++)
		if (sample->sessions[i].pid == session->id)
			return &sample->sessions[i];
	return NULL;
}

static const struct lk_sample_session *seen(const struct lk_sample *sample,
					    const struct lk_session *session)
{
	const struct lk_sample_session *s = look_for(sample, session);
	if (!s)
		fail_msg("session %d is not in the sample", session->id);
	return s ? s : sample->sessions;
}

static bool waits_for(const struct lk_sample *sample, const struct lk_session *waiter,
		      const struct lk_session *blocker)
{
	const struct lk_sample_session *s = look_for(sample, waiter);
	for (int i = 0; s && i < s->blocker_count; i++)
		if (s->blockers[i] == blocker->id)
			return true;
	return false;
}

/* Takes samples until the one waits for the other. */
static void await_wait(struct lk_session *watch, struct lk_sample *sample,
		       const struct lk_session *waiter, const struct lk_session *blocker)
{
	int64_t deadline = lk_clock_us() + WAIT_US;
	for (;;) {
		take(watch, sample);
		if (waits_for(sample, waiter, blocker))
			return;
		lk_sample_free(sample);
		if (lk_clock_us() > deadline)
			fail_msg("session %d was never seen to wait for session %d", waiter->id,
				 blocker->id);
		/* InnoDB's tables are made anew when nobody has looked for 100 ms. */
		lk_sleep_ms(150);
	}
}

static const struct lk_lock_node *node_of(const struct lk_lock_tree *tree,
					  const struct lk_session *session)
{
	for (size_t i = 0; i < tree->count; i++)
		if (tree->nodes[i].session->pid == session->id)
			return &tree->nodes[i];
	fail_msg("session %d is not in the tree", session->id);
	return NULL;
}

/* A session that waits longer for locks than ours do, and whose transactions may rest. */
static struct lk_session *patient(const struct scene *s, const char *role)
{
	struct lk_session *session = my_session(s->server, role);
	my_must(session, "SET SESSION innodb_lock_wait_timeout = 30, lock_wait_timeout = 30;"
			 "/*M! SET SESSION idle_transaction_timeout = 0 */");
	return session;
}

/* A transaction that stays open: on MySQL the driver has one of ours ended that sits idle for 2 s. */
static void hold(struct lk_session *session, const char *sql)
{
	my_must(session, sql);
	my_must(session, "SET SESSION wait_timeout = 600");
}

static void make_tables(struct lk_session *session)
{
	my_must(session,
		"CREATE OR REPLACE VIEW nothing AS SELECT 1 AS one; DROP TABLE IF EXISTS users, orders;"
		"CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(20)) ENGINE=InnoDB;"
		"INSERT INTO users VALUES (1, 'a'), (5, 'e'), (10, 'j');"
		"CREATE TABLE orders (id INT PRIMARY KEY) ENGINE=InnoDB");
}

static void scene_of(struct scene *s, void **state)
{
	s->server = *state;
	s->watch = my_session(s->server, "watch");
	make_tables(s->watch);
}

static void rows_are_waited_for(void **state)
{
	struct scene s;
	struct lk_sample sample;
	struct lk_lock_tree tree;
	struct my_background waits;
	scene_of(&s, state);
	struct lk_session *holder = patient(&s, "holder"), *waiter = patient(&s, "waiter");
	hold(holder, "BEGIN; UPDATE users SET name = 'b' WHERE id = 1");
	my_background_start(&waits, waiter, "UPDATE users SET name = 'c' WHERE id = 1");
	await_wait(s.watch, &sample, waiter, holder);
	lk_lock_tree_build(&sample, &tree);
	const struct lk_lock_node *above = node_of(&tree, holder), *below = node_of(&tree, waiter);
	assert_int_equal(above->depth, 0);
	assert_int_equal(above->waiting_below, 1);
	assert_int_equal(below->depth, 1);
	assert_string_equal(below->session->wait, "row lock");
	assert_contains(below->session->object, "test.users PRIMARY");
	assert_contains(below->session->statement, "SET name = 'c'");
	assert_true(below->session->wait_ms >= 0);
	assert_true(sample.waiting >= 1);
	assert_string_equal(above->session->state, "idle in transaction");
	lk_lock_tree_free(&tree);
	lk_sample_free(&sample);
	my_must(holder, "COMMIT");
	my_background_end(&waits);
	assert_true(waits.done);
	lk_session_close(holder);
	lk_session_close(waiter);
	lk_session_close(s.watch);
}

static void gaps_are_waited_for(void **state)
{
	struct scene s;
	struct lk_sample sample;
	struct my_background waits;
	scene_of(&s, state);
	struct lk_session *holder = patient(&s, "holder"), *waiter = patient(&s, "waiter");
	hold(holder, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; BEGIN;"
		     "SELECT * FROM users WHERE id BETWEEN 6 AND 9 FOR UPDATE");
	my_background_start(&waits, waiter, "INSERT INTO users VALUES (7, 'g')");
	await_wait(s.watch, &sample, waiter, holder);
	assert_contains(seen(&sample, waiter)->mode, "GAP");
	lk_sample_free(&sample);
	my_must(holder, "ROLLBACK");
	my_background_end(&waits);
	assert_true(waits.done);
	lk_session_close(holder);
	lk_session_close(waiter);
	lk_session_close(s.watch);
}

/* A reader's transaction, DDL behind it, the application behind the DDL. */
static void metadata_locks_make_a_chain(void **state)
{
	struct scene s;
	struct lk_sample sample;
	struct lk_lock_tree tree;
	struct my_background ddl, reader;
	scene_of(&s, state);
	struct lk_session *holder = patient(&s, "holder"), *worker = patient(&s, "worker");
	struct lk_session *victim = patient(&s, "victim");
	hold(holder, "BEGIN; SELECT * FROM users");
	my_background_start(&ddl, worker, "ALTER TABLE users ADD COLUMN x INT, ALGORITHM=INSTANT");
	await_wait(s.watch, &sample, worker, holder);
	assert_string_equal(seen(&sample, worker)->mode, "EXCLUSIVE");
	assert_string_equal(seen(&sample, worker)->object, "test.users");
	assert_true(seen(&sample, worker)->worker);
	lk_sample_free(&sample);
	my_background_start(&reader, victim, "SELECT * FROM users");
	await_wait(s.watch, &sample, victim, worker);
	lk_lock_tree_build(&sample, &tree);
	assert_int_equal(node_of(&tree, holder)->depth, 0);
	assert_int_equal(node_of(&tree, worker)->depth, 1);
	assert_int_equal(node_of(&tree, victim)->depth, 2);
	assert_int_equal(tree.we_wait, 1);
	assert_true(node_of(&tree, victim)->session->wait_ms >= 0);
	assert_false(node_of(&tree, victim)->session->guessed);
	lk_lock_tree_free(&tree);
	lk_sample_free(&sample);
	my_must(holder, "COMMIT");
	my_background_end(&ddl);
	my_background_end(&reader);
	assert_true(ddl.done && reader.done);
	lk_session_close(holder);
	lk_session_close(worker);
	lk_session_close(victim);
	lk_session_close(s.watch);
}

static void backups_hold_everything_up(void **state)
{
	struct scene s;
	struct lk_sample sample;
	struct my_background writes;
	scene_of(&s, state);
	struct lk_session *backup = patient(&s, "backup"), *writer = patient(&s, "writer");
	my_must(backup, "FLUSH TABLES WITH READ LOCK");
	my_background_start(&writes, writer, "INSERT INTO users VALUES (20, 't')");
	await_wait(s.watch, &sample, writer, backup);
	lk_sample_free(&sample);
	my_must(backup, "UNLOCK TABLES");
	my_background_end(&writes);
	assert_true(writes.done);
	lk_session_close(backup);
	lk_session_close(writer);
	lk_session_close(s.watch);
}

/* Somebody's transaction that DDL would wait for is shown before anybody waits. */
static void old_holders_of_the_plans_tables_are_shown(void **state)
{
	struct scene s;
	struct lk_sample sample;
	int64_t deadline = lk_clock_us() + WAIT_US;
	bool shown = false;
	char last[200] = "without the holder";
	scene_of(&s, state);
	struct lk_session *holder = patient(&s, "holder");
	hold(holder, "BEGIN; SELECT * FROM orders");
	while (!shown && lk_clock_us() < deadline) {
		take(s.watch, &sample);
		const struct lk_sample_session *h = look_for(&sample, holder);
		shown = h && h->holds_table && strcmp(h->object, "test.orders") == 0;
		if (h)
			snprintf(last, sizeof last, "transaction of %.0f ms, holds %s",
				 h->transaction_ms, h->holds_table ? h->object : "nothing");
		lk_sample_free(&sample);
		lk_sleep_ms(150);
	}
	if (!shown)
		fail_msg("the last sample: %s", last);
	lk_session_close(holder);
	lk_session_close(s.watch);
}

/* The server answers a statement a moment before its list of sessions says that it has ended. */
static void expect_quiet(struct lk_session *watch, int transactions, bool locks)
{
	struct lk_quiet quiet;
	struct lk_error error;
	int64_t deadline = lk_clock_us() + WAIT_US;
	do {
		if (!lk_watch_quiet(watch, "test", &quiet, &error))
			fail_msg("%s", error.text);
	} while ((quiet.open_transactions != transactions || (quiet.locks > 0) != locks) &&
		 lk_clock_us() < deadline);
	assert_int_equal(quiet.sessions, 1);
	assert_int_equal(quiet.open_transactions, transactions);
	assert_int_equal(quiet.locks > 0, locks);
}

static void a_stop_is_proven(void **state)
{
	struct scene s;
	struct my_background busy;
	scene_of(&s, state);
	struct lk_session *worker = my_session(s.server, "worker");
	expect_quiet(s.watch, 0, false);
	hold(worker, "BEGIN; UPDATE users SET name = 'x' WHERE id = 5");
	expect_quiet(s.watch, 1, true);
	my_must(worker, "COMMIT");
	expect_quiet(s.watch, 0, false);
	hold(worker, "BEGIN; SELECT COUNT(*) FROM users");
	expect_quiet(s.watch, 1, true);
	my_must(worker, "ROLLBACK");
	expect_quiet(s.watch, 0, false);
	my_must(worker, "LOCK TABLES users WRITE");
	expect_quiet(s.watch, 0, true);
	my_must(worker, "UNLOCK TABLES; SELECT GET_LOCK('lockkeeper.guard', 0)");
	expect_quiet(s.watch, 0, false);
	my_background_start(&busy, worker, "SELECT SLEEP(20)");
	my_await_statement(s.server, worker->id, "SLEEP(20)");
	expect_quiet(s.watch, 1, false);
	assert_true(lk_session_cancel_begin(worker));
	struct lk_error error;
	assert_true(lk_session_cancel_finish(worker, s.watch, &error));
	my_background_end(&busy);
	expect_quiet(s.watch, 0, false);
	/* One that comes too late. */
	char *kill = lk_format("KILL QUERY %d", worker->id);
	lk_test_my_sql(s.server, kill);
	expect_quiet(s.watch, 0, false);
	free(kill);
	lk_session_close(worker);
	lk_session_close(s.watch);
}

static void long_statements_tell_what_they_are_at(void **state)
{
	struct scene s;
	struct lk_sample sample;
	struct my_background busy;
	struct lk_error error;
	int64_t deadline = lk_clock_us() + WAIT_US;
	bool told = false;
	scene_of(&s, state);
	struct lk_session *worker = my_session(s.server, "worker");
	my_background_start(&busy, worker, "SELECT SLEEP(20)");
	while (!told && lk_clock_us() < deadline) {
		take(s.watch, &sample);
		told = strstr(sample.work, "User sleep; 1 s so far") != NULL;
		lk_sample_free(&sample);
		lk_sleep_ms(50);
	}
	assert_true(told);
	assert_true(lk_session_cancel_begin(worker));
	assert_true(lk_session_cancel_finish(worker, s.watch, &error));
	my_background_end(&busy);
	lk_session_close(worker);
	lk_session_close(s.watch);
}

static void what_is_not_shown_is_named(void **state)
{
	struct scene s;
	struct lk_sample sample;
	scene_of(&s, state);
	take(s.watch, &sample);
	assert_string_equal(sample.unseen, "");
	lk_sample_free(&sample);
	my_must(s.watch, "UPDATE performance_schema.setup_instruments SET enabled = 'NO'"
			 " WHERE name = 'wait/lock/metadata/sql/mdl'");
	take(s.watch, &sample);
	assert_contains(sample.unseen,
			"UPDATE performance_schema.setup_instruments SET enabled = 'YES'");
	lk_sample_free(&sample);
	my_must(s.watch, "UPDATE performance_schema.setup_instruments SET enabled = 'YES'"
			 " WHERE name = 'wait/lock/metadata/sql/mdl'");
	lk_session_close(s.watch);
}

/* A user who may not read the performance schema still gets a sample, and the GRANT. */
static void a_user_with_few_privileges_is_served(void **state)
{
	struct scene s;
	struct lk_sample sample;
	struct lk_quiet quiet;
	struct lk_error error;
	scene_of(&s, state);
	my_must(s.watch,
		"CREATE USER IF NOT EXISTS little@localhost;"
		"GRANT SELECT, PROCESS ON *.* TO little@localhost;"
		"REVOKE ALL PRIVILEGES, GRANT OPTION FROM little@localhost;"
		"GRANT PROCESS ON *.* TO little@localhost; GRANT ALL ON test.* TO little@localhost");
	char *uri = lk_test_my_uri(s.server, "little", NULL);
	struct lk_session *little = my_session_of(uri, "watch");
	take(little, &sample);
	assert_contains(sample.unseen,
			"GRANT SELECT ON performance_schema.* TO 'little'@'localhost'");
	lk_sample_free(&sample);
	assert_true(lk_watch_quiet(little, "test", &quiet, &error));
	lk_session_close(little);
	lk_session_close(s.watch);
	free(uri);
}

/* With nothing instrumented: a guess, which is called one. */
static void the_blind_guess(void **state)
{
	struct lk_test_my *server = lk_test_my_start(blind);
	struct scene s = {.server = server};
	struct lk_sample sample;
	struct my_background ddl, reader;
	(void)state;
	my_need(server);
	s.watch = my_session(server, "watch");
	make_tables(s.watch);
	struct lk_session *holder = patient(&s, "holder"), *worker = patient(&s, "worker");
	struct lk_session *victim = patient(&s, "victim"), *rows = patient(&s, "rows");
	hold(holder, "BEGIN;"
		     "UPDATE users SET name = 'q' WHERE id = 1");
	my_background_start(&reader, rows, "UPDATE users SET name = 'r' WHERE id = 1");
	await_wait(s.watch, &sample, rows, holder);
	lk_sample_free(&sample);
	my_must(holder, "ROLLBACK");
	my_background_end(&reader);
	hold(holder, "BEGIN; UPDATE users SET name = 'q' WHERE id = 1");
	my_background_start(&ddl, worker, "ALTER TABLE users ADD COLUMN x INT, ALGORITHM=INSTANT");
	await_wait(s.watch, &sample, worker, holder);
	assert_true(seen(&sample, worker)->guessed);
	assert_contains(sample.unseen, "guessed");
	lk_sample_free(&sample);
	my_background_start(&reader, victim, "SELECT * FROM users");
	await_wait(s.watch, &sample, victim, worker);
	lk_sample_free(&sample);
	my_must(holder, "COMMIT");
	my_background_end(&ddl);
	my_background_end(&reader);
	assert_true(ddl.done && reader.done);
	lk_session_close(holder);
	lk_session_close(worker);
	lk_session_close(victim);
	lk_session_close(rows);
	lk_session_close(s.watch);
	lk_test_my_stop(server);
}

static int start(void **state)
{
	*state = lk_test_my_start(instrumented);
	return 0;
}

static int stop(void **state)
{
	if (*state)
		lk_test_my_stop(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_waited_for),
		cmocka_unit_test(gaps_are_waited_for),
		cmocka_unit_test(metadata_locks_make_a_chain),
		cmocka_unit_test(backups_hold_everything_up),
		cmocka_unit_test(old_holders_of_the_plans_tables_are_shown),
		cmocka_unit_test(a_stop_is_proven),
		cmocka_unit_test(long_statements_tell_what_they_are_at),
		cmocka_unit_test(what_is_not_shown_is_named),
		cmocka_unit_test(a_user_with_few_privileges_is_served),
		cmocka_unit_test(the_blind_guess),
	};
	return my_run_tests(tests, start, stop);
}
