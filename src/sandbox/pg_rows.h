/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the rows of the shop hold from the start, for PostgreSQL. */
#ifndef LK_SANDBOX_PG_ROWS_H
#define LK_SANDBOX_PG_ROWS_H

/* The values of the row with an id, from the start, as SQL over the id. Every thousandth user has no
 * handle, every fiftieth no display name, so that NULL is among the values. */
#define LK_SHOP_HANDLE(id) "CASE WHEN mod(" id ", 1000) <> 0 THEN 'user_' || " id " END"
#define LK_SHOP_EMAIL(id) "'user_' || " id " || '@example.com'"
#define LK_SHOP_DISPLAY_NAME(id) "CASE WHEN mod(" id ", 50) <> 0 THEN 'User ' || " id " END"
#define LK_SHOP_FAX(id) "CASE WHEN mod(" id ", 20) = 0 THEN '+49 30 ' || " id " END"
#define LK_SHOP_CENTS(id) "100 + mod(" id " * 37, 9900)"
#define LK_SHOP_STATUS(id) "CASE WHEN mod(" id ", 3) = 0 THEN 'paid' ELSE 'new' END"
#define LK_SHOP_ORDER(id) id " * 2 - 1"
#define LK_SHOP_STARS(id) "1 + mod(" id ", 5)"
#define LK_SHOP_BODY(id) "'Review ' || " id

#endif
