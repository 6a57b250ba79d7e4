/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plan in memory: one change, as operations (short form, intent) or as steps (long form). Deriving
 * steps from operations needs a server and is done in operation/; everything here is plain data.
 *
 * All strings are owned by the plan, UTF-8, never NULL unless said so. Names of tables and columns are
 * exact (not folded to lower case); a table may be "schema.table" with either part double-quoted.
 */
#ifndef LK_PLAN_MODEL_H
#define LK_PLAN_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum lk_phase { LK_EXPAND, LK_MIGRATE, LK_CONTRACT, LK_PHASES };

enum lk_verb {
	LK_VERB_GATE,
	LK_VERB_DDL,
	LK_VERB_DUAL_WRITE,
	LK_VERB_BACKFILL,
	LK_VERB_VERIFY,
	LK_VERB_END_DUAL_WRITE,
	LK_VERBS
};

enum lk_gate_kind { LK_GATE_ASK, LK_GATE_NONE };

struct lk_assignment {
	char *column;     /* exact name */
	char *expression; /* SQL over the row */
};

struct lk_step {
	enum lk_phase phase;
	enum lk_verb verb;
	char *name;         /* unique in the plan; given, or made from verb and number: "ddl-3" */
	char *undo;         /* SQL that takes a ddl back, or the question a gate asks on the way back; NULL none */
	char *destroys;     /* NULL, or "data" */
	int line, column;   /* in the file, from 1; 0 when derived */
	bool phase_entry;   /* the gate in front of a phase; added by lk_plan_complete, not in files */

	/* ddl: sql.  verify: none.  gate: ask (with needed), or none. */
	char *sql;
	/* dual_write, backfill, end_dual_write */
	char *table;
	/* dual_write: the two columns, and the column whose definition the new one copies.
	 * end_dual_write: from is the column that goes away. */
	char *from, *to, *like;
	/* backfill */
	struct lk_assignment *set;
	size_t set_count;
	char *where;        /* NULL: every row */
	/* gate */
	enum lk_gate_kind gate;
	char *ask;          /* the question; for a check NULL */
	int needed;         /* approvals by different people: 1 or 2 */
};

enum lk_operation_kind { LK_OPERATION_RENAME_COLUMN };

struct lk_operation {
	enum lk_operation_kind kind;
	char *table, *from, *to;
	int line, column;
};

/* 0 means: not given, use the settings' or the built-in default. */
struct lk_limits {
	int64_t lag_ms;        /* default 2,000 */
	int64_t lock_wait_ms;  /* default 100: sessions that wait for us longer than this hold us back */
	int64_t chunk_time_ms; /* default 100 */
	int running;           /* default 50 active sessions */
	char *probe;           /* SQL whose time is watched; NULL none */
	int64_t probe_ms;      /* its limit; default 50 */
};

struct lk_plan {
	char *file;            /* as given, "" for a plan out of the journal */
	char *name, *why;
	char *target;          /* a name from the settings or a URI; NULL when not given */
	char *release_old, *release_new; /* NULL when not given */
	struct lk_operation *operations;
	size_t operation_count;
	struct lk_step *steps; /* in order of execution */
	size_t step_count;
	struct lk_limits limits;
};

void lk_plan_free(struct lk_plan *plan);
/* A new zeroed step at the end of the list, with phase and verb set. */
struct lk_step *lk_plan_add_step(struct lk_plan *plan, enum lk_phase phase, enum lk_verb verb);
/* Puts the entry gate in front of each phase that has steps (names "expand", "migrate", "contract")
 * and names steps that have none. To be called once, after reading a long form or deriving. */
void lk_plan_complete(struct lk_plan *plan);
/* The index of a step by name, or -1. */
int lk_plan_find_step(const struct lk_plan *plan, const char *name);

const char *lk_phase_name(enum lk_phase phase);
const char *lk_verb_name(enum lk_verb verb);
/* One line for people: "backfill users.user_handle from username". The caller's. */
char *lk_step_summary(const struct lk_step *step);

/* The whole plan as JSON and back (for the journal; positions in the file are not kept). */
json_t *lk_plan_to_json(const struct lk_plan *plan);
bool lk_plan_from_json(const json_t *object, struct lk_plan *plan, struct lk_error *error);
/* The long form as YAML, without entry gates: what `explain` prints and what can be run again. The caller's. */
char *lk_plan_to_yaml(const struct lk_plan *plan);
/* SHA-256, in hex, of the long form without target, why, limits and positions: approvals are bound to it. */
void lk_plan_digest(const struct lk_plan *plan, char digest[65]);

#endif
