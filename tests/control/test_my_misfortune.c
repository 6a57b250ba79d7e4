/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole runs on MariaDB and MySQL whose servers meet with misfortune: a replica that breaks, a lock on everything,
 * another identity. */
#include "tests/control/my_stage.h"

enum { ROWS = 6000 };
#define ALL_BUT_CONTRACT "expand,migrate,release-42"
#define CONTRACT "contract,release-41-gone"
#define SMALL_CHUNKS "limits: {lag: 5s, chunk_time: 2ms}\n"

static struct my_stage stage;
static struct lk_test_my *replica;
static struct lk_home alice;

static int open_stage(void **state)
{
	(void)state;
	my_stage_open_on(&stage, lk_test_my_start_primary(NULL));
	if (!stage.server)
		return 0;
	/* Where names are not resolved, root@localhost may not come by TCP. */
	lk_test_my_sql(stage.server, "CREATE USER IF NOT EXISTS root@'127.0.0.1';"
				     "GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1'");
	replica = lk_test_my_start_replica(stage.server, NULL);
	lk_home_make(&stage.stage, &alice);
	return 0;
}

static int close_stage(void **state)
{
	(void)state;
	lk_test_my_stop(replica);
	my_stage_close(&stage);
	return 0;
}

/* A run whose backfill is under way, one row a minute or so from now on. */
static struct my_load *begin(const char *plan, const char *table)
{
	my_need(stage.server);
	my_users_make(&stage, table, ROWS);
	lk_plan_rename(&alice, plan, table, SMALL_CHUNKS);
	struct my_load *load = my_load_start(&stage, table, "username");
	lk_expect(&alice, 3, "run", plan, "--headless", "--yes", "expand", NULL);
	lk_must(&alice, plan, "throttle",
		json_pack("{s:f, s:i}", "rest", 60.0, "chunk_time_ms", 1));
	lk_confirm(&alice, plan, "migrate");
	my_await_sql(&stage, 60,
		     "SELECT MAX(c.rows_done) > 0 FROM lockkeeper.cursor c JOIN lockkeeper.run r ON"
		     " r.name = c.run WHERE r.plan = '%s'",
		     plan);
	return load;
}

static int64_t rows_done(const char *plan)
{
	return my_number(&stage,
			 "SELECT MAX(c.rows_done) FROM lockkeeper.cursor c JOIN lockkeeper.run r ON"
			 " r.name = c.run WHERE r.plan = '%s'",
			 plan);
}

static void hurry(const char *plan)
{
	lk_must(&alice, plan, "throttle",
		json_pack("{s:f, s:i}", "rest", 0.01, "chunk_time_ms", 50));
}

static void finish(const char *plan, const char *table, struct my_load *load)
{
	lk_await_gate(&alice, plan, "release-42", 60);
	my_load_end(load);
	lk_expect(&alice, 0, "run", plan, "--headless", "--yes", "release-42," CONTRACT, NULL);
	my_users_compare(&stage, table, "user_handle");
}

static bool is_held(const struct lk_snapshot *s, const void *context)
{
	(void)context;
	return s->replicas_count == 1 && strcmp(s->replicas[0].state, "broken") == 0 &&
	       strncmp(s->reason, "throttled: lag ", 15) == 0;
}

static bool says(const struct lk_snapshot *s, const void *words)
{
	for (int i = 0; i < s->alerts_count; i++)
		if (strstr(s->alerts[i].text, words))
			return true;
	return false;
}

static bool follows(const struct lk_snapshot *s, const void *context)
{
	(void)context;
	return s->replicas_count == 1 && strcmp(s->replicas[0].state, "ok") == 0;
}

/* Two seconds of the keeper's life go by. */
static void await_heartbeats(const char *plan)
{
	char *now = lk_test_my_value(stage.server, "SELECT UTC_TIMESTAMP(6)");
	my_await_sql(&stage, 30,
		     "SELECT MAX(h.at) > '%s' + INTERVAL 2 SECOND FROM lockkeeper.heartbeat h JOIN"
		     " lockkeeper.run r ON r.name = h.run WHERE r.plan = '%s'",
		     now, plan);
	free(now);
}

static void replica_has_the_same(const char *table)
{
	char *sql = lk_format("SELECT COUNT(*) FROM %s t JOIN %s_ledger l USING (id) WHERE"
			      " BINARY t.user_handle <=> BINARY l.value",
			      table, table);
	lk_test_my_catch_up(stage.server, replica);
	assert_int_equal(lk_test_my_number(replica, sql), lk_test_my_number(stage.server, sql));
	free(sql);
}

/* It applies nothing more: its lag is not measured any longer, and a switch to it would lose what is written. */
static void a_replica_that_stops_with_an_error_holds_the_run(void **state)
{
	(void)state;
	struct my_load *load = begin("broken", "broken");
	lk_await_that(&alice, "broken", follows, NULL, "followed", 20);
	lk_test_my_break(stage.server, replica);
	lk_await_that(&alice, "broken", is_held, NULL, "held by the replica", 20);
	lk_await_that(&alice, "broken", says, "it does not apply (SQL thread: No)",
		      "told of the replica", 10);
	lk_expect_says(&alice, 0, "broken", "status", "broken", NULL);
	int64_t stood_at = rows_done("broken");
	hurry("broken");
	await_heartbeats("broken");
	assert_int_equal(rows_done("broken"), stood_at);

	lk_test_my_mend(replica);
	lk_await_that(&alice, "broken", follows, NULL, "followed again", 60);
	finish("broken", "broken", load);
	replica_has_the_same("broken");
}

static void execute(MYSQL *mysql, const char *sql)
{
	if (mysql_query(mysql, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(mysql));
}

struct hearing {
	const char *words;
	bool heard;
};

static void hear(void *context, const struct lk_event *event)
{
	struct hearing *hearing = context;
	hearing->heard = hearing->heard || strstr(event->text, hearing->words);
}

static void no_snapshot(void *context, const json_t *object)
{
	(void)context;
	(void)object;
}

static void no_reply(void *context, int id, bool ok, const char *text)
{
	(void)context;
	(void)id;
	(void)ok;
	(void)text;
}

/* What the keeper tells its consoles, whether or not the journal can have it. */
static void await_said(const char *plan, const char *words)
{
	static const struct lk_client_handler handler = {
		.snapshot = no_snapshot, .event = hear, .reply = no_reply};
	struct hearing hearing = {.words = words};
	struct lk_error error;
	struct lk_client *client = lk_connect(&alice, plan);
	int64_t until = lk_clock_us() + 30000000;
	assert_non_null(client);
	lk_client_send(client, "attach", json_pack("{s:s, s:i}", "role", "watch", "since", 0));
	while (!hearing.heard && lk_clock_us() < until &&
	       lk_client_pump(client, &handler, &hearing, &error))
		lk_sleep_ms(20);
	lk_client_close(client);
	if (!hearing.heard)
		fail_msg("not said: %s", words);
}

/* Accepted as soon as the worker has come to rest, which it does behind everybody else's back. */
static void resume(const char *plan)
{
	char text[600];
	int64_t until = lk_clock_us() + 20000000;
	while (!lk_ask(&alice, plan, "resume", NULL, text)) {
		if (lk_clock_us() > until || !strstr(text, "come to rest"))
			fail_msg("resume of %s was refused: %s", plan, text);
		lk_sleep_ms(50);
	}
}

/* Not even the journal can be written then: the run stands, can be paused, and goes on. */
static void a_lock_on_everything_is_waited_for(void **state)
{
	(void)state;
	my_load_end(begin("locked", "locked"));
	MYSQL *backup = lk_test_my_connect(stage.server);
	execute(backup, "FLUSH TABLES WITH READ LOCK");
	hurry("locked");
	my_await_sql(&stage, 30,
		     "SELECT COUNT(*) > 0 FROM information_schema.processlist WHERE info LIKE"
		     " '%%lockkeeper%%' AND state LIKE 'Waiting for%%' AND id <> CONNECTION_ID()");
	int64_t stood_at = rows_done("locked");
	lk_expect(&alice, 0, "pause", "locked", NULL);
	lk_await(&alice, "locked", "paused", 15);
	assert_int_equal(rows_done("locked"), stood_at);
	/* Begun again while everything is still locked, so that it is the step's own record that has to wait. */
	resume("locked");
	await_said("locked", "not now (");
	mysql_close(backup);
	finish("locked", "locked", my_load_start(&stage, "locked", "username"));
	replica_has_the_same("locked");
}

/* As a server that was put back from a copy has it. What the journal knows is in the database. */
static void another_identity_of_the_server_is_no_matter(void **state)
{
	(void)state;
	my_load_end(begin("identity", "identity"));
	int64_t stood_at = rows_done("identity");
	lk_test_my_down(stage.server);
	lk_test_my_forget_identity(stage.server);
	lk_test_my_up(stage.server);
	struct my_load *load = my_load_start(&stage, "identity", "username");
	lk_await(&alice, "identity", "running", 30);
	hurry("identity");
	assert_true(rows_done("identity") >= stood_at);
	finish("identity", "identity", load);
	replica_has_the_same("identity");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_that_stops_with_an_error_holds_the_run),
		cmocka_unit_test(a_lock_on_everything_is_waited_for),
		cmocka_unit_test(another_identity_of_the_server_is_no_matter),
	};
	return my_run_tests(tests, open_stage, close_stage);
}
