/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one error type. A function that can fail returns false and fills the caller's struct lk_error;
 * the class decides what happens next (retry, pause, give up), the sentence goes to the person.
 * Classes are derived from codes (SQLSTATE, errno), never from the text of a message.
 */
#ifndef LK_BASE_ERROR_H
#define LK_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum lk_error_class {
	LK_NO_ERROR,
	LK_ERROR_USAGE,	  /* the command line is wrong */
	LK_ERROR_PLAN,	  /* the plan, settings or theme file is wrong */
	LK_ERROR_REFUSED, /* we could, but it would not be safe or allowed */
	LK_ERROR_RETRY, /* a lock timeout, deadlock or serialization failure: the same again may work */
	LK_ERROR_CANCELLED, /* the statement was cancelled */
	LK_ERROR_LOST,	    /* no connection, or it broke: what the statement did is unknown */
	LK_ERROR_PRIVILEGE, /* a privilege is missing */
	LK_ERROR_FENCED,    /* another keeper has taken the run over */
	LK_ERROR_STATEMENT, /* the server refused a statement for any other reason */
	LK_ERROR_SYSTEM,    /* the operating system refused */
};

struct lk_error {
	enum lk_error_class class;
	char state[6];	 /* SQLSTATE, empty when the error is not the server's */
	int number;	 /* the server's own number of it, MySQL's errno; 0 none */
	int position;	 /* 1-based character in the statement, 0 unknown */
	char text[1000]; /* one sentence, no line break at the end */
};

/* Fills *error and returns false, so that callers can write `return lk_fail(...)`. */
bool lk_fail(struct lk_error *error, enum lk_error_class class, const char *format, ...)
	__attribute__((format(printf, 3, 4), nonnull(1, 3)));

/* As lk_fail, with ": strerror(number)" added. */
bool lk_fail_errno(struct lk_error *error, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4), nonnull(1, 3)));

/* Puts "format: " before the sentence already in *error; always returns false. */
bool lk_fail_context(struct lk_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3), nonnull(1, 2)));

/* Back to no error. */
void lk_error_clear(struct lk_error *error);

/* A short word for a class, as in logs and --json: "retry", "lost", … */
const char *lk_error_class_name(enum lk_error_class class);

#endif
