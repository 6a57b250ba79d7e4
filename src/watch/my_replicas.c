/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/my_replicas.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* Sessions to which the primary sends its binlog: replicas, and programs that read it as one. */
static const char dump_sql[] =
	"SELECT user, host, COALESCE(state, '') FROM information_schema.processlist"
	" WHERE command LIKE 'Binlog Dump%' ORDER BY id LIMIT 12";

/* A replica of MySQL without report_host says no address; its connection has one, and the same uuid. */
static const char uuid_sql[] =
	"SELECT DISTINCT t.processlist_host FROM performance_schema.user_variables_by_thread v"
	" JOIN performance_schema.threads t ON t.thread_id = v.thread_id"
	" WHERE v.variable_name IN ('slave_uuid', 'replica_uuid') AND v.variable_value = $1";

/* Without the performance schema: when all of them come from one host, that. Who answers there says who he is. */
static const char dump_host_sql[] =
	"SELECT DISTINCT LEFT(host, LENGTH(host) - LENGTH(SUBSTRING_INDEX(host, ':', -1)) - 1)"
	" FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' AND host LIKE '%:%'";

/* Server_id, Host, Port, the primary's id, and on MySQL the replica's uuid. */
static const char *list_sql(const struct lk_my_view *view)
{
	return view->server.maria	      ? "SHOW REPLICA HOSTS"
	       : view->server.version < 80022 ? "SHOW SLAVE HOSTS"
					      : "SHOW REPLICAS";
}

static struct lk_sample_replica *add(struct lk_sample *sample)
{
	if (sample->replica_count == LK_SAMPLE_REPLICAS)
		return NULL;
	struct lk_sample_replica *p = &sample->replicas[sample->replica_count++];
	p->asked = true;
	p->position = -1;
	p->lag_ms = -1;
	p->reply_age_ms = -1;
	return p;
}

static bool find_host(struct lk_session *session, const struct lk_my_view *view, const char *uuid,
		      struct lk_sample_replica *p, struct lk_error *error)
{
	struct lk_result r;
	if (!(view->schema ? LK_QUERY(session, &r, error, uuid_sql, uuid)
			   : LK_QUERY(session, &r, error, dump_host_sql)))
		return lk_my_denied(error);
	if (r.rows == 1)
		LK_COPY(p->host, lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return true;
}

/* Without the privilege for the list, the sessions at least; nobody says where they listen. */
static bool read_dumps(struct lk_session *session, const char *why, struct lk_sample *sample,
		       struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, dump_sql))
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		struct lk_sample_replica *p = add(sample);
		snprintf(p->name, sizeof p->name, "%.30s@%.30s", lk_cell_text(&r, i, 0),
			 lk_cell_text(&r, i, 1));
		snprintf(p->note, sizeof p->note, "where it listens is hidden: %.120s", why);
	}
	lk_result_free(&r);
	return true;
}

static bool read_listed(struct lk_session *session, const struct lk_my_view *view,
			const struct lk_result *r, size_t row, struct lk_sample *sample,
			struct lk_error *error)
{
	struct lk_sample_replica *p = add(sample);
	if (!p)
		return true;
	LK_COPY(p->server, lk_cell_text(r, row, 0));
	LK_COPY(p->host, lk_cell_text(r, row, 1));
	p->port = (int)lk_cell_int(r, row, 2);
	if (!p->host[0] && r->columns > 4 &&
	    !find_host(session, view, lk_cell_text(r, row, 4), p, error))
		return false;
	if (p->host[0]) {
		char *name = lk_format("%.50s:%d", p->host, p->port);
		LK_COPY(p->name, name);
		free(name);
	} else {
		char *name = lk_format("server_id %s", p->server);
		LK_COPY(p->name, name);
		free(name);
		LK_COPY(p->note, "it does not say where it listens: set report_host there, "
				 "or list its URI in replicas");
	}
	return true;
}

bool lk_my_read_replicas(struct lk_session *session, const struct lk_my_view *view,
			 struct lk_sample *sample, struct lk_error *error)
{
	struct lk_result r;
	bool read = true;
	if (!LK_QUERY(session, &r, error, list_sql(view))) {
		const struct lk_error why = *error;
		return lk_my_denied(&why) && read_dumps(session, why.text, sample, error);
	}
	for (size_t i = 0; read && i < r.rows; i++)
		read = read_listed(session, view, &r, i, sample, error);
	lk_result_free(&r);
	return read;
}
