/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table's columns and indexes as SHOW tells them: the only way to learn those of a temporary table, which
 * information_schema leaves out.
 */
#ifndef LK_SHADOW_MY_RELATION_H
#define LK_SHADOW_MY_RELATION_H

#include "db/session.h"

struct lk_my_relation_column {
	char *name, *sql;	   /* exact, and quoted */
	char *type;		   /* "varchar(40)", "int(10) unsigned" */
	char *collation, *charset; /* of texts; NULL for others */
	bool not_null, generated, counted /* AUTO_INCREMENT */;
	bool preset; /* it has a default; of NULL only where that is one */
};

struct lk_my_relation_part {
	char *column; /* exact; NULL for an expression */
	long prefix;  /* characters or bytes of it; 0 the whole */
	bool nullable;
};

struct lk_my_relation_index {
	char *name, *sql;
	char *kind; /* "BTREE", "FULLTEXT", "SPATIAL", … */
	bool unique;
	bool usable; /* the optimizer may use it: not INVISIBLE, not IGNORED */
	struct lk_my_relation_part *parts;
	size_t count;
};

struct lk_my_relation {
	struct lk_my_relation_column *columns;
	size_t column_count;
	struct lk_my_relation_index *indexes;
	size_t index_count;
};

/* `table_sql` is quoted. *relation is the caller's, empty on failure. */
bool lk_my_relation_read(struct lk_session *session, const char *table_sql,
			 struct lk_my_relation *relation, struct lk_error *error);
void lk_my_relation_free(struct lk_my_relation *relation);
/* By name, without regard to case as the server has it; NULL: there is none. */
const struct lk_my_relation_column *lk_my_relation_column(const struct lk_my_relation *relation,
							  const char *name);

#endif
