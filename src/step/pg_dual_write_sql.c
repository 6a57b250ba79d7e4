/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_dual_write_sql.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "step/pg_conversion.h"

char *lk_pg_dual_write_function(const struct lk_table *table, const struct lk_column *from)
{
	return lk_format("lockkeeper.dual_write_%lld_%d", (long long)table->id, from->number);
}

/* A name may hold what looks like the end of the body. */
char *lk_pg_dollar_quote(const char *text)
{
	struct lk_buffer quote = {0};
	lk_buffer_add(&quote, "$lockkeeper");
	while (strstr(text, lk_buffer_text(&quote)))
		lk_buffer_add(&quote, "_");
	lk_buffer_add(&quote, "$");
	return lk_buffer_take(&quote);
}

/* The function only copies or refuses; when, say the triggers' conditions. Those are kept by the server as
 * parsed trees, so that neither the search path nor the rights of whoever writes change what they mean. */
static void add_function(struct lk_buffer *out, const char *function, const char *from,
			 const char *to)
{
	char *names = lk_format("%s%s", from, to);
	char *quote = lk_pg_dollar_quote(names);
	lk_buffer_addf(
		out,
		"FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS %s\n"
		"BEGIN\n"
		"  IF TG_ARGV[0] OPERATOR(pg_catalog.=) 'to_new' THEN NEW.%s := NEW.%s;\n"
		"  ELSIF TG_ARGV[0] OPERATOR(pg_catalog.=) 'to_old' THEN NEW.%s := NEW.%s;\n"
		"  ELSE RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =\n"
		"    pg_catalog.format('lockkeeper: one statement wrote different values into two columns of %%I that are "
		"kept equal', TG_TABLE_NAME);\n"
		"  END IF;\n"
		"  RETURN NEW;\n"
		"END %s",
		function, quote, to, from, from, to, quote);
	free(quote);
	free(names);
}

static void add_comment(struct lk_buffer *out, const char *function)
{
	lk_buffer_addf(
		out,
		";\nCOMMENT ON FUNCTION %s() IS 'lockkeeper: keeps two columns of a table equal "
		"during a migration'",
		function);
}

/* The trigger's name must sort behind every other row trigger's, since they fire in order of name. */
static bool choose_prefix(struct lk_session *session, const struct lk_table *table,
			  const char **prefix, struct lk_error *error)
{
	static const char *const prefixes[] = {"zz_lockkeeper", "~~lockkeeper"};
	char id[24];
	snprintf(id, sizeof id, "%lld", (long long)table->id);
	struct lk_result r;
	if (!LK_QUERY(session, &r, error,
		      "SELECT tgname FROM pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal"
		      " AND tgtype & 3 = 3 AND tgname !~ '^(zz_|~~)lockkeeper_[0-9]+_[iu][1-6]$'"
		      " ORDER BY tgname COLLATE \"C\" DESC LIMIT 1",
		      id))
		return false;
	char last[80];
	LK_COPY(last, r.rows ? lk_cell_text(&r, 0, 0) : "");
	lk_result_free(&r);
	for (size_t i = 0; i < LK_COUNT(prefixes); i++)
		if (strcmp(last, prefixes[i]) < 0) {
			*prefix = prefixes[i];
			return true;
		}
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"trigger \"%s\" of table %s fires after ours would (triggers fire in order of name): rename it",
		last, table->shown);
}

#define BACKFILL "pg_catalog.current_setting('lockkeeper.backfill', true) = 'on'"

/* In conditions {o} and {n} are the columns, {d} their default as a column stores it, {b} "this is the
 * backfill". */
struct rule {
	const char *
		name; /* triggers fire in order of name, and each sees what those before it changed */
	const char *event;
	const char *when;
	const char *act;
};

/* clang-format off */
#define DIFFER	 "NEW.{o} IS DISTINCT FROM NEW.{n}"
#define OLD_SAME "NEW.{o} IS NOT DISTINCT FROM OLD.{o}"
#define NEW_SAME "NEW.{n} IS NOT DISTINCT FROM OLD.{n}"
static const struct rule rules[] = {
	/* The side that differs from its default wins. */
	{"i1", "INSERT", DIFFER " AND NEW.{n} IS NOT DISTINCT FROM {d}", "to_new"},
	{"i2", "INSERT", DIFFER " AND NEW.{o} IS NOT DISTINCT FROM {d}", "to_old"},
	{"i3", "INSERT", DIFFER, "refuse"},
	/* UPDATE OF sees an assignment that changes nothing: a NULL over one that was not filled yet. */
	{"u1", "UPDATE OF {o}", NEW_SAME, "to_new"},
	{"u2", "UPDATE OF {n}", OLD_SAME " AND {b} IS NOT TRUE", "to_old"},
	/* What other triggers changed. */
	{"u3", "UPDATE", DIFFER " AND " NEW_SAME, "to_new"},
	{"u4", "UPDATE", DIFFER " AND " OLD_SAME " AND {b} IS NOT TRUE", "to_old"},
	/* They also fire for the backfill's own update. */
	{"u5", "UPDATE", DIFFER " AND NOT (" OLD_SAME ") AND {b}", "to_new"},
	{"u6", "UPDATE", DIFFER " AND {b} IS NOT TRUE", "refuse"},
};
/* clang-format on */

/* The text with {o}, {n}, {d}, {b} replaced: old, new, default, "this is the backfill". */
static void add_filled(struct lk_buffer *out, const char *text, const char *const names[3])
{
	for (const char *p = text; *p; p++) {
		if (*p != '{') {
			lk_buffer_add_bytes(out, p, 1);
			continue;
		}
		lk_buffer_add(out, p[1] == 'o'	 ? names[0]
				   : p[1] == 'n' ? names[1]
				   : p[1] == 'd' ? names[2]
						 : "(" BACKFILL ")");
		p += 2;
	}
}

static void add_triggers(struct lk_buffer *out, const struct lk_table *table,
			 const struct lk_column *from, const char *to, const char *prefix)
{
	char *function = lk_pg_dual_write_function(table, from);
	/* now() is not what a column of type date stores of it. */
	char *preset = from->default_sql
			       ? lk_format("CAST(%s AS %s)", from->default_sql, from->type)
			       : lk_strdup("NULL");
	const char *const names[] = {from->sql, to, preset};
	for (size_t i = 0; i < LK_COUNT(rules); i++) {
		lk_buffer_addf(out, ";\nCREATE TRIGGER \"%s_%d_%s\" BEFORE ", prefix, from->number,
			       rules[i].name);
		add_filled(out, rules[i].event, names);
		lk_buffer_addf(out, " ON %s FOR EACH ROW WHEN (", table->sql);
		add_filled(out, rules[i].when, names);
		lk_buffer_addf(out, ") EXECUTE FUNCTION %s('%s')", function, rules[i].act);
	}
	/* Also where session_replication_role is replica. */
	lk_buffer_addf(out, ";\nALTER TABLE %s", table->sql);
	for (size_t i = 0; i < LK_COUNT(rules); i++)
		lk_buffer_addf(out, "%s ENABLE ALWAYS TRIGGER \"%s_%d_%s\"", i ? "," : "", prefix,
			       from->number, rules[i].name);
	free(preset);
	free(function);
}

static bool add_grants(struct lk_session *session, struct lk_buffer *out,
		       const struct lk_table *table, const struct lk_column *like, const char *to,
		       struct lk_error *error)
{
	char id[24], number[16];
	struct lk_result r;
	snprintf(id, sizeof id, "%lld", (long long)table->id);
	snprintf(number, sizeof number, "%d", like->number);
	if (!LK_QUERY(session, &r, error,
		      "SELECT x.privilege_type, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE"
		      " quote_ident(pg_get_userbyid(x.grantee)) END, x.is_grantable"
		      " FROM pg_attribute a, aclexplode(a.attacl) x"
		      " WHERE a.attrelid = $1::oid AND a.attnum = $2::smallint ORDER BY 1, 2",
		      id, number))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		lk_buffer_addf(out, ";\nGRANT %s (%s) ON %s TO %s%s", lk_cell_text(&r, i, 0), to,
			       table->sql, lk_cell_text(&r, i, 1),
			       lk_cell_bool(&r, i, 2) ? " WITH GRANT OPTION" : "");
	lk_result_free(&r);
	return true;
}

/* The new column is like the other one; where it converts, type and default are its own. */
static void add_column(struct lk_session *session, struct lk_buffer *out,
		       const struct lk_table *table, const struct lk_column *like,
		       const struct lk_pg_conversion *conversion)
{
	const struct lk_step *step = conversion->step;
	bool converts = lk_pg_converts(step);
	const char *preset = converts ? conversion->preset : like->default_sql;
	char *to = session->driver->quote_name(step->to);
	lk_buffer_addf(out, "ALTER TABLE %s ADD COLUMN %s %s", table->sql, to,
		       converts ? step->type : like->type);
	if (like->collation && !converts)
		lk_buffer_addf(out, " COLLATE %s", like->collation);
	/* Given afterwards, the default is not written into the rows that are already there. */
	if (preset)
		lk_buffer_addf(out, ";\nALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", table->sql,
			       to, preset);
	if (like->comment) {
		char *comment = session->driver->quote_text(like->comment);
		lk_buffer_addf(out, ";\nCOMMENT ON COLUMN %s.%s IS %s", table->sql, to, comment);
		free(comment);
	}
	free(to);
}

static bool may_keep_equal(const struct lk_table *table, const struct lk_column *from,
			   const struct lk_step *step, struct lk_error *error)
{
	if (from->identity || from->generated)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"column %s.%s is %s: the server writes it, so a second column cannot be kept equal",
			table->shown, from->name, from->identity ? "an identity" : "generated");
	if (from->volatile_default)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the default of %s.%s (%s) gives another value at each call, so it cannot be told which "
			"of two columns a statement wrote",
			table->shown, from->name, from->default_sql);
	if (!from->comparable)
		return lk_fail(error, LK_ERROR_REFUSED, "type %s of %s.%s has no equality",
			       from->type, table->shown, from->name);
	if (from->constrained)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"type %s of %s.%s is a domain with constraints: adding a column of it rewrites the whole "
			"table while nobody can use it",
			from->type, table->shown, from->name);
	if (lk_table_column(table, step->to))
		return lk_fail(
			error, LK_ERROR_PLAN,
			"table %s already has a column \"%s\": choose another name, or drop it if it was left "
			"by an earlier attempt",
			table->shown, step->to);
	return true;
}

/* Left by an earlier run whose journal is gone, or in use by one that is under way. */
static bool none_is_there(struct lk_session *session, const struct lk_table *table,
			  const struct lk_column *from, struct lk_error *error)
{
	bool exists = false;
	if (!lk_pg_dual_write_exists(session, table, from, &exists, error))
		return false;
	if (!exists)
		return true;
	char *function = lk_pg_dual_write_function(table, from);
	lk_fail(error, LK_ERROR_REFUSED,
		"triggers of an earlier run keep %s.%s equal to another column: roll that run back, or, when nobody "
		"needs it, DROP FUNCTION %s() CASCADE",
		table->shown, from->name, function);
	free(function);
	return false;
}

char *lk_pg_dual_write_sql(struct lk_session *session, const struct lk_table *table,
			   const struct lk_step *step, struct lk_error *error)
{
	struct lk_buffer out = {0};
	const char *prefix = NULL;
	const struct lk_column *from = lk_table_need_column(table, step->from, error);
	const struct lk_column *like =
		from ? lk_table_need_column(table, step->like ? step->like : step->from, error)
		     : NULL;
	if (!like || !none_is_there(session, table, from, error) ||
	    !may_keep_equal(table, from, step, error) ||
	    !choose_prefix(session, table, &prefix, error))
		return NULL;
	struct lk_pg_conversion conversion = {.table = table, .from = from, .step = step};
	if (lk_pg_converts(step) &&
	    !lk_pg_conversion_read(session, step, NULL, &conversion, error)) {
		lk_pg_conversion_free(&conversion);
		return NULL;
	}
	char *to = session->driver->quote_name(step->to);
	char *function = lk_pg_dual_write_function(table, from);
	add_column(session, &out, table, like, &conversion);
	bool granted = add_grants(session, &out, table, like, to, error);
	/* Not OR REPLACE: it may belong to a run that began at the same time. */
	lk_buffer_add(&out, ";\nCREATE ");
	if (lk_pg_converts(step))
		lk_pg_conversion_function(&conversion, false, function, &out);
	else
		add_function(&out, function, from->sql, to);
	add_comment(&out, function);
	if (lk_pg_converts(step))
		lk_pg_conversion_triggers(&conversion, prefix, function, &out);
	else
		add_triggers(&out, table, from, to, prefix);
	lk_pg_conversion_free(&conversion);
	free(function);
	free(to);
	if (granted)
		return lk_buffer_take(&out);
	lk_buffer_free(&out);
	return NULL;
}

char *lk_pg_dual_write_function_sql(struct lk_session *session, const struct lk_pg_pair *pair,
				    bool swapped, struct lk_error *error)
{
	struct lk_buffer out = {0};
	lk_buffer_add(&out, "CREATE OR REPLACE ");
	struct lk_pg_conversion conversion = {
		.table = pair->table, .from = pair->from, .step = pair->dual_write};
	char *function = lk_pg_dual_write_function(pair->table, pair->from);
	bool made = true;
	if (!lk_pg_converts(pair->dual_write)) {
		const struct lk_step *step = pair->dual_write;
		char *from = session->driver->quote_name(swapped ? step->to : step->from);
		char *to = session->driver->quote_name(swapped ? step->from : step->to);
		add_function(&out, function, from, to);
		free(to);
		free(from);
	} else {
		made = lk_pg_conversion_read(session, pair->dual_write, pair->made, &conversion,
					     error);
		if (made)
			lk_pg_conversion_function(&conversion, swapped, function, &out);
	}
	lk_pg_conversion_free(&conversion);
	free(function);
	if (made)
		return lk_buffer_take(&out);
	lk_buffer_free(&out);
	return NULL;
}

char *lk_pg_end_dual_write_sql(struct lk_session *session, const struct lk_table *table,
			       const struct lk_column *from, const char *to)
{
	struct lk_buffer out = {0};
	char *function = lk_pg_dual_write_function(table, from);
	/* CASCADE takes exactly the triggers that call it. */
	lk_buffer_addf(&out, "DROP FUNCTION %s() CASCADE", function);
	free(function);
	if (to) {
		char *column = session->driver->quote_name(to);
		lk_buffer_addf(&out, ";\nALTER TABLE %s DROP COLUMN %s", table->sql, column);
		free(column);
	}
	return lk_buffer_take(&out);
}

bool lk_pg_dual_write_exists(struct lk_session *session, const struct lk_table *table,
			     const struct lk_column *from, bool *exists, struct lk_error *error)
{
	struct lk_result r;
	char *function = lk_pg_dual_write_function(table, from);
	bool read = LK_QUERY(session, &r, error, "SELECT to_regprocedure($1 || '()') IS NOT NULL",
			     function);
	free(function);
	if (!read)
		return false;
	*exists = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

bool lk_pg_dual_write_intact(struct lk_session *session, const struct lk_table *table,
			     const struct lk_column *from, const struct lk_step *dual_write,
			     struct lk_error *error)
{
	struct lk_result r;
	char *function = lk_pg_dual_write_function(table, from);
	bool read = LK_QUERY(
		session, &r, error,
		"SELECT count(*), coalesce(min(tgname) FILTER (WHERE tgenabled <> 'A'), '') FROM pg_trigger"
		" WHERE tgfoid = to_regprocedure($1 || '()')",
		function);
	free(function);
	if (!read)
		return false;
	size_t expected = dual_write && lk_pg_converts(dual_write)
				  ? lk_pg_conversion_trigger_count()
				  : LK_COUNT(rules);
	bool there = (size_t)lk_cell_int(&r, 0, 0) == expected, enabled = !*lk_cell_text(&r, 0, 1);
	if (!there || !enabled)
		lk_fail(error, LK_ERROR_REFUSED,
			"somebody has %s of the dual write of %s.%s%s%s: what was written since then may be in one "
			"of the two columns only, and nothing is dropped while that is so; make the columns equal "
			"by hand, or roll back",
			there ? "disabled a trigger" : "dropped triggers", table->shown, from->name,
			there ? ": " : "", there ? lk_cell_text(&r, 0, 1) : "");
	lk_result_free(&r);
	return there && enabled;
}
