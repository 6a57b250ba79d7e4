/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LK_JOURNAL_MY_TEXT_H
#define LK_JOURNAL_MY_TEXT_H

/* Moments are DATETIME(6) in UTC, so that no time zone has a say: as milliseconds since 1970. */
#define LK_MY_WALL_MS(column) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ") DIV 1000"

/* A text parameter that may be empty: with MariaDB's sql_mode EMPTY_STRING_IS_NULL the literal '' is NULL. */
#define LK_MY_TEXT(parameter) "IFNULL(" parameter ", SPACE(0))"

/* A condition as lk_cell_bool reads it. */
#define LK_MY_FLAG(condition) "IF(" condition ", 't', 'f')"

/* The user lock that a run's journal session holds for its life; run names have at most 23 characters. */
#define LK_MY_HOLD_LOCK(run) "CONCAT('lockkeeper.hold:', " run ")"
/* What makes, fills for the first time and drops the journal holds this one. */
#define LK_MY_JOURNAL_LOCK "'lockkeeper.journal'"

#endif
