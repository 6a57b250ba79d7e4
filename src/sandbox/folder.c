/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"

/* "/db/.s.PGSQL.5432" and the six characters of mkdtemp, with room for the lock's name beside the
 * socket. */
#define NAME_ROOM 32
/* A folder without a lock is being made; after this many seconds its maker has died. */
#define YOUNG_S 60
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-"

static const char *base_folder(const char *prefix)
{
	const char *base = getenv("TMPDIR");
	struct stat info;
	if (!base || base[0] != '/' || stat(base, &info) != 0 || !S_ISDIR(info.st_mode))
		return "/tmp";
	if (strlen(base) + strlen(prefix) + NAME_ROOM > sizeof((struct sockaddr_un *)0)->sun_path)
		return "/tmp";
	/* The path goes into URIs and settings, where other characters would need quoting. */
	if (base[strspn(base, PLAIN)] != '\0')
		return "/tmp";
	return base;
}

/* The lock appears under its name when it is already held, so a half-made folder never looks dead.
 */
static int make_lock(const char *folder, struct lk_error *error)
{
	char *path = lk_path_join(folder, "lock");
	char *early = lk_path_join(folder, "lock.new");
	int fd = open(early, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || rename(early, path) != 0) {
		lk_fail_errno(error, errno, "cannot lock %s", folder);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	free(early);
	free(path);
	return fd;
}

static bool make_inside(struct lk_folder *folder, uid_t owner, gid_t group, struct lk_error *error)
{
	if (mkdir(folder->servers, 0700) != 0)
		return lk_fail_errno(error, errno, "cannot create %s", folder->servers);
	if (owner != geteuid() &&
	    (chown(folder->servers, owner, group) != 0 || chmod(folder->path, 0711) != 0))
		return lk_fail_errno(error, errno, "cannot give %s to the servers' user",
				     folder->servers);
	folder->lock = make_lock(folder->path, error);
	return folder->lock >= 0;
}

bool lk_folder_make(const char *prefix, uid_t owner, gid_t group, struct lk_folder *folder,
		    struct lk_error *error)
{
	memset(folder, 0, sizeof *folder);
	folder->lock = -1;
	snprintf(folder->path, sizeof folder->path, "%s/%s-XXXXXX", base_folder(prefix), prefix);
	if (!mkdtemp(folder->path))
		return lk_fail_errno(error, errno, "cannot create the folder %s", folder->path);
	snprintf(folder->servers, sizeof folder->servers, "%s/db", folder->path);
	if (make_inside(folder, owner, group, error))
		return true;
	struct lk_error ignored;
	lk_path_remove_tree(folder->path, &ignored);
	return false;
}

/* A server's last children may still write while the tree is removed; they end within moments. */
static bool remove_patiently(const char *path, struct lk_error *error)
{
	int64_t deadline = lk_clock_us() + 3000000;
	while (!lk_path_remove_tree(path, error)) {
		if (lk_clock_us() > deadline)
			return false;
		lk_sleep_ms(20);
	}
	lk_error_clear(error);
	return true;
}

bool lk_folder_close(struct lk_folder *folder, bool keep, struct lk_error *error)
{
	bool removed = keep || remove_patiently(folder->path, error);
	if (folder->lock >= 0)
		close(folder->lock);
	folder->lock = -1;
	return removed;
}

/* Whether one argument of the process is exactly the data folder, behind its option's name. */
static bool process_serves(pid_t pid, const char *option, const char *data)
{
	struct lk_error ignored;
	size_t length = 0, n = strlen(option);
	char *path = lk_format("/proc/%d/cmdline", (int)pid);
	char *arguments = lk_path_read(path, 65536, &length, &ignored);
	bool found = false;
	free(path);
	if (!arguments)
		return false;
	for (size_t at = 0; at < length && !found; at += strlen(arguments + at) + 1)
		found = strncmp(arguments + at, option, n) == 0 &&
			strcmp(arguments + at + n, data) == 0;
	free(arguments);
	return found;
}

static pid_t server_of(const char *data, const char *pid_file, const char *option)
{
	struct lk_error ignored;
	char *text = lk_path_read(pid_file, 4096, NULL, &ignored);
	long pid = text ? strtol(text, NULL, 10) : 0;
	free(text);
	return pid > 1 && process_serves((pid_t)pid, option, data) ? (pid_t)pid : 0;
}

/* Servers differ in where they write their number and in the option that names the folder. */
pid_t lk_folder_server(const char *data)
{
	char *postmaster = lk_format("%s/postmaster.pid", data),
	     *beside = lk_format("%s.pid", data);
	pid_t pid = server_of(data, postmaster, "");
	if (pid == 0)
		pid = server_of(data, beside, "--datadir=");
	free(postmaster);
	free(beside);
	return pid;
}

/* A child of ours has to be collected before its number is free; other processes vanish by
 * themselves. */
static bool gone(pid_t pid)
{
	if (waitpid(pid, NULL, WNOHANG) == pid)
		return true;
	return kill(pid, 0) != 0 && errno == ESRCH;
}

void lk_folder_end_server(pid_t pid)
{
	static const int signals[] = {SIGQUIT, SIGKILL};
	for (size_t i = 0; i < LK_COUNT(signals); i++) {
		kill(pid, signals[i]);
		kill(pid, SIGCONT);
		int64_t deadline = lk_clock_us() + 5000000;
		while (lk_clock_us() < deadline) {
			if (gone(pid))
				return;
			lk_sleep_ms(5);
		}
	}
}

void lk_folder_end_servers(const char *servers)
{
	DIR *entries = opendir(servers);
	if (!entries)
		return;
	for (struct dirent *entry; (entry = readdir(entries));) {
		if (entry->d_name[0] == '.')
			continue;
		char *data = lk_path_join(servers, entry->d_name);
		pid_t pid = lk_folder_server(data);
		if (pid > 0)
			lk_folder_end_server(pid);
		free(data);
	}
	closedir(entries);
}

static bool owner_is_dead(const char *path, const struct stat *info, int *lock)
{
	char *name = lk_path_join(path, "lock");
	*lock = open(name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	free(name);
	if (*lock < 0)
		return errno == ENOENT && info->st_mtime + YOUNG_S < time(NULL);
	return flock(*lock, LOCK_EX | LOCK_NB) == 0;
}

static bool remove_leftover(const char *path)
{
	struct stat info;
	struct lk_error error;
	int lock = -1;
	if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
		return false;
	bool removed = false;
	if (owner_is_dead(path, &info, &lock)) {
		char *servers = lk_path_join(path, "db");
		char *keep = lk_path_join(path, "keep");
		lk_folder_end_servers(servers);
		removed = access(keep, F_OK) != 0 && remove_patiently(path, &error);
		free(keep);
		free(servers);
	}
	if (lock >= 0)
		close(lock);
	return removed;
}

int lk_folder_remove_leftovers(const char *prefix)
{
	const char *base = base_folder(prefix);
	size_t length = strlen(prefix);
	DIR *entries = opendir(base);
	int removed = 0;
	if (!entries)
		return 0;
	for (struct dirent *entry; (entry = readdir(entries));) {
		const char *name = entry->d_name;
		if (strncmp(name, prefix, length) != 0 || name[length] != '-' ||
		    strlen(name) != length + 7)
			continue;
		char *path = lk_path_join(base, name);
		removed += remove_leftover(path);
		free(path);
	}
	closedir(entries);
	return removed;
}
