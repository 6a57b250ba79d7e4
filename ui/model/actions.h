/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person can set in motion: whether it is possible now and why not, the question that stands
 * in front of it, and the request that follows a Yes. Conditions are read again while the question
 * is open and once more at the Yes; a question whose ground has gone closes itself and says so.
 */
#ifndef LK_UI_ACTIONS_H
#define LK_UI_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/model/model.h"

/* "resume", and one line about it for the menu. */
const char *lk_act_word(enum lk_act act);
const char *lk_act_help(enum lk_act act);
/* "T1 press R", "T2 type a value", … */
void lk_act_tier(const struct lk_model *model, enum lk_act act, char *text, size_t size);
/* Whether it can be done now; if not, the reason. */
bool lk_act_allowed(const struct lk_model *model, enum lk_act act, char *reason, size_t size);
/* Opens the question, or says why not. */
void lk_act_open(struct lk_model *model, enum lk_act act);
/* A key or a pasted block for the open question. */
void lk_act_key(struct lk_model *model, uint32_t key, int64_t at_us);
void lk_act_paste(struct lk_model *model, int64_t at_us);
/* A whole line as the answer (linear mode): the letter or the value. */
void lk_act_line(struct lk_model *model, const char *line);
/* Closes a question that nobody answers or that has lost its ground. */
void lk_act_tick(struct lk_model *model);

/* The text of the open question: a title, and lines with their weight. */
enum { LK_QUESTION_LINES = 14 };
struct lk_question_text {
	char title[80];
	int count;
	struct {
		enum lk_role role;
		char text[240];
	} lines[LK_QUESTION_LINES];
	char prompt[160]; /* "Type rename-username to open the gate: " */
};
void lk_act_describe(const struct lk_model *model, struct lk_question_text *text);

#endif
