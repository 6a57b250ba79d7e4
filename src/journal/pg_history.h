/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the journal remembers of runs, and how it forgets. */
#ifndef LK_JOURNAL_PG_HISTORY_H
#define LK_JOURNAL_PG_HISTORY_H

#include "journal/journal.h"

/* As their namesakes in journal.h. */
__typeof__(lk_journal_forget) lk_pg_journal_forget;
__typeof__(lk_journal_drop) lk_pg_journal_drop;

#endif
