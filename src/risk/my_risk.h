/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the side of MySQL and MariaDB of risk.h consists of; contracts as there. For this folder. */
#ifndef LK_RISK_MY_RISK_H
#define LK_RISK_MY_RISK_H

#include "risk/my_words.h"
#include "risk/risk.h"

void lk_my_risk_statement(const char *sql, struct lk_risk *risk);
void lk_my_risk_locks_text(const struct lk_risk *risk, char *text, size_t size);
char **lk_my_risk_split(const char *sql, size_t *count);
bool lk_my_risk_is_read_only(const char *sql, bool *parsed, char *reason, size_t size);
bool lk_my_risk_is_expression(const char *sql, bool *parsed, char *reason, size_t size);
bool lk_my_risk_is_type(const char *type, bool *parsed, char *reason, size_t size);
bool lk_my_risk_columns(const char *expression, char ***names, size_t *count);

/* The next statement that begins at or behind *at: its words are those from *from up to *at, whole bodies of
 * triggers, procedures, functions and events included. */
bool lk_my_next_statement(const struct lk_words *words, size_t *at, size_t *from);

/* A table's name at word *at, in words for people and quoted; *at goes behind it. */
struct lk_my_table {
	char database[132], name[132]; /* exact; database "" when none is named */
	char shown[132], sql[160];
};
bool lk_my_read_table(const struct lk_words *words, size_t *at, struct lk_my_table *table);

/* One clause of an ALTER TABLE, ADD COLUMN … say. */
struct lk_my_clause {
	const char *kind;
	bool destroys;
	char column[132]; /* that is dropped; "" none */
};
/* The clause at word *at of the statement that ends at `end`; *at goes behind the comma. False at the end. */
bool lk_my_next_clause(const struct lk_words *words, size_t *at, size_t end,
		       struct lk_my_clause *clause);
/* Whether the statement from `from` on is an ALTER TABLE; then *at is its first clause. */
bool lk_my_is_alter(const struct lk_words *words, size_t from, size_t *at,
		    struct lk_my_table *table);

#endif
