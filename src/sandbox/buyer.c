/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/buyer_parts.h"
#include "sandbox/shop.h"

static const struct transaction {
	const char *name;
	const char *begin;
	int weight; /* of 100 */
	bool (*run)(struct lk_buyer *buyer, struct lk_error *error);
} transactions[] = {
	{"reading users", "BEGIN", 26, lk_buyer_read_users},
	{"reading a page twice", "BEGIN ISOLATION LEVEL REPEATABLE READ", 6, lk_buyer_read_page},
	{"reading orders", "BEGIN", 8, lk_buyer_read_orders},
	{"changing balances", "BEGIN", 17, lk_buyer_change_balances},
	{"changing users", "BEGIN", 18, lk_buyer_change_users},
	{"adding a user", "BEGIN", 6, lk_buyer_join},
	{"deleting a user", "BEGIN", 3, lk_buyer_leave},
	{"ordering", "BEGIN", 6, lk_buyer_order},
	{"changing an order", "BEGIN", 4, lk_buyer_change_order},
	{"writing a review", "BEGIN", 3, lk_buyer_review},
	{"cancelling an order", "BEGIN", 2, lk_buyer_cancel},
	{"making a mistake", "BEGIN", 1, lk_buyer_mistake},
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

bool lk_buyer_connect(struct lk_buyer *buyer, const struct lk_postgres_server *server,
		      struct lk_release_way way, struct lk_error *error)
{
	char application[40];
	snprintf(application, sizeof application, "shop release %d", way.release);
	PGconn *connection =
		lk_postgres_connect(server, LK_SHOP_ROLE, LK_SHOP_DATABASE, application, error);
	if (connection && !lk_statement_prepare(connection, way, error)) {
		PQfinish(connection);
		connection = NULL;
	}
	if (!connection)
		return lk_fail_context(error, "release %d, connecting", way.release);
	lk_buyer_disconnect(buyer);
	buyer->connection = connection;
	buyer->way = way;
	return true;
}

void lk_buyer_disconnect(struct lk_buyer *buyer)
{
	if (buyer->connection)
		PQfinish(buyer->connection);
	buyer->connection = NULL;
}

PGresult *lk_buyer_query(struct lk_buyer *buyer, enum lk_statement statement,
			 const char *const *values, struct lk_error *error)
{
	PGresult *result = PQexecPrepared(buyer->connection, lk_statement_name(statement),
					  lk_statement_values(statement), values, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return result;
	lk_postgres_failed(buyer->connection, result, error);
	PQclear(result);
	return NULL;
}

bool lk_buyer_change(struct lk_buyer *buyer, enum lk_statement statement, const char *const *values,
		     struct lk_error *error)
{
	PGresult *result = lk_buyer_query(buyer, statement, values, error);
	if (!result)
		return false;
	bool one = strcmp(PQcmdTuples(result), "1") == 0;
	if (!one)
		lk_fail(error, LK_ERROR_STATEMENT, "\"%s\" changed %s rows instead of one (id %s)",
			lk_statement_name(statement), PQcmdTuples(result), values[0]);
	PQclear(result);
	return one;
}

int64_t lk_buyer_add(struct lk_buyer *buyer, enum lk_statement statement, const char *const *values,
		     struct lk_error *error)
{
	PGresult *row = lk_buyer_query(buyer, statement, values, error);
	if (!row)
		return 0;
	int64_t id = PQntuples(row) == 1 ? strtoll(PQgetvalue(row, 0, 0), NULL, 10) : 0;
	if (id <= 0)
		lk_fail(error, LK_ERROR_STATEMENT, "\"%s\" added no row",
			lk_statement_name(statement));
	PQclear(row);
	return id;
}

bool lk_buyer_pay(struct lk_buyer *buyer, const int64_t *ids, int count, int64_t cents,
		  struct lk_error *error)
{
	char list[100] = "";
	size_t length = 0;
	bool done = true;
	struct lk_number amount = lk_number_text(cents);
	for (int i = 0; i < count && done; i++) {
		struct lk_number id = lk_number_text(ids[i]);
		const char *const values[] = {id.text, amount.text};
		done = lk_buyer_change(buyer, LK_PAY, values, error);
		length += (size_t)snprintf(list + length, sizeof list - length, "%c%s",
					   i ? ',' : '{', id.text);
	}
	snprintf(list + length, sizeof list - length, "}");
	struct lk_number release = lk_number_text(buyer->way.release);
	const char *const values[] = {list, amount.text, release.text};
	PGresult *result = done ? lk_buyer_query(buyer, LK_LOG_PAID, values, error) : NULL;
	PQclear(result);
	return result != NULL;
}

bool lk_buyer_same(const PGresult *a, int row_a, int column_a, const PGresult *b, int row_b,
		   int column_b)
{
	return PQgetisnull(a, row_a, column_a) == PQgetisnull(b, row_b, column_b) &&
	       strcmp(PQgetvalue(a, row_a, column_a), PQgetvalue(b, row_b, column_b)) == 0;
}

static bool in_transaction(struct lk_buyer *buyer, const struct transaction *transaction,
			   struct lk_error *error)
{
	struct lk_error ignored;
	if (lk_postgres_execute(buyer->connection, transaction->begin, error) &&
	    transaction->run(buyer, error) &&
	    lk_postgres_execute(buyer->connection, "COMMIT", error))
		return true;
	if (PQtransactionStatus(buyer->connection) != PQTRANS_IDLE)
		lk_postgres_execute(buyer->connection, "ROLLBACK", &ignored);
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
