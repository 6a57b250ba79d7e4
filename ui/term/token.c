/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/term/token.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

enum {
	ESCAPE_US = 25 * 1000,	  /* silence that makes an Esc a key */
	SEQUENCE_US = 250 * 1000, /* silence that ends a sequence cut off in the middle */
	PASTE_US = 1000 * 1000,	  /* silence that ends a paste whose end was lost */
	SEQUENCE_MAX = 32,
	PASTE_MAX = 64 * 1024,
};

struct lk_tokens {
	unsigned char *bytes; /* a queue: head..tail not handed out */
	size_t head, tail, capacity;
	int64_t at_us; /* of the newest byte */
	bool pasting;
	char *paste;
	size_t paste_kept, paste_total;
	char raw[SEQUENCE_MAX + 1];
};

static const struct {
	const char *sequence; /* after the Esc */
	uint32_t key;
} sequences[] = {
	{"[A", LK_KEY_UP},	 {"[B", LK_KEY_DOWN},	    {"[C", LK_KEY_RIGHT},
	{"[D", LK_KEY_LEFT},	 {"OA", LK_KEY_UP},	    {"OB", LK_KEY_DOWN},
	{"OC", LK_KEY_RIGHT},	 {"OD", LK_KEY_LEFT},	    {"[H", LK_KEY_HOME},
	{"[F", LK_KEY_END},	 {"OH", LK_KEY_HOME},	    {"OF", LK_KEY_END},
	{"[1~", LK_KEY_HOME},	 {"[4~", LK_KEY_END},	    {"[7~", LK_KEY_HOME},
	{"[8~", LK_KEY_END},	 {"[2~", LK_KEY_INSERT},    {"[3~", LK_KEY_DELETE},
	{"[5~", LK_KEY_PAGE_UP}, {"[6~", LK_KEY_PAGE_DOWN}, {"[Z", LK_KEY_BACKTAB},
	{"OP", LK_KEY_F1},	 {"OQ", LK_KEY_F1 + 1},	    {"OR", LK_KEY_F1 + 2},
	{"OS", LK_KEY_F1 + 3},	 {"[11~", LK_KEY_F1},	    {"[12~", LK_KEY_F1 + 1},
	{"[13~", LK_KEY_F1 + 2}, {"[14~", LK_KEY_F1 + 3},   {"[[A", LK_KEY_F1},
	{"[[B", LK_KEY_F1 + 1},	 {"[[C", LK_KEY_F1 + 2},    {"[[D", LK_KEY_F1 + 3},
	{"[[E", LK_KEY_F1 + 4},	 {"[15~", LK_KEY_F1 + 4},   {"[17~", LK_KEY_F1 + 5},
	{"[18~", LK_KEY_F1 + 6}, {"[19~", LK_KEY_F1 + 7},   {"[20~", LK_KEY_F1 + 8},
	{"[21~", LK_KEY_F1 + 9}, {"[23~", LK_KEY_F1 + 10},  {"[24~", LK_KEY_F12},
};

static const char paste_begin[] = "\033[200~", paste_end[] = "\033[201~";

struct lk_tokens *lk_tokens_new(void)
{
	return lk_alloc(sizeof(struct lk_tokens));
}

void lk_tokens_free(struct lk_tokens *tokens)
{
	if (!tokens)
		return;
	free(tokens->bytes);
	free(tokens->paste);
	free(tokens);
}

void lk_tokens_feed(struct lk_tokens *tokens, const char *bytes, size_t length, int64_t now_us)
{
	if (length == 0)
		return;
	if (tokens->head > 0) {
		memmove(tokens->bytes, tokens->bytes + tokens->head, tokens->tail - tokens->head);
		tokens->tail -= tokens->head;
		tokens->head = 0;
	}
	if (tokens->tail + length > tokens->capacity) {
		tokens->capacity = tokens->tail + length + 1024;
		tokens->bytes = lk_realloc(tokens->bytes, tokens->capacity, 1);
	}
	memcpy(tokens->bytes + tokens->tail, bytes, length);
	tokens->tail += length;
	tokens->at_us = now_us;
}

void lk_tokens_flush(struct lk_tokens *tokens)
{
	tokens->head = tokens->tail = 0;
	tokens->pasting = false;
	tokens->paste_kept = tokens->paste_total = 0;
}

static size_t waiting(const struct lk_tokens *tokens)
{
	return tokens->tail - tokens->head;
}

int64_t lk_tokens_deadline(const struct lk_tokens *tokens)
{
	if (tokens->pasting)
		return tokens->at_us + PASTE_US;
	if (waiting(tokens) == 1)
		return tokens->at_us + ESCAPE_US;
	return waiting(tokens) ? tokens->at_us + SEQUENCE_US : INT64_MAX;
}

/* Hands out `length` bytes as one key. */
static bool take_key(struct lk_tokens *tokens, size_t length, uint32_t key, struct lk_input *input)
{
	size_t kept = length < SEQUENCE_MAX ? length : SEQUENCE_MAX;

	memcpy(tokens->raw, tokens->bytes + tokens->head, kept);
	tokens->raw[kept] = '\0';
	tokens->head += length;
	*input = (struct lk_input){.kind = LK_INPUT_KEY,
				   .key = key,
				   .at_us = tokens->at_us,
				   .bytes = tokens->raw,
				   .length = kept};
	return true;
}

static bool finish_paste(struct lk_tokens *tokens, struct lk_input *input)
{
	tokens->pasting = false;
	*input = (struct lk_input){.kind = LK_INPUT_PASTE,
				   .at_us = tokens->at_us,
				   .bytes = tokens->paste,
				   .length = tokens->paste_kept,
				   .pasted = tokens->paste_total};
	tokens->paste_kept = tokens->paste_total = 0;
	return true;
}

static bool next_paste(struct lk_tokens *tokens, int64_t now_us, struct lk_input *input)
{
	size_t end = sizeof paste_end - 1;

	if (!tokens->paste)
		tokens->paste = lk_alloc(PASTE_MAX);
	while (waiting(tokens) > 0) {
		const unsigned char *at = tokens->bytes + tokens->head;
		size_t compare = waiting(tokens) < end ? waiting(tokens) : end;

		if (memcmp(at, paste_end, compare) == 0) {
			if (compare < end)
				break; /* perhaps the end, cut in two */
			tokens->head += end;
			return finish_paste(tokens, input);
		}
		tokens->paste_total++;
		if (tokens->paste_kept < PASTE_MAX)
			tokens->paste[tokens->paste_kept++] = (char)*at;
		tokens->head++;
	}
	if (now_us < tokens->at_us + PASTE_US)
		return false;
	tokens->head = tokens->tail;
	return finish_paste(tokens, input);
}

/* How long the sequence at the head is; 0 while its end has not come. */
static size_t sequence_length(const unsigned char *at, size_t length)
{
	size_t i = 2;

	if (length < 2)
		return 0;
	if (at[1] == 'O')
		return length >= 3 ? 3 : 0;
	if (at[1] != '[')
		return 2; /* Alt with a key */
	if (length >= 3 && at[2] == '[')
		return length >= 4 ? 4 : 0;
	for (; i < length; i++)
		if (at[i] >= 0x40 && at[i] <= 0x7e)
			return i + 1;
	return i >= SEQUENCE_MAX ? i : 0;
}

/* A sequence at the head: a key, the start of a paste, nothing we know (dropped), or not complete.
 */
static bool next_escape(struct lk_tokens *tokens, int64_t now_us, struct lk_input *input)
{
	const unsigned char *at = tokens->bytes + tokens->head;
	size_t length = sequence_length(at, waiting(tokens));

	if (waiting(tokens) > 1 && at[1] == LK_KEY_ESC)
		return take_key(tokens, 1, LK_KEY_ESC, input);
	if (length == 0) {
		bool lone = waiting(tokens) == 1;

		if (now_us < tokens->at_us + (lone ? ESCAPE_US : SEQUENCE_US))
			return false;
		if (lone)
			return take_key(tokens, 1, LK_KEY_ESC, input);
		tokens->head = tokens->tail;
		return false;
	}
	if (length == sizeof paste_begin - 1 && memcmp(at, paste_begin, length) == 0) {
		tokens->head += length;
		tokens->pasting = true;
		return next_paste(tokens, now_us, input);
	}
	for (size_t i = 0; i < LK_COUNT(sequences); i++)
		if (strlen(sequences[i].sequence) == length - 1 &&
		    memcmp(at + 1, sequences[i].sequence, length - 1) == 0)
			return take_key(tokens, length, sequences[i].key, input);
	tokens->head += length;
	return false;
}

/* How many bytes the UTF-8 character that starts so should have. */
static size_t character_length(unsigned char first)
{
	return first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
}

static bool next_key(struct lk_tokens *tokens, int64_t now_us, struct lk_input *input)
{
	const unsigned char *at = tokens->bytes + tokens->head;
	size_t length;
	uint32_t key;

	if (*at == LK_KEY_ESC)
		return next_escape(tokens, now_us, input);
	if (waiting(tokens) < character_length(*at) && now_us < tokens->at_us + ESCAPE_US)
		return false;
	length = lk_utf8_decode((const char *)at, waiting(tokens), &key);
	if (key == '\n')
		key = LK_KEY_ENTER;
	else if (key == '\b')
		key = LK_KEY_BACKSPACE;
	return take_key(tokens, length, key, input);
}

bool lk_tokens_next(struct lk_tokens *tokens, int64_t now_us, struct lk_input *input)
{
	if (tokens->pasting)
		return next_paste(tokens, now_us, input);
	while (waiting(tokens) > 0) {
		size_t before = tokens->head;

		if (next_key(tokens, now_us, input))
			return true;
		if (tokens->head == before || tokens->pasting)
			return false; /* more bytes or more time are needed */
	}
	return false;
}
