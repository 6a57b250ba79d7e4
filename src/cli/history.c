/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper history`: the runs that a target's journal knows, and what happened in one. */
#include "cli/history.h"

#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/memory.h"
#include "base/safe_text.h"
#include "cli/cli.h"
#include "cli/target.h"

/* What a terminal has at least. */
#define WIDTH 80

static bool is_over(const struct lk_journal_run *run)
{
	return strcmp(run->state, "done") == 0 || strcmp(run->state, "undone") == 0;
}

/* Of a run that is over until its end, else until now. */
static int64_t took_ms(const struct lk_journal_run *run)
{
	return (is_over(run) ? run->changed : lk_wall_ms()) - run->created;
}

void lk_history_duration(int64_t ms, char *text, size_t size)
{
	long long s = ms > 0 ? ms / 1000 : 0;
	if (s < 60)
		snprintf(text, size, "%llds", s);
	else if (s < 3600)
		snprintf(text, size, "%lldm %02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, size, "%lldh %02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(text, size, "%lldd %02lldh", s / 86400, s / 3600 % 24);
}

/* "2026-11-22 14:07:31Z", or "" for a time that has not come. */
static void format_time(int64_t wall_ms, char text[32])
{
	char at[32];
	text[0] = '\0';
	if (wall_ms <= 0)
		return;
	lk_wall_format(wall_ms, at, sizeof at);
	snprintf(text, 32, "%.10s %.8sZ", at, at + 11);
}

/* A line of at most `columns` columns (0: as long as it is) that draws nothing but itself. */
static void line(int columns, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(int columns, const char *format, ...)
{
	char text[1400], cut[8 * WIDTH + 1];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	char *safe = lk_safe_copy(text, LK_SAFE_BLANKS);
	if (columns > 0)
		lk_safe_text(cut, sizeof cut, safe, columns, LK_SAFE_BLANKS);
	puts(columns > 0 ? cut : safe);
	free(safe);
}

json_t *lk_history_json(const struct lk_journal_run *run)
{
	char began[32], changed[32];
	lk_wall_format(run->created, began, sizeof began);
	lk_wall_format(run->changed, changed, sizeof changed);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:f, s:s, s:s}", "run",
			 run->name, "plan", run->plan, "state", run->state, "reason", run->reason,
			 "steps", run->steps, "steps_done", run->steps_done, "began", began,
			 "changed", changed, "seconds", (double)took_ms(run) / 1000, "keeper",
			 run->holder, "digest", run->digest);
}

static void print_json(json_t *object)
{
	lk_cli_print_json(object);
	json_decref(object);
}

static void print_entry(const struct lk_journal_run *run)
{
	char began[32], took[24], steps[24];
	format_time(run->created, began);
	lk_history_duration(took_ms(run), took, sizeof took);
	snprintf(steps, sizeof steps, "%d/%d", run->steps_done, run->steps);
	line(WIDTH, "%-23s %-7s %-5s %.16sZ %-7s %s", run->name, run->state, steps, began, took,
	     run->holder);
	if (strncmp(run->name, run->plan, strlen(run->plan)) != 0)
		line(WIDTH, "    plan %s", run->plan);
	if (run->reason[0])
		line(WIDTH, "    %s", run->reason);
}

static int list_runs(const struct lk_history *h)
{
	struct lk_error error;
	struct lk_journal_run *runs;
	size_t count;
	if (!lk_journal_list(h->session, &runs, &count, &error))
		return lk_cli_error(&error);
	if (!h->json && count > 0)
		line(0, "%-23s %-7s %-5s %-17s %-7s %s", "run", "state", "steps", "began", "took",
		     "by");
	else if (!h->json)
		puts("no run is in the journal");
	for (size_t i = 0; i < count; i++)
		if (h->json)
			print_json(lk_history_json(&runs[i]));
		else
			print_entry(&runs[i]);
	free(runs);
	return LK_EXIT_DONE;
}

static void print_run(const struct lk_history *h, const struct lk_journal_run *run)
{
	char at[32], took[24];
	if (h->json) {
		print_json(lk_history_json(run));
		return;
	}
	format_time(run->created, at);
	lk_history_duration(took_ms(run), took, sizeof took);
	line(0, "run      %s, plan %s (%.12s)", run->name, run->plan, run->digest);
	line(0, "state    %s%s%s", run->state, run->reason[0] ? ": " : "", run->reason);
	line(0, "began    %s, %s %s", at, is_over(run) ? "took" : "so far", took);
	line(0, "keeper   %s, the %lld. to hold it", run->holder, (long long)run->epoch);
}

static bool print_steps(const struct lk_history *h, const struct lk_journal_run *run,
			struct lk_error *error)
{
	size_t count = (size_t)run->steps;
	struct lk_journal_step *steps = lk_alloc((count + 1) * sizeof *steps);
	bool read = lk_journal_steps(h->session, run->name, count, steps, error);
	for (size_t i = 0; read && i < count; i++) {
		const struct lk_journal_step *s = &steps[i];
		char began[32], ended[32], took[24] = "";
		format_time(s->started, began);
		format_time(s->ended, ended);
		if (s->ended > 0)
			lk_history_duration(s->ended - (s->started ? s->started : s->ended), took,
					    sizeof took);
		if (h->json) {
			print_json(json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "step",
					     (int)i, "phase", s->phase, "name", s->name, "verb",
					     s->verb, "state", s->state, "note", s->note, "began",
					     began, "ended", ended));
			continue;
		}
		if (i == 0)
			puts("\nsteps");
		line(WIDTH, "%4zu %-8s %-24s %-8s %-8s %s", i + 1, s->phase, s->name, s->state,
		     took, ended);
		if (s->note[0])
			line(0, "     %s", s->note);
	}
	free(steps);
	return read;
}

static bool print_answers(const struct lk_history *h, const struct lk_journal_run *run,
			  struct lk_error *error)
{
	struct lk_journal_answer *answers;
	size_t count;
	if (!lk_journal_answers(h->session, run->name, &answers, &count, error))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct lk_journal_approval *a = &answers[i].approval;
		bool current = strcmp(answers[i].digest, run->digest) == 0;
		char at[32];
		format_time(a->at, at);
		if (h->json) {
			print_json(json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "gate", a->gate,
					     "who", a->who, "origin", a->origin, "at", at, "digest",
					     answers[i].digest, "current", current));
			continue;
		}
		if (i == 0)
			puts("\nanswers");
		line(0, "  %s  %s: yes by %s%s%s%s", at, a->gate, a->who, a->origin[0] ? ", " : "",
		     a->origin, current ? "" : " (to a plan that was replaced since)");
	}
	free(answers);
	return true;
}

static bool print_events(const struct lk_history *h, const struct lk_journal_run *run,
			 struct lk_error *error)
{
	struct lk_journal_event *events;
	size_t count;
	if (!lk_journal_events(h->session, run->name, &events, &count, error))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct lk_journal_event *e = &events[i];
		char at[32];
		format_time(e->at, at);
		if (h->json) {
			print_json(json_pack("{s:s, s:I, s:s, s:s, s:s}", "event", e->kind,
					     "number", (json_int_t)e->number, "at", at, "who",
					     e->who, "text", e->text));
			continue;
		}
		if (i == 0)
			puts("\nlog");
		line(0, "  %s  %-8s %s: %s", at, e->kind, e->who, e->text);
	}
	free(events);
	return true;
}

static bool print_cleanup(const struct lk_history *h, const struct lk_journal_run *run,
			  struct lk_error *error)
{
	char *sql;
	if (!lk_journal_cleanup_sql(h->session, run->name, &sql, error))
		return false;
	if (sql[0] && h->json) {
		print_json(json_pack("{s:s}", "cleanup", sql));
	} else if (sql[0]) {
		puts("\nto undo by hand");
		for (char *p = sql, *part; (part = strsep(&p, "\n"));)
			line(0, "  %s", part);
	}
	free(sql);
	return true;
}

static int show_run(const struct lk_history *h, const char *name)
{
	struct lk_error error;
	struct lk_journal_run run;
	struct lk_plan plan = {0};
	bool shown = lk_journal_get(h->session, name, &run, &error);
	if (shown && h->plan) {
		shown = lk_journal_load(h->session, run.name, &plan, &error);
		char *yaml = shown ? lk_plan_to_yaml(&plan) : lk_strdup("");
		fputs(yaml, stdout);
		free(yaml);
		lk_plan_free(&plan);
	} else if (shown) {
		print_run(h, &run);
		shown = print_steps(h, &run, &error) && print_answers(h, &run, &error) &&
			print_events(h, &run, &error) && print_cleanup(h, &run, &error);
	}
	return shown ? LK_EXIT_DONE : lk_cli_error(&error);
}

static int read_options(const struct lk_cli *cli, struct lk_history *h)
{
	static const struct option known[] = {
		{"target", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'},
		{"plan", no_argument, NULL, 'P'},
		{"prune", no_argument, NULL, 'p'},
		{"older-than", required_argument, NULL, 'o'},
		{"dry-run", no_argument, NULL, 'n'},
		{"all", no_argument, NULL, 'a'},
		{NULL, 0, NULL, 0},
	};
	int option, pruning = 0;
	optind = 0;
	while ((option = getopt_long(cli->argc, cli->argv, "", known, NULL)) != -1) {
		pruning += option == 'o' || option == 'n' || option == 'a';
		if (option == 't')
			h->target = optarg;
		else if (option == 'o' && !lk_duration_parse(optarg, &h->older_than_ms))
			return lk_cli_fail(LK_EXIT_USAGE,
					   "--older-than wants an age such as 30d, not \"%s\"",
					   optarg);
		else if (option == '?')
			return LK_EXIT_USAGE;
		h->json = h->json || option == 'j';
		h->plan = h->plan || option == 'P';
		h->prune = h->prune || option == 'p';
		h->dry_run = h->dry_run || option == 'n';
		h->all = h->all || option == 'a';
	}
	h->runs = cli->argv + optind;
	h->run_count = (size_t)(cli->argc - optind);
	if (pruning && !h->prune)
		return lk_cli_fail(LK_EXIT_USAGE,
				   "--older-than, --dry-run and --all belong to --prune");
	if (h->plan && (h->prune || h->json || h->run_count != 1))
		return lk_cli_fail(
			LK_EXIT_USAGE,
			"--plan prints the plan of one run: lockkeeper history RUN --plan");
	if (!h->prune && h->run_count > 1)
		return lk_cli_fail(LK_EXIT_USAGE, "history takes one run at most");
	return 0;
}

int lk_cli_history(const struct lk_cli *cli)
{
	struct lk_history h = {0};
	struct lk_error error;
	bool installed = false;
	int status = read_options(cli, &h);
	if (status || (status = lk_cli_open_target(h.target, "history", &h.session, NULL)))
		return status;
	if (!lk_journal_installed(h.session, &installed, &error))
		status = lk_cli_error(&error);
	else if (!installed)
		status = lk_cli_fail(LK_EXIT_FAILED,
				     "the target has no journal: no plan was ever run there");
	else if (h.prune)
		status = lk_history_prune(&h);
	else
		status = h.run_count ? show_run(&h, h.runs[0]) : list_runs(&h);
	lk_session_close(h.session);
	return status;
}
