/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Global transaction identifiers. On MySQL what was executed is a set, of numbers by source and tag
 * ("3e11fa47-…:1-5:7:some_tag:1-3"); on MariaDB it is the last of each domain ("0-1-270,1-3-12").
 */
#ifndef LK_BINLOG_GTID_H
#define LK_BINLOG_GTID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum { LK_GTID_TAG_MAX = 32, LK_GTID_TEXT_SIZE = 96 };

struct lk_gtid {
	bool maria;
	uint32_t domain, server;       /* MariaDB */
	uint8_t source[16];	       /* MySQL */
	char tag[LK_GTID_TAG_MAX + 1]; /* MySQL, "" none */
	uint64_t number;	       /* from 1; 0: there is no GTID */
};

void lk_gtid_format(const struct lk_gtid *gtid, char text[LK_GTID_TEXT_SIZE]);

struct lk_gtids;

/* An empty set, of MariaDB's kind or of MySQL's. */
struct lk_gtids *lk_gtids_new(bool maria);
void lk_gtids_free(struct lk_gtids *gtids);
void lk_gtids_clear(struct lk_gtids *gtids);
/* Adds what the text names. False with class USAGE when it is malformed, or of the other kind. */
bool lk_gtids_parse(struct lk_gtids *gtids, const char *text, struct lk_error *error);
void lk_gtids_add(struct lk_gtids *gtids, const struct lk_gtid *gtid);
/* The text, in the order that the servers write; the caller's. */
char *lk_gtids_format(const struct lk_gtids *gtids);
/* MySQL's binary form, as COM_BINLOG_DUMP_GTID takes it and PREVIOUS_GTIDS events have it: with a tag in it that of 8.3. */
void lk_gtids_encode(const struct lk_gtids *gtids, struct lk_buffer *out);
/* Adds what it names; false when it is malformed. */
bool lk_gtids_decode(struct lk_gtids *gtids, const uint8_t *bytes, size_t length);

#endif
