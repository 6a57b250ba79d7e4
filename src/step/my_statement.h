/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a statement of a plan does to which table, as far as its words say it: enough to choose an algorithm, to know
 * what to look at after a crash, and to tell what commits by itself from what does not. Pure; any thread.
 */
#ifndef LK_STEP_MY_STATEMENT_H
#define LK_STEP_MY_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

enum lk_my_statement_kind {
	LK_MY_ALTER_TABLE,
	LK_MY_CREATE_INDEX,
	LK_MY_DROP_INDEX,
	LK_MY_RENAME_TABLE,
	LK_MY_CREATE_OBJECT, /* TABLE, VIEW */
	LK_MY_DROP_OBJECT,
	LK_MY_TRUNCATE,
	LK_MY_GRANT, /* and REVOKE: can be repeated */
	LK_MY_OTHER_DDL, /* commits by itself; what it makes is not looked at, but for triggers: procedures, users */
	LK_MY_DML, /* rows; stands in a transaction */
	LK_MY_SESSION, /* transactions, LOCK TABLES, SET, USE: would outlast the step or end its transaction */
	LK_MY_UNKNOWN,
};

enum lk_my_action_kind {
	LK_MY_ADD_COLUMN,
	LK_MY_ADD_PLACED_COLUMN, /* FIRST or AFTER another */
	LK_MY_ADD_STORED_COLUMN,
	LK_MY_ADD_VIRTUAL_COLUMN,
	LK_MY_ADD_COMPUTED_COLUMN, /* DEFAULT (expression) */
	LK_MY_ADD_COUNTED_COLUMN,  /* AUTO_INCREMENT */
	LK_MY_ADD_KEYED_COLUMN,	   /* with UNIQUE or PRIMARY KEY */
	LK_MY_DROP_COLUMN,
	LK_MY_CHANGE_COLUMN, /* MODIFY and CHANGE */
	LK_MY_RENAME_COLUMN,
	LK_MY_SET_DEFAULT,
	LK_MY_ADD_INDEX,
	LK_MY_ADD_SPECIAL_INDEX, /* FULLTEXT, SPATIAL, VECTOR */
	LK_MY_DROP_INDEX_OF,
	LK_MY_RENAME_INDEX,
	LK_MY_HIDE_INDEX, /* VISIBLE, IGNORED */
	LK_MY_ADD_PRIMARY,
	LK_MY_DROP_PRIMARY,
	LK_MY_ADD_FOREIGN,
	LK_MY_DROP_FOREIGN,
	LK_MY_ADD_CHECK_OF,
	LK_MY_DROP_CHECK,
	LK_MY_RENAME_TO,
	LK_MY_REBUILD, /* FORCE, ENGINE, ROW_FORMAT, KEY_BLOCK_SIZE */
	LK_MY_CONVERT, /* CONVERT TO CHARACTER SET */
	LK_MY_OPTION,  /* COMMENT, AUTO_INCREMENT, default character set, … */
	LK_MY_PARTITION,
	LK_MY_OTHER_ACTION,
};

struct lk_my_action {
	enum lk_my_action_kind kind;
	char name[200]; /* of the column, index or constraint; exact; "" unnamed */
	char to[200];	/* its new name; of CHANGE and RENAME */
	char type[40];	/* ADD, MODIFY, CHANGE: the type's own word, in small letters: "varchar" */
	long length;	/* of varchar and the like; -1 none */
	bool not_null, null; /* said so */
};

struct lk_my_object {
	char *schema, *name; /* exact; schema NULL: the session's own */
};

struct lk_my_statement {
	enum lk_my_statement_kind kind;
	char *text; /* without what stands behind the last word */
	struct lk_my_object
		*objects; /* tables and views it concerns, the one that is changed first */
	size_t object_count;
	struct lk_my_object trigger; /* that is created or dropped; name NULL none */
	struct lk_my_action
		*actions; /* of ALTER TABLE and of an index; the clauses below are none */
	size_t action_count;
	char algorithm[16], lock[16]; /* in capitals, "" when the statement does not say */
	bool if_exists;		      /* of an index that is dropped */
	bool unread;	   /* a quote, comment or parenthesis does not end: nothing is known */
	size_t statements; /* how many stand in the text; the first is read */
};

void lk_my_statement_read(const char *sql, struct lk_my_statement *statement);
void lk_my_statement_free(struct lk_my_statement *statement);
bool lk_my_statement_has(const struct lk_my_statement *statement, enum lk_my_action_kind kind);

#endif
