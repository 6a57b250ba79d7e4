/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/queue.h"

#include <errno.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/memory.h"

struct lk_queue {
	pthread_mutex_t mutex; /* guards everything below */
	pthread_cond_t changed;
	void **items;
	size_t capacity, first, count;
	bool closed;
	void (*wake)(void *context);
	void *context;
};

struct lk_queue *lk_queue_new(size_t capacity, void (*wake)(void *context), void *context)
{
	struct lk_queue *queue = lk_alloc(sizeof *queue);
	pthread_mutex_init(&queue->mutex, NULL);
	lk_condition_init(&queue->changed);
	queue->items = lk_alloc(capacity * sizeof *queue->items);
	queue->capacity = capacity;
	queue->wake = wake;
	queue->context = context;
	return queue;
}

void lk_queue_free(struct lk_queue *queue)
{
	if (!queue)
		return;
	pthread_mutex_destroy(&queue->mutex);
	pthread_cond_destroy(&queue->changed);
	free(queue->items);
	free(queue);
}

bool lk_queue_push(struct lk_queue *queue, void *item)
{
	pthread_mutex_lock(&queue->mutex);
	while (queue->count == queue->capacity && !queue->closed)
		pthread_cond_wait(&queue->changed, &queue->mutex);
	bool open = !queue->closed;
	if (open) {
		queue->items[(queue->first + queue->count++) % queue->capacity] = item;
		pthread_cond_broadcast(&queue->changed);
	}
	pthread_mutex_unlock(&queue->mutex);
	if (open && queue->wake)
		queue->wake(queue->context);
	return open;
}

bool lk_queue_offer(struct lk_queue *queue, void *item, size_t reserve)
{
	pthread_mutex_lock(&queue->mutex);
	bool room = !queue->closed && queue->count + reserve < queue->capacity;
	if (room) {
		queue->items[(queue->first + queue->count++) % queue->capacity] = item;
		pthread_cond_broadcast(&queue->changed);
	}
	pthread_mutex_unlock(&queue->mutex);
	if (room && queue->wake)
		queue->wake(queue->context);
	return room;
}

static void *take_first(struct lk_queue *queue)
{
	if (queue->count == 0)
		return NULL;
	void *item = queue->items[queue->first];
	queue->first = (queue->first + 1) % queue->capacity;
	queue->count--;
	pthread_cond_broadcast(&queue->changed);
	return item;
}

void *lk_queue_try_pop(struct lk_queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	void *item = take_first(queue);
	pthread_mutex_unlock(&queue->mutex);
	return item;
}

void *lk_queue_pop(struct lk_queue *queue, int64_t deadline_us)
{
	pthread_mutex_lock(&queue->mutex);
	while (queue->count == 0 && !queue->closed)
		if (lk_condition_wait_until(&queue->changed, &queue->mutex, deadline_us) ==
		    ETIMEDOUT)
			break;
	void *item = take_first(queue);
	pthread_mutex_unlock(&queue->mutex);
	return item;
}

void lk_queue_close(struct lk_queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	queue->closed = true;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->mutex);
}

bool lk_queue_closed(struct lk_queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	bool closed = queue->closed;
	pthread_mutex_unlock(&queue->mutex);
	return closed;
}
