/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LOCKS: who waits for whom, ours starred, then the sessions; the selected one in full. */
#include <stdio.h>

#include "base/memory.h"
#include "ui/model/format.h"
#include "ui/model/rows.h"
#include "ui/view/panels.h"
#include "ui/view/view.h"
#include "ui/widget/panel.h"
#include "ui/widget/text.h"

enum { UNSEEN_ROWS = 3 };

static void describe_lock(const struct lk_snapshot_lock *lock, struct lk_text *text)
{
	char a[LK_SHORT], b[LK_SHORT];

	lk_text_addf(text, LK_ROLE_PLAIN, "session", "%d  user %s  application %s%s", lock->pid,
		     lock->user, lock->application, lock->ours ? "  (ours)" : "");
	lk_text_addf(text, LK_ROLE_PLAIN, "state", "%s, %s, in its transaction for %s", lock->state,
		     lock->granted ? "waits for nobody" : lk_show_age(lock->wait_ms, a),
		     lk_show_age(lock->transaction_ms, b));
	lk_text_addf(text, LK_ROLE_PLAIN, "lock", "%s on %s", lock->mode, lock->object);
	lk_text_add(text, LK_ROLE_WARN, "remark", lock->remark);
	lk_text_add(text, LK_ROLE_PLAIN, "SQL", lock->statement);
}

static void describe_session(const struct lk_snapshot_session *session, struct lk_text *text)
{
	char a[LK_SHORT], b[LK_SHORT];

	lk_text_addf(text, LK_ROLE_PLAIN, "session", "%d  user %s  application %s  from %s%s",
		     session->pid, session->user, session->application, session->client,
		     session->ours ? "  (ours)" : "");
	lk_text_addf(text, LK_ROLE_PLAIN, "state", "%s, transaction %s, statement %s, waits for %s",
		     session->state, lk_show_age(session->transaction_ms, a),
		     lk_show_age(session->query_ms, b),
		     session->wait[0] ? session->wait : "nothing");
	lk_text_add(text, LK_ROLE_PLAIN, "SQL", session->statement);
}

static void draw_detail(struct lk_model *model, const struct lk_area *area,
			const struct lk_rows *rows)
{
	const struct lk_snapshot *s = model->shown;
	int selected = model->lists[LK_SCREEN_LOCKS].index, index = rows->index[selected];
	struct lk_text text = {0};
	struct lk_area body = lk_area_part(area, 1, 0, area->rows - 1, area->columns);

	lk_panel_header(area, 0, "SELECTED", LK_NO_AGE);
	if (rows->session[selected])
		describe_session(&s->sessions[index], &text);
	else
		describe_lock(&s->locks[index], &text);
	lk_text_draw(&text, &body, 9, model->detail ? model->detail_top : 0);
	lk_text_free(&text);
}

/* What the server does not show as it is set up, and the statement that would turn it on. */
static int draw_unseen(const struct lk_snapshot *s, const struct lk_area *area)
{
	struct lk_text text = {0};
	struct lk_area body = lk_area_part(area, 1, 0, UNSEEN_ROWS, area->columns);

	if (!s->server_load.unseen[0] || area->rows < 3 * UNSEEN_ROWS)
		return 0;
	lk_text_add(&text, LK_ROLE_WARN, "unseen", s->server_load.unseen);
	lk_text_draw(&text, &body, 9, 0);
	lk_text_free(&text);
	return UNSEEN_ROWS;
}

/* Rows of the tree, then a header, then sessions; `top` counts rows without the header. */
static void draw_rows(struct lk_model *model, const struct lk_area *area,
		      const struct lk_rows *rows)
{
	const struct lk_snapshot *s = model->shown;
	struct lk_list *list = &model->lists[LK_SCREEN_LOCKS];
	int row = 1 + draw_unseen(s, area), top = lk_list_window(list, area->rows - 1 - row);
	char title[160];

	snprintf(title, sizeof title, "LOCKS  we block %d, we wait %d%s%s", s->server_load.we_block,
		 s->server_load.we_wait, s->locks_count ? "" : ", nobody waits",
		 rows->hidden ? ", filtered" : "");
	lk_panel_header(area, 0, title, lk_model_age(model, s->server_load.age_ms));
	for (int i = top; i < rows->count && row < area->rows; i++) {
		struct lk_area line = lk_area_part(area, 0, 2, area->rows, area->columns - 2);

		if (rows->session[i] && (i == 0 || !rows->session[i - 1])) {
			snprintf(title, sizeof title,
				 "SESSIONS  active %d  waiting %d  idle-txn %d  hidden %d idle",
				 s->server_load.active, s->server_load.waiting,
				 s->server_load.idle_in_transaction, s->server_load.hidden_idle);
			lk_panel_header(area, row++, title,
					lk_model_age(model, s->server_load.age_ms));
		}
		if (row >= area->rows)
			break;
		if (rows->session[i])
			lk_row_session(&line, row, &s->sessions[rows->index[i]]);
		else
			lk_row_lock(&line, row, s, rows->index[i]);
		if (i == list->index) {
			lk_put(area, row, 0, LK_ROLE_SELECTED, ">");
			lk_paint_row(&(struct lk_area){area->canvas, area->row + row, area->column,
						       1, area->columns},
				     0, LK_ROLE_SELECTED);
		}
		row++;
	}
}

static void draw_locks(struct lk_model *model, const struct lk_area *area)
{
	struct lk_rows rows;
	struct lk_list *list = &model->lists[LK_SCREEN_LOCKS];
	int detail = area->rows >= 12 ? 6 : 0;

	if (!model->known) {
		lk_put(area, 0, 0, LK_ROLE_PLAIN, "No run is open. 1 shows the plans.");
		return;
	}
	lk_rows_of(model, LK_SCREEN_LOCKS, &rows);
	lk_list_sync(list, rows.keys, rows.count);
	if (model->detail && rows.count > 0) {
		draw_detail(model, area, &rows);
		return;
	}
	struct lk_area upper = lk_area_part(area, 0, 0, area->rows - detail, area->columns);
	struct lk_area lower = lk_area_part(area, area->rows - detail, 0, detail, area->columns);

	draw_rows(model, &upper, &rows);
	if (detail && rows.count > 0)
		draw_detail(model, &lower, &rows);
}

const struct lk_view lk_view_locks = {"Locks", draw_locks};
