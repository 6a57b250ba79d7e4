/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console without a screen: one line for each change, words typed as commands. For terminals
 * that cannot place a cursor, for pipes, and for screen readers. The same tiers hold: a question is
 * answered by typing its letter or value on a line of its own; anything else is No.
 */
#ifndef LK_UI_LINEAR_H
#define LK_UI_LINEAR_H

#include "base/error.h"
#include "ui/console.h"

/* Runs until `quit`, or, once standard input has ended, until the run has. Yields the exit status.
 */
int lk_linear_run(const struct lk_console_options *options, struct lk_error *error);

#endif
