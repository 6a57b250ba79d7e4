/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_key.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "db/my_text.h"

static enum lk_my_form form_of(const char *type)
{
	static const struct {
		const char *type;
		enum lk_my_form form;
	} forms[] = {
		{"tinyint", LK_MY_NUMBER},   {"smallint", LK_MY_NUMBER},
		{"mediumint", LK_MY_NUMBER}, {"int", LK_MY_NUMBER},
		{"bigint", LK_MY_NUMBER},    {"decimal", LK_MY_NUMBER},
		{"year", LK_MY_NUMBER},	     {"float", LK_MY_FLOAT},
		{"double", LK_MY_FLOAT},     {"bit", LK_MY_BITS},
		{"enum", LK_MY_ENUM},	     {"char", LK_MY_TEXT},
		{"varchar", LK_MY_TEXT},     {"tinytext", LK_MY_TEXT},
		{"text", LK_MY_TEXT},	     {"mediumtext", LK_MY_TEXT},
		{"longtext", LK_MY_TEXT},    {"binary", LK_MY_BYTES},
		{"varbinary", LK_MY_BYTES},  {"tinyblob", LK_MY_BYTES},
		{"blob", LK_MY_BYTES},	     {"mediumblob", LK_MY_BYTES},
		{"longblob", LK_MY_BYTES},
	};
	for (size_t i = 0; i < LK_COUNT(forms); i++)
		if (strcasecmp(type, forms[i].type) == 0)
			return forms[i].form;
	/* Dates, times, UUID, INET6: their text is exact, and is taken back as it is. */
	return LK_MY_PLAIN;
}

/* "enum('a','it''s')": each member as the literal that stands there. */
static void read_members(const char *type, struct lk_my_key_part *part)
{
	const char *p = strchr(type, '\'');
	/* Number 0 is what could not be stored while sql_mode was lax; it reads as an empty text. */
	*LK_PUSH(part->members, part->member_count) = lk_strdup("''");
	while (p) {
		const char *end = p + 1;
		while (*end && (*end != '\'' || end[1] == '\''))
			end += *end == '\'' || (*end == '\\' && end[1]) ? 2 : 1;
		*LK_PUSH(part->members, part->member_count) =
			lk_strndup(p, (size_t)(end - p) + (*end ? 1 : 0));
		p = *end ? strchr(end + 1, '\'') : NULL;
	}
}

static bool read_part(struct lk_session *session, struct lk_my_key *key, size_t i,
		      struct lk_error *error)
{
	const struct lk_table *table = key->table;
	struct lk_my_key_part *part = &key->parts[i];
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT data_type, column_type, character_set_name FROM information_schema.columns"
		    " WHERE table_schema = $1 AND table_name = $2 AND column_name = $3",
		    table->schema, table->name, table->key.columns[i]))
		return false;
	if (r.rows == 0) {
		lk_result_free(&r);
		return lk_fail(error, LK_ERROR_REFUSED, "column %s of the key of %s has gone",
			       table->key.columns[i], table->shown);
	}
	const char *type = lk_cell_text(&r, 0, 0);
	part->form = form_of(type);
	part->charset = lk_strdup(lk_cell_text(&r, 0, 2));
	key->timestamp = key->timestamp || strcasecmp(type, "timestamp") == 0;
	if (part->form == LK_MY_ENUM)
		read_members(lk_cell_text(&r, 0, 1), part);
	lk_result_free(&r);
	return true;
}

bool lk_my_key_read(struct lk_session *session, const struct lk_table *table, struct lk_my_key *key,
		    struct lk_error *error)
{
	*key = (struct lk_my_key){.table = table,
				  .parts = lk_alloc(table->key.count * sizeof *key->parts)};
	for (size_t i = 0; i < table->key.count; i++)
		if (!read_part(session, key, i, error)) {
			lk_my_key_free(key);
			return false;
		}
	return true;
}

void lk_my_key_free(struct lk_my_key *key)
{
	for (size_t i = 0; key->parts && i < key->table->key.count; i++) {
		free(key->parts[i].charset);
		for (size_t m = 0; m < key->parts[i].member_count; m++)
			free(key->parts[i].members[m]);
		free(key->parts[i].members);
	}
	free(key->parts);
	*key = (struct lk_my_key){0};
}

void lk_my_key_add_columns(const struct lk_my_key *key, struct lk_buffer *out)
{
	for (size_t i = 0; i < key->table->key.count; i++) {
		const char *name = key->table->key.sql[i];
		lk_buffer_add(out, i ? ", " : "");
		switch (key->parts[i].form) {
		case LK_MY_FLOAT:
			lk_buffer_addf(out, "%s + 0e0", name);
			break;
		case LK_MY_BITS:
		case LK_MY_ENUM:
			lk_buffer_addf(out, "%s + 0", name);
			break;
		case LK_MY_TEXT:
		case LK_MY_BYTES:
			lk_buffer_addf(out, "HEX(%s)", name);
			break;
		default:
			lk_buffer_add(out, name);
		}
	}
}

void lk_my_key_add_order(const struct lk_my_key *key, const char *direction, char *const *low,
			 char *const *high, struct lk_buffer *out)
{
	size_t count = key->table->key.count, first = 0;
	while (low && high && first + 1 < count && key->parts[first].form == LK_MY_ENUM &&
	       strcmp(low[first], high[first]) == 0)
		first++;
	for (size_t i = first; i < count; i++)
		lk_buffer_addf(out, "%s%s%s", i > first ? ", " : "", key->table->key.sql[i],
			       direction);
}

/* Whether a text is what it should be: it comes from the journal, where people may have written. */
static bool holds_only(const char *text, const char *characters)
{
	return *text && text[strspn(text, characters)] == '\0';
}

static void add_literal(const struct lk_my_key_part *part, const char *value, struct lk_buffer *out)
{
	bool text = part->form == LK_MY_TEXT, hex = text || part->form == LK_MY_BYTES;
	if (hex && (!*value || holds_only(value, "0123456789ABCDEFabcdef"))) {
		lk_buffer_addf(out, "%s%s%sx'%s'", text ? "_" : "", text ? part->charset : "",
			       text ? " " : "", value);
	} else if (!hex && part->form != LK_MY_PLAIN && holds_only(value, "0123456789.+-eE")) {
		lk_buffer_add(out, value);
	} else {
		char *quoted = lk_my_quote_text(value);
		lk_buffer_add(out, quoted);
		free(quoted);
	}
}

/* The number of an ENUM's member. */
static size_t member_number(const struct lk_my_key_part *part, const char *value)
{
	unsigned long number = strtoul(value, NULL, 10);
	return number < part->member_count ? number : part->member_count - 1;
}

/* "`e` IN ('c','d')": the members from `from` up to, without it, `to`. */
static void add_members(const char *name, const struct lk_my_key_part *part, size_t from, size_t to,
			struct lk_buffer *out)
{
	if (from >= to)
		lk_buffer_add(out, "FALSE");
	else
		lk_buffer_addf(out, "%s IN (", name);
	for (size_t m = from; m < to; m++)
		lk_buffer_addf(out, "%s%s", m > from ? "," : "", part->members[m]);
	if (from < to)
		lk_buffer_add(out, ")");
}

/* One column compared: '>', '<' or '='. */
static void add_comparison(const struct lk_my_key *key, size_t i, char operator, const char * value,
			   struct lk_buffer *out)
{
	const struct lk_my_key_part *part = &key->parts[i];
	const char *name = key->table->key.sql[i];
	size_t number = part->form == LK_MY_ENUM ? member_number(part, value) : 0;
	if (part->form != LK_MY_ENUM) {
		lk_buffer_addf(out, "%s %c ", name, operator);
		add_literal(part, value, out);
	} else if (operator== '>') {
		add_members(name, part, number + 1, part->member_count, out);
	} else {
		add_members(name, part, operator== '=' ? number : 0, number + (operator== '='),
			    out);
	}
}

/* "(a > 1 OR (a = 1 AND b > 2))", and with or_equal the row itself too. */
static void add_beyond(const struct lk_my_key *key, char operator, bool or_equal,
		       char *const *value, struct lk_buffer *out)
{
	size_t count = key->table->key.count;
	for (size_t i = 0; i < count; i++) {
		bool goes_on = i + 1 < count;
		lk_buffer_add(out, goes_on || or_equal ? "(" : "");
		add_comparison(key, i, operator, value[i], out);
		if (!goes_on && !or_equal)
			break;
		lk_buffer_add(out, goes_on ? " OR (" : " OR ");
		add_comparison(key, i, '=', value[i], out);
		lk_buffer_add(out, goes_on ? " AND " : "");
	}
	lk_buffer_add(out, or_equal ? ")" : "");
	for (size_t i = 1; i < count; i++)
		lk_buffer_add(out, "))");
}

void lk_my_key_add_range(const struct lk_my_key *key, char *const *low, char *const *high,
			 struct lk_buffer *out)
{
	if (low)
		add_beyond(key, '>', false, low, out);
	if (low && high)
		lk_buffer_add(out, " AND ");
	if (high)
		add_beyond(key, '<', true, high, out);
}

void lk_my_key_add_equal(const struct lk_my_key *key, char *const *value, struct lk_buffer *out)
{
	for (size_t i = 0; i < key->table->key.count; i++) {
		lk_buffer_add(out, i ? " AND " : "");
		add_comparison(key, i, '=', value[i], out);
	}
}

void lk_my_key_add_literal(const struct lk_my_key *key, size_t i, const char *value,
			   struct lk_buffer *out)
{
	const struct lk_my_key_part *part = &key->parts[i];
	if (part->form == LK_MY_ENUM)
		lk_buffer_add(out, part->members[member_number(part, value)]);
	else
		add_literal(part, value, out);
}

/* The bytes of a hexadecimal text; NULL when they are no printable UTF-8. */
static char *decoded(const char *hex)
{
	size_t length = strlen(hex) / 2;
	char *bytes = lk_alloc(length + 1);
	for (size_t i = 0; i < length; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		bytes[i] = (char)strtoul(pair, NULL, 16);
		if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f) {
			free(bytes);
			return NULL;
		}
	}
	if (lk_utf8_valid(bytes, length))
		return bytes;
	free(bytes);
	return NULL;
}

char *lk_my_key_shown(const struct lk_my_key *key, size_t i, const char *value)
{
	const struct lk_my_key_part *part = &key->parts[i];
	char *text = NULL;
	if (part->form == LK_MY_TEXT &&
	    (strncmp(part->charset, "utf8", 4) == 0 || strcmp(part->charset, "ascii") == 0 ||
	     strcmp(part->charset, "latin1") == 0))
		text = decoded(value);
	if (text)
		return text;
	if (part->form == LK_MY_TEXT || part->form == LK_MY_BYTES)
		return lk_format("0x%s", value);
	size_t number = part->form == LK_MY_ENUM ? member_number(part, value) : 0;
	if (number > 0)
		return lk_strndup(part->members[number] + 1, strlen(part->members[number]) - 2);
	return lk_strdup(value);
}
