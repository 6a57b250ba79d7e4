/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/sid.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"

/* As in tests/server/sid.sh. The servers of root run as another user, who cannot enter root's own folders. */
static char *folder(void)
{
	const char *given = getenv("LOCKKEEPER_SID");
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	if (given && given[0])
		return lk_strdup(given);
	if (geteuid() == 0)
		return lk_strdup("/var/cache/lockkeeper/sid");
	if (cache && cache[0])
		return lk_path_join(cache, "lockkeeper/sid");
	return home ? lk_path_join(home, ".cache/lockkeeper/sid") : NULL;
}

char *lk_sid_program(const char *name)
{
	char *where = folder();
	char *versions = where ? lk_path_join(where, "versions") : NULL;
	char *program = where ? lk_path_join(where, name) : NULL;
	if (where && (access(versions, F_OK) != 0 || access(program, X_OK) != 0)) {
		free(program);
		program = NULL;
	}
	free(versions);
	free(where);
	return program;
}
