/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/pg_hindrance.h"

#include <stdio.h>

#include "base/buffer.h"

/*
 * One row for each object that uses the column and that a second column would not bring along. Indexes
 * over plain columns, single-column foreign keys, unique constraints, NOT NULL, default, grants and the
 * comment are carried and so do not appear here.
 */
static const char hindrance_sql[] =
	"WITH x AS (SELECT $1::oid AS rel, $2::smallint AS att)"
	" SELECT DISTINCT format('%sview %s', CASE v.relkind WHEN 'm' THEN 'materialized ' ELSE '' END,"
	"  v.oid::regclass) FROM x JOIN pg_depend d ON d.refobjid = x.rel"
	"  AND d.refobjsubid = x.att AND d.classid = 'pg_rewrite'::regclass"
	"  JOIN pg_rewrite w ON w.oid = d.objid JOIN pg_class v ON v.oid = w.ev_class"
	" UNION SELECT format('generated column %I', a.attname) FROM x JOIN pg_depend d ON d.refobjid = x.rel"
	"  AND d.refobjsubid = x.att AND d.classid = 'pg_attrdef'::regclass"
	"  JOIN pg_attrdef f ON f.oid = d.objid JOIN pg_attribute a ON a.attrelid = f.adrelid"
	"  AND a.attnum = f.adnum WHERE a.attnum <> x.att"
	" UNION SELECT format('trigger %I', t.tgname) FROM x JOIN pg_trigger t ON t.tgrelid = x.rel"
	"  WHERE NOT t.tgisinternal AND (x.att = ANY (t.tgattr) OR EXISTS (SELECT FROM pg_depend d"
	"   WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.refobjid = x.rel"
	"   AND d.refobjsubid = x.att))"
	" UNION SELECT format('row security policy %I', p.polname) FROM x JOIN pg_depend d"
	"  ON d.refobjid = x.rel AND d.refobjsubid = x.att AND d.classid = 'pg_policy'::regclass"
	"  JOIN pg_policy p ON p.oid = d.objid"
	" UNION SELECT format('index %s (it has an expression, a condition or an operator class of its own)',"
	"  i.indexrelid::regclass) FROM x JOIN pg_index i ON i.indrelid = x.rel"
	"  WHERE (x.att = ANY (i.indkey) OR EXISTS (SELECT FROM pg_depend d WHERE d.objid = i.indexrelid"
	"   AND d.refobjid = x.rel AND d.refobjsubid = x.att))"
	"  AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR EXISTS (SELECT FROM unnest(i.indclass) c"
	"   JOIN pg_opclass o ON o.oid = c WHERE NOT o.opcdefault))"
	" UNION SELECT CASE c.contype WHEN 'p' THEN 'primary key ' WHEN 'c' THEN 'check constraint '"
	"   WHEN 'x' THEN 'exclusion constraint ' WHEN 'f' THEN 'foreign key of several columns '"
	"   ELSE 'constraint ' END || quote_ident(c.conname)"
	"  FROM x JOIN pg_constraint c ON c.conrelid = x.rel AND x.att = ANY (c.conkey)"
	"  WHERE c.contype NOT IN ('u', 'f', 'n') OR (c.contype = 'f' AND cardinality(c.conkey) > 1)"
	" UNION SELECT format('foreign key %I of table %s, which refers to it', c.conname, c.conrelid::regclass)"
	"  FROM x JOIN pg_constraint c ON c.confrelid = x.rel AND x.att = ANY (c.confkey)"
	"  WHERE c.contype = 'f'"
	" UNION SELECT format('replica identity of the table, by index %s', i.indexrelid::regclass)"
	"  FROM x JOIN pg_index i ON i.indrelid = x.rel AND i.indisreplident WHERE x.att = ANY (i.indkey)"
	" UNION SELECT format('rule %I', w.rulename) FROM x JOIN pg_rewrite w ON w.ev_class = x.rel"
	/* Whatever else the server would drop, or be hindered by, together with the column. */
	" UNION SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM x JOIN pg_depend d"
	"  ON d.refclassid = 'pg_class'::regclass AND d.refobjid = x.rel AND d.refobjsubid = x.att"
	"  WHERE d.classid NOT IN ('pg_rewrite'::regclass, 'pg_attrdef'::regclass, 'pg_trigger'::regclass,"
	"   'pg_policy'::regclass, 'pg_constraint'::regclass) AND NOT EXISTS (SELECT FROM pg_index i"
	"   WHERE d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid)"
	" ORDER BY 1";

static const char publication_sql[] =
	"SELECT format('publication %I, which lists columns', p.pubname) FROM pg_publication_rel r"
	" JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = $1::oid AND r.prattrs IS NOT NULL";

static bool add_rows(struct lk_session *session, const char *sql, const char *rel, const char *att,
		     struct lk_buffer *list, struct lk_error *error)
{
	struct lk_result r;
	bool read = att ? LK_QUERY(session, &r, error, sql, rel, att)
			: LK_QUERY(session, &r, error, sql, rel);
	if (!read)
		return false;
	for (size_t i = 0; i < r.rows; i++)
		lk_buffer_addf(list, "%s%s", list->length ? "; " : "", lk_cell_text(&r, i, 0));
	lk_result_free(&r);
	return true;
}

static bool has_column_lists(struct lk_session *session, bool *yes, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'pg_publication_rel'::regclass"
		    " AND attname = 'prattrs')"))
		return false;
	*yes = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

bool lk_pg_rename_unhindered(struct lk_session *session, const struct lk_table *table,
			     const struct lk_column *column, struct lk_error *error)
{
	char rel[24], att[16];
	struct lk_buffer list = {0};
	bool lists = false;
	snprintf(rel, sizeof rel, "%lld", (long long)table->id);
	snprintf(att, sizeof att, "%d", column->number);
	bool read = has_column_lists(session, &lists, error) &&
		    add_rows(session, hindrance_sql, rel, att, &list, error) &&
		    (!lists || add_rows(session, publication_sql, rel, NULL, &list, error));
	if (read && column->identity)
		lk_buffer_addf(&list, "%sthe column is an identity", list.length ? "; " : "");
	if (read && column->generated)
		lk_buffer_addf(&list, "%sthe column is generated", list.length ? "; " : "");
	if (read && column->volatile_default)
		lk_buffer_addf(&list, "%sits default (%s) gives another value at each call",
			       list.length ? "; " : "", column->default_sql);
	if (read && !column->comparable)
		lk_buffer_addf(&list, "%stype %s has no equality", list.length ? "; " : "",
			       column->type);
	bool free_way = read && list.length == 0;
	if (read && !free_way)
		lk_fail(error, LK_ERROR_REFUSED,
			"column %s.%s cannot be renamed by a second column, because these would not come along: %s",
			table->shown, column->name, lk_buffer_text(&list));
	lk_buffer_free(&list);
	return free_way;
}
