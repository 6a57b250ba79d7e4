/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/my_metadata.h"

#include <stddef.h>
#include <string.h>

#include "base/memory.h"

enum { S, SH, SR, SW, SWLP, SU, SRO, SNW, SNRW, X, TYPES };

static const char *const type_names[TYPES] = {
	[S] = "SHARED",
	[SH] = "SHARED_HIGH_PRIO",
	[SR] = "SHARED_READ",
	[SW] = "SHARED_WRITE",
	[SWLP] = "SHARED_WRITE_LOW_PRIO",
	[SU] = "SHARED_UPGRADABLE",
	[SRO] = "SHARED_READ_ONLY",
	[SNW] = "SHARED_NO_WRITE",
	[SNRW] = "SHARED_NO_READ_WRITE",
	[X] = "EXCLUSIVE",
};

#define BIT(type) (1u << (type))
#define ALL (BIT(TYPES) - 1)

/* Held by another, these stand in the way of a lock of the row's type. */
static const unsigned held[TYPES] = {
	[S] = BIT(X),
	[SH] = BIT(X),
	[SR] = BIT(SNRW) | BIT(X),
	[SW] = BIT(SRO) | BIT(SNW) | BIT(SNRW) | BIT(X),
	[SWLP] = BIT(SRO) | BIT(SNW) | BIT(SNRW) | BIT(X),
	[SU] = BIT(SU) | BIT(SNW) | BIT(SNRW) | BIT(X),
	[SRO] = BIT(SW) | BIT(SWLP) | BIT(SNRW) | BIT(X),
	[SNW] = BIT(SW) | BIT(SWLP) | BIT(SU) | BIT(SNW) | BIT(SNRW) | BIT(X),
	[SNRW] = ALL & ~(BIT(S) | BIT(SH)),
	[X] = ALL,
};

/* Waited for by another, these go first. */
static const unsigned awaited[TYPES] = {
	[S] = BIT(X),
	[SH] = 0,
	[SR] = BIT(SNRW) | BIT(X),
	[SW] = BIT(SNW) | BIT(SNRW) | BIT(X),
	[SWLP] = BIT(SRO) | BIT(SNW) | BIT(SNRW) | BIT(X),
	[SU] = BIT(X),
	[SRO] = BIT(SNRW) | BIT(X),
	[SNW] = BIT(X),
	[SNRW] = BIT(X),
	[X] = 0,
};

static int type_of(const char *name)
{
	for (int i = 0; i < TYPES; i++)
		if (strcmp(type_names[i], name) == 0)
			return i;
	return -1;
}

/*
 * Locks of the whole server, or of a database. Ordinary statements take IX-like ones (INTENTION_EXCLUSIVE, MariaDB's
 * BACKUP_DML, BACKUP_STMT, BACKUP_DDL, …), which go with each other; what stops them (FLUSH TABLES WITH READ
 * LOCK, a backup, DROP DATABASE) goes with none of them.
 */
static bool stops_statements(const char *type)
{
	static const char *const stopping[] = {
		"SHARED",
		"EXCLUSIVE",
		"BACKUP_START",
		"BACKUP_FLUSH",
		"BACKUP_WAIT_FLUSH",
		"BACKUP_WAIT_DDL",
		"BACKUP_WAIT_COMMIT",
		"BACKUP_FTWRL1",
		"BACKUP_FTWRL2",
		"BACKUP_BLOCK_DDL",
	};
	for (size_t i = 0; i < LK_COUNT(stopping); i++)
		if (strcmp(stopping[i], type) == 0)
			return true;
	return false;
}

static bool is_scoped(const char *kind)
{
	return strcmp(kind, "GLOBAL") == 0 || strcmp(kind, "SCHEMA") == 0 ||
	       strcmp(kind, "COMMIT") == 0 || strncmp(kind, "BACKUP", 6) == 0 ||
	       strcmp(kind, "TABLESPACE") == 0;
}

bool lk_my_metadata_blocks(const struct lk_my_metadata_lock *wanted,
			   const struct lk_my_metadata_lock *other)
{
	if (strcmp(wanted->kind, other->kind) != 0 || strcmp(wanted->object, other->object) != 0)
		return false;
	if (is_scoped(wanted->kind)) {
		bool wanted_stops = stops_statements(wanted->type);
		bool other_stops = stops_statements(other->type);
		if (wanted_stops && other_stops)
			return strcmp(wanted->type, "SHARED") != 0 ||
			       strcmp(other->type, "SHARED") != 0;
		return other->granted ? wanted_stops != other_stops : other_stops;
	}
	int type = type_of(wanted->type), by = type_of(other->type);
	if (type < 0 || by < 0)
		return other->granted;
	return ((other->granted ? held : awaited)[type] & BIT(by)) != 0;
}
