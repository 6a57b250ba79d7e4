/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MariaDB's and MySQL's programs, and what is said differently to them. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/my_daemon.h"
#include "sandbox/sid.h"

/* Of the user that people and keepers connect as, of the application and of the replica. */
#define ACCOUNTS(old)                                                                              \
	old "ALTER USER root@localhost IDENTIFIED BY '{password}';\n"                              \
	    "CREATE USER root@127.0.0.1 IDENTIFIED BY '{password}';\n"                             \
	    "GRANT ALL ON *.* TO root@127.0.0.1 WITH GRANT OPTION;\n"                              \
	    "CREATE USER shop@localhost IDENTIFIED BY '{password}';\n"                             \
	    "CREATE USER reporting@localhost ACCOUNT LOCK;\n"                                      \
	    "CREATE USER follower@127.0.0.1 IDENTIFIED BY '{secret}';\n"                           \
	    "GRANT REPLICATION SLAVE ON *.* TO follower@127.0.0.1;\n"

static const char *const mariadb_make[] = {
	"--no-defaults",
	"--auth-root-authentication-method=normal",
	"--skip-test-db",
	"--skip-name-resolve",
	"--innodb-log-file-size=640M",
	"--innodb-flush-log-at-trx-commit=0",
	"--innodb-use-native-aio=0",
	NULL,
};

/* Nothing here outlives the machine, so nothing is forced to disk; a commit is still written out. With a small redo log
 * the server writes pages all the time, and whoever has to split one waits for that with the table's index locked:
 * then a backfill is felt by all. */
static const char *const mariadb_always[] = {
	"--collation-server=utf8mb4_unicode_ci",
	"--innodb-doublewrite=0",
	"--innodb-flush-method=nosync",
	"--innodb-log-file-size=640M",
	"--gtid-strict-mode=1",
	"--log-slave-updates=1",
	NULL,
};

static const char *const mariadb_primary[] = {"--binlog-row-metadata=FULL", NULL};

static bool find_mariadb(char **daemon, char **install, struct lk_error *error)
{
	*daemon = lk_program_find("mariadbd");
	*install = lk_program_find("mariadb-install-db");
	if (*daemon && *install)
		return true;
	free(*daemon);
	free(*install);
	*daemon = *install = NULL;
	return lk_fail(error, LK_ERROR_SYSTEM,
		       "the programs of a MariaDB server (mariadbd, mariadb-install-db) were not "
		       "found; install the server (Debian: mariadb-server-core and "
		       "mariadb-client-core), or run ./bootstrap sandbox mariadb, which does");
}

const struct lk_my_flavour lk_my_flavour_mariadb = {
	.title = "MariaDB",
	.find = find_mariadb,
	.make = mariadb_make,
	.always = mariadb_always,
	.primary = mariadb_primary,
	.init_sql = ACCOUNTS("DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys' AND NOT"
			     " (User = 'root' AND Host = 'localhost');\n"
			     "FLUSH PRIVILEGES;\n"),
	.follow_sql = "SET GLOBAL gtid_slave_pos = '';"
		      "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port},"
		      " MASTER_USER = 'follower', MASTER_PASSWORD = '{secret}',"
		      " MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1;"
		      "START SLAVE; SET GLOBAL read_only = 1",
	.follows_sql = "SELECT 1 FROM information_schema.processlist WHERE command = 'Slave_IO'"
		       " AND state = 'Waiting for master to send event'",
};

static const char *const mysql_make[] = {
	"--no-defaults",
	"--initialize-insecure",
	"--innodb-redo-log-capacity=8M",
	"--innodb-doublewrite=OFF",
	"--innodb-flush-log-at-trx-commit=0",
	"--innodb-flush-method=nosync",
	"--innodb-use-native-aio=0",
	NULL,
};

static const char *const mysql_always[] = {
	"--mysqlx=OFF",
	"--innodb-doublewrite=OFF",
	"--innodb-redo-log-capacity=400M",
	"--gtid-mode=ON",
	"--enforce-gtid-consistency=ON",
	"--secure-file-priv=",
	NULL,
};

static const char *const mysql_primary[] = {"--binlog-row-metadata=FULL", NULL};

/* MariaDB's daemon goes by this name too. */
static char *find_system_mysqld(void)
{
	char *program = lk_program_find("mysqld");
	char *real = program ? realpath(program, NULL) : NULL;
	if (program && (!real || strstr(real, "mariadb"))) {
		free(program);
		program = NULL;
	}
	free(real);
	return program;
}

static bool find_mysql(char **daemon, char **install, struct lk_error *error)
{
	*daemon = lk_sid_program("bin/mysqld");
	if (!*daemon)
		*daemon = find_system_mysqld();
	*install = *daemon ? lk_strdup(*daemon) : NULL;
	return *daemon ||
	       lk_fail(error, LK_ERROR_SYSTEM,
		       "there is no MySQL server here; run ./bootstrap sandbox mysql, which makes a "
		       "folder with one out of Debian sid");
}

const struct lk_my_flavour lk_my_flavour_mysql = {
	.title = "MySQL",
	.find = find_mysql,
	.make = mysql_make,
	.always = mysql_always,
	.primary = mysql_primary,
	.init_sql = ACCOUNTS(""),
	.follow_sql =
		"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port},"
		" SOURCE_USER = 'follower', SOURCE_PASSWORD = '{secret}',"
		" SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1;"
		"START REPLICA; SET GLOBAL read_only = 1",
	.follows_sql = "SELECT 1 FROM performance_schema.replication_connection_status"
		       " WHERE service_state = 'ON'",
};
