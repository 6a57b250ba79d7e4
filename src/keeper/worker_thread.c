/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/worker_thread.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "keeper/worker_prepare.h"

#define RECONNECT_GAP_MS 500
#define TRY_GAP_MS 1000
#define PREPARE_TRIES 3

static void set_session(struct lk_shared *shared, struct lk_session *session)
{
	pthread_mutex_lock(&shared->mutex);
	struct lk_session *old = shared->worker;
	shared->worker = session;
	pthread_mutex_unlock(&shared->mutex);
	lk_session_close(old);
}

static void send_prepared(struct lk_shared *shared, struct lk_prepared *prepared,
			  const struct lk_error *error)
{
	struct lk_message *message = lk_message_new(LK_MESSAGE_PREPARED);
	message->prepared = prepared;
	message->ending = !error			  ? LK_ENDED_DONE
			  : error->class == LK_ERROR_LOST ? LK_ENDED_LOST
							  : LK_ENDED_FAILED;
	if (error) {
		message->class = error->class;
		LK_COPY(message->text, error->text);
	}
	lk_shared_send(shared, message);
}

/* Yields false, with *again, when the connection broke after it had been made. */
static bool try_to_prepare(struct lk_shared *shared, bool *again, struct lk_error *error)
{
	struct lk_prepared *prepared = lk_alloc(sizeof *prepared);
	struct lk_session *session = lk_shared_open(shared, shared->run, "worker", error);
	if (session && lk_prepare(shared, session, prepared, error)) {
		/* A run that was found has another name, which its sessions must carry. */
		if (prepared->found)
			lk_session_close(session);
		else
			set_session(shared, session);
		send_prepared(shared, prepared, NULL);
		return true;
	}
	*again = session && error->class == LK_ERROR_LOST && !atomic_load(&shared->closing);
	lk_session_close(session);
	lk_prepared_free(prepared);
	return false;
}

/* Nothing was changed yet: a connection that somebody ends meanwhile is no reason to give up at once. */
static void prepare(struct lk_shared *shared)
{
	struct lk_error error;
	bool again = true;
	for (int i = 0; i < PREPARE_TRIES && again; i++)
		if (try_to_prepare(shared, &again, &error))
			return;
	send_prepared(shared, NULL, &error);
}

static void adopt(struct lk_worker *worker)
{
	struct lk_shared *shared = worker->shared;
	while (!atomic_load(&shared->closing)) {
		struct lk_error error;
		struct lk_prepared *prepared = lk_alloc(sizeof *prepared);
		struct lk_session *session = lk_shared_open(shared, shared->run, "worker", &error);
		/* What the lost session was still doing must be over before the journal is read. */
		if (session && lk_session_end_lost(session, worker->lost_id, &error) &&
		    lk_prepare_adopted(shared, session, prepared, &error)) {
			worker->lost_id = 0;
			set_session(shared, session);
			send_prepared(shared, prepared, NULL);
			return;
		}
		lk_session_close(session);
		lk_prepared_free(prepared);
		bool again = error.class == LK_ERROR_LOST;
		send_prepared(shared, NULL, &error);
		if (!again)
			return;
		for (int waited = 0; waited < RECONNECT_GAP_MS && !atomic_load(&shared->closing);
		     waited += 50)
			lk_sleep_ms(50);
	}
}

static void say(void *context, const char *text)
{
	lk_shared_say(context, "step", text);
}

static void progress(void *context, const struct lk_progress *figures)
{
	struct lk_message *message = lk_message_new(LK_MESSAGE_PROGRESS);
	message->progress = *figures;
	lk_shared_send(context, message);
}

static bool record_run(struct lk_worker *worker, struct lk_error *error)
{
	struct lk_shared *shared = worker->shared;
	struct lk_session *session = shared->worker;
	const struct lk_journal_holder holder = {shared->who, shared->host, (int)getpid()};
	if (!lk_prepare_unchanged(session, worker->plan, error))
		return false;
	/* Known before it is true: when the connection breaks in the commit, the run may exist all the same. */
	atomic_store(&shared->epoch, 1);
	return lk_journal_install(session, error) &&
	       lk_journal_create(session, shared->run, worker->plan, &holder, error);
}

static bool finish_run(struct lk_worker *worker, struct lk_error *error)
{
	struct lk_shared *shared = worker->shared;
	struct lk_session *session = shared->worker;
	bool undone = true;
	struct lk_journal_step *steps = lk_alloc(worker->plan->step_count * sizeof *steps);
	bool done = lk_begin(session, error) &&
		    lk_journal_fence(session, shared->run, atomic_load(&shared->epoch), error) &&
		    lk_journal_steps(session, shared->run, worker->plan->step_count, steps, error);
	for (size_t i = 0; done && i < worker->plan->step_count; i++)
		undone = undone && strcmp(steps[i].state, "done") != 0;
	done = done && lk_journal_cleanup(session, shared->run, -1, NULL, error) &&
	       lk_journal_set_state(session, shared->run, undone ? "undone" : "done", "", error) &&
	       lk_commit(session, error);
	if (!done)
		lk_rollback(session);
	free(steps);
	return done;
}

static bool record_approvals(struct lk_worker *worker, const struct lk_job *job,
			     struct lk_error *error)
{
	for (size_t i = 0; i < job->approval_count; i++)
		if (!lk_journal_approve(worker->shared->worker, worker->shared->run,
					worker->shared->digest, &job->approvals[i], error))
			return false;
	return true;
}

static enum lk_outcome run_step(struct lk_worker *worker, const struct lk_job *job, char *note,
				size_t size, struct lk_error *error)
{
	struct lk_shared *shared = worker->shared;
	struct lk_session *session = shared->worker;
	struct lk_step_run run = {.session = session,
				  .run = shared->run,
				  .epoch = atomic_load(&shared->epoch),
				  .number = job->action.step,
				  .plan = worker->plan,
				  .pace = &shared->pace,
				  .context = shared,
				  .say = say,
				  .progress = progress};
	enum lk_outcome outcome = LK_OUTCOME_FAILED;
	session->stop = &shared->pace.stop;
	if (!record_approvals(worker, job, error))
		outcome = lk_step_outcome(&run, error);
	else if (job->action.kind == LK_ACTION_FORWARD)
		outcome = lk_step_forward(&run, error);
	else
		outcome = lk_step_backward(&run, error);
	session->stop = NULL;
	lk_copy_text(note, size, outcome == LK_OUTCOME_FAILED ? error->text : run.note);
	return outcome;
}

/* The journal learns of a failure too; best effort, since the server may be what failed. */
static void record_failure(struct lk_worker *worker, const struct lk_job *job, const char *note)
{
	struct lk_error ignored;
	struct lk_shared *shared = worker->shared;
	if (lk_begin(shared->worker, &ignored) &&
	    lk_journal_fence(shared->worker, shared->run, atomic_load(&shared->epoch), &ignored) &&
	    lk_journal_set_step(shared->worker, shared->run, job->action.step, "failed", note,
				&ignored) &&
	    lk_commit(shared->worker, &ignored))
		return;
	lk_rollback(shared->worker);
}

static enum lk_ending act(struct lk_worker *worker, const struct lk_job *job, char *note,
			  size_t size, struct lk_error *error)
{
	bool done;
	switch (job->action.kind) {
	case LK_ACTION_RECORD:
		done = record_run(worker, error);
		break;
	case LK_ACTION_FINISH:
		done = finish_run(worker, error);
		break;
	default:
		switch (run_step(worker, job, note, size, error)) {
		case LK_OUTCOME_DONE:
			return LK_ENDED_DONE;
		case LK_OUTCOME_STOPPED:
			return LK_ENDED_STOPPED;
		case LK_OUTCOME_WAITING:
			return LK_ENDED_WAITING;
		case LK_OUTCOME_FAILED:
			break;
		}
		if (error->class != LK_ERROR_LOST && error->class != LK_ERROR_FENCED)
			record_failure(worker, job, note);
		return LK_ENDED_FAILED;
	}
	lk_copy_text(note, size, done ? "" : error->text);
	return done ? LK_ENDED_DONE : LK_ENDED_FAILED;
}

/* Whoever locks the whole server for a while, for a backup say, locks the journal too: that is waited for. */
static enum lk_ending act_or_wait(struct lk_worker *worker, const struct lk_job *job, char *note,
				  size_t size, struct lk_error *error)
{
	struct lk_shared *shared = worker->shared;
	for (bool said = false;; said = true) {
		char text[400];
		lk_error_clear(error);
		enum lk_ending ending = act(worker, job, note, size, error);
		if (ending != LK_ENDED_FAILED || error->class != LK_ERROR_RETRY)
			return ending;
		snprintf(text, sizeof text, "not now (%.250s): waiting for the journal",
			 error->text);
		if (!said)
			lk_shared_say(shared, "step", text);
		if (!lk_pace_sleep(&shared->pace, TRY_GAP_MS) || atomic_load(&shared->closing))
			return ending;
	}
}

static void do_action(struct lk_worker *worker, const struct lk_job *job)
{
	struct lk_error error = {0};
	struct lk_message *message = lk_message_new(LK_MESSAGE_ENDED);
	message->action = job->action;
	message->ending = act_or_wait(worker, job, message->text, sizeof message->text, &error);
	message->class = error.class;
	/* After a stop the session may be broken as well: look, rather than find out at the next step. */
	if (message->ending == LK_ENDED_STOPPED && error.class == LK_ERROR_LOST)
		message->ending = LK_ENDED_LOST;
	if (message->ending == LK_ENDED_FAILED && error.class == LK_ERROR_LOST)
		message->ending = LK_ENDED_LOST;
	if (message->ending == LK_ENDED_LOST) {
		LK_COPY(message->text, error.text);
		worker->lost_id = worker->shared->worker ? worker->shared->worker->id : 0;
		set_session(worker->shared, NULL);
	}
	lk_shared_send(worker->shared, message);
}

static void *worker_main(void *argument)
{
	struct lk_worker *worker = argument;
	struct lk_shared *shared = worker->shared;
	for (;;) {
		pthread_mutex_lock(&worker->mutex);
		while (!worker->has_job && !atomic_load(&shared->closing))
			pthread_cond_wait(&worker->changed, &worker->mutex);
		struct lk_job job = worker->job;
		worker->has_job = false;
		pthread_mutex_unlock(&worker->mutex);
		if (atomic_load(&shared->closing))
			break;
		if (job.kind == LK_JOB_PREPARE)
			prepare(shared);
		else if (job.kind == LK_JOB_ADOPT)
			adopt(worker);
		else
			do_action(worker, &job);
	}
	set_session(shared, NULL);
	return NULL;
}

bool lk_worker_start(struct lk_worker *worker, struct lk_shared *shared, struct lk_error *error)
{
	memset(worker, 0, sizeof *worker);
	worker->shared = shared;
	pthread_mutex_init(&worker->mutex, NULL);
	lk_condition_init(&worker->changed);
	return lk_thread_start(&worker->thread, worker_main, worker, error);
}

void lk_worker_give(struct lk_worker *worker, const struct lk_job *job, const struct lk_plan *plan)
{
	pthread_mutex_lock(&worker->mutex);
	worker->job = *job;
	worker->plan = plan;
	worker->has_job = true;
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->mutex);
}

void lk_worker_join(struct lk_worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->mutex);
	pthread_join(worker->thread, NULL);
	pthread_mutex_destroy(&worker->mutex);
	pthread_cond_destroy(&worker->changed);
}
