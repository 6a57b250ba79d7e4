/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_pair.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "catalog/identifier.h"
#include "catalog/my_catalog.h"
#include "step/my_dual_write_sql.h"

/* FNV-1a over texts with their ends. */
static uint64_t hash(uint64_t value, const char *text)
{
	do
		value = (value ^ (unsigned char)*text) * 1099511628211ULL;
	while (*text++);
	return value;
}

static char *trigger_name(const struct lk_table *table, const struct lk_step *step,
			  const char *event)
{
	bool straight = strcmp(step->from, step->to) < 0;
	uint64_t value = hash(14695981039346656037ULL, table->name);
	value = hash(value, straight ? step->from : step->to);
	value = hash(value, straight ? step->to : step->from);
	char *stem = lk_format("lockkeeper_%s", table->name);
	char *suffix = lk_format("_%08llx_%s", (unsigned long long)(value >> 32), event);
	char *name = lk_identifier_make(stem, suffix, LK_MY_NAME_LIMIT);
	free(suffix);
	free(stem);
	return name;
}

char *lk_my_pair_mark(const struct lk_step *dual_write, bool swapped)
{
	char *mark = lk_format("/* lockkeeper: %s is kept in step with %s */",
			       swapped ? dual_write->from : dual_write->to,
			       swapped ? dual_write->to : dual_write->from);
	/* A name must not end the comment. */
	for (char *p = mark + 2; p < mark + strlen(mark) - 2; p++)
		if (*p == '*')
			*p = '.';
	return mark;
}

char *lk_my_pair_trigger(struct lk_session *session, const struct lk_my_pair *pair,
			 const char *name)
{
	return lk_my_quoted_name(session, pair->table.schema, name);
}

static const struct lk_column *find(const struct lk_table *table, const char *name)
{
	return lk_table_column(table, name);
}

static void find_sides(struct lk_my_pair *pair)
{
	const struct lk_column *a = find(&pair->table, pair->step->from);
	const struct lk_column *b = find(&pair->table, pair->step->to);
	pair->swapped = a && b && a->number > b->number;
	pair->old_side = pair->swapped ? b : a;
	pair->new_side = pair->swapped ? a : b;
}

static bool read_text(struct lk_session *session, const struct lk_table *table,
		      const struct lk_column *column, struct lk_my_text *text,
		      struct lk_error *error)
{
	struct lk_result r;
	if (!column)
		return true;
	if (!LK_QUERY(session, &r, error,
		      "SELECT character_set_name, collation_name FROM information_schema.columns"
		      " WHERE table_schema = $1 AND table_name = $2 AND column_name = $3",
		      table->schema, table->name, column->name))
		return false;
	if (r.rows > 0 && lk_cell(&r, 0, 0) && lk_cell(&r, 0, 1)) {
		text->charset = lk_strdup(lk_cell(&r, 0, 0));
		text->collation = lk_strdup(lk_cell(&r, 0, 1));
	}
	lk_result_free(&r);
	return true;
}

static bool read_triggers(struct lk_session *session, struct lk_my_pair *pair,
			  struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error,
		      "SELECT trigger_name, event_manipulation, action_statement FROM"
		      " information_schema.triggers WHERE event_object_schema = $1 AND"
		      " event_object_table = $2 AND action_timing = 'BEFORE'"
		      " AND event_manipulation IN ('INSERT', 'UPDATE')"
		      " ORDER BY event_manipulation, action_order",
		      pair->table.schema, pair->table.name))
		return false;
	char *mark = lk_my_pair_mark(pair->step, pair->swapped);
	bool ours_was = true;
	pair->last = true;
	for (size_t i = 0; i < r.rows; i++) {
		bool insert = strcasecmp(lk_cell_text(&r, i, 1), "INSERT") == 0;
		const char *name = insert ? pair->insert_name : pair->update_name;
		bool ours = strcasecmp(lk_cell_text(&r, i, 0), name) == 0;
		bool is_last = i + 1 == r.rows ||
			       strcmp(lk_cell_text(&r, i, 1), lk_cell_text(&r, i + 1, 1)) != 0;
		if (ours)
			*(insert ? &pair->insert : &pair->update) =
				strstr(lk_cell_text(&r, i, 2), mark) ? LK_MY_TRIGGER_FITS
								     : LK_MY_TRIGGER_OTHER;
		ours_was = ours;
		/* Other dual writes of the table need not be behind this one. */
		if (is_last && !ours_was &&
		    strncasecmp(lk_cell_text(&r, i, 0), "lockkeeper_", 11) != 0)
			pair->last = false;
	}
	free(mark);
	lk_result_free(&r);
	return true;
}

/* A default alone does not tell whose it is: the table's own may look like ours. Without a journal none is ours. */
static bool read_lent(struct lk_session *session, struct lk_my_pair *pair, struct lk_error *error)
{
	enum { NO_DATABASE = 1049, NO_SUCH_TABLE = 1146 };
	struct lk_result r;
	if (!pair->old_side || !pair->new_side || !pair->old_side->default_sql)
		return true;
	char *cleanup = lk_my_dual_write_cleanup(session, pair, true);
	bool read = LK_QUERY(session, &r, error,
			     "SELECT 1 FROM lockkeeper.cleanup WHERE run = $1 AND `sql` = $2",
			     session->run, cleanup);
	free(cleanup);
	pair->lent = read && r.rows > 0;
	lk_result_free(&r);
	if (!read && (error->number == NO_DATABASE || error->number == NO_SUCH_TABLE)) {
		lk_error_clear(error);
		read = true;
	}
	return read;
}

bool lk_my_pair_read(struct lk_session *session, const struct lk_step *dual_write,
		     struct lk_my_pair *pair, struct lk_error *error)
{
	*pair = (struct lk_my_pair){.step = dual_write};
	if (!lk_catalog_table(session, dual_write->table, &pair->table, error))
		return false;
	find_sides(pair);
	pair->insert_name = trigger_name(&pair->table, dual_write, "insert");
	pair->update_name = trigger_name(&pair->table, dual_write, "update");
	return read_text(session, &pair->table, pair->old_side, &pair->old_text, error) &&
	       read_text(session, &pair->table, pair->new_side, &pair->new_text, error) &&
	       read_triggers(session, pair, error) && read_lent(session, pair, error);
}

void lk_my_pair_free(struct lk_my_pair *pair)
{
	lk_table_free(&pair->table);
	free(pair->old_text.charset);
	free(pair->old_text.collation);
	free(pair->new_text.charset);
	free(pair->new_text.collation);
	free(pair->insert_name);
	free(pair->update_name);
	*pair = (struct lk_my_pair){0};
}

void lk_my_add_same(struct lk_buffer *out, bool text, const char *a, const char *b)
{
	if (text)
		lk_buffer_addf(out, "(CAST(%s AS BINARY) <=> CAST(%s AS BINARY))", a, b);
	else
		lk_buffer_addf(out, "(%s <=> %s)", a, b);
}
