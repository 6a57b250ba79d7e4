/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line of text, edited with readline fed from the console's own loop: the screen goes on living
 * while one types. For commands, filters and notes; never for confirmations. readline keeps its
 * state in globals, so there is one prompt in a process. Threads: one.
 */
#ifndef LK_UI_PROMPT_H
#define LK_UI_PROMPT_H

#include <stdbool.h>

#include "ui/term/token.h"
#include "ui/widget/canvas.h"

enum lk_prompt_kind { LK_PROMPT_COMMAND, LK_PROMPT_FILTER, LK_PROMPT_NOTE };

/* Before the terminal is started: readline looks at it once. Reads the history of commands. */
void lk_prompt_start(void);
/* Saves the history (0600, in the state folder). */
void lk_prompt_stop(void);

void lk_prompt_open(enum lk_prompt_kind kind);
void lk_prompt_close(void);
bool lk_prompt_is_open(void);
enum lk_prompt_kind lk_prompt_kind(void);
/* Feeds a key or a pasted block. True when the line is finished: *line is the caller's, NULL when
 * cancelled. */
bool lk_prompt_feed(const struct lk_input *input, char **line);
/* Draws the line and places the cursor. */
void lk_prompt_draw(const struct lk_area *area, int row);

#endif
