/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this folder share; not for others. */
#ifndef LK_PLAN_PARTS_H
#define LK_PLAN_PARTS_H

#include "base/yaml.h"
#include "plan/model.h"

/* More steps than this do not fit a run's screen and journal. */
enum { LK_MOST_STEPS = 40, LK_MOST_OPERATIONS = 8, LK_MOST_COLUMNS = 32, LK_NAME_LENGTH = 48 };

#define LK_VERB_BIT(verb) (1u << (verb))

/* A text member of struct lk_step: in which verbs it may and in which it must be there. */
struct lk_step_field {
	const char *name;
	size_t offset;
	unsigned allowed, required; /* LK_VERB_BIT */
};

/* Ends with a NULL name. */
extern const struct lk_step_field lk_step_fields[];
extern const char *const lk_phase_words[]; /* in the order of enum lk_phase, NULL-terminated */
extern const char *const lk_verb_words[];

/* The members of operations: what they hold, and in which operations they may and must be there. */
enum lk_member {
	LK_MEMBER_TABLE,    /* char *: a name or schema.name */
	LK_MEMBER_COLUMN,   /* char *: one name */
	LK_MEMBER_TYPE,	    /* char *: a type as DDL writes it */
	LK_MEMBER_SQL,	    /* char *: an expression */
	LK_MEMBER_ACTION,   /* char *: one of lk_reference_actions */
	LK_MEMBER_COLUMNS,  /* struct lk_names */
	LK_MEMBER_ELEMENTS, /* struct lk_names: of an index, names or expressions */
	LK_MEMBER_FLAG,	    /* bool */
};
struct lk_operation_field {
	const char *name;
	enum lk_member member;
	size_t offset;
	unsigned allowed, required; /* bits of enum lk_operation_kind */
};
/* Ends with a NULL name. */
extern const struct lk_operation_field lk_operation_fields[];
extern const char *const lk_operation_words[]; /* in the order of enum lk_operation_kind */
extern const char *const lk_reference_actions[];
bool lk_operation_has(enum lk_operation_kind kind, const struct lk_operation_field *field);

/* The member's place in an operation, as the type that lk_member says. */
static inline void *lk_operation_at(const struct lk_operation *operation,
				    const struct lk_operation_field *field)
{
	return (char *)(size_t)operation + field->offset;
}
static inline bool lk_member_is_text(enum lk_member member)
{
	return member <= LK_MEMBER_ACTION;
}
static inline bool lk_member_is_list(enum lk_member member)
{
	return member == LK_MEMBER_COLUMNS || member == LK_MEMBER_ELEMENTS;
}

static inline char **lk_step_text(const struct lk_step *step, const struct lk_step_field *field)
{
	return (char **)((char *)(size_t)step + field->offset);
}

/* "ddl-3": the name of the step at index when it has none. The caller's. */
char *lk_step_default_name(const struct lk_plan *plan, size_t index);

/* Members that are not given are left out. The caller owns the reference. */
json_t *lk_step_to_json(const struct lk_step *step);
json_t *lk_operation_to_json(const struct lk_operation *operation);

/* A plan's or step's name: letters, digits, '-', '_' and '.', so that it can stand in a command
 * line. */
bool lk_name_is_good(const char *name);
/* table, schema.table, "my schema"."my table". */
bool lk_table_is_good(const char *table);
bool lk_column_is_good(const char *column);

/* The parts of the file reader; each complains to the reader and goes on. */
void lk_plan_read_operations(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			     struct lk_plan *plan);
void lk_plan_read_steps(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			struct lk_plan *plan);
/* A copy of a table's or column's name, or NULL and a problem. */
char *lk_plan_read_table(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node);
char *lk_plan_read_column(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			  const char *what);
/* An expression that may stand in a statement of ours; `what` is its key. A copy, or NULL and a problem. */
char *lk_plan_read_expression(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			      const char *what);
/* A type as DDL writes it. */
char *lk_plan_read_type(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node);
/* Rules between steps: names, order, what needs what. */
void lk_plan_check_order(const struct lk_yaml_reader *reader, const struct lk_plan *plan);

#endif
