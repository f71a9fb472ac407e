// SPDX-License-Identifier: GPL-2.0-only
/* The bench's guest: see guest.h. */
#include <string.h>
#include <unistd.h>
#include "guest.h"
#include "netio.h"

#define GUEST_FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX)
/* What the vhost ABI leaves to the backend, a card offers. */
#define CARD_FEATURES	(VNIC_BIT(CSUM) | VNIC_BIT(GUEST_CSUM) | VNIC_BIT(HOST_TSO4) |		\
			 VNIC_BIT(GUEST_TSO4))
#define CARD_NODE	"mdev:"

static int vhost_open(struct guest *g, const struct vdrv_cfg *cfg, const char *port)
{
	int ret;

	g->v = &g->vhost;
	g->backend = vdrv_backend_open(port, false);
	if (g->backend < 0)
		return g->backend;
	ret = vdrv_open(g->v, cfg);
	return ret ? ret : vdrv_start(g->v, g->backend);
}

/* Doorbells are written, as a VMM writes them unless the host's operator wants otherwise. */
static int card_open(struct guest *g, const struct vdrv_cfg *cfg)
{
	struct vnic_cfg card = { .drv = *cfg, .irq = VNIC_MSIX };
	int ret;

	card.drv.node = NULL;
	card.drv.features |= CARD_FEATURES;
	g->v = &g->card.pair[0];
	ret = vnic_open(&g->card, NULL, cfg->node + strlen(CARD_NODE), &card);
	return ret ? ret : vnic_start(&g->card);
}

int guest_open(struct guest *g, const char *node, const char *port, bool big)
{
	struct vdrv_cfg cfg = {
		.node = node,
		.features = GUEST_FEATURES,
		.rx_buf = big ? 4096 : 2048,
		.tx_buf = big ? VDRV_FRAME : 2048,
		.tx_seg = big ? 4096 : 0,
	};
	int ret = netio_link_set(port, true);

	memset(g, 0, sizeof(*g));
	g->backend = -1;
	g->is_card = !strncmp(node, CARD_NODE, strlen(CARD_NODE));
	if (ret)
		return ret;
	return g->is_card ? card_open(g, &cfg) : vhost_open(g, &cfg, port);
}

void guest_close(struct guest *g)
{
	if (g->is_card)
		vnic_close(&g->card);
	else
		vdrv_close(g->v);
	if (g->backend >= 0)
		close(g->backend);
}
