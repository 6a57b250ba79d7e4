/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper explain`: the long form of a plan, and what each step does to the database. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/safe_text.h"
#include "catalog/catalog.h"
#include "cli/cli.h"
#include "cli/read_plan.h"
#include "operation/operation.h"
#include "settings/settings.h"
#include "step/step.h"

struct explain {
	const char *path, *target;
	bool json;
	struct lk_plan plan;
	struct lk_settings settings;
	struct lk_session *session;
};

static void print_field(const char *name, const char *text)
{
	if (!text || !text[0])
		return;
	/* Line by line, so that a statement keeps its shape and still cannot draw. */
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		char *line = lk_strndup(p, n), *safe = lk_safe_copy(line, LK_SAFE_BLANKS);
		printf("  %-10s %s\n", p == text ? name : "", safe);
		free(line);
		free(safe);
		p += n + (p[n] == '\n');
	}
}

static void print_step(const struct lk_plan *plan, size_t i, const struct lk_step_text *text)
{
	const struct lk_step *step = &plan->steps[i];
	char *summary = lk_step_summary(step), *safe = lk_safe_copy(summary, 0);
	printf("\n%zu. %s: %s\n", i + 1, lk_phase_name(step->phase), safe);
	print_field("statement", text->statement);
	print_field("lock", text->lock);
	print_field("cost", text->cost);
	print_field("undo", text->undo);
	if (step->destroys)
		print_field("destroys", step->destroys);
	free(summary);
	free(safe);
}

static void print_step_json(const struct lk_plan *plan, size_t i, const struct lk_step_text *text)
{
	const struct lk_step *step = &plan->steps[i];
	char *summary = lk_step_summary(step);
	json_t *object = json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "step", (int)i, "phase",
		lk_phase_name(step->phase), "name", step->name, "verb", lk_verb_name(step->verb),
		"summary", summary, "statement", text->statement, "lock", text->lock, "cost",
		text->cost, "undo", text->undo, "destroys", step->destroys ? step->destroys : "");
	if (object)
		lk_cli_print_json(object);
	json_decref(object);
	free(summary);
}

static bool explain_steps(struct explain *e, struct lk_error *error)
{
	struct lk_step_text *texts = lk_alloc(e->plan.step_count * sizeof *texts);
	bool described = true;
	for (size_t i = 0; described && i < e->plan.step_count; i++)
		described = lk_step_describe(e->session, &e->plan, i, &texts[i], error) ||
			    lk_fail_context(error, "step %s", e->plan.steps[i].name);
	if (described && !e->json) {
		char *yaml = lk_plan_to_yaml(&e->plan);
		fputs(yaml, stdout);
		free(yaml);
	}
	for (size_t i = 0; described && i < e->plan.step_count; i++)
		if (e->json)
			print_step_json(&e->plan, i, &texts[i]);
		else
			print_step(&e->plan, i, &texts[i]);
	free(texts);
	return described;
}

static bool explain(struct explain *e, struct lk_error *error)
{
	const struct lk_settings_target *found;
	struct lk_server server;
	const char *uri, *target = e->target ? e->target : e->plan.target;
	if (!target)
		return lk_fail(
			error, LK_ERROR_USAGE,
			"explain asks the server: give --target, or name a target in the plan");
	if (!lk_settings_resolve(&e->settings, target, &uri, &found, error))
		return false;
	e->session = lk_session_open(uri, "-", "explain", error);
	if (!e->session || !lk_catalog_server(e->session, &server, error) ||
	    !lk_operation_derive(e->session, &e->plan, error))
		return false;
	lk_plan_complete(&e->plan);
	return explain_steps(e, error);
}

static int read_files(struct explain *e)
{
	struct lk_problems problems = {0};
	int status = LK_EXIT_DONE;
	if (!lk_cli_read_plan(e->path, e->target, &e->plan, &problems, NULL) ||
	    !lk_settings_read(NULL, &e->settings, &problems)) {
		char *text = lk_problems_text(&problems);
		status = lk_cli_fail(LK_EXIT_USAGE, "the plan cannot be used:");
		fputs(text, stderr);
		free(text);
	}
	lk_problems_free(&problems);
	return status;
}

int lk_cli_explain(const struct lk_cli *cli)
{
	static const struct option known[] = {{"target", required_argument, NULL, 't'},
					      {"json", no_argument, NULL, 'j'},
					      {NULL, 0, NULL, 0}};
	struct explain e = {0};
	struct lk_error error;
	int option;
	optind = 0;
	while ((option = getopt_long(cli->argc, cli->argv, "", known, NULL)) != -1)
		if (option == 't')
			e.target = optarg;
		else if (option == 'j')
			e.json = true;
		else
			return LK_EXIT_USAGE;
	if (cli->argc - optind != 1)
		return lk_cli_fail(LK_EXIT_USAGE, "explain wants one plan");
	e.path = cli->argv[optind];
	int status = read_files(&e);
	if (!status && !explain(&e, &error))
		status = lk_cli_error(&error);
	lk_session_close(e.session);
	lk_plan_free(&e.plan);
	lk_settings_free(&e.settings);
	return status;
}
