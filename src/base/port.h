/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A port of this machine for a server that is to be started. */
#ifndef LK_BASE_PORT_H
#define LK_BASE_PORT_H

#include "base/error.h"

/*
 * Takes a free port of 127.0.0.1 so that nobody else is given it: not another sandbox that looks for one, nor a
 * connection that needs an address of its own. Yields a descriptor that has to stay open as long as the port is wanted;
 * -1 and *error when there is none. A server that sets SO_REUSEADDR, as MariaDB's and MySQL's do, can listen on the port
 * meanwhile, and again after it was down (socket(7): only a listening socket keeps others from such an address).
 */
int lk_port_reserve(int *port, struct lk_error *error);

#endif
