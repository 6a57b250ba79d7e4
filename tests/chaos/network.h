/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Namespaces of the system (network_namespaces(7), mount_namespaces(7)): what is done in them is seen
 * by nobody else and is gone with the process. All of it needs privileges; without them the functions
 * yield false and a sentence.
 */
#ifndef LK_TESTS_CHAOS_NETWORK_H
#define LK_TESTS_CHAOS_NETWORK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* The primary's address on the cable between its namespace and the keeper's. */
#define LK_CHAOS_ADDRESS "10.77.0.1"
#define LK_CHAOS_NETWORK "10.77.0.0/24"

/* Mounts of this process are its own from here on. */
bool lk_chaos_own_mounts(struct lk_error *error);
/* A memory file system of so many KiB on a folder. */
bool lk_chaos_small_disk(const char *folder, int kib, struct lk_error *error);

/*
 * A network namespace for this process and one behind it, joined by a cable. *behind is a process that
 * stays in the second one until it is killed.
 */
bool lk_chaos_network_open(pid_t *behind, struct lk_error *error);
/* Enters the namespace of that process; for a child between fork and exec. */
bool lk_chaos_network_enter(pid_t behind);
/* Pulls the cable, or plugs it in again. Nobody is told: packets are lost. */
bool lk_chaos_pull_cable(bool pull, struct lk_error *error);

#endif
