/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A ring of entries of different lengths, and a table of where in it each key stands. Entries keep their place from when
 * they come until they go, so that what has waited longest is found at the ring's beginning; an entry that goes from its
 * middle leaves its room to be had when all before it have gone.
 */
#include "shadow/changes.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/memory.h"

enum state { GONE, WAITING, TAKEN, FILLER /* to the ring's end, where nothing fits */ };

/* Followed by the key, and rounded up to ALIGN. Places are counted in units of ALIGN from the ring's beginning. */
struct entry {
	uint64_t mark;
	uint32_t hash, bytes;
	uint8_t state;
	bool gone, again_gone;
	bool again;	/* has changed while it was taken, at again_mark */
	uint32_t units; /* of the whole entry */
	uint64_t again_mark;
};
#define ALIGN 8
#define MIN_BYTES ((size_t)1 << 20)
/* Of the shortest keys there is one for about this much; the table has room for twice as many. */
#define USUAL_ENTRY 48
#define EMPTY UINT32_MAX

struct lk_changes {
	pthread_mutex_t mutex;
	pthread_cond_t roomier;
	unsigned char *ring;
	uint32_t units; /* of the ring */
	/* The oldest entry, where takers go on, and behind the last one: in units since the beginning, so that they only grow;
	 * the remainder by `units` is the place. */
	uint64_t first, next, end;
	uint32_t *table;     /* places of entries, open addressing */
	uint32_t mask, live; /* slots - 1; keys in the table */
	bool closed;
	struct lk_changes_counts counts;
};

static struct entry *at(const struct lk_changes *c, uint32_t place)
{
	return (struct entry *)(void *)(c->ring + (size_t)place * ALIGN);
}

static unsigned char *key_of(struct entry *e)
{
	return (unsigned char *)(e + 1);
}

static uint32_t units_for(size_t bytes)
{
	return (uint32_t)((sizeof(struct entry) + bytes + ALIGN - 1) / ALIGN);
}

/* FNV-1a, with the bits mixed once more since the low ones choose the slot. */
static uint32_t hash_of(const unsigned char *key, size_t bytes)
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < bytes; i++)
		h = (h ^ key[i]) * 1099511628211u;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	return (uint32_t)(h >> 32);
}

/* Memory that costs nothing until it is written, and can be given back. */
static void *reserve(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return memory == MAP_FAILED ? lk_alloc((size_t)-1) : memory;
}

struct lk_changes *lk_changes_new(size_t bytes)
{
	struct lk_changes *c = lk_alloc(sizeof *c);
	bytes = bytes < MIN_BYTES ? MIN_BYTES : bytes / 4096 * 4096;
	c->units = (uint32_t)(bytes / ALIGN);
	c->ring = reserve(bytes);
	uint32_t slots = 1024;
	while (slots < bytes / USUAL_ENTRY * 2)
		slots *= 2;
	c->mask = slots - 1;
	c->table = lk_alloc(slots * sizeof *c->table);
	memset(c->table, 0xff, slots * sizeof *c->table);
	c->counts.bytes = bytes;
	pthread_mutex_init(&c->mutex, NULL);
	lk_condition_init(&c->roomier);
	return c;
}

void lk_changes_free(struct lk_changes *c)
{
	if (!c)
		return;
	pthread_cond_destroy(&c->roomier);
	pthread_mutex_destroy(&c->mutex);
	munmap(c->ring, c->counts.bytes);
	free(c->table);
	free(c);
}

/* The slot of the key, or the empty one where it would be. */
static uint32_t slot_of(const struct lk_changes *c, uint32_t hash, const void *key, size_t bytes)
{
	for (uint32_t slot = hash & c->mask;; slot = (slot + 1) & c->mask) {
		if (c->table[slot] == EMPTY)
			return slot;
		struct entry *e = at(c, c->table[slot]);
		if (e->hash == hash && e->bytes == bytes && memcmp(key_of(e), key, bytes) == 0)
			return slot;
	}
}

/* Empties a slot and moves up those behind it that would not be found any more. */
static void remove_slot(struct lk_changes *c, uint32_t slot)
{
	uint32_t hole = slot;
	for (uint32_t i = (slot + 1) & c->mask; c->table[i] != EMPTY; i = (i + 1) & c->mask) {
		uint32_t home = at(c, c->table[i])->hash & c->mask;
		if (((i - home) & c->mask) < ((i - hole) & c->mask))
			continue;
		c->table[hole] = c->table[i];
		hole = i;
	}
	c->table[hole] = EMPTY;
	c->live--;
}

/* Entries from first to end, by their number of units since the beginning. */
static struct entry *nth(const struct lk_changes *c, uint64_t serial)
{
	return at(c, (uint32_t)(serial % c->units));
}

/* Frees what has gone at the ring's beginning. */
static void reclaim(struct lk_changes *c)
{
	while (c->first < c->end) {
		struct entry *e = nth(c, c->first);
		if (e->state != GONE && e->state != FILLER)
			return;
		c->first += e->units;
		if (c->next < c->first)
			c->next = c->first;
	}
	/* Its pages go back to the system: a burst must not stay in the keeper's size for ever. */
	if (c->end > c->units / 4)
		madvise(c->ring, (size_t)c->units * ALIGN, MADV_DONTNEED);
	c->first = c->next = c->end = 0;
}

/* Makes room for an entry at the ring's end; false when it does not fit. */
static bool append(struct lk_changes *c, uint32_t units, uint32_t *place)
{
	uint32_t to_end = c->units - (uint32_t)(c->end % c->units);
	/* What is left of the ring must hold the head of a filler, or nothing. */
	bool fits = to_end >= units + units_for(0) || to_end == units;
	uint32_t filler = fits ? 0 : to_end;
	if (c->end - c->first + filler + units > c->units)
		return false;
	if (filler) {
		*nth(c, c->end) = (struct entry){.state = FILLER, .units = filler};
		c->end += filler;
	}
	*place = (uint32_t)(c->end % c->units);
	c->end += units;
	return true;
}

static bool insert(struct lk_changes *c, uint32_t slot, uint32_t hash,
		   const struct lk_changed *changed)
{
	uint32_t place, units = units_for(changed->bytes);
	/* Half of the slots stay empty, so that a search is short. */
	if (c->live * 2 > c->mask || !append(c, units, &place))
		return false;
	struct entry *e = at(c, place);
	*e = (struct entry){.mark = changed->mark,
			    .hash = hash,
			    .bytes = (uint32_t)changed->bytes,
			    .state = WAITING,
			    .gone = changed->gone,
			    .units = units};
	memcpy(key_of(e), changed->key, changed->bytes);
	c->table[slot] = place;
	c->live++;
	c->counts.waiting++;
	return true;
}

static void change_again(struct entry *e, const struct lk_changed *changed)
{
	if (e->state == WAITING) {
		e->gone = e->gone || changed->gone;
		return;
	}
	if (!e->again)
		e->again_mark = changed->mark;
	e->again = true;
	e->again_gone = e->again_gone || changed->gone;
}

/* False: there is no room. */
static bool add(struct lk_changes *c, const struct lk_changed *changed)
{
	uint32_t hash = hash_of(changed->key, changed->bytes);
	uint32_t slot = slot_of(c, hash, changed->key, changed->bytes);
	if (c->table[slot] == EMPTY)
		return insert(c, slot, hash, changed);
	c->counts.coalesced++;
	change_again(at(c, c->table[slot]), changed);
	return true;
}

bool lk_changes_add(struct lk_changes *c, const struct lk_changed *changed, int64_t deadline_us)
{
	bool added = false, waits = changed->bytes <= LK_CHANGES_KEY_MAX;
	pthread_mutex_lock(&c->mutex);
	while (waits && !c->closed && !(added = add(c, changed)))
		waits = lk_condition_wait_until(&c->roomier, &c->mutex, deadline_us) != ETIMEDOUT;
	c->counts.added += added;
	pthread_mutex_unlock(&c->mutex);
	return added;
}

void lk_changes_close(struct lk_changes *c)
{
	pthread_mutex_lock(&c->mutex);
	c->closed = true;
	pthread_cond_broadcast(&c->roomier);
	pthread_mutex_unlock(&c->mutex);
}

static void put(struct lk_change_set *set, uint32_t place, struct entry *e)
{
	if (set->count == set->room) {
		set->room = set->room ? set->room * 2 : 64;
		set->keys = lk_realloc(set->keys, set->room, sizeof *set->keys);
	}
	set->keys[set->count++] = (struct lk_change){
		.entry = place, .bytes = e->bytes, .gone = e->gone, .key = key_of(e)};
}

/* From where takers are to `until`. */
static void take_until(struct lk_changes *c, struct lk_change_set *set, size_t full, uint64_t until)
{
	while (c->next < until && set->count < full) {
		struct entry *e = nth(c, c->next);
		if (e->state == WAITING) {
			e->state = TAKEN;
			put(set, (uint32_t)(c->next % c->units), e);
		}
		c->next += e->units;
	}
}

/* Round and round: a key that was given back, since somebody holds its row, keeps those behind it from nobody. */
size_t lk_changes_take(struct lk_changes *c, struct lk_change_set *set, size_t most)
{
	size_t before = set->count;
	pthread_mutex_lock(&c->mutex);
	uint64_t from = c->next;
	take_until(c, set, before + most, c->end);
	if (set->count - before < most) {
		c->next = c->first;
		take_until(c, set, before + most, from);
	}
	size_t taken = set->count - before;
	c->counts.waiting -= (int64_t)taken;
	c->counts.taken += (int64_t)taken;
	pthread_mutex_unlock(&c->mutex);
	return taken;
}

static void wait_again(struct lk_changes *c, struct entry *e)
{
	e->state = WAITING;
	e->gone = e->gone || e->again_gone;
	e->again = e->again_gone = false;
	c->counts.waiting++;
}

static void give(struct lk_changes *c, struct lk_change_set *set, bool done)
{
	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < set->count; i++) {
		struct entry *e = at(c, set->keys[i].entry);
		if (done && !e->again) {
			remove_slot(c, slot_of(c, e->hash, key_of(e), e->bytes));
			e->state = GONE;
			continue;
		}
		if (done) {
			e->mark = e->again_mark;
			e->gone = false;
		}
		wait_again(c, e);
	}
	c->counts.taken -= (int64_t)set->count;
	set->count = 0;
	reclaim(c);
	pthread_cond_broadcast(&c->roomier);
	pthread_mutex_unlock(&c->mutex);
}

void lk_changes_done(struct lk_changes *c, struct lk_change_set *set)
{
	give(c, set, true);
}

void lk_changes_give_back(struct lk_changes *c, struct lk_change_set *set)
{
	give(c, set, false);
}

void lk_change_set_free(struct lk_change_set *set)
{
	free(set->keys);
	*set = (struct lk_change_set){0};
}

uint64_t lk_changes_oldest(struct lk_changes *c)
{
	uint64_t oldest = LK_CHANGES_NONE;
	pthread_mutex_lock(&c->mutex);
	for (uint64_t i = c->first; i < c->end; i += nth(c, i)->units) {
		struct entry *e = nth(c, i);
		if ((e->state == WAITING || e->state == TAKEN) && e->mark < oldest)
			oldest = e->mark;
	}
	pthread_mutex_unlock(&c->mutex);
	return oldest;
}

struct lk_changes_counts lk_changes_count(struct lk_changes *c)
{
	pthread_mutex_lock(&c->mutex);
	struct lk_changes_counts counts = c->counts;
	counts.bytes_used = (size_t)(c->end - c->first) * ALIGN;
	pthread_mutex_unlock(&c->mutex);
	return counts;
}
