/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the sandbox's application, its deployment and its comparison need of an engine: pg_*.c and my_*.c stand
 * behind it. MariaDB and MySQL have one dialect; their servers differ (engine.h).
 */
#ifndef LK_SANDBOX_DIALECT_H
#define LK_SANDBOX_DIALECT_H

#include "db/driver.h"
#include "sandbox/feature.h"
#include "sandbox/link.h"
#include "sandbox/shop.h"
#include "sandbox/statement.h"

/* Why a server refused a row. */
enum lk_refusal { LK_REFUSED_NOT, LK_REFUSED_CHECK, LK_REFUSED_FOREIGN_KEY };

/* link.h has what they do. */
struct lk_link_ops {
	void *(*open)(const char *uri, const char *name, struct lk_error *error);
	void (*close)(void *connection);
	int (*socket)(const void *connection);
	bool (*is_up)(const void *connection);
	bool (*in_transaction)(const void *connection);
	bool (*execute)(void *connection, const char *sql, struct lk_error *error);
	bool (*query)(void *connection, const char *sql, struct lk_result *result,
		      struct lk_error *error);
	bool (*prepare)(void *connection, int number, const char *sql, const char *types,
			struct lk_error *error);
	bool (*run)(void *connection, int number, const char *const *values,
		    struct lk_result *result, struct lk_error *error);
	int64_t (*added)(void *connection, int number, const struct lk_result *result);
};

/* shop.h has what they do. */
struct lk_shop_ops {
	bool (*create_database)(struct lk_link *link, struct lk_error *error);
	bool (*create_tables)(struct lk_link *link, int64_t rows, struct lk_error *error);
	bool (*compare)(struct lk_link *link, int64_t rows, struct lk_shop_sums *sums,
			struct lk_error *error);
	char *(*shape)(struct lk_link *link, struct lk_error *error);
};

#define LK_RELEASE_PATTERNS "{patterns}"

/* release.h has what follows from it. */
struct lk_release_ops {
	/* Features in the engine's own terms, LK_FEATURES of them. */
	const struct lk_feature_terms *features;
	/* A FROM of one row that the features' conditions look into; NULL: they look for themselves. */
	const char *catalog;
	/* Conditions: whether the journal is there, whether a keeper is connected. */
	const char *journal, *keeper;
	/*
	 * With LK_RELEASE_PATTERNS where a query of rows (number, pattern) is put. Yields a row for each pattern
	 * in the order of the numbers, 0 or 1 in each column: whether a run mentions it, and of the newest
	 * of those: goes back, is done, is verified, wants the new release, wants the old one gone, has begun.
	 */
	const char *runs_sql;
	const char *watcher_sql; /* for a session that only looks: nothing may take long */
};

struct lk_dialect {
	enum lk_engine engine;
	const struct lk_link_ops *link;
	const struct lk_shop_ops *shop;
	const struct lk_release_ops *release;
	const struct lk_statements *statements;
	const char *begin, *begin_repeatable; /* of the application's transactions */
	enum lk_refusal (*refusal)(const struct lk_error *error);
};

extern const struct lk_dialect lk_pg_dialect, lk_my_dialect;

/* By a URI's scheme; NULL and *error when it has none of ours. */
const struct lk_dialect *lk_dialect_for(const char *uri, struct lk_error *error);

#endif
