/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_cut_over_try.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "db/my_server.h"
#include "step/record.h"

#define LOOK_AGAIN_MS 150
#define GAP_MS 1000
/* The same sentence is not said more often than this. */
#define SAY_AGAIN_US 10000000

/* What is said while it is waited for, and since when it is. */
struct wait {
	int64_t from_us, said_us;
	char said[400];
};

static bool check_names(const struct lk_my_cut_over_tables *t, struct lk_error *error)
{
	if (strcmp(t->table, t->shadow) < 0 && strcmp(t->table, t->old) < 0 &&
	    strcmp(t->shadow, t->old) != 0)
		return true;
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"%.80s cannot exchange its name with %.80s and %.80s: those must come behind it "
		"in the order of bytes, as a name that goes on after its own does",
		t->table, t->shadow, t->old);
}

static char *lock_sql(const struct lk_my_cut_over *order, const char *table, const char *shadow)
{
	bool more = order->locks && order->locks[0];
	return lk_format("LOCK TABLES %s WRITE, %s WRITE%s%s", table, shadow, more ? ", " : "",
			 more ? order->locks : "");
}

static void describe(struct lk_my_cut *cut, struct lk_table *table, const char *name)
{
	const struct lk_my_cut_over_tables *names = &cut->order->tables;
	table->schema = (char *)names->schema;
	table->name = table->shown = (char *)name;
	table->sql = lk_my_quoted_name(cut->run->session, names->schema, name);
}

static bool open_cut(struct lk_my_cut *cut, struct lk_error *error)
{
	struct lk_my_server server;
	const struct lk_my_cut_over_tables *names = &cut->order->tables;
	if (!check_names(names, error) || !lk_my_server(cut->run->session, &server, error))
		return false;
	if (!server.maria && server.version < 80013)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "%s cannot rename tables under LOCK TABLES: MySQL 8.0.13 can",
			       server.shown);
	cut->maria = server.maria;
	describe(cut, &cut->table, names->table);
	describe(cut, &cut->shadow, names->shadow);
	char *old = lk_my_quoted_name(cut->run->session, names->schema, names->old);
	cut->lock = lock_sql(cut->order, cut->table.sql, cut->shadow.sql);
	cut->rename = lk_format("RENAME TABLE %s TO %s, %s TO %s", cut->table.sql, old,
				cut->shadow.sql, cut->table.sql);
	free(old);
	return lk_my_killer_open(cut->run, &cut->table, &cut->killer, error);
}

static void close_sessions(struct lk_my_cut *cut)
{
	lk_session_close(cut->renamer);
	lk_session_close(cut->look);
	cut->renamer = cut->look = NULL;
}

static void close_cut(struct lk_my_cut *cut)
{
	if (cut->killer)
		lk_my_killer_close(cut->killer);
	close_sessions(cut);
	free(cut->table.sql);
	free(cut->shadow.sql);
	free(cut->lock);
	free(cut->rename);
}

/* For as long as a RENAME waits that nobody is left to end. */
#define RENAMER_WAIT "SET SESSION lock_wait_timeout = 1"

static bool open_renamer(struct lk_my_cut *cut, struct lk_error *error)
{
	cut->renamer = lk_session_beside(cut->run->session, "renamer", error);
	if (!cut->renamer || !lk_execute(cut->renamer, RENAMER_WAIT, error))
		return false;
	cut->report->renamer = cut->renamer->id;
	return true;
}

/* Behind a lost connection the server may still be at it: another session of the same role proves it gone. */
static struct lk_session *open_behind(struct lk_my_cut *cut, const char *role, int lost)
{
	struct lk_error error;
	struct lk_session *session = lk_session_beside(cut->run->session, role, &error);
	if (session && lk_session_end_lost(session, lost, &error))
		return session;
	lk_session_close(session);
	return NULL;
}

/* What the catalog says after a try whose RENAME may have been carried out; UNKNOWN when it cannot be asked. */
static void settle(struct lk_my_cut *cut, bool holder_lost, bool renamer_lost)
{
	struct lk_error error;
	struct lk_session *own = cut->run->session, *holder = NULL, *renamer = NULL;
	cut->report->state = LK_MY_CUT_OVER_UNKNOWN;
	if (renamer_lost && !(renamer = open_behind(cut, "renamer", cut->report->renamer)))
		return;
	if (!holder_lost || (holder = open_behind(cut, own->role, own->id))) {
		lk_session_insist(own, true);
		lk_my_cut_over_settle(holder ? holder : own, &cut->order->tables,
				      &cut->report->state, &error);
		lk_session_insist(own, false);
	}
	lk_session_close(holder);
	lk_session_close(renamer);
}

/* The catalog's word goes before what the statement said. True when the exchange is done. */
static bool conclude(struct lk_my_cut *cut, bool done, bool alive, struct lk_error *error)
{
	struct lk_my_cut_over_report *report = cut->report;
	if (done || !cut->sent) {
		report->state = done ? LK_MY_CUT_OVER_DONE : LK_MY_CUT_OVER_NOT_DONE;
		return done;
	}
	/* On MySQL it is the holder that renames. */
	settle(cut, !alive || (!cut->maria && error->class == LK_ERROR_LOST),
	       cut->maria && error->class == LK_ERROR_LOST);
	if (report->state == LK_MY_CUT_OVER_DONE)
		return true;
	if (report->state == LK_MY_CUT_OVER_TORN)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"after the RENAME neither the tables as they were nor as they should be are "
			"there: %.80s, %.80s and %.80s must be looked at by a person",
			cut->order->tables.table, cut->order->tables.shadow,
			cut->order->tables.old);
	return false;
}

static bool hold_and_exchange(struct lk_my_cut *cut, struct lk_error *error)
{
	if (!lk_my_cut_hold(cut, error))
		return false;
	return (cut->maria ? lk_my_cut_exchange_mariadb : lk_my_cut_exchange_mysql)(cut, error);
}

static bool guarded(struct lk_my_cut *cut, struct lk_my_kill *kill, struct lk_error *error)
{
	lk_my_killer_watch(cut->killer);
	bool done = (!cut->maria || lk_my_cut_fence(cut, error)) && hold_and_exchange(cut, error);
	lk_my_killer_rest(cut->killer, kill);
	struct lk_error outcome = *error;
	bool alive = lk_my_cut_let_go(cut);
	done = conclude(cut, done, alive, &outcome);
	if (cut->broken_off && cut->report->state == LK_MY_CUT_OVER_NOT_DONE && alive)
		lk_my_cut_mend(cut);
	*error = outcome;
	return done;
}

static bool try_once(struct lk_my_cut *cut, struct lk_my_kill *kill, struct lk_error *error)
{
	struct lk_step_run *run = cut->run;
	memset(kill, 0, sizeof *kill);
	memset(&cut->report->last, 0, sizeof cut->report->last);
	lk_error_clear(error);
	cut->locked_us = 0;
	cut->sent = cut->broken_off = false;
	cut->report->tries++;
	if ((cut->maria && !open_renamer(cut, error)) ||
	    !lk_journal_guard(run->session, run->run, run->epoch, error))
		return false;
	bool done = guarded(cut, kill, error);
	lk_journal_unguard(run->session, run->run);
	return done;
}

static void say_why(struct lk_my_cut *cut, struct wait *wait, const char *why)
{
	LK_COPY(cut->report->why, why);
	if (strncmp(wait->said, why, 20) == 0 && lk_clock_us() - wait->said_us < SAY_AGAIN_US)
		return;
	LK_COPY(wait->said, why);
	wait->said_us = lk_clock_us();
	lk_step_say(cut->run, "the cut-over of %.80s waits: %s", cut->table.shown, why);
}

/* Whether the failure is one of waiting, or of somebody who came in between, so that another try makes sense. */
static bool may_try_again(struct lk_my_cut *cut, const struct lk_my_kill *kill,
			  const struct lk_error *error)
{
	struct lk_my_cut_over_report *report = cut->report;
	struct lk_my_cut_over_try *last = &report->last;
	if (report->state != LK_MY_CUT_OVER_NOT_DONE)
		return false;
	if (kill->killed)
		snprintf(last->why, sizeof last->why, "the %s was not to be had in %lld ms%s%.240s",
			 kill->waited_for, (long long)lk_step_lock_wait_ms(cut->run),
			 kill->holder.found ? ": " : "", kill->holder.text);
	else
		LK_COPY(last->why, error->text);
	LK_COPY(report->why, last->why);
	lk_step_say(cut->run,
		    "try %d to cut %.80s over has failed after holding it for %lld ms: %.240s",
		    report->tries, cut->table.shown, (long long)last->held_us / 1000, last->why);
	if (cut->order->tried)
		cut->order->tried(cut->order->context, last);
	bool renamer_lost = error->class == LK_ERROR_LOST && cut->maria &&
			    lk_execute(cut->run->session, "DO 0", &(struct lk_error){0});
	return error->class == LK_ERROR_RETRY || renamer_lost ||
	       (error->class == LK_ERROR_CANCELLED &&
		(kill->killed || atomic_exchange(&cut->run->pace->give_way, false)));
}

static enum lk_outcome give_up(struct lk_my_cut *cut)
{
	LK_COPY(cut->run->note, cut->report->why);
	return LK_OUTCOME_WAITING;
}

static bool out_of_bounds(const struct lk_my_cut *cut, const struct wait *wait)
{
	const struct lk_my_cut_over *order = cut->order;
	return (order->most_tries > 0 && cut->report->tries >= order->most_tries) ||
	       (order->patience_ms > 0 &&
		lk_clock_us() - wait->from_us > order->patience_ms * 1000);
}

static enum lk_outcome try_until_done(struct lk_my_cut *cut, struct lk_error *error)
{
	struct wait wait = {.from_us = lk_clock_us()};
	int64_t gap_ms = cut->order->gap_ms > 0 ? cut->order->gap_ms : GAP_MS;
	for (;;) {
		char why[400];
		struct lk_my_kill kill;
		if (!lk_my_cut_examine(cut, why, sizeof why, error))
			return lk_step_outcome(cut->run, error);
		if (why[0])
			say_why(cut, &wait, why);
		else if (try_once(cut, &kill, error))
			return LK_OUTCOME_DONE;
		else if (atomic_load(&cut->run->pace->stop) || !may_try_again(cut, &kill, error))
			return lk_step_outcome(cut->run, error);
		close_sessions(cut);
		if (out_of_bounds(cut, &wait))
			return give_up(cut);
		if (!lk_pace_sleep(cut->run->pace, why[0] ? LOOK_AGAIN_MS : gap_ms))
			return LK_OUTCOME_STOPPED;
	}
}

/* In the run's session, or in another where that is lost. */
static void drop_fence(struct lk_my_cut *cut)
{
	struct lk_error error;
	struct lk_step_run own = *cut->run;
	const struct lk_my_cut_over_tables *tables = &cut->order->tables;
	if (!cut->maria || cut->report->tries == 0 || lk_my_cut_over_clean(&own, tables, &error))
		return;
	cut->report->fence_left = true;
	if (error.class != LK_ERROR_LOST)
		return;
	own.session = lk_session_beside(cut->run->session, "cleaner", &error);
	if (own.session && lk_my_cut_over_clean(&own, tables, &error))
		cut->report->fence_left = false;
	lk_session_close(own.session);
}

static void say_fence_left(struct lk_my_cut *cut)
{
	lk_step_say(
		cut->run,
		"the fence of %.80s could not be dropped (its triggers lk_fence_%s_I, _U and _D do "
		"nothing any more): it will be before the next try",
		cut->table.shown, cut->run->run);
}

enum lk_outcome lk_my_cut_over(struct lk_step_run *run, const struct lk_my_cut_over *order,
			       struct lk_my_cut_over_report *report, struct lk_error *error)
{
	struct lk_my_cut cut = {.run = run, .order = order, .report = report};
	memset(report, 0, sizeof *report);
	report->state = LK_MY_CUT_OVER_NOT_DONE;
	enum lk_outcome outcome =
		open_cut(&cut, error) ? try_until_done(&cut, error) : lk_step_outcome(run, error);
	close_sessions(&cut);
	drop_fence(&cut);
	if (report->fence_left)
		say_fence_left(&cut);
	close_cut(&cut);
	if (outcome == LK_OUTCOME_DONE)
		report->why[0] = '\0';
	else if (outcome == LK_OUTCOME_FAILED && !report->why[0])
		LK_COPY(report->why, error->text);
	return outcome;
}

bool lk_my_cut_over_hindrance(struct lk_step_run *run, const struct lk_my_cut_over *order,
			      char *why, size_t size, struct lk_error *error)
{
	struct lk_my_cut_over_report unused = {0};
	struct lk_my_cut cut = {.run = run, .order = order, .report = &unused};
	bool examined = open_cut(&cut, error) && lk_my_cut_examine(&cut, why, size, error);
	close_cut(&cut);
	return examined;
}
