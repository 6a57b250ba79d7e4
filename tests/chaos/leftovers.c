/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "tests/chaos/world.h"

/* One that was made just now may not be locked yet. */
enum { OLD_S = 60 };

int lk_chaos_lock(const char *folder)
{
	char *path = lk_path_join(folder, "lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool is_left(const char *folder)
{
	struct stat info;
	char *kept = lk_path_join(folder, LK_CHAOS_KEPT);
	bool left = lstat(folder, &info) == 0 && S_ISDIR(info.st_mode) &&
		    info.st_uid == geteuid() && time(NULL) - info.st_mtime > OLD_S &&
		    access(kept, F_OK) != 0;
	free(kept);
	return left;
}

static void remove_one(const char *folder)
{
	struct lk_error ignored;
	struct lk_chaos_world *world = lk_alloc(sizeof *world);
	int lock = lk_chaos_lock(folder);
	for (int i = 0; lock >= 0 && i < LK_CHAOS_PEOPLE; i++) {
		lk_chaos_home_name(folder, i, world->homes[i], sizeof world->homes[i]);
		pid_t keeper = lk_chaos_keeper(world, i);
		if (keeper > 0)
			kill(keeper, SIGKILL);
	}
	if (lock >= 0) {
		lk_path_remove_tree(folder, &ignored);
		close(lock);
	}
	free(world);
}

void lk_chaos_leftovers_remove(void)
{
	DIR *listing = opendir("/tmp");
	for (struct dirent *entry; listing && (entry = readdir(listing));) {
		char folder[80];
		snprintf(folder, sizeof folder, "/tmp/%.60s", entry->d_name);
		if (strncmp(folder, LK_CHAOS_PREFIX, strlen(LK_CHAOS_PREFIX)) == 0 &&
		    is_left(folder))
			remove_one(folder);
	}
	if (listing)
		closedir(listing);
}
