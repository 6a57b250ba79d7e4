/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rename_table: the table gets its new name, and a view the old one, in one transaction. The view is simple
 * enough for the server to write through it (manual, CREATE VIEW, "Updatable Views"), so both releases work.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "operation/pg_operations.h"

/* What a view of the old name would not do, or would do under other rights. */
static const char hindrance_sql[] =
	"SELECT 'row level security, which would ask the view''s owner and not the user' FROM pg_class"
	"  WHERE oid = $1::oid AND relrowsecurity"
	" UNION ALL SELECT format('publication %I, whose subscribers know the table by its name', p.pubname)"
	"  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = $1::oid"
	" UNION ALL SELECT format('publication %I of all tables, whose subscribers know them by name', pubname)"
	"  FROM pg_publication WHERE puballtables"
	" UNION ALL SELECT format('rule %I', rulename) FROM pg_rewrite WHERE ev_class = $1::oid";

static bool may_rename(struct lk_derivation *d, struct lk_error *error)
{
	struct lk_result r;
	struct lk_buffer list = {0};
	char id[24];
	snprintf(id, sizeof id, "%lld", (long long)d->table.id);
	if (!LK_QUERY(d->session, &r, error, hindrance_sql, id))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		lk_buffer_addf(&list, "%s%s", i ? "; " : "", lk_cell_text(&r, i, 0));
	bool may = r.rows == 0;
	if (!may)
		lk_fail(error, LK_ERROR_REFUSED,
			"table %s cannot keep its old name as a view, because of: %s",
			d->table.shown, lk_buffer_text(&list));
	lk_buffer_free(&list);
	lk_result_free(&r);
	return may;
}

static bool name_is_free(struct lk_derivation *d, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    d->session, &r, error,
		    "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
		    " WHERE n.nspname = $1 AND c.relname = $2 UNION ALL SELECT FROM pg_type t"
		    " JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = $1 AND t.typname = $2",
		    d->table.schema, d->operation->to))
		return false;
	bool is_free = r.rows == 0;
	lk_result_free(&r);
	return is_free || lk_fail(error, LK_ERROR_PLAN, "the name \"%s\" is taken in schema \"%s\"",
				  d->operation->to, d->table.schema);
}

/* The old name is for those who may use the table, with exactly their rights, and of its owner. */
static bool add_rights(struct lk_derivation *d, struct lk_buffer *out, struct lk_error *error)
{
	static const char sql[] =
		"SELECT format('GRANT %s%s ON %s TO %s%s', x.privilege_type, CASE WHEN a.attname IS NULL THEN ''"
		"  ELSE format(' (%I)', a.attname) END, $2::text, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE"
		"  quote_ident(pg_get_userbyid(x.grantee)) END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION'"
		"  ELSE '' END)"
		" FROM (SELECT NULL::name AS attname, relacl AS acl, relowner FROM pg_class WHERE oid = $1::oid"
		"  UNION ALL SELECT a.attname, a.attacl, c.relowner FROM pg_attribute a JOIN pg_class c"
		"  ON c.oid = a.attrelid WHERE c.oid = $1::oid AND a.attacl IS NOT NULL AND NOT a.attisdropped) a,"
		" aclexplode(a.acl) x WHERE x.grantee <> a.relowner ORDER BY 1";
	struct lk_result r;
	char id[24];
	snprintf(id, sizeof id, "%lld", (long long)d->table.id);
	if (!LK_QUERY(
		    d->session, &r, error,
		    "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = $1::oid",
		    id))
		return false;
	lk_buffer_addf(out, ";\nALTER VIEW %s OWNER TO %s", d->table.sql, lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	if (!LK_QUERY(d->session, &r, error, sql, id, d->table.sql))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		lk_buffer_addf(out, ";\n%s", lk_cell_text(&r, i, 0));
	lk_result_free(&r);
	return true;
}

/* CREATE VIEW under the old name, with its rights. */
static bool add_view(struct lk_derivation *d, struct lk_buffer *out, const char *new_name,
		     struct lk_error *error)
{
	lk_buffer_addf(out, "CREATE VIEW %s AS SELECT ", d->table.sql);
	for (size_t i = 0; i < d->table.column_count; i++)
		lk_buffer_addf(out, "%s%s", i ? ", " : "", d->table.columns[i].sql);
	lk_buffer_addf(out, " FROM %s", new_name);
	return add_rights(d, out, error);
}

static void add_steps(struct lk_derivation *d, const char *new_name, const char *view)
{
	char *to = d->session->driver->quote_name(d->operation->to);
	char *from = d->session->driver->quote_name(d->table.name);
	char *uses = lk_format("uses %s instead of %s", d->operation->to, d->table.name);
	char *used = lk_format("uses %s", d->table.name);
	lk_derive_sql(d, LK_EXPAND,
		      lk_format("ALTER TABLE %s RENAME TO %s;\n%s", d->table.sql, to, view),
		      lk_format("DROP VIEW %s;\nALTER TABLE %s RENAME TO %s", d->table.sql,
				new_name, from));
	lk_derive_new_release(d, LK_MIGRATE, uses, "");
	lk_derive_old_release_gone(d, LK_CONTRACT, used);
	lk_derive_sql(d, LK_CONTRACT, lk_format("DROP VIEW %s", d->table.sql), lk_strdup(view));
	free(used);
	free(uses);
	free(from);
	free(to);
}

bool lk_pg_rename_table(struct lk_derivation *d, struct lk_error *error)
{
	struct lk_buffer view = {0};
	if (!lk_derive_need_table(d, false, error) || !may_rename(d, error) ||
	    !name_is_free(d, error))
		return false;
	char *to = d->session->driver->quote_name(d->operation->to);
	char *new_name = lk_derive_qualify(d, to);
	bool written = add_view(d, &view, new_name, error);
	if (written)
		add_steps(d, new_name, lk_buffer_text(&view));
	lk_buffer_free(&view);
	free(new_name);
	free(to);
	return written;
}
