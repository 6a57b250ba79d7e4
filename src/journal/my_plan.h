/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan of a run in the journal: written when it begins, replaced by a mended one, read by who takes over. */
#ifndef LK_JOURNAL_MY_PLAN_H
#define LK_JOURNAL_MY_PLAN_H

#include "journal/journal.h"

/* As their namesakes in journal.h. */
__typeof__(lk_journal_create) lk_my_journal_create;
__typeof__(lk_journal_replace) lk_my_journal_replace;

#endif
