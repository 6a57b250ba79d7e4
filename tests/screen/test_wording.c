/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a screen of 80 by 24 says in the moments of steps that are not a backfill: whole sentences, and none that
 * is about another moment. Drawn in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/screen/fixture.h"
#include "ui/model/actions.h"
#include "ui/model/input.h"
#include "ui/view/view.h"

static const struct lk_console_options options = {
	.socket = "somewhere", .user = "alice", .host = "bastion-1"};

struct scene {
	struct lk_snapshot snapshot;
	struct lk_model *model;
	char *text; /* the screen as one line, frames and runs of blanks squeezed to one */
};

static void close_scene(struct scene *scene)
{
	lk_model_free(scene->model);
	free(scene->text);
	free(scene);
}

static void add_squeezed(struct lk_buffer *out, const char *row)
{
	for (; *row; row++) {
		const char *so_far = lk_buffer_text(out);
		size_t length = strlen(so_far);

		if (!strchr(" |\n", *row))
			lk_buffer_add_bytes(out, row, 1);
		else if (length > 0 && so_far[length - 1] != ' ')
			lk_buffer_add(out, " ");
	}
}

static void look(struct scene *scene)
{
	struct lk_canvas canvas = {.ascii = true};
	struct lk_buffer out = {0};

	lk_canvas_reset(&canvas, 24, 80);
	lk_view_draw(scene->model, &canvas);
	for (int row = 0; row < canvas.rows; row++) {
		char *line = lk_canvas_row(&canvas, row);

		add_squeezed(&out, line);
		add_squeezed(&out, "\n");
		free(line);
	}
	lk_canvas_free(&canvas);
	free(scene->text);
	scene->text = lk_buffer_take(&out);
}

/* Hands the snapshot, as the test has changed it, to the console. */
static void tell(struct scene *scene)
{
	lk_model_free(scene->model);
	scene->model = lk_model_new(&options);
	lk_model_time(scene->model, 1000 * 1000 * 1000, scene->snapshot.taken + 400);
	lk_model_attached(scene->model);
	lk_model_snapshot(scene->model, &scene->snapshot);
	lk_model_show(scene->model, LK_SCREEN_LIVE);
	look(scene);
}

static struct scene *scene_of(void (*fill)(struct lk_snapshot *))
{
	struct scene *scene = lk_alloc(sizeof *scene);

	memset(scene, 0, sizeof *scene);
	fill(&scene->snapshot);
	return scene;
}

static bool says(const struct scene *scene, const char *words)
{
	return strstr(scene->text, words) != NULL;
}

static void must_say(const struct scene *scene, const char *words)
{
	if (!says(scene, words))
		fail_msg("\"%s\" is not in: %s", words, scene->text);
}

static void must_not_say(const struct scene *scene, const char *words)
{
	if (says(scene, words))
		fail_msg("\"%s\" is in: %s", words, scene->text);
}

static void set_state(struct scene *scene, int step, const char *state)
{
	LK_COPY(scene->snapshot.steps[step].state, state);
}

/* The middle of the build of an index that waits for a reader. */
static void fill_index(struct lk_snapshot *s)
{
	fixture_running(s);
	memset(&s->backfill, 0, sizeof s->backfill);
	s->limits_count = s->alerts_count = 0;
	LK_COPY(s->steps[4].verb, "ddl");
	LK_COPY(s->steps[4].name, "ddl-2");
	LK_COPY(s->steps[4].summary, "CREATE INDEX CONCURRENTLY recent ON orders (user_id)");
	LK_COPY(s->steps[4].lock,
		"SHARE UPDATE EXCLUSIVE on public.orders, for as long as it builds the index");
	LK_COPY(s->steps[4].note,
		"waiting for writers before build: 0 of 1 gone, now for process 4116 (postgres nightly "
		"report), whose transaction is 14 s old; 3 s so far");
}

static void the_first_gate_is_named(void **state)
{
	struct scene *scene = scene_of(fixture_gate_expand);

	(void)state;
	LK_COPY(scene->snapshot.state, "pending");
	tell(scene);
	must_say(scene, "THE RUN WAITS AT A GATE");
	must_say(scene, "NEXT g answers gate expand");
	must_say(scene, "EXPAND *gate:expand*");
	close_scene(scene);
}

static void a_long_statement_is_followed(void **state)
{
	struct scene *scene = scene_of(fill_index);

	(void)state;
	tell(scene);
	must_say(scene, scene->snapshot.steps[4].note);
	must_say(scene, "Space cancels this statement; r then begins it anew");
	LK_COPY(scene->snapshot.state, "paused");
	scene->snapshot.proof.requested = scene->snapshot.taken;
	scene->snapshot.proof.confirmed = true;
	LK_COPY(scene->snapshot.proof.last_chunk, "nothing was under way");
	tell(scene);
	must_say(scene, "cancelled, r begins it anew: CREATE INDEX CONCURRENTLY recent");
	must_not_say(scene, "nothing was under way");
	LK_COPY(scene->snapshot.operator_name, "alice");
	lk_act_open(scene->model, LK_ACT_RESUME);
	look(scene);
	must_say(scene, "Begin anew with CREATE INDEX");
	close_scene(scene);
}

/* What a step waits for before it has a lock stands in the log alone. */
static void a_wait_for_a_lock_is_named(void **state)
{
	struct scene *scene = scene_of(fill_index);
	struct lk_event begins =
		fixture_event(1, "step", "CREATE INDEX CONCURRENTLY recent ON orders");
	struct lk_event waits = fixture_event(
		2, "step",
		"waiting outside the lock queue: process 24220 (postgres nightly report, idle in "
		"transaction) has held users for 24 s");

	(void)state;
	scene->snapshot.steps[4].note[0] = '\0';
	LK_COPY(scene->snapshot.locks[3].remark, "holds the table: DDL waits for it");
	tell(scene);
	lk_model_event(scene->model, &begins);
	look(scene);
	must_not_say(scene, "waiting outside");
	lk_model_event(scene->model, &waits);
	look(scene);
	must_say(scene, waits.text);
	lk_model_show(scene->model, LK_SCREEN_LOCKS);
	look(scene);
	must_say(scene, "26702 metabase 14m02s idle-in-txn");
	must_say(scene, "! holds the table");
	close_scene(scene);
}

static void a_backfill_goes_on_where_it_was(void **state)
{
	struct scene *scene = scene_of(fixture_running);

	(void)state;
	scene->snapshot.limits_count = 0;
	tell(scene);
	must_say(scene, "Space stops it at once");
	must_not_say(scene, "begins it anew");
	must_not_say(scene, "rejected");
	fixture_paused(&scene->snapshot);
	tell(scene);
	must_say(scene, "last: chunk 1476 committed");
	close_scene(scene);
}

static void rejects_are_counted_and_findable(void **state)
{
	struct scene *scene = scene_of(fixture_running);

	(void)state;
	scene->snapshot.backfill.rejected = 1234;
	tell(scene);
	must_say(scene,
		 "1,234 rows rejected, left as they were: see SELECT * FROM lockkeeper.reject");
	fixture_done(&scene->snapshot);
	scene->snapshot.backfill.rejected = 7;
	tell(scene);
	must_say(scene, "7 rows rejected: table lockkeeper.reject, run rename-username");
	must_not_say(scene, "Every row is right");
	close_scene(scene);
}

static void the_end_of_a_plan_without_values(void **state)
{
	struct scene *scene = scene_of(fixture_done);

	(void)state;
	memset(&scene->snapshot.result, 0, sizeof scene->snapshot.result);
	memset(&scene->snapshot.backfill, 0, sizeof scene->snapshot.backfill);
	scene->snapshot.step = -1;
	tell(scene);
	must_say(scene, "rows: not compared");
	must_not_say(scene, "No release saw an error.");
	for (int i = 0; i < scene->snapshot.steps_count; i++)
		if (strcmp(scene->snapshot.steps[i].verb, "gate") != 0)
			LK_COPY(scene->snapshot.steps[i].verb, "ddl");
	tell(scene);
	must_say(scene, "rows: none to compare");
	must_say(scene, "No release saw an error.");
	must_say(scene, "every step is done");
	must_not_say(scene, "nothing was changed");
	close_scene(scene);
}

static void the_way_back_is_told_from_the_way_there(void **state)
{
	struct scene *scene = scene_of(fixture_gate_release);

	(void)state;
	tell(scene);
	must_not_say(scene, "going back");
	lk_act_open(scene->model, LK_ACT_GATE);
	look(scene);
	must_say(scene, "runs backfill users.user_handle from username");
	set_state(scene, 4, "undone");
	LK_COPY(scene->snapshot.steps[3].undo, "asks, on the way back: release 42 is withdrawn");
	tell(scene);
	must_say(scene, "HOLD, going back");
	must_say(scene, "THE WAY BACK WAITS AT A GATE");
	lk_act_open(scene->model, LK_ACT_GATE);
	look(scene);
	must_say(scene, "ON THE WAY BACK");
	must_say(scene, "undoes add users.user_handle, keep it equal to username");
	must_say(scene, "by DROP TRIGGER and DROP COLUMN user_handle");
	must_say(scene, "then the database is as it was before the run");
	must_not_say(scene, "backfill users.user_handle");
	close_scene(scene);
}

/* Back through a gate in front of a drop that was never reached, nothing is destroyed. */
static void a_gate_on_the_way_back_destroys_nothing(void **state)
{
	struct scene *scene = scene_of(fixture_gate_contract);

	(void)state;
	scene->snapshot.steps[6].approvals_needed = 1;
	tell(scene);
	lk_act_open(scene->model, LK_ACT_GATE);
	look(scene);
	must_say(scene, "CANNOT BE UNDONE");
	scene->snapshot.steps[6].approvals = 1; /* answered on the way there */
	LK_COPY(scene->snapshot.steps[3].undo, "asks, on the way back: release 42 is withdrawn");
	tell(scene);
	lk_act_open(scene->model, LK_ACT_GATE);
	look(scene);
	must_not_say(scene, "CANNOT BE UNDONE");
	must_say(scene, "then stops at gate release-42");
	close_scene(scene);
}

static void questions_are_not_cut(void **state)
{
	struct scene *scene = scene_of(fill_index);

	(void)state;
	LK_COPY(scene->snapshot.state, "waiting");
	set_state(scene, 3, "waiting");
	set_state(scene, 4, "pending");
	LK_COPY(scene->snapshot.steps[3].ask,
		"no release that may write rows of reviews that orders does not have is running "
		"anywhere");
	tell(scene);
	must_say(scene, scene->snapshot.steps[3].ask);
	lk_act_open(scene->model, LK_ACT_GATE);
	look(scene);
	must_say(scene, scene->snapshot.steps[3].ask);
	must_say(scene, scene->snapshot.steps[4].lock);
	close_scene(scene);
}

static void a_reason_is_shown_whole(void **state)
{
	struct scene *scene = scene_of(fixture_running);

	(void)state;
	LK_COPY(scene->snapshot.state, "stopped");
	LK_COPY(scene->snapshot.reason,
		"backfill of users stopped at the row WHERE \"id\" = '5': invalid input syntax for type "
		"integer: \"x5\". All rows before it are done. Mend the row and resume; or give the "
		"backfill on_error: skip, which leaves such rows to lockkeeper.reject");
	tell(scene);
	must_say(scene, scene->snapshot.reason);
	must_say(scene, "Mend the cause, then r tries again");
	close_scene(scene);
}

static void several_backfills_count_steps(void **state)
{
	struct scene *scene = scene_of(fixture_running);

	(void)state;
	tell(scene);
	must_say(scene, "MIGRATE 61% -->");
	LK_COPY(scene->snapshot.steps[5].verb, "backfill");
	tell(scene);
	must_say(scene, "MIGRATE 2/4, backfill 61% -->");
	close_scene(scene);
}

static void plans_say_what_and_why(void **state)
{
	struct scene *scene = scene_of(fixture_running);
	struct lk_console_plan *plans = lk_alloc(30 * sizeof *plans);

	(void)state;
	tell(scene);
	memset(plans, 0, 30 * sizeof *plans);
	for (int i = 0; i < 30; i++) {
		snprintf(plans[i].name, sizeof plans[i].name, "plan-%d", i);
		plans[i].readable = true;
	}
	LK_COPY(plans[0].what, "drop users.fax");
	LK_COPY(plans[0].why, "nobody has a fax machine any more");
	LK_COPY(plans[0].socket, "s");
	LK_COPY(plans[0].state, "waiting");
	LK_COPY(plans[0].run, "plan-0-3fa2 is waiting on postgres@db1/shop");
	lk_model_plans(scene->model, plans, 30);
	lk_model_show(scene->model, LK_SCREEN_PLANS);
	look(scene);
	must_say(scene, "PLANS 30, more below");
	must_say(scene, "plan-0 waiting drop users.fax");
	must_say(scene, "why nobody has a fax machine any more");
	must_say(scene, "run plan-0-3fa2 is waiting on postgres@db1/shop; Enter shows it");
	free(plans);
	close_scene(scene);
}

/* Enter on a plan: what was taken back begins anew, every other run is shown. */
static void what_was_undone_begins_anew(void **state)
{
	struct scene *scene = scene_of(fixture_running);
	struct lk_console_plan plan = {.path = "plans/a.yaml",
				       .name = "a",
				       .readable = true,
				       .socket = "s",
				       .state = "done",
				       .run = "a-3fa2 is done"};
	struct lk_input enter = {.kind = LK_INPUT_KEY, .key = LK_KEY_ENTER};

	(void)state;
	tell(scene);
	lk_model_plans(scene->model, &plan, 1);
	lk_model_show(scene->model, LK_SCREEN_PLANS);
	lk_input_take(scene->model, &enter);
	assert_true(scene->model->wants & LK_WANT_OPEN_PLAN);
	assert_string_equal(scene->model->open_socket, "s");
	LK_COPY(plan.state, "undone");
	lk_model_plans(scene->model, &plan, 1);
	look(scene);
	must_say(scene, "Enter begins anew");
	lk_input_take(scene->model, &enter);
	assert_string_equal(scene->model->open_socket, "");
	assert_string_equal(scene->model->open_path, "plans/a.yaml");
	close_scene(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_gate_is_named),
		cmocka_unit_test(a_long_statement_is_followed),
		cmocka_unit_test(a_wait_for_a_lock_is_named),
		cmocka_unit_test(a_backfill_goes_on_where_it_was),
		cmocka_unit_test(rejects_are_counted_and_findable),
		cmocka_unit_test(the_end_of_a_plan_without_values),
		cmocka_unit_test(the_way_back_is_told_from_the_way_there),
		cmocka_unit_test(a_gate_on_the_way_back_destroys_nothing),
		cmocka_unit_test(questions_are_not_cut),
		cmocka_unit_test(a_reason_is_shown_whole),
		cmocka_unit_test(several_backfills_count_steps),
		cmocka_unit_test(plans_say_what_and_why),
		cmocka_unit_test(what_was_undone_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
