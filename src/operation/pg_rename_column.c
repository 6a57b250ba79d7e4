/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rename_column on PostgreSQL: a second column kept equal by triggers, filled, given everything the old
 * one has, and only then the old one dropped. Each carried object is a step of its own, so that each can be
 * seen, stopped and taken back. change_type is the same with expressions in between, and keeps the name by
 * swapping the two columns before the old one goes.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "catalog/identifier.h"
#include "operation/pg_carry.h"
#include "operation/pg_hindrance.h"
#include "operation/pg_operations.h"

struct second {
	struct lk_derivation *d;
	const struct lk_column *from;
	char *to, *to_sql;  /* the second column */
	char *type;	    /* change_type: NULL otherwise */
	char *forth, *back; /* likewise */
	bool in_place;	    /* the columns exchange their names */
	struct lk_carry carry;
};

static void free_second(struct second *s)
{
	lk_carry_free(&s->carry);
	free(s->to);
	free(s->to_sql);
	free(s->type);
	free(s->forth);
	free(s->back);
}

static bool find_columns(struct second *s, const char *from, struct lk_error *error)
{
	struct lk_derivation *d = s->d;
	if (!lk_derive_need_table(d, false, error) || !lk_derive_need_key(d, error))
		return false;
	if (lk_derive_has_column(d, s->to))
		return lk_fail(
			error, LK_ERROR_PLAN,
			"table %s already has a column \"%s\": choose another name%s, or drop it if it was left "
			"by an earlier attempt",
			d->table.shown, s->to, s->in_place ? " (to: …)" : "");
	s->from = lk_table_need_column(&d->table, from, error);
	return s->from && lk_pg_rename_unhindered(d->session, &d->table, s->from, error);
}

static void add_new_release(struct second *s)
{
	char *does = lk_format("writes %s", s->to);
	if (!s->in_place)
		lk_derive_new_release(s->d, LK_MIGRATE, does, "");
	free(does);
}

/*
 * A row is right when either value follows from the other: a new release may have written what only one way
 * shows (1.005 euros are 100 cents). Those rows the backfill leaves alone.
 */
static void add_backfill(struct second *s)
{
	char *wrong = NULL, *verify;
	if (s->type)
		wrong = lk_format("%s IS DISTINCT FROM (%s) OR %s IS NULL", s->from->sql, s->back,
				  s->to_sql);
	lk_derive_backfill(s->d, s->to, s->type ? s->forth : s->from->sql, wrong);
	if (s->type)
		verify = lk_format("%s IS DISTINCT FROM (%s) AND %s IS DISTINCT FROM (%s)",
				   s->to_sql, s->forth, s->from->sql, s->back);
	else
		verify = lk_format("%s IS DISTINCT FROM %s", s->to_sql, s->from->sql);
	lk_derive_verify(s->d, LK_MIGRATE, verify, s->to_sql);
	free(verify);
}

static void add_contract(struct second *s)
{
	struct lk_derivation *d = s->d;
	char *does = s->in_place ? lk_format("needs %s.%s as %s", d->table.shown, s->from->name,
					     s->from->type)
				 : lk_format("reads or writes %s", s->from->name);
	/* After the swap the old column has the second one's name. */
	const char *last = s->in_place ? s->to : s->from->name;
	const char *last_sql = s->in_place ? s->to_sql : s->from->sql;
	lk_derive_old_release_gone(d, LK_CONTRACT, does);
	free(does);
	struct lk_step *end = lk_plan_add_step(d->plan, LK_CONTRACT, LK_VERB_END_DUAL_WRITE);
	end->table = lk_strdup(d->operation->table);
	end->from = lk_strdup(last);
	lk_derive_ddl(d, LK_CONTRACT,
		      lk_format("ALTER TABLE %s DROP COLUMN %s", d->table.sql, last_sql), NULL)
		->destroys = lk_strdup("data");
}

/* The old column took its indexes and constraints with it, so their names are free for the new one's. */
static void add_old_names(struct second *s)
{
	for (size_t i = 0; s->in_place && i < s->carry.count; i++) {
		const struct lk_carried *carried = &s->carry.list[i];
		char *original = s->d->session->driver->quote_name(carried->original);
		char *whole = lk_derive_qualify(s->d, carried->made_sql);
		lk_derive_ddl(s->d, LK_CONTRACT,
			      carried->constraint
				      ? lk_format("ALTER TABLE %s RENAME CONSTRAINT %s TO %s",
						  s->d->table.sql, carried->made_sql, original)
				      : lk_format("ALTER INDEX %s RENAME TO %s", whole, original),
			      NULL);
		free(whole);
		free(original);
	}
}

static const char not_null_sql[] =
	"SELECT o.conname FROM pg_constraint o WHERE o.conrelid = $1::regclass AND o.contype = 'n'"
	" AND o.conkey = ARRAY[$2::int2] AND NOT EXISTS (SELECT FROM pg_constraint c"
	" WHERE c.connamespace = o.connamespace AND c.conname = $3)";

/*
 * From PostgreSQL 18 on a NOT NULL is a constraint with a name, which SET NOT NULL makes of table and column. A name
 * that the server would have to shorten or number is left as it is.
 */
static bool add_old_not_null(struct second *s, struct lk_error *error)
{
	struct lk_derivation *d = s->d;
	struct lk_result r;
	char number[16];
	if (!s->in_place || !s->from->not_null)
		return true;
	snprintf(number, sizeof number, "%d", s->from->number);
	char *made = lk_format("%s_%s_not_null", d->table.name, s->to);
	bool asked = LK_QUERY(d->session, &r, error, not_null_sql, d->table.sql, number, made);
	if (asked && r.rows == 1 && strlen(made) <= LK_PG_NAME_LIMIT) {
		char *made_sql = d->session->driver->quote_name(made);
		char *original = d->session->driver->quote_name(lk_cell_text(&r, 0, 0));
		lk_derive_ddl(d, LK_CONTRACT,
			      lk_format("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", d->table.sql,
					made_sql, original),
			      NULL);
		free(made_sql);
		free(original);
	}
	free(made);
	if (asked)
		lk_result_free(&r);
	return asked;
}

static bool derive(struct second *s, const char *from, struct lk_error *error)
{
	struct lk_derivation *d = s->d;
	s->to_sql = d->session->driver->quote_name(s->to);
	if (!find_columns(s, from, error))
		return false;
	if (s->type && !s->forth) {
		s->forth = lk_format("CAST(%s AS %s)", s->from->sql, s->type);
		s->back = lk_format("CAST(%s AS %s)", s->to_sql, s->from->type);
	}
	lk_derive_dual_write(s->d, s->from->name, s->to, s->type,
			     (const char *const[]){s->forth, s->back});
	add_new_release(s);
	add_backfill(s);
	if (s->from->not_null)
		lk_derive_not_null(d, LK_MIGRATE, s->to, s->to_sql);
	s->carry = (struct lk_carry){.from = s->from, .to = s->to, .to_sql = s->to_sql};
	if (!lk_carry_objects(d, &s->carry, error))
		return false;
	if (s->in_place)
		lk_derive_swap(s->d, s->from->name, s->to, s->type);
	add_contract(s);
	add_old_names(s);
	return add_old_not_null(s, error);
}

bool lk_pg_rename_column(struct lk_derivation *d, struct lk_error *error)
{
	struct second s = {.d = d, .to = lk_strdup(d->operation->to)};
	bool derived = derive(&s, d->operation->from, error);
	free_second(&s);
	return derived;
}

bool lk_pg_change_type(struct lk_derivation *d, struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	struct second s = {.d = d, .in_place = !o->to};
	char *known = lk_derive_type(d, o->type, error);
	if (!known)
		return false;
	free(known);
	s.to = o->to ? lk_strdup(o->to) : lk_identifier_make(o->column, "_new", LK_PG_NAME_LIMIT);
	s.type = lk_strdup(o->type);
	s.forth = o->forth ? lk_strdup(o->forth) : NULL;
	s.back = o->back ? lk_strdup(o->back) : NULL;
	bool derived = derive(&s, o->column, error);
	free_second(&s);
	return derived;
}
