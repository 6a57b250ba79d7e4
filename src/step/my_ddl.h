/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a statement beforehand: for the verbs ddl and sql. */
#ifndef LK_STEP_MY_DDL_H
#define LK_STEP_MY_DDL_H

#include "step/my_statement.h"
#include "step/step.h"

/* Fills lock and cost, or says why the statement is refused (class PLAN or REFUSED). Only reads. */
bool lk_my_ddl_describe_statement(struct lk_session *session, const struct lk_step *step,
				  const struct lk_my_statement *statement,
				  struct lk_step_text *text, struct lk_error *error);
/* The server's own grammar is asked (PREPARE); what it cannot prepare counts as read. */
bool lk_my_ddl_parses(struct lk_session *session, const struct lk_step *step, const char *sql,
		      struct lk_error *error);

#endif
