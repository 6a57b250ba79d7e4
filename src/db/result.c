/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/result.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void lk_result_free(struct lk_result *result)
{
	for (size_t i = 0; i < result->rows * result->columns; i++)
		free(result->cells[i]);
	free(result->cells);
	memset(result, 0, sizeof *result);
}

const char *lk_cell(const struct lk_result *result, size_t row, size_t column)
{
	assert(row < result->rows && column < result->columns);
	return result->cells[row * result->columns + column];
}

const char *lk_cell_text(const struct lk_result *result, size_t row, size_t column)
{
	const char *text = lk_cell(result, row, column);
	return text ? text : "";
}

int64_t lk_cell_int(const struct lk_result *result, size_t row, size_t column)
{
	return strtoll(lk_cell_text(result, row, column), NULL, 10);
}

double lk_cell_double(const struct lk_result *result, size_t row, size_t column)
{
	return strtod(lk_cell_text(result, row, column), NULL);
}

bool lk_cell_bool(const struct lk_result *result, size_t row, size_t column)
{
	return lk_cell_text(result, row, column)[0] == 't';
}
