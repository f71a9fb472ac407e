/* SPDX-License-Identifier: GPL-2.0-only */
#include_next <linux/socket.h>
#include "../kernel.h"
