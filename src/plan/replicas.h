/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replicas that a plan or a target of the settings lists, because the server does not tell where they are. */
#ifndef LK_PLAN_REPLICAS_H
#define LK_PLAN_REPLICAS_H

#include "base/yaml.h"
#include "plan/model.h"

/* As many as the watching of a run has room for. */
enum { LK_MOST_REPLICAS = 12 };

/*
 * Reads `replicas: [URI, …]` into *replicas, which is the caller's. `target` is the URI of the server that they
 * replicate, or NULL where it is not known. Each mistake is a problem of the reader's, and its URI is left out.
 */
void lk_replicas_read(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		      const char *target, struct lk_names *replicas);

#endif
