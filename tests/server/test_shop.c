/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox's application on PostgreSQL while its shop is changed by hand. */
#include "tests/server/shop_by_hand.h"

/* Each statement is a transaction of its own, as it locks out the application. */
static const struct lk_shop_by_hand shop = {
	.kind = "postgres",
	.yes = "t",
	.journal =
		"CREATE SCHEMA lockkeeper;"
		"CREATE TABLE lockkeeper.run (name text, state text, wanted text DEFAULT '', document jsonb,"
		" created_at timestamptz DEFAULT clock_timestamp());"
		"CREATE TABLE lockkeeper.step (run text, number int, name text, verb text, state text)",
	.changes =
		{
			{"public_id loyalty fax display_name",
			 {"ALTER TABLE users ADD public_id uuid NOT NULL DEFAULT gen_random_uuid(),"
			  " ADD loyalty int NOT NULL DEFAULT 1"},
			 {"ALTER TABLE users DROP fax",
			  "UPDATE users SET display_name = 'Customer ' || id WHERE display_name IS NULL",
			  "ALTER TABLE users ALTER display_name SET NOT NULL"}},
			{"email DROP NOT NULL, status SET DEFAULT, orders_recent_idx orders_created_at_idx",
			 {"ALTER TABLE users ALTER email DROP NOT NULL",
			  "ALTER TABLE orders ALTER status SET DEFAULT 'new'",
			  "CREATE INDEX orders_recent_idx ON orders (user_id, created_at DESC)"},
			 {"DROP INDEX orders_created_at_idx"}},
			{"reviews_stars_check reviews_order_id_fkey users_email_key reviews_body_check",
			 {"ALTER TABLE reviews ADD CONSTRAINT reviews_stars_check CHECK (stars BETWEEN 1 AND 5),"
			  " DROP CONSTRAINT reviews_body_check",
			  "ALTER TABLE reviews ADD CONSTRAINT reviews_order_id_fkey FOREIGN KEY (order_id)"
			  " REFERENCES orders ON DELETE CASCADE",
			  "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email)"},
			 {NULL}},
			/* Both releases know the amount's type before and after. */
			{"purchases",
			 {"ALTER TABLE orders ALTER amount TYPE numeric(14,2) USING amount / 100.0",
			  "ALTER TABLE orders RENAME TO purchases;"
			  "CREATE VIEW orders AS SELECT * FROM purchases;"
			  "GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO shop"},
			 {"DROP VIEW orders"}},
		},
	.traces =
		{
			("SELECT count(*) > 0 FROM ledger JOIN users u USING (id) WHERE source = 'users'"
			 " AND wrote ->> 'public_id' = u.public_id::text AND u.loyalty <> 1"),
			"SELECT count(*) > 0 FROM users WHERE email IS NULL",
			"SELECT count(*) > 0 FROM reviews WHERE length(body) > 120",
			"SELECT count(*) > 0 FROM purchases WHERE amount <> trunc(amount)",
		},
	.name_lost = "ALTER TABLE users ALTER display_name DROP NOT NULL;"
		     "UPDATE users SET display_name = 'Name' WHERE id = 4712",
	.plants =
		{
			("UPDATE users SET public_id = gen_random_uuid() WHERE id = (SELECT id FROM ledger"
			 " JOIN users USING (id) WHERE wrote ? 'public_id' AND id < 4000 LIMIT 1)"),
			"UPDATE users SET loyalty = 8 WHERE id = 4711",
			"UPDATE users SET display_name = NULL WHERE id = 4712",
			"UPDATE purchases SET amount = amount + 0.01 WHERE id = 4",
			"UPDATE purchases SET status = 'lost' WHERE id = (SELECT max(id) FROM purchases)",
		},
	.withdrawn = {"email DROP NOT NULL",
		      {"ALTER TABLE users ALTER email DROP NOT NULL"},
		      {"ALTER TABLE users ALTER email SET NOT NULL"}},
};

static void each_change_by_hand_is_followed_without_an_error(void **state)
{
	(void)state;
	lk_shop_each_change(&shop);
}

static void a_withdrawn_release_is_mended(void **state)
{
	(void)state;
	lk_shop_withdrawn(&shop);
}

static int tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_by_hand_is_followed_without_an_error),
		cmocka_unit_test(a_withdrawn_release_is_mended),
	};
	return cmocka_run_group_tests_name("shop", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return lk_practice_main(argc, argv, tests);
}
