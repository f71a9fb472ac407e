// SPDX-License-Identifier: GPL-2.0-only
/* Numbers that have names of their own: services, and the types of ICMP. */
#include <assert.h>
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

static const char *const icmp_words[] = {
	"echo-reply",		  "echo-request",
	"unreachable",		  "redirect",
	"time-exceeded",	  "parameter-problem",
	"router-solicitation",	  "router-advertisement",
	"timestamp-request",	  "timestamp-reply",
	"packet-too-big",	  "neighbour-solicitation",
	"neighbour-advertisement", NULL
};

/* What ICMP and ICMPv6 call so, in the order of the words; NONE: one does not. */
static const unsigned int icmp_numbers[][2] = {
	{ 0, 129 },    { 8, 128 },    { 3, 1 },	  { 5, 137 },	 { 11, 3 },
	{ 12, 4 },     { 10, 133 },   { 9, 134 }, { 13, NONE }, { 14, NONE },
	{ NONE, 2 }, { NONE, 135 }, { NONE, 136 },
};

static_assert(ARRAY_SIZE(icmp_words) == ARRAY_SIZE(icmp_numbers) + 1, "a word has no numbers");

/* Which of the two it is turns out when all is read: the name's place stands in @len, from 1. */
static bool parse_icmp_type(const char *text, struct value *v)
{
	bool ok;

	v->len = 0;
	v->mask = UINT8_MAX;
	if (parse_number(text, UINT8_MAX, &v->n))
		return true;
	ok = parse_word(icmp_words, ARRAY_SIZE(icmp_numbers), text, v);
	v->len = v->n + 1;
	return ok;
}

bool icmp_settle(struct rec *r)
{
	int i = rec_field(r->obj, "icmp-type");
	const unsigned int *numbers;
	bool six;

	if (i < 0 || !(r->has & FIELD(i)) || !r->v[i].len)
		return true;
	six = rec_has(r, "proto") && rec_value(r, "proto")->n == PROTO_ICMPV6;
	numbers = icmp_numbers[r->v[i].len - 1];
	if (numbers[six] == NONE) {
		complain("icmp-type: %s is a type of %s: say 'proto %s'",
			 icmp_words[r->v[i].len - 1], six ? "ICMP" : "ICMPv6",
			 six ? "icmp" : "icmpv6");
		return false;
	}
	r->v[i].n = numbers[six];
	r->v[i].len = 0;
	return true;
}

static bool parse_icmp_code(const char *text, struct value *v)
{
	return codec_u8.parse(text, v);
}

#define TYPE_RULE "0 to 255, or a name as echo-request"
const struct codec codec_icmp_type = { "TYPE", true,	   parse_icmp_type, format_number,
				       put_u8, get_number, .rule = TYPE_RULE,
				       .words = icmp_words, .any = true };
const struct codec codec_icmp_code = { "N", true, parse_icmp_code, format_number, put_u8,
				       get_number, .rule = "0 to 255", .any = true };

static bool parse_match_icmp(const char *text, struct value *v)
{
	return codec_match_u8.parse(text, v) || parse_icmp_type(text, v);
}

static void format_match_icmp(const struct value *v, char *buf, size_t size)
{
	codec_match_u8.format(v, buf, size);
}

static bool get_match_icmp(const struct nlattr *nla, struct value *v)
{
	return codec_match_u8.get(nla, v);
}

static int put_match_icmp_mask(struct nl_msg *msg, int attr, const struct value *v)
{
	return codec_match_u8.put2(msg, attr, v);
}

static bool get_match_icmp_mask(const struct nlattr *nla, struct value *v)
{
	return codec_match_u8.get2(nla, v);
}

const struct codec codec_match_icmp = {
	"TYPE[/MASK]", false, parse_match_icmp, format_match_icmp, put_u8, get_match_icmp,
	put_match_icmp_mask, get_match_icmp_mask, .rule = TYPE_RULE, .words = icmp_words,
	.any = true
};
