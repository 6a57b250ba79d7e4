/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which metadata locks stand in whose way (MySQL's sql/mdl.cc, "Compatibility (or conflict) rules"; MariaDB has
 * the same for tables, and locks of its own for backups). Pure.
 */
#ifndef LK_WATCH_MY_METADATA_H
#define LK_WATCH_MY_METADATA_H

#include <stdbool.h>

struct lk_my_metadata_lock {
	int pid;
	char kind[24]; /* TABLE, SCHEMA, GLOBAL, COMMIT, BACKUP, BACKUP LOCK, USER LEVEL LOCK, … */
	char object[96]; /* "shop.users"; "" for what the whole server has once */
	char type[36];	 /* SHARED_WRITE, EXCLUSIVE, …, without MDL_ in front */
	bool granted;
};

/* Whether `wanted`, which is not granted, waits for `other`: for a lock that is held, or for one that is waited
 * for and goes first. Both are of different sessions. */
bool lk_my_metadata_blocks(const struct lk_my_metadata_lock *wanted,
			   const struct lk_my_metadata_lock *other);

#endif
