/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a terminal's bytes to keys: {a character, a special key, a lone Esc, a pasted block}. Bytes
 * may be split anywhere; a lone Esc is told from the start of a sequence by 25 ms of silence. Pure:
 * the caller brings the bytes and the time. Sequences that mean nothing here vanish whole, so that
 * their bytes never act as keys.
 */
#ifndef LK_UI_TOKEN_H
#define LK_UI_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lk_key {
	LK_KEY_CTRL_A = 1, /* control characters are themselves */
	LK_KEY_CTRL_C = 3,
	LK_KEY_CTRL_D = 4,
	LK_KEY_TAB = 9,
	LK_KEY_CTRL_L = 12,
	LK_KEY_ENTER = 13,
	LK_KEY_CTRL_S = 19,
	LK_KEY_CTRL_U = 21,
	LK_KEY_CTRL_Z = 26,
	LK_KEY_ESC = 27,
	LK_KEY_SPACE = 32,
	LK_KEY_BACKSPACE = 127,
	LK_KEY_UP = 0x110000, /* beyond Unicode */
	LK_KEY_DOWN,
	LK_KEY_LEFT,
	LK_KEY_RIGHT,
	LK_KEY_HOME,
	LK_KEY_END,
	LK_KEY_PAGE_UP,
	LK_KEY_PAGE_DOWN,
	LK_KEY_INSERT,
	LK_KEY_DELETE,
	LK_KEY_BACKTAB,
	LK_KEY_F1,
	LK_KEY_F12 = LK_KEY_F1 + 11,
};

struct lk_input {
	enum { LK_INPUT_KEY, LK_INPUT_PASTE } kind;
	uint32_t key;	   /* a character or enum lk_key */
	int64_t at_us;	   /* when its bytes arrived */
	const char *bytes; /* raw: what a line editor wants to see; a paste without its brackets */
	size_t length;	   /* of bytes; they live until the next call */
	size_t pasted;	   /* bytes of a paste, also those beyond what is kept */
};

struct lk_tokens;

struct lk_tokens *lk_tokens_new(void);
void lk_tokens_free(struct lk_tokens *tokens);
void lk_tokens_feed(struct lk_tokens *tokens, const char *bytes, size_t length, int64_t now_us);
/* The next input, if one is complete. */
bool lk_tokens_next(struct lk_tokens *tokens, int64_t now_us, struct lk_input *input);
/* When lk_tokens_next should be asked again though nothing arrives; INT64_MAX when it need not. */
int64_t lk_tokens_deadline(const struct lk_tokens *tokens);
/* Forgets what has arrived and was not handed out. */
void lk_tokens_flush(struct lk_tokens *tokens);

#endif
