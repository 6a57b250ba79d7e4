/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "risk/tally.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const char *const lock_names[] = {
	[LK_LOCK_NONE] = "none",
	[LK_LOCK_ACCESS_SHARE] = "ACCESS SHARE",
	[LK_LOCK_ROW_SHARE] = "ROW SHARE",
	[LK_LOCK_ROW_EXCLUSIVE] = "ROW EXCLUSIVE",
	[LK_LOCK_SHARE_UPDATE_EXCLUSIVE] = "SHARE UPDATE EXCLUSIVE",
	[LK_LOCK_SHARE] = "SHARE",
	[LK_LOCK_SHARE_ROW_EXCLUSIVE] = "SHARE ROW EXCLUSIVE",
	[LK_LOCK_EXCLUSIVE] = "EXCLUSIVE",
	[LK_LOCK_ACCESS_EXCLUSIVE] = "ACCESS EXCLUSIVE",
};

static const struct {
	const char *cost, *duration;
} costs[] = {
	[LK_COST_NONE] = {"no rewrite, no scan", "for milliseconds"},
	[LK_COST_ROWS] = {"as many rows as it reads or changes", "until it commits"},
	[LK_COST_SCAN] = {"reads the whole table", "for as long as it reads the table"},
	[LK_COST_BUILD] = {"reads the whole table and builds an index",
			   "for as long as it builds the index"},
	[LK_COST_BUILD_TWICE] = {"builds an index, reading the table twice; writes go on",
				 "for as long as it builds the index"},
	[LK_COST_MAYBE_REWRITE] = {"rewrites the whole table unless the values keep their form",
				   "for as long as it rewrites the table"},
	[LK_COST_REWRITE] = {"rewrites the whole table and its indexes",
			     "for as long as it rewrites the table"},
};

static void append(char *to, size_t size, const char *separator, const char *text)
{
	size_t used = strlen(to);
	if (used > 0) {
		lk_copy_text(to + used, size - used, separator);
		used = strlen(to);
	}
	lk_copy_text(to + used, size - used, text);
}

void lk_tally_add(struct lk_tally *tally, const char *kind, enum lk_lock lock, enum lk_cost cost)
{
	if (!strstr(tally->risk->kind, kind))
		append(tally->risk->kind, sizeof tally->risk->kind, ", ", kind);
	if (lock > tally->lock)
		tally->lock = lock;
	if (cost > tally->cost)
		tally->cost = cost;
}

void lk_tally_object(struct lk_tally *tally, const char *object)
{
	if (!tally->risk->object[0])
		LK_COPY(tally->risk->object, object);
}

void lk_tally_note(struct lk_tally *tally, const char *format, ...)
{
	char text[sizeof tally->risk->note];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!strstr(tally->risk->note, text))
		append(tally->risk->note, sizeof tally->risk->note, "; ", text);
}

void lk_tally_finish(struct lk_tally *tally)
{
	struct lk_risk *risk = tally->risk;
	char object[61];
	LK_COPY(object, risk->object);
	LK_COPY(risk->cost, costs[tally->cost].cost);
	if (tally->lock != LK_LOCK_NONE)
		LK_COPY(risk->mode, lock_names[tally->lock]);
	if (tally->lock == LK_LOCK_NONE)
		LK_COPY(risk->lock, "none");
	else if (!*object)
		snprintf(risk->lock, sizeof risk->lock, "%s, %s", lock_names[tally->lock],
			 costs[tally->cost].duration);
	else
		snprintf(risk->lock, sizeof risk->lock, "%s on %s, %s", lock_names[tally->lock],
			 object, costs[tally->cost].duration);
}
