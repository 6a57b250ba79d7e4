/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of PostgreSQL's catalog share. */
#ifndef LK_CATALOG_PG_CATALOG_H
#define LK_CATALOG_PG_CATALOG_H

#include "catalog/catalog.h"

/*
 * Rows of relation c: as many as the last ANALYZE or VACUUM saw or, of a table that neither has seen, as many as
 * fit its pages by the width of its types, as the planner would have it.
 */
#define LK_PG_ROWS                                                                                               \
	"CASE WHEN c.relkind <> 'r' OR c.relpages > 0 AND c.reltuples >= 0 THEN c.reltuples"                     \
	" ELSE pg_relation_size(c.oid) / current_setting('block_size')::float8 * (SELECT"                        \
	"  greatest(1, floor((current_setting('block_size')::float8 - 24) / (28 + sum(CASE"                      \
	"   WHEN y.typlen > 0 THEN y.typlen WHEN b.atttypmod > 4 THEN least(b.atttypmod - 4, 32) ELSE 32 END)))" \
	"  ) FROM pg_attribute b JOIN pg_type y ON y.oid = b.atttypid"                                           \
	"  WHERE b.attrelid = c.oid AND b.attnum > 0 AND NOT b.attisdropped) END::bigint"

/* Both the caller's; schema may be NULL in the first. */
char *lk_pg_quoted_name(struct lk_session *session, const char *schema, const char *name);
char *lk_pg_shown_name(const char *schema, const char *name);

bool lk_pg_leaves(struct lk_session *session, const struct lk_table *table, struct lk_leaf **leaves,
		  size_t *count, struct lk_error *error);
bool lk_pg_is_leaf(struct lk_session *session, const struct lk_table *table, int64_t id, bool *is,
		   struct lk_error *error);

#endif
