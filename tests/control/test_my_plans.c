/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every example in plans/ on MariaDB and MySQL, walked by the real program in a sandbox under load: forward to
 * the gate in front of contract, back, and forward to the end. The application sees no error, every row holds what
 * was written, and on the way back the tables become what they were. What a server cannot do without a copy is
 * refused before anything is written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "sandbox/servers.h"
#include "tests/control/examples.h"

/* The long form of a change that the short form makes in the same chain; and the one in PostgreSQL's SQL. */
static bool is_long(const char *name)
{
	return strcmp(name, "rename-username-long-mysql.yaml") == 0;
}

static bool is_foreign(const char *name)
{
	return strcmp(name, "rename-username-long.yaml") == 0;
}

static bool is_add_check(const char *name)
{
	return strcmp(name, "add-check.yaml") == 0;
}

/* To add a check again would need a copy, so nothing takes its dropping back. */
static bool is_drop_constraint(const char *name)
{
	return strcmp(name, "drop-constraint.yaml") == 0;
}

static bool goes_on_mariadb(const char *name)
{
	return !is_foreign(name) && !is_long(name) && !is_drop_constraint(name);
}

/*
 * MySQL rebuilds the table for these, and a rebuild takes the insert that INSERT … ON DUPLICATE KEY UPDATE tries
 * first for a duplicate of the unique index that add-unique makes (MySQL Reference Manual, Online DDL Limitations):
 * they have a sandbox of their own, where no email is unique; the long form, which has the same columns as the short
 * one, goes with them.
 */
static bool is_apart(const char *name)
{
	return is_long(name) || strcmp(name, "drop-not-null.yaml") == 0 ||
	       strcmp(name, "set-not-null.yaml") == 0;
}

static bool goes_on_mysql(const char *name)
{
	return goes_on_mariadb(name) && !is_add_check(name) && !is_apart(name);
}

static void need(const struct lk_servers_kind *kind)
{
	struct lk_servers servers;
	struct lk_error error = {0};
	bool found = lk_servers_find(&servers, kind, &error);
	lk_servers_free(&servers);
	if (found)
		return;
	print_message("%s: skipped\n", error.text);
	skip();
}

static struct lk_walked *walk(const struct lk_servers_kind *kind, const struct lk_examples *plans,
			      const char *how)
{
	char *options = lk_format("%s %s --rows 20000 --writes 200", kind->word, how);
	struct lk_walked *walked = lk_examples_walk(plans, options);
	free(options);
	return walked;
}

/*
 * MySQL cannot be asked for a lock without waiting, and whom it ends for a wait in a circle it chooses itself
 * (src/step/my_moment.h): on a machine that is overloaded a transaction of the application may be its choice. That is
 * allowed for once; from that example on the walk is repeated, and then must be good.
 */
static bool is_servers_choice(const struct lk_servers_kind *kind, const struct lk_verdict *v)
{
	return kind == &lk_servers_mysql && v->errors == 1 && v->different == 0 &&
	       strstr(v->sentence, "Deadlock found");
}

/* How many of them were good before the server made a choice, if it did. */
static size_t walk_from(const struct lk_servers_kind *kind, const struct lk_examples *plans,
			size_t first, bool may_choose)
{
	struct lk_examples rest = {.count = plans->count - first};
	memcpy(rest.paths, plans->paths + first, rest.count * sizeof *rest.paths);
	struct lk_walked *walked = walk(kind, &rest, "--there-and-back");
	size_t good = 0;
	while (good < walked->count &&
	       !(may_choose && is_servers_choice(kind, &walked->verdicts[good])))
		lk_examples_assert_good(&walked->verdicts[good++]);
	if (good == walked->count) {
		assert_int_equal(walked->status, 0);
		assert_int_equal(walked->count, rest.count);
	}
	free(walked);
	return good;
}

static void walk_all(const struct lk_servers_kind *kind, bool (*wanted)(const char *name))
{
	struct lk_examples plans = {0};
	need(kind);
	lk_examples_list(&plans, wanted);
	size_t good = walk_from(kind, &plans, 0, true);
	if (good < plans.count) {
		print_message("the server ended a transaction; once more from %s\n",
			      plans.paths[good]);
		walk_from(kind, &plans, good, false);
	}
	lk_examples_free(&plans);
}

static void mariadb_every_example_goes_there_and_back_and_to_its_end(void **state)
{
	(void)state;
	walk_all(&lk_servers_mariadb, goes_on_mariadb);
	walk_all(&lk_servers_mariadb, is_long);
}

static void mysql_every_example_goes_there_and_back_and_to_its_end(void **state)
{
	(void)state;
	walk_all(&lk_servers_mysql, goes_on_mysql);
	walk_all(&lk_servers_mysql, is_apart);
}

static void walk_forward(const struct lk_servers_kind *kind)
{
	struct lk_examples plans = {0};
	need(kind);
	lk_examples_list(&plans, is_drop_constraint);
	struct lk_walked *walked = walk(kind, &plans, "");
	assert_int_equal(walked->status, 0);
	assert_int_equal(walked->count, 1);
	assert_true(walked->verdicts[0].done);
	assert_int_equal(walked->verdicts[0].errors, 0);
	assert_int_equal(walked->verdicts[0].different, 0);
	free(walked);
	lk_examples_free(&plans);
}

static void mariadb_a_check_is_dropped_for_good(void **state)
{
	(void)state;
	walk_forward(&lk_servers_mariadb);
}

static void mysql_a_check_is_dropped_for_good(void **state)
{
	(void)state;
	walk_forward(&lk_servers_mysql);
}

static void mysql_a_check_needs_a_copy_and_is_refused(void **state)
{
	(void)state;
	struct lk_examples plans = {0};
	need(&lk_servers_mysql);
	lk_examples_list(&plans, is_add_check);
	assert_int_equal(plans.count, 1);
	struct lk_walked *walked = walk(&lk_servers_mysql, &plans, "");
	assert_int_not_equal(walked->status, 0);
	for (size_t i = 0; i < walked->count; i++) {
		assert_false(walked->verdicts[i].done);
		assert_int_equal(walked->verdicts[i].errors, 0);
		assert_int_equal(walked->verdicts[i].different, 0);
	}
	free(walked);
	lk_examples_free(&plans);
}

int main(void)
{
	char folder[] = "/tmp/lk-my-plans-XXXXXX";
	struct lk_error error;
	if (!mkdtemp(folder) || chmod(folder, 01777) != 0)
		return 1;
	setenv("XDG_STATE_HOME", folder, 1);
	setenv("TMPDIR", folder, 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mariadb_every_example_goes_there_and_back_and_to_its_end),
		cmocka_unit_test(mysql_every_example_goes_there_and_back_and_to_its_end),
		cmocka_unit_test(mariadb_a_check_is_dropped_for_good),
		cmocka_unit_test(mysql_a_check_is_dropped_for_good),
		cmocka_unit_test(mysql_a_check_needs_a_copy_and_is_refused),
	};
	int failed = cmocka_run_group_tests_name("plans", tests, NULL, NULL);
	if (!lk_path_remove_tree(folder, &error))
		print_error("%s\n", error.text);
	return failed != 0;
}
