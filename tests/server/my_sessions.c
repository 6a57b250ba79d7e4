/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/my_sessions.h"

#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"

static int run_on(const struct lk_test_flavour *flavour, const struct CMUnitTest *tests,
		  size_t count, const CMFixtureFunction fixtures[2])
{
	struct CMUnitTest *named = lk_alloc(count * sizeof *named);
	lk_test_my_use(flavour);
	for (size_t i = 0; i < count; i++) {
		named[i] = tests[i];
		named[i].name = lk_format("%s: %s", flavour->label, tests[i].name);
	}
	int failed =
		_cmocka_run_group_tests(flavour->label, named, count, fixtures[0], fixtures[1]);
	for (size_t i = 0; i < count; i++)
		free((char *)named[i].name);
	free(named);
	return failed;
}

int my_run_array(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
		 CMFixtureFunction teardown)
{
	const CMFixtureFunction fixtures[2] = {setup, teardown};
	const char *wanted = getenv("LK_MYSQL");
	int failed = 0, ran = 0;
	for (size_t i = 0; lk_test_flavours[i]; i++) {
		if (wanted && wanted[0] && strcmp(wanted, lk_test_flavours[i]->name) != 0)
			continue;
		failed += run_on(lk_test_flavours[i], tests, count, fixtures);
		ran++;
	}
	if (ran > 0)
		return failed;
	fprintf(stderr, "LK_MYSQL is mariadb or mysql, not %s\n", wanted);
	return 1;
}

bool my_is_mariadb(void)
{
	return lk_test_my_used() == lk_test_flavours[0];
}

void my_need(const struct lk_test_my *server)
{
	if (server)
		return;
	print_message("there is no %s server here: skipped\n", lk_test_my_used()->label);
	skip();
}

struct lk_session *my_session_of(const char *uri, const char *role)
{
	struct lk_error error;
	struct lk_session *session = lk_session_open(uri, "test", role, &error);
	if (!session)
		fail_msg("%s: %s", uri, error.text);
	return session;
}

struct lk_session *my_session(const struct lk_test_my *server, const char *role)
{
	my_need(server);
	char *uri = lk_test_my_uri(server, "root", NULL);
	struct lk_session *session = my_session_of(uri, role);
	free(uri);
	return session;
}

void my_refused(const char *uri, enum lk_error_class class, const char *expected)
{
	struct lk_error error = {0};
	struct lk_session *session = lk_session_open(uri, "test", "refused", &error);
	if (session)
		fail_msg("%s was opened", uri);
	if (error.class != class)
		fail_msg("%s: %s: %s", uri, lk_error_class_name(error.class), error.text);
	assert_contains(error.text, expected);
}

char *my_value(struct lk_session *session, const char *sql)
{
	struct lk_error error;
	struct lk_result r;
	if (!LK_QUERY(session, &r, &error, sql))
		fail_msg("%s: %s", sql, error.text);
	const char *cell = r.rows ? lk_cell(&r, 0, 0) : "no row";
	char *value = lk_strdup(cell ? cell : "NULL");
	lk_result_free(&r);
	return value;
}

void my_expect(struct lk_session *session, const char *sql, const char *expected)
{
	char *value = my_value(session, sql);
	if (strcmp(value, expected) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", sql, value, expected);
	free(value);
}

void my_must(struct lk_session *session, const char *sql)
{
	struct lk_error error;
	if (!lk_execute(session, sql, &error))
		fail_msg("%s: %s", sql, error.text);
}

void my_numbers(const struct lk_test_my *server, const char *table, int64_t count)
{
	int64_t there = 1;
	char *sql = lk_format("CREATE TABLE %s (n bigint PRIMARY KEY);"
			      "INSERT INTO %s VALUES (1)",
			      table, table);
	my_need(server);
	lk_test_my_sql(server, sql);
	free(sql);
	for (; there < count; there *= 2) {
		sql = lk_format("INSERT INTO %s SELECT n + %lld FROM %s AS t WHERE n <= %lld",
				table, (long long)there, table, (long long)(count - there));
		lk_test_my_sql(server, sql);
		free(sql);
	}
}

static void *run(void *argument)
{
	struct my_background *background = argument;
	background->done = lk_execute(background->session, background->sql, &background->error);
	return NULL;
}

void my_background_start(struct my_background *background, struct lk_session *session,
			 const char *sql)
{
	*background = (struct my_background){.session = session, .sql = sql};
	assert_int_equal(pthread_create(&background->thread, NULL, run, background), 0);
}

void my_background_end(struct my_background *background)
{
	pthread_join(background->thread, NULL);
}

void my_await_statement(const struct lk_test_my *server, int id, const char *part)
{
	char *sql = lk_format(
		"SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d AND info LIKE '%%%s%%'",
		id, part);
	if (!lk_test_my_wait(server, sql, 30))
		fail_msg("session %d never ran %s", id, part);
	free(sql);
}

void my_grow_old(const struct lk_test_my *server, MYSQL *mysql, int seconds)
{
	unsigned long id = mysql_thread_id(mysql);
	char *sql = lk_format(
		"SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lu AND time >= %d",
		id, seconds);
	if (!lk_test_my_wait(server, sql, seconds + 30))
		fail_msg("connection %lu was never idle for %d s", id, seconds);
	free(sql);
}

void my_forget_triggers(const struct lk_test_my *server, const char *database)
{
	glob_t found;
	char *pattern = lk_format("%s/%s/*.TRN", lk_test_my_data(server), database);
	if (my_is_mariadb()) {
		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		for (size_t i = 0; i < found.gl_pathc; i++)
			assert_int_equal(unlink(found.gl_pathv[i]), 0);
		globfree(&found);
	}
	free(pattern);
}
