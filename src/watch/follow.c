/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/follow.h"

static const struct lk_follow_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_MYSQL] = &lk_my_follow,
};

const struct lk_follow_ops *lk_follow_for(const char *uri)
{
	struct lk_error ignored;
	const struct lk_driver *driver = lk_driver_for(uri, &ignored);
	return driver ? engines[driver->engine] : NULL;
}
