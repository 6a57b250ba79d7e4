/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rename_column on MySQL and MariaDB: a second column kept equal by triggers, filled, given everything the old one
 * has, and only then the old one dropped. change_type is the same with expressions in between, and keeps the name
 * by swapping the two columns before the old one goes.
 *
 * A trigger here sees values and not assignments: a NULL that a release writes where nothing changes looks like a
 * column that it left out. While rows are still being filled that would lose it; so the new release is let in by a
 * gate behind the verify, when both sides are equal in all rows and each difference is a write.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "catalog/identifier.h"
#include "catalog/my_catalog.h"
#include "catalog/my_default.h"
#include "operation/my_carry.h"
#include "operation/my_hindrance.h"
#include "operation/my_operations.h"

struct second {
	struct lk_my_derivation *m;
	const struct lk_column *from;
	char *to, *to_sql;  /* the second column */
	char *type;	    /* change_type: NULL otherwise */
	char *forth, *back; /* likewise */
	bool in_place;	    /* the columns exchange their names */
	struct lk_my_carry carry;
};

static void free_second(struct second *s)
{
	lk_my_carry_free(&s->carry);
	free(s->to);
	free(s->to_sql);
	free(s->type);
	free(s->forth);
	free(s->back);
}

static bool find_columns(struct second *s, const char *from, struct lk_error *error)
{
	struct lk_my_derivation *m = s->m;
	if (!lk_my_need_table(m, error) || !lk_derive_need_key(&m->d, error) ||
	    !lk_my_need_new_column(m, s->to, s->in_place ? " (to: …)" : "", error))
		return false;
	s->from = lk_table_need_column(&m->d.table, from, error);
	return s->from && lk_my_need_alone(m, from, error) &&
	       lk_my_rename_unhindered(m, s->from, s->type != NULL, error);
}

static void add_new_release(struct second *s)
{
	char *does = lk_format("writes %s", s->to);
	if (!s->in_place)
		lk_derive_new_release(
			&s->m->d, LK_MIGRATE, does,
			"; this gate stands behind the backfill because a trigger cannot "
			"tell a NULL that a release writes from a row that is not filled "
			"yet");
	free(does);
}

/*
 * A row is right when either value follows from the other: a new release may have written what only one way
 * shows (1.005 euros are 100 cents). Those rows the backfill leaves alone.
 */
static void add_backfill(struct second *s)
{
	struct lk_derivation *d = &s->m->d;
	if (!s->type) {
		char *differs = lk_my_differs(s->from->type, s->to_sql, s->from->sql);
		lk_derive_backfill(d, s->to, s->from->sql, NULL);
		lk_derive_verify(d, LK_MIGRATE, differs, s->to_sql);
		free(differs);
		return;
	}
	char *back = lk_format("(%s)", s->back), *forth = lk_format("(%s)", s->forth);
	char *from_differs = lk_my_differs(s->from->type, s->from->sql, back);
	char *to_differs = lk_my_differs(s->type, s->to_sql, forth);
	char *wrong = lk_format("%s OR %s IS NULL", from_differs, s->to_sql);
	char *verify = lk_format("%s AND %s", to_differs, from_differs);
	lk_derive_backfill(d, s->to, s->forth, wrong);
	lk_derive_verify(d, LK_MIGRATE, verify, s->to_sql);
	free(verify);
	free(to_differs);
	free(from_differs);
	free(forth);
	free(back);
}

/* NOT NULL is part of the definition as a whole: the first column's, or what dual_write makes for another type. */
static bool add_not_null(struct second *s, struct lk_error *error)
{
	if (!s->from->not_null)
		return true;
	char *definition = NULL, *preset = NULL, *clause = NULL;
	if (!s->type) {
		definition = lk_strdup(s->from->definition);
	} else if (lk_my_converted_default(s->m->d.session, s->from, s->forth, &preset, error)) {
		clause = preset ? lk_my_default_clause(preset) : NULL;
		definition = lk_format("%s NOT NULL%s%s", s->type, clause ? " " : "",
				       clause ? clause : "");
	}
	bool good = definition != NULL;
	if (good) {
		char *before = lk_my_with_not_null(definition, false);
		lk_my_modify(s->m, LK_MIGRATE, s->to_sql, definition, before);
		free(before);
	}
	free(clause);
	free(preset);
	free(definition);
	return good;
}

static bool add_contract(struct second *s, struct lk_error *error)
{
	struct lk_my_derivation *m = s->m;
	struct lk_derivation *d = &m->d;
	char *does = s->in_place ? lk_format("needs %s.%s as %s", d->table.shown, s->from->name,
					     s->from->type)
				 : lk_format("reads or writes %s", s->from->name);
	/* After the swap the old column has the second one's name. */
	const char *last = s->in_place ? s->to : s->from->name;
	const char *last_sql = s->in_place ? s->to_sql : s->from->sql;
	lk_derive_old_release_gone(d, LK_CONTRACT, does);
	free(does);
	/* While the triggers still fill the old column: rows that leave it out would be equal to its unique indexes. */
	if (!lk_my_carry_end(m, &s->carry, last, error) ||
	    (!s->in_place && !lk_my_end_grants(m, s->from->name, error)))
		return false;
	struct lk_step *end = lk_plan_add_step(d->plan, LK_CONTRACT, LK_VERB_END_DUAL_WRITE);
	end->table = lk_strdup(d->operation->table);
	end->from = lk_strdup(last);
	char *drop = lk_format("DROP COLUMN %s", last_sql);
	lk_my_alter(m, LK_CONTRACT, drop, NULL)->destroys = lk_strdup("data");
	free(drop);
	return true;
}

/* The old column's indexes are gone, so their names are free for the new one's. A constraint's cannot be
 * changed. */
static void add_old_names(struct second *s)
{
	for (size_t i = 0; s->in_place && i < s->carry.count; i++) {
		const struct lk_my_carried *carried = &s->carry.list[i];
		char *made = s->m->d.session->driver->quote_name(carried->made);
		char *original = s->m->d.session->driver->quote_name(carried->original);
		char *change = lk_format("RENAME INDEX %s TO %s", made, original);
		lk_my_alter(s->m, LK_CONTRACT, change, NULL);
		free(change);
		free(original);
		free(made);
	}
}

/* Both expressions, tried over rows that have both columns. */
static bool try_conversion(struct second *s, struct lk_error *error)
{
	const char *t = s->m->d.table.sql;
	char *forth = lk_format("SELECT (%s) FROM %s", s->forth, t);
	char *back =
		lk_format("SELECT (%s) FROM (SELECT lk_t.*, (%s) AS %s FROM %s AS lk_t) lk_both",
			  s->back, s->forth, s->to_sql, t);
	bool good = lk_my_try(s->m, "using", forth, error) && lk_my_try(s->m, "back", back, error);
	free(back);
	free(forth);
	return good;
}

static bool derive(struct second *s, const char *from, struct lk_error *error)
{
	struct lk_my_derivation *m = s->m;
	s->to_sql = m->d.session->driver->quote_name(s->to);
	if (!find_columns(s, from, error))
		return false;
	/* In strict mode an assignment converts, and what does not fit is an error. */
	if (s->type && !s->forth) {
		s->forth = lk_strdup(s->from->sql);
		s->back = lk_strdup(s->to_sql);
	}
	if (s->type && !try_conversion(s, error))
		return false;
	s->carry = (struct lk_my_carry){.from = s->from, .to = s->to};
	lk_derive_dual_write(&s->m->d, s->from->name, s->to, s->type,
			     (const char *const[]){s->forth, s->back});
	if (!s->in_place && !lk_my_carry_grants(m, s->from->name, s->to, error))
		return false;
	add_backfill(s);
	if (!add_not_null(s, error) || !lk_my_carry_objects(m, &s->carry, error))
		return false;
	add_new_release(s);
	if (s->in_place)
		lk_derive_swap(&s->m->d, s->from->name, s->to, s->type);
	if (!add_contract(s, error))
		return false;
	add_old_names(s);
	return true;
}

bool lk_my_rename_column(struct lk_my_derivation *m, struct lk_error *error)
{
	struct second s = {.m = m, .to = lk_strdup(m->d.operation->to)};
	bool derived = derive(&s, m->d.operation->from, error);
	free_second(&s);
	return derived;
}

/* How many bytes a text column of so many characters has at most, by the column's character set. */
static bool bytes_of(struct lk_my_derivation *m, const char *column, int length, int64_t *bytes,
		     struct lk_error *error)
{
	static const char sql[] =
		"SELECT s.maxlen FROM information_schema.columns c JOIN information_schema.character_sets s"
		" ON s.character_set_name = c.character_set_name WHERE " LK_MY_SAME_NAME(
			"c.table_schema",
			"$1") " AND " LK_MY_SAME_NAME("c.table_name",
						      "$2") " AND c.column_name = $3";
	struct lk_result r;
	if (!LK_QUERY(m->d.session, &r, error, sql, m->d.table.schema, m->d.table.name, column))
		return false;
	*bytes = r.rows ? lk_cell_int(&r, 0, 0) * length : 0;
	lk_result_free(&r);
	return true;
}

/* "varchar(40)"; 0 when it is something else. */
static int varchar_length(const char *type)
{
	int length = 0, used = 0;
	return sscanf(type, " %*[Vv]%*[Aa]%*[Rr]%*[Cc]%*[Hh]%*[Aa]%*[Rr] ( %d ) %n", &length,
		      &used) == 1 &&
			       used > 0 && !type[used]
		       ? length
		       : 0;
}

/*
 * A longer VARCHAR is a matter of the definition, as long as the bytes that tell a value's length stay as many
 * (one to 255, two beyond); so is an ENUM or SET with more words behind the old ones, as long as a number of the
 * same size tells them.
 */
static bool is_widening(struct lk_my_derivation *m, const struct lk_column *column, bool *widening,
			struct lk_error *error)
{
	const char *type = m->d.operation->type;
	int before = varchar_length(column->type), after = varchar_length(type);
	int64_t old_bytes = 0, new_bytes = 0;
	*widening = false;
	if (before > 0 && after > before) {
		if (!bytes_of(m, column->name, before, &old_bytes, error) ||
		    !bytes_of(m, column->name, after, &new_bytes, error))
			return false;
		*widening = (old_bytes > 255) == (new_bytes > 255);
		return true;
	}
	size_t length = strlen(column->type);
	bool words =
		strncmp(column->type, "enum(", 5) == 0 || strncmp(column->type, "set(", 4) == 0;
	/* All of the old words stand at the beginning. Eight are as many as any SET's smallest number tells. */
	if (words && strlen(type) > length && type[strlen(type) - 1] == ')' &&
	    strncasecmp(type, column->type, length - 1) == 0 && type[length - 1] == ',') {
		size_t count = 1;
		for (const char *p = type; *p; p++)
			count += *p == ',';
		*widening = count <= (*column->type == 'e' ? 255 : 8);
	}
	return true;
}

/* The definition with the new type instead of the old one. There is no way back without a copy, and no need of one. */
static void widen(struct lk_my_derivation *m, const struct lk_column *column)
{
	const struct lk_operation *o = m->d.operation;
	char *definition = lk_format("%s%s", o->type, column->definition + strlen(column->type));
	char *does = lk_format("writes %s.%s as %s", m->d.table.shown, column->name, o->type);
	lk_my_modify(m, LK_EXPAND, column->sql, definition, NULL);
	lk_derive_new_release(&m->d, LK_MIGRATE, does, "");
	free(does);
	free(definition);
}

bool lk_my_change_type(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	struct second s = {.m = m, .in_place = !o->to};
	bool widening = false;
	if (!lk_my_need_table(m, error) || !lk_my_need_type(m, o->type, error))
		return false;
	const struct lk_column *column = lk_table_need_column(&m->d.table, o->column, error);
	if (!column || (!o->to && !o->forth && !is_widening(m, column, &widening, error)))
		return false;
	if (widening) {
		if (!lk_my_need_alone(m, o->column, error))
			return false;
		widen(m, column);
		return true;
	}
	s.to = o->to ? lk_strdup(o->to) : lk_identifier_make(o->column, "_new", LK_MY_NAME_LIMIT);
	s.type = lk_strdup(o->type);
	s.forth = o->forth ? lk_strdup(o->forth) : NULL;
	s.back = o->back ? lk_strdup(o->back) : NULL;
	bool derived = derive(&s, o->column, error);
	free_second(&s);
	return derived;
}
