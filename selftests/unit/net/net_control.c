// SPDX-License-Identifier: GPL-2.0-only
/* Which frames are link-local control, of which kind; and what a guard's words allow of them. */
#include "frame.h"
#include "tap.h"
#include "net/control.h"
#include "net/parse.h"

#define NEVER	SLUICE_CONTROL_NEVER
#define STP	SLUICE_CONTROL_STP
#define LLDP	SLUICE_CONTROL_LLDP
#define LACP	SLUICE_CONTROL_LACP
#define EAPOL	SLUICE_CONTROL_EAPOL
#define OTHER	SLUICE_CONTROL_OTHER

/* @group: the last byte of 01-80-C2-00-00-xx, or -1 for another station's address. */
static u8 kind(int group, u16 type, unsigned int tags)
{
	struct sluice_flow_key key = {};
	struct sluice_parsed where;
	struct frame f;

	put_eth(&f);
	if (group >= 0) {
		memcpy(f.b, "\x01\x80\xc2\0\0", 5);
		f.b[5] = group;
	}
	while (tags--)
		put_vlan(&f, ETH_P_8021Q, 10);
	put_type(&f, type);
	put(&f, 60);
	put_end(&f);
	if (sluice_parse(f.b, f.len, f.len, &key, &where) != SLUICE_DROP_NONE)
		return 0xff;
	return sluice_control_kind(&key);
}

static void test_kinds(void)
{
	static const struct {
		const char *name;
		int group;
		u16 type;
		u8 want;
	} t[] = {
		{ "BPDU", 0x00, 38, STP },
		{ "BPDU of a provider's bridge", 0x08, 38, STP },
		{ "LLDP to the nearest bridge", 0x0e, 0x88cc, LLDP },
		{ "LLDP to the nearest non-TPMR bridge", 0x03, 0x88cc, LLDP },
		{ "LLDP to the nearest customer bridge", 0x00, 0x88cc, LLDP },
		{ "LACP", 0x02, 0x8809, LACP },
		{ "EAPOL", 0x03, 0x888e, EAPOL },
		{ "PAUSE", 0x01, 0x8808, NEVER },
		{ "PAUSE to another group", 0x0e, 0x8808, NEVER },
		{ "PAUSE to a station", -1, 0x8808, NEVER },
		{ "anything to the group of PAUSE", 0x01, 0x88cc, NEVER },
		{ "PTP peer delay", 0x0e, 0x88f7, OTHER },
		{ "MVRP of a provider", 0x0d, 0x88f5, OTHER },
		{ "LLC to a group that is no bridge's", 0x05, 38, OTHER },
		{ "IPv4 to such a group", 0x0f, 0x88b5, OTHER },
		{ "the group above", 0x10, 0x88cc, 0 },
		{ "MVRP", 0x21, 0x88f5, 0 },
		{ "LLDP to a station", -1, 0x88cc, 0 },
		{ "EAPOL to a station", -1, 0x888e, 0 },
		{ "LLC to a station", -1, 38, 0 },
	};
	unsigned int i, tags;
	u8 got;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		for (tags = 0; tags < 3; tags++) {
			got = kind(t[i].group, t[i].type, tags);
			tap_ok(got == t[i].want, "%s, %u tags: %#x", t[i].name, tags, got);
		}
	}
}

static void test_guard(void)
{
	struct sluice_guard g = { .strict = true };

	tap_ok(!sluice_control_of_guard(&g), "a guard that says nothing");
	g.roles = SLUICE_GUARD_RA | SLUICE_GUARD_BRIDGE;
	tap_ok(sluice_control_of_guard(&g) == STP, "a bridge");
	g.type[g.nr_type++] = 0x88cc;
	g.type[g.nr_type++] = 0x8809;
	g.type[g.nr_type++] = 0x88b5;
	tap_ok(sluice_control_of_guard(&g) == (STP | LLDP | LACP), "EtherTypes");
	g.type[0] = 0x888e;
	g.type[1] = 0x8808;
	g.roles = 0;
	tap_ok(sluice_control_of_guard(&g) == EAPOL, "PAUSE is nobody's");
}

int main(void)
{
	test_kinds();
	test_guard();
	return tap_done();
}
