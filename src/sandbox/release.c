/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/release.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "sandbox/postgres.h"

/* How far the newest run that mentions a feature has come. */
struct run_facts {
	bool known, back, done, verified, wanted, gone;
};

struct facts {
	bool old_works[LK_FEATURES], new_works[LK_FEATURES];
	struct run_facts runs[LK_FEATURES];
};

/*
 * Rows as JSON, so that the sandbox depends on the few members it reads and not on the journal's
 * shape. A run is at its first step that is not done; a gate has been reached when it is that one or
 * is done.
 */
static const char journal_sql[] =
	"WITH run AS MATERIALIZED ("
	" SELECT coalesce(r ->> 'name', '') AS name, coalesce(r -> 'document' ->> 'steps', '') AS steps,"
	"  r ->> 'created_at' AS at, r ->> 'state' = 'done' AS done,"
	"  r ->> 'state' IN ('undoing', 'undone') OR coalesce(r ->> 'wanted', '') = 'rollback'"
	"   OR coalesce(r ->> 'backward', '') = 'true' AS back"
	" FROM (SELECT to_jsonb(x) AS r FROM lockkeeper.run x) x), "
	"step AS MATERIALIZED ("
	" SELECT s ->> 'run' AS run, (s ->> 'number')::int AS number, s ->> 'name' AS name,"
	"  s ->> 'verb' AS verb, s ->> 'state' AS state,"
	"  min((s ->> 'number')::int) FILTER (WHERE s ->> 'state' <> 'done')"
	"   OVER (PARTITION BY s ->> 'run') AS current"
	" FROM (SELECT to_jsonb(x) AS s FROM lockkeeper.step x) x), "
	"state AS MATERIALIZED ("
	" SELECT run.name,"
	"  bool_or(verb <> 'gate' AND state NOT IN ('pending', 'waiting')) AS begun,"
	"  bool_and(state = 'done') FILTER (WHERE verb = 'verify') AS verified,"
	"  bool_or(verb = 'gate' AND (state = 'done' OR number = current)"
	"   AND step.name ~ '^(release-.*|new-release)$' AND step.name NOT LIKE '%-gone') AS wanted,"
	"  bool_or(verb = 'gate' AND (state = 'done' AND step.name = 'contract'"
	"   OR (state = 'done' OR number = current) AND step.name ~ '^(release-.*|old-release)-gone$'))"
	"   AS gone"
	" FROM run JOIN step ON step.run = run.name GROUP BY run.name) "
	"SELECT f.number, run.name IS NOT NULL, coalesce(run.back, false), coalesce(run.done, false),"
	" coalesce(state.verified, false), coalesce(state.wanted, false), coalesce(state.gone, false),"
	" coalesce(state.begun, false) "
	"FROM unnest($1::text[]) WITH ORDINALITY f(pattern, number) LEFT JOIN LATERAL ("
	" SELECT * FROM run WHERE steps LIKE f.pattern ORDER BY at DESC LIMIT 1) run ON true "
	"LEFT JOIN state ON state.name = run.name ORDER BY f.number";

static bool truth(const PGresult *result, int row, int column)
{
	return PQgetvalue(result, row, column)[0] == 't';
}

static char *catalog_sql(void)
{
	struct lk_buffer sql = {0};
	lk_buffer_addf(&sql, "SELECT to_regclass('lockkeeper.run') IS NOT NULL AND"
			     " to_regclass('lockkeeper.step') IS NOT NULL,"
			     " EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE"
			     " 'lockkeeper:%%')");
	for (int f = 0; f < LK_FEATURES; f++)
		lk_buffer_addf(&sql, ", %s, %s",
			       lk_features[f].old_works ? lk_features[f].old_works : "true",
			       lk_features[f].new_works ? lk_features[f].new_works : "true");
	return lk_buffer_take(&sql);
}

static bool look_at_catalog(PGconn *connection, struct facts *facts, bool *journal, bool *keeper,
			    struct lk_error *error)
{
	char *sql = catalog_sql();
	PGresult *result = PQexec(connection, sql);
	bool read = PQresultStatus(result) == PGRES_TUPLES_OK ||
		    lk_postgres_failed(connection, result, error);
	if (read) {
		*journal = truth(result, 0, 0);
		*keeper = truth(result, 0, 1);
	}
	for (int f = 0; f < LK_FEATURES && read; f++) {
		facts->old_works[f] = truth(result, 0, 2 + 2 * f);
		facts->new_works[f] = truth(result, 0, 3 + 2 * f);
	}
	PQclear(result);
	free(sql);
	return read;
}

static bool look_at_journal(PGconn *connection, struct facts *facts, bool *begun,
			    struct lk_error *error)
{
	struct lk_buffer list = {0};
	for (int f = 0; f < LK_FEATURES; f++)
		lk_buffer_addf(&list, "%s\"%s\"", f ? "," : "{", lk_features[f].mentioned);
	lk_buffer_addf(&list, "}");
	const char *const values[] = {lk_buffer_text(&list)};
	PGresult *result = PQexecParams(connection, journal_sql, 1, NULL, values, NULL, NULL, 0);
	bool read = PQresultStatus(result) == PGRES_TUPLES_OK ||
		    lk_postgres_failed(connection, result, error);
	for (int f = 0; f < LK_FEATURES && read; f++)
		facts->runs[f] = (struct run_facts){truth(result, f, 1), truth(result, f, 2),
						    truth(result, f, 3), truth(result, f, 4),
						    truth(result, f, 5), truth(result, f, 6)};
	*begun = read && truth(result, LK_FEATURE_RELEASE, 7);
	PQclear(result);
	lk_buffer_free(&list);
	return read;
}

/* Whether connections whose number is odd or not follow the new way. */
static bool takes_new(const struct facts *facts, enum lk_feature f, bool odd)
{
	const struct run_facts *run = &facts->runs[f];
	bool must = !facts->old_works[f], can = facts->new_works[f];
	if (must || !can)
		return must && can;
	if (!run->known)
		return !lk_features[f].by_run && odd;
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

bool lk_release_look(PGconn *connection, struct lk_release_stage *stage, struct lk_error *error)
{
	struct facts facts = {0};
	bool journal = false;
	memset(stage, 0, sizeof *stage);
	if (!look_at_catalog(connection, &facts, &journal, &stage->keeper, error) ||
	    (journal && !look_at_journal(connection, &facts, &stage->begun, error)))
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

bool lk_release_mend(PGconn *connection, unsigned features, struct lk_error *error)
{
	bool mended = true;
	for (int f = 0; f < LK_FEATURES && mended; f++)
		if (features >> f & 1 && lk_features[f].mend)
			mended = lk_postgres_execute(connection, lk_features[f].mend, error);
	return mended;
}
