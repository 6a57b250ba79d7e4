/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a server changes a table's definition, and how it is told to. ALGORITHM and LOCK are written out in every
 * statement, so that a server that cannot do it that way refuses, before it has taken any lock that others notice, and
 * never copies a table silently. The cheapest way that it takes is found by asking it for each in turn; what is said
 * beforehand is what the manuals and trials on MariaDB 10.11 and MySQL 9.7 say of the statement's words.
 */
#ifndef LK_STEP_MY_ALGORITHM_H
#define LK_STEP_MY_ALGORITHM_H

#include "catalog/catalog.h"
#include "db/my_server.h"
#include "step/my_statement.h"

/* From the cheapest to the dearest. */
enum lk_my_way {
	LK_MY_WAY_INSTANT, /* the definition alone */
	LK_MY_WAY_INPLACE, /* in place, without a rebuild: an index is built, or nothing */
	LK_MY_WAY_REBUILD, /* the whole table in place, while writes go on */
	LK_MY_WAY_UNKNOWN, /* one of these: the server decides */
	LK_MY_WAY_LOCKS,   /* in place, but writes wait as long as it takes */
	LK_MY_WAY_COPY,	   /* a copy of the table, and writes wait */
};

/* What the statement will need on this server. `table` is as it is now; NULL when it is not there yet. */
enum lk_my_way lk_my_expected_way(const struct lk_my_server *server,
				  const struct lk_my_statement *statement,
				  const struct lk_table *table);
/* In words: "rebuilds the table in place (12 GB), writes go on; …". */
void lk_my_way_text(enum lk_my_way way, const struct lk_my_statement *statement,
		    const struct lk_table *table, char *text, size_t size);

/* Whether ALGORITHM and LOCK belong into the statement. */
bool lk_my_takes_clauses(const struct lk_my_statement *statement);
/* False, with the reason, for what the statement itself asks for that would hold up writes. */
bool lk_my_clauses_allowed(const struct lk_my_statement *statement, struct lk_error *error);

/*
 * The statement's text for try number `n`, from the cheapest way on; the caller's. NULL after the last. Statements that
 * take no clauses have one try, their own text. *building says that this try may work for long.
 */
char *lk_my_way_try(const struct lk_my_server *server, const struct lk_my_statement *statement,
		    int n, bool *building);
/* Whether the error says that the server does not do it that way, so that the next try makes sense. */
bool lk_my_not_this_way(const struct lk_error *error);

#endif
