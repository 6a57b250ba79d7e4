/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What on a table of MySQL or MariaDB stands in the way of taking a column out, or of giving it a second one. */
#ifndef LK_OPERATION_MY_HINDRANCE_H
#define LK_OPERATION_MY_HINDRANCE_H

#include "operation/my_derive.h"

/* `other_type`: the second column has one. Each is true when nothing hinders; otherwise class REFUSED and a sentence that names each object. */
bool lk_my_rename_unhindered(struct lk_my_derivation *m, const struct lk_column *column,
			     bool other_type, struct lk_error *error);
bool lk_my_drop_unhindered(struct lk_my_derivation *m, const struct lk_column *column,
			   struct lk_error *error);
/* What of the table goes with the column: "index a_idx, constraint …", the caller's; "" nothing, NULL when
 * the server could not be asked. */
char *lk_my_goes_along(struct lk_my_derivation *m, const struct lk_column *column,
		       struct lk_error *error);

#endif
