/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clients of the control socket ask for. */
#ifndef LK_KEEPER_REQUEST_H
#define LK_KEEPER_REQUEST_H

#include "keeper/keeper.h"

extern const struct lk_server_handler lk_request_handler;

#endif
