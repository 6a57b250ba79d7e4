/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/decimal.h"

#include <inttypes.h>
#include <string.h>

#include "binlog/bytes.h"

enum { GROUP = 9, GROUP_SIZE = 4, LARGEST_PRECISION = 65, LARGEST_SCALE = 38, LARGEST_SIZE = 32 };

static const unsigned sizes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

static size_t size_of(unsigned digits)
{
	return digits / GROUP * GROUP_SIZE + sizes[digits % GROUP];
}

size_t lk_decimal_size(unsigned precision, unsigned scale)
{
	if (precision < 1 || precision > LARGEST_PRECISION || scale > LARGEST_SCALE ||
	    scale > precision)
		return 0;
	return size_of(precision - scale) + size_of(scale);
}

/* Adds `digits` digits, the first of which may be zeros; moves *bytes behind them. */
static bool add_group(const uint8_t **bytes, unsigned digits, struct lk_buffer *out)
{
	static const uint32_t limits[] = {1,	  10,	   100,	     1000,	10000,
					  100000, 1000000, 10000000, 100000000, 1000000000};
	uint32_t value = (uint32_t)lk_big_endian(*bytes, sizes[digits]);
	*bytes += sizes[digits];
	if (digits > 0)
		lk_buffer_addf(out, "%0*" PRIu32, (int)digits, value);
	return value < limits[digits];
}

static bool add_digits(const uint8_t *bytes, unsigned whole, unsigned scale, struct lk_buffer *out)
{
	bool good = add_group(&bytes, whole % GROUP, out);
	for (unsigned i = 0; i < whole / GROUP; i++)
		good = add_group(&bytes, GROUP, out) && good;
	for (unsigned i = 0; i < scale / GROUP; i++)
		good = add_group(&bytes, GROUP, out) && good;
	return add_group(&bytes, scale % GROUP, out) && good;
}

bool lk_decimal_text(const uint8_t *bytes, size_t length, unsigned precision, unsigned scale,
		     struct lk_buffer *out)
{
	uint8_t plain[LARGEST_SIZE];
	struct lk_buffer digits = {0};
	if (length == 0 || length > sizeof plain || length != lk_decimal_size(precision, scale))
		return false;
	bool negative = !(bytes[0] & 0x80);
	for (size_t i = 0; i < length; i++)
		plain[i] = negative ? (uint8_t)~bytes[i] : bytes[i];
	plain[0] ^= 0x80;
	bool good = add_digits(plain, precision - scale, scale, &digits);
	const char *text = lk_buffer_text(&digits);
	unsigned whole = precision - scale;
	while (whole > 0 && *text == '0')
		whole--, text++;
	lk_buffer_add(out, negative ? "-" : "");
	lk_buffer_add_bytes(out, whole ? text : "0", whole ? whole : 1);
	lk_buffer_addf(out, "%s%s", scale ? "." : "", text + whole);
	lk_buffer_free(&digits);
	return good;
}
