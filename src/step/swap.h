/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the plan says of a swap_columns. */
#ifndef LK_STEP_SWAP_H
#define LK_STEP_SWAP_H

#include "plan/model.h"

/* The dual write whose columns step `number` exchanges, NULL when none is under way; *swapped: whether the
 * plan has exchanged their names before. */
const struct lk_step *lk_swap_dual_write(const struct lk_plan *plan, size_t number, bool *swapped);

#endif
