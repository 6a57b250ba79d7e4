/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events with a statement's text: those by which the servers themselves begin and end transactions, and all others, which
 * are told.
 */
#include <ctype.h>
#include <strings.h>

#include "base/memory.h"
#include "binlog/reading.h"

enum { LOAD_FIELDS = 4 + 4 + 4 + 1, XID_MAX = 128 };

/* What the servers write; a text is exactly it, or with more words behind a space. */
static const struct word {
	const char *words;
	enum { BEGINS, COMMITS, ROLLS_BACK, MEANS_NOTHING } sense;
	bool more; /* words follow */
} words[] = {
	{"BEGIN", BEGINS, false},
	{"START TRANSACTION", BEGINS, false},
	{"COMMIT", COMMITS, false},
	{"ROLLBACK", ROLLS_BACK, false},
	{"ROLLBACK TO", MEANS_NOTHING, true},
	{"SAVEPOINT", MEANS_NOTHING, true},
	{"RELEASE SAVEPOINT", MEANS_NOTHING, true},
	{"XA START", BEGINS, true},
	{"XA END", MEANS_NOTHING, true},
	{"XA COMMIT", COMMITS, true},
	{"XA ROLLBACK", ROLLS_BACK, true},
};

static const struct word *word_of(const struct lk_bytes *text)
{
	for (size_t i = 0; i < LK_COUNT(words); i++) {
		size_t length = strlen(words[i].words), left = lk_bytes_left(text);
		if (left < length ||
		    strncasecmp((const char *)text->at, words[i].words, length) != 0)
			continue;
		if (words[i].more ? left > length && text->at[length] == ' ' : left == length)
			return &words[i];
	}
	return NULL;
}

/* "X'61',X'',1" behind XA COMMIT; "" for a transaction that was not prepared before, which ends with ONE PHASE. */
static void keep_xid(struct lk_reader *reader, const struct word *word, const struct lk_bytes *text)
{
	static const char one_phase[] = " ONE PHASE";
	size_t skipped = word->more ? strlen(word->words) + 1 : lk_bytes_left(text);
	const char *from = (const char *)text->at + skipped;
	size_t length = lk_bytes_left(text) - skipped, tail = strlen(one_phase);
	lk_buffer_reset(&reader->xid);
	if (length < tail || strncasecmp(from + length - tail, one_phase, tail) != 0)
		lk_buffer_add_bytes(&reader->xid, from, length);
}

static void tell_statement(struct lk_reader *reader, uint32_t time, const struct lk_bytes *text,
			   struct lk_stream_event *event)
{
	size_t length = lk_bytes_left(text);
	event->cut = length > LK_STREAM_TEXT_MAX;
	event->text_length = event->cut ? LK_STREAM_TEXT_MAX : length;
	lk_buffer_reset(&reader->text);
	lk_buffer_add_bytes(&reader->text, (const char *)text->at, event->text_length);
	event->text = lk_buffer_text(&reader->text);
	event->database = lk_buffer_text(&reader->database);
	event->kind = LK_STREAM_STATEMENT;
	event->time = time;
	reader->owes_commit = !reader->in_transaction;
	reader->owed_time = time;
}

static void act(struct lk_reader *reader, const struct word *word, const struct lk_event *read,
		const struct lk_bytes *text, struct lk_stream_event *event)
{
	if (word->sense == BEGINS)
		reader->in_transaction = true;
	if (word->sense != COMMITS && word->sense != ROLLS_BACK)
		return;
	keep_xid(reader, word, text);
	lk_reader_end(reader, word->sense == COMMITS ? LK_STREAM_COMMIT : LK_STREAM_ROLLBACK,
		      read->time, event);
}

bool lk_read_query(struct lk_reader *reader, const struct lk_event *read,
		   struct lk_stream_event *event, struct lk_error *error)
{
	struct lk_bytes left = read->body, text;
	lk_bytes_take(&left, 4 + 4); /* thread, seconds that it took */
	uint64_t database = lk_bytes_number(&left, 1);
	lk_bytes_take(&left, 2); /* error */
	uint64_t variables = lk_bytes_number(&left, 2);
	if (read->type == LK_EVENT_EXECUTE_LOAD_QUERY)
		lk_bytes_take(&left, LOAD_FIELDS);
	lk_bytes_part(&left, variables);
	struct lk_bytes name = lk_bytes_part(&left, database);
	lk_bytes_take(&left, 1);
	if (left.lacking)
		return lk_event_fail(read, error, "it ends before its text");
	text = left;
	if (read->type == LK_EVENT_QUERY_COMPRESSED && !lk_inflate(&left, &reader->room, &text))
		return lk_event_fail(read, error, "what it has compressed is damaged");
	lk_buffer_reset(&reader->database);
	lk_buffer_add_bytes(&reader->database, (const char *)name.at, lk_bytes_left(&name));
	const struct word *word = word_of(&text);
	if (word)
		act(reader, word, read, &text, event);
	else
		tell_statement(reader, read->time, &text, event);
	return true;
}

static void add_hex(struct lk_buffer *out, const uint8_t *bytes, size_t count)
{
	lk_buffer_add(out, "X'");
	for (size_t i = 0; i < count; i++)
		lk_buffer_addf(out, "%02x", bytes[i]);
	lk_buffer_add(out, "',");
}

/* The xid as the servers write it into XA COMMIT. */
bool lk_read_xa_prepare(struct lk_reader *reader, const struct lk_event *read,
			struct lk_stream_event *event, struct lk_error *error)
{
	struct lk_bytes left = read->body;
	bool one_phase = lk_bytes_number(&left, 1) != 0;
	int32_t format = (int32_t)lk_bytes_number(&left, 4);
	uint64_t global = lk_bytes_number(&left, 4), branch = lk_bytes_number(&left, 4);
	const uint8_t *bytes = lk_bytes_take(&left, (size_t)(global + branch));
	if (!bytes || left.lacking || global + branch > XID_MAX)
		return lk_event_fail(read, error, "its xid is damaged");
	lk_buffer_reset(&reader->xid);
	if (!one_phase) {
		add_hex(&reader->xid, bytes, (size_t)global);
		add_hex(&reader->xid, bytes + global, (size_t)branch);
		lk_buffer_addf(&reader->xid, "%d", (int)format);
	}
	lk_reader_end(reader, one_phase ? LK_STREAM_COMMIT : LK_STREAM_PREPARE, read->time, event);
	return true;
}
