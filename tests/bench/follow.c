/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "keeper/spawn.h"

#define JOIN_LIMIT_US 180000000
#define ANSWER_GAP_US 300000
#define END_LIMIT_US 30000000

static void take_snapshot(void *context, const json_t *object)
{
	struct lk_bench_run *run = context;
	lk_snapshot_decode(object, run->snapshot);
	run->seen++;
}

static void take_event(void *context, const struct lk_event *event)
{
	(void)context;
	if (strcmp(event->kind, "error") == 0)
		lk_bench_say("the keeper says: %s", event->text);
}

static void take_reply(void *context, int id, bool ok, const char *text)
{
	(void)context;
	(void)id;
	if (!ok && !strstr(text, "try again"))
		lk_bench_say("the keeper refused: %s", text);
}

static bool open_socket(struct lk_bench_run *run)
{
	struct lk_error error;
	char **paths;
	size_t count;
	lk_bench_must(lk_keeper_list(&paths, &count, &error), &error);
	if (count > 0) {
		LK_COPY(run->socket, paths[0]);
		run->client = lk_client_open(paths[0], &error);
	}
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
	return run->client != NULL;
}

void lk_bench_run_join(struct lk_bench_run *run, bool operate)
{
	struct lk_error error;
	char host[64] = "";
	int64_t until = lk_clock_us() + JOIN_LIMIT_US;
	memset(run, 0, sizeof *run);
	run->snapshot = lk_alloc(sizeof *run->snapshot);
	while (!open_socket(run)) {
		if (lk_clock_us() > until)
			lk_bench_must(lk_fail(&error, LK_ERROR_SYSTEM, "no keeper came"), &error);
		lk_sleep_ms(20);
	}
	gethostname(host, sizeof host - 1);
	lk_client_send(
		run->client, "attach",
		json_pack("{s:s, s:s}", "role", operate ? "operate" : "watch", "host", host));
	/* The answers to gates are the business of whoever operates the run. */
	run->answered_us = operate ? 0 : INT64_MAX;
}

void lk_bench_run_begin(const struct lk_bench *bench, const char *plan, const char *uri,
			struct lk_bench_run *run)
{
	/* Without --yes it stops before the first gate, and the keeper stays. */
	const char *const arguments[] = {"run",	       plan,	 "--target", uri,
					 "--headless", "--json", NULL};
	struct lk_error error;
	int output;
	pid_t pid = lk_bench_start(bench, arguments, &output);
	char bytes[4096];
	while (read(output, bytes, sizeof bytes) > 0)
		;
	close(output);
	int status = lk_bench_status(pid);
	if (status != 3)
		lk_bench_must(
			lk_fail(&error, LK_ERROR_SYSTEM, "lockkeeper run ended with %d", status),
			&error);
	lk_bench_run_join(run, true);
}

static void answer(struct lk_bench_run *run)
{
	const struct lk_snapshot *s = run->snapshot;
	if (run->answered_us > lk_clock_us() - ANSWER_GAP_US || s->step < 0 ||
	    s->step >= s->steps_count ||
	    (strcmp(s->state, "pending") != 0 && strcmp(s->state, "waiting") != 0))
		return;
	const struct lk_snapshot_step *gate = &s->steps[s->step];
	if (strcmp(gate->verb, "gate") != 0 || strcmp(gate->by, "person") != 0)
		return;
	lk_client_send(run->client, "confirm",
		       json_pack("{s:s, s:s}", "gate", gate->name, "answer", "yes"));
	run->answered_us = lk_clock_us();
}

bool lk_bench_run_pump(struct lk_bench_run *run, int milliseconds)
{
	static const struct lk_client_handler handler = {take_snapshot, take_event, take_reply};
	struct lk_error error;
	struct pollfd fd = {lk_client_fd(run->client), POLLIN, 0};
	if (lk_client_wants_write(run->client))
		fd.events |= POLLOUT;
	poll(&fd, 1, milliseconds);
	if (!lk_client_pump(run->client, &handler, run, &error))
		return false;
	answer(run);
	return true;
}

void lk_bench_run_send(struct lk_bench_run *run, const char *verb)
{
	lk_client_send(run->client, verb, NULL);
}

void lk_bench_run_until_done(struct lk_bench_run *run)
{
	struct lk_error error;
	const struct lk_snapshot *s = run->snapshot;
	while (strcmp(s->state, "done") != 0) {
		if (!lk_bench_run_pump(run, 1000))
			lk_bench_must(lk_fail(&error, LK_ERROR_LOST, "the keeper has gone"),
				      &error);
		if (strcmp(s->state, "stopped") == 0)
			lk_bench_must(lk_fail(&error, LK_ERROR_STATEMENT, "the run stopped: %s",
					      s->reason),
				      &error);
	}
}

void lk_bench_run_end(struct lk_bench_run *run)
{
	struct lk_error error;
	int pid = run->snapshot->pid;
	int64_t until = lk_clock_us() + END_LIMIT_US;
	lk_client_close(run->client);
	/* A keeper with nothing left to do waits a while for another console: there is none. */
	kill(pid, SIGTERM);
	while (kill(pid, 0) == 0 || errno != ESRCH) {
		if (lk_clock_us() > until)
			lk_bench_must(
				lk_fail(&error, LK_ERROR_SYSTEM, "keeper %d does not end", pid),
				&error);
		lk_sleep_ms(10);
	}
	free(run->snapshot);
	memset(run, 0, sizeof *run);
}
