/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ALTER TABLE and the constraints of CREATE TABLE. For this folder. */
#ifndef LK_RISK_PG_ALTER_TABLE_H
#define LK_RISK_PG_ALTER_TABLE_H

#include <jansson.h>

#include "risk/pg_tally.h"

void lk_risk_alter_table(const json_t *body, struct lk_tally *tally);
/* Says in the note which other table a foreign key locks. */
void lk_risk_note_reference(const json_t *constraint, struct lk_tally *tally);

#endif
