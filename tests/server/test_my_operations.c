/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The short form on MariaDB and MySQL, carried out: every operation forward, back to the last word of SHOW CREATE
 * TABLE, and forward again.
 */
#include "tests/server/my_sessions.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/memory.h"
#include "tests/server/stepping.h"

static struct lk_test_my *server;

static int setup(void **state)
{
	(void)state;
	server = lk_test_my_start(NULL);
	if (server)
		my_numbers(server, "numbers", 300);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

static const char *const shop[] = {
	"SET foreign_key_checks = 0",
	"DROP TABLE IF EXISTS t, u, renamed",
	"SET foreign_key_checks = 1",
	"DROP USER IF EXISTS clerk@localhost, reader@localhost",
	"CREATE USER clerk@localhost, reader@localhost",
	"CREATE TABLE u (id bigint PRIMARY KEY, tag varchar(20) UNIQUE, f int, UNIQUE KEY u_f (f))",
	"INSERT INTO u SELECT n, concat('u', n), n FROM numbers WHERE n <= 30",
	"CREATE TABLE t (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(40) COLLATE utf8mb4_bin,"
	" email varchar(60) NOT NULL COMMENT 'it''s', amount bigint NOT NULL DEFAULT 0, u_id bigint,"
	" code int, stars int, made datetime NOT NULL DEFAULT CURRENT_TIMESTAMP, KEY t_amount_idx (amount),"
	" UNIQUE KEY t_code_key (code), UNIQUE KEY t_email_key (email), KEY t_name_idx (name DESC, id),"
	" CONSTRAINT t_u_id_fkey FOREIGN KEY (u_id) REFERENCES u (id) ON DELETE CASCADE)",
	"INSERT INTO t (name, email, amount, u_id, code, stars) SELECT IF(n % 7 > 0, concat('n', n), NULL),"
	" concat('e', n), n * 100 + 5, n % 30 + 1, n, n % 5 + 1 FROM numbers",
	"ALTER TABLE t ADD CONSTRAINT t_code_check CHECK (code > 0)",
	"GRANT SELECT, UPDATE ON t TO clerk@localhost",
	"GRANT SELECT (name, stars) ON t TO reader@localhost",
	NULL};

struct operation {
	const char *yaml;     /* one operation */
	const char *expected; /* in SHOW CREATE TABLE at the end; several, divided by newlines */
	const char *gone;     /* not there at the end; NULL nothing */
	const char *check;    /* a query that must yield "0" at the end; NULL none */
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * SHOW CREATE TABLE with its lines sorted: an index that was dropped and built again stands behind the others. The
 * next AUTO_INCREMENT is no part of what a step changes.
 */
static char *catalog(struct lk_session *session, const char *table)
{
	struct lk_result r;
	struct lk_error error;
	struct lk_buffer out = {0};
	char *lines[64], *at;
	size_t count = 0;
	char *sql = lk_format("SHOW CREATE TABLE %s", table);
	if (!lk_query(session, &r, &error, sql, 0, NULL))
		fail_msg("%s: %s", sql, error.text);
	char *text = lk_strdup(lk_cell_text(&r, 0, 1));
	for (char *line = strtok_r(text, "\n", &at); line && count < 64;
	     line = strtok_r(NULL, "\n", &at)) {
		if (line[strlen(line) - 1] == ',')
			line[strlen(line) - 1] = '\0';
		char *next = strstr(line, " AUTO_INCREMENT=");
		if (next)
			memmove(next, next + 16 + strspn(next + 16, "0123456789"),
				strlen(next + 16 + strspn(next + 16, "0123456789")) + 1);
		lines[count++] = line;
	}
	qsort(lines, count, sizeof lines[0], by_text);
	for (size_t i = 0; i < count; i++)
		lk_buffer_addf(&out, "%s\n", lines[i]);
	lk_result_free(&r);
	char *triggers = my_value(
		session, "SELECT group_concat(trigger_name) FROM information_schema.triggers"
			 " WHERE trigger_schema = 'test'");
	char *views =
		my_value(session, "SELECT group_concat(table_name) FROM information_schema.views"
				  " WHERE table_schema = 'test'");
	char *rights = my_value(
		session,
		"SELECT group_concat(concat(user, ' ', table_name, ' ', column_name, ' ', column_priv)"
		" ORDER BY 1) FROM mysql.columns_priv WHERE user = 'reader'");
	lk_buffer_addf(&out, "triggers %s views %s rights %s\n", triggers, views, rights);
	free(rights);
	free(views);
	free(triggers);
	free(text);
	free(sql);
	return lk_buffer_take(&out);
}

static void expect_lines(const char *text, const char *lines, bool there)
{
	char *copy = lk_strdup(lines ? lines : ""), *at;
	for (char *line = strtok_r(copy, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
		if ((strstr(text, line) != NULL) != there)
			fail_msg("\"%s\" is %s\n%s", line, there ? "not in" : "in", text);
	free(copy);
}

/* What an irreversible step has done is not taken back: a run goes back from in front of the first. */
static const char *last_way_back(const struct lk_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (lk_step_irreversible(&plan->steps[i]))
			return plan->steps[i].name;
	return NULL;
}

static void there_and_back(struct lk_session *session, const struct operation *o)
{
	struct lk_test_steps steps;
	char *uri = lk_test_my_uri(server, "root", NULL);
	char *yaml = lk_format("plan: p\nreleases: {old: '41', new: '42'}\noperations:\n  - %s\n",
			       o->yaml);
	my_must(session, "DROP VIEW IF EXISTS t, renamed, renamed_lk_view, renamed_lk_back");
	for (const char *const *sql = shop; *sql; sql++)
		my_must(session, *sql);
	char *before = catalog(session, "t");

	lk_test_steps_open_uri(&steps, uri, yaml);
	const char *last = last_way_back(&steps.plan);
	lk_test_steps_until(&steps, last);
	lk_test_steps_back(&steps, last);
	char *back = catalog(session, "t");
	if (strcmp(back, before) != 0)
		fail_msg("%s\nand back yields\n%s\nand not\n%s", o->yaml, back, before);
	lk_test_steps_close(&steps);

	lk_test_steps_open_uri(&steps, uri, yaml);
	lk_test_steps_until(&steps, NULL);
	lk_test_steps_close(&steps);
	bool renamed = strstr(o->yaml, "rename_table") != NULL;
	char *after = catalog(session, renamed ? "renamed" : "t");
	expect_lines(after, o->expected, true);
	expect_lines(after, o->gone, false);
	if (o->check)
		my_expect(session, o->check, "0");
	free(after);
	free(back);
	free(before);
	free(yaml);
	free(uri);
}

static void all(const struct operation *operations, size_t count)
{
	my_need(server);
	struct lk_session *session = my_session(server, "worker");
	for (size_t i = 0; i < count; i++)
		there_and_back(session, &operations[i]);
	my_must(session, "DROP VIEW IF EXISTS t");
	lk_session_close(session);
}

static void columns_go_there_and_back_and_there(void **state)
{
	static const struct operation operations[] = {
		{"add_column: {table: t, column: c, type: varchar(9), default: \"'x'\", not_null: true}",
		 "`c` varchar(9)", NULL, "SELECT count(*) FROM t WHERE NOT (c <=> 'x')"},
		{"add_column: {table: t, column: c, type: char(36), default: \"uuid()\", not_null: true}",
		 "`c` char(36)", NULL, "SELECT 300 - count(DISTINCT c) FROM t"},
		{"add_column: {table: t, column: c, type: text, default: \"'x'\", not_null: true}",
		 "`c` text", NULL, "SELECT count(*) FROM t WHERE NOT (c <=> 'x')"},
		{"add_column: {table: t, column: c, type: \"decimal(9,2)\"}", "`c` decimal(9,2)",
		 NULL, NULL},
		{"drop_column: {table: t, column: name}", "`email`", "`name`\nt_name_idx", NULL},
		{"drop_column: {table: t, column: email}", NULL, "`email`", NULL},
		{"set_not_null: {table: t, column: name, fill: \"'nobody'\"}", "`name` varchar(40)",
		 NULL, "SELECT count(*) - 42 FROM t WHERE name = 'nobody'"},
		{"drop_not_null: {table: t, column: email}", "COMMENT 'it''s'", NULL, NULL},
		{"set_default: {table: t, column: amount, default: \"7\"}", "`amount` bigint", NULL,
		 NULL},
		{"set_default: {table: t, column: amount, default: \"NULL\"}", "`amount` bigint",
		 "DEFAULT 0\nDEFAULT '0'", NULL},
		{"set_default: {table: t, column: name, default: \"'it''s'\"}", "DEFAULT 'it''s'",
		 NULL, NULL},
	};
	(void)state;
	all(operations, LK_COUNT(operations));
}

static void second_columns_go_there_and_back_and_there(void **state)
{
	static const struct operation operations[] = {
		{"rename_column: {table: t, from: amount, to: total}", "`total`\nt_total_idx",
		 "`amount`\nt_amount_idx", "SELECT count(*) FROM t WHERE total <> id * 100 + 5"},
		{"rename_column: {table: t, from: name, to: nom}",
		 "`nom` varchar(40)\nt_nom_idx\nreader t nom Select", "`name`\nt name Select",
		 "SELECT count(*) FROM t WHERE NOT (nom <=> IF(id % 7 > 0, concat('n', id), NULL))"},
		{"rename_column: {table: t, from: email, to: mail}",
		 "`mail` varchar(60)\nCOMMENT 'it''s'\nt_mail_key", "`email`",
		 "SELECT count(*) FROM t WHERE mail <> concat('e', id)"},
		{"rename_column: {table: t, from: u_id, to: user_id}",
		 "CONSTRAINT `t_user_id_fkey` FOREIGN KEY (`user_id`)", "`u_id`", NULL},
		{"change_type: {table: t, column: amount, type: \"decimal(14,2)\", using: \"amount / 100.0\", "
		 "back: \"round(amount_new * 100)\"}",
		 "`amount` decimal(14,2)\nt_amount_idx", "amount_new",
		 "SELECT count(*) FROM t WHERE amount <> id + 0.05"},
		{"change_type: {table: t, column: stars, type: bigint, to: points}",
		 "`points` bigint", "`stars`", "SELECT count(*) FROM t WHERE points <> id % 5 + 1"},
	};
	(void)state;
	all(operations, LK_COUNT(operations));
}

static void indexes_and_constraints_go_there_and_back_and_there(void **state)
{
	static const struct operation operations[] = {
		{"add_index: {table: t, columns: [email, \"amount DESC\"], include: [code]}",
		 "(`email`,`amount` DESC,`code`)", NULL, NULL},
		{"add_index: {table: t, columns: [made, id], unique: true, name: t_made_idx}",
		 "UNIQUE KEY `t_made_idx`", NULL, NULL},
		{"drop_index: {index: t_amount_idx}", NULL, "t_amount_idx", NULL},
		{"drop_index: {index: t.t_code_key}", NULL, "t_code_key", NULL},
		{"add_unique: {table: t, columns: [amount], name: t_amount_key}",
		 "UNIQUE KEY `t_amount_key`", NULL, NULL},
		{"add_foreign_key: {table: t, columns: [stars], references: u, referenced: [f], name: t_f}",
		 "CONSTRAINT `t_f`\nt_stars_idx", NULL, NULL},
		{"drop_constraint: {table: t, constraint: t_u_id_fkey}", NULL,
		 "CONSTRAINT `t_u_id_fkey`", NULL},
		{"drop_constraint: {table: t, constraint: t_code_key}", NULL, "t_code_key", NULL},
		{"drop_constraint: {table: t, constraint: t_code_check}", NULL, "t_code_check",
		 NULL},
	};
	static const struct operation on_maria[] = {
		{"add_check: {table: t, check: \"stars BETWEEN 1 AND 5\", name: t_stars_check}",
		 "`stars` int(11) DEFAULT NULL CHECK (`stars` between 1 and 5)", NULL, NULL},
	};
	(void)state;
	all(operations, LK_COUNT(operations));
	if (my_is_mariadb())
		all(on_maria, LK_COUNT(on_maria));
}

static void a_renamed_table_goes_there_and_back_and_there(void **state)
{
	static const struct operation operations[] = {
		{"rename_table: {table: t, to: renamed}",
		 "`email`\nviews NULL\nreader renamed name Select\nreader renamed stars Select",
		 NULL, NULL},
	};
	(void)state;
	all(operations, LK_COUNT(operations));
}

/* An application that knows the old name only. */
struct writer {
	pthread_t thread;
	atomic_bool stop;
	uint64_t done, failed;
	char first[200]; /* what the first failed one said */
	struct lk_session *session;
};

/*
 * A transaction that meets the RENAME's exclusive lock between its reading and its writing can be told to try again
 * (1213), as it can by any other; what may not happen is that it finds nothing, or half of it.
 */
static void *write_on(void *argument)
{
	enum { DEADLOCK = 1213 };
	static const char *const statements[] = {
		"INSERT INTO t (name, email, amount) VALUES ('w', uuid(), 1)",
		"UPDATE t SET amount = amount + 1 WHERE id = last_insert_id()",
		"BEGIN",
		"SELECT count(*) FROM t WHERE amount = 105",
		"UPDATE t SET name = 'x' WHERE id = 7",
		"COMMIT",
		"DELETE FROM t WHERE id = last_insert_id()",
	};
	struct writer *w = argument;
	for (size_t i = 0; !atomic_load(&w->stop); i++) {
		struct lk_error error = {0};
		struct lk_result r;
		const char *sql = statements[i % LK_COUNT(statements)];
		bool good = lk_query(w->session, &r, &error, sql, 0, NULL);
		if (good)
			lk_result_free(&r);
		else if (error.number == DEADLOCK)
			lk_rollback(w->session);
		else if (w->failed++ == 0)
			snprintf(w->first, sizeof w->first, "%.80s: %.100s", sql, error.text);
		w->done += good;
	}
	return NULL;
}

/* The RENAME stands in nobody's way for a moment in which there is nothing of the old name, either way. */
static void writers_do_not_notice_a_renamed_table(void **state)
{
	enum { WRITERS = 3, ROUNDS = 5 };
	struct writer writers[WRITERS] = {0};
	struct lk_test_steps steps;
	(void)state;
	my_need(server);
	struct lk_session *session = my_session(server, "other");
	char *uri = lk_test_my_uri(server, "root", NULL);
	my_must(session, "DROP VIEW IF EXISTS t, renamed, renamed_lk_view, renamed_lk_back");
	for (const char *const *sql = shop; *sql; sql++)
		my_must(session, *sql);
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i].session = my_session(server, "writer");
		assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]),
				 0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		lk_test_steps_open_uri(
			&steps, uri,
			"plan: p\noperations:\n  - rename_table: {table: t, to: renamed}\n");
		const char *last = steps.plan.steps[steps.plan.step_count - 1].name;
		lk_test_steps_until(&steps, last);
		my_expect(session,
			  "SELECT table_type FROM information_schema.tables"
			  " WHERE table_schema = 'test' AND table_name = 't'",
			  "VIEW");
		lk_test_steps_back(&steps, last);
		lk_test_steps_close(&steps);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		atomic_store(&writers[i].stop, true);
		pthread_join(writers[i].thread, NULL);
		lk_session_close(writers[i].session);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		if (writers[i].failed > 0)
			fail_msg("%llu of %llu: %s", (unsigned long long)writers[i].failed,
				 (unsigned long long)writers[i].done, writers[i].first);
		assert_true(writers[i].done > 50);
	}
	free(uri);
	lk_session_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_go_there_and_back_and_there),
		cmocka_unit_test(second_columns_go_there_and_back_and_there),
		cmocka_unit_test(indexes_and_constraints_go_there_and_back_and_there),
		cmocka_unit_test(a_renamed_table_goes_there_and_back_and_there),
		cmocka_unit_test(writers_do_not_notice_a_renamed_table),
	};
	return my_run_tests(tests, setup, teardown);
}
