/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the keeper's threads tell its main thread. A message is owned by whoever holds it. */
#ifndef LK_KEEPER_MESSAGE_H
#define LK_KEEPER_MESSAGE_H

#include "run/machine.h"
#include "step/step.h"
#include "watch/lag.h"

enum lk_message_kind {
	LK_MESSAGE_PREPARED, /* worker: connected; the plan is derived or loaded */
	LK_MESSAGE_ENDED,    /* worker: an action ended */
	LK_MESSAGE_PROGRESS, /* worker: a chunk */
	LK_MESSAGE_SAY,	     /* any: a sentence for the log */
	LK_MESSAGE_HELD,     /* journal: the run is ours, with this epoch */
	LK_MESSAGE_REFUSED,  /* journal: it is not, or not any more */
	LK_MESSAGE_SAMPLE,   /* watch */
	LK_MESSAGE_BLIND,    /* watch: no sample could be taken */
	LK_MESSAGE_QUIET,    /* control: the proof after a stop */
	LK_MESSAGE_POLLED,   /* control: what the journal says is wanted, and its approvals */
};

/* The plan and its steps in words, made by the worker. */
struct lk_prepared {
	struct lk_plan plan; /* completed */
	struct lk_step_text
		*texts; /* one a step; for a run in progress without SQL of done steps */
	struct lk_journal_step *steps; /* NULL: a new run */
	char run[24], target[160], server[64];
	char wanted[16];
	bool backward;	    /* the run was being taken back */
	int64_t last_event; /* of the journal */
	bool found;	    /* an unfinished run of the plan is in the journal */
};

struct lk_message {
	enum lk_message_kind kind;
	struct lk_action action;      /* ENDED */
	enum lk_ending ending;	      /* ENDED, PREPARED */
	char text[400];		      /* a note, a sentence, an error */
	char event_kind[20];	      /* SAY */
	enum lk_error_class class;    /* of the error, when there is one */
	struct lk_prepared *prepared; /* PREPARED */
	struct lk_progress progress;  /* PROGRESS; `what` is a constant string */
	int64_t epoch;		      /* HELD */
	struct lk_sample *sample;     /* SAMPLE */
	struct {
		int64_t stop_number; /* of the stop that this proves */
		double quiet_ms;     /* since it was asked for */
		int open_transactions, locks;
		bool confirmed;
		bool again; /* looked at once more while the run stands */
	} quiet;
	char wanted[16]; /* POLLED */
	int wishes;	 /* POLLED: of the keeper's own, written before this was read */
	struct lk_journal_approval *approvals;
	size_t approval_count;
};

struct lk_message *lk_message_new(enum lk_message_kind kind);
void lk_message_free(struct lk_message *message);
void lk_prepared_free(struct lk_prepared *prepared);

#endif
