/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "risk/pg_parse.h"
#include "risk/pg_risk.h"

/* Functions that act although they stand in a SELECT. Not complete, and need not be: verify and
 * gate run in READ ONLY transactions; these are the ones that such a transaction does not stop, or
 * that are certainly a mistake. */
static const char *const acting[] = {
	"nextval",
	"setval",
	"pg_terminate_backend",
	"pg_cancel_backend",
	"pg_reload_conf",
	"pg_rotate_logfile",
	"pg_promote",
	"pg_switch_wal",
	"pg_create_restore_point",
	"pg_logical_emit_message",
	"pg_drop_replication_slot",
	"pg_create_physical_replication_slot",
	"pg_create_logical_replication_slot",
	"pg_replication_slot_advance",
	"pg_wal_replay_pause",
	"pg_wal_replay_resume",
	"pg_advisory_lock",
	"pg_advisory_lock_shared",
	"pg_advisory_xact_lock",
	"pg_advisory_unlock_all",
	"pg_stat_reset",
	"pg_sleep",
	"pg_notify",
	"set_config",
	"lo_create",
	"lo_unlink",
	"lo_import",
	"lo_export",
	"dblink_exec",
};

static const struct {
	const char *member, *reason;
} refused[] = {
	{"lockingClause", "it locks rows (FOR UPDATE, FOR SHARE)"},
	{"intoClause", "it creates a table (INTO)"},
	{"InsertStmt", "a part of it inserts rows"},
	{"UpdateStmt", "a part of it updates rows"},
	{"DeleteStmt", "a part of it deletes rows"},
	{"MergeStmt", "a part of it merges rows"},
};

static bool is_acting(const json_t *call, char *reason, size_t size)
{
	const json_t *names = json_object_get(call, "funcname");
	const json_t *last = json_array_get(names, json_array_size(names) - 1);
	const char *name = lk_node_text(json_object_get(last, "String"), "sval");
	for (size_t i = 0; i < LK_COUNT(acting); i++) {
		if (strcmp(name, acting[i]) != 0)
			continue;
		snprintf(reason, size, "it calls %s(), which acts", name);
		return true;
	}
	return false;
}

/* Looks for a refused part anywhere below; jansson has bounded the depth when it read the tree. */
static bool changes(const json_t *node, char *reason, size_t size)
{
	const char *key;
	json_t *value;
	size_t index;
	json_array_foreach ((json_t *)(size_t)node, index, value) {
		if (changes(value, reason, size))
			return true;
	}
	json_object_foreach ((json_t *)(size_t)node, key, value) {
		for (size_t i = 0; i < LK_COUNT(refused); i++) {
			if (strcmp(key, refused[i].member) == 0) {
				snprintf(reason, size, "%s", refused[i].reason);
				return true;
			}
		}
		if (strcmp(key, "FuncCall") == 0 && is_acting(value, reason, size))
			return true;
		if (changes(value, reason, size))
			return true;
	}
	return false;
}

bool lk_pg_risk_is_read_only(const char *sql, bool *parsed, char *reason, size_t size)
{
	bool read_only = false;
	reason[0] = '\0';
	json_t *statements = lk_risk_parse(sql, reason, size);
	const json_t *first = json_object_get(json_array_get(statements, 0), "stmt");
	if (parsed)
		*parsed = statements != NULL;
	if (!statements)
		return false;
	if (json_array_size(statements) != 1)
		snprintf(reason, size, "it holds %zu statements, not one",
			 json_array_size(statements));
	else if (strcmp(lk_node_tag(first), "SelectStmt") != 0)
		snprintf(reason, size, "it is not a SELECT or VALUES");
	else
		read_only = !changes(first, reason, size);
	json_decref(statements);
	return read_only;
}

bool lk_pg_risk_is_expression(const char *sql, bool *parsed, char *reason, size_t size)
{
	bool good = false;
	reason[0] = '\0';
	char *query = lk_format("SELECT (%s\n)", sql);
	json_t *statements = lk_risk_parse(query, reason, size);
	const json_t *select = json_object_get(
		json_object_get(json_array_get(statements, 0), "stmt"), "SelectStmt");
	free(query);
	if (parsed)
		*parsed = statements != NULL;
	if (!statements)
		return false;
	const json_t *targets = json_object_get(select, "targetList");
	const json_t *value =
		json_object_get(json_object_get(json_array_get(targets, 0), "ResTarget"), "val");
	if (json_array_size(statements) != 1 || json_array_size(targets) != 1 ||
	    json_object_size(select) > 3 || json_object_get(value, "RowExpr"))
		snprintf(reason, size, "it is more than one expression");
	else
		good = !changes(select, reason, size);
	json_decref(statements);
	return good;
}
