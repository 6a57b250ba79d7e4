/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/journal_thread.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define HEARTBEAT_US 1000000
#define RECONNECT_GAP_MS 500
/* How long a session of ours that the server has not noticed to be dead may keep our own lock from us. */
#define OWN_LOCK_PATIENCE_MS 20000
/* How long what is in line may take to be written at the end. */
#define PATIENCE_US 2000000
#define NOTES 1024
/* Kept free for states and wishes: while the server is away events are left out rather than waited for. */
#define NOTES_RESERVE 128
#define STATEMENT_LIMIT_MS 10000
#define LOCK_LIMIT_MS 5000

enum note_kind { NOTE_STATE, NOTE_WANTED, NOTE_EVENT };

struct note {
	enum note_kind kind;
	char first[400], second[400]; /* state and reason; wanted */
	struct lk_event event;
};

static void set_session(struct lk_journalist *j, struct lk_session *session)
{
	pthread_mutex_lock(&j->mutex);
	struct lk_session *old = j->session;
	j->session = session;
	pthread_mutex_unlock(&j->mutex);
	lk_session_close(old);
}

static void send_refused(struct lk_journalist *j, const struct lk_error *error)
{
	struct lk_message *message = lk_message_new(LK_MESSAGE_REFUSED);
	message->class = error->class;
	LK_COPY(message->text, error->text);
	lk_shared_send(j->shared, message);
}

/* Holds the run with a session that was just opened; takes it over when it is not ours yet. */
static bool hold(struct lk_journalist *j, struct lk_session *session, struct lk_error *error)
{
	struct lk_shared *shared = j->shared;
	int64_t epoch = atomic_load(&shared->epoch);
	int64_t until = lk_clock_us() + OWN_LOCK_PATIENCE_MS * 1000;
	while (!lk_journal_hold(session, shared->run, error)) {
		struct lk_error fenced;
		/* Ours by the heartbeat's epoch: then it is our own lost session that holds the lock. */
		if (error->class != LK_ERROR_REFUSED || epoch == 0 || lk_clock_us() > until ||
		    !lk_journal_heartbeat(session, shared->run, epoch, &fenced) ||
		    atomic_load(&shared->closing))
			return false;
		lk_sleep_ms(100);
	}
	if (epoch == 0) {
		const struct lk_journal_holder holder = {shared->who, shared->host, (int)getpid()};
		if (!lk_journal_take_over(session, shared->run, &holder, &epoch, error))
			return false;
		atomic_store(&shared->epoch, epoch);
	} else if (!lk_journal_heartbeat(session, shared->run, epoch, error)) {
		return false;
	}
	struct lk_message *message = lk_message_new(LK_MESSAGE_HELD);
	message->epoch = epoch;
	lk_shared_send(shared, message);
	return true;
}

/* What is in the way now need not be later: the server is away, its disk is full, it is too busy to answer. */
static bool may_pass(enum lk_error_class class)
{
	return class == LK_ERROR_LOST || class == LK_ERROR_RETRY || class == LK_ERROR_CANCELLED ||
	       class == LK_ERROR_SYSTEM;
}

/* False when the run is not ours: the thread ends. */
static bool reconnect(struct lk_journalist *j)
{
	struct lk_error error;
	struct lk_session *session = lk_shared_open(j->shared, j->shared->run, "journal", &error);
	set_session(j, session);
	/* The server may not know yet that our last session is gone, and it holds the run. */
	if (session && lk_session_limit(session, STATEMENT_LIMIT_MS, LOCK_LIMIT_MS, &error) &&
	    lk_session_end_lost(session, j->lost_id, &error)) {
		j->lost_id = session->id;
		if (hold(j, session, &error))
			return true;
	}
	bool again = may_pass(error.class);
	if (!again)
		send_refused(j, &error);
	set_session(j, NULL);
	for (int waited = 0;
	     again && waited < RECONNECT_GAP_MS && !atomic_load(&j->shared->closing); waited += 50)
		lk_sleep_ms(50);
	return again;
}

static bool write_note(struct lk_journalist *j, const struct note *note, struct lk_error *error)
{
	const char *run = j->shared->run;
	switch (note->kind) {
	case NOTE_STATE:
		return lk_journal_set_state(j->session, run, note->first, note->second, error);
	case NOTE_WANTED:
		return (strcmp(note->first, "rollback") != 0 ||
			lk_journal_set_backward(j->session, run, error)) &&
		       lk_journal_set_wanted(j->session, run, note->first, error);
	case NOTE_EVENT:
		return lk_journal_event(
			j->session, run, note->event.number, note->event.at,
			(const char *[]){note->event.kind, note->event.who, note->event.text},
			error);
	}
	return true;
}

static void forget_note(struct lk_journalist *j, struct note *note)
{
	if (note->kind == NOTE_WANTED)
		atomic_fetch_sub(&j->wanted_pending, 1);
	free(note);
}

/* Works until the connection breaks (true) or the run is not ours any more (false). */
static bool serve(struct lk_journalist *j, struct note **pending)
{
	struct lk_error error;
	int64_t beat = 0;
	for (;;) {
		if (lk_clock_us() >= beat) {
			if (!lk_journal_heartbeat(j->session, j->shared->run,
						  atomic_load(&j->shared->epoch), &error))
				break;
			beat = lk_clock_us() + HEARTBEAT_US;
		}
		if (!*pending)
			*pending = lk_queue_pop(j->notes, beat);
		if (!*pending && lk_queue_closed(j->notes))
			return false;
		if (*pending && !write_note(j, *pending, &error)) {
			/* What the server refuses now it would refuse for ever: leave it, keep the rest. */
			if (error.class != LK_ERROR_STATEMENT)
				break;
			lk_shared_say(j->shared, "error", error.text);
		}
		if (*pending)
			forget_note(j, *pending);
		*pending = NULL;
	}
	if (error.class == LK_ERROR_FENCED)
		send_refused(j, &error);
	return error.class != LK_ERROR_FENCED;
}

static void *journal_main(void *argument)
{
	struct lk_journalist *j = argument;
	struct note *pending = NULL;
	bool ours = true;
	while (ours && !(atomic_load(&j->shared->closing) && !j->session)) {
		if (!j->session) {
			ours = reconnect(j);
			continue;
		}
		ours = serve(j, &pending);
		set_session(j, NULL);
		if (atomic_load(&j->shared->closing))
			break;
	}
	if (pending)
		forget_note(j, pending);
	while ((pending = lk_queue_try_pop(j->notes)))
		forget_note(j, pending);
	set_session(j, NULL);
	pthread_mutex_lock(&j->mutex);
	j->over = true;
	pthread_cond_signal(&j->ended);
	pthread_mutex_unlock(&j->mutex);
	return NULL;
}

bool lk_journalist_start(struct lk_journalist *j, struct lk_shared *shared, struct lk_error *error)
{
	memset(j, 0, sizeof *j);
	j->shared = shared;
	j->notes = lk_queue_new(NOTES, NULL, NULL);
	pthread_mutex_init(&j->mutex, NULL);
	lk_condition_init(&j->ended);
	j->started = lk_thread_start(&j->thread, journal_main, j, error);
	return j->started;
}

/* What is in line is written first, unless the server does not answer: then the session is interrupted. */
void lk_journalist_join(struct lk_journalist *j)
{
	if (!j->shared)
		return;
	lk_queue_close(j->notes);
	if (j->started) {
		int64_t until = lk_clock_us() + PATIENCE_US;
		pthread_mutex_lock(&j->mutex);
		while (!j->over &&
		       lk_condition_wait_until(&j->ended, &j->mutex, until) != ETIMEDOUT)
			;
		if (!j->over && j->session)
			lk_session_interrupt(j->session);
		pthread_mutex_unlock(&j->mutex);
		pthread_join(j->thread, NULL);
	}
	lk_queue_free(j->notes);
	pthread_cond_destroy(&j->ended);
	pthread_mutex_destroy(&j->mutex);
	/* What is still said, as of the operator whose connection is closed, has no way into the journal any more. */
	j->shared = NULL;
}

static void hand_over(struct lk_journalist *j, struct note *note)
{
	if (!lk_queue_push(j->notes, note))
		forget_note(j, note);
}

static struct note *new_note(enum note_kind kind)
{
	struct note *note = lk_alloc(sizeof *note);
	note->kind = kind;
	return note;
}

void lk_journalist_state(struct lk_journalist *j, const char *state, const char *reason)
{
	if (!j->shared)
		return;
	struct note *note = new_note(NOTE_STATE);
	LK_COPY(note->first, state);
	LK_COPY(note->second, reason);
	hand_over(j, note);
}

void lk_journalist_wanted(struct lk_journalist *j, const char *wanted)
{
	if (!j->shared)
		return;
	struct note *note = new_note(NOTE_WANTED);
	LK_COPY(note->first, wanted);
	atomic_fetch_add(&j->wanted_pending, 1);
	atomic_fetch_add(&j->wishes, 1);
	hand_over(j, note);
}

void lk_journalist_event(struct lk_journalist *j, const struct lk_event *event)
{
	if (!j->shared)
		return;
	struct note *note = new_note(NOTE_EVENT);
	note->event = *event;
	if (!lk_queue_offer(j->notes, note, NOTES_RESERVE))
		forget_note(j, note);
}
