/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "base/path.h"
#include "base/uri.h"
#include "plan/limits.h"
#include "settings/settings.h"

static const char example[] = "targets:\n"
			      "  production:\n"
			      "    uri: \"postgresql://dba@db1:5432/shop\"\n"
			      "    environment: prod\n"
			      "    application: /run/shop/figures.json\n"
			      "    limits: {lag: 1s}\n"
			      "  stage: {uri: \"postgresql:///shop?host=/run/postgresql\"}\n"
			      "limits: {running: 20, lag: 5s}\n"
			      "theme: mono\n"
			      "ascii: true\n"
			      "bell: off\n";

static void read_example(struct lk_settings *settings)
{
	struct lk_problems problems = {0};
	if (!lk_settings_parse("config", example, strlen(example), settings, &problems))
		fail_msg("%s", lk_problems_text(&problems));
}

static void reads_all_members(void **state)
{
	struct lk_settings settings;
	(void)state;
	read_example(&settings);
	const struct lk_settings_target *target = lk_settings_target(&settings, "production");
	assert_int_equal(settings.target_count, 2);
	assert_string_equal(target->uri, "postgresql://dba@db1:5432/shop");
	assert_string_equal(target->environment, "PROD");
	assert_string_equal(target->application, "/run/shop/figures.json");
	assert_int_equal(target->limits.lag_ms, 1000);
	assert_string_equal(settings.targets[1].environment, "");
	assert_string_equal(settings.theme, "mono");
	assert_true(settings.ascii);
	assert_false(settings.bell);
	assert_null(lk_settings_target(&settings, "nowhere"));
	lk_settings_free(&settings);
}

static void merges_limits(void **state)
{
	struct lk_settings settings;
	struct lk_limits plan = {.chunk_time_ms = 77};
	(void)state;
	read_example(&settings);
	struct lk_limits limits = lk_settings_limits(&settings, &settings.targets[0], &plan);
	assert_int_equal(limits.chunk_time_ms, 77); /* the plan */
	assert_int_equal(limits.lag_ms, 1000);	    /* the target */
	assert_int_equal(limits.running, 20);	    /* the settings */
	assert_int_equal(limits.lock_wait_ms, 100); /* built in */
	lk_limits_free(&limits);
	limits = lk_settings_limits(&settings, NULL, &plan);
	assert_int_equal(limits.lag_ms, 5000);
	lk_limits_free(&limits);
	lk_settings_free(&settings);
}

static void resolves_targets(void **state)
{
	struct lk_settings settings;
	const struct lk_settings_target *found;
	const char *uri;
	struct lk_error error = {0};
	(void)state;
	read_example(&settings);
	assert_true(lk_settings_resolve(&settings, "stage", &uri, &found, &error));
	assert_string_equal(uri, "postgresql:///shop?host=/run/postgresql");
	assert_true(lk_settings_resolve(&settings, "postgresql://dba@db1:5432/shop", &uri, &found,
					&error));
	assert_string_equal(found->name, "production");
	assert_true(lk_settings_resolve(&settings, "postgresql://other/x", &uri, &found, &error));
	assert_null(found);
	assert_false(lk_settings_resolve(&settings, "prodcution", &uri, &found, &error));
	assert_int_equal(error.class, LK_ERROR_USAGE);
	assert_contains(error.text, "did you mean production?");
	assert_false(lk_settings_resolve(&settings, "xyz", &uri, &found, &error));
	assert_contains(error.text, "known: production, stage");
	assert_false(lk_settings_resolve(&settings, "postgresql://a:b@c/d", &uri, &found, &error));
	lk_settings_free(&settings);
}

static void complains_of_mistakes(void **state)
{
	static const char text[] =
		"targets:\n"
		"  production:\n"
		"    uri: \"postgresql://dba:hunter2@db1/shop\"\n"
		"    enviroment: prod\n"
		"  \"two words\": {uri: \"postgresql:///x\", environment: two words}\n"
		"  stage: {password: x}\n"
		"  stage: {uri: \"oracle://x/y\"}\n"
		"limits: {lag: 0s}\n"
		"theme: []\n"
		"ascii: perhaps\n"
		"bel: off\n";
	static const char expected[] =
		"c:3:10: the URI holds a password, which other users can read from the process "
		"list and "
		"from files: put it into ~/.pgpass or a service file and leave it out\n"
		"c:4:5: unknown key \"enviroment\" in a target; did you mean environment?\n"
		"c:5:3: a target's name is made of up to 48 letters, digits, '-', '_' and '.'\n"
		"c:5:54: environment is one word of up to 15 letters and digits, such as PROD\n"
		"c:6:10: the key \"uri\" is missing in a target\n"
		"c:6:11: \"password\" in a target: no password stands in this file: use ~/.pgpass "
		"or a "
		"service file, or ~/.my.cnf\n"
		"c:7:3: the target stage is there twice\n"
		"c:7:16: a target's URI begins with postgresql:// or mysql://, not oracle\n"
		"c:8:15: lag is a time such as 100ms, 2s or 24h, not \"0s\"\n"
		"c:9:8: theme is text, not a list\n"
		"c:10:8: ascii cannot be \"perhaps\"; legal: true, false, yes, no, on or off\n"
		"c:11:1: unknown key \"bel\" in the settings; did you mean bell?\n";
	struct lk_settings settings;
	struct lk_problems problems = {0};
	(void)state;
	assert_false(lk_settings_parse("c", text, sizeof text - 1, &settings, &problems));
	char *said = lk_problems_text(&problems);
	assert_string_equal(said, expected);
	assert_null(strstr(said, "hunter2"));
	assert_int_equal(settings.target_count, 0);
	assert_true(settings.bell);
	free(said);
	lk_problems_free(&problems);
	lk_settings_free(&settings);
}

static void needs_no_file(void **state)
{
	char folder[] = "/tmp/lockkeeper-test-XXXXXX";
	struct lk_settings settings;
	struct lk_problems problems = {0};
	struct lk_error error;
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(setenv("XDG_CONFIG_HOME", folder, 1), 0);
	assert_true(lk_settings_read(NULL, &settings, &problems));
	assert_contains(settings.file, folder);
	assert_true(settings.bell);
	lk_settings_free(&settings);

	char *config = lk_format("%s/lockkeeper/config", folder);
	assert_false(
		lk_settings_read(config, &settings, &problems)); /* named, so it must be there */
	assert_int_equal(problems.count, 1);
	lk_problems_free(&problems);
	lk_settings_free(&settings);

	char *parent = lk_format("%s/lockkeeper", folder);
	assert_true(lk_path_make(parent, 0700, &error));
	assert_true(lk_path_write(config, "# nothing yet\n\n", 15, &error));
	assert_true(lk_settings_read(NULL, &settings, &problems));
	lk_settings_free(&settings);
	assert_true(lk_path_write(config, example, strlen(example), &error));
	assert_true(lk_settings_read(NULL, &settings, &problems));
	assert_int_equal(settings.target_count, 2);
	lk_settings_free(&settings);
	free(parent);
	free(config);
	assert_true(lk_path_remove_tree(folder, &error));
}

static void uris_hold_no_password(void **state)
{
	static const char *const good[] = {
		"postgresql://db/shop",
		"postgres://dba@db:5432/shop",
		"postgresql:///shop?host=/run/postgresql&port=5433",
		"postgresql://[::1]:5432/shop",
		"postgresql://dba@[::1]:5432/shop?application_name=x%3Apassword",
		"postgresql://?service=production",
		"postgresql://a:1,b:2/shop?target_session_attrs=primary",
	};
	static const char *const secret[] = {
		"postgresql://dba:hunter2@db/shop",
		"postgresql://:hunter2@db/shop",
		"postgresql://dba:hun/ter2@db/shop",
		"postgresql://db/shop?password=hunter2",
		"postgresql://db/shop?user=a&PassWord=hunter2",
		"postgresql://db/shop?pass%77ord=hunter2",
		"postgresql://db/shop?sslpassword=hunter2",
		"host=db password=hunter2",
	};
	struct lk_error error = {0};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(good); i++)
		if (!lk_uri_check(good[i], &error))
			fail_msg("%s: %s", good[i], error.text);
	for (size_t i = 0; i < LK_COUNT(secret); i++) {
		assert_false(lk_uri_check(secret[i], &error));
		assert_contains(error.text, "~/.pgpass");
		assert_null(strstr(error.text, "hunter2"));
		assert_int_equal(error.class, LK_ERROR_USAGE);
	}
	assert_false(lk_uri_check("mysql://dba:hunter2@db/shop", &error));
	assert_contains(error.text, "~/.my.cnf");
	assert_null(strstr(error.text, "hunter2"));
	assert_true(lk_uri_check("mysql://dba@db/shop", &error));
	assert_true(lk_uri_check("mariadb:///shop?socket=/run/mysqld/mysqld.sock", &error));
	assert_false(lk_uri_check("http://db/shop", &error));
	assert_contains(error.text, "begins with postgresql://");
	assert_false(lk_uri_check("postgresql://db/\x1b[2J", &error));
	assert_false(lk_uri_check("shop", &error));
	assert_true(lk_uri_is_uri("postgresql://x") && lk_uri_is_uri("host=x"));
	assert_false(lk_uri_is_uri("production"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_members), cmocka_unit_test(merges_limits),
		cmocka_unit_test(resolves_targets),  cmocka_unit_test(complains_of_mistakes),
		cmocka_unit_test(needs_no_file),     cmocka_unit_test(uris_hold_no_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
