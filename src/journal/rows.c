/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal/rows.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

static void read_run(const struct lk_result *r, size_t row, struct lk_journal_run *run)
{
	memset(run, 0, sizeof *run);
	LK_COPY(run->name, lk_cell_text(r, row, 0));
	LK_COPY(run->plan, lk_cell_text(r, row, 1));
	LK_COPY(run->digest, lk_cell_text(r, row, 2));
	LK_COPY(run->state, lk_cell_text(r, row, 3));
	LK_COPY(run->reason, lk_cell_text(r, row, 4));
	LK_COPY(run->wanted, lk_cell_text(r, row, 5));
	LK_COPY(run->host, lk_cell_text(r, row, 6));
	LK_COPY(run->holder, lk_cell_text(r, row, 7));
	run->pid = (int)lk_cell_int(r, row, 8);
	run->epoch = lk_cell_int(r, row, 9);
	run->created = lk_cell_int(r, row, 10);
	run->changed = lk_cell_int(r, row, 11);
	run->heartbeat_age_ms = lk_cell_double(r, row, 12);
	run->backward = lk_cell_bool(r, row, 13);
	run->last_event = lk_cell_int(r, row, 14);
	run->steps = (int)lk_cell_int(r, row, 15);
	run->steps_done = (int)lk_cell_int(r, row, 16);
}

bool lk_journal_run_row(struct lk_session *session, const char *sql, const char *parameter,
			bool *found, struct lk_journal_run *run, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql, parameter))
		return false;
	*found = r.rows > 0;
	if (*found)
		read_run(&r, 0, run);
	lk_result_free(&r);
	return true;
}

bool lk_journal_run_rows(struct lk_session *session, const char *sql, struct lk_journal_run **runs,
			 size_t *count, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql))
		return false;
	*runs = lk_alloc((r.rows + 1) * sizeof **runs);
	*count = r.rows;
	for (size_t i = 0; i < r.rows; i++)
		read_run(&r, i, &(*runs)[i]);
	lk_result_free(&r);
	return true;
}

bool lk_journal_step_rows(struct lk_session *session, const char *sql, const char *run,
			  size_t count, struct lk_journal_step *steps, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql, run))
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		size_t number = (size_t)lk_cell_int(&r, i, 0);
		if (number >= count)
			continue;
		LK_COPY(steps[number].state, lk_cell_text(&r, i, 1));
		LK_COPY(steps[number].note, lk_cell_text(&r, i, 2));
		steps[number].started = lk_cell_int(&r, i, 3);
		steps[number].ended = lk_cell_int(&r, i, 4);
		LK_COPY(steps[number].phase, lk_cell_text(&r, i, 5));
		LK_COPY(steps[number].name, lk_cell_text(&r, i, 6));
		LK_COPY(steps[number].verb, lk_cell_text(&r, i, 7));
	}
	lk_result_free(&r);
	return true;
}

bool lk_journal_event_rows(struct lk_session *session, const char *sql, const char *run,
			   struct lk_journal_event **events, size_t *count, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql, run))
		return false;
	*count = r.rows;
	*events = lk_alloc((r.rows + 1) * sizeof **events);
	for (size_t i = 0; i < r.rows; i++) {
		struct lk_journal_event *event = &(*events)[i];
		event->number = lk_cell_int(&r, i, 0);
		event->at = lk_cell_int(&r, i, 1);
		LK_COPY(event->kind, lk_cell_text(&r, i, 2));
		LK_COPY(event->who, lk_cell_text(&r, i, 3));
		LK_COPY(event->text, lk_cell_text(&r, i, 4));
	}
	lk_result_free(&r);
	return true;
}

/* Gate, who, origin, at from that column on. */
static void read_approval(const struct lk_result *r, size_t row, size_t first,
			  struct lk_journal_approval *approval)
{
	LK_COPY(approval->gate, lk_cell_text(r, row, first));
	LK_COPY(approval->who, lk_cell_text(r, row, first + 1));
	LK_COPY(approval->origin, lk_cell_text(r, row, first + 2));
	approval->at = lk_cell_int(r, row, first + 3);
}

bool lk_journal_answer_rows(struct lk_session *session, const char *sql, const char *run,
			    struct lk_journal_answer **answers, size_t *count,
			    struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql, run))
		return false;
	*count = r.rows;
	*answers = lk_alloc((r.rows + 1) * sizeof **answers);
	for (size_t i = 0; i < r.rows; i++) {
		read_approval(&r, i, 0, &(*answers)[i].approval);
		LK_COPY((*answers)[i].digest, lk_cell_text(&r, i, 4));
	}
	lk_result_free(&r);
	return true;
}

bool lk_journal_poll_rows(struct lk_session *session, const char *sql,
			  const char *const run_digest[2], char wanted[16],
			  struct lk_journal_approval **approvals, size_t *count,
			  struct lk_error *error)
{
	struct lk_result r;
	if (!lk_query(session, &r, error, sql, 2, run_digest))
		return false;
	*count = 0;
	*approvals = lk_alloc((r.rows + 1) * sizeof **approvals);
	wanted[0] = '\0';
	for (size_t i = 0; i < r.rows; i++) {
		lk_copy_text(wanted, 16, lk_cell_text(&r, i, 0));
		if (lk_cell(&r, i, 1))
			read_approval(&r, i, 1, &(*approvals)[(*count)++]);
	}
	lk_result_free(&r);
	return true;
}

bool lk_journal_cleanup_rows(struct lk_session *session, const char *sql, const char *run,
			     char **sql_text, struct lk_error *error)
{
	struct lk_result r;
	struct lk_buffer text = {0};
	if (!LK_QUERY(session, &r, error, sql, run))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		lk_buffer_addf(&text, "%s%s", i ? ";\n" : "", lk_cell_text(&r, i, 0));
	lk_result_free(&r);
	*sql_text = lk_buffer_take(&text);
	return true;
}

bool lk_journal_plan_row(struct lk_session *session, const char *sql, const char *run,
			 struct lk_plan *plan, struct lk_error *error)
{
	struct lk_result r;
	json_error_t where;
	if (!LK_QUERY(session, &r, error, sql, run))
		return false;
	json_t *json = r.rows ? json_loads(lk_cell_text(&r, 0, 0), 0, &where) : NULL;
	lk_result_free(&r);
	if (!json)
		return lk_fail(error, LK_ERROR_USAGE, "the journal has no readable plan of run %s",
			       run);
	bool read = lk_plan_from_json(json, plan, error);
	json_decref(json);
	return read;
}

char *lk_journal_document(const struct lk_plan *plan)
{
	json_t *json = lk_plan_to_json(plan);
	char *document = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return document;
}

bool lk_journal_epoch_row(struct lk_session *session, const char *sql, const char *run,
			  int64_t epoch, struct lk_error *error)
{
	int64_t now;
	return lk_journal_number(session, sql, run, &now, error) &&
	       (now == epoch ||
		lk_fail(error, LK_ERROR_FENCED,
			"another keeper has taken run %s over (epoch %lld, ours was %lld)", run,
			(long long)now, (long long)epoch));
}

bool lk_journal_refuse_with_holder(struct lk_session *session, const char *sql, const char *run,
				   struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql, run))
		return false;
	if (r.rows == 0)
		lk_fail(error, LK_ERROR_REFUSED, "run %s is held by another keeper", run);
	else
		lk_fail(error, LK_ERROR_REFUSED,
			"run %s is held by the keeper of %s (process %s, last heard of %s s ago): attach there, or "
			"stop it first",
			run, lk_cell_text(&r, 0, 0), lk_cell_text(&r, 0, 1),
			lk_cell_text(&r, 0, 2));
	lk_result_free(&r);
	return false;
}

bool lk_journal_text(struct lk_session *session, const char *sql, const char *run, char *text,
		     size_t size, struct lk_error *error)
{
	struct lk_result r;
	if (!lk_query(session, &r, error, sql, run ? 1 : 0, &run))
		return false;
	lk_copy_text(text, size, r.rows ? lk_cell_text(&r, 0, 0) : "");
	lk_result_free(&r);
	return true;
}

bool lk_journal_number(struct lk_session *session, const char *sql, const char *run,
		       int64_t *number, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql, run))
		return false;
	*number = r.rows ? lk_cell_int(&r, 0, 0) : 0;
	lk_result_free(&r);
	return true;
}
