/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/my_journal.h"

struct lk_test_my *my_journal_server;
static struct lk_journal_rows rows = {my_keeper_session};
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
	*state = &rows;
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
	*state = &rows;
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

struct lk_session *my_session_with(const char *run, const char *plan_name, struct lk_plan *plan)
{
	return lk_journal_rows_session(my_keeper_session, run, plan_name, plan);
}
