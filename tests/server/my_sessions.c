/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/my_sessions.h"

#include "base/memory.h"

void my_need(const struct lk_maria *server)
{
	if (server)
		return;
	print_message("no MariaDB server is installed: skipped\n");
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

struct lk_session *my_session(const struct lk_maria *server, const char *role)
{
	my_need(server);
	char *uri = lk_maria_uri(server, "root", NULL);
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

void my_await_statement(const struct lk_maria *server, int id, const char *part)
{
	char *sql = lk_format(
		"SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d AND info LIKE '%%%s%%'",
		id, part);
	if (!lk_maria_wait(server, sql, 30))
		fail_msg("session %d never ran %s", id, part);
	free(sql);
}
