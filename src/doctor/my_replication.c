/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The binlog, and the replicas: each is asked itself, as a run will ask it. */
#include <string.h>

#include "base/memory.h"
#include "doctor/my_checks.h"
#include "watch/follow.h"
#include "watch/my_replicas.h"

/* A replica this far behind is behind, whatever our writes will add. */
#define LAG_MS 10000
/* An hour's binlog is soon gone when a replica stops. */
#define SHORT_S 86400

/* log_bin, binlog_format, binlog_row_image, server_id. */
static void judge_binlog(struct lk_doctor *d, const struct lk_result *r)
{
	const char *format = lk_cell_text(r, 0, 1), *image = lk_cell_text(r, 0, 2);
	struct lk_finding *f;
	if (!lk_cell_int(r, 0, 0)) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE, "the binlog is off");
		lk_finding_why(
			f, "no replica and no recovery to a point in time is possible: a dropped "
			   "column is in the last full backup, if anywhere");
		lk_finding_action(f, "start the server with log_bin and server_id");
		return;
	}
	d->facts.statement_binlog = strcmp(format, "STATEMENT") == 0;
	if (d->facts.statement_binlog) {
		f = lk_doctor_find(d, LK_DOCTOR_WARNING, "binlog_format is STATEMENT");
		lk_finding_why(f,
			       "InnoDB then writes at REPEATABLE READ alone, so that chunks of a "
			       "backfill lock the gaps between rows, and every replica carries out "
			       "each statement and each trigger itself");
		lk_finding_action(f,
				  "SET GLOBAL binlog_format = 'ROW'; (for sessions from then on)");
	} else if (strcmp(format, "MIXED") == 0) {
		f = lk_doctor_find(d, LK_DOCTOR_NOTE, "binlog_format is MIXED");
		lk_finding_why(f,
			       "replicas carry out some statements themselves, triggers included");
		lk_finding_action(f, "SET GLOBAL binlog_format = 'ROW';");
	} else {
		lk_doctor_find(d, LK_DOCTOR_OK,
			       "the binlog has rows (binlog_row_image %s), server_id %s", image,
			       lk_cell_text(r, 0, 3));
	}
}

static void judge_expiry(struct lk_doctor *d, const struct lk_result *r)
{
	long long seconds = lk_cell_int(r, 0, 0);
	if (r->rows == 0 || !lk_cell_int(r, 0, 1))
		return;
	if (seconds == 0) {
		lk_doctor_find(d, LK_DOCTOR_OK, "the binlog is kept for ever");
		return;
	}
	if (seconds >= SHORT_S) {
		lk_doctor_find(d, LK_DOCTOR_OK, "the binlog is kept for %.1f days",
			       (double)seconds / 86400);
		return;
	}
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_NOTE, "the binlog is kept for only %lld s", seconds);
	lk_finding_why(f, "a replica that stops for longer must be made anew");
	lk_finding_action(f, "SET GLOBAL binlog_expire_logs_seconds = 604800;");
}

/* Enabled, clients, timeout in ms. */
static void judge_semi_sync(struct lk_doctor *d, const struct lk_result *r)
{
	long long on = 0, clients = 0;
	for (size_t i = 0; i < r->rows; i++) {
		const char *name = lk_cell_text(r, i, 0), *value = lk_cell_text(r, i, 1);
		if (strstr(name, "_status") && strcasecmp(value, "ON") == 0)
			on = 1;
		if (strstr(name, "_clients"))
			clients = lk_cell_int(r, i, 1);
	}
	if (on)
		lk_doctor_find(
			d, LK_DOCTOR_OK,
			"commits wait for a replica's receipt (semi-synchronous), %lld replica%s",
			clients, clients == 1 ? "" : "s");
}

/* The target replicates itself. */
static void judge_source(struct lk_doctor *d, const struct lk_result *r)
{
	d->facts.replica = r->rows > 0;
	if (!d->facts.replica)
		return;
	struct lk_finding *f =
		lk_doctor_find(d, LK_DOCTOR_PROBLEM, "the target replicates from another server");
	lk_finding_why(
		f, "what is changed here alone breaks its replication; the change belongs on the "
		   "primary");
	lk_finding_action(
		f, "give the URI of the primary; with two primaries that replicate from each "
		   "other only one may be written");
}

const struct lk_my_check lk_my_replication_checks[] = {
	{"binlog", 0, 0, NULL,
	 "SELECT @@GLOBAL.log_bin, @@GLOBAL.binlog_format, @@GLOBAL.binlog_row_image, @@GLOBAL.server_id",
	 judge_binlog},
	{"binlog", LK_MY_NEVER, 0, NULL,
	 "SELECT @@GLOBAL.binlog_expire_logs_seconds, @@GLOBAL.log_bin", judge_expiry},
	{"binlog", 100601, LK_MY_NEVER, NULL,
	 "SELECT @@GLOBAL.binlog_expire_logs_seconds, @@GLOBAL.log_bin", judge_expiry},
	{"semi-synchronous replication", 0, 0, NULL,
	 "SHOW GLOBAL STATUS WHERE variable_name IN ('Rpl_semi_sync_master_status',"
	 " 'Rpl_semi_sync_source_status', 'Rpl_semi_sync_master_clients', 'Rpl_semi_sync_source_clients')",
	 judge_semi_sync},
	{"source", 0, LK_MY_NEVER, NULL, "SHOW ALL REPLICAS STATUS", judge_source},
	{"source", LK_MY_NEVER, 80022, NULL, "SHOW REPLICA STATUS", judge_source},
	{NULL, 0, 0, NULL, NULL, NULL},
};

static void judge_reading(struct lk_doctor *d, const char *name,
			  const struct lk_replica_reading *reading)
{
	struct lk_finding *f;
	if (reading->broken) {
		f = lk_doctor_find(d, LK_DOCTOR_PROBLEM, "replica %s has stopped: %s", name,
				   reading->note);
		lk_finding_why(
			f,
			"it falls behind until somebody mends it, and what a run writes comes on "
			"top; a backfill holds for it");
		lk_finding_action(
			f, "there: SHOW REPLICA STATUS; mend what it names, then START REPLICA;");
	} else if (reading->behind_ms > LAG_MS) {
		f = lk_doctor_find(d, LK_DOCTOR_WARNING, "replica %s is %.0f s behind", name,
				   reading->behind_ms / 1000);
		lk_finding_why(
			f, "a backfill rests while a replica is further behind than limits.lag");
	} else {
		lk_doctor_find(d, LK_DOCTOR_OK, "replica %s can be asked, %s", name, reading->note);
	}
}

/* `server` NULL: whoever answers is the replica; *answers is what it calls itself. */
static bool ask_at(struct lk_doctor *d, const char *uri, const char *server, char answers[24],
		   struct lk_replica_reading *reading, struct lk_error *error)
{
	const struct lk_follow_ops *ops = lk_follow_for(d->session->uri);
	struct lk_session *session = lk_session_open(uri, d->session->run, "replica", error);
	bool asked = session &&
		     (server ? ops->verify(session, server, error)
			     : ops->identify(session, answers, 24, error)) &&
		     ops->read_state(session, reading, error);
	lk_session_close(session);
	return asked;
}

static bool ask(struct lk_doctor *d, const struct lk_sample_replica *replica,
		struct lk_replica_reading *reading, struct lk_error *error)
{
	const struct lk_follow_ops *ops = lk_follow_for(d->session->uri);
	char *uri = ops->address(d->session->uri, replica->host, replica->port, error);
	bool asked = uri && ask_at(d, uri, replica->server, NULL, reading, error);
	free(uri);
	return asked;
}

static void judge_replica(struct lk_doctor *d, const struct lk_sample_replica *replica)
{
	struct lk_replica_reading reading;
	struct lk_error error = {0};
	LK_COPY(error.text, replica->note);
	if (replica->host[0] && ask(d, replica, &reading, &error)) {
		judge_reading(d, replica->name, &reading);
		return;
	}
	d->facts.unread_replicas = true;
	struct lk_finding *f = lk_doctor_find(
		d, LK_DOCTOR_WARNING, "replica %s cannot be asked: %s", replica->name, error.text);
	lk_finding_why(
		f,
		"its lag is not known, and a backfill does not wait for it; a program that reads "
		"the binlog as a replica does is none and may be left out");
	lk_finding_action(
		f, replica->host[0]
			   ? "let the user connect there from here (report_host and "
			     "report_port of the replica say where that is)"
			   : "set report_host and report_port on the replica, and restart it, or "
			     "give its URI in the target's replicas");
}

/* One that the settings list. *server is what it calls itself, "" when it does not answer. */
static void judge_given(struct lk_doctor *d, const char *uri, char server[24])
{
	struct lk_replica_reading reading;
	struct lk_error error = {0};
	char name[64] = "";
	server[0] = '\0';
	if (lk_follow_for(d->session->uri)->name(uri, name, sizeof name, &error) &&
	    ask_at(d, uri, NULL, server, &reading, &error)) {
		judge_reading(d, name, &reading);
		return;
	}
	d->facts.unread_replicas = true;
	struct lk_finding *f = lk_doctor_find(d, LK_DOCTOR_WARNING,
					      "replica %s cannot be asked: %s", name, error.text);
	lk_finding_why(f, "its lag is not known, and a backfill does not wait for it");
	lk_finding_action(f, "mend its URI in the target's replicas, or let the user connect there "
			     "from here");
}

static bool is_given(const char (*servers)[24], size_t count,
		     const struct lk_sample_replica *replica)
{
	for (size_t i = 0; i < count; i++)
		if (servers[i][0] && strcmp(servers[i], replica->server) == 0)
			return true;
	return false;
}

bool lk_my_check_replicas(struct lk_doctor *doctor, const struct lk_my_view *view,
			  struct lk_error *error)
{
	struct lk_sample *sample = lk_alloc(sizeof *sample);
	char servers[LK_SAMPLE_REPLICAS][24];
	size_t given = 0;
	doctor->check = "replicas";
	if (!lk_my_read_replicas(doctor->session, view, sample, error)) {
		free(sample);
		return lk_doctor_unseen(doctor, error);
	}
	for (; doctor->replicas && doctor->replicas[given] && given < LK_SAMPLE_REPLICAS; given++)
		judge_given(doctor, doctor->replicas[given], servers[given]);
	doctor->facts.has_replicas = given + sample->replica_count > 0;
	for (size_t i = 0; i < sample->replica_count; i++)
		if (!is_given((const char(*)[24])servers, given, &sample->replicas[i]))
			judge_replica(doctor, &sample->replicas[i]);
	if (!doctor->facts.has_replicas)
		lk_doctor_find(doctor, LK_DOCTOR_OK, "no replica is connected");
	free(sample);
	return true;
}
