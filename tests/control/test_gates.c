/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gates: of a person, of two people, of a check; approvals that outlive the keeper. */
#include "tests/control/two_people.h"

static void write_plan(const struct lk_home *home, const char *plan, const char *gate)
{
	char *body = lk_format("steps:\n"
			       "  expand:\n"
			       "    - gate: %s\n"
			       "    - ddl: \"COMMENT ON TABLE gates IS '%s'\"\n",
			       gate, plan);
	lk_plan_write(home, plan, body);
	free(body);
}

static void two_people_are_two_accounts(void **state)
{
	(void)state;
	char text[600];
	static const char gate[] = "{name: both, ask: \"is it agreed?\", by: two_people}";
	lk_sql(&stage, "CREATE TABLE gates (id int)");
	write_plan(&alice, "two", gate);
	/* --yes is one person, and answers for nobody else. */
	lk_expect(&alice, 3, "run", "two", "--headless", "--yes", "expand,both", NULL);
	lk_await_gate(&alice, "two", "both", 5);
	assert_false(lk_ask(&alice, "two", "confirm",
			    json_pack("{s:s, s:s}", "gate", "both", "answer", "yes"), text));
	assert_non_null(strstr(text, "has answered it already"));
	lk_expect_says(&alice, 1, "a second person", "confirm", "two", "both", NULL);
	assert_false(lk_ask(
		&alice, "two", "confirm",
		json_pack("{s:s, s:s, s:s}", "gate", "both", "answer", "yes", "who", "mallory"),
		text));
	lk_await_gate(&alice, "two", "both", 1);
	/* The second from another host, as a role of the database. */
	lk_expect(&bob, 0, "confirm", "two", "both", "--target", stage.uri, NULL);
	lk_await(&alice, "two", "done", 10);
	assert_int_equal(
		lk_number(
			&stage,
			"SELECT count(DISTINCT a.who) FROM lockkeeper.approval a JOIN"
			" lockkeeper.run r ON r.name = a.run AND r.digest = a.digest WHERE r.plan ="
			" 'two' AND a.gate = 'both'"),
		2);
}

static void an_answer_other_than_yes_opens_nothing(void **state)
{
	(void)state;
	char text[600];
	write_plan(&alice, "no", "{name: sure, ask: \"is it sure?\", by: person}");
	lk_expect(&alice, 3, "run", "no", "--headless", "--yes", "expand", NULL);
	assert_false(lk_ask(&alice, "no", "confirm",
			    json_pack("{s:s, s:s}", "gate", "sure", "answer", "no"), text));
	assert_non_null(strstr(text, "stays closed"));
	assert_false(lk_ask(&alice, "no", "confirm", json_pack("{s:s}", "gate", "sure"), text));
	lk_await_gate(&alice, "no", "sure", 1);
	lk_confirm(&alice, "no", "sure");
	lk_await(&alice, "no", "done", 10);
}

static void a_check_opens_when_it_returns_nothing(void **state)
{
	(void)state;
	char text[600];
	lk_sql(&stage,
	       "CREATE TABLE hindrances (what text); INSERT INTO hindrances VALUES ('a nightly job')");
	write_plan(&alice, "check", "{name: free, none: \"SELECT what FROM hindrances\"}");
	pid_t run = lk_do_begin(&alice, "run", "check", "--headless", "--yes", "expand", NULL);
	lk_await_gate(&alice, "check", "free", 20);
	lk_await_event(&stage, "check", "a nightly job", 5);
	assert_false(lk_ask(&alice, "check", "confirm",
			    json_pack("{s:s, s:s}", "gate", "free", "answer", "yes"), text));
	assert_non_null(strstr(text, "opens when its SQL returns nothing"));
	lk_sql(&stage, "DELETE FROM hindrances");
	struct lk_said said = lk_do_finish(&alice, run);
	assert_int_equal(said.status, 0);
	lk_said_free(&said);
}

static void a_check_that_cannot_be_asked_stops_the_run(void **state)
{
	(void)state;
	write_plan(&alice, "broken", "{name: free, none: \"SELECT what FROM no_such_table\"}");
	lk_expect_says(&alice, 5, "no_such_table", "run", "broken", "--headless", "--yes", "expand",
		       NULL);
}

static void an_approval_outlives_its_keeper_and_answers_only_its_gate(void **state)
{
	(void)state;
	static const char gate[] = "{name: both, ask: \"is it agreed?\", by: two_people}";
	write_plan(&alice, "outlive", gate);
	write_plan(&bob, "outlive", gate);
	lk_expect(&alice, 3, "run", "outlive", "--headless", "--yes", "expand", NULL);
	lk_expect(&bob, 0, "confirm", "outlive", "both", "--target", stage.uri, NULL);
	lk_await_event(&stage, "outlive", "1 of 2", 5);
	lk_keeper_signal(&alice, "outlive", SIGKILL);
	lk_sessions_await_gone(&stage, "outlive");
	lk_expect(&bob, 3, "run", "outlive", "--headless", NULL);
	lk_await_gate(&bob, "outlive", "both", 5);
	lk_expect(&bob, 0, "confirm", "outlive", "both", NULL);
	lk_await(&bob, "outlive", "done", 10);
}

static void an_answer_to_no_gate_is_refused_by_target_too(void **state)
{
	(void)state;
	write_plan(&alice, "nogate", "{name: sure, ask: \"is it sure?\", by: person}");
	lk_expect(&alice, 3, "run", "nogate", "--headless", "--yes", "expand", NULL);
	lk_expect_says(&bob, 1, "no gate", "confirm", "nogate", "sre", "--target", stage.uri, NULL);
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM lockkeeper.approval WHERE gate = 'sre'"),
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_people_are_two_accounts),
		cmocka_unit_test(an_answer_other_than_yes_opens_nothing),
		cmocka_unit_test(a_check_opens_when_it_returns_nothing),
		cmocka_unit_test(a_check_that_cannot_be_asked_stops_the_run),
		cmocka_unit_test(an_approval_outlives_its_keeper_and_answers_only_its_gate),
		cmocka_unit_test(an_answer_to_no_gate_is_refused_by_target_too),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
