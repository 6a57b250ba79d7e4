/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_dual_write_sql.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

char *lk_pg_dual_write_function(const struct lk_table *table, const struct lk_column *from)
{
	return lk_format("lockkeeper.dual_write_%lld_%d", (long long)table->id, from->number);
}

static void add_function(struct lk_buffer *out, const char *function, const struct lk_column *from,
			 const char *to)
{
	const char *d = from->default_sql ? from->default_sql : "NULL";
	const char *o = from->sql, *n = to;
	lk_buffer_addf(
		out,
		"CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql%s AS $lockkeeper$\n"
		"BEGIN\n"
		"  IF TG_ARGV[0] = 'insert' THEN\n"
		"    IF NEW.%s IS NOT DISTINCT FROM (%s) THEN NEW.%s := NEW.%s; RETURN NEW; END IF;\n"
		"    IF NEW.%s IS NOT DISTINCT FROM (%s) THEN NEW.%s := NEW.%s; RETURN NEW; END IF;\n",
		function, from->builtin ? "" : " SET search_path FROM CURRENT", n, d, n, o, o, d, o,
		n);
	lk_buffer_addf(
		out,
		"  ELSIF TG_ARGV[0] = 'old' THEN\n"
		"    IF NEW.%s IS NOT DISTINCT FROM OLD.%s OR NEW.%s IS NOT DISTINCT FROM NEW.%s THEN\n"
		"      NEW.%s := NEW.%s; RETURN NEW;\n"
		"    END IF;\n"
		"    IF NEW.%s IS NOT DISTINCT FROM OLD.%s THEN RETURN NEW; END IF;\n",
		n, n, n, o, n, o, o, o);
	lk_buffer_addf(
		out,
		"  ELSIF TG_ARGV[0] = 'new' THEN\n"
		"    IF NEW.%s IS NOT DISTINCT FROM OLD.%s OR NEW.%s IS NOT DISTINCT FROM NEW.%s THEN\n"
		"      NEW.%s := NEW.%s; RETURN NEW;\n"
		"    END IF;\n",
		o, o, o, n, o, n);
	lk_buffer_addf(
		out,
		"  ELSE\n"
		"    IF NEW.%s IS NOT DISTINCT FROM OLD.%s THEN NEW.%s := NEW.%s; RETURN NEW; END IF;\n"
		"    IF NEW.%s IS NOT DISTINCT FROM OLD.%s THEN NEW.%s := NEW.%s; RETURN NEW; END IF;\n"
		"  END IF;\n",
		n, n, n, o, o, o, o, n);
	lk_buffer_addf(
		out,
		"  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =\n"
		"    pg_catalog.format('lockkeeper: one statement wrote different values into two columns of %%I that are "
		"kept equal', TG_TABLE_NAME);\n"
		"END $lockkeeper$;\n"
		"COMMENT ON FUNCTION %s() IS 'lockkeeper: keeps two columns of a table equal during a migration'",
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
		      " AND tgtype & 3 = 3 AND tgname !~ '^(zz_|~~)lockkeeper'"
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

static void add_trigger(struct lk_buffer *out, const char *names[4], const char *when)
{
	/* names: trigger, event, table, function with argument */
	lk_buffer_addf(
		out,
		";\nCREATE TRIGGER %s BEFORE %s ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION %s;\n"
		"ALTER TABLE %s ENABLE ALWAYS TRIGGER %s",
		names[0], names[1], names[2], when, names[3], names[2], names[0]);
}

#define NOT_BACKFILL "pg_catalog.current_setting('lockkeeper.backfill', true) IS DISTINCT FROM 'on'"

static void add_triggers(struct lk_buffer *out, const struct lk_table *table,
			 const struct lk_column *from, const char *to, const char *prefix)
{
	static const char *const kinds[] = {"insert", "old", "new", "rest"};
	char *function = lk_pg_dual_write_function(table, from);
	char *differ = lk_format("NEW.%s IS DISTINCT FROM NEW.%s AND " NOT_BACKFILL, from->sql, to);
	for (size_t i = 0; i < LK_COUNT(kinds); i++) {
		/* The order a, b, c of the update triggers matters: see the function. */
		char *name =
			lk_format("\"%s_%d_%c_%s\"", prefix, from->number, "iabc"[i], kinds[i]);
		char *event = i == 0   ? lk_strdup("INSERT")
			      : i == 1 ? lk_format("UPDATE OF %s", from->sql)
			      : i == 2 ? lk_format("UPDATE OF %s", to)
				       : lk_strdup("UPDATE");
		char *call = lk_format("%s('%s')", function, kinds[i]);
		add_trigger(out, (const char *[]){name, event, table->sql, call},
			    i == 0 || i == 3 ? differ : NOT_BACKFILL);
		free(name);
		free(event);
		free(call);
	}
	free(differ);
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

static void add_column(struct lk_session *session, struct lk_buffer *out,
		       const struct lk_table *table, const struct lk_column *like, const char *to)
{
	lk_buffer_addf(out, "ALTER TABLE %s ADD COLUMN %s %s", table->sql, to, like->type);
	if (like->collation)
		lk_buffer_addf(out, " COLLATE %s", like->collation);
	/* Given afterwards, the default is not written into the rows that are already there. */
	if (like->default_sql)
		lk_buffer_addf(out, ";\nALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", table->sql,
			       to, like->default_sql);
	if (like->comment) {
		char *comment = session->driver->quote_text(like->comment);
		lk_buffer_addf(out, ";\nCOMMENT ON COLUMN %s.%s IS %s", table->sql, to, comment);
		free(comment);
	}
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
	if (lk_table_column(table, step->to))
		return lk_fail(
			error, LK_ERROR_PLAN,
			"table %s already has a column \"%s\": choose another name, or drop it if it was left "
			"by an earlier attempt",
			table->shown, step->to);
	return true;
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
	if (!like || !may_keep_equal(table, from, step, error) ||
	    !choose_prefix(session, table, &prefix, error))
		return NULL;
	char *to = session->driver->quote_name(step->to);
	char *function = lk_pg_dual_write_function(table, from);
	add_column(session, &out, table, like, to);
	bool granted = add_grants(session, &out, table, like, to, error);
	lk_buffer_add(&out, ";\n");
	add_function(&out, function, from, to);
	add_triggers(&out, table, from, to, prefix);
	free(function);
	free(to);
	if (granted)
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
