/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The played keeper's side of the loop; tests use harness.h. */
#ifndef LK_TESTS_KEEPER_H
#define LK_TESTS_KEEPER_H

#include <poll.h>

#include "tests/screen/harness.h"

/* Fills 1 + KEEPER_CLIENTS entries. */
void keeper_poll(const struct keeper *keeper, struct pollfd *fds);
void keeper_work(struct keeper *keeper);

#endif
