/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at a server and a role before any plan is run: what was found, why it matters, what to do, and what
 * of our work will therefore go well. It only reads. Blocking; on the session's thread. What the role may not
 * see is a finding as well.
 */
#ifndef LK_DOCTOR_DOCTOR_H
#define LK_DOCTOR_DOCTOR_H

#include "db/session.h"

/* In the order of how bad they are. */
enum lk_doctor_level {
	LK_DOCTOR_OK,
	LK_DOCTOR_NOTE,
	LK_DOCTOR_WARNING,
	LK_DOCTOR_PROBLEM,
	LK_DOCTOR_LEVELS
};

struct lk_finding {
	enum lk_doctor_level level;
	const char *check; /* name of the check, a constant */
	char *found;	   /* what is so; one sentence, text of the server in it NOT made safe */
	char *why;	   /* why that matters, "" for what is well */
	char *action;	   /* what to do, SQL ready to be run where it is SQL; "" nothing */
};

enum lk_verdict { LK_VERDICT_WORKS, LK_VERDICT_LIMITED, LK_VERDICT_FAILS };

/* Whether a family of operations will work, and the reason when not, or not quite. */
struct lk_ability {
	const char *family; /* a constant */
	enum lk_verdict verdict;
	char *reason; /* "" when it works */
};

/* What the checks have learnt and the abilities follow from. */
struct lk_doctor_facts {
	bool pooled, replica, too_old, index_corrupting;
	bool no_journal, no_tables, some_foreign_tables, no_schema;
	bool sees_little, cannot_signal, no_deadlock_timeout, no_replication_role;
	bool has_replicas, standby_gone, archiver_fails;
	bool held_up; /* transactions that DDL would wait for */
	bool keyless, row_security, broken_identity;
	bool read_only, no_triggers, statement_binlog, cluster, unread_replicas, backup_held;
	bool other_engines, locks_hidden;
};

struct lk_doctor {
	struct lk_session *session;
	const char *const *replicas; /* as given to lk_doctor_examine */
	const char *check;	     /* under way */
	struct lk_finding *findings;
	size_t count;
	struct lk_ability *abilities;
	size_t ability_count;
	struct lk_doctor_facts facts;
};

/* Runs every check; the findings are then sorted, problems first. `replicas` are URIs of replicas that the target's
 * settings list, NULL at the end, or NULL. False and *error (class LOST) only when the server is gone. Free it in
 * both cases. */
bool lk_doctor_examine(struct lk_session *session, const char *const *replicas,
		       struct lk_doctor *doctor, struct lk_error *error);
void lk_doctor_free(struct lk_doctor *doctor);
/* How many findings have this level. */
size_t lk_doctor_count(const struct lk_doctor *doctor, enum lk_doctor_level level);
/* "ok", "note", "warning", "problem"; "works", "limited", "fails". */
const char *lk_doctor_level_name(enum lk_doctor_level level);
const char *lk_verdict_name(enum lk_verdict verdict);

/* For the checks: a finding of the check under way; the caller fills why and action with the next two, before
 * the next finding is added. */
struct lk_finding *lk_doctor_find(struct lk_doctor *doctor, enum lk_doctor_level level,
				  const char *format, ...) __attribute__((format(printf, 3, 4)));
void lk_finding_why(struct lk_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void lk_finding_action(struct lk_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void lk_doctor_can(struct lk_doctor *doctor, const char *family, enum lk_verdict verdict,
		   const char *reason);

/* The engines' side. */
struct lk_doctor_ops {
	bool (*examine)(struct lk_doctor *doctor, struct lk_error *error);
};
extern const struct lk_doctor_ops lk_pg_doctor, lk_my_doctor;

#endif
