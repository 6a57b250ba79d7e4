/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/limits.h"

#include <stdlib.h>

#include "base/memory.h"
#include "plan/sql_text.h"

enum { MOST_RUNNING = 100000 };
#define MOST_HISTORY 1000000000000

static bool read_probe(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		       struct lk_limits *limits)
{
	static const struct lk_yaml_key keys[] = {{"sql", true, NULL}, {"limit", false, NULL}, {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	bool good = lk_yaml_mapping(reader, node, "probe", keys, values);
	const char *sql = values[0] ? lk_yaml_text(reader, values[0], "probe's sql") : NULL;
	if (sql && values[0]->style == LK_YAML_PLAIN) {
		lk_yaml_problem(reader, values[0],
				"probe's sql must be in quotes, or YAML may cut it short");
		good = false;
	} else if (sql) {
		free(limits->probe);
		limits->probe = lk_sql_trim(sql);
	}
	if (values[1])
		good = lk_yaml_duration(reader, values[1], "probe's limit", &limits->probe_ms) &&
		       good;
	return good && sql;
}

bool lk_limits_read(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		    struct lk_limits *limits)
{
	static const struct lk_yaml_key keys[] = {{"lag", false, NULL},
						  {"lock_wait", false, NULL},
						  {"chunk_time", false, NULL},
						  {"running", false, NULL},
						  {"probe", false, NULL},
						  {"history", false, NULL},
						  {0}};
	static const int64_t range[2] = {1, MOST_RUNNING}, history[2] = {1, MOST_HISTORY};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	int64_t *const times[] = {&limits->lag_ms, &limits->lock_wait_ms, &limits->chunk_time_ms};
	int64_t running;
	bool good = lk_yaml_mapping(reader, node, "limits", keys, values);
	for (size_t i = 0; i < LK_COUNT(times); i++)
		if (values[i])
			good = lk_yaml_duration(reader, values[i], keys[i].name, times[i]) && good;
	if (values[3]) {
		if (lk_yaml_integer(reader, values[3], "running", range, &running))
			limits->running = (int)running;
		else
			good = false;
	}
	if (values[4])
		good = read_probe(reader, values[4], limits) && good;
	if (values[5])
		good = lk_yaml_integer(reader, values[5], "history", history, &limits->history) &&
		       good;
	return good;
}

void lk_limits_merge(struct lk_limits *limits, const struct lk_limits *fallback)
{
	if (limits->lag_ms == 0)
		limits->lag_ms = fallback->lag_ms;
	if (limits->lock_wait_ms == 0)
		limits->lock_wait_ms = fallback->lock_wait_ms;
	if (limits->chunk_time_ms == 0)
		limits->chunk_time_ms = fallback->chunk_time_ms;
	if (limits->running == 0)
		limits->running = fallback->running;
	if (limits->history == 0)
		limits->history = fallback->history;
	if (!limits->probe && fallback->probe)
		limits->probe = lk_strdup(fallback->probe);
	if (limits->probe_ms == 0)
		limits->probe_ms = fallback->probe_ms;
}

struct lk_limits lk_limits_default(void)
{
	return (struct lk_limits){.lag_ms = 2000,
				  .lock_wait_ms = 100,
				  .chunk_time_ms = 100,
				  .running = 50,
				  .history = 1000000,
				  .probe_ms = 50};
}

void lk_limits_free(struct lk_limits *limits)
{
	free(limits->probe);
	*limits = (struct lk_limits){0};
}
