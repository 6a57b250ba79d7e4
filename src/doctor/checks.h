/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the checks of every engine share. */
#ifndef LK_DOCTOR_CHECKS_H
#define LK_DOCTOR_CHECKS_H

#include "doctor/doctor.h"

typedef void lk_doctor_judge(struct lk_doctor *doctor, const struct lk_result *rows);

/* Judges the rows of a query; what cannot be looked at is said, and nothing follows from it. False and *error
 * (class LOST) only when the server is gone. */
bool lk_doctor_look(struct lk_doctor *doctor, const char *query, lk_doctor_judge *judge,
		    struct lk_error *error);
/* Says that the check under way could not look, for this reason; false when the server is gone. */
bool lk_doctor_unseen(struct lk_doctor *doctor, const struct lk_error *error);

/* Findings of one kind are told of one by one up to this many; the rest is counted. */
enum { LK_DOCTOR_MOST_ROWS = 5 };
/* Tells how many rows there were beyond LK_DOCTOR_MOST_ROWS, at this level; nothing when there were none. */
void lk_doctor_and_more(struct lk_doctor *doctor, enum lk_doctor_level level,
			const struct lk_result *rows, const char *what);

/* Unfinished runs: run, plan, state, reason, whether it has a keeper, who that is, clean-up SQL. */
void lk_doctor_judge_runs(struct lk_doctor *doctor, const struct lk_result *rows);
/* How many runs ended more than 30 days ago. */
void lk_doctor_judge_old_runs(struct lk_doctor *doctor, const struct lk_result *rows);

/* "12 s", "3 min", "5 h": the unit, and how many of it. */
const char *lk_doctor_unit(double seconds, double *value);

/* True with the free bytes of the file system that a folder of the server is on, when that is this host. */
bool lk_doctor_free_bytes(const struct lk_doctor *doctor, const char *folder, double *bytes);

#endif
