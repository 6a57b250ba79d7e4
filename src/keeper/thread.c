/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/thread.h"

#include <string.h>

#include "base/memory.h"

void lk_shared_init(struct lk_shared *shared, struct lk_queue *messages)
{
	memset(shared, 0, sizeof *shared);
	shared->messages = messages;
	pthread_mutex_init(&shared->mutex, NULL);
	lk_statements_init(&shared->statements);
	lk_pace_init(&shared->pace, 100);
}

void lk_shared_destroy(struct lk_shared *shared)
{
	pthread_mutex_destroy(&shared->mutex);
	lk_statements_destroy(&shared->statements);
	lk_pace_destroy(&shared->pace);
}

struct lk_session *lk_shared_open(struct lk_shared *shared, const char *run, const char *role,
				  struct lk_error *error)
{
	struct lk_session *session = lk_session_open(shared->uri, run, role, error);
	if (session) {
		session->sent = lk_statements_add;
		session->sent_context = &shared->statements;
	}
	return session;
}

void lk_shared_send(struct lk_shared *shared, struct lk_message *message)
{
	if (!lk_queue_push(shared->messages, message))
		lk_message_free(message);
}

void lk_shared_say(struct lk_shared *shared, const char *kind, const char *text)
{
	struct lk_message *message = lk_message_new(LK_MESSAGE_SAY);
	LK_COPY(message->event_kind, kind);
	LK_COPY(message->text, text);
	lk_shared_send(shared, message);
}
