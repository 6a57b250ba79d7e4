/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/strikes.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "tests/chaos/moments.h"
#include "tests/chaos/network.h"
#include "tests/chaos/session.h"

/* How long the server may take to answer after what was done to it. */
enum { BACK_S = 60, SESSIONS = 8 };

static void hold(const struct lk_chaos_fault *fault)
{
	lk_sleep_ms(fault->lasts_ms);
}

static void await_primary(struct lk_chaos_world *world)
{
	if (!lk_chaos_wait(world, world->engine->ready, BACK_S))
		fprintf(stderr, "chaos: the primary does not answer within %d s\n", BACK_S);
}

static void await_replica(struct lk_chaos_world *world)
{
	if (!lk_chaos_wait(world, world->engine->followed, BACK_S))
		fprintf(stderr, "chaos: the replica does not follow within %d s\n", BACK_S);
}

static void end_session(struct lk_chaos_world *world, const char *role)
{
	pid_t pids[SESSIONS];
	struct lk_error ignored;
	int count = lk_chaos_sessions(world, role, pids, SESSIONS);
	struct lk_link *link = lk_chaos_connect(world);
	for (int i = 0; link && i < count; i++) {
		char *sql = world->engine->end((int)pids[i]);
		lk_link_execute(link, sql, &ignored);
		free(sql);
	}
	lk_link_close(link);
}

static void kill_sessions(struct lk_chaos_world *world, const char *role)
{
	pid_t pids[SESSIONS];
	int count = lk_chaos_sessions(world, role, pids, SESSIONS);
	if (count > 0)
		world->engine->kill_sessions(world->servers, pids, count);
	await_primary(world);
}

void lk_chaos_keeper_kill(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	(void)fault;
	pid_t pid = lk_chaos_keeper(world, LK_CHAOS_ALICE);
	if (pid > 0)
		kill(pid, SIGKILL);
}

void lk_chaos_end_worker(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	(void)fault;
	end_session(world, "worker");
}

void lk_chaos_end_journal(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	(void)fault;
	end_session(world, "journal");
}

void lk_chaos_end_watch(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	(void)fault;
	end_session(world, "watch");
}

void lk_chaos_end_control(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	/* Or all of them at once. */
	end_session(world, fault->variant ? "%" : "control");
}

void lk_chaos_backend_kill(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	kill_sessions(world, fault->variant ? "worker" : "journal");
}

void lk_chaos_backend_stop(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	pid_t pids[SESSIONS];
	int count = lk_chaos_sessions(world, fault->variant ? "worker" : "%", pids, SESSIONS);
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGSTOP);
	hold(fault);
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGCONT);
}

void lk_chaos_primary_restart(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	world->engine->down(world->servers, LK_CHAOS_PRIMARY, fault->variant);
	hold(fault);
	world->engine->up(world->servers, LK_CHAOS_PRIMARY);
}

void lk_chaos_replica_restart(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	world->engine->kill(world->servers, LK_CHAOS_REPLICA);
	hold(fault);
	world->engine->up(world->servers, LK_CHAOS_REPLICA);
}

void lk_chaos_primary_freeze(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	world->engine->freeze(world->servers, LK_CHAOS_PRIMARY, true);
	hold(fault);
	world->engine->freeze(world->servers, LK_CHAOS_PRIMARY, false);
}

static void stop_for_a_while(pid_t pid, const struct lk_chaos_fault *fault)
{
	if (pid <= 0)
		return;
	kill(pid, SIGSTOP);
	hold(fault);
	kill(pid, SIGCONT);
}

void lk_chaos_keeper_stop(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	pid_t pid = lk_chaos_keeper(world, LK_CHAOS_ALICE);
	if (pid <= 0)
		return;
	kill(pid, SIGSTOP);
	/* Somebody else may take the run over while it stands, and it must notice when it goes on. */
	if (fault->variant) {
		end_session(world, "%");
		lk_chaos_run(world, LK_CHAOS_BOB, fault->lasts_ms, "expand,migrate");
	} else {
		hold(fault);
	}
	kill(pid, SIGCONT);
}

void lk_chaos_console_stop(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	stop_for_a_while(world->console, fault);
}

/* What the new keeper wrote when it took the run over must outlive the server. */
void lk_chaos_takeover_crash(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	static const char epoch_sql[] = "SELECT max(epoch) FROM lockkeeper.epoch";
	char before[24], now[24];
	int64_t until = lk_clock_us() + 5000000;
	if (!lk_chaos_ask(world, epoch_sql, before, sizeof before))
		before[0] = '\0';
	lk_chaos_keeper_kill(world, fault);
	while (before[0] && lk_clock_us() < until)
		if (lk_chaos_ask(world, epoch_sql, now, sizeof now) && strcmp(now, before) != 0)
			break;
	hold(fault);
	kill_sessions(world, "%");
}

/* Bob goes home: his keeper ends in order, and whoever wants the run takes it. */
static void send_bob_home(struct lk_chaos_world *world)
{
	pid_t pid = lk_chaos_keeper(world, LK_CHAOS_BOB);
	int64_t until = lk_clock_us() + BACK_S * 1000000LL;
	if (pid > 0)
		kill(pid, SIGTERM);
	while (pid > 0 && !lk_chaos_process_gone(pid) && lk_clock_us() < until)
		lk_sleep_ms(5);
	if (pid > 0 && !lk_chaos_process_gone(pid)) {
		fprintf(stderr, "chaos: Bob's keeper does not end in %d s\n", BACK_S);
		kill(pid, SIGKILL);
	}
}

void lk_chaos_two_keepers(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	/* Alice starts hers again at the same time, or has it all along. */
	if (fault->variant)
		lk_chaos_keeper_kill(world, fault);
	lk_chaos_run(world, LK_CHAOS_BOB, fault->lasts_ms, "expand,migrate");
}

void lk_chaos_pause_storm(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	static const char *const verbs[] = {"pause", "resume"};
	int64_t until = lk_clock_us() + fault->lasts_ms * 1000LL;
	for (int i = 0; i < 40 && lk_clock_us() < until; i++) {
		const char *const arguments[] = {"lockkeeper", verbs[i % 2], LK_CHAOS_PLAN, NULL};
		/* Bob's own home has no keeper: he does it over Alice's shoulder, as another console. */
		lk_chaos_do(world, LK_CHAOS_ALICE, 5000, arguments);
	}
}

/* Takes all that is left of a file system, and gives it back. */
static void fill(const char *folder, const struct lk_chaos_fault *fault,
		 void (*meanwhile)(struct lk_chaos_world *), struct lk_chaos_world *world)
{
	struct statvfs space;
	char *path = lk_path_join(folder, "filler");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int64_t until = lk_clock_us() + fault->lasts_ms * 1000LL;
	/* What others free in the meantime is taken as well. */
	for (off_t size = 0; fd >= 0 && lk_clock_us() < until; lk_sleep_ms(10)) {
		if (statvfs(folder, &space) != 0 || space.f_bavail == 0)
			continue;
		off_t more = (off_t)space.f_bavail * (off_t)space.f_frsize;
		if (posix_fallocate(fd, size, more) == 0)
			size += more;
		if (meanwhile)
			meanwhile(world);
		meanwhile = NULL;
	}
	if (fd >= 0)
		close(fd);
	unlink(path);
	free(path);
}

/* A server that has no room for its log ends itself; the person who made room starts it again. */
void lk_chaos_server_disk(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	char *disk = lk_path_join(world->folder, "disk");
	fill(disk, fault, NULL, world);
	free(disk);
	if (!lk_chaos_wait(world, world->engine->ready, 3)) {
		world->engine->down(world->servers, LK_CHAOS_PRIMARY, true);
		world->engine->up(world->servers, LK_CHAOS_PRIMARY);
	}
	if (!lk_chaos_wait(world, world->engine->followed, 3)) {
		world->engine->down(world->servers, LK_CHAOS_REPLICA, true);
		world->engine->up(world->servers, LK_CHAOS_REPLICA);
	}
}

static void kill_alice_s(struct lk_chaos_world *world)
{
	lk_chaos_keeper_kill(world, NULL);
}

void lk_chaos_own_disk(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	char *state = lk_path_join(world->homes[LK_CHAOS_ALICE], "state");
	fill(state, fault, fault->variant ? kill_alice_s : NULL, world);
	free(state);
}

static void cut(struct lk_chaos_world *world, bool silent, bool reset)
{
	struct lk_error error;
	if (world->proxy)
		lk_chaos_proxy_silence(world->proxy, silent, reset);
	else if (!lk_chaos_pull_cable(silent, &error))
		fprintf(stderr, "chaos: %s\n", error.text);
}

void lk_chaos_network_cut(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	cut(world, true, false);
	hold(fault);
	/* With the server's half gone the next packet is answered with a reset. */
	if (fault->variant)
		end_session(world, "%");
	cut(world, false, fault->variant);
}

void lk_chaos_clock_jump(struct lk_chaos_world *world, struct lk_chaos_fault *fault)
{
	atomic_store(world->clock_offset, fault->variant ? 3600 : -3600);
	hold(fault);
}

void lk_chaos_await_back(struct lk_chaos_world *world)
{
	await_primary(world);
	await_replica(world);
	send_bob_home(world);
}
