/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of the triggers' bodies; the checks are in my_conversion_check.c. */
#include "step/my_conversion.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "step/my_backfill_sql.h"
#include "step/my_expression.h"

/*
 * In the templates {o} and {n} are the two columns as they are called now, {S} "they are equal", {P} and {Q} "the
 * old, the new one has not changed", {d} and {p} "it stands at its default", {t} the table's name in a sentence.
 */
static const char plain_insert[] =
	"  IF NOT {S} THEN\n"
	"    IF {p} THEN SET NEW.{n} = NEW.{o};\n"
	"    ELSEIF {d} THEN SET NEW.{o} = NEW.{n};\n"
	"    ELSE SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =\n"
	"      'lockkeeper: one statement wrote different values into two columns of {t} that are kept equal';\n"
	"    END IF;\n"
	"  END IF;\n";

/* For the backfill's own update triggers of the application fire too, and what they change counts. */
static const char plain_update[] =
	"  IF @lockkeeper_backfill <=> 1 THEN\n"
	"    IF NOT {P} THEN SET NEW.{n} = NEW.{o}; END IF;\n"
	"  ELSEIF NOT (@lockkeeper_backfill <=> 2) AND NOT {S} THEN\n"
	"    IF {Q} THEN SET NEW.{n} = NEW.{o};\n"
	"    ELSEIF {P} THEN SET NEW.{o} = NEW.{n};\n"
	"    ELSE SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =\n"
	"      'lockkeeper: one statement wrote different values into two columns of {t} that are kept equal';\n"
	"    END IF;\n"
	"  END IF;\n";

/*
 * And of those that convert: {f} and {b} are forth and back over the row as it is written, {w} forth over the row as
 * it was, {N} and {O} the types, {A} "the new column is what forth says", {B} "the old one is what back says", {W}
 * "forth says the same as before", {c} "another column that is read has changed".
 */
#define CARRY_FORTH                                                                                \
	"  DECLARE lockkeeper_new {N};\n"                                                          \
	"  DECLARE lockkeeper_old {O};\n"                                                          \
	"  DECLARE lockkeeper_wrong VARCHAR(1000) CHARACTER SET utf8mb4;\n"                        \
	"  DECLARE lockkeeper_back VARCHAR(1000) CHARACTER SET utf8mb4;\n"
#define TRY_FORTH                                                                                  \
	"  BEGIN\n"                                                                                \
	"    DECLARE EXIT HANDLER FOR SQLEXCEPTION\n"                                              \
	"      GET DIAGNOSTICS CONDITION 1 lockkeeper_wrong = MESSAGE_TEXT;\n"                     \
	"    SET lockkeeper_new = {f};\n"                                                          \
	"  END;\n"
#define TRY_BACK                                                                                              \
	"    BEGIN\n"                                                                                         \
	"      DECLARE EXIT HANDLER FOR SQLEXCEPTION\n"                                                       \
	"        GET DIAGNOSTICS CONDITION 1 lockkeeper_back = MESSAGE_TEXT;\n"                               \
	"      SET lockkeeper_old = {b};\n"                                                                   \
	"    END;\n"                                                                                          \
	"    IF lockkeeper_back IS NOT NULL THEN\n"                                                           \
	"      SET lockkeeper_back = LEFT(CONCAT('lockkeeper: {y} of {t} cannot be carried over to {x}: ',\n" \
	"        lockkeeper_back), 128);\n"                                                                   \
	"      SIGNAL SQLSTATE '22000' SET MESSAGE_TEXT = lockkeeper_back;\n"                                 \
	"    END IF;\n"
#define SAY_WRONG                                                                                              \
	"      SET lockkeeper_wrong = LEFT(CONCAT('lockkeeper: {x} of {t} cannot be carried over to {y}: ',\n" \
	"        lockkeeper_wrong), 128);\n"                                                                   \
	"      SIGNAL SQLSTATE '22000' SET MESSAGE_TEXT = lockkeeper_wrong;\n"
#define SAY_DISAGREE                                                                               \
	"      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =\n"                                       \
	"        'lockkeeper: one statement wrote values that do not agree into two columns of {t}';\n"

static const char converting_insert[] =
	CARRY_FORTH TRY_FORTH "  IF lockkeeper_wrong IS NULL AND {A} THEN\n"
			      "    SET lockkeeper_back = NULL;\n"
			      "  ELSEIF {p} THEN\n"
			      "    IF lockkeeper_wrong IS NOT NULL THEN\n" SAY_WRONG "    END IF;\n"
			      "    SET NEW.{n} = lockkeeper_new;\n"
			      "  ELSE\n" TRY_BACK "    IF {d} THEN\n"
			      "      SET NEW.{o} = lockkeeper_old;\n"
			      "    ELSEIF NOT {B} THEN\n" SAY_DISAGREE "    END IF;\n"
			      "  END IF;\n";

static const char converting_update[] = CARRY_FORTH
	"  DECLARE lockkeeper_was {N};\n"
	"  DECLARE lockkeeper_wrote_old BOOLEAN DEFAULT NOT {P};\n"
	"  DECLARE lockkeeper_wrote_new BOOLEAN DEFAULT NOT {Q} AND NOT (@lockkeeper_backfill <=> 1);\n" TRY_FORTH
	"  IF NOT lockkeeper_wrote_old AND ({c}) THEN\n"
	"    BEGIN\n"
	"      DECLARE EXIT HANDLER FOR SQLEXCEPTION SET lockkeeper_wrote_old = lockkeeper_wrong IS NULL;\n"
	"      SET lockkeeper_was = {w};\n"
	"      SET lockkeeper_wrote_old = lockkeeper_wrong IS NOT NULL OR NOT {W};\n"
	"    END;\n"
	"  END IF;\n"
	"  IF @lockkeeper_backfill <=> 2 OR (lockkeeper_wrong IS NULL AND {A}) THEN\n"
	"    SET lockkeeper_back = NULL;\n"
	"  ELSEIF lockkeeper_wrote_new THEN\n" TRY_BACK "    IF NOT lockkeeper_wrote_old THEN\n"
	"      SET NEW.{o} = lockkeeper_old;\n"
	"    ELSEIF NOT {B} THEN\n" SAY_DISAGREE "    END IF;\n"
	"  ELSEIF lockkeeper_wrote_old THEN\n"
	"    IF lockkeeper_wrong IS NOT NULL THEN\n" SAY_WRONG "    END IF;\n"
	"    SET NEW.{n} = lockkeeper_new;\n"
	"  END IF;\n";

struct filler {
	struct lk_session *session;
	const struct lk_my_body *body;
	char *o, *n; /* quoted, as they are called now */
};

static bool is_side(const struct lk_step *step, const char *name)
{
	return strcasecmp(name, step->from) == 0 || strcasecmp(name, step->to) == 0;
}

static bool is_used(const struct lk_step *step, const struct lk_column *column)
{
	return !is_side(step, column->name) &&
	       (lk_my_reads(step->forth, column->name) || lk_my_reads(step->back, column->name));
}

void lk_my_add_value(struct lk_session *session, struct lk_buffer *out,
		     const struct lk_my_pair *pair, const char *expression, const char *record)
{
	const struct lk_step *step = pair->step;
	char *from = session->driver->quote_name(step->from),
	     *to = session->driver->quote_name(step->to);
	char *table = session->driver->quote_name(pair->table.name);
	lk_buffer_addf(out, "(SELECT (%s\n) FROM (SELECT %s.%s AS %s, %s.%s AS %s", expression,
		       record, pair->swapped ? to : from, from, record, pair->swapped ? from : to,
		       to);
	for (size_t i = 0; i < pair->table.column_count; i++)
		if (is_used(step, &pair->table.columns[i]))
			lk_buffer_addf(out, ", %s.%s AS %s", record, pair->table.columns[i].sql,
				       pair->table.columns[i].sql);
	lk_buffer_addf(out, ") AS %s)", table);
	free(table);
	free(to);
	free(from);
}

static void add_same(struct lk_buffer *out, bool text, const char *a, const char *a_name,
		     const char *b, const char *b_name)
{
	char *left = lk_format("%s%s", a, a_name), *right = lk_format("%s%s", b, b_name);
	lk_my_add_same(out, text, left, right);
	free(right);
	free(left);
}

/* A default in the column's own character set, whose bytes are compared. */
static void add_default(struct lk_buffer *out, const char *name, const char *preset,
			const char *charset, bool text)
{
	char *value = NULL;
	if (text && charset)
		value = lk_format("CONVERT(%s USING %s)", preset, charset);
	else
		value = lk_strdup(preset);
	add_same(out, text, "NEW.", name, "", value);
	free(value);
}

static void add_at_default(struct lk_buffer *out, const struct filler *f, bool old)
{
	const struct lk_my_body *b = f->body;
	const char *name = old ? f->o : f->n, *preset = old ? b->old_default : b->new_default;
	const char *charset = old ? b->pair->old_text.charset : b->pair->new_text.charset;
	bool text = old ? b->old_text : b->new_text;
	lk_buffer_add(out, "(");
	if (preset)
		add_default(out, name, preset, charset, text);
	if (old && b->old_zero) {
		lk_buffer_add(out, preset ? " OR " : "");
		add_default(out, name, b->old_zero, charset, text);
	}
	if (!preset || (old && b->old_zero))
		lk_buffer_addf(out, "%sNEW.%s IS NULL",
			       preset || (old && b->old_zero) ? " OR " : "", name);
	lk_buffer_add(out, ")");
}

/* A name within a sentence of at most 128 characters. */
static void add_name(struct lk_buffer *out, const char *name)
{
	char shown[36];
	lk_copy_text(shown, sizeof shown, name);
	for (const char *p = shown; *p; p++) {
		/* A backslash means something in some modes and nothing in others. */
		if (*p != '\\')
			lk_buffer_add_bytes(out, *p == '\'' ? "''" : p, *p == '\'' ? 2 : 1);
	}
}

static void add_type(struct lk_buffer *out, const struct filler *f, bool old)
{
	const struct lk_my_body *b = f->body;
	const struct lk_column *column = old ? b->old_side : b->new_side;
	const struct lk_my_text *text = old ? &b->pair->old_text : &b->pair->new_text;
	lk_buffer_add(out, !old && !column ? b->pair->step->type : column->type);
	if (column && text->charset && strcmp(column->type, "json") != 0)
		lk_buffer_addf(out, " CHARACTER SET %s COLLATE %s", text->charset, text->collation);
}

static void add_change(struct lk_buffer *out, const struct filler *f)
{
	const struct lk_my_pair *pair = f->body->pair;
	lk_buffer_add(out, "FALSE");
	for (size_t i = 0; i < pair->table.column_count; i++) {
		const struct lk_column *column = &pair->table.columns[i];
		if (!is_used(pair->step, column))
			continue;
		lk_buffer_add(out, " OR NOT ");
		add_same(out, lk_my_compared_by_bytes(column->type), "NEW.", column->sql, "OLD.",
			 column->sql);
	}
}

/* Of the templates that convert. */
static void add_conversion(struct lk_buffer *out, const struct filler *f, char letter)
{
	const struct lk_my_body *b = f->body;
	const struct lk_step *step = b->pair->step;
	switch (letter) {
	case 'f':
		lk_my_add_value(f->session, out, b->pair, step->forth, "NEW");
		break;
	case 'w':
		lk_my_add_value(f->session, out, b->pair, step->forth, "OLD");
		break;
	case 'b':
		lk_my_add_value(f->session, out, b->pair, step->back, "NEW");
		break;
	case 'N':
		add_type(out, f, false);
		break;
	case 'O':
		add_type(out, f, true);
		break;
	case 'A':
		add_same(out, b->new_text, "NEW.", f->n, "", "lockkeeper_new");
		break;
	case 'B':
		add_same(out, b->old_text, "NEW.", f->o, "", "lockkeeper_old");
		break;
	case 'W':
		add_same(out, b->new_text, "", "lockkeeper_was", "", "lockkeeper_new");
		break;
	default:
		add_change(out, f);
	}
}

static void add_part(struct lk_buffer *out, const struct filler *f, char letter)
{
	const struct lk_my_body *b = f->body;
	const struct lk_step *step = b->pair->step;
	bool swapped = b->pair->swapped;
	switch (letter) {
	case 'o':
		lk_buffer_add(out, f->o);
		break;
	case 'n':
		lk_buffer_add(out, f->n);
		break;
	case 'S':
		add_same(out, b->old_text, "NEW.", f->o, "NEW.", f->n);
		break;
	case 'P':
		add_same(out, b->old_text, "NEW.", f->o, "OLD.", f->o);
		break;
	case 'Q':
		add_same(out, b->new_text, "NEW.", f->n, "OLD.", f->n);
		break;
	case 'd':
	case 'p':
		add_at_default(out, f, letter == 'd');
		break;
	case 't':
		add_name(out, b->pair->table.name);
		break;
	case 'x':
		add_name(out, swapped ? step->to : step->from);
		break;
	case 'y':
		add_name(out, swapped ? step->from : step->to);
		break;
	default:
		add_conversion(out, f, letter);
	}
}

static char *fill(struct lk_session *session, const struct lk_my_body *body, const char *template)
{
	struct lk_buffer out = {0};
	const struct lk_my_pair *pair = body->pair;
	const struct lk_step *step = pair->step;
	struct filler f = {.session = session, .body = body};
	f.o = session->driver->quote_name(pair->swapped ? step->to : step->from);
	f.n = session->driver->quote_name(pair->swapped ? step->from : step->to);
	char *mark = lk_my_pair_mark(step, pair->swapped);
	lk_buffer_addf(&out, "BEGIN %s\n", mark);
	for (const char *p = template; *p; p++) {
		if (p[0] == '{' && p[1] && p[2] == '}') {
			add_part(&out, &f, p[1]);
			p += 2;
		} else {
			lk_buffer_add_bytes(&out, p, 1);
		}
	}
	lk_buffer_add(&out, "END");
	free(mark);
	free(f.n);
	free(f.o);
	return lk_buffer_take(&out);
}

char *lk_my_body_insert(struct lk_session *session, const struct lk_my_body *body)
{
	return fill(session, body,
		    lk_my_converts(body->pair->step) ? converting_insert : plain_insert);
}

char *lk_my_body_update(struct lk_session *session, const struct lk_my_body *body)
{
	return fill(session, body,
		    lk_my_converts(body->pair->step) ? converting_update : plain_update);
}
