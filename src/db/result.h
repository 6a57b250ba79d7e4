/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of a statement, as text. */
#ifndef LK_DB_RESULT_H
#define LK_DB_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lk_result {
	size_t rows, columns;
	char **cells;	  /* row by row; NULL is SQL NULL */
	int64_t affected; /* rows changed by INSERT, UPDATE, DELETE */
};

void lk_result_free(struct lk_result *result);
/* A cell, NULL for SQL NULL; row and column must exist. */
const char *lk_cell(const struct lk_result *result, size_t row, size_t column);
/* A cell with "" for NULL, as a number (0 for NULL), as a boolean ("t"). */
const char *lk_cell_text(const struct lk_result *result, size_t row, size_t column);
int64_t lk_cell_int(const struct lk_result *result, size_t row, size_t column);
double lk_cell_double(const struct lk_result *result, size_t row, size_t column);
bool lk_cell_bool(const struct lk_result *result, size_t row, size_t column);

#endif
