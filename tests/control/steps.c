/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/control/steps.h"

#include <unistd.h>

#include "base/path.h"
#include "catalog/catalog.h"
#include "plan/file.h"

struct lk_session *lk_steps_session(const struct lk_test_server *server, const char *user)
{
	struct lk_error error;
	char *uri = lk_format("postgresql:///test?host=%s&port=5432&user=%s",
			      lk_test_server_folder(server), user ? user : "postgres");
	struct lk_session *session = lk_session_open(uri, "-", "worker", &error);
	free(uri);
	if (!session)
		fail_msg("%s", error.text);
	return session;
}

bool lk_steps_plan(struct lk_session *session, const char *name, const char *body,
		   struct lk_plan *plan, struct lk_error *error)
{
	struct lk_problems problems = {0};
	char path[] = "/tmp/lk-plan-XXXXXX";
	char *text = lk_format("plan: %s\n%s", name, body);
	int fd = mkstemp(path);
	close(fd);
	memset(plan, 0, sizeof *plan);
	assert_true(lk_path_write(path, text, strlen(text), error));
	if (!lk_plan_read(path, plan, &problems)) {
		char *list = lk_problems_text(&problems);
		unlink(path);
		fail_msg("%s", list);
	}
	unlink(path);
	free(text);
	lk_problems_free(&problems);
	if (!lk_operation_derive(session, plan, error))
		return false;
	lk_plan_complete(plan);
	return true;
}

static void say(void *context, const char *text)
{
	struct lk_steps *steps = context;
	pthread_mutex_lock(&steps->mutex);
	size_t length = strlen(steps->said);
	snprintf(steps->said + length, sizeof steps->said - length, "%s\n", text);
	pthread_mutex_unlock(&steps->mutex);
}

static void tell_progress(void *context, const struct lk_progress *progress)
{
	((struct lk_steps *)context)->progress = *progress;
}

void lk_steps_open(struct lk_steps *steps, struct lk_test_server *server, const char *name,
		   const char *body)
{
	lk_steps_open_as(steps, server, NULL, name, body);
}

void lk_steps_open_as(struct lk_steps *steps, struct lk_test_server *server, const char *user,
		      const char *name, const char *body)
{
	const struct lk_journal_holder holder = {"tester", "here", (int)getpid()};
	memset(steps, 0, sizeof *steps);
	steps->server = server;
	steps->session = lk_steps_session(server, user);
	pthread_mutex_init(&steps->mutex, NULL);
	lk_pace_init(&steps->pace, 100);
	snprintf(steps->run, sizeof steps->run, "%.18s-run", name);
	if (!lk_steps_plan(steps->session, name, body, &steps->plan, &steps->error) ||
	    !lk_journal_install(steps->session, &steps->error) ||
	    !lk_journal_create(steps->session, steps->run, &steps->plan, &holder, &steps->error))
		fail_msg("%s", steps->error.text);
	steps->session->stop = &steps->pace.stop;
}

void lk_steps_close(struct lk_steps *steps)
{
	lk_session_close(steps->session);
	lk_plan_free(&steps->plan);
	lk_pace_destroy(&steps->pace);
	pthread_mutex_destroy(&steps->mutex);
}

static enum lk_outcome carry_out(struct lk_steps *steps, int number, bool forward)
{
	struct lk_step_run run = {.session = steps->session,
				  .run = steps->run,
				  .epoch = 1,
				  .number = number,
				  .plan = &steps->plan,
				  .pace = &steps->pace,
				  .context = steps,
				  .say = say,
				  .progress = tell_progress};
	enum lk_outcome outcome = forward ? lk_step_forward(&run, &steps->error)
					  : lk_step_backward(&run, &steps->error);
	LK_COPY(steps->note, run.note);
	return outcome;
}

enum lk_outcome lk_steps_forward(struct lk_steps *steps, int number)
{
	return carry_out(steps, number, true);
}

enum lk_outcome lk_steps_backward(struct lk_steps *steps, int number)
{
	return carry_out(steps, number, false);
}

int lk_steps_find(const struct lk_steps *steps, enum lk_verb verb)
{
	for (size_t i = 0; i < steps->plan.step_count; i++)
		if (steps->plan.steps[i].verb == verb)
			return (int)i;
	fail_msg("the plan has no step %s", lk_verb_name(verb));
	return -1;
}

static void must(struct lk_steps *steps, int number)
{
	enum lk_outcome outcome = lk_steps_forward(steps, number);
	if (outcome != LK_OUTCOME_DONE)
		fail_msg("step %s ended with %d: %s\n%s", steps->plan.steps[number].name,
			 (int)outcome,
			 outcome == LK_OUTCOME_FAILED ? steps->error.text : steps->note,
			 steps->said);
}

void lk_steps_done(struct lk_steps *steps, enum lk_verb verb)
{
	must(steps, lk_steps_find(steps, verb));
}

void lk_steps_all(struct lk_steps *steps)
{
	for (size_t i = 0; i < steps->plan.step_count; i++)
		must(steps, (int)i);
}

void lk_steps_await_said(struct lk_steps *steps, const char *words, int seconds)
{
	int64_t until = lk_clock_us() + seconds * 1000000LL;
	for (;;) {
		pthread_mutex_lock(&steps->mutex);
		bool said = strstr(steps->said, words) != NULL;
		pthread_mutex_unlock(&steps->mutex);
		if (said)
			return;
		if (lk_clock_us() > until)
			fail_msg("not said: \"%s\"\n%s", words, steps->said);
		lk_sleep_ms(5);
	}
}

static void *run_thread(void *argument)
{
	struct lk_steps_thread *thread = argument;
	thread->outcome = lk_steps_forward(thread->steps, thread->number);
	return NULL;
}

void lk_steps_start(struct lk_steps_thread *thread, struct lk_steps *steps, enum lk_verb verb)
{
	thread->steps = steps;
	thread->number = lk_steps_find(steps, verb);
	assert_int_equal(pthread_create(&thread->thread, NULL, run_thread, thread), 0);
}

enum lk_outcome lk_steps_join(struct lk_steps_thread *thread)
{
	pthread_join(thread->thread, NULL);
	return thread->outcome;
}
