/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A run's state for a shell: a few lines, or the whole snapshot as JSON. */
#ifndef LK_CLI_STATUS_H
#define LK_CLI_STATUS_H

#include "control/snapshot.h"

void lk_status_print(const struct lk_snapshot *snapshot, bool json);

#endif
