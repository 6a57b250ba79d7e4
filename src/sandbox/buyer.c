/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/buyer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/release.h"
#include "sandbox/shop.h"

/* Statements are prepared, as most applications' are; @ stands for the release's column. */
struct statement {
	const char *name;
	const char *sql;
};

static const struct statement statements[] = {
	{"read", "SELECT u.id, u.@, CASE WHEN l.seq IS NOT NULL THEN l.handle"
		 " WHEN mod(u.id, 1000) <> 0 THEN 'user_' || u.id END "
		 "FROM users u LEFT JOIN LATERAL (SELECT seq, handle FROM handle_log"
		 " WHERE user_id = u.id ORDER BY seq DESC LIMIT 1) l ON true "
		 "WHERE u.id = ANY ($1::bigint[]) ORDER BY u.id"},
	{"page",
	 "SELECT id, @, email, balance FROM users WHERE id BETWEEN $1 AND $1 + 19 ORDER BY id"},
	{"pay", "UPDATE users SET balance = balance + $2 WHERE id = $1"},
	{"rename", "UPDATE users SET @ = $2 WHERE id = $1"},
	{"log", "INSERT INTO handle_log (user_id, handle, release) VALUES ($1, $2, $3)"},
	{"join", "INSERT INTO users (@, email) VALUES ($1, $2) RETURNING id"},
	{"join_unnamed", "INSERT INTO users (email) VALUES ($1) RETURNING id"},
	{"leave", "DELETE FROM users WHERE id = $1"},
	{"log_gone", "INSERT INTO handle_log (user_id, release, gone) VALUES ($1, $2, true)"},
	{"order", "INSERT INTO orders (user_id, amount) VALUES ($1, $2)"},
};

struct transaction {
	const char *name;
	const char *begin;
	int weight; /* of 100 */
	bool (*run)(struct lk_buyer *buyer, struct lk_error *error);
};

void lk_buyer_init(struct lk_buyer *buyer, int number, int64_t users)
{
	memset(buyer, 0, sizeof *buyer);
	buyer->number = number;
	buyer->users = users;
	buyer->random = 0x9E3779B97F4A7C15u * (uint64_t)(number + 1);
}

/* xorshift64*: the same transactions in the same order in each sandbox. */
static int64_t random_below(struct lk_buyer *buyer, int64_t limit)
{
	uint64_t x = buyer->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	buyer->random = x;
	return (int64_t)((x * 0x2545F4914F6CDD1Du >> 1) % (uint64_t)limit);
}

static char *for_release(const char *sql, int release)
{
	const char *column = release == LK_RELEASE_OLD ? "username" : "user_handle";
	const char *at = strchr(sql, '@');
	if (!at)
		return lk_strdup(sql);
	return lk_format("%.*s%s%s", (int)(at - sql), sql, column, at + 1);
}

static bool prepare_all(PGconn *connection, int release, struct lk_error *error)
{
	bool prepared = true;
	for (size_t i = 0; i < LK_COUNT(statements) && prepared; i++) {
		char *sql = for_release(statements[i].sql, release);
		PGresult *result = PQprepare(connection, statements[i].name, sql, 0, NULL);
		prepared = PQresultStatus(result) == PGRES_COMMAND_OK ||
			   lk_postgres_failed(connection, result, error);
		PQclear(result);
		free(sql);
	}
	return prepared;
}

bool lk_buyer_connect(struct lk_buyer *buyer, const struct lk_postgres_server *server, int release,
		      struct lk_error *error)
{
	char application[40];
	snprintf(application, sizeof application, "shop release %d", release);
	PGconn *connection =
		lk_postgres_connect(server, LK_SHOP_ROLE, LK_SHOP_DATABASE, application, error);
	if (connection && !prepare_all(connection, release, error)) {
		PQfinish(connection);
		connection = NULL;
	}
	if (!connection)
		return lk_fail_context(error, "release %d, connecting", release);
	lk_buyer_disconnect(buyer);
	buyer->connection = connection;
	buyer->release = release;
	return true;
}

void lk_buyer_disconnect(struct lk_buyer *buyer)
{
	if (buyer->connection)
		PQfinish(buyer->connection);
	buyer->connection = NULL;
}

/* The rows of a prepared statement, the caller's; NULL and *error when it failed. */
static PGresult *query(struct lk_buyer *buyer, const char *name, int count,
		       const char *const *values, struct lk_error *error)
{
	PGresult *result = PQexecPrepared(buyer->connection, name, count, values, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return result;
	lk_postgres_failed(buyer->connection, result, error);
	PQclear(result);
	return NULL;
}

/* A statement that has to change exactly one row. */
static bool change_one(struct lk_buyer *buyer, const char *name, int count,
		       const char *const *values, struct lk_error *error)
{
	PGresult *result = query(buyer, name, count, values, error);
	if (!result)
		return false;
	bool one = strcmp(PQcmdTuples(result), "1") == 0;
	if (!one)
		lk_fail(error, LK_ERROR_STATEMENT,
			"\"%s\" changed %s rows instead of one (user %s)", name,
			PQcmdTuples(result), values[0]);
	PQclear(result);
	return one;
}

struct number {
	char text[24];
};

static struct number number_text(int64_t value)
{
	struct number number;
	snprintf(number.text, sizeof number.text, "%" PRId64, value);
	return number;
}

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Up to three different users in the order of their ids; yields how many. */
static int choose_users(struct lk_buyer *buyer, int64_t ids[3])
{
	int wanted = 1 + (int)random_below(buyer, 3), count = 0;
	for (int i = 0; i < wanted; i++)
		ids[i] = 1 + random_below(buyer, buyer->users);
	qsort(ids, (size_t)wanted, sizeof ids[0], compare_ids);
	for (int i = 0; i < wanted; i++)
		if (count == 0 || ids[i] != ids[count - 1])
			ids[count++] = ids[i];
	return count;
}

static bool same_value(const PGresult *a, const PGresult *b, int row, int column, int other)
{
	return PQgetisnull(a, row, column) == PQgetisnull(b, row, other) &&
	       strcmp(PQgetvalue(a, row, column), PQgetvalue(b, row, other)) == 0;
}

static const char *shown(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? "NULL" : PQgetvalue(result, row, column);
}

static bool read_users(struct lk_buyer *buyer, struct lk_error *error)
{
	int64_t ids[3];
	char list[80] = "{";
	int count = choose_users(buyer, ids);
	for (int i = 0; i < count; i++) {
		strcat(list, number_text(ids[i]).text);
		strcat(list, i + 1 < count ? "," : "}");
	}
	const char *const values[] = {list};
	PGresult *rows = query(buyer, "read", 1, values, error);
	if (!rows)
		return false;
	bool right = PQntuples(rows) == count;
	if (!right)
		lk_fail(error, LK_ERROR_STATEMENT, "%d of the users %s were found", PQntuples(rows),
			list);
	for (int i = 0; i < PQntuples(rows) && right && buyer->trusts; i++) {
		right = same_value(rows, rows, i, 1, 2);
		if (!right)
			lk_fail(error, LK_ERROR_STATEMENT,
				"user %s has the handle %s, but %s was written last",
				PQgetvalue(rows, i, 0), shown(rows, i, 1), shown(rows, i, 2));
	}
	PQclear(rows);
	return right;
}

static bool same_rows(const PGresult *a, const PGresult *b, struct lk_error *error)
{
	bool same = PQntuples(a) == PQntuples(b);
	for (int i = 0; i < PQntuples(a) && same; i++)
		for (int column = 0; column < PQnfields(a) && same; column++)
			same = same_value(a, b, i, column, column);
	return same || lk_fail(error, LK_ERROR_STATEMENT,
			       "a REPEATABLE READ transaction saw other rows the second time");
}

static bool read_twice(struct lk_buyer *buyer, struct lk_error *error)
{
	struct number first = number_text(1 + random_below(buyer, buyer->users));
	const char *const values[] = {first.text};
	PGresult *once = query(buyer, "page", 1, values, error);
	PGresult *again = once ? query(buyer, "page", 1, values, error) : NULL;
	bool same = again && same_rows(once, again, error);
	PQclear(once);
	PQclear(again);
	return same;
}

static bool pay(struct lk_buyer *buyer, struct lk_error *error)
{
	int64_t ids[3];
	int count = choose_users(buyer, ids);
	bool done = true;
	for (int i = 0; i < count && done; i++) {
		struct number id = number_text(ids[i]);
		const char *const values[] = {id.text, "5"};
		done = change_one(buyer, "pay", 2, values, error);
	}
	return done;
}

static bool log_handle(struct lk_buyer *buyer, const char *id, const char *handle,
		       struct lk_error *error)
{
	struct number release = number_text(buyer->release);
	const char *const values[] = {id, handle, release.text};
	return change_one(buyer, "log", 3, values, error);
}

/* A new handle, or NULL for one in ten; some are not ASCII. */
static const char *new_handle(struct lk_buyer *buyer, char *text, size_t size)
{
	if (random_below(buyer, 10) == 0)
		return NULL;
	snprintf(text, size, "%s_%d_%" PRId64, random_below(buyer, 8) == 0 ? "žofie_ü" : "handle",
		 buyer->number, ++buyer->sequence);
	return text;
}

static bool rename_users(struct lk_buyer *buyer, struct lk_error *error)
{
	int64_t ids[3];
	int count = choose_users(buyer, ids);
	bool done = true;
	for (int i = 0; i < count && done; i++) {
		char text[64];
		struct number id = number_text(ids[i]);
		const char *const values[] = {id.text, new_handle(buyer, text, sizeof text)};
		done = change_one(buyer, "rename", 2, values, error) &&
		       log_handle(buyer, id.text, values[1], error);
	}
	return done;
}

/* A user with a handle, with an explicit NULL, or with the column left out. */
static bool join(struct lk_buyer *buyer, struct lk_error *error)
{
	char text[64], email[80];
	bool unnamed = random_below(buyer, 6) == 0;
	const char *handle = unnamed ? NULL : new_handle(buyer, text, sizeof text);
	snprintf(email, sizeof email, "new_%d_%" PRId64 "@example.com", buyer->number,
		 ++buyer->sequence);
	const char *const named_values[] = {handle, email};
	const char *const unnamed_values[] = {email};
	PGresult *row = unnamed ? query(buyer, "join_unnamed", 1, unnamed_values, error)
				: query(buyer, "join", 2, named_values, error);
	if (!row)
		return false;
	bool done = PQntuples(row) == 1 && log_handle(buyer, PQgetvalue(row, 0, 0), handle, error);
	if (done && buyer->inserted_count < LK_BUYER_INSERTED)
		buyer->inserted[buyer->inserted_count++] = strtoll(PQgetvalue(row, 0, 0), NULL, 10);
	PQclear(row);
	return done;
}

/* Deletes a user it made before; those are nobody else's. With none left it reads instead. */
static bool leave(struct lk_buyer *buyer, struct lk_error *error)
{
	if (buyer->inserted_count == 0)
		return read_users(buyer, error);
	struct number id = number_text(buyer->inserted[--buyer->inserted_count]);
	struct number release = number_text(buyer->release);
	const char *const values[] = {id.text, release.text};
	return change_one(buyer, "leave", 1, values, error) &&
	       change_one(buyer, "log_gone", 2, values, error);
}

static bool order(struct lk_buyer *buyer, struct lk_error *error)
{
	struct number id = number_text(1 + random_below(buyer, buyer->users));
	const char *const ordered[] = {id.text, "7"}, *const paid[] = {id.text, "-7"};
	return change_one(buyer, "order", 2, ordered, error) &&
	       change_one(buyer, "pay", 2, paid, error);
}

static const struct transaction transactions[] = {
	{"reading users", "BEGIN", 34, read_users},
	{"reading a page twice", "BEGIN ISOLATION LEVEL REPEATABLE READ", 6, read_twice},
	{"changing balances", "BEGIN", 22, pay},
	{"changing handles", "BEGIN", 20, rename_users},
	{"adding a user", "BEGIN", 6, join},
	{"deleting a user", "BEGIN", 3, leave},
	{"ordering", "BEGIN", 9, order},
};

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
	return lk_fail_context(error, "release %d, %s", buyer->release, transaction->name);
}

bool lk_buyer_transaction(struct lk_buyer *buyer, struct lk_error *error)
{
	size_t i = 0;
	for (int64_t dice = random_below(buyer, 100); dice >= transactions[i].weight; i++)
		dice -= transactions[i].weight;
	/* What a failed transaction inserted or deleted is as it was; after a lost one nobody
	 * knows. */
	int64_t inserted[LK_BUYER_INSERTED];
	int inserted_count = buyer->inserted_count;
	memcpy(inserted, buyer->inserted, sizeof inserted);
	if (in_transaction(buyer, &transactions[i], error))
		return true;
	memcpy(buyer->inserted, inserted, sizeof inserted);
	buyer->inserted_count = error->class == LK_ERROR_LOST ? 0 : inserted_count;
	return false;
}
