/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { PAIRS = 32, LOOK_MS = 20, SILENT_MS = 5 };

struct pair {
	int keeper, server; /* -1: none */
};

struct lk_chaos_proxy {
	struct sockaddr_un address;
	int listener, port;
	atomic_bool silent, reset, stop;
	pthread_t thread;
	struct pair pairs[PAIRS]; /* the thread's own, like what follows */
};

static void close_pair(struct pair *pair, bool reset)
{
	const struct linger at_once = {1, 0};
	if (reset)
		setsockopt(pair->keeper, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(pair->keeper);
	close(pair->server);
	pair->keeper = pair->server = -1;
}

static void take_one(struct lk_chaos_proxy *p)
{
	int keeper = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pair *place = NULL;
	for (int i = 0; i < PAIRS && !place; i++)
		if (p->pairs[i].keeper < 0)
			place = &p->pairs[i];
	if (keeper >= 0 && place &&
	    connect(server, (struct sockaddr *)&p->address, sizeof p->address) == 0) {
		*place = (struct pair){keeper, server};
		return;
	}
	if (keeper >= 0)
		close(keeper);
	close(server);
}

/* False once the sender has ended. */
static bool pass_on(int from, int to)
{
	char bytes[16384];
	ssize_t length = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
	if (length < 0)
		return errno == EAGAIN || errno == EINTR;
	for (ssize_t sent = 0; sent < length;) {
		ssize_t n = send(to, bytes + sent, (size_t)(length - sent), MSG_NOSIGNAL);
		if (n < 0)
			return false;
		sent += n;
	}
	return length > 0;
}

static void pass_all(struct lk_chaos_proxy *p)
{
	struct pollfd fds[2 * PAIRS + 1] = {{p->listener, POLLIN, 0}};
	for (int i = 0; i < PAIRS; i++) {
		fds[2 * i + 1] = (struct pollfd){p->pairs[i].keeper, POLLIN, 0};
		fds[2 * i + 2] = (struct pollfd){p->pairs[i].server, POLLIN, 0};
	}
	if (poll(fds, LK_COUNT(fds), LOOK_MS) <= 0)
		return;
	for (int i = 0; i < PAIRS; i++) {
		struct pair *pair = &p->pairs[i];
		bool open = pair->keeper >= 0;
		if (open && fds[2 * i + 1].revents)
			open = pass_on(pair->keeper, pair->server);
		if (open && fds[2 * i + 2].revents)
			open = pass_on(pair->server, pair->keeper);
		if (!open && pair->keeper >= 0)
			close_pair(pair, false);
	}
	if (fds[0].revents)
		take_one(p);
}

static void *serve(void *argument)
{
	struct lk_chaos_proxy *p = argument;
	while (!atomic_load(&p->stop)) {
		if (atomic_load(&p->silent)) {
			lk_sleep_ms(SILENT_MS);
			continue;
		}
		bool reset = atomic_exchange(&p->reset, false);
		for (int i = 0; reset && i < PAIRS; i++)
			if (p->pairs[i].keeper >= 0)
				close_pair(&p->pairs[i], true);
		pass_all(p);
	}
	for (int i = 0; i < PAIRS; i++)
		if (p->pairs[i].keeper >= 0)
			close_pair(&p->pairs[i], false);
	return NULL;
}

struct lk_chaos_proxy *lk_chaos_proxy_start(const char *socket_path, struct lk_error *error)
{
	struct lk_chaos_proxy *p = lk_alloc(sizeof *p);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof address;
	p->address.sun_family = AF_UNIX;
	LK_COPY(p->address.sun_path, socket_path);
	for (int i = 0; i < PAIRS; i++)
		p->pairs[i] = (struct pair){-1, -1};
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->listener < 0 || bind(p->listener, (struct sockaddr *)&address, size) != 0 ||
	    listen(p->listener, PAIRS) != 0 ||
	    getsockname(p->listener, (struct sockaddr *)&address, &size) != 0) {
		lk_fail_errno(error, errno, "no port on the loopback");
		if (p->listener >= 0)
			close(p->listener);
		free(p);
		return NULL;
	}
	p->port = ntohs(address.sin_port);
	if (pthread_create(&p->thread, NULL, serve, p) != 0)
		abort();
	return p;
}

void lk_chaos_proxy_stop(struct lk_chaos_proxy *p)
{
	if (!p)
		return;
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
	close(p->listener);
	free(p);
}

int lk_chaos_proxy_port(const struct lk_chaos_proxy *p)
{
	return p->port;
}

void lk_chaos_proxy_silence(struct lk_chaos_proxy *p, bool silent, bool reset)
{
	atomic_store(&p->reset, reset);
	atomic_store(&p->silent, silent);
}
