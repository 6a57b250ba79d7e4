/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A certificate for a test's server. */
#ifndef LK_TESTS_CERTIFICATE_H
#define LK_TESTS_CERTIFICATE_H

/* Writes FOLDER/cert.pem, which vouches for itself and for `host`, and FOLDER/key.pem, readable by all. */
void test_certificate(const char *folder, const char *host);

#endif
