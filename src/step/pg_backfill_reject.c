/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows on which a backfill's statement fails: left out and kept in the journal, or explained. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "step/pg_backfill.h"
#include "step/pg_backfill_sql.h"

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

/* By SQLSTATE's class (manual, appendix A): these speak of the statement, the session or the server; every
 * other one, with those that people make up for RAISE, of a row. */
bool lk_backfill_is_data_error(const struct lk_error *error)
{
	static const char *const others[] = {
		"01", "02", "03", "08", "09", "0A", "0B", "0L", "0P", "24", "25", "26", "28", "2B",
		"2D", "3B", "3D", "3F", "40", "42", "53", "55", "57", "58", "72", "F0", "HV", "XX",
	};
	if (error->class != LK_ERROR_STATEMENT || !error->state[0])
		return false;
	for (size_t i = 0; i < LK_COUNT(others); i++)
		if (strncmp(error->state, others[i], 2) == 0)
			return false;
	return true;
}

bool lk_backfill_leave_out(struct lk_backfill *b, const struct lk_error *why,
			   struct lk_error *error)
{
	b->left_out = true;
	return lk_journal_reject(b->run->session, b->run->run, b->run->number,
				 &(struct lk_journal_reject){.relation = b->table.shown,
							     .columns = b->table.key.columns,
							     .types = b->table.key.types,
							     .values = b->high,
							     .count = b->table.key.count,
							     .sqlstate = why->state,
							     .message = why->text},
				 error);
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
	char *row = lk_pg_backfill_row_sql(b->run->session, &b->table, b->high);
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
	for (size_t i = 0; b->cursor.key && i < b->cursor.count; i++)
		lk_buffer_addf(&low, "%s%s", i ? ", " : "", b->cursor.key[i]);
	LK_COPY(shown, b->cursor.key ? lk_buffer_text(&low) : "beginning");
	lk_fail_context(error, "backfill of %s, in the %lld rows behind key (%s)", b->table.shown,
			(long long)b->chunk.rows, shown);
	lk_buffer_free(&low);
}
