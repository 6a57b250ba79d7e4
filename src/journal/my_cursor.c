/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal/my_cursor.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "journal/my_text.h"
#include "journal/rows.h"

/* A key as the journal has it, a JSON array of texts; NULL when there is none. */
static bool read_key(const char *text, size_t count, struct lk_journal_cursor *cursor,
		     struct lk_error *error)
{
	json_error_t where;
	json_t *array = text ? json_loads(text, 0, &where) : NULL;
	bool good = !text || json_array_size(array) == count;
	if (text && good) {
		cursor->count = count;
		cursor->key = lk_alloc(count * sizeof(char *));
	}
	for (size_t i = 0; text && good && i < count; i++) {
		const char *value = json_string_value(json_array_get(array, i));
		cursor->key[i] = lk_strdup(value ? value : "");
		good = value != NULL;
	}
	json_decref(array);
	if (good)
		return true;
	lk_journal_cursor_free(cursor);
	return lk_fail(error, LK_ERROR_REFUSED,
		       "the journal's cursor is not a key of %zu columns: %s", count, text);
}

/* The key as such a text, NULL when there is none; false when it is no text of UTF-8. */
static bool write_key(const struct lk_journal_cursor *cursor, char **text, struct lk_error *error)
{
	*text = NULL;
	if (!cursor->key)
		return true;
	bool good = true;
	json_t *array = json_array();
	for (size_t i = 0; good && i < cursor->count; i++)
		good = json_array_append_new(array, json_string(cursor->key[i])) == 0;
	if (good)
		*text = json_dumps(array, JSON_COMPACT);
	json_decref(array);
	return good || lk_fail(error, LK_ERROR_REFUSED,
			       "a key that is not text cannot be written into the journal: its"
			       " columns must be read as HEX()");
}

bool lk_my_journal_cursor(struct lk_session *session, const char *run, int step, size_t count,
			  struct lk_journal_cursor *cursor, struct lk_error *error)
{
	char number[16];
	struct lk_result r;
	snprintf(number, sizeof number, "%d", step);
	memset(cursor, 0, sizeof *cursor);
	if (!LK_QUERY(session, &r, error,
		      "SELECT rows_done, rows_changed, chunks, " LK_MY_FLAG(
			      "finished") ", `key` FROM lockkeeper.cursor"
					  " WHERE run = $1 AND step = $2",
		      run, number))
		return false;
	bool read = true;
	if (r.rows) {
		cursor->rows_done = lk_cell_int(&r, 0, 0);
		cursor->rows_changed = lk_cell_int(&r, 0, 1);
		cursor->chunks = lk_cell_int(&r, 0, 2);
		cursor->finished = lk_cell_bool(&r, 0, 3);
		read = read_key(lk_cell(&r, 0, 4), count, cursor, error);
	}
	lk_result_free(&r);
	return read;
}

bool lk_my_journal_part(struct lk_session *session, const char *run, int step,
			struct lk_journal_cursor *cursor, struct lk_error *error)
{
	char number[16], part[24];
	struct lk_result r;
	snprintf(number, sizeof number, "%d", step);
	snprintf(part, sizeof part, "%lld", (long long)cursor->part);
	if (!LK_QUERY(session, &r, error,
		      "SELECT " LK_MY_FLAG(
			      "finished") ", `key` FROM lockkeeper.part"
					  " WHERE run = $1 AND step = $2 AND relation = $3",
		      run, number, part))
		return false;
	cursor->part_finished = r.rows && lk_cell_bool(&r, 0, 0);
	bool read = !r.rows || read_key(lk_cell(&r, 0, 1), cursor->count, cursor, error);
	lk_result_free(&r);
	return read;
}

static bool set_part(struct lk_session *session, const char *run, const char *number,
		     const struct lk_journal_cursor *cursor, const char *key,
		     struct lk_error *error)
{
	char part[24];
	snprintf(part, sizeof part, "%lld", (long long)cursor->part);
	return LK_RUN(session, error,
		      "INSERT INTO lockkeeper.part (run, step, relation, `key`, finished)"
		      " VALUES ($1, $2, $3, $4, $5)"
		      " ON DUPLICATE KEY UPDATE `key` = $4, finished = $5",
		      run, number, part, key, cursor->part_finished ? "1" : "0");
}

/* Without a key of the table's own rows, the one that is there stays. */
bool lk_my_journal_set_cursor(struct lk_session *session, const char *run, int step,
			      const struct lk_journal_cursor *cursor, struct lk_error *error)
{
	char number[16], done[24], changed[24], chunks[24], *key;
	if (!write_key(cursor, &key, error))
		return false;
	snprintf(number, sizeof number, "%d", step);
	snprintf(done, sizeof done, "%lld", (long long)cursor->rows_done);
	snprintf(changed, sizeof changed, "%lld", (long long)cursor->rows_changed);
	snprintf(chunks, sizeof chunks, "%lld", (long long)cursor->chunks);
	bool written =
		LK_RUN(session, error,
		       "INSERT INTO lockkeeper.cursor (run, step, `key`, rows_done, rows_changed, chunks,"
		       " finished) VALUES ($1, $2, $3, $4, $5, $6, $7) ON DUPLICATE KEY UPDATE"
		       " `key` = IFNULL($3, `key`), rows_done = $4, rows_changed = $5, chunks = $6,"
		       " finished = $7",
		       run, number, cursor->part ? NULL : key, done, changed, chunks,
		       cursor->finished ? "1" : "0") &&
		(!cursor->part || set_part(session, run, number, cursor, key, error));
	free(key);
	return written;
}

bool lk_my_journal_forget_cursor(struct lk_session *session, const char *run, int step,
				 struct lk_error *error)
{
	static const char *const tables[] = {"cursor", "part", "reject"};
	for (size_t i = 0; i < LK_COUNT(tables); i++) {
		char *sql = lk_format("DELETE FROM lockkeeper.%s WHERE run = $1 AND step = %d",
				      tables[i], step);
		bool deleted = LK_RUN(session, error, sql, run);
		free(sql);
		if (!deleted)
			return false;
	}
	return true;
}

/* The key as a JSON object of texts; what is no text of UTF-8 is left out of it. */
bool lk_my_journal_reject(struct lk_session *session, const char *run, int step,
			  const struct lk_journal_reject *reject, struct lk_error *error)
{
	char number[16];
	json_t *object = json_object();
	snprintf(number, sizeof number, "%d", step);
	for (size_t i = 0; i < reject->count; i++)
		json_object_set_new(
			object, reject->columns[i],
			json_stringn_nocheck(reject->values[i], strlen(reject->values[i])));
	char *key = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!key)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the key of a row of %s is not text: its columns must be read as HEX()",
			reject->relation);
	bool written = LK_RUN(
		session, error,
		"INSERT INTO lockkeeper.reject (run, step, relation, `key`, `sqlstate`, message, at)"
		" VALUES ($1, $2, $3, $4, " LK_MY_TEXT("$5") ", " LK_MY_TEXT(
			"$6") ", UTC_TIMESTAMP(6))",
		run, number, reject->relation, key, reject->sqlstate, reject->message);
	free(key);
	return written;
}

bool lk_my_journal_rejects(struct lk_session *session, const char *run, int step, int64_t *count,
			   struct lk_error *error)
{
	char *sql = lk_format("SELECT COUNT(*) FROM lockkeeper.reject WHERE run = $1 AND step = %d",
			      step);
	bool read = lk_journal_number(session, sql, run, count, error);
	free(sql);
	return read;
}
