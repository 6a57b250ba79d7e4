/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LK_BASE_VERSION_H
#define LK_BASE_VERSION_H
#include "config.h"

#define LK_VERSION PACKAGE_VERSION

#endif
