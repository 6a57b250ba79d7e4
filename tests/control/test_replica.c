/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A replica that does not follow: the backfill holds, says because of whom, and goes on when it may. */
#include "tests/control/stage.h"

static struct lk_stage stage;
static struct lk_home alice;

static int open_stage(void **state)
{
	(void)state;
	const struct lk_test_server_options options = {.replica = true,
						       .settings = "wal_sender_timeout = 3s"};
	lk_stage_open(&stage, &options);
	lk_home_make(&stage, &alice);
	return 0;
}

static int close_stage(void **state)
{
	(void)state;
	lk_stage_close(&stage);
	return 0;
}

/* The limit of the replica is in one of these states, and holds or not. */
struct wanted {
	const char *first, *second;
	bool holds;
};

static bool limit_is(const struct lk_snapshot *s, const void *context)
{
	const struct wanted *wanted = context;
	for (int i = 0; i < s->limits_count; i++)
		if (strcmp(s->limits[i].name, "lag standby1") == 0)
			return (strcmp(s->limits[i].state, wanted->first) == 0 ||
				strcmp(s->limits[i].state, wanted->second) == 0) &&
			       s->limits[i].holds == wanted->holds;
	return false;
}

static bool is_throttled(const struct lk_snapshot *s, const void *context)
{
	(void)context;
	return strncmp(s->reason, "throttled: lag standby1", 23) == 0 &&
	       strcmp(s->state, "running") == 0;
}

static bool replica_is(const struct lk_snapshot *s, const void *context)
{
	return s->replicas_count == 1 && strcmp(s->replicas[0].state, context) == 0;
}

static bool has_no_replica(const struct lk_snapshot *s, const void *context)
{
	(void)context;
	return s->replicas_count == 0;
}

static const char done_sql[] =
	"SELECT rows_done FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name ="
	" c.run WHERE r.plan = 'lag'";

static void a_replica_that_stops_holds_the_backfill(void **state)
{
	(void)state;
	const struct wanted holding = {"over", "stale", true}, calm = {"ok", "ok", false};
	lk_users_make(&stage, "lag", 6000);
	lk_plan_rename(&alice, "lag", "lag", "limits: {lag: 600ms, chunk_time: 2ms}\n");
	lk_expect(&alice, 3, "run", "lag", "--headless", "--yes", "expand,migrate", NULL);
	lk_must(&alice, "lag", "throttle",
		json_pack("{s:f, s:i}", "rest", 60.0, "chunk_time_ms", 1));
	lk_await_that(&alice, "lag", limit_is, &calm, "calm", 10);
	lk_confirm(&alice, "lag", "release-42");
	lk_await_sql(&stage, 20, "SELECT (%s) > 0", done_sql);

	lk_test_server_freeze(stage.server, LK_TEST_REPLICA);
	lk_await_that(&alice, "lag", limit_is, &holding, "held by the frozen replica", 15);
	lk_await_that(&alice, "lag", is_throttled, NULL, "throttled, by name", 5);
	int64_t stood_at = lk_number(&stage, "%s", done_sql);
	/* Two more looks at the server go by. */
	int64_t beat = lk_number(
		&stage, "SELECT extract(epoch FROM max(at)) * 1000 FROM lockkeeper.heartbeat");
	lk_await_sql(&stage, 10,
		     "SELECT extract(epoch FROM max(at)) * 1000 > %lld FROM lockkeeper.heartbeat",
		     (long long)beat + 1500);
	assert_int_equal(lk_number(&stage, "%s", done_sql), stood_at);

	lk_test_server_thaw(stage.server, LK_TEST_REPLICA);
	lk_await_sql(&stage, 30, "SELECT (%s) > %lld", done_sql, (long long)stood_at);
	lk_await_that(&alice, "lag", limit_is, &calm, "calm again", 10);
}

static void one_that_has_gone_holds_until_it_is_back_or_forgotten(void **state)
{
	(void)state;
	const struct wanted gone = {"stale", "stale", true};
	lk_test_server_kill(stage.server, LK_TEST_REPLICA);
	lk_await_that(&alice, "lag", replica_is, "gone", "gone", 15);
	lk_await_that(&alice, "lag", limit_is, &gone, "held by the replica that has gone", 5);
	lk_await_that(&alice, "lag", is_throttled, NULL, "throttled, by name", 5);
	int64_t stood_at = lk_number(&stage, "%s", done_sql);

	/* Back: it goes on by itself. */
	lk_test_server_up(stage.server, LK_TEST_REPLICA);
	lk_await_sql(&stage, 30, "SELECT (%s) > %lld", done_sql, (long long)stood_at);
	lk_await_that(&alice, "lag", replica_is, "ok", "ok", 10);

	/* Gone for good: a person says so. */
	lk_test_server_down(stage.server, LK_TEST_REPLICA, true);
	lk_await_that(&alice, "lag", replica_is, "gone", "gone again", 15);
	lk_await_that(&alice, "lag", is_throttled, NULL, "throttled again", 5);
	stood_at = lk_number(&stage, "%s", done_sql);
	lk_expect(&alice, 0, "throttle", "lag", "--forget-gone", "--rest", "0.01", "--chunk-time",
		  "50ms", NULL);
	lk_await_that(&alice, "lag", has_no_replica, NULL, "without replica", 5);
	lk_await_gate(&alice, "lag", "contract", 30);
	lk_expect(&alice, 0, "run", "lag", "--headless", "--yes", "contract,release-41-gone", NULL);
	lk_users_compare(&stage, "lag", "user_handle");
}

/* Every commit would hang; what watches, and a person with psql, must not. */
static void
a_synchronous_standby_that_has_gone_is_waited_for_and_leaves_the_pause_alive(void **state)
{
	(void)state;
	static const char cursor_sql[] =
		"SELECT coalesce(max(rows_done), 0) FROM lockkeeper.cursor c JOIN lockkeeper.run r ON"
		" r.name = c.run WHERE r.plan = 'sync'";
	lk_test_server_up(stage.server, LK_TEST_REPLICA);
	lk_users_make(&stage, "sync", 6000);
	lk_plan_rename(&alice, "sync", "sync", "limits: {lag: 1h, chunk_time: 2ms}\n");
	lk_expect(&alice, 3, "run", "sync", "--headless", "--yes", "expand,migrate", NULL);
	lk_must(&alice, "sync", "throttle",
		json_pack("{s:f, s:i}", "rest", 60.0, "chunk_time_ms", 1));
	lk_confirm(&alice, "sync", "release-42");
	lk_await_sql(&stage, 20, "SELECT (%s) > 0", cursor_sql);
	lk_sql(&stage, "ALTER SYSTEM SET synchronous_standby_names TO 'standby1'");
	lk_sql(&stage, "SELECT pg_reload_conf()");
	lk_test_server_down(stage.server, LK_TEST_REPLICA, true);
	/* A replica that has gone holds the backfill by itself; forgotten, it is still the synchronous one. */
	lk_await_that(&alice, "sync", replica_is, "gone", "gone", 15);
	lk_expect(&alice, 0, "throttle", "sync", "--forget-gone", NULL);
	lk_await_event(&stage, "sync", "synchronous standby", 20);

	lk_sql(&stage, "SET synchronous_commit TO local;"
		       "UPDATE lockkeeper.run SET wanted = 'paused' WHERE plan = 'sync'");
	lk_await(&alice, "sync", "paused", 10);
	lk_test_server_up(stage.server, LK_TEST_REPLICA);
	lk_expect(&alice, 0, "throttle", "sync", "--rest", "0.01", "--chunk-time", "50ms", NULL);
	lk_expect(&alice, 0, "resume", "sync", NULL);
	lk_await_gate(&alice, "sync", "contract", 30);
	lk_users_compare(&stage, "sync", "user_handle");
	lk_sql(&stage, "ALTER SYSTEM RESET synchronous_standby_names");
	lk_sql(&stage, "SELECT pg_reload_conf()");
}

static void a_replica_is_no_target(void **state)
{
	(void)state;
	char *uri = lk_test_server_uri(stage.server, LK_TEST_REPLICA);
	lk_test_server_up(stage.server, LK_TEST_REPLICA);
	lk_users_make(&stage, "not_here", 10);
	lk_plan_rename(&alice, "not-here", "not_here", "");
	lk_expect_says(&alice, 1, "the target is a replica: give the URI of its primary", "run",
		       "not-here", "--headless", "--target", uri, NULL);
	lk_expect_says(&alice, 1, "replica", "explain", "not-here", "--target", uri, NULL);
	free(uri);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_that_stops_holds_the_backfill),
		cmocka_unit_test(one_that_has_gone_holds_until_it_is_back_or_forgotten),
		cmocka_unit_test(
			a_synchronous_standby_that_has_gone_is_waited_for_and_leaves_the_pause_alive),
		cmocka_unit_test(a_replica_is_no_target),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
