/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exchanges there and back beside writers, with sessions killed, stops and backups at random moments: whatever becomes of
 * them, no write that was committed is lost, and each ends as it says. $LK_SEED chooses the first round, $LK_ROUNDS their
 * number.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/my_exchange.h"

enum { ROUNDS = 20 };

static struct lk_test_my *server;

static int setup(void **state)
{
	(void)state;
	server = lk_test_my_start(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

static int from_environment(const char *name, int otherwise)
{
	const char *text = getenv(name);
	return text && text[0] ? atoi(text) : otherwise;
}

static const char *const troubles[] = {"nothing", "kill", "kill query", "stop", "backup"};
enum { NOTHING, KILL, CANCEL, STOP, BACKUP };

/* Of the two that do the work, either. */
static void kill_one(struct my_exchange *x, const char *what, struct test_random *random)
{
	int id = my_is_mariadb() && test_random(random, 2) ? x->report.renamer
							   : x->steps.session->id;
	MYSQL *mysql = lk_test_my_connect(x->server);
	char *sql = lk_format("%s %d", what, id);
	mysql_query(mysql, sql); /* it may have gone */
	mysql_close(mysql);
	free(sql);
}

/* From then on the trouble may come. */
static void ready(struct my_exchange *x)
{
	(void)x;
}

/* Both servers' way to keep definitions as they are for a moment. */
static void back_up(void)
{
	MYSQL *mysql = lk_test_my_connect(server);
	mysql_query(mysql, "FLUSH TABLES WITH READ LOCK");
	mysql_query(mysql, "UNLOCK TABLES");
	mysql_close(mysql);
}

static void cause(struct my_exchange *x, int trouble, struct test_random *random)
{
	if (trouble == KILL)
		kill_one(x, "KILL", random);
	else if (trouble == CANCEL)
		kill_one(x, "KILL QUERY", random);
	else if (trouble == STOP)
		lk_pace_stop(&x->steps.pace);
	else if (trouble == BACKUP)
		back_up();
}

static void must_fit(struct my_exchange *x, int seed, const char *trouble)
{
	enum lk_my_cut_over_state state;
	if (!lk_my_cut_over_settle(x->steps.control, &x->order.tables, &state, &x->steps.error))
		fail_msg("seed %d: %s", seed, x->steps.error.text);
	if (state != x->report.state ||
	    (x->outcome == LK_OUTCOME_DONE) != (state == LK_MY_CUT_OVER_DONE))
		fail_msg("seed %d, %s: outcome %d, state %d, settled %d: %s", seed, trouble,
			 x->outcome, x->report.state, state, x->steps.error.text);
}

/* Several exchanges, each with a trouble in it; writers all the time. */
static void round_of(int seed)
{
	struct my_exchange x;
	struct test_random random = {.state = (uint64_t)seed};
	int64_t errors;
	char first[300];
	int trouble = (int)test_random(&random, LK_COUNT(troubles));
	my_exchange_open(&x, server);
	my_exchange_write(&x, 500);
	my_exchange_let_write(&x, 5);
	x.order.patience_ms = 20000;
	x.act = ready;
	x.act_at = (enum lk_my_cut_over_point)test_random(&random, my_is_mariadb() ? 5 : 2);
	my_exchange_begin(&x);
	while (!atomic_load(&x.acted))
		lk_sleep_ms(1);
	lk_sleep_ms(test_random(&random, 8));
	cause(&x, trouble, &random);
	my_exchange_end(&x);
	must_fit(&x, seed, troubles[trouble]);
	lk_pace_go(&x.steps.pace);
	my_exchange_let_write(&x, 5);
	my_exchange_compare(&x, &errors, first);
	print_message("seed %d, %s: outcome %d after %d tries, %lld errors %s\n", seed,
		      troubles[trouble], x.outcome, x.report.tries, (long long)errors, first);
	/* Without trouble nobody is turned away. */
	if (errors && (trouble == NOTHING || trouble == STOP))
		fail_msg("seed %d: the application got %s", seed, first);
	if (x.report.fence_left &&
	    !lk_my_cut_over_clean(&x.steps.run, &x.order.tables, &x.steps.error))
		fail_msg("seed %d: %s", seed, x.steps.error.text);
	my_exchange_close(&x);
}

static void nothing_is_lost_whatever_happens(void **state)
{
	int from = from_environment("LK_SEED", 1), rounds = from_environment("LK_ROUNDS", ROUNDS);
	(void)state;
	my_need(server);
	for (int seed = from; seed < from + rounds; seed++)
		round_of(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_whatever_happens),
	};
	return my_run_tests(tests, setup, teardown);
}
