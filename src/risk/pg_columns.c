/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/memory.h"
#include "risk/pg_parse.h"
#include "risk/pg_risk.h"

struct names {
	char **list;
	size_t count;
};

static void add_name(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->list[i], name) == 0)
			return;
	*LK_PUSH(names->list, names->count) = lk_strdup(name);
}

static void collect(const json_t *node, struct names *names)
{
	const char *key;
	json_t *value;
	size_t index;
	json_array_foreach ((json_t *)(size_t)node, index, value)
		collect(value, names);
	json_object_foreach ((json_t *)(size_t)node, key, value) {
		if (strcmp(key, "ColumnRef") != 0) {
			collect(value, names);
			continue;
		}
		const json_t *fields = json_object_get(value, "fields");
		const json_t *last = json_array_get(fields, json_array_size(fields) - 1);
		const json_t *name = json_object_get(last, "String");
		add_name(names, name ? lk_node_text(name, "sval") : "*");
	}
}

bool lk_pg_risk_columns(const char *expression, char ***names, size_t *count)
{
	char reason[200];
	struct names found = {0};
	char *query = lk_format("SELECT (%s\n)", expression);
	json_t *statements = lk_risk_parse(query, reason, sizeof reason);
	bool parsed = statements != NULL;
	free(query);
	collect(statements, &found);
	json_decref(statements);
	*names = found.list;
	*count = found.count;
	return parsed;
}
