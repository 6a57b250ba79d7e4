/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_cut_over_try.h"

#include "base/clock.h"
#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "step/my_moment.h"

enum { NOT_LOCKED = 1100 };

#define HOLD_MS 100

void lk_my_cut_at(const struct lk_my_cut *cut, enum lk_my_cut_over_point point)
{
	if (cut->order->at)
		cut->order->at(cut->order->context, point);
}

static bool may_go_on(const struct lk_my_cut *cut, struct lk_error *error)
{
	return !atomic_load(&cut->run->pace->stop) || lk_fail(error, LK_ERROR_CANCELLED, "stopped");
}

/* From here on the application waits. */
static bool lock(struct lk_my_cut *cut, struct lk_error *error)
{
	int64_t from_us = lk_clock_us();
	int hold_ms = cut->order->hold_ms > 0 ? cut->order->hold_ms : HOLD_MS;
	bool locked = lk_my_locking(cut->run, &cut->table, cut->lock, false, error);
	cut->report->last.waited_us = lk_clock_us() - from_us;
	if (!locked)
		return false;
	cut->locked_us = lk_clock_us();
	cut->until_us = cut->locked_us + (int64_t)hold_ms * 1000;
	lk_my_cut_at(cut, LK_MY_CUT_OVER_LOCKED);
	return true;
}

static bool check_again(struct lk_my_cut *cut, struct lk_error *error)
{
	char why[400];
	if (!lk_my_cut_transactions(cut->run->session, cut->order, why, sizeof why, error))
		return false;
	return !why[0] || lk_fail(error, LK_ERROR_RETRY, "%s", why);
}

static bool drain(struct lk_my_cut *cut, struct lk_error *error)
{
	const struct lk_my_cut_over *order = cut->order;
	struct lk_my_cut_over_report *report = cut->report;
	struct lk_session *session = cut->run->session;
	int64_t from_us = lk_clock_us();
	bool drained =
		order->position(order->context, session, report->position, sizeof report->position,
				error) &&
		order->drain(order->context, session, report->position, cut->until_us, error);
	report->last.drained_us = lk_clock_us() - from_us;
	return drained;
}

bool lk_my_cut_still_held(struct lk_my_cut *cut, struct lk_error *error)
{
	/* No table of that name is there: under LOCK TABLES it is said to be not locked, and else to be missing. */
	char *old = lk_my_quoted_name(cut->run->session, cut->order->tables.schema,
				      cut->order->tables.old);
	char *sql = lk_format("SELECT 1 FROM %s LIMIT 0", old);
	bool read = lk_query(cut->run->session, NULL, error, sql, 0, NULL);
	free(sql);
	free(old);
	if (!read && error->number == NOT_LOCKED) {
		lk_error_clear(error);
		return true;
	}
	if (!read && (error->class == LK_ERROR_LOST || error->class == LK_ERROR_CANCELLED))
		return false;
	return lk_fail(error, LK_ERROR_REFUSED,
		       "%s was let go in the middle of the cut-over: nothing was exchanged",
		       cut->table.shown);
}

bool lk_my_cut_hold(struct lk_my_cut *cut, struct lk_error *error)
{
	if (!lock(cut, error) || !check_again(cut, error) || !drain(cut, error))
		return false;
	lk_my_cut_at(cut, LK_MY_CUT_OVER_DRAINED);
	return may_go_on(cut, error) && lk_my_cut_still_held(cut, error);
}

bool lk_my_cut_let_go(struct lk_my_cut *cut)
{
	struct lk_session *session = cut->run->session;
	struct lk_error error;
	lk_rollback(session);
	lk_session_insist(session, true);
	bool done = lk_execute(session, "UNLOCK TABLES", &error);
	lk_session_insist(session, false);
	if (cut->locked_us && !cut->report->last.held_us)
		cut->report->last.held_us = lk_clock_us() - cut->locked_us;
	return done;
}

bool lk_my_cut_exchange_mysql(struct lk_my_cut *cut, struct lk_error *error)
{
	cut->sent = true;
	if (!lk_execute(cut->run->session, cut->rename, error))
		return false;
	lk_my_cut_at(cut, LK_MY_CUT_OVER_RENAMED);
	return true;
}
