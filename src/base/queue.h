/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bounded queue of pointers between threads: any number of producers, one or more consumers.
 * Producers block while it is full (a slow consumer slows the work, it never loses an event);
 * after lk_queue_close every push is refused and pops drain what is left, then return NULL.
 */
#ifndef LK_BASE_QUEUE_H
#define LK_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lk_queue;

/* `wake`, when not NULL, is called after each push, on the producer's thread and without the lock. */
struct lk_queue *lk_queue_new(size_t capacity, void (*wake)(void *context), void *context);
void lk_queue_free(struct lk_queue *queue);
/* False when the queue is closed: the item stays the caller's. */
bool lk_queue_push(struct lk_queue *queue, void *item);
/* As lk_queue_push, but false instead of waiting when fewer than `reserve` places would be left. */
bool lk_queue_offer(struct lk_queue *queue, void *item, size_t reserve);
/* The oldest item, or NULL at once when there is none. */
void *lk_queue_try_pop(struct lk_queue *queue);
/* The oldest item; waits until deadline_us (lk_clock_us); NULL at the deadline or when closed and empty. */
void *lk_queue_pop(struct lk_queue *queue, int64_t deadline_us);
void lk_queue_close(struct lk_queue *queue);
bool lk_queue_closed(struct lk_queue *queue);

#endif
