/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The change stream where it cannot begin, and where it ends against its will. */
#include "tests/server/my_stream.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "tests/server/certificate.h"

struct place {
	struct streaming *s;
	char folder[64];    /* of the certificate */
	char *arguments[3]; /* NULL at the end */
};

static int start_server(void **state)
{
	struct place *place = lk_alloc(sizeof *place);
	*state = place;
	snprintf(place->folder, sizeof place->folder, "/tmp/lk-my-stream-XXXXXX");
	/* The server, which is another user, reads its key there. */
	if (!mkdtemp(place->folder) || chmod(place->folder, 0755) != 0)
		return -1;
	test_certificate(place->folder, "localhost");
	place->arguments[0] = lk_format("--ssl-cert=%s/cert.pem", place->folder);
	place->arguments[1] = lk_format("--ssl-key=%s/key.pem", place->folder);
	place->s = streaming_new((const char *const *)place->arguments);
	return 0;
}

static int stop_server(void **state)
{
	struct place *place = *state;
	struct lk_error error;
	streaming_free(place->s);
	bool removed = lk_path_remove_tree(place->folder, &error);
	for (size_t i = 0; place->arguments[i]; i++)
		free(place->arguments[i]);
	free(place);
	return removed ? 0 : -1;
}

static struct streaming *clean(void **state)
{
	struct streaming *s = ((struct place *)*state)->s;
	my_need(s->server);
	streaming_close(s);
	streaming_forget(s);
	streaming_sql(s, "DROP DATABASE test; CREATE DATABASE test; USE test;"
			 " CREATE TABLE t (a int PRIMARY KEY, b longblob)");
	streaming_watch(s, "t", "a");
	return s;
}

/* Until an error, which must be of the class. */
static void must_end(struct streaming *s, enum lk_error_class class, struct lk_error *error)
{
	struct lk_stream_event event;
	int64_t until_us = lk_clock_us() + 60 * 1000000;
	while (lk_stream_next(s->stream, &event, error))
		if (lk_clock_us() > until_us)
			fail_msg("the stream has not ended");
	if (error->class != class)
		fail_msg("%s: %s", lk_error_class_name(error->class), error->text);
}

static void must_not_open(struct streaming *s, const char *where, enum lk_error_class class,
			  bool gone, const char *expected)
{
	struct lk_error error;
	if (streaming_try(s, where, &error))
		must_end(s, class, &error);
	if (error.class != class)
		fail_msg("%s: %s: %s", where, lk_error_class_name(error.class), error.text);
	assert_int_equal(lk_stream_gone(&error), gone);
	assert_contains(error.text, expected);
}

static void a_purged_position_is_told_apart(void **state)
{
	struct streaming *s = clean(state);
	struct lk_binlog_position old;
	struct lk_error error;
	streaming_open(s);
	char *gtid = lk_stream_gtid(s->stream);
	assert_true(lk_binlog_end(s->session, &old, &error));
	streaming_close(s);
	streaming_sql(s, "INSERT INTO t VALUES (1, ''); FLUSH BINARY LOGS");
	struct lk_binlog_position now;
	assert_true(lk_binlog_end(s->session, &now, &error));
	/* Until the sender has gone the server keeps its file. */
	char *purge = lk_format("PURGE BINARY LOGS TO '%s'", now.file);
	char *files = NULL;
	for (int i = 0; i < 500 && (!files || strcmp(files, now.file) != 0); i++) {
		free(files);
		streaming_sql(s, purge);
		files = lk_test_my_value(s->server, "SHOW BINARY LOGS");
		lk_sleep_ms(10);
	}
	assert_string_equal(files, now.file);
	char *where = lk_binlog_position_format(&old);
	must_not_open(s, where, LK_ERROR_REFUSED, true, "cannot send its binary log from there");
	must_not_open(s, gtid, LK_ERROR_REFUSED, true, "cannot send its binary log from there");
	free(where);
	free(gtid);
	free(purge);
	free(files);
}

static void what_was_never_there_is_refused(void **state)
{
	struct streaming *s = clean(state);
	must_not_open(s, "binlog.999999:4", LK_ERROR_REFUSED, true, "from there");
	must_not_open(s, "binlog.000001:4294967296", LK_ERROR_REFUSED, false, "4 GiB");
	must_not_open(s, "no such thing", LK_ERROR_USAGE, false, "GTID");
	if (my_is_mariadb())
		must_not_open(s, "0-1-99999999", LK_ERROR_REFUSED, true, "from there");
}

static void a_privilege_that_is_missing_is_named(void **state)
{
	struct streaming *s = clean(state);
	struct lk_error error;
	struct lk_binlog_state was;
	streaming_sql(
		s,
		"CREATE USER IF NOT EXISTS app@localhost; GRANT SELECT ON test.* TO app@localhost");
	char *uri = s->uri;
	s->uri = lk_test_my_uri(s->server, "app", NULL);
	must_not_open(s, "binlog.000001:4", LK_ERROR_PRIVILEGE, false, "REPLICATION SLAVE");
	struct lk_session *session = my_session_of(s->uri, "watch");
	assert_false(lk_binlog_state_read(session, &was, &error));
	assert_int_equal(error.class, LK_ERROR_PRIVILEGE);
	assert_contains(error.text, my_is_mariadb() ? "BINLOG MONITOR" : "REPLICATION CLIENT");
	lk_session_close(session);
	streaming_sql(s, "GRANT REPLICATION SLAVE ON *.* TO app@localhost");
	assert_true(streaming_try(s, "binlog.000001:4", &error) || lk_stream_gone(&error));
	streaming_close(s);
	free(s->uri);
	s->uri = uri;
}

static void *interrupt_soon(void *stream)
{
	lk_sleep_ms(50);
	lk_stream_interrupt(stream);
	return NULL;
}

static void an_interrupt_ends_a_wait(void **state)
{
	struct streaming *s = clean(state);
	struct lk_stream_event event;
	struct lk_error error;
	pthread_t thread;
	streaming_open(s);
	assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, s->stream), 0);
	int64_t from_us = lk_clock_us();
	must_end(s, LK_ERROR_CANCELLED, &error);
	assert_true(lk_clock_us() - from_us < 3000000);
	pthread_join(thread, NULL);
	assert_false(lk_stream_next(s->stream, &event, &error));
	assert_int_equal(error.class, LK_ERROR_CANCELLED);
}

static void a_sender_that_is_killed_is_a_lost_link(void **state)
{
	struct streaming *s = clean(state);
	struct lk_error error;
	streaming_open(s);
	char *id = lk_test_my_value(s->server, "SELECT MAX(id) FROM information_schema.processlist"
					       " WHERE command LIKE 'Binlog Dump%'");
	char *sql = lk_format("KILL %s", id);
	streaming_sql(s, sql);
	must_end(s, LK_ERROR_LOST, &error);
	free(sql);
	free(id);
	/* The position it had is good for another one. */
	struct lk_binlog_position resume = lk_stream_resume(s->stream);
	char *where = lk_binlog_position_format(&resume);
	streaming_open_at(s, where);
	streaming_sql(s, "INSERT INTO t VALUES (1, '')");
	assert_string_equal(streaming_read(s), "insert t 1\ncommit\n");
	free(where);
}

static void a_server_that_says_nothing_is_a_lost_link(void **state)
{
	struct streaming *s = clean(state);
	struct lk_error error;
	streaming_open(s);
	lk_test_my_freeze(s->server);
	int64_t from_us = lk_clock_us();
	must_end(s, LK_ERROR_LOST, &error);
	int64_t took_us = lk_clock_us() - from_us;
	lk_test_my_thaw(s->server);
	assert_in_range(took_us, 4000000, 20000000);
}

static void a_server_that_is_killed_is_a_lost_link(void **state)
{
	struct streaming *s = clean(state);
	struct lk_error error;
	streaming_open(s);
	streaming_sql(s, "INSERT INTO t VALUES (1, '')");
	assert_string_equal(streaming_read(s), "insert t 1\ncommit\n");
	struct lk_binlog_position resume = lk_stream_resume(s->stream);
	char *where = lk_binlog_position_format(&resume);
	lk_session_close(s->session);
	lk_test_my_kill(s->server);
	must_end(s, LK_ERROR_LOST, &error);
	streaming_close(s);
	must_not_open(s, where, LK_ERROR_LOST, false, "");
	lk_test_my_up(s->server);
	s->session = my_session(s->server, "worker");
	streaming_open_at(s, where);
	streaming_sql(s, "INSERT INTO t VALUES (2, '')");
	assert_string_equal(streaming_read(s), "insert t 2\ncommit\n");
	free(where);
}

static void the_stream_is_as_encrypted_as_the_connection(void **state)
{
	struct streaming *s = clean(state);
	char *uri = s->uri;
	streaming_sql(s, "CREATE USER IF NOT EXISTS tls@'%' IDENTIFIED BY 'x' REQUIRE SSL;"
			 " GRANT REPLICATION SLAVE ON *.* TO tls@'%'");
	char *path = lk_path_join(lk_test_my_folder(s->server), "options.cnf");
	struct lk_error error;
	static const char password[] = "[lockkeeper]\npassword=x\n";
	if (access(path, F_OK) != 0 && !lk_path_write(path, password, strlen(password), &error))
		fail_msg("%s", error.text);
	s->uri = lk_format("mysql://tls@127.0.0.1:%d/?ssl-mode=required&defaults-file=%s",
			   lk_test_my_port(s->server), path);
	streaming_open(s);
	streaming_sql(
		s, "INSERT INTO t VALUES (1, REPEAT('x', 20000000)); INSERT INTO t VALUES (2, '');"
		   " UPDATE t SET b = 'short'");
	assert_string_equal(streaming_read(s), "insert t 1\ncommit\ninsert t 2\ncommit\n"
					       "update t 1 1\nupdate t 2 2\ncommit\n");
	char *senders = lk_format("SELECT COUNT(*) FROM information_schema.processlist"
				  " WHERE user = 'tls' AND command LIKE 'Binlog Dump%%'");
	assert_int_equal(lk_test_my_number(s->server, senders), 1);
	free(senders);
	streaming_close(s);
	free(s->uri);
	free(path);
	s->uri = uri;
}

static void a_quiet_stream_returns_in_time(void **state)
{
	struct streaming *s = clean(state);
	struct lk_stream_event event;
	struct lk_error error;
	streaming_open(s);
	int idle = 0;
	int64_t from_us = lk_clock_us();
	while (idle < 5) {
		assert_true(lk_stream_next(s->stream, &event, &error));
		idle += event.kind == LK_STREAM_IDLE;
	}
	/* Every 100 ms. */
	assert_true(lk_clock_us() - from_us < 5000000);
}

static void without_a_log_there_is_no_stream(void **state)
{
	const char *off[] = {"--skip-log-bin", NULL};
	struct lk_error error;
	struct streaming s = {.server = lk_test_my_start(my_is_mariadb() ? NULL : off)};
	(void)state;
	my_need(s.server);
	s.uri = lk_test_my_uri(s.server, "root", NULL);
	s.session = my_session(s.server, "worker");
	assert_false(streaming_try(&s, "binlog.000001:4", &error));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_contains(error.text, "log_bin is off");
	struct lk_binlog_state was;
	assert_true(lk_binlog_state_read(s.session, &was, &error));
	assert_false(was.on);
	assert_string_equal(was.end.file, "");
	lk_binlog_state_free(&was);
	lk_session_close(s.session);
	free(s.uri);
	lk_test_my_stop(s.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_never_there_is_refused),
		cmocka_unit_test(a_privilege_that_is_missing_is_named),
		cmocka_unit_test(an_interrupt_ends_a_wait),
		cmocka_unit_test(a_quiet_stream_returns_in_time),
		cmocka_unit_test(the_stream_is_as_encrypted_as_the_connection),
		cmocka_unit_test(a_sender_that_is_killed_is_a_lost_link),
		cmocka_unit_test(a_server_that_says_nothing_is_a_lost_link),
		cmocka_unit_test(a_server_that_is_killed_is_a_lost_link),
		cmocka_unit_test(a_purged_position_is_told_apart),
		cmocka_unit_test(without_a_log_there_is_no_stream),
	};
	return my_run_tests(tests, start_server, stop_server);
}
