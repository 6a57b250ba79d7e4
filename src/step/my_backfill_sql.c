/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_backfill_sql.h"

#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "step/my_expression.h"

/* Compared byte by byte: to a collation 'a' may be the same as 'A', or as 'a '. */
bool lk_my_compared_by_bytes(const char *type)
{
	static const char *const types[] = {"char",	"varchar", "tinytext", "text", "mediumtext",
					    "longtext", "enum",	   "set",      "json"};
	size_t length = strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	for (size_t i = 0; i < LK_COUNT(types); i++)
		if (strlen(types[i]) == length && strncasecmp(type, types[i], length) == 0)
			return true;
	return false;
}

/* Whether another assignment that is still to come reads what this one sets. */
static bool is_awaited(const struct lk_step *step, const bool *placed, size_t i)
{
	for (size_t k = 0; k < step->set_count; k++)
		if (k != i && !placed[k] &&
		    lk_my_reads(step->set[k].expression, step->set[i].column))
			return true;
	return false;
}

static bool put_in_order(const struct lk_step *step, size_t *order, struct lk_error *error)
{
	bool *placed = lk_alloc((step->set_count + 1) * sizeof *placed);
	for (size_t n = 0; n < step->set_count; n++) {
		size_t i = 0;
		while (i < step->set_count && (placed[i] || is_awaited(step, placed, i)))
			i++;
		if (i == step->set_count) {
			free(placed);
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"step %s sets columns from one another in a circle: MySQL and MariaDB work"
				" assignments out from left to right, each with the new values of those"
				" before it. Give each a backfill of its own, over a column in between",
				step->name);
		}
		placed[i] = true;
		order[n] = i;
	}
	free(placed);
	return true;
}

/* Those that the server would set to the time of the UPDATE. */
static bool add_unchanged(struct lk_session *session, const struct lk_table *table,
			  const struct lk_step *step, struct lk_buffer *out, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error,
		      "SELECT column_name FROM information_schema.columns WHERE table_schema = $1"
		      " AND table_name = $2 AND extra LIKE '%on update%' ORDER BY ordinal_position",
		      table->schema, table->name))
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		bool is_set = false;
		for (size_t k = 0; k < step->set_count; k++)
			is_set = is_set ||
				 strcasecmp(step->set[k].column, lk_cell_text(&r, i, 0)) == 0;
		char *name = session->driver->quote_name(lk_cell_text(&r, i, 0));
		if (!is_set)
			lk_buffer_addf(out, ", %s = %s", name, name);
		free(name);
	}
	lk_result_free(&r);
	return true;
}

static void add_difference(struct lk_buffer *out, const struct lk_column *column, const char *name,
			   const char *expression)
{
	if (column && lk_my_compared_by_bytes(column->type))
		lk_buffer_addf(out, "NOT (CAST(%s AS BINARY) <=> CAST((%s) AS BINARY))", name,
			       expression);
	else
		lk_buffer_addf(out, "NOT (%s <=> (%s))", name, expression);
}

bool lk_my_backfill_parts(struct lk_session *session, const struct lk_table *table,
			  const struct lk_step *step, char **set, char **differs,
			  struct lk_error *error)
{
	struct lk_buffer head = {0}, tail = {0};
	size_t *order = lk_alloc((step->set_count + 1) * sizeof *order);
	bool made = put_in_order(step, order, error);
	lk_buffer_addf(&head, "UPDATE %s FORCE INDEX (%s) SET ", table->sql, table->key.index);
	if (step->where)
		lk_buffer_addf(&tail, " AND (%s)", step->where);
	/* Rows that the dual write has made equal already need no second version. */
	lk_buffer_add(&tail, " AND (");
	for (size_t n = 0; made && n < step->set_count; n++) {
		const struct lk_assignment *a = &step->set[order[n]];
		char *name = session->driver->quote_name(a->column);
		lk_buffer_addf(&head, "%s%s = (%s)", n ? ", " : "", name, a->expression);
		lk_buffer_add(&tail, n ? " OR " : "");
		add_difference(&tail, lk_table_column(table, a->column), name, a->expression);
		free(name);
	}
	lk_buffer_add(&tail, ")");
	made = made && add_unchanged(session, table, step, &head, error);
	free(order);
	*set = made ? lk_buffer_take(&head) : NULL;
	*differs = made ? lk_buffer_take(&tail) : NULL;
	lk_buffer_free(&head);
	lk_buffer_free(&tail);
	return made;
}
