/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "control/client.h"
#include "keeper/spawn.h"

/* Functions registered with atexit take no argument. */
static char *to_remove;

/* Whatever happened, no keeper of ours stays and no folder. The keeper is the process at the other
 * end of its socket. */
static void clean_up(void)
{
	struct lk_error ignored;
	struct ucred peer;
	socklen_t size = sizeof peer;
	char **paths = NULL;
	size_t count = 0;
	if (!to_remove || !lk_keeper_list(&paths, &count, &ignored))
		return;
	for (size_t i = 0; i < count; i++) {
		struct lk_client *client = lk_client_open(paths[i], &ignored);
		if (client &&
		    getsockopt(lk_client_fd(client), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
			kill(peer.pid, SIGTERM);
		lk_client_close(client);
		free(paths[i]);
	}
	free(paths);
	if (!lk_path_remove_tree(to_remove, &ignored))
		lk_bench_say("%s", ignored.text);
	free(to_remove);
	to_remove = NULL;
}

void lk_bench_must(bool done, const struct lk_error *error)
{
	if (done)
		return;
	fprintf(stderr, "bench: %s\n", error->text);
	exit(1);
}

void lk_bench_say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void lk_bench_open(struct lk_bench *bench, int argc, char **argv)
{
	static const struct option known[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	struct lk_error error;
	int option;
	memset(bench, 0, sizeof *bench);
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option != 'j')
			exit(2);
		bench->json = true;
	}
	const char *named = getenv("LOCKKEEPER");
	bench->program = realpath(named && *named ? named : "./lockkeeper", NULL);
	if (!bench->program)
		lk_bench_must(lk_fail_errno(&error, errno, "%s", named ? named : "./lockkeeper"),
			      &error);
	char folder[] = "/tmp/lk-bench-XXXXXX";
	if (!mkdtemp(folder))
		lk_bench_must(lk_fail_errno(&error, errno, "%s", folder), &error);
	bench->folder = lk_strdup(folder);
	to_remove = lk_strdup(folder);
	atexit(clean_up);
	/* Servers of another user may lie in it. */
	chmod(folder, 0711);
	setenv("XDG_STATE_HOME", folder, 1);
	setenv("XDG_CONFIG_HOME", folder, 1);
}

void lk_bench_close(struct lk_bench *bench)
{
	clean_up();
	free(bench->folder);
	free(bench->program);
}

enum lk_bench_verdict lk_bench_judge(bool holds)
{
	return holds ? LK_BENCH_MET : LK_BENCH_MISSED;
}

static void print_json(const struct lk_bench_figure *f)
{
	json_t *object =
		json_pack("{s:s, s:f, s:s}", "figure", f->name, "value", f->value, "unit", f->unit);
	if (f->ratio > 0)
		json_object_set_new(object, "ratio", json_real(f->ratio));
	if (f->against)
		json_object_set_new(object, "against", json_string(f->against));
	if (f->target) {
		json_object_set_new(object, "target", json_string(f->target));
		json_object_set_new(object, "met", json_boolean(f->verdict == LK_BENCH_MET));
	}
	json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(object);
}

void lk_bench_print(const struct lk_bench *bench, const struct lk_bench_figure *f)
{
	if (bench->json) {
		print_json(f);
	} else {
		printf("%-28s %12.*f %-7s", f->name, f->value < 1000 ? 2 : 0, f->value, f->unit);
		if (f->ratio > 0)
			printf(" %6.2f x", f->ratio);
		printf("%s%s", f->against ? " against " : "", f->against ? f->against : "");
		if (f->target)
			printf("; target %s: %s", f->target,
			       f->verdict == LK_BENCH_MET ? "met" : "NOT MET");
		putchar('\n');
	}
	fflush(stdout);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

double lk_bench_quantile(double *values, size_t count, double share)
{
	if (count == 0)
		return 0;
	qsort(values, count, sizeof *values, compare);
	size_t at = (size_t)(share * (double)count);
	if (share == 0.5 && count % 2 == 0)
		return (values[count / 2 - 1] + values[count / 2]) / 2;
	return values[at < count ? at : count - 1];
}

char *lk_bench_plan(const struct lk_bench *bench, const char *name, const char *text)
{
	struct lk_error error;
	char *path = lk_format("%s/%s.yaml", bench->folder, name);
	lk_bench_must(lk_path_write(path, text, strlen(text), &error), &error);
	return path;
}

pid_t lk_bench_start(const struct lk_bench *bench, const char *const *arguments, int *output)
{
	const char *argv[24] = {bench->program};
	struct lk_error error;
	int ends[2];
	for (size_t i = 0; arguments[i] && i + 2 < LK_COUNT(argv); i++)
		argv[i + 1] = arguments[i];
	if (pipe(ends) != 0)
		lk_bench_must(lk_fail_errno(&error, errno, "pipe"), &error);
	pid_t pid = fork();
	if (pid < 0)
		lk_bench_must(lk_fail_errno(&error, errno, "fork"), &error);
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(ends[1]);
	if (output)
		*output = ends[0];
	else
		close(ends[0]);
	return pid;
}

int lk_bench_status(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

double lk_bench_memory(int pid, const char *member)
{
	char path[64], line[256];
	long kib = 0;
	size_t length = strlen(member);
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, member, length) == 0 && line[length] == ':')
			kib = strtol(line + length + 1, NULL, 10);
	if (file)
		fclose(file);
	return (double)kib / 1024;
}
