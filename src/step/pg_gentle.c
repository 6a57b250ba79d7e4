/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_gentle.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "step/pg_step.h"

/* Transactions younger than this are gone before a look at them is worth anything. */
#define LONG_TRANSACTION_MS 250
#define LOOK_AGAIN_MS 150
#define GAP_MS 1000
/* After so many times in which the work itself (not the wait for it) kept others waiting, it is hopeless. */
#define MOST_GIVEN_WAY 5
/* An autovacuum yields to whoever has waited for deadlock_timeout; where that cannot be set for a session
 * (it needs a privilege), one announced longer try reaches the server's default of 1 s. */
#define AUTOVACUUM_TRY_MS 1200

struct attempt {
	int tries, given_way;
	bool autovacuum; /* stands in the way now, and would yield */
	bool long_try_used;
	char said[120]; /* about whom the last sentence was */
	int64_t said_at;
};

/* Lock modes that conflict with the one wanted (manual, table 13.2). */
static const char *conflicts(const char *mode)
{
	static const char *const table[][2] = {
		{"ACCESS EXCLUSIVE",
		 "{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,"
		 "ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}"},
		{"EXCLUSIVE", "{RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,"
			      "ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}"},
		{"SHARE ROW EXCLUSIVE",
		 "{RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,"
		 "ExclusiveLock,AccessExclusiveLock}"},
		{"SHARE", "{RowExclusiveLock,ShareUpdateExclusiveLock,ShareRowExclusiveLock,"
			  "ExclusiveLock,AccessExclusiveLock}"},
		{"SHARE UPDATE EXCLUSIVE",
		 "{ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,"
		 "AccessExclusiveLock}"},
		{"ROW EXCLUSIVE",
		 "{ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}"},
		{"ROW SHARE", "{ExclusiveLock,AccessExclusiveLock}"},
	};
	for (size_t i = 0; i < LK_COUNT(table); i++)
		if (strcmp(mode, table[i][0]) == 0)
			return table[i][1];
	return "{AccessExclusiveLock}";
}

#define AUTOVACUUM                                                                                 \
	"(a.pid IS NOT NULL AND (coalesce(a.backend_type, '') = 'autovacuum worker' OR"            \
	" (a.backend_type IS NULL AND a.usesysid IS NULL)))"

/* The server's own words, which only somebody who may see other roles' statements is shown. */
#define WRAPAROUND "coalesce(a.query LIKE 'autovacuum:%(to prevent wraparound)', false)"

/*
 * Who holds one of the tables, or what hangs below it, for long. Locks and sessions are read one after the
 * other: a session that has just ended its transaction shows a lock and no transaction, and holds nothing. Nor
 * is a role without pg_read_all_stats told how long another role's transaction lasts: better to try, and give
 * up, than to wait for ever behind an application whose transactions are short; an autovacuum is then known by
 * having no role. A prepared transaction has no session; its own number, which it has locked like everything
 * else, tells its name.
 */
static const char holder_sql[] =
	"WITH RECURSIVE wanted AS (SELECT w.id, w.modes::text[] AS modes FROM unnest($1::oid[], $2::text[])"
	"  w(id, modes) UNION SELECT i.inhrelid, w.modes FROM wanted w JOIN pg_inherits i ON i.inhparent = w.id)"
	" SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.usename, ''), coalesce(a.state, ''),"
	" coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared)), 0)::int,"
	" " AUTOVACUUM ", p.gid, " WRAPAROUND ", l.relation::regclass::text"
	" FROM wanted w JOIN pg_locks l ON l.relation = w.id AND l.mode = ANY (w.modes)"
	" LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
	" LEFT JOIN LATERAL (SELECT x.gid, x.prepared FROM pg_prepared_xacts x JOIN pg_locks t ON t.pid IS NULL"
	"  AND t.locktype = 'transactionid' AND t.transactionid = x.transaction"
	"  WHERE t.virtualtransaction = l.virtualtransaction) p ON l.pid IS NULL"
	" WHERE l.locktype = 'relation' AND l.granted"
	" AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
	" AND l.pid IS DISTINCT FROM pg_backend_pid()"
	" AND (l.pid IS NULL OR " AUTOVACUUM
	"  OR clock_timestamp() - a.xact_start > $3::int * interval '1 millisecond')"
	" ORDER BY " AUTOVACUUM " AND NOT " WRAPAROUND ", 5 DESC LIMIT 1";

/* Says a thing once, and again every ten seconds while it is about the same. */
static void say_once(struct lk_step_run *run, struct attempt *attempt, const char *about,
		     const char *text)
{
	if (strcmp(attempt->said, about) == 0 && lk_clock_us() - attempt->said_at < 10000000)
		return;
	LK_COPY(attempt->said, about);
	attempt->said_at = lk_clock_us();
	lk_step_say(run, "%s", text);
}

static void name_holder(struct lk_step_run *run, struct attempt *attempt, const struct lk_result *r)
{
	char text[380], about[120], age[24];
	const char *table = lk_cell_text(r, 0, 8), *pid = lk_cell_text(r, 0, 0);
	lk_step_age_text(lk_cell_int(r, 0, 4), age, sizeof age);
	snprintf(about, sizeof about, "%s%.30s %.80s", pid, lk_cell_text(r, 0, 6), table);
	if (lk_cell(r, 0, 6))
		snprintf(
			text, sizeof text,
			"waiting outside the lock queue: prepared transaction '%s' holds %s, %s old",
			lk_cell(r, 0, 6), table, age);
	else if (lk_cell_bool(r, 0, 7))
		snprintf(
			text, sizeof text,
			"waiting outside the lock queue: process %s, an autovacuum to prevent wraparound, has "
			"worked on %s for %s and does not yield: let it end (pg_stat_progress_vacuum shows how far "
			"it is); cancelled, it begins again from the start",
			pid, table, age);
	else
		snprintf(
			text, sizeof text,
			"waiting outside the lock queue: process %s (%s %s, %s) has held %s for %s",
			pid, lk_cell_text(r, 0, 2),
			attempt->autovacuum ? "autovacuum" : lk_cell_text(r, 0, 1),
			lk_cell_text(r, 0, 3), table, age);
	say_once(run, attempt, about, text);
}

/* *held tells whether a long transaction holds one of the tables; it is named to the operator. */
static bool look_first(struct lk_step_run *run, const struct lk_pg_locks *locks,
		       struct attempt *attempt, bool *held, struct lk_error *error)
{
	char age[16];
	struct lk_result r;
	struct lk_buffer ids = {0}, modes = {0};
	*held = false;
	attempt->autovacuum = false;
	if (locks->count == 0)
		return true;
	for (size_t i = 0; i < locks->count; i++) {
		lk_buffer_addf(&ids, "%s%lld", i ? "," : "{", (long long)locks->list[i].id);
		lk_buffer_addf(&modes, "%s\"%s\"", i ? "," : "{", conflicts(locks->list[i].mode));
	}
	lk_buffer_add(&ids, "}");
	lk_buffer_add(&modes, "}");
	snprintf(age, sizeof age, "%d", LONG_TRANSACTION_MS);
	bool read = LK_QUERY(run->session, &r, error, holder_sql, lk_buffer_text(&ids),
			     lk_buffer_text(&modes), age);
	lk_buffer_free(&ids);
	lk_buffer_free(&modes);
	if (!read)
		return false;
	if (r.rows > 0) {
		attempt->autovacuum = lk_cell_bool(&r, 0, 5) && !lk_cell_bool(&r, 0, 7);
		*held = !attempt->autovacuum;
		name_holder(run, attempt, &r);
	}
	lk_result_free(&r);
	return true;
}

static bool set_timeouts(struct lk_step_run *run, struct attempt *attempt, struct lk_error *error)
{
	char ms[24];
	int64_t wait = lk_step_lock_wait_ms(run);
	if (attempt->autovacuum) {
		struct lk_error denied;
		bool set = LK_RUN(run->session, error, "SAVEPOINT lockkeeper") &&
			   LK_RUN(run->session, &denied, "SET LOCAL deadlock_timeout = '20ms'");
		if (!set && !LK_RUN(run->session, error, "ROLLBACK TO SAVEPOINT lockkeeper"))
			return false;
		if (!set && !attempt->long_try_used) {
			attempt->long_try_used = true;
			wait = AUTOVACUUM_TRY_MS;
			lk_step_say(run,
				    "one longer try of %d ms, so that the autovacuum gives way",
				    AUTOVACUUM_TRY_MS);
		}
	}
	snprintf(ms, sizeof ms, "%lldms", (long long)wait);
	return LK_RUN(run->session, error, "SELECT set_config('lock_timeout', $1, true)", ms);
}

static bool take_locks(struct lk_step_run *run, const struct lk_pg_locks *locks,
		       struct lk_error *error)
{
	bool taken = true;
	for (size_t i = 0; taken && i < locks->count; i++) {
		const struct lk_pg_lock *lock = &locks->list[i];
		if (!lock->take)
			continue;
		char *sql = lk_format("LOCK TABLE %s IN %s MODE", lock->sql, lock->mode);
		taken = lk_execute(run->session, sql, error);
		free(sql);
	}
	return taken;
}

static bool try_once(struct lk_step_run *run, const struct lk_pg_locks *locks,
		     struct attempt *attempt,
		     bool (*work)(struct lk_step_run *, void *, struct lk_error *), void *argument,
		     struct lk_error *error)
{
	bool done = lk_begin(run->session, error) && set_timeouts(run, attempt, error) &&
		    lk_journal_fence(run->session, run->run, run->epoch, error);
	done = done && take_locks(run, locks, error) && work(run, argument, error) &&
	       lk_commit(run->session, error);
	if (!done)
		lk_rollback(run->session);
	return done;
}

/* True when the failure is one of waiting, so that another try makes sense. */
static bool try_again(struct lk_step_run *run, const struct lk_pg_locks *locks,
		      struct attempt *attempt, struct lk_error *error)
{
	char names[120];
	if (error->class == LK_ERROR_CANCELLED && atomic_exchange(&run->pace->give_way, false)) {
		if (++attempt->given_way < MOST_GIVEN_WAY) {
			lk_step_say(
				run,
				"gave way: our statement kept other sessions waiting for over %lld ms",
				(long long)lk_step_lock_wait_ms(run));
			return true;
		}
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the statement kept other sessions waiting for over %lld ms in each of %d tries: it "
			"needs a quieter time or another strategy",
			(long long)lk_step_lock_wait_ms(run), attempt->given_way);
	}
	if (error->class != LK_ERROR_RETRY)
		return false;
	lk_pg_locks_names(locks, names, sizeof names);
	lk_step_say(run, "try %d for the lock on %s gave up after %lld ms; next in %d ms",
		    attempt->tries, names, (long long)lk_step_lock_wait_ms(run), GAP_MS);
	return true;
}

enum lk_outcome lk_pg_gently(struct lk_step_run *run, const struct lk_pg_locks *locks,
			     bool (*work)(struct lk_step_run *run, void *argument,
					  struct lk_error *error),
			     void *argument, struct lk_error *error)
{
	struct attempt attempt = {0};
	for (;;) {
		bool held;
		if (!look_first(run, locks, &attempt, &held, error))
			return lk_step_outcome(run, error);
		if (held) {
			if (!lk_pace_sleep(run->pace, LOOK_AGAIN_MS))
				return LK_OUTCOME_STOPPED;
			continue;
		}
		attempt.tries++;
		if (try_once(run, locks, &attempt, work, argument, error))
			return LK_OUTCOME_DONE;
		if (atomic_load(&run->pace->stop) || !try_again(run, locks, &attempt, error))
			return lk_step_outcome(run, error);
		if (!lk_pace_sleep(run->pace, GAP_MS))
			return LK_OUTCOME_STOPPED;
	}
}
