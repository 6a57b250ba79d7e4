/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/linear.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/safe_text.h"
#include "ui/link.h"
#include "ui/model/actions.h"
#include "ui/model/format.h"
#include "ui/model/input.h"
#include "ui/model/run.h"

struct linear {
	const struct lk_console_options *options;
	struct lk_model *model;
	struct lk_link *link;
	struct lk_buffer input;
	bool input_ended, leave, introduced;
	char last_state[200], last_message[256], last_next[400];
	int64_t last_event;
	int last_percent;
	enum lk_stop last_stop;
};

static void say(const struct linear *linear, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct linear *linear, const char *format, ...)
{
	char text[2048], clock[LK_SHORT], *safe;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	safe = lk_safe_copy(text, LK_SAFE_BLANKS | (linear->options->ascii ? LK_SAFE_ASCII : 0));
	printf("%s %s\n", lk_show_clock(lk_wall_ms(), clock), safe);
	free(safe);
	fflush(stdout);
}

static void say_steps(const struct linear *linear)
{
	const struct lk_snapshot *s = linear->model->latest;

	for (int i = 0; i < s->steps_count; i++) {
		const struct lk_snapshot_step *step = &s->steps[i];

		say(linear, "step %d %s %s: %s%s", step->number + 1, step->phase, step->state,
		    step->summary, step->destroys[0] ? " DESTROYS DATA" : "");
		if (step->ask[0])
			say(linear, "  gate %s asks: %s", step->name, step->ask);
		if (step->statement[0])
			say(linear, "  SQL: %s", step->statement);
		say(linear, "  locks: %s; undo: %s", step->lock[0] ? step->lock : "none",
		    step->undo[0] ? step->undo : "none");
	}
}

/* Why it is as it is: reason, throttle, alerts, waits. */
static void say_why(const struct linear *linear)
{
	const struct lk_snapshot *s = linear->model->latest;
	enum lk_role role;

	say(linear, "%s: %s", lk_run_state(linear->model, &role),
	    s->reason[0] ? s->reason : "no reason given");
	for (int i = 0; i < s->limits_count; i++)
		say(linear, "  %s %s, limit %s: %s%s", s->limits[i].name, s->limits[i].value,
		    s->limits[i].limit, s->limits[i].state,
		    s->limits[i].holds ? ", holds the work back" : "");
	for (int i = 0; i < s->alerts_count; i++)
		say(linear, "  %s %s", s->alerts[i].level, s->alerts[i].text);
	say(linear, "  we block %d, we wait for %d", s->server_load.we_block,
	    s->server_load.we_wait);
}

static void say_question(const struct linear *linear)
{
	struct lk_question_text text;

	lk_act_describe(linear->model, &text);
	say(linear, "? %s", text.title);
	for (int i = 0; i < text.count; i++)
		say(linear, "?   %s", text.lines[i].text);
	if (linear->model->question.tier == LK_TIER_LETTER)
		say(linear, "? Type %c and Enter; anything else is no.",
		    linear->model->question.letter);
	else
		say(linear, "? Type \"%s\" and Enter; anything else is no.",
		    linear->model->question.expected);
}

static void take_line(struct linear *linear, char *line)
{
	struct lk_model *model = linear->model;
	size_t length = strlen(line);

	while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == ' '))
		line[--length] = '\0';
	if (strcmp(line, "pause") == 0) {
		/* stopping is a word at any moment, also as the answer to a question */
		model->overlay = LK_OVERLAY_NONE;
		lk_model_pause(model);
	} else if (model->overlay == LK_OVERLAY_QUESTION) {
		lk_act_line(model, line);
	} else if (strcmp(line, "steps") == 0) {
		say_steps(linear);
	} else if (strcmp(line, "why") == 0 || strcmp(line, "alerts") == 0) {
		say_why(linear);
	} else if (strcmp(line, "quit") == 0) {
		linear->leave = true;
	} else if (strcmp(line, "help") == 0) {
		say(linear,
		    "words: pause, resume, steps, why, confirm GATE, rollback, abort, slow, "
		    "take, give, note TEXT, quit");
	} else {
		lk_input_command(model, line);
	}
	if (model->overlay == LK_OVERLAY_QUESTION)
		say_question(linear);
}

static void read_input(struct linear *linear)
{
	char bytes[1024];
	ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
	char *line, *end;

	if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
		linear->input_ended = true;
	if (count <= 0)
		return;
	lk_buffer_add_bytes(&linear->input, bytes, (size_t)count);
	char *all = lk_buffer_take(&linear->input);

	for (line = all; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		take_line(linear, line);
	}
	lk_buffer_add(&linear->input, line);
	free(all);
}

static void say_progress(struct linear *linear)
{
	const struct lk_snapshot *s = linear->model->latest;
	int percent = (int)(100 * lk_run_progress(s));
	char done[LK_SHORT], rate[LK_SHORT];

	/* every five per cent: often enough to hear that it moves */
	if (!s->backfill.active || percent < 0 || percent / 5 == linear->last_percent / 5)
		return;
	linear->last_percent = percent;
	say(linear, "backfill %d%%, %s rows, %s rows/s", percent,
	    lk_show_number(s->backfill.rows_done, done),
	    lk_show_number((int64_t)s->backfill.rows_per_s, rate));
}

/* The proof of a pause, or that it is missing: once for each pause. */
static void say_stop(struct linear *linear)
{
	const struct lk_snapshot *s = linear->model->latest;
	enum lk_stop stop = lk_run_stop(linear->model);

	if (stop == linear->last_stop)
		return;
	linear->last_stop = stop;
	if (stop == LK_STOP_CONFIRMED)
		say(linear, "STOP CONFIRMED: open transactions of ours %d, locks %d; %s",
		    s->proof.open_transactions, s->proof.locks_held, s->proof.last_chunk);
	else if (stop == LK_STOP_NOT_CONFIRMED)
		say(linear, "NOT CONFIRMED: cancel sent, waiting for the server");
}

/* Prints what differs from what was said last. */
static void say_changes(struct linear *linear)
{
	struct lk_model *model = linear->model;
	char state[200], next[400], role_text[160];
	enum lk_role role;

	for (size_t i = 0; i < model->log_count; i++) {
		const struct lk_event *event = lk_model_log(model, i);

		if (event->number <= linear->last_event)
			continue;
		linear->last_event = event->number;
		say(linear, "%s: %s (%s)", event->kind, event->text, event->who);
	}
	if (!linear->introduced && model->known) {
		linear->introduced = true;
		say(linear, "plan %s on %s, run %s; help shows the words", model->latest->plan,
		    model->latest->target, model->latest->run);
	}
	lk_run_role(model, role_text, sizeof role_text);
	snprintf(state, sizeof state, "state %s, %s", lk_run_state(model, &role), role_text);
	if (strcmp(state, linear->last_state) != 0) {
		LK_COPY(linear->last_state, state);
		say(linear, "%s", state);
		lk_run_next(model, next, sizeof next);
		if (strcmp(next, linear->last_next) != 0)
			say(linear, "next: %s", next);
		LK_COPY(linear->last_next, next);
	}
	if (model->message[0] && strcmp(model->message, linear->last_message) != 0) {
		say(linear, "%s", model->message);
		LK_COPY(linear->last_message, model->message);
	}
	model->message[0] = '\0';
	linear->last_message[0] = '\0';
	say_stop(linear);
	say_progress(linear);
}

static void say_result(const struct linear *linear)
{
	const struct lk_snapshot *s = linear->model->latest;

	if (s->result.known)
		say(linear, "rows compared %lld, different %lld. %s",
		    (long long)s->result.rows_compared, (long long)s->result.rows_different,
		    s->result.text);
	if (s->application.known)
		say(linear, "application: %lld transactions, %lld errors %s",
		    (long long)s->application.transactions, (long long)s->application.errors,
		    s->application.last_error);
	if (lk_run_clean(s))
		say(linear, "Every row is right, no release saw an error.");
}

static bool attach(struct linear *linear, struct lk_error *error)
{
	if (!linear->options->socket)
		return lk_fail(
			error, LK_ERROR_USAGE,
			"without a screen a run must be named: lockkeeper attach RUN --linear");
	return lk_link_attach(linear->link, linear->options->socket, error);
}

static void loop(struct linear *linear)
{
	bool told = false;

	while (!linear->leave) {
		struct pollfd fds[2] = {lk_link_poll(linear->link),
					{linear->input_ended ? -1 : STDIN_FILENO, POLLIN, 0}};
		int64_t now;

		if (poll(fds, 2, 1000) < 0 && errno != EINTR)
			break;
		now = lk_clock_us();
		lk_model_time(linear->model, now, lk_wall_ms());
		if (fds[1].revents)
			read_input(linear);
		lk_link_work(linear->link, now);
		if (linear->model->wants & LK_WANT_LEAVE)
			linear->leave = true;
		linear->model->wants = 0;
		say_changes(linear);
		if (!told && linear->model->known &&
		    lk_run_is(linear->model->latest, "done|undone")) {
			told = true;
			say_result(linear);
		}
		if (linear->input_ended &&
		    (linear->model->link == LK_LINK_LOST ||
		     (linear->model->known &&
		      lk_run_is(linear->model->latest, "done|undone|stopped"))))
			break;
	}
}

int lk_linear_run(const struct lk_console_options *options, struct lk_error *error)
{
	struct linear linear = {.options = options, .last_percent = -1};
	int status = 0;

	linear.model = lk_model_new(options);
	linear.link = lk_link_new(options, linear.model);
	lk_model_time(linear.model, lk_clock_us(), lk_wall_ms());
	if (attach(&linear, error))
		loop(&linear);
	else
		status = error->class == LK_ERROR_USAGE ? 2 : 6;
	lk_link_free(linear.link);
	lk_model_free(linear.model);
	lk_buffer_free(&linear.input);
	return status;
}
