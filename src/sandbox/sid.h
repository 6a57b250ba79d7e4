/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where servers lie that this system does not have: the folder that tests/server/sid.sh makes. */
#ifndef LK_SANDBOX_SID_H
#define LK_SANDBOX_SID_H

/*
 * A program in that folder, the caller's: $LOCKKEEPER_SID, for root /var/cache/lockkeeper/sid, else
 * lockkeeper/sid in $XDG_CACHE_HOME or ~/.cache. NULL when the folder is not there or not finished, or
 * does not hold it. `name` is relative to it: "bin/mysqld".
 */
char *lk_sid_program(const char *name);

#endif
