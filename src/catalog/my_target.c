/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a server of MySQL or MariaDB can be a target. A pooler in between was refused at connect. */
#include <string.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "db/my_server.h"

/* The oldest whose DDL, window functions and information_schema the queries of these files were written for. */
enum { OLDEST_MARIADB = 100600, OLDEST_MYSQL = 80000 };

/* One whose replication was stopped and that takes writes has been promoted. */
static bool is_primary(struct lk_session *session, bool maria, struct lk_error *error)
{
	struct lk_result r;
	struct lk_error unseen;
	/* Without the privilege to look, read_only has to tell. MariaDB's connection of no name comes first; the
	 * columns have stood at these places since both began, whatever they are called. */
	if (!LK_QUERY(session, &r, &unseen,
		      maria ? "SHOW ALL SLAVES STATUS" : "SHOW REPLICA STATUS"))
		return unseen.class == LK_ERROR_PRIVILEGE || unseen.class == LK_ERROR_STATEMENT ||
		       lk_fail(error, unseen.class, "%s", unseen.text);
	/* Connection_name and Slave_SQL_State stand in front in MariaDB's. */
	size_t shift = maria ? 2 : 0;
	bool primary = true;
	for (size_t i = 0; primary && i < r.rows; i++) {
		const char *host = lk_cell_text(&r, i, shift + 1);
		const char *receives = lk_cell_text(&r, i, shift + 10);
		const char *applies = lk_cell_text(&r, i, shift + 11);
		primary =
			(strcmp(receives, "Yes") != 0 && strcmp(applies, "Yes") != 0) ||
			lk_fail(error, LK_ERROR_REFUSED,
				"the target is a replica of %s: give the URI of its primary", host);
	}
	lk_result_free(&r);
	return primary;
}

static bool takes_writes(const struct lk_server *server, const struct lk_result *r,
			 struct lk_error *error)
{
	if (lk_cell_int(r, 0, 2) || lk_cell_int(r, 0, 3))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the target is %s, so it is a replica or was closed to writes: give the URI of its "
			"primary, or SET GLOBAL read_only = 0 there if it is one",
			lk_cell_int(r, 0, 3) ? "super_read_only" : "read_only");
	if (lk_cell_int(r, 0, 4))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the target runs with innodb_read_only: %s takes no writes until it is started without",
			server->version);
	return true;
}

static bool read_server(struct lk_session *session, const struct lk_my_server *kind,
			struct lk_server *server, struct lk_error *error)
{
	struct lk_result r;
	char *sql = lk_format("SELECT substring_index(current_user(), '@', 1), @@max_connections,"
			      " @@GLOBAL.read_only, %s, @@GLOBAL.innodb_read_only, %s",
			      kind->maria ? "0" : "@@GLOBAL.super_read_only",
			      kind->maria ? "@@GLOBAL.wsrep_on" : "0");
	bool read = lk_query(session, &r, error, sql, 0, NULL);
	free(sql);
	if (!read)
		return false;
	/* A schema change of a cluster stops all of its nodes at once: that it is one must be seen. */
	char *version =
		lk_format("%s%s", kind->shown, lk_cell_int(&r, 0, 5) ? " (Galera cluster)" : "");
	LK_COPY(server->version, version);
	free(version);
	server->version_number = kind->version;
	LK_COPY(server->role, lk_cell_text(&r, 0, 0));
	server->max_connections = (int)lk_cell_int(&r, 0, 1);
	size_t names = 0;
	if (kind->maria)
		server->engines[names++] = "mariadb";
	server->engines[names++] = "mysql";
	server->engines[names] = NULL;
	bool good = takes_writes(server, &r, error);
	lk_result_free(&r);
	return good;
}

bool lk_my_target(struct lk_session *session, struct lk_server *server, struct lk_error *error)
{
	struct lk_my_server kind;
	if (!lk_my_server(session, &kind, error))
		return false;
	LK_COPY(server->version, kind.shown);
	if (kind.version < (kind.maria ? OLDEST_MARIADB : OLDEST_MYSQL))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"%s is too old: MariaDB 10.6, or MySQL 8.0, or a later one is needed",
			kind.shown);
	return is_primary(session, kind.maria, error) && read_server(session, &kind, server, error);
}
