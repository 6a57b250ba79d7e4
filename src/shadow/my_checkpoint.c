/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_checkpoint.h"

#include <string.h>

#include "base/memory.h"
#include "step/backfill.h"

/* In front of the key in the cursor's list of texts. A mark that is not there yet stands as empty texts, with HAS_MARK
 * "". */
enum { IDENTITY, POSITION, GTID, HAS_MARK, FRONT };

static void fill_in(const struct lk_journal_cursor *cursor, size_t columns,
		    struct lk_my_checkpoint *c)
{
	c->identity = lk_strdup(cursor->key[IDENTITY]);
	c->place.gtid = cursor->key[GTID][0] ? lk_strdup(cursor->key[GTID]) : NULL;
	c->mark = cursor->key[HAS_MARK][0] ? lk_backfill_copy_key(cursor->key + FRONT, columns)
					   : NULL;
	c->columns = columns;
	c->copied = cursor->finished;
	c->rows = cursor->rows_done;
}

bool lk_my_checkpoint_read(struct lk_step_run *run, size_t columns, struct lk_my_checkpoint *c,
			   bool *there, struct lk_error *error)
{
	struct lk_journal_cursor cursor;
	*c = (struct lk_my_checkpoint){0};
	*there = false;
	if (!lk_journal_cursor(run->session, run->run, run->number, FRONT + columns, &cursor,
			       error))
		return false;
	bool good = !cursor.key ||
		    lk_binlog_position_parse(cursor.key[POSITION], &c->place.position, error);
	*there = good && cursor.key;
	if (*there)
		fill_in(&cursor, columns, c);
	lk_journal_cursor_free(&cursor);
	return good;
}

bool lk_my_checkpoint_write(struct lk_step_run *run, const struct lk_my_checkpoint *c,
			    struct lk_error *error)
{
	char *position = lk_binlog_position_format(&c->place.position);
	char **key = lk_alloc((FRONT + c->columns) * sizeof *key);
	key[IDENTITY] = c->identity;
	key[POSITION] = position;
	key[GTID] = c->place.gtid ? c->place.gtid : (char *)"";
	key[HAS_MARK] = (char *)(c->mark ? "1" : "");
	for (size_t i = 0; i < c->columns; i++)
		key[FRONT + i] = c->mark ? c->mark[i] : (char *)"";
	const struct lk_journal_cursor cursor = {.key = key,
						 .count = FRONT + c->columns,
						 .rows_done = c->rows,
						 .finished = c->copied};
	bool done = lk_begin(run->session, error) &&
		    lk_journal_fence(run->session, run->run, run->epoch, error) &&
		    lk_journal_set_cursor(run->session, run->run, run->number, &cursor, error) &&
		    lk_commit(run->session, error);
	if (!done)
		lk_rollback(run->session);
	free(key);
	free(position);
	return done;
}

bool lk_my_checkpoint_forget(struct lk_step_run *run, struct lk_error *error)
{
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_journal_forget_cursor(run->session, run->run, run->number, error) &&
	    lk_commit(run->session, error))
		return true;
	lk_rollback(run->session);
	return false;
}

void lk_my_checkpoint_free(struct lk_my_checkpoint *c)
{
	free(c->identity);
	lk_my_place_free(&c->place);
	lk_backfill_free_key(c->mark, c->columns);
	*c = (struct lk_my_checkpoint){0};
}
