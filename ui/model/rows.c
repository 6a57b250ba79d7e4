/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/model/rows.h"

#include <stdio.h>
#include <string.h>

static void add(const struct lk_model *model, struct lk_rows *rows, int64_t key, int index,
		const char *text)
{
	if (model->filter[0] && !strcasestr(text, model->filter)) {
		rows->hidden++;
		return;
	}
	if (rows->count == LK_ROWS)
		return;
	rows->keys[rows->count] = key;
	rows->index[rows->count] = index;
	rows->count++;
}

static int64_t hash(const char *text)
{
	uint64_t value = 1469598103934665603u;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 1099511628211u;
	return (int64_t)(value >> 1);
}

static void add_locks(const struct lk_model *model, struct lk_rows *rows)
{
	const struct lk_snapshot *s = model->shown;
	char text[512];

	for (int i = 0; i < s->locks_count; i++) {
		const struct lk_snapshot_lock *lock = &s->locks[i];

		snprintf(text, sizeof text, "%d %s %s %s %s %s", lock->pid, lock->user,
			 lock->application, lock->state, lock->object, lock->statement);
		/* one session can wait in several places of the tree */
		add(model, rows, lock->pid * (int64_t)64 + lock->depth, i, text);
	}
	for (int i = 0; i < s->sessions_count; i++) {
		const struct lk_snapshot_session *session = &s->sessions[i];
		int before = rows->count;

		snprintf(text, sizeof text, "%d %s %s %s %s %s", session->pid, session->user,
			 session->application, session->state, session->wait, session->statement);
		add(model, rows, -(int64_t)session->pid - 1, i, text);
		if (rows->count > before)
			rows->session[before] = true;
	}
}

void lk_rows_of(const struct lk_model *model, enum lk_screen screen, struct lk_rows *rows)
{
	const struct lk_snapshot *s = model->shown;

	memset(rows, 0, sizeof *rows);
	switch (screen) {
	case LK_SCREEN_PLANS:
		for (size_t i = 0; i < model->plan_count; i++)
			add(model, rows, hash(model->plans[i].path) ^ hash(model->plans[i].name),
			    (int)i, model->plans[i].name);
		break;
	case LK_SCREEN_LOCKS:
		add_locks(model, rows);
		break;
	case LK_SCREEN_STEPS:
		for (int i = 0; i < s->steps_count; i++)
			add(model, rows, s->steps[i].number, i, s->steps[i].summary);
		break;
	case LK_SCREEN_LOG:
		for (size_t i = 0; i < model->log_count; i++)
			add(model, rows, lk_model_log(model, i)->number, (int)i,
			    lk_model_log(model, i)->text);
		break;
	default:
		break;
	}
}
