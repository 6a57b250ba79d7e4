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
	LK_VERB_SQL,
	LK_VERB_SWAP_COLUMNS,
	LK_VERBS
};

enum lk_gate_kind { LK_GATE_ASK, LK_GATE_NONE };

struct lk_assignment {
	char *column;	  /* exact name */
	char *expression; /* SQL over the row */
};

struct lk_step {
	enum lk_phase phase;
	enum lk_verb verb;
	char *name; /* unique in the plan; given, or made from verb and number: "ddl-3" */
	/* ddl, sql: statements that take it back, each in a transaction of its own and each fit to be carried
	 * out twice (of sql: all in one transaction). gate: the question it asks on the way back. NULL none. */
	char *undo;
	char *destroys;	  /* NULL, or "data" */
	int line, column; /* in the file, from 1; 0 when derived */
	bool phase_entry; /* the gate in front of a phase; added by lk_plan_complete, not in files */

	/* ddl: one statement.  sql: statements for one transaction.  verify: none.  gate: ask (with needed), or
	 * none. */
	char *sql;
	/* dual_write, backfill, end_dual_write, swap_columns */
	char *table;
	/* dual_write: the two columns, and the column whose definition the new one copies.
	 * end_dual_write: from is the column that goes away, by the name it has then.
	 * swap_columns: the two columns of a dual write, which exchange their names. */
	char *from, *to, *like;
	/* dual_write, all NULL when the two hold the same: the new column's type, and expressions over the row
	 * for the new column's value and (back) for the old one's. */
	char *type, *forth, *back;
	/* backfill */
	struct lk_assignment *set;
	size_t set_count;
	char *where;	/* NULL: every row */
	char *on_error; /* "stop" or "skip" (rows that fail go to lockkeeper.reject); NULL: stop */
	char *triggers; /* "fire" or "skip": the application's, for the backfill's own updates; NULL: fire */
	/* gate */
	enum lk_gate_kind gate;
	char *ask;  /* the question; for a check NULL */
	int needed; /* approvals by different people: 1 or 2 */
};

enum lk_operation_kind {
	LK_OPERATION_ADD_COLUMN,
	LK_OPERATION_DROP_COLUMN,
	LK_OPERATION_RENAME_COLUMN,
	LK_OPERATION_CHANGE_TYPE,
	LK_OPERATION_SET_NOT_NULL,
	LK_OPERATION_DROP_NOT_NULL,
	LK_OPERATION_SET_DEFAULT,
	LK_OPERATION_ADD_INDEX,
	LK_OPERATION_DROP_INDEX,
	LK_OPERATION_ADD_CHECK,
	LK_OPERATION_ADD_FOREIGN_KEY,
	LK_OPERATION_ADD_UNIQUE,
	LK_OPERATION_DROP_CONSTRAINT,
	LK_OPERATION_RENAME_TABLE,
	LK_OPERATIONS
};

struct lk_names {
	char **list;
	size_t count;
};

struct lk_alternative;

/* What is wanted. Which members an operation has, and which it must have, is in lk_operation_fields; the
 * others are NULL, empty or false. */
struct lk_operation {
	enum lk_operation_kind kind;
	int line, column_number; /* in the file, from 1 */
	char *table;		 /* of drop_index NULL */
	char *column;		 /* the column that is added, dropped, changed */
	char *from;		 /* rename_column */
	char *to; /* the new name: rename_column, rename_table; change_type, where it may be NULL */
	char *type;	   /* add_column, change_type: as DDL writes it */
	char *default_sql; /* add_column, set_default: an expression */
	char *fill; /* set_not_null: an expression for the rows that hold NULL; drop_not_null and
			    * drop_column: the same, on the way back */
	char *forth,
		*back; /* change_type: expressions over the row, new value from old and old from new */
	char *name; /* of the index or constraint, "schema.index" for drop_index; may be NULL when adding */
	char *method;		     /* add_index: btree, gin, …; NULL btree */
	char *where;		     /* add_index: a condition */
	char *check;		     /* add_check: the condition */
	char *references;	     /* add_foreign_key: the other table */
	char *on_delete, *on_update; /* add_foreign_key: "cascade", "set null", …; NULL no action */
	struct lk_names columns;     /* names; of add_index also expressions and "name DESC" */
	struct lk_names include;     /* add_index */
	struct lk_names referenced; /* add_foreign_key: empty: the other table's primary key */
	bool not_null;		    /* add_column */
	bool unique;		    /* add_index */
	bool primary_key;	    /* add_unique */
	/* Texts that differ by engine (plan/alternative.h); none once one was chosen of each. */
	struct lk_alternative *alternatives;
	size_t alternative_count;
};

/* 0 means: not given, use the settings' or the built-in default. */
struct lk_limits {
	int64_t lag_ms;	      /* default 2,000 */
	int64_t lock_wait_ms; /* default 100: sessions that wait for us longer than this hold us back */
	int64_t chunk_time_ms; /* default 100 */
	int running;	       /* default 50 active sessions */
	int64_t history;       /* default 1,000,000 undo logs of InnoDB that wait for purge */
	char *probe;	       /* SQL whose time is watched; NULL none */
	int64_t probe_ms;      /* its limit; default 50 */
};

struct lk_plan {
	char *file; /* as given, "" for a plan out of the journal */
	char *name, *why;
	char *target; /* a name from the settings or a URI; NULL when not given */
	char *release_old, *release_new; /* NULL when not given */
	struct lk_operation *operations;
	size_t operation_count;
	struct lk_step *steps; /* in order of execution */
	size_t step_count;
	struct lk_limits limits;
	struct lk_names
		replicas; /* URIs of replicas that the target does not tell of (plan/replicas.h) */
};

void lk_plan_free(struct lk_plan *plan);
/* Frees the texts; the list is then empty. */
void lk_names_free(struct lk_names *names);
/* A copy, the caller's. */
struct lk_names lk_names_copy(const struct lk_names *names);
/* A new zeroed step at the end of the list, with phase and verb set. */
struct lk_step *lk_plan_add_step(struct lk_plan *plan, enum lk_phase phase, enum lk_verb verb);
/* Puts the entry gate in front of each phase that has steps (names "expand", "migrate", "contract")
 * and names steps that have none. To be called once, after reading a long form or deriving. */
void lk_plan_complete(struct lk_plan *plan);
/* The index of a step by name, or -1. */
int lk_plan_find_step(const struct lk_plan *plan, const char *name);

/* Whether the dual write that step `dual` begins is still there when step `at` begins, and what its two
 * columns, the old one first, are called then (they may have been swapped; borrowed from the plan). */
bool lk_plan_dual_write(const struct lk_plan *plan, size_t dual, size_t at, const char *columns[2]);

/* The dual_write that the end_dual_write at `end` ends; NULL when there is none. */
const struct lk_step *lk_plan_ended_dual_write(const struct lk_plan *plan, size_t end);

const char *lk_phase_name(enum lk_phase phase);
const char *lk_verb_name(enum lk_verb verb);
const char *lk_operation_name(enum lk_operation_kind kind);
/* One line for people: "backfill users.user_handle from username". The caller's. */
char *lk_step_summary(const struct lk_step *step);
/* Likewise: "rename users.username to user_handle", "change orders.amount to numeric(14,2)". The caller's. */
char *lk_operation_summary(const struct lk_operation *operation);

/* The whole plan as JSON and back (for the journal; positions in the file are not kept). */
json_t *lk_plan_to_json(const struct lk_plan *plan);
bool lk_plan_from_json(const json_t *object, struct lk_plan *plan, struct lk_error *error);
/* The long form as YAML, without entry gates: what `explain` prints and what can be run again. The caller's. */
char *lk_plan_to_yaml(const struct lk_plan *plan);
/* SHA-256, in hex, of the long form without target, why, limits and positions: approvals are bound to it. */
void lk_plan_digest(const struct lk_plan *plan, char digest[65]);

#endif
