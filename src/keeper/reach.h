/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening a session without being kept by a server that does not answer. */
#ifndef LK_KEEPER_REACH_H
#define LK_KEEPER_REACH_H

#include "keeper/thread.h"

/*
 * lk_session_open, which no other thread can interrupt, for a thread that has to end soon when the keeper closes:
 * NULL with class CANCELLED at most 50 ms after shared->closing is set, however long the server is silent. The
 * connection is then given up by a thread of its own, which uses nothing of the keeper's.
 */
struct lk_session *lk_reach(struct lk_shared *shared, const char *uri, const char *role,
			    struct lk_error *error);

#endif
