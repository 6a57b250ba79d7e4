/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const struct lk_doctor_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_doctor,
	[LK_ENGINE_MYSQL] = &lk_my_doctor,
};

static char *format_list(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static char *format_list(const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	char *text = lk_alloc((size_t)(length < 0 ? 0 : length) + 1);
	vsnprintf(text, (size_t)(length < 0 ? 0 : length) + 1, format, args);
	return text;
}

struct lk_finding *lk_doctor_find(struct lk_doctor *doctor, enum lk_doctor_level level,
				  const char *format, ...)
{
	struct lk_finding *finding = LK_PUSH(doctor->findings, doctor->count);
	va_list args;
	finding->level = level;
	finding->check = doctor->check;
	va_start(args, format);
	finding->found = format_list(format, args);
	va_end(args);
	finding->why = lk_strdup("");
	finding->action = lk_strdup("");
	return finding;
}

void lk_finding_why(struct lk_finding *finding, const char *format, ...)
{
	va_list args;
	free(finding->why);
	va_start(args, format);
	finding->why = format_list(format, args);
	va_end(args);
}

void lk_finding_action(struct lk_finding *finding, const char *format, ...)
{
	va_list args;
	free(finding->action);
	va_start(args, format);
	finding->action = format_list(format, args);
	va_end(args);
}

void lk_doctor_can(struct lk_doctor *doctor, const char *family, enum lk_verdict verdict,
		   const char *reason)
{
	struct lk_ability *ability = LK_PUSH(doctor->abilities, doctor->ability_count);
	ability->family = family;
	ability->verdict = verdict;
	ability->reason = lk_strdup(reason);
}

/* The worst first; within a level as the checks found them. */
static void sort(struct lk_doctor *doctor)
{
	struct lk_finding *sorted = lk_alloc((doctor->count + 1) * sizeof *sorted);
	size_t at = 0;
	for (int level = LK_DOCTOR_LEVELS - 1; level >= 0; level--)
		for (size_t i = 0; i < doctor->count; i++)
			if ((int)doctor->findings[i].level == level)
				sorted[at++] = doctor->findings[i];
	free(doctor->findings);
	doctor->findings = sorted;
}

bool lk_doctor_examine(struct lk_session *session, const char *const *replicas,
		       struct lk_doctor *doctor, struct lk_error *error)
{
	memset(doctor, 0, sizeof *doctor);
	doctor->session = session;
	doctor->replicas = replicas;
	const struct lk_doctor_ops *ops = engines[session->driver->engine];
	bool examined = lk_session_served(session, ops, error) && ops->examine(doctor, error);
	sort(doctor);
	return examined;
}

void lk_doctor_free(struct lk_doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		free(doctor->findings[i].found);
		free(doctor->findings[i].why);
		free(doctor->findings[i].action);
	}
	for (size_t i = 0; i < doctor->ability_count; i++)
		free(doctor->abilities[i].reason);
	free(doctor->findings);
	free(doctor->abilities);
	memset(doctor, 0, sizeof *doctor);
}

size_t lk_doctor_count(const struct lk_doctor *doctor, enum lk_doctor_level level)
{
	size_t count = 0;
	for (size_t i = 0; i < doctor->count; i++)
		count += doctor->findings[i].level == level;
	return count;
}

const char *lk_doctor_level_name(enum lk_doctor_level level)
{
	static const char *const names[] = {"ok", "note", "warning", "problem"};
	return names[level];
}

const char *lk_verdict_name(enum lk_verdict verdict)
{
	static const char *const names[] = {"works", "limited", "fails"};
	return names[verdict];
}
