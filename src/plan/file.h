/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plan files (YAML, one change per file) into the model; every mistake of a file is reported at once. */
#ifndef LK_PLAN_FILE_H
#define LK_PLAN_FILE_H

#include "base/yaml.h"
#include "plan/model.h"

/* Larger files are refused unread. */
#define LK_PLAN_FILE_LIMIT (1024 * 1024)

/*
 * Reads and checks a plan. On success *plan is the caller's (lk_plan_free) and is not completed yet
 * (lk_plan_complete). On failure *plan is empty and *problems holds at least one entry, each with file,
 * line, column, the offending word and, where one is near, the legal word that was probably meant.
 */
bool lk_plan_read(const char *path, struct lk_plan *plan, struct lk_problems *problems);
/* The same from memory; `path` is used in messages only. */
bool lk_plan_parse(const char *path, const char *text, size_t length, struct lk_plan *plan,
		   struct lk_problems *problems);

#endif
