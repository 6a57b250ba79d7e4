/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What PostgreSQL's side of risk.h consists of; contracts as there. For this folder. */
#ifndef LK_RISK_PG_RISK_H
#define LK_RISK_PG_RISK_H

#include "risk/risk.h"

void lk_pg_risk_statement(const char *sql, struct lk_risk *risk);
void lk_pg_risk_locks_text(const struct lk_risk *risk, char *text, size_t size);
char **lk_pg_risk_split(const char *sql, size_t *count);
bool lk_pg_risk_is_read_only(const char *sql, bool *parsed, char *reason, size_t size);
bool lk_pg_risk_is_expression(const char *sql, bool *parsed, char *reason, size_t size);
bool lk_pg_risk_columns(const char *expression, char ***names, size_t *count);

#endif
