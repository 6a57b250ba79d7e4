/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Screens as pictures in memory: every size, every moment of a run, and texts that try to draw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/width_table.h"
#include "tests/screen/fixture.h"
#include "ui/model/actions.h"
#include "ui/view/view.h"

static const struct lk_console_options options = {
	.socket = "somewhere", .user = "alice", .host = "bastion-1"};

static struct lk_model *model_of(const struct lk_snapshot *snapshot)
{
	struct lk_model *model = lk_model_new(&options);

	lk_model_time(model, 1000 * 1000 * 1000, snapshot->taken + 400);
	lk_model_attached(model);
	lk_model_snapshot(model, snapshot);
	return model;
}

static void draw(struct lk_model *model, struct lk_canvas *canvas, int rows, int columns)
{
	lk_canvas_reset(canvas, rows, columns);
	lk_view_draw(model, canvas);
}

/* Every cell shows something that may be shown, and wide characters are whole. */
static void check_cells(const struct lk_canvas *canvas)
{
	for (int row = 0; row < canvas->rows; row++)
		for (int column = 0; column < canvas->columns; column++) {
			const struct lk_cell *cell = &canvas->cells[row * canvas->columns + column];

			if (cell->character == 0) {
				assert_true(column > 0 && lk_char_width(cell[-1].character) == 2);
				continue;
			}
			assert_true(lk_char_width(cell->character) > 0);
			if (lk_char_width(cell->character) == 2)
				assert_true(column + 1 < canvas->columns && cell[1].character == 0);
			assert_true(cell->mark == 0 || lk_char_width(cell->mark) == 0);
			assert_true(cell->role < LK_ROLES);
			if (canvas->ascii)
				assert_true(cell->character < 0x7f);
		}
}

static bool shows(const struct lk_canvas *canvas, const char *text)
{
	bool found = false;

	for (int row = 0; row < canvas->rows && !found; row++) {
		char *line = lk_canvas_row(canvas, row);

		found = strstr(line, text) != NULL;
		free(line);
	}
	return found;
}

static void (*const fills[])(struct lk_snapshot *) = {fixture_running,	    fixture_gate_expand,
						      fixture_gate_release, fixture_gate_contract,
						      fixture_paused,	    fixture_done};

/* No size is too small, on any screen, with anything open. */
static void every_size(void **state)
{
	static const int sizes[][2] = {{1, 1},	  {1, 80},   {2, 2},   {3, 20},	 {4, 10},
				       {5, 40},	  {6, 30},   {7, 80},  {8, 40},	 {10, 60},
				       {11, 79},  {12, 60},  {23, 79}, {24, 80}, {40, 132},
				       {50, 200}, {90, 300}, {24, 7},  {90, 1}};
	struct lk_canvas canvas = {0};
	struct lk_snapshot snapshot;

	(void)state;
	for (size_t f = 0; f < LK_COUNT(fills); f++) {
		struct lk_model *model;

		fills[f](&snapshot);
		model = model_of(&snapshot);
		for (size_t i = 0; i < LK_COUNT(sizes); i++)
			for (int screen = 0; screen < LK_SCREENS * 5; screen++) {
				canvas.ascii = screen % 2;
				lk_model_show(model, (enum lk_screen)(screen % LK_SCREENS));
				model->detail = screen / LK_SCREENS == 1;
				model->overlay = screen / LK_SCREENS == 2   ? LK_OVERLAY_HELP
						 : screen / LK_SCREENS == 3 ? LK_OVERLAY_MENU
									    : LK_OVERLAY_NONE;
				if (screen / LK_SCREENS == 4)
					lk_act_open(model, f % 2 ? LK_ACT_GATE : LK_ACT_ROLLBACK);
				draw(model, &canvas, sizes[i][0], sizes[i][1]);
				check_cells(&canvas);
			}
		lk_model_free(model);
	}
	lk_canvas_free(&canvas);
}

/* The state is in row 1 down to a few columns, and what stops the work is on the last row. */
static void state_and_pause_stay(void **state)
{
	struct lk_canvas canvas = {.ascii = true};
	struct lk_snapshot snapshot;
	struct lk_model *model;

	(void)state;
	fixture_paused(&snapshot);
	model = model_of(&snapshot);
	for (int columns = 8; columns < 200; columns++) {
		char *line;

		draw(model, &canvas, 24, columns);
		line = lk_canvas_row(&canvas, 0);
		assert_non_null(strstr(line, "*PAUSED"));
		free(line);
		if (columns >= 11)
			assert_true(shows(&canvas, "Space PAUSE"));
	}
	for (int rows = 2; rows < 60; rows++) {
		draw(model, &canvas, rows, 80);
		assert_true(shows(&canvas, "Space PAUSE"));
	}
	lk_model_free(model);
	lk_canvas_free(&canvas);
}

/* Replicas that cannot be waited for say why, and the Locks screen what the server does not show. */
static void what_is_not_known_is_said(void **state)
{
	struct lk_canvas canvas = {.ascii = true};
	struct lk_snapshot snapshot;
	struct lk_model *model;

	(void)state;
	fixture_running(&snapshot);
	assert_true(snapshot.replicas_count > 1);
	LK_COPY(snapshot.replicas[0].state, "broken");
	LK_COPY(snapshot.replicas[0].note, "it does not apply");
	LK_COPY(snapshot.replicas[1].name, "replica1.example.org:3306");
	LK_COPY(snapshot.limits[0].state, "unknown");
	LK_COPY(snapshot.server_load.unseen,
		"metadata locks are not visible: INSTALL SONAME 'metadata_lock_info'");
	model = model_of(&snapshot);
	draw(model, &canvas, 50, 160);
	assert_true(shows(&canvas, "BROKEN: it does not apply"));
	assert_true(shows(&canvas, "replica1.example.org:3306"));
	lk_model_show(model, LK_SCREEN_LOCKS);
	draw(model, &canvas, 30, 80);
	assert_true(shows(&canvas, "INSTALL SONAME"));
	lk_model_free(model);
	lk_canvas_free(&canvas);
}

static void live_shows_what_matters(void **state)
{
	static const char *const words[] = {"THROTTLED",
					    "MIGRATE 61%",
					    "OPER alice",
					    "4,812 r/s",
					    "STALE: no data 41s",
					    "held by lag standby2 2.6 s > 2 s",
					    "* 26598",
					    "|-26611",
					    "`-26640",
					    "waits",
					    "UPDATE",
					    "14m02s",
					    "IO:DataFileRead",
					    "CRIT",
					    "errors 0",
					    "we block 2, we wait 0",
					    "alone 7.5 ms",
					    "Space stops it"};
	struct lk_canvas canvas = {.ascii = true};
	struct lk_snapshot snapshot;
	struct lk_model *model;

	(void)state;
	fixture_running(&snapshot);
	model = model_of(&snapshot);
	draw(model, &canvas, 24, 80);
	for (size_t i = 0; i < LK_COUNT(words); i++)
		if (!shows(&canvas, words[i]))
			fail_msg("\"%s\" is not on the Live screen", words[i]);
	/* twenty seconds without a word from the keeper */
	lk_model_time(model, 1020 * 1000 * 1000, snapshot.taken + 20400);
	draw(model, &canvas, 24, 80);
	assert_true(shows(&canvas, "*LOST*"));
	assert_true(shows(&canvas, "STALE 20s"));
	lk_model_free(model);
	lk_canvas_free(&canvas);
}

static void trouble_says_why_and_what_to_do(void **state)
{
	struct lk_canvas canvas = {.ascii = true};
	struct lk_snapshot snapshot;
	struct lk_model *model;

	(void)state;
	fixture_running(&snapshot);
	LK_COPY(snapshot.state, "stopped");
	LK_COPY(snapshot.reason,
		"column \"user_handle\" already exists; drop it or choose another name");
	model = model_of(&snapshot);
	draw(model, &canvas, 24, 80);
	assert_true(shows(&canvas, "*STOPPED*"));
	assert_true(shows(&canvas, "drop it or choose another name"));
	assert_true(shows(&canvas, "Mend the cause, then r tries again"));
	lk_model_free(model);
	LK_COPY(snapshot.state, "unreachable");
	model = model_of(&snapshot);
	draw(model, &canvas, 24, 80);
	assert_true(shows(&canvas, "*NO DATABASE*"));
	lk_model_free(model);
	lk_canvas_free(&canvas);
}

/* A keeper that was killed is not a plan that was never run. */
static void the_plan_of_a_lost_run_says_how_it_goes_on(void **state)
{
	const struct lk_console_plan plan = {
		.path = "plans/p.yaml", .name = "rename-username", .readable = true};
	struct lk_canvas canvas = {.ascii = true};
	struct lk_snapshot snapshot;
	struct lk_model *model;

	(void)state;
	fixture_running(&snapshot);
	LK_COPY(snapshot.plan, "rename-username");
	model = model_of(&snapshot);
	lk_model_plans(model, &plan, 1);
	lk_model_show(model, LK_SCREEN_PLANS);
	draw(model, &canvas, 24, 80);
	assert_true(shows(&canvas, "Enter starts one"));
	lk_model_lost(model);
	draw(model, &canvas, 24, 80);
	assert_true(shows(&canvas, "has lost its keeper; Enter takes it over"));
	assert_true(shows(&canvas, "1, Enter on the plan: take over"));
	lk_model_free(model);
	lk_canvas_free(&canvas);
}

static void steps_show_sql_and_what_is_lost(void **state)
{
	struct lk_canvas canvas = {.ascii = true};
	struct lk_snapshot snapshot;
	struct lk_model *model;

	(void)state;
	fixture_gate_contract(&snapshot);
	model = model_of(&snapshot);
	lk_model_show(model, LK_SCREEN_STEPS);
	draw(model, &canvas, 24, 80);
	assert_true(shows(&canvas, "DESTROYS DATA"));
	assert_true(shows(&canvas, "g answers it"));
	model->lists[LK_SCREEN_STEPS].key = 7;
	draw(model, &canvas, 24, 80);
	assert_true(shows(&canvas, "ALTER TABLE users DROP COLUMN username"));
	assert_true(shows(&canvas, "nothing brings it back"));
	assert_true(shows(&canvas, "ACCESS EXCLUSIVE on users"));
	lk_model_free(model);
	lk_canvas_free(&canvas);
}

static void the_end_says_what_the_figures_say(void **state)
{
	struct lk_canvas canvas = {.ascii = true};
	struct lk_snapshot snapshot;
	struct lk_model *model;

	(void)state;
	fixture_done(&snapshot);
	model = model_of(&snapshot);
	draw(model, &canvas, 24, 80);
	assert_true(shows(&canvas, "Every row is right, no release saw an error."));
	lk_model_free(model);
	snapshot.application.errors = 2;
	LK_COPY(snapshot.application.last_error, "duplicate key");
	model = model_of(&snapshot);
	draw(model, &canvas, 24, 80);
	assert_false(shows(&canvas, "Every row is right"));
	assert_true(shows(&canvas, "duplicate key"));
	lk_model_free(model);
	lk_canvas_free(&canvas);
}

/* Payloads change nothing outside their own fields: the frame around them is the same. */
static void hostile_texts_stay_in_their_fields(void **state)
{
	static const char *const payloads[] = {
		"\033[2J\033[HPROD | RUN",
		"\033]0;owned\007",
		"\033]52;c;AAAA\033\\",
		"\033P+q\033\\",
		"a\nb\nc",
		"\r\rfake",
		"\b\b\b\b\b",
		"\t\t\t",
		("\302\233"
		 "2J"),
		"\342\200\256rtl",
		"\342\200\213\357\273\277",
		"e\314\201\314\201\314\201\314\201\314\201",
		"\377\376\200",
		"\346\227\245\346\234\254\350\252\236\346\227\245\346\234\254\350\252\236",
		"%s%n%x",
		"\033[6n",
		"\033_x\033\\",
		"\360\237\221\251\342\200\215\360\237\221\251"};
	struct lk_canvas canvas = {0}, plain = {0};
	struct lk_snapshot *snapshot = lk_alloc(sizeof *snapshot);

	(void)state;
	for (size_t i = 0; i < LK_COUNT(payloads); i++)
		for (int screen = 0; screen < LK_SCREENS; screen++) {
			struct lk_model *model, *quiet;
			char *a, *b;

			fixture_hostile(snapshot, payloads[i]);
			model = model_of(snapshot);
			fixture_hostile(snapshot, "quiet");
			quiet = model_of(snapshot);
			lk_model_show(model, (enum lk_screen)screen);
			lk_model_show(quiet, (enum lk_screen)screen);
			quiet->wall_ms = model->wall_ms;
			draw(model, &canvas, 24, 80);
			draw(quiet, &plain, 24, 80);
			check_cells(&canvas);
			for (int row = 0; row < 24; row++) {
				if (row != 0 && row != 1 && row != 23)
					continue;
				a = lk_canvas_row(&canvas, row);
				b = lk_canvas_row(&plain, row);
				assert_string_equal(a, b);
				free(a);
				free(b);
			}
			lk_model_free(model);
			lk_model_free(quiet);
		}
	lk_canvas_free(&canvas);
	lk_canvas_free(&plain);
	free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size),
		cmocka_unit_test(state_and_pause_stay),
		cmocka_unit_test(what_is_not_known_is_said),
		cmocka_unit_test(live_shows_what_matters),
		cmocka_unit_test(trouble_says_why_and_what_to_do),
		cmocka_unit_test(the_plan_of_a_lost_run_says_how_it_goes_on),
		cmocka_unit_test(steps_show_sql_and_what_is_lost),
		cmocka_unit_test(the_end_says_what_the_figures_say),
		cmocka_unit_test(hostile_texts_stay_in_their_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
