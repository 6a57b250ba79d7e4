/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clauses of the ALTER TABLE by which a shadow becomes different from its original. Pure. */
#ifndef LK_SHADOW_MY_ALTER_H
#define LK_SHADOW_MY_ALTER_H

#include "base/error.h"
#include "shadow/my_relation.h"
#include "step/my_statement.h"

struct lk_my_alter {
	struct lk_my_statement statement;
	char *clauses; /* "MODIFY …, ADD …": as they go behind ALTER TABLE name */
};

/* Class PLAN for what is no list of clauses, REFUSED for those that a shadow cannot carry out: the sentence says
 * which and what to do. `ansi`: "…" is a name in this session, which is refused too, as it is not read so. */
bool lk_my_alter_read(const char *clauses, bool ansi, struct lk_my_alter *alter,
		      struct lk_error *error);
void lk_my_alter_free(struct lk_my_alter *alter);

/*
 * The name in the original of the shadow's column `name`; NULL: it is a new column. One that is dropped and added
 * again under its name is new.
 */
const char *lk_my_alter_source(const struct lk_my_alter *alter,
			       const struct lk_my_relation *original, const char *name);
/* Whether the clauses drop a column, or give it another name (`to`, which may be NULL). */
bool lk_my_alter_drops(const struct lk_my_alter *alter, const char *name);
const char *lk_my_alter_new_name(const struct lk_my_alter *alter, const char *name);

#endif
