/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Panels of rows: waits as a tree, sessions, our statements, alerts, the log. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/model/format.h"
#include "ui/view/panels.h"
#include "ui/widget/columns.h"
#include "ui/widget/panel.h"

/* Whether no later sibling hangs from the same parent. */
static bool last_child(const struct lk_snapshot *s, int index)
{
	for (int i = index + 1; i < s->locks_count; i++) {
		if (s->locks[i].depth < s->locks[index].depth)
			return true;
		if (s->locks[i].depth == s->locks[index].depth)
			return false;
	}
	return true;
}

/* "* 26598", "  |-26611", "  `-26640": ours are starred. */
static void lock_name(const struct lk_snapshot *s, int index, char *text, size_t size)
{
	const struct lk_snapshot_lock *lock = &s->locks[index];
	int depth = lock->depth < 0 ? 0 : lock->depth > 6 ? 6 : lock->depth;
	int indent = depth ? depth * 2 : 2;

	snprintf(text, size, "%c%*s%s%d", lock->ours ? '*' : ' ', indent - 1, "",
		 depth == 0		? ""
		 : last_child(s, index) ? "`-"
					: "|-",
		 lock->pid);
}

/* The one state that must never be cut. */
static const char *state_word(const char *state)
{
	return strncmp(state, "idle in trans", 13) == 0 ? "idle-in-txn" : state;
}

static const struct lk_column lock_columns[] = {
	{"  PID", 13, 1}, {"WHO", 11, 2},  {"AGE", -7, 1},
	{"STATE", 11, 1}, {"LOCK", 21, 3}, {"STATEMENT", 10, 4},
};

void lk_row_lock(const struct lk_area *area, int row, const struct lk_snapshot *s, int index)
{
	const struct lk_snapshot_lock *lock = &s->locks[index];
	char name[64], object[140], age[LK_SHORT];
	const char *texts[] = {
		"", /* the name keeps its leading blanks: they are the tree */
		lock->ours	       ? "US"
		: lock->application[0] ? lock->application
				       : lock->user,
		lk_show_age(lock->granted ? lock->transaction_ms : lock->wait_ms, age),
		lock->granted ? state_word(lock->state) : "waits",
		object,
		lock->statement};
	struct lk_layout layout;
	int remark = lk_text_width(area, lock->remark);

	lock_name(s, index, name, sizeof name);
	snprintf(object, sizeof object, "%s%s%s", lock->mode, lock->object[0] ? " on " : "",
		 lock->object);
	lk_columns_fit(lock_columns, LK_COUNT(lock_columns), area->columns, &layout);
	lk_columns_row(area, row, &layout, texts, lock->ours ? LK_ROLE_OURS : LK_ROLE_PLAIN);
	lk_put(area, row, 0, lock->ours ? LK_ROLE_OURS : LK_ROLE_PLAIN, name);
	if (remark) {
		/* over what is behind the state: how old it is must stay in sight */
		int least = layout.at[3] >= 0 ? layout.at[3] + 12 : 30;
		int at = area->columns - remark - 2;
		struct lk_field field = {at > least ? at : least, 0, LK_ROLE_WARN};
		char text[sizeof lock->remark + 2];

		snprintf(text, sizeof text, "! %s", lock->remark);
		field.width = area->columns - field.column;
		lk_put_field(area, row, field, text);
	}
}

void lk_panel_locks(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	int room = area->rows - 1, shown = s->locks_count <= room ? s->locks_count : room;
	char title[120];

	snprintf(title, sizeof title, "LOCKS  we block %d, we wait %d%s", s->server_load.we_block,
		 s->server_load.we_wait, s->locks_count ? "" : ", nobody waits");
	if (shown < s->locks_count)
		snprintf(title + strlen(title), sizeof title - strlen(title), ", %d more in 3Locks",
			 s->locks_count - shown);
	lk_panel_header(area, 0, title, lk_model_age(model, s->server_load.age_ms));
	for (int i = 0; i < shown; i++)
		lk_row_lock(area, 1 + i, s, i);
}

static const struct lk_column session_columns[] = {
	{"PID", -7, 1},	   {"USER", 10, 5},  {"APPLICATION", 14, 3},
	{"CLIENT", 16, 7}, {"STATE", 12, 2}, {"XACT", -7, 1},
	{"QUERY", -7, 6},  {"WAIT", 16, 1},  {"STATEMENT", 10, 4},
};

void lk_row_session(const struct lk_area *area, int row, const struct lk_snapshot_session *session)
{
	char pid[LK_SHORT], xact[LK_SHORT], query[LK_SHORT];
	const char *texts[] = {pid,
			       session->user,
			       session->ours ? "US" : session->application,
			       session->client,
			       state_word(session->state),
			       xact,
			       query,
			       session->wait[0] ? session->wait : "-",
			       session->statement};
	struct lk_layout layout;

	snprintf(pid, sizeof pid, "%d", session->pid);
	lk_show_age(session->transaction_ms, xact);
	lk_show_age(session->query_ms, query);
	lk_columns_fit(session_columns, LK_COUNT(session_columns), area->columns, &layout);
	lk_columns_row(area, row, &layout, texts, session->ours ? LK_ROLE_OURS : LK_ROLE_PLAIN);
}

void lk_panel_sessions(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	int first = area->rows >= 7 ? 2 : 1, room = area->rows - first;
	int shown = s->sessions_count < room ? s->sessions_count : room;
	struct lk_layout layout;
	char title[120];

	snprintf(title, sizeof title, "SESSIONS  active %d  waiting %d  idle-txn %d  hidden %d",
		 s->server_load.active, s->server_load.waiting, s->server_load.idle_in_transaction,
		 s->server_load.hidden_idle + s->sessions_count - shown);
	lk_panel_header(area, 0, title, lk_model_age(model, s->server_load.age_ms));
	lk_columns_fit(session_columns, LK_COUNT(session_columns), area->columns, &layout);
	if (first == 2)
		lk_columns_titles(area, 1, session_columns, &layout);
	for (int i = 0; i < shown; i++)
		lk_row_session(area, first + i, &s->sessions[i]);
}

void lk_panel_statements(const struct lk_model *model, const struct lk_area *area)
{
	static const struct lk_column columns[] = {
		{"", 9, 1}, {"", 8, 3}, {"", -9, 2}, {"", -10, 4}, {"", 10, 1}, {"", 10, 1},
	};
	const struct lk_snapshot *s = model->shown;
	struct lk_layout layout;

	lk_panel_header(area, 0, "OUR STATEMENTS", lk_model_age(model, 0));
	lk_columns_fit(columns, LK_COUNT(columns), area->columns, &layout);
	for (int i = 0; i < s->statements_count && i + 1 < area->rows; i++) {
		const struct lk_snapshot_statement *statement = &s->statements[i];
		char at[LK_SHORT], took[LK_SHORT], rows[LK_SHORT];
		const char *texts[] = {lk_show_clock(statement->at, at),
				       statement->role,
				       lk_show_time(statement->took_ms, took),
				       lk_show_number(statement->rows, rows),
				       statement->outcome,
				       statement->statement};

		lk_columns_row(area, 1 + i, &layout, texts, LK_ROLE_PLAIN);
	}
}

void lk_panel_alerts(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	char title[60], age[LK_SHORT];

	snprintf(title, sizeof title, "ALERTS  %d", s->alerts_count);
	if (area->rows > 1)
		lk_panel_header(area, 0, title, LK_NO_AGE);
	for (int i = 0; i < s->alerts_count; i++) {
		const struct lk_snapshot_alert *alert = &s->alerts[i];
		int row = area->rows > 1 ? i + 1 : i;
		int at = lk_put(area, row, 0,
				strcmp(alert->level, "CRIT") == 0   ? LK_ROLE_CRIT
				: strcmp(alert->level, "WARN") == 0 ? LK_ROLE_WARN
								    : LK_ROLE_PLAIN,
				alert->level);

		lk_putf(area, row, at + 1, LK_ROLE_PLAIN, "%s %s",
			alert->since ? lk_show_age((double)(model->wall_ms - alert->since), age)
				     : "",
			alert->text);
	}
}

void lk_row_event(const struct lk_area *area, int row, const struct lk_event *event)
{
	char at[LK_SHORT];
	enum lk_role role = strcmp(event->kind, "error") == 0	? LK_ROLE_CRIT
			    : strcmp(event->kind, "pause") == 0 ? LK_ROLE_PAUSED
								: LK_ROLE_PLAIN;

	lk_put_field(area, row, (struct lk_field){0, 9, LK_ROLE_PLAIN},
		     lk_show_clock(event->at, at));
	lk_put_field(area, row, (struct lk_field){10, 8, role}, event->kind);
	if (area->columns >= 60) {
		lk_put_field(area, row, (struct lk_field){19, 8, LK_ROLE_PLAIN}, event->who);
		lk_put(area, row, 28, LK_ROLE_PLAIN, event->text);
	} else {
		lk_put(area, row, 19, LK_ROLE_PLAIN, event->text);
	}
}

void lk_panel_log(const struct lk_model *model, const struct lk_area *area)
{
	size_t room = area->rows > 1 ? (size_t)area->rows - 1 : 0;
	size_t shown = model->log_count < room ? model->log_count : room;

	lk_panel_header(area, 0, "LOG", LK_NO_AGE);
	/* the newest on top: it stays where the eye was */
	for (size_t i = 0; i < shown; i++)
		lk_row_event(area, 1 + (int)i, lk_model_log(model, model->log_count - 1 - i));
}
