/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/control/my_stage.h"

#include <mysql.h>
#include <pthread.h>
#include <stdatomic.h>

enum { WRITERS = 2 };

struct writer {
	struct my_load *load;
	MYSQL *mysql;
	pthread_t thread;
	unsigned seed;
	int64_t done, errors;
	char first_error[300];
};

struct my_load {
	char table[64], column[64];
	atomic_bool stop;
	int64_t rows;
	struct writer writers[WRITERS];
};

void my_stage_open(struct my_stage *stage, const char *const *options)
{
	my_stage_open_on(stage, lk_test_my_start(options));
}

void my_stage_open_on(struct my_stage *stage, struct lk_test_my *server)
{
	memset(stage, 0, sizeof *stage);
	stage->server = server;
	if (!server)
		return;
	char *uri = lk_test_my_uri(stage->server, "root", NULL);
	lk_stage_open_at(&stage->stage, uri);
	free(uri);
}

void my_stage_close(struct my_stage *stage)
{
	if (stage->server)
		lk_stage_close(&stage->stage);
	lk_test_my_stop(stage->server);
}

__attribute__((format(printf, 1, 0))) static char *text_of(const char *format, va_list list)
{
	char sql[8000];
	vsnprintf(sql, sizeof sql, format, list);
	return lk_strdup(sql);
}

void my_await_sql(const struct my_stage *stage, int seconds, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	char *sql = text_of(format, list);
	va_end(list);
	if (!lk_test_my_wait(stage->server, sql, seconds))
		fail_msg("not true within %d s: %s", seconds, sql);
	free(sql);
}

void my_sql(const struct my_stage *stage, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	char *sql = text_of(format, list);
	va_end(list);
	lk_test_my_sql(stage->server, sql);
	free(sql);
}

int64_t my_number(const struct my_stage *stage, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	char *sql = text_of(format, list);
	va_end(list);
	int64_t number = lk_test_my_number(stage->server, sql);
	free(sql);
	return number;
}

void my_users_make(const struct my_stage *stage, const char *table, int rows)
{
	char numbers[80];
	snprintf(numbers, sizeof numbers, "%s_numbers", table);
	my_numbers(stage->server, numbers, rows);
	my_sql(stage,
	       "CREATE TABLE %s (id BIGINT AUTO_INCREMENT PRIMARY KEY,"
	       " username VARCHAR(40) NOT NULL DEFAULT 'nobody', note TEXT,"
	       " KEY %s_username_idx (username)) ENGINE=InnoDB;"
	       "INSERT INTO %s (id, username, note) SELECT n, CONCAT('user ', n), REPEAT('x', 20)"
	       " FROM %s;"
	       "CREATE TABLE %s_ledger (id BIGINT PRIMARY KEY, value VARCHAR(40)) ENGINE=InnoDB;"
	       "INSERT INTO %s_ledger SELECT id, username FROM %s; DROP TABLE %s",
	       table, table, table, numbers, table, table, table, numbers);
}

void my_users_compare(const struct my_stage *stage, const char *table, const char *column)
{
	int64_t wrong = my_number(stage,
				  "SELECT COUNT(*) FROM %s t LEFT JOIN %s_ledger l USING (id)"
				  " WHERE l.id IS NULL OR NOT (BINARY t.%s <=> BINARY l.value)",
				  table, table, column);
	int64_t missing = my_number(stage,
				    "SELECT COUNT(*) FROM %s_ledger l LEFT JOIN %s t USING (id)"
				    " WHERE t.id IS NULL",
				    table, table);
	if (wrong || missing)
		fail_msg("%s.%s: %lld rows differ from what was written, %lld are missing", table,
			 column, (long long)wrong, (long long)missing);
}

char *my_schema_of(const struct my_stage *stage, const char *table)
{
	char *sql = lk_format(
		"SELECT CONCAT((SELECT GROUP_CONCAT(CONCAT_WS(' ', column_name, column_type, is_nullable,"
		" column_default) ORDER BY ordinal_position) FROM information_schema.columns"
		" WHERE table_schema = 'test' AND table_name = '%s'), '; ',"
		" (SELECT GROUP_CONCAT(CONCAT_WS(' ', index_name, seq_in_index, column_name) ORDER BY"
		" index_name, seq_in_index) FROM information_schema.statistics"
		" WHERE table_schema = 'test' AND table_name = '%s'), '; ',"
		" (SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = 'test'"
		" AND event_object_table = '%s'))",
		table, table, table);
	char *schema = lk_test_my_value(stage->server, sql);
	free(sql);
	return schema;
}

static bool run(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool run(struct writer *w, const char *format, ...)
{
	char sql[600];
	va_list list;
	va_start(list, format);
	vsnprintf(sql, sizeof sql, format, list);
	va_end(list);
	if (mysql_query(w->mysql, sql) == 0)
		return true;
	if (w->errors++ == 0)
		snprintf(w->first_error, sizeof w->first_error, "%d %.100s: %.100s",
			 mysql_errno(w->mysql), mysql_error(w->mysql), sql);
	return false;
}

static bool update(struct writer *w, int64_t id, const char *value)
{
	const struct my_load *l = w->load;
	return run(w, "UPDATE %s SET %s = '%s' WHERE id = %lld", l->table, l->column, value,
		   (long long)id) &&
	       (mysql_affected_rows(w->mysql) == 0 ||
		run(w, "UPDATE %s_ledger SET value = '%s' WHERE id = %lld", l->table, value,
		    (long long)id));
}

static bool insert(struct writer *w, const char *value)
{
	const struct my_load *l = w->load;
	return run(w, "INSERT INTO %s (%s) VALUES ('%s')", l->table, l->column, value) &&
	       run(w, "INSERT INTO %s_ledger VALUES (%llu, '%s')", l->table,
		   (unsigned long long)mysql_insert_id(w->mysql), value);
}

static bool delete_row(struct writer *w, int64_t id)
{
	const struct my_load *l = w->load;
	return run(w, "DELETE FROM %s WHERE id = %lld", l->table, (long long)id) &&
	       run(w, "DELETE FROM %s_ledger WHERE id = %lld", l->table, (long long)id);
}

/* Each changes one row, so that two of them never wait for each other in a ring. */
static void *write_rows(void *argument)
{
	struct writer *w = argument;
	while (!atomic_load(&w->load->stop) && w->errors < 20) {
		char value[40];
		int64_t id = 1 + rand_r(&w->seed) % w->load->rows;
		int dice = rand_r(&w->seed) % 100;
		snprintf(value, sizeof value, "w%d", rand_r(&w->seed));
		bool good = run(w, "START TRANSACTION");
		if (good)
			good = dice < 60   ? update(w, id, value)
			       : dice < 85 ? insert(w, value)
					   : delete_row(w, id);
		if (good && run(w, "COMMIT"))
			w->done++;
		else
			mysql_query(w->mysql, "ROLLBACK");
		lk_sleep_ms(3);
	}
	mysql_thread_end();
	return NULL;
}

struct my_load *my_load_start(const struct my_stage *stage, const char *table, const char *column)
{
	struct my_load *load = lk_alloc(sizeof *load);
	LK_COPY(load->table, table);
	LK_COPY(load->column, column);
	load->rows = my_number(stage, "SELECT MAX(id) FROM %s", table);
	for (int i = 0; i < WRITERS; i++) {
		struct writer *w = &load->writers[i];
		w->load = load;
		w->seed = 4711u + (unsigned)i;
		w->mysql = lk_test_my_connect(stage->server);
		mysql_query(w->mysql, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
		assert_int_equal(pthread_create(&w->thread, NULL, write_rows, w), 0);
	}
	return load;
}

void my_load_end(struct my_load *load)
{
	int64_t done = 0, errors = 0;
	char first[300] = "";
	atomic_store(&load->stop, true);
	for (int i = 0; i < WRITERS; i++) {
		struct writer *w = &load->writers[i];
		pthread_join(w->thread, NULL);
		mysql_close(w->mysql);
		done += w->done;
		errors += w->errors;
		if (w->errors)
			LK_COPY(first, w->first_error);
	}
	free(load);
	if (errors || !done)
		fail_msg("the application had %lld errors in %lld transactions: %s",
			 (long long)errors, (long long)done, first);
}

void my_await_let_go(const struct my_stage *stage, const char *plan)
{
	my_await_sql(stage, 20,
		     "SELECT COUNT(*) = 0 FROM lockkeeper.run WHERE plan = '%s'"
		     " AND IS_USED_LOCK(CONCAT('lockkeeper.hold:', name)) IS NOT NULL",
		     plan);
}

void my_await_step(const struct my_stage *stage, const char *plan, const char *verb,
		   const char *state)
{
	my_await_sql(
		stage, 60,
		"SELECT s.state = '%s' FROM lockkeeper.step s JOIN lockkeeper.run r"
		" ON r.name = s.run WHERE r.plan = '%s' AND s.verb = '%s' ORDER BY s.number LIMIT 1",
		state, plan, verb);
}
