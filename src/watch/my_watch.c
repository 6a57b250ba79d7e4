/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MySQL and MariaDB. What each of them shows, and how it is to be turned on, is in my_view.c. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "watch/my_locks.h"
#include "watch/my_progress.h"
#include "watch/my_quiet.h"
#include "watch/my_replicas.h"
#include "watch/my_sessions.h"
#include "watch/my_view.h"
#include "watch/sample.h"

/*
 * Transactions that wrote, as the binlog counts them. Where it does not: statements that write, which are more, so
 * that a backfill rests sooner than it would have to. InnoDB's own count is off unless somebody has switched it on.
 */
static const char status_sql[] =
	"SHOW GLOBAL STATUS WHERE variable_name IN ('Binlog_commits', 'Com_insert', 'Com_update', 'Com_delete',"
	" 'Com_replace', 'Com_insert_select', 'Com_update_multi', 'Com_delete_multi')";
static const char binlog_sql[] =
	"SELECT SUM(transaction_counter) FROM performance_schema.binary_log_transaction_compression_stats"
	" WHERE log_type = 'BINARY'";

/* The length of the history list; without the privilege PROCESS it is hidden. */
static const char history_sql[] =
	"SELECT `count` FROM information_schema.innodb_metrics WHERE name = 'trx_rseg_history_len'";

static bool read_status(struct lk_session *session, struct lk_sample *sample,
			struct lk_error *error)
{
	struct lk_result r;
	int64_t commits = 0;
	if (!LK_QUERY(session, &r, error, status_sql))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		if (strcmp(lk_cell_text(&r, i, 0), "Binlog_commits") == 0)
			commits = lk_cell_int(&r, i, 1);
		else
			sample->transactions += lk_cell_int(&r, i, 1);
	lk_result_free(&r);
	if (commits > 0)
		sample->transactions = commits;
	return true;
}

static bool read_transactions(struct lk_session *session, const struct lk_my_view *view,
			      struct lk_sample *sample, struct lk_error *error)
{
	struct lk_result r;
	if (view->server.maria || !view->schema || view->server.version < 80020)
		return read_status(session, sample, error);
	if (!LK_QUERY(session, &r, error, binlog_sql))
		return false;
	sample->transactions = r.rows > 0 ? lk_cell_int(&r, 0, 0) : 0;
	lk_result_free(&r);
	return sample->transactions > 0 || read_status(session, sample, error);
}

static bool read_history(struct lk_session *session, struct lk_sample *sample,
			 struct lk_error *error)
{
	struct lk_result r;
	sample->history = -1;
	if (!LK_QUERY(session, &r, error, history_sql))
		return lk_my_denied(error);
	if (r.rows > 0)
		sample->history = lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

static bool my_sample(struct lk_session *session, const struct lk_watch_scope *scope,
		      struct lk_sample *sample, struct lk_error *error)
{
	struct lk_my_view view;
	if (!lk_my_view_learn(session, &view, error))
		return false;
	lk_my_view_unseen(&view, sample->unseen, sizeof sample->unseen);
	return read_transactions(session, &view, sample, error) &&
	       read_history(session, sample, error) &&
	       lk_my_read_replicas(session, &view, sample, error) &&
	       lk_my_read_sessions(session, &view, scope, sample, error) &&
	       lk_my_read_locks(session, &view, scope, sample, error) &&
	       lk_my_read_blockers(session, &view, scope, sample, error) &&
	       lk_my_progress(session, &view, sample, error);
}

const struct lk_watch_ops lk_my_watch = {
	.sample = my_sample,
	.quiet = lk_my_quiet,
};
