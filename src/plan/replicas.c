/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/replicas.h"

#include <string.h>

#include "base/memory.h"
#include "base/uri.h"

static bool is_there(const struct lk_names *replicas, const char *uri)
{
	for (size_t i = 0; i < replicas->count; i++)
		if (strcmp(replicas->list[i], uri) == 0)
			return true;
	return false;
}

void lk_replicas_read(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		      const char *target, struct lk_names *replicas)
{
	if (node->kind != LK_YAML_SEQUENCE || node->count == 0) {
		lk_yaml_problem(reader, node,
				"replicas is a list of URIs: [\"mysql://user@host:3306\"]");
		return;
	}
	if (node->count > LK_MOST_REPLICAS) {
		lk_yaml_problem(reader, node, "replicas has more than %d URIs", LK_MOST_REPLICAS);
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		struct lk_error error = {0};
		const char *uri = lk_yaml_text(reader, node->members[i], "a replica's URI");
		if (!uri)
			continue;
		if (!lk_uri_check_replica(uri, target, &error))
			lk_yaml_problem(reader, node->members[i], "a replica: %s", error.text);
		else if (is_there(replicas, uri))
			lk_yaml_problem(reader, node->members[i], "this replica is there twice");
		else
			*LK_PUSH(replicas->list, replicas->count) = lk_strdup(uri);
	}
}
