/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parse tree as JSON, and how to find things in it. For this folder. */
#ifndef LK_RISK_PG_PARSE_H
#define LK_RISK_PG_PARSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The list of statements, the caller's reference; NULL when the grammar cannot read it, with the
 * sentence "not checked: …" in reason. */
json_t *lk_risk_parse(const char *sql, char *reason, size_t size);

/* The tag and the members of a node {"Tag": {…}}. */
const char *lk_node_tag(const json_t *node);
json_t *lk_node_body(const json_t *node);
/* A member's text, "" when it is not there. */
const char *lk_node_text(const json_t *body, const char *member);
bool lk_node_true(const json_t *body, const char *member);

/* "schema.table" of a RangeVar's body. */
void lk_relation_name(const json_t *relation, char *name, size_t size);
/* The same, quoted: "schema"."table". "" when it names none. */
void lk_relation_sql(const json_t *relation, char *sql, size_t size);
/* "a.b" of a list of String nodes, without the last `drop` of them. */
void lk_list_name(const json_t *list, size_t drop, char *name, size_t size);
/* The same, quoted; "" when it does not fit or there is none. */
void lk_list_sql(const json_t *list, size_t drop, char *sql, size_t size);

#endif
