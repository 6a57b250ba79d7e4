/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the journal knows of a shadow table that is being filled: its step's cursor. */
#ifndef LK_SHADOW_MY_CHECKPOINT_H
#define LK_SHADOW_MY_CHECKPOINT_H

#include "shadow/my_feed.h"
#include "step/step.h"

struct lk_my_checkpoint {
	char *identity;		  /* of the server whose log the place is in */
	struct lk_my_place place; /* where the stream must begin */
	char **mark;		  /* up to which the original is copied; NULL: nothing is */
	size_t columns;		  /* of the mark */
	bool copied;		  /* all of it */
	int64_t rows;		  /* that were copied */
};

/* *there: there is one. *checkpoint is the caller's then. */
bool lk_my_checkpoint_read(struct lk_step_run *run, size_t columns,
			   struct lk_my_checkpoint *checkpoint, bool *there,
			   struct lk_error *error);
/* In a transaction of its own, if the run is still ours. */
bool lk_my_checkpoint_write(struct lk_step_run *run, const struct lk_my_checkpoint *checkpoint,
			    struct lk_error *error);
bool lk_my_checkpoint_forget(struct lk_step_run *run, struct lk_error *error);
void lk_my_checkpoint_free(struct lk_my_checkpoint *checkpoint);

#endif
