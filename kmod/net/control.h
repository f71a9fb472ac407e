/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Link-local control frames: what is for the other end of a link and no further, so that no bridge
 * passes it on. Which of them a port passes is the operator's choice.
 */
#ifndef _SLUICE_NET_CONTROL_H
#define _SLUICE_NET_CONTROL_H

#include "../engine.h"

/* MAC control, PAUSE for one: it concerns a link that no guest has, so no word allows it. */
#define SLUICE_CONTROL_NEVER	BIT(7)

/* SLUICE_CONTROL_*, the kind of frame that this is; 0: none of these. Context: any. */
u8 sluice_control_kind(const struct sluice_flow_key *key);

/* What a strict guard's words allow of them, so that nothing is to be said twice. */
u8 sluice_control_of_guard(const struct sluice_guard *g);

#endif /* _SLUICE_NET_CONTROL_H */
