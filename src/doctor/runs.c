/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs in the journal. */
#include "doctor/checks.h"

/* Run, plan, state, reason, heartbeat's age in s, holder, clean-up SQL. */
void lk_doctor_judge_runs(struct lk_doctor *d, const struct lk_result *r)
{
	for (size_t i = 0; i < r->rows && i < LK_DOCTOR_MOST_ROWS; i++) {
		const char *run = lk_cell_text(r, i, 0), *cleanup = lk_cell_text(r, i, 6);
		bool alive = lk_cell_bool(r, i, 4);
		struct lk_finding *f = lk_doctor_find(
			d, alive ? LK_DOCTOR_NOTE : LK_DOCTOR_WARNING,
			"run %s of plan %s is unfinished: %s, %s %s", run, lk_cell_text(r, i, 1),
			lk_cell_text(r, i, 2), alive ? "kept by" : "without a keeper, the last was",
			lk_cell_text(r, i, 5));
		lk_finding_why(
			f,
			alive ? "it may hold tables that a new plan is about"
			      : "what it has begun stays half done until somebody goes on or back");
		if (alive)
			lk_finding_action(f, "lockkeeper status %s --target …", run);
		else if (cleanup[0])
			lk_finding_action(
				f,
				"lockkeeper resume %s or lockkeeper rollback %s (--target …); "
				"by hand: %s",
				run, run, cleanup);
		else
			lk_finding_action(
				f, "lockkeeper resume %s or lockkeeper rollback %s (--target …)",
				run, run);
	}
	lk_doctor_and_more(d, LK_DOCTOR_WARNING, r, "unfinished runs");
	if (r->rows == 0)
		lk_doctor_find(d, LK_DOCTOR_OK, "no run is unfinished");
}

void lk_doctor_judge_old_runs(struct lk_doctor *d, const struct lk_result *r)
{
	long long runs = lk_cell_int(r, 0, 0);
	if (runs == 0)
		return;
	struct lk_finding *f = lk_doctor_find(
		d, LK_DOCTOR_NOTE,
		"%lld run%s that ended more than 30 days ago %s still in the journal", runs,
		runs == 1 ? "" : "s", runs == 1 ? "is" : "are");
	lk_finding_why(f, "only room: the journal has all their events");
	lk_finding_action(f, "lockkeeper history --prune --older-than 30d --target …");
}
