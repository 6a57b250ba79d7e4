/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/link.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "control/client.h"

enum { AGAIN_US = 1000 * 1000, ASKED = 32 };

struct lk_link {
	const struct lk_console_options *options;
	struct lk_model *model;
	struct lk_client *client;
	struct lk_snapshot *snapshot; /* decoded here: too large for the stack */
	char socket[128], run[64];
	int64_t again_us;
	bool urgent;
	struct {
		int id;
		const char *verb;
	} asked[ASKED]; /* what the replies will answer, a ring */
	int asked_at;
};

struct lk_link *lk_link_new(const struct lk_console_options *options, struct lk_model *model)
{
	struct lk_link *link = lk_alloc(sizeof *link);

	link->options = options;
	link->model = model;
	link->snapshot = lk_alloc(sizeof *link->snapshot);
	return link;
}

void lk_link_free(struct lk_link *link)
{
	if (!link)
		return;
	if (link->client)
		lk_client_close(link->client);
	free(link->snapshot);
	free(link);
}

static void ask(struct lk_link *link, const char *verb, json_t *members)
{
	json_object_set_new(members, "who", json_string(link->model->user.name));
	link->asked[link->asked_at].id = lk_client_send(link->client, verb, members);
	link->asked[link->asked_at].verb = verb;
	link->asked_at = (link->asked_at + 1) % ASKED;
}

static bool connect_keeper(struct lk_link *link, struct lk_error *error)
{
	json_t *members;

	link->client = lk_client_open(link->socket, error);
	if (!link->client)
		return false;
	LK_COPY(link->run, lk_client_run(link->client));
	members = json_pack("{s:s, s:I, s:s}", "role", link->options->watch ? "watch" : "operate",
			    "since", (json_int_t)lk_model_last_event(link->model), "host",
			    link->model->user.host);
	ask(link, "attach", members);
	lk_model_attached(link->model);
	return true;
}

void lk_link_leave(struct lk_link *link)
{
	if (link->client)
		lk_client_close(link->client);
	link->client = NULL;
	link->socket[0] = '\0';
	lk_model_detached(link->model);
}

bool lk_link_attach(struct lk_link *link, const char *socket_path, struct lk_error *error)
{
	lk_link_leave(link);
	LK_COPY(link->socket, socket_path);
	return connect_keeper(link, error);
}

const char *lk_link_run(const struct lk_link *link)
{
	return link->run;
}

struct pollfd lk_link_poll(const struct lk_link *link)
{
	struct pollfd fd = {-1, POLLIN, 0};

	if (link->client) {
		fd.fd = lk_client_fd(link->client);
		fd.events |= lk_client_wants_write(link->client) ? POLLOUT : 0;
	}
	return fd;
}

static void on_snapshot(void *context, const json_t *object)
{
	struct lk_link *link = context;

	memset(link->snapshot, 0, sizeof *link->snapshot);
	lk_snapshot_decode(object, link->snapshot);
	link->urgent |= lk_model_snapshot(link->model, link->snapshot);
}

static void on_event(void *context, const struct lk_event *event)
{
	struct lk_link *link = context;

	lk_model_event(link->model, event);
}

static void on_reply(void *context, int id, bool ok, const char *text)
{
	struct lk_link *link = context;

	for (int i = 0; i < ASKED; i++)
		if (link->asked[i].verb && link->asked[i].id == id) {
			lk_model_reply(link->model, link->asked[i].verb, ok, text);
			link->asked[i].verb = NULL;
			link->urgent = true;
			return;
		}
}

static json_t *members_of(const struct lk_request *request, const struct lk_model *model)
{
	json_t *members = json_object();

	if (strcmp(request->verb, "confirm") == 0) {
		json_object_set_new(members, "gate", json_string(request->gate));
		json_object_set_new(members, "answer", json_string("yes"));
	} else if (strcmp(request->verb, "lease") == 0) {
		json_object_set_new(members, "take", json_boolean(request->take));
		json_object_set_new(members, "host", json_string(model->user.host));
	} else if (strcmp(request->verb, "note") == 0) {
		json_object_set_new(members, "text", json_string(request->text));
	} else if (strcmp(request->verb, "throttle") == 0) {
		json_object_set_new(members, "chunk_time_ms", json_real(request->chunk_time_ms));
		json_object_set_new(members, "rest", json_integer(0));
	}
	return members;
}

static void send_outbox(struct lk_link *link)
{
	struct lk_model *model = link->model;

	for (int i = 0; i < model->outbox_count; i++)
		ask(link, model->outbox[i].verb, members_of(&model->outbox[i], model));
	model->outbox_count = 0;
}

static void lose(struct lk_link *link, int64_t now_us)
{
	lk_client_close(link->client);
	link->client = NULL;
	link->again_us = now_us + AGAIN_US;
	memset(link->asked, 0, sizeof link->asked);
	lk_model_lost(link->model);
	link->urgent = true;
}

bool lk_link_work(struct lk_link *link, int64_t now_us)
{
	static const struct lk_client_handler handler = {on_snapshot, on_event, on_reply};
	struct lk_error error = {0};
	bool urgent;

	if (!link->client && link->socket[0] && now_us >= link->again_us) {
		link->again_us = now_us + AGAIN_US;
		link->urgent |= connect_keeper(link, &error);
	}
	if (link->client) {
		send_outbox(link);
		if (!lk_client_pump(link->client, &handler, link, &error))
			lose(link, now_us);
	} else if (link->model->outbox_count > 0) {
		lk_model_say(link->model, LK_ROLE_CRIT, "not sent: no keeper answers");
		link->model->outbox_count = 0;
		link->urgent = true;
	}
	urgent = link->urgent;
	link->urgent = false;
	return urgent;
}
