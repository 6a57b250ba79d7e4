/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events that begin a transaction by its GTID, and those that list what was executed before a file began. */
#include "binlog/reading.h"

enum { STANDALONE = 1, SOURCE_SIZE = 16, TAGGED_FIELDS = 12 };

/* MariaDB: with this event a transaction begins, without any BEGIN; `standalone` is one of a single statement. */
static bool read_maria(struct lk_reader *reader, struct lk_bytes left, uint32_t server)
{
	uint64_t number = lk_bytes_number(&left, 8);
	uint32_t domain = (uint32_t)lk_bytes_number(&left, 4);
	uint64_t flags = lk_bytes_number(&left, 1);
	reader->gtid = (struct lk_gtid){
		.maria = true, .domain = domain, .server = server, .number = number};
	reader->in_transaction = !(flags & STANDALONE);
	return !left.lacking;
}

static bool read_mysql(struct lk_reader *reader, struct lk_bytes left)
{
	lk_bytes_number(&left, 1);
	const uint8_t *source = lk_bytes_take(&left, SOURCE_SIZE);
	reader->gtid.number = lk_bytes_number(&left, 8);
	if (source && !left.lacking)
		memcpy(reader->gtid.source, source, SOURCE_SIZE);
	return !left.lacking;
}

/* Of 1 to 9 bytes: as many more as the first has bits set at its lower end; the value is in the bits above. */
static uint64_t varied(struct lk_bytes *left)
{
	uint64_t first = lk_bytes_number(left, 1);
	size_t more = first == 0xff ? 8 : (size_t)__builtin_ctzll(~first);
	uint64_t rest = more > 0 ? lk_bytes_number(left, more) : 0;
	return more == 8 ? rest : rest << (7 - more) | first >> (more + 1);
}

static bool read_source(struct lk_bytes *left, struct lk_gtid *gtid)
{
	for (size_t i = 0; i < SOURCE_SIZE; i++)
		gtid->source[i] = (uint8_t)varied(left);
	return !left->lacking;
}

static bool read_tag(struct lk_bytes *left, struct lk_gtid *gtid)
{
	uint64_t length = varied(left);
	struct lk_bytes tag = lk_bytes_part(left, length);
	if (tag.lacking || length > LK_GTID_TAG_MAX)
		return false;
	memcpy(gtid->tag, tag.at, (size_t)length);
	return true;
}

/*
 * MySQL's serialization of fields, each with its number in front, in order: 0 flags, 1 source, 2 number (with its sign in
 * the lowest bit), 3 tag; what follows is of no use here. In front of them a version, the size, and which field must be
 * known to a reader (libs/mysql/serialization of its sources).
 */
static bool read_tagged(struct lk_reader *reader, struct lk_bytes left)
{
	struct lk_gtid *gtid = &reader->gtid;
	uint64_t version = varied(&left);
	varied(&left);
	if (version != 1 || varied(&left) > TAGGED_FIELDS)
		return false;
	uint64_t field = varied(&left);
	if (field == 0) {
		varied(&left);
		field = varied(&left);
	}
	if (field != 1 || !read_source(&left, gtid) || varied(&left) != 2)
		return false;
	gtid->number = varied(&left) >> 1;
	return !left.lacking && varied(&left) == 3 && read_tag(&left, gtid);
}

bool lk_read_gtid(struct lk_reader *reader, const struct lk_event *read, struct lk_error *error)
{
	bool good = true;
	reader->gtid = (struct lk_gtid){0};
	reader->in_group = true;
	if (read->type == LK_EVENT_GTID)
		good = read_maria(reader, read->body, read->server);
	if (read->type == LK_EVENT_GTID_LOG)
		good = read_mysql(reader, read->body);
	if (read->type == LK_EVENT_GTID_TAGGED)
		good = read_tagged(reader, read->body);
	if (good && (read->type == LK_EVENT_ANONYMOUS_GTID || reader->gtid.number > 0))
		return true;
	return lk_event_fail(read, error, "it names no GTID");
}

static bool read_list(struct lk_gtids *gtids, struct lk_bytes left)
{
	enum { COUNT_MASK = 0x0fffffff };
	uint64_t count = lk_bytes_number(&left, 4) & COUNT_MASK;
	while (count-- > 0 && !left.lacking) {
		struct lk_gtid gtid = {.maria = true};
		gtid.domain = (uint32_t)lk_bytes_number(&left, 4);
		gtid.server = (uint32_t)lk_bytes_number(&left, 4);
		gtid.number = lk_bytes_number(&left, 8);
		if (!left.lacking)
			lk_gtids_add(gtids, &gtid);
	}
	return !left.lacking;
}

/* At the head of a file. Who has counted them knows them already. */
bool lk_read_gtids(struct lk_reader *reader, const struct lk_event *read, struct lk_error *error)
{
	bool maria = read->type == LK_EVENT_GTID_LIST;
	if (reader->gtids_known || read->flags & LK_EVENT_ARTIFICIAL || maria != reader->maria)
		return true;
	lk_gtids_clear(reader->gtids);
	reader->gtids_known =
		maria ? read_list(reader->gtids, read->body)
		      : lk_gtids_decode(reader->gtids, read->body.at, lk_bytes_left(&read->body));
	return reader->gtids_known || lk_event_fail(read, error, "it is damaged");
}
