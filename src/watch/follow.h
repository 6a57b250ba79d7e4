/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Following replicas by asking them, for engines whose primary does not know what a replica has replayed: a
 * beat is written to the primary and read on each replica. Every function belongs to the thread of its session.
 */
#ifndef LK_WATCH_FOLLOW_H
#define LK_WATCH_FOLLOW_H

#include "watch/sample.h"

/* What a replica shows. */
struct lk_replica_reading {
	int64_t beat;	  /* of this keeper, 0: none is there yet */
	bool broken;	  /* it replicates no more */
	double behind_ms; /* what the server itself reckons, to a second; negative unknown */
	char note[200];	  /* "Seconds_Behind_Source 3", or the error that stopped it */
};

struct lk_follow_ops {
	char *(*address)(const char *uri, const char *host, int port, struct lk_error *error);
	bool (*name)(const char *uri, char *name, size_t size, struct lk_error *error);
	bool (*prepare)(struct lk_session *, const char *keeper, bool *ready, struct lk_error *);
	bool (*beat)(struct lk_session *, const char *keeper, int64_t beat, struct lk_error *);
	bool (*end)(struct lk_session *, struct lk_error *);
	bool (*identify)(struct lk_session *, char *server, size_t size, struct lk_error *);
	bool (*verify)(struct lk_session *, const char *server, struct lk_error *);
	bool (*read_beat)(struct lk_session *, const char *keeper, int64_t *beat,
			  struct lk_error *);
	bool (*read_state)(struct lk_session *, struct lk_replica_reading *, struct lk_error *);
};
/* PostgreSQL has none: pg_stat_replication tells. */
extern const struct lk_follow_ops lk_my_follow;

/* The operations for a target, or NULL when replicas need not be asked there. */
const struct lk_follow_ops *lk_follow_for(const char *uri);

/*
 * address: the URI by which the same user reaches a replica; the caller's, NULL and *error when the target's
 *	    own URI is malformed.
 * name:    what a replica that is given by its URI is called on the screen: "host:port" or a socket's path.
 * prepare: makes the place of the beats in the journal; *ready is false while there is no journal yet. `keeper`
 *	    tells this keeper's beats from an earlier one's.
 * beat:    writes one; its number is lk_clock_us() of now.
 * end:	    takes the run's beats away.
 * identify: what the session's server calls itself, as `server` in the sample of the one that it replicates.
 * verify:  whether the session is of the replica that calls itself `server`, and not of whoever else has the
 *	    address. Class REFUSED when it is not.
 * read_*:  on a replica.
 */

#endif
