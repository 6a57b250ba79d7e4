/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows on which a backfill's statement fails: left out and kept in the journal, or explained. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "step/backfill.h"

/* So many may fail in any table; beyond, a hundredth of the rows walked. A statement that fits its table badly
 * would otherwise walk it row by row. */
#define FREE_REJECTS 1000
#define SHARE 100
/* Of a row's condition in a sentence; a key may be a long text. */
#define SHOWN_BYTES 200

bool lk_backfill_skips(const struct lk_step_run *run)
{
	const char *on_error = lk_step_of(run)->on_error;
	return on_error && strcmp(on_error, "skip") == 0;
}

bool lk_backfill_leave_out(struct lk_backfill *b, const struct lk_error *why,
			   struct lk_error *error)
{
	char **key = b->ops->shown_key(b, b->high);
	b->left_out = true;
	bool written =
		lk_journal_reject(b->run->session, b->run->run, b->run->number,
				  &(struct lk_journal_reject){.relation = b->table.shown,
							      .columns = b->table.key.columns,
							      .types = b->table.key.types,
							      .values = key,
							      .count = b->table.key.count,
							      .sqlstate = why->state,
							      .message = why->text},
				  error);
	lk_backfill_free_key(key, b->table.key.count);
	return written;
}

static bool is_power_of_ten(int64_t n)
{
	while (n >= 10 && n % 10 == 0)
		n /= 10;
	return n == 1;
}

bool lk_backfill_count_reject(struct lk_backfill *b, const char *why, struct lk_error *error)
{
	b->rejected++;
	if (is_power_of_ten(b->rejected))
		lk_step_say(
			b->run, "%lld row%s of %s rejected, see lockkeeper.reject; the last: %s",
			(long long)b->rejected, b->rejected == 1 ? "" : "s", b->root.shown, why);
	if (b->rejected <= FREE_REJECTS || b->rejected * SHARE <= b->cursor.rows_done)
		return true;
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"%lld of %lld rows walked were rejected, which is more than %d and more than 1 %%: the"
		" backfill's expressions do not fit %s. The last: %s. All: SELECT * FROM"
		" lockkeeper.reject WHERE run = '%s'",
		(long long)b->rejected, (long long)b->cursor.rows_done, FREE_REJECTS, b->root.shown,
		why, b->run->run);
}

void lk_backfill_explain_row(struct lk_backfill *b, struct lk_error *error)
{
	char shown[SHOWN_BYTES];
	char what[sizeof error->text];
	char *row = b->ops->row(b, b->high);
	LK_COPY(shown, row);
	LK_COPY(what, error->text);
	snprintf(
		error->text, sizeof error->text,
		"backfill of %s stopped at the row WHERE %s: %.500s. All rows before it are done. Mend"
		" the row and resume; or give the backfill on_error: skip, which leaves such rows to"
		" lockkeeper.reject",
		b->table.shown, shown, what);
	free(row);
}

void lk_backfill_explain_range(struct lk_backfill *b, struct lk_error *error)
{
	char shown[SHOWN_BYTES];
	struct lk_buffer low = {0};
	char **key = b->cursor.key ? b->ops->shown_key(b, b->cursor.key) : NULL;
	for (size_t i = 0; key && i < b->cursor.count; i++)
		lk_buffer_addf(&low, "%s%s", i ? ", " : "", key[i]);
	lk_backfill_free_key(key, b->cursor.count);
	if (b->ops->explain)
		b->ops->explain(&b->table, error);
	LK_COPY(shown, b->cursor.key ? lk_buffer_text(&low) : "beginning");
	lk_fail_context(error, "backfill of %s, in the %lld rows behind key (%s)", b->table.shown,
			(long long)b->chunk.rows, shown);
	lk_buffer_free(&low);
}
