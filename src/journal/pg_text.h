/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LK_JOURNAL_PG_TEXT_H
#define LK_JOURNAL_PG_TEXT_H

/* A timestamptz column as milliseconds since 1970 UTC. */
#define LK_PG_WALL_MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

#endif
