/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal/my_install.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "journal/my_text.h"

/*
 * Made for any server: nothing is left to its defaults (character set, engine, row format), every table has a
 * primary key (sql_require_primary_key, and replicas that apply rows), and no column has '' as its default,
 * which EMPTY_STRING_IS_NULL would not take.
 *
 * No foreign keys: InnoDB locks the parent's row for each child that is written, so a chunk's cursor would hold
 * up whoever wants to write `wanted = 'paused'` into the run. What goes with a run is deleted with it by name.
 *
 * The epoch stands in a table of its own and the heartbeat in another, because the epoch's row is locked by
 * every transaction of the keeper while the heartbeat is written all the time.
 */
#define TABLE(name, columns)                                                                       \
	"CREATE TABLE IF NOT EXISTS lockkeeper." name " (" columns                                 \
	") ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
#define NAME " VARCHAR(64) NOT NULL, "
#define TEXT " MEDIUMTEXT NOT NULL, "
#define MOMENT " DATETIME(6) NOT NULL, "

static const char *const schema_sql[] = {
	"CREATE DATABASE IF NOT EXISTS lockkeeper CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	/* A plan has one unfinished run: the unique key makes two that begin at once wait for each other. */
	TABLE("run",
	      "name" NAME "plan" NAME "digest" NAME "document LONGTEXT NOT NULL,"
	      " state VARCHAR(16) NOT NULL, reason" TEXT
	      "wanted VARCHAR(16) NOT NULL DEFAULT 'running'"
	      "  CHECK (wanted IN ('running', 'paused', 'aborted', 'rollback', 'stopped')),"
	      " backward BOOLEAN NOT NULL DEFAULT 0, created_at" MOMENT "changed_at" MOMENT
	      "unfinished_plan VARCHAR(64) AS (CASE WHEN state NOT IN ('done', 'undone') THEN plan END)"
	      " VIRTUAL, PRIMARY KEY (name), UNIQUE KEY one_unfinished_run (unfinished_plan)") " COMMENT='lockkeeper: durable state of schema changes. To pause a run:"
											       " UPDATE lockkeeper.run SET wanted = ''paused''. To clean up by hand:"
											       " SELECT * FROM lockkeeper.cleanup ORDER BY run, step DESC'",
	TABLE("epoch", "run" NAME "epoch BIGINT NOT NULL, PRIMARY KEY (run)"),
	TABLE("heartbeat", "run" NAME "epoch BIGINT NOT NULL, at" MOMENT "who" NAME "host" NAME
			   "pid INT NOT NULL, PRIMARY KEY (run)"),
	TABLE("step",
	      "run" NAME "number INT NOT NULL, phase VARCHAR(16) NOT NULL, name" NAME
	      "verb VARCHAR(32) NOT NULL, state VARCHAR(16) NOT NULL DEFAULT 'pending', note" TEXT
	      "started_at DATETIME(6), ended_at DATETIME(6), PRIMARY KEY (run, number)"),
	/* Keys are JSON arrays of texts. */
	TABLE("cursor",
	      "run" NAME "step INT NOT NULL, `key` MEDIUMTEXT, rows_done BIGINT NOT NULL,"
	      " rows_changed BIGINT NOT NULL, chunks BIGINT NOT NULL, finished BOOLEAN NOT NULL,"
	      " PRIMARY KEY (run, step)"),
	TABLE("part", "run" NAME "step INT NOT NULL, relation BIGINT NOT NULL, `key` MEDIUMTEXT,"
		      " finished BOOLEAN NOT NULL, PRIMARY KEY (run, step, relation)"),
	TABLE("reject",
	      "run" NAME "step INT NOT NULL, number BIGINT NOT NULL AUTO_INCREMENT, relation" TEXT
	      "`key`" TEXT "`sqlstate` VARCHAR(5) NOT NULL, message" TEXT "at" MOMENT
	      "PRIMARY KEY (number), KEY reject_step (run, step)"),
	TABLE("approval",
	      "run" NAME "gate VARCHAR(80) NOT NULL, digest" NAME "who" NAME
	      "origin VARCHAR(255) NOT NULL, at" MOMENT "PRIMARY KEY (run, gate, digest, who)"),
	TABLE("event", "run" NAME "number BIGINT NOT NULL, at" MOMENT "kind VARCHAR(32) NOT NULL,"
		       " who" NAME "text" TEXT "PRIMARY KEY (run, number)"),
	/* The last: where it is, the journal is whole. */
	TABLE("cleanup", "run" NAME "step INT NOT NULL, `sql`" TEXT "PRIMARY KEY (run, step)"),
};

const char *const lk_my_journal_tables[] = {"cleanup", "event", "approval",  "reject", "part",
					    "cursor",  "step",	"heartbeat", "epoch",  "run"};
const size_t lk_my_journal_table_count = LK_COUNT(lk_my_journal_tables);

bool lk_my_journal_lock(struct lk_session *session, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, "SELECT GET_LOCK(" LK_MY_JOURNAL_LOCK ", 30)"))
		return false;
	bool taken = lk_cell_int(&r, 0, 0) == 1;
	lk_result_free(&r);
	return taken || lk_fail(error, LK_ERROR_RETRY,
				"another session has been busy with the journal for 30 s"
				" (the user lock lockkeeper.journal)");
}

void lk_my_journal_unlock(struct lk_session *session)
{
	struct lk_error ignored;
	lk_session_insist(session, true);
	LK_RUN(session, &ignored, "SELECT RELEASE_LOCK(" LK_MY_JOURNAL_LOCK ")");
	lk_session_insist(session, false);
}

bool lk_my_journal_name_grant(struct lk_session *session, struct lk_error *error)
{
	struct lk_error ignored;
	struct lk_result r;
	if (error->class != LK_ERROR_PRIVILEGE ||
	    !LK_QUERY(session, &r, &ignored,
		      "SELECT CONCAT(QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1)), '@',"
		      " QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))"))
		return false;
	struct lk_buffer grant = {0};
	lk_buffer_addf(&grant, ": GRANT ALL PRIVILEGES ON lockkeeper.* TO %s",
		       lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	size_t length = strlen(error->text);
	lk_copy_text(error->text + length, sizeof error->text - length, lk_buffer_text(&grant));
	lk_buffer_free(&grant);
	return false;
}

/* How many of the journal's tables are there, `cleanup` alone or all of them. */
static bool count_tables(struct lk_session *session, const char *condition, int64_t *count,
			 struct lk_error *error)
{
	struct lk_result r;
	char *sql = lk_format("SELECT COUNT(*) FROM information_schema.tables"
			      " WHERE table_schema = 'lockkeeper' AND %s",
			      condition);
	bool read = LK_QUERY(session, &r, error, sql);
	free(sql);
	if (!read)
		return false;
	*count = lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

bool lk_my_journal_installed(struct lk_session *session, bool *installed, struct lk_error *error)
{
	int64_t count;
	if (!count_tables(session, "table_name = 'cleanup'", &count, error))
		return false;
	*installed = count == 1;
	return true;
}

/* A journal of an earlier version, or one whose installation was broken off, lacks tables. */
static bool complete(struct lk_session *session, bool *there, struct lk_error *error)
{
	struct lk_buffer names = {0};
	int64_t count;
	for (size_t i = 0; i < lk_my_journal_table_count; i++)
		lk_buffer_addf(&names, "%s'%s'", i ? ", " : "table_name IN (",
			       lk_my_journal_tables[i]);
	lk_buffer_add(&names, ")");
	bool read = count_tables(session, lk_buffer_text(&names), &count, error);
	lk_buffer_free(&names);
	*there = read && count == (int64_t)lk_my_journal_table_count;
	return read;
}

bool lk_my_journal_install(struct lk_session *session, struct lk_error *error)
{
	bool there = false;
	if (!complete(session, &there, error))
		return false;
	if (there)
		return true;
	bool made = lk_my_journal_lock(session, error);
	for (size_t i = 0; made && i < LK_COUNT(schema_sql); i++)
		made = lk_execute(session, schema_sql[i], error);
	lk_my_journal_unlock(session);
	if (made)
		return true;
	lk_my_journal_name_grant(session, error);
	return lk_fail_context(error, "the journal's database \"lockkeeper\" could not be created");
}
