/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the catalog says of the tables and views that a statement concerns: whether it happened. */
#ifndef LK_STEP_MY_LOOK_H
#define LK_STEP_MY_LOOK_H

#include "catalog/catalog.h"
#include "step/my_statement.h"

#define LK_MY_DIGEST 24

/* A digest of their definitions in the server's words, without the counter of AUTO_INCREMENT; "-" when the statement
 * concerns none that we know how to look at. */
bool lk_my_look_digest(struct lk_session *session, const struct lk_my_statement *statement,
		       char digest[LK_MY_DIGEST], struct lk_error *error);
/*
 * Whether the statement has happened since the definitions had the digest `before`: they are different now, and what
 * it names is as it would leave it, as far as its words tell that.
 */
bool lk_my_look_happened(struct lk_session *session, const struct lk_my_statement *statement,
			 const char *before, bool *happened, struct lk_error *error);
/* Whether a RENAME TABLE has happened: of its old names none is left that is not also a new one. */
bool lk_my_look_renamed(struct lk_session *session, const struct lk_my_statement *statement,
			bool *renamed, struct lk_error *error);
/* The object's name as a statement writes it; the caller's. */
char *lk_my_look_written(struct lk_session *session, const struct lk_my_object *object);

#endif
