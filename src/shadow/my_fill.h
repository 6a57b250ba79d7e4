/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filling a shadow table beside writes: made, copied, kept current, compared. What has been done is in the journal each
 * second (the step's cursor), so that another call, of another keeper after a crash too, goes on from there. Everything
 * runs on the run's thread and on those of the engine below.
 *
 *	lk_my_fill_open     examines the table, makes or finds the shadow, opens the stream, starts the crew
 *	lk_my_fill_copy     until every row of the original is in the shadow, as it was at some moment since
 *	lk_my_fill_compare  until nothing differs that the stream does not explain
 *	lk_my_fill_drain    under LOCK TABLES: the shadow is what the original is
 *	lk_my_fill_close    ends all; the shadow stays
 */
#ifndef LK_SHADOW_MY_FILL_H
#define LK_SHADOW_MY_FILL_H

#include "shadow/my_engine.h"

struct lk_my_fill {
	struct lk_my_engine engine;
	char identity[128];	 /* of the server */
	struct lk_my_place from; /* where the stream begins */
	bool copied, compared;	 /* as the journal has it */
	bool engine_open;
	int64_t saved_us, said_us;
};

/* What is filled: `alter` is what stands behind ALTER TABLE and the table's name. */
struct lk_my_fill_order {
	const char *table, *alter;
	bool begun; /* the journal says so: a shadow of its name is ours */
};

/*
 * Class REFUSED with a sentence when it cannot be done. To be closed also on failure. Says aloud when what an earlier
 * attempt has copied cannot be gone on with (another server, or the log is gone), and begins anew.
 */
bool lk_my_fill_open(struct lk_step_run *run, const struct lk_my_fill_order *order,
		     struct lk_my_fill *fill, struct lk_error *error);
void lk_my_fill_close(struct lk_my_fill *fill);

/* False with class CANCELLED when the run is stopped; rows that the shadow cannot hold are named in *error. */
bool lk_my_fill_copy(struct lk_my_fill *fill, struct lk_error *error);
bool lk_my_fill_compare(struct lk_my_fill *fill, struct lk_error *error);
/* Waits until few keys wait, and the stream is near the log's end. */
bool lk_my_fill_catch_up(struct lk_my_fill *fill, struct lk_error *error);

/*
 * In a session that holds both tables by LOCK TABLES: everything up to `position` is applied, in that session, since no
 * other can. Class RETRY when that is not so by until_us. The crew rests afterwards; lk_my_fill_catch_up has it work again.
 */
bool lk_my_fill_drain(struct lk_my_fill *fill, struct lk_session *session, const char *position,
		      int64_t until_us, struct lk_error *error);

#endif
