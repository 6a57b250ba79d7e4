/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the PostgreSQL derivations share: a plan that is being filled, names that are free, and the shapes of
 * steps that several operations need. Texts given as `char *` become the plan's; `const char *` are copied.
 */
#ifndef LK_OPERATION_PG_DERIVE_H
#define LK_OPERATION_PG_DERIVE_H

#include "catalog/catalog.h"
#include "operation/operation.h"

/* NAMEDATALEN - 1 */
#define LK_PG_NAME_LIMIT 63

struct lk_derivation {
	struct lk_session *session;
	struct lk_plan *plan;
	const struct lk_operation *operation;
	struct lk_table table; /* operation->table; empty for drop_index */
};

struct lk_step *lk_derive_ddl(struct lk_derivation *d, enum lk_phase phase, char *sql, char *undo);
/* Several statements in one transaction. */
struct lk_step *lk_derive_sql(struct lk_derivation *d, enum lk_phase phase, char *sql, char *undo);
/* A question to a person. One of that name that the phase has already asks for this as well; in another phase
 * it is a gate of its own, "release-41-gone-2". */
void lk_derive_gate(struct lk_derivation *d, enum lk_phase phase, char *name, char *ask,
		    char *undo);
/* "release-42": that the new release runs and `does` ("writes user_handle"); asked on the way back: that it is
 * withdrawn, and nothing `does` any more. */
void lk_derive_new_release(struct lk_derivation *d, enum lk_phase phase, const char *does);
/* "release-41-gone": that the old release, which `does` ("reads and writes username"), runs nowhere. */
void lk_derive_old_release_gone(struct lk_derivation *d, enum lk_phase phase, const char *does);
/* The rows of which the condition is true must be none; they are shown by their key, or by `shown`. */
void lk_derive_verify(struct lk_derivation *d, enum lk_phase phase, const char *condition,
		      const char *shown);
/* table.column = expression where the condition (may be NULL) holds. */
struct lk_step *lk_derive_backfill(struct lk_derivation *d, const char *column,
				   const char *expression, char *where);
/* SET NOT NULL without a scan under the lock: by a CHECK that was validated before. column_sql is quoted. */
void lk_derive_not_null(struct lk_derivation *d, enum lk_phase phase, const char *column,
			const char *column_sql);
/* The statements that bring NOT NULL back the same way, each fit to be repeated; with `fill` (may be NULL)
 * for the rows that hold NULL by then. The caller's. */
char *lk_derive_not_null_again(struct lk_derivation *d, const struct lk_column *column,
			       const char *fill);

/* A name for an object in the table's schema that neither the catalog nor the plan has: the stem, or with a
 * number behind it. `suffix` is put behind a stem that is cut or numbered. Quoted, the caller's; NULL and
 * *error when the server could not be asked. */
char *lk_derive_free_name(struct lk_derivation *d, const char *stem, const char *suffix,
			  struct lk_error *error);
/* The name that the plan wishes, or one made of table, columns and suffix ("_idx"). Quoted, the caller's;
 * class PLAN when the wished one is taken. */
char *lk_derive_wished_name(struct lk_derivation *d, const char *suffix, struct lk_error *error);
/* "schema"."name" of a quoted name in the table's schema. The caller's. */
char *lk_derive_qualify(const struct lk_derivation *d, const char *name_sql);

/* Columns of the table, or of an earlier add_column of the plan; a PLAN error for the first that is neither. */
bool lk_derive_need_columns(struct lk_derivation *d, const struct lk_names *names,
			    struct lk_error *error);
bool lk_derive_has_column(const struct lk_derivation *d, const char *name);
/* "a", "b": the caller's. */
char *lk_derive_list(const struct lk_derivation *d, const struct lk_names *names);
/* Refuses what is not a plain table; partitioned tables may be allowed. */
bool lk_derive_need_table(const struct lk_derivation *d, bool partitioned, struct lk_error *error);
/* A key to walk by is needed. */
bool lk_derive_need_key(const struct lk_derivation *d, struct lk_error *error);
/* Whether an expression gives another value at each call. What only looks like it counts as well. */
bool lk_derive_is_volatile(struct lk_derivation *d, const char *expression, bool *is_volatile,
			   struct lk_error *error);
/* What the server would say of a query of this plan, without running it; class PLAN with its sentence. Nothing is
 * asked when an earlier operation adds a column to the table, which the server does not know yet. */
bool lk_derive_try(struct lk_derivation *d, const char *what, const char *query,
		   struct lk_error *error);
/* Likewise for an expression over the table's rows; with a type (may be NULL) also whether it can be stored as
 * one. */
bool lk_derive_try_value(struct lk_derivation *d, const char *what, const char *expression,
			 const char *type, struct lk_error *error);
/* The type's name as the server writes it, the caller's; NULL and class PLAN when there is none. */
char *lk_derive_type(struct lk_derivation *d, const char *type, struct lk_error *error);

#endif
