// SPDX-License-Identifier: GPL-2.0-only
/* Values that are addresses. IPv4 lies in the first four bytes. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "sluice.h"

static unsigned int addr_len(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

bool parse_addr(const char *text, uint8_t *family, uint8_t addr[16])
{
	*family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(*family, text, addr) == 1;
}

void format_addr(uint8_t family, const uint8_t addr[16], char *buf, size_t size)
{
	if (!inet_ntop(family, addr, buf, size))
		snprintf(buf, size, "?");
}

bool parse_mac(const char *text, uint8_t mac[6])
{
	unsigned int b[6], i;
	int n = 0;

	if (strlen(text) != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &n) != 6 ||
	    n != 17)
		return false;
	for (i = 0; i < 6; i++)
		mac[i] = b[i];
	return true;
}

void format_mac(const uint8_t mac[6], char *buf, size_t size)
{
	snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
}

/* Cut "A/B" in two; what is behind the stroke, or NULL. */
static const char *split(const char *text, char *first, size_t size)
{
	const char *stroke = strchr(text, '/');
	size_t len = stroke ? (size_t)(stroke - text) : strlen(text);

	if (len >= size)
		len = size - 1;
	memcpy(first, text, len);
	first[len] = '\0';
	return stroke ? stroke + 1 : NULL;
}

/* --- MACs ------------------------------------------------------------------------------------ */

static bool parse_mac_value(const char *text, struct value *v)
{
	memset(v->bmask, 0xff, 6);
	return parse_mac(text, v->bytes);
}

static void format_mac_value(const struct value *v, char *buf, size_t size)
{
	format_mac(v->bytes, buf, size);
}

static int put_mac(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put(msg, attr, 6, v->bytes);
}

static bool get_mac(const struct nlattr *nla, struct value *v)
{
	if (nla_len(nla) != 6)
		return false;
	memcpy(v->bytes, nla_data(nla), 6);
	memset(v->bmask, 0xff, 6);
	return true;
}

const struct codec codec_mac = {
	"MAC", false, parse_mac_value, format_mac_value, put_mac, get_mac,
	.rule = "as 52:54:00:12:34:56"
};

static bool parse_match_mac(const char *text, struct value *v)
{
	char first[64];
	const char *mask = split(text, first, sizeof(first));
	unsigned int i;

	if (!parse_mac_value(first, v) || (mask && !parse_mac(mask, v->bmask)))
		return false;
	for (i = 0; i < 6; i++)
		v->bytes[i] &= v->bmask[i];
	return true;
}

static void format_match_mac(const struct value *v, char *buf, size_t size)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	char mac[18], mask[18];

	format_mac(v->bytes, mac, sizeof(mac));
	format_mac(v->bmask, mask, sizeof(mask));
	if (memcmp(v->bmask, all, 6))
		snprintf(buf, size, "%s/%s", mac, mask);
	else
		snprintf(buf, size, "%s", mac);
}

static int put_mac_mask(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put(msg, attr, 6, v->bmask);
}

static bool get_mac_mask(const struct nlattr *nla, struct value *v)
{
	if (nla_len(nla) != 6)
		return false;
	memcpy(v->bmask, nla_data(nla), 6);
	return true;
}

const struct codec codec_match_mac = { "MAC[/MASK]", false,   parse_match_mac, format_match_mac,
				       put_mac,	     get_mac, put_mac_mask,    get_mac_mask,
				       .rule = "as 52:54:00:12:34:56; a mask has that form, too",
				       .any = true };

/* --- prefixes -------------------------------------------------------------------------------- */

static void mask_from_len(uint8_t mask[16], unsigned int len)
{
	unsigned int i;

	memset(mask, 0, 16);
	for (i = 0; i < len; i++)
		mask[i / 8] |= 0x80 >> i % 8;
}

/* The prefix length that a mask is, or -1. */
static int mask_to_len(uint8_t family, const uint8_t mask[16])
{
	uint8_t same[16];
	unsigned int len;

	for (len = 0; len <= 8 * addr_len(family); len++) {
		mask_from_len(same, len);
		if (!memcmp(same, mask, addr_len(family)))
			return len;
	}
	return -1;
}

static bool parse_prefix(const char *text, struct value *v)
{
	char first[64];
	const char *len = split(text, first, sizeof(first));
	uint64_t n;

	if (!parse_addr(first, &v->family, v->bytes))
		return false;
	n = 8 * addr_len(v->family);
	if (len && !parse_number(len, n, &n))
		return false;
	v->len = n;
	return true;
}

static void format_prefix(const struct value *v, char *buf, size_t size)
{
	char addr[INET6_ADDRSTRLEN];

	format_addr(v->family, v->bytes, addr, sizeof(addr));
	snprintf(buf, size, "%s/%u", addr, v->len);
}

static int put_prefix(struct nl_msg *msg, int attr, const struct value *v)
{
	/* Nests are marked as such: the kernel insists. */
	struct nlattr *nest = nla_nest_start(msg, attr | NLA_F_NESTED);

	if (!nest || nla_put(msg, SLUICE_A_PREFIX_ADDR, addr_len(v->family), v->bytes) ||
	    nla_put_u8(msg, SLUICE_A_PREFIX_LEN, v->len))
		return -1;
	nla_nest_end(msg, nest);
	return 0;
}

static bool get_addr(const struct nlattr *nla, struct value *v)
{
	if (nla_len(nla) != 4 && nla_len(nla) != 16)
		return false;
	v->family = nla_len(nla) == 4 ? AF_INET : AF_INET6;
	memcpy(v->bytes, nla_data(nla), nla_len(nla));
	memset(v->bmask, 0xff, sizeof(v->bmask));
	return true;
}

static bool get_prefix(const struct nlattr *nla, struct value *v)
{
	struct nlattr *tb[SLUICE_A_PREFIX_MAX + 1];

	if (nla_parse_nested(tb, SLUICE_A_PREFIX_MAX, (struct nlattr *)nla, NULL) < 0)
		return false;
	if (!tb[SLUICE_A_PREFIX_ADDR] || !tb[SLUICE_A_PREFIX_LEN])
		return false;
	v->len = nla_get_u8(tb[SLUICE_A_PREFIX_LEN]);
	return get_addr(tb[SLUICE_A_PREFIX_ADDR], v);
}

const struct codec codec_prefix = { "ADDR[/LEN]",  false,      parse_prefix, format_prefix,
				    put_prefix,	   get_prefix,
				    .rule = "as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32",
				    .any = true };

/* --- addresses with any mask ----------------------------------------------------------------- */

static bool parse_match_addr(const char *text, struct value *v)
{
	char first[64];
	const char *mask = split(text, first, sizeof(first));
	uint64_t len;
	uint8_t family;
	unsigned int i;

	if (!parse_addr(first, &v->family, v->bytes))
		return false;
	len = 8 * addr_len(v->family);
	if (!mask || parse_number(mask, len, &len))
		mask_from_len(v->bmask, len);
	else if (!parse_addr(mask, &family, v->bmask) || family != v->family)
		return false;
	for (i = 0; i < addr_len(v->family); i++) {
		if (v->bytes[i] & ~v->bmask[i])
			return false;
	}
	return true;
}

static void format_match_addr(const struct value *v, char *buf, size_t size)
{
	char addr[INET6_ADDRSTRLEN], mask[INET6_ADDRSTRLEN];
	int len = mask_to_len(v->family, v->bmask);

	format_addr(v->family, v->bytes, addr, sizeof(addr));
	format_addr(v->family, v->bmask, mask, sizeof(mask));
	if (len < 0)
		snprintf(buf, size, "%s/%s", addr, mask);
	else if (len == (int)(8 * addr_len(v->family)))
		snprintf(buf, size, "%s", addr);
	else
		snprintf(buf, size, "%s/%d", addr, len);
}

static int put_addr(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put(msg, attr, addr_len(v->family), v->bytes);
}

static int put_addr_mask(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put(msg, attr, addr_len(v->family), v->bmask);
}

static bool get_addr_mask(const struct nlattr *nla, struct value *v)
{
	if (nla_len(nla) != (int)addr_len(v->family))
		return false;
	memcpy(v->bmask, nla_data(nla), nla_len(nla));
	return true;
}

const struct codec codec_match_addr = { "ADDR[/LEN|/MASK]", false,	  parse_match_addr,
					format_match_addr,  put_addr,	  get_addr,
					put_addr_mask,	    get_addr_mask,
					.rule = "as 192.0.2.0/24, no bit outside the mask",
					.any = true };
