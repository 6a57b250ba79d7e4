/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of the function and the triggers; the checks are in pg_conversion_check.c. */
#include "step/pg_conversion.h"

#include <string.h>

#include "base/memory.h"
#include "step/pg_dual_write_sql.h"

/*
 * In the templates {o} and {n} are the two columns as they are called now, {d} and {p} their defaults, {f}
 * and {b} forth and back over the row as it is written, {w} forth over the row as it was, {O} and {N} the
 * types, {c} "another column that is read has changed", {x} and {y} the columns' names as texts.
 */
static const char body[] =
	"#variable_conflict use_column\n"
	"DECLARE\n"
	"  lockkeeper_new {N};\n"
	"  lockkeeper_was {N};\n"
	"  lockkeeper_old {O};\n"
	"  lockkeeper_wrong text;\n"
	"  lockkeeper_wrote_old boolean := false;\n"
	"  lockkeeper_wrote_new boolean := true;\n"
	"BEGIN\n"
	"  BEGIN\n"
	"    lockkeeper_new := {f};\n"
	"  EXCEPTION WHEN OTHERS THEN lockkeeper_wrong := SQLERRM;\n"
	"  END;\n"
	/* The old column was given the value it has. */
	"  IF TG_ARGV[0] = 'given_old' THEN\n"
	"    IF lockkeeper_wrong IS NULL THEN NEW.{n} := lockkeeper_new; END IF;\n"
	"    RETURN NEW;\n"
	"  END IF;\n"
	"  IF lockkeeper_wrong IS NULL AND NEW.{n} IS NOT DISTINCT FROM lockkeeper_new THEN\n"
	"    RETURN NEW;\n"
	"  END IF;\n"
	"  IF TG_OP = 'INSERT' THEN\n"
	"    lockkeeper_wrote_new := NEW.{n} IS DISTINCT FROM {p};\n"
	"    lockkeeper_wrote_old := NEW.{o} IS DISTINCT FROM {d};\n"
	/* The same of the new one. A row that cannot be converted is nobody's statement to mend. */
	"  ELSIF TG_ARGV[0] = 'given_new' THEN\n"
	"    IF lockkeeper_wrong IS NOT NULL THEN RETURN NEW; END IF;\n"
	"  ELSE\n"
	"    lockkeeper_wrote_new := NEW.{n} IS DISTINCT FROM OLD.{n}\n"
	"      AND current_setting('lockkeeper.backfill', true) IS DISTINCT FROM 'on';\n"
	"    lockkeeper_wrote_old := NEW.{o} IS DISTINCT FROM OLD.{o};\n"
	"    IF NOT lockkeeper_wrote_old AND ({c}) THEN\n"
	"      BEGIN\n"
	"        lockkeeper_was := {w};\n"
	"        lockkeeper_wrote_old := lockkeeper_wrong IS NOT NULL OR lockkeeper_new IS DISTINCT FROM "
	"lockkeeper_was;\n"
	"      EXCEPTION WHEN OTHERS THEN lockkeeper_wrote_old := lockkeeper_wrong IS NULL;\n"
	"      END;\n"
	"    END IF;\n"
	"    IF NOT lockkeeper_wrote_old AND NOT lockkeeper_wrote_new THEN RETURN NEW; END IF;\n"
	"  END IF;\n"
	"  IF lockkeeper_wrote_new THEN\n"
	"    BEGIN\n"
	"      lockkeeper_old := {b};\n"
	"    EXCEPTION WHEN OTHERS THEN\n"
	"      RAISE EXCEPTION USING ERRCODE = 'data_exception', MESSAGE = format('lockkeeper: what this "
	"statement writes to column %I of %I cannot be carried over to column %I, which a migration keeps "
	"in step: %s', {y}, TG_TABLE_NAME, {x}, SQLERRM);\n"
	"    END;\n"
	"    IF NOT lockkeeper_wrote_old THEN\n"
	"      NEW.{o} := lockkeeper_old;\n"
	"    ELSIF NEW.{o} IS DISTINCT FROM lockkeeper_old THEN\n"
	"      RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = "
	"format('lockkeeper: one statement wrote values that do not agree into columns %I and %I of %I, "
	"which are kept in step', {x}, {y}, TG_TABLE_NAME);\n"
	"    END IF;\n"
	"  ELSIF lockkeeper_wrong IS NOT NULL THEN\n"
	"    RAISE EXCEPTION USING ERRCODE = 'data_exception', MESSAGE = format('lockkeeper: what this "
	"statement writes to column %I of %I cannot be carried over to column %I, which a migration keeps "
	"in step: %s', {x}, TG_TABLE_NAME, {y}, lockkeeper_wrong);\n"
	"  ELSE\n"
	"    NEW.{n} := lockkeeper_new;\n"
	"  END IF;\n"
	"  RETURN NEW;\n"
	"END ";

struct filler {
	const struct lk_pg_conversion *conversion;
	char *old_sql, *new_sql; /* quoted, as they are called now */
	bool swapped;
};

static char *quote(const char *text, char mark)
{
	struct lk_buffer out = {0};
	lk_buffer_add_bytes(&out, &mark, 1);
	for (const char *p = text; *p; p++) {
		if (*p == mark)
			lk_buffer_add_bytes(&out, &mark, 1);
		lk_buffer_add_bytes(&out, p, 1);
	}
	lk_buffer_add_bytes(&out, &mark, 1);
	return lk_buffer_take(&out);
}

/* "(SELECT (price * 100\n) FROM (SELECT NEW."price" AS "price") AS "t")": names are columns and nothing else,
 * those that they were when the expression was written. */
static void add_value(struct lk_buffer *out, const struct filler *filler, const char *expression,
		      const char *record)
{
	const struct lk_pg_conversion *c = filler->conversion;
	char *from = quote(c->step->from, '"'), *to = quote(c->step->to, '"');
	char *name = quote(c->table->name, '"');
	lk_buffer_addf(out, "(SELECT (%s\n) FROM (SELECT %s.%s AS %s, %s.%s AS %s", expression,
		       record, filler->old_sql, from, record, filler->new_sql, to);
	for (size_t i = 0; i < c->used_count; i++)
		lk_buffer_addf(out, ", %s.%s AS %s", record, c->used[i]->sql, c->used[i]->sql);
	lk_buffer_addf(out, ") AS %s)", name);
	free(name);
	free(to);
	free(from);
}

/* A type without equality is compared by its text. */
static void add_change(struct lk_buffer *out, const struct lk_pg_conversion *c, const char *joint,
		       const char *comparison)
{
	for (size_t i = 0; i < c->used_count; i++) {
		const char *cast = c->used[i]->comparable ? "" : "::pg_catalog.text";
		lk_buffer_addf(out, "%sNEW.%s%s %s OLD.%s%s", joint, c->used[i]->sql, cast,
			       comparison, c->used[i]->sql, cast);
	}
}

static void add_name(struct lk_buffer *out, const char *name)
{
	char *text = quote(name, '\'');
	lk_buffer_add(out, text);
	free(text);
}

static void add_default(struct lk_buffer *out, const char *preset, const char *type)
{
	if (preset)
		lk_buffer_addf(out, "CAST(%s AS %s)", preset, type);
	else
		lk_buffer_add(out, "NULL");
}

static void add_part(struct lk_buffer *out, const struct filler *filler, char letter)
{
	const struct lk_pg_conversion *c = filler->conversion;
	const struct lk_step *step = c->step;
	switch (letter) {
	case 'o':
		lk_buffer_add(out, filler->old_sql);
		break;
	case 'n':
		lk_buffer_add(out, filler->new_sql);
		break;
	case 'd':
		add_default(out, c->from->default_sql, c->from->type);
		break;
	case 'p':
		add_default(out, c->preset, step->type);
		break;
	case 'f':
		add_value(out, filler, step->forth, "NEW");
		break;
	case 'w':
		add_value(out, filler, step->forth, "OLD");
		break;
	case 'b':
		add_value(out, filler, step->back, "NEW");
		break;
	case 'O':
		lk_buffer_addf(out, "%s%s%s", c->from->type, c->from->collation ? " COLLATE " : "",
			       c->from->collation ? c->from->collation : "");
		break;
	case 'N':
		lk_buffer_add(out, step->type);
		break;
	case 'c':
		lk_buffer_add(out, "false");
		add_change(out, c, " OR ", "IS DISTINCT FROM");
		break;
	case 'x':
		add_name(out, filler->swapped ? step->to : step->from);
		break;
	default:
		add_name(out, filler->swapped ? step->from : step->to);
		break;
	}
}

static void fill(struct lk_buffer *out, const struct filler *filler, const char *template)
{
	for (const char *p = template; *p; p++) {
		if (p[0] == '{' && p[1] && p[2] == '}') {
			add_part(out, filler, p[1]);
			p += 2;
		} else {
			lk_buffer_add_bytes(out, p, 1);
		}
	}
}

static struct filler filler_of(const struct lk_pg_conversion *c, bool swapped)
{
	return (struct filler){.conversion = c,
			       .old_sql = quote(swapped ? c->step->to : c->step->from, '"'),
			       .new_sql = quote(swapped ? c->step->from : c->step->to, '"'),
			       .swapped = swapped};
}

static void free_filler(struct filler *filler)
{
	free(filler->old_sql);
	free(filler->new_sql);
}

void lk_pg_conversion_function(const struct lk_pg_conversion *conversion, bool swapped,
			       const char *function, struct lk_buffer *out)
{
	struct lk_buffer text = {0};
	struct filler filler = filler_of(conversion, swapped);
	fill(&text, &filler, body);
	char *mark = lk_pg_dollar_quote(lk_buffer_text(&text));
	lk_buffer_addf(out,
		       "FUNCTION %s() RETURNS trigger LANGUAGE plpgsql SET "
		       "search_path = %s AS %s\n%s%s",
		       function, conversion->path, mark, lk_buffer_text(&text), mark);
	free(mark);
	free_filler(&filler);
	lk_buffer_free(&text);
}

#define SAME "NEW.{o} IS NOT DISTINCT FROM OLD.{o} AND NEW.{n} IS NOT DISTINCT FROM OLD.{n}"

/* The conditions go on with the other columns that are read. They fire in order of name, and each sees what those before it changed. */
static const struct rule {
	const char *name, *event, *when, *act;
} rules[] = {
	{"i1", "INSERT", NULL, "inserted"},
	{"u1", "UPDATE", "NOT (" SAME, "changed"},
	{"u2", "UPDATE OF {o}", "(" SAME, "given_old"},
	{"u3", "UPDATE OF {n}",
	 "pg_catalog.current_setting('lockkeeper.backfill', true) IS DISTINCT FROM 'on' AND (" SAME,
	 "given_new"},
};

size_t lk_pg_conversion_trigger_count(void)
{
	return LK_COUNT(rules);
}

void lk_pg_conversion_triggers(const struct lk_pg_conversion *conversion, const char *prefix,
			       const char *function, struct lk_buffer *out)
{
	const struct lk_table *table = conversion->table;
	struct filler filler = filler_of(conversion, false);
	for (size_t i = 0; i < LK_COUNT(rules); i++) {
		lk_buffer_addf(out, ";\nCREATE TRIGGER \"%s_%d_%s\" BEFORE ", prefix,
			       conversion->from->number, rules[i].name);
		fill(out, &filler, rules[i].event);
		lk_buffer_addf(out, " ON %s FOR EACH ROW", table->sql);
		if (rules[i].when) {
			lk_buffer_add(out, " WHEN (");
			fill(out, &filler, rules[i].when);
			add_change(out, conversion, " AND ", "IS NOT DISTINCT FROM");
			lk_buffer_add(out, "))");
		}
		lk_buffer_addf(out, " EXECUTE FUNCTION %s('%s')", function, rules[i].act);
	}
	/* Also where session_replication_role is replica. */
	lk_buffer_addf(out, ";\nALTER TABLE %s", table->sql);
	for (size_t i = 0; i < LK_COUNT(rules); i++)
		lk_buffer_addf(out, "%s ENABLE ALWAYS TRIGGER \"%s_%d_%s\"", i ? "," : "", prefix,
			       conversion->from->number, rules[i].name);
	free_filler(&filler);
}
