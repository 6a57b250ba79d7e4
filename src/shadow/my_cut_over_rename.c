/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MariaDB's exchange: one session holds the tables, another one's RENAME waits behind it and goes first when it lets go.
 * From drain to exchange nothing may come between, whoever dies:
 *
 *  - the renamer arms the fence, and then the holder is seen to hold the tables still: so they were ours until the fence
 *    was armed. Should the holder die from now on, the RENAME goes on all the same, with the fence before it.
 *  - the RENAME is seen to wait for the table, which it does only when it has all that comes before; no backup is there,
 *    and nobody else waits to have the table for himself: the holder lets go.
 *  - a RENAME that does not come through then is ended; should it die, the fence is disarmed with it, and the tables are
 *    as they were.
 */
#include "shadow/my_cut_over_try.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"

/* So long the RENAME gets to come into the queue, though the drain has used up the time, and to come through once it can. */
#define QUEUE_US 50000
#define THROUGH_US 100000
/* A RENAME that is being ended has ended by then, or its connection is given up. */
#define END_US 5000000
#define LOOK_MS 1

/* A RENAME on its way, in a thread of its own. */
struct renaming {
	struct lk_session *session;
	const char *sql;
	pthread_t thread;
	atomic_bool ended;
	bool done; /* once it has ended, as is the error */
	struct lk_error error;
};

static void *rename_main(void *argument)
{
	struct renaming *renaming = argument;
	renaming->done = lk_execute(renaming->session, renaming->sql, &renaming->error);
	atomic_store(&renaming->ended, true);
	return NULL;
}

static bool arm(struct lk_my_cut *cut, struct lk_error *error)
{
	struct lk_result r;
	char *name = lk_my_cut_fence_lock(cut->run);
	bool asked = LK_QUERY(cut->renamer, &r, error, "SELECT GET_LOCK($1, 0)", name);
	bool armed = asked && lk_cell_int(&r, 0, 0) == 1;
	if (asked && !armed)
		lk_fail(error, LK_ERROR_REFUSED, "another session holds the user lock %s", name);
	lk_result_free(&r);
	free(name);
	if (armed)
		lk_my_cut_at(cut, LK_MY_CUT_OVER_ARMED);
	return armed;
}

/* With a broken connection the server does it. */
static void disarm(struct lk_my_cut *cut)
{
	struct lk_error ignored;
	char *name = lk_my_cut_fence_lock(cut->run);
	LK_RUN(cut->renamer, &ignored, "DO RELEASE_LOCK($1)", name);
	free(name);
}

/* What is to be seen of a RENAME that has not ended. */
struct sight {
	bool waits, for_table;
	char rival[200]; /* who waits as well to have a table for himself */
};

/* Whoever wants the table for himself, by his statement's first word behind comments. */
#define RIVALS                                                                                     \
	"'^([[:space:]]|/[*].*[*]/)*(ALTER|ANALYZE|CHECK|CREATE|DROP|FLUSH|LOCK|OPTIMIZE|RENAME|"  \
	"REPAIR|TRUNCATE)[[:space:]]'"

static bool look(struct lk_my_cut *cut, struct sight *sight, struct lk_error *error)
{
	struct lk_result r;
	char id[16];
	snprintf(id, sizeof id, "%u", (unsigned)cut->renamer->id);
	memset(sight, 0, sizeof *sight);
	if (!LK_QUERY(
		    cut->look, &r, error,
		    "SELECT id = $1, COALESCE(state, ''), id, user, LEFT(info, 60) FROM"
		    " information_schema.processlist WHERE id = $1 OR (state LIKE 'Waiting for table"
		    " %' AND info REGEXP " RIVALS ")",
		    id))
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		const char *state = lk_cell_text(&r, i, 1);
		if (lk_cell_int(&r, i, 0)) {
			sight->waits = strncmp(state, "Waiting for ", 12) == 0;
			sight->for_table = strcmp(state, "Waiting for table metadata lock") == 0;
		} else {
			snprintf(sight->rival, sizeof sight->rival,
				 "process %s (%.40s) waits for a table as well: %.80s",
				 lk_cell_text(&r, i, 2), lk_cell_text(&r, i, 3),
				 lk_cell_text(&r, i, 4));
		}
	}
	lk_result_free(&r);
	return true;
}

/* A RENAME that waits for the table has the database, and no backup has been there so far. */
static bool is_next(struct lk_my_cut *cut, bool *next, struct lk_error *error)
{
	struct sight sight;
	bool backup;
	*next = false;
	if (!look(cut, &sight, error))
		return false;
	if (sight.rival[0])
		return lk_fail(error, LK_ERROR_RETRY, "%s", sight.rival);
	if (sight.waits && !sight.for_table)
		return lk_fail(
			error, LK_ERROR_RETRY,
			"the RENAME had to wait for something else than the table: a backup, or a "
			"change of the database");
	if (!sight.for_table)
		return true;
	if (!lk_my_cut_backup(cut, &backup, error))
		return false;
	*next = !backup;
	return !backup || lk_fail(error, LK_ERROR_RETRY,
				  "a backup, a global read lock or a change of the database came "
				  "while the tables were held");
}

/* True when the holder may let go. A RENAME that has ended already has failed, or the holder is not there any more. */
static bool await_queue(struct lk_my_cut *cut, struct renaming *renaming, struct lk_error *error)
{
	int64_t until_us = lk_clock_us() + QUEUE_US;
	bool next = false;
	if (until_us < cut->until_us)
		until_us = cut->until_us;
	while (!next) {
		if (atomic_load(&renaming->ended)) {
			*error = renaming->error;
			return renaming->done;
		}
		if (!is_next(cut, &next, error))
			return false;
		if (!next && lk_clock_us() > until_us)
			return lk_fail(error, LK_ERROR_RETRY,
				       "the RENAME did not come to wait for the table in time");
		if (!next)
			lk_sleep_ms(LOOK_MS);
	}
	lk_my_cut_at(cut, LK_MY_CUT_OVER_QUEUED);
	return true;
}

/* A KILL that comes before its statement is lost: it is sent until that has ended. */
static void end_renaming(struct lk_my_cut *cut, struct renaming *renaming)
{
	struct lk_error ignored;
	int64_t until_us = lk_clock_us() + END_US;
	while (!atomic_load(&renaming->ended)) {
		if (lk_clock_us() > until_us)
			lk_session_interrupt(renaming->session);
		else if (lk_session_cancel_begin(renaming->session))
			lk_session_cancel_finish(renaming->session, cut->look, &ignored);
		lk_sleep_ms(LOOK_MS);
	}
}

/*
 * With nobody in its way it is over in milliseconds. While it is at work it is let be; when it waits again it has stepped
 * back, and the fence turns writes away meanwhile.
 */
static void await_end(struct lk_my_cut *cut, struct renaming *renaming)
{
	int64_t until_us = lk_clock_us() + THROUGH_US;
	struct lk_error ignored;
	while (!atomic_load(&renaming->ended)) {
		struct sight sight;
		bool seen = look(cut, &sight, &ignored);
		bool late = lk_clock_us() > until_us;
		if (seen ? sight.waits && (late || !sight.for_table) : late)
			break;
		if (!atomic_load(&renaming->ended))
			lk_sleep_ms(LOOK_MS);
	}
	end_renaming(cut, renaming);
}

/* The tables are let go only behind a RENAME that is next; else after the fence is disarmed, by the caller. */
static bool rename_behind(struct lk_my_cut *cut, struct renaming *renaming, struct lk_error *error)
{
	bool next = await_queue(cut, renaming, error);
	if (next) {
		bool unlocked = lk_my_cut_let_go(cut);
		if (unlocked)
			lk_my_cut_at(cut, LK_MY_CUT_OVER_UNLOCKED);
		await_end(cut, renaming);
	} else {
		end_renaming(cut, renaming);
	}
	pthread_join(renaming->thread, NULL);
	if (renaming->done) {
		lk_error_clear(error);
		cut->report->last.held_us = lk_clock_us() - cut->locked_us;
		lk_my_cut_at(cut, LK_MY_CUT_OVER_RENAMED);
	} else if (next) {
		cut->broken_off = true;
		*error = renaming->error;
		if (error->class == LK_ERROR_CANCELLED)
			lk_fail(error, LK_ERROR_RETRY,
				"the RENAME stepped back, for a backup that came at the last moment, or was "
				"ended by somebody");
	}
	return renaming->done;
}

static bool rename_fenced(struct lk_my_cut *cut, struct lk_error *error)
{
	struct renaming renaming = {.session = cut->renamer, .sql = cut->rename};
	if (!lk_my_cut_still_held(cut, error) ||
	    !lk_thread_start(&renaming.thread, rename_main, &renaming, error))
		return false;
	cut->sent = true;
	return rename_behind(cut, &renaming, error);
}

bool lk_my_cut_exchange_mariadb(struct lk_my_cut *cut, struct lk_error *error)
{
	if (!arm(cut, error))
		return false;
	/* It is a matter of milliseconds now, which a stop does not shorten. */
	lk_session_insist(cut->run->session, true);
	bool done = rename_fenced(cut, error);
	lk_session_insist(cut->run->session, false);
	disarm(cut);
	return done;
}
