/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole walk with the real program, a real server and a real load, at 80x24, as a person takes it:
 * pause and its proof, the console killed and attached again, the keeper killed and the run taken up from
 * another folder, rollback, a second start, and the end.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "db/session.h"
#include "tests/screen/harness.h"
#include "tests/server/processes.h"

/* For a machine that has other work: all of it takes half a minute on one that has none. */
#define PATIENCE_S 240

struct walk {
	struct keeper *first, *second; /* only for their folders, as XDG_STATE_HOME */
	char *program, *plan, uri[400];
	struct screen *screen;
	pid_t keeper;
};

static void must_show(struct walk *w, const char *text)
{
	int64_t until = lk_clock_us() + PATIENCE_S * 1000000LL;
	while (!screen_has(w->screen, text) && lk_clock_us() < until && !w->screen->ended)
		screen_pump(w->screen, 20);
	if (screen_has(w->screen, text))
		return;
	screen_dump(w->screen);
	fail_msg("the screen never showed \"%s\"", text);
}

static void start(struct walk *w, struct keeper *home, const char *const arguments[8])
{
	struct screen_options options = {.rows = 24, .columns = 80, .program = w->program};
	for (size_t i = 0; i < LK_COUNT(options.arguments) && arguments[i]; i++)
		options.arguments[i] = arguments[i];
	w->screen = screen_start(home, &options);
}

static void key(struct walk *w, const char *bytes)
{
	screen_keys(w->screen, bytes, strlen(bytes));
}

/* Opens a question, types the value that the screen shows, and answers with it. */
static void answer(struct walk *w, const char *opener)
{
	char value[100] = "";
	key(w, opener);
	must_show(w, "Type  ");
	screen_settle(w->screen);
	for (int row = 0; row < 24; row++) {
		const char *at = strstr(screen_row(w->screen, row), "Type  ");
		const char *end = at ? strstr(at, "  then Enter") : NULL;
		if (end)
			snprintf(value, sizeof value, "%.*s", (int)(end - at - 6), at + 6);
	}
	assert_true(value[0]);
	/* The question listens once it has stood for 400 ms. */
	int64_t until = lk_clock_us() + 500000;
	while (lk_clock_us() < until)
		screen_pump(w->screen, 20);
	screen_type(w->screen, value);
	key(w, "\r");
	assert_true(screen_wait_gone(w->screen, "Type  "));
}

static void pass_gate(struct walk *w, const char *gate)
{
	char shown[80];
	snprintf(shown, sizeof shown, "gate:%s", gate);
	must_show(w, shown);
	answer(w, "g");
}

/* The keeper's process and its target, from the process table: what `ps` would show a person. */
static void find_keeper(struct walk *w)
{
	char command[400], line[1200] = "";
	snprintf(
		command, sizeof command,
		"XDG_STATE_HOME=%s %s status --json | tr ',' '\\n' | sed -n 's/^\"pid\":\\([0-9]*\\)$/\\1/p' | head -n 1",
		w->first->folder, w->program);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(line, sizeof line, pipe));
	pclose(pipe);
	w->keeper = (pid_t)atoi(line);
	assert_true(w->keeper > 1);
	char *path = lk_format("/proc/%d/cmdline", (int)w->keeper);
	FILE *file = fopen(path, "r");
	size_t n = fread(line, 1, sizeof line - 1, file);
	fclose(file);
	free(path);
	for (size_t i = 0; i < n; i += strlen(line + i) + 1)
		if (strcmp(line + i, "--target") == 0)
			LK_COPY(w->uri, line + i + strlen(line + i) + 1);
	assert_true(w->uri[0]);
}

static int64_t number(struct walk *w, const char *sql)
{
	struct lk_error error;
	struct lk_result r;
	struct lk_session *session = lk_session_open(w->uri, "test", "walk", &error);
	assert_non_null(session);
	assert_true(lk_query(session, &r, &error, sql, 0, NULL));
	int64_t value = r.rows ? lk_cell_int(&r, 0, 0) : -1;
	lk_result_free(&r);
	lk_session_close(session);
	return value;
}

static void begin_and_pause(struct walk *w)
{
	start(w, w->first,
	      (const char *const[8]){"sandbox", "--rows", "250000", "--plan", w->plan});
	must_show(w, "PLANS");
	must_show(w, "add-check");
	key(w, "/");
	key(w, "rename-username\r");
	must_show(w, "3, filtered");
	/* The short form stands behind the long ones. */
	key(w, "j");
	key(w, "j");
	must_show(w, "does  rename users.username to user_handle");
	key(w, "\r");
	must_show(w, "begin expand");
	answer(w, "g");
	pass_gate(w, "migrate");
	pass_gate(w, "release-42");
	must_show(w, "| RUN |");
	key(w, "2");
	must_show(w, "chunks");
	key(w, " ");
	must_show(w, "STOP CONFIRMED");
	must_show(w, "open transactions of ours: 0    locks held by us: 0");
	find_keeper(w);
	assert_int_equal(number(w, "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
				   " WHERE application_name LIKE 'lockkeeper:%:worker'"),
			 0);
}

static void kill_console_and_come_back(struct walk *w)
{
	kill(w->screen->pid, SIGKILL);
	while (!w->screen->ended)
		screen_pump(w->screen, 10);
	screen_stop(w->screen);
	assert_int_equal(kill(w->keeper, 0), 0);
	start(w, w->first, (const char *const[8]){"attach"});
	must_show(w, "*PAUSED*");
	key(w, "r");
	must_show(w, "Press R");
	int64_t until = lk_clock_us() + 500000;
	while (lk_clock_us() < until)
		screen_pump(w->screen, 20);
	key(w, "R");
	assert_true(screen_wait_gone(w->screen, "*PAUSED*"));
}

static void kill_keeper_and_take_up(struct walk *w)
{
	kill(w->keeper, SIGKILL);
	waitpid(w->keeper, NULL, 0);
	must_show(w, "*LOST*");
	screen_stop(w->screen);
	start(w, w->second, (const char *const[8]){"run", w->plan, "--target", w->uri});
	must_show(w, "gate:contract");
	assert_true(number(w, "SELECT rows_done FROM lockkeeper.cursor") >= 250000);
}

static void roll_back(struct walk *w)
{
	key(w, "a");
	must_show(w, "ACTIONS");
	key(w, "j");
	key(w, "j");
	key(w, "j");
	screen_settle(w->screen);
	answer(w, "\r");
	/* On the way back the new release must be gone first; the sandbox withdraws it by itself. */
	pass_gate(w, "release-42");
	must_show(w, "UNDONE");
	assert_int_equal(
		number(w,
		       "SELECT count(*) FROM information_schema.columns WHERE table_name = 'users'"
		       " AND column_name = 'user_handle'"),
		0);
	assert_int_equal(number(w,
				"SELECT count(*) FROM pg_trigger WHERE tgrelid = 'users'::regclass"
				" AND NOT tgisinternal"),
			 0);
	screen_stop(w->screen);
}

static void start_again_to_the_end(struct walk *w)
{
	start(w, w->second, (const char *const[8]){"run", w->plan, "--target", w->uri});
	must_show(w, "begin expand");
	answer(w, "g");
	pass_gate(w, "migrate");
	pass_gate(w, "release-42");
	pass_gate(w, "contract");
	pass_gate(w, "release-41-gone");
	must_show(w, "| DONE |");
	assert_int_equal(
		number(w,
		       "SELECT count(*) FROM information_schema.columns WHERE table_name = 'users'"
		       " AND column_name = 'username'"),
		0);
	assert_int_equal(
		number(w, "SELECT count(*) FROM lockkeeper.run WHERE state IN ('done', 'undone')"),
		2);
	screen_stop(w->screen);
}

/* The sandbox's application, from its own figures beside its server. */
static void no_release_saw_an_error(struct walk *w)
{
	struct lk_error error;
	char folder[300] = "";
	const char *host = strstr(w->uri, "host=");
	assert_non_null(host);
	snprintf(folder, sizeof folder, "%.*s", (int)strcspn(host + 5, "&"), host + 5);
	*strrchr(folder, '/') = '\0';
	char *path = lk_path_join(folder, "application.json");
	char *figures = lk_path_read(path, 65536, NULL, &error);
	assert_non_null(figures);
	assert_non_null(strstr(figures, "\"errors\":0,"));
	free(figures);
	free(path);
}

/* It would end by itself a minute after the last console. Its process is the parent of its server's. */
static void end_sandbox(struct walk *w)
{
	char command[500];
	const char *host = strstr(w->uri, "host=/") + 5;
	snprintf(command, sizeof command,
		 "kill $(ps -o ppid= -p $(head -n 1 '%.*s/primary/postmaster.pid'))",
		 (int)strcspn(host, "&"), host);
	assert_int_equal(system(command), 0);
}

static void the_whole_walk(void **state)
{
	struct walk w = {.first = keeper_start(), .second = keeper_start()};
	const char *source = getenv("srcdir");
	const char *program = getenv("LOCKKEEPER");
	(void)state;
	w.program = realpath(program ? program : "./lockkeeper", NULL);
	char *plan = lk_format("%s/plans/rename-username.yaml", source ? source : ".");
	w.plan = realpath(plan, NULL);
	assert_non_null(w.program);
	assert_non_null(w.plan);
	begin_and_pause(&w);
	kill_console_and_come_back(&w);
	kill_keeper_and_take_up(&w);
	roll_back(&w);
	start_again_to_the_end(&w);
	no_release_saw_an_error(&w);
	end_sandbox(&w);
	free(plan);
	free(w.plan);
	free(w.program);
	keeper_stop(w.first);
	keeper_stop(w.second);
}

/* What is started here and left by what started it becomes ours. */
static int adopt(void **state)
{
	(void)state;
	return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* A walk that stops half way leaves a sandbox and a keeper at work in it, each of which keeps the other there. */
static int end_what_is_left(void **state)
{
	int64_t until = lk_clock_us() + 30000000;
	(void)state;
	for (bool left = true; left; lk_sleep_ms(50)) {
		int signal = lk_clock_us() < until ? SIGTERM : SIGKILL;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		struct lk_processes processes = lk_processes_below(getpid());
		left = processes.count > 0;
		for (size_t i = 0; i < processes.count; i++)
			kill(processes.pids[i], signal);
		free(processes.pids);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_whole_walk)};
	return cmocka_run_group_tests_name("walk", tests, adopt, end_what_is_left);
}
