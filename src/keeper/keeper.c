/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/keeper.h"

#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/safe_text.h"
#include "base/version.h"
#include "control/line.h"
#include "keeper/report.h"
#include "keeper/request.h"
#include "keeper/run.h"
#include "plan/file.h"

#define TICK_MS 250
#define QUEUE 1024
/* Without anybody watching: how long a run that changed nothing, or is over, keeps its process. */
#define IDLE_PENDING_US 30000000LL
#define IDLE_OVER_US 10000000LL
#define IDLE_SANDBOX_US 60000000LL
/* A console that has to tell its person why nothing began gets this long to come and ask. */
#define IDLE_FAILED_US 15000000LL

void lk_keeper_log(struct lk_keeper *k, const char *kind, const char *who, const char *format, ...)
{
	struct lk_event *event = &k->events[k->event_count % LK_KEEPER_EVENTS];
	va_list args;
	memset(event, 0, sizeof *event);
	event->number = ++k->event_count;
	event->at = lk_wall_ms();
	LK_COPY(event->kind, kind);
	LK_COPY(event->who, who);
	va_start(args, format);
	vsnprintf(event->text, sizeof event->text, format, args);
	va_end(args);

	char at[32], *safe = lk_safe_copy(event->text, 0);
	lk_wall_format(event->at, at, sizeof at);
	fprintf(stderr, "%s %-8s %s: %s\n", at, event->kind, event->who, safe);
	fflush(stderr);
	free(safe);
	if (k->machine.recorded)
		lk_journalist_event(&k->journalist, event);
	if (k->server) {
		char *line = lk_line_of("event", lk_event_encode(event));
		lk_server_broadcast(k->server, line, false);
		free(line);
	}
}

static void drain(struct lk_keeper *k)
{
	struct lk_message *message;
	bool any = false;
	while ((message = lk_queue_try_pop(k->shared.messages))) {
		bool urgent =
			message->kind != LK_MESSAGE_PROGRESS && message->kind != LK_MESSAGE_SAMPLE;
		lk_keeper_take_message(k, message);
		any = any || urgent;
	}
	lk_keeper_advance(k);
	if (any)
		lk_report_broadcast(k);
}

static void on_wake(uv_async_t *handle)
{
	drain(handle->data);
}

static void wake_main(void *context)
{
	uv_async_send(context);
}

/* A sandbox that has ended does not come back, and nobody needs its journal. */
static bool sandbox_has_gone(const struct lk_keeper *k)
{
	return k->options.environment && strcmp(k->options.environment, "SANDBOX") == 0 &&
	       k->sampled_us && lk_clock_us() - k->sampled_us > IDLE_SANDBOX_US;
}

static int64_t idle_allowance(const struct lk_keeper *k)
{
	if (sandbox_has_gone(k))
		return IDLE_OVER_US;
	if (k->failed_to_start || k->lost_run)
		return IDLE_FAILED_US;
	switch (lk_machine_state(&k->machine)) {
	case LK_RUN_DONE:
	case LK_RUN_UNDONE:
		return k->machine.finished ? IDLE_OVER_US : 0;
	case LK_RUN_PENDING:
		return IDLE_PENDING_US;
	default:
		return 0;
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct lk_keeper *k = timer->data;
	lk_keeper_advance(k);
	lk_report_broadcast(k);
	if (lk_server_followers(k->server) > 0)
		k->idle_since_us = 0;
	else if (k->idle_since_us == 0)
		k->idle_since_us = lk_clock_us();
	int64_t allowed = idle_allowance(k);
	if (allowed && k->idle_since_us && lk_clock_us() - k->idle_since_us > allowed)
		lk_keeper_close(k, k->failed_to_start ? 1 : 0);
}

static void on_second(uv_timer_t *timer)
{
	lk_keeper_second(timer->data);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct lk_keeper *k = handle->data;
	lk_keeper_log(k, "state", "keeper",
		      "signal %d: ending; the run stays in the journal and can be taken up again",
		      number);
	lk_keeper_close(k, 0);
}

void lk_keeper_close(struct lk_keeper *k, int exit_status)
{
	k->exit_status = exit_status;
	uv_stop(&k->loop);
}

static char *user_name(void)
{
	const struct passwd *user = getpwuid(geteuid());
	return user ? lk_strdup(user->pw_name) : lk_format("%u", (unsigned)geteuid());
}

/* The name is random so that two keepers that begin at once do not choose the same. */
static void make_run_name(struct lk_keeper *k, const char *plan)
{
	uint16_t noise = 0;
	FILE *random = fopen("/dev/urandom", "r");
	if (!random || fread(&noise, sizeof noise, 1, random) != 1)
		noise = (uint16_t)(lk_clock_us() ^ getpid());
	if (random)
		fclose(random);
	size_t length = 0;
	for (const char *p = plan; *p && length < 16; p++)
		if ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-')
			k->shared.run[length++] = *p;
		else if (*p >= 'A' && *p <= 'Z')
			k->shared.run[length++] = (char)(*p + 32);
	snprintf(k->shared.run + length, sizeof k->shared.run - length, "-%04x", noise);
}

static json_t *hello(const struct lk_keeper *k)
{
	json_t *object = json_object();
	json_object_set_new(object, "version", json_string(LK_VERSION));
	json_object_set_new(object, "protocol", json_integer(LK_PROTOCOL));
	json_object_set_new(object, "run", json_string(k->shared.run));
	return object;
}

static bool open_loop(struct lk_keeper *k, struct lk_error *error)
{
	uv_loop_init(&k->loop);
	uv_async_init(&k->loop, &k->wake, on_wake);
	k->wake.data = k;
	uv_timer_init(&k->loop, &k->tick);
	k->tick.data = k;
	uv_timer_init(&k->loop, &k->second);
	k->second.data = k;
	uv_signal_init(&k->loop, &k->term);
	k->term.data = k;
	uv_signal_init(&k->loop, &k->interrupt);
	k->interrupt.data = k;
	uv_signal_start(&k->term, on_signal, SIGTERM);
	uv_signal_start(&k->interrupt, on_signal, SIGINT);
	uv_timer_start(&k->tick, on_tick, TICK_MS, TICK_MS);
	uv_timer_start(&k->second, on_second, 1000, 1000);
	k->server = lk_server_open(&k->loop, k->options.socket_path, hello(k), &lk_request_handler,
				   k, error);
	return k->server != NULL;
}

static void close_handle(uv_handle_t *handle, void *argument)
{
	(void)argument;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void close_loop(struct lk_keeper *k)
{
	lk_server_close(k->server);
	k->server = NULL;
	uv_walk(&k->loop, close_handle, NULL);
	uv_run(&k->loop, UV_RUN_DEFAULT);
	uv_loop_close(&k->loop);
}

static void join_threads(struct lk_keeper *k)
{
	struct lk_message *message;
	atomic_store(&k->shared.closing, true);
	lk_pace_stop(&k->shared.pace);
	/* Nobody reads the queue any more: producers that wait for room must not wait for ever. */
	lk_queue_close(k->shared.messages);
	pthread_mutex_lock(&k->shared.mutex);
	if (k->shared.worker)
		lk_session_interrupt(k->shared.worker);
	pthread_mutex_unlock(&k->shared.mutex);
	lk_controller_join(&k->controller);
	lk_worker_join(&k->worker);
	lk_watcher_join(&k->watcher);
	lk_journalist_join(&k->journalist);
	while ((message = lk_queue_try_pop(k->shared.messages)))
		lk_message_free(message);
}

static void free_keeper(struct lk_keeper *k)
{
	lk_queue_free(k->shared.messages);
	lk_shared_destroy(&k->shared);
	lk_machine_free(&k->machine);
	lk_prepared_free(k->prepared);
	lk_prepared_free(k->replaced);
	lk_lock_tree_free(&k->tree);
	if (k->sample)
		lk_sample_free(k->sample);
	free(k->sample);
	lk_settings_free(&k->settings);
	free(k->user);
	free(k->host);
	free(k->uri);
	free(k);
}

static bool resolve(struct lk_keeper *k, struct lk_error *error)
{
	struct lk_problems problems = {0};
	struct lk_plan plan = {0};
	const char *target = k->options.target, *uri = NULL;
	char name[64] = "run";
	if (!lk_settings_read(NULL, &k->settings, &problems)) {
		char *text = lk_problems_text(&problems);
		lk_fail(error, LK_ERROR_PLAN, "%s", text);
		free(text);
		lk_problems_free(&problems);
		return false;
	}
	if (k->options.plan_file && lk_plan_read(k->options.plan_file, &plan, &problems)) {
		LK_COPY(name, plan.name);
		if (!target)
			target = plan.target;
	}
	lk_problems_free(&problems);
	bool found = target ? lk_settings_resolve(&k->settings, target, &uri, &k->target, error)
			    : lk_fail(error, LK_ERROR_USAGE,
				      "no target: give --target, or name one in the plan");
	if (found)
		k->uri = lk_strdup(uri);
	make_run_name(k, name);
	lk_plan_free(&plan);
	return found;
}

static int run_keeper(struct lk_keeper *k)
{
	struct lk_error error;
	char host[64] = "";
	k->user = user_name();
	gethostname(host, sizeof host - 1);
	k->host = lk_strdup(host);
	if (!resolve(k, &error) || !open_loop(k, &error)) {
		fprintf(stderr, "lockkeeper: %s\n", error.text);
		return error.class == LK_ERROR_REFUSED ? 1 : 2;
	}
	k->shared.uri = k->uri;
	k->shared.plan_file = k->options.plan_file;
	k->shared.resume_run = k->options.resume_run;
	k->shared.replace_run = k->options.replace_run;
	k->shared.who = k->user;
	k->shared.host = k->host;
	if (!lk_worker_start(&k->worker, &k->shared, &error)) {
		fprintf(stderr, "lockkeeper: %s\n", error.text);
		close_loop(k);
		return 1;
	}
	struct lk_job job = {.kind = LK_JOB_PREPARE};
	k->job_under_way = true;
	lk_worker_give(&k->worker, &job, NULL);
	uv_run(&k->loop, UV_RUN_DEFAULT);
	/* Whoever comes now needs another keeper; of a run that goes on it can be none before we let go of it. */
	if (!k->machine.recorded || k->machine.finished) {
		lk_server_close(k->server);
		k->server = NULL;
	}
	join_threads(k);
	close_loop(k);
	return k->exit_status;
}

static bool read_options(int argc, char **argv, struct lk_keeper_options *options)
{
	static const struct option known[] = {
		{"plan", required_argument, NULL, 'p'},
		{"run", required_argument, NULL, 'r'},
		{"replace", required_argument, NULL, 'R'},
		{"target", required_argument, NULL, 't'},
		{"environment", required_argument, NULL, 'e'},
		{"application", required_argument, NULL, 'a'},
		{"socket", required_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (option) {
		case 'p':
			options->plan_file = optarg;
			break;
		case 'r':
			options->resume_run = optarg;
			break;
		case 'R':
			options->replace_run = optarg;
			break;
		case 't':
			options->target = optarg;
			break;
		case 'e':
			options->environment = optarg;
			break;
		case 'a':
			options->application_file = optarg;
			break;
		case 's':
			options->socket_path = optarg;
			break;
		default:
			return false;
		}
	return options->socket_path && (options->plan_file || options->resume_run);
}

int lk_keeper_main(int argc, char **argv)
{
	struct lk_keeper *k = lk_alloc(sizeof *k);
	if (!read_options(argc, argv, &k->options)) {
		free(k);
		fputs("lockkeeper keeper is started by `lockkeeper run`, not by hand\n", stderr);
		return 2;
	}
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	lk_shared_init(&k->shared, lk_queue_new(QUEUE, wake_main, &k->wake));
	int status = run_keeper(k);
	free_keeper(k);
	return status;
}
