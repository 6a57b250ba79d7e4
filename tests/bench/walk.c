/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/walk.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "control/line.h"
#include "tests/bench/follow.h"

#define TARGET_RATIO 3.0

/* From the file of the application's own figures. */
struct seen {
	char file[300];
	double run_p99_ms, worst_p99_ms; /* since the run began; of any ten seconds of it */
	double filled_p99_ms;		 /* since the run began, when the backfill ended */
};

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void find_file(const struct lk_bench *bench, struct seen *seen)
{
	glob_t found;
	char *pattern = lk_format("%s/tmp/lockkeeper-sandbox-*/application.json", bench->folder);
	if (glob(pattern, 0, NULL, &found) == 0) {
		LK_COPY(seen->file, found.gl_pathv[0]);
		globfree(&found);
	}
	free(pattern);
}

static bool still_to_fill(const struct lk_snapshot *s)
{
	for (int i = 0; i < s->steps_count; i++)
		if (strcmp(s->steps[i].verb, "backfill") == 0)
			return strcmp(s->steps[i].state, "done") != 0;
	return true;
}

static void look(const struct lk_snapshot *s, struct seen *seen)
{
	json_error_t where;
	json_t *object = json_load_file(seen->file, 0, &where);
	double recent = number(object, "recent_p99_ms"), run = number(object, "p99_run_ms");
	json_decref(object);
	if (run <= 0)
		return;
	seen->run_p99_ms = run;
	if (still_to_fill(s))
		seen->filled_p99_ms = run;
	if (recent > seen->worst_p99_ms)
		seen->worst_p99_ms = recent;
}

static bool keep_result(void *context, json_t *object)
{
	json_t **result = context;
	if (strcmp(json_string_value(json_object_get(object, "event")), "result") == 0) {
		json_decref(*result);
		*result = json_incref(object);
	}
	return true;
}

/* All that the program prints; its last object. */
static json_t *read_result(int output)
{
	struct lk_lines lines = {0};
	struct lk_error error;
	json_t *result = NULL;
	char bytes[4096];
	ssize_t n;
	while ((n = read(output, bytes, sizeof bytes)) > 0)
		lk_bench_must(lk_lines_feed(&lines, bytes, (size_t)n, keep_result, &result, &error),
			      &error);
	lk_lines_free(&lines);
	close(output);
	return result;
}

static json_t *walk(const struct lk_bench *bench, const struct lk_bench_walk *asked,
		    struct seen *seen)
{
	const char *source = getenv("srcdir");
	char *plan = lk_format("%s/plans/rename-username.yaml", source ? source : ".");
	char rows[24];
	snprintf(rows, sizeof rows, "%lld", (long long)asked->rows);
	const char *const arguments[] = {"sandbox", asked->kind, "--headless", "--json", "--rows",
					 rows,	    "--plan",	 plan,	       NULL};
	struct lk_bench_run run;
	struct lk_error error;
	int output;
	pid_t pid = lk_bench_start(bench, arguments, &output);
	free(plan);
	lk_bench_run_join(&run, false);
	find_file(bench, seen);
	while (strcmp(run.snapshot->state, "done") != 0 && lk_bench_run_pump(&run, 1000))
		look(run.snapshot, seen);
	if (strcmp(run.snapshot->state, "done") != 0)
		lk_bench_say("the keeper was last seen %s: %s", run.snapshot->state,
			     run.snapshot->reason);
	/* The sandbox has a console of its own on the run, which must have seen its end before the keeper is ended. */
	json_t *result = read_result(output);
	int status = lk_bench_status(pid);
	lk_bench_run_end(&run);
	if (!result || status != 0)
		lk_bench_must(lk_fail(&error, LK_ERROR_SYSTEM, "lockkeeper sandbox ended with %d",
				      status),
			      &error);
	return result;
}

static void print(const struct lk_bench *bench, const struct lk_bench_walk *asked,
		  struct lk_bench_figure figure)
{
	char *name = lk_format("%s%s", figure.name, asked->suffix);
	figure.name = name;
	lk_bench_print(bench, &figure);
	free(name);
}

static void print_all(const struct lk_bench *bench, const struct lk_bench_walk *asked,
		      const json_t *result, const struct seen *seen)
{
	const json_t *application = json_object_get(result, "application");
	double alone = number(application, "p99_alone_ms"), errors = number(application, "errors");
	double ratio = seen->run_p99_ms / alone;
	char against[80], rate[80];
	snprintf(against, sizeof against, "p99 alone, %.2f ms", alone);
	snprintf(rate, sizeof rate, "%.0f transactions", number(application, "transactions"));
	print(bench, asked,
	      (struct lk_bench_figure){"application_errors", errors, "errors", 0, rate, "0",
				       lk_bench_judge(errors == 0)});
	print(bench, asked,
	      (struct lk_bench_figure){"application_p99", seen->run_p99_ms, "ms", ratio, against,
				       "at most 3", lk_bench_judge(ratio <= TARGET_RATIO)});
	print(bench, asked,
	      (struct lk_bench_figure){.name = "application_p99_until_filled",
				       .value = seen->filled_p99_ms,
				       .unit = "ms",
				       .ratio = seen->filled_p99_ms / alone,
				       .against = against});
	print(bench, asked,
	      (struct lk_bench_figure){.name = "application_p99_worst_10s",
				       .value = seen->worst_p99_ms,
				       .unit = "ms",
				       .ratio = seen->worst_p99_ms / alone,
				       .against = against});
	print(bench, asked,
	      (struct lk_bench_figure){.name = "application_longest_stall",
				       .value = number(application, "longest_stall_ms"),
				       .unit = "ms"});
	print(bench, asked,
	      (struct lk_bench_figure){.name = "backfill_under_load",
				       .value = number(result, "backfill_rows_per_s"),
				       .unit = "rows/s"});
}

void lk_bench_walk(const struct lk_bench *bench, const struct lk_bench_walk *asked)
{
	struct seen seen = {0};
	char *before = getenv("TMPDIR") ? lk_strdup(getenv("TMPDIR")) : NULL;
	/* A place of its own, so that no other sandbox is mistaken for ours. What makes a server's data writes there
	 * too, as another user. */
	char *place = lk_format("%s/tmp", bench->folder);
	struct lk_error error;
	if ((mkdir(place, 0777) != 0 && errno != EEXIST) || chmod(place, 01777) != 0)
		lk_bench_must(lk_fail_errno(&error, errno, "%s", place), &error);
	setenv("TMPDIR", place, 1);
	free(place);
	json_t *result = walk(bench, asked, &seen);
	if (before)
		setenv("TMPDIR", before, 1);
	else
		unsetenv("TMPDIR");
	free(before);
	print_all(bench, asked, result, &seen);
	json_decref(result);
}
