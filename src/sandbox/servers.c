/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/servers.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const struct lk_servers_kind *const lk_servers_kinds[] = {
	&lk_servers_postgres,
	&lk_servers_mariadb,
	&lk_servers_mysql,
	NULL,
};

const struct lk_servers_kind *lk_servers_kind(const char *word)
{
	size_t i = 0;
	while (lk_servers_kinds[i] && strcmp(lk_servers_kinds[i]->word, word) != 0)
		i++;
	return lk_servers_kinds[i];
}

bool lk_servers_find(struct lk_servers *servers, const struct lk_servers_kind *kind,
		     struct lk_error *error)
{
	memset(servers, 0, sizeof *servers);
	servers->folder.lock = -1;
	servers->kind = kind;
	return kind->find(servers, error);
}

void lk_servers_stage_done(struct lk_servers_start *start, const char *format, ...)
{
	char what[300], line[340];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	int64_t now_us = lk_clock_us();
	snprintf(line, sizeof line, "%s, %.1f s", what, (double)(now_us - start->last_us) / 1e6);
	start->last_us = now_us;
	if (start->progress)
		start->progress(start->context, line);
}

bool lk_servers_start(struct lk_servers_start *start, struct lk_error *error)
{
	start->last_us = lk_clock_us();
	if (start->servers->kind->start(start, error))
		return true;
	lk_servers_stop(start->servers, false);
	return false;
}

/* A server that somebody restarted is no child of ours; it is found by its data folder. */
void lk_servers_stop(struct lk_servers *servers, bool clean)
{
	if (servers->own)
		servers->kind->stop(servers, clean);
	lk_folder_end_servers(servers->folder.servers);
}

void lk_servers_free(struct lk_servers *servers)
{
	if (servers->own)
		servers->kind->free(servers);
	servers->own = NULL;
}

char *lk_servers_uri(const struct lk_servers *servers, enum lk_servers_role role, bool application)
{
	return servers->kind->uri(servers, role, application);
}
