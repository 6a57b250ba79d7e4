/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/seed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "tests/chaos/moments.h"
#include "tests/chaos/operator.h"
#include "tests/chaos/session.h"

/* How long the way to the first gate, or to the end once everything is back, may take. */
#define MOST_STALL_MS 3000
#define BEGIN_US 120000000LL
#define RECOVER_US 45000000LL

struct seed {
	uint64_t number;
	struct lk_chaos_random random;
	struct lk_chaos_world world;
	struct lk_chaos_operator operator;
	struct lk_chaos_fault faults[LK_CHAOS_FAULTS];
	int count;
	struct lk_chaos_audit audit;
	struct lk_chaos_outcome *outcome;
	char wrong[700];
};

static void complain(struct seed *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void complain(struct seed *s, const char *format, ...)
{
	char text[400];
	size_t length = strlen(s->wrong);
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	snprintf(s->wrong + length, sizeof s->wrong - length, "%s%s", length ? "; " : "", text);
}

/* The server answers by now: a query that fails is a fault of the test. */
static int64_t number(struct seed *s, const char *sql)
{
	char value[24];
	if (!lk_chaos_ask(&s->world, sql, value, sizeof value)) {
		complain(s, "no answer to %.80s", sql);
		return -1;
	}
	return strtoll(value, NULL, 10);
}

static void check_rows(struct seed *s)
{
	bool back = s->operator.turn != LK_CHAOS_FORWARD;
	s->outcome->rows_compared = number(s, "SELECT count(*) FROM users_ledger");
	s->outcome->rows_different = number(s, s->world.engine->differ[!back]);
	if (s->outcome->rows_different)
		complain(s, "%lld rows differ from what was written",
			 (long long)s->outcome->rows_different);
}

static void check_schema(struct seed *s)
{
	bool back = s->operator.turn != LK_CHAOS_FORWARD;
	char *wanted = s->world.engine->schema_wanted(back ? "username" : "user_handle");
	char *found = lk_chaos_text(&s->world, s->world.engine->schema);
	if (!found || strcmp(wanted, found) != 0)
		complain(s, "left on the table: %s", found ? found : "no answer");
	free(found);
	free(wanted);
}

static void check_journal(struct seed *s)
{
	bool back = s->operator.turn != LK_CHAOS_FORWARD;
	char text[400] = "", state[40] = "", letters[60] = "";
	if (!lk_chaos_audit_once(&s->world, text))
		complain(s, "journal and catalog: %s", text);
	if (number(s, "SELECT count(*) FROM lockkeeper.run WHERE state NOT IN ('done', 'undone')"))
		complain(s, "a run is left unfinished in the journal");
	lk_chaos_ask(&s->world, "SELECT state FROM lockkeeper.run ORDER BY created_at DESC LIMIT 1",
		     state, sizeof state);
	if (strcmp(state, back ? "undone" : "done") != 0)
		complain(s, "the journal says %s", state);
	lk_chaos_ask(&s->world, s->world.engine->letters, letters, sizeof letters);
	if (strspn(letters, back ? "up" : "d") != strlen(letters))
		complain(s, "steps in the journal: %s", letters);
	if (number(s, "SELECT count(*) FROM lockkeeper.cleanup"))
		complain(s, "the journal still has something to clean up");
}

static void check_application(struct seed *s)
{
	const struct lk_chaos_written *w = &s->operator.written;
	bool lost = false, disk = false, stall = false;
	for (int i = 0; i < s->count; i++) {
		lost = lost || (s->faults[i].struck && lk_chaos_explains_lost(s->faults[i].kind));
		stall = stall ||
			(s->faults[i].struck && lk_chaos_explains_stall(s->faults[i].kind));
		disk = disk || (s->faults[i].struck && lk_chaos_explains_disk(s->faults[i].kind));
	}
	if (w->told[LK_CHAOS_TOLD_OTHER])
		complain(s, "the application saw %s", w->first_other);
	if (!lost && (w->told[LK_CHAOS_TOLD_LOST] || w->told[LK_CHAOS_TOLD_SHUTDOWN]))
		complain(s, "the application lost its connection, and no fault explains it");
	if (!disk && w->told[LK_CHAOS_TOLD_DISK])
		complain(s, "the application had no space, and no fault explains it");
	/* Whatever happens to a keeper, the application does not wait for it. */
	if (!stall && w->longest_ms > MOST_STALL_MS)
		complain(s, "the application stood still for %.0f ms", w->longest_ms);
	if (w->transactions < 50)
		complain(s, "the application wrote only %lld times", (long long)w->transactions);
	/* Only a full disk is a reason to call a person; everything else passes by itself. */
	if (s->operator.stops && !disk)
		complain(s, "the run stopped for a person: %.150s", s->operator.first_stop);
}

/* A run that is nobody else's is never said to be, and is not forgotten. */
static void check_refusals(struct seed *s)
{
	const struct lk_chaos_operator *o = &s->operator;
	bool explained = false, somebody = false;
	for (int i = 0; i < s->count; i++) {
		const struct lk_chaos_fault *fault = &s->faults[i];
		explained = explained || (fault->struck && lk_chaos_explains_refusal(fault->kind));
		somebody = somebody || (fault->struck && (fault->kind == LK_CHAOS_TWO_KEEPERS ||
							  fault->kind == LK_CHAOS_KEEPER_STOP));
	}
	bool fenced = !somebody && strstr(o->first_refusal, "another keeper");
	if (o->refusals && (!explained || fenced))
		complain(s, "refused: %.150s", o->first_refusal);
}

static void check(struct seed *s)
{
	const struct lk_chaos_operator *o = &s->operator;
	if (o->trouble[0])
		complain(s, "%s", o->trouble);
	if (o->hung[0])
		complain(s, "%s", o->hung);
	if (!o->reached)
		complain(s, "not at its end; the last was %s", o->last);
	if (s->audit.disagreements)
		complain(s, "%lld of %lld looks: %s", (long long)s->audit.disagreements,
			 (long long)s->audit.looks, s->audit.first);
	check_application(s);
	check_refusals(s);
	if (!o->reached)
		return;
	check_rows(s);
	check_schema(s);
	check_journal(s);
}

/* The time from everything being back to the first movement of the run after it. */
static void measure_recovery(struct seed *s, struct lk_chaos_auditor *auditor)
{
	for (int i = 0; i < s->count; i++) {
		const struct lk_chaos_fault *fault = &s->faults[i];
		int64_t moved =
			fault->struck ? lk_chaos_auditor_moved_after(auditor, fault->over_us) : 0;
		double ms = moved ? (double)(moved - fault->over_us) / 1000 : 0;
		if (ms > s->outcome->worst_recovery_ms)
			s->outcome->worst_recovery_ms = ms;
	}
}

static void draw(struct seed *s)
{
	struct lk_chaos_operator *o = &s->operator;
	s->random.state = s->number * 0x2545f4914f6cdd1du + 1;
	if (s->number % 3 == 0)
		o->turn = (enum lk_chaos_turn)(1 + lk_chaos_draw(&s->random, LK_CHAOS_TURNS - 1));
	o->turn_ms = 100 + (int)lk_chaos_draw(&s->random, 1500);
	o->seed = s->number;
	s->count =
		lk_chaos_faults_draw(s->number, &s->random, o->turn != LK_CHAOS_FORWARD, s->faults);
}

static void run_through(struct seed *s)
{
	lk_chaos_users_make(&s->world, LK_CHAOS_ROWS);
	struct lk_chaos_auditor *auditor = lk_chaos_auditor_start(&s->world);
	s->operator.world = & s->world;
	s->operator.deadline_us = lk_clock_us() + BEGIN_US;
	lk_chaos_operator_start(&s->operator);
	for (int i = 0; i < s->count; i++)
		lk_chaos_fault_happen(&s->world, &s->faults[i], &s->operator.finished);
	s->operator.deadline_us = lk_clock_us() + RECOVER_US;
	lk_chaos_operator_join(&s->operator);
	measure_recovery(s, auditor);
	lk_chaos_auditor_stop(auditor, &s->audit);
}

static void tell(struct seed *s)
{
	static const char *const turns[] = {"forward", "back from expand", "back in mid-migrate",
					    "back from migrate", "back from contract"};
	struct lk_chaos_outcome *out = s->outcome;
	char faults[600] = "";
	for (int i = 0; i < s->count; i++) {
		char one[160];
		size_t length = strlen(faults);
		lk_chaos_fault_text(&s->world, &s->faults[i], one, sizeof one);
		if (!lk_chaos_fault_possible(&s->faults[i], &s->world)) {
			snprintf(one, sizeof one, "no %s here",
				 lk_chaos_kind_name(s->faults[i].kind));
			out->impossible[s->faults[i].kind]++;
		}
		snprintf(faults + length, sizeof faults - length, "%s%s", length ? ", " : "", one);
		out->faults[s->faults[i].kind] += s->faults[i].struck;
	}
	out->looks = s->audit.looks;
	out->written = s->operator.written;
	LK_COPY(out->missing, s->world.missing);
	out->passed = !s->wrong[0];
	snprintf(out->line, sizeof out->line, "%s: %s: %s (%lld rows, %.1f s)",
		 turns[s->operator.turn], faults, out->passed ? "all is well" : s->wrong,
		 (long long)out->rows_compared, out->seconds);
}

/* The journal's own story, for whoever looks for the cause. */
static void keep_events(struct seed *s)
{
	struct lk_error error;
	char *path = lk_path_join(s->world.folder, "events");
	char *text = lk_chaos_text(&s->world, s->world.engine->events);
	if (text && !lk_path_write(path, text, strlen(text), &error))
		fprintf(stderr, "chaos: %s\n", error.text);
	free(text);
	free(path);
}

void lk_chaos_seed(const struct lk_chaos_engine *engine, uint64_t seed_number, bool keep,
		   struct lk_chaos_outcome *outcome)
{
	struct seed *s = lk_alloc(sizeof *s);
	int64_t begun = lk_clock_us();
	memset(outcome, 0, sizeof *outcome);
	s->number = seed_number;
	s->outcome = outcome;
	draw(s);
	const struct lk_chaos_needs needs = lk_chaos_faults_needs(s->faults, s->count);
	lk_chaos_world_open(&s->world, engine, &needs);
	run_through(s);
	check(s);
	outcome->seconds = (double)(lk_clock_us() - begun) / 1e6;
	tell(s);
	s->world.keep = keep || !outcome->passed;
	if (s->world.keep)
		keep_events(s);
	lk_chaos_world_close(&s->world);
	free(s);
}
