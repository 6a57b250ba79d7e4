/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ways to real servers: option files, passwords, TCP, encryption, a server that does not answer.
 */
#include "tests/server/my_sessions.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "tests/server/certificate.h"

/* The server all tests use: TCP and TLS are on. */
struct place {
	struct lk_test_my *server;
	char folder[64];    /* of the certificate, option files, state */
	char *arguments[3]; /* NULL at the end */
	int port;
};

static int start_server(void **state)
{
	struct place *place = lk_alloc(sizeof *place);
	*state = place;
	snprintf(place->folder, sizeof place->folder, "/tmp/lk-my-connect-XXXXXX");
	/* The server, which is another user, reads its key there. */
	if (!mkdtemp(place->folder) || chmod(place->folder, 0755) != 0)
		return -1;
	test_certificate(place->folder, "localhost");
	place->arguments[0] = lk_format("--ssl-cert=%s/cert.pem", place->folder);
	place->arguments[1] = lk_format("--ssl-key=%s/key.pem", place->folder);
	place->server = lk_test_my_start_primary((const char *const *)place->arguments);
	place->port = place->server ? lk_test_my_port(place->server) : 0;
	if (place->server)
		lk_test_my_sql(
			place->server,
			"CREATE USER app@'%' IDENTIFIED BY 'sesame'; GRANT ALL ON test.* TO app@'%'");
	return 0;
}

static int stop_server(void **state)
{
	struct place *place = *state;
	struct lk_error error;
	lk_test_my_stop(place->server);
	bool removed = lk_path_remove_tree(place->folder, &error);
	for (size_t i = 0; place->arguments[i]; i++)
		free(place->arguments[i]);
	free(place);
	return removed ? 0 : -1;
}

/* An option file in the folder of the test; its path is the caller's. */
static char *option_file(const struct place *place, const char *text)
{
	struct lk_error error;
	char *path = lk_path_join(place->folder, "options.cnf");
	unlink(path);
	if (!lk_path_write(path, text, strlen(text), &error))
		fail_msg("%s", error.text);
	return path;
}

static void option_files_hold_the_password(void **state)
{
	const struct place *place = *state;
	my_need(place->server);
	char *path =
		option_file(place, "[lockkeeper]\npassword=sesame\n"
				   "[other]\npassword=wrong\n[user]\nuser=app\npassword=sesame\n");
	char *more = lk_format("defaults-file=%s", path);
	char *uri = lk_test_my_uri(place->server, "app", more);
	struct lk_session *session = my_session_of(uri, "worker");
	my_expect(session, "SELECT CURRENT_USER()", "app@%");
	lk_session_close(session);
	free(uri);
	free(more);

	more = lk_format("defaults-file=%s&defaults-group=other", path);
	uri = lk_test_my_uri(place->server, "app", more);
	my_refused(uri, LK_ERROR_PRIVILEGE, "Access denied");
	free(uri);
	free(more);

	uri = lk_format("mysql:///test?socket=%s/s.sock&defaults-file=%s&defaults-group=user",
			lk_test_my_folder(place->server), path);
	session = my_session_of(uri, "worker");
	char *where = session->driver->describe(session->connection);
	assert_string_equal(where, "app@local/test");
	lk_session_close(session);
	free(where);
	free(uri);
	free(path);
}

static void option_files_cannot_undo_what_a_session_needs(void **state)
{
	const struct place *place = *state;
	my_need(place->server);
	struct lk_error error;
	char *path = option_file(place, "[client]\ndefault-character-set=latin1\nreconnect=1\n"
					"local-infile=1\nconnect-timeout=77\n");
	char *more = lk_format("defaults-file=%s", path);
	char *uri = lk_test_my_uri(place->server, "root", more);
	struct lk_session *session = my_session_of(uri, "worker");
	my_expect(session, "SELECT @@character_set_client", "utf8mb4");
	my_expect(session, "SELECT HEX('é')", "C3A9");
	my_must(session, "CREATE TABLE loaded (a text)");
	assert_false(lk_execute(session, "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE loaded",
				&error));
	char *sql = lk_format("KILL %d", session->id);
	lk_test_my_sql(place->server, sql);
	assert_false(lk_execute(session, "DO 0", &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	assert_false(lk_execute(session, "DO 0", &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	lk_session_close(session);
	free(sql);
	free(uri);
	free(more);
	free(path);
}

static void who_is_refused_learns_why(void **state)
{
	const struct place *place = *state;
	my_need(place->server);
	char *uri = lk_test_my_uri(place->server, "app", NULL);
	my_refused(uri, LK_ERROR_PRIVILEGE, "~/.my.cnf");
	free(uri);
	uri = lk_format("mysql://root@/nowhere?socket=%s/s.sock", lk_test_my_folder(place->server));
	my_refused(uri, LK_ERROR_USAGE, "Unknown database");
	free(uri);
	uri = lk_test_my_uri(place->server, "root", "defaults-file=/nowhere/at/all");
	my_refused(uri, LK_ERROR_USAGE, "/nowhere/at/all cannot be read");
	free(uri);
	uri = lk_test_my_uri(place->server, "root", "sl-mode=required");
	my_refused(uri, LK_ERROR_USAGE, "did you mean ssl-mode?");
	free(uri);
	my_refused("mysql://root@/x?socket=/nowhere/at/all", LK_ERROR_LOST, "/nowhere/at/all");
	my_refused("mysql://root@127.0.0.1:1/x", LK_ERROR_LOST, "127.0.0.1");
	my_refused("mysql://root@db.invalid/x", LK_ERROR_LOST, "db.invalid");
}

static void a_port_means_tcp_even_on_localhost(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost"};
	const struct place *place = *state;
	my_need(place->server);
	char *path = option_file(place, "[client]\npassword=sesame\nsocket=/nowhere/at/all\n");
	for (size_t i = 0; i < LK_COUNT(hosts); i++) {
		char *uri = lk_format("mysql://app@%s:%d/test?defaults-file=%s", hosts[i],
				      place->port, path);
		char *expected = lk_format("app@%s:%d/test", hosts[i], place->port);
		struct lk_session *session = my_session_of(uri, "worker");
		char *where = session->driver->describe(session->connection);
		assert_string_equal(where, expected);
		my_expect(session, "SELECT SUBSTRING_INDEX(USER(), '@', -1)", "127.0.0.1");
		lk_session_close(session);
		free(where);
		free(expected);
		free(uri);
	}
	free(path);
}

/* The cipher in use over TCP with these parameters, "" for none; the caller's. */
static char *cipher(const struct place *place, const char *path, const char *more)
{
	char *uri = lk_format("mysql://app@localhost:%d/test?defaults-file=%s%s", place->port, path,
			      more);
	struct lk_session *session = my_session_of(uri, "worker");
	char *used = my_value(
		session, my_is_mariadb()
				 ? "SELECT VARIABLE_VALUE FROM information_schema.session_status"
				   " WHERE VARIABLE_NAME = 'Ssl_cipher'"
				 : "SELECT VARIABLE_VALUE FROM performance_schema.session_status"
				   " WHERE VARIABLE_NAME = 'Ssl_cipher'");
	lk_session_close(session);
	free(uri);
	return used;
}

static void encryption_is_as_the_uri_wants_it(void **state)
{
	static const struct {
		const char *more;
		bool encrypted;
	} cases[] = {
		{"", true},
		{"&ssl-mode=preferred", true},
		{"&ssl-mode=required", true},
		{"&ssl-mode=disabled", false},
	};
	const struct place *place = *state;
	my_need(place->server);
	char *path = option_file(place, "[client]\npassword=sesame\n");
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		char *used = cipher(place, path, cases[i].more);
		if ((used[0] != '\0') != cases[i].encrypted)
			fail_msg("\"%s\": cipher \"%s\"", cases[i].more, used);
		free(used);
	}
	/* The certificate is its own authority: trusted when named, and then only for its name. */
	char *trust = lk_format("&ssl-mode=verify_identity&ssl-ca=%s/cert.pem", place->folder);
	char *used = cipher(place, path, trust);
	assert_true(used[0]);
	char *other = lk_format("mysql://app@127.0.0.1:%d/test?defaults-file=%s%s", place->port,
				path, trust);
	my_refused(other, LK_ERROR_REFUSED, "SSL");
	char *nobody =
		lk_format("mysql://app@localhost:%d/test?defaults-file=%s&ssl-mode=verify_ca",
			  place->port, path);
	my_refused(nobody, LK_ERROR_REFUSED, "SSL");
	free(nobody);
	free(other);
	free(used);
	free(trust);
	free(path);
}

/* The library then speaks of TLS, with the number of one that cannot be had. */
static void an_encrypted_session_that_breaks_is_lost(void **state)
{
	const struct place *place = *state;
	struct lk_error error;
	my_need(place->server);
	char *path = option_file(place, "[client]\npassword=sesame\n");
	char *uri = lk_format("mysql://app@localhost:%d/test?defaults-file=%s&ssl-mode=required",
			      place->port, path);
	for (int idle = 0; idle < 2; idle++) {
		struct my_background blocked;
		struct lk_session *session = my_session_of(uri, "worker");
		char *end = lk_format("KILL %d", session->id);
		if (!idle) {
			my_background_start(&blocked, session, "SELECT SLEEP(1000)");
			my_await_statement(place->server, session->id, "SLEEP");
		}
		lk_test_my_sql(place->server, end);
		if (!idle) {
			my_background_end(&blocked);
			assert_false(blocked.done);
			assert_int_equal(blocked.error.class, LK_ERROR_LOST);
		}
		assert_false(lk_execute(session, "DO 1", &error));
		assert_int_equal(error.class, LK_ERROR_LOST);
		lk_session_close(session);
		free(end);
	}
	free(uri);
	free(path);
}

/* MySQL remembers a password that was right; the first time of each way is another exchange than the next ones. */
static void a_password_is_taken_every_way(void **state)
{
	const struct place *place = *state;
	my_need(place->server);
	char *path = option_file(place, "[client]\npassword=sesame\n");
	char *const uris[] = {
		lk_format("mysql://app@/test?socket=%s/s.sock&defaults-file=%s",
			  lk_test_my_folder(place->server), path),
		lk_format("mysql://app@localhost:%d/test?defaults-file=%s&ssl-mode=required",
			  place->port, path),
		lk_format("mysql://app@localhost:%d/test?defaults-file=%s&ssl-mode=disabled",
			  place->port, path),
	};
	for (size_t i = 0; i < LK_COUNT(uris); i++) {
		lk_test_my_sql(place->server, "FLUSH PRIVILEGES");
		for (int again = 0; again < 2; again++)
			lk_session_close(my_session_of(uris[i], "worker"));
		free(uris[i]);
	}
	free(path);
}

static void a_server_that_wants_encryption_is_not_asked_in_vain(void **state)
{
	const struct place *place = *state;
	my_need(place->server);
	char *path = option_file(place, "[client]\npassword=sesame\n");
	char *plain = lk_format("mysql://app@localhost:%d/test?defaults-file=%s&ssl-mode=disabled",
				place->port, path);
	lk_test_my_sql(place->server, "SET GLOBAL require_secure_transport = 1");
	/* MariaDB has no words of its own for it. */
	my_refused(plain, my_is_mariadb() ? LK_ERROR_PRIVILEGE : LK_ERROR_REFUSED,
		   my_is_mariadb() ? "require_secure_transport" : "insecure transport");
	char *used = cipher(place, path, "");
	assert_true(used[0]);
	char *uri = lk_test_my_uri(place->server, "root", NULL);
	lk_session_close(my_session_of(uri, "worker"));
	lk_test_my_sql(place->server, "SET GLOBAL require_secure_transport = 0");
	free(uri);
	free(used);
	free(plain);
	free(path);
}

static void encryption_that_is_not_offered_is_not_gone_without(void **state)
{
	static const char *const without_ssl[] = {"--skip-ssl", NULL};
	static const char *const without_versions[] = {"--tls-version=", NULL};
	const struct place *place = *state;
	my_need(place->server);
	struct lk_test_my *plain =
		lk_test_my_start(my_is_mariadb() ? without_ssl : without_versions);
	char *uri = lk_test_my_uri(plain, "root", "ssl-mode=required");
	my_refused(uri, LK_ERROR_REFUSED, "server does");
	free(uri);
	uri = lk_test_my_uri(plain, "root", "ssl-mode=preferred");
	lk_session_close(my_session_of(uri, "worker"));
	free(uri);
	lk_test_my_stop(plain);
}

static void a_silent_server_is_given_up_soon(void **state)
{
	const struct place *place = *state;
	my_need(place->server);
	char *uri = lk_test_my_uri(place->server, "root", NULL);
	lk_test_my_freeze(place->server);
	int64_t from = lk_clock_us();
	struct lk_error error;
	struct lk_session *session = lk_session_open(uri, "test", "worker", &error);
	double seconds = (double)(lk_clock_us() - from) / 1e6;
	lk_test_my_thaw(place->server);
	assert_null(session);
	assert_int_equal(error.class, LK_ERROR_LOST);
	assert_true(seconds < 15);
	lk_session_close(my_session_of(uri, "worker"));
	free(uri);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(option_files_hold_the_password),
		cmocka_unit_test(option_files_cannot_undo_what_a_session_needs),
		cmocka_unit_test(who_is_refused_learns_why),
		cmocka_unit_test(a_port_means_tcp_even_on_localhost),
		cmocka_unit_test(encryption_is_as_the_uri_wants_it),
		cmocka_unit_test(an_encrypted_session_that_breaks_is_lost),
		cmocka_unit_test(a_password_is_taken_every_way),
		cmocka_unit_test(a_server_that_wants_encryption_is_not_asked_in_vain),
		cmocka_unit_test(encryption_that_is_not_offered_is_not_gone_without),
		cmocka_unit_test(a_silent_server_is_given_up_soon),
	};
	return my_run_tests(tests, start_server, stop_server);
}
