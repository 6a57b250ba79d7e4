/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rights that are given by name. A grant on a column or a table is kept by the name alone: it neither follows what
 * it was given for to another name, nor goes with it. Rights on whole databases need nothing.
 */
#include <ctype.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "operation/my_carry.h"

/* The server's own tables, which list everybody's; information_schema shows only what the asker may see. Their
 * names are compared by case as those of tables are. A role of MariaDB has no host. */
#define OF_TABLE LK_MY_SAME_NAME("db", "$1") " AND " LK_MY_SAME_NAME("table_name", "$2")

static const char columns_sql[] =
	"SELECT user, host, column_priv, column_name FROM mysql.columns_priv"
	" WHERE " OF_TABLE " ORDER BY user, host, column_name";
static const char tables_sql[] = "SELECT user, host, table_priv, NULL FROM mysql.tables_priv"
				 " WHERE " OF_TABLE " AND table_priv <> '' ORDER BY user, host";

static bool read_grants(struct lk_my_derivation *m, const char *sql, struct lk_result *grants,
			struct lk_error *error)
{
	const char *table = sql == columns_sql ? "columns_priv" : "tables_priv";
	if (LK_QUERY(m->d.session, grants, error, sql, m->d.table.schema, m->d.table.name))
		return true;
	return error->class != LK_ERROR_PRIVILEGE
		       ? false
		       : lk_fail(error, LK_ERROR_PRIVILEGE,
				 "this user cannot see who has rights on table %s by its name, which a new "
				 "name would not have: GRANT SELECT ON mysql.%s TO it",
				 m->d.table.shown, table);
}

/* 'user'@'host', or `role`; the caller's. */
static char *grantee(const struct lk_my_derivation *m, const struct lk_result *grants, size_t row)
{
	const struct lk_driver *driver = m->d.session->driver;
	const char *user = lk_cell_text(grants, row, 0), *host = lk_cell_text(grants, row, 1);
	if (!*host)
		return driver->quote_name(user);
	char *u = driver->quote_name(user), *h = driver->quote_name(host);
	char *both = lk_format("%s@%s", u, h);
	free(h);
	free(u);
	return both;
}

static void add_privilege(struct lk_buffer *out, const char *word, size_t length,
			  const char *column_sql)
{
	lk_buffer_add(out, out->length ? ", " : "");
	for (size_t i = 0; i < length; i++) {
		char letter = (char)toupper((unsigned char)word[i]);
		lk_buffer_add_bytes(out, &letter, 1);
	}
	if (column_sql)
		lk_buffer_addf(out, " (%s)", column_sql);
}

/* "SELECT (`a`), INSERT (`a`)" of the set "Select,Insert"; the option to grant them is *option. The caller's. */
static char *privileges(const char *set, const char *column_sql, bool *option)
{
	struct lk_buffer out = {0};
	*option = false;
	for (const char *p = set; *p;) {
		size_t length = strcspn(p, ",");
		if (length == 5 && strncasecmp(p, "Grant", 5) == 0)
			*option = true;
		else
			add_privilege(&out, p, length, column_sql);
		p += length + (p[length] == ',');
	}
	return lk_buffer_take(&out);
}

/* One GRANT with its REVOKE, or the other way round. */
static void add_step(struct lk_my_derivation *m, enum lk_phase phase, const char *grant,
		     const char *revoke, bool giving)
{
	lk_derive_ddl(&m->d, phase, lk_strdup(giving ? grant : revoke),
		      lk_strdup(giving ? revoke : grant));
}

/* The right of one row, on the column (NULL: on the table) of `table_sql`. */
static void carry_row(struct lk_my_derivation *m, const struct lk_result *grants, size_t row,
		      const char *const object[2], enum lk_phase phase)
{
	bool option;
	char *list = privileges(lk_cell_text(grants, row, 2), object[1], &option);
	char *who = grantee(m, grants, row);
	char *grant = lk_format("GRANT %s ON %s TO %s%s", *list ? list : "USAGE", object[0], who,
				option ? " WITH GRANT OPTION" : "");
	char *revoke = lk_format("REVOKE %s%s ON %s FROM %s", *list ? list : "",
				 !option ? ""
				 : *list ? ", GRANT OPTION"
					 : "GRANT OPTION",
				 object[0], who);
	add_step(m, phase, grant, revoke, phase != LK_CONTRACT);
	free(revoke);
	free(grant);
	free(who);
	free(list);
}

static bool carry_columns(struct lk_my_derivation *m, const char *column, const char *to,
			  enum lk_phase phase, struct lk_error *error)
{
	struct lk_result grants;
	bool any = false;
	if (!read_grants(m, columns_sql, &grants, error))
		return false;
	char *to_sql = m->d.session->driver->quote_name(to);
	for (size_t i = 0; i < grants.rows; i++) {
		if (strcasecmp(lk_cell_text(&grants, i, 3), column) != 0)
			continue;
		carry_row(m, &grants, i, (const char *const[]){m->d.table.sql, to_sql}, phase);
		any = true;
	}
	free(to_sql);
	lk_result_free(&grants);
	return !any || lk_my_may_grant(m->d.session,
				       (const char *const[]){m->d.table.schema, m->d.table.name},
				       m->d.table.shown, error);
}

bool lk_my_carry_grants(struct lk_my_derivation *m, const char *column, const char *to,
			struct lk_error *error)
{
	return carry_columns(m, column, to, LK_EXPAND, error);
}

bool lk_my_end_grants(struct lk_my_derivation *m, const char *column, struct lk_error *error)
{
	return carry_columns(m, column, column, LK_CONTRACT, error);
}

bool lk_my_carry_table_grants(struct lk_my_derivation *m, const char *to_sql,
			      struct lk_error *error)
{
	struct lk_result grants;
	if (!read_grants(m, tables_sql, &grants, error))
		return false;
	bool any = grants.rows > 0;
	for (size_t i = 0; i < grants.rows; i++)
		carry_row(m, &grants, i, (const char *const[]){to_sql, NULL}, LK_EXPAND);
	lk_result_free(&grants);
	if (!read_grants(m, columns_sql, &grants, error))
		return false;
	for (size_t i = 0; i < grants.rows; i++) {
		/* Rights outlive columns that were dropped. */
		if (!lk_table_column(&m->d.table, lk_cell_text(&grants, i, 3)))
			continue;
		char *column = m->d.session->driver->quote_name(lk_cell_text(&grants, i, 3));
		carry_row(m, &grants, i, (const char *const[]){to_sql, column}, LK_EXPAND);
		free(column);
		any = true;
	}
	lk_result_free(&grants);
	/* The new name is not there yet, so the option must be one of the whole database. */
	return !any || lk_my_may_grant(m->d.session, (const char *const[]){m->d.table.schema, NULL},
				       m->d.table.shown, error);
}
