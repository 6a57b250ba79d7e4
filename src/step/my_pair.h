/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two columns of a dual write on MySQL and MariaDB, and what is there of it.
 *
 * A dual write is the second column and two triggers, BEFORE INSERT and BEFORE UPDATE, which come into being one after
 * another; the catalog tells which are there. The triggers' names are made of the table's and of the two columns'
 * names in either order, so that they are found again after the columns have exchanged theirs; a comment at the
 * beginning of their bodies says which way they were made. The new column was added behind the old one, and
 * an exchange of names moves neither, so their order tells whether the names are exchanged.
 */
#ifndef LK_STEP_MY_PAIR_H
#define LK_STEP_MY_PAIR_H

#include "base/buffer.h"
#include "catalog/catalog.h"
#include "plan/model.h"

enum lk_my_trigger_state {
	LK_MY_TRIGGER_NONE,
	LK_MY_TRIGGER_FITS,
	LK_MY_TRIGGER_OTHER, /* made for the names the other way round, or by somebody else */
};

/* Of a column that holds text; NULL: it does not. */
struct lk_my_text {
	char *charset, *collation;
};

struct lk_my_pair {
	struct lk_table table;	    /* as it is now */
	const struct lk_step *step; /* the dual_write; borrowed */
	bool swapped;		    /* the names are exchanged */
	/* The two sides, by what they were when the dual write began; NULL: not there. */
	const struct lk_column *old_side, *new_side;
	struct lk_my_text old_text, new_text;
	char *insert_name, *update_name; /* of the triggers */
	enum lk_my_trigger_state insert, update;
	bool last; /* no other trigger comes behind ours */
	bool lent; /* the old side has a default that the dual write was to give it, as its clean-up in the journal says */
};

/* Reads all of it. To be freed also on failure. */
bool lk_my_pair_read(struct lk_session *session, const struct lk_step *dual_write,
		     struct lk_my_pair *pair, struct lk_error *error);
void lk_my_pair_free(struct lk_my_pair *pair);

/* The comment that both bodies begin with; the caller's. */
char *lk_my_pair_mark(const struct lk_step *dual_write, bool swapped);
/* `db`.`name` of a trigger; the caller's. */
char *lk_my_pair_trigger(struct lk_session *session, const struct lk_my_pair *pair,
			 const char *name);

/* Whether a dual_write converts. */
static inline bool lk_my_converts(const struct lk_step *dual_write)
{
	return dual_write->type || dual_write->forth || dual_write->back;
}

/* "(a <=> b)", of texts by their bytes: a collation may call 'a' the same as 'A', or as 'a '. */
void lk_my_add_same(struct lk_buffer *out, bool text, const char *a, const char *b);

#endif
