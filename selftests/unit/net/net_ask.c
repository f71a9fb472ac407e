// SPDX-License-Identifier: GPL-2.0-only
/* What a VF is asked for: who wants what, in which order, what is taken back, how long it takes. */
#include "port.h"
#include "shim/net_ask.h"
#include "tap.h"

/* --- the VF --- */

struct xarray sluice_ports;

static char vf[1024];
static unsigned int calls, room;
static int promisc, allmulti;

/* What it has, as letters: the last byte of an address, or the last digit of a VLAN. */
static int vf_add(char what)
{
	char *end = vf + strlen(vf);

	calls++;
	now += step;
	if (strlen(vf) >= room || end == vf + sizeof(vf) - 1)
		return -ENOSPC;
	*end = what;
	end[1] = 0;
	return 0;
}

static void vf_del(char what)
{
	char *at = strchr(vf, what);

	calls++;
	now += step;
	/* Nothing is given back that it has not. */
	if (!at)
		abort();
	memmove(at, at + 1, strlen(at));
}

static int dev_uc_add(struct net_device *dev, const u8 *a)
{
	return vf_add(a[5]);
}

static int dev_mc_add(struct net_device *dev, const u8 *a)
{
	return vf_add(a[5]);
}

static void dev_uc_del(struct net_device *dev, const u8 *a)
{
	vf_del(a[5]);
}

static void dev_mc_del(struct net_device *dev, const u8 *a)
{
	vf_del(a[5]);
}

static int vlan_vid_add(struct net_device *dev, __be16 proto, u16 id)
{
	return vf_add('0' + id % 10);
}

static void vlan_vid_del(struct net_device *dev, __be16 proto, u16 id)
{
	vf_del('0' + id % 10);
}

static void netdev_hold(struct net_device *dev, netdevice_tracker *tracker, gfp_t gfp)
{
	dev->refs++;
}

static void netdev_put(struct net_device *dev, netdevice_tracker *tracker)
{
	dev->refs--;
}

static int dev_set_promiscuity(struct net_device *dev, int n)
{
	calls++;
	now += step;
	promisc += n;
	return 0;
}

static int dev_set_allmulti(struct net_device *dev, int n)
{
	calls++;
	now += step;
	allmulti += n;
	return 0;
}

#include "../../../kmod/ask.c"

/* --- who wants --- */

static struct net_device vf_dev = { .name = "vf0" }, guest_dev[2];
static struct sluice_port uplink, guest[2];
static struct sluice_port_filter filter[2];
static struct sluice_guard guard[2];
static bool guarded[2], is_behind[2] = { true, true };

static bool guard_get(struct sluice_port *port, struct sluice_guard *g)
{
	*g = guard[port - guest];
	return guarded[port - guest];
}

static void port_behind(struct sluice_port *up, void (*fn)(struct sluice_port *guest, void *arg),
			void *arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(guest); i++)
		if (is_behind[i])
			fn(&guest[i], arg);
}

static const struct sluice_engine_ops engine = {
	.guard_get = guard_get,
	.port_behind = port_behind,
};

static void begin(void)
{
	unsigned int i;

	rtnl_lock();
	memset(guard, 0, sizeof(guard));
	memset(filter, 0, sizeof(filter));
	for (i = 0; i < ARRAY_SIZE(guest); i++) {
		guest_dev[i].addr_assign_type = NET_ADDR_RANDOM;
		guest[i] = (struct sluice_port){ .dev = &guest_dev[i], .engine_ops = &engine };
		guest[i].filter = &filter[i];
		guarded[i] = false;
		is_behind[i] = true;
	}
	uplink = (struct sluice_port){ .kind = SLUICE_PORT_UPLINK, .lower = &vf_dev,
				       .engine_ops = &engine };
	uplink.ask = kzalloc(sizeof(*uplink.ask), GFP_KERNEL);
	xa_insert(&sluice_ports, 7, &uplink, GFP_KERNEL);
	memset(vf_dev.dev_addr, 0, 6);
	room = sizeof(vf);
	step = 1;
}

static void end(const char *name)
{
	unsigned int before = calls;

	sluice_ask_end(&uplink, &vf_dev);
	tap_ok(calls == before && !uplink.ask, "%s: the uplink went, and nobody waits", name);
	xa_erase(&sluice_ports, 7);
	sluice_ask_sync();
	tap_ok(!*vf && !promisc && !allmulti && !vf_dev.refs, "%s: all was taken back", name);
	rtnl_unlock();
}

static void give_mac(u8 mac[ETH_ALEN], char last)
{
	memset(mac, 0, ETH_ALEN);
	mac[0] = 2;
	mac[5] = last;
}

static void wish(unsigned int i, char mac)
{
	give_mac(filter[i].f.addr[filter[i].f.nr_addr++], mac);
}

static void wish_vlan(unsigned int i, unsigned int id)
{
	filter[i].f.flags |= SLUICE_FILTER_VLAN;
	set_bit(id, filter[i].f.vlan);
}

static void has(const char *want, const char *name)
{
	sluice_ask_changed();
	sluice_ask_sync();
	tap_ok(!strcmp(vf, want), "%s", name);
	if (strcmp(vf, want))
		printf("# it has '%s'\n", vf);
}

static void test_guest(void)
{
	begin();
	wish(0, 'b');
	wish(0, 'a');
	wish(1, 'b');
	wish_vlan(0, 3);
	has("ab3", "what guests wish");
	tap_ok(promisc == 1 && !allmulti, "it gives everything");
	filter[0].f.nr_addr = 0;
	has("b3", "what is not wished any more");
	is_behind[1] = false;
	has("3", "nor by one that is not behind it any more");
	guest[0].filter = NULL;
	has("", "a driver that was reset");
	guest[0].filter = &filter[0];
	filter[0].f.nr_addr = 0;
	wish(0, 0);
	memset(filter[0].f.addr[0], 0, ETH_ALEN);
	memset(filter[0].f.addr[1], 0xff, ETH_ALEN);
	memcpy(filter[0].f.addr[2], "\x01\x80\xc2\0\0\x0e", ETH_ALEN);
	filter[0].f.nr_addr = 3;
	has("3", "what is no address, and the groups of bridges");
	guest[0].control = SLUICE_CONTROL_LLDP;
	has("3\x0e", "one of those, when the operator lets it have some");
	end("guests");
}

static void test_guard(void)
{
	begin();
	guarded[0] = true;
	guard[0].strict = true;
	guard[0].nr_mac = 1;
	give_mac(guard[0].mac[0], 'g');
	guard[0].nr_vlan = 1;
	guard[0].vlan[0] = (struct sluice_vlan_range){ 4, 5 };
	wish(0, 'a');
	wish_vlan(0, 3);
	has("g45", "those of a guard, and nothing that it forbids");
	guard[0].strict = false;
	guard[0].nr_vlan = 0;
	has("g3", "a loose guard says nothing of VLANs");
	guard[0].nr_mac = 0;
	has("3a", "nor one of IP alone of addresses");
	guest_dev[0].addr_assign_type = 0;
	give_mac(guest_dev[0].dev_addr, 'p');
	has("3ap", "the port's own, if the operator gave it one");
	give_mac(vf_dev.dev_addr, 'p');
	has("3ap", "nothing is asked twice");
	guest[0].engine_ops = NULL;
	uplink.engine_ops = NULL;
	filter[0].f.nr_addr = 0;
	has("3ap", "all stays while there is no engine");
	end("guards");
}

static void test_word(void)
{
	begin();
	guest[0].filter = NULL;
	is_behind[1] = false;
	uplink.ask->word.nr_mac = 1;
	give_mac(uplink.ask->word.mac[0], 'w');
	uplink.ask->word.nr_vlan = 1;
	uplink.ask->word.vlan[0] = (struct sluice_vlan_range){ 0, 1 };
	has("w01", "the operator's word");
	uplink.ask->word.no_promisc = true;
	has("w01", "the same");
	tap_ok(!promisc && allmulti == 1, "not everything, but every multicast");
	is_behind[0] = false;
	has("w01", "the same again");
	tap_ok(!promisc && !allmulti, "nor that when no guest needs it");
	end("the operator's word");
}

static void test_room(void)
{
	unsigned int before;

	begin();
	guarded[1] = true;
	guard[1].strict = true;
	guard[1].nr_vlan = 1;
	guard[1].vlan[0] = (struct sluice_vlan_range){ 7, 9 };
	wish_vlan(0, 1);
	wish_vlan(0, 2);
	room = 4;
	has("7891", "the operator comes first");
	tap_ok(test_bit(2, uplink.ask->refused) && !test_bit(1, uplink.ask->refused),
	       "what was refused is known");
	before = calls;
	sluice_ask_guest_changed();
	sluice_ask_sync();
	tap_ok(calls == before, "and not asked again for a guest");
	has("7891", "but for the operator");
	tap_ok(calls == before + 1, "once");
	guard[1].vlan[0].last = 8;
	sluice_ask_guest_changed();
	sluice_ask_sync();
	tap_ok(!strcmp(vf, "7812"), "and when there is room");
	tap_ok(!test_bit(2, uplink.ask->refused), "it is refused no more");
	end("room");
}

static void test_bounds(void)
{
	unsigned int i, rounds;

	begin();
	is_behind[1] = false;
	for (i = 0; i < 100; i++)
		wish_vlan(0, i);
	sluice_ask_changed();
	sluice_ask_sync();
	tap_ok(strlen(vf) == SLUICE_ASK_GUEST_VLANS && uplink.ask->left_out == 36,
	       "64 VLANs of one guest");
	filter[0].f.flags = 0;
	has("", "none");

	/* A millisecond for each: ten at a time, or one that takes long. */
	filter[0].f.flags = SLUICE_FILTER_VLAN;
	step = NSEC_PER_MSEC;
	for (rounds = 0; (!rounds || queued) && rounds < 100; rounds++) {
		queued = 0;
		calls = 0;
		if (!rounds)
			sluice_ask_changed();
		queued = 0;
		sluice_ask_sync();
		if (calls > 11 || (queued && queued != HZ / 10 + 1))
			break;
	}
	tap_ok(rounds == 6 && strlen(vf) == 64, "a slow VF has it in %u rounds", rounds);
	step = 1;
	filter[0].f.flags = 0;
	has("", "none again");
	step = 50 * NSEC_PER_MSEC;
	filter[0].f.flags = SLUICE_FILTER_VLAN;
	calls = 0;
	has("0", "one message at a time");
	tap_ok(calls == 1 && queued == 9 * 50 * HZ / 1000 + 1, "then work goes on");
	step = 1;
	end("bounds");
}

static void test_addrs(void)
{
	unsigned int i;

	begin();
	is_behind[1] = false;
	/* More than one VF is asked for, in no order. */
	uplink.ask->word.nr_mac = SLUICE_ASK_WORD_MACS;
	for (i = 0; i < SLUICE_ASK_WORD_MACS; i++)
		give_mac(uplink.ask->word.mac[i], 'a' + (i * 7) % 20);
	has("abcdefghijklmnopqrst", "each once");
	for (i = 0; i < 700; i++) {
		u8 mac[ETH_ALEN] = { 2, 0, 0, (i * 257 + 5) % 251, i % 256, 'x' };

		ask_want_addr(uplink.ask, mac, SLUICE_ASK_WANTED);
	}
	tap_ok(uplink.ask->nr_wanted == SLUICE_ASK_ADDRS && uplink.ask->left_out == 700 - 492,
	       "not more than 512");
	for (i = 1; i < uplink.ask->nr_addr; i++)
		if (memcmp(uplink.ask->addr[i - 1].addr, uplink.ask->addr[i].addr, ETH_ALEN) >= 0)
			break;
	tap_ok(i == uplink.ask->nr_addr, "sorted");
	end("addresses");
}

/* Issue 9, 4.1: who removes VLAN interfaces above an uplink does not wait for its VF. */
static void test_above(void)
{
	const __be16 q = htons(ETH_P_8021Q);
	unsigned int i;

	begin();
	has("", "nothing above");
	calls = 0;
	for (i = 1; i < 4; i++)
		sluice_ask_above_add(uplink.ask, &vf_dev, q, i);
	tap_ok(calls == 3 && !strcmp(vf, "123"), "it is asked at once for what is above");
	queued = 0;
	for (i = 1; i < 4; i++)
		sluice_ask_above_del(uplink.ask, q, i);
	tap_ok(calls == 3 && queued, "to take it back is for later");
	tap_ok(!sluice_ask_above_add(uplink.ask, &vf_dev, q, 2) && calls == 3,
	       "what was not taken back yet is had again");
	sluice_ask_sync();
	tap_ok(calls == 5 && !strcmp(vf, "2"), "the others were");
	sluice_ask_above_del(uplink.ask, q, 2);
	room = 1;
	tap_ok(!sluice_ask_above_add(uplink.ask, &vf_dev, q, 7) && !strcmp(vf, "7"),
	       "at once if there is no room for another");
	tap_ok(sluice_ask_above_add(uplink.ask, &vf_dev, q, 8) == -ENOSPC && !strcmp(vf, "7"),
	       "and where all is wanted that is told");
	end("above");
}

/* An uplink with eight VLANs and three addresses, on a VF that takes a while for each. */
static void slow_begin(void)
{
	unsigned int i;

	begin();
	is_behind[1] = false;
	for (i = 0; i < 3; i++)
		wish(0, 'a' + i);
	for (i = 0; i < 8; i++)
		wish_vlan(0, i);
	has("abc01234567", "what a slow VF has");
	sluice_ask_above_add(uplink.ask, &vf_dev, htons(ETH_P_8021Q), 9);
	step = 50 * NSEC_PER_MSEC;
	calls = 0;
	sluice_ask_end(&uplink, &vf_dev);
	xa_erase(&sluice_ports, 7);
}

static void test_slow_end(void)
{
	unsigned int rounds, before;

	slow_begin();
	tap_ok(!calls && queued == 1, "a slow VF is not waited for at all");
	for (rounds = 0; queued && rounds < 100; rounds++) {
		queued = 0;
		before = calls;
		sluice_ask_sync();
		if (calls > before + 1)
			break;
	}
	/* What it gave of everything, and twelve. */
	tap_ok(calls == 13 && !*vf && !promisc && !vf_dev.refs, "it is asked once each time");
	rtnl_unlock();
}

static void test_slow_and_others(void)
{
	struct sluice_port other;
	unsigned int i;

	slow_begin();
	/* Another takes its time, too: both get on. */
	is_behind[0] = false;
	other = (struct sluice_port){ .kind = SLUICE_PORT_UPLINK, .lower = &vf_dev,
				      .engine_ops = &engine };
	other.ask = kzalloc(sizeof(*other.ask), GFP_KERNEL);
	other.ask->word.nr_vlan = 1;
	other.ask->word.vlan[0] = (struct sluice_vlan_range){ 18, 18 };
	xa_insert(&sluice_ports, 8, &other, GFP_KERNEL);
	sluice_ask_changed();
	for (i = 0; i < 4; i++)
		sluice_ask_sync();
	tap_ok(calls == 4 && strchr(vf, '8'), "one that goes does not keep another from asking");
	step = 1;
	sluice_ask_sync();
	tap_ok(!strcmp(vf, "8") && promisc == 1, "and that goes on");
	sluice_ask_end(&other, &vf_dev);
	xa_erase(&sluice_ports, 8);
	sluice_ask_sync();
	tap_ok(!*vf && !promisc && !vf_dev.refs, "to its end");
	rtnl_unlock();
}

static void test_gone(void)
{
	slow_begin();
	vf_dev.reg_state = NETREG_UNREGISTERING;
	sluice_ask_lower_gone(&guest_dev[0]);
	tap_ok(!calls, "another that goes is no matter");
	sluice_ask_lower_gone(&vf_dev);
	tap_ok(calls == 9 && !vf_dev.refs && !strcmp(vf, "abc"),
	       "a VF that goes is told of VLANs alone");
	vf_dev.reg_state = 0;
	*vf = 0;
	promisc = 0;
	rtnl_unlock();

	slow_begin();
	sluice_ask_lower_gone(&vf_dev);
	tap_ok(!calls && vf_dev.refs == 1, "one that goes elsewhere is told later");
	/* The kernel took these. */
	memmove(vf, vf + 3, strlen(vf + 3) + 1);
	rtnl_unlock();
	sluice_ask_exit();
	tap_ok(!*vf && !promisc && !vf_dev.refs, "or when the module goes");
}

/* What the uplink before had is still to be taken back, and there is no room beside it. */
static void test_next_uplink(void)
{
	const __be16 q = htons(ETH_P_8021Q);
	static struct sluice_port second;
	unsigned int i;

	begin();
	room = 4;
	for (i = 1; i < 5; i++)
		sluice_ask_above_add(uplink.ask, &vf_dev, q, i);
	tap_ok(!strcmp(vf, "1234"), "the VF has room for no more");
	step = 6 * NSEC_PER_MSEC;
	for (i = 1; i < 5; i++)
		sluice_ask_above_del(uplink.ask, q, i);
	sluice_ask_end(&uplink, &vf_dev);
	sluice_ask_sync();
	second.ask = calloc(1, sizeof(*second.ask));
	for (i = 5; i < 9; i++)
		tap_ok(!sluice_ask_above_add(second.ask, &vf_dev, q, i),
		       "the next uplink has the place of what is taken back");
	tap_ok(!strcmp(vf, "5678"), "all of them");
	for (i = 5; i < 9; i++)
		sluice_ask_above_del(second.ask, q, i);
	step = 0;
	sluice_ask_end(&second, &vf_dev);
	rtnl_unlock();
	sluice_ask_exit();
	tap_ok(!*vf && !vf_dev.refs, "and gives it back");
}

int main(void)
{
	/* What was said before an abort is seen. */
	setlinebuf(stdout);
	test_guest();
	test_guard();
	test_word();
	test_room();
	test_bounds();
	test_addrs();
	test_above();
	test_next_uplink();
	test_slow_end();
	test_slow_and_others();
	test_gone();
	sluice_ask_exit();
	xa_destroy(&sluice_ports);
	return tap_done();
}
