/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console's line to a keeper: attaches, hands what comes to the model, sends the model's
 * requests, and when the keeper has gone tries again every second. Never waits but for the hello of
 * a keeper that has just accepted the connection.
 */
#ifndef LK_UI_LINK_H
#define LK_UI_LINK_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ui/console.h"
#include "ui/model/model.h"

struct lk_link;

/* Both must outlive the link. */
struct lk_link *lk_link_new(const struct lk_console_options *options, struct lk_model *model);
void lk_link_free(struct lk_link *link);
/* Connects to a keeper and asks for snapshots and events; an earlier keeper is left. */
bool lk_link_attach(struct lk_link *link, const char *socket_path, struct lk_error *error);
/* Leaves the keeper that is attached, if there is one, and looks for none. */
void lk_link_leave(struct lk_link *link);
struct pollfd lk_link_poll(const struct lk_link *link);
/* Reads, writes and connects again as is due. True when something came that should be drawn at
 * once. */
bool lk_link_work(struct lk_link *link, int64_t now_us);
/* The run's name, "" before the first hello. */
const char *lk_link_run(const struct lk_link *link);

#endif
