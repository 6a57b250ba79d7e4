/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this user may do, by the server's own list: SHOW GRANTS holds what its active roles have as well, on both
 * servers. What is missing is said with the GRANT that gives it.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/my_catalog.h"

/* INDEX, as far as the statements of ours need it, goes with ALTER; DELETE takes back what a backfill wrote. */
const char *const lk_my_table_needs[] = {"SELECT", "INSERT", "UPDATE", "DELETE",  "CREATE",
					 "DROP",   "ALTER",  "INDEX",  "TRIGGER", NULL};
const char *const lk_my_journal_needs[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE",
					   "DROP",   "ALTER",  "INDEX",	 NULL};
/* Other users' transactions and locks are seen with it only. */
static const char *const global_needs[] = {"PROCESS", NULL};

/* The name between two backticks at *at, which moves behind it; the caller's. NULL when there is none. */
static char *read_name(const char **at)
{
	struct lk_buffer out = {0};
	const char *p = *at;
	if (*p++ != '`')
		return NULL;
	for (; *p && (*p != '`' || p[1] == '`'); p++) {
		lk_buffer_add_bytes(&out, p, 1);
		p += *p == '`';
	}
	*at = *p ? p + 1 : p;
	return lk_buffer_take(&out);
}

/* LIKE's wildcards, in the grant of a whole database: '_' any character, '%' any number, '\' none of these. */
static bool matches(const char *pattern, const char *name)
{
	for (; *pattern; pattern++, name++) {
		if (*pattern == '%') {
			for (;; name++) {
				if (matches(pattern + 1, name))
					return true;
				if (!*name)
					return false;
			}
		}
		bool literal = *pattern == '\\' && pattern[1];
		pattern += literal;
		if (!*name || ((literal || *pattern != '_') && *pattern != *name))
			return false;
	}
	return !*name;
}

/* Whether a grant "… ON `db`.`t` TO …", from behind its ON, holds for a table; one of NULL asks for the whole
 * database, and a database of NULL for everything. */
static bool covers(const char *at, const char *database, const char *table)
{
	if (strncmp(at, "*.*", 3) == 0)
		return true;
	if (!database)
		return false;
	char *granted = read_name(&at);
	if (!granted || *at != '.') {
		free(granted);
		return false;
	}
	at++;
	bool whole = *at == '*', found = false;
	char *name = whole ? NULL : read_name(&at);
	if (whole)
		found = matches(granted, database);
	else if (name && table)
		found = strcmp(granted, database) == 0 && strcmp(name, table) == 0;
	free(name);
	free(granted);
	return found;
}

/* One element of "SELECT, INSERT (`id`), UPDATE": only those that hold for all columns count. */
static bool lists(const char *from, const char *end, const char *privilege)
{
	static const char all[] = "ALL PRIVILEGES";
	size_t length = strlen(privilege);
	int depth = 0;
	for (const char *p = from; p < end; p++) {
		bool begins = p == from || (depth == 0 && p[-1] == ' ' && p[-2] == ',');
		if (begins && strncmp(p, all, sizeof all - 1) == 0)
			return true;
		if (begins && strncmp(p, privilege, length) == 0 &&
		    (p + length == end || p[length] == ','))
			return true;
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
	}
	return false;
}

/* Whether one line of the list gives (or, with REVOKE, MySQL's partial revokes, takes back) it. */
static bool line_has(const char *line, const char *word, const char *privilege,
		     const char *const object[2])
{
	size_t length = strlen(word);
	if (strncmp(line, word, length) != 0)
		return false;
	const char *on = strstr(line, " ON ");
	return on && covers(on + 4, object[0], object[1]) && lists(line + length, on, privilege);
}

bool lk_my_granted(const struct lk_result *grants, const char *privilege,
		   const char *const object[2])
{
	bool granted = false;
	for (size_t i = 0; i < grants->rows; i++) {
		const char *line = lk_cell_text(grants, i, 0);
		/* Partial revokes are of whole databases and come behind the grants. */
		if (line_has(line, "REVOKE ", privilege, (const char *const[]){object[0], NULL}))
			granted = false;
		else if (line_has(line, "GRANT ", privilege, object))
			granted = true;
	}
	return granted;
}

char *lk_my_missing(const struct lk_result *grants, const char *const *needs,
		    const char *const object[2])
{
	struct lk_buffer out = {0};
	for (; *needs; needs++)
		if (!lk_my_granted(grants, *needs, object))
			lk_buffer_addf(&out, "%s%s", out.length ? ", " : "", *needs);
	return lk_buffer_take(&out);
}

char *lk_my_account_sql(const struct lk_session *session, const char *account)
{
	const char *at = strrchr(account, '@');
	char *user = lk_strndup(account, at ? (size_t)(at - account) : strlen(account));
	char *quoted_user = session->driver->quote_text(user);
	char *quoted_host = session->driver->quote_text(at ? at + 1 : "%");
	char *both = lk_format("%s@%s", quoted_user, quoted_host);
	free(quoted_host);
	free(quoted_user);
	free(user);
	return both;
}

/* The session's own, the caller's. NULL and *error when the server could not be asked. */
static char *grantee(struct lk_session *session, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, "SELECT current_user()"))
		return NULL;
	char *account = lk_my_account_sql(session, lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return account;
}

struct need {
	const char *const *privileges;
	const char *object[2]; /* database and table; NULL all */
	const char *sql;       /* as GRANT names it */
	const char *what;      /* "cannot …" */
};

static bool check(const struct lk_result *grants, const struct need *need, const char *user,
		  struct lk_error *error)
{
	char *missing = lk_my_missing(grants, need->privileges, need->object);
	bool good = !*missing ||
		    lk_fail(error, LK_ERROR_PRIVILEGE, "user %s cannot %s: GRANT %s ON %s TO %s",
			    user, need->what, missing, need->sql, user);
	free(missing);
	return good;
}

/* With the binary log on, the server lets only SUPER make triggers unless it is told to trust. */
static bool may_log_triggers(struct lk_session *session, const struct lk_result *grants,
			     const char *user, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error,
		      "SELECT @@GLOBAL.log_bin AND NOT @@GLOBAL.log_bin_trust_function_creators"))
		return false;
	bool needed = lk_cell_int(&r, 0, 0) != 0;
	lk_result_free(&r);
	return !needed || lk_my_granted(grants, "SUPER", (const char *const[]){NULL, NULL}) ||
	       lk_fail(error, LK_ERROR_PRIVILEGE,
		       "user %s cannot create triggers while the binary log is on: "
		       "SET GLOBAL log_bin_trust_function_creators = 1, or GRANT SUPER ON *.* TO %s",
		       user, user);
}

/* The option holds for every right that its grantee has on the same or a wider object. */
static bool has_option(const struct lk_result *grants, const char *const object[2])
{
	for (size_t i = 0; i < grants->rows; i++) {
		const char *line = lk_cell_text(grants, i, 0), *on = strstr(line, " ON ");
		if (strncmp(line, "GRANT ", 6) == 0 && on && covers(on + 4, object[0], object[1]) &&
		    strstr(on, " WITH GRANT OPTION"))
			return true;
	}
	return false;
}

bool lk_my_may_grant(struct lk_session *session, const char *const object[2], const char *shown,
		     struct lk_error *error)
{
	struct lk_result grants;
	if (!LK_QUERY(session, &grants, error, "SHOW GRANTS"))
		return false;
	bool may = has_option(&grants, object);
	lk_result_free(&grants);
	if (may)
		return true;
	char *user = grantee(session, error);
	char *schema = session->driver->quote_name(object[0]);
	char *name = object[1] ? session->driver->quote_name(object[1]) : lk_strdup("*");
	if (user)
		lk_fail(error, LK_ERROR_PRIVILEGE,
			"user %s cannot carry over the rights that others have on %s by its name: "
			"GRANT GRANT OPTION ON %s.%s TO %s",
			user, shown, schema, name, user);
	free(name);
	free(schema);
	free(user);
	return false;
}

bool lk_my_privileges(struct lk_session *session, const struct lk_table *table,
		      struct lk_error *error)
{
	struct lk_result grants;
	char *what = lk_format("change table %s", table->shown);
	const struct need needs[] = {
		{lk_my_table_needs, {table->schema, table->name}, table->sql, what},
		{lk_my_journal_needs, {"lockkeeper", NULL}, "`lockkeeper`.*", "keep the journal"},
		{global_needs, {NULL, NULL}, "*.*", "see other users' transactions and locks"},
	};
	char *user = grantee(session, error);
	bool may = user && LK_QUERY(session, &grants, error, "SHOW GRANTS");
	if (may) {
		for (size_t i = 0; may && i < LK_COUNT(needs); i++)
			may = check(&grants, &needs[i], user, error);
		may = may && may_log_triggers(session, &grants, user, error);
		lk_result_free(&grants);
	}
	free(user);
	free(what);
	return may;
}
