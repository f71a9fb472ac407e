// SPDX-License-Identifier: GPL-2.0-only
/* Numbers that have names of their own: services, and the types of ICMP. */
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include "sluice.h"

bool parse_service(const char *text, uint64_t *n)
{
	const struct servent *s;

	if (isdigit((unsigned char)*text))
		return parse_number(text, UINT16_MAX, n);
	s = getservbyname(text, NULL);
	if (!s)
		return false;
	*n = ntohs(s->s_port);
	return true;
}

/* --- types of ICMP --------------------------------------------------------------------------- */

#define NONE 256
#define PROTO_ICMPV6 58

/* What each of the two calls so; NONE: one does not. */
static const struct icmp_name {
	const char *name;
	unsigned int v4, v6;
} icmp_names[] = {
	{ "echo-reply", 0, 129 },
	{ "echo-request", 8, 128 },
	{ "unreachable", 3, 1 },
	{ "redirect", 5, 137 },
	{ "time-exceeded", 11, 3 },
	{ "parameter-problem", 12, 4 },
	{ "router-solicitation", 10, 133 },
	{ "router-advertisement", 9, 134 },
	{ "timestamp-request", 13, NONE },
	{ "timestamp-reply", 14, NONE },
	{ "packet-too-big", NONE, 2 },
	{ "neighbour-solicitation", NONE, 135 },
	{ "neighbour-advertisement", NONE, 136 },
};

/* Which of the two it is turns out when all is read: the name's place stands in @len, from 1. */
static bool parse_icmp_type(const char *text, struct value *v)
{
	unsigned int i;

	v->len = 0;
	v->mask = UINT8_MAX;
	if (parse_number(text, UINT8_MAX, &v->n))
		return true;
	for (i = 0; i < ARRAY_SIZE(icmp_names) && strcmp(icmp_names[i].name, text); i++)
		;
	v->len = i + 1;
	return i < ARRAY_SIZE(icmp_names);
}

bool icmp_settle(struct rec *r)
{
	int i = rec_field(r->obj, "icmp-type");
	const struct icmp_name *name;
	bool six;

	if (i < 0 || !(r->has & FIELD(i)) || !r->v[i].len)
		return true;
	six = rec_has(r, "proto") && rec_value(r, "proto")->n == PROTO_ICMPV6;
	name = &icmp_names[r->v[i].len - 1];
	if ((six ? name->v6 : name->v4) == NONE) {
		complain("icmp-type: %s is a type of %s: say 'proto %s'", name->name,
			 six ? "ICMP" : "ICMPv6", six ? "icmp" : "icmpv6");
		return false;
	}
	r->v[i].n = six ? name->v6 : name->v4;
	r->v[i].len = 0;
	return true;
}

static int put_type(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u8(msg, attr, v->n);
}

static int put_type_mask(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u8(msg, attr, v->mask);
}

static bool parse_match_icmp(const char *text, struct value *v)
{
	return codec_match_u8.parse(text, v) || parse_icmp_type(text, v);
}

static bool parse_icmp_code(const char *text, struct value *v)
{
	return parse_number(text, UINT8_MAX, &v->n);
}

static const char *const icmp_words[] = {
	"echo-reply", "echo-request", "unreachable", "redirect", "time-exceeded",
	"parameter-problem", "router-solicitation", "router-advertisement", "timestamp-request",
	"timestamp-reply", "packet-too-big", "neighbour-solicitation", "neighbour-advertisement",
	NULL
};

#define TYPE_RULE "0 to 255, or a name as echo-request"
const struct codec codec_icmp_type = { "TYPE",	 true,	     parse_icmp_type, format_number,
				       put_type, get_number, .rule = TYPE_RULE,
				       .words = icmp_words, .any = true };
const struct codec codec_icmp_code = { "N", true, parse_icmp_code, format_number, put_type,
				       get_number, .rule = "0 to 255", .any = true };

static void format_match_icmp(const struct value *v, char *buf, size_t size)
{
	codec_match_u8.format(v, buf, size);
}

static bool get_match_icmp(const struct nlattr *nla, struct value *v)
{
	return codec_match_u8.get(nla, v);
}

static bool get_match_icmp_mask(const struct nlattr *nla, struct value *v)
{
	return codec_match_u8.get2(nla, v);
}

const struct codec codec_match_icmp = {
	"TYPE[/MASK]", false, parse_match_icmp, format_match_icmp, put_type, get_match_icmp,
	put_type_mask, get_match_icmp_mask, .rule = TYPE_RULE, .words = icmp_words, .any = true
};
