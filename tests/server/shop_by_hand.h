/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox's application through every change that plans may make to its shop, made by hand: it makes use of
 * each, sees no error, and each column is compared. One test of all servers; the statements are theirs.
 */
#ifndef LK_TESTS_SERVER_SHOP_BY_HAND_H
#define LK_TESTS_SERVER_SHOP_BY_HAND_H

#include "tests/server/practice.h"

/* A run: what it changes while both releases run, and what once release 41 has gone; ends at NULL. */
struct lk_shop_change {
	const char *words; /* of its plan: by them the application knows what comes */
	const char *expand[5], *contract[4];
};

struct lk_shop_by_hand {
	const char *kind;    /* of the sandbox's servers */
	const char *yes;     /* how they say so */
	const char *journal; /* makes the tables run and step that the application reads */
	struct lk_shop_change changes[4];
	/* What release 42 has made use of after all of them, so that the test has proved something; NULL at the end. */
	const char *traces[6];
	/* Makes one row differ (user 4712's name), and after it these, one row each; the third is that row again. */
	const char *name_lost;
	const char *plants[7];
	/* A release that is withdrawn: what had been changed, how it is taken back. */
	struct lk_shop_change withdrawn;
	const char *after_withdrawal; /* before the comparison; NULL nothing */
	/* What ends a transaction of the application now and then when a definition is changed without care, as it
	 * is here; NULL nothing. At most one for each connection is let pass. */
	const char *victim;
};

void lk_shop_each_change(const struct lk_shop_by_hand *shop);
/* On the way back a release is withdrawn together with what it wrote. */
void lk_shop_withdrawn(const struct lk_shop_by_hand *shop);

#endif
