/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_gentle.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "step/my_killer.h"
#include "step/record.h"

#define LOOK_AGAIN_MS 150
#define GAP_MS 1000
/* So long the oldest transaction is taken for the one in our way, when nobody says who is. */
#define GUESS_MS 5000
/* After so many times in which the work itself (not the wait for it) kept others waiting, it is hopeless. */
#define MOST_GIVEN_WAY 5
/* As often a long work's last wait may cost all of it. */
#define MOST_LOST 3
/* The same sentence is not said more often than this. */
#define SAY_AGAIN_US 10000000

struct attempt {
	struct lk_my_killer *killer;
	const struct lk_table *table;
	int tries, given_way, lost;
	struct lk_my_holder suspect; /* a guess, after a try has failed */
	int64_t suspected_us;
	char said[48]; /* about whom the last sentence was */
	int64_t said_us;
};

/* The name of what is locked, for people. */
static const char *shown(const struct attempt *attempt)
{
	return attempt->table ? attempt->table->shown : "the new object";
}

static void name_holder(struct lk_step_run *run, struct attempt *attempt,
			const struct lk_my_holder *holder)
{
	char about[48];
	snprintf(about, sizeof about, "%lld %.24s", (long long)holder->id, holder->began);
	if (strcmp(attempt->said, about) == 0 && lk_clock_us() - attempt->said_us < SAY_AGAIN_US)
		return;
	LK_COPY(attempt->said, about);
	attempt->said_us = lk_clock_us();
	lk_step_say(run, "waiting outside the lock queue: %s", holder->text);
}

static bool same(const struct lk_my_holder *a, const struct lk_my_holder *b)
{
	return a->found && b->found && a->id == b->id && strcmp(a->began, b->began) == 0;
}

/* *held tells whether to wait for somebody, who is named to the operator. */
static bool look_first(struct lk_step_run *run, struct attempt *attempt, bool *held,
		       struct lk_error *error)
{
	struct lk_my_holder holder;
	enum lk_my_lock_view view = lk_my_killer_view(attempt->killer);
	*held = false;
	if (view == LK_MY_LOCKS_UNSEEN && !attempt->suspect.found)
		return true;
	if (!lk_my_holder_find(run->session, view, attempt->table, &holder, error))
		return false;
	*held = holder.found && (!holder.guessed || (same(&holder, &attempt->suspect) &&
						     lk_clock_us() - attempt->suspected_us <
							     (int64_t)GUESS_MS * 1000));
	if (*held)
		name_holder(run, attempt, &holder);
	return true;
}

/* The transaction and the tables that a failed work may have left; whatever the stop says, and not to be cancelled. */
static void let_go(struct lk_session *session)
{
	struct lk_error ignored;
	lk_rollback(session);
	lk_session_insist(session, true);
	lk_execute(session, "UNLOCK TABLES", &ignored);
	lk_session_insist(session, false);
}

static bool try_once(struct lk_step_run *run, struct attempt *attempt, struct lk_my_kill *kill,
		     bool (*work)(struct lk_step_run *, void *, struct lk_error *), void *argument,
		     struct lk_error *error)
{
	memset(kill, 0, sizeof *kill);
	attempt->tries++;
	if (!lk_journal_guard(run->session, run->run, run->epoch, error))
		return false;
	lk_my_killer_watch(attempt->killer);
	bool done = work(run, argument, error);
	lk_my_killer_rest(attempt->killer, kill);
	if (!done && error->class != LK_ERROR_LOST)
		let_go(run->session);
	lk_journal_unguard(run->session, run->run);
	return done;
}

static void say_given_up(struct lk_step_run *run, struct attempt *attempt,
			 const struct lk_my_kill *kill)
{
	char behind[80] = "";
	if (kill->victims > 0)
		snprintf(behind, sizeof behind, ", with %d other session%s waiting", kill->victims,
			 kill->victims == 1 ? "" : "s");
	lk_step_say(run, "try %d for the %s on %.80s gave up after %lld ms%s; next in %d ms",
		    attempt->tries, kill->waited_for, shown(attempt),
		    (long long)lk_step_lock_wait_ms(run), behind, GAP_MS);
	if (kill->lost_work) {
		char age[24];
		lk_step_age_text(kill->worked_ms / 1000, age, sizeof age);
		lk_step_say(
			run,
			"the statement had worked for %s and needed the lock once more to finish: its "
			"work is undone and begins again",
			age);
	}
	if (kill->holder.found && kill->holder.guessed && attempt->tries == 1)
		lk_step_say(run, "%s%s", kill->holder.text,
			    lk_my_lock_view_advice(LK_MY_LOCKS_UNSEEN));
}

/* Nobody was made to wait; so who stands in the way is asked now. Always true. */
static bool say_not_had(struct lk_step_run *run, struct attempt *attempt,
			const struct lk_error *error)
{
	struct lk_my_holder holder;
	struct lk_error ignored;
	enum lk_my_lock_view view = lk_my_killer_view(attempt->killer);
	lk_step_say(run,
		    "try %d for the metadata lock on %.80s gave up (%.120s), with nobody waiting "
		    "behind it; next in %d ms",
		    attempt->tries, shown(attempt), error->text, GAP_MS);
	if (!lk_my_holder_find(run->session, view, attempt->table, &holder, &ignored))
		return true;
	if (holder.found && attempt->tries == 1)
		lk_step_say(run, "%s%s", holder.text,
			    holder.guessed ? lk_my_lock_view_advice(view) : "");
	return true;
}

/* Other reasons to try again than that the guard has ended the try. */
static bool gave_way(struct lk_step_run *run, struct attempt *attempt, struct lk_error *error)
{
	long long limit = (long long)lk_step_lock_wait_ms(run);
	if (error->class == LK_ERROR_RETRY)
		return say_not_had(run, attempt, error);
	if (error->class != LK_ERROR_CANCELLED || !atomic_exchange(&run->pace->give_way, false))
		return false;
	if (++attempt->given_way >= MOST_GIVEN_WAY)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the statement kept other sessions waiting for over %lld ms in each of %d tries: it "
			"needs a quieter time or another strategy",
			limit, attempt->given_way);
	lk_step_say(run, "gave way: our statement kept other sessions waiting for over %lld ms",
		    limit);
	return true;
}

/* True when the failure is one of waiting, so that another try makes sense. */
static bool try_again(struct lk_step_run *run, struct attempt *attempt,
		      const struct lk_my_kill *kill, struct lk_error *error)
{
	if (!kill->killed || error->class != LK_ERROR_CANCELLED)
		return gave_way(run, attempt, error);
	say_given_up(run, attempt, kill);
	attempt->suspect = kill->holder;
	attempt->suspected_us = lk_clock_us();
	if (kill->lost_work && ++attempt->lost >= MOST_LOST)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the statement did its work %d times and could not get the %s at its end without "
			"keeping others waiting for over %lld ms (%.300s): it needs a quieter time",
			attempt->lost, kill->waited_for, (long long)lk_step_lock_wait_ms(run),
			kill->holder.found ? kill->holder.text : "by whom is not known");
	return true;
}

static enum lk_outcome try_until_done(struct lk_step_run *run, struct attempt *attempt,
				      bool (*work)(struct lk_step_run *, void *, struct lk_error *),
				      void *argument, struct lk_error *error)
{
	for (;;) {
		bool held;
		struct lk_my_kill kill;
		if (!look_first(run, attempt, &held, error))
			return lk_step_outcome(run, error);
		if (held) {
			if (!lk_pace_sleep(run->pace, LOOK_AGAIN_MS))
				return LK_OUTCOME_STOPPED;
			continue;
		}
		if (try_once(run, attempt, &kill, work, argument, error))
			return LK_OUTCOME_DONE;
		if (atomic_load(&run->pace->stop) || !try_again(run, attempt, &kill, error))
			return lk_step_outcome(run, error);
		if (!lk_pace_sleep(run->pace, GAP_MS))
			return LK_OUTCOME_STOPPED;
	}
}

enum lk_outcome lk_my_gently(struct lk_step_run *run, const struct lk_table *table,
			     bool (*work)(struct lk_step_run *run, void *argument,
					  struct lk_error *error),
			     void *argument, struct lk_error *error)
{
	struct attempt attempt = {.table = table};
	if (!lk_my_killer_open(run, table, &attempt.killer, error))
		return lk_step_outcome(run, error);
	enum lk_outcome outcome = try_until_done(run, &attempt, work, argument, error);
	lk_my_killer_close(attempt.killer);
	return outcome;
}
