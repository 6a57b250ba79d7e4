/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the server's catalog says of tables. All names are exact; `sql` forms are quoted and ready to be
 * put into a statement. Blocking; on the session's thread.
 */
#ifndef LK_CATALOG_CATALOG_H
#define LK_CATALOG_CATALOG_H

#include "db/session.h"

struct lk_column {
	char *name, *sql;  /* exact, and quoted */
	char *type;	   /* as DDL wants it: "character varying(40)" */
	char *collation;   /* quoted and qualified; NULL when it is the type's own */
	char *default_sql; /* expression, of the column or else of its domain; NULL none */
	char *definition; /* MySQL: all that stands behind the name in CREATE TABLE; NULL elsewhere */
	char *comment;	  /* NULL none */
	bool not_null;
	bool volatile_default; /* gives another value at each call, within one statement too */
	bool identity, generated;
	bool identity_always; /* an identity that no UPDATE may set */
	bool comparable;      /* the type has an equality */
	bool constrained; /* the type is a domain with constraints: adding a column of it rewrites the table */
	int number;
};

/* A unique, never-NULL key to walk a table by. */
struct lk_key {
	char *index;			/* of the index behind it: quoted, without schema */
	char **columns, **sql, **types; /* exact, quoted, and type for a cast; `count` of each */
	size_t count;
};

struct lk_table {
	char *schema, *name;
	char *sql;   /* "public"."users" */
	char *shown; /* as a person writes it: public tables without schema */
	int64_t id; /* the server's number: it changes when somebody replaces the table (MySQL: or rebuilds) */
	char kind[40]; /* "table", or why it is something else: "partitioned table", "view" … */
	bool has_parent, has_children; /* inheritance or partitioning */
	bool row_security;	       /* policies apply to this role: rows may be hidden from it */
	bool unlogged;		       /* a crash of the server empties it */
	int64_t rows; /* by the statistics or, without any, by its size; negative unknown */
	int64_t bytes;
	struct lk_column *columns;
	size_t column_count;
	struct lk_key key; /* count 0: no usable key */
};

/* One of the tables in which the rows of a table really stand: itself, a partition, or an inheriting child. */
struct lk_leaf {
	int64_t id;
	char *sql;    /* as in lk_table; also a name that lk_catalog_table takes */
	char *shown;  /* as in lk_table */
	bool foreign; /* its rows stand on another server */
	int64_t rows; /* as in lk_table */
};

/* Finds a table as a plan writes it. Class PLAN with a sentence when it does not exist. */
bool lk_catalog_table(struct lk_session *session, const char *written, struct lk_table *table,
		      struct lk_error *error);
void lk_table_free(struct lk_table *table);
/* NULL when the table has no such column. */
const struct lk_column *lk_table_column(const struct lk_table *table, const char *name);
/* The column, or a PLAN error that names the nearest existing one. */
const struct lk_column *lk_table_need_column(const struct lk_table *table, const char *name,
					     struct lk_error *error);

/*
 * Where the rows of a table stand, the table itself first and the others in the order of their making; one
 * that is about to be detached is none of them any more. *leaves is the caller's (lk_leaves_free).
 */
bool lk_catalog_leaves(struct lk_session *session, const struct lk_table *table,
		       struct lk_leaf **leaves, size_t *count, struct lk_error *error);
void lk_leaves_free(struct lk_leaf *leaves, size_t count);
/* Whether the table with number `id` is still below `table`, at any depth. */
bool lk_catalog_is_leaf(struct lk_session *session, const struct lk_table *table, int64_t id,
			bool *is, struct lk_error *error);

/* What the connection is and may; each refusal is a sentence that says what to do. */
struct lk_server {
	char version[64];   /* "PostgreSQL 15.18" */
	int version_number; /* 150018 */
	char role[64];
	int max_connections;
	/* What a plan may call it where texts differ by engine, the best first: "mariadb", "mysql". */
	const char *engines[3];
};
/* Refuses replicas, poolers and servers that are too old. */
bool lk_catalog_server(struct lk_session *session, struct lk_server *server,
		       struct lk_error *error);
/* Refuses, with the GRANT that is missing, when the role may not do the plan's work on the table. */
bool lk_catalog_privileges(struct lk_session *session, const struct lk_table *table,
			   struct lk_error *error);

/*
 * The sentence for a table that is not there, with the name that was perhaps meant: `names_sql` lists those that there
 * are, `seen` goes on after "there is no table "x" that this ". For the engines' side. Always false.
 */
bool lk_catalog_no_such_table(struct lk_session *session, const char *names_sql,
			      const char *written, const char *seen, struct lk_error *error);

/* The engines' side. */
struct lk_catalog_ops {
	bool (*table)(struct lk_session *, const char *written, struct lk_table *,
		      struct lk_error *);
	bool (*leaves)(struct lk_session *, const struct lk_table *, struct lk_leaf **, size_t *,
		       struct lk_error *);
	bool (*is_leaf)(struct lk_session *, const struct lk_table *, int64_t id, bool *,
			struct lk_error *);
	bool (*server)(struct lk_session *, struct lk_server *, struct lk_error *);
	bool (*privileges)(struct lk_session *, const struct lk_table *, struct lk_error *);
};
extern const struct lk_catalog_ops lk_pg_catalog;
extern const struct lk_catalog_ops lk_my_catalog;

#endif
