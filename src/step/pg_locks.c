/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_locks.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "db/pg_array.h"
#include "risk/risk.h"

/* From the weakest to the strongest. */
#define MODES                                                                                      \
	"ARRAY['ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE', 'SHARE',"   \
	" 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE']"

/*
 * $1, $2: tables and modes by name. $3 … $7: what to look up: table, index, constraint, column, mode. A
 * foreign key is found from either side: dropping a key that others refer to drops theirs. LOCK TABLE wants
 * one of three privileges that, say, adding a foreign key to somebody's table does not: such a table is
 * looked at, and locked by the statement itself.
 */
static const char locks_sql[] =
	"WITH looked AS (SELECT to_regclass(nullif(t, ''))::oid AS tab, to_regclass(nullif(i, ''))::oid AS idx,"
	"  k AS con, (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = to_regclass(nullif(t, ''))"
	"  AND a.attname = c) AS col, k = '' AND c = '' AS whole, m AS mode"
	"  FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) u(t, i, k, c, m)),"
	" found AS (SELECT to_regclass(n)::oid AS id, m AS mode FROM unnest($1::text[], $2::text[]) u(n, m)"
	"  UNION ALL SELECT x.indrelid, l.mode FROM looked l JOIN pg_index x ON x.indexrelid = l.idx"
	"  UNION ALL SELECT CASE WHEN f.conrelid = l.tab THEN f.confrelid ELSE f.conrelid END, l.mode"
	"   FROM looked l JOIN pg_constraint f ON f.contype = 'f' AND l.tab IN (f.conrelid, f.confrelid)"
	"   WHERE l.whole OR (f.conrelid = l.tab AND (f.conname = l.con OR l.col = ANY (f.conkey)))"
	"   OR (f.confrelid = l.tab AND (l.col = ANY (f.confkey) OR f.conindid = (SELECT k.conindid"
	"    FROM pg_constraint k WHERE k.conrelid = l.tab AND k.conname = l.con AND k.contype <> 'f'))))"
	" SELECT c.oid, format('%I.%I', s.nspname, c.relname), CASE WHEN s.nspname = 'public' THEN c.relname"
	"  ELSE s.nspname || '.' || c.relname END, (" MODES ")[max(array_position(" MODES
	", f.mode))],"
	" c.relkind IN ('r', 'p') AND s.nspname NOT IN ('pg_catalog', 'information_schema')"
	"  AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')"
	" FROM found f JOIN pg_class c ON c.oid = f.id JOIN pg_namespace s ON s.oid = c.relnamespace"
	" GROUP BY c.oid, s.nspname, c.relname, c.relkind ORDER BY 2";

enum { NAMES, MODES_OF_NAMES, TABLES, INDEXES, CONSTRAINTS, COLUMNS, LOOKED_MODES, LISTS };

static void add_statement(struct lk_buffer lists[LISTS], const char *sql)
{
	struct lk_risk risk;
	lk_risk_statement(LK_ENGINE_POSTGRES, sql, &risk);
	for (size_t i = 0; risk.parsed && i < risk.table_count; i++) {
		lk_pg_array_add(&lists[NAMES], risk.tables[i].sql);
		lk_pg_array_add(&lists[MODES_OF_NAMES], risk.tables[i].mode);
	}
	for (size_t i = 0; risk.parsed && i < risk.lookup_count; i++) {
		const struct lk_risk_lookup *lookup = &risk.lookups[i];
		lk_pg_array_add(&lists[TABLES], lookup->table);
		lk_pg_array_add(&lists[INDEXES], lookup->index);
		lk_pg_array_add(&lists[CONSTRAINTS], lookup->constraint);
		lk_pg_array_add(&lists[COLUMNS], lookup->column);
		lk_pg_array_add(&lists[LOOKED_MODES], lookup->mode);
	}
}

/* Empties the lists. */
static bool resolve(struct lk_session *session, struct lk_buffer lists[LISTS],
		    struct lk_pg_locks *locks, struct lk_error *error)
{
	struct lk_result r;
	const char *parameters[LISTS];
	*locks = (struct lk_pg_locks){0};
	for (size_t i = 0; i < LISTS; i++) {
		lk_buffer_add(&lists[i], lists[i].length ? "}" : "{}");
		parameters[i] = lk_buffer_text(&lists[i]);
	}
	bool read = lk_query(session, &r, error, locks_sql, LISTS, parameters);
	for (size_t i = 0; i < LISTS; i++)
		lk_buffer_free(&lists[i]);
	if (!read)
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		struct lk_pg_lock *lock = LK_PUSH(locks->list, locks->count);
		lock->id = lk_cell_int(&r, i, 0);
		lock->sql = lk_strdup(lk_cell_text(&r, i, 1));
		lock->shown = lk_strdup(lk_cell_text(&r, i, 2));
		lock->mode = lk_strdup(lk_cell_text(&r, i, 3));
		lock->take = lk_cell_bool(&r, i, 4);
	}
	lk_result_free(&r);
	return true;
}

bool lk_pg_locks_find(struct lk_session *session, const char *const *statements, size_t count,
		      const char *extra, struct lk_pg_locks *locks, struct lk_error *error)
{
	struct lk_buffer lists[LISTS] = {0};
	for (size_t i = 0; i < count; i++)
		add_statement(lists, statements[i]);
	if (extra) {
		lk_pg_array_add(&lists[NAMES], extra);
		lk_pg_array_add(&lists[MODES_OF_NAMES], "ACCESS EXCLUSIVE");
	}
	return resolve(session, lists, locks, error);
}

bool lk_pg_locks_table(struct lk_session *session, const char *table_sql, const char *mode,
		       struct lk_pg_locks *locks, struct lk_error *error)
{
	struct lk_buffer lists[LISTS] = {0};
	lk_pg_array_add(&lists[NAMES], table_sql);
	lk_pg_array_add(&lists[MODES_OF_NAMES], mode);
	return resolve(session, lists, locks, error);
}

void lk_pg_locks_free(struct lk_pg_locks *locks)
{
	for (size_t i = 0; i < locks->count; i++) {
		free(locks->list[i].sql);
		free(locks->list[i].shown);
		free(locks->list[i].mode);
	}
	free(locks->list);
	*locks = (struct lk_pg_locks){0};
}

void lk_pg_locks_text(const struct lk_pg_locks *locks, char *text, size_t size)
{
	static const char *const modes[] = {
		"ACCESS EXCLUSIVE",	  "EXCLUSIVE",	   "SHARE ROW EXCLUSIVE", "SHARE",
		"SHARE UPDATE EXCLUSIVE", "ROW EXCLUSIVE", "ROW SHARE",		  "ACCESS SHARE"};
	struct lk_buffer out = {0};
	for (size_t m = 0; m < LK_COUNT(modes); m++) {
		bool first = true;
		for (size_t i = 0; i < locks->count; i++) {
			if (strcmp(locks->list[i].mode, modes[m]) != 0)
				continue;
			if (first)
				lk_buffer_addf(&out, "%s%s on %s", out.length ? "; " : "", modes[m],
					       locks->list[i].shown);
			else
				lk_buffer_addf(&out, ", %s", locks->list[i].shown);
			first = false;
		}
	}
	lk_copy_text(text, size, out.length ? lk_buffer_text(&out) : "none");
	lk_buffer_free(&out);
}

void lk_pg_locks_names(const struct lk_pg_locks *locks, char *text, size_t size)
{
	struct lk_buffer out = {0};
	for (size_t i = 0; i < locks->count; i++)
		lk_buffer_addf(&out, "%s%s", i ? ", " : "", locks->list[i].shown);
	lk_copy_text(text, size, out.length ? lk_buffer_text(&out) : "the table");
	lk_buffer_free(&out);
}
