/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A text of an operation that is another one on each engine: type: {postgresql: uuid, mysql: char(36)}. The plan
 * keeps them all until its target is known; then one is chosen, and the rest is forgotten.
 */
#ifndef LK_PLAN_ALTERNATIVE_H
#define LK_PLAN_ALTERNATIVE_H

#include "plan/model.h"

/* As they are written: postgresql, mysql, mariadb; NULL at the end. */
enum { LK_ALTERNATIVES = 3 };
extern const char *const lk_alternative_words[LK_ALTERNATIVES + 1];

struct lk_alternative {
	const char *member; /* its name, "type" */
	size_t offset; /* in struct lk_operation; until one is chosen, a copy of the first stands there */
	int line, column;	      /* in the file, from 1; 0 out of the journal */
	char *texts[LK_ALTERNATIVES]; /* in the order of the words, NULL not given */
};

/*
 * The operation as it is for a server that goes by these names, the best first, NULL at the end ("mariadb",
 * "mysql"): a shallow copy that borrows every text. NULL when there is one for every alternative, else the one
 * that has none.
 */
const struct lk_alternative *lk_operation_for(const struct lk_operation *operation,
					      const char *const *names, struct lk_operation *as);

/* Chooses in the whole plan; class PLAN, with file, line and column, when an alternative has none for them. */
bool lk_plan_choose(struct lk_plan *plan, const char *const *names, struct lk_error *error);
bool lk_plan_has_alternatives(const struct lk_plan *plan);

/* A sentence without the place: "type has no text for mysql; it names postgresql". */
void lk_alternative_missing(const struct lk_alternative *alternative, const char *const *names,
			    char *text, size_t size);

void lk_operation_free_alternatives(struct lk_operation *operation);

#endif
