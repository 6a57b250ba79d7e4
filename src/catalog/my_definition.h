/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table's definition in the server's own words: SHOW CREATE TABLE, cut into its items. On MySQL and MariaDB
 * this text is the only place where everything about a column or an index stands, in the form in which ALTER
 * TABLE takes it back; information_schema leaves things out, and writes defaults differently on each.
 */
#ifndef LK_CATALOG_MY_DEFINITION_H
#define LK_CATALOG_MY_DEFINITION_H

#include "db/session.h"

enum lk_my_item_kind {
	LK_MY_COLUMN,
	LK_MY_PRIMARY_KEY,
	LK_MY_UNIQUE_KEY,
	LK_MY_KEY,	 /* a plain index */
	LK_MY_OTHER_KEY, /* FULLTEXT, SPATIAL, VECTOR */
	LK_MY_FOREIGN_KEY,
	LK_MY_CHECK,
	LK_MY_OTHER, /* PERIOD FOR … */
};

struct lk_my_item {
	enum lk_my_item_kind kind;
	char *name; /* exact; of a primary key "PRIMARY", "" when it has none */
	char *text; /* the whole item: "KEY `a_idx` (`a` DESC)" */
	char *rest; /* what stands behind the name; of a primary key behind KEY: "(`a` DESC)", "int(11) NOT NULL" */
};

struct lk_my_definition {
	struct lk_my_item *items;
	size_t count;
	char *options; /* behind the closing parenthesis: " ENGINE=InnoDB … PARTITION BY …" */
};

/* Cuts the answer to SHOW CREATE TABLE, with names in backticks. Pure. */
void lk_my_definition_read(const char *create, struct lk_my_definition *definition);
/* `table_sql` is quoted. For base tables only. Names are in backticks whatever the session's sql_mode. */
bool lk_my_definition(struct lk_session *session, const char *table_sql,
		      struct lk_my_definition *definition, struct lk_error *error);
void lk_my_definition_free(struct lk_my_definition *definition);
/* The first item of that kind and name (columns and keys without regard to case, as the server compares them);
 * NULL when there is none. */
const struct lk_my_item *lk_my_item(const struct lk_my_definition *definition,
				    enum lk_my_item_kind kind, const char *name);

/* Whether `text`, outside of strings, has the name in backticks. */
bool lk_my_mentions(const char *text, const char *name);
/* `text` with every name `from` in backticks, outside of strings, as `to`; the caller's. */
char *lk_my_replaced(const char *text, const char *from, const char *to);

/* Whether the body of a trigger reads or writes NEW.`column` or OLD.`column`. */
bool lk_my_row_mentions(const char *body, const char *column);
/* Whether a view's definition, as information_schema has it, uses the column of `schema`.`table`, by the table's
 * name or by one that it has in the view. */
bool lk_my_view_uses(const char *view, const char *schema, const char *table, const char *column);

/* One element of an index: "`a`(10) DESC". */
struct lk_my_part {
	char *text;
	char *column; /* exact; NULL when it is an expression */
	bool prefix, descending;
};
/* The elements of a key, or the first list of a foreign key, by its `rest`. *parts is the caller's
 * (lk_my_parts_free). */
size_t lk_my_parts(const char *rest, struct lk_my_part **parts);
void lk_my_parts_free(struct lk_my_part *parts, size_t count);

/*
 * Of a column's `rest`. The default as an expression, the caller's; NULL when there is none. A DEFAULT NULL is none
 * as well unless `*null_too` is wanted, which then says whether it stands there: without it a strict INSERT
 * has to name the column.
 */
char *lk_my_default(const char *rest, bool *null_too);
/* The same column with NOT NULL, or with NULL; the caller's. DEFAULT NULL goes with the first. */
char *lk_my_with_not_null(const char *rest, bool not_null);
/* The same column with this default ("DEFAULT 'x'", "" none) instead of the one that it had; the caller's. */
char *lk_my_with_default(const char *rest, const char *clause);
/* The same column without a COLLATE that has no CHARACTER SET before it: MySQL writes it for a column that goes
 * along with its table, and would take it, read back, for one that does not. The caller's. */
char *lk_my_without_collation(const char *rest);
/* The same column without its own CHECK (MariaDB), which `*check`, the caller's, then is ("json_valid(`a`)");
 * NULL when it has none. */
char *lk_my_without_check(const char *rest, char **check);

#endif
