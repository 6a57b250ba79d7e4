/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

/* Room that a socket's file name ("RUN.sock") may need after the folder. */
#define SOCKET_NAME_ROOM 48

static const char *home_folder(void)
{
	const char *home = getenv("HOME");
	if (home && home[0] == '/')
		return home;
	const struct passwd *user = getpwuid(getuid());
	return user && user->pw_dir ? user->pw_dir : "/";
}

/* Relative XDG paths are invalid by the specification and ignored. */
static char *xdg_folder(const char *variable, const char *fallback)
{
	const char *base = getenv(variable);
	if (base && base[0] == '/')
		return lk_path_join(base, "lockkeeper");
	return lk_format("%s/%s/lockkeeper", home_folder(), fallback);
}

char *lk_path_config(void)
{
	return xdg_folder("XDG_CONFIG_HOME", ".config");
}

char *lk_path_state(void)
{
	return xdg_folder("XDG_STATE_HOME", ".local/state");
}

static bool private_folder(const char *folder, struct lk_error *error)
{
	struct stat info;
	if (!lk_path_make(folder, 0700, error))
		return false;
	if (lstat(folder, &info) != 0)
		return lk_fail_errno(error, errno, "%s", folder);
	if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid())
		return lk_fail(error, LK_ERROR_REFUSED, "%s is not a folder of yours", folder);
	if ((info.st_mode & 077) != 0 && chmod(folder, 0700) != 0)
		return lk_fail_errno(error, errno, "%s is open to other users", folder);
	return true;
}

char *lk_path_sockets(struct lk_error *error)
{
	char *state = lk_path_state();
	char *folder = lk_path_join(state, "run");
	free(state);
	if (strlen(folder) + SOCKET_NAME_ROOM > sizeof((struct sockaddr_un *)0)->sun_path) {
		free(folder);
		folder = lk_format("/tmp/lockkeeper-%u", (unsigned)geteuid());
	}
	if (private_folder(folder, error))
		return folder;
	free(folder);
	return NULL;
}

char *lk_path_join(const char *folder, const char *name)
{
	return lk_format("%s/%s", folder, name);
}

bool lk_path_make(const char *folder, unsigned mode, struct lk_error *error)
{
	char *path = lk_strdup(folder);
	bool made = true;
	for (char *p = path + 1; made && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		made = mkdir(path, mode) == 0 || errno == EEXIST;
		*p = '/';
	}
	made = made && (mkdir(path, mode) == 0 || errno == EEXIST);
	if (!made)
		lk_fail_errno(error, errno, "cannot create the folder %s", folder);
	free(path);
	return made;
}

char *lk_path_read(const char *path, size_t limit, size_t *length, struct lk_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;
	if (fd < 0 || fstat(fd, &info) != 0) {
		lk_fail_errno(error, errno, "%s", path);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (S_ISDIR(info.st_mode)) {
		lk_fail(error, LK_ERROR_SYSTEM, "%s: is a folder, not a file", path);
		close(fd);
		return NULL;
	}
	char *bytes = NULL;
	size_t count = 0, capacity = 0;
	ssize_t n = 0;
	do {
		count += (size_t)n;
		if (count + 1 >= capacity) {
			capacity = capacity ? capacity * 2 : 8192;
			bytes = lk_realloc(bytes, capacity, 1);
		}
		n = read(fd, bytes + count, capacity - count - 1);
	} while (n > 0 && count + (size_t)n <= limit);
	int number = errno;
	close(fd);
	if (n == 0) {
		bytes[count] = '\0';
		if (length)
			*length = count;
		return bytes;
	}
	free(bytes);
	if (n < 0)
		lk_fail_errno(error, number, "%s", path);
	else
		lk_fail(error, LK_ERROR_REFUSED, "%s is larger than the limit of %zu kB", path,
			limit / 1024);
	return NULL;
}

bool lk_path_write(const char *path, const char *bytes, size_t length, struct lk_error *error)
{
	char *beside = lk_format("%s.XXXXXX", path);
	int fd = mkostemp(beside, O_CLOEXEC);
	bool written = fd >= 0;
	for (size_t done = 0; written && done < length;) {
		ssize_t n = write(fd, bytes + done, length - done);
		written = n > 0;
		done += written ? (size_t)n : 0;
	}
	int number = errno;
	if (fd >= 0)
		close(fd);
	if (written && rename(beside, path) != 0) {
		number = errno;
		written = false;
	}
	if (!written) {
		lk_fail_errno(error, number, "cannot write %s", path);
		if (fd >= 0)
			unlink(beside);
	}
	free(beside);
	return written;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info;
	(void)type;
	(void)walk;
	return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

bool lk_path_remove_tree(const char *folder, struct lk_error *error)
{
	if (nftw(folder, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ||
	    errno == ENOENT)
		return true;
	return lk_fail_errno(error, errno, "cannot remove %s", folder);
}
