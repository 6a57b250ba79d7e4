/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A backfill in words, and what would make it fail, before it begins. */
#include <string.h>

#include "base/memory.h"
#include "step/backfill.h"

/* Whether an earlier step of the plan may bring the column: then it need not be there yet. */
static bool is_made_before(const struct lk_plan *plan, size_t number, const char *column)
{
	const struct lk_step *backfill = &plan->steps[number];
	for (size_t i = 0; i < number; i++) {
		const struct lk_step *step = &plan->steps[i];
		if (step->verb == LK_VERB_DUAL_WRITE && strcmp(step->table, backfill->table) == 0 &&
		    strcmp(step->to, column) == 0)
			return true;
		if ((step->verb == LK_VERB_DDL || step->verb == LK_VERB_SQL) &&
		    strstr(step->sql, column))
			return true;
	}
	return false;
}

const char *lk_backfill_undo_text(const struct lk_plan *plan, size_t number)
{
	const struct lk_step *step = &plan->steps[number];
	for (size_t i = 0; i < step->set_count; i++)
		if (!is_made_before(plan, number, step->set[i].column))
			return "what was filled in stays";
	return "the values go with the column";
}

/* What an expression speaks of may be what an earlier step makes. */
static bool changes_schema_before(const struct lk_plan *plan, size_t number)
{
	for (size_t i = 0; i < number; i++)
		if (plan->steps[i].verb != LK_VERB_GATE && plan->steps[i].verb != LK_VERB_VERIFY &&
		    plan->steps[i].verb != LK_VERB_BACKFILL)
			return true;
	return false;
}

/* What describe has found out. */
struct survey {
	const struct lk_backfill_ops *ops;
	struct lk_session *session;
	const struct lk_plan *plan;
	size_t number;
	struct lk_table root;
	size_t leaves;
	int64_t rows;
	char key[128]; /* of the first */
};

/* The dual_write that makes a column before this step, or NULL. */
static const struct lk_step *maker(const struct survey *s, const char *column)
{
	const struct lk_step *backfill = &s->plan->steps[s->number];
	for (size_t i = 0; i < s->number; i++) {
		const struct lk_step *step = &s->plan->steps[i];
		if (step->verb == LK_VERB_DUAL_WRITE && strcmp(step->table, backfill->table) == 0 &&
		    strcmp(step->to, column) == 0)
			return step;
	}
	return NULL;
}

/* A column that a dual_write will have made: its type decides how values are compared. */
static void add_coming_columns(const struct survey *s, struct lk_table *table)
{
	const struct lk_step *backfill = &s->plan->steps[s->number];
	for (size_t i = 0; i < backfill->set_count; i++) {
		const char *name = backfill->set[i].column;
		const struct lk_step *dual = maker(s, name);
		const struct lk_column *like = dual ? lk_table_column(table, dual->like) : NULL;
		if (!like || lk_table_column(table, name))
			continue;
		const char *type = dual->type ? dual->type : like->type;
		struct lk_column coming = {.name = lk_strdup(name),
					   .sql = s->session->driver->quote_name(name),
					   .type = lk_strdup(type),
					   .comparable = !dual->type && like->comparable};
		*LK_PUSH(table->columns, table->column_count) = coming;
	}
}

static bool survey_leaf(struct survey *s, const struct lk_leaf *leaf, struct lk_step_text *text,
			struct lk_error *error)
{
	struct lk_table table;
	const struct lk_step *step = &s->plan->steps[s->number];
	if (leaf->foreign)
		return lk_backfill_refuse_foreign(&s->root, leaf, error);
	if (!lk_catalog_table(s->session, leaf->sql, &table, error))
		return false;
	bool good = s->ops->check_leaf(s->session, step, &table, error);
	if (good && s->leaves == 0) {
		add_coming_columns(s, &table);
		char *sql = s->ops->statement(s->session, step, &s->root, &table,
					      !changes_schema_before(s->plan, s->number), error);
		good = sql != NULL;
		LK_COPY(text->statement, sql ? sql : "");
		LK_COPY(s->key, table.key.index);
		free(sql);
	}
	s->leaves++;
	s->rows += leaf->rows > 0 ? leaf->rows : 0;
	lk_table_free(&table);
	return good;
}

static bool survey(struct survey *s, struct lk_step_text *text, struct lk_error *error)
{
	struct lk_leaf *leaves;
	size_t count;
	const struct lk_step *step = &s->plan->steps[s->number];
	if (!s->ops->check_table(s->session, step, &s->root, error))
		return false;
	for (size_t i = 0; i < step->set_count; i++)
		if (!is_made_before(s->plan, s->number, step->set[i].column) &&
		    !lk_table_need_column(&s->root, step->set[i].column, error))
			return false;
	if (!lk_catalog_leaves(s->session, &s->root, &leaves, &count, error))
		return false;
	bool good = true;
	for (size_t i = 0; good && i < count; i++)
		good = survey_leaf(s, &leaves[i], text, error);
	lk_leaves_free(leaves, count);
	return good;
}

bool lk_backfill_describe(const struct lk_backfill_ops *ops, struct lk_session *session,
			  const struct lk_plan *plan, size_t number, struct lk_step_text *text,
			  struct lk_error *error)
{
	struct survey s = {.ops = ops, .session = session, .plan = plan, .number = number};
	if (!lk_catalog_table(session, plan->steps[number].table, &s.root, error))
		return false;
	bool described = survey(&s, text, error);
	char *lock = ops->lock(&s.root, s.leaves > 1);
	char *cost =
		lk_format("a new version of about %lld rows, in chunks by %s%s", (long long)s.rows,
			  s.key, s.root.unlogged ? "; the table is unlogged" : "");
	LK_COPY(text->lock, lock);
	LK_COPY(text->cost, cost);
	free(lock);
	free(cost);
	LK_COPY(text->undo, lk_backfill_undo_text(plan, number));
	lk_table_free(&s.root);
	return described;
}
