/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/narrow.h"

int64_t lk_narrow_rows(const struct lk_narrow *narrow)
{
	if (narrow->suspect > 1)
		return narrow->suspect / 2;
	return narrow->suspect == 1 ? 1 : narrow->left;
}

void lk_narrow_failed(struct lk_narrow *narrow, int64_t rows)
{
	if (rows < 1)
		rows = 1;
	if (narrow->left < rows)
		narrow->left = rows;
	narrow->suspect = rows;
}

void lk_narrow_passed(struct lk_narrow *narrow, int64_t rows)
{
	narrow->left = narrow->left > rows ? narrow->left - rows : 0;
	narrow->suspect = narrow->suspect > rows ? narrow->suspect - rows : 0;
}
