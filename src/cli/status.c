/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/safe_text.h"
#include "cli/cli.h"

static void line(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(const char *name, const char *format, ...)
{
	char text[600];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	char *safe = lk_safe_copy(text, LK_SAFE_BLANKS);
	printf("%-12s %s\n", name, safe);
	free(safe);
}

static void print_limits(const struct lk_snapshot *s)
{
	for (int i = 0; i < s->limits_count; i++)
		line(i == 0 ? "limits" : "", "%s %s (limit %s) %s", s->limits[i].name,
		     s->limits[i].value, s->limits[i].limit, s->limits[i].state);
}

void lk_status_print(const struct lk_snapshot *s, bool json)
{
	if (json) {
		json_t *object = lk_snapshot_encode(s);
		lk_cli_print_json(object);
		json_decref(object);
		return;
	}
	line("run", "%s, plan %s on %s (%s)", s->run, s->plan, s->target, s->server);
	line("state", "%s%s%s", s->state, s->reason[0] ? ": " : "", s->reason);
	if (s->step >= 0 && s->step < s->steps_count)
		line("step", "%d of %d, %s %s", s->step + 1, s->steps_count,
		     s->steps[s->step].phase, s->steps[s->step].name);
	if (s->backfill.rows_total > 0 && s->backfill.rows_done > 0)
		line("backfill", "%lld of about %lld rows, %.0f rows/s, %lld chunks",
		     (long long)s->backfill.rows_done, (long long)s->backfill.rows_total,
		     s->backfill.rows_per_s, (long long)s->backfill.chunks);
	if (s->proof.requested && s->paused_at)
		line("proof", "%s: %d open transactions, %d locks of the worker, after %.0f ms",
		     s->proof.confirmed ? "stop confirmed" : "NOT CONFIRMED",
		     s->proof.open_transactions, s->proof.locks_held, s->proof.quiet_ms);
	print_limits(s);
	for (int i = 0; i < s->alerts_count; i++)
		line(s->alerts[i].level, "%s", s->alerts[i].text);
	if (s->application.known)
		line("application",
		     "%lld transactions, %lld errors, p99 %.1f ms (alone %.1f ms), longest stall %.0f ms",
		     (long long)s->application.transactions, (long long)s->application.errors,
		     s->application.p99_ms, s->application.p99_alone_ms,
		     s->application.longest_stall_ms);
	line("keeper", "process %d on %s, version %s", s->pid, s->host, s->version);
}
