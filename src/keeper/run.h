/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pieces of run.c that keeper.c's timers call. */
#ifndef LK_KEEPER_RUN_H
#define LK_KEEPER_RUN_H

#include "keeper/keeper.h"

/* Each second: rates, histories, the throttle when no sample came. */
void lk_keeper_second(struct lk_keeper *keeper);
/* Works the throttle out anew and hands the pace to the worker. */
void lk_keeper_throttle(struct lk_keeper *keeper);

#endif
