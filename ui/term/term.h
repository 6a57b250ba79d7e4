/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The terminal: raw mode, what curses makes of a canvas, and bytes in and out without ever waiting.
 *
 * curses draws into a file in memory; its bytes go to the terminal as it takes them. While an
 * earlier frame is still on its way the next one is not drawn at all, so a slow line sees fewer
 * frames, never old ones, and a stopped line never stops the console. Both ends of the terminal are
 * opened anew with O_NONBLOCK, so that the shell's own descriptors keep their mode.
 *
 * Threads: one terminal a process, used by one thread. If the program crashes, the terminal is put
 * back by a signal handler.
 */
#ifndef LK_UI_TERM_H
#define LK_UI_TERM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ui/term/token.h"
#include "ui/theme/theme.h"
#include "ui/widget/canvas.h"

struct lk_term;

/* Whether standard input and output are a terminal that can place a cursor. */
bool lk_term_possible(void);
/* NULL and *error when no terminal description on this machine will do. */
struct lk_term *lk_term_start(const struct lk_theme *theme, struct lk_error *error);
/* Puts the terminal back. `gone`: the line was hung up, nothing is written. */
void lk_term_stop(struct lk_term *term, bool gone);
/* Leaves the screen to the shell (Ctrl-Z) and comes back when the shell continues us. */
void lk_term_suspend(struct lk_term *term);

/* Takes the terminal back after the process was stopped and continued by somebody else. */
void lk_term_resume(struct lk_term *term);

/* Whether the locale's character set is UTF-8. */
bool lk_term_unicode(const struct lk_term *term);
/* The description in use; differs from $TERM when that one is unknown here. */
const char *lk_term_name(const struct lk_term *term);
/* The window's size as the kernel has it now; 80x24 when it says 0. */
void lk_term_size(const struct lk_term *term, int *rows, int *columns);

/* What to poll for: [0] reading, [1] writing (events 0 when nothing is on its way). */
void lk_term_poll(const struct lk_term *term, struct pollfd fds[2]);
/* Sends what is on its way as far as it goes; false when the line is gone. */
bool lk_term_flush(struct lk_term *term);
/* Reads what has arrived; false when the line is gone. */
bool lk_term_read(struct lk_term *term, int64_t now_us);
/* The keys of the terminal. */
struct lk_tokens *lk_term_tokens(struct lk_term *term);

/* Draws a frame; `full` repaints every cell. False when the last frame is still on its way: nothing
 * was done. */
bool lk_term_draw(struct lk_term *term, const struct lk_canvas *canvas, bool full);
void lk_term_bell(struct lk_term *term);

#endif
