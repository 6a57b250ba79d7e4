/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the deployment looks at the catalog of MySQL and MariaDB and at the journal there. */
#include "sandbox/my_parts.h"

/*
 * A run is at its first step that is not done; a gate has been reached when it is that one or is done.
 */
static const char runs_sql[] =
	"WITH run AS ("
	" SELECT name, LOWER(JSON_EXTRACT(document, '$.steps')) AS steps, created_at AS since, state = 'done' AS done,"
	"  state IN ('undoing', 'undone') OR wanted = 'rollback' OR backward AS back"
	" FROM lockkeeper.run), "
	"step AS ("
	" SELECT run, number, name, verb, state,"
	"  MIN(CASE WHEN state <> 'done' THEN number END) OVER (PARTITION BY run) AS here"
	" FROM lockkeeper.step), "
	"state AS ("
	" SELECT run AS name, MAX(verb <> 'gate' AND state NOT IN ('pending', 'waiting')) AS begun,"
	"  MIN(CASE WHEN verb = 'verify' THEN state = 'done' END) AS verified,"
	"  MAX(verb = 'gate' AND (state = 'done' OR number = here)"
	"   AND name REGEXP '^(release-.*|new-release)$' AND name NOT LIKE '%-gone') AS wanted,"
	"  MAX(verb = 'gate' AND (state = 'done' AND name = 'contract'"
	"   OR (state = 'done' OR number = here) AND name REGEXP '^(release-.*|old-release)-gone$')) AS gone"
	" FROM step GROUP BY run) "
	"SELECT run.name IS NOT NULL, COALESCE(run.back, 0), COALESCE(run.done, 0),"
	" COALESCE(state.verified, 0), COALESCE(state.wanted, 0), COALESCE(state.gone, 0),"
	" COALESCE(state.begun, 0) "
	"FROM (" LK_RELEASE_PATTERNS ") f LEFT JOIN run ON run.name ="
	" (SELECT r.name FROM run r WHERE r.steps LIKE f.pattern ORDER BY r.since DESC LIMIT 1) "
	"LEFT JOIN state ON state.name = run.name ORDER BY f.number";

const struct lk_release_ops lk_my_release = {
	.features = lk_my_features,
	.catalog = lk_my_catalog_lists,
	.journal =
		"(SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'lockkeeper'"
		" AND table_name IN ('run', 'step')) = 2",
	.keeper = "EXISTS (SELECT 1 FROM performance_schema.session_connect_attrs"
		  " WHERE attr_name = 'program_name' AND attr_value LIKE 'lockkeeper:%')",
	.runs_sql = runs_sql,
	/* One of these variables is MariaDB's, the other MySQL's. */
	.watcher_sql = "SET @watches = 1 /*M!100100 , @@SESSION.max_statement_time = 2 */"
		       " /*!80000 , @@SESSION.max_execution_time = 2000 */",
};
