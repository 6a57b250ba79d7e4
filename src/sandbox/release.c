/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/release.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "sandbox/dialect.h"

/* How far the newest run that mentions a feature has come. */
struct run_facts {
	bool known, back, done, verified, wanted, gone;
};

struct facts {
	bool old_works[LK_FEATURES], new_works[LK_FEATURES];
	struct run_facts runs[LK_FEATURES];
};

static void add_condition(struct lk_buffer *sql, const char *condition)
{
	lk_buffer_addf(sql, "%sCASE WHEN %s THEN 1 ELSE 0 END", sql->length ? ", " : "SELECT ",
		       condition ? condition : "1 = 1");
}

static char *catalog_sql(const struct lk_release_ops *ops)
{
	struct lk_buffer sql = {0};
	add_condition(&sql, ops->journal);
	add_condition(&sql, ops->keeper);
	for (int f = 0; f < LK_FEATURES; f++) {
		add_condition(&sql, ops->features[f].old_works);
		add_condition(&sql, ops->features[f].new_works);
	}
	lk_buffer_add(&sql, ops->catalog ? ops->catalog : "");
	return lk_buffer_take(&sql);
}

static bool truth(const struct lk_result *result, size_t row, size_t column)
{
	return lk_cell_int(result, row, column) != 0;
}

static bool look_at_catalog(struct lk_link *link, struct facts *facts, bool *journal, bool *keeper,
			    struct lk_error *error)
{
	struct lk_result result;
	char *sql = catalog_sql(link->dialect->release);
	bool read = lk_link_query(link, sql, &result, error);
	free(sql);
	if (!read)
		return false;
	*journal = truth(&result, 0, 0);
	*keeper = truth(&result, 0, 1);
	for (size_t f = 0; f < LK_FEATURES; f++) {
		facts->old_works[f] = truth(&result, 0, 2 + 2 * f);
		facts->new_works[f] = truth(&result, 0, 3 + 2 * f);
	}
	lk_result_free(&result);
	return true;
}

/* The query of the patterns in the middle of the dialect's own. */
static char *runs_sql(const struct lk_release_ops *ops)
{
	struct lk_buffer patterns = {0}, sql = {0};
	for (int f = 0; f < LK_FEATURES; f++)
		lk_buffer_addf(&patterns, "%sSELECT %d AS number, '%s' AS pattern",
			       f ? " UNION ALL " : "", f, ops->features[f].mentioned);
	const char *middle = strstr(ops->runs_sql, LK_RELEASE_PATTERNS);
	lk_buffer_add_bytes(&sql, ops->runs_sql, (size_t)(middle - ops->runs_sql));
	lk_buffer_add(&sql, lk_buffer_text(&patterns));
	lk_buffer_add(&sql, middle + strlen(LK_RELEASE_PATTERNS));
	lk_buffer_free(&patterns);
	return lk_buffer_take(&sql);
}

static bool look_at_journal(struct lk_link *link, struct facts *facts, bool *begun,
			    struct lk_error *error)
{
	struct lk_result result;
	char *sql = runs_sql(link->dialect->release);
	bool read = lk_link_query(link, sql, &result, error);
	free(sql);
	if (!read)
		return false;
	for (size_t f = 0; f < LK_FEATURES; f++)
		facts->runs[f] = (struct run_facts){truth(&result, f, 0), truth(&result, f, 1),
						    truth(&result, f, 2), truth(&result, f, 3),
						    truth(&result, f, 4), truth(&result, f, 5)};
	*begun = truth(&result, LK_FEATURE_RELEASE, 6);
	lk_result_free(&result);
	return true;
}

/* Whether connections whose number is odd or not follow the new way. */
static bool takes_new(const struct facts *facts, enum lk_feature f, bool odd)
{
	const struct run_facts *run = &facts->runs[f];
	bool old = facts->old_works[f], new = facts->new_works[f];
	if (old != new)
		return new;
	/* Neither is seen for a moment while MariaDB alters the table: then the run alone tells. */
	if (!run->known)
		return old && !lk_features[f].by_run && odd;
	if (run->back)
		return false;
	if (run->done)
		return true;
	if (lk_features[f].when_done)
		return false;
	return run->gone || (run->wanted && odd);
}

static struct lk_release_way choose(const struct facts *facts, bool odd)
{
	struct lk_release_way way = {LK_RELEASE_OLD, 0};
	for (int f = 0; f < LK_FEATURES; f++)
		way.features |= (unsigned)takes_new(facts, (enum lk_feature)f, odd) << f;
	bool any_run = facts->runs[LK_FEATURE_RELEASE].known;
	if (lk_release_has(way, LK_FEATURE_RELEASE) || (!any_run && way.features))
		way.release = LK_RELEASE_NEW;
	return way;
}

bool lk_release_look(struct lk_link *link, struct lk_release_stage *stage, struct lk_error *error)
{
	struct facts facts = {0};
	bool journal = false;
	memset(stage, 0, sizeof *stage);
	if (!look_at_catalog(link, &facts, &journal, &stage->keeper, error) ||
	    (journal && !look_at_journal(link, &facts, &stage->begun, error)))
		return false;
	const struct run_facts *renaming = &facts.runs[LK_FEATURE_HANDLE];
	stage->untrusted = facts.old_works[LK_FEATURE_HANDLE] &&
			   (!renaming->known || renaming->back || !renaming->verified);
	for (int f = 0; f < LK_FEATURES; f++)
		stage->back |= (unsigned)facts.runs[f].back << f;
	stage->ways[0] = choose(&facts, false);
	stage->ways[1] = choose(&facts, true);
	return true;
}

struct lk_release_way lk_release_of(const struct lk_release_stage *stage, int number)
{
	return stage->ways[number % 2];
}

bool lk_release_mend(struct lk_link *link, unsigned features, struct lk_error *error)
{
	const struct lk_feature_terms *terms = link->dialect->release->features;
	struct lk_error ignored;
	bool mended = true;
	for (int f = 0; f < LK_FEATURES && mended; f++)
		if (features >> f & 1 && terms[f].mend)
			mended = lk_link_execute(link, terms[f].mend, error);
	if (!mended && lk_link_in_transaction(link))
		lk_link_execute(link, "ROLLBACK", &ignored);
	return mended;
}
