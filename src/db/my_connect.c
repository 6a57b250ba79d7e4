/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/my_connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "db/my_error.h"
#include "db/my_library.h"

/* Long enough for a server that is busy; short enough that a person is told. */
#define CONNECT_TIMEOUT_S 5
/* A year: sessions wait at gates, and the server's default of 8 h would end them there. */
#define IDLE_LIMIT_S "31536000"
#define IDLE_IN_TRANSACTION_S "2"
/* The largest value or statement that the protocol knows; the server's own limit is what counts. */
#define LARGEST_PACKET (1024UL * 1024 * 1024)
#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

static const char set_always[] =
	"SET SESSION autocommit = 1, completion_type = 0, time_zone = @@global.time_zone,"
	" sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_TRANS_TABLES', 'STRICT_ALL_TABLES'),"
	" lock_wait_timeout = " TEXT_OF(
		LK_MY_LOCK_WAIT_S) ","
				   " innodb_lock_wait_timeout = " TEXT_OF(
					   LK_MY_LOCK_WAIT_S) ","
							      " wait_timeout = " IDLE_LIMIT_S
							      ", net_read_timeout = 60, net_write_timeout = 60,"
							      " foreign_key_checks = 1, unique_checks = 1, sql_safe_updates = 0, sql_big_selects = 1,"
							      " sql_select_limit = DEFAULT, sql_auto_is_null = 0, group_concat_max_len = 1048576";
static const char set_isolation[] =
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE";
/* InnoDB writes no statements to the binary log below this level (error 1665). */
static const char set_statement_isolation[] =
	"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE";
/* Two rows where the binary log is one of statements. */
static const char logs_statements[] =
	"SHOW SESSION VARIABLES WHERE (variable_name = 'log_bin' AND value = 'ON')"
	" OR (variable_name = 'binlog_format' AND value = 'STATEMENT')";

/* Set where the server has them. */
static const struct {
	const char *name, *value;
} set_if_there[] = {
	{"max_statement_time", "0"},			     /* MariaDB */
	{"idle_transaction_timeout", IDLE_IN_TRANSACTION_S}, /* MariaDB */
	{"max_execution_time", "0"},			     /* MySQL */
};

/* The server ended the session, which was idle for wait_timeout: MySQL's number for it is another error's (of
 * triggers) on MariaDB. */
static bool was_idle(MYSQL *mysql)
{
	enum { CLIENT_INTERACTION_TIMEOUT = 4031 };
	return mysql_errno(mysql) == CLIENT_INTERACTION_TIMEOUT &&
	       !strstr(mysql_get_server_info(mysql), "MariaDB");
}

bool lk_my_failed(MYSQL *mysql, struct lk_error *error)
{
	unsigned number = mysql_errno(mysql);
	lk_fail(error, was_idle(mysql) ? LK_ERROR_LOST : lk_my_error_class(number), "%s",
		mysql_error(mysql));
	for (char *p = error->text; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	LK_COPY(error->state, mysql_sqlstate(mysql));
	error->number = (int)number;
	return false;
}

/*
 * While a connection is made, the number of TLS (CR_SSL_CONNECTION_ERROR) stands for what was asked for and
 * cannot be had or trusted, but also for a server that went away in the middle; only the words of OpenSSL or of
 * the system tell which.
 */
static bool tls_is_refused(const struct lk_error *error)
{
	enum { TLS_ERROR = 2026 };
	static const char *const broken[] = {
		"unexpected eof", "lib(0)",   "reset by peer", "Broken pipe",
		"timed out",	  "No route", "unreachable",   "Connection refused"};
	bool refused = error->number == TLS_ERROR;
	for (size_t i = 0; i < LK_COUNT(broken); i++)
		refused = refused && !strcasestr(error->text, broken[i]);
	return refused;
}

static void connect_failed(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error)
{
	lk_my_failed(mysql, error);
	/* An unknown database, a bad option: it is what was asked for that is wrong. */
	if (error->class == LK_ERROR_STATEMENT)
		error->class = LK_ERROR_USAGE;
	if (tls_is_refused(error))
		error->class = LK_ERROR_REFUSED;
	const char *hint = "";
	if (error->number == 1045 && strstr(error->text, "using password: NO"))
		hint = " (no password was found: put it into [client] or [lockkeeper] of ~/.my.cnf)";
	else if (error->number == 1045 && uri->tls == LK_MY_TLS_DISABLED)
		hint = " (ssl-mode is disabled: MariaDB says the same when require_secure_transport"
		       " is on)";
	size_t length = strlen(error->text);
	snprintf(error->text + length, sizeof error->text - length, "%s", hint);
}

/* The library's own initialisation is not safe to be run by two threads at once. */
static void initialise(void)
{
	mysql_library_init(0, NULL, NULL);
}

static bool set_option_files(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error)
{
	/* The library takes a missing file for an empty one. */
	if (uri->defaults_file && access(uri->defaults_file, R_OK) != 0)
		return lk_fail(error, LK_ERROR_USAGE, "the option file %s cannot be read: %m",
			       uri->defaults_file);
	if (uri->defaults_file)
		mysql_options(mysql, MYSQL_READ_DEFAULT_FILE, uri->defaults_file);
	mysql_options(mysql, MYSQL_READ_DEFAULT_GROUP,
		      uri->defaults_group ? uri->defaults_group : "lockkeeper");
	return true;
}

static bool set_options(MYSQL *mysql, const struct lk_my_uri *uri, const char *name,
			struct lk_error *error)
{
	const unsigned timeout = CONNECT_TIMEOUT_S, no = 0, tcp = MYSQL_PROTOCOL_TCP;
	const unsigned by_socket = MYSQL_PROTOCOL_SOCKET;
	const unsigned long largest = LARGEST_PACKET;
	mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
	mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no);
	mysql_options(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &largest);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", name);
	/* The libraries take localhost for a socket and would forget the port. */
	if (uri->socket)
		mysql_options(mysql, MYSQL_OPT_PROTOCOL, &by_socket);
	else if (uri->host && uri->port)
		mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp);
	return set_option_files(mysql, uri, error) && lk_my_library_prepare(mysql, uri, error);
}

/* A network that was cut is noticed; unix sockets know none of this. */
static void keep_alive(int socket)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},		{IPPROTO_TCP, TCP_KEEPIDLE, 5},
		{IPPROTO_TCP, TCP_KEEPINTVL, 2},	{IPPROTO_TCP, TCP_KEEPCNT, 3},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, 10000},
	};
	for (size_t i = 0; i < LK_COUNT(options); i++)
		setsockopt(socket, options[i].level, options[i].name, &options[i].value,
			   sizeof options[i].value);
}

static bool connect_to(MYSQL *mysql, const struct lk_my_uri *uri, const char *name,
		       struct lk_error *error)
{
	const unsigned no = 0;
	if (!set_options(mysql, uri, name, error))
		return false;
	/* Rows found and not rows changed, which is how PostgreSQL counts an UPDATE. */
	if (!mysql_real_connect(mysql, uri->host, uri->user, NULL, uri->database, uri->port,
				uri->socket, CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS)) {
		connect_failed(mysql, uri, error);
		return false;
	}
	keep_alive(lk_my_library_socket(mysql));
	/* Option files may have said otherwise. */
	mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no);
	if (!lk_my_library_check(mysql, uri, error))
		return false;
	return mysql_set_character_set(mysql, "utf8mb4") == 0 || lk_my_failed(mysql, error);
}

MYSQL *lk_my_connect(const char *text, const char *name, struct lk_error *error)
{
	return lk_my_connect_impatient(text, name, 0, error);
}

MYSQL *lk_my_connect_impatient(const char *text, const char *name, unsigned answer_s,
			       struct lk_error *error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct lk_my_uri uri;
	pthread_once(&once, initialise);
	if (!lk_my_uri_parse(text, &uri, error))
		return NULL;
	MYSQL *mysql = mysql_init(NULL);
	if (mysql && answer_s > 0)
		mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &answer_s);
	bool connected =
		mysql ? connect_to(mysql, &uri, name, error)
		      : lk_fail(error, LK_ERROR_SYSTEM, "the client library has no memory");
	lk_my_uri_free(&uri);
	if (connected)
		return mysql;
	if (mysql)
		mysql_close(mysql);
	return NULL;
}

static bool count_rows(MYSQL *mysql, const char *sql, uint64_t *count, struct lk_error *error)
{
	MYSQL_RES *rows = mysql_query(mysql, sql) == 0 ? mysql_store_result(mysql) : NULL;
	if (!rows)
		return lk_my_failed(mysql, error);
	*count = mysql_num_rows(rows);
	mysql_free_result(rows);
	return true;
}

static bool has_variable(MYSQL *mysql, const char *name, bool *has, struct lk_error *error)
{
	uint64_t count = 0;
	char *sql = lk_format("SHOW SESSION VARIABLES LIKE '%s'", name);
	bool counted = count_rows(mysql, sql, &count, error);
	free(sql);
	*has = count > 0;
	return counted;
}

static bool run(MYSQL *mysql, const char *sql, struct lk_error *error)
{
	return mysql_query(mysql, sql) == 0 || lk_my_failed(mysql, error);
}

void lk_my_watch_idle(MYSQL *mysql, bool holding, bool *watched)
{
	if (holding != *watched &&
	    mysql_query(mysql, holding ? "SET SESSION wait_timeout = " IDLE_IN_TRANSACTION_S
				       : "SET SESSION wait_timeout = " IDLE_LIMIT_S) == 0)
		*watched = holding;
}

bool lk_my_set_up(MYSQL *mysql, bool *watch, struct lk_error *error)
{
	*watch = true;
	uint64_t signs = 0;
	bool set = count_rows(mysql, logs_statements, &signs, error) &&
		   run(mysql, signs == 2 ? set_statement_isolation : set_isolation, error) &&
		   run(mysql, set_always, error);
	for (size_t i = 0; set && i < LK_COUNT(set_if_there); i++) {
		bool there = false;
		set = has_variable(mysql, set_if_there[i].name, &there, error);
		char *sql = lk_format("SET SESSION %s = %s", set_if_there[i].name,
				      set_if_there[i].value);
		set = set && (!there || run(mysql, sql, error));
		free(sql);
		if (there && strcmp(set_if_there[i].name, "idle_transaction_timeout") == 0)
			*watch = false;
	}
	return set;
}
