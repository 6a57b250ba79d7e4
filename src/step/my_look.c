/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_look.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/memory.h"

/* errno: no such table; a view over something that is not there. */
enum { NO_SUCH_TABLE = 1146, NO_DATABASE = 1049, VIEW_INVALID = 1356 };

char *lk_my_look_written(struct lk_session *session, const struct lk_my_object *object)
{
	char *name = session->driver->quote_name(object->name);
	if (!object->schema)
		return name;
	char *schema = session->driver->quote_name(object->schema);
	char *written = lk_format("%s.%s", schema, name);
	free(schema);
	free(name);
	return written;
}

/* FNV-1a, 64 bits: told apart must be a definition and its changed self, which nobody forges. */
static uint64_t add_to_digest(uint64_t digest, const char *text)
{
	for (; *text; text++)
		digest = (digest ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return (digest ^ 0xff) * UINT64_C(1099511628211);
}

/* Cuts out " AUTO_INCREMENT=123" of the table's options, which every INSERT changes. */
static void without_counter(char *definition)
{
	char *options = strrchr(definition, '\n');
	char *counter = options ? strstr(options, " AUTO_INCREMENT=") : NULL;
	if (!counter)
		return;
	char *rest = counter + strlen(" AUTO_INCREMENT=");
	while (isdigit((unsigned char)*rest))
		rest++;
	memmove(counter, rest, strlen(rest) + 1);
}

/* NULL with no error when there is none; the caller's. */
static bool definition_of(struct lk_session *session, const struct lk_my_object *object,
			  char **definition, struct lk_error *error)
{
	struct lk_result r;
	char *written = lk_my_look_written(session, object);
	char *sql = lk_format("SHOW CREATE TABLE %s", written);
	bool read = lk_query(session, &r, error, sql, 0, NULL);
	*definition = NULL;
	if (read && r.rows > 0) {
		*definition = lk_strdup(lk_cell_text(&r, 0, 1));
		without_counter(*definition);
	}
	if (!read && error->number == VIEW_INVALID)
		*definition = lk_strdup("invalid view");
	if (!read && (error->number == NO_SUCH_TABLE || error->number == NO_DATABASE ||
		      error->number == VIEW_INVALID)) {
		lk_error_clear(error);
		read = true;
	}
	lk_result_free(&r);
	free(sql);
	free(written);
	return read;
}

static bool add_trigger(struct lk_session *session, const struct lk_my_object *trigger,
			uint64_t *sum, struct lk_error *error)
{
	struct lk_result r;
	if (!trigger->name)
		return true;
	if (!LK_QUERY(session, &r, error,
		      "SELECT event_object_table, action_timing, event_manipulation, action_order,"
		      " action_statement FROM information_schema.triggers WHERE trigger_schema ="
		      " IFNULL(NULLIF($1, ''), DATABASE()) AND trigger_name = $2",
		      trigger->schema ? trigger->schema : "", trigger->name))
		return false;
	for (size_t i = 0; r.rows > 0 && i < r.columns; i++)
		*sum = add_to_digest(*sum, lk_cell_text(&r, 0, i));
	lk_result_free(&r);
	return true;
}

bool lk_my_look_digest(struct lk_session *session, const struct lk_my_statement *statement,
		       char digest[LK_MY_DIGEST], struct lk_error *error)
{
	uint64_t sum = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < statement->object_count; i++) {
		char *definition;
		if (!definition_of(session, &statement->objects[i], &definition, error))
			return false;
		sum = add_to_digest(sum, definition ? definition : "");
		free(definition);
	}
	if (!add_trigger(session, &statement->trigger, &sum, error))
		return false;
	snprintf(digest, LK_MY_DIGEST, "%016" PRIx64, sum);
	if (statement->object_count == 0 && !statement->trigger.name)
		lk_copy_text(digest, LK_MY_DIGEST, "-");
	return true;
}

/* The server's rule for names of columns, as far as ASCII goes. */
static bool has_column(const struct lk_table *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (strcasecmp(table->columns[i].name, name) == 0)
			return true;
	return false;
}

/* Whether what one action names is not as it would have left it. */
static bool contradicts(const struct lk_my_action *action, const struct lk_table *table)
{
	switch (action->kind) {
	case LK_MY_ADD_COLUMN:
	case LK_MY_ADD_PLACED_COLUMN:
	case LK_MY_ADD_STORED_COLUMN:
	case LK_MY_ADD_VIRTUAL_COLUMN:
	case LK_MY_ADD_COMPUTED_COLUMN:
	case LK_MY_ADD_COUNTED_COLUMN:
	case LK_MY_ADD_KEYED_COLUMN:
		return action->name[0] && !has_column(table, action->name);
	case LK_MY_DROP_COLUMN:
		return has_column(table, action->name);
	case LK_MY_RENAME_COLUMN:
		return !has_column(table, action->to);
	case LK_MY_CHANGE_COLUMN:
		return action->to[0] && !has_column(table, action->to);
	default:
		return false;
	}
}

static bool is_contradicted(struct lk_session *session, const struct lk_my_statement *statement,
			    bool *is, struct lk_error *error)
{
	struct lk_table table;
	*is = false;
	if (statement->kind != LK_MY_ALTER_TABLE || statement->object_count != 1)
		return true;
	char *written = lk_my_look_written(session, &statement->objects[0]);
	bool read = lk_catalog_table(session, written, &table, error);
	free(written);
	if (!read)
		return false;
	for (size_t i = 0; i < statement->action_count; i++)
		*is = *is || contradicts(&statement->actions[i], &table);
	lk_table_free(&table);
	return true;
}

bool lk_my_look_happened(struct lk_session *session, const struct lk_my_statement *statement,
			 const char *before, bool *happened, struct lk_error *error)
{
	char now[LK_MY_DIGEST];
	bool contradicted = false;
	if (!lk_my_look_digest(session, statement, now, error))
		return false;
	*happened = strcmp(now, before) != 0;
	if (*happened && !is_contradicted(session, statement, &contradicted, error))
		return false;
	*happened = *happened && !contradicted;
	return true;
}

static bool is_target(const struct lk_my_statement *statement, const struct lk_my_object *object)
{
	for (size_t i = 1; i < statement->object_count; i += 2) {
		const struct lk_my_object *to = &statement->objects[i];
		if (strcmp(to->name, object->name) == 0 &&
		    strcmp(to->schema ? to->schema : "", object->schema ? object->schema : "") == 0)
			return true;
	}
	return false;
}

bool lk_my_look_renamed(struct lk_session *session, const struct lk_my_statement *statement,
			bool *renamed, struct lk_error *error)
{
	*renamed = true;
	for (size_t i = 0; i + 1 < statement->object_count; i += 2) {
		char *definition = NULL;
		if (is_target(statement, &statement->objects[i]))
			continue;
		if (!definition_of(session, &statement->objects[i], &definition, error))
			return false;
		*renamed = *renamed && !definition;
		free(definition);
	}
	return true;
}
