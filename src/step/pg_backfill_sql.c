/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_backfill_sql.h"

#include "base/buffer.h"
#include "base/memory.h"

static void add_key(struct lk_buffer *out, const struct lk_table *table, const char *after)
{
	for (size_t i = 0; i < table->key.count; i++)
		lk_buffer_addf(out, "%s%s%s", i ? ", " : "", table->key.sql[i], after);
}

/* "(a, b) <= ($1::int, $2::text)" */
static void add_comparison(struct lk_buffer *out, const struct lk_table *table,
			   const char *operator, size_t first)
{
	lk_buffer_add(out, "(");
	add_key(out, table, "");
	lk_buffer_addf(out, ") %s (", operator);
	for (size_t i = 0; i < table->key.count; i++)
		lk_buffer_addf(out, "%s$%zu::%s", i ? ", " : "", first + i, table->key.types[i]);
	lk_buffer_add(out, ")");
}

static void add_range(struct lk_buffer *out, const struct lk_table *table, bool has_low)
{
	lk_buffer_add(out, " WHERE ");
	add_comparison(out, table, "<=", 1);
	if (has_low) {
		lk_buffer_add(out, " AND ");
		add_comparison(out, table, ">", table->key.count + 1);
	}
}

char *lk_pg_backfill_begin_sql(int64_t lock_wait_ms, const char *role)
{
	struct lk_buffer out = {0};
	lk_buffer_addf(
		&out,
		"BEGIN; SET LOCAL lockkeeper.backfill = 'on'; SET LOCAL lock_timeout = '%lldms';"
		" SET LOCAL row_security = off; SET LOCAL enable_seqscan = off;"
		" SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off",
		(long long)lock_wait_ms);
	if (role)
		lk_buffer_addf(&out, "; SET LOCAL session_replication_role = %s", role);
	return lk_buffer_take(&out);
}

char *lk_pg_backfill_last_sql(const struct lk_table *table)
{
	struct lk_buffer out = {0};
	lk_buffer_add(&out, "SELECT ");
	add_key(&out, table, "");
	lk_buffer_addf(&out, " FROM ONLY %s ORDER BY ", table->sql);
	add_key(&out, table, " DESC");
	lk_buffer_add(&out, " LIMIT 1");
	return lk_buffer_take(&out);
}

char *lk_pg_backfill_nth_sql(const struct lk_table *table, bool has_low, int64_t n)
{
	struct lk_buffer out = {0};
	lk_buffer_add(&out, "SELECT ");
	add_key(&out, table, "");
	lk_buffer_addf(&out, " FROM ONLY %s", table->sql);
	add_range(&out, table, has_low);
	lk_buffer_add(&out, " ORDER BY ");
	add_key(&out, table, "");
	lk_buffer_addf(&out, " OFFSET %lld LIMIT 1", (long long)n - 1);
	return lk_buffer_take(&out);
}

char *lk_pg_backfill_count_sql(const struct lk_table *table, bool has_low)
{
	struct lk_buffer out = {0};
	lk_buffer_addf(&out, "SELECT count(*) FROM ONLY %s", table->sql);
	add_range(&out, table, has_low);
	return lk_buffer_take(&out);
}

char *lk_pg_backfill_update_sql(struct lk_session *session, const struct lk_table *root,
				const struct lk_table *table, const struct lk_step *step,
				bool has_low)
{
	struct lk_buffer out = {0}, differs = {0};
	bool comparable = true;
	lk_buffer_addf(&out, "UPDATE ONLY %s", table->sql);
	if (table->id != root->id) {
		char *name = session->driver->quote_name(root->name);
		lk_buffer_addf(&out, " AS %s", name);
		free(name);
	}
	lk_buffer_add(&out, " SET ");
	for (size_t i = 0; i < step->set_count; i++) {
		const struct lk_assignment *set = &step->set[i];
		const struct lk_column *column = lk_table_column(table, set->column);
		char *name = session->driver->quote_name(set->column);
		lk_buffer_addf(&out, "%s%s = (%s)", i ? ", " : "", name, set->expression);
		lk_buffer_addf(&differs, "%s%s IS DISTINCT FROM (%s)", i ? " OR " : "", name,
			       set->expression);
		comparable = comparable && column && column->comparable;
		free(name);
	}
	add_range(&out, table, has_low);
	if (step->where)
		lk_buffer_addf(&out, " AND (%s)", step->where);
	/* Rows that the dual write has made equal already need no second version. */
	if (comparable)
		lk_buffer_addf(&out, " AND (%s)", lk_buffer_text(&differs));
	lk_buffer_free(&differs);
	return lk_buffer_take(&out);
}

char *lk_pg_backfill_row_sql(struct lk_session *session, const struct lk_table *table, char **key)
{
	struct lk_buffer out = {0};
	for (size_t i = 0; i < table->key.count; i++) {
		char *text = session->driver->quote_text(key[i]);
		lk_buffer_addf(&out, "%s%s = %s", i ? " AND " : "", table->key.sql[i], text);
		free(text);
	}
	return lk_buffer_take(&out);
}
