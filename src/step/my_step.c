/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_step.h"

const struct lk_step_ops lk_my_steps = {
	.verbs =
		{
			[LK_VERB_BACKFILL] = &lk_my_verb_backfill,
		},
};
