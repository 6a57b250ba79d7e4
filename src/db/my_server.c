/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/my_server.h"

#include <stdio.h>
#include <string.h>

bool lk_my_server(struct lk_session *session, struct lk_my_server *server, struct lk_error *error)
{
	struct lk_result r;
	int major = 0, minor = 0, patch = 0;
	memset(server, 0, sizeof *server);
	if (!LK_QUERY(session, &r, error, "SELECT version()"))
		return false;
	const char *text = lk_cell_text(&r, 0, 0);
	server->maria = strstr(text, "MariaDB") != NULL;
	bool understood = sscanf(text, "%d.%d.%d", &major, &minor, &patch) == 3;
	if (!understood)
		lk_fail(error, LK_ERROR_REFUSED, "the server calls its version \"%s\"", text);
	lk_result_free(&r);
	server->version = major * 10000 + minor * 100 + patch;
	snprintf(server->shown, sizeof server->shown, "%s %d.%d.%d",
		 server->maria ? "MariaDB" : "MySQL", major, minor, patch);
	return understood;
}
