/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_change.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "step/my_carry.h"
#include "step/my_gentle.h"
#include "step/my_look.h"

/* The parts of the cursor's key. */
enum { DIRECTION, POSITION, DIGEST, MEMORY_PARTS };
/* So often a rebuild that was lost to a duplicate that is none is begun again, and after how long. */
#define MOST_AGAIN 3
#define AGAIN_GAP_MS 1000

/* What the journal remembers of a step that was begun. */
struct memory {
	bool there, backward;
	size_t at;
	char digest[LK_MY_DIGEST]; /* of the definitions before statement `at`; "" not begun */
};

struct change_work {
	const struct lk_my_change *change;
	struct lk_my_carry carry;
	struct memory memory;
	bool interrupted; /* the statement may have happened before this attempt */
	bool carried;	  /* it has happened; what is left is to record that */
};

static bool read_memory(struct lk_step_run *run, struct memory *memory, struct lk_error *error)
{
	struct lk_journal_cursor cursor;
	memset(memory, 0, sizeof *memory);
	if (!lk_journal_cursor(run->session, run->run, run->number, MEMORY_PARTS, &cursor, error))
		return false;
	if (cursor.key) {
		memory->there = true;
		memory->backward = strcmp(cursor.key[DIRECTION], "backward") == 0;
		memory->at = strtoul(cursor.key[POSITION], NULL, 10);
		LK_COPY(memory->digest, cursor.key[DIGEST]);
	}
	lk_journal_cursor_free(&cursor);
	return true;
}

/* Inside a transaction. */
static bool write_memory(struct lk_step_run *run, struct memory *memory, struct lk_error *error)
{
	char position[24], forward[] = "forward", backward[] = "backward";
	char *key[MEMORY_PARTS] = {
		[DIRECTION] = memory->backward ? backward : forward,
		[POSITION] = position,
		[DIGEST] = memory->digest,
	};
	const struct lk_journal_cursor cursor = {.key = key, .count = MEMORY_PARTS};
	snprintf(position, sizeof position, "%zu", memory->at);
	memory->there = true;
	return lk_journal_set_cursor(run->session, run->run, run->number, &cursor, error);
}

static bool begin(struct lk_step_run *run, struct lk_error *error)
{
	return lk_begin(run->session, error) &&
	       lk_journal_fence(run->session, run->run, run->epoch, error);
}

static bool end(struct lk_step_run *run, bool good, struct lk_error *error)
{
	if (good && lk_commit(run->session, error))
		return true;
	lk_rollback(run->session);
	return false;
}

static bool intend(struct lk_step_run *run, struct change_work *w, struct lk_error *error)
{
	const struct lk_my_change *change = w->change;
	bool good = begin(run, error) && write_memory(run, &w->memory, error);
	if (!change->backward)
		good = good &&
		       lk_journal_set_step(run->session, run->run, run->number, "running", NULL,
					   error) &&
		       lk_journal_cleanup(run->session, run->run, run->number, change->cleanup,
					  error);
	return end(run, good, error);
}

static bool remember(struct lk_step_run *run, struct change_work *w, size_t at, const char *digest,
		     struct lk_error *error)
{
	struct memory memory = w->memory;
	memory.at = at;
	LK_COPY(memory.digest, digest);
	if (!end(run, begin(run, error) && write_memory(run, &memory, error), error))
		return false;
	w->memory = memory;
	return true;
}

static bool record_end(struct lk_step_run *run, const struct lk_my_change *change,
		       struct lk_error *error)
{
	bool nothing_left = change->backward || lk_step_of(run)->destroys;
	bool good = begin(run, error);
	if (nothing_left)
		good = good && lk_journal_cleanup(run->session, run->run,
						  change->backward ? run->number : -1, NULL, error);
	good = good && lk_journal_forget_cursor(run->session, run->run, run->number, error) &&
	       lk_step_record(run, change->backward ? "undone" : "done", error);
	return end(run, good, error);
}

/* What the catalog says of an attempt of which nobody heard the end. */
static bool settle(struct lk_step_run *run, struct change_work *w, bool *happened,
		   struct lk_error *error)
{
	*happened = false;
	if (!w->interrupted)
		return true;
	if (!lk_my_look_happened(run->session, &w->carry.statement, w->memory.digest, happened,
				 error))
		return false;
	w->interrupted = false;
	if (*happened)
		LK_COPY(run->note, "it had happened before the interruption");
	return true;
}

static bool carry(struct lk_step_run *run, struct change_work *w, struct lk_error *error)
{
	bool happened;
	char now[LK_MY_DIGEST];
	if (!settle(run, w, &happened, error))
		return false;
	if (happened)
		return true;
	if (!lk_my_look_digest(run->session, &w->carry.statement, now, error))
		return false;
	/* While we waited somebody may have changed something else. */
	if (strcmp(now, w->memory.digest) != 0 && !remember(run, w, w->memory.at, now, error))
		return false;
	return lk_my_carry_out(run, &w->carry, w->change->backward, error);
}

/* The record may have to wait as well, as for a backup that waited for the statement: then it alone is tried again. */
static bool work(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	struct change_work *w = argument;
	if (!w->carried && !carry(run, w, error))
		return false;
	w->carried = true;
	if (w->memory.at + 1 < w->change->count)
		return remember(run, w, w->memory.at + 1, "", error);
	return record_end(run, w->change, error);
}

/* Of a statement that failed nothing is there, and nothing needs to be remembered. */
static void forget(struct lk_step_run *run, struct change_work *w)
{
	struct lk_error ignored;
	if (w->memory.at > 0 || w->change->backward) {
		remember(run, w, w->memory.at, "", &ignored);
		return;
	}
	end(run,
	    begin(run, &ignored) &&
		    lk_journal_forget_cursor(run->session, run->run, run->number, &ignored) &&
		    lk_journal_cleanup(run->session, run->run, run->number, NULL, &ignored),
	    &ignored);
}

bool lk_my_change_table(struct lk_session *session, const struct lk_my_statement *statement,
			struct lk_table *table, bool *found, struct lk_error *error)
{
	*found = false;
	for (size_t i = 0; !*found && i < statement->object_count; i++) {
		char *written = lk_my_look_written(session, &statement->objects[i]);
		*found = lk_catalog_table(session, written, table, error);
		free(written);
		if (!*found && error->class != LK_ERROR_PLAN)
			return false;
		if (statement->kind != LK_MY_RENAME_TABLE)
			break;
	}
	if (!*found)
		lk_error_clear(error);
	return true;
}

/* True when the rebuild shall begin again; else *outcome is the step's. */
static bool begin_again(struct lk_step_run *run, const struct change_work *w, int times,
			enum lk_outcome *outcome, struct lk_error *error)
{
	static const char cause[] =
		"the server met a duplicate under %.80s that is none: an INSERT of the application that met "
		"a row there (ON DUPLICATE KEY UPDATE, IGNORE, REPLACE) while the table was rebuilt";
	char sentence[400];
	if (*outcome != LK_OUTCOME_FAILED || !w->carry.passing[0] || atomic_load(&run->pace->stop))
		return false;
	snprintf(sentence, sizeof sentence, cause, w->carry.passing);
	if (times == MOST_AGAIN) {
		lk_fail(error, LK_ERROR_REFUSED,
			"%s; so in each of %d tries, and nothing was changed: take a time in which the "
			"application does without such INSERTs, or wait for the shadow table, which this "
			"version cannot yet",
			sentence, times + 1);
		return false;
	}
	lk_step_say(run, "%s; its work is undone and begins again in %d ms", sentence,
		    AGAIN_GAP_MS);
	lk_error_clear(error);
	if (lk_pace_sleep(run->pace, AGAIN_GAP_MS))
		return true;
	*outcome = LK_OUTCOME_STOPPED;
	return false;
}

static enum lk_outcome carry_one(struct lk_step_run *run, struct change_work *w,
				 struct lk_error *error)
{
	struct lk_table table;
	bool found;
	w->carried = false;
	w->interrupted = w->memory.there && w->memory.digest[0];
	if (!w->interrupted) {
		w->memory.backward = w->change->backward;
		if (!lk_my_look_digest(run->session, &w->carry.statement, w->memory.digest, error))
			return lk_step_outcome(run, error);
	}
	if (!intend(run, w, error) ||
	    !lk_my_change_table(run->session, &w->carry.statement, &table, &found, error))
		return lk_step_outcome(run, error);
	w->carry.table = found ? &table : NULL;
	enum lk_outcome outcome;
	int times = 0;
	do
		outcome = lk_my_gently(run, w->carry.table, work, w, error);
	while (begin_again(run, w, times++, &outcome, error));
	if (found)
		lk_table_free(&table);
	if (outcome == LK_OUTCOME_FAILED && !w->carried && error->class != LK_ERROR_LOST &&
	    error->class != LK_ERROR_FENCED)
		forget(run, w);
	return outcome;
}

enum lk_outcome lk_my_change_carry_out(struct lk_step_run *run, const struct lk_my_change *change,
				       struct lk_error *error)
{
	struct change_work w = {.change = change};
	enum lk_outcome outcome = LK_OUTCOME_DONE;
	if (!lk_my_server(run->session, &w.carry.server, error) ||
	    !read_memory(run, &w.memory, error))
		return lk_step_outcome(run, error);
	if (w.memory.backward != change->backward)
		memset(&w.memory, 0, sizeof w.memory);
	if (w.memory.at > 0)
		lk_step_say(run, "goes on with statement %zu of %zu", w.memory.at + 1,
			    change->count);
	for (size_t i = w.memory.at; outcome == LK_OUTCOME_DONE && i < change->count; i++) {
		lk_my_statement_read(change->statements[i], &w.carry.statement);
		outcome = carry_one(run, &w, error);
		if (outcome == LK_OUTCOME_FAILED && change->count > 1)
			lk_fail_context(error, "statement %zu of %zu%s", i + 1, change->count,
					change->backward ? " of the undo" : "");
		lk_my_statement_free(&w.carry.statement);
	}
	return outcome;
}

/* Whether the forward statement that was interrupted did not happen; so nothing is there to take back. */
static bool never_happened(struct lk_step_run *run, bool *never, struct lk_error *error)
{
	struct memory memory;
	struct lk_my_statement statement;
	bool happened = true;
	*never = false;
	if (!read_memory(run, &memory, error))
		return false;
	if (!memory.there || memory.backward || memory.at > 0 || !memory.digest[0])
		return true;
	lk_my_statement_read(lk_step_of(run)->sql, &statement);
	bool looked =
		lk_my_look_happened(run->session, &statement, memory.digest, &happened, error);
	lk_my_statement_free(&statement);
	*never = looked && !happened;
	return looked;
}

static enum lk_outcome nothing_to_undo(struct lk_step_run *run, const char *note,
				       struct lk_error *error)
{
	const struct lk_my_change change = {.backward = true};
	LK_COPY(run->note, note);
	return record_end(run, &change, error) ? LK_OUTCOME_DONE : lk_step_outcome(run, error);
}

bool lk_my_change_is_undone(struct lk_step_run *run, enum lk_outcome *outcome,
			    struct lk_error *error)
{
	bool stands = false, never = false;
	if (!lk_step_of(run)->undo) {
		*outcome = nothing_to_undo(run, "nothing to take back by itself", error);
		return true;
	}
	if (!lk_step_has_cleanup(run, &stands, error) ||
	    (stands && !never_happened(run, &never, error))) {
		*outcome = lk_step_outcome(run, error);
		return true;
	}
	if (stands && !never)
		return false;
	*outcome = nothing_to_undo(run, "nothing was there to take back", error);
	return true;
}
