/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog/my_definition.h"

#include <ctype.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* Behind the token at p: a quoted text or name, a versioned comment's mark, a word, or one character. */
static const char *token_end(const char *p)
{
	if (*p == '\'' || *p == '"' || *p == '`') {
		char quote = *p++;
		for (; *p && (*p != quote || p[1] == quote); p++)
			if ((*p == '\\' && quote != '`' && p[1]) || *p == quote)
				p++;
		return *p ? p + 1 : p;
	}
	if (isalnum((unsigned char)*p) || *p == '_' || *p == '$' || (*p & 0x80)) {
		while (isalnum((unsigned char)*p) || *p == '_' || *p == '$' || (*p & 0x80))
			p++;
		return p;
	}
	return *p ? p + 1 : p;
}

/* One of the tokens of an item, with how deep in parentheses it stands (those themselves as deep as what is
 * around them). */
struct token {
	const char *at, *end;
	int depth;
};

/* The next token from *at on, without spaces; false at the end of the text. */
static bool next_token(const char **at, int *depth, struct token *token)
{
	while (isspace((unsigned char)**at))
		(*at)++;
	if (!**at)
		return false;
	token->at = *at;
	token->end = token_end(*at);
	if (*token->at == ')')
		(*depth)--;
	token->depth = *depth;
	if (*token->at == '(')
		(*depth)++;
	*at = token->end;
	return true;
}

static bool is_word(const struct token *token, const char *word)
{
	size_t length = strlen(word);
	return (size_t)(token->end - token->at) == length &&
	       strncasecmp(token->at, word, length) == 0;
}

/* A name in backticks, as it is; the caller's. */
static char *unquoted(const struct token *token)
{
	struct lk_buffer out = {0};
	for (const char *p = token->at + 1; p < token->end - 1; p++) {
		lk_buffer_add_bytes(&out, p, 1);
		p += *p == '`';
	}
	return lk_buffer_take(&out);
}

static bool is_name(const struct token *token, const char *name)
{
	if (*token->at != '`')
		return false;
	char *text = unquoted(token);
	bool is = strcasecmp(text, name) == 0;
	free(text);
	return is;
}

bool lk_my_mentions(const char *text, const char *name)
{
	struct token token;
	int depth = 0;
	while (next_token(&text, &depth, &token))
		if (is_name(&token, name))
			return true;
	return false;
}

char *lk_my_replaced(const char *text, const char *from, const char *to)
{
	struct lk_buffer out = {0};
	struct token token;
	int depth = 0;
	const char *copied = text;
	while (next_token(&text, &depth, &token)) {
		if (!is_name(&token, from))
			continue;
		lk_buffer_add_bytes(&out, copied, (size_t)(token.at - copied));
		lk_buffer_add(&out, "`");
		for (const char *p = to; *p; p++)
			lk_buffer_addf(&out, "%s%c", *p == '`' ? "`" : "", *p);
		lk_buffer_add(&out, "`");
		copied = token.end;
	}
	lk_buffer_add(&out, copied);
	return lk_buffer_take(&out);
}

/* A name that may stand in any quotes, or in none. */
static bool is_any_name(const struct token *token, const char *name)
{
	struct token inner = *token;
	if (*token->at == '`')
		return is_name(token, name);
	if (*token->at == '"') {
		inner.at++;
		inner.end--;
	}
	return is_word(&inner, name);
}

bool lk_my_row_mentions(const char *body, const char *column)
{
	struct token last[2] = {{"", "", 0}, {"", "", 0}}, token;
	int depth = 0;
	while (next_token(&body, &depth, &token)) {
		if (*last[1].at == '.' && (is_word(&last[0], "NEW") || is_word(&last[0], "OLD")) &&
		    is_any_name(&token, column))
			return true;
		last[0] = last[1];
		last[1] = token;
	}
	return false;
}

/* Whether `alias`.`column` stands in the text. */
static bool has_pair(const char *text, const char *alias, const char *column)
{
	struct token last[2] = {{"", "", 0}, {"", "", 0}}, token;
	int depth = 0;
	while (next_token(&text, &depth, &token)) {
		if (*last[1].at == '.' && is_name(&last[0], alias) && is_name(&token, column))
			return true;
		last[0] = last[1];
		last[1] = token;
	}
	return false;
}

bool lk_my_view_uses(const char *view, const char *schema, const char *table, const char *column)
{
	struct token last[2] = {{"", "", 0}, {"", "", 0}}, token;
	const char *at = view;
	int depth = 0;
	bool uses = false;
	while (!uses && next_token(&at, &depth, &token)) {
		bool whole =
			*last[1].at == '.' && is_name(&last[0], schema) && is_name(&token, table);
		last[0] = last[1];
		last[1] = token;
		if (!whole)
			continue;
		struct token next;
		const char *behind = at;
		int same = depth;
		char *alias = next_token(&behind, &same, &next) && *next.at == '`'
				      ? unquoted(&next)
				      : lk_strdup(table);
		uses = has_pair(view, alias, column);
		free(alias);
	}
	return uses;
}

static enum lk_my_item_kind kind_of(const char *text)
{
	static const struct {
		const char *word;
		enum lk_my_item_kind kind;
	} kinds[] = {
		{"PRIMARY", LK_MY_PRIMARY_KEY},
		{"UNIQUE", LK_MY_UNIQUE_KEY},
		{"KEY", LK_MY_KEY},
		{"FULLTEXT", LK_MY_OTHER_KEY},
		{"SPATIAL", LK_MY_OTHER_KEY},
		{"VECTOR", LK_MY_OTHER_KEY},
		{"FOREIGN", LK_MY_FOREIGN_KEY},
		{"CHECK", LK_MY_CHECK},
	};
	struct token token;
	int depth = 0;
	while (next_token(&text, &depth, &token)) {
		if (is_word(&token, "CONSTRAINT"))
			continue;
		for (size_t i = 0; i < LK_COUNT(kinds); i++)
			if (is_word(&token, kinds[i].word))
				return kinds[i].kind;
		/* The name of a constraint, whose kind comes after it. */
		if (*token.at != '`')
			break;
	}
	return LK_MY_OTHER;
}

/* The name: of a constraint or index behind its first words, of a column the very first. */
static void cut(struct lk_my_item *item)
{
	const char *at = item->text;
	struct token token;
	int depth = 0;
	if (*at != '`')
		item->kind = kind_of(at);
	while (next_token(&at, &depth, &token)) {
		if (*token.at == '(') {
			item->name = lk_strdup(item->kind == LK_MY_PRIMARY_KEY ? "PRIMARY" : "");
			item->rest = lk_strdup(token.at);
			return;
		}
		if (*token.at == '`') {
			item->name = unquoted(&token);
			item->rest = lk_strdup(at + strspn(at, " "));
			return;
		}
	}
	item->name = lk_strdup("");
	item->rest = lk_strdup("");
}

static void add_item(struct lk_my_definition *definition, const char *from, const char *end)
{
	while (from < end && isspace((unsigned char)*from))
		from++;
	while (end > from && isspace((unsigned char)end[-1]))
		end--;
	if (from == end)
		return;
	struct lk_my_item *item = LK_PUSH(definition->items, definition->count);
	item->text = lk_strndup(from, (size_t)(end - from));
	cut(item);
}

void lk_my_definition_read(const char *at, struct lk_my_definition *definition)
{
	struct token token;
	const char *from = NULL;
	int depth = 0;
	memset(definition, 0, sizeof *definition);
	while (next_token(&at, &depth, &token)) {
		if (!from && token.depth == 0 && *token.at == '(')
			from = token.end;
		else if (from && token.depth == 1 && *token.at == ',') {
			add_item(definition, from, token.at);
			from = token.end;
		} else if (from && token.depth == 0 && *token.at == ')') {
			add_item(definition, from, token.at);
			break;
		}
	}
	definition->options = lk_strdup(at);
}

bool lk_my_definition(struct lk_session *session, const char *table_sql,
		      struct lk_my_definition *definition, struct lk_error *error)
{
	struct lk_result r;
	struct lk_error restoring;
	memset(definition, 0, sizeof *definition);
	/* ANSI_QUOTES would have other quotes, NO_FIELD_OPTIONS no options. */
	if (!LK_RUN(session, error,
		    "SET @lockkeeper_sql_mode = @@SESSION.sql_mode,"
		    " @lockkeeper_quote = @@SESSION.sql_quote_show_create,"
		    " SESSION sql_mode = '', SESSION sql_quote_show_create = 1"))
		return false;
	char *show = lk_format("SHOW CREATE TABLE %s", table_sql);
	bool read = lk_query(session, &r, error, show, 0, NULL);
	free(show);
	if (read && r.rows > 0)
		lk_my_definition_read(lk_cell_text(&r, 0, 1), definition);
	if (read)
		lk_result_free(&r);
	lk_session_insist(session, true);
	bool restored = LK_RUN(session, read ? error : &restoring,
			       "SET SESSION sql_mode = @lockkeeper_sql_mode,"
			       " SESSION sql_quote_show_create = @lockkeeper_quote");
	lk_session_insist(session, false);
	if (!read || !restored)
		lk_my_definition_free(definition);
	return read && restored;
}

void lk_my_definition_free(struct lk_my_definition *definition)
{
	for (size_t i = 0; i < definition->count; i++) {
		free(definition->items[i].name);
		free(definition->items[i].text);
		free(definition->items[i].rest);
	}
	free(definition->items);
	free(definition->options);
	memset(definition, 0, sizeof *definition);
}

const struct lk_my_item *lk_my_item(const struct lk_my_definition *definition,
				    enum lk_my_item_kind kind, const char *name)
{
	for (size_t i = 0; i < definition->count; i++)
		if (definition->items[i].kind == kind &&
		    strcasecmp(definition->items[i].name, name) == 0)
			return &definition->items[i];
	return NULL;
}

static void add_part(struct lk_my_part **parts, size_t *count, const char *from, const char *end)
{
	while (from < end && *from == ' ')
		from++;
	struct lk_my_part *part = LK_PUSH(*parts, *count);
	part->text = lk_strndup(from, (size_t)(end - from));
	struct token token;
	const char *at = part->text;
	int depth = 0;
	while (next_token(&at, &depth, &token)) {
		if (token.at == part->text && *token.at == '`')
			part->column = unquoted(&token);
		else if (part->column && *token.at == '(')
			part->prefix = true;
		else if (token.depth == 0 && is_word(&token, "DESC"))
			part->descending = true;
	}
}

size_t lk_my_parts(const char *rest, struct lk_my_part **parts)
{
	struct token token;
	const char *from = NULL;
	int depth = 0;
	size_t count = 0;
	*parts = NULL;
	while (next_token(&rest, &depth, &token)) {
		if (token.depth == 0 && *token.at == '(')
			from = token.end;
		else if (from && token.depth == 1 && *token.at == ',') {
			add_part(parts, &count, from, token.at);
			from = token.end;
		} else if (from && token.depth == 0 && *token.at == ')') {
			add_part(parts, &count, from, token.at);
			break;
		}
	}
	return count;
}

void lk_my_parts_free(struct lk_my_part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(parts[i].text);
		free(parts[i].column);
	}
	free(parts);
}

/* Words with which a column's next property begins. */
static bool begins_property(const struct token *token)
{
	static const char *const words[] = {
		"NOT",	   "NULL",	    "DEFAULT",		"AUTO_INCREMENT", "ON",	  "COMMENT",
		"CHECK",   "INVISIBLE",	    "COMPRESSED",	"COLUMN_FORMAT",  "WITH", "STORAGE",
		"WITHOUT", "REF_SYSTEM_ID", "GENERATED",	"VIRTUAL",	  "AS",	  "STORED",
		"VISIBLE", "SRID",	    "ENGINE_ATTRIBUTE", "PERSISTENT",	  "/",
	};
	for (size_t i = 0; token->depth == 0 && i < LK_COUNT(words); i++)
		if (is_word(token, words[i]))
			return true;
	return false;
}

/* The property that begins with this word: from it to where the next one begins. False when there is none. */
static bool find_property(const char *rest, const char *word, struct token *found)
{
	struct token token;
	int depth = 0;
	bool inside = false;
	while (next_token(&rest, &depth, &token)) {
		bool first = inside && found->end == found->at + strlen(word);
		/* DEFAULT NULL, NOT NULL: a word that belongs to the one before. */
		bool joined = first && is_word(&token, "NULL");
		if (inside && !joined && begins_property(&token))
			return true;
		if (!inside && token.depth == 0 && is_word(&token, word)) {
			*found = token;
			inside = true;
		} else if (!inside && token.depth == 0 &&
			   (is_word(&token, "DEFAULT") || is_word(&token, "NOT"))) {
			/* Its NULL is no property of its own. */
			const char *after = rest;
			int same = depth;
			if (next_token(&after, &same, &token) && is_word(&token, "NULL"))
				rest = after;
		} else if (inside) {
			found->end = token.end;
		}
	}
	return inside;
}

char *lk_my_default(const char *rest, bool *null_too)
{
	struct token found;
	if (null_too)
		*null_too = false;
	if (!find_property(rest, "DEFAULT", &found))
		return NULL;
	const char *from = found.at + strlen("DEFAULT");
	from += strspn(from, " ");
	char *expression = lk_strndup(from, (size_t)(found.end - from));
	if (strcasecmp(expression, "NULL") != 0)
		return expression;
	free(expression);
	if (null_too)
		*null_too = true;
	return NULL;
}

/* The text without a part of it; the caller's. */
static char *without(const char *text, const struct token *part)
{
	const char *before = part->at;
	while (before > text && before[-1] == ' ')
		before--;
	return lk_format("%.*s%s", (int)(before - text), text, part->end);
}

/* As `without`; frees the text that it was. */
static char *removed(char *text, const char *word)
{
	struct token found;
	if (!find_property(text, word, &found))
		return text;
	char *shorter = without(text, &found);
	free(text);
	return shorter;
}

/* Before the first of its properties: behind some of them the grammar takes no others. The caller's. */
static char *with_property(const char *text, const char *property)
{
	const char *at = text, *before = text + strlen(text);
	struct token token;
	int depth = 0;
	while (next_token(&at, &depth, &token))
		if (begins_property(&token)) {
			before = token.at;
			break;
		}
	while (before > text && before[-1] == ' ')
		before--;
	return lk_format("%.*s%s%s%s", (int)(before - text), text, *property ? " " : "", property,
			 before);
}

char *lk_my_with_not_null(const char *rest, bool not_null)
{
	bool null_default;
	char *text = removed(removed(lk_strdup(rest), "NOT"), "NULL");
	free(lk_my_default(text, &null_default));
	if (not_null && null_default)
		text = removed(text, "DEFAULT");
	/* NULL is said: older servers take a TIMESTAMP without it for NOT NULL. */
	char *with = with_property(text, not_null ? "NOT NULL" : "NULL");
	free(text);
	return with;
}

char *lk_my_with_default(const char *rest, const char *clause)
{
	char *text = removed(lk_strdup(rest), "DEFAULT");
	char *with = with_property(text, clause);
	free(text);
	return with;
}

char *lk_my_without_collation(const char *rest)
{
	struct token token, found;
	const char *at = rest;
	int depth = 0;
	while (next_token(&at, &depth, &token)) {
		if (token.depth != 0 || !is_word(&token, "COLLATE")) {
			if (token.depth == 0 && is_word(&token, "CHARACTER"))
				break;
			continue;
		}
		found = token;
		if (next_token(&at, &depth, &token)) {
			found.end = token.end;
			return without(rest, &found);
		}
	}
	return lk_strdup(rest);
}

char *lk_my_without_check(const char *rest, char **check)
{
	struct token found;
	*check = NULL;
	if (!find_property(rest, "CHECK", &found))
		return lk_strdup(rest);
	const char *from = strchr(found.at, '(');
	if (from && from + 2 < found.end)
		*check = lk_strndup(from + 1, (size_t)(found.end - from - 2));
	return without(rest, &found);
}
