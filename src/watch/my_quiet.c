/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/my_quiet.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "watch/my_sessions.h"
#include "watch/my_view.h"

/*
 * The list of transactions is InnoDB's status text and not information_schema.innodb_trx: that one is a copy
 * which is made anew only when nobody has looked for 100 ms, and a proof that asks every few milliseconds would
 * see the same for ever.
 *
 * MariaDB shows an idle session as Killed from a KILL QUERY that came too late for its statement until
 * the next.
 */
static const char worker_sql[] =
	"SELECT id, command <> 'Sleep' AND NOT (command = 'Killed' AND info IS NULL)"
	" FROM information_schema.processlist"
	" WHERE user = SUBSTRING_INDEX(USER(), '@', 1) AND " LK_MY_IS_OURS("id", "worker");

/* LOCK TABLES and the like hold metadata locks with no transaction. Our own user locks are no locks on data. */
static const char schema_locks_sql[] =
	"SELECT COUNT(*) FROM performance_schema.metadata_locks m JOIN performance_schema.threads t"
	" ON t.thread_id = m.owner_thread_id WHERE t.processlist_id = $1"
	" AND m.object_type <> 'USER LEVEL LOCK'";
static const char plugin_locks_sql[] =
	"SELECT COUNT(*) FROM information_schema.metadata_lock_info WHERE thread_id = $1"
	" AND lock_type <> 'User lock'";

/* MySQL's status text leaves out the transactions that have only read. */
static const char schema_transactions_sql[] =
	"SELECT COUNT(*) FROM performance_schema.events_transactions_current e"
	" JOIN performance_schema.threads t ON t.thread_id = e.thread_id"
	" WHERE t.processlist_id = $1 AND e.state = 'ACTIVE'";

static const char *find_session(const char *text, unsigned id)
{
	char name[48];
	snprintf(name, sizeof name, " thread id %u,", id);
	return strstr(text, name);
}

int lk_my_innodb_transaction(const char *text, unsigned id, int *locks)
{
	static const char head[] = "---TRANSACTION ";
	const char *at = find_session(text, id), *transaction = NULL;
	*locks = 0;
	if (!at)
		return strstr(text, "... truncated...") ? -1 : 0;
	for (const char *p = text; (p = strstr(p, head)) && p < at; p += sizeof head - 1)
		transaction = p;
	if (!transaction)
		return -1;
	const char *line = strchr(transaction, '\n'), *idle = strstr(transaction, "not started");
	if (!line || (idle && idle < line))
		return 0;
	const char *structs = strstr(transaction, " lock struct(s)");
	while (structs && structs < at && structs > line && structs[-1] >= '0' &&
	       structs[-1] <= '9')
		structs--;
	*locks = structs && structs < at ? (int)strtol(structs, NULL, 10) : 0;
	return 1;
}

static bool is_open(struct lk_session *session, const struct lk_my_view *view, unsigned id,
		    bool *open, struct lk_error *error)
{
	struct lk_result r;
	char number[16];
	*open = false;
	if (!view->transactions)
		return true;
	snprintf(number, sizeof number, "%u", id);
	if (!LK_QUERY(session, &r, error, schema_transactions_sql, number))
		return false;
	*open = lk_cell_int(&r, 0, 0) > 0;
	lk_result_free(&r);
	return true;
}

static bool count_transaction(struct lk_session *session, const struct lk_my_view *view,
			      unsigned id, struct lk_quiet *quiet, struct lk_error *error)
{
	struct lk_result r;
	bool begun;
	int locks = 0;
	if (!is_open(session, view, id, &begun, error) ||
	    !LK_QUERY(session, &r, error, "SHOW ENGINE INNODB STATUS"))
		return false;
	int open = lk_my_innodb_transaction(r.rows ? lk_cell_text(&r, 0, 2) : "", id, &locks);
	lk_result_free(&r);
	if (open < 0)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "the server has too many transactions to list them all, so that "
			       "nothing proves that ours has ended");
	quiet->open_transactions += open || begun;
	quiet->locks += locks;
	return true;
}

static bool count_locks(struct lk_session *session, const struct lk_my_view *view, unsigned id,
			struct lk_quiet *quiet, struct lk_error *error)
{
	struct lk_result r;
	char number[16];
	if (!view->metadata && !view->plugin)
		return true;
	snprintf(number, sizeof number, "%u", id);
	if (!LK_QUERY(session, &r, error, view->metadata ? schema_locks_sql : plugin_locks_sql,
		      number))
		return false;
	quiet->locks += (int)lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

bool lk_my_quiet(struct lk_session *session, const char *run, struct lk_quiet *quiet,
		 struct lk_error *error)
{
	struct lk_result workers;
	struct lk_my_view view;
	memset(quiet, 0, sizeof *quiet);
	if (!LK_QUERY(session, &workers, error, worker_sql, run))
		return false;
	bool read = workers.rows == 0 || lk_my_view_learn(session, &view, error);
	quiet->sessions = (int)workers.rows;
	for (size_t i = 0; read && i < workers.rows; i++) {
		unsigned id = (unsigned)strtoul(lk_cell_text(&workers, i, 0), NULL, 10);
		if (lk_cell_int(&workers, i, 1))
			quiet->open_transactions++; /* a statement is one, whatever InnoDB knows of it */
		else
			read = count_transaction(session, &view, id, quiet, error) &&
			       count_locks(session, &view, id, quiet, error);
	}
	lk_result_free(&workers);
	return read;
}
