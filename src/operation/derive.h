/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the derivations of all engines share: a plan that is being filled, names that are free, and the shapes of
 * steps that several operations need. Texts given as `char *` become the plan's; `const char *` are copied.
 */
#ifndef LK_OPERATION_DERIVE_H
#define LK_OPERATION_DERIVE_H

#include "catalog/catalog.h"
#include "operation/operation.h"

struct lk_derivation {
	struct lk_session *session;
	struct lk_plan *plan;
	const struct lk_operation *operation;
	struct lk_table table; /* operation->table; empty for drop_index */
	/* The engine's: the longest name of an object (bytes), and whether the catalog has one of this name
	 * where the objects of this table have theirs. */
	unsigned name_limit;
	bool (*is_taken)(struct lk_derivation *d, const char *name, bool *taken,
			 struct lk_error *error);
};

struct lk_step *lk_derive_ddl(struct lk_derivation *d, enum lk_phase phase, char *sql, char *undo);
/* Several statements in one transaction. */
struct lk_step *lk_derive_sql(struct lk_derivation *d, enum lk_phase phase, char *sql, char *undo);
/* A question to a person. One of that name that the phase has already asks for this as well; in another phase
 * it is a gate of its own, "release-41-gone-2". */
void lk_derive_gate(struct lk_derivation *d, enum lk_phase phase, char *name, char *ask,
		    char *undo);
/* "release-42": that the new release runs and `does` ("writes user_handle"), followed by `note`, "" for none; asked
 * on the way back: that it is withdrawn, and nothing `does` any more. */
void lk_derive_new_release(struct lk_derivation *d, enum lk_phase phase, const char *does,
			   const char *note);
/* "release-41-gone": that the old release, which `does` ("reads and writes username"), runs nowhere. */
void lk_derive_old_release_gone(struct lk_derivation *d, enum lk_phase phase, const char *does);
/* The dual write of the operation's table that a second column begins with; `type` NULL: it does not convert, else
 * `ways` are forth and back. */
void lk_derive_dual_write(struct lk_derivation *d, const char *from, const char *to,
			  const char *type, const char *const ways[2]);
/* The two columns exchange their names, behind the gate "type-of-amount": that the releases can do with the column
 * having the type. */
void lk_derive_swap(struct lk_derivation *d, const char *from, const char *to, const char *type);
/* The rows of which the condition is true must be none; they are shown by their key, or by `shown`. */
void lk_derive_verify(struct lk_derivation *d, enum lk_phase phase, const char *condition,
		      const char *shown);
/* table.column = expression where the condition (may be NULL) holds. */
struct lk_step *lk_derive_backfill(struct lk_derivation *d, const char *column,
				   const char *expression, char *where);

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

/* A stem for an object made for a second column `to`: the name of the first one's with the column's name changed in
 * it. The caller's. */
char *lk_derive_renamed(const char *old, const char *from, const char *to);

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

#endif
