/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/model/question.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "ui/term/token.h"

/* More keys than this with one arrival time were not typed. */
enum { TOGETHER = 3 };

void lk_question_open(struct lk_question *question, enum lk_tier tier, const char *expected,
		      int64_t now_us)
{
	memset(question, 0, sizeof *question);
	question->tier = tier;
	question->letter = tier == LK_TIER_LETTER ? expected[0] : '\0';
	if (tier != LK_TIER_LETTER)
		LK_COPY(question->expected, expected);
	question->opened_us = question->last_us = now_us;
}

bool lk_question_armed(const struct lk_question *question, int64_t now_us)
{
	return now_us >= question->opened_us + LK_QUESTION_ARM_US;
}

enum lk_answer lk_question_tick(const struct lk_question *question, int64_t now_us)
{
	return now_us >= question->last_us + LK_QUESTION_SILENCE_US ? LK_ANSWER_NO : LK_ANSWER_OPEN;
}

void lk_question_paste(struct lk_question *question, int64_t at_us)
{
	question->pasted++;
	question->typed[0] = '\0';
	question->last_us = at_us;
}

/* Whether the key must not count: too early, a repeat, or one of many that came at once. */
static bool ignored(struct lk_question *question, uint32_t key, int64_t at_us)
{
	bool repeat = key == question->last_key && question->last_key_us &&
		      at_us - question->last_key_us < LK_QUESTION_REPEAT_US;

	question->same_instant = at_us == question->last_key_us ? question->same_instant + 1 : 0;
	question->last_key = key;
	question->last_key_us = at_us;
	question->last_us = at_us;
	if (!lk_question_armed(question, at_us)) {
		question->early++;
		return true;
	}
	if (question->same_instant >= TOGETHER) {
		question->pasted++;
		question->typed[0] = '\0';
		return true;
	}
	if (repeat) {
		question->repeated++;
		return true;
	}
	return false;
}

static void erase_last(char *typed)
{
	size_t length = strlen(typed);

	while (length > 0 && ((unsigned char)typed[--length] & 0xc0) == 0x80)
		;
	typed[length] = '\0';
}

static void append(struct lk_question *question, uint32_t key)
{
	char bytes[4];
	size_t used = strlen(question->typed), count = lk_utf8_encode(key, bytes);

	if (used + count < sizeof question->typed) {
		memcpy(question->typed + used, bytes, count);
		question->typed[used + count] = '\0';
	}
}

static enum lk_answer field_key(struct lk_question *question, uint32_t key)
{
	if (key == LK_KEY_BACKSPACE) {
		erase_last(question->typed);
	} else if (key == LK_KEY_CTRL_U) {
		question->typed[0] = '\0';
	} else if (key == LK_KEY_ENTER) {
		if (!question->typed[0])
			return LK_ANSWER_NO;
		if (strcmp(question->typed, question->expected) == 0)
			return LK_ANSWER_YES;
		question->wrong++;
	} else if (key >= LK_KEY_SPACE && key < 0x110000) {
		append(question, key);
	}
	return LK_ANSWER_OPEN;
}

enum lk_answer lk_question_key(struct lk_question *question, uint32_t key, int64_t at_us)
{
	if (key == LK_KEY_ESC)
		return LK_ANSWER_NO;
	if (ignored(question, key, at_us))
		return LK_ANSWER_OPEN;
	if (question->tier == LK_TIER_LETTER)
		return key == (uint32_t)(unsigned char)question->letter ? LK_ANSWER_YES
									: LK_ANSWER_NO;
	return field_key(question, key);
}
