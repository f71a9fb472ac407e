// SPDX-License-Identifier: GPL-2.0-only
/* Values that volumes have. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sluice.h"

#define SECTOR 512

WORDS(volume_mode, "monitor|enforce", "monitor", "enforce");
WORDS(volume_wiped, "waits|fails", "waits", "fails");
WORDS(erasure, "zero|discard|secure-erase|key", "none", "zero", "discard", "secure-erase", "key");
WORDS(block_op, "OP", "read", "write", "flush", "discard", "write-zeroes", "other");
WORDS(block_stage, "STAGE", "queue", "cipher", "device");
WORDS(switch, "on|off", "off", "on");
WORDS(keyring, "session|user", "session", "user");

/* --- names ----------------------------------------------------------------------------------- */

static bool parse_volume(const char *text, struct value *v)
{
	const char *s = text;

	while (isgraph((unsigned char)*s) && *s != '/')
		s++;
	return !*s && strlen(text) <= 31 && parse_text(text, v);
}

static bool parse_serial(const char *text, struct value *v)
{
	const char *s = text;

	while (isgraph((unsigned char)*s) && isascii((unsigned char)*s))
		s++;
	return *text && !*s && strlen(text) <= 20 && parse_text(text, v);
}

static bool set_long(struct value *v, const char *text)
{
	free(v->text);
	v->text = xstrdup(text);
	return true;
}

/* The kernel's word for none is nothing. */
static bool parse_group(const char *text, struct value *v)
{
	return strcmp(text, "none") ? parse_volume(text, v) && set_long(v, text) : set_long(v, "");
}

static void format_group(const struct value *v, char *buf, size_t size)
{
	snprintf(buf, size, "%s", v->text && *v->text ? v->text : "none");
}

static bool parse_path(const char *text, struct value *v)
{
	return *text == '/' && strlen(text) < 4096 && set_long(v, text);
}

static bool parse_key(const char *text, struct value *v)
{
	const char *colon = strchr(text, ':');

	if (strcmp(text, VOLUME_KEY_STDIN) && (!colon || colon == text || !colon[1]))
		return false;
	return strlen(text) < TEXT_MAX && set_long(v, text);
}

static void format_long(const struct value *v, char *buf, size_t size)
{
	snprintf(buf, size, "%s", v->text ? v->text : "");
}

static int put_long(struct nl_msg *msg, int attr, const struct value *v)
{
	return nla_put_string(msg, attr, v->text);
}

static bool get_long(const struct nlattr *nla, struct value *v)
{
	char *text = nla_strdup(nla);
	bool ok = text && set_long(v, text);

	free(text);
	return ok;
}

#define NAME_RULE "at most 31 characters, without / and white space"
const struct codec codec_volume = { "VOLUME",	   false,    parse_volume,
				    format_text,   put_text, get_text, .rule = NAME_RULE };
/* The same of others that have such names. */
const struct codec codec_group_name = { "GROUP",     false,    parse_volume,
					format_text, put_text, get_text,
					.rule = NAME_RULE };
const struct codec codec_key_name = { "KEY",	   false,    parse_volume,
				      format_text, put_text, get_text, .rule = NAME_RULE };
const struct codec codec_group = { "GROUP|none", false,	   parse_group,
				   format_group, put_long, get_long };
const struct codec codec_serial = { "SERIAL",	   false,    parse_serial,
				    format_text,   put_text, get_text };
const struct codec codec_path = { "/dev/...", false, parse_path, format_long, put_long, get_long,
				  .rule = "the whole path of a block device" };
const struct codec codec_key = { "TYPE:DESC|-", false, parse_key, format_long, put_long, get_long,
				 .rule = "as logon:sluice:vol1; - is standard input" };

static bool parse_record(const char *text, struct value *v)
{
	return strcmp(text, "none") ? parse_path(text, v) : set_long(v, text);
}

/* What is made without one has none, also for a kernel that knows of no records. */
static int put_record(struct nl_msg *msg, int attr, const struct value *v)
{
	return strcmp(v->text, "none") ? put_long(msg, attr, v) : 0;
}

const struct codec codec_record = {
	"/dev/...|none", false, parse_record, format_long, put_record, get_long
};

/* --- extents --------------------------------------------------------------------------------- */

static const char units[] = "kmgt";

static char unit_of(const char *text)
{
	return *text ? tolower((unsigned char)text[strlen(text) - 1]) : '\0';
}

/* Digits, and a unit of 2^@shift if that is not 0. */
static bool parse_shifted(const char *text, unsigned int shift, struct value *v)
{
	size_t len = strlen(text) - !!shift;
	char digits[24];

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (!parse_number(digits, (uint64_t)INT64_MAX >> shift, &v->n))
		return false;
	v->n <<= shift;
	return true;
}

/* As storage and memory have them: k is 1024. */
static bool parse_bytes(const char *text, struct value *v)
{
	char unit = unit_of(text);
	const char *at = unit ? strchr(units, unit) : NULL;

	return parse_shifted(text, at ? 10 * (at - units + 1) : 0, v);
}

/* An s behind it: sectors of 512 bytes. */
static bool parse_extent(const char *text, struct value *v)
{
	bool ok = unit_of(text) == 's' ? parse_shifted(text, 9, v) : parse_bytes(text, v);

	return ok && v->n % SECTOR == 0;
}

static void format_bytes(const struct value *v, char *buf, size_t size)
{
	unsigned int unit = 0;
	uint64_t n = v->n;

	while (n && n % 1024 == 0 && unit < strlen(units)) {
		n /= 1024;
		unit++;
	}
	if (unit)
		snprintf(buf, size, "%llu%c", (unsigned long long)n, units[unit - 1]);
	else
		snprintf(buf, size, "%llu", (unsigned long long)n);
}

static int put_extent(struct nl_msg *msg, int attr, const struct value *v)
{
	struct value sectors = { .n = v->n / SECTOR };

	return put_uint(msg, attr, &sectors);
}

static bool get_extent(const struct nlattr *nla, struct value *v)
{
	bool ok = get_number(nla, v);

	v->n *= SECTOR;
	return ok;
}

const struct codec codec_extent = { "N[k|m|g|t|s]",
				    true,
				    parse_extent,
				    format_bytes,
				    put_extent,
				    get_extent,
				    .rule = "bytes, a multiple of 512" };

const struct codec codec_bytes = {
	"N[k|m|g|t]", true, parse_bytes, format_bytes, put_uint, get_number
};

/* --- times ----------------------------------------------------------------------------------- */

static bool parse_never(const char *text, struct value *v)
{
	(void)text;
	(void)v;
	return false;
}

static void format_scaled(double n, double step, const char *const *names, size_t nr, char *buf,
			  size_t size)
{
	size_t i = 0;

	while (n >= step && i < nr - 1) {
		n /= step;
		i++;
	}
	/* Three digits that count. */
	snprintf(buf, size, "%.*f%s", i && n < 100 ? n < 10 ? 2 : 1 : 0, n, names[i]);
}

static void format_ns(const struct value *v, char *buf, size_t size)
{
	static const char *const names[] = { "ns", "us", "ms", "s" };

	format_scaled(v->n, 1000, names, ARRAY_SIZE(names), buf, size);
}

static void format_time(const struct value *v, char *buf, size_t size)
{
	time_t t = v->n;
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(buf, size, "%FT%T", &tm);
}

/* Two of its parts are as much as anybody knows. */
static void format_seconds(const struct value *v, char *buf, size_t size)
{
	unsigned long long n = v->n;

	if (n >= 86400)
		snprintf(buf, size, "%llud%lluh", n / 86400, n / 3600 % 24);
	else if (n >= 3600)
		snprintf(buf, size, "%lluh%llum", n / 3600, n / 60 % 60);
	else if (n >= 60)
		snprintf(buf, size, "%llum%llus", n / 60, n % 60);
	else
		snprintf(buf, size, "%llus", n);
}

static void format_amount(const struct value *v, char *buf, size_t size)
{
	static const char *const names[] = { "", "k", "m", "g", "t" };

	format_scaled(v->n, 1000, names, ARRAY_SIZE(names), buf, size);
}

static bool parse_count(const char *text, struct value *v)
{
	return parse_number(text, UINT32_MAX, &v->n) && v->n;
}

const struct codec codec_count = { "N", true, parse_count, format_number, put_uint, get_number };

/* What the tool works out itself. */
const struct codec codec_ns = { "TIME", true, parse_never, format_ns, NULL, NULL };
const struct codec codec_time = { "TIME", false, parse_never, format_time, NULL, get_number };
const struct codec codec_amount = { "N", true, parse_never, format_amount, NULL, get_number };
const struct codec codec_seconds = { "TIME", true, parse_never, format_seconds, NULL, get_number };

/* A list of its own: numbers of eight bytes. */
static bool get_buckets(const struct nlattr *nla, struct value *v)
{
	unsigned int i, nr = nla_len(nla) / sizeof(uint64_t);

	if (nr > VOLUME_BUCKETS || nla_len(nla) % sizeof(uint64_t))
		return false;
	free(v->item);
	v->item = xcalloc(nr + 1, sizeof(*v->item));
	v->nr = nr;
	for (i = 0; i < nr; i++)
		memcpy(&v->item[i].n, (const char *)nla_data(nla) + i * sizeof(uint64_t),
		       sizeof(uint64_t));
	return true;
}

const struct codec codec_buckets = { "N", true, parse_never, format_number, NULL, get_buckets };

/* Within a bucket as if all of it were equally likely. */
uint64_t histogram_quantile(const uint64_t *buckets, unsigned int nr, unsigned int permille)
{
	double total = 0, wanted, below = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		total += buckets[i];
	wanted = total * permille / 1000;
	for (i = 0; i < nr; i++) {
		if (buckets[i] && below + buckets[i] >= wanted)
			return (1ULL << i) * (1 + (wanted - below) / buckets[i]);
		below += buckets[i];
	}
	return 0;
}
