/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/chaos/session.h"

/* A console is given this long before its person closes it and looks again. */
#define CONSOLE_MS 20000
#define BACK_MS 3000
#define VERB_MS 8000
#define AGAIN_MS 100
#define THINK_MS 500

enum { DONE = 0, REFUSED = 1, USAGE = 2, GATE = 3, STANDS = 4, PERSON = 5 };

static bool in_time(struct lk_chaos_operator *o)
{
	return lk_clock_us() < o->deadline_us && !o->trouble[0];
}

static struct lk_chaos_said heard(struct lk_chaos_operator *o, const char *verb,
				  struct lk_chaos_said said)
{
	o->calls++;
	snprintf(o->last, sizeof o->last, "%s: status %d%s%.150s", verb, said.status,
		 said.text[0] ? ", " : "", said.text);
	if (said.hung && strcmp(verb, "run") != 0 && !o->hung[0])
		snprintf(o->hung, sizeof o->hung, "%s did not end in %d ms", verb, VERB_MS);
	if (strcmp(verb, "run") == 0 && (said.status == REFUSED || said.status == USAGE)) {
		o->refusals++;
		if (!o->first_refusal[0])
			LK_COPY(o->first_refusal, said.text);
	}
	return said;
}

static struct lk_chaos_said verb(struct lk_chaos_operator *o, const char *name, const char *gate)
{
	const char *const arguments[] = {"lockkeeper", name, LK_CHAOS_PLAN, gate, NULL};
	return heard(o, name, lk_chaos_do(o->world, LK_CHAOS_ALICE, VERB_MS, arguments));
}

/* A person reads what the gate asks. */
static void think(struct lk_chaos_operator *o)
{
	lk_sleep_ms((int64_t)lk_chaos_draw(&o->random, THINK_MS));
}

static bool at_gate(const struct lk_chaos_said *said, const char *gate)
{
	char words[80];
	snprintf(words, sizeof words, "waiting at gate %s (", gate);
	return said->status == GATE && strstr(said->text, words);
}

static void count_stop(struct lk_chaos_operator *o, const char *reason)
{
	o->stops++;
	if (!o->first_stop[0])
		LK_COPY(o->first_stop, reason);
}

/* What stands is resumed; the rest is tried again. */
static void go_on(struct lk_chaos_operator *o, const struct lk_chaos_said *said)
{
	if (said->status == PERSON)
		count_stop(o, said->text);
	if (said->status == PERSON || said->status == STANDS)
		verb(o, "resume", NULL);
	lk_sleep_ms(AGAIN_MS);
}

/* The journal as a person reads it: "state backward" of the newest run; false when nobody answers. */
static bool read_journal(struct lk_chaos_operator *o, char *state, size_t size, bool *backward)
{
	char text[60];
	if (!lk_chaos_ask(o->world, o->world->engine->state, text, sizeof text))
		return false;
	char *space = strchr(text, ' ');
	*backward = space != NULL;
	if (space)
		*space = '\0';
	lk_copy_text(state, size, text);
	return true;
}

/* The end was not told to anybody when the keeper died right after it: the journal knows. */
static bool is_done(struct lk_chaos_operator *o)
{
	char state[20];
	bool back;
	return read_journal(o, state, sizeof state, &back) && strcmp(state, "done") == 0;
}

/* Forward with these gates answered, until it waits at `gate` or, with NULL, until it is done. */
static bool forward(struct lk_chaos_operator *o, const char *gates, const char *gate)
{
	while (in_time(o)) {
		struct lk_chaos_said said =
			heard(o, "run", lk_chaos_run(o->world, LK_CHAOS_ALICE, CONSOLE_MS, gates));
		if (gate && at_gate(&said, gate)) {
			think(o);
			return true;
		}
		if (said.status == DONE) {
			if (gate)
				snprintf(o->trouble, sizeof o->trouble,
					 "done without having asked at gate %s", gate);
			return !gate;
		}
		if (!gate && is_done(o))
			return true;
		if (said.status == STANDS && strstr(said.text, "undone"))
			snprintf(o->trouble, sizeof o->trouble, "undone, and nobody wanted that");
		else
			go_on(o, &said);
	}
	return false;
}

/* The new release is withdrawn before anybody says that it is. */
static void withdraw(struct lk_chaos_operator *o)
{
	lk_chaos_writers_stop(o->new_release, &o->written);
	o->new_release = NULL;
	verb(o, "confirm", "release-42");
}

/* One look and what follows from it. A run that is undone must not be started again by mistake, so the plan is
 * run only when the journal says that it is not and no keeper is there who could make it so. */
static void go_back(struct lk_chaos_operator *o, const char *state, bool backward, bool keeper)
{
	if (!keeper)
		heard(o, "run", lk_chaos_run(o->world, LK_CHAOS_ALICE, BACK_MS, "none"));
	else if (!backward)
		verb(o, "rollback", NULL);
	else if (strcmp(state, "waiting") == 0)
		withdraw(o);
	else if (strcmp(state, "paused") == 0 || strcmp(state, "stopped") == 0)
		verb(o, "resume", NULL);
}

static bool backward(struct lk_chaos_operator *o)
{
	think(o);
	while (in_time(o)) {
		char state[20];
		bool back, keeper = lk_chaos_keeper(o->world, LK_CHAOS_ALICE) > 0;
		if (read_journal(o, state, sizeof state, &back)) {
			if (strcmp(state, "undone") == 0)
				return true;
			if (strcmp(state, "stopped") == 0)
				count_stop(o, "on the way back");
			go_back(o, state, back, keeper);
		}
		lk_sleep_ms(AGAIN_MS / 2);
	}
	return false;
}

/* In the middle of migrate: the person looks on for a while, closes the console and turns round. */
static bool turn_in_migrate(struct lk_chaos_operator *o)
{
	heard(o, "run",
	      lk_chaos_run(o->world, LK_CHAOS_ALICE, o->turn_ms, "expand,migrate,release-42"));
	return backward(o);
}

static bool walk(struct lk_chaos_operator *o)
{
	if (!forward(o, "expand,migrate", "release-42"))
		return false;
	if (o->turn == LK_CHAOS_BACK_EXPANDED)
		return backward(o);
	o->new_release = lk_chaos_writers_start(o->world, true, o->seed);
	if (o->turn == LK_CHAOS_BACK_MIGRATING)
		return turn_in_migrate(o);
	if (!forward(o, "expand,migrate,release-42", "contract"))
		return false;
	if (o->turn == LK_CHAOS_BACK_MIGRATED)
		return backward(o);
	if (!forward(o, "expand,migrate,release-42,contract", "release-41-gone"))
		return false;
	if (o->turn == LK_CHAOS_BACK_CONTRACTING)
		return backward(o);
	lk_chaos_writers_stop(o->old_release, &o->written);
	o->old_release = NULL;
	return forward(o, "expand,migrate,release-42,contract,release-41-gone", NULL);
}

static void *operate(void *argument)
{
	struct lk_chaos_operator *o = argument;
	o->random.state = o->seed + 77;
	o->old_release = lk_chaos_writers_start(o->world, false, o->seed);
	o->reached = walk(o);
	lk_chaos_writers_stop(o->old_release, &o->written);
	lk_chaos_writers_stop(o->new_release, &o->written);
	atomic_store(&o->finished, true);
	return NULL;
}

void lk_chaos_operator_start(struct lk_chaos_operator *o)
{
	if (pthread_create(&o->thread, NULL, operate, o) != 0)
		abort();
}

void lk_chaos_operator_join(struct lk_chaos_operator *o)
{
	pthread_join(o->thread, NULL);
}
