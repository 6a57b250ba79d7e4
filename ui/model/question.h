/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One open question and the rules of its tier. Pure: keys and times go in, an answer comes out.
 *
 *   tier 1   one named letter; any other key is No
 *   tier 2   type a value read from the screen, then Enter; an empty Enter is No
 *   tier 3   the same with the plan's name, for what cannot be undone
 *
 * Keys of the first 400 ms, a repeat of the same key within 80 ms, and pasted text do nothing but
 * are counted, so that the screen can say so. Esc and 60 s of silence are No. Enter confirms
 * nothing by itself: it only completes a value that is already right.
 */
#ifndef LK_UI_QUESTION_H
#define LK_UI_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

enum lk_tier { LK_TIER_LETTER = 1, LK_TIER_VALUE, LK_TIER_NAME };
enum lk_answer { LK_ANSWER_OPEN, LK_ANSWER_NO, LK_ANSWER_YES };

enum {
	LK_QUESTION_ARM_US = 400 * 1000,
	LK_QUESTION_REPEAT_US = 80 * 1000,
	LK_QUESTION_SILENCE_US = 60 * 1000 * 1000,
};

struct lk_question {
	enum lk_tier tier;
	char letter;	   /* tier 1 */
	char expected[96]; /* tiers 2 and 3: ASCII or UTF-8 */
	char typed[96];
	int64_t opened_us;
	int64_t last_us; /* of the newest key that counted against silence */
	uint32_t last_key;
	int64_t last_key_us;
	int same_instant; /* keys in a row that arrived together: a paste without brackets */
	unsigned early, repeated, pasted, wrong;
};

void lk_question_open(struct lk_question *question, enum lk_tier tier, const char *expected,
		      int64_t now_us);
/* key: a character or enum lk_key, at the time its bytes arrived. */
enum lk_answer lk_question_key(struct lk_question *question, uint32_t key, int64_t at_us);
void lk_question_paste(struct lk_question *question, int64_t at_us);
/* LK_ANSWER_NO once the silence has lasted. */
enum lk_answer lk_question_tick(const struct lk_question *question, int64_t now_us);
bool lk_question_armed(const struct lk_question *question, int64_t now_us);

#endif
