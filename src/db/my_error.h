/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LK_DB_MY_ERROR_H
#define LK_DB_MY_ERROR_H

#include "base/error.h"

/*
 * The class of an error number: a server's (MySQL and MariaDB share those below 1900; MySQL's others begin at
 * 3000, MariaDB's at 1900 and 4000), or a client library's (2000 and on; libmariadb's own from 5000 on).
 * Numbers and not SQLSTATEs, because most of what matters here has the state HY000.
 */
enum lk_error_class lk_my_error_class(unsigned number);

#endif
