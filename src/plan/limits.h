/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds the work back: read from plans and settings, the nearer one wins. */
#ifndef LK_PLAN_LIMITS_H
#define LK_PLAN_LIMITS_H

#include "base/yaml.h"
#include "plan/model.h"

/* Reads `limits: {lag, lock_wait, chunk_time, running, history, probe: {sql, limit}}`. What is not given
 * stays as it is (zero: not given). False and problems when anything is wrong. */
bool lk_limits_read(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		    struct lk_limits *limits);
/* Fills what is not given in *limits from `fallback` (the probe is copied). */
void lk_limits_merge(struct lk_limits *limits, const struct lk_limits *fallback);
/* The built-in limits; nothing in it to free. */
struct lk_limits lk_limits_default(void);
void lk_limits_free(struct lk_limits *limits);

#endif
