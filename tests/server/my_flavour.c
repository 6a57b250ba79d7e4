/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/my_flavour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "sandbox/sid.h"

/* A program's path, the caller's; servers are often in folders that are in no ordinary user's PATH. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	char *places = lk_format("%s:/usr/sbin:/usr/libexec:/usr/local/sbin", path ? path : "");
	char *rest = NULL, *found = NULL;
	for (char *p = strtok_r(places, ":", &rest); p && !found; p = strtok_r(NULL, ":", &rest)) {
		found = lk_path_join(p, name);
		if (access(found, X_OK) == 0)
			continue;
		free(found);
		found = NULL;
	}
	free(places);
	return found;
}

static bool find_mariadb(struct lk_test_programs *programs)
{
	programs->daemon = find_program("mariadbd");
	programs->install = find_program("mariadb-install-db");
	return programs->daemon && programs->install;
}

/* What calls itself mysqld in the PATH is MariaDB's on many systems: only a server named for tests is taken. */
static bool find_mysql(struct lk_test_programs *programs)
{
	const char *given = getenv("LOCKKEEPER_MYSQLD");
	programs->daemon = given && given[0] ? lk_strdup(given) : lk_sid_program("bin/mysqld");
	programs->install = programs->daemon ? lk_strdup(programs->daemon) : NULL;
	return programs->daemon && access(programs->daemon, X_OK) == 0;
}

static const char *const mariadb_install[] = {"--auth-root-authentication-method=normal",
					      "--skip-test-db",
					      "--skip-name-resolve",
					      "--innodb-log-file-size=24M",
					      "--innodb-flush-log-at-trx-commit=0",
					      NULL};
static const char *const mariadb_always[] = {"--innodb-log-file-size=24M",
					     "--innodb-use-native-aio=0", NULL};
static const char *const mariadb_primary[] = {
	"--log-bin=binlog",	  "--binlog-format=ROW",   "--binlog-row-image=FULL",
	"--gtid-strict-mode=1",	  "--log-slave-updates=1", "--relay-log=relay",
	"--slave-net-timeout=10", "--sync-binlog=0",	   NULL};

static const char *const mysql_install[] = {"--initialize-insecure", "--innodb-doublewrite=OFF",
					    "--innodb-redo-log-capacity=24M",
					    "--innodb-flush-log-at-trx-commit=0", NULL};
static const char *const mysql_always[] = {"--mysqlx=OFF", "--innodb-redo-log-capacity=48M",
					   "--innodb-use-native-aio=OFF",
					   "--innodb-doublewrite=OFF", NULL};
static const char *const mysql_primary[] = {"--log-bin=binlog",
					    "--binlog-format=ROW",
					    "--binlog-row-image=FULL",
					    "--gtid-mode=ON",
					    "--enforce-gtid-consistency=ON",
					    "--log-replica-updates=ON",
					    "--relay-log=relay",
					    "--replica-net-timeout=10",
					    "--sync-binlog=0",
					    NULL};

/* A replica that has lost its primary tries again each second: tests do not wait for a minute. */
static char *mariadb_follow(int port)
{
	return lk_format("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = %d,"
			 " MASTER_USER = 'replicator', MASTER_PASSWORD = 'copy',"
			 " MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos; START SLAVE",
			 port);
}

static char *mariadb_delay(int seconds)
{
	return lk_format("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = %d; START SLAVE", seconds);
}

static char *mariadb_applied(const char *written, int seconds)
{
	return lk_format("SELECT MASTER_GTID_WAIT('%s', %d) = 0", written, seconds);
}

static const struct lk_test_flavour mariadb = {
	.name = "mariadb",
	.label = "MariaDB",
	.find = find_mariadb,
	.install = mariadb_install,
	.always = mariadb_always,
	.primary = mariadb_primary,
	.follow = mariadb_follow,
	.delay = mariadb_delay,
	.halt = "STOP SLAVE",
	.resume = "START SLAVE",
	.status = "SHOW SLAVE STATUS",
	.receives = "Slave_IO_Running",
	.applies = "Slave_SQL_Running",
	.written = "SELECT @@global.gtid_binlog_pos",
	.applied = mariadb_applied,
};

static char *mysql_follow(int port)
{
	return lk_format("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = %d,"
			 " SOURCE_USER = 'replicator', SOURCE_PASSWORD = 'copy',"
			 " SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400,"
			 " SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1; START REPLICA",
			 port);
}

static char *mysql_delay(int seconds)
{
	return lk_format("STOP REPLICA; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = %d;"
			 " START REPLICA",
			 seconds);
}

static char *mysql_applied(const char *written, int seconds)
{
	return lk_format("SELECT WAIT_FOR_EXECUTED_GTID_SET('%s', %d) = 0", written, seconds);
}

static const struct lk_test_flavour mysql = {
	.name = "mysql",
	.label = "MySQL",
	.find = find_mysql,
	.install = mysql_install,
	.always = mysql_always,
	.primary = mysql_primary,
	.follow = mysql_follow,
	.delay = mysql_delay,
	.halt = "STOP REPLICA",
	.resume = "START REPLICA",
	.status = "SHOW REPLICA STATUS",
	.receives = "Replica_IO_Running",
	.applies = "Replica_SQL_Running",
	.written = "SELECT @@global.gtid_executed",
	.applied = mysql_applied,
};

const struct lk_test_flavour *const lk_test_flavours[] = {&mariadb, &mysql, NULL};
