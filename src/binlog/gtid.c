/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/gtid.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "binlog/bytes.h"

enum { SOURCE_SIZE = 16, SOURCE_TEXT = 36 };

struct interval {
	uint64_t first, last;
};

/* The numbers of one source and tag; on MariaDB a domain, whose only interval ends with its last number. */
struct entry {
	struct lk_gtid of; /* without number */
	struct interval *intervals;
	size_t count;
};

struct lk_gtids {
	bool maria;
	struct entry *entries; /* in order */
	size_t count;
};

struct lk_gtids *lk_gtids_new(bool maria)
{
	struct lk_gtids *gtids = lk_alloc(sizeof *gtids);
	gtids->maria = maria;
	return gtids;
}

void lk_gtids_clear(struct lk_gtids *gtids)
{
	for (size_t i = 0; i < gtids->count; i++)
		free(gtids->entries[i].intervals);
	free(gtids->entries);
	gtids->entries = NULL;
	gtids->count = 0;
}

void lk_gtids_free(struct lk_gtids *gtids)
{
	if (gtids)
		lk_gtids_clear(gtids);
	free(gtids);
}

static void format_source(const uint8_t *source, char text[SOURCE_TEXT + 1])
{
	char *p = text;
	for (size_t i = 0; i < SOURCE_SIZE; i++)
		p += sprintf(p, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			     source[i]);
}

void lk_gtid_format(const struct lk_gtid *gtid, char text[LK_GTID_TEXT_SIZE])
{
	char source[SOURCE_TEXT + 1];
	text[0] = '\0';
	if (gtid->number == 0)
		return;
	format_source(gtid->source, source);
	if (gtid->maria)
		snprintf(text, LK_GTID_TEXT_SIZE, "%" PRIu32 "-%" PRIu32 "-%" PRIu64, gtid->domain,
			 gtid->server, gtid->number);
	else
		snprintf(text, LK_GTID_TEXT_SIZE, "%s%s%s:%" PRIu64, source,
			 gtid->tag[0] ? ":" : "", gtid->tag, gtid->number);
}

static int compare(const struct lk_gtid *a, const struct lk_gtid *b)
{
	int sources = memcmp(a->source, b->source, SOURCE_SIZE);
	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	return sources ? sources : strcmp(a->tag, b->tag);
}

static struct entry *entry_of(struct lk_gtids *gtids, const struct lk_gtid *gtid)
{
	size_t i = 0;
	while (i < gtids->count && compare(&gtids->entries[i].of, gtid) < 0)
		i++;
	if (i < gtids->count && compare(&gtids->entries[i].of, gtid) == 0)
		return &gtids->entries[i];
	LK_PUSH(gtids->entries, gtids->count);
	memmove(&gtids->entries[i + 1], &gtids->entries[i],
		(gtids->count - 1 - i) * sizeof *gtids->entries);
	gtids->entries[i] = (struct entry){.of = *gtid};
	return &gtids->entries[i];
}

/* Keeps them in order and apart from each other. Most often the number behind the last comes. */
static void add_interval(struct entry *entry, uint64_t first, uint64_t last)
{
	size_t from = entry->count, to;
	while (from > 0 && entry->intervals[from - 1].last >= first - 1)
		from--;
	for (to = from; to < entry->count && entry->intervals[to].first - 1 <= last; to++) {
		first = first < entry->intervals[to].first ? first : entry->intervals[to].first;
		last = last > entry->intervals[to].last ? last : entry->intervals[to].last;
	}
	if (from == to) {
		LK_PUSH(entry->intervals, entry->count);
		memmove(&entry->intervals[from + 1], &entry->intervals[from],
			(entry->count - 1 - from) * sizeof *entry->intervals);
	} else {
		memmove(&entry->intervals[from + 1], &entry->intervals[to],
			(entry->count - to) * sizeof *entry->intervals);
		entry->count -= to - from - 1;
	}
	entry->intervals[from] = (struct interval){first, last};
}

static void add(struct lk_gtids *gtids, const struct lk_gtid *gtid, uint64_t last)
{
	struct entry *entry = entry_of(gtids, gtid);
	if (gtids->maria) {
		entry->of.server = gtid->server;
		free(entry->intervals);
		entry->intervals = NULL;
		entry->count = 0;
	}
	add_interval(entry, gtid->number, last);
}

void lk_gtids_add(struct lk_gtids *gtids, const struct lk_gtid *gtid)
{
	if (gtid->number > 0 && gtid->maria == gtids->maria)
		add(gtids, gtid, gtid->number);
}

/* Digits of a number from 1 on; moves *text behind them. */
static bool read_number(const char **text, uint64_t largest, uint64_t *number)
{
	char *end;
	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*number = strtoull(*text, &end, 10);
	*text = end;
	return errno == 0 && *number <= largest;
}

static bool parse_maria(struct lk_gtids *gtids, const char **p)
{
	struct lk_gtid gtid = {.maria = true};
	uint64_t domain = 0, server = 0;
	if (!read_number(p, UINT32_MAX, &domain) || *(*p)++ != '-' ||
	    !read_number(p, UINT32_MAX, &server) || *(*p)++ != '-' ||
	    !read_number(p, UINT64_MAX, &gtid.number))
		return false;
	gtid.domain = (uint32_t)domain;
	gtid.server = (uint32_t)server;
	if (gtid.number > 0)
		add(gtids, &gtid, gtid.number);
	return true;
}

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
	return found ? (int)(found - digits) : -1;
}

/* 32 digits with hyphens in between, as UUID() writes them. */
static bool parse_source(const char **p, uint8_t source[SOURCE_SIZE])
{
	for (size_t i = 0; i < SOURCE_SIZE; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && **p == '-')
			(*p)++;
		int high = digit_of(**p), low = high < 0 ? -1 : digit_of((*p)[1]);
		if (low < 0)
			return false;
		source[i] = (uint8_t)(high << 4 | low);
		*p += 2;
	}
	return true;
}

static bool parse_tag(const char **p, char *tag)
{
	size_t n = 0;
	while (isalnum((unsigned char)**p) || **p == '_') {
		if (n == LK_GTID_TAG_MAX)
			return false;
		tag[n++] = (char)tolower((unsigned char)*(*p)++);
	}
	tag[n] = '\0';
	return n > 0;
}

static const char *past_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* "1", "1-5" or a tag, which is that of the numbers behind it. */
static bool parse_part(struct lk_gtids *gtids, struct lk_gtid *gtid, const char **p)
{
	uint64_t last;
	*p = past_space(*p);
	if (!isdigit((unsigned char)**p))
		return parse_tag(p, gtid->tag);
	if (!read_number(p, INT64_MAX, &gtid->number))
		return false;
	last = gtid->number;
	if (**p == '-' && ((*p)++, !read_number(p, INT64_MAX, &last)))
		return false;
	if (gtid->number == 0 || last < gtid->number)
		return false;
	add(gtids, gtid, last);
	return true;
}

static bool parse_mysql(struct lk_gtids *gtids, const char **p)
{
	struct lk_gtid gtid = {0};
	if (!parse_source(p, gtid.source))
		return false;
	for (*p = past_space(*p); **p == ':'; *p = past_space(*p)) {
		(*p)++;
		if (!parse_part(gtids, &gtid, p))
			return false;
	}
	return true;
}

bool lk_gtids_parse(struct lk_gtids *gtids, const char *text, struct lk_error *error)
{
	const char *p = past_space(text);
	bool good = true;
	while (*p && good) {
		good = gtids->maria ? parse_maria(gtids, &p) : parse_mysql(gtids, &p);
		p = past_space(p);
		good = good && (!*p || *p == ',');
		p = *p ? past_space(p + 1) : p;
	}
	return good || lk_fail(error, LK_ERROR_USAGE, "\"%.300s\" is no %s", text,
			       gtids->maria ? "GTID position of MariaDB, such as 0-1-270"
					    : "GTID set of MySQL");
}

static void format_intervals(const struct entry *entry, struct lk_buffer *out)
{
	for (size_t i = 0; i < entry->count; i++) {
		lk_buffer_addf(out, ":%" PRIu64, entry->intervals[i].first);
		if (entry->intervals[i].last > entry->intervals[i].first)
			lk_buffer_addf(out, "-%" PRIu64, entry->intervals[i].last);
	}
}

/* A source is written once, its numbers without a tag first. */
static void format_entry(const struct lk_gtids *gtids, size_t i, struct lk_buffer *out)
{
	const struct entry *entry = &gtids->entries[i];
	char text[LK_GTID_TEXT_SIZE];
	struct lk_gtid last = entry->of;
	if (gtids->maria) {
		last.number = entry->intervals[0].last;
		lk_gtid_format(&last, text);
		lk_buffer_addf(out, "%s%s", i ? "," : "", text);
		return;
	}
	format_source(entry->of.source, text);
	if (i == 0 || memcmp(entry[-1].of.source, entry->of.source, SOURCE_SIZE) != 0)
		lk_buffer_addf(out, "%s%s", i ? "," : "", text);
	if (entry->of.tag[0])
		lk_buffer_addf(out, ":%s", entry->of.tag);
	format_intervals(entry, out);
}

char *lk_gtids_format(const struct lk_gtids *gtids)
{
	struct lk_buffer out = {0};
	for (size_t i = 0; i < gtids->count; i++)
		format_entry(gtids, i, &out);
	return lk_buffer_take(&out);
}

static void add_number(struct lk_buffer *out, uint64_t number)
{
	char bytes[8];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(number >> 8 * i);
	lk_buffer_add_bytes(out, bytes, sizeof bytes);
}

/* The first number holds how many entries there are and, above and below that, which form it is. */
#define TAGGED (UINT64_C(1) << 56)
#define COUNT_MASK UINT64_C(0xffffffffffff)

void lk_gtids_encode(const struct lk_gtids *gtids, struct lk_buffer *out)
{
	bool tagged = false;
	for (size_t i = 0; i < gtids->count; i++)
		tagged = tagged || gtids->entries[i].of.tag[0];
	add_number(out, tagged ? TAGGED | (uint64_t)gtids->count << 8 | 1 : gtids->count);
	for (size_t i = 0; i < gtids->count; i++) {
		const struct entry *entry = &gtids->entries[i];
		size_t tag = strlen(entry->of.tag);
		lk_buffer_add_bytes(out, (const char *)entry->of.source, SOURCE_SIZE);
		if (tagged) {
			lk_buffer_add_bytes(out, &(char){(char)(tag << 1)}, 1);
			lk_buffer_add_bytes(out, entry->of.tag, tag);
		}
		add_number(out, entry->count);
		for (size_t k = 0; k < entry->count; k++) {
			add_number(out, entry->intervals[k].first);
			add_number(out, entry->intervals[k].last + 1);
		}
	}
}

/* The length is doubled, as the servers' numbers of one byte are in this form. */
static bool decode_tag(struct lk_bytes *bytes, char *tag)
{
	uint64_t length = lk_bytes_number(bytes, 1);
	const uint8_t *text = lk_bytes_take(bytes, (size_t)length / 2);
	if (length % 2 || length / 2 > LK_GTID_TAG_MAX || !text)
		return false;
	memcpy(tag, text, (size_t)length / 2);
	tag[length / 2] = '\0';
	return true;
}

static bool decode_entry(struct lk_gtids *gtids, struct lk_bytes *bytes, bool tagged)
{
	struct lk_gtid gtid = {0};
	const uint8_t *source = lk_bytes_take(bytes, SOURCE_SIZE);
	if (!source || (tagged && !decode_tag(bytes, gtid.tag)))
		return false;
	memcpy(gtid.source, source, SOURCE_SIZE);
	for (uint64_t n = lk_bytes_number(bytes, 8); n > 0 && !bytes->lacking; n--) {
		uint64_t behind;
		gtid.number = lk_bytes_number(bytes, 8);
		behind = lk_bytes_number(bytes, 8);
		if (gtid.number == 0 || behind <= gtid.number || behind > INT64_MAX)
			return false;
		add(gtids, &gtid, behind - 1);
	}
	return !bytes->lacking;
}

bool lk_gtids_decode(struct lk_gtids *gtids, const uint8_t *bytes, size_t length)
{
	struct lk_bytes left = lk_bytes(bytes, length);
	uint64_t first = lk_bytes_number(&left, 8);
	bool tagged = (first & TAGGED) != 0;
	uint64_t count = tagged ? first >> 8 & COUNT_MASK : first;
	if (gtids->maria || left.lacking || first >> 56 > 1)
		return false;
	while (count-- > 0)
		if (!decode_entry(gtids, &left, tagged))
			return false;
	return true;
}
