/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a buyer does with orders and their reviews. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/buyer_parts.h"
#include "sandbox/dialect.h"

/* The parameters of the statements about orders and about reviews. */
struct values {
	char seed[48];
	struct lk_number number[LK_STATEMENT_VALUES];
	const char *list[LK_STATEMENT_VALUES];
};

static void make_values(const struct lk_buyer *buyer, struct values *v, int64_t id, int64_t owner)
{
	memset(v, 0, sizeof *v);
	v->number[0] = lk_number_text(id);
	v->number[1] = lk_number_text(owner);
	v->number[4] = lk_number_text(buyer->way.release);
	v->list[0] = v->number[0].text;
	v->list[1] = v->number[1].text;
	v->list[4] = v->number[4].text;
}

static void set_number(struct values *v, int which, int64_t value)
{
	v->number[which] = lk_number_text(value);
	v->list[which] = v->number[which].text;
}

static void make_review(struct lk_buyer *buyer, struct values *v, int64_t order, int64_t stars)
{
	make_values(buyer, v, 0, order);
	snprintf(v->seed, sizeof v->seed, "%d_%" PRId64, buyer->number, lk_buyer_seed(buyer));
	v->list[2] = v->seed;
	set_number(v, 3, stars);
}

static int64_t any_amount(struct lk_buyer *buyer)
{
	return 1 + lk_buyer_random(buyer, 100000);
}

/* Its own orders are there with the amounts it gave them, when they are new enough to be shown. */
static bool right_amounts(const struct lk_buyer_memory *memory, const struct lk_result *rows,
			  struct lk_error *error)
{
	for (size_t row = 0; row < rows->rows; row++) {
		int64_t id = lk_cell_int(rows, row, 0), cents = lk_cell_int(rows, row, 1);
		for (int i = 0; i < memory->order_count; i++)
			if (memory->orders[i].id == id && memory->orders[i].cents != cents)
				return lk_fail(error, LK_ERROR_STATEMENT,
					       "order %" PRId64 " is over %" PRId64
					       " cents, but %" PRId64 " were written",
					       id, cents, memory->orders[i].cents);
	}
	return true;
}

bool lk_buyer_read_orders(struct lk_buyer *buyer, struct lk_error *error)
{
	const struct lk_buyer_memory *memory = &buyer->memory;
	struct lk_number user = lk_number_text(
		memory->order_count > 0
			? memory->orders[lk_buyer_random(buyer, memory->order_count)].user
			: 1 + lk_buyer_random(buyer, buyer->users));
	const char *const values[] = {user.text};
	struct lk_result newest = {0}, rows = {0};
	bool right = lk_buyer_query(buyer, LK_READ_NEWEST, NULL, &newest, error) &&
		     lk_buyer_query(buyer, LK_READ_ORDERS, values, &rows, error) &&
		     right_amounts(memory, &rows, error);
	lk_result_free(&newest);
	lk_result_free(&rows);
	return right;
}

/* Takes the user's row for itself before anything refers to it. */
static bool hold_user(struct lk_buyer *buyer, int64_t user, struct lk_error *error)
{
	struct lk_number id = lk_number_text(user);
	const char *const values[] = {id.text};
	struct lk_result row;
	if (!lk_buyer_query(buyer, LK_HOLD_USER, values, &row, error))
		return false;
	bool there = row.rows == 1 ||
		     lk_fail(error, LK_ERROR_STATEMENT, "user %" PRId64 " is not there", user);
	lk_result_free(&row);
	return there;
}

/*
 * The user's row is locked first: where a foreign key's check shares that lock, as InnoDB's does, changing the
 * balance afterwards would make a deadlock with whoever waits for it in between; and changing it before the order
 * is added would hold the orders' definition for reading that is then wanted for writing.
 */
bool lk_buyer_order(struct lk_buyer *buyer, struct lk_error *error)
{
	struct lk_buyer_memory *memory = &buyer->memory;
	struct values v;
	struct lk_buyer_order order = {.user = 1 + lk_buyer_random(buyer, buyer->users),
				       .cents = any_amount(buyer)};
	if (!hold_user(buyer, order.user, error))
		return false;
	make_values(buyer, &v, 0, order.user);
	set_number(&v, 2, order.cents);
	order.id = lk_buyer_add(buyer, LK_ADD_ORDER, v.list, error);
	if (!order.id)
		return false;
	set_number(&v, 0, order.id);
	if (memory->order_count < LK_BUYER_REMEMBERS)
		memory->orders[memory->order_count++] = order;
	return lk_buyer_change(buyer, LK_LOG_ORDER, v.list, error) &&
	       lk_buyer_pay(buyer, &order.user, 1, -order.cents, error);
}

/* One of its own or one that was there from the start. */
bool lk_buyer_change_order(struct lk_buyer *buyer, struct lk_error *error)
{
	struct lk_buyer_memory *memory = &buyer->memory;
	struct values v;
	struct lk_buyer_order *own =
		memory->order_count > 0 && lk_buyer_random(buyer, 3) == 0
			? &memory->orders[lk_buyer_random(buyer, memory->order_count)]
			: NULL;
	int64_t cents = any_amount(buyer);
	make_values(buyer, &v, own ? own->id : 1 + lk_buyer_random(buyer, buyer->orders), 0);
	set_number(&v, 2, cents);
	if (own)
		own->cents = cents;
	return lk_buyer_change(buyer, LK_CHANGE_ORDER, v.list, error) &&
	       lk_buyer_change(buyer, LK_LOG_ORDER_CHANGE, v.list, error);
}

/* Of the newest of its own orders that has none; without such an order it reads instead. */
bool lk_buyer_review(struct lk_buyer *buyer, struct lk_error *error)
{
	struct lk_buyer_memory *memory = &buyer->memory;
	struct values v;
	int i = memory->order_count - 1;
	while (i >= 0 && memory->orders[i].review)
		i--;
	if (i < 0)
		return lk_buyer_read_orders(buyer, error);
	make_review(buyer, &v, memory->orders[i].id, 1 + lk_buyer_random(buyer, 5));
	memory->orders[i].review = lk_buyer_add(buyer, LK_ADD_REVIEW, v.list, error);
	if (!memory->orders[i].review)
		return false;
	set_number(&v, 0, memory->orders[i].review);
	return lk_buyer_change(buyer, LK_LOG_REVIEW, v.list, error);
}

/* The review goes first, unless the server takes it along. */
bool lk_buyer_cancel(struct lk_buyer *buyer, struct lk_error *error)
{
	struct lk_buyer_memory *memory = &buyer->memory;
	struct values review, order;
	if (memory->order_count == 0)
		return lk_buyer_read_orders(buyer, error);
	const struct lk_buyer_order own = memory->orders[--memory->order_count];
	bool cascades = lk_release_has(buyer->way, LK_FEATURE_CASCADE);
	make_values(buyer, &order, own.id, own.user);
	make_values(buyer, &review, own.review, own.id);
	return (!own.review || cascades ||
		lk_buyer_change(buyer, LK_DROP_REVIEW, review.list, error)) &&
	       lk_buyer_change(buyer, LK_DROP_ORDER, order.list, error) &&
	       (!own.review || lk_buyer_change(buyer, LK_LOG_NO_REVIEW, review.list, error)) &&
	       lk_buyer_change(buyer, LK_LOG_NO_ORDER, order.list, error);
}

/* A review that the server must refuse, for this reason. */
static bool is_refused(struct lk_buyer *buyer, const struct values *v, enum lk_refusal why,
		       struct lk_error *error)
{
	struct lk_error refusal = {0};
	struct lk_result result;
	if (!lk_link_execute(buyer->link, "SAVEPOINT mistake", error))
		return false;
	if (lk_buyer_query(buyer, LK_ADD_REVIEW, v->list, &result, &refusal)) {
		lk_result_free(&result);
		return lk_fail(error, LK_ERROR_STATEMENT,
			       "a review of order %s with %s stars was not refused", v->list[1],
			       v->list[3]);
	}
	if (buyer->link->dialect->refusal(&refusal) != why) {
		*error = refusal;
		return false;
	}
	return lk_link_execute(buyer->link, "ROLLBACK TO SAVEPOINT mistake", error);
}

bool lk_buyer_mistake(struct lk_buyer *buyer, struct lk_error *error)
{
	struct values v;
	bool tried = false, refused = true;
	if (lk_release_has(buyer->way, LK_FEATURE_STARS)) {
		make_review(buyer, &v, 1, 9);
		tried = true;
		refused = is_refused(buyer, &v, LK_REFUSED_CHECK, error);
	}
	if (refused && lk_release_has(buyer->way, LK_FEATURE_CASCADE)) {
		make_review(buyer, &v, -1, 3);
		tried = true;
		refused = is_refused(buyer, &v, LK_REFUSED_FOREIGN_KEY, error);
	}
	return tried ? refused : lk_buyer_read_orders(buyer, error);
}
