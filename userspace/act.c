// SPDX-License-Identifier: GPL-2.0-only
/* Values that are actions: a word, and behind a colon what it works on. */
#include <stdio.h>
#include <string.h>
#include "sluice.h"

/* VLAN id, and the priority behind another colon. */
static bool parse_tag(const char *text, struct value *v)
{
	size_t len = strcspn(text, ":");
	char id[8];
	uint64_t prio = 0;

	if (len >= sizeof(id) || (text[len] && !parse_number(text + len + 1, 7, &prio)))
		return false;
	memcpy(id, text, len);
	id[len] = '\0';
	if (!parse_number(id, 4094, &v->n))
		return false;
	v->n |= prio << 13;
	return true;
}

static void format_tag(const struct value *v, char *buf, size_t size)
{
	if (v->n >> 13)
		snprintf(buf, size, "%u:%u", (unsigned int)v->n & 0xfff, (unsigned int)v->n >> 13);
	else
		snprintf(buf, size, "%u", (unsigned int)v->n & 0xfff);
}

static int put_tag(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u16(msg, attr, v->n);
}

static bool get_tag(const struct nlattr *nla, struct value *v)
{
	return codec_u16.get(nla, v);
}

static const struct codec codec_tag = {
	"ID[:PRIO]", false, parse_tag, format_tag, put_tag, get_tag
};

static bool parse_ip(const char *text, struct value *v)
{
	return !strchr(text, '/') && codec_match_addr.parse(text, v);
}

static bool parse_dscp(const char *text, struct value *v)
{
	return parse_number(text, 63, &v->n);
}

static const struct {
	const char *word;
	const struct codec *arg;
	bool (*parse)(const char *text, struct value *v);
} acts[SLUICE_A_ACT_MAX + 1] = {
	[SLUICE_A_ACT_OUTPUT] = { "output", &codec_name, NULL },
	[SLUICE_A_ACT_DROP] = { "drop", NULL, NULL },
	[SLUICE_A_ACT_SLOW] = { "slow", NULL, NULL },
	[SLUICE_A_ACT_PUSH_VLAN] = { "push-vlan", &codec_tag, NULL },
	[SLUICE_A_ACT_POP_VLAN] = { "pop-vlan", NULL, NULL },
	[SLUICE_A_ACT_SET_VLAN] = { "set-vlan", &codec_tag, NULL },
	[SLUICE_A_ACT_SET_ETH_SRC] = { "set-eth-src", &codec_mac, NULL },
	[SLUICE_A_ACT_SET_ETH_DST] = { "set-eth-dst", &codec_mac, NULL },
	[SLUICE_A_ACT_SET_SRC] = { "set-src", &codec_match_addr, parse_ip },
	[SLUICE_A_ACT_SET_DST] = { "set-dst", &codec_match_addr, parse_ip },
	[SLUICE_A_ACT_SET_TTL] = { "set-ttl", &codec_u8, NULL },
	[SLUICE_A_ACT_SET_DSCP] = { "set-dscp", &codec_u8, parse_dscp },
	[SLUICE_A_ACT_SET_SPORT] = { "set-sport", &codec_u16, NULL },
	[SLUICE_A_ACT_SET_DPORT] = { "set-dport", &codec_u16, NULL },
	[SLUICE_A_ACT_METER] = { "meter", &codec_id, NULL },
	[SLUICE_A_ACT_IFINDEX] = { "gone", &codec_u32, NULL },
};

static bool parse_act(const char *text, struct value *v)
{
	size_t len = strcspn(text, ":");
	unsigned int i;

	for (i = 1; i <= SLUICE_A_ACT_MAX; i++) {
		if (strlen(acts[i].word) == len && !strncmp(acts[i].word, text, len))
			break;
	}
	if (i > SLUICE_A_ACT_MAX)
		return false;
	v->act = i;
	if (!acts[i].arg)
		return !text[len];
	if (!text[len])
		return false;
	return (acts[i].parse ? acts[i].parse : acts[i].arg->parse)(text + len + 1, v);
}

static void format_act(const struct value *v, char *buf, size_t size)
{
	int len = snprintf(buf, size, "%s", acts[v->act].word);

	if (!acts[v->act].arg)
		return;
	len += snprintf(buf + len, size - len, ":");
	acts[v->act].arg->format(v, buf + len, size - len);
}

static int put_act(struct nl_msg *msg, int attr, const struct value *v)
{
	(void)attr;
	return acts[v->act].arg ? acts[v->act].arg->put(msg, v->act, v) : nla_put_flag(msg, v->act);
}

static bool get_act(const struct nlattr *nla, struct value *v)
{
	v->act = nla_type(nla);
	if (!v->act || v->act > SLUICE_A_ACT_MAX)
		return false;
	return !acts[v->act].arg || acts[v->act].arg->get(nla, v);
}

const struct codec codec_act = { "ACT", false, parse_act, format_act, put_act, get_act,
				 .rule = "'sluice help flow add' has all, as output:PORT or drop" };
