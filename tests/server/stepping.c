/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/stepping.h"

#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "operation/operation.h"
#include "plan/file.h"

#define PATIENCE_US 120000000

static void say(void *context, const char *text)
{
	struct lk_test_steps *steps = context;
	pthread_mutex_lock(&steps->mutex);
	lk_buffer_addf(&steps->said, "%s\n", text);
	pthread_mutex_unlock(&steps->mutex);
}

static void note_progress(void *context, const struct lk_progress *progress)
{
	struct lk_test_steps *steps = context;
	pthread_mutex_lock(&steps->mutex);
	steps->progress = *progress;
	pthread_mutex_unlock(&steps->mutex);
}

static void read_plan(const char *yaml, struct lk_plan *plan)
{
	struct lk_problems problems = {0};
	if (!lk_plan_parse("test.yaml", yaml, strlen(yaml), plan, &problems))
		fail_msg("%s\n%s", lk_problems_text(&problems), yaml);
	lk_problems_free(&problems);
}

static bool prepare(struct lk_session *session, struct lk_plan *plan, struct lk_error *error)
{
	struct lk_step_text text;
	if (plan->step_count == 0 && !lk_operation_derive(session, plan, error))
		return false;
	lk_plan_complete(plan);
	for (size_t i = 0; i < plan->step_count; i++)
		if (!lk_step_describe(session, plan, i, &text, error))
			return false;
	return true;
}

static struct lk_session *open_session(const char *uri, const char *run, const char *purpose)
{
	struct lk_error error;
	struct lk_session *session = lk_session_open(uri, run, purpose, &error);
	if (!session)
		fail_msg("%s: %s", uri, error.text);
	return session;
}

void lk_test_steps_open_uri(struct lk_test_steps *steps, const char *uri, const char *yaml)
{
	const struct lk_journal_holder holder = {"tester", "here", 1};
	memset(steps, 0, sizeof *steps);
	snprintf(steps->name, sizeof steps->name, "r%llx", (unsigned long long)lk_clock_us());
	pthread_mutex_init(&steps->mutex, NULL);
	lk_pace_init(&steps->pace, 100);
	steps->session = open_session(uri, steps->name, "worker");
	steps->control = open_session(uri, steps->name, "control");
	read_plan(yaml, &steps->plan);
	/* Runs of the same plan exclude each other, and one test should not hinder the next. */
	free(steps->plan.name);
	steps->plan.name = lk_strdup(steps->name);
	if (!prepare(steps->session, &steps->plan, &steps->error) ||
	    !lk_journal_install(steps->session, &steps->error) ||
	    !lk_journal_create(steps->session, steps->name, &steps->plan, &holder, &steps->error))
		fail_msg("%s", steps->error.text);
	steps->session->stop = &steps->pace.stop;
	steps->run = (struct lk_step_run){.session = steps->session,
					  .run = steps->name,
					  .epoch = 1,
					  .plan = &steps->plan,
					  .pace = &steps->pace,
					  .context = steps,
					  .say = say,
					  .progress = note_progress};
}

void lk_test_steps_close(struct lk_test_steps *steps)
{
	lk_session_close(steps->session);
	lk_session_close(steps->control);
	lk_plan_free(&steps->plan);
	lk_pace_destroy(&steps->pace);
	lk_buffer_free(&steps->said);
	pthread_mutex_destroy(&steps->mutex);
}

char *lk_test_steps_refusal_at(const char *uri, const char *yaml)
{
	struct lk_plan plan = {0};
	struct lk_error error = {0};
	struct lk_session *session = open_session(uri, "refusal", "worker");
	read_plan(yaml, &plan);
	char *text = lk_strdup(prepare(session, &plan, &error) ? "" : error.text);
	lk_plan_free(&plan);
	lk_session_close(session);
	return text;
}

static void choose(struct lk_test_steps *steps, const char *name)
{
	steps->run.number = lk_plan_find_step(&steps->plan, name);
	if (steps->run.number < 0)
		fail_msg("the plan has no step %s", name);
	lk_pace_go(&steps->pace);
}

enum lk_outcome lk_test_step_forward(struct lk_test_steps *steps, const char *name)
{
	choose(steps, name);
	enum lk_outcome outcome = lk_step_forward(&steps->run, &steps->error);
	if (outcome == LK_OUTCOME_DONE)
		steps->next = (size_t)steps->run.number + 1;
	return outcome;
}

enum lk_outcome lk_test_step_backward(struct lk_test_steps *steps, const char *name)
{
	choose(steps, name);
	return lk_step_backward(&steps->run, &steps->error);
}

static void *run_step(void *argument)
{
	struct lk_test_steps *steps = argument;
	steps->outcome = steps->backwards ? lk_step_backward(&steps->run, &steps->error)
					  : lk_step_forward(&steps->run, &steps->error);
	pthread_mutex_lock(&steps->mutex);
	steps->ended = true;
	pthread_mutex_unlock(&steps->mutex);
	return NULL;
}

void lk_test_step_begin(struct lk_test_steps *steps, const char *name, bool backwards)
{
	choose(steps, name);
	steps->backwards = backwards;
	steps->ended = false;
	if (pthread_create(&steps->thread, NULL, run_step, steps) != 0)
		fail_msg("no thread");
}

bool lk_test_step_ended(struct lk_test_steps *steps)
{
	pthread_mutex_lock(&steps->mutex);
	bool ended = steps->ended;
	pthread_mutex_unlock(&steps->mutex);
	return ended;
}

enum lk_outcome lk_test_step_end(struct lk_test_steps *steps)
{
	pthread_join(steps->thread, NULL);
	if (steps->outcome == LK_OUTCOME_DONE && !steps->backwards)
		steps->next = (size_t)steps->run.number + 1;
	return steps->outcome;
}

static size_t number_of(const struct lk_test_steps *steps, const char *name)
{
	int number = name ? lk_plan_find_step(&steps->plan, name) : (int)steps->plan.step_count;
	if (number < 0)
		fail_msg("the plan has no step %s", name);
	return (size_t)number;
}

void lk_test_steps_until(struct lk_test_steps *steps, const char *name)
{
	size_t end = number_of(steps, name);
	for (size_t i = steps->next; i < end; i++)
		if (lk_test_step_forward(steps, steps->plan.steps[i].name) != LK_OUTCOME_DONE)
			fail_msg("%s: %s", steps->plan.steps[i].name, steps->error.text);
}

void lk_test_steps_back(struct lk_test_steps *steps, const char *name)
{
	for (size_t i = number_of(steps, name); i-- > 0;)
		if (lk_test_step_backward(steps, steps->plan.steps[i].name) != LK_OUTCOME_DONE)
			fail_msg("%s: %s", steps->plan.steps[i].name, steps->error.text);
}

static bool cancel(struct lk_test_steps *steps)
{
	struct lk_error error;
	if (!lk_session_cancel_begin(steps->session))
		return false;
	if (!lk_session_cancel_finish(steps->session, steps->control, &error))
		fail_msg("%s", error.text);
	return true;
}

void lk_test_steps_stop(struct lk_test_steps *steps)
{
	lk_pace_stop(&steps->pace);
	cancel(steps);
}

bool lk_test_steps_give_way(struct lk_test_steps *steps)
{
	atomic_store(&steps->pace.give_way, true);
	if (cancel(steps))
		return true;
	atomic_store(&steps->pace.give_way, false);
	return false;
}

char *lk_test_steps_said(struct lk_test_steps *steps)
{
	pthread_mutex_lock(&steps->mutex);
	char *said = lk_strdup(lk_buffer_text(&steps->said));
	pthread_mutex_unlock(&steps->mutex);
	return said;
}

bool lk_test_steps_hears(struct lk_test_steps *steps, const char *text)
{
	int64_t deadline = lk_clock_us() + PATIENCE_US;
	for (;;) {
		/* The end is looked at first: what is said before it still counts. */
		bool ended = lk_test_step_ended(steps);
		char *said = lk_test_steps_said(steps);
		bool heard = strstr(said, text) != NULL;
		free(said);
		if (heard || ended || lk_clock_us() > deadline)
			return heard;
		lk_sleep_ms(5);
	}
}

struct lk_progress lk_test_steps_progress(struct lk_test_steps *steps)
{
	pthread_mutex_lock(&steps->mutex);
	struct lk_progress progress = steps->progress;
	pthread_mutex_unlock(&steps->mutex);
	return progress;
}
