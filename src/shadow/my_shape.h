/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of a table and of its shadow on MySQL and MariaDB before and after the shadow is made: whether it can be
 * done at all, which column of the one becomes which of the other, and what tells a row of both.
 *
 *	lk_my_shape_examine(…)       writes nothing; refuses with a sentence, or leaves notes for the person
 *	lk_my_shadow_session(…)      on every session that makes, fills or compares the shadow
 *	lk_my_shadow_make(…)         CREATE TABLE … LIKE, ALTER TABLE; the mapping again, from the table itself
 *
 * and from then on the statements of shadow/my_shadow_sql.h. After a crash: examine, then lk_my_shape_map.
 * Blocking, on the session's thread. A shape may be read by many threads at once once it is made; it must not be copied
 * or moved, since its parts point into each other.
 */
#ifndef LK_SHADOW_MY_SHAPE_H
#define LK_SHADOW_MY_SHAPE_H

#include "catalog/catalog.h"
#include "db/my_server.h"
#include "shadow/my_relation.h"
#include "step/my_key.h"

/* The names of the two tables beside the original, exact. Both sort after the original's name byte by byte, since both
 * servers take metadata locks in that order, and have at most 64 characters. */
struct lk_my_names {
	char *shadow, *old;
};
/* `table` without its database. Class REFUSED for a long name that no name of ours can come after. Pure. */
bool lk_my_names_make(const char *table, struct lk_my_names *names, struct lk_error *error);
void lk_my_names_free(struct lk_my_names *names);

/* A column of the shadow that is copied, and the original's column that it comes from. */
struct lk_my_mapped {
	const struct lk_my_relation_column *from, *to;
};

/* A UNIQUE index of the shadow under which rows may collide that do not in the original: it has no such index there, or
 * one of its columns is compared or held otherwise. */
struct lk_my_new_unique {
	const struct lk_my_relation_index *index;
	bool checkable; /* by lk_my_find_twice; not over an expression or a column that is not copied */
};

struct lk_my_mapping {
	struct lk_my_mapped *columns; /* in the shadow's order */
	size_t count;
	size_t *key; /* of each column of the original's key: which of `columns` holds it in the shadow */
	const struct lk_my_relation_index
		*index; /* of the shadow, by which rows are found by the key */
	/* No two rows of the shadow can have the same key. Not so when the shadow's unique key has more columns than the
	 * original's (for partitions): a stale row then goes only when its key is copied again, as it must be anyway
	 * after a chunk that covered it. */
	bool unique;
	/* The key sorts in the shadow as it does in the original, so that a range of keys is a range there too. */
	bool ordered;
	/* lk_my_again_copy takes the place of what is there; else every key has to be deleted first. */
	bool replaces;
	/* Every value can be worked out as the shadow would hold it; else comparing needs lk_my_compare_stage. */
	bool direct;
	struct lk_my_new_unique *uniques;
	size_t unique_count;
	/* The shadow has an AUTO_INCREMENT, and the server is MariaDB with innodb_autoinc_lock_mode below 2 (its default):
	 * there statements that fill the shadow wait for each other, so that a second one at a time gains
	 * nothing. Nobody else waits. */
	bool one_at_a_time;
	size_t further_uniques; /* UNIQUE indexes of the shadow besides the key's, new or not */
};

/* Estimates from the statistics, in bytes; negative: unknown. */
struct lk_my_space {
	int64_t rows, table, indexes; /* of the original */
	int64_t shadow;		      /* that the shadow will take */
	int64_t binlog; /* that copying writes on the primary, and again on each replica that logs */
	int64_t free; /* what the server says is left for tables; it does not say: always negative so far */
	bool binlog_on;
};

struct lk_my_shape {
	struct lk_my_server server;
	struct lk_table table; /* the original; its key is the one by which rows are copied */
	struct lk_my_names names;
	char *shadow_sql, *old_sql; /* quoted, with the database */
	char *alter;	      /* the clauses as they are carried out: without ALGORITHM and LOCK */
	struct lk_my_key key; /* of the original */
	struct lk_my_relation original, shadow;
	bool mapped; /* the mapping is known: by a trial, or of the shadow itself */
	struct lk_my_mapping mapping;
	char *mode; /* sql_mode of our sessions */
	bool utc; /* their time_zone is '+00:00'; else the server's, since values are converted by it */
	struct lk_my_space space;
	char **notes; /* sentences for the person who starts it */
	size_t note_count;
};

/*
 * Examines a table and the clauses of an ALTER TABLE ("MODIFY id bigint, ADD KEY (x)"), and tries them on an empty
 * temporary copy, which leaves nothing behind and is not in the binary log. The session is one of lk_my_shadow_session
 * afterwards. What cannot be tried so (partitions,
 * FULLTEXT) is a note, and refused only by lk_my_shadow_make. Class REFUSED or PLAN with a sentence: what is in the
 * way, where, and what to do. *shape is the caller's if it succeeds (lk_my_shape_free), else empty.
 */
bool lk_my_shape_examine(struct lk_session *session, const char *written, const char *alter,
			 struct lk_my_shape *shape, struct lk_error *error);
void lk_my_shape_free(struct lk_my_shape *shape);

/* Makes a session one that may write and compare the shadow: READ COMMITTED, shape->mode, the time zone. Keys that
 * are TIMESTAMPs are read and written as UTC then. */
bool lk_my_shadow_session(struct lk_session *session, const struct lk_my_shape *shape,
			  struct lk_error *error);

/*
 * Makes the empty shadow and reads the mapping from it. A table of its name is refused (class REFUSED), unless the
 * caller says that it is `ours`: then it is dropped first. On failure what was made is dropped again. The session is
 * one of lk_my_shadow_session.
 */
bool lk_my_shadow_make(struct lk_session *session, struct lk_my_shape *shape, bool ours,
		       struct lk_error *error);
/* Reads the mapping from a shadow that is there, after a crash. */
bool lk_my_shape_map(struct lk_session *session, struct lk_my_shape *shape, struct lk_error *error);

/*
 * After the exchange: the same statements the other way, from the new table, which has the original's name now, into the
 * old one, so that that one stays current. Going back is not without loss where the change has dropped columns (a row that is
 * copied again gets their defaults) or added some: each is a note. Class REFUSED when rows cannot be told by a key of both. *back is the caller's.
 */
bool lk_my_shape_turn(struct lk_session *session, const struct lk_my_shape *forward,
		      struct lk_my_shape *back, struct lk_error *error);

#endif
