/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and what they do: one list of actions and one of keys. Dispatch, the help screen and the
 * test of the keys that must never destroy all read these lists, so they cannot disagree.
 *
 * No key acts on the database but toward safety (STOP). What may do harm is behind a question
 * (ASKS).
 */
#ifndef LK_UI_KEY_H
#define LK_UI_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/term/token.h"

enum lk_effect {
	LK_EFFECT_VIEW, /* changes only what this console shows */
	LK_EFFECT_STOP, /* reduces load or stops the work; needs no question (tier 0) */
	LK_EFFECT_ASKS, /* opens a question; nothing happens unless it is answered */
};

/*       name          effect  tier              help */
#define LK_ACTIONS(X)                                                                              \
	X(NONE, VIEW, "none", "")                                                                  \
	X(PAUSE, STOP, "T0", "PAUSE the work; again does nothing, it never resumes")               \
	X(PAUSE_CLOSE, STOP, "T0", "PAUSE, close what is open, then ask stay or detach")           \
	X(RESUME, ASKS, "T1", "resume: asks for one letter")                                       \
	X(MENU, ASKS, "menu", "actions, each with its reason when it is off")                      \
	X(LEASE, ASKS, "T1", "take the operator's lease: asks for one letter")                     \
	X(NOTE, VIEW, "T0", "write a note into the run's log")                                     \
	X(PLANS, VIEW, "none", "screen Plans")                                                     \
	X(LIVE, VIEW, "none", "screen Live")                                                       \
	X(LOCKS, VIEW, "none", "screen Locks")                                                     \
	X(STEPS, VIEW, "none", "screen Steps")                                                     \
	X(LOG, VIEW, "none", "screen Log")                                                         \
	X(NEXT, VIEW, "none", "next screen")                                                       \
	X(PREVIOUS, VIEW, "none", "screen before")                                                 \
	X(UP, VIEW, "none", "move up")                                                             \
	X(DOWN, VIEW, "none", "move down")                                                         \
	X(LEFT, VIEW, "none", "move left")                                                         \
	X(RIGHT, VIEW, "none", "move right")                                                       \
	X(PAGE_UP, VIEW, "none", "page up")                                                        \
	X(PAGE_DOWN, VIEW, "none", "page down")                                                    \
	X(FIRST, ASKS, "T2/3",                                                                     \
	  "answer the gate that waits (asks you to type a value); else first row")                 \
	X(LAST, VIEW, "none", "last row")                                                          \
	X(OPEN, VIEW, "none", "open what is selected; never confirms")                             \
	X(BACK, VIEW, "none", "back; at the top q asks whether to detach, the run goes on")        \
	X(CANCEL, VIEW, "none", "close, cancel: never acts")                                       \
	X(FILTER, VIEW, "none", "filter the rows of this screen")                                  \
	X(COMMAND, VIEW, "none", "command line, Tab completes")                                    \
	X(HELP, VIEW, "none", "this help")                                                         \
	X(FREEZE, VIEW, "none", "FREEZE the display; the work goes on")                            \
	X(SLOWER, VIEW, "none", "draw less often")                                                 \
	X(FASTER, VIEW, "none", "draw more often")                                                 \
	X(REDRAW, VIEW, "none", "draw everything anew")                                            \
	X(SUSPEND, VIEW, "none", "suspend this console; the work goes on")

enum lk_action {
#define X(name, effect, tier, help) LK_ACTION_##name,
	LK_ACTIONS(X)
#undef X
		LK_ACTION_COUNT
};

/*    key                 shown as    action */
#define LK_KEYS(X)                                                                                 \
	X(LK_KEY_SPACE, "Space", PAUSE)                                                            \
	X(LK_KEY_CTRL_C, "Ctrl-C", PAUSE_CLOSE)                                                    \
	X('r', "r", RESUME)                                                                        \
	X('a', "a", MENU)                                                                          \
	X('t', "t", LEASE)                                                                         \
	X('n', "n", NOTE)                                                                          \
	X('1', "1", PLANS)                                                                         \
	X('2', "2", LIVE)                                                                          \
	X('3', "3", LOCKS)                                                                         \
	X('4', "4", STEPS)                                                                         \
	X('5', "5", LOG)                                                                           \
	X(LK_KEY_TAB, "Tab", NEXT)                                                                 \
	X(LK_KEY_BACKTAB, "Shift-Tab", PREVIOUS)                                                   \
	X('k', "k", UP)                                                                            \
	X(LK_KEY_UP, "Up", UP)                                                                     \
	X('j', "j", DOWN)                                                                          \
	X(LK_KEY_DOWN, "Down", DOWN)                                                               \
	X('h', "h", LEFT)                                                                          \
	X(LK_KEY_LEFT, "Left", LEFT)                                                               \
	X('l', "l", RIGHT)                                                                         \
	X(LK_KEY_RIGHT, "Right", RIGHT)                                                            \
	X(LK_KEY_PAGE_UP, "PgUp", PAGE_UP)                                                         \
	X(LK_KEY_CTRL_U, "Ctrl-U", PAGE_UP)                                                        \
	X(LK_KEY_PAGE_DOWN, "PgDn", PAGE_DOWN)                                                     \
	X(LK_KEY_CTRL_D, "Ctrl-D", PAGE_DOWN)                                                      \
	X('g', "g", FIRST)                                                                         \
	X(LK_KEY_HOME, "Home", FIRST)                                                              \
	X('G', "G", LAST)                                                                          \
	X(LK_KEY_END, "End", LAST)                                                                 \
	X(LK_KEY_ENTER, "Enter", OPEN)                                                             \
	X('q', "q", BACK)                                                                          \
	X(LK_KEY_ESC, "Esc", CANCEL)                                                               \
	X('/', "/", FILTER)                                                                        \
	X(':', ":", COMMAND)                                                                       \
	X('?', "?", HELP)                                                                          \
	X(LK_KEY_F1, "F1", HELP)                                                                   \
	X('f', "f", FREEZE)                                                                        \
	X(LK_KEY_CTRL_S, "Ctrl-S", FREEZE)                                                         \
	X('-', "-", SLOWER)                                                                        \
	X('+', "+", FASTER)                                                                        \
	X(LK_KEY_CTRL_L, "Ctrl-L", REDRAW)                                                         \
	X(LK_KEY_CTRL_Z, "Ctrl-Z", SUSPEND)

/* What a key does outside fields; LK_ACTION_NONE when it is not bound. */
enum lk_action lk_key_action(uint32_t key);
enum lk_effect lk_action_effect(enum lk_action action);
const char *lk_action_tier(enum lk_action action);
const char *lk_action_help(enum lk_action action);
/* "Space", or all keys of an action joined: "k Up". */
void lk_action_keys(enum lk_action action, char *text, size_t size);

#endif
