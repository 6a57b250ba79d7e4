/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A console in a pseudo-terminal whose screen can be read, and the keeper it talks to, played by
 * the test. Everything happens while the test waits for something: there are no threads and no
 * fixed sleeps.
 */
#ifndef LK_TESTS_HARNESS_H
#define LK_TESTS_HARNESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <vterm.h>

#include "control/snapshot.h"

enum { KEEPER_CLIENTS = 4, KEEPER_REQUESTS = 256 };

struct keeper {
	char folder[64], path[96];
	int listener;
	int clients[KEEPER_CLIENTS];
	char *input[KEEPER_CLIENTS];
	struct lk_snapshot snapshot;	   /* sent to whoever attaches, and by keeper_send */
	json_t *requests[KEEPER_REQUESTS]; /* all that came but attach */
	int request_count, attach_count;
	bool hold; /* replies wait until it is false again */
	json_int_t held[KEEPER_REQUESTS];
	int held_count;
	int64_t sent_us;    /* when a snapshot was last sent to all */
	const char *refuse; /* when set, every request is refused with this sentence */
};

struct screen {
	struct keeper *keeper;
	VTerm *vt;
	VTermScreen *vts;
	int fd, rows, columns;
	pid_t pid;
	bool ended;
	int status;
	long bytes; /* that the console has written */
	char title[256];
	bool title_set;
	char *raw; /* all of it, for searching */
	size_t raw_length, raw_capacity;
};

struct screen_options {
	int rows, columns;
	const char *locale;   /* default C.UTF-8 */
	const char *term;     /* default xterm-256color */
	const char *no_color; /* value of NO_COLOR, NULL: not set */
	const char *arguments[8];
	const char *program; /* instead of the console's driver; gets the arguments alone */
};

struct keeper *keeper_start(void);
void keeper_stop(struct keeper *keeper);
/* Takes connections away and the socket with them: the keeper has died. */
void keeper_vanish(struct keeper *keeper);
void keeper_return(struct keeper *keeper);
void keeper_send(struct keeper *keeper);
void keeper_event(struct keeper *keeper, const struct lk_event *event);
/* How many requests with that verb have come; "" counts all. */
int keeper_count(const struct keeper *keeper, const char *verb);
const json_t *keeper_last(const struct keeper *keeper);

struct screen *screen_start(struct keeper *keeper, const struct screen_options *options);
/* Ends the console (hang-up, then force) and yields whether it had to be forced. */
bool screen_stop(struct screen *screen);
void screen_keys(struct screen *screen, const char *bytes, size_t count);
/* A value typed as a person does: each character when the one before has been shown. */
void screen_type(struct screen *screen, const char *text);
void screen_resize(struct screen *screen, int rows, int columns);
/* One turn of everything: terminal, keeper, child. */
void screen_pump(struct screen *screen, int milliseconds);
/* Waits until a row contains the text; false after five seconds. */
bool screen_wait(struct screen *screen, const char *text);
bool screen_wait_gone(struct screen *screen, const char *text);
bool screen_wait_requests(struct screen *screen, const char *verb, int count);
/* Waits until nothing has been written for a while: a frame is complete. */
void screen_settle(struct screen *screen);
bool screen_has(struct screen *screen, const char *text);
/* The row's text without trailing blanks; valid until the next call. */
const char *screen_row(struct screen *screen, int row);
/* The whole text; the caller's. */
char *screen_text(struct screen *screen);
void screen_dump(struct screen *screen);

#endif
