/* SPDX-License-Identifier: GPL-2.0-only */
/* Ahead of each source: what its includes of the kernel's headers would bring. The Makefile has their names. */
#include "kernel.h"
#include "objects.h"
#include "tables.h"
#include "user.h"
