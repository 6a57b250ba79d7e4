/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/message.h"

#include "base/memory.h"

struct lk_message *lk_message_new(enum lk_message_kind kind)
{
	struct lk_message *message = lk_alloc(sizeof *message);
	message->kind = kind;
	return message;
}

void lk_prepared_free(struct lk_prepared *prepared)
{
	if (!prepared)
		return;
	lk_plan_free(&prepared->plan);
	free(prepared->texts);
	free(prepared->steps);
	free(prepared);
}

void lk_message_free(struct lk_message *message)
{
	if (!message)
		return;
	lk_prepared_free(message->prepared);
	if (message->sample)
		lk_sample_free(message->sample);
	free(message->sample);
	free(message->approvals);
	free(message);
}
