/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of MySQL's and MariaDB's catalog share. A schema is a database; a table without one is of the
 * session's own. A partitioned table is one table, since partitions there are not tables.
 */
#ifndef LK_CATALOG_MY_CATALOG_H
#define LK_CATALOG_MY_CATALOG_H

#include "base/buffer.h"
#include "catalog/catalog.h"

/* NAME_LEN, in characters: of tables, columns, indexes, constraints, triggers. */
#define LK_MY_NAME_LIMIT 64

/*
 * A condition that compares a column of information_schema that holds a name of a table or database with a
 * parameter as the server compares such names: byte by byte, or without regard to case when it keeps them in
 * lower case. `column` and `parameter` are literals. The plain comparison beside it is what the server looks
 * names up by.
 */
#define LK_MY_SAME_NAME(column, parameter)                                                         \
	"(" column " = " parameter " AND (@@lower_case_table_names <> 0 OR CAST(" column           \
	" AS BINARY) = CAST(" parameter " AS BINARY)))"

/* `database`.`name`, and the name as a person writes it; the caller's. */
char *lk_my_quoted_name(struct lk_session *session, const char *schema, const char *name);

/* A name as it is spelt in the names of files, and in InnoDB's own; false when it has letters beyond ASCII, which have a
 * spelling of their own. */
bool lk_my_file_name(struct lk_buffer *out, const char *name);

bool lk_my_privileges(struct lk_session *session, const struct lk_table *table,
		      struct lk_error *error);
/* Whether the rows of SHOW GRANTS give a privilege on an object: database and table; no table: the whole database;
 * neither: everything. */
bool lk_my_granted(const struct lk_result *grants, const char *privilege,
		   const char *const object[2]);
/* What a run needs on each table that it changes, and on the journal's; NULL at the end. */
extern const char *const lk_my_table_needs[], *const lk_my_journal_needs[];
/* Those that SHOW GRANTS does not give on the object: "ALTER, TRIGGER", "" none; the caller's. */
char *lk_my_missing(const struct lk_result *grants, const char *const *needs,
		    const char *const object[2]);
/* CURRENT_USER()'s answer, user@host, as GRANT takes it; the caller's. */
char *lk_my_account_sql(const struct lk_session *session, const char *account);
/*
 * Whether this user may give others rights on an object, as lk_my_granted has it: class PRIVILEGE with the GRANT
 * otherwise. `shown` is what the sentence calls the rights' object.
 */
bool lk_my_may_grant(struct lk_session *session, const char *const object[2], const char *shown,
		     struct lk_error *error);
bool lk_my_target(struct lk_session *session, struct lk_server *server, struct lk_error *error);

#endif
