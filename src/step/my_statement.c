/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_statement.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "risk/my_words.h"

/* Where the reading is. */
struct reader {
	struct lk_words words;
	size_t at, end;
};

static const struct lk_word *word(const struct reader *r)
{
	return lk_word_at(&r->words, r->at < r->end ? r->at : r->words.count);
}

static bool take(struct reader *r, const char *keyword)
{
	bool is = lk_word_is(word(r), keyword);
	r->at += is;
	return is;
}

static bool take_any(struct reader *r, const char *const *keywords)
{
	bool is = lk_word_is_any(word(r), keywords);
	r->at += is;
	return is;
}

/* IF EXISTS, IF NOT EXISTS. */
static void take_if(struct reader *r)
{
	if (take(r, "IF")) {
		take(r, "NOT");
		take(r, "EXISTS");
	}
}

static void take_name(struct reader *r, char *name, size_t size)
{
	name[0] = '\0';
	if (!lk_word_names(word(r)))
		return;
	lk_word_name(word(r), name, size);
	r->at++;
}

/* name or schema.name. */
static void read_name(struct reader *r, struct lk_my_object *object)
{
	char first[200], second[200];
	take_name(r, first, sizeof first);
	if (!first[0])
		return;
	if (!lk_word_is_sign(word(r), '.')) {
		object->name = lk_strdup(first);
		return;
	}
	r->at++;
	take_name(r, second, sizeof second);
	object->schema = lk_strdup(first);
	object->name = lk_strdup(second);
}

static void take_object(struct reader *r, struct lk_my_statement *s)
{
	struct lk_my_object object = {0};
	read_name(r, &object);
	if (object.name)
		*LK_PUSH(s->objects, s->object_count) = object;
}

/* Whether one of the keywords stands in the rest of the action, outside of parentheses. */
static bool has(const struct reader *r, const char *const *keywords)
{
	for (size_t i = r->at; i < r->end; i++) {
		const struct lk_word *w = lk_word_at(&r->words, i);
		if (w->depth == 0 && lk_word_is_any(w, keywords))
			return true;
	}
	return false;
}

static bool has_pair(const struct reader *r, const char *first, const char *second)
{
	for (size_t i = r->at; i + 1 < r->end; i++)
		if (lk_word_is(lk_word_at(&r->words, i), first) &&
		    (lk_word_is(lk_word_at(&r->words, i + 1), second) ||
		     (strcmp(second, "(") == 0 &&
		      lk_word_is_sign(lk_word_at(&r->words, i + 1), '('))))
			return true;
	return false;
}

#define ANY(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Of a column: what stands behind its name. */
static void read_definition(const struct reader *r, struct lk_my_action *action)
{
	const struct lk_word *type = word(r);
	lk_word_name(type, action->type, sizeof action->type);
	for (char *p = action->type; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	action->length = -1;
	if (lk_word_is_sign(lk_word_at(&r->words, r->at + 1), '('))
		action->length = strtol(lk_word_at(&r->words, r->at + 2)->start, NULL, 10);
	action->not_null = has_pair(r, "NOT", "NULL");
	action->null = !action->not_null && has_pair(r, action->type, "NULL");
}

static enum lk_my_action_kind column_kind(const struct reader *r)
{
	if (has(r, ANY("STORED", "PERSISTENT")))
		return LK_MY_ADD_STORED_COLUMN;
	if (has(r, ANY("AS", "VIRTUAL")))
		return LK_MY_ADD_VIRTUAL_COLUMN;
	if (has(r, ANY("AUTO_INCREMENT")))
		return LK_MY_ADD_COUNTED_COLUMN;
	if (has(r, ANY("UNIQUE", "PRIMARY", "KEY")))
		return LK_MY_ADD_KEYED_COLUMN;
	if (has_pair(r, "DEFAULT", "("))
		return LK_MY_ADD_COMPUTED_COLUMN;
	return has(r, ANY("FIRST", "AFTER")) ? LK_MY_ADD_PLACED_COLUMN : LK_MY_ADD_COLUMN;
}

static void read_added(struct reader *r, struct lk_my_action *action)
{
	bool constraint = take(r, "CONSTRAINT");
	if (constraint && !lk_word_is_any(word(r), ANY("PRIMARY", "UNIQUE", "FOREIGN", "CHECK")))
		take_name(r, action->name, sizeof action->name);
	if (take(r, "PRIMARY")) {
		action->kind = LK_MY_ADD_PRIMARY;
	} else if (take(r, "FOREIGN")) {
		take(r, "KEY");
		take_if(r);
		action->kind = LK_MY_ADD_FOREIGN;
		if (!action->name[0])
			take_name(r, action->name, sizeof action->name);
	} else if (take(r, "CHECK")) {
		action->kind = LK_MY_ADD_CHECK_OF;
	} else if (lk_word_is_any(word(r), ANY("PARTITION", "SYSTEM", "PERIOD"))) {
		action->kind = take(r, "PARTITION") ? LK_MY_PARTITION : LK_MY_OTHER_ACTION;
	} else if (lk_word_is_any(word(r),
				  ANY("INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"))) {
		action->kind = take_any(r, ANY("FULLTEXT", "SPATIAL", "VECTOR"))
				       ? LK_MY_ADD_SPECIAL_INDEX
				       : LK_MY_ADD_INDEX;
		take(r, "UNIQUE");
		take_any(r, ANY("INDEX", "KEY"));
		take_if(r);
		if (!lk_word_is(word(r), "USING") && lk_word_names(word(r)))
			take_name(r, action->name, sizeof action->name);
	} else {
		take(r, "COLUMN");
		take_if(r);
		take_name(r, action->name, sizeof action->name);
		read_definition(r, action);
		action->kind = column_kind(r);
	}
}

static void read_dropped(struct reader *r, struct lk_my_action *action)
{
	action->kind = LK_MY_DROP_COLUMN;
	if (take_any(r, ANY("INDEX", "KEY")))
		action->kind = LK_MY_DROP_INDEX_OF;
	else if (take(r, "PRIMARY"))
		action->kind = LK_MY_DROP_PRIMARY;
	else if (take(r, "FOREIGN"))
		action->kind = LK_MY_DROP_FOREIGN;
	else if (take_any(r, ANY("CONSTRAINT", "CHECK")))
		action->kind = LK_MY_DROP_CHECK;
	else if (take(r, "PARTITION"))
		action->kind = LK_MY_PARTITION;
	else if (lk_word_is_any(word(r), ANY("SYSTEM", "PERIOD")))
		action->kind = LK_MY_OTHER_ACTION;
	else
		take(r, "COLUMN");
	if (action->kind == LK_MY_DROP_FOREIGN || action->kind == LK_MY_DROP_PRIMARY)
		take(r, "KEY");
	take_if(r);
	take_name(r, action->name, sizeof action->name);
}

static void read_renamed(struct reader *r, struct lk_my_statement *s, struct lk_my_action *action)
{
	if (take(r, "COLUMN"))
		action->kind = LK_MY_RENAME_COLUMN;
	else if (take_any(r, ANY("INDEX", "KEY")))
		action->kind = LK_MY_RENAME_INDEX;
	else
		action->kind = LK_MY_RENAME_TO;
	if (action->kind == LK_MY_RENAME_TO) {
		take_any(r, ANY("TO", "AS"));
		take_object(r, s);
		return;
	}
	take_if(r);
	take_name(r, action->name, sizeof action->name);
	take(r, "TO");
	take_name(r, action->to, sizeof action->to);
}

static void read_altered(struct reader *r, struct lk_my_action *action)
{
	if (take_any(r, ANY("INDEX", "KEY"))) {
		action->kind = LK_MY_HIDE_INDEX;
	} else if (take_any(r, ANY("CHECK", "CONSTRAINT"))) {
		action->kind = LK_MY_OTHER_ACTION;
	} else {
		take(r, "COLUMN");
		action->kind = LK_MY_SET_DEFAULT;
	}
	take_if(r);
	take_name(r, action->name, sizeof action->name);
}

static void read_changed(struct reader *r, bool renames, struct lk_my_action *action)
{
	take(r, "COLUMN");
	take_if(r);
	take_name(r, action->name, sizeof action->name);
	if (renames)
		take_name(r, action->to, sizeof action->to);
	action->kind = LK_MY_CHANGE_COLUMN;
	read_definition(r, action);
}

/* ALGORITHM [=] word, LOCK [=] word. */
static bool read_clause(struct reader *r, struct lk_my_statement *s)
{
	bool lock = lk_word_is(word(r), "LOCK");
	if (!lock && !lk_word_is(word(r), "ALGORITHM"))
		return false;
	r->at++;
	if (lk_word_is_sign(word(r), '='))
		r->at++;
	char *to = lock ? s->lock : s->algorithm;
	lk_word_name(word(r), to, sizeof s->lock);
	for (char *p = to; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	r->at++;
	return true;
}

static void read_action(struct reader *r, struct lk_my_statement *s)
{
	struct lk_my_action action = {.kind = LK_MY_OTHER_ACTION, .length = -1};
	if (r->at >= r->end || read_clause(r, s))
		return;
	if (take(r, "ADD"))
		read_added(r, &action);
	else if (take(r, "DROP"))
		read_dropped(r, &action);
	else if (take(r, "RENAME"))
		read_renamed(r, s, &action);
	else if (take(r, "ALTER"))
		read_altered(r, &action);
	else if (take(r, "MODIFY"))
		read_changed(r, false, &action);
	else if (take(r, "CHANGE"))
		read_changed(r, true, &action);
	else if (take(r, "CONVERT"))
		action.kind = LK_MY_CONVERT;
	else if (lk_word_is_any(word(r), ANY("FORCE", "ENGINE", "ROW_FORMAT", "KEY_BLOCK_SIZE")))
		action.kind = LK_MY_REBUILD;
	else if (lk_word_is_any(word(r),
				ANY("PARTITION", "TRUNCATE", "REORGANIZE", "COALESCE", "EXCHANGE",
				    "REMOVE", "REBUILD", "OPTIMIZE", "DISCARD", "IMPORT")))
		action.kind = LK_MY_PARTITION;
	else if (lk_word_is_any(word(r), ANY("COMMENT", "AUTO_INCREMENT", "DEFAULT", "CHARACTER",
					     "CHARSET", "COLLATE", "STATS_PERSISTENT",
					     "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES")))
		action.kind = LK_MY_OPTION;
	*LK_PUSH(s->actions, s->action_count) = action;
}

/* Up to the next comma outside of parentheses. */
static void read_actions(struct reader *r, struct lk_my_statement *s)
{
	size_t last = r->end;
	while (r->at < last) {
		size_t end = r->at;
		while (end < last && !(lk_word_at(&r->words, end)->depth == 0 &&
				       lk_word_is_sign(lk_word_at(&r->words, end), ',')))
			end++;
		r->end = end;
		read_action(r, s);
		r->end = last;
		r->at = end + 1;
	}
}

/* Behind the index's parentheses: options, among them the two clauses. */
static void read_index_options(struct reader *r, struct lk_my_statement *s)
{
	while (r->at < r->end)
		if (word(r)->depth > 0 || !read_clause(r, s))
			r->at++;
}

static void read_index(struct reader *r, struct lk_my_statement *s, enum lk_my_action_kind kind)
{
	struct lk_my_action action = {.kind = kind, .length = -1};
	s->kind = kind == LK_MY_DROP_INDEX_OF ? LK_MY_DROP_INDEX : LK_MY_CREATE_INDEX;
	s->if_exists = lk_word_is(word(r), "IF");
	take_if(r);
	take_name(r, action.name, sizeof action.name);
	while (r->at < r->end && !take(r, "ON"))
		r->at++;
	take_object(r, s);
	*LK_PUSH(s->actions, s->action_count) = action;
	read_index_options(r, s);
}

static void read_objects(struct reader *r, struct lk_my_statement *s, bool all)
{
	take_if(r);
	do {
		take_object(r, s);
		if (take(r, "TO"))
			take_object(r, s);
		bool more = all && lk_word_is_sign(word(r), ',');
		r->at += more;
		if (!more)
			return;
	} while (r->at < r->end);
}

static void read_trigger_name(struct reader *r, struct lk_my_statement *s)
{
	take_if(r);
	read_name(r, &s->trigger);
}

/* The table stands behind the first ON. */
static void read_trigger(struct reader *r, struct lk_my_statement *s)
{
	read_trigger_name(r, s);
	while (r->at < r->end && !take(r, "ON"))
		r->at++;
	take_object(r, s);
}

static void read_create(struct reader *r, struct lk_my_statement *s)
{
	static const char *const before_view[] = {"ALGORITHM", "DEFINER", "SQL", NULL};
	s->kind = LK_MY_OTHER_DDL;
	if (take(r, "OR"))
		take(r, "REPLACE");
	if (lk_word_is_any(word(r), before_view))
		while (r->at < r->end && !lk_word_is_any(word(r), ANY("VIEW", "TRIGGER", "EVENT",
								      "PROCEDURE", "FUNCTION")))
			r->at++;
	if (take_any(r, ANY("TABLE", "VIEW"))) {
		s->kind = LK_MY_CREATE_OBJECT;
		read_objects(r, s, false);
		return;
	}
	if (take(r, "TRIGGER")) {
		read_trigger(r, s);
		return;
	}
	bool special = take_any(r, ANY("FULLTEXT", "SPATIAL", "VECTOR"));
	take(r, "UNIQUE");
	if (take(r, "INDEX"))
		read_index(r, s, special ? LK_MY_ADD_SPECIAL_INDEX : LK_MY_ADD_INDEX);
}

static void read_drop(struct reader *r, struct lk_my_statement *s)
{
	s->kind = LK_MY_OTHER_DDL;
	if (take_any(r, ANY("TABLE", "VIEW"))) {
		s->kind = LK_MY_DROP_OBJECT;
		read_objects(r, s, true);
	} else if (take(r, "INDEX")) {
		read_index(r, s, LK_MY_DROP_INDEX_OF);
	} else if (take(r, "TRIGGER")) {
		read_trigger_name(r, s);
	}
}

static void read_alter(struct reader *r, struct lk_my_statement *s)
{
	take_any(r, ANY("ONLINE", "IGNORE"));
	take(r, "IGNORE");
	s->kind = LK_MY_OTHER_DDL;
	if (!take(r, "TABLE"))
		return;
	s->kind = LK_MY_ALTER_TABLE;
	take_if(r);
	take_object(r, s);
	if (take(r, "WAIT"))
		r->at++;
	take(r, "NOWAIT");
	read_actions(r, s);
}

static void read_kind(struct reader *r, struct lk_my_statement *s)
{
	s->kind = LK_MY_UNKNOWN;
	if (take(r, "ALTER")) {
		read_alter(r, s);
	} else if (take(r, "CREATE")) {
		read_create(r, s);
	} else if (take(r, "DROP")) {
		read_drop(r, s);
	} else if (take(r, "RENAME")) {
		s->kind =
			take_any(r, ANY("TABLE", "TABLES")) ? LK_MY_RENAME_TABLE : LK_MY_OTHER_DDL;
		if (s->kind == LK_MY_RENAME_TABLE)
			read_objects(r, s, true);
	} else if (take(r, "TRUNCATE")) {
		take(r, "TABLE");
		s->kind = LK_MY_TRUNCATE;
		take_object(r, s);
	} else if (take_any(r, ANY("GRANT", "REVOKE"))) {
		s->kind = LK_MY_GRANT;
	} else if (lk_word_is_any(word(r), ANY("INSERT", "UPDATE", "DELETE", "REPLACE", "SELECT",
					       "WITH", "DO", "VALUES", "CALL"))) {
		s->kind = LK_MY_DML;
	} else if (take(r, "LOAD")) {
		s->kind = lk_word_is_any(word(r), ANY("DATA", "XML")) ? LK_MY_DML : LK_MY_OTHER_DDL;
	} else if (lk_word_is_any(word(r), ANY("ANALYZE", "OPTIMIZE", "REPAIR", "CHECK", "FLUSH",
					       "INSTALL", "UNINSTALL", "CACHE"))) {
		s->kind = LK_MY_OTHER_DDL;
	} else if (lk_word_is_any(word(r), ANY("BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT",
					       "RELEASE", "LOCK", "UNLOCK", "SET", "USE", "XA",
					       "PREPARE", "EXECUTE", "DEALLOCATE", "BACKUP"))) {
		s->kind = LK_MY_SESSION;
	}
}

static char *text_of(const struct lk_words *words, size_t from, size_t end)
{
	if (from >= end)
		return lk_strdup("");
	const struct lk_word *last = &words->list[end - 1];
	return lk_strndup(words->list[from].start,
			  (size_t)(last->start + last->length - words->list[from].start));
}

void lk_my_statement_read(const char *sql, struct lk_my_statement *s)
{
	struct reader r = {0};
	memset(s, 0, sizeof *s);
	lk_words_read(sql, &r.words);
	r.end = lk_words_statement_end(&r.words, 0);
	s->unread = r.words.unread != NULL;
	s->text = s->unread ? lk_strdup(sql) : text_of(&r.words, 0, r.end);
	for (size_t from = 0; from < r.words.count;
	     from = lk_words_statement_end(&r.words, from) + 1)
		s->statements += lk_words_statement_end(&r.words, from) > from;
	if (!s->unread)
		read_kind(&r, s);
	else
		s->kind = LK_MY_UNKNOWN;
	lk_words_free(&r.words);
}

void lk_my_statement_free(struct lk_my_statement *s)
{
	for (size_t i = 0; i < s->object_count; i++) {
		free(s->objects[i].schema);
		free(s->objects[i].name);
	}
	free(s->objects);
	free(s->trigger.schema);
	free(s->trigger.name);
	free(s->actions);
	free(s->text);
	memset(s, 0, sizeof *s);
}

bool lk_my_statement_has(const struct lk_my_statement *s, enum lk_my_action_kind kind)
{
	for (size_t i = 0; i < s->action_count; i++)
		if (s->actions[i].kind == kind)
			return true;
	return false;
}
