/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers, times and ages as text, the same in every locale. Each writes into `text` and yields it.
 */
#ifndef LK_UI_FORMAT_H
#define LK_UI_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum { LK_SHORT = 32 }; /* long enough for every one of these */

/* 12,004,118 */
char *lk_show_number(int64_t value, char text[LK_SHORT]);
/* A duration: <1s, 2.6s, 41s, 14m02s, 3h05m, 2d04h; "----" when negative (unknown). */
char *lk_show_age(double milliseconds, char text[LK_SHORT]);
/* A measured time: 0.4 ms, 88 ms, 2.6 s. */
char *lk_show_time(double milliseconds, char text[LK_SHORT]);
/* A time of day in UTC: 14:07:31Z; "-" when 0. */
char *lk_show_clock(int64_t wall_ms, char text[LK_SHORT]);
/* Without the seconds: 14:39. */
char *lk_show_minute(int64_t wall_ms, char text[LK_SHORT]);
/* How long a state has lasted, in fixed width: 00:03:12. */
char *lk_show_span(int64_t milliseconds, char text[LK_SHORT]);

#endif
