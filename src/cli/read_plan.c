/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/read_plan.h"

#include "db/session.h"
#include "plan/file.h"
#include "settings/settings.h"

enum lk_engine lk_cli_engine(const char *uri)
{
	struct lk_error ignored;
	const struct lk_driver *driver = lk_driver_for(uri, &ignored);
	return driver ? driver->engine : LK_ENGINE_POSTGRES;
}

/* Whatever is wrong with the settings or the name is told by who needs the target. */
static enum lk_engine engine_of_target(const char *target)
{
	struct lk_settings settings;
	struct lk_problems ignored_problems = {0};
	const struct lk_settings_target *found;
	struct lk_error ignored;
	const char *uri;
	enum lk_engine engine = LK_ENGINE_POSTGRES;
	if (target && lk_settings_read(NULL, &settings, &ignored_problems) &&
	    lk_settings_resolve(&settings, target, &uri, &found, &ignored))
		engine = lk_cli_engine(uri);
	if (target)
		lk_settings_free(&settings);
	lk_problems_free(&ignored_problems);
	return engine;
}

static const char *replica_of(const struct lk_plan *plan)
{
	return plan->replicas.count > 0 ? plan->replicas.list[0] : NULL;
}

bool lk_cli_read_plan(const char *path, const char *target, struct lk_plan *plan,
		      struct lk_problems *problems, struct lk_problems *notes)
{
	if (!lk_plan_read(path, plan, problems))
		return false;
	if (!target)
		target = plan->target ? plan->target : replica_of(plan);
	enum lk_engine engine = engine_of_target(target);
	if (lk_risk_check_plan(plan, engine, problems, notes))
		return true;
	lk_plan_free(plan);
	return false;
}
