/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal/pg_cursor.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "journal/rows.h"

/* ", key[1], key[2]", which read_key reads from column `first` on; the column before says whether key is NULL. */
static void add_key(struct lk_buffer *sql, size_t count)
{
	lk_buffer_add(sql, ", key IS NULL");
	for (size_t i = 0; i < count; i++)
		lk_buffer_addf(sql, ", key[%zu]", i + 1);
}

static void read_key(const struct lk_result *r, size_t first, size_t count,
		     struct lk_journal_cursor *cursor)
{
	if (lk_cell_bool(r, 0, first - 1))
		return;
	cursor->count = count;
	cursor->key = lk_alloc(count * sizeof(char *));
	for (size_t i = 0; i < count; i++)
		cursor->key[i] = lk_strdup(lk_cell_text(r, 0, first + i));
}

bool lk_pg_journal_cursor(struct lk_session *session, const char *run, int step, size_t count,
			  struct lk_journal_cursor *cursor, struct lk_error *error)
{
	char number[16];
	struct lk_buffer sql = {0};
	struct lk_result r;
	snprintf(number, sizeof number, "%d", step);
	memset(cursor, 0, sizeof *cursor);
	lk_buffer_add(&sql, "SELECT rows_done, rows_changed, chunks, finished");
	add_key(&sql, count);
	lk_buffer_add(&sql, " FROM lockkeeper.cursor WHERE run = $1 AND step = $2::int");
	bool read = LK_QUERY(session, &r, error, lk_buffer_text(&sql), run, number);
	lk_buffer_free(&sql);
	if (!read)
		return false;
	if (r.rows) {
		cursor->rows_done = lk_cell_int(&r, 0, 0);
		cursor->rows_changed = lk_cell_int(&r, 0, 1);
		cursor->chunks = lk_cell_int(&r, 0, 2);
		cursor->finished = lk_cell_bool(&r, 0, 3);
		read_key(&r, 5, count, cursor);
	}
	lk_result_free(&r);
	return true;
}

bool lk_pg_journal_part(struct lk_session *session, const char *run, int step,
			struct lk_journal_cursor *cursor, struct lk_error *error)
{
	char number[16], part[24];
	struct lk_buffer sql = {0};
	struct lk_result r;
	snprintf(number, sizeof number, "%d", step);
	snprintf(part, sizeof part, "%lld", (long long)cursor->part);
	lk_buffer_add(&sql, "SELECT finished");
	add_key(&sql, cursor->count);
	lk_buffer_add(
		&sql,
		" FROM lockkeeper.part WHERE run = $1 AND step = $2::int AND relation = $3::bigint");
	bool read = LK_QUERY(session, &r, error, lk_buffer_text(&sql), run, number, part);
	lk_buffer_free(&sql);
	if (!read)
		return false;
	cursor->part_finished = r.rows && lk_cell_bool(&r, 0, 0);
	if (r.rows)
		read_key(&r, 2, cursor->count, cursor);
	lk_result_free(&r);
	return true;
}

static char *key_array(const struct lk_journal_cursor *cursor)
{
	struct lk_buffer out = {0};
	lk_buffer_add(&out, "{");
	for (size_t i = 0; i < cursor->count; i++) {
		lk_buffer_add(&out, i ? ",\"" : "\"");
		for (const char *p = cursor->key[i]; *p; p++) {
			if (*p == '"' || *p == '\\')
				lk_buffer_add(&out, "\\");
			lk_buffer_add_bytes(&out, p, 1);
		}
		lk_buffer_add(&out, "\"");
	}
	lk_buffer_add(&out, "}");
	return lk_buffer_take(&out);
}

static bool set_part(struct lk_session *session, const char *run, const char *number,
		     const struct lk_journal_cursor *cursor, struct lk_error *error)
{
	char part[24], *key = cursor->key ? key_array(cursor) : NULL;
	snprintf(part, sizeof part, "%lld", (long long)cursor->part);
	bool written = LK_RUN(
		session, error,
		"INSERT INTO lockkeeper.part VALUES ($1, $2::int, $3::bigint, $4::text[], $5::boolean)"
		" ON CONFLICT (run, step, relation) DO UPDATE SET key = excluded.key,"
		" finished = excluded.finished",
		run, number, part, key, cursor->part_finished ? "t" : "f");
	free(key);
	return written;
}

/* Without a key of the table's own rows, the one that is there stays. */
bool lk_pg_journal_set_cursor(struct lk_session *session, const char *run, int step,
			      const struct lk_journal_cursor *cursor, struct lk_error *error)
{
	char number[16], done[24], changed[24], chunks[24];
	char *key = cursor->key && !cursor->part ? key_array(cursor) : NULL;
	snprintf(number, sizeof number, "%d", step);
	snprintf(done, sizeof done, "%lld", (long long)cursor->rows_done);
	snprintf(changed, sizeof changed, "%lld", (long long)cursor->rows_changed);
	snprintf(chunks, sizeof chunks, "%lld", (long long)cursor->chunks);
	bool written =
		LK_RUN(session, error,
		       "INSERT INTO lockkeeper.cursor AS c VALUES ($1, $2::int, $3::text[], $4::bigint,"
		       " $5::bigint, $6::bigint, $7::boolean) ON CONFLICT (run, step) DO UPDATE SET"
		       " key = coalesce(excluded.key, c.key), rows_done = excluded.rows_done,"
		       " rows_changed = excluded.rows_changed, chunks = excluded.chunks,"
		       " finished = excluded.finished",
		       run, number, key, done, changed, chunks, cursor->finished ? "t" : "f") &&
		(!cursor->part || set_part(session, run, number, cursor, error));
	free(key);
	return written;
}

bool lk_pg_journal_forget_cursor(struct lk_session *session, const char *run, int step,
				 struct lk_error *error)
{
	static const char *const tables[] = {"cursor", "part", "reject"};
	char number[16];
	snprintf(number, sizeof number, "%d", step);
	for (size_t i = 0; i < LK_COUNT(tables); i++) {
		char *sql = lk_format("DELETE FROM lockkeeper.%s WHERE run = $1 AND step = $2::int",
				      tables[i]);
		bool deleted = LK_RUN(session, error, sql, run, number);
		free(sql);
		if (!deleted)
			return false;
	}
	return true;
}

bool lk_pg_journal_reject(struct lk_session *session, const char *run, int step,
			  const struct lk_journal_reject *reject, struct lk_error *error)
{
	enum { FIXED = 5, MOST = FIXED + 32 };
	char number[16];
	const char *parameters[MOST] = {run, number, reject->relation, reject->sqlstate,
					reject->message};
	struct lk_buffer sql = {0};
	snprintf(number, sizeof number, "%d", step);
	if (reject->count > MOST - FIXED)
		return lk_fail(error, LK_ERROR_REFUSED, "the key of %s has over 32 columns",
			       reject->relation);
	lk_buffer_add(&sql,
		      "INSERT INTO lockkeeper.reject (run, step, relation, sqlstate, message, key)"
		      " VALUES ($1, $2::int, $3, $4, $5, jsonb_build_object(");
	for (size_t i = 0; i < reject->count; i++) {
		char *name = session->driver->quote_text(reject->columns[i]);
		lk_buffer_addf(&sql, "%s%s, $%zu::%s", i ? ", " : "", name, FIXED + i + 1,
			       reject->types[i]);
		free(name);
		parameters[FIXED + i] = reject->values[i];
	}
	lk_buffer_add(&sql, "))");
	bool written = lk_query(session, NULL, error, lk_buffer_text(&sql), FIXED + reject->count,
				parameters);
	lk_buffer_free(&sql);
	return written;
}

bool lk_pg_journal_rejects(struct lk_session *session, const char *run, int step, int64_t *count,
			   struct lk_error *error)
{
	char *sql = lk_format("SELECT count(*) FROM lockkeeper.reject WHERE run = $1 AND step = %d",
			      step);
	bool read = lk_journal_number(session, sql, run, count, error);
	free(sql);
	return read;
}
