/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the benchmarks share: their options, the line of a figure, and the program under measurement.
 *
 * A benchmark is a program that measures a few figures in one run and prints one line for each. It
 * ends with status 0 when everything was measured, whether or not the targets are met, and with 1
 * when something could not be measured. Progress goes to stderr. One thread.
 */
#ifndef LK_TESTS_BENCH_H
#define LK_TESTS_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct lk_bench {
	bool json;
	char *program; /* the real lockkeeper, an absolute path */
	char *folder;  /* private: plans, and the program's own state and settings */
};

enum lk_bench_verdict { LK_BENCH_NO_TARGET, LK_BENCH_MET, LK_BENCH_MISSED };

struct lk_bench_figure {
	const char *name; /* "backfill_unloaded" */
	double value;
	const char *unit;
	double ratio;	     /* of value to what it is measured against; 0: none */
	const char *against; /* "one whole-table UPDATE, 185,000 rows/s"; NULL: nothing */
	const char *target;  /* "at least 0.9"; NULL: none */
	enum lk_bench_verdict verdict;
};

/* Once in a program; what it left is cleaned up at exit, however that comes.
 * Options: --json. $LOCKKEEPER names the program, else ./lockkeeper. The program's processes see
 * no settings and no state but those in the private folder. */
void lk_bench_open(struct lk_bench *bench, int argc, char **argv);
void lk_bench_close(struct lk_bench *bench);
void lk_bench_print(const struct lk_bench *bench, const struct lk_bench_figure *figure);
/* LK_BENCH_MET when it holds. */
enum lk_bench_verdict lk_bench_judge(bool holds);
/* Ends the benchmark with the error's sentence unless `done`. */
void lk_bench_must(bool done, const struct lk_error *error);
void lk_bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sorts the values. The share of them that is at most the result; 0.5 is the median. 0 of none. */
double lk_bench_quantile(double *values, size_t count, double share);

/* Writes a plan into the private folder and yields its path; the caller's. */
char *lk_bench_plan(const struct lk_bench *bench, const char *name, const char *text);
/* Starts the program with these arguments (NULL ends them; without argv[0]). Its output goes to
 * *output when that is not NULL, else nowhere. */
pid_t lk_bench_start(const struct lk_bench *bench, const char *const *arguments, int *output);
/* Waits for it and yields its exit status; 128 + the signal when it was killed. */
int lk_bench_status(pid_t pid);
/* "VmHWM" or "VmRSS" of a living process, in MiB; 0 when it has gone. proc(5). */
double lk_bench_memory(int pid, const char *member);

#endif
