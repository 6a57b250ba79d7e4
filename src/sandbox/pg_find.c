/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the server's programs are, and who may run them. */
#include "sandbox/pg_daemon.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static bool has_programs(const char *folder)
{
	static const char *const programs[] = {"initdb", "postgres", "pg_basebackup"};
	for (size_t i = 0; i < LK_COUNT(programs); i++) {
		char *path = lk_format("%s/%s", folder, programs[i]);
		bool there = access(path, X_OK) == 0;
		free(path);
		if (!there)
			return false;
	}
	return true;
}

static bool take(struct lk_postgres *postgres, const char *folder)
{
	if (strlen(folder) >= sizeof postgres->bin || !has_programs(folder))
		return false;
	LK_COPY(postgres->bin, folder);
	return true;
}

/* The version in /usr/lib/postgresql/15/bin or /usr/pgsql-15/bin. */
static double version_in(const char *path)
{
	const char *digits = strpbrk(path, "0123456789");
	return digits ? strtod(digits, NULL) : 0;
}

static bool find_newest(struct lk_postgres *postgres)
{
	glob_t found = {0};
	const char *best = NULL;
	glob("/usr/lib/postgresql/*/bin", 0, NULL, &found);
	glob("/usr/lib/postgresql*/bin", GLOB_APPEND, NULL, &found);
	glob("/usr/pgsql-*/bin", GLOB_APPEND, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		if (has_programs(path) && (!best || version_in(path) > version_in(best)))
			best = path;
	}
	bool taken = best && take(postgres, best);
	globfree(&found);
	return taken;
}

static bool find_by_pg_config(struct lk_postgres *postgres)
{
	char line[256] = "";
	FILE *output = popen("pg_config --bindir 2>/dev/null", "re");
	if (!output)
		return false;
	bool read = fgets(line, sizeof line, output) != NULL;
	pclose(output);
	line[strcspn(line, "\n")] = '\0';
	return read && take(postgres, line);
}

static bool find_in_path(struct lk_postgres *postgres)
{
	const char *path = getenv("PATH");
	char *copy = lk_strdup(path ? path : "");
	char *rest = NULL;
	bool taken = false;
	for (char *p = strtok_r(copy, ":", &rest); p && !taken; p = strtok_r(NULL, ":", &rest))
		taken = take(postgres, p);
	free(copy);
	return taken;
}

bool lk_postgres_find(struct lk_postgres *postgres, struct lk_error *error)
{
	memset(postgres, 0, sizeof *postgres);
	const char *given = getenv("LOCKKEEPER_PG_BINDIR");
	if (given && given[0]) {
		if (!take(postgres, given))
			return lk_fail(error, LK_ERROR_SYSTEM,
				       "LOCKKEEPER_PG_BINDIR is %s, but initdb, postgres and "
				       "pg_basebackup are not there",
				       given);
	} else if (!find_newest(postgres) && !find_by_pg_config(postgres) &&
		   !find_in_path(postgres)) {
		return lk_fail(error, LK_ERROR_SYSTEM,
			       "the programs of a PostgreSQL server (initdb, postgres, "
			       "pg_basebackup) were "
			       "not found; install the server or set LOCKKEEPER_PG_BINDIR to their "
			       "folder");
	}
	return lk_program_find_user("postgres", "PostgreSQL", &postgres->as, error);
}
