/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fills the snapshot that consoles see from the keeper's state. */
#ifndef LK_KEEPER_REPORT_H
#define LK_KEEPER_REPORT_H

#include "keeper/keeper.h"

void lk_report_fill(struct lk_keeper *keeper);
/* Fills it and sends it to all who follow. */
void lk_report_broadcast(struct lk_keeper *keeper);

#endif
