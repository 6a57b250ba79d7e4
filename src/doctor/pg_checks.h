/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PostgreSQL's checks: each a name, a query that reads, and a function that judges its rows. */
#ifndef LK_DOCTOR_PG_CHECKS_H
#define LK_DOCTOR_PG_CHECKS_H

#include "doctor/checks.h"

struct lk_pg_check {
	const char *name;  /* NULL ends a list */
	int version;	   /* server_version_num from which on the query is valid; 0 always */
	const char *needs; /* a relation without which there is nothing to look at; NULL none */
	const char *query;
	void (*judge)(struct lk_doctor *doctor, const struct lk_result *rows);
};

extern const struct lk_pg_check lk_pg_server_checks[], lk_pg_role_checks[],
	lk_pg_replication_checks[], lk_pg_activity_checks[], lk_pg_vacuum_checks[],
	lk_pg_table_checks[], lk_pg_disk_checks[], lk_pg_leftover_checks[];

/* Adds the abilities that follow from the facts. */
void lk_pg_doctor_abilities(struct lk_doctor *doctor);

/* Tables of people: not of the server, not ours. For queries over pg_class c, pg_namespace n. */
#define LK_PG_PEOPLES                                                                              \
	" n.nspname NOT IN ('pg_catalog', 'information_schema', 'lockkeeper')"                     \
	" AND n.nspname !~ '^pg_(toast|temp)'"

#endif
