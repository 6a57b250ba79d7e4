/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper doctor`: what of a server and a role will work, and what to do about the rest. */
#include "doctor/doctor.h"

#include <ctype.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/safe_text.h"
#include "cli/cli.h"
#include "cli/target.h"

/* Widths of a line and of the word in front of it. */
#define WIDTH 79
#define MARGIN 9

/* How many bytes of text go on a line of `columns` columns: up to a blank that is in no quotes. */
static size_t line_length(const char *text, int columns)
{
	size_t last = 0;
	int used = 0;
	bool quoted = false;
	for (size_t i = 0; text[i]; i++) {
		/* The apostrophe of a word opens nothing. */
		bool mark = (text[i] == '\'' || text[i] == '"') &&
			    (quoted || i == 0 || !isalnum((unsigned char)text[i - 1]));
		quoted = quoted != mark;
		if (text[i] == ' ' && !quoted)
			last = i;
		used += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (used > columns && last > 0)
			return last;
	}
	return strlen(text);
}

/* A word in the margin and the text beside it, on as many lines as it takes. */
static void paragraph(const char *word, const char *text)
{
	char *safe = lk_safe_copy(text, 0);
	for (const char *p = safe; *p;) {
		size_t length = line_length(p, WIDTH - MARGIN);
		printf("%-*s%.*s\n", MARGIN, p == safe ? word : "", (int)length, p);
		p += length;
		p += *p == ' ';
	}
	free(safe);
}

static void print_finding(const struct lk_finding *f)
{
	char *text = lk_format("%s: %s", f->check, f->found);
	paragraph(lk_doctor_level_name(f->level), text);
	if (f->why[0])
		paragraph("   why", f->why);
	if (f->action[0])
		paragraph("   do", f->action);
	free(text);
}

static void print_abilities(const struct lk_doctor *d)
{
	puts("\nwhat will work");
	for (size_t i = 0; i < d->ability_count; i++) {
		const struct lk_ability *a = &d->abilities[i];
		char *text = lk_format("%s%s%s", a->family, a->reason[0] ? ": " : "", a->reason);
		paragraph(lk_verdict_name(a->verdict), text);
		free(text);
	}
}

static void print_object(json_t *object)
{
	lk_cli_print_json(object);
	json_decref(object);
}

static void print_json(const struct lk_doctor *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct lk_finding *f = &d->findings[i];
		char *found = lk_safe_copy(f->found, 0), *why = lk_safe_copy(f->why, 0);
		char *action = lk_safe_copy(f->action, 0);
		print_object(json_pack("{s:s, s:s, s:s, s:s, s:s}", "level",
				       lk_doctor_level_name(f->level), "check", f->check, "found",
				       found, "why", why, "do", action));
		free(found);
		free(why);
		free(action);
	}
	for (size_t i = 0; i < d->ability_count; i++)
		print_object(json_pack("{s:s, s:s, s:s}", "family", d->abilities[i].family,
				       "verdict", lk_verdict_name(d->abilities[i].verdict),
				       "reason", d->abilities[i].reason));
	print_object(json_pack("{s:s, s:i, s:i, s:i, s:i}", "event", "result", "problems",
			       (int)lk_doctor_count(d, LK_DOCTOR_PROBLEM), "warnings",
			       (int)lk_doctor_count(d, LK_DOCTOR_WARNING), "notes",
			       (int)lk_doctor_count(d, LK_DOCTOR_NOTE), "ok",
			       (int)lk_doctor_count(d, LK_DOCTOR_OK)));
}

static int report(const struct lk_doctor *d, bool json)
{
	size_t problems = lk_doctor_count(d, LK_DOCTOR_PROBLEM);
	size_t warnings = lk_doctor_count(d, LK_DOCTOR_WARNING);
	if (json) {
		print_json(d);
	} else {
		for (size_t i = 0; i < d->count; i++)
			print_finding(&d->findings[i]);
		print_abilities(d);
		printf("\n%zu problem%s, %zu warning%s, %zu note%s\n", problems,
		       problems == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s",
		       lk_doctor_count(d, LK_DOCTOR_NOTE),
		       lk_doctor_count(d, LK_DOCTOR_NOTE) == 1 ? "" : "s");
	}
	return problems + warnings > 0 ? LK_EXIT_FAILED : LK_EXIT_DONE;
}

int lk_cli_doctor(const struct lk_cli *cli)
{
	static const struct option known[] = {{"target", required_argument, NULL, 't'},
					      {"json", no_argument, NULL, 'j'},
					      {NULL, 0, NULL, 0}};
	const char *target = NULL;
	struct lk_session *session;
	struct lk_names replicas = {0};
	struct lk_doctor doctor;
	struct lk_error error;
	bool json = false;
	int option, status;
	optind = 0;
	while ((option = getopt_long(cli->argc, cli->argv, "", known, NULL)) != -1)
		if (option == 't')
			target = optarg;
		else if (option == 'j')
			json = true;
		else
			return LK_EXIT_USAGE;
	if (cli->argc - optind > (target ? 0 : 1))
		return lk_cli_fail(LK_EXIT_USAGE,
				   "doctor looks at one target: lockkeeper doctor TARGET");
	if (optind < cli->argc)
		target = cli->argv[optind];
	status = lk_cli_open_target(target, "doctor", &session, &replicas);
	if (status)
		return status;
	*LK_PUSH(replicas.list, replicas.count) = NULL;
	status = lk_doctor_examine(session, (const char *const *)replicas.list, &doctor, &error)
			 ? report(&doctor, json)
			 : lk_cli_error(&error);
	lk_doctor_free(&doctor);
	lk_session_close(session);
	lk_names_free(&replicas);
	return status;
}
