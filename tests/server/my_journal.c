/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/my_journal.h"

#include "base/memory.h"
#include "plan/file.h"

struct lk_test_my *my_journal_server;
const struct lk_journal_holder my_alice = {"alice", "bastion-1", 4410},
			       my_bob = {"bob", "bastion-2", 815};

int my_journal_odd(void **state)
{
	static const char *const odd[] = {"--character-set-server=latin1",
					  "--collation-server=latin1_swedish_ci",
					  "--default-time-zone=+05:30",
					  "--sql-mode=ANSI_QUOTES,PIPES_AS_CONCAT,IGNORE_SPACE,"
					  "NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE",
					  NULL};
	(void)state;
	my_journal_server = lk_test_my_start(odd);
	return 0;
}

/* A binary log of statements, which InnoDB does not write at READ COMMITTED. */
int my_journal_statements(void **state)
{
	static const char *const oracle[] = {"--log-bin=binlog", "--server-id=1",
					     "--binlog-format=STATEMENT",
					     "--sql-mode=ORACLE,EMPTY_STRING_IS_NULL", NULL};
	static const char *const ansi[] = {"--log-bin=binlog", "--server-id=1",
					   "--binlog-format=STATEMENT", "--sql-mode=ANSI", NULL};
	(void)state;
	my_journal_server = lk_test_my_start(my_is_mariadb() ? oracle : ansi);
	return 0;
}

int my_journal_stop(void **state)
{
	(void)state;
	lk_test_my_stop(my_journal_server);
	return 0;
}

struct lk_session *my_keeper_session(const char *run, const char *role)
{
	struct lk_error error;
	my_need(my_journal_server);
	char *uri = lk_test_my_uri(my_journal_server, "root", NULL);
	struct lk_session *session = lk_session_open(uri, run, role, &error);
	if (!session)
		fail_msg("%s", error.text);
	free(uri);
	return session;
}

void my_make_plan(const char *name, const char *more, struct lk_plan *plan)
{
	struct lk_problems problems = {0};
	char *yaml = lk_format(
		"plan: %s\nwhy: \"a reason with \\\"quotes\\\" and \\\\ and 漢\"\nsteps:\n"
		"  expand:\n    - ddl: \"SELECT 1\"\n      undo: \"SELECT 2\"\n"
		"    - gate: {name: look, ask: \"all well?\", by: two_people}\n%s",
		name, more);
	if (!lk_plan_parse("test.yaml", yaml, strlen(yaml), plan, &problems))
		fail_msg("%s\n%s", lk_problems_text(&problems), yaml);
	lk_problems_free(&problems);
	lk_plan_complete(plan);
	free(yaml);
}

void my_done(bool done, const struct lk_error *error)
{
	if (!done)
		fail_msg("%s", error->text);
}

void my_must_refuse(bool done, const struct lk_error *error, enum lk_error_class class,
		    const char *words)
{
	if (done)
		fail_msg("it was done, not refused with \"%s\"", words);
	if (error->class != class)
		fail_msg("%s: %s", lk_error_class_name(error->class), error->text);
	assert_contains(error->text, words);
}

struct lk_session *my_session_with(const char *run, const char *plan_name, struct lk_plan *plan)
{
	struct lk_error error;
	struct lk_session *session = my_keeper_session(run, "worker");
	my_done(lk_journal_install(session, &error), &error);
	my_make_plan(plan_name, "", plan);
	my_done(lk_journal_create(session, run, plan, &my_alice, &error), &error);
	return session;
}
