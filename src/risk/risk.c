/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The calls of risk.h, handed to the engine that the SQL is for. */
#include "risk/risk.h"

#include <stdlib.h>
#include <string.h>

static const struct lk_risk_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_risk,
	[LK_ENGINE_MYSQL] = &lk_my_risk,
};

void lk_risk_statement(enum lk_engine engine, const char *sql, struct lk_risk *risk)
{
	engines[engine]->statement(sql, risk);
}

void lk_risk_locks_text(enum lk_engine engine, const struct lk_risk *risk, char *text, size_t size)
{
	engines[engine]->locks_text(risk, text, size);
}

char **lk_risk_split(enum lk_engine engine, const char *sql, size_t *count)
{
	return engines[engine]->split(sql, count);
}

bool lk_risk_is_read_only(enum lk_engine engine, const char *sql, bool *parsed, char *reason,
			  size_t size)
{
	return engines[engine]->is_read_only(sql, parsed, reason, size);
}

bool lk_risk_is_expression(enum lk_engine engine, const char *sql, bool *parsed, char *reason,
			   size_t size)
{
	return engines[engine]->is_expression(sql, parsed, reason, size);
}

bool lk_risk_is_type(enum lk_engine engine, const char *type, bool *parsed, char *reason,
		     size_t size)
{
	return engines[engine]->is_type(type, parsed, reason, size);
}

bool lk_risk_columns(enum lk_engine engine, const char *expression, char ***names, size_t *count)
{
	return engines[engine]->columns(expression, names, count);
}

bool lk_risk_drops_column(enum lk_engine engine, const char *sql, const char *table,
			  const char *column)
{
	return engines[engine]->drops_column(sql, table, column);
}

const char *const *const *lk_risk_servers(enum lk_engine engine)
{
	return engines[engine]->servers;
}

const struct lk_sql_dialect *lk_risk_dialect(enum lk_engine engine)
{
	return engines[engine]->dialect;
}

void lk_risk_split_free(char **statements, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(statements[i]);
	free(statements);
}

const char *lk_risk_not_together(enum lk_engine engine, const struct lk_risk *risk)
{
	if (!risk->parsed)
		return NULL;
	if (strstr(risk->kind, "transaction control"))
		return "the keeper begins and commits itself: leave BEGIN, COMMIT and the like out";
	if (!risk->transactional)
		return "it cannot stand in a transaction: give it a ddl step of its own";
	if (risk->session_setting)
		return engines[engine]->outlasts;
	return NULL;
}
