/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/pg_checks.h"

#include "base/memory.h"

/* No check is worth waiting for longer, nor worth making others wait. */
static const char setup_sql[] =
	"SET statement_timeout = '15s'; SET lock_timeout = '1s'; SET default_transaction_read_only = on";

static const struct lk_pg_check *const groups[] = {
	lk_pg_server_checks, lk_pg_role_checks,	 lk_pg_replication_checks, lk_pg_activity_checks,
	lk_pg_vacuum_checks, lk_pg_table_checks, lk_pg_disk_checks,	   lk_pg_leftover_checks,
};

static bool is_there(struct lk_doctor *doctor, const char *relation, bool *there,
		     struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(doctor->session, &r, error, "SELECT to_regclass($1) IS NOT NULL", relation))
		return false;
	*there = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

static bool carry_out(struct lk_doctor *doctor, const struct lk_pg_check *check, int version,
		      struct lk_error *error)
{
	bool there = true;
	doctor->check = check->name;
	if (version < check->version)
		return true;
	if (check->needs && !is_there(doctor, check->needs, &there, error))
		return lk_doctor_unseen(doctor, error);
	if (!there)
		return true;
	return lk_doctor_look(doctor, check->query, check->judge, error);
}

static bool examine(struct lk_doctor *doctor, struct lk_error *error)
{
	struct lk_result r;
	if (!lk_execute(doctor->session, setup_sql, error) ||
	    !LK_QUERY(doctor->session, &r, error,
		      "SELECT current_setting('server_version_num')::int"))
		return false;
	int version = (int)lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	for (size_t g = 0; g < LK_COUNT(groups); g++)
		for (const struct lk_pg_check *check = groups[g]; check->name; check++)
			if (!carry_out(doctor, check, version, error))
				return false;
	lk_pg_doctor_abilities(doctor);
	return true;
}

const struct lk_doctor_ops lk_pg_doctor = {.examine = examine};
