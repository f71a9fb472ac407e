// SPDX-License-Identifier: GPL-2.0-only
/* Keys: they are the kernel's, here is only what hands them over and names them. */
#include <ctype.h>
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "sluice.h"

/* The kernel wants a prefix in a logon key's description. */
#define KEY_TYPE "logon"
#define KEY_PREFIX "sluice:"

enum { KEYRING_SESSION, KEYRING_USER };

static const struct field key_fields[] = {
	{ .name = "name", .codec = &codec_key_name },
	{ .name = "keyring", .codec = &codec_keyring },
};

static const struct object object_key = OBJECT("key", key_fields);

/* --- the kernel's calls ---------------------------------------------------------------------- */

static int32_t add_key(const char *description, const void *payload, size_t len, int32_t keyring)
{
	return syscall(SYS_add_key, KEY_TYPE, description, payload, len, keyring);
}

static int32_t request_key(const char *type, const char *description)
{
	return syscall(SYS_request_key, type, description, NULL, 0);
}

static int32_t key_request(const char *name)
{
	char *type = xstrdup(name), *colon = strchr(type, ':');
	int32_t serial;

	*colon = '\0';
	serial = request_key(type, colon + 1);
	free(type);
	return serial;
}

/* One of that description, be it of another type, or one that is called nearly so. */
static const char *key_near(const char *name)
{
	static char text[160] = "";
	struct key_found *found = xcalloc(KEYS_MAX, sizeof(*found));
	unsigned int i, n = keys_find(found, KEYS_MAX);
	struct near near = { .word = name };
	const char *best = NULL;

	for (i = 0; i < n; i++) {
		if (!strcmp(strchr(found[i].name, ':'), strchr(name, ':')))
			best = found[i].name;
		near_try(&near, found[i].name);
	}
	if (!best)
		best = near.best;
	if (best)
		snprintf(text, sizeof(text), "; there is %s", best);
	free(found);
	return text;
}

int32_t key_find(const char *name)
{
	int32_t serial = key_request(name);

	if (serial > 0)
		return serial;
	if (errno == ENOKEY)
		complain("key %s: not in a keyring of yours%s: see 'sluice key add help'", name,
			 key_near(name));
	else
		complain("key %s: %s: see 'sluice key add help', keyctl(1)", name,
			 strerror(errno));
	return 0;
}

/* The kernel says what it lacks for want of it. */
int32_t key_seek(const char *name)
{
	int32_t serial = key_request(name);

	return serial > 0 ? serial : 0;
}

/* --- which are there ------------------------------------------------------------------------- */

static bool type_fits(const char *type)
{
	return !strcmp(type, "logon") || !strcmp(type, "user") || !strcmp(type, "encrypted") ||
	       !strcmp(type, "trusted");
}

static bool is_gone(int32_t serial)
{
	return syscall(SYS_keyctl, KEYCTL_DESCRIBE, serial, NULL, 0) < 0 && errno != EACCES;
}

/* A line of /proc/keys: what is said of a key stands behind its description. */
static bool found_one(struct key_found *f, char *line)
{
	char type[16], *end = strrchr(line, ':');
	unsigned int serial;
	int at = 0;

	if (sscanf(line, "%x %*s %*s %*s %*s %*s %*s %15s %n", &serial, type, &at) != 2 || !at ||
	    !type_fits(type) || is_gone(serial))
		return false;
	if (end && end > line + at)
		*end = '\0';
	f->serial = serial;
	snprintf(f->name, sizeof(f->name), "%s:%s", type, line + at);
	return true;
}

unsigned int keys_find(struct key_found *found, unsigned int max)
{
	FILE *keys = fopen("/proc/keys", "r");
	unsigned int n = 0;
	char *line = NULL;
	size_t size = 0;

	if (!keys) {
		complain("/proc/keys: %s", strerror(errno));
		return 0;
	}
	while (n < max && getline(&line, &size, keys) > 0)
		n += found_one(&found[n], line);
	free(line);
	fclose(keys);
	return n;
}

bool keys_say_gone(const struct key_found *found, unsigned int n, const char *name)
{
	unsigned int i, gone = 0, left = 0;

	for (i = 0; i < n; i++) {
		if (!is_gone(found[i].serial)) {
			left += !strcmp(found[i].name, name);
			continue;
		}
		printf("key %s is in none of your keyrings any more\n", found[i].name);
		gone++;
	}
	if (!gone && left)
		complain("key %s was not taken: it is another one by now, or may not be", name);
	else if (!gone)
		complain("key %s of the volume was in no keyring of yours: look for it", name);
	if (n == KEYS_MAX)
		complain("there are more than %u keys: look at the others yourself", n);
	printf("whoever has a copy of it, in a file or a backup, can read what the volume had\n");
	return gone || !left;
}

/* --- standard input -------------------------------------------------------------------------- */

/* Two hexadecimal digits a byte for the longest key, and the end of the line. */
#define INPUT_MAX (2 * 64 + 2)

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* In place; bytes that are no digits stay as they are. */
static size_t from_hex(char *text, size_t len)
{
	size_t i, digits = len;

	if (digits && text[digits - 1] == '\n')
		digits--;
	if (digits != 64 && digits != 128)
		return len;
	for (i = 0; i < digits; i++) {
		if (!isxdigit((unsigned char)text[i]))
			return len;
	}
	for (i = 0; i < digits / 2; i++)
		text[i] = digit(text[2 * i]) << 4 | digit(text[2 * i + 1]);
	return digits / 2;
}

static ssize_t read_input(char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(STDIN_FILENO, buf + len, size - len);
		len += n > 0 ? n : 0;
	} while ((n > 0 && len < size) || (n < 0 && errno == EINTR));
	return n < 0 ? n : (ssize_t)len;
}

static bool read_key(char *buf, size_t *len)
{
	ssize_t n;

	if (isatty(STDIN_FILENO)) {
		complain("a key is not typed at a terminal: bring it by a file or a pipe");
		return false;
	}
	if (batch_stdin) {
		complain("standard input has the commands already: add the key ahead of them");
		return false;
	}
	n = read_input(buf, INPUT_MAX);
	if (n < 0) {
		complain("standard input: %s", strerror(errno));
		return false;
	}
	*len = from_hex(buf, n);
	if (*len == 32 || *len == 64)
		return true;
	complain("standard input: a key has 32 or 64 bytes, or twice as many hexadecimal digits");
	return false;
}

static int32_t stdin_to_keyring(const char *name, int32_t keyring)
{
	char buf[INPUT_MAX], description[64];
	int32_t serial = -1;
	size_t len = 0;

	if (read_key(buf, &len)) {
		snprintf(description, sizeof(description), KEY_PREFIX "%s", name);
		serial = add_key(description, buf, len, keyring);
		if (serial < 0)
			complain("the kernel does not take the key: %s", strerror(errno));
	}
	explicit_bzero(buf, sizeof(buf));
	return serial > 0 ? serial : 0;
}

int32_t key_from_stdin(const char *name)
{
	return stdin_to_keyring(name, KEY_SPEC_PROCESS_KEYRING);
}

/* --- commands -------------------------------------------------------------------------------- */

/*
 * Asked for by its number: by name the kernel would make a new one for this process alone if there
 * is none but the user's default.
 */
static int32_t chosen_keyring(const struct rec *args)
{
	if (rec_has(args, "keyring") && rec_value(args, "keyring")->n == KEYRING_USER)
		return KEY_SPEC_USER_KEYRING;
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
}

static int add_run(const struct command *c, struct rec *args)
{
	int32_t keyring = chosen_keyring(args);

	(void)c;
	if (keyring == -1) {
		complain("no session keyring: %s", strerror(errno));
		return EXIT_REFUSED;
	}
	if (!stdin_to_keyring(rec_text(args, "name"), keyring))
		return EXIT_REFUSED;
	printf("%s:%s%s\n", KEY_TYPE, KEY_PREFIX, rec_text(args, "name"));
	return EXIT_DONE;
}

static int del_run(const struct command *c, struct rec *args)
{
	char name[64];
	int32_t serial;

	(void)c;
	snprintf(name, sizeof(name), KEY_TYPE ":" KEY_PREFIX "%s", rec_text(args, "name"));
	serial = key_find(name);
	if (!serial)
		return EXIT_REFUSED;
	if (!syscall(SYS_keyctl, KEYCTL_INVALIDATE, serial))
		return EXIT_DONE;
	complain("key %s: %s", name, strerror(errno));
	return EXIT_REFUSED;
}

/* --- which volumes have which key ------------------------------------------------------------ */

enum { USE_KEY, USE_BITS, USE_VOLUME };

static const struct field use_fields[] = {
	[USE_KEY] = { .name = "key", .codec = &codec_key },
	[USE_BITS] = { .name = "cipher-bits", .codec = &codec_u32 },
	[USE_VOLUME] = { "volume", &codec_volume, 0, 0, F_MULTI, NULL },
};

static const struct object object_use = OBJECT("key", use_fields);

struct uses {
	struct rec **v;
	size_t nr;
};

static struct rec *use_find(struct uses *uses, const struct rec *volume)
{
	const char *key = rec_value(volume, "key")->text;
	size_t i;

	for (i = 0; i < uses->nr; i++) {
		if (!strcmp(rec_value(uses->v[i], "key")->text, key))
			return uses->v[i];
	}
	uses->v = realloc(uses->v, (uses->nr + 1) * sizeof(*uses->v));
	if (!uses->v)
		abort();
	uses->v[uses->nr] = rec_new(&object_use);
	rec_set(uses->v[uses->nr], USE_KEY, key);
	rec_set(uses->v[uses->nr], USE_BITS, rec_text(volume, "cipher-bits"));
	return uses->v[uses->nr++];
}

static void volume_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_volume);

	if (rec_get(r, attrs, len) && rec_has(r, "key"))
		rec_set(use_find(arg, r), USE_VOLUME, rec_text(r, "name"));
	rec_free(r);
}

static int show_keys(const struct command *c, struct rec *args)
{
	struct uses uses = {};
	bool ok, changed = false;
	size_t i;

	(void)args;
	ok = ctl_dump(ctl_new(c->cmd), volume_seen, &uses, &changed);
	show_begin();
	for (i = 0; i < uses.nr; i++) {
		show_item(uses.v[i], 0);
		rec_free(uses.v[i]);
	}
	show_end();
	free(uses.v);
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

const struct command key_commands[] = {
	{ "key", "add", 0, &object_key, "@name! keyring", add_run, NULL,
	  "put a key from standard input (32 or 64 bytes, raw or in hexadecimal) into a keyring" },
	{ "key", "del", 0, &object_key, "@name!", del_run, NULL,
	  "take it out again; volumes that have it keep it" },
	{ "key", "show", SLUICE_CMD_VOLUME_GET, &object_use, "", show_keys, NULL,
	  "show which volumes have which key" },
	{}
};
