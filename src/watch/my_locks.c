/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/my_locks.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "watch/my_metadata.h"

/* A transaction that holds one of the plan's tables is shown from this age on. */
#define OLD_MS 1000

/*
 * Who asks, who is in the way, the mode, the table and index. MariaDB's three tables are one snapshot, which is
 * made anew when nobody has read it for 100 ms: whoever polls faster sees the same for ever.
 */
static const char rows_maria[] =
	"SELECT r.trx_mysql_thread_id, b.trx_mysql_thread_id, l.lock_mode,"
	" CONCAT(REPLACE(l.lock_table, '`', ''), IF(l.lock_index IS NULL, '', CONCAT(' ', l.lock_index)))"
	" FROM information_schema.innodb_lock_waits w"
	" JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_trx_id"
	" JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id"
	" JOIN information_schema.innodb_locks l ON l.lock_id = w.requested_lock_id LIMIT 500";
/* Joined by transaction, because the numbers of threads are NULL where the performance schema is off. */
static const char rows_mysql[] =
	"SELECT r.trx_mysql_thread_id, b.trx_mysql_thread_id, l.lock_mode,"
	" CONCAT(l.object_schema, '.', l.object_name, IF(l.index_name IS NULL, '', CONCAT(' ', l.index_name)))"
	" FROM performance_schema.data_lock_waits w"
	" JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_engine_transaction_id"
	" JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_engine_transaction_id"
	" JOIN performance_schema.data_locks l ON l.engine_lock_id = w.requesting_engine_lock_id LIMIT 500";

/* What is waited for and everything held on the same; and what is held on the plan's tables ($1, JSON). */
#define SAME "(m.object_type, COALESCE(m.object_schema, ''), COALESCE(m.object_name, ''))"
static const char metadata_sql[] =
	"SELECT t.processlist_id, m.object_type,"
	" CONCAT_WS('.', m.object_schema, m.object_name), m.lock_type, m.lock_status <> 'PENDING'"
	" FROM performance_schema.metadata_locks m JOIN performance_schema.threads t"
	" ON t.thread_id = m.owner_thread_id WHERE t.processlist_id <> CONNECTION_ID() AND (" SAME
	" IN (SELECT w.object_type, COALESCE(w.object_schema, ''), COALESCE(w.object_name, '')"
	"  FROM performance_schema.metadata_locks w WHERE w.lock_status = 'PENDING')"
	" OR m.object_type = 'TABLE' AND JSON_CONTAINS($1, JSON_QUOTE(CONCAT_WS('.',"
	"  m.object_schema, m.object_name)))) LIMIT 2000";

/* What is held, by MariaDB's plugin; "Table metadata lock" is TABLE. */
static const char plugin_sql[] =
	"SELECT thread_id, CASE lock_type WHEN 'Table metadata lock' THEN 'TABLE'"
	" WHEN 'Schema metadata lock' THEN 'SCHEMA' WHEN 'Global read lock' THEN 'GLOBAL'"
	" WHEN 'Commit lock' THEN 'COMMIT' WHEN 'Backup lock' THEN 'BACKUP'"
	" WHEN 'User lock' THEN 'USER LEVEL LOCK' ELSE lock_type END,"
	" CONCAT_WS('.', NULLIF(table_schema, ''), NULLIF(table_name, '')), REPLACE(lock_mode, 'MDL_', ''), 1"
	" FROM information_schema.metadata_lock_info WHERE thread_id <> CONNECTION_ID() LIMIT 2000";

struct locks {
	struct lk_my_metadata_lock *list;
	size_t count;
};

static struct lk_sample_session *by_pid(struct lk_sample *sample, int pid)
{
	for (size_t i = 0; i < sample->session_count; i++)
		if (sample->sessions[i].pid == pid)
			return &sample->sessions[i];
	return NULL;
}

static void add_blocker(struct lk_sample_session *s, int pid)
{
	if (s->pid == pid || s->blocker_count == LK_SAMPLE_BLOCKERS)
		return;
	for (int i = 0; i < s->blocker_count; i++)
		if (s->blockers[i] == pid)
			return;
	s->blockers[s->blocker_count++] = pid;
}

static bool read_rows(struct lk_session *session, const struct lk_my_view *view,
		      struct lk_sample *sample, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, view->server.maria ? rows_maria : rows_mysql))
		return !view->server.maria && lk_my_denied(error);
	for (size_t i = 0; i < r.rows; i++) {
		struct lk_sample_session *s =
			by_pid(sample, (int)strtoull(lk_cell_text(&r, i, 0), NULL, 10));
		int blocker = (int)strtoull(lk_cell_text(&r, i, 1), NULL, 10);
		if (!s)
			continue;
		/* The list of sessions was read a moment before this. */
		if (s->wait_ms < 0)
			s->wait_ms = s->query_ms;
		LK_COPY(s->wait, "row lock");
		LK_COPY(s->mode, lk_cell_text(&r, i, 2));
		LK_COPY(s->object, lk_cell_text(&r, i, 3));
		add_blocker(s, blocker);
	}
	lk_result_free(&r);
	return true;
}

/* A quoted name as the server's own tables write it: `a``b`.`c` is a`b.c. */
static void add_plain(struct lk_buffer *out, const char *quoted)
{
	bool inside = false;
	for (const char *p = quoted; *p; p++) {
		if (*p == '`' && inside && p[1] == '`')
			lk_buffer_addf(out, "%c", *p++);
		else if (*p == '`')
			inside = !inside;
		else
			lk_buffer_addf(out, "%c", *p);
	}
}

static bool has_database(const char *quoted)
{
	return strstr(quoted, "`.`") != NULL;
}

/* The plan's tables as a JSON list of "database.table"; the caller's. */
static char *plain_tables(struct lk_session *session, const struct lk_watch_scope *scope,
			  struct lk_error *error)
{
	struct lk_result r;
	struct lk_buffer names = {0}, sql = {0};
	char *list = NULL;
	for (size_t i = 0; scope->tables && scope->tables[i]; i++) {
		lk_buffer_reset(&names);
		add_plain(&names, scope->tables[i]);
		char *text = session->driver->quote_text(lk_buffer_text(&names));
		lk_buffer_addf(&sql, "%s%s%s%s", sql.length ? ", " : "",
			       has_database(scope->tables[i]) ? "CONCAT("
							      : "CONCAT(DATABASE(), '.', ",
			       text, ")");
		free(text);
	}
	char *query = lk_format("SELECT JSON_ARRAY(%s)", lk_buffer_text(&sql));
	if (LK_QUERY(session, &r, error, query)) {
		list = lk_strdup(lk_cell_text(&r, 0, 0));
		lk_result_free(&r);
	}
	free(query);
	lk_buffer_free(&names);
	lk_buffer_free(&sql);
	return list;
}

static void take_locks(const struct lk_result *r, struct locks *locks)
{
	for (size_t i = 0; i < r->rows; i++) {
		struct lk_my_metadata_lock *lock = LK_PUSH(locks->list, locks->count);
		lock->pid = (int)strtoull(lk_cell_text(r, i, 0), NULL, 10);
		LK_COPY(lock->kind, lk_cell_text(r, i, 1));
		LK_COPY(lock->object, lk_cell_text(r, i, 2));
		LK_COPY(lock->type, lk_cell_text(r, i, 3));
		lock->granted = lk_cell_int(r, i, 4) != 0;
	}
}

static void name_lock(struct lk_sample_session *s, const struct lk_my_metadata_lock *lock)
{
	LK_COPY(s->mode, lock->type);
	LK_COPY(s->object, lock->object[0] ? lock->object : lock->kind);
}

/* Those that are held first: who waits in front is himself behind one of them. */
static void find_blockers(struct lk_sample_session *s, const struct lk_my_metadata_lock *wanted,
			  const struct locks *locks)
{
	for (int held = 1; held >= 0 && s->blocker_count == 0; held--)
		for (size_t i = 0; i < locks->count; i++) {
			const struct lk_my_metadata_lock *other = &locks->list[i];
			if (other->pid != s->pid && other->granted == (held != 0) &&
			    lk_my_metadata_blocks(wanted, other))
				add_blocker(s, other->pid);
		}
}

static void judge_pending(struct lk_sample *sample, const struct locks *locks)
{
	for (size_t i = 0; i < locks->count; i++) {
		const struct lk_my_metadata_lock *wanted = &locks->list[i];
		struct lk_sample_session *s = by_pid(sample, wanted->pid);
		if (wanted->granted || !s)
			continue;
		name_lock(s, wanted);
		if (s->wait_ms < 0)
			s->wait_ms = s->query_ms;
		find_blockers(s, wanted, locks);
	}
}

/* Who holds one of the plan's tables in an old transaction. */
static void judge_held(struct lk_sample *sample, const struct locks *locks, const char *tables)
{
	for (size_t i = 0; i < locks->count; i++) {
		const struct lk_my_metadata_lock *lock = &locks->list[i];
		struct lk_sample_session *s = by_pid(sample, lock->pid);
		if (!lock->granted || !s || s->ours || s->blocker_count > 0 ||
		    strcmp(lock->kind, "TABLE") != 0 || s->transaction_ms < OLD_MS)
			continue;
		char *name = lk_format("\"%s\"", lock->object);
		bool planned = strstr(tables, name) != NULL;
		free(name);
		if (!planned)
			continue;
		name_lock(s, lock);
		s->holds_table = true;
	}
}

/* The last name of "shop.users" as a word of the statement. */
static bool mentions(const char *statement, const char *object)
{
	const char *dot = strrchr(object, '.'), *name = dot ? dot + 1 : object;
	size_t length = strlen(name);
	for (const char *p = statement; length > 0 && *p; p++) {
		bool begins = p == statement ||
			      !strchr("abcdefghijklmnopqrstuvwxyz_0123456789$", p[-1] | 0x20);
		if (begins && strncasecmp(p, name, length) == 0 &&
		    !strchr("abcdefghijklmnopqrstuvwxyz_0123456789$",
			    p[length] ? p[length] | 0x20 : ' '))
			return true;
	}
	return false;
}

static bool waits_for_metadata(const struct lk_sample_session *s)
{
	return strncmp(s->wait, "Waiting for", 11) == 0 && strstr(s->wait, "metadata lock");
}

/* Who of those that wait has waited longest: what stands in front of the others. */
static struct lk_sample_session *first_waiter(struct lk_sample *sample)
{
	struct lk_sample_session *first = NULL;
	for (size_t i = 0; i < sample->session_count; i++) {
		struct lk_sample_session *s = &sample->sessions[i];
		if (waits_for_metadata(s) && (!first || s->wait_ms > first->wait_ms))
			first = s;
	}
	return first;
}

/* The table that a statement, which waits for it, is about: one that others hold and that it mentions. */
static const char *guess_object(const struct lk_sample_session *s, const struct locks *locks)
{
	for (size_t i = 0; i < locks->count; i++) {
		const struct lk_my_metadata_lock *lock = &locks->list[i];
		if (lock->pid != s->pid && lock->granted && strcmp(lock->kind, "TABLE") == 0 &&
		    mentions(s->statement, lock->object))
			return lock->object;
	}
	return NULL;
}

/* Every transaction that is older than the wait and does not wait itself. */
static void suspect_older(struct lk_sample *sample, struct lk_sample_session *s)
{
	for (size_t i = 0; i < sample->session_count; i++) {
		const struct lk_sample_session *other = &sample->sessions[i];
		if (other != s && !other->wait[0] && other->transaction_ms >= 0 &&
		    other->transaction_ms + OLD_MS >= s->wait_ms)
			add_blocker(s, other->pid);
	}
}

/* MySQL's locks on rows are hidden too where the performance schema is off or may not be read. */
static void guess_rows(struct lk_sample *sample)
{
	for (size_t i = 0; i < sample->session_count; i++) {
		struct lk_sample_session *s = &sample->sessions[i];
		if (strcmp(s->wait, "row lock") != 0 || s->blocker_count > 0)
			continue;
		s->guessed = true;
		suspect_older(sample, s);
	}
}

/* With the plugin: those that hold the table. */
static void guess_blockers(struct lk_sample *sample, struct lk_sample_session *s,
			   const struct lk_my_view *view, const struct locks *locks)
{
	const char *object = guess_object(s, locks);
	for (size_t i = 0; object && i < locks->count; i++) {
		const struct lk_my_metadata_lock *lock = &locks->list[i];
		if (lock->granted && strcmp(lock->kind, "TABLE") == 0 &&
		    strcmp(lock->object, object) == 0 && by_pid(sample, lock->pid))
			add_blocker(s, lock->pid);
	}
	if (!view->plugin)
		suspect_older(sample, s);
	if (object)
		LK_COPY(s->object, object);
}

static void guess(struct lk_sample *sample, const struct lk_my_view *view,
		  const struct locks *locks)
{
	struct lk_sample_session *first = first_waiter(sample);
	for (size_t i = 0; first && i < sample->session_count; i++) {
		struct lk_sample_session *s = &sample->sessions[i];
		if (!waits_for_metadata(s))
			continue;
		s->guessed = true;
		LK_COPY(s->mode, "metadata");
		if (s == first)
			guess_blockers(sample, s, view, locks);
		else
			add_blocker(s, first->pid);
	}
}

/* The plan's tables that somebody else holds, seen by the plugin; the others of the server's locks are only
 * for guessing. */
static bool read_metadata(struct lk_session *session, const struct lk_my_view *view,
			  const char *tables, struct locks *locks, struct lk_error *error)
{
	struct lk_result r;
	if (!view->metadata && !view->plugin)
		return true;
	if (!(view->metadata ? LK_QUERY(session, &r, error, metadata_sql, tables)
			     : LK_QUERY(session, &r, error, plugin_sql)))
		return false;
	take_locks(&r, locks);
	lk_result_free(&r);
	return true;
}

bool lk_my_read_locks(struct lk_session *session, const struct lk_my_view *view,
		      const struct lk_watch_scope *scope, struct lk_sample *sample,
		      struct lk_error *error)
{
	struct locks locks = {0};
	if (!read_rows(session, view, sample, error))
		return false;
	char *tables = plain_tables(session, scope, error);
	bool read = tables && read_metadata(session, view, tables, &locks, error);
	if (read && !view->server.maria && !view->schema)
		guess_rows(sample);
	if (read && view->metadata)
		judge_pending(sample, &locks);
	else if (read)
		guess(sample, view, &locks);
	if (read)
		judge_held(sample, &locks, tables);
	free(locks.list);
	free(tables);
	return read;
}
