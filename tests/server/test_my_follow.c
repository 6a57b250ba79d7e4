/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replicas of MySQL and MariaDB, followed as the keeper follows them: late, stopped, broken, out of reach. */
#include "tests/server/my_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "keeper/follow_thread.h"
#include "watch/lag.h"

#define WAIT_US 30000000

struct scene {
	struct lk_test_my *primary, *replica;
	char *uri;
	struct lk_shared shared;
	struct lk_names given;
	struct lk_followers followers;
	struct lk_session *watch;
	struct lk_lag lag;
	bool begun;
};

static void sample_once(struct scene *s)
{
	const struct lk_watch_scope scope = {"test", NULL, NULL};
	struct lk_sample sample;
	struct lk_error error;
	if (!lk_watch_sample(s->watch, &scope, &sample, &error))
		fail_msg("no sample: %s", error.text);
	lk_followers_fill(&s->followers, &sample);
	lk_lag_learn(&s->lag, &sample);
	lk_sample_free(&sample);
}

/* Samples until the only replica is in this state, and at least so late. */
static const struct lk_lag_replica *await(struct scene *s, enum lk_lag_state state, double lag_ms)
{
	const struct lk_lag_replica *r = &s->lag.replicas[0];
	int64_t deadline = lk_clock_us() + WAIT_US;
	while (lk_clock_us() < deadline) {
		sample_once(s);
		if (s->lag.replica_count == 1 && r->state == state && r->lag_ms >= lag_ms)
			return r;
		lk_sleep_ms(50);
	}
	fail_msg("%zu replicas, the first in state %d, lag %.0f ms: %s", s->lag.replica_count,
		 r->state, r->lag_ms, r->note);
	return r;
}

static void leave(struct scene *s)
{
	atomic_store(&s->shared.closing, true);
	lk_followers_join(&s->followers);
	lk_session_close(s->watch);
	lk_shared_destroy(&s->shared);
	s->begun = false;
}

static void begin(struct scene *s)
{
	my_need(s->primary);
	/* A test that failed has left its threads. */
	if (s->begun)
		leave(s);
	memset(&s->lag, 0, sizeof s->lag);
	lk_shared_init(&s->shared, NULL);
	s->shared.uri = s->uri;
	s->shared.host = "here";
	LK_COPY(s->shared.run, "test");
	s->watch = my_session_of(s->uri, "watch");
	lk_followers_init(&s->followers, &s->shared, &s->given);
	s->begun = true;
}

static void end(struct scene *s)
{
	leave(s);
	assert_int_equal(lk_test_my_number(s->primary, "SELECT COUNT(*) FROM lockkeeper.beat"), 0);
}

static void a_replica_that_follows_has_no_lag(void **state)
{
	struct scene *s = *state;
	begin(s);
	const struct lk_lag_replica *r = await(s, LK_LAG_OK, 0);
	assert_true(r->lag_ms < 2000);
	assert_contains(r->name, "127.0.0.1:");
	end(s);
}

static void a_delay_is_measured(void **state)
{
	struct scene *s = *state;
	begin(s);
	await(s, LK_LAG_OK, 0);
	lk_test_my_delay(s->replica, 3);
	const struct lk_lag_replica *r = await(s, LK_LAG_OK, 1900);
	/* The servers count a delay in whole seconds of the moment of writing. */
	assert_true(r->lag_ms < 3500);
	lk_test_my_delay(s->replica, 0);
	end(s);
}

static void stopped_and_broken_replication_say_so(void **state)
{
	struct scene *s = *state;
	begin(s);
	await(s, LK_LAG_OK, 0);
	lk_test_my_halt(s->replica);
	assert_contains(await(s, LK_LAG_BROKEN, 0)->note, "it does not ");
	lk_test_my_resume(s->replica);
	await(s, LK_LAG_OK, 0);
	lk_test_my_break(s->primary, s->replica);
	const struct lk_lag_replica *r = await(s, LK_LAG_BROKEN, 500);
	assert_contains(r->note, "it does not apply (SQL thread: No): ");
	lk_test_my_mend(s->replica);
	await(s, LK_LAG_OK, 0);
	end(s);
}

static void a_replica_that_answers_no_more_is_stale(void **state)
{
	struct scene *s = *state;
	begin(s);
	await(s, LK_LAG_OK, 0);
	lk_test_my_freeze(s->replica);
	await(s, LK_LAG_STALE, -1);
	lk_test_my_thaw(s->replica);
	await(s, LK_LAG_OK, 0);
	end(s);
}

/* A user who is not let in there: shown with the reason, and nobody claims to know its lag. */
static void a_replica_that_cannot_be_asked_says_why(void **state)
{
	struct scene *s = *state;
	my_need(s->primary);
	char *root = s->uri;
	lk_test_my_sql(s->primary, "CREATE USER watcher@localhost, watcher@'127.0.0.1'");
	lk_test_my_sql(s->primary,
		       "GRANT ALL PRIVILEGES ON *.* TO watcher@localhost, watcher@'127.0.0.1'");
	lk_test_my_catch_up(s->primary, s->replica);
	s->uri = lk_test_my_uri(s->primary, "watcher", NULL);
	lk_test_my_sql(s->replica, "DROP USER watcher@localhost, watcher@'127.0.0.1'");
	begin(s);
	int64_t deadline = lk_clock_us() + WAIT_US;
	while (!await(s, LK_LAG_UNREAD, -1)->note[0] && lk_clock_us() < deadline)
		lk_sleep_ms(50);
	assert_contains(s->lag.replicas[0].note, "watcher");
	leave(s);
	free(s->uri);
	s->uri = root;
}

/* A second replica, whose report_host names nobody. */
static struct lk_test_my *start_mute(struct scene *s)
{
	static const char *const options[] = {"--report-host=nowhere.invalid", "--report-port=1",
					      NULL};
	return lk_test_my_start_replica(s->primary, options);
}

static const struct lk_lag_replica *find(const struct scene *s, const char *name)
{
	for (size_t i = 0; i < s->lag.replica_count; i++)
		if (strstr(s->lag.replicas[i].name, name))
			return &s->lag.replicas[i];
	return NULL;
}

/* Samples until there are `count` replicas and the named one is in this state. */
static const struct lk_lag_replica *await_named(struct scene *s, size_t count, const char *name,
						enum lk_lag_state state)
{
	int64_t deadline = lk_clock_us() + WAIT_US;
	while (lk_clock_us() < deadline) {
		sample_once(s);
		const struct lk_lag_replica *r = find(s, name);
		if (s->lag.replica_count == count && r && r->state == state)
			return r;
		lk_sleep_ms(50);
	}
	const struct lk_lag_replica *r = find(s, name);
	fail_msg("%zu replicas, %s in state %d: %s", s->lag.replica_count, name,
		 r ? (int)r->state : -1, r ? r->note : "not there");
	return NULL;
}

/* The server tells of two, one of them wrongly. With its URI given there are two still, and both are measured. */
static void a_given_replica_is_followed_where_report_host_is_wrong(void **state)
{
	struct scene *s = *state;
	my_need(s->primary);
	struct lk_test_my *mute = start_mute(s);
	begin(s);
	await_named(s, 2, "nowhere.invalid", LK_LAG_UNREAD);
	end(s);

	char *uri = lk_test_my_uri(mute, "root", NULL), *list[] = {uri};
	const char *name = strrchr(lk_test_my_folder(mute), '/') + 1;
	s->given = (struct lk_names){list, 1};
	begin(s);
	await_named(s, 2, name, LK_LAG_OK);
	await_named(s, 2, "127.0.0.1:", LK_LAG_OK);
	lk_test_my_delay(mute, 3);
	int64_t deadline = lk_clock_us() + WAIT_US;
	while (find(s, name)->lag_ms < 1900 && lk_clock_us() < deadline) {
		lk_sleep_ms(50);
		sample_once(s);
	}
	assert_true(find(s, name)->lag_ms >= 1900);
	assert_true(find(s, "127.0.0.1:")->lag_ms < 1900);
	end(s);
	s->given = (struct lk_names){0};
	free(uri);
	lk_test_my_stop(mute);
}

/* Whoever is given and cannot be asked is shown with the reason, beside those that can. */
static void a_given_replica_that_is_not_there_says_why(void **state)
{
	struct scene *s = *state;
	char uri[] = "mysql://root@127.0.0.1:1", *list[] = {uri};
	s->given = (struct lk_names){list, 1};
	begin(s);
	assert_contains(await_named(s, 2, "127.0.0.1:1", LK_LAG_UNREAD)->note, "127.0.0.1");
	end(s);
	s->given = (struct lk_names){0};
}

/* The client library waits for seconds for a server that takes the connection and says nothing. */
static void closing_does_not_wait_for_a_replica_that_does_not_answer(void **state)
{
	struct scene *s = *state;
	my_need(s->primary);
	lk_test_my_freeze(s->replica);
	begin(s);
	int64_t deadline = lk_clock_us() + 500000;
	while (lk_clock_us() < deadline)
		sample_once(s);
	assert_int_equal(s->followers.count, 1);
	int64_t from = lk_clock_us();
	end(s);
	assert_true(lk_clock_us() - from < 2000000);
	lk_test_my_thaw(s->replica);
}

static int start(void **state)
{
	struct scene *s = lk_alloc(sizeof *s);
	s->primary = lk_test_my_start_primary(NULL);
	if (s->primary) {
		/* Where names are not resolved, root@localhost may not come by TCP. */
		lk_test_my_sql(s->primary, "CREATE USER IF NOT EXISTS root@'127.0.0.1'");
		lk_test_my_sql(s->primary, "GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1'");
		s->replica = lk_test_my_start_replica(s->primary, NULL);
		s->uri = lk_test_my_uri(s->primary, "root", NULL);
		lk_test_my_sql(s->primary, "CREATE DATABASE lockkeeper");
		lk_test_my_sql(s->primary,
			       "CREATE TABLE lockkeeper.run (name VARCHAR(64) PRIMARY KEY)");
	}
	*state = s;
	return 0;
}

static int stop(void **state)
{
	struct scene *s = *state;
	if (s->begun)
		leave(s);
	lk_test_my_stop(s->replica);
	lk_test_my_stop(s->primary);
	free(s->uri);
	free(s);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_that_follows_has_no_lag),
		cmocka_unit_test(a_delay_is_measured),
		cmocka_unit_test(stopped_and_broken_replication_say_so),
		cmocka_unit_test(a_replica_that_answers_no_more_is_stale),
		cmocka_unit_test(a_given_replica_is_followed_where_report_host_is_wrong),
		cmocka_unit_test(a_given_replica_that_is_not_there_says_why),
		cmocka_unit_test(closing_does_not_wait_for_a_replica_that_does_not_answer),
		cmocka_unit_test(a_replica_that_cannot_be_asked_says_why),
	};
	return my_run_tests(tests, start, stop);
}
