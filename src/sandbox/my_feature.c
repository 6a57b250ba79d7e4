/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the catalog of MySQL and MariaDB says about the features of the releases. */
#include "sandbox/my_parts.h"

#define TABLE(name)                                                                                \
	"EXISTS (SELECT 1 FROM information_schema.tables WHERE table_schema = 'shop'"              \
	" AND table_name = '" name "')"
#define COLUMN(name)                                                                               \
	"EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = 'shop'"             \
	" AND table_name = 'users' AND column_name = '" name "')"
#define CONSTRAINT(name)                                                                           \
	"EXISTS (SELECT 1 FROM information_schema.table_constraints"                               \
	" WHERE constraint_schema = 'shop' AND constraint_name = '" name "')"
/* In one reading: MariaDB shows nothing of a table while it is being changed. */
#define NO_CONSTRAINT(table, name)                                                                 \
	"(SELECT COUNT(*) > 0 AND SUM(constraint_name = '" name "') = 0"                           \
	" FROM information_schema.table_constraints WHERE constraint_schema = 'shop'"              \
	" AND table_name = '" table "')"
#define INDEX(table, name)                                                                         \
	"EXISTS (SELECT 1 FROM information_schema.statistics WHERE table_schema = 'shop'"          \
	" AND table_name IN (" table ") AND index_name = '" name "')"
#define ORDERS "'orders', 'purchases'"
#define NULLABLE(name)                                                                             \
	"EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = 'shop'"             \
	" AND table_name = 'users' AND column_name = '" name "' AND is_nullable = 'YES')"
#define CHECKED(name)                                                                              \
	"EXISTS (SELECT 1 FROM information_schema.check_constraints"                               \
	" WHERE constraint_schema = 'shop' AND check_clause LIKE '%" name "%')"
/* MariaDB calls it 'NULL' where there is none. */
#define STATUS_DEFAULT                                                                             \
	"EXISTS (SELECT 1 FROM information_schema.columns JOIN information_schema.tables"          \
	" USING (table_schema, table_name) WHERE table_schema = 'shop'"                            \
	" AND table_name IN (" ORDERS ") AND table_type = 'BASE TABLE'"                            \
	" AND column_name = 'status' AND column_default <> 'NULL')"

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
	[LK_FEATURE_PUBLIC] = {"%public_id%", NULL, COLUMN("public_id"), FORGET("public_id")},
	[LK_FEATURE_LOYALTY] = {"%loyalty%", NULL, COLUMN("loyalty"), FORGET("loyalty")},
	[LK_FEATURE_FAX] = {"%fax%", COLUMN("fax"), NULL, NULL},
	[LK_FEATURE_NAMED] = {"%display_name%",
			      NULLABLE("display_name") " AND NOT " CHECKED("display_name"), NULL,
			      NULL},
	[LK_FEATURE_NO_EMAIL] = {"%modify%email%null%", NULL, NULLABLE("email"), EMAILS_AGAIN},
	[LK_FEATURE_STATUS] = {"%status%default%", NULL, STATUS_DEFAULT, NULL},
	[LK_FEATURE_RECENT] = {"%orders_recent_idx%", NULL, INDEX(ORDERS, "orders_recent_idx"),
			       NULL},
	[LK_FEATURE_NEWEST] = {"%orders_created_at_idx%", INDEX(ORDERS, "orders_created_at_idx"),
			       NULL, NULL},
	[LK_FEATURE_STARS] = {"%stars%check%", NULL, CHECKED("stars"), NULL},
	[LK_FEATURE_CASCADE] = {"%reviews_order_id_fkey%", NULL,
				CONSTRAINT("reviews_order_id_fkey"), NULL},
	[LK_FEATURE_ONE_EMAIL] = {"%users_email_key%", NULL, INDEX("'users'", "users_email_key"),
				  NULL},
	[LK_FEATURE_LONG_BODY] = {"%reviews_body_check%", NULL,
				  NO_CONSTRAINT("reviews", "reviews_body_check"), NULL},
	[LK_FEATURE_PURCHASES] = {"%purchases%", TABLE("orders"), TABLE("purchases"), NULL},
};
