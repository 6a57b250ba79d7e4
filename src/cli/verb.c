/* SPDX-License-Identifier: GPL-3.0-or-later */
/* status, pause, resume, abort, rollback, confirm, throttle. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/memory.h"
#include "base/safe_text.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/journal_verb.h"
#include "cli/status.h"

#define CALL_MS 5000

struct verb {
	const char *name, *run, *gate, *target;
	bool json, forget_gone;
	double chunk_ms, rest;
};

static json_t *members(const struct verb *v)
{
	json_t *object = json_object();
	if (strcmp(v->name, "confirm") == 0) {
		json_object_set_new(object, "gate", json_string(v->gate));
		json_object_set_new(object, "answer", json_string("yes"));
	}
	if (strcmp(v->name, "throttle") == 0) {
		if (v->chunk_ms > 0)
			json_object_set_new(object, "chunk_time_ms", json_real(v->chunk_ms));
		if (v->rest >= 0)
			json_object_set_new(object, "rest", json_real(v->rest));
		json_object_set_new(object, "forget_gone", json_boolean(v->forget_gone));
	}
	return object;
}

static void print_outcome(const struct verb *v, const struct lk_found *found, bool ok,
			  const char *text)
{
	char *safe = lk_safe_copy(text, 0);
	if (v->json) {
		json_t *object = json_pack("{s:s, s:s, s:s, s:b, s:s}", "verb", v->name, "run",
					   found->snapshot->run, "plan", found->snapshot->plan,
					   "ok", ok, "text", safe);
		lk_cli_print_json(object);
		json_decref(object);
	} else {
		fprintf(ok ? stdout : stderr, "%s: %s\n", found->snapshot->run, safe);
	}
	free(safe);
}

static int act(const struct verb *v, struct lk_found *found)
{
	struct lk_error error;
	char text[600];
	if (strcmp(v->name, "status") == 0) {
		lk_status_print(found->snapshot, v->json);
		return LK_EXIT_DONE;
	}
	bool ok = lk_client_call(found->client, v->name, members(v), CALL_MS, NULL, text,
				 sizeof text, &error);
	print_outcome(v, found, ok, ok ? text : error.text);
	if (ok)
		return LK_EXIT_DONE;
	return error.class == LK_ERROR_LOST ? LK_EXIT_UNREACHABLE : LK_EXIT_FAILED;
}

static int by_socket(const struct verb *v)
{
	struct lk_error error;
	struct lk_found *found;
	size_t count;
	int status = LK_EXIT_DONE;
	bool any = strcmp(v->name, "pause") == 0 || strcmp(v->name, "status") == 0;
	if (!lk_find_runs(v->run, &found, &count, &error))
		return lk_cli_error(&error);
	if (count == 0) {
		status = lk_cli_fail(
			LK_EXIT_UNREACHABLE,
			v->run ? "no keeper of yours on this host has a run or plan \"%s\"; with --target "
				 "the journal can be asked"
			       : "no keeper of yours is alive on this host; with --target the journal can "
				 "be asked%s",
			v->run ? v->run : "");
	} else if (count > 1 && !any) {
		char *names = lk_find_names(found, count);
		status = lk_cli_fail(LK_EXIT_USAGE, "several runs match, name one: %s", names);
		free(names);
	} else {
		for (size_t i = 0; i < count; i++) {
			int one = act(v, &found[i]);
			status = status ? status : one;
			if (strcmp(v->name, "status") == 0 && !v->json && i + 1 < count)
				puts("");
		}
	}
	lk_find_free(found, count);
	return status;
}

static int read_number(const char *name, const char *text, double *value)
{
	char *end;
	*value = strtod(text, &end);
	if (end == text || *end || *value < 0)
		return lk_cli_fail(LK_EXIT_USAGE, "%s wants a number, not \"%s\"", name, text);
	return 0;
}

static int read_options(const struct lk_cli *cli, struct verb *v)
{
	static const struct option known[] = {
		{"target", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'},
		{"chunk-time", required_argument, NULL, 'c'},
		{"rest", required_argument, NULL, 'r'},
		{"forget-gone", no_argument, NULL, 'f'},
		{NULL, 0, NULL, 0},
	};
	int option, status = 0;
	int64_t ms;
	optind = 0;
	while (!status && (option = getopt_long(cli->argc, cli->argv, "", known, NULL)) != -1)
		switch (option) {
		case 't':
			v->target = optarg;
			break;
		case 'j':
			v->json = true;
			break;
		case 'f':
			v->forget_gone = true;
			break;
		case 'r':
			status = read_number("--rest", optarg, &v->rest);
			break;
		case 'c':
			if (!lk_duration_parse(optarg, &ms))
				status = lk_cli_fail(
					LK_EXIT_USAGE,
					"--chunk-time wants a duration such as 50ms, not \"%s\"",
					optarg);
			v->chunk_ms = (double)ms;
			break;
		default:
			status = LK_EXIT_USAGE;
		}
	return status;
}

int lk_cli_verb(const struct lk_cli *cli)
{
	struct verb v = {.name = cli->argv[0], .rest = -1};
	int status = read_options(cli, &v);
	if (status)
		return status;
	int left = cli->argc - optind;
	bool confirms = strcmp(v.name, "confirm") == 0;
	if (left > (confirms ? 2 : 1) || (confirms && left < 2))
		return lk_cli_fail(
			LK_EXIT_USAGE,
			confirms ? "confirm wants a run and a gate: lockkeeper confirm RUN GATE"
				 : "%s takes one run at most",
			v.name);
	v.run = left > 0 ? cli->argv[optind] : NULL;
	v.gate = confirms ? cli->argv[optind + 1] : NULL;
	return v.target ? lk_journal_verb(v.name, v.run, v.gate, v.target, v.json) : by_socket(&v);
}
