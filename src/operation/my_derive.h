/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the derivations for MySQL and MariaDB share beyond operation/derive.h. */
#ifndef LK_OPERATION_MY_DERIVE_H
#define LK_OPERATION_MY_DERIVE_H

#include "catalog/my_definition.h"
#include "db/my_server.h"
#include "operation/derive.h"

struct lk_my_derivation {
	struct lk_derivation d;
	struct lk_my_server server;
	struct lk_my_definition definition; /* of d.table; empty for what is no base table */
};

/* As struct lk_derivation wants it: indexes of the table, constraints of the database. */
bool lk_my_name_taken(struct lk_derivation *d, const char *name, bool *taken,
		      struct lk_error *error);

/* A plain table of InnoDB. */
bool lk_my_need_table(const struct lk_my_derivation *m, struct lk_error *error);
bool lk_my_partitioned(const struct lk_my_derivation *m);
/* No column of the table, or of an earlier add_column, has the name; whatever its case, as the server has it.
 * `hint` says what else to do than choose another ("" nothing). */
bool lk_my_need_new_column(const struct lk_my_derivation *m, const char *name, const char *hint,
			   struct lk_error *error);
/* A column of the server's is changed by writing all of its definition. So another operation of the plan on the
 * same one would be undone by it; class PLAN when there is one. */
bool lk_my_need_alone(const struct lk_my_derivation *m, const char *column, struct lk_error *error);

/* What the server would say of a query of this plan, without running it; class PLAN with its sentence. Nothing is
 * asked when an earlier operation adds a column to the table, which the server does not know yet. */
bool lk_my_try(struct lk_my_derivation *m, const char *what, const char *query,
	       struct lk_error *error);
/* Likewise for an expression over the table's rows. */
bool lk_my_try_value(struct lk_my_derivation *m, const char *what, const char *expression,
		     struct lk_error *error);
/* Likewise for an ALTER of the table ("ADD COLUMN `a` int DEFAULT (1 + 1)"): its words and types are understood. */
bool lk_my_try_alter(struct lk_my_derivation *m, const char *what, const char *change,
		     struct lk_error *error);
/* The type is one. */
bool lk_my_need_type(struct lk_my_derivation *m, const char *type, struct lk_error *error);
/* Whether an expression has another value for each row: it calls a function that does, or reads a column. */
bool lk_my_varies(struct lk_my_derivation *m, const char *expression, bool *varies,
		  struct lk_error *error);

/* ALTER TABLE … and its undo, both behind the table's name. `undo` may be NULL. */
struct lk_step *lk_my_alter(struct lk_my_derivation *m, enum lk_phase phase, const char *change,
			    const char *undo);
/* MODIFY to this definition, and back to that one. */
void lk_my_modify(struct lk_my_derivation *m, enum lk_phase phase, const char *column_sql,
		  const char *definition, const char *before);
/* "NOT (a <=> b)", to the last byte where they are texts; the caller's. */
char *lk_my_differs(const char *type, const char *a, const char *b);

#endif
