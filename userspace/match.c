// SPDX-License-Identifier: GPL-2.0-only
/* Values that have a second half: numbers with a mask, ranges, flags. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sluice.h"

static bool get_n(const struct nlattr *nla, uint64_t *n)
{
	struct value v = {};

	if (!codec_u64.get(nla, &v))
		return false;
	*n = v.n;
	return true;
}

static int put_mask8(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u8(msg, attr, v->mask);
}

static int put_mask16(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u16(msg, attr, v->mask);
}

static bool get_mask(const struct nlattr *nla, struct value *v)
{
	return get_n(nla, &v->mask);
}

static int put_n8(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u8(msg, attr, v->n);
}

static int put_n16(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u16(msg, attr, v->n);
}

/* A number alone; its mask is all ones until the mask's attribute says otherwise. */
static bool get_n8(const struct nlattr *nla, struct value *v)
{
	v->mask = UINT8_MAX;
	return get_n(nla, &v->n);
}

static bool get_n16(const struct nlattr *nla, struct value *v)
{
	v->mask = UINT16_MAX;
	return get_n(nla, &v->n);
}

/* --- N or N/M -------------------------------------------------------------------------------- */

static bool parse_masked(const char *text, uint64_t max, struct value *v)
{
	const char *stroke = strchr(text, '/');
	char first[32];

	v->mask = max;
	if (!stroke)
		return parse_number(text, max, &v->n);
	if ((size_t)(stroke - text) >= sizeof(first))
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)(stroke - text), text);
	return parse_number(first, max, &v->n) && parse_number(stroke + 1, max, &v->mask) &&
	       !(v->n & ~v->mask);
}

static bool parse_match_u8(const char *text, struct value *v)
{
	return parse_masked(text, UINT8_MAX, v);
}

static bool parse_match_u16(const char *text, struct value *v)
{
	return parse_masked(text, UINT16_MAX, v);
}

static void format_masked(const struct value *v, uint64_t max, char *buf, size_t size)
{
	if (v->mask == max)
		snprintf(buf, size, "%u", (unsigned int)v->n);
	else
		snprintf(buf, size, "%u/0x%x", (unsigned int)v->n, (unsigned int)v->mask);
}

static void format_match_u8(const struct value *v, char *buf, size_t size)
{
	format_masked(v, UINT8_MAX, buf, size);
}

static void format_match_u16(const struct value *v, char *buf, size_t size)
{
	format_masked(v, UINT16_MAX, buf, size);
}

/* A port, which may be a service's. */
static bool parse_match_port(const char *text, struct value *v)
{
	v->mask = UINT16_MAX;
	return parse_service(text, &v->n) || parse_match_u16(text, v);
}

const struct codec codec_match_port = {
	"N[/MASK]", false, parse_match_port, format_match_u16, put_n16, get_n16, put_mask16,
	get_mask, .rule = "0 to 65535, or a service's name; a rule has one of them", .any = true
};

const struct codec codec_match_u8 = { "N[/MASK]", false,  parse_match_u8, format_match_u8,
				      put_n8,	  get_n8, put_mask8,	  get_mask };
const struct codec codec_match_u16 = { "N[/MASK]", false,   parse_match_u16, format_match_u16,
				       put_n16,	   get_n16, put_mask16,	     get_mask };

/* --- VLAN tags ------------------------------------------------------------------------------- */

#define TAG_PRESENT 0x1000
#define TAG_ID 0x0fff
#define TAG_PRIO 0xe000

static bool parse_vlan(const char *text, struct value *v)
{
	if (!strcmp(text, "none") || !strcmp(text, "any")) {
		v->n = *text == 'a' ? TAG_PRESENT : 0;
		v->mask = TAG_PRESENT;
		return true;
	}
	v->mask = TAG_PRESENT | TAG_ID;
	if (!parse_number(text, 4094, &v->n))
		return false;
	v->n |= TAG_PRESENT;
	return true;
}

static void format_vlan(const struct value *v, char *buf, size_t size)
{
	if (v->mask == (TAG_PRESENT | TAG_ID) && v->n & TAG_PRESENT)
		snprintf(buf, size, "%u", (unsigned int)v->n & TAG_ID);
	else if (v->mask == TAG_PRESENT)
		snprintf(buf, size, "%s", v->n ? "any" : "none");
	else
		snprintf(buf, size, "0x%04x/0x%04x", (unsigned int)v->n, (unsigned int)v->mask);
}

const struct codec codec_match_vlan = { "ID|any|none", false,	parse_vlan, format_vlan,
					put_n16,       get_n16, put_mask16, get_mask,
					.rule = "an ID is 0 to 4094" };

/* A list's rule has an attribute for the id, and another for that there is no tag. */
#define ACL_UNTAGGED 0xffff

static bool parse_acl_vlan(const char *text, struct value *v)
{
	if (!strcmp(text, "none")) {
		v->n = ACL_UNTAGGED;
		return true;
	}
	return parse_number(text, 4094, &v->n);
}

static void format_acl_vlan(const struct value *v, char *buf, size_t size)
{
	if (v->n == ACL_UNTAGGED)
		snprintf(buf, size, "none");
	else
		format_number(v, buf, size);
}

static int put_acl_vlan(struct nl_msg *msg, int attr, const struct value *v)
{
	return v->n == ACL_UNTAGGED ? 0 : nla_put_u16(msg, attr, v->n);
}

static int put_acl_untagged(struct nl_msg *msg, int attr, const struct value *v)
{
	return v->n == ACL_UNTAGGED ? nla_put_flag(msg, attr) : 0;
}

static bool get_acl_untagged(const struct nlattr *nla, struct value *v)
{
	(void)nla;
	v->n = ACL_UNTAGGED;
	return true;
}

const struct codec codec_acl_vlan = { "ID|none", true, parse_acl_vlan, format_acl_vlan,
				      put_acl_vlan, get_number, put_acl_untagged,
				      get_acl_untagged, .rule = "an ID is 0 to 4094" };

/* --- a part of the TOS byte ------------------------------------------------------------------ */

static bool parse_dscp(const char *text, struct value *v)
{
	v->mask = 0xfc;
	if (!parse_number(text, 63, &v->n))
		return false;
	v->n <<= 2;
	return true;
}

static void format_dscp(const struct value *v, char *buf, size_t size)
{
	snprintf(buf, size, "%u", (unsigned int)v->n >> 2);
}

const struct codec codec_match_dscp = { "0-63", false,	parse_dscp, format_dscp,
					put_n8, get_n8, put_mask8,  get_mask };

/* --- fragments ------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	uint8_t n, mask;
} frags[] = {
	{ "no", 0, 3 },	   { "any", 1, 1 },	  { "first", 1, 3 },
	{ "later", 3, 3 }, { "not-later", 0, 2 },
};

static bool parse_frag(const char *text, struct value *v)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(frags); i++) {
		if (strcmp(frags[i].word, text))
			continue;
		v->n = frags[i].n;
		v->mask = frags[i].mask;
		return true;
	}
	return false;
}

static void format_frag(const struct value *v, char *buf, size_t size)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(frags); i++) {
		if (frags[i].n == v->n && frags[i].mask == v->mask) {
			snprintf(buf, size, "%s", frags[i].word);
			return;
		}
	}
	format_masked(v, 3, buf, size);
}

const struct codec codec_match_frag = {
	"no|any|first|later|not-later", false, parse_frag, format_frag, put_n8, get_n8,
	put_mask8, get_mask
};

/* --- TCP flags ------------------------------------------------------------------------------- */

static const char *const tcp_flags[] = { "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr" };

/* A number, or names with + between. */
static bool parse_flag_set(const char *text, uint64_t *n)
{
	char copy[64], *word, *save;
	unsigned int i;

	if (parse_number(text, UINT8_MAX, n))
		return true;
	if (!*text || strlen(text) >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%s", text);
	*n = 0;
	for (word = strtok_r(copy, "+|,", &save); word; word = strtok_r(NULL, "+|,", &save)) {
		for (i = 0; i < ARRAY_SIZE(tcp_flags) && strcasecmp(word, tcp_flags[i]); i++)
			;
		if (i == ARRAY_SIZE(tcp_flags))
			return false;
		*n |= 1U << i;
	}
	return true;
}

static bool parse_flags(const char *text, struct value *v)
{
	const char *stroke = strchr(text, '/');
	char first[64];

	if (!stroke) {
		if (!parse_flag_set(text, &v->n))
			return false;
		v->mask = v->n;
		return v->mask;
	}
	if ((size_t)(stroke - text) >= sizeof(first))
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)(stroke - text), text);
	return parse_flag_set(first, &v->n) && parse_flag_set(stroke + 1, &v->mask) &&
	       !(v->n & ~v->mask);
}

static size_t format_flag_set(uint64_t n, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tcp_flags); i++) {
		if (n & 1U << i)
			len += snprintf(buf + len, size - len, "%s%s", len ? "+" : "",
					tcp_flags[i]);
	}
	return len ? len : (size_t)snprintf(buf, size, "0");
}

static void format_flags(const struct value *v, char *buf, size_t size)
{
	char flags[48], mask[48];

	format_flag_set(v->n, flags, sizeof(flags));
	format_flag_set(v->mask, mask, sizeof(mask));
	snprintf(buf, size, "%s/%s", flags, mask);
}

#define FLAGS_RULE "as syn/syn+ack: of fin, syn, rst, psh, ack, urg, ece, cwr those in the mask"
const struct codec codec_match_flags = { "FLAGS[/MASK]", false,	 parse_flags, format_flags,
					 put_n8,	 get_n8, put_mask8,   get_mask,
					 .rule = FLAGS_RULE };
const struct codec codec_acl_flags = { "FLAGS[/MASK]", false,  parse_flags, format_flags,
				       put_n8,	       get_n8, put_mask8,   get_mask,
				       .rule = FLAGS_RULE };

/* --- ranges ---------------------------------------------------------------------------------- */

static bool parse_range(const char *text, struct value *v)
{
	const char *dash = strchr(text, '-');
	char first[16];

	/* The names of some services have a dash in them. */
	if (!dash || !isdigit((unsigned char)*text)) {
		if (!parse_service(text, &v->n))
			return false;
		v->mask = v->n;
		return true;
	}
	if ((size_t)(dash - text) >= sizeof(first))
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)(dash - text), text);
	return parse_number(first, UINT16_MAX, &v->n) &&
	       parse_number(dash + 1, UINT16_MAX, &v->mask) && v->n <= v->mask;
}

static void format_range(const struct value *v, char *buf, size_t size)
{
	if (v->n == v->mask)
		snprintf(buf, size, "%u", (unsigned int)v->n);
	else
		snprintf(buf, size, "%u-%u", (unsigned int)v->n, (unsigned int)v->mask);
}

const struct codec codec_range = {
	"N[-N]", false, parse_range, format_range, put_n16, get_n16, put_mask16, get_mask,
	.rule = "0 to 65535, the lower first, or a service's name; a rule has one of them",
	.any = true
};

/* --- ranges of VLANs ------------------------------------------------------------------------- */

static bool parse_vlan_range(const char *text, struct value *v)
{
	return isdigit((unsigned char)*text) && parse_range(text, v) && v->mask <= 4094;
}

static int put_vlan_range(struct nl_msg *msg, int attr, const struct value *v)
{
	struct nlattr *nest = nla_nest_start(msg, attr | NLA_F_NESTED);

	if (!nest || nla_put_u16(msg, SLUICE_A_VLAN_RANGE_FIRST, v->n) ||
	    nla_put_u16(msg, SLUICE_A_VLAN_RANGE_LAST, v->mask))
		return -1;
	nla_nest_end(msg, nest);
	return 0;
}

static bool get_vlan_range(const struct nlattr *nla, struct value *v)
{
	struct nlattr *tb[SLUICE_A_VLAN_RANGE_MAX + 1];

	if (nla_parse_nested(tb, SLUICE_A_VLAN_RANGE_MAX, (struct nlattr *)nla, NULL) < 0 ||
	    !tb[SLUICE_A_VLAN_RANGE_FIRST] || !tb[SLUICE_A_VLAN_RANGE_LAST])
		return false;
	v->n = nla_get_u16(tb[SLUICE_A_VLAN_RANGE_FIRST]);
	v->mask = nla_get_u16(tb[SLUICE_A_VLAN_RANGE_LAST]);
	return true;
}

const struct codec codec_vlan_range = { "ID[-ID]",
					false,
					parse_vlan_range,
					format_range,
					put_vlan_range,
					get_vlan_range,
					.rule = "0 to 4094, the lower first" };
