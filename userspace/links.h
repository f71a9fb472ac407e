/* SPDX-License-Identifier: GPL-2.0-only */
/* Links of ports and uplinks: who sets them up and down. */
#ifndef _SLUICE_TOOL_LINKS_H
#define _SLUICE_TOOL_LINKS_H

#include "sluice.h"

/* A socket that is ready when one changed; -1: it cannot be heard of. */
int links_open(void);
/* Tell of what changed since. */
void links_read(int fd, void (*told)(const char *name, int index, bool up));

#endif /* _SLUICE_TOOL_LINKS_H */
