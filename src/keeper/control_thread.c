/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/control_thread.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define POLL_US 250000
#define CANCEL_GAP_MS 5
/* After this long without proof the operator is told so; the attempt goes on. */
#define PROOF_PATIENCE_US 1000000
#define RECONNECT_GAP_US 500000
#define STATEMENT_LIMIT_MS 2000
#define LOCK_LIMIT_MS 1000

static void set_session(struct lk_controller *c, struct lk_session *session)
{
	pthread_mutex_lock(&c->mutex);
	struct lk_session *old = c->session;
	c->session = session;
	pthread_mutex_unlock(&c->mutex);
	lk_session_close(old);
}

static void open_session(struct lk_controller *c)
{
	struct lk_error error;
	struct lk_session *session = lk_shared_open(c->shared, c->shared->run, "control", &error);
	if (session && !lk_session_limit(session, STATEMENT_LIMIT_MS, LOCK_LIMIT_MS, &error)) {
		lk_session_close(session);
		session = NULL;
	}
	set_session(c, session);
}

/*
 * For the stop with this number or, with 0, once. Whether it is still wanted is looked at under the mutex that
 * lk_controller_release takes, so that no statement of what goes on afterwards is hit.
 */
static void cancel_worker(struct lk_controller *c, int64_t number)
{
	struct lk_error error;
	struct lk_session *worker = NULL;
	pthread_mutex_lock(&c->mutex);
	bool wanted = number ? c->stopping && c->stop_number == number : c->cancel_once;
	c->cancel_once = false;
	pthread_mutex_lock(&c->shared->mutex);
	if (wanted && c->shared->worker && lk_session_cancel_begin(c->shared->worker))
		worker = c->shared->worker;
	pthread_mutex_unlock(&c->shared->mutex);
	pthread_mutex_unlock(&c->mutex);
	if (worker && !lk_session_cancel_finish(worker, c->session, &error))
		lk_shared_say(c->shared, "error", error.text);
}

static void send_quiet(struct lk_controller *c, int64_t number, int64_t asked_us,
		       const struct lk_quiet *quiet, bool confirmed)
{
	struct lk_message *message = lk_message_new(LK_MESSAGE_QUIET);
	message->quiet.stop_number = number;
	message->quiet.quiet_ms = (double)(lk_clock_us() - asked_us) / 1000.0;
	message->quiet.open_transactions = quiet->open_transactions;
	message->quiet.locks = quiet->locks;
	message->quiet.confirmed = confirmed;
	lk_shared_send(c->shared, message);
}

static bool still_stopping(struct lk_controller *c, int64_t number)
{
	pthread_mutex_lock(&c->mutex);
	bool still = c->stopping && c->stop_number == number;
	pthread_mutex_unlock(&c->mutex);
	return still && !atomic_load(&c->shared->closing);
}

static void stop_worker(struct lk_controller *c, int64_t number, int64_t asked_us)
{
	bool told = false;
	while (still_stopping(c, number)) {
		struct lk_error error = {0};
		struct lk_quiet quiet = {.open_transactions = -1, .locks = -1};
		cancel_worker(c, number);
		if (!c->session)
			open_session(c);
		bool seen =
			c->session && lk_watch_quiet(c->session, c->shared->run, &quiet, &error);
		if (seen && quiet.open_transactions == 0 && quiet.locks == 0) {
			send_quiet(c, number, asked_us, &quiet, true);
			return;
		}
		if (!seen && error.class == LK_ERROR_LOST)
			set_session(c, NULL);
		if (!told && lk_clock_us() - asked_us > PROOF_PATIENCE_US) {
			told = true;
			send_quiet(c, number, asked_us, &quiet, false);
		}
		lk_sleep_ms(seen ? CANCEL_GAP_MS : 100);
	}
}

/* A proof grows old: while the run stands the server is asked again, so that the screen can say "seen". */
static void prove_again(struct lk_controller *c, int64_t number)
{
	struct lk_error error;
	struct lk_quiet quiet;
	if (!still_stopping(c, number) || !c->session ||
	    !lk_watch_quiet(c->session, c->shared->run, &quiet, &error))
		return;
	struct lk_message *message = lk_message_new(LK_MESSAGE_QUIET);
	message->quiet.stop_number = number;
	message->quiet.again = true;
	message->quiet.open_transactions = quiet.open_transactions;
	message->quiet.locks = quiet.locks;
	message->quiet.confirmed = quiet.open_transactions == 0 && quiet.locks == 0;
	lk_shared_send(c->shared, message);
}

static void poll_journal(struct lk_controller *c)
{
	struct lk_error error;
	struct lk_message *message = lk_message_new(LK_MESSAGE_POLLED);
	message->wishes = atomic_load(&c->journalist->wishes);
	bool clean = atomic_load(&c->journalist->wanted_pending) == 0;
	bool read = lk_journal_poll(c->session, c->shared->run, c->shared->digest, message->wanted,
				    &message->approvals, &message->approval_count, &error);
	/* What was read while our own write was on its way is no wish of anybody's. */
	if (read && clean && atomic_load(&c->journalist->wanted_pending) == 0) {
		lk_shared_send(c->shared, message);
		return;
	}
	lk_message_free(message);
	if (!read && error.class == LK_ERROR_LOST)
		set_session(c, NULL);
}

/* Waits for something to do; yields the number of a stop that is not proven yet, or 0. */
static int64_t wait_for_work(struct lk_controller *c, int64_t until, int64_t proven, bool *cancel,
			     int64_t *asked_us)
{
	pthread_mutex_lock(&c->mutex);
	while (!atomic_load(&c->shared->closing) && !c->cancel_once &&
	       !(c->stopping && c->stop_number != proven))
		if (lk_condition_wait_until(&c->changed, &c->mutex, until) == ETIMEDOUT)
			break;
	int64_t number = c->stopping && c->stop_number != proven ? c->stop_number : 0;
	*asked_us = c->stop_asked_us;
	*cancel = c->cancel_once;
	pthread_mutex_unlock(&c->mutex);
	return number;
}

static void *control_main(void *argument)
{
	struct lk_controller *c = argument;
	int64_t proven = 0, next_poll = 0, next_open = 0;
	while (!atomic_load(&c->shared->closing)) {
		bool cancel;
		int64_t asked_us;
		if (!c->session && lk_clock_us() >= next_open) {
			open_session(c);
			next_open = lk_clock_us() + RECONNECT_GAP_US;
		}
		int64_t number = wait_for_work(c, next_poll, proven, &cancel, &asked_us);
		if (number) {
			stop_worker(c, number, asked_us);
			proven = number;
		} else if (cancel) {
			cancel_worker(c, 0);
		}
		if (lk_clock_us() >= next_poll) {
			if (c->session && atomic_load(&c->polling))
				poll_journal(c);
			if (proven)
				prove_again(c, proven);
			next_poll = lk_clock_us() + POLL_US;
		}
	}
	set_session(c, NULL);
	return NULL;
}

bool lk_controller_start(struct lk_controller *c, struct lk_shared *shared,
			 struct lk_journalist *journalist, struct lk_error *error)
{
	memset(c, 0, sizeof *c);
	c->shared = shared;
	c->journalist = journalist;
	pthread_mutex_init(&c->mutex, NULL);
	lk_condition_init(&c->changed);
	c->started = lk_thread_start(&c->thread, control_main, c, error);
	return c->started;
}

int64_t lk_controller_stop(struct lk_controller *c, int64_t asked_us)
{
	if (!c->shared)
		return 0;
	pthread_mutex_lock(&c->mutex);
	int64_t number = ++c->stop_number;
	c->stop_asked_us = asked_us;
	c->stopping = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	return number;
}

void lk_controller_release(struct lk_controller *c)
{
	if (!c->shared)
		return;
	pthread_mutex_lock(&c->mutex);
	c->stopping = false;
	c->cancel_once = false;
	pthread_mutex_unlock(&c->mutex);
}

void lk_controller_cancel(struct lk_controller *c)
{
	if (!c->shared)
		return;
	pthread_mutex_lock(&c->mutex);
	c->cancel_once = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
}

void lk_controller_join(struct lk_controller *c)
{
	if (!c->shared)
		return;
	pthread_mutex_lock(&c->mutex);
	if (c->session)
		lk_session_interrupt(c->session);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	if (c->started)
		pthread_join(c->thread, NULL);
	pthread_mutex_destroy(&c->mutex);
	pthread_cond_destroy(&c->changed);
}
