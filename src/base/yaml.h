/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * YAML for plans, settings and themes: one parser (libfyaml), one way to complain. The reader of a
 * file walks mappings with a table of the legal keys; unknown, repeated and mistyped members are
 * recorded as problems with line and column, and reading goes on, so that all mistakes of a file
 * come at once.
 *
 * Of YAML only what a person writes by hand is taken: one document of mappings, sequences and
 * scalars. Anchors, aliases and tags are refused, which also makes "billion laughs" files harmless.
 *
 * Threads: nothing is shared; a tree and a list of problems belong to whoever made them.
 */
#ifndef LK_BASE_YAML_H
#define LK_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lk_problem {
	char *file;
	int line, column; /* from 1; 0 when the whole file is meant */
	char *text;	  /* one sentence */
};

struct lk_problems {
	struct lk_problem *list;
	size_t count;
};

/* More problems than this are not recorded: nobody mends the hundredth before the first. */
#define LK_PROBLEMS_LIMIT 100

/* Adds a problem; one with the same place and text as an earlier one is left out. */
void lk_problems_add(struct lk_problems *problems, const char *file, int line, int column,
		     const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Into the order of the lines; problems of whole files first. */
void lk_problems_sort(struct lk_problems *problems);
void lk_problems_free(struct lk_problems *problems);
/* "file:line:column: sentence" lines, the caller's. */
char *lk_problems_text(const struct lk_problems *problems);

enum lk_yaml_kind { LK_YAML_SCALAR, LK_YAML_SEQUENCE, LK_YAML_MAPPING };

enum lk_yaml_style {
	LK_YAML_PLAIN,	/* no quotes: YAML ends it at ": ", " #" and, inside {} or [], at a comma */
	LK_YAML_QUOTED, /* single or double quotes */
	LK_YAML_BLOCK,	/* | or > */
};

struct lk_yaml_node {
	enum lk_yaml_kind kind;
	enum lk_yaml_style style; /* of a scalar */
	bool flow;		  /* written inside {} or [], or is one */
	bool comment;		  /* a plain scalar with a comment behind it on its line */
	char *text;		  /* of a scalar, UTF-8 without NUL bytes; NULL otherwise */
	int line, column;	  /* where it begins, from 1; the column counts characters */
	/* members: a sequence's values, or a mapping's keys (scalars) and values by turns */
	struct lk_yaml_node **members;
	size_t count;
};

/*
 * The tree of one document, or NULL and problems: not UTF-8, control characters, a syntax error, an
 * anchor, several documents, nesting over 16 levels, or nothing at all. Free with lk_yaml_free.
 */
struct lk_yaml_node *lk_yaml_parse(const char *file, const char *text, size_t length,
				   struct lk_problems *problems);
void lk_yaml_free(struct lk_yaml_node *node);

/* Where complaints go. */
struct lk_yaml_reader {
	const char *file;
	struct lk_problems *problems;
};

/* A problem at the node's place. */
void lk_yaml_problem(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     const char *format, ...) __attribute__((format(printf, 3, 4)));

struct lk_yaml_key {
	const char *name; /* NULL ends a table */
	bool required;
	/* A key of a later version or of another step: why it is refused. NULL: legal. */
	const char *refused;
};

/*
 * Takes a mapping apart: values[i] becomes the value of keys[i], NULL when it is not there.
 * Complains of unknown keys (naming the nearest legal one), repeated, refused and missing ones.
 * False when the node is not a mapping or anything was wrong; what could be found is in values all
 * the same. `what` names the mapping in messages: "a plan", "limits".
 */
bool lk_yaml_mapping(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     const char *what, const struct lk_yaml_key *keys,
		     const struct lk_yaml_node **values);

/* A scalar's text (borrowed from the node), or NULL and a problem when it is empty, null or no
 * scalar. */
const char *lk_yaml_text(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			 const char *what);
/* A whole number from low to high. */
bool lk_yaml_integer(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     const char *what, const int64_t range[2], int64_t *value);
/* An interval such as 100ms, 2s, 24h, more than nothing; milliseconds. */
bool lk_yaml_duration(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		      const char *what, int64_t *milliseconds);
/* true or false (also yes, no, on, off). */
bool lk_yaml_boolean(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     const char *what, bool *value);
/* The index in the NULL-terminated list of words, or -1 and a problem naming the nearest. */
int lk_yaml_word(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		 const char *what, const char *const *words);
/* True for a plain null: nothing after the colon, ~ or null. */
bool lk_yaml_is_null(const struct lk_yaml_node *node);

#endif
