/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of `lockkeeper history` share. */
#ifndef LK_CLI_HISTORY_H
#define LK_CLI_HISTORY_H

#include "journal/journal.h"

struct lk_history {
	struct lk_session *session;
	const char *target; /* as given; NULL: the only one of the settings */
	bool json, plan;
	bool prune, dry_run, all;
	int64_t older_than_ms; /* 0: any age */
	char **runs;	       /* named on the command line */
	size_t run_count;
};

/* `history --prune`: yields an exit status, everything printed. */
int lk_history_prune(const struct lk_history *history);

/* "3m 20s" of milliseconds; size at least 16. */
void lk_history_duration(int64_t ms, char *text, size_t size);
/* One run as a JSON object with the members that all forms of `history --json` begin with. */
json_t *lk_history_json(const struct lk_journal_run *run);

#endif
