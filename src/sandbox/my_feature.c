/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the catalog of MySQL and MariaDB says about the features of the releases. */
#include "sandbox/my_parts.h"

/*
 * Each table of information_schema is read once for all features, as a list of texts in JSON: MariaDB opens every
 * table of the database for each reading. And in one reading it shows all of a table or, while it is being changed,
 * nothing.
 */
const char lk_my_catalog_lists[] =
	" FROM (SELECT COALESCE(JSON_ARRAYAGG(CONCAT(table_name, ' ', table_type)), '') AS list"
	" FROM information_schema.tables WHERE table_schema = 'shop') AS known_tables,"
	/* MariaDB calls a default that there is none 'NULL'. */
	" (SELECT COALESCE(JSON_ARRAYAGG(CONCAT(table_name, '.', column_name, ' ', is_nullable,"
	" CASE WHEN column_default <> 'NULL' THEN ' DEFAULT' ELSE '' END)), '') AS list"
	" FROM information_schema.columns WHERE table_schema = 'shop') AS known_columns,"
	" (SELECT COALESCE(JSON_ARRAYAGG(CONCAT(table_name, '.', constraint_name)), '') AS list"
	" FROM information_schema.table_constraints WHERE table_schema = 'shop') AS known_constraints,"
	" (SELECT COALESCE(JSON_ARRAYAGG(CONCAT(table_name, '.', index_name)), '') AS list"
	" FROM information_schema.statistics WHERE table_schema = 'shop') AS known_indexes,"
	" (SELECT COALESCE(JSON_ARRAYAGG(check_clause), '') AS list"
	" FROM information_schema.check_constraints WHERE constraint_schema = 'shop') AS known_checks";

#define LISTED(list, pattern) "known_" list ".list LIKE '%" pattern "%'"
#define TABLE(name) LISTED("tables", "\"" name " ")
#define COLUMN(name) LISTED("columns", "\"users." name " ")
/* The table is shown at all: while it is not, the absence of a column or an index says nothing (release.c). */
#define USERS COLUMN("id")
#define NULLABLE(name) LISTED("columns", "\"users." name " YES")
#define CONSTRAINT(name) LISTED("constraints", "." name "\"")
#define NO_CONSTRAINT(table, name)                                                                 \
	LISTED("constraints", "\"" table ".") " AND NOT " LISTED("constraints", "." name "\"")
#define INDEX(table, name) LISTED("indexes", "\"" table "." name "\"")
/* The orders' table goes by one name or the other, where a view may have the first. */
#define ORDERS_INDEX(name) "(" INDEX("orders", name) " OR " INDEX("purchases", name) ")"
#define ORDERS ORDERS_INDEX("PRIMARY")
#define CHECKED(name) LISTED("checks", name)
#define DEFAULT_OF_STATUS(table)                                                                   \
	LISTED("tables", "\"" table " BASE TABLE\"")                                               \
	" AND (" LISTED("columns", "\"" table ".status YES DEFAULT\"") " OR " LISTED(              \
		"columns", "\"" table ".status NO DEFAULT\"") ")"
#define STATUS_DEFAULT "(" DEFAULT_OF_STATUS("orders") " OR " DEFAULT_OF_STATUS("purchases") ")"

/*
 * At READ COMMITTED rows that do not match are not locked, and no gaps, in which the application inserts; those
 * that match are locked in the order of their ids, as the application does.
 */
#define GENTLY(statements)                                                                         \
	"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION; " statements "; COMMIT"
/*
 * The rows first: an INSERT … SELECT that waited for them would hold the ledger's lock for new ids meanwhile, and
 * whoever holds such a row and wants such an id would be told of a deadlock (error 1467 on MariaDB).
 */
#define EMAILS_AGAIN                                                                               \
	"SET @mending = UUID_SHORT();" GENTLY(                                                     \
		"UPDATE users SET email = CONCAT('r', @mending, '_', id, '@example.com')"          \
		" WHERE email IS NULL;"                                                            \
		"INSERT INTO ledger (source, id, `release`, wrote) SELECT 'users', id, '41',"      \
		" JSON_OBJECT('email', email) FROM users"                                          \
		" WHERE email LIKE CONCAT('r', @mending, '%')")
#define FORGET(key)                                                                                \
	GENTLY("UPDATE ledger SET wrote = JSON_REMOVE(wrote, '$." key "')"                         \
	       " WHERE JSON_CONTAINS_PATH(wrote, 'one', '$." key "')")

/* Patterns in small letters, as the steps are compared. A check may be its column's own, without a name of ours. */
const struct lk_feature_terms lk_my_features[LK_FEATURES] = {
	[LK_FEATURE_RELEASE] = {"%", NULL, NULL, NULL},
	[LK_FEATURE_HANDLE] = {"%user_handle%", COLUMN("username"), COLUMN("user_handle"), NULL},
	/* With the column go the values that release 42 gave it. */
	[LK_FEATURE_PUBLIC] = {"%public_id%", USERS, COLUMN("public_id"), FORGET("public_id")},
	[LK_FEATURE_LOYALTY] = {"%loyalty%", USERS, COLUMN("loyalty"), FORGET("loyalty")},
	[LK_FEATURE_FAX] = {"%fax%", COLUMN("fax"), USERS, NULL},
	[LK_FEATURE_NAMED] = {"%display_name%",
			      NULLABLE("display_name") " AND NOT " CHECKED("display_name"), USERS,
			      NULL},
	[LK_FEATURE_NO_EMAIL] = {"%modify%email%null%", USERS, NULLABLE("email"), EMAILS_AGAIN},
	[LK_FEATURE_STATUS] = {"%status%default%", NULL, STATUS_DEFAULT, NULL},
	[LK_FEATURE_RECENT] = {"%orders_recent_idx%", NULL, ORDERS_INDEX("orders_recent_idx"),
			       NULL},
	[LK_FEATURE_NEWEST] = {"%orders_created_at_idx%", ORDERS_INDEX("orders_created_at_idx"),
			       ORDERS, NULL},
	[LK_FEATURE_STARS] = {"%stars%check%", NULL, CHECKED("stars"), NULL},
	[LK_FEATURE_CASCADE] = {"%reviews_order_id_fkey%", NULL,
				CONSTRAINT("reviews_order_id_fkey"), NULL},
	[LK_FEATURE_ONE_EMAIL] = {"%users_email_key%", NULL, INDEX("users", "users_email_key"),
				  NULL},
	[LK_FEATURE_LONG_BODY] = {"%reviews_body_check%", NULL,
				  NO_CONSTRAINT("reviews", "reviews_body_check"), NULL},
	[LK_FEATURE_PURCHASES] = {"%purchases%", TABLE("orders"), TABLE("purchases"), NULL},
};
