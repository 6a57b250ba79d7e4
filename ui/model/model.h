/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything the console knows and shows, without a terminal, a socket or a clock: data and keys go
 * in, requests to the keeper and wishes to the loop come out. Views read it; nothing else holds
 * state.
 *
 * Time: the owner sets it with lk_model_time before each call. Threads: one.
 */
#ifndef LK_UI_MODEL_H
#define LK_UI_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/snapshot.h"
#include "ui/console.h"
#include "ui/model/list.h"
#include "ui/model/question.h"
#include "ui/theme/theme.h"

enum lk_screen {
	LK_SCREEN_PLANS,
	LK_SCREEN_LIVE,
	LK_SCREEN_LOCKS,
	LK_SCREEN_STEPS,
	LK_SCREEN_LOG,
	LK_SCREENS
};

enum lk_overlay { LK_OVERLAY_NONE, LK_OVERLAY_HELP, LK_OVERLAY_MENU, LK_OVERLAY_QUESTION };

/* What a person can set in motion; see actions.h. */
enum lk_act {
	LK_ACT_GATE,
	LK_ACT_RESUME,
	LK_ACT_SLOW,
	LK_ACT_ROLLBACK,
	LK_ACT_ABORT,
	LK_ACT_NOTE,
	LK_ACT_TAKE,
	LK_ACT_GIVE,
	LK_ACT_DETACH,
	LK_ACTS
};

enum lk_link_state { LK_LINK_NONE, LK_LINK_UP, LK_LINK_LOST };

/* What the loop should do after a key; bits. */
enum lk_want {
	LK_WANT_LEAVE = 1,
	LK_WANT_REDRAW = 2,
	LK_WANT_SUSPEND = 4,
	LK_WANT_OPEN_PLAN = 8, /* open_path, or open_socket when a keeper is alive */
	LK_WANT_BELL = 16,
	LK_WANT_COMMAND_LINE = 32,
	LK_WANT_FILTER_LINE = 64,
	LK_WANT_NOTE_LINE = 128,
	LK_WANT_FLUSH_INPUT = 256, /* a question was opened: what was typed before does not count */
};

/* A request for the keeper: the members that its verb has. */
struct lk_request {
	const char *verb;
	char gate[64];
	char text[300];
	double chunk_time_ms;
	bool take;
};

enum { LK_OUTBOX = 16, LK_LOG_LINES = 400, LK_PLANS_SHOWN = 64 };

struct lk_model {
	struct {
		const char *name, *host, *fence;
		bool watch;
	} user;
	int64_t now_us, wall_ms;

	enum lk_screen screen;
	enum lk_overlay overlay;
	bool screen_chosen; /* by the person: do not move it for them */
	bool detail;	    /* Steps and Locks: the selected row fills the screen */
	int detail_top, help_top, menu_index;
	struct lk_list lists[LK_SCREENS];
	char filter[64];
	int interval_s; /* between frames */
	bool link_slow;

	enum lk_link_state link;
	int64_t lost_us;	    /* when the keeper's socket closed */
	bool known;		    /* a snapshot has come */
	struct lk_snapshot *latest; /* the newest */
	struct lk_snapshot *shown;  /* the one on the screen: older while frozen */
	int64_t received_us, shown_us;
	bool frozen;

	struct lk_event *log; /* a ring */
	size_t log_first, log_count;

	struct lk_console_plan *plans;
	size_t plan_count;
	char open_path[256], open_socket[128];

	/* the pause that this console asked for */
	int64_t pause_us; /* 0: none since the last resume */
	int64_t pause_ack_us;
	bool pause_unsent; /* the keeper was away: to be sent when it is back */
	bool pause_rung;

	char message[256]; /* the result of the last act, or why it was not done */
	enum lk_role message_role;
	int64_t message_us;
	int64_t bell_us;
	int crit_count;

	enum lk_act act;   /* what the open question is about */
	char act_gate[64]; /* the gate it is bound to */
	struct lk_question question;

	struct lk_request outbox[LK_OUTBOX];
	int outbox_count;
	unsigned wants;
};

/* `options` must outlive the model. */
struct lk_model *lk_model_new(const struct lk_console_options *options);
void lk_model_free(struct lk_model *model);
/* Sets the clocks, and lets time do its work: silence closes questions, gone gates close theirs. */
void lk_model_time(struct lk_model *model, int64_t now_us, int64_t wall_ms);

/* What comes from the keeper. */
void lk_model_attached(struct lk_model *model);
void lk_model_lost(struct lk_model *model);
void lk_model_detached(struct lk_model *model);
/* The snapshot is copied. True when something came that should be drawn at once. */
bool lk_model_snapshot(struct lk_model *model, const struct lk_snapshot *snapshot);
void lk_model_event(struct lk_model *model, const struct lk_event *event);
void lk_model_reply(struct lk_model *model, const char *verb, bool ok, const char *text);
void lk_model_plans(struct lk_model *model, const struct lk_console_plan *plans, size_t count);

/* The line above the keys; also the way to say why something was not done. */
void lk_model_say(struct lk_model *model, enum lk_role role, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Queues a request; a full outbox yields NULL and says so (never for pause). */
struct lk_request *lk_model_request(struct lk_model *model, const char *verb);
/* Sends pause and shows it, however often it is pressed. */
void lk_model_pause(struct lk_model *model);
/* Goes to a screen, closing what lies over it. */
void lk_model_show(struct lk_model *model, enum lk_screen screen);

/* The log, 0 the oldest. */
const struct lk_event *lk_model_log(const struct lk_model *model, size_t index);
int64_t lk_model_last_event(const struct lk_model *model);

/* An age out of the shown snapshot, grown by the time since it came; negative stays unknown. */
double lk_model_age(const struct lk_model *model, double age_ms);
/* How long nothing has been heard of the keeper. */
double lk_model_silence_ms(const struct lk_model *model);

#endif
