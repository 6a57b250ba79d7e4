/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an operation of a short-form plan becomes on MariaDB and MySQL, and what is refused there. */
#include "tests/server/my_sessions.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "operation/operation.h"
#include "plan/file.h"

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

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const shop[] = {
	"SET foreign_key_checks = 0",
	"DROP VIEW IF EXISTS seen, renamed",
	"DROP TABLE IF EXISTS t, u, renamed, old, parts, bare",
	"SET foreign_key_checks = 1",
	"CREATE TABLE u (id bigint PRIMARY KEY, tag varchar(20) UNIQUE, f int, UNIQUE KEY u_f (f))",
	"CREATE TABLE t (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(40),"
	" email varchar(60) NOT NULL, amount bigint NOT NULL DEFAULT 0, u_id bigint, code int,"
	" stars int COMMENT 'it''s', note varchar(20) COLLATE utf8mb4_bin DEFAULT 'a,b(',"
	" made datetime NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, v1 int, v2 int,"
	" both_of int AS (v1 + v2) VIRTUAL, watched int,"
	" KEY t_name_idx (name, id), KEY t_amount_idx (amount), UNIQUE KEY t_code_key (code),"
	" KEY t_watched_idx (watched),"
	" CONSTRAINT t_u_id_fkey FOREIGN KEY (u_id) REFERENCES u (id) ON DELETE CASCADE,"
	" CONSTRAINT t_code_check CHECK (code > 0))",
	"CREATE TRIGGER t_watch BEFORE UPDATE ON t FOR EACH ROW"
	" SET NEW.note = IF(NEW.`watched` > 3, 'much', NEW.note)",
	"CREATE VIEW seen AS SELECT x.id, x.watched + 1 AS more FROM t x",
	"CREATE TABLE old (id int PRIMARY KEY, a int) ENGINE=MyISAM",
	"CREATE TABLE parts (id int PRIMARY KEY, a int) PARTITION BY HASH (id) PARTITIONS 2",
	"CREATE TABLE bare (a int, b int)",
	"INSERT INTO u VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
	"INSERT INTO t (name, email, amount, u_id, code, stars) VALUES"
	" ('n1', 'e1', 105, 1, 1, 1), (NULL, 'e2', 205, 2, 2, 2), ('n3', 'e3', 305, 3, 3, 3)",
	NULL};

static void open_shop(struct lk_session *session)
{
	for (const char *const *sql = shop; *sql; sql++)
		my_must(session, *sql);
}

/* False when the plan is refused, and why in *error. */
static bool derive(struct lk_session *session, const char *operation, struct lk_plan *plan,
		   struct lk_error *error)
{
	struct lk_problems problems = {0};
	char *yaml = lk_format("plan: p\nreleases: {old: '41', new: '42'}\noperations:\n  - %s\n",
			       operation);
	memset(plan, 0, sizeof *plan);
	if (!lk_plan_parse("p.yaml", yaml, strlen(yaml), plan, &problems))
		fail_msg("%s\n%s", lk_problems_text(&problems), yaml);
	lk_problems_free(&problems);
	free(yaml);
	return lk_operation_derive(session, plan, error);
}

/* Everything the plan does, a line a step: "expand ddl ALTER … <- undo". */
static char *outline(const struct lk_plan *plan)
{
	struct lk_buffer out = {0};
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct lk_step *s = &plan->steps[i];
		lk_buffer_addf(&out, "%s %s %s", lk_phase_name(s->phase), lk_verb_name(s->verb),
			       s->name	? s->name
			       : s->sql ? s->sql
			       : s->to	? s->to
					: "");
		if (s->verb == LK_VERB_BACKFILL)
			lk_buffer_addf(&out, "%s = %s%s%s", s->set[0].column, s->set[0].expression,
				       s->where ? " where " : "", s->where ? s->where : "");
		if (s->verb == LK_VERB_DDL && s->undo)
			lk_buffer_addf(&out, " <- %s", s->undo);
		lk_buffer_add(&out, s->destroys ? " !\n" : "\n");
	}
	return lk_buffer_take(&out);
}

static void expect_outline(struct lk_session *session, const char *operation,
			   const char *const *lines)
{
	struct lk_plan plan;
	struct lk_error error = {0};
	struct lk_buffer expected = {0};
	if (!derive(session, operation, &plan, &error))
		fail_msg("%s: %s", operation, error.text);
	for (; *lines; lines++)
		lk_buffer_addf(&expected, "%s\n", *lines);
	char *got = outline(&plan);
	if (strcmp(got, lk_buffer_text(&expected)) != 0)
		fail_msg("%s yields\n%s\nand not\n%s", operation, got, lk_buffer_text(&expected));
	free(got);
	lk_buffer_free(&expected);
	lk_plan_free(&plan);
}

#define ALTER "ALTER TABLE `test`.`t` "

static void a_rename_lets_the_new_release_in_behind_the_verify(void **state)
{
	(void)state;
	my_need(server);
	struct lk_session *session = my_session(server, "worker");
	open_shop(session);
	expect_outline(
		session, "rename_column: {table: t, from: name, to: nom}",
		LINES("expand dual_write nom", "migrate backfill nom = `name`",
		      "migrate verify SELECT `id` FROM `test`.`t` WHERE NOT (CAST(CONVERT(`nom` USING utf8mb4) "
		      "AS BINARY) <=> CAST(CONVERT(`name` USING utf8mb4) AS BINARY))",
		      "migrate ddl " ALTER "ADD INDEX `t_nom_idx` (`nom`,`id`) <- " ALTER
		      "DROP INDEX `t_nom_idx`",
		      "migrate gate release-42", "contract gate release-41-gone",
		      "contract ddl " ALTER "DROP INDEX `t_name_idx` <- " ALTER
		      "ADD KEY `t_name_idx` (`name`,`id`)",
		      "contract end_dual_write ", "contract ddl " ALTER "DROP COLUMN `name` !"));
	expect_outline(
		session, "rename_column: {table: t, from: u_id, to: user_id}",
		LINES("expand dual_write user_id", "migrate backfill user_id = `u_id`",
		      "migrate verify SELECT `id` FROM `test`.`t` WHERE NOT (`user_id` <=> `u_id`)",
		      "migrate ddl " ALTER "ADD INDEX `t_user_id_fkey` (`user_id`) <- " ALTER
		      "DROP INDEX `t_user_id_fkey`",
		      "migrate ddl " ALTER
		      "ADD CONSTRAINT `t_user_id_fkey` FOREIGN KEY (`user_id`) "
		      "REFERENCES `u` (`id`) ON DELETE CASCADE <- " ALTER
		      "DROP FOREIGN KEY `t_user_id_fkey`",
		      "migrate gate release-42", "contract gate release-41-gone",
		      "contract ddl " ALTER "DROP FOREIGN KEY `t_u_id_fkey` <- " ALTER
		      "ADD CONSTRAINT `t_u_id_fkey` FOREIGN KEY (`u_id`) REFERENCES `u` (`id`) ON DELETE "
		      "CASCADE",
		      "contract ddl " ALTER "DROP INDEX `t_u_id_fkey` <- " ALTER
		      "ADD KEY `t_u_id_fkey` (`u_id`)",
		      "contract end_dual_write ", "contract ddl " ALTER "DROP COLUMN `u_id` !"));
	lk_session_close(session);
}

static void rights_on_a_column_follow_it(void **state)
{
	(void)state;
	my_need(server);
	struct lk_session *session = my_session(server, "worker");
	open_shop(session);
	my_must(session, "CREATE USER clerk@localhost");
	my_must(session, "GRANT SELECT (stars), UPDATE (stars) ON t TO clerk@localhost");
	my_must(session, "GRANT SELECT ON u TO clerk@localhost");
	expect_outline(
		session, "rename_column: {table: t, from: stars, to: points}",
		LINES("expand dual_write points",
		      "expand ddl GRANT SELECT (`points`), UPDATE (`points`) ON `test`.`t` TO "
		      "`clerk`@`localhost` <- REVOKE SELECT (`points`), UPDATE (`points`) ON `test`.`t` "
		      "FROM `clerk`@`localhost`",
		      "migrate backfill points = `stars`",
		      "migrate verify SELECT `id` FROM `test`.`t` WHERE NOT (`points` <=> `stars`)",
		      "migrate gate release-42", "contract gate release-41-gone",
		      "contract ddl REVOKE SELECT (`stars`), UPDATE (`stars`) ON `test`.`t` FROM "
		      "`clerk`@`localhost` <- GRANT SELECT (`stars`), UPDATE (`stars`) ON `test`.`t` TO "
		      "`clerk`@`localhost`",
		      "contract end_dual_write ", "contract ddl " ALTER "DROP COLUMN `stars` !"));
	my_must(session, "DROP USER clerk@localhost");
	lk_session_close(session);
}

/* Before anything is written, and what is asked for is enough. */
static void who_may_not_give_rights_on_is_refused_with_the_grant(void **state)
{
	static const char rename[] = "rename_column: {table: t, from: stars, to: points}";
	static const char enough[] = "GRANT GRANT OPTION ON `test`.`t` TO 'mover'@'localhost'";
	struct lk_plan plan;
	struct lk_error error;
	(void)state;
	my_need(server);
	struct lk_session *session = my_session(server, "worker");
	open_shop(session);
	my_must(session, "CREATE USER clerk@localhost, mover@localhost");
	my_must(session, "GRANT SELECT (stars) ON t TO clerk@localhost");
	my_must(session, "GRANT ALL PRIVILEGES ON t TO mover@localhost");
	my_must(session, "GRANT SELECT ON mysql.columns_priv TO mover@localhost");
	char *uri = lk_test_my_uri(server, "mover", NULL);
	struct lk_session *mover = my_session_of(uri, "worker");
	assert_false(derive(mover, rename, &plan, &error));
	assert_contains(error.text, enough);
	lk_plan_free(&plan);
	my_must(session, enough);
	if (!derive(mover, rename, &plan, &error))
		fail_msg("%s", error.text);
	lk_plan_free(&plan);
	my_must(mover, "GRANT SELECT (`stars`) ON `test`.`t` TO `clerk`@`localhost`");
	lk_session_close(mover);
	my_must(session, "DROP USER clerk@localhost, mover@localhost");
	lk_session_close(session);
	free(uri);
}

static void a_default_of_each_rows_own_comes_by_a_backfill(void **state)
{
	(void)state;
	my_need(server);
	struct lk_session *session = my_session(server, "worker");
	open_shop(session);
	expect_outline(
		session,
		"add_column: {table: t, column: c, type: char(36), default: \"uuid()\", not_null: true}",
		LINES("expand ddl " ALTER "ADD COLUMN `c` char(36) NULL <- " ALTER
		      "DROP COLUMN `c`",
		      "expand ddl " ALTER
		      "MODIFY COLUMN `c` char(36) NULL DEFAULT (uuid()) <- " ALTER
		      "MODIFY COLUMN `c` char(36) NULL",
		      "migrate backfill c = uuid() where `c` IS NULL",
		      "migrate verify SELECT `id` FROM `test`.`t` WHERE `c` IS NULL",
		      "migrate ddl " ALTER
		      "MODIFY COLUMN `c` char(36) NOT NULL DEFAULT (uuid()) <- " ALTER
		      "MODIFY COLUMN `c` char(36) NULL DEFAULT (uuid())"));
	expect_outline(
		session,
		"add_column: {table: t, column: c, type: datetime, default: \"now()\", not_null: true}",
		LINES("expand ddl " ALTER "ADD COLUMN `c` datetime NOT NULL DEFAULT now() <- " ALTER
		      "DROP COLUMN `c`"));
	lk_session_close(session);
}

static void a_longer_text_is_a_matter_of_the_definition(void **state)
{
	(void)state;
	my_need(server);
	struct lk_session *session = my_session(server, "worker");
	open_shop(session);
	expect_outline(session, "change_type: {table: t, column: name, type: varchar(50)}",
		       LINES("expand ddl " ALTER "MODIFY COLUMN `name` varchar(50) DEFAULT NULL",
			     "migrate gate release-42"));
	/* 60 characters are 240 bytes, 70 are 280, and two bytes tell a length beyond 255. */
	struct lk_plan plan;
	struct lk_error error = {0};
	if (!derive(session, "change_type: {table: t, column: email, type: varchar(70)}", &plan,
		    &error))
		fail_msg("%s", error.text);
	assert_int_equal(plan.steps[0].verb, LK_VERB_DUAL_WRITE);
	lk_plan_free(&plan);
	lk_session_close(session);
}

struct refusal {
	const char *operation, *expected;
};

static void expect_refusals(const struct refusal *refusals, size_t count)
{
	struct lk_session *session = my_session(server, "worker");
	open_shop(session);
	for (size_t i = 0; i < count; i++) {
		struct lk_plan plan;
		struct lk_error error = {0};
		if (derive(session, refusals[i].operation, &plan, &error))
			fail_msg("accepted: %s", refusals[i].operation);
		if (!strstr(error.text, refusals[i].expected))
			fail_msg("%s\nsays     %s\nand not  %s", refusals[i].operation, error.text,
				 refusals[i].expected);
		assert_true(error.class == LK_ERROR_PLAN || error.class == LK_ERROR_REFUSED);
		lk_plan_free(&plan);
	}
	lk_session_close(session);
}

static void what_cannot_be_carried_whole_is_refused_by_name(void **state)
{
	static const struct refusal refusals[] = {
		{"rename_column: {table: t, from: watched, to: w}",
		 "view test.seen; trigger t_watch"},
		{"rename_column: {table: t, from: v1, to: w}",
		 "column both_of, whose value is worked out from it"},
		{"rename_column: {table: t, from: code, to: w}", "check constraint t_code_check"},
		{"rename_column: {table: t, from: id, to: w}",
		 "the primary key; the column is AUTO_INCREMENT"},
		{"rename_column: {table: t, from: made, to: w}", "ON UPDATE"},
		{"rename_column: {table: t, from: both_of, to: w}", "the column is generated"},
		{"rename_column: {table: u, from: id, to: w}",
		 "foreign key t_u_id_fkey of table test.t, which refers to it"},
		{"rename_column: {table: t, from: name, to: EMAIL}",
		 "already has a column \"email\""},
		{"rename_column: {table: t, from: Name, to: w}", "but it has \"name\""},
		{"rename_column: {table: bare, from: a, to: w}", "no usable key"},
		{"change_type: {table: t, column: u_id, type: varchar(20)}",
		 "foreign key t_u_id_fkey, which needs the type that it refers to"},
		{"change_type: {table: t, column: amount, type: nonsense}", "nonsense"},
		{"change_type: {table: t, column: amount, type: \"decimal(14,2)\", using: \"amount / nothing\", "
		 "back: \"amount_new\"}",
		 "nothing"},
		{"change_type: {table: t, column: amount, type: \"decimal(14,2)\", using: \"amount / 100\", "
		 "back: \"amount_now * 100\"}",
		 "amount_now"},
		{"drop_column: {table: t, column: watched}", "view test.seen; trigger t_watch"},
		{"drop_column: {table: t, column: u_id}", "foreign key t_u_id_fkey"},
		{"drop_column: {table: t, column: id}", "the primary key"},
		{"set_not_null: {table: t, column: name, fill: \"'C' || id\"}", "|| is OR"},
		{"set_not_null: {table: t, column: email}", "is NOT NULL already"},
		{"drop_not_null: {table: t, column: id}", "is part of the key `PRIMARY`"},
		{"drop_not_null: {table: t, column: name}", "may hold NULL already"},
		{"set_default: {table: t, column: id, default: \"1\"}", "AUTO_INCREMENT"},
		{"add_column: {table: t, column: c, type: int, not_null: true}",
		 "without a default"},
		{"add_column: {table: t, column: c, type: char(36), default: \"uuid()\"}",
		 "say not_null: true"},
		{"add_column: {table: t, column: ID, type: int}", "already has a column \"id\""},
		{"add_column: {table: t, column: c, type: serial}", "more than a type"},
		{"add_column: {table: old, column: c, type: int}", "table of engine MyISAM"},
		{"add_column: {table: seen, column: c, type: int}", "is a view"},
		{"add_index: {table: t, columns: [name], where: \"id > 3\"}",
		 "no indexes with a condition"},
		{"add_index: {table: t, columns: [name], method: gin}", "no gin indexes"},
		{"add_index: {table: t, columns: [name], method: fulltext}", "stops all writers"},
		{"add_index: {table: t, columns: [name], include: [id], unique: true}",
		 "has no INCLUDE"},
		{"add_index: {table: t, columns: [nmae]}", "did you mean \"name\"?"},
		{"add_index: {table: t, columns: [\"lower(name)\"]}",
		 "no index over an expression"},
		{"drop_index: {index: t_u_id_fkey}", "foreign key t_u_id_fkey needs index"},
		{"drop_index: {index: u.u_g}", "table u has no index \"u_g\""},
		{"drop_index: {index: PRIMARY}", "tables have an index \"PRIMARY\""},
		{"drop_index: {index: t.PRIMARY}", "cannot be dropped without a copy"},
		{"add_foreign_key: {table: t, columns: [stars], references: u}", "differ in type"},
		{"add_foreign_key: {table: t, columns: [u_id], references: u, on_delete: \"set default\"}",
		 "no SET DEFAULT"},
		{"add_foreign_key: {table: t, columns: [watched], references: t, referenced: [stars]}",
		 "no unique index"},
		{"add_foreign_key: {table: parts, columns: [a], references: u, referenced: [f]}",
		 "a partitioned table"},
		{"add_unique: {table: t, columns: [id], primary_key: true}",
		 "has a primary key already"},
		{"drop_constraint: {table: t, constraint: PRIMARY}",
		 "cannot be dropped without a copy"},
		{"drop_constraint: {table: t, constraint: nothing}",
		 "has no constraint \"nothing\""},
		{"rename_table: {table: t, to: u}", "the name \"u\" is taken"},
		{"rename_table: {table: seen, to: shown}", "is a view"},
	};
	(void)state;
	my_need(server);
	expect_refusals(refusals, LK_COUNT(refusals));
}

static void what_one_of_the_two_cannot_do_is_refused_there(void **state)
{
	static const struct refusal on_maria[] = {
		{"add_check: {table: t, check: \"both_of > 1\"}", "only as a column's own"},
	};
	static const struct refusal on_mysql[] = {
		{"add_check: {table: t, check: \"stars < 6\"}",
		 "only by a copy of the whole table"},
	};
	(void)state;
	my_need(server);
	if (my_is_mariadb())
		expect_refusals(on_maria, LK_COUNT(on_maria));
	else
		expect_refusals(on_mysql, LK_COUNT(on_mysql));
}

static void two_operations_do_not_write_one_definition(void **state)
{
	(void)state;
	my_need(server);
	struct lk_session *session = my_session(server, "worker");
	struct lk_plan plan;
	struct lk_error error = {0};
	open_shop(session);
	assert_false(derive(session,
			    "set_default: {table: t, column: name, default: \"'x'\"}\n"
			    "  - set_not_null: {table: t, column: name}",
			    &plan, &error));
	assert_contains(error.text, "in one plan with");
	lk_plan_free(&plan);
	assert_true(derive(session,
			   "set_default: {table: t, column: name, default: \"'x'\"}\n"
			   "  - set_not_null: {table: t, column: stars}",
			   &plan, &error));
	lk_plan_free(&plan);
	lk_session_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rename_lets_the_new_release_in_behind_the_verify),
		cmocka_unit_test(rights_on_a_column_follow_it),
		cmocka_unit_test(who_may_not_give_rights_on_is_refused_with_the_grant),
		cmocka_unit_test(a_default_of_each_rows_own_comes_by_a_backfill),
		cmocka_unit_test(a_longer_text_is_a_matter_of_the_definition),
		cmocka_unit_test(what_cannot_be_carried_whole_is_refused_by_name),
		cmocka_unit_test(what_one_of_the_two_cannot_do_is_refused_there),
		cmocka_unit_test(two_operations_do_not_write_one_definition),
	};
	return my_run_tests(tests, setup, teardown);
}
