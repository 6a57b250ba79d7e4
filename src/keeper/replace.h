/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `run --replace RUN`: a mended plan takes the place of an unfinished run's own. What is finished must be
 * the same in both and stays finished; the step under way begins again, its leftovers undone first when it
 * differs; approvals, which are bound to the digest, are asked again.
 *
 * The command line calls lk_replacement_find to refuse early; the new keeper calls both, once it holds the
 * run. Blocking; on the session's thread.
 */
#ifndef LK_KEEPER_REPLACE_H
#define LK_KEEPER_REPLACE_H

#include "journal/journal.h"
#include "step/step.h"

struct lk_replacement {
	struct lk_journal_run run;     /* as the journal has it */
	struct lk_plan before, after;  /* both completed */
	struct lk_journal_step *steps; /* of `before` */
	size_t finished;	       /* so many steps, from the first on, are done */
	bool resumes;	      /* the step under way is the same in both: it goes on where it is */
	char difference[300]; /* in one line */
};

/*
 * Reads the run and the file and decides; changes nothing. Class PLAN when the file is wrong, USAGE when the
 * target has no such run, REFUSED with the reason when the plan cannot take it over. Free it in both cases.
 */
bool lk_replacement_find(struct lk_session *session, const char *run, const char *plan_file,
			 struct lk_replacement *replacement, struct lk_error *error);
/*
 * Takes the leftovers back and writes the new plan, with the event that tells who did it. `run` has the
 * session, the run's name, the epoch, pace and say; its plan and number are set here.
 */
bool lk_replacement_carry_out(const struct lk_replacement *replacement,
			      const struct lk_step_run *run, const char *who,
			      struct lk_error *error);
void lk_replacement_free(struct lk_replacement *replacement);

#endif
