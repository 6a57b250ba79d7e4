/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

/* What cannot be looked at is said, and nothing follows from it. */
bool lk_doctor_unseen(struct lk_doctor *doctor, const struct lk_error *error)
{
	if (error->class == LK_ERROR_LOST)
		return false;
	char text[sizeof error->text + 40];
	snprintf(text, sizeof text, "could not be looked at: %s", error->text);
	/* One missing privilege may hide several things. */
	for (size_t i = 0; i < doctor->count; i++)
		if (strcmp(doctor->findings[i].found, text) == 0)
			return true;
	struct lk_finding *f = lk_doctor_find(doctor, LK_DOCTOR_NOTE, "%s", text);
	lk_finding_why(f, "so nothing is known of it");
	return true;
}

bool lk_doctor_look(struct lk_doctor *doctor, const char *query, lk_doctor_judge *judge,
		    struct lk_error *error)
{
	struct lk_result rows;
	if (!LK_QUERY(doctor->session, &rows, error, query))
		return lk_doctor_unseen(doctor, error);
	judge(doctor, &rows);
	lk_result_free(&rows);
	return true;
}

void lk_doctor_and_more(struct lk_doctor *doctor, enum lk_doctor_level level,
			const struct lk_result *rows, const char *what)
{
	if (rows->rows > LK_DOCTOR_MOST_ROWS)
		lk_doctor_find(doctor, level, "and %zu more %s", rows->rows - LK_DOCTOR_MOST_ROWS,
			       what);
}

const char *lk_doctor_unit(double seconds, double *value)
{
	*value = seconds < 120 ? seconds : seconds < 7200 ? seconds / 60 : seconds / 3600;
	return seconds < 120 ? "s" : seconds < 7200 ? "min" : "h";
}

static bool free_bytes(const char *folder, double *bytes)
{
	struct statvfs fs;
	if (!folder[0] || statvfs(folder, &fs) != 0)
		return false;
	*bytes = (double)fs.f_bavail * (double)fs.f_frsize;
	return true;
}

/* Through a unix socket the server's folders are this host's. */
static bool is_local(const struct lk_doctor *d)
{
	char *target = d->session->driver->describe(d->session->connection);
	bool local = strstr(target, "@local/") != NULL;
	free(target);
	return local;
}

bool lk_doctor_free_bytes(const struct lk_doctor *doctor, const char *folder, double *bytes)
{
	return is_local(doctor) && free_bytes(folder, bytes);
}
