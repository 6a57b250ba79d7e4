/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the rows of the shop hold from the start, for MySQL and MariaDB. */
#ifndef LK_SANDBOX_MY_ROWS_H
#define LK_SANDBOX_MY_ROWS_H

/* The values of the row with an id, as SQL over the id. Every thousandth user has no handle, every fiftieth no
 * display name, so that NULL is among the values. */
#define LK_SHOP_HANDLE(id) "CASE WHEN MOD(" id ", 1000) <> 0 THEN CONCAT('user_', " id ") END"
#define LK_SHOP_EMAIL(id) "CONCAT('user_', " id ", '@example.com')"
#define LK_SHOP_DISPLAY_NAME(id) "CASE WHEN MOD(" id ", 50) <> 0 THEN CONCAT('User ', " id ") END"
#define LK_SHOP_FAX(id) "CASE WHEN MOD(" id ", 20) = 0 THEN CONCAT('+49 30 ', " id ") END"
#define LK_SHOP_CENTS(id) "100 + MOD(" id " * 37, 9900)"
#define LK_SHOP_STATUS(id) "CASE WHEN MOD(" id ", 3) = 0 THEN 'paid' ELSE 'new' END"
#define LK_SHOP_ORDER(id) id " * 2 - 1"
#define LK_SHOP_STARS(id) "1 + MOD(" id ", 5)"
#define LK_SHOP_BODY(id) "CONCAT('Review ', " id ")"

#endif
