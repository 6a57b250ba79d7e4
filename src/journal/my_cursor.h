/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a backfill is, and the rows that it left out. The contracts are those of journal.h. */
#ifndef LK_JOURNAL_MY_CURSOR_H
#define LK_JOURNAL_MY_CURSOR_H

#include "journal/journal.h"

__typeof__(lk_journal_cursor) lk_my_journal_cursor;
__typeof__(lk_journal_set_cursor) lk_my_journal_set_cursor;
__typeof__(lk_journal_forget_cursor) lk_my_journal_forget_cursor;
__typeof__(lk_journal_part) lk_my_journal_part;
__typeof__(lk_journal_reject) lk_my_journal_reject;
__typeof__(lk_journal_rejects) lk_my_journal_rejects;

#endif
