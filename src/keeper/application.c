/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/application.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/memory.h"

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

void lk_application_read(const char *path, struct lk_snapshot *snapshot)
{
	json_error_t where;
	struct stat info;
	memset(&snapshot->application, 0, sizeof snapshot->application);
	if (!path || stat(path, &info) != 0)
		return;
	json_t *object = json_load_file(path, 0, &where);
	if (!json_is_object(object)) {
		json_decref(object);
		return;
	}
	int64_t written = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
	snapshot->application.known = true;
	snapshot->application.age_ms = (double)(lk_wall_ms() - written);
	snapshot->application.transactions = (int64_t)number(object, "transactions");
	snapshot->application.errors = (int64_t)number(object, "errors");
	snapshot->application.per_s = number(object, "per_s");
	snapshot->application.p50_ms = number(object, "p50_ms");
	snapshot->application.p95_ms = number(object, "p95_ms");
	snapshot->application.p99_ms = number(object, "p99_ms");
	snapshot->application.max_ms = number(object, "max_ms");
	snapshot->application.p99_alone_ms = number(object, "p99_alone_ms");
	snapshot->application.longest_stall_ms = number(object, "longest_stall_ms");
	LK_COPY(snapshot->application.releases, text(object, "releases"));
	LK_COPY(snapshot->application.last_error, text(object, "last_error"));
	json_decref(object);
}
