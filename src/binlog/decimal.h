/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DECIMAL's binary form (decimal2bin of the servers): nine digits in four bytes, fewer in fewer, sign in the first bit. */
#ifndef LK_BINLOG_DECIMAL_H
#define LK_BINLOG_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* In bytes; 0 when there is no such type. */
size_t lk_decimal_size(unsigned precision, unsigned scale);
/* Adds the number with all its digits behind the point. False when `length` is not that of the type, or its bytes are
 * no digits. */
bool lk_decimal_text(const uint8_t *bytes, size_t length, unsigned precision, unsigned scale,
		     struct lk_buffer *out);

#endif
