/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/feature.h"

const struct lk_feature_facts lk_features[LK_FEATURES] = {
	[LK_FEATURE_RELEASE] = {.by_run = true},      [LK_FEATURE_FAX] = {.by_run = true},
	[LK_FEATURE_NAMED] = {.by_run = true},	      [LK_FEATURE_STATUS] = {.when_done = true},
	[LK_FEATURE_RECENT] = {.when_done = true},    [LK_FEATURE_NEWEST] = {.by_run = true},
	[LK_FEATURE_STARS] = {.when_done = true},     [LK_FEATURE_CASCADE] = {.when_done = true},
	[LK_FEATURE_ONE_EMAIL] = {.when_done = true}, [LK_FEATURE_LONG_BODY] = {.when_done = true},
};
