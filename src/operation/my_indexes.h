/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Indexes of a table of MySQL or MariaDB that are taken out of it, and what needs them. */
#ifndef LK_OPERATION_MY_INDEXES_H
#define LK_OPERATION_MY_INDEXES_H

#include "operation/my_derive.h"

/* Whether a foreign key, of this table or of another, has no other index than this one. *by, the caller's, says which
 * ("foreign key f"); NULL none. */
bool lk_my_index_needed(struct lk_my_derivation *m, const struct lk_my_item *index, char **by,
			struct lk_error *error);
/* DROP INDEX, with what brings it back. `text` is the index as it is called then. */
void lk_my_drop_index_step(struct lk_my_derivation *m, const struct lk_my_item *index,
			   const char *text);
/* Indexes that use the column go before it does: the server would take the column out of them and keep the
 * rest, and has to rebuild the table for an indexed column. What a foreign key needs stays. `column_then` is what
 * the column is called by then. */
bool lk_my_drop_indexes_of(struct lk_my_derivation *m, const char *column, const char *column_then,
			   struct lk_error *error);
/* Refuses columns that can be indexed by a prefix only, where they stand whole. */
bool lk_my_need_indexable(const struct lk_my_derivation *m, const struct lk_names *columns,
			  struct lk_error *error);
/* The rows that hold the same values, NULL aside, must be none; they are shown with their number. */
void lk_my_verify_unique(struct lk_my_derivation *m, enum lk_phase phase,
			 const struct lk_names *columns);

#endif
