/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Folders of seeds whose process was killed, with the keepers that wait in them for a server for ever. */
#ifndef LK_TESTS_CHAOS_LEFTOVERS_H
#define LK_TESTS_CHAOS_LEFTOVERS_H

#define LK_CHAOS_PREFIX "/tmp/lk-chaos-"
/* A file in a folder that is to stay. */
#define LK_CHAOS_KEPT "kept"

/* Locks a folder for as long as this process lives; the descriptor, -1 when somebody else has it. */
int lk_chaos_lock(const char *folder);
/* Ends keepers in, and removes, every folder of ours that nobody has locked and that is not kept. */
void lk_chaos_leftovers_remove(void);

#endif
