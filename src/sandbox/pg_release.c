/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the deployment looks at PostgreSQL's catalog and at the journal in it. */
#include "sandbox/pg_parts.h"

/*
 * Rows as JSON, so that the sandbox depends on the few members it reads and not on the journal's
 * shape. A run is at its first step that is not done; a gate has been reached when it is that one or
 * is done.
 */
static const char runs_sql[] =
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
	"SELECT (run.name IS NOT NULL)::int, coalesce(run.back, false)::int,"
	" coalesce(run.done, false)::int, coalesce(state.verified, false)::int,"
	" coalesce(state.wanted, false)::int, coalesce(state.gone, false)::int,"
	" coalesce(state.begun, false)::int "
	"FROM (" LK_RELEASE_PATTERNS ") f LEFT JOIN LATERAL ("
	" SELECT * FROM run WHERE steps LIKE f.pattern ORDER BY at DESC LIMIT 1) run ON true "
	"LEFT JOIN state ON state.name = run.name ORDER BY f.number";

const struct lk_release_ops lk_pg_release = {
	.features = lk_pg_features,
	.journal = "to_regclass('lockkeeper.run') IS NOT NULL AND"
		   " to_regclass('lockkeeper.step') IS NOT NULL",
	.keeper =
		"EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'lockkeeper:%')",
	.runs_sql = runs_sql,
	.watcher_sql = "SET statement_timeout = '2s'",
};
