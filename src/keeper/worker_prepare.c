/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/worker_prepare.h"

#include <string.h>

#include "base/memory.h"
#include "catalog/catalog.h"
#include "operation/operation.h"
#include "risk/plan.h"
#include "control/snapshot.h"
#include "keeper/difference.h"
#include "keeper/replace.h"

/* A short form is compared by its intent (it cannot be derived again while the change is half done), a long
 * form by its digest. */
static bool same_plan(const struct lk_plan *file, const struct lk_plan *stored)
{
	char a[65], b[65];
	if (file->operation_count > 0 || stored->operation_count > 0)
		return lk_difference_same_intent(file, stored);
	lk_plan_digest(file, a);
	lk_plan_digest(stored, b);
	return strcmp(a, b) == 0;
}

static bool check_same(struct lk_session *session, const struct lk_plan *file,
		       const struct lk_journal_run *run, struct lk_error *error)
{
	struct lk_plan stored = {0}, complete = {0};
	json_t *copy = lk_plan_to_json(file);
	bool same = lk_plan_from_json(copy, &complete, error) &&
		    lk_journal_load(session, run->name, &stored, error);
	json_decref(copy);
	if (same) {
		if (complete.operation_count == 0)
			lk_plan_complete(&complete);
		same = same_plan(&complete, &stored) ||
		       lk_fail(error, LK_ERROR_REFUSED,
			       "run %s of plan %s is unfinished, and its plan differs from this file: the file can take "
			       "its place (lockkeeper run PLAN --replace %s), or finish the run or roll it back first",
			       run->name, file->name, run->name);
	}
	lk_plan_free(&stored);
	lk_plan_free(&complete);
	return same;
}

static bool find_run(struct lk_shared *shared, struct lk_session *session,
		     struct lk_prepared *prepared, struct lk_error *error)
{
	struct lk_journal_run run;
	bool installed = false;
	if (!lk_journal_installed(session, &installed, error))
		return false;
	if (!installed)
		return !shared->resume_run ||
		       lk_fail(error, LK_ERROR_USAGE, "the target has no journal, so no run %s",
			       shared->resume_run);
	if (shared->resume_run) {
		prepared->found = true;
		if (!lk_journal_get(session, shared->resume_run, &run, error))
			return false;
	} else if (shared->replace_run && !shared->replaced) {
		struct lk_replacement replacement;
		bool may = lk_replacement_find(session, shared->replace_run, shared->plan_file,
					       &replacement, error);
		run = replacement.run;
		prepared->found = may;
		lk_replacement_free(&replacement);
		if (!may)
			return false;
	} else if (!lk_journal_find(session, prepared->plan.name, &prepared->found, &run, error)) {
		return false;
	} else if (prepared->found && !check_same(session, &prepared->plan, &run, error)) {
		return false;
	}
	if (prepared->found) {
		LK_COPY(prepared->run, run.name);
		LK_COPY(prepared->wanted, run.wanted);
	}
	return true;
}

static bool check_table(struct lk_session *session, const char *written, struct lk_error *error)
{
	struct lk_table table;
	if (!lk_catalog_table(session, written, &table, error))
		return false;
	bool may = lk_catalog_privileges(session, &table, error);
	lk_table_free(&table);
	return may;
}

static bool check_privileges(struct lk_session *session, const struct lk_plan *plan,
			     struct lk_error *error)
{
	bool may = true;
	for (size_t i = 0; may && i < plan->operation_count; i++)
		may = !plan->operations[i].table ||
		      check_table(session, plan->operations[i].table, error);
	for (size_t i = 0; may && i < plan->step_count; i++)
		may = !plan->steps[i].table || check_table(session, plan->steps[i].table, error);
	return may;
}

static bool describe(struct lk_session *session, struct lk_prepared *prepared,
		     struct lk_error *error)
{
	const struct lk_plan *plan = &prepared->plan;
	prepared->texts = lk_alloc(plan->step_count * sizeof *prepared->texts);
	for (size_t i = 0; i < plan->step_count; i++)
		if (!lk_step_describe(session, plan, i, &prepared->texts[i], error))
			return lk_fail_context(error, "step %s", plan->steps[i].name);
	return true;
}

/* Steps that are done can no longer be described from the catalog: only what the plan itself says. */
static void describe_adopted(struct lk_session *session, struct lk_prepared *prepared)
{
	const struct lk_plan *plan = &prepared->plan;
	struct lk_error ignored;
	prepared->texts = lk_alloc(plan->step_count * sizeof *prepared->texts);
	for (size_t i = 0; i < plan->step_count; i++)
		if (!lk_step_describe(session, plan, i, &prepared->texts[i], &ignored)) {
			memset(&prepared->texts[i], 0, sizeof prepared->texts[i]);
			LK_COPY(prepared->texts[i].undo,
				plan->steps[i].undo ? plan->steps[i].undo : "by the step itself");
		}
}

static bool describe_server(struct lk_session *session, struct lk_prepared *prepared,
			    struct lk_error *error)
{
	struct lk_server server;
	if (!lk_catalog_server(session, &server, error))
		return false;
	char *target = session->driver->describe(session->connection);
	LK_COPY(prepared->target, target);
	LK_COPY(prepared->server, server.version);
	free(target);
	return true;
}

static void say(void *context, const char *text)
{
	lk_shared_say(context, "step", text);
}

static bool derive(struct lk_session *session, struct lk_plan *plan, struct lk_error *error)
{
	if (!lk_operation_derive(session, plan, error))
		return false;
	lk_plan_complete(plan);
	return plan->step_count <= LK_SNAPSHOT_STEPS ||
	       lk_fail(error, LK_ERROR_PLAN, "the plan has %zu steps; %d is the most",
		       plan->step_count, LK_SNAPSHOT_STEPS);
}

bool lk_prepare_unchanged(struct lk_session *session, const struct lk_plan *plan,
			  struct lk_error *error)
{
	struct lk_plan again = {0};
	char before[65], now[65] = "";
	if (plan->operation_count == 0)
		return true;
	json_t *intent = lk_plan_to_json(plan);
	json_object_set_new(intent, "steps", json_array());
	bool derived = lk_plan_from_json(intent, &again, error) && derive(session, &again, error);
	json_decref(intent);
	if (derived)
		lk_plan_digest(&again, now);
	lk_plan_digest(plan, before);
	lk_plan_free(&again);
	if (!derived)
		return lk_fail_context(
			error,
			"the target was changed after this plan was shown, and nothing has been done yet");
	return strcmp(before, now) == 0 ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "the target was changed after this plan was shown, so that it now means other steps; "
		       "nothing has been done yet: begin the run again and read them");
}

bool lk_prepare(struct lk_shared *shared, struct lk_session *session, struct lk_prepared *prepared,
		struct lk_error *error)
{
	if (!describe_server(session, prepared, error))
		return false;
	if (!shared->resume_run &&
	    !lk_risk_load_plan(shared->plan_file, session->driver->engine, &prepared->plan, error))
		return false;
	if (!find_run(shared, session, prepared, error))
		return false;
	if (prepared->found)
		return true;
	LK_COPY(prepared->run, shared->run);
	return derive(session, &prepared->plan, error) &&
	       check_privileges(session, &prepared->plan, error) &&
	       describe(session, prepared, error);
}

/* Once, as soon as the run is held: after that the journal has the mended plan. */
static bool replace_plan(struct lk_shared *shared, struct lk_session *session,
			 struct lk_error *error)
{
	struct lk_replacement replacement;
	const struct lk_step_run run = {.session = session,
					.run = shared->run,
					.epoch = atomic_load(&shared->epoch),
					.pace = &shared->pace,
					.context = shared,
					.say = say};
	bool done =
		lk_replacement_find(session, shared->run, shared->plan_file, &replacement, error) &&
		lk_replacement_carry_out(&replacement, &run, shared->who, error);
	if (done) {
		char *text = lk_format("the plan was replaced: %s", replacement.difference);
		lk_shared_say(shared, "replace", text);
		free(text);
	}
	shared->replaced = shared->replaced || done;
	lk_replacement_free(&replacement);
	return done;
}

bool lk_prepare_adopted(struct lk_shared *shared, struct lk_session *session,
			struct lk_prepared *prepared, struct lk_error *error)
{
	struct lk_journal_run run;
	if (!describe_server(session, prepared, error) ||
	    (shared->replace_run && !shared->replaced && !replace_plan(shared, session, error)) ||
	    !lk_journal_get(session, shared->run, &run, error) ||
	    !lk_journal_load(session, shared->run, &prepared->plan, error))
		return false;
	size_t count = prepared->plan.step_count;
	prepared->found = true;
	LK_COPY(prepared->run, shared->run);
	LK_COPY(prepared->wanted, run.wanted);
	prepared->backward = run.backward;
	prepared->last_event = run.last_event;
	prepared->steps = lk_alloc(count * sizeof *prepared->steps);
	if (!lk_journal_steps(session, shared->run, count, prepared->steps, error))
		return false;
	describe_adopted(session, prepared);
	return true;
}
