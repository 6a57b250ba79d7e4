/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_carry.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "step/my_algorithm.h"
#include "step/my_duplicate.h"
#include "step/my_look.h"
#include "step/my_moment.h"
#include "step/record.h"

/* errno of statements that find what they would bring about. */
enum {
	TABLE_EXISTS = 1050,
	UNKNOWN_TABLE = 1051,
	DUPLICATE_COLUMN = 1060,
	DUPLICATE_KEY_NAME = 1061,
	DUPLICATE_ENTRY = 1062,
	NOTHING_TO_DROP = 1091,
	NO_SUCH_GRANT = 1141,
	NO_SUCH_TABLE = 1146,
	NO_SUCH_TABLE_GRANT = 1147,
	NO_TRIGGER = 1360,
	ROW_LOG_FULL = 1799,
	DUPLICATE_FOREIGN_KEY = 1826,
	DUPLICATE_CHECK = 3822,
	NO_CHECK = 3821,
	NO_CONSTRAINT = 3940,
};

static void set(struct lk_session *session, const char *sql)
{
	struct lk_error ignored;
	lk_session_insist(session, true);
	lk_execute(session, sql, &ignored);
	lk_session_insist(session, false);
}

/*
 * With foreign_key_checks a foreign key can only be added by a copy; without, writes are checked from then on, and a
 * verify of the plan looks at the rows that are there.
 */
static bool execute(struct lk_step_run *run, const struct lk_my_carry *carry, const char *sql,
		    bool building, struct lk_error *error)
{
	struct lk_session *session = run->session;
	bool foreign = lk_my_statement_has(&carry->statement, LK_MY_ADD_FOREIGN);
	if (foreign && !lk_execute(session, "SET SESSION foreign_key_checks = 0", error))
		return false;
	bool done = lk_my_locking(run, carry->table, sql, building, error);
	if (foreign && (done || error->class != LK_ERROR_LOST))
		set(session, "SET SESSION foreign_key_checks = 1");
	return done;
}

/* Always false. */
static bool explain_duplicate(struct lk_session *session, struct lk_my_carry *carry,
			      struct lk_error *error)
{
	char index[200] = "";
	struct lk_error reason;
	enum lk_my_duplicate duplicate = LK_MY_DUPLICATE_NEW;
	if (carry->table && !lk_my_duplicate_judge(session, &carry->statement, carry->table, error,
						   &duplicate, index, &reason)) {
		*error = reason;
		return lk_fail_context(error, "after a duplicate was met");
	}
	if (duplicate == LK_MY_DUPLICATE_NEW)
		return lk_fail_context(
			error, "rows have the same value where the new index wants each once; "
			       "nothing was changed");
	if (duplicate == LK_MY_DUPLICATE_PASSING)
		LK_COPY(carry->passing, index);
	else
		lk_fail_context(
			error,
			"rows have the same value under %.80s, which is UNIQUE and let them in all "
			"the same (unique_checks = 0?); nothing was changed",
			index);
	return false;
}

static bool explain(struct lk_session *session, struct lk_my_carry *carry, struct lk_error *error)
{
	struct lk_result r;
	struct lk_error ignored;
	if (error->number == ROW_LOG_FULL) {
		char size[40] = "";
		if (LK_QUERY(session, &r, &ignored, "SELECT @@innodb_online_alter_log_max_size"))
			LK_COPY(size, lk_cell_text(&r, 0, 0));
		lk_result_free(&r);
		return lk_fail_context(
			error,
			"the writes that came meanwhile did not fit into innodb_online_alter_log_max_size "
			"(%s bytes), and the server has undone its work: SET GLOBAL "
			"innodb_online_alter_log_max_size to several times that, or take a quieter time",
			size);
	}
	if (error->number == DUPLICATE_ENTRY)
		return explain_duplicate(session, carry, error);
	return false;
}

static bool is_already_so(struct lk_session *session, const struct lk_my_statement *statement,
			  struct lk_error *error)
{
	static const int numbers[] = {DUPLICATE_COLUMN,	     DUPLICATE_KEY_NAME,  NOTHING_TO_DROP,
				      NO_SUCH_GRANT,	     NO_SUCH_TABLE_GRANT, NO_TRIGGER,
				      DUPLICATE_FOREIGN_KEY, DUPLICATE_CHECK,	  NO_CHECK,
				      NO_CONSTRAINT};
	for (size_t i = 0; i < LK_COUNT(numbers); i++)
		if (error->number == numbers[i])
			return true;
	if (statement->kind == LK_MY_DROP_OBJECT)
		return error->number == UNKNOWN_TABLE || error->number == NO_SUCH_TABLE;
	bool renamed = false;
	struct lk_error ignored;
	return statement->kind == LK_MY_RENAME_TABLE &&
	       (error->number == TABLE_EXISTS || error->number == NO_SUCH_TABLE) &&
	       lk_my_look_renamed(session, statement, &renamed, &ignored) && renamed;
}

/* An error can come when the work is done, as from a KILL at the last moment: the catalog knows. */
static bool happened_all_the_same(struct lk_step_run *run, const struct lk_my_statement *statement,
				  const char *before, const struct lk_error *error)
{
	bool happened = false;
	struct lk_error ignored;
	if (error->class != LK_ERROR_CANCELLED || atomic_load(&run->pace->stop))
		return false;
	return lk_my_look_happened(run->session, statement, before, &happened, &ignored) &&
	       happened;
}

static void note_way(struct lk_step_run *run, const char *sql)
{
	const char *clauses = strstr(sql, "ALGORITHM=");
	snprintf(run->note, sizeof run->note, "%s", clauses ? clauses : "carried out");
}

static bool refuse(struct lk_error *error)
{
	struct lk_error reason = *error;
	if (reason.class == LK_NO_ERROR)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"ALGORITHM and LOCK as the statement says them do not go together on this "
			"server: leave them out, and the cheapest way that it takes is chosen");
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"the server cannot do this beside writes (%.500s): it needs a copy of the table, or every write "
		"waits until it is done; a shadow table does that online, which this version cannot yet. "
		"Nothing was changed",
		reason.text);
}

bool lk_my_carry_out(struct lk_step_run *run, struct lk_my_carry *carry, bool again,
		     struct lk_error *error)
{
	const struct lk_my_statement *statement = &carry->statement;
	char before[LK_MY_DIGEST];
	carry->passing[0] = '\0';
	if (!lk_my_look_digest(run->session, statement, before, error))
		return false;
	for (int n = 0;; n++) {
		bool building;
		char *sql = lk_my_way_try(&carry->server, statement, n, &building);
		if (!sql)
			return refuse(error);
		bool done = execute(run, carry, sql, building, error);
		if (done || happened_all_the_same(run, statement, before, error))
			note_way(run, sql);
		else if (again && is_already_so(run->session, statement, error))
			LK_COPY(run->note, "it was already so");
		else if (lk_my_takes_clauses(statement) && lk_my_not_this_way(error)) {
			free(sql);
			continue;
		} else {
			free(sql);
			return explain(run->session, carry, error);
		}
		free(sql);
		lk_error_clear(error);
		return true;
	}
}
