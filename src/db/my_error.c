/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/my_error.h"

#include <stddef.h>

#include "base/memory.h"

struct range {
	unsigned from, to;
	enum lk_error_class class;
};

/* The first that holds the number counts. */
static const struct range ranges[] = {
	{1205, 1205,
	 LK_ERROR_RETRY}, /* lock wait timeout, of rows and of metadata; NOWAIT on MariaDB */
	{1213, 1213, LK_ERROR_RETRY}, /* deadlock */
	{1614, 1614, LK_ERROR_RETRY}, /* the same in an XA transaction */
	{3058, 3058, LK_ERROR_RETRY}, /* the same among user locks */
	{3572, 3572, LK_ERROR_RETRY}, /* NOWAIT, MySQL */
	{3101, 3101, LK_ERROR_RETRY}, /* a commit that group replication has turned down, MySQL */
	{1020, 1020, LK_ERROR_RETRY}, /* the record has changed since the snapshot, MariaDB */
	{1412, 1412, LK_ERROR_RETRY}, /* the table was altered after the snapshot */
	{1317, 1317, LK_ERROR_CANCELLED}, /* KILL QUERY */
	{1028, 1028, LK_ERROR_CANCELLED}, /* the same in the middle of sorting */
	{1969, 1969, LK_ERROR_CANCELLED}, /* max_statement_time, MariaDB */
	{3024, 3024, LK_ERROR_CANCELLED}, /* max_execution_time, MySQL */
	{1040, 1040, LK_ERROR_LOST},	  /* too many connections */
	{1203, 1203, LK_ERROR_LOST},	  /* too many connections of this user */
	{1226, 1226, LK_ERROR_LOST},	  /* another resource limit of the user */
	{1047, 1047, LK_ERROR_LOST},	  /* a node of a cluster that is not ready */
	{1053, 1053, LK_ERROR_LOST},	  /* the server is shutting down */
	{1077, 1081, LK_ERROR_LOST},	  /* the same, and sockets */
	{1129, 1129, LK_ERROR_LOST},	  /* our host is blocked after connection errors */
	{1152, 1152, LK_ERROR_LOST},	  /* the connection was aborted */
	{1153, 1153, LK_ERROR_STATEMENT}, /* longer than max_allowed_packet */
	{1154, 1161, LK_ERROR_LOST},	  /* network errors, as the server saw them */
	{1184, 1184, LK_ERROR_LOST},	  /* aborted before it was open */
	{1927, 1927, LK_ERROR_LOST},	  /* KILL of the connection, MariaDB */
	{3159, 3159, LK_ERROR_REFUSED},	  /* require_secure_transport, MySQL */
	{3168, 3169,
	 LK_ERROR_LOST}, /* the server is not available; KILL of the connection, MySQL */
	{1044, 1045, LK_ERROR_PRIVILEGE}, /* access denied: to the database, to the server */
	{1095, 1095, LK_ERROR_PRIVILEGE}, /* not the owner of the thread that it would kill */
	{1130, 1130, LK_ERROR_PRIVILEGE}, /* the host may not connect */
	{1131, 1133, LK_ERROR_PRIVILEGE}, /* anonymous users */
	{1141, 1143, LK_ERROR_PRIVILEGE}, /* table and column privileges */
	{1227, 1227, LK_ERROR_PRIVILEGE}, /* SUPER and its parts */
	{1251, 1251, LK_ERROR_PRIVILEGE}, /* the authentication plugin is not known to the client */
	{1370, 1370, LK_ERROR_PRIVILEGE}, /* procedures */
	{1410, 1410, LK_ERROR_PRIVILEGE}, /* GRANT that would create a user */
	{1419, 1419, LK_ERROR_PRIVILEGE}, /* triggers with the binary log on */
	{1698, 1698, LK_ERROR_PRIVILEGE}, /* access denied, authentication by socket */
	{1820, 1820, LK_ERROR_PRIVILEGE}, /* the password must be changed first */
	{1862, 1862, LK_ERROR_PRIVILEGE}, /* it expired */
	{3118, 3118, LK_ERROR_PRIVILEGE}, /* the account is locked, MySQL */
	{2054, 2054, LK_ERROR_PRIVILEGE}, /* unknown authentication method */
	{2058, 2061,
	 LK_ERROR_PRIVILEGE}, /* authentication plugins that cannot be loaded or have failed */
	{1290, 1290, LK_ERROR_REFUSED}, /* read_only and other options that forbid the statement */
	{1792, 1792, LK_ERROR_REFUSED}, /* a read-only transaction */
	{1836, 1836, LK_ERROR_REFUSED}, /* read-only mode */
	{1021, 1021, LK_ERROR_SYSTEM},	/* the disk is full */
	{1026, 1026, LK_ERROR_SYSTEM},	/* a file cannot be written */
	{1037, 1038, LK_ERROR_SYSTEM},	/* out of memory */
	{1041, 1041, LK_ERROR_SYSTEM},	/* the same */
	{1114, 1114, LK_ERROR_SYSTEM},	/* the table, or the disk below it, is full */
	{1206, 1206, LK_ERROR_SYSTEM},	/* no memory is left for row locks */
	{2008, 2008, LK_ERROR_SYSTEM},	/* out of memory on this side */
	{2020, 2020, LK_ERROR_STATEMENT}, /* longer than this side sends */
	{2000, 2999, LK_ERROR_LOST},	  /* the client library: no connection, or one that broke */
	{5000, 5099, LK_ERROR_LOST},	  /* the same, libmariadb */
};

enum lk_error_class lk_my_error_class(unsigned number)
{
	for (size_t i = 0; i < LK_COUNT(ranges); i++)
		if (number >= ranges[i].from && number <= ranges[i].to)
			return ranges[i].class;
	return LK_ERROR_STATEMENT;
}
