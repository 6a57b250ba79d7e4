/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a buyer does with users. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/buyer_parts.h"

/* The parameters of the statements about users. */
struct user_values {
	char handle[64], seed[48];
	struct lk_number id, dice, release;
	const char *list[LK_STATEMENT_VALUES];
};

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Up to three different users in the order of their ids; yields how many. */
static int choose_users(struct lk_buyer *buyer, int64_t ids[LK_BUYER_AT_ONCE])
{
	int wanted = 1 + (int)lk_buyer_random(buyer, LK_BUYER_AT_ONCE), count = 0;
	for (int i = 0; i < wanted; i++)
		ids[i] = 1 + lk_buyer_random(buyer, buyer->users);
	qsort(ids, (size_t)wanted, sizeof ids[0], compare_ids);
	for (int i = 0; i < wanted; i++)
		if (count == 0 || ids[i] != ids[count - 1])
			ids[count++] = ids[i];
	return count;
}

static const char *shown(const char *cell)
{
	return cell ? cell : "NULL";
}

static bool right_handle(const struct lk_result *rows, size_t row, struct lk_error *error)
{
	const char *read = lk_cell(rows, row, 1), *written = lk_cell(rows, row, 2);
	return lk_buyer_same(read, written) ||
	       lk_fail(error, LK_ERROR_STATEMENT,
		       "user %s has the handle %s, but %s was written last",
		       lk_cell_text(rows, row, 0), shown(read), shown(written));
}

bool lk_buyer_read_users(struct lk_buyer *buyer, struct lk_error *error)
{
	int64_t ids[LK_BUYER_AT_ONCE];
	struct lk_number id[LK_BUYER_AT_ONCE];
	const char *values[LK_BUYER_AT_ONCE] = {NULL};
	struct lk_result rows;
	size_t count = (size_t)choose_users(buyer, ids);
	for (size_t i = 0; i < count; i++) {
		id[i] = lk_number_text(ids[i]);
		values[i] = id[i].text;
	}
	if (!lk_buyer_query(buyer, LK_READ_USERS, values, &rows, error))
		return false;
	bool right = rows.rows == count ||
		     lk_fail(error, LK_ERROR_STATEMENT, "%zu of %zu users from %s on were found",
			     rows.rows, count, values[0]);
	for (size_t i = 0; i < rows.rows && right && buyer->trusts; i++)
		right = right_handle(&rows, i, error);
	lk_result_free(&rows);
	return right;
}

static bool same_rows(const struct lk_result *a, const struct lk_result *b, struct lk_error *error)
{
	bool same = a->rows == b->rows;
	for (size_t i = 0; i < a->rows * a->columns && same; i++)
		same = lk_buyer_same(a->cells[i], b->cells[i]);
	return same || lk_fail(error, LK_ERROR_STATEMENT,
			       "a REPEATABLE READ transaction saw other rows the second time");
}

bool lk_buyer_read_page(struct lk_buyer *buyer, struct lk_error *error)
{
	struct lk_number first = lk_number_text(1 + lk_buyer_random(buyer, buyer->users));
	const char *const values[] = {first.text};
	struct lk_result once = {0}, again = {0};
	bool same = lk_buyer_query(buyer, LK_READ_PAGE, values, &once, error) &&
		    lk_buyer_query(buyer, LK_READ_PAGE, values, &again, error) &&
		    same_rows(&once, &again, error);
	lk_result_free(&once);
	lk_result_free(&again);
	return same;
}

bool lk_buyer_change_balances(struct lk_buyer *buyer, struct lk_error *error)
{
	int64_t ids[LK_BUYER_AT_ONCE];
	int count = choose_users(buyer, ids);
	return lk_buyer_pay(buyer, ids, count, 1 + lk_buyer_random(buyer, 500), error);
}

/* A handle, or NULL for one in ten; some are not ASCII. */
static void make_values(struct lk_buyer *buyer, struct user_values *v, int64_t id, int64_t seed)
{
	v->id = lk_number_text(id);
	snprintf(v->seed, sizeof v->seed, "%d_%" PRId64, buyer->number, seed);
	snprintf(v->handle, sizeof v->handle, "%s_%s",
		 lk_buyer_random(buyer, 8) == 0 ? "žofie_ü" : "handle", v->seed);
	v->dice = lk_number_text(lk_buyer_random(buyer, 1000));
	v->release = lk_number_text(buyer->way.release);
	v->list[0] = v->id.text;
	v->list[1] = lk_buyer_random(buyer, 10) == 0 ? NULL : v->handle;
	v->list[2] = v->seed;
	v->list[3] = v->dice.text;
	v->list[4] = v->release.text;
}

static bool write_user(struct lk_buyer *buyer, const struct user_values *v, struct lk_error *error)
{
	return lk_buyer_change(buyer, LK_CHANGE_USER, v->list, error) &&
	       lk_buyer_change(buyer, LK_LOG_USER, v->list, error);
}

/* The same to most collations and not the same to the user: other letters, or a space behind it. */
static void change_slightly(struct user_values *v, bool by_space)
{
	char *p = v->handle + strcspn(v->handle, "abcdefghijklmnopqrstuvwxyz");
	if (by_space)
		strcat(v->handle, " ");
	else if (*p)
		*p = (char)(*p - 'a' + 'A');
}

bool lk_buyer_change_users(struct lk_buyer *buyer, struct lk_error *error)
{
	int64_t ids[LK_BUYER_AT_ONCE];
	int count = choose_users(buyer, ids);
	bool done = true;
	for (int i = 0; i < count && done; i++) {
		struct user_values v;
		make_values(buyer, &v, ids[i], lk_buyer_seed(buyer));
		int64_t dice = lk_buyer_random(buyer, 8);
		done = write_user(buyer, &v, error);
		if (dice > 1)
			continue;
		change_slightly(&v, dice == 1);
		done = done && write_user(buyer, &v, error);
	}
	return done;
}

static void remember(struct lk_buyer_memory *memory, int64_t id, int64_t seed)
{
	for (int i = 0; i < memory->user_count; i++)
		if (memory->users[i].id == id)
			return;
	if (memory->user_count < LK_BUYER_REMEMBERS)
		memory->users[memory->user_count++] = (struct lk_buyer_user){id, seed};
}

/*
 * A user with a handle, with an explicit NULL, or with the column left out. Where an email belongs to
 * one user, one who has joined before may do so again, which changes the row there is.
 */
bool lk_buyer_join(struct lk_buyer *buyer, struct lk_error *error)
{
	struct lk_buyer_memory *memory = &buyer->memory;
	struct user_values v;
	bool again = lk_release_has(buyer->way, LK_FEATURE_ONE_EMAIL) && memory->user_count > 0 &&
		     lk_buyer_random(buyer, 3) == 0;
	int64_t seed = again ? memory->users[lk_buyer_random(buyer, memory->user_count)].seed
			     : lk_buyer_seed(buyer);
	bool unnamed = !again && lk_buyer_random(buyer, 6) == 0;
	make_values(buyer, &v, 0, seed);
	if (unnamed)
		v.list[1] = NULL;
	int64_t id =
		lk_buyer_add(buyer, unnamed ? LK_ADD_UNNAMED_USER : LK_ADD_USER, v.list, error);
	if (!id)
		return false;
	v.id = lk_number_text(id);
	remember(memory, id, seed);
	return lk_buyer_change(buyer, LK_LOG_USER, v.list, error);
}

/* Deletes a user it made before; those are nobody else's. With none left it reads instead. */
bool lk_buyer_leave(struct lk_buyer *buyer, struct lk_error *error)
{
	struct lk_buyer_memory *memory = &buyer->memory;
	struct user_values v;
	if (memory->user_count == 0)
		return lk_buyer_read_users(buyer, error);
	make_values(buyer, &v, memory->users[--memory->user_count].id, 0);
	return lk_buyer_change(buyer, LK_DROP_USER, v.list, error) &&
	       lk_buyer_change(buyer, LK_LOG_NO_USER, v.list, error);
}
