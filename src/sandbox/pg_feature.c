/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the catalog of PostgreSQL says about the features of the releases. */
#include "sandbox/pg_parts.h"

/* The orders, by whichever of their names stands for the table itself. */
#define ORDERS "coalesce(to_regclass('public.purchases'), to_regclass('public.orders'))"
#define COLUMN(name)                                                                               \
	"EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.users')"            \
	" AND attname = '" name "' AND NOT attisdropped)"
#define CONSTRAINT(name) "EXISTS (SELECT FROM pg_constraint WHERE conname = '" name "')"
#define INDEX(name)                                                                                \
	"EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('public." name                \
	"') AND indisvalid)"
#define NULLABLE(name)                                                                             \
	"EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.users')"            \
	" AND attname = '" name "' AND NOT attnotnull)"
#define CHECKED(name)                                                                              \
	"EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('public.users')"           \
	" AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%" name "%')"
/* Users are locked in the order of their ids, as the application does. */
#define EMAILS_AGAIN                                                                               \
	"WITH wrong AS (SELECT id FROM users WHERE email IS NULL ORDER BY id FOR UPDATE), "        \
	"mended AS (UPDATE users u SET email = 'returned_' || u.id || '@example.com'"              \
	" FROM wrong WHERE u.id = wrong.id RETURNING u.id, u.email) "                              \
	"INSERT INTO ledger (source, id, release, wrote) SELECT 'users', id, '41',"                \
	" jsonb_build_object('email', email) FROM mended"
#define FORGET(key) "UPDATE ledger SET wrote = wrote - '" key "' WHERE wrote ? '" key "'"

const struct lk_feature_terms lk_pg_features[LK_FEATURES] = {
	[LK_FEATURE_RELEASE] = {"%", NULL, NULL, NULL},
	[LK_FEATURE_HANDLE] = {"%user_handle%", COLUMN("username"), COLUMN("user_handle"), NULL},
	/* With the column go the values that release 42 gave it. */
	[LK_FEATURE_PUBLIC] = {"%public_id%", NULL, COLUMN("public_id"), FORGET("public_id")},
	[LK_FEATURE_LOYALTY] = {"%loyalty%", NULL, COLUMN("loyalty"), FORGET("loyalty")},
	[LK_FEATURE_FAX] = {"%fax%", COLUMN("fax"), NULL, NULL},
	/* A check that is not valid yet refuses NULL in what is written from now on, too. */
	[LK_FEATURE_NAMED] = {"%display_name%",
			      NULLABLE("display_name") " AND NOT " CHECKED("display_name"), NULL,
			      NULL},
	[LK_FEATURE_NO_EMAIL] = {"%email%DROP NOT NULL%", NULL, NULLABLE("email"), EMAILS_AGAIN},
	[LK_FEATURE_STATUS] = {"%status%SET DEFAULT%", NULL,
			       "EXISTS (SELECT FROM pg_attribute WHERE attrelid = " ORDERS
			       " AND attname = 'status' AND atthasdef)",
			       NULL},
	[LK_FEATURE_RECENT] = {"%orders_recent_idx%", NULL, INDEX("orders_recent_idx"), NULL},
	[LK_FEATURE_NEWEST] = {"%orders_created_at_idx%", INDEX("orders_created_at_idx"), NULL,
			       NULL},
	[LK_FEATURE_STARS] = {"%reviews_stars_check%", NULL, CONSTRAINT("reviews_stars_check"),
			      NULL},
	[LK_FEATURE_CASCADE] = {"%reviews_order_id_fkey%", NULL,
				CONSTRAINT("reviews_order_id_fkey"), NULL},
	[LK_FEATURE_ONE_EMAIL] = {"%users_email_key%", NULL, INDEX("users_email_key"), NULL},
	[LK_FEATURE_LONG_BODY] = {"%reviews_body_check%", NULL,
				  "NOT " CONSTRAINT("reviews_body_check"), NULL},
	[LK_FEATURE_PURCHASES] = {"%purchases%", "to_regclass('public.orders') IS NOT NULL",
				  "to_regclass('public.purchases') IS NOT NULL", NULL},
};
