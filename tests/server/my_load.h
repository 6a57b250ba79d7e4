/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A statement repeated by threads with a connection each, on MariaDB or MySQL, while a test does something else. */
#ifndef LK_TESTS_MY_LOAD_H
#define LK_TESTS_MY_LOAD_H

#include "tests/server/my_server.h"

struct lk_test_my_load;

struct lk_test_my_load_result {
	int64_t transactions, errors;
	double longest_ms; /* of one execution */
	char first_error[300];
};

/* As fast as it goes, or with a pause between. Several statements in one text are one execution. */
struct lk_test_my_load *lk_test_my_load_start(const struct lk_test_my *server, const char *sql,
					      int connections, int pause_us);
/* So far. */
void lk_test_my_load_look(struct lk_test_my_load *load, struct lk_test_my_load_result *result);
/* Waits until so many more were executed, or one has failed. */
void lk_test_my_load_wait(struct lk_test_my_load *load, int64_t more);
/* Stops and releases; result may be NULL. */
void lk_test_my_load_stop(struct lk_test_my_load *load, struct lk_test_my_load_result *result);

#endif
