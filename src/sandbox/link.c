/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/link.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "db/session.h"
#include "sandbox/dialect.h"

const struct lk_dialect *lk_dialect_for(const char *uri, struct lk_error *error)
{
	static const struct lk_dialect *const dialects[LK_ENGINES] = {
		[LK_ENGINE_POSTGRES] = &lk_pg_dialect,
		[LK_ENGINE_MYSQL] = &lk_my_dialect,
	};
	const struct lk_driver *driver = lk_driver_for(uri, error);
	return driver ? dialects[driver->engine] : NULL;
}

struct lk_link *lk_link_open(const char *uri, const char *name, struct lk_error *error)
{
	const struct lk_dialect *dialect = lk_dialect_for(uri, error);
	void *connection = dialect ? dialect->link->open(uri, name, error) : NULL;
	if (!connection)
		return NULL;
	struct lk_link *link = lk_alloc(sizeof *link);
	link->dialect = dialect;
	link->connection = connection;
	return link;
}

void lk_link_close(struct lk_link *link)
{
	if (link)
		link->dialect->link->close(link->connection);
	free(link);
}

int lk_link_socket(const struct lk_link *link)
{
	return link->dialect->link->socket(link->connection);
}

bool lk_link_is_up(const struct lk_link *link)
{
	return link->dialect->link->is_up(link->connection);
}

bool lk_link_in_transaction(const struct lk_link *link)
{
	return link->dialect->link->in_transaction(link->connection);
}

bool lk_link_execute(struct lk_link *link, const char *sql, struct lk_error *error)
{
	return link->dialect->link->execute(link->connection, sql, error);
}

bool lk_link_query(struct lk_link *link, const char *sql, struct lk_result *result,
		   struct lk_error *error)
{
	memset(result, 0, sizeof *result);
	return link->dialect->link->query(link->connection, sql, result, error);
}

bool lk_link_prepare(struct lk_link *link, int number, const char *sql, const char *types,
		     struct lk_error *error)
{
	return link->dialect->link->prepare(link->connection, number, sql, types, error);
}

bool lk_link_run(struct lk_link *link, int number, const char *const *values,
		 struct lk_result *result, struct lk_error *error)
{
	memset(result, 0, sizeof *result);
	return link->dialect->link->run(link->connection, number, values, result, error);
}

int64_t lk_link_added(struct lk_link *link, int number, const struct lk_result *result)
{
	return link->dialect->link->added(link->connection, number, result);
}
