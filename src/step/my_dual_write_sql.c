/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_dual_write_sql.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "catalog/my_default.h"
#include "catalog/my_definition.h"
#include "step/my_backfill_sql.h"
#include "step/my_conversion.h"

/* By a type's first word. What has no value of its own that strict mode takes gets one that nobody means. */
static const struct {
	const char *type, *value;
} zeros[] = {
	{"tinyint", "0"},
	{"smallint", "0"},
	{"mediumint", "0"},
	{"int", "0"},
	{"bigint", "0"},
	{"decimal", "0"},
	{"float", "0"},
	{"double", "0"},
	{"year", "0"},
	{"bit", "b'0'"},
	{"char", "''"},
	{"varchar", "''"},
	{"binary", "''"},
	{"varbinary", "''"},
	{"set", "''"},
	{"date", "'1000-01-01'"},
	{"datetime", "'1000-01-01 00:00:00'"},
	{"timestamp", "'2000-01-01 00:00:00'"},
	{"time", "'00:00:00'"},
	{"uuid", "'00000000-0000-0000-0000-000000000000'"},
	{"inet6", "'::'"},
	{"inet4", "'0.0.0.0'"},
	/* MySQL takes an expression as such a column's default, but no literal, in parentheses or not. */
	{"tinytext", "(concat(''))"},
	{"text", "(concat(''))"},
	{"mediumtext", "(concat(''))"},
	{"longtext", "(concat(''))"},
	{"tinyblob", "(concat(''))"},
	{"blob", "(concat(''))"},
	{"mediumblob", "(concat(''))"},
	{"longblob", "(concat(''))"},
	{"json", "(json_array())"},
};

char *lk_my_zero_of(const struct lk_column *column)
{
	const char *type = column->type;
	size_t length =
		strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	for (size_t i = 0; i < LK_COUNT(zeros); i++)
		if (strlen(zeros[i].type) == length &&
		    strncasecmp(type, zeros[i].type, length) == 0)
			return lk_strdup(zeros[i].value);
	if (length != 4 || strncasecmp(type, "enum", 4) != 0 || !strchr(type, '\''))
		return NULL;
	/* Its first member. */
	const char *start = strchr(type, '\''), *end = start + 1;
	while (*end && (*end != '\'' || end[1] == '\''))
		end += *end == '\'' || (*end == '\\' && end[1]) ? 2 : 1;
	return lk_strndup(start, (size_t)(end - start) + 1);
}

/* Whether the server would ask for a value of this column before triggers run. */
static bool needs_default(const struct lk_column *column)
{
	return column->not_null && !column->default_sql;
}

/* The default that the second column shall have; NULL in *preset: none. */
static bool preset_of(struct lk_session *session, const struct lk_my_pair *pair,
		      const struct lk_column *from, const struct lk_column *like, char **preset,
		      struct lk_error *error)
{
	*preset = NULL;
	if (lk_my_converts(pair->step))
		return lk_my_converted_default(session, from, pair->step->forth, preset, error);
	if (like->default_sql)
		*preset = lk_strdup(like->default_sql);
	return true;
}

/* A definition without its DEFAULT. */
static char *without_default(const char *definition, const char *preset)
{
	char *clause = lk_format(" DEFAULT %s", preset);
	const char *at = strstr(definition, clause);
	if (!at) {
		free(clause);
		clause = lk_format(" DEFAULT (%s)", preset);
		at = strstr(definition, clause);
	}
	char *text =
		at ? lk_format("%.*s%s", (int)(at - definition), definition, at + strlen(clause))
		   : lk_strdup(definition);
	free(clause);
	return text;
}

static char *definition_of(struct lk_session *session, const struct lk_my_pair *pair,
			   const struct lk_column *like, const char *preset)
{
	if (lk_my_converts(pair->step)) {
		char *clause = preset ? lk_my_default_clause(preset) : lk_strdup("");
		char *text = lk_format("%s NULL%s%s", pair->step->type,
				       lk_my_is_literal(preset ? preset : "x") ? " " : "",
				       lk_my_is_literal(preset ? preset : "x") ? clause : "");
		free(clause);
		return text;
	}
	(void)session;
	char *nullable = lk_my_with_not_null(like->definition, false);
	/* A check of the column's own speaks of it by its name. */
	char *renamed = lk_my_replaced(nullable, like->name, pair->step->to);
	char *text = preset && !lk_my_is_literal(preset) ? without_default(renamed, preset)
							 : lk_strdup(renamed);
	free(renamed);
	free(nullable);
	return text;
}

char *lk_my_dual_write_add(struct lk_session *session, const struct lk_my_pair *pair,
			   const struct lk_column *from, const struct lk_column *like,
			   struct lk_error *error)
{
	char *preset;
	if (!preset_of(session, pair, from, like, &preset, error))
		return NULL;
	char *to = session->driver->quote_name(pair->step->to);
	char *definition = definition_of(session, pair, like, preset);
	char *text = lk_format("ADD COLUMN %s %s", to, definition);
	free(definition);
	free(to);
	free(preset);
	return text;
}

char *lk_my_dual_write_defaults(struct lk_session *session, const struct lk_my_pair *pair,
				const struct lk_column *from, const struct lk_column *like,
				struct lk_error *error)
{
	char *preset;
	struct lk_buffer out = {0};
	if (!preset_of(session, pair, from, like, &preset, error))
		return NULL;
	lk_buffer_add(&out, "");
	if (preset && !lk_my_is_literal(preset)) {
		char *to = session->driver->quote_name(pair->step->to);
		char *clause = lk_my_default_clause(preset);
		lk_buffer_addf(&out, "ALTER COLUMN %s SET %s", to, clause);
		free(clause);
		free(to);
	}
	if (needs_default(from)) {
		char *zero = lk_my_zero_of(from);
		if (zero)
			lk_buffer_addf(&out, "%sALTER COLUMN %s SET DEFAULT %s",
				       lk_buffer_text(&out)[0] ? ", " : "", from->sql, zero);
		free(zero);
	}
	free(preset);
	return lk_buffer_take(&out);
}

/* How the catalog shows the zero that we gave: "concat('')" for "(concat(''))", "'0.0000'" for "0". */
static bool is_zero(const char *shown, const char *zero)
{
	static const char ignored[] = "()'\"b_utf8m34 0.:-";
	const char *a = shown, *b = zero;
	for (;;) {
		a += strspn(a, ignored);
		b += strspn(b, ignored);
		if (!*a || *a != *b)
			return *a == *b;
		a++;
		b++;
	}
}

char *lk_my_dual_write_restore(const struct lk_my_pair *pair)
{
	const struct lk_column *from = pair->old_side, *to = pair->new_side;
	char *zero = from && from->not_null ? lk_my_zero_of(from) : NULL, *text = NULL;
	/* The new column has the default that the old one had before us: none. Somebody may have set another since. */
	if (pair->lent && zero && from->default_sql && to && !to->default_sql &&
	    is_zero(from->default_sql, zero))
		text = lk_format(", ALTER COLUMN %s DROP DEFAULT", from->sql);
	free(zero);
	return text ? text : lk_strdup("");
}

/* The trigger that ours must come behind, as " FOLLOWS `name`"; "" none. An old one of ours may be about to go. */
static bool find_last(struct lk_session *session, const struct lk_my_pair *pair, const char *event,
		      char **follows, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = $1"
		    " AND event_object_table = $2 AND action_timing = 'BEFORE'"
		    " AND event_manipulation = $3 AND trigger_name NOT IN ($4, $5)"
		    " ORDER BY action_order DESC LIMIT 1",
		    pair->table.schema, pair->table.name, event, pair->insert_name,
		    pair->update_name))
		return false;
	char *name = r.rows ? session->driver->quote_name(lk_cell_text(&r, 0, 0)) : NULL;
	*follows = name ? lk_format(" FOLLOWS %s", name) : lk_strdup("");
	free(name);
	lk_result_free(&r);
	return true;
}

static void fill_body(const struct lk_my_pair *pair, struct lk_my_body *body)
{
	const struct lk_column *from = pair->old_side, *to = pair->new_side;
	bool converts = lk_my_converts(pair->step);
	*body = (struct lk_my_body){.pair = pair,
				    .old_side = from,
				    .new_side = to,
				    .old_default = from->default_sql,
				    .new_default = to ? to->default_sql : NULL,
				    .old_text = lk_my_compared_by_bytes(from->type)};
	body->new_text = to	    ? lk_my_compared_by_bytes(to->type)
			 : converts ? lk_my_compared_by_bytes(pair->step->type)
				    : body->old_text;
}

char *lk_my_dual_write_trigger(struct lk_session *session, const struct lk_my_pair *pair,
			       bool insert, struct lk_error *error)
{
	struct lk_my_body body;
	char *follows;
	const char *event = insert ? "INSERT" : "UPDATE";
	if (!find_last(session, pair, event, &follows, error))
		return NULL;
	fill_body(pair, &body);
	char *restore = lk_my_dual_write_restore(pair), *zero = NULL;
	/* The one that we gave, or (while explaining) shall give. */
	if (restore[0] || needs_default(pair->old_side)) {
		zero = lk_my_zero_of(pair->old_side);
		body.old_zero = zero;
		body.old_default = NULL;
	}
	free(restore);
	char *name =
		lk_my_pair_trigger(session, pair, insert ? pair->insert_name : pair->update_name);
	char *text = insert ? lk_my_body_insert(session, &body) : lk_my_body_update(session, &body);
	char *sql = lk_format("CREATE TRIGGER %s BEFORE %s ON %s FOR EACH ROW%s\n%s", name, event,
			      pair->table.sql, follows, text);
	free(text);
	free(name);
	free(zero);
	free(follows);
	return sql;
}

char *lk_my_dual_write_drop(struct lk_session *session, const struct lk_my_pair *pair, bool insert)
{
	char *name =
		lk_my_pair_trigger(session, pair, insert ? pair->insert_name : pair->update_name);
	char *sql = lk_format("DROP TRIGGER IF EXISTS %s", name);
	free(name);
	return sql;
}

bool lk_my_dual_write_lends(const struct lk_column *from)
{
	char *zero = needs_default(from) ? lk_my_zero_of(from) : NULL;
	bool lends = zero != NULL;
	free(zero);
	return lends;
}

char *lk_my_dual_write_cleanup(struct lk_session *session, const struct lk_my_pair *pair, bool lent)
{
	char *insert = lk_my_dual_write_drop(session, pair, true);
	char *update = lk_my_dual_write_drop(session, pair, false);
	char *from = session->driver->quote_name(pair->step->from);
	char *to = session->driver->quote_name(pair->step->to);
	char *sql = lk_format("%s;\n%s;\nALTER TABLE %s DROP COLUMN %s%s%s%s", insert, update,
			      pair->table.sql, to, lent ? ", ALTER COLUMN " : "", lent ? from : "",
			      lent ? " DROP DEFAULT" : "");
	free(to);
	free(from);
	free(update);
	free(insert);
	return sql;
}
