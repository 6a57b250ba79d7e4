/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verbs that reach a run from any host: through the journal in its target. */
#ifndef LK_CLI_JOURNAL_VERB_H
#define LK_CLI_JOURNAL_VERB_H

#include <stdbool.h>

/* verb: status, pause, resume, abort, rollback, confirm (with a gate). run may be NULL when the journal
 * holds one unfinished run, or for pause (all of them). Yields an exit status, everything printed. */
int lk_journal_verb(const char *verb, const char *run, const char *gate, const char *target,
		    bool json);

#endif
