// SPDX-License-Identifier: GPL-2.0-only
/* Values that are numbers, words or text. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sluice.h"

bool parse_number(const char *text, uint64_t max, uint64_t *n)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	/* Not base 0: nobody means octal by a leading zero. */
	*n = strtoull(text, &end, strncasecmp(text, "0x", 2) ? 10 : 16);
	return !errno && !*end && *n <= max;
}

void format_number(const struct value *v, char *buf, size_t size)
{
	snprintf(buf, size, "%llu", (unsigned long long)v->n);
}

/* --- numbers of a width ---------------------------------------------------------------------- */

static bool parse_u8(const char *text, struct value *v)
{
	return parse_number(text, UINT8_MAX, &v->n);
}

static bool parse_u16(const char *text, struct value *v)
{
	return parse_number(text, UINT16_MAX, &v->n);
}

static bool parse_u32(const char *text, struct value *v)
{
	return parse_number(text, UINT32_MAX, &v->n);
}

static bool parse_u64(const char *text, struct value *v)
{
	return parse_number(text, UINT64_MAX, &v->n);
}

static bool parse_id(const char *text, struct value *v)
{
	return parse_u32(text, v) && v->n;
}

int put_u8(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u8(msg, attr, v->n);
}

static int put_u16(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u16(msg, attr, v->n);
}

static int put_u32(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_u32(msg, attr, v->n);
}

/* As short as it may be, as the kernel has it. */
int put_uint(struct nl_msg *msg, int attr, const struct value *v)
{
	return v->n > UINT32_MAX ? nla_put_u64(msg, attr, v->n) : nla_put_u32(msg, attr, v->n);
}

bool get_number(const struct nlattr *nla, struct value *v)
{
	switch (nla_len(nla)) {
	case 1:
		v->n = nla_get_u8(nla);
		return true;
	case 2:
		v->n = nla_get_u16(nla);
		return true;
	case 4:
		v->n = nla_get_u32(nla);
		return true;
	case 8:
		v->n = nla_get_u64(nla);
		return true;
	}
	return false;
}

#define NUMBER(bits, how, rules)                                                          \
	const struct codec codec_u##bits = { "N", true,	      parse_u##bits, format_number, \
					     how, get_number, .rule = (rules) }
NUMBER(8, put_u8, "0 to 255");
NUMBER(16, put_u16, "0 to 65535");
NUMBER(32, put_u32, "0 to 4294967295");
NUMBER(64, put_uint, "0 to 18446744073709551615");
const struct codec codec_id = { "ID",	    true,	       parse_id, format_number, put_u32,
				get_number, .rule = "1 or more" };

/* --- amounts --------------------------------------------------------------------------------- */

/* 10, 10k, 2.5g: powers of ten, as rates have them. @unit: what may stand behind; NULL: nothing. */
static bool parse_amount(const char *text, const char *unit, struct value *v)
{
	static const struct {
		char suffix;
		double factor;
	} units[] = { { 'k', 1e3 }, { 'm', 1e6 }, { 'g', 1e9 }, { 't', 1e12 } };
	double number;
	unsigned int i;
	char *end;

	if (parse_u64(text, v))
		return true;
	if (!isdigit((unsigned char)*text) || !strncasecmp(text, "0x", 2))
		return false;
	number = strtod(text, &end);
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (tolower((unsigned char)*end) != units[i].suffix ||
		    (end[1] && (!unit || strcasecmp(end + 1, unit))))
			continue;
		number *= units[i].factor;
		v->n = number;
		return number < 1.8e19 && (double)v->n == number;
	}
	return false;
}

static bool parse_rate(const char *text, struct value *v)
{
	return parse_amount(text, NULL, v);
}

/* Of bits, as tc has them too: 10mbit. */
static bool parse_bits(const char *text, struct value *v)
{
	return parse_amount(text, "bit", v);
}

static void format_rate(const struct value *v, char *buf, size_t size)
{
	unsigned long long n = v->n;

	if (n && n % 1000000000 == 0)
		snprintf(buf, size, "%llug", n / 1000000000);
	else if (n && n % 1000000 == 0)
		snprintf(buf, size, "%llum", n / 1000000);
	else if (n && n % 1000 == 0)
		snprintf(buf, size, "%lluk", n / 1000);
	else
		snprintf(buf, size, "%llu", n);
}

const struct codec codec_rate = { "N[k|m|g]", true, parse_rate, format_rate, put_uint,
				  get_number, .rule = "as 500, 10k or 2.5g, powers of ten" };
const struct codec codec_bits = { "N[k|m|g]", true, parse_bits, format_rate, put_uint,
				  get_number, .rule = "as 500k, 10m or 2.5gbit, bits a second" };

/* --- words ----------------------------------------------------------------------------------- */

bool parse_word(const char *const *words, size_t nr, const char *text, struct value *v)
{
	for (v->n = 0; v->n < nr; v->n++) {
		if (!strcmp(words[v->n], text))
			return true;
	}
	return false;
}

void format_word(const char *const *words, size_t nr, const struct value *v, char *buf, size_t size)
{
	if (v->n < nr)
		snprintf(buf, size, "%s", words[v->n]);
	else
		format_number(v, buf, size);
}

WORDS(dir, "from-guest|to-guest", "from-guest", "to-guest");
WORDS(mode, "adaptive|poll", "adaptive", "poll");
WORDS(kind, "guest|uplink", "guest", "uplink");
/* As 'ip link' has it: a netdev's, be it that a state says it of a port. */
WORDS(link, "up|down", "down", "up");
WORDS(guard_mode, "strict|loose", "loose", "strict");
WORDS(guard_role, "dhcp-server|ra|bridge|qinq|source-route", "dhcp-server", "ra", "bridge", "qinq",
      "source-route");
WORDS(ip_option, "any|source-route|rh0|home-address", "any", "source-route", "rh0", "home-address");

static const char *const verdicts[] = { "deny", "allow", NULL };

/* Also in the words of who knows iptables. */
static bool parse_verdict(const char *text, struct value *v)
{
	if (!strcmp(text, "accept"))
		text = "allow";
	else if (!strcmp(text, "drop"))
		text = "deny";
	return parse_word(verdicts, 2, text, v);
}

static void format_verdict(const struct value *v, char *buf, size_t size)
{
	format_word(verdicts, 2, v, buf, size);
}

const struct codec codec_verdict = { "allow|deny", false,      parse_verdict,	  format_verdict,
				     put_u8,	   get_number, .words = verdicts };

/* --- words that go together: a number, with a bit for each ------------------------------------ */

static const char *const link_controls[] = { "stp", "lldp", "lacp", "eapol", "other" };

static bool add_link_control(const char *word, size_t len, struct value *v)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(link_controls); i++) {
		if (strlen(link_controls[i]) != len || strncmp(link_controls[i], word, len))
			continue;
		v->n |= 1ULL << i;
		return true;
	}
	return false;
}

static bool parse_link_control(const char *text, struct value *v)
{
	size_t len;

	v->n = 0;
	if (!strcmp(text, "none"))
		return true;
	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (!add_link_control(text, len, v))
			return false;
		if (!text[len])
			return true;
	}
}

static void format_link_control(const struct value *v, char *buf, size_t size)
{
	size_t i, len = 0;

	snprintf(buf, size, "none");
	for (i = 0; i < ARRAY_SIZE(link_controls) && len < size; i++) {
		if (v->n >> i & 1)
			len += snprintf(buf + len, size - len, "%s%s", len ? "," : "",
					link_controls[i]);
	}
}

const struct codec codec_link_control = { "none|stp,lldp,lacp,eapol,other", false,
					  parse_link_control, format_link_control, put_u32,
					  get_number };

/* --- numbers with well-known names ----------------------------------------------------------- */

struct named {
	const char *name;
	unsigned int n;
};

static const struct named protos[] = {
	{ "icmp", 1 }, { "igmp", 2 }, { "tcp", 6 },	{ "udp", 17 },	 { "gre", 47 },
	{ "esp", 50 }, { "ah", 51 },  { "icmpv6", 58 }, { "sctp", 132 },
};

static const struct named eth_types[] = {
	{ "ipv4", 0x0800 }, { "ip", 0x0800 },	{ "arp", 0x0806 },
	{ "ipv6", 0x86dd }, { "lldp", 0x88cc }, { "rarp", 0x8035 },
};

static bool parse_named(const struct named *names, size_t nr, unsigned int max, const char *text,
			struct value *v)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (!strcasecmp(names[i].name, text)) {
			v->n = names[i].n;
			return true;
		}
	}
	return parse_number(text, max, &v->n);
}

static const char *named(const struct named *names, size_t nr, uint64_t n)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (names[i].n == n)
			return names[i].name;
	}
	return NULL;
}

static bool parse_proto(const char *text, struct value *v)
{
	v->mask = UINT8_MAX;
	return parse_named(protos, ARRAY_SIZE(protos), UINT8_MAX, text, v);
}

static void format_proto(const struct value *v, char *buf, size_t size)
{
	const char *name = named(protos, ARRAY_SIZE(protos), v->n);

	if (name)
		snprintf(buf, size, "%s", name);
	else
		format_number(v, buf, size);
}

static bool parse_eth_type(const char *text, struct value *v)
{
	v->mask = UINT16_MAX;
	return parse_named(eth_types, ARRAY_SIZE(eth_types), UINT16_MAX, text, v);
}

static void format_eth_type(const struct value *v, char *buf, size_t size)
{
	const char *name = named(eth_types, ARRAY_SIZE(eth_types), v->n);

	if (name)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "0x%04x", (unsigned int)v->n);
}

static bool get_any_mask(const struct nlattr *nla, struct value *v)
{
	struct value mask = {};

	if (!get_number(nla, &mask))
		return false;
	v->mask = mask.n;
	return true;
}

static int put_no_mask(struct nl_msg *msg, int attr, const struct value *v)
{
	(void)msg;
	(void)attr;
	(void)v;
	return 0;
}

static const char *const proto_words[] = { "tcp", "udp", "sctp", "icmp", "icmpv6", "igmp",
					   "gre", "esp", "ah",	 NULL };
static const char *const type_words[] = { "ipv4", "ipv6", "arp", "rarp", "lldp", NULL };

#define PROTO_RULE "tcp, udp, sctp, icmp, icmpv6, igmp, gre, esp, ah, or 0 to 255"
#define TYPE_RULE "ipv4, ipv6, arp, rarp, lldp, or 0 to 0xffff"
const struct codec codec_proto = { "PROTO", false, parse_proto, format_proto, put_u8, get_number,
				   .rule = PROTO_RULE, .words = proto_words, .any = true };
const struct codec codec_eth_type = { "TYPE",	       false,	parse_eth_type,
				      format_eth_type, put_u16, get_number, .rule = TYPE_RULE,
				      .words = type_words, .any = true };
const struct codec codec_match_proto = { "PROTO", false,      parse_proto, format_proto,
					 put_u8,  get_number, put_no_mask, get_any_mask,
					 .rule = PROTO_RULE, .words = proto_words, .any = true };
const struct codec codec_match_eth_type = { "TYPE",  false,	 parse_eth_type, format_eth_type,
					    put_u16, get_number, put_no_mask,	 get_any_mask,
					    .rule = TYPE_RULE, .words = type_words, .any = true };
const struct codec codec_arp_op = { "N",    true,	parse_u8,    format_number,
				    put_u8, get_number, put_no_mask, get_any_mask };

/* --- text ------------------------------------------------------------------------------------ */

bool parse_text(const char *text, struct value *v)
{
	if (!*text || strlen(text) >= sizeof(v->bytes))
		return false;
	memcpy(v->bytes, text, strlen(text) + 1);
	return true;
}

static bool parse_name(const char *text, struct value *v)
{
	return strlen(text) <= 15 && parse_text(text, v);
}

void format_text(const struct value *v, char *buf, size_t size)
{
	snprintf(buf, size, "%s", (const char *)v->bytes);
}

int put_text(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_string(msg, attr, (const char *)v->bytes);
}

bool get_text(const struct nlattr *nla, struct value *v)
{
	int len = nla_len(nla);

	if (len < 1 || len > (int)sizeof(v->bytes))
		len = sizeof(v->bytes);
	memcpy(v->bytes, nla_data(nla), len < nla_len(nla) ? len : nla_len(nla));
	v->bytes[sizeof(v->bytes) - 1] = '\0';
	return true;
}

const struct codec codec_name = { "NAME",   false,    parse_name,
				  format_text,	    put_text, get_text,
				  .rule = "at most 15 characters" };
const struct codec codec_text = { "TEXT", false, parse_text, format_text, put_text, get_text };
const struct codec codec_match_name = { "PORT",	  false,    parse_name,	 format_text,
					put_text, get_text, put_no_mask, NULL };

/* --- yes or no ------------------------------------------------------------------------------- */

static bool parse_flag(const char *text, struct value *v)
{
	v->n = !strcmp(text, "true");
	return v->n || !strcmp(text, "false");
}

static void format_flag(const struct value *v, char *buf, size_t size)
{
	snprintf(buf, size, "%s", v->n ? "true" : "false");
}

static int put_flag(struct nl_msg *msg, int attr, const struct value *v)
{
	return v->n ? nla_put_flag(msg, attr) : 0;
}

static bool get_flag(const struct nlattr *nla, struct value *v)
{
	(void)nla;
	v->n = 1;
	return true;
}

const struct codec codec_flag = { "", false, parse_flag, format_flag, put_flag, get_flag };
