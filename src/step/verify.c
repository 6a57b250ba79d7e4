/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/verify.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/catalog.h"
#include "step/record.h"

/* Rows shown of a check that does not hold. */
#define SAMPLE 5

static const struct lk_verify_ops *ops_of(const struct lk_session *session)
{
	return lk_step_ops_of(session)->verify;
}

/* The rows that the SQL returns, as text "a, b | c, d"; *rows is how many were seen, at most SAMPLE. */
static bool sample(struct lk_session *session, const char *sql, char *text, size_t size,
		   size_t *rows, struct lk_error *error)
{
	struct lk_result r;
	struct lk_buffer out = {0};
	if (!ops_of(session)->sample(session, sql, SAMPLE, &r, error))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		for (size_t c = 0; c < r.columns; c++) {
			const char *cell = lk_cell(&r, i, c);
			lk_buffer_addf(&out, "%s%s",
				       c   ? ", "
				       : i ? " | "
					   : "",
				       cell ? cell : "NULL");
		}
	lk_copy_text(text, size, lk_buffer_text(&out));
	*rows = r.rows;
	lk_buffer_free(&out);
	lk_result_free(&r);
	return true;
}

/* The table that the plan fills is what a verify is about: its rows are the rows compared. */
static bool count_rows(struct lk_step_run *run, int64_t *rows, struct lk_error *error)
{
	*rows = -1;
	for (size_t i = 0; i < run->plan->step_count; i++) {
		struct lk_table table;
		struct lk_result r;
		if (run->plan->steps[i].verb != LK_VERB_BACKFILL)
			continue;
		if (!lk_catalog_table(run->session, run->plan->steps[i].table, &table, error))
			return false;
		char *sql = lk_format("SELECT count(*) FROM %s", table.sql);
		bool read = lk_query(run->session, &r, error, sql, 0, NULL);
		if (read)
			*rows = lk_cell_int(&r, 0, 0);
		lk_result_free(&r);
		free(sql);
		lk_table_free(&table);
		return read;
	}
	return true;
}

struct finding {
	size_t differing;
	char rows[400];
};

static bool verify(struct lk_step_run *run, struct finding *finding, struct lk_error *error)
{
	int64_t rows;
	if (!lk_execute(run->session, ops_of(run->session)->snapshot, error) ||
	    !sample(run->session, lk_step_of(run)->sql, finding->rows, sizeof finding->rows,
		    &finding->differing, error) ||
	    !count_rows(run, &rows, error) || !lk_commit(run->session, error)) {
		lk_rollback(run->session);
		return false;
	}
	if (rows >= 0)
		snprintf(run->note, sizeof run->note, "0 of %lld rows differ", (long long)rows);
	else
		LK_COPY(run->note, "no row was returned");
	return true;
}

static enum lk_outcome verify_forward(struct lk_step_run *run, struct lk_error *error)
{
	struct finding finding = {0};
	if (!lk_step_intend(run, error) || !verify(run, &finding, error))
		return lk_step_outcome(run, error);
	if (finding.differing == 0)
		return lk_step_only_record(run, "done", error);
	lk_fail(error, LK_ERROR_REFUSED, "verify %s found rows that it should not: %s%s",
		lk_step_of(run)->name, finding.rows,
		finding.differing == SAMPLE ? " and perhaps more" : "");
	return LK_OUTCOME_FAILED;
}

static enum lk_outcome backward(struct lk_step_run *run, struct lk_error *error)
{
	LK_COPY(run->note, "it changed nothing");
	return lk_step_only_record(run, "undone", error);
}

static bool verify_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			    struct lk_step_text *text, struct lk_error *error)
{
	(void)error;
	LK_COPY(text->statement, plan->steps[number].sql);
	LK_COPY(text->lock, ops_of(session)->lock);
	LK_COPY(text->cost, "reads the whole table once, from one snapshot");
	LK_COPY(text->undo, "nothing to take back");
	return true;
}

const struct lk_verb_ops lk_verb_verify = {
	.forward = verify_forward,
	.backward = backward,
	.describe = verify_describe,
};

/* A gate that asks people comes here only once they have answered. */
static enum lk_outcome gate_forward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	char rows[200];
	size_t count = 0;
	if (step->gate == LK_GATE_NONE) {
		bool asked = lk_execute(run->session, ops_of(run->session)->read_only, error) &&
			     sample(run->session, step->sql, rows, sizeof rows, &count, error) &&
			     lk_commit(run->session, error);
		if (!asked) {
			lk_rollback(run->session);
			return lk_step_outcome(run, error);
		}
		if (count > 0) {
			snprintf(run->note, sizeof run->note,
				 "waiting until nothing is returned; now: %.230s", rows);
			return LK_OUTCOME_WAITING;
		}
		LK_COPY(run->note, "the check returned nothing");
	}
	return lk_step_only_record(run, "done", error);
}

static bool gate_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			  struct lk_step_text *text, struct lk_error *error)
{
	(void)session;
	(void)error;
	const struct lk_step *step = &plan->steps[number];
	LK_COPY(text->statement, step->gate == LK_GATE_NONE ? step->sql : "");
	LK_COPY(text->lock, "none");
	LK_COPY(text->cost, "changes nothing");
	if (step->undo)
		snprintf(text->undo, sizeof text->undo, "asks, on the way back: %s", step->undo);
	else
		LK_COPY(text->undo, "nothing to take back");
	return true;
}

const struct lk_verb_ops lk_verb_gate = {
	.forward = gate_forward,
	.backward = backward,
	.describe = gate_describe,
};
