/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The checks of MySQL and MariaDB: each a name, a query that reads, and a function that judges its rows. */
#ifndef LK_DOCTOR_MY_CHECKS_H
#define LK_DOCTOR_MY_CHECKS_H

#include "doctor/checks.h"
#include "watch/my_view.h"

/* The query is not for this server. */
#define LK_MY_NEVER (-1)

struct lk_my_check {
	const char *name; /* NULL ends a list */
	int from_maria,
		from_mysql; /* the versions from which on it is valid; 0 every, LK_MY_NEVER */
	const char *
		needs; /* a table of lockkeeper's without which there is nothing to look at; or NULL */
	const char *query;
	lk_doctor_judge *judge;
};

extern const struct lk_my_check lk_my_instance_checks[], lk_my_replication_checks[],
	lk_my_activity_checks[], lk_my_table_checks[], lk_my_leftover_checks[];

/* Those that take more than one query. False only when the server is gone. */
bool lk_my_check_user(struct lk_doctor *doctor, const struct lk_my_view *view,
		      struct lk_error *error);
bool lk_my_check_replicas(struct lk_doctor *doctor, const struct lk_my_view *view,
			  struct lk_error *error);

/* Adds the abilities that follow from the facts. */
void lk_my_doctor_abilities(struct lk_doctor *doctor);

/* Databases of people: not the server's, not ours. */
#define LK_MY_PEOPLES(column)                                                                      \
	column " NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', 'lockkeeper')"

#endif
