/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The application's own figures, from a JSON file that it rewrites (a target's setting `application`). */
#ifndef LK_KEEPER_APPLICATION_H
#define LK_KEEPER_APPLICATION_H

#include "control/snapshot.h"

/* Fills snapshot->application; unknown when the file is not there or not readable. */
void lk_application_read(const char *path, struct lk_snapshot *snapshot);

#endif
