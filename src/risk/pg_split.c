/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <pg_query.h>
#include <string.h>

#include "base/memory.h"
#include "risk/pg_risk.h"

static void add_piece(char ***pieces, size_t *count, const char *text, size_t length)
{
	while (length > 0 && (isspace((unsigned char)text[length - 1]) || text[length - 1] == ';'))
		length--;
	while (length > 0 && isspace((unsigned char)*text)) {
		text++;
		length--;
	}
	if (length > 0)
		*LK_PUSH(*pieces, *count) = lk_strndup(text, length);
}

char **lk_pg_risk_split(const char *sql, size_t *count)
{
	char **pieces = NULL;
	size_t length = strlen(sql);
	*count = 0;
	PgQuerySplitResult result = pg_query_split_with_parser(sql);
	if (result.error) {
		pg_query_free_split_result(result);
		result = pg_query_split_with_scanner(sql);
	}
	for (int i = 0; !result.error && i < result.n_stmts; i++) {
		size_t start = (size_t)result.stmts[i]->stmt_location;
		size_t bytes = (size_t)result.stmts[i]->stmt_len;
		if (start > length)
			continue;
		add_piece(&pieces, count, sql + start,
			  bytes < length - start ? bytes : length - start);
	}
	if (result.error)
		add_piece(&pieces, count, sql, length);
	pg_query_free_split_result(result);
	return pieces;
}
