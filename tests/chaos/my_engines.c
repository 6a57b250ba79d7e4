/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>

#include "tests/chaos/engine.h"

const struct lk_chaos_engine *const lk_chaos_engines[] = {&lk_chaos_postgres, &lk_chaos_mariadb,
							  &lk_chaos_mysql, NULL};
