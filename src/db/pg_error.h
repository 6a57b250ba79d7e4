/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LK_DB_PG_ERROR_H
#define LK_DB_PG_ERROR_H

#include "base/error.h"

/* The class of a SQLSTATE (PostgreSQL manual, appendix A). */
enum lk_error_class lk_pg_error_class(const char *state);

#endif
