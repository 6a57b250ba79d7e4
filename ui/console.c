/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One loop over keys, the keeper's socket, signals and a slow clock. Nothing in it waits. */
#include "ui/console.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ui/linear.h"
#include "ui/link.h"
#include "ui/model/actions.h"
#include "ui/model/input.h"
#include "ui/model/model.h"
#include "ui/model/run.h"
#include "ui/prompt/prompt.h"
#include "ui/term/term.h"
#include "ui/view/view.h"

enum { RESIZE_US = 50 * 1000, PLANS_US = 2 * 1000 * 1000, SKIPPED_IS_SLOW = 2 };

struct console {
	const struct lk_console_options *options;
	struct lk_model *model;
	struct lk_link *link;
	struct lk_term *term;
	struct lk_canvas canvas;
	int signals;
	sigset_t before; /* the mask to give back to what the caller starts */
	int rows, columns;
	int64_t frame_us;  /* when the next frame is due */
	int64_t resize_us; /* when a new size is taken over; 0: none has come */
	int64_t plans_us;
	int skipped; /* frames in a row that the line could not take */
	bool draw, full, leave, gone;
};

static void list_plans(struct console *console)
{
	struct lk_console_plan *plans;
	size_t count;

	if (!console->options->list_plans)
		return;
	plans = lk_alloc(sizeof *plans * LK_PLANS_SHOWN);
	count = console->options->list_plans(console->options->context, plans, LK_PLANS_SHOWN);
	lk_model_plans(console->model, plans, count < LK_PLANS_SHOWN ? count : LK_PLANS_SHOWN);
	free(plans);
}

static void paint(struct console *console)
{
	struct lk_model *model = console->model;
	struct lk_area all;

	lk_canvas_reset(&console->canvas, console->rows, console->columns);
	lk_view_draw(model, &console->canvas);
	if (lk_prompt_is_open()) {
		all = lk_area_of(&console->canvas);
		lk_prompt_draw(&all, all.rows - 1);
	}
	if (lk_term_draw(console->term, &console->canvas, console->full)) {
		model->link_slow = console->skipped >= SKIPPED_IS_SLOW;
		console->full = false;
		console->skipped = 0;
		console->draw = false;
	} else if (++console->skipped >= SKIPPED_IS_SLOW) {
		model->link_slow = true;
	}
}

static void show_error(struct console *console, const struct lk_error *error)
{
	lk_model_say(console->model, LK_ROLE_CRIT, "%s", error->text);
}

static void open_plan(struct console *console)
{
	struct lk_model *model = console->model;
	const struct lk_console_options *options = console->options;
	struct lk_error error = {0};
	sigset_t ours;
	bool ok = true;

	if (!model->open_socket[0]) {
		if (!options->open_plan) {
			lk_model_say(model, LK_ROLE_WARN, "plans cannot be opened from here");
			return;
		}
		/* a keeper whose run is over makes room once nobody looks at it */
		if (lk_run_is(model->latest, "undone"))
			lk_link_leave(console->link);
		/* the keeper that may be started now must not inherit our blocked signals */
		pthread_sigmask(SIG_SETMASK, &console->before, &ours);
		ok = options->open_plan(options->context, model->open_path, model->open_socket,
					sizeof model->open_socket, &error);
		pthread_sigmask(SIG_SETMASK, &ours, NULL);
	}
	if (ok && lk_link_attach(console->link, model->open_socket, &error)) {
		lk_model_show(model, LK_SCREEN_LIVE);
		model->screen_chosen = false;
	} else {
		show_error(console, &error);
	}
}

/* Does what the model asked for. */
static void serve_wants(struct console *console)
{
	struct lk_model *model = console->model;
	unsigned wants = model->wants;

	model->wants = 0;
	if (wants & LK_WANT_LEAVE)
		console->leave = true;
	if (wants & LK_WANT_REDRAW)
		console->full = true;
	if ((wants & LK_WANT_BELL) && !console->options->quiet)
		lk_term_bell(console->term);
	if (wants & LK_WANT_FLUSH_INPUT)
		lk_tokens_flush(lk_term_tokens(console->term));
	if (wants & LK_WANT_COMMAND_LINE)
		lk_prompt_open(LK_PROMPT_COMMAND);
	if (wants & LK_WANT_FILTER_LINE)
		lk_prompt_open(LK_PROMPT_FILTER);
	if (wants & LK_WANT_NOTE_LINE)
		lk_prompt_open(LK_PROMPT_NOTE);
	if (wants & LK_WANT_SUSPEND) {
		lk_term_suspend(console->term);
		console->full = true;
		lk_term_size(console->term, &console->rows, &console->columns);
	}
	if (wants & LK_WANT_OPEN_PLAN)
		open_plan(console);
	console->draw |= wants != 0;
}

static void take_prompt_line(struct console *console, enum lk_prompt_kind kind, const char *line)
{
	struct lk_model *model = console->model;

	if (kind == LK_PROMPT_COMMAND) {
		lk_input_command(model, line);
	} else if (kind == LK_PROMPT_FILTER) {
		LK_COPY(model->filter, line);
	} else if (*line) {
		struct lk_request *request = lk_model_request(model, "note");

		if (request)
			LK_COPY(request->text, line);
	}
}

static void take_input(struct console *console, const struct lk_input *input)
{
	enum lk_prompt_kind kind = lk_prompt_kind();
	char *line;

	console->draw = true;
	if (!lk_prompt_is_open()) {
		lk_input_take(console->model, input);
	} else {
		if (input->kind == LK_INPUT_KEY && input->key == LK_KEY_CTRL_C)
			lk_model_pause(console->model);
		if (lk_prompt_feed(input, &line)) {
			/* what was typed while the line was finished is not for the screen below */
			lk_tokens_flush(lk_term_tokens(console->term));
			if (line)
				take_prompt_line(console, kind, line);
			free(line);
		}
	}
	serve_wants(console);
}

static void read_keys(struct console *console, bool ready, int64_t now_us)
{
	struct lk_input input;

	if (ready && !lk_term_read(console->term, now_us)) {
		console->gone = console->leave = true;
		return;
	}
	while (!console->leave && lk_tokens_next(lk_term_tokens(console->term), now_us, &input))
		take_input(console, &input);
}

static void read_signals(struct console *console, int64_t now_us)
{
	struct signalfd_siginfo info;

	while (read(console->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		switch (info.ssi_signo) {
		case SIGWINCH:
			if (!console->resize_us)
				console->resize_us = now_us + RESIZE_US;
			break;
		case SIGUSR1:
			lk_model_pause(console->model);
			console->draw = true;
			break;
		case SIGTSTP:
			console->model->wants |= LK_WANT_SUSPEND;
			serve_wants(console);
			break;
		case SIGCONT:
			lk_term_resume(console->term);
			console->full = console->draw = true;
			break;
		case SIGHUP:
			console->gone = true;
			console->leave = true;
			break;
		default:
			console->leave = true;
		}
	}
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int wait_ms(const struct console *console, int64_t now_us)
{
	const struct lk_model *model = console->model;
	int64_t until =
		earliest(console->frame_us, lk_tokens_deadline(lk_term_tokens(console->term)));

	if (console->resize_us)
		until = earliest(until, console->resize_us);
	if (model->overlay == LK_OVERLAY_QUESTION && !lk_question_armed(&model->question, now_us))
		until = earliest(until, model->question.opened_us + LK_QUESTION_ARM_US);
	if (until <= now_us)
		return 0;
	return (int)((until - now_us + 999) / 1000);
}

/* What is due by the clock: a new size, the list of plans, a frame. */
static void serve_clock(struct console *console, int64_t now_us)
{
	struct lk_model *model = console->model;
	int64_t armed_us = model->question.opened_us + LK_QUESTION_ARM_US;

	if (console->resize_us && now_us >= console->resize_us) {
		console->resize_us = 0;
		lk_term_size(console->term, &console->rows, &console->columns);
		console->draw = true;
	}
	if (model->screen == LK_SCREEN_PLANS && now_us >= console->plans_us) {
		console->plans_us = now_us + PLANS_US;
		list_plans(console);
	}
	if (model->overlay == LK_OVERLAY_QUESTION && now_us >= armed_us &&
	    now_us < armed_us + 20 * 1000)
		console->draw = true; /* the field opens */
	if (now_us >= console->frame_us) {
		console->draw = true;
		console->frame_us = now_us + model->interval_s * (int64_t)1000000;
	}
}

static void loop(struct console *console)
{
	while (!console->leave) {
		struct pollfd fds[4];
		int64_t now;

		lk_term_poll(console->term, fds);
		fds[2] = lk_link_poll(console->link);
		fds[3] = (struct pollfd){console->signals, POLLIN, 0};
		if (poll(fds, 4, wait_ms(console, lk_clock_us())) < 0 && errno != EINTR)
			break;
		now = lk_clock_us();
		lk_model_time(console->model, now, lk_wall_ms());
		if (fds[3].revents)
			read_signals(console, now);
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL) && !(fds[0].revents & POLLIN))
			console->gone = console->leave = true;
		if ((fds[1].revents && !lk_term_flush(console->term)))
			console->gone = console->leave = true;
		read_keys(console, fds[0].revents & POLLIN, now);
		console->draw |= lk_link_work(console->link, now);
		serve_wants(console);
		serve_clock(console, now);
		if (console->draw && !console->leave)
			paint(console);
	}
	/* what was asked for with the last key still goes out */
	lk_link_work(console->link, lk_clock_us());
}

static void block_signals(struct console *console)
{
	static const int numbers[] = {SIGWINCH, SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGTSTP, SIGCONT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < LK_COUNT(numbers); i++)
		sigaddset(&set, numbers[i]);
	pthread_sigmask(SIG_BLOCK, &set, &console->before);
	signal(SIGPIPE, SIG_IGN); /* a write to a closed end is an error, not the end of us */
	console->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static bool start(struct console *console, struct lk_error *error)
{
	bool known;
	const struct lk_theme *theme = lk_theme_choose(console->options->theme, &known);

	lk_prompt_start();
	console->term = lk_term_start(theme, error);
	if (!console->term)
		return false;
	console->canvas.ascii = console->options->ascii || !lk_term_unicode(console->term);
	lk_term_size(console->term, &console->rows, &console->columns);
	if (!known)
		lk_model_say(console->model, LK_ROLE_WARN, "no theme \"%s\"; the default is used",
			     console->options->theme);
	else if (getenv("TERM") && strcmp(getenv("TERM"), lk_term_name(console->term)) != 0)
		lk_model_say(console->model, LK_ROLE_PLAIN,
			     "terminal \"%s\" is unknown here: drawn as %s", getenv("TERM"),
			     lk_term_name(console->term));
	return true;
}

static void say_farewell(const struct console *console)
{
	if (console->gone)
		return;
	if (console->options->farewell)
		printf("%s\n", console->options->farewell);
	else if (console->model->known && lk_run_is(console->model->latest, "done|undone"))
		printf("The run is %s.%s\n", console->model->latest->state,
		       lk_run_clean(console->model->latest)
			       ? " Every row is right, no release saw an error."
			       : "");
	else if (console->model->known &&
		 lk_run_is(console->model->latest, "paused|stopped|waiting"))
		printf("The run stays as it is. Come back with: lockkeeper attach %s\n",
		       lk_link_run(console->link));
	else if (lk_link_run(console->link)[0])
		printf("The run goes on. Come back with: lockkeeper attach %s\n",
		       lk_link_run(console->link));
	fflush(stdout);
}

static int run_screen(struct console *console, struct lk_error *error)
{
	int status = 0;

	console->draw = true;
	if (console->options->socket &&
	    !lk_link_attach(console->link, console->options->socket, error))
		return 6;
	block_signals(console);
	if (console->signals < 0) {
		lk_fail_errno(error, errno, "cannot watch for signals");
		status = 1;
	} else if (!start(console, error)) {
		status = 1;
	} else {
		loop(console);
		lk_term_stop(console->term, console->gone);
		say_farewell(console);
	}
	lk_prompt_stop();
	if (console->signals >= 0)
		close(console->signals);
	pthread_sigmask(SIG_SETMASK, &console->before, NULL);
	return status;
}

int lk_console_run(const struct lk_console_options *options, struct lk_error *error)
{
	struct console console = {.options = options, .signals = -1};
	int status;

	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	if (options->linear || !lk_term_possible())
		return lk_linear_run(options, error);
	console.model = lk_model_new(options);
	console.link = lk_link_new(options, console.model);
	lk_model_time(console.model, lk_clock_us(), lk_wall_ms());
	status = run_screen(&console, error);
	lk_link_free(console.link);
	lk_model_free(console.model);
	lk_canvas_free(&console.canvas);
	return status;
}
