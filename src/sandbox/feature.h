/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What release 42 does otherwise than release 41: one feature for each change that a plan may make to
 * the shop. A connection either follows the old way of a feature or its new one; which, the
 * deployment decides (release.h) from two questions to the catalog, given here as SQL conditions, and
 * from the newest run whose steps mention the feature.
 */
#ifndef LK_SANDBOX_FEATURE_H
#define LK_SANDBOX_FEATURE_H

#include <stdbool.h>

enum lk_feature {
	LK_FEATURE_RELEASE,   /* the release itself, which every run is about */
	LK_FEATURE_HANDLE,    /* users.username or user_handle */
	LK_FEATURE_PUBLIC,    /* users.public_id is there */
	LK_FEATURE_LOYALTY,   /* users.loyalty is there */
	LK_FEATURE_FAX,	      /* users.fax is used no more */
	LK_FEATURE_NAMED,     /* users.display_name is never NULL */
	LK_FEATURE_NO_EMAIL,  /* users.email may be NULL */
	LK_FEATURE_STATUS,    /* orders.status comes from its default */
	LK_FEATURE_RECENT,    /* an index leads to a user's newest orders */
	LK_FEATURE_NEWEST,    /* nobody needs the index on orders.created_at */
	LK_FEATURE_STARS,     /* the server refuses stars that are none */
	LK_FEATURE_CASCADE,   /* reviews go with their order */
	LK_FEATURE_ONE_EMAIL, /* an email belongs to one user */
	LK_FEATURE_LONG_BODY, /* reviews may be long */
	LK_FEATURE_PURCHASES, /* orders are called purchases */
	LK_FEATURES
};

/* What holds on every engine. */
struct lk_feature_facts {
	/* The catalog looks the same before and after: only a run tells. */
	bool by_run;
	/* The new way needs what the run makes or enforces, so it is taken when the run is done; else
	 * it is taken at the run's gates. */
	bool when_done;
};

extern const struct lk_feature_facts lk_features[LK_FEATURES];

/* A feature in an engine's own terms. */
struct lk_feature_terms {
	const char *mentioned; /* a LIKE pattern for the steps of a run that is about it */
	/* Conditions: whether the old way works, and the new one; NULL always. */
	const char *old_works, *new_works;
	/* What a withdrawn release 42 left behind and the way back cannot bear, in SQL; NULL nothing. */
	const char *mend;
};

#endif
