/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "risk/pg_alter_table.h"

#include <string.h>

#include "base/memory.h"
#include "risk/pg_parse.h"

#define AE LK_LOCK_ACCESS_EXCLUSIVE
#define SRE LK_LOCK_SHARE_ROW_EXCLUSIVE
#define SUE LK_LOCK_SHARE_UPDATE_EXCLUSIVE

/* Subcommands whose lock and cost do not depend on their details. */
static const struct subcommand {
	const char *subtype, *kind;
	enum lk_lock lock;
	enum lk_cost cost;
	const char *note;
} subcommands[] = {
	{"AT_ColumnDefault", "set or drop default", AE, LK_COST_NONE, NULL},
	{"AT_DropNotNull", "drop not null", AE, LK_COST_NONE, NULL},
	{"AT_SetNotNull", "set not null", AE, LK_COST_SCAN,
	 "a valid CHECK (column IS NOT NULL) spares the scan"},
	{"AT_SetStatistics", "set statistics", SUE, LK_COST_NONE, NULL},
	{"AT_SetOptions", "set column options", SUE, LK_COST_NONE, NULL},
	{"AT_ResetOptions", "set column options", SUE, LK_COST_NONE, NULL},
	{"AT_SetStorage", "set storage", AE, LK_COST_NONE, NULL},
	{"AT_SetCompression", "set compression", AE, LK_COST_NONE, NULL},
	{"AT_ValidateConstraint", "validate constraint", SUE, LK_COST_SCAN,
	 "a foreign key also takes ROW SHARE on the other table"},
	{"AT_DropConstraint", "drop constraint", AE, LK_COST_NONE,
	 "a foreign key takes ACCESS EXCLUSIVE on the other table too"},
	{"AT_AlterConstraint", "alter constraint", AE, LK_COST_NONE, NULL},
	{"AT_ChangeOwner", "change owner", AE, LK_COST_NONE, NULL},
	{"AT_ClusterOn", "cluster on", SUE, LK_COST_NONE, NULL},
	{"AT_DropCluster", "set without cluster", SUE, LK_COST_NONE, NULL},
	{"AT_SetLogged", "set logged", AE, LK_COST_REWRITE, NULL},
	{"AT_SetUnLogged", "set unlogged", AE, LK_COST_REWRITE, NULL},
	{"AT_SetTableSpace", "set tablespace", AE, LK_COST_REWRITE, NULL},
	{"AT_SetAccessMethod", "set access method", AE, LK_COST_REWRITE, NULL},
	{"AT_SetRelOptions", "set storage options", SUE, LK_COST_NONE, NULL},
	{"AT_ResetRelOptions", "set storage options", SUE, LK_COST_NONE, NULL},
	{"AT_EnableTrig", "enable trigger", SRE, LK_COST_NONE, NULL},
	{"AT_EnableAlwaysTrig", "enable trigger", SRE, LK_COST_NONE, NULL},
	{"AT_EnableReplicaTrig", "enable trigger", SRE, LK_COST_NONE, NULL},
	{"AT_EnableTrigAll", "enable trigger", SRE, LK_COST_NONE, NULL},
	{"AT_EnableTrigUser", "enable trigger", SRE, LK_COST_NONE, NULL},
	{"AT_DisableTrig", "disable trigger", SRE, LK_COST_NONE, NULL},
	{"AT_DisableTrigAll", "disable trigger", SRE, LK_COST_NONE, NULL},
	{"AT_DisableTrigUser", "disable trigger", SRE, LK_COST_NONE, NULL},
	{"AT_EnableRule", "enable rule", AE, LK_COST_NONE, NULL},
	{"AT_DisableRule", "disable rule", AE, LK_COST_NONE, NULL},
	{"AT_ReplicaIdentity", "replica identity", AE, LK_COST_NONE, NULL},
	{"AT_EnableRowSecurity", "row level security", AE, LK_COST_NONE, NULL},
	{"AT_DisableRowSecurity", "row level security", AE, LK_COST_NONE, NULL},
	{"AT_ForceRowSecurity", "row level security", AE, LK_COST_NONE, NULL},
	{"AT_NoForceRowSecurity", "row level security", AE, LK_COST_NONE, NULL},
	{"AT_AddInherit", "add inherit", AE, LK_COST_NONE, NULL},
	{"AT_DropInherit", "drop inherit", AE, LK_COST_NONE, NULL},
	{"AT_AddIdentity", "add identity", AE, LK_COST_NONE, NULL},
	{"AT_SetIdentity", "set identity", AE, LK_COST_NONE, NULL},
	{"AT_DropIdentity", "drop identity", AE, LK_COST_NONE, NULL},
	{"AT_DropExpression", "drop expression", AE, LK_COST_NONE, NULL},
	{"AT_AttachPartition", "attach partition", SUE, LK_COST_SCAN,
	 "ACCESS EXCLUSIVE and a scan of the partition and of the default partition"},
	{"AT_DetachPartitionFinalize", "detach partition", SUE, LK_COST_NONE, NULL},
};

void lk_risk_note_reference(const json_t *constraint, struct lk_tally *tally)
{
	char other[80];
	lk_relation_name(json_object_get(constraint, "pktable"), other, sizeof other);
	lk_tally_note(tally, "takes SHARE ROW EXCLUSIVE on %s too", other);
	lk_tally_table(tally, json_object_get(constraint, "pktable"), SRE);
}

/* Functions of a default that give every row its own value, so that the table is rewritten. now()
 * and its like have one value for the whole statement. */
static bool is_stable_function(const char *name)
{
	static const char *const stable[] = {"now",
					     "transaction_timestamp",
					     "statement_timestamp",
					     "current_setting",
					     "current_database",
					     "current_schema",
					     "lower",
					     "upper",
					     "to_timestamp",
					     "make_interval",
					     "jsonb_build_object",
					     "json_build_object",
					     "concat"};
	for (size_t i = 0; i < LK_COUNT(stable); i++)
		if (strcmp(name, stable[i]) == 0)
			return true;
	return false;
}

/* The first function in an expression that we do not know to be stable, or "". */
static const char *volatile_function(const json_t *node)
{
	const char *key, *found = "";
	json_t *value;
	size_t index;
	if (json_is_array(node)) {
		json_array_foreach ((json_t *)(size_t)node, index, value) {
			if (!*found)
				found = volatile_function(value);
		}
		return found;
	}
	const json_t *call = json_object_get(node, "FuncCall");
	const json_t *names = json_object_get(call, "funcname");
	if (call) {
		const json_t *last = json_array_get(names, json_array_size(names) - 1);
		const char *name = lk_node_text(json_object_get(last, "String"), "sval");
		if (!is_stable_function(name))
			return name;
	}
	json_object_foreach ((json_t *)(size_t)node, key, value) {
		if (!*found)
			found = volatile_function(value);
	}
	return found;
}

static bool is_serial(const json_t *definition)
{
	static const char *const serials[] = {"serial",	 "bigserial", "smallserial",
					      "serial4", "serial8",   "serial2"};
	const json_t *names = json_object_get(json_object_get(definition, "typeName"), "names");
	const json_t *last = json_array_get(names, json_array_size(names) - 1);
	const char *type = lk_node_text(json_object_get(last, "String"), "sval");
	for (size_t i = 0; i < LK_COUNT(serials); i++)
		if (strcmp(type, serials[i]) == 0)
			return true;
	return false;
}

static void column_constraint(const json_t *constraint, struct lk_tally *tally)
{
	const char *type = lk_node_text(constraint, "contype");
	if (strcmp(type, "CONSTR_DEFAULT") == 0) {
		const char *function = volatile_function(json_object_get(constraint, "raw_expr"));
		if (!*function)
			return;
		lk_tally_add(tally, "add column", AE, LK_COST_REWRITE);
		lk_tally_note(tally,
			      "%s() gives every row a value of its own: the table is rewritten",
			      function);
	} else if (strcmp(type, "CONSTR_IDENTITY") == 0 || strcmp(type, "CONSTR_GENERATED") == 0) {
		lk_tally_add(tally, "add column", AE, LK_COST_REWRITE);
	} else if (strcmp(type, "CONSTR_UNIQUE") == 0 || strcmp(type, "CONSTR_PRIMARY") == 0) {
		lk_tally_add(tally, "add column", AE, LK_COST_BUILD);
	} else if (strcmp(type, "CONSTR_CHECK") == 0) {
		lk_tally_add(tally, "add column", AE, LK_COST_SCAN);
	} else if (strcmp(type, "CONSTR_FOREIGN") == 0) {
		lk_tally_add(tally, "add column", AE, LK_COST_NONE);
		lk_risk_note_reference(constraint, tally);
	}
}

static void add_column(const json_t *command, struct lk_tally *tally)
{
	const json_t *definition = json_object_get(json_object_get(command, "def"), "ColumnDef");
	const json_t *constraints = json_object_get(definition, "constraints");
	bool has_default = false, not_null = false, references = false;
	lk_tally_add(tally, "add column", AE,
		     is_serial(definition) ? LK_COST_REWRITE : LK_COST_NONE);
	for (size_t i = 0; i < json_array_size(constraints); i++) {
		const json_t *constraint =
			json_object_get(json_array_get(constraints, i), "Constraint");
		const char *type = lk_node_text(constraint, "contype");
		has_default = has_default || strcmp(type, "CONSTR_DEFAULT") == 0 ||
			      strcmp(type, "CONSTR_IDENTITY") == 0 ||
			      strcmp(type, "CONSTR_GENERATED") == 0;
		not_null = not_null || strcmp(type, "CONSTR_NOTNULL") == 0;
		references = references || strcmp(type, "CONSTR_FOREIGN") == 0;
		column_constraint(constraint, tally);
	}
	if (has_default && references)
		lk_tally_add(tally, "add column", AE, LK_COST_SCAN);
	if (not_null && !has_default && !is_serial(definition))
		lk_tally_note(tally, "NOT NULL without a default fails unless the table is empty");
}

static void add_constraint(const json_t *command, struct lk_tally *tally)
{
	const json_t *constraint = json_object_get(json_object_get(command, "def"), "Constraint");
	const char *type = lk_node_text(constraint, "contype");
	bool unchecked = lk_node_true(constraint, "skip_validation");
	bool ready = *lk_node_text(constraint, "indexname") != '\0';
	if (strcmp(type, "CONSTR_FOREIGN") == 0) {
		lk_tally_add(tally, unchecked ? "add foreign key not valid" : "add foreign key",
			     SRE, unchecked ? LK_COST_NONE : LK_COST_SCAN);
		lk_risk_note_reference(constraint, tally);
	} else if (strcmp(type, "CONSTR_CHECK") == 0) {
		lk_tally_add(tally, unchecked ? "add check not valid" : "add check", AE,
			     unchecked ? LK_COST_NONE : LK_COST_SCAN);
	} else if (strcmp(type, "CONSTR_UNIQUE") == 0) {
		lk_tally_add(tally, ready ? "add unique using index" : "add unique", AE,
			     ready ? LK_COST_NONE : LK_COST_BUILD);
	} else if (strcmp(type, "CONSTR_PRIMARY") == 0) {
		lk_tally_add(tally, ready ? "add primary key using index" : "add primary key", AE,
			     ready ? LK_COST_NONE : LK_COST_BUILD);
		if (ready)
			lk_tally_note(tally, "a nullable column is scanned first");
	} else {
		lk_tally_add(tally, "add exclusion constraint", AE, LK_COST_BUILD);
	}
	if (!unchecked &&
	    (strcmp(type, "CONSTR_FOREIGN") == 0 || strcmp(type, "CONSTR_CHECK") == 0))
		lk_tally_note(tally, "NOT VALID now and VALIDATE later does not block writes");
}

/* Foreign keys: who is at the other end is locked as well. Other constraints and columns have none. */
static void other_tables(const json_t *command, struct lk_tally *tally)
{
	static const struct {
		const char *subtype;
		enum lk_lock lock;
		bool constraint;
	} touches[] = {
		{"AT_DropConstraint", AE, true},
		{"AT_ValidateConstraint", LK_LOCK_ROW_SHARE, true},
		{"AT_DropColumn", AE, false},
		{"AT_AlterColumnType", AE, false},
	};
	const char *subtype = lk_node_text(command, "subtype");
	const json_t *partition = json_object_get(json_object_get(command, "def"), "PartitionCmd");
	for (size_t i = 0; i < LK_COUNT(touches); i++) {
		if (strcmp(subtype, touches[i].subtype) != 0)
			continue;
		struct lk_risk_lookup *lookup = lk_tally_lookup(tally, touches[i].lock);
		LK_COPY(lookup->table, tally->risk->table);
		if (touches[i].constraint)
			LK_COPY(lookup->constraint, lk_node_text(command, "name"));
		else
			LK_COPY(lookup->column, lk_node_text(command, "name"));
	}
	if (partition)
		lk_tally_table(tally, json_object_get(partition, "name"), AE);
}

static void detach_partition(const json_t *command, struct lk_tally *tally)
{
	const json_t *partition = json_object_get(json_object_get(command, "def"), "PartitionCmd");
	if (!lk_node_true(partition, "concurrent")) {
		lk_tally_add(tally, "detach partition", AE, LK_COST_NONE);
		return;
	}
	lk_tally_add(tally, "detach partition concurrently", SUE, LK_COST_NONE);
	tally->risk->transactional = false;
}

static void subcommand(const json_t *command, struct lk_tally *tally)
{
	const char *subtype = lk_node_text(command, "subtype");
	if (strcmp(subtype, "AT_AddColumn") == 0) {
		add_column(command, tally);
	} else if (strcmp(subtype, "AT_AddConstraint") == 0) {
		add_constraint(command, tally);
	} else if (strcmp(subtype, "AT_DropColumn") == 0) {
		lk_tally_add(tally, "drop column", AE, LK_COST_NONE);
		tally->risk->destroys_data = true;
	} else if (strcmp(subtype, "AT_AlterColumnType") == 0) {
		lk_tally_add(tally, "alter column type", AE, LK_COST_MAYBE_REWRITE);
	} else if (strcmp(subtype, "AT_DetachPartition") == 0) {
		detach_partition(command, tally);
	} else {
		for (size_t i = 0; i < LK_COUNT(subcommands); i++) {
			if (strcmp(subtype, subcommands[i].subtype) != 0)
				continue;
			lk_tally_add(tally, subcommands[i].kind, subcommands[i].lock,
				     subcommands[i].cost);
			if (subcommands[i].note)
				lk_tally_note(tally, "%s", subcommands[i].note);
			return;
		}
		lk_tally_add(tally, "alter table", AE, LK_COST_NONE);
		lk_tally_note(tally,
			      "not among the measured statements: the strongest lock is assumed");
	}
}

void lk_risk_alter_table(const json_t *body, struct lk_tally *tally)
{
	char name[160];
	const json_t *commands = json_object_get(body, "cmds");
	lk_relation_name(json_object_get(body, "relation"), name, sizeof name);
	lk_tally_object(tally, name);
	lk_relation_sql(json_object_get(body, "relation"), tally->risk->table,
			sizeof tally->risk->table);
	lk_tally_table(tally, json_object_get(body, "relation"), LK_LOCK_NONE);
	for (size_t i = 0; i < json_array_size(commands); i++) {
		const json_t *command =
			json_object_get(json_array_get(commands, i), "AlterTableCmd");
		subcommand(command, tally);
		other_tables(command, tally);
	}
}
