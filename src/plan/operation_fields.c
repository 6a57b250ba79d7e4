/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The members of each operation, in one table: reading, writing, JSON and freeing use it. */
#include <stddef.h>
#include <string.h>

#include "plan/parts.h"

#define BIT(kind) (1u << (LK_OPERATION_##kind))
#define ON_TABLE (ALL & ~BIT(DROP_INDEX))
#define ALL ((1u << LK_OPERATIONS) - 1)
#define ONE_COLUMN                                                                                 \
	(BIT(ADD_COLUMN) | BIT(DROP_COLUMN) | BIT(CHANGE_TYPE) | BIT(SET_NOT_NULL) |               \
	 BIT(DROP_NOT_NULL) | BIT(SET_DEFAULT))
#define NAMED (BIT(ADD_INDEX) | BIT(ADD_CHECK) | BIT(ADD_FOREIGN_KEY) | BIT(ADD_UNIQUE))
#define COLUMNS (BIT(ADD_FOREIGN_KEY) | BIT(ADD_UNIQUE))
#define AT(member) offsetof(struct lk_operation, member)

const struct lk_operation_field lk_operation_fields[] = {
	{"table", LK_MEMBER_TABLE, AT(table), ON_TABLE, ON_TABLE},
	{"index", LK_MEMBER_TABLE, AT(name), BIT(DROP_INDEX), BIT(DROP_INDEX)},
	{"column", LK_MEMBER_COLUMN, AT(column), ONE_COLUMN, ONE_COLUMN},
	{"from", LK_MEMBER_COLUMN, AT(from), BIT(RENAME_COLUMN), BIT(RENAME_COLUMN)},
	{"to", LK_MEMBER_COLUMN, AT(to), BIT(RENAME_COLUMN) | BIT(RENAME_TABLE) | BIT(CHANGE_TYPE),
	 BIT(RENAME_COLUMN) | BIT(RENAME_TABLE)},
	{"type", LK_MEMBER_TYPE, AT(type), BIT(ADD_COLUMN) | BIT(CHANGE_TYPE),
	 BIT(ADD_COLUMN) | BIT(CHANGE_TYPE)},
	{"default", LK_MEMBER_SQL, AT(default_sql), BIT(ADD_COLUMN) | BIT(SET_DEFAULT),
	 BIT(SET_DEFAULT)},
	{"not_null", LK_MEMBER_FLAG, AT(not_null), BIT(ADD_COLUMN), 0},
	{"using", LK_MEMBER_SQL, AT(forth), BIT(CHANGE_TYPE), 0},
	{"back", LK_MEMBER_SQL, AT(back), BIT(CHANGE_TYPE), 0},
	{"fill", LK_MEMBER_SQL, AT(fill), BIT(SET_NOT_NULL) | BIT(DROP_NOT_NULL) | BIT(DROP_COLUMN),
	 0},
	{"columns", LK_MEMBER_ELEMENTS, AT(columns), BIT(ADD_INDEX), BIT(ADD_INDEX)},
	{"columns", LK_MEMBER_COLUMNS, AT(columns), COLUMNS, COLUMNS},
	{"unique", LK_MEMBER_FLAG, AT(unique), BIT(ADD_INDEX), 0},
	{"method", LK_MEMBER_COLUMN, AT(method), BIT(ADD_INDEX), 0},
	{"include", LK_MEMBER_COLUMNS, AT(include), BIT(ADD_INDEX), 0},
	{"where", LK_MEMBER_SQL, AT(where), BIT(ADD_INDEX), 0},
	{"check", LK_MEMBER_SQL, AT(check), BIT(ADD_CHECK), BIT(ADD_CHECK)},
	{"references", LK_MEMBER_TABLE, AT(references), BIT(ADD_FOREIGN_KEY), BIT(ADD_FOREIGN_KEY)},
	{"referenced", LK_MEMBER_COLUMNS, AT(referenced), BIT(ADD_FOREIGN_KEY), 0},
	{"on_delete", LK_MEMBER_ACTION, AT(on_delete), BIT(ADD_FOREIGN_KEY), 0},
	{"on_update", LK_MEMBER_ACTION, AT(on_update), BIT(ADD_FOREIGN_KEY), 0},
	{"primary_key", LK_MEMBER_FLAG, AT(primary_key), BIT(ADD_UNIQUE), 0},
	{"constraint", LK_MEMBER_COLUMN, AT(name), BIT(DROP_CONSTRAINT), BIT(DROP_CONSTRAINT)},
	{"name", LK_MEMBER_COLUMN, AT(name), NAMED, 0},
	{NULL, LK_MEMBER_FLAG, 0, 0, 0},
};

/* What a foreign key does when the row it refers to goes or changes. */
const char *const lk_reference_actions[] = {"no action", "restrict",	"cascade",
					    "set null",	 "set default", NULL};

const char *const lk_operation_words[] = {
	"add_column",	   "drop_column", "rename_column",   "change_type",  "set_not_null",
	"drop_not_null",   "set_default", "add_index",	     "drop_index",   "add_check",
	"add_foreign_key", "add_unique",  "drop_constraint", "rename_table", NULL};

const char *lk_operation_name(enum lk_operation_kind kind)
{
	return kind < LK_OPERATIONS ? lk_operation_words[kind] : "";
}

bool lk_operation_has(enum lk_operation_kind kind, const struct lk_operation_field *field)
{
	return (field->allowed & (1u << kind)) != 0;
}
