/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chaos: runs of a real plan to which everything happens that happens to servers and programs, decided by a
 * seed. Each seed is a process of its own. Output is TAP, then a table of what was done and what came of it.
 *
 *	tests/chaos/chaos                        ten seeds; CHAOS_SEEDS and CHAOS_FIRST name others
 *	tests/chaos/chaos --seed 17 [--keep]     one, its folder kept when it fails (or with --keep)
 *
 * CHAOS_ENGINE says to which server it happens, PostgreSQL if nothing.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/chaos/seed.h"
#include "tests/server/processes.h"

#define SEED_MS 240000
/* What automake takes for a test that was skipped. */
#define SKIPPED 77

struct sum {
	int seeds, failed;
	struct lk_chaos_outcome all;
};

static void add(struct sum *sum, const struct lk_chaos_outcome *one)
{
	struct lk_chaos_outcome *all = &sum->all;
	for (int i = 0; i < LK_CHAOS_KINDS; i++) {
		all->faults[i] += one->faults[i];
		all->impossible[i] += one->impossible[i];
	}
	all->rows_compared += one->rows_compared;
	all->rows_different += one->rows_different;
	all->looks += one->looks;
	all->written.transactions += one->written.transactions;
	for (int i = 0; i < LK_CHAOS_TOLD_KINDS; i++)
		all->written.told[i] += one->written.told[i];
	if (one->written.longest_ms > all->written.longest_ms)
		all->written.longest_ms = one->written.longest_ms;
	if (one->worst_recovery_ms > all->worst_recovery_ms)
		all->worst_recovery_ms = one->worst_recovery_ms;
	if (one->missing[0])
		LK_COPY(all->missing, one->missing);
}

/* What a seed that died has left: its keepers have become our children. */
static void end_children(void)
{
	struct lk_processes left = lk_processes_below(getpid());
	for (size_t i = 0; i < left.count; i++)
		kill(left.pids[i], SIGKILL);
	lk_processes_wait_gone(&left);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Runs the seed in a process of its own; false when that died without a word. */
static bool run_apart(const struct lk_chaos_engine *engine, uint64_t number, bool keep,
		      struct lk_chaos_outcome *outcome)
{
	int ends[2], status;
	memset(outcome, 0, sizeof *outcome);
	snprintf(outcome->line, sizeof outcome->line, "the test itself died or hung");
	fflush(NULL);
	if (pipe(ends) != 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		lk_chaos_seed(engine, number, keep, outcome);
		ssize_t written = write(ends[1], outcome, sizeof *outcome);
		exit(written == (ssize_t)sizeof *outcome ? 0 : 1);
	}
	close(ends[1]);
	int64_t until = lk_clock_us() + SEED_MS * 1000LL;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (lk_clock_us() > until)
			kill(pid, SIGKILL);
		lk_sleep_ms(10);
	}
	struct lk_chaos_outcome told;
	bool heard = read(ends[0], &told, sizeof told) == (ssize_t)sizeof told;
	if (heard)
		*outcome = told;
	close(ends[0]);
	end_children();
	return heard;
}

static void print_table(const struct sum *sum, double seconds)
{
	const struct lk_chaos_outcome *all = &sum->all;
	static const char *const told[] = {"lost connections", "shutdowns", "no space", "others"};
	printf("#\n# %-34s %8d\n# %-34s %8d\n", "seeds", sum->seeds, "failed", sum->failed);
	for (int i = 0; i < LK_CHAOS_KINDS; i++) {
		printf("# fault: %-27s %8d\n", lk_chaos_kind_name(i), all->faults[i]);
		if (all->impossible[i])
			printf("# NOT TRIED HERE, %d times: %s\n", all->impossible[i],
			       lk_chaos_kind_name(i));
	}
	if (all->missing[0])
		printf("# NOT PERMITTED HERE: %s\n", all->missing);
	printf("# %-34s %8lld\n# %-34s %8lld\n", "rows compared at the end",
	       (long long)all->rows_compared, "rows different", (long long)all->rows_different);
	printf("# %-34s %8lld\n", "looks at journal and catalog", (long long)all->looks);
	printf("# %-34s %8lld\n", "transactions of the application",
	       (long long)all->written.transactions);
	for (int i = 0; i < LK_CHAOS_TOLD_KINDS; i++)
		printf("# application, %-21s %8lld\n", told[i], (long long)all->written.told[i]);
	printf("# %-34s %8.1f s\n", "longest wait of the application",
	       all->written.longest_ms / 1000);
	printf("# %-34s %8.1f s\n# %-34s %8.1f s\n", "worst time to go on after a fault",
	       all->worst_recovery_ms / 1000, "in all", seconds);
}

static int run_seeds(const struct lk_chaos_engine *engine, uint64_t first, int count, bool keep)
{
	struct sum sum = {0};
	struct lk_chaos_outcome *outcome = lk_alloc(sizeof *outcome);
	int64_t begun = lk_clock_us();
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		unsigned long long number = first + (unsigned)i;
		bool passed = run_apart(engine, number, keep, outcome) && outcome->passed;
		printf("%s %d - seed %llu, %s\n", passed ? "ok" : "not ok", i + 1, number,
		       outcome->line);
		if (!passed)
			printf("# again: CHAOS_ENGINE=%s tests/chaos/chaos --seed %llu\n",
			       engine->name, number);
		fflush(stdout);
		sum.seeds++;
		sum.failed += !passed;
		add(&sum, outcome);
	}
	print_table(&sum, (double)(lk_clock_us() - begun) / 1e6);
	free(outcome);
	return sum.failed ? 1 : 0;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text && text[0] ? strtoull(text, NULL, 10) : otherwise;
}

/* NULL: there is none of that name. */
static const struct lk_chaos_engine *engine_called(const char *name)
{
	const struct lk_chaos_engine *found = NULL;
	for (size_t i = 0; lk_chaos_engines[i]; i++)
		if (!found && (!name || !name[0] || strcmp(lk_chaos_engines[i]->name, name) == 0))
			found = lk_chaos_engines[i];
	return found;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"seed", required_argument, NULL, 's'},
					      {"keep", no_argument, NULL, 'k'},
					      {NULL, 0, NULL, 0}};
	uint64_t first = from_environment("CHAOS_FIRST", 1);
	int count = (int)from_environment("CHAOS_SEEDS", 10), option;
	bool keep = false;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (option) {
		case 's':
			first = strtoull(optarg, NULL, 10);
			count = 1;
			break;
		case 'k':
			keep = true;
			break;
		default:
			fputs("usage: chaos [--seed N] [--keep]\n", stderr);
			return 2;
		}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_IGN);
	const struct lk_chaos_engine *engine = engine_called(getenv("CHAOS_ENGINE"));
	if (!engine) {
		fprintf(stderr, "chaos: there is no engine %s here\n", getenv("CHAOS_ENGINE"));
		return 2;
	}
	if (!engine->available()) {
		printf("1..0 # SKIP there is no %s server here\n", engine->name);
		return SKIPPED;
	}
	return run_seeds(engine, first, count, keep);
}
