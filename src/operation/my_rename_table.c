/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rename_table: the table gets its new name and a view the old one, in one RENAME, which is atomic; so at no moment
 * is there nothing of the old name. The view has to be there before it, under a name of its own, and so has what
 * it reads: until then a view stands under the new name, over the old one, and makes room in the same RENAME. It is
 * simple enough for the server to write through it (manual, "Updatable and Insertable Views"), so both releases work.
 *
 * On the way back a statement that has read the view's definition may be waiting for the new name: so that it
 * still finds something there, that view takes it again in the same RENAME. (Without it, two of some
 * hundred statements failed with error 1356 at each try.)
 */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/identifier.h"
#include "catalog/my_catalog.h"
#include "operation/my_carry.h"
#include "operation/my_operations.h"

struct renaming {
	char *new_sql;	     /* the new name, qualified and quoted, like all of these */
	char *waiting_sql;   /* of the view that is to have the old name */
	char *returning_sql; /* of the view that has the new one while the table has not */
	char *columns;	     /* "`a`, `b`" */
	const char *old_sql;
};

/* What a view of the old name would not do. */
static bool may_rename(struct lk_my_derivation *m, struct lk_error *error)
{
	for (size_t i = 0; i < m->d.table.column_count; i++) {
		const struct lk_column *column = &m->d.table.columns[i];
		if (column->definition && strstr(column->definition, "INVISIBLE"))
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"table %s cannot keep its old name as a view, because of: the invisible "
				"column %s, which a view would show to SELECT *",
				m->d.table.shown, column->name);
	}
	return true;
}

static bool name_is_free(struct lk_my_derivation *m, const char *name, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(m->d.session, &r, error,
		      "SELECT 1 FROM information_schema.tables WHERE " LK_MY_SAME_NAME(
			      "table_schema", "$1") " AND " LK_MY_SAME_NAME("table_name", "$2"),
		      m->d.table.schema, name))
		return false;
	bool is_free = r.rows == 0;
	lk_result_free(&r);
	return is_free ||
	       lk_fail(error, LK_ERROR_PLAN, "the name \"%s\" is taken in database \"%s\"", name,
		       m->d.table.schema);
}

/* A name beside the new one, checked to be free; qualified and quoted, the caller's. */
static char *name_beside(struct lk_my_derivation *m, const char *suffix, struct lk_error *error)
{
	char *name = lk_identifier_make(m->d.operation->to, suffix, LK_MY_NAME_LIMIT);
	char *sql = name_is_free(m, name, error)
			    ? lk_my_quoted_name(m->d.session, m->d.table.schema, name)
			    : NULL;
	free(name);
	return sql;
}

/* With the rights of whoever uses it: they have them on the new name as well (my_carry.h). */
static char *view(const struct renaming *r, const char *name, const char *over)
{
	return lk_format("CREATE OR REPLACE SQL SECURITY INVOKER VIEW %s AS SELECT %s FROM %s",
			 name, r->columns, over);
}

static bool add_steps(struct lk_my_derivation *m, const struct renaming *r, struct lk_error *error)
{
	struct lk_derivation *d = &m->d;
	char *standing = view(r, r->new_sql, r->old_sql);
	char *returning = view(r, r->returning_sql, r->old_sql);
	lk_derive_ddl(d, LK_EXPAND, lk_strdup(standing),
		      lk_format("DROP VIEW IF EXISTS %s", r->new_sql));
	/* There must be something of the name to give rights on. */
	bool granted = lk_my_carry_table_grants(m, r->new_sql, error);
	lk_derive_ddl(d, LK_EXPAND, view(r, r->waiting_sql, r->new_sql),
		      lk_format("DROP VIEW IF EXISTS %s", r->waiting_sql));
	/* All that the RENAME names is there, so that on MySQL it can be had by LOCK TABLES first (step/my_moment.c). */
	lk_derive_ddl(
		d, LK_EXPAND,
		lk_format("RENAME TABLE %s TO %s, %s TO %s, %s TO %s", r->new_sql, r->returning_sql,
			  r->old_sql, r->new_sql, r->waiting_sql, r->old_sql),
		lk_format("RENAME TABLE %s TO %s, %s TO %s, %s TO %s", r->old_sql, r->waiting_sql,
			  r->new_sql, r->old_sql, r->returning_sql, r->new_sql));
	lk_derive_ddl(d, LK_EXPAND, lk_format("DROP VIEW IF EXISTS %s", r->returning_sql),
		      lk_strdup(returning));
	free(returning);
	free(standing);
	return granted;
}

static void add_releases(struct lk_my_derivation *m, const struct renaming *r)
{
	struct lk_derivation *d = &m->d;
	char *uses = lk_format("uses %s instead of %s", d->operation->to, d->table.name);
	char *used = lk_format("uses %s", d->table.name);
	lk_derive_new_release(d, LK_MIGRATE, uses, "");
	lk_derive_old_release_gone(d, LK_CONTRACT, used);
	lk_derive_ddl(d, LK_CONTRACT, lk_format("DROP VIEW IF EXISTS %s", r->old_sql),
		      view(r, r->old_sql, r->new_sql));
	free(used);
	free(uses);
}

static bool name_all(struct lk_my_derivation *m, struct renaming *r, struct lk_error *error)
{
	struct lk_buffer columns = {0};
	for (size_t i = 0; i < m->d.table.column_count; i++)
		lk_buffer_addf(&columns, "%s%s", i ? ", " : "", m->d.table.columns[i].sql);
	r->columns = lk_buffer_take(&columns);
	r->old_sql = m->d.table.sql;
	r->new_sql = lk_my_quoted_name(m->d.session, m->d.table.schema, m->d.operation->to);
	r->waiting_sql = name_beside(m, "_lk_view", error);
	r->returning_sql = r->waiting_sql ? name_beside(m, "_lk_back", error) : NULL;
	return r->returning_sql != NULL;
}

bool lk_my_rename_table(struct lk_my_derivation *m, struct lk_error *error)
{
	struct renaming r = {0};
	if (!lk_my_need_table(m, error) || !may_rename(m, error) ||
	    !name_is_free(m, m->d.operation->to, error))
		return false;
	bool derived = name_all(m, &r, error) && add_steps(m, &r, error);
	if (derived)
		add_releases(m, &r);
	free(r.returning_sql);
	free(r.waiting_sql);
	free(r.new_sql);
	free(r.columns);
	return derived;
}
