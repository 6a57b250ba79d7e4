/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts the terminal back when the program dies of a signal: the modes and one string, with write(2)
 * only. */
#ifndef LK_UI_RESTORE_H
#define LK_UI_RESTORE_H

#include <stddef.h>
#include <termios.h>

/* From now on a crash writes `bytes` to fd and sets `modes`, then dies as it would have. One at a
 * time. */
void lk_restore_arm(int fd, const struct termios *modes, const char *bytes, size_t length);
void lk_restore_disarm(void);

#endif
