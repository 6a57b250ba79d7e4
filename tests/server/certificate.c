/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/certificate.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

static void must(int done, const char *what)
{
	if (done == 1)
		return;
	fprintf(stderr, "test certificate: %s failed\n", what);
	exit(1);
}

static EVP_PKEY *make_key(void)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	must(EVP_PKEY_keygen_init(context), "keygen_init");
	must(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1), "curve");
	must(EVP_PKEY_keygen(context, &key), "keygen");
	EVP_PKEY_CTX_free(context);
	return key;
}

static X509 *make_certificate(EVP_PKEY *key, const char *host)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	must(X509_set_version(certificate, 2), "version");
	must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), "serial");
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
	must(X509_set_pubkey(certificate, key), "pubkey");
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1,
					-1, 0),
	     "name");
	must(X509_set_issuer_name(certificate, name), "issuer");
	must(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
	return certificate;
}

static FILE *create(const char *folder, const char *name)
{
	char *path = lk_format("%s/%s", folder, name);
	FILE *file = fopen(path, "we");
	must(file != NULL, path);
	free(path);
	return file;
}

void test_certificate(const char *folder, const char *host)
{
	EVP_PKEY *key = make_key();
	X509 *certificate = make_certificate(key, host);
	FILE *file = create(folder, "cert.pem");
	must(PEM_write_X509(file, certificate), "cert.pem");
	must(fclose(file) == 0, "cert.pem");
	file = create(folder, "key.pem");
	must(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), "key.pem");
	must(fclose(file) == 0, "key.pem");
	X509_free(certificate);
	EVP_PKEY_free(key);
}
