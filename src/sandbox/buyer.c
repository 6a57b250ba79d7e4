/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/buyer_parts.h"
#include "sandbox/dialect.h"
#include "sandbox/shop.h"

static const struct transaction {
	const char *name;
	int weight;	 /* of 100 */
	bool repeatable; /* REPEATABLE READ, not what the server does by default */
	bool (*run)(struct lk_buyer *buyer, struct lk_error *error);
} transactions[] = {
	{"reading users", 26, false, lk_buyer_read_users},
	{"reading a page twice", 6, true, lk_buyer_read_page},
	{"reading orders", 8, false, lk_buyer_read_orders},
	{"changing balances", 17, false, lk_buyer_change_balances},
	{"changing users", 18, false, lk_buyer_change_users},
	{"adding a user", 6, false, lk_buyer_join},
	{"deleting a user", 3, false, lk_buyer_leave},
	{"ordering", 6, false, lk_buyer_order},
	{"changing an order", 4, false, lk_buyer_change_order},
	{"writing a review", 3, false, lk_buyer_review},
	{"cancelling an order", 2, false, lk_buyer_cancel},
	{"making a mistake", 1, false, lk_buyer_mistake},
};

void lk_buyer_init(struct lk_buyer *buyer, int number, int64_t users)
{
	memset(buyer, 0, sizeof *buyer);
	buyer->number = number;
	buyer->users = users;
	buyer->orders = lk_shop_orders(users);
	buyer->random = 0x9E3779B97F4A7C15u * (uint64_t)(number + 1);
}

/* xorshift64*: the same transactions in the same order in each sandbox. */
int64_t lk_buyer_random(struct lk_buyer *buyer, int64_t limit)
{
	uint64_t x = buyer->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	buyer->random = x;
	return (int64_t)((x * 0x2545F4914F6CDD1Du >> 1) % (uint64_t)limit);
}

int64_t lk_buyer_seed(struct lk_buyer *buyer)
{
	return ++buyer->seed;
}

struct lk_number lk_number_text(int64_t value)
{
	struct lk_number number;
	snprintf(number.text, sizeof number.text, "%" PRId64, value);
	return number;
}

bool lk_buyer_connect(struct lk_buyer *buyer, const char *uri, struct lk_release_way way,
		      struct lk_error *error)
{
	char application[40];
	snprintf(application, sizeof application, "shop release %d", way.release);
	struct lk_link *link = lk_link_open(uri, application, error);
	if (link && !lk_statement_prepare(link, way, error)) {
		lk_link_close(link);
		link = NULL;
	}
	if (!link)
		return lk_fail_context(error, "release %d, connecting", way.release);
	lk_buyer_disconnect(buyer);
	buyer->link = link;
	buyer->way = way;
	return true;
}

void lk_buyer_disconnect(struct lk_buyer *buyer)
{
	lk_link_close(buyer->link);
	buyer->link = NULL;
}

bool lk_buyer_query(struct lk_buyer *buyer, enum lk_statement statement, const char *const *values,
		    struct lk_result *rows, struct lk_error *error)
{
	return lk_link_run(buyer->link, statement, values, rows, error);
}

bool lk_buyer_change(struct lk_buyer *buyer, enum lk_statement statement, const char *const *values,
		     struct lk_error *error)
{
	struct lk_result result;
	if (!lk_buyer_query(buyer, statement, values, &result, error))
		return false;
	bool one = result.affected == 1;
	if (!one)
		lk_fail(error, LK_ERROR_STATEMENT,
			"\"%s\" changed %" PRId64 " rows instead of one (id %s)",
			lk_statement_name(statement), result.affected, values[0]);
	lk_result_free(&result);
	return one;
}

int64_t lk_buyer_add(struct lk_buyer *buyer, enum lk_statement statement, const char *const *values,
		     struct lk_error *error)
{
	struct lk_result row;
	if (!lk_buyer_query(buyer, statement, values, &row, error))
		return 0;
	int64_t id = lk_link_added(buyer->link, statement, &row);
	if (id <= 0)
		lk_fail(error, LK_ERROR_STATEMENT, "\"%s\" added no row",
			lk_statement_name(statement));
	lk_result_free(&row);
	return id;
}

bool lk_buyer_pay(struct lk_buyer *buyer, const int64_t *ids, int count, int64_t cents,
		  struct lk_error *error)
{
	struct lk_number id[LK_BUYER_AT_ONCE], amount = lk_number_text(cents);
	struct lk_number release = lk_number_text(buyer->way.release);
	const char *log[LK_BUYER_AT_ONCE + 2] = {[LK_BUYER_AT_ONCE] = amount.text, release.text};
	struct lk_result none;
	for (int i = 0; i < count; i++) {
		id[i] = lk_number_text(ids[i]);
		log[i] = id[i].text;
		const char *const values[] = {id[i].text, amount.text};
		if (!lk_buyer_change(buyer, LK_PAY, values, error))
			return false;
	}
	if (!lk_buyer_query(buyer, LK_LOG_PAID, log, &none, error))
		return false;
	lk_result_free(&none);
	return true;
}

bool lk_buyer_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool in_transaction(struct lk_buyer *buyer, const struct transaction *transaction,
			   struct lk_error *error)
{
	const struct lk_dialect *dialect = buyer->link->dialect;
	struct lk_error ignored;
	if (lk_link_execute(buyer->link,
			    transaction->repeatable ? dialect->begin_repeatable : dialect->begin,
			    error) &&
	    transaction->run(buyer, error) && lk_link_execute(buyer->link, "COMMIT", error))
		return true;
	if (lk_link_in_transaction(buyer->link))
		lk_link_execute(buyer->link, "ROLLBACK", &ignored);
	return lk_fail_context(error, "release %d, %s", buyer->way.release, transaction->name);
}

bool lk_buyer_transaction(struct lk_buyer *buyer, struct lk_error *error)
{
	size_t i = 0;
	for (int64_t dice = lk_buyer_random(buyer, 100); dice >= transactions[i].weight; i++)
		dice -= transactions[i].weight;
	/* What a failed transaction added or deleted is as it was; after a lost one nobody knows. */
	struct lk_buyer_memory memory = buyer->memory;
	if (in_transaction(buyer, &transactions[i], error))
		return true;
	buyer->memory = memory;
	if (error->class == LK_ERROR_LOST)
		memset(&buyer->memory, 0, sizeof buyer->memory);
	return false;
}
