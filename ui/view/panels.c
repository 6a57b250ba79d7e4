/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Panels of figures: value, limit and verdict stand side by side. */
#include "ui/view/panels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/model/format.h"
#include "ui/model/run.h"
#include "ui/widget/panel.h"
#include "ui/widget/text.h"

static void put_eta(const struct lk_model *model, char *text, size_t size)
{
	const struct lk_snapshot *s = model->shown;
	char low[LK_SHORT], high[LK_SHORT];

	if (lk_run_is(s, "paused|stopped"))
		snprintf(text, size, "eta -- (%s)", s->state);
	else if (s->backfill.eta_low && s->backfill.eta_high)
		snprintf(text, size, "eta %s-%s", lk_show_minute(s->backfill.eta_low, low),
			 lk_show_minute(s->backfill.eta_high, high));
	else
		text[0] = '\0';
}

/* What the keeper said last about the step, when that is more than that it begins: whom it waits for. */
static const char *last_word(const struct lk_model *model, const struct lk_snapshot_step *step)
{
	const struct lk_event *event =
		model->log_count ? lk_model_log(model, model->log_count - 1) : NULL;

	if (!event || strcmp(event->kind, "step") != 0 || event->at < step->started ||
	    strncmp(event->text, step->summary, strlen(step->summary) / 2) == 0)
		return "";
	return event->text;
}

/* What stands below the first row of the progress: what a long statement is at, or the rows that were
 * left out; "" for nothing. */
static void below_progress(const struct lk_model *model, char *text, size_t size)
{
	const struct lk_snapshot *s = model->shown;
	const struct lk_snapshot_step *step = lk_run_step(s);
	char number[LK_SHORT];

	text[0] = '\0';
	if (s->backfill.active && s->backfill.rejected > 0)
		snprintf(text, size,
			 "%s rows rejected, left as they were: see SELECT * FROM lockkeeper.reject",
			 lk_show_number(s->backfill.rejected, number));
	else if (!s->backfill.active && step && lk_run_is(s, "running|undoing"))
		lk_copy_text(text, size, step->note[0] ? step->note : last_word(model, step));
}

int lk_panel_progress_rows(const struct lk_model *model, int columns)
{
	struct lk_canvas canvas = {.ascii = true};
	struct lk_area line = {&canvas, 0, 0, 0, columns};
	char text[400];

	below_progress(model, text, sizeof text);
	return !text[0] ? 1 : lk_text_width(&line, text) <= columns - 2 ? 2 : 3;
}

static void draw_below(const struct lk_model *model, const struct lk_area *area)
{
	struct lk_area below = lk_area_part(area, 1, 0, area->rows - 1, area->columns);
	struct lk_text text = {0};
	char words[400];

	below_progress(model, words, sizeof words);
	lk_text_add(&text, model->shown->backfill.active ? LK_ROLE_WARN : LK_ROLE_NEXT, "", words);
	lk_text_draw(&text, &below, 2, 0);
	lk_text_free(&text);
}

void lk_panel_progress(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	const struct lk_snapshot_step *step = lk_run_step(s);
	char done[LK_SHORT], total[LK_SHORT], eta[64], text[160];
	int bar;

	if (!model->known)
		return;
	draw_below(model, area);
	if (lk_run_progress(s) < 0 || !s->backfill.active) {
		if (step)
			lk_putf(area, 0, 0, LK_ROLE_PLAIN, "step %d of %d: %s  %s", s->step + 1,
				s->steps_count, step->summary, s->reason);
		else
			lk_put(area, 0, 0, LK_ROLE_PLAIN, s->reason);
		return;
	}
	put_eta(model, eta, sizeof eta);
	snprintf(text, sizeof text, "%3.0f%%  %11s / %s   %s", 100 * lk_run_progress(s),
		 lk_show_number(s->backfill.rows_done, done),
		 lk_show_number(s->backfill.rows_total, total), eta);
	bar = area->columns - lk_text_width(area, text) - 2;
	bar = area->columns < 70	? bar
	      : bar < 36		? bar
	      : area->columns / 2 < bar ? area->columns / 2
					: bar;
	if (bar < 6)
		bar = 0;
	lk_panel_bar(area, 0, (struct lk_field){0, bar, LK_ROLE_PLAIN}, lk_run_progress(s));
	lk_put(area, 0, bar ? bar + 2 : 0, LK_ROLE_PLAIN, text);
}

/* A verdict in the last columns of a half panel. */
static void put_verdict(const struct lk_area *area, int row, const char *word, bool good)
{
	int at = area->columns - 6;

	if (at > 20)
		lk_put(area, row, at, good ? LK_ROLE_OK : LK_ROLE_WARN, word);
}

static void batch_of_step(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	const struct lk_snapshot_step *step = lk_run_step(s);
	struct lk_area words = lk_area_part(area, 2, 0, area->rows - 2, area->columns - 2);
	struct lk_text text = {0};
	char took[LK_SHORT];
	bool runs = step && strcmp(step->state, "running") == 0 && lk_run_is(s, "running");

	lk_panel_header(area, 0, "STEP", lk_model_age(model, 0));
	if (!step) {
		lk_put(area, 1, 0, LK_ROLE_PLAIN,
		       lk_run_is(s, "done")	? "every step is done"
		       : lk_run_is(s, "undone") ? "every step is taken back"
						: "none has begun: nothing was changed");
		return;
	}
	lk_putf(area, 1, 0, LK_ROLE_PLAIN, "%s: %s%s%s", step->verb,
		lk_run_is(s, "paused") ? s->state : step->state, runs ? " for " : "",
		runs ? lk_show_age((double)(model->wall_ms - step->started), took) : "");
	lk_text_addf(&text, LK_ROLE_PLAIN, "", "takes %s", step->lock[0] ? step->lock : "no lock");
	lk_text_add(&text, LK_ROLE_PLAIN, "", step->cost);
	lk_text_draw(&text, &words, 0, 0);
	lk_text_free(&text);
}

void lk_panel_batch(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	char a[LK_SHORT], b[LK_SHORT];
	bool paused = lk_run_is(s, "paused");
	struct lk_samples rate = {s->backfill.history, LK_HISTORY, 0, s->taken / 1000};

	if (!s->backfill.active && s->backfill.chunks == 0) {
		batch_of_step(model, area);
		return;
	}
	lk_panel_header(area, 0, "BATCH", lk_model_age(model, 0));
	lk_putf(area, 1, 0, LK_ROLE_PLAIN, "rate  %9s r/s",
		lk_show_number((int64_t)s->backfill.rows_per_s, a));
	put_verdict(area, 1, paused ? "PAUSED" : s->backfill.active ? "ok" : "idle", !paused);
	lk_putf(area, 2, 0, LK_ROLE_PLAIN, "size  %9s rows, %s chunks",
		lk_show_number(s->backfill.chunk_rows, a), lk_show_number(s->backfill.chunks, b));
	lk_putf(area, 3, 0, LK_ROLE_PLAIN, "time  p50 %s p95 %s/%.0f",
		lk_show_time(s->backfill.p50_ms, a), lk_show_time(s->backfill.p95_ms, b),
		s->backfill.chunk_target_ms);
	put_verdict(area, 3, s->backfill.p95_ms > 2 * s->backfill.chunk_target_ms ? "SLOW" : "ok",
		    s->backfill.p95_ms <= 2 * s->backfill.chunk_target_ms);
	lk_put(area, 4, 0, LK_ROLE_PLAIN, "60s");
	lk_panel_spark(area, 4, (struct lk_field){6, area->columns - 8, LK_ROLE_PLAIN}, &rate);
	lk_put(area, 5, 0, LK_ROLE_PLAIN, s->backfill.last);
	lk_putf(area, 6, 0, LK_ROLE_PLAIN, "retries %lld  cancelled %lld  longest %s",
		(long long)s->backfill.retries, (long long)s->backfill.cancelled,
		lk_show_time(s->backfill.max_ms, a));
}

/* The limit of a replica's lag, out of the throttle's inputs; 2 s when it is not among them. */
static double lag_limit_ms(const struct lk_snapshot *s, const char *replica, const char **shown)
{
	*shown = "";
	for (int i = 0; i < s->limits_count; i++) {
		double value;
		char unit[8] = "";

		if (strncmp(s->limits[i].name, "lag", 3) != 0 ||
		    (replica && s->limits[i].name[3] && !strstr(s->limits[i].name, replica)))
			continue;
		*shown = s->limits[i].limit;
		if (sscanf(s->limits[i].limit, "%lf %7s", &value, unit) >= 1)
			return strcmp(unit, "ms") == 0 ? value : value * 1000;
	}
	return 2000;
}

/* As wide as the longest name, as far as there is room for it beside the figures; a note needs more. */
static int replica_name_width(const struct lk_area *area, const struct lk_snapshot *s, bool note)
{
	int width = area->columns < 45 ? 10 : 18, most = area->columns - 21;

	if (most < 10)
		most = 10;
	for (int i = 0; i < s->replicas_count && !note; i++) {
		int length = (int)strlen(s->replicas[i].name);

		width = length > width ? length : width;
	}
	return width < most ? width : most;
}

static void put_replica(const struct lk_area *area, int row, const struct lk_snapshot *s,
			const struct lk_snapshot_replica *replica)
{
	const char *limit;
	double full = 2 * lag_limit_ms(s, replica->name, &limit);
	bool ok = strcmp(replica->state, "ok") == 0, stale = strcmp(replica->state, "stale") == 0;
	char age[LK_SHORT];
	bool broken = strcmp(replica->state, "broken") == 0;
	bool note = broken || strcmp(replica->state, "unread") == 0;
	int name = replica_name_width(area, s, note), at = name + 8;
	enum lk_role role = ok ? LK_ROLE_OK : stale ? LK_ROLE_CRIT : LK_ROLE_WARN;
	struct lk_samples samples = {replica->history, LK_HISTORY, full, s->taken / 1000};

	lk_put_field(area, row, (struct lk_field){0, name, LK_ROLE_PLAIN}, replica->name);
	lk_put_field(area, row, (struct lk_field){name + 1, -6, LK_ROLE_PLAIN},
		     lk_show_age(replica->lag_ms, age));
	if (note) {
		lk_putf(area, row, at, broken ? LK_ROLE_CRIT : LK_ROLE_WARN, "%s: %s",
			broken ? "BROKEN" : "unread", replica->note);
		return;
	}
	if (stale || strcmp(replica->state, "gone") == 0) {
		lk_putf(area, row, at, role, "%s: no data %s", stale ? "STALE" : "GONE",
			lk_show_age(replica->age_ms, age));
		return;
	}
	lk_put_field(area, row, (struct lk_field){at, 4, role}, ok ? "ok" : "OVER");
	lk_putf(area, row, area->columns - 7, LK_ROLE_PLAIN, "/%s", limit);
	lk_panel_spark(area, row,
		       (struct lk_field){at + 5, area->columns - 8 - at - 5, LK_ROLE_PLAIN},
		       &samples);
}

/* What holds the work back, in one line. */
static void put_throttle(const struct lk_area *area, int row, const struct lk_snapshot *s)
{
	for (int i = 0; i < s->limits_count; i++)
		if (s->limits[i].holds) {
			lk_putf(area, row, 0, LK_ROLE_WARN, "held by %s %s > %s", s->limits[i].name,
				s->limits[i].value, s->limits[i].limit);
			return;
		}
	lk_put(area, row, 0, LK_ROLE_PLAIN, "nothing holds the work back");
}

void lk_panel_replicas(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	int room = area->rows - 2, shown = s->replicas_count < room ? s->replicas_count : room;

	lk_panel_header(area, 0, "REPLICAS", lk_model_age(model, s->server_load.age_ms));
	if (s->replicas_count == 0)
		lk_put(area, 1, 0, LK_ROLE_PLAIN, "none is connected");
	for (int i = 0; i < shown; i++)
		put_replica(area, 1 + i, s, &s->replicas[i]);
	put_throttle(area, shown < 1 ? 2 : shown + 1, s);
	if (shown < s->replicas_count)
		lk_putf(area, area->rows - 1, area->columns - 10, LK_ROLE_WARN, " %d more",
			s->replicas_count - shown);
}

void lk_panel_server(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	char a[LK_SHORT];

	lk_panel_header(area, 0, "SERVER", lk_model_age(model, s->server_load.age_ms));
	lk_putf(area, 1, 0, LK_ROLE_PLAIN, "%s", s->server);
	lk_putf(area, 2, 0, LK_ROLE_PLAIN, "active %d/%d   idle %d   idle-txn %d   waiting %d",
		s->server_load.active, s->server_load.max_connections, s->server_load.idle,
		s->server_load.idle_in_transaction, s->server_load.waiting);
	lk_putf(area, 3, 0, LK_ROLE_PLAIN, "%s transactions/s",
		lk_show_number((int64_t)s->server_load.transactions_per_s, a));
	lk_putf(area, 4, 0, LK_ROLE_PLAIN, "oldest transaction %s",
		lk_show_age(s->server_load.oldest_transaction_ms, a));
	lk_putf(area, 5, 0, LK_ROLE_PLAIN, "keeper %d on %s, epoch %lld, %d here", s->pid, s->host,
		(long long)s->epoch, s->viewers);
}

void lk_panel_application(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	char a[LK_SHORT], b[LK_SHORT], c[LK_SHORT], title[200];
	bool slow = s->application.p99_alone_ms > 0 &&
		    s->application.p99_ms > 3 * s->application.p99_alone_ms;
	int column;

	/* two rows say it all: in a small window this panel must not push the waits out */
	snprintf(title, sizeof title, "APPLICATION  p99 %s%s, alone %s, longest stall %s",
		 lk_show_time(s->application.p99_ms, a), slow ? " SLOW" : "",
		 lk_show_time(s->application.p99_alone_ms, b),
		 lk_show_time(s->application.longest_stall_ms, c));
	lk_panel_header(area, 0, title, lk_model_age(model, s->application.age_ms));
	column = lk_putf(area, 1, 0, s->application.errors ? LK_ROLE_CRIT : LK_ROLE_OK, "errors %s",
			 lk_show_number(s->application.errors, a));
	lk_putf(area, 1, column, LK_ROLE_PLAIN, "   %s transactions, %s/s   %s",
		lk_show_number(s->application.transactions, a),
		lk_show_number((int64_t)s->application.per_s, b), s->application.releases);
	if (s->application.errors)
		lk_put(area, 2, 0, LK_ROLE_CRIT, s->application.last_error);
}

void lk_panel_limits(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;

	lk_panel_header(area, 0, "THROTTLE", lk_model_age(model, s->server_load.age_ms));
	for (int i = 0; i < s->limits_count && i + 1 < area->rows; i++) {
		const struct lk_snapshot_limit *limit = &s->limits[i];
		bool ok = strcmp(limit->state, "ok") == 0;
		bool unknown = strcmp(limit->state, "unknown") == 0;

		lk_put_field(area, 1 + i, (struct lk_field){0, 26, LK_ROLE_PLAIN}, limit->name);
		lk_putf(area, 1 + i, 27, ok ? LK_ROLE_OK : LK_ROLE_WARN, "%-10s", limit->value);
		lk_putf(area, 1 + i, 38, LK_ROLE_PLAIN, "limit %-10s", limit->limit);
		lk_putf(area, 1 + i, 56, ok ? LK_ROLE_OK : LK_ROLE_WARN, "%s%s",
			ok				    ? "ok"
			: strcmp(limit->state, "over") == 0 ? "OVER"
			: unknown			    ? "unknown"
							    : "STALE",
			limit->holds ? ", holds the work back" : "");
	}
}
