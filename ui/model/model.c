/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/model/actions.h"
#include "ui/model/format.h"
#include "ui/model/run.h"

enum {
	BELL_US = 60 * 1000 * 1000, /* at most one ring a minute */
	CONFIRM_US = 1000 * 1000,   /* a stop must be proven by then */
};

struct lk_model *lk_model_new(const struct lk_console_options *options)
{
	struct lk_model *model = lk_alloc(sizeof *model);

	model->user.name = options->user ? options->user : "";
	model->user.host = options->host ? options->host : "";
	model->user.fence = options->fence;
	model->user.watch = options->watch;
	model->latest = lk_alloc(sizeof *model->latest);
	model->shown = lk_alloc(sizeof *model->shown);
	model->log = lk_alloc(sizeof *model->log * LK_LOG_LINES);
	model->plans = lk_alloc(sizeof *model->plans * LK_PLANS_SHOWN);
	model->screen = options->socket ? LK_SCREEN_LIVE : LK_SCREEN_PLANS;
	model->lists[LK_SCREEN_LOG].follow = true;
	model->interval_s = 1;
	return model;
}

void lk_model_free(struct lk_model *model)
{
	if (!model)
		return;
	free(model->latest);
	free(model->shown);
	free(model->log);
	free(model->plans);
	free(model);
}

static void ring(struct lk_model *model)
{
	if (model->bell_us && model->now_us - model->bell_us < BELL_US)
		return;
	model->bell_us = model->now_us;
	model->wants |= LK_WANT_BELL;
}

/* One second after the key the stop is proven, or the screen says that it is not. */
static void watch_pause(struct lk_model *model)
{
	if (!model->pause_us || model->pause_rung || model->now_us - model->pause_us < CONFIRM_US)
		return;
	if (lk_run_stop(model) == LK_STOP_NOT_CONFIRMED) {
		model->pause_rung = true;
		ring(model);
	}
}

void lk_model_time(struct lk_model *model, int64_t now_us, int64_t wall_ms)
{
	model->now_us = now_us;
	model->wall_ms = wall_ms;
	watch_pause(model);
	lk_act_tick(model);
}

void lk_model_attached(struct lk_model *model)
{
	model->link = LK_LINK_UP;
	model->received_us = model->now_us;
	if (model->pause_unsent) {
		model->pause_unsent = false;
		lk_model_request(model, "pause");
	}
}

void lk_model_lost(struct lk_model *model)
{
	if (model->link == LK_LINK_UP)
		model->lost_us = model->now_us;
	model->link = LK_LINK_LOST;
}

void lk_model_detached(struct lk_model *model)
{
	model->link = LK_LINK_NONE;
	model->known = false;
	model->log_first = model->log_count = 0;
	model->pause_us = model->pause_ack_us = 0;
	model->pause_unsent = model->pause_rung = model->frozen = false;
}

static void choose_first_screen(struct lk_model *model)
{
	const struct lk_snapshot *s = model->latest;
	bool untouched = strcmp(s->state, "pending") == 0 || strcmp(s->state, "starting") == 0 ||
			 (strcmp(s->state, "waiting") == 0 && s->step <= 0);

	/* before anything was changed there is something to read, not to watch */
	if (!model->screen_chosen) {
		model->screen = untouched ? LK_SCREEN_STEPS : LK_SCREEN_LIVE;
		model->filter[0] = '\0';
	}
	model->lists[LK_SCREEN_STEPS].key = s->step < 0 ? 0 : s->step;
}

/* Rings when there are more critical alerts than before. */
static void watch_alerts(struct lk_model *model)
{
	int count = 0;

	for (int i = 0; i < model->latest->alerts_count; i++)
		count += strcmp(model->latest->alerts[i].level, "CRIT") == 0;
	if (count > model->crit_count)
		ring(model);
	model->crit_count = count;
}

bool lk_model_snapshot(struct lk_model *model, const struct lk_snapshot *snapshot)
{
	bool first = !model->known, urgent;

	urgent = first || strcmp(model->latest->state, snapshot->state) != 0 ||
		 model->latest->step != snapshot->step ||
		 model->latest->proof.confirmed != snapshot->proof.confirmed;
	if (!first && model->latest->step != snapshot->step && !model->detail)
		model->lists[LK_SCREEN_STEPS].key = snapshot->step;
	memcpy(model->latest, snapshot, sizeof *snapshot);
	model->received_us = model->now_us;
	model->known = true;
	if (model->link != LK_LINK_UP)
		model->link = LK_LINK_UP;
	if (!model->frozen || first) {
		memcpy(model->shown, snapshot, sizeof *snapshot);
		model->shown_us = model->now_us;
	}
	if (first)
		choose_first_screen(model);
	watch_alerts(model);
	/* a run that goes on again has left the pause behind */
	if (model->pause_us && model->pause_ack_us && strcmp(snapshot->state, "paused") != 0 &&
	    model->now_us - model->pause_us > 2 * (int64_t)CONFIRM_US)
		model->pause_us = model->pause_ack_us = 0;
	return urgent;
}

void lk_model_event(struct lk_model *model, const struct lk_event *event)
{
	size_t at = (model->log_first + model->log_count) % LK_LOG_LINES;

	if (event->number <= lk_model_last_event(model) && event->number > 0)
		return; /* seen before the link was lost */
	model->log[at] = *event;
	if (model->log_count < LK_LOG_LINES)
		model->log_count++;
	else
		model->log_first = (model->log_first + 1) % LK_LOG_LINES;
}

void lk_model_reply(struct lk_model *model, const char *verb, bool ok, const char *text)
{
	char took[LK_SHORT];

	if (strcmp(verb, "attach") == 0 && ok)
		return;
	if (strcmp(verb, "pause") == 0 && ok) {
		if (model->pause_us && !model->pause_ack_us)
			model->pause_ack_us = model->now_us;
		lk_show_time(model->pause_us ? (double)(model->now_us - model->pause_us) / 1e3 : 0,
			     took);
		lk_model_say(model, LK_ROLE_PAUSED, "PAUSE acknowledged in %s%s%s", took,
			     *text ? ": " : "", text);
		return;
	}
	lk_model_say(model, ok ? LK_ROLE_OK : LK_ROLE_CRIT, "%s %s%s%s", verb,
		     ok ? "accepted" : "REFUSED", *text ? ": " : "", text);
}

void lk_model_plans(struct lk_model *model, const struct lk_console_plan *plans, size_t count)
{
	model->plan_count = count < LK_PLANS_SHOWN ? count : LK_PLANS_SHOWN;
	memcpy(model->plans, plans, model->plan_count * sizeof *plans);
}

void lk_model_say(struct lk_model *model, enum lk_role role, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(model->message, sizeof model->message, format, arguments);
	va_end(arguments);
	model->message_role = role;
	model->message_us = model->now_us;
}

struct lk_request *lk_model_request(struct lk_model *model, const char *verb)
{
	struct lk_request *request;

	if (model->outbox_count == LK_OUTBOX) {
		lk_model_say(model, LK_ROLE_CRIT,
			     "too many requests wait for the keeper; %s was not sent", verb);
		if (strcmp(verb, "pause") != 0)
			return NULL;
		request = &model->outbox[LK_OUTBOX - 1]; /* stopping comes before all else */
	} else {
		request = &model->outbox[model->outbox_count++];
	}
	memset(request, 0, sizeof *request);
	request->verb = verb;
	return request;
}

void lk_model_pause(struct lk_model *model)
{
	if (model->link == LK_LINK_NONE) {
		lk_model_say(model, LK_ROLE_PLAIN, "no run is open here: nothing to pause");
		return;
	}
	if (!model->pause_us) {
		model->pause_us = model->now_us;
		model->pause_ack_us = 0;
		model->pause_rung = false;
	}
	if (model->link == LK_LINK_LOST) {
		model->pause_unsent = true;
		lk_model_say(model, LK_ROLE_CRIT,
			     "PAUSE not delivered: no keeper answers; it is sent when one does. "
			     "Or by plain SQL, as the manual says.");
		return;
	}
	lk_model_request(model, "pause");
	lk_model_say(model, LK_ROLE_PAUSED, "PAUSE SENT");
}

void lk_model_show(struct lk_model *model, enum lk_screen screen)
{
	if (model->screen != screen)
		model->filter[0] = '\0'; /* it was about other lines */
	model->screen = screen;
	model->screen_chosen = true;
	model->overlay = LK_OVERLAY_NONE;
	model->detail = false;
	model->detail_top = 0;
}

const struct lk_event *lk_model_log(const struct lk_model *model, size_t index)
{
	return &model->log[(model->log_first + index) % LK_LOG_LINES];
}

int64_t lk_model_last_event(const struct lk_model *model)
{
	return model->log_count ? lk_model_log(model, model->log_count - 1)->number : 0;
}

double lk_model_age(const struct lk_model *model, double age_ms)
{
	return age_ms < 0 ? age_ms : age_ms + (double)(model->now_us - model->shown_us) / 1e3;
}

double lk_model_silence_ms(const struct lk_model *model)
{
	return (double)(model->now_us - model->received_us) / 1e3;
}
