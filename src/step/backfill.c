/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb backfill: the table's own rows, and then those of its partitions or inheriting children, one after
 * the other, each by its own key and with a cursor of its own. After each the catalog is asked again, so that
 * what is attached or detached meanwhile is noticed.
 */
#include "step/backfill.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

#define LOOK_AGAIN_MS 1000

/* A table that was walked, or seen and not walked yet. */
struct place {
	int64_t id;
	char *shown;
	int64_t rows; /* estimated when it was seen first: our own work makes estimates worse */
	bool walked, there, gone;
};

struct tour {
	struct lk_backfill b;
	struct place *places;
	size_t count;
	bool locked; /* somebody holds what we want to look at */
	bool began;  /* the catalog was asked before */
};

bool lk_backfill_refuse_foreign(const struct lk_table *root, const struct lk_leaf *leaf,
				struct lk_error *error)
{
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"%s, a part of %s, is a foreign table: its rows stand on another server. Fill"
		" them there and detach it for the time, or name the other parts one by one",
		leaf->shown, root->shown);
}

static struct place *place_of(struct tour *t, int64_t id)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->places[i].id == id)
			return &t->places[i];
	return NULL;
}

static void note_leaf(struct tour *t, const struct lk_leaf *leaf)
{
	struct place *place = place_of(t, leaf->id);
	if (!place || place->gone) {
		if (!place)
			*(place = LK_PUSH(t->places, t->count)) =
				(struct place){.id = leaf->id,
					       .shown = lk_strdup(leaf->shown),
					       .rows = leaf->rows > 0 ? leaf->rows : 0};
		place->gone = false;
		if (t->began)
			lk_step_say(t->b.run, "%s has become a part of %s: it is walked as well",
				    leaf->shown, t->b.root.shown);
	}
	place->there = true;
}

static void note_gone(struct tour *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct place *place = &t->places[i];
		if (place->there || place->walked || place->gone)
			continue;
		place->gone = true;
		lk_step_say(t->b.run, "%s is no part of %s any more: it is left as it is",
			    place->shown, t->b.root.shown);
	}
}

/* What is below the table now. Yields the first that was not walked yet: *next is the caller's, NULL none. */
static bool look(struct tour *t, char **next, int64_t *id, struct lk_error *error)
{
	struct lk_leaf *leaves;
	size_t count;
	bool good = true;
	*next = NULL;
	if (!lk_catalog_leaves(t->b.run->session, &t->b.root, &leaves, &count, error))
		return false;
	for (size_t i = 0; i < t->count; i++)
		t->places[i].there = false;
	t->b.rows_total = 0;
	for (size_t i = 0; i < count && good; i++) {
		note_leaf(t, &leaves[i]);
		t->b.rows_total += place_of(t, leaves[i].id)->rows;
		if (leaves[i].foreign) {
			good = lk_backfill_refuse_foreign(&t->b.root, &leaves[i], error);
		} else if (!*next && !place_of(t, leaves[i].id)->walked) {
			*next = lk_strdup(leaves[i].sql);
			*id = leaves[i].id;
		}
	}
	if (good) {
		note_gone(t);
	} else {
		free(*next);
		*next = NULL;
	}
	t->began = true;
	lk_leaves_free(leaves, count);
	return good;
}

/* The cursor of the totals stays; its key becomes that of the table now to be walked. */
static bool read_place(struct lk_backfill *b, struct lk_error *error)
{
	struct lk_journal_cursor totals = b->cursor;
	struct lk_step_run *run = b->run;
	if (b->table.id == b->root.id) {
		lk_journal_cursor_free(&b->cursor);
		return lk_journal_cursor(run->session, run->run, run->number, b->table.key.count,
					 &b->cursor, error);
	}
	lk_backfill_free_key(b->cursor.key, b->cursor.count);
	b->cursor = (struct lk_journal_cursor){.rows_done = totals.rows_done,
					       .rows_changed = totals.rows_changed,
					       .chunks = totals.chunks,
					       .count = b->table.key.count,
					       .part = b->table.id};
	return lk_journal_part(run->session, run->run, run->number, &b->cursor, error);
}

static bool enter(struct lk_backfill *b, const char *name, struct lk_error *error)
{
	struct lk_session *session = b->run->session;
	lk_table_free(&b->table);
	return lk_catalog_table(session, name, &b->table, error) &&
	       b->ops->check_leaf(session, lk_step_of(b->run), &b->table, error) &&
	       b->ops->enter(b, error) && read_place(b, error);
}

/* Finds the next table and enters it. *id is 0 when there is none, or when one has just gone: then *again. */
static bool go_to_next(struct tour *t, int64_t *id, bool *again, struct lk_error *error)
{
	struct lk_backfill *b = &t->b;
	char *next = NULL;
	bool is;
	*again = false;
	if (!look(t, &next, id, error))
		return false;
	bool entered = !next || enter(b, next, error);
	/* Dropped or detached a moment ago. */
	if (!entered && error->class == LK_ERROR_PLAN &&
	    lk_catalog_is_leaf(b->run->session, &b->root, *id, &is, error) && !is)
		*again = entered = true;
	if (!next || *again)
		*id = 0;
	free(next);
	return entered;
}

static bool go_on(struct tour *t, int64_t *id, bool *again, struct lk_error *error)
{
	struct lk_error restoring;
	struct lk_session *session = t->b.run->session;
	if (!t->b.ops->patience(session, true, error))
		return false;
	bool gone_on = go_to_next(t, id, again, error);
	lk_session_insist(session, true);
	bool restored = t->b.ops->patience(session, false, gone_on ? error : &restoring);
	lk_session_insist(session, false);
	if (gone_on || error->class != LK_ERROR_RETRY) {
		t->locked = false;
		return gone_on && restored;
	}
	if (!t->locked)
		lk_step_say(
			t->b.run,
			"%s or a part of it is locked by somebody else: waiting until it is free",
			t->b.root.shown);
	*again = t->locked = true;
	*id = 0;
	return lk_pace_sleep(t->b.run->pace, LOOK_AGAIN_MS);
}

static enum lk_outcome walk_place(struct tour *t, int64_t id, struct lk_error *error)
{
	struct lk_backfill *b = &t->b;
	enum lk_outcome outcome = LK_OUTCOME_DONE;
	if (!b->cursor.part_finished)
		outcome = lk_backfill_walk(b, error);
	if (outcome == LK_OUTCOME_DONE && !b->gone)
		place_of(t, id)->walked = true;
	b->gone = false;
	return outcome;
}

static void write_note(struct lk_backfill *b)
{
	char rejects[120] = "";
	const struct lk_journal_cursor *c = &b->cursor;
	if (b->rejected > 0)
		snprintf(rejects, sizeof rejects,
			 "; %lld row%s rejected: SELECT * FROM lockkeeper.reject WHERE run = '%s'",
			 (long long)b->rejected, b->rejected == 1 ? "" : "s", b->run->run);
	if (c->rows_done == 0)
		LK_COPY(b->run->note, "the table is empty");
	else
		snprintf(b->run->note, sizeof b->run->note,
			 "%lld rows walked, %lld changed, %lld chunks%s", (long long)c->rows_done,
			 (long long)c->rows_changed, (long long)c->chunks, rejects);
}

static enum lk_outcome finish(struct lk_backfill *b, struct lk_error *error)
{
	struct lk_step_run *run = b->run;
	struct lk_journal_cursor finished = b->cursor;
	finished.finished = true;
	/* What each place has come to stands there already. */
	finished.key = NULL;
	finished.part = 0;
	write_note(b);
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_journal_set_cursor(run->session, run->run, run->number, &finished, error) &&
	    lk_step_record(run, "done", error) && lk_commit(run->session, error))
		return LK_OUTCOME_DONE;
	lk_rollback(run->session);
	return lk_step_outcome(run, error);
}

static enum lk_outcome walk_all(struct tour *t, struct lk_error *error)
{
	for (;;) {
		int64_t id = 0;
		bool again;
		if (!go_on(t, &id, &again, error))
			return lk_step_outcome(t->b.run, error);
		if (again)
			continue;
		if (id == 0)
			return finish(&t->b, error);
		enum lk_outcome outcome = walk_place(t, id, error);
		if (outcome != LK_OUTCOME_DONE)
			return outcome;
	}
}

static bool begin(struct lk_backfill *b, struct lk_error *error)
{
	struct lk_step_run *run = b->run;
	lk_chunk_init(&b->chunk);
	if (!b->ops->await(b, error) || !lk_journal_install(run->session, error) ||
	    !lk_step_intend(run, error) ||
	    !lk_catalog_table(run->session, lk_step_of(run)->table, &b->root, error) ||
	    !b->ops->check_table(run->session, lk_step_of(run), &b->root, error) ||
	    !lk_journal_cursor(run->session, run->run, run->number, b->root.key.count, &b->cursor,
			       error) ||
	    !lk_journal_rejects(run->session, run->run, run->number, &b->rejected, error))
		return false;
	if (b->root.unlogged)
		lk_step_say(run, "table %s is unlogged: a crash of the server empties it",
			    b->root.shown);
	return b->ops->open(b, error);
}

enum lk_outcome lk_backfill_forward(const struct lk_backfill_ops *ops, struct lk_step_run *run,
				    struct lk_error *error)
{
	struct tour t = {.b = {.ops = ops, .run = run}};
	enum lk_outcome outcome;
	if (!begin(&t.b, error)) {
		outcome = lk_step_outcome(run, error);
	} else if (t.b.cursor.finished) {
		LK_COPY(run->note, "finished before");
		outcome = lk_step_only_record(run, "done", error);
	} else {
		outcome = walk_all(&t, error);
	}
	for (size_t i = 0; i < t.count; i++)
		free(t.places[i].shown);
	free(t.places);
	ops->close(&t.b);
	lk_journal_cursor_free(&t.b.cursor);
	lk_table_free(&t.b.table);
	lk_table_free(&t.b.root);
	return outcome;
}

/* Values in a column of ours go away with it, others are the application's by now; only the cursor is ours to
 * forget. */
enum lk_outcome lk_backfill_backward(struct lk_step_run *run, struct lk_error *error)
{
	LK_COPY(run->note, lk_backfill_undo_text(run->plan, (size_t)run->number));
	if (lk_journal_install(run->session, error) && lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_journal_forget_cursor(run->session, run->run, run->number, error) &&
	    lk_step_record(run, "undone", error) && lk_commit(run->session, error))
		return LK_OUTCOME_DONE;
	lk_rollback(run->session);
	return lk_step_outcome(run, error);
}
