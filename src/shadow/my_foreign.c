/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_foreign.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "step/my_statement.h"

#define MARK "/* lockkeeper:"

void lk_my_foreign_init(struct lk_my_foreign *f, const char *schema, const char *table,
			const char *beside)
{
	f->schema = lk_strdup(schema);
	f->table = lk_strdup(table);
	f->beside = lk_strdup(beside);
}

void lk_my_foreign_free(struct lk_my_foreign *f)
{
	free(f->schema);
	free(f->table);
	free(f->beside);
}

static bool same_table(const struct lk_my_foreign *f, const char *schema, const char *name)
{
	return name && strcasecmp(schema, f->schema) == 0 &&
	       (strcasecmp(name, f->table) == 0 || strcasecmp(name, f->beside) == 0);
}

/* What changes neither rows nor the definition of a table that it names. */
static bool is_harmless(const struct lk_my_statement *s)
{
	static const char *const words[] = {"ANALYZE", "CHECK", "FLUSH", "GRANT", "REVOKE"};
	for (size_t i = 0; i < LK_COUNT(words); i++)
		if (strncasecmp(s->text, words[i], strlen(words[i])) == 0)
			return true;
	return s->kind == LK_MY_SESSION || s->kind == LK_MY_GRANT;
}

/* Words of DML are not read as far as its tables: whether the name stands in it as a word is enough to stop for. */
static bool mentions(const char *text, const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$";
	size_t length = strlen(name);
	for (const char *p = text; *p; p++) {
		if (strncasecmp(p, name, length) != 0)
			continue;
		bool begins = p == text || !strchr(letters, p[-1]);
		if (begins && (p[length] == '\0' || !strchr(letters, p[length])))
			return true;
	}
	return false;
}

static bool concerns(const struct lk_my_foreign *f, const char *database,
		     const struct lk_my_statement *s, const char *text)
{
	if (is_harmless(s))
		return false;
	for (size_t i = 0; i < s->object_count; i++)
		if (same_table(f, s->objects[i].schema ? s->objects[i].schema : database,
			       s->objects[i].name))
			return true;
	bool unread =
		s->kind == LK_MY_DML || s->kind == LK_MY_UNKNOWN || s->unread || s->trigger.name;
	return unread && (mentions(text, f->table) || mentions(text, f->beside)) &&
	       (strcasecmp(database, f->schema) == 0 || mentions(text, f->schema));
}

bool lk_my_foreign_look(const struct lk_my_foreign *f, const char *database, const char *text,
			bool cut, struct lk_error *error)
{
	struct lk_my_statement statement;
	if (strncmp(text, MARK, strlen(MARK)) == 0)
		return true;
	lk_my_statement_read(text, &statement);
	bool rows = statement.kind == LK_MY_DML;
	bool ours = concerns(f, database, &statement, text);
	lk_my_statement_free(&statement);
	if (!ours)
		return true;
	return lk_fail(
		error, LK_ERROR_REFUSED,
		rows ? "rows of %s.%s were written by a statement that the log has as text, not as rows (binlog_format of "
		       "that session): its changes cannot be followed, and the shadow must be made anew: %.120s%s"
		     : "somebody has changed %s.%s while its shadow was made: what has changed is not known, and the shadow "
		       "must be made anew: %.120s%s",
		f->schema, f->table, text, cut || strlen(text) > 120 ? " …" : "");
}
