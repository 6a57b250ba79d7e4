/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this folder share; not for others. */
#ifndef LK_PLAN_PARTS_H
#define LK_PLAN_PARTS_H

#include "base/yaml.h"
#include "plan/model.h"

/* More steps than this do not fit a run's screen and journal. */
enum { LK_MOST_STEPS = 40, LK_MOST_OPERATIONS = 8, LK_NAME_LENGTH = 48 };

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
/* Rules between steps: names, order, what needs what. */
void lk_plan_check_order(const struct lk_yaml_reader *reader, const struct lk_plan *plan);

#endif
