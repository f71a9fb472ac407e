// SPDX-License-Identifier: GPL-2.0-only
/* Volumes. */
#include <stdio.h>
#include <string.h>
#include "sluice.h"

static const struct field queue_fields[] = {
	{ "index", &codec_u32, SLUICE_A_VOLUME_QUEUE_INDEX, 0, F_BARE, NULL },
	{ .name = "attached", .codec = &codec_flag, .attr = SLUICE_A_VOLUME_QUEUE_ATTACHED },
	{ .name = "broken", .codec = &codec_text, .attr = SLUICE_A_VOLUME_QUEUE_BROKEN },
	{ .name = "cpu", .codec = &codec_u32, .attr = SLUICE_A_VOLUME_QUEUE_CPU },
	{ "in-flight", &codec_u32, SLUICE_A_VOLUME_QUEUE_IN_FLIGHT, 0, F_STAT, NULL },
	{ "signals", &codec_u64, SLUICE_A_VOLUME_QUEUE_SIGNALS, 0, F_STAT, NULL },
	{ "kicks", &codec_u64, SLUICE_A_VOLUME_QUEUE_KICKS, 0, F_STAT, NULL },
};

static const struct object object_volume_queue = OBJECT("queue", queue_fields);

static const struct field op_fields[] = {
	{ "op", &codec_block_op, SLUICE_A_VOLUME_COUNT_OP, 0, F_BARE, NULL },
	{ .name = "requests", .codec = &codec_u64, .attr = SLUICE_A_VOLUME_COUNT_REQUESTS },
	{ .name = "bytes", .codec = &codec_u64, .attr = SLUICE_A_VOLUME_COUNT_BYTES },
	{ .name = "errors", .codec = &codec_u64, .attr = SLUICE_A_VOLUME_COUNT_ERRORS },
};

static const struct object object_op = OBJECT("op", op_fields);

static const struct field latency_fields[] = {
	{ "stage", &codec_block_stage, SLUICE_A_VOLUME_LATENCY_STAGE, 0, F_BARE, NULL },
	{ .name = "requests", .codec = &codec_u64 },
	{ .name = "p50", .codec = &codec_ns },
	{ .name = "p95", .codec = &codec_ns },
	{ .name = "p99", .codec = &codec_ns },
	{ .name = "p999", .codec = &codec_ns },
	{ "buckets", &codec_buckets, SLUICE_A_VOLUME_LATENCY_BUCKETS, 0, F_LIST | F_JSON, NULL },
};

static const struct object object_latency = OBJECT("latency", latency_fields);

static const struct field rekey_state_fields[] = {
	{ .name = "back", .codec = &codec_flag, .attr = SLUICE_A_VOLUME_REKEY_STATE_BACK },
	{ .name = "percent", .codec = &codec_u32, .attr = SLUICE_A_VOLUME_REKEY_STATE_PERCENT },
	{ .name = "rate", .codec = &codec_amount, .attr = SLUICE_A_VOLUME_REKEY_STATE_RATE },
	{ .name = "left", .codec = &codec_seconds, .attr = SLUICE_A_VOLUME_REKEY_STATE_LEFT },
	{ .name = "stalled", .codec = &codec_text, .attr = SLUICE_A_VOLUME_REKEY_STATE_STALLED },
	{ .name = "sector", .codec = &codec_u64, .attr = SLUICE_A_VOLUME_REKEY_STATE_SECTOR },
	{ .name = "skipped", .codec = &codec_u32, .attr = SLUICE_A_VOLUME_REKEY_STATE_SKIPPED },
	{ "unreadable", &codec_u64, SLUICE_A_VOLUME_REKEY_STATE_UNREADABLE, 0, F_MULTI | F_COMMA,
	  NULL },
};

static const struct object object_rekey_state = OBJECT("rekey", rekey_state_fields);

static const struct field wiping_fields[] = {
	{ "how", &codec_erasure, SLUICE_A_VOLUME_WIPING_STATE_HOW, 0, F_BARE, NULL },
	{ .name = "percent", .codec = &codec_u32, .attr = SLUICE_A_VOLUME_WIPING_STATE_PERCENT },
	{ .name = "rate", .codec = &codec_amount, .attr = SLUICE_A_VOLUME_WIPING_STATE_RATE },
	{ .name = "left", .codec = &codec_seconds, .attr = SLUICE_A_VOLUME_WIPING_STATE_LEFT },
	{ .name = "stalled", .codec = &codec_text, .attr = SLUICE_A_VOLUME_WIPING_STATE_STALLED },
	{ .name = "error", .codec = &codec_u32, .attr = SLUICE_A_VOLUME_WIPING_STATE_ERROR },
};

static const struct object object_wiping = OBJECT("wiping", wiping_fields);

#define RATE(field, attribute)                                                            \
	{                                                                                 \
		.name = (field), .codec = &codec_rate, .attr = SLUICE_A_VOLUME_##attribute \
	}

#define LIMITS \
	RATE("read-iops", READ_IOPS), \
	RATE("read-iops-burst", READ_IOPS_BURST), \
	RATE("read-iops-peak", READ_IOPS_PEAK), \
	RATE("read-bps", READ_BPS), \
	RATE("read-bps-burst", READ_BPS_BURST), \
	RATE("read-bps-peak", READ_BPS_PEAK), \
	RATE("write-iops", WRITE_IOPS), \
	RATE("write-iops-burst", WRITE_IOPS_BURST), \
	RATE("write-iops-peak", WRITE_IOPS_PEAK), \
	RATE("write-bps", WRITE_BPS), \
	RATE("write-bps-burst", WRITE_BPS_BURST), \
	RATE("write-bps-peak", WRITE_BPS_PEAK), \
	{ .name = "iops-unit", .codec = &codec_bytes, .attr = SLUICE_A_VOLUME_IOPS_UNIT }

/* Of its group's limits. */
#define MINIMUMS \
	RATE("read-iops-min", READ_IOPS_MIN), \
	RATE("read-bps-min", READ_BPS_MIN), \
	RATE("write-iops-min", WRITE_IOPS_MIN), \
	RATE("write-bps-min", WRITE_BPS_MIN)

static const struct field volume_fields[] = {
	{ .name = "name", .codec = &codec_volume, .attr = SLUICE_A_VOLUME_NAME },
	{ .name = "dev", .codec = &codec_path, .attr = SLUICE_A_VOLUME_PATH },
	{ .name = "start", .codec = &codec_extent, .attr = SLUICE_A_VOLUME_START },
	{ .name = "size", .codec = &codec_extent, .attr = SLUICE_A_VOLUME_SECTORS },
	{ .name = "ro", .codec = &codec_flag, .attr = SLUICE_A_VOLUME_READ_ONLY },
	{ .name = "block-size", .codec = &codec_u32, .attr = SLUICE_A_VOLUME_BLOCK_SIZE },
	{ .name = "queues", .codec = &codec_u32, .attr = SLUICE_A_VOLUME_QUEUES },
	{ "key", &codec_key, SLUICE_A_VOLUME_KEY_NAME, 0, F_REF, NULL },
	{ "key-before", &codec_key, 0, 0, F_REF, NULL },
	{ "rekey-journal", &codec_path, 0, 0, F_REF, NULL },
	{ "rekey-journal-start", &codec_extent, 0, 0, F_REF, NULL },
	{ "key-wiped", &codec_volume_wiped, SLUICE_A_VOLUME_KEY_WIPED, 0, F_SHOW, NULL },
	{ "cipher-bits", &codec_u32, SLUICE_A_VOLUME_CIPHER_BITS, 0, F_SHOW, NULL },
	{ .name = "sector-size", .codec = &codec_u32, .attr = SLUICE_A_VOLUME_SECTOR_SIZE },
	{ .name = "iv-offset", .codec = &codec_u64, .attr = SLUICE_A_VOLUME_IV_OFFSET },
	{ .name = "allow-discards", .codec = &codec_flag, .attr = SLUICE_A_VOLUME_ALLOW_DISCARDS },
	{ .name = "integrity", .codec = &codec_flag, .attr = SLUICE_A_VOLUME_INTEGRITY },
	{ .name = "record", .codec = &codec_record, .attr = SLUICE_A_VOLUME_RECORD },
	{ .name = "record-start", .codec = &codec_extent, .attr = SLUICE_A_VOLUME_RECORD_START },
	{ .name = "record-new", .codec = &codec_flag, .attr = SLUICE_A_VOLUME_RECORD_NEW },
	{ "record-uuid", &codec_text, SLUICE_A_VOLUME_RECORD_UUID, 0, F_SHOW, NULL },
	{ .name = "resume", .codec = &codec_flag, .attr = SLUICE_A_VOLUME_RESUME },
	{ "unresolved", &codec_flag, SLUICE_A_VOLUME_UNRESOLVED, 0, F_SHOW, NULL },
	{ .name = "wipe", .codec = &codec_erasure, .attr = SLUICE_A_VOLUME_WIPE },
	{ "wipe-bps", &codec_rate, SLUICE_A_VOLUME_WIPE_BPS, 0, F_SHOW, NULL },
	{ "wipe-pause", &codec_switch, SLUICE_A_VOLUME_WIPE_PAUSE, 0, F_SHOW, NULL },
	/* For the tool alone. */
	{ "unrecorded", &codec_flag, 0, 0, F_SHOW, NULL },
	LIMITS,
	MINIMUMS,
	{ .name = "group", .codec = &codec_group, .attr = SLUICE_A_VOLUME_GROUP },
	{ .name = "serial", .codec = &codec_serial, .attr = SLUICE_A_VOLUME_SERIAL },
	RATE("rekey-bps", REKEY_BPS),
	{ .name = "rekey-pause", .codec = &codec_switch, .attr = SLUICE_A_VOLUME_REKEY_PAUSE },
	{ "rekey-key", &codec_key, SLUICE_A_VOLUME_REKEY_KEY_NAME, 0, F_SHOW, NULL },
	{ "rekey-done", &codec_extent, SLUICE_A_VOLUME_REKEY_DONE, 0, F_SHOW, NULL },
	{ "rekey-error", &codec_u32, SLUICE_A_VOLUME_REKEY_ERROR, 0, F_SHOW, NULL },
	{ "journal", &codec_path, SLUICE_A_VOLUME_JOURNAL, 0, F_SHOW, NULL },
	{ "journal-start", &codec_extent, SLUICE_A_VOLUME_JOURNAL_START, 0, F_SHOW, NULL },
	{ "claimed", &codec_flag, SLUICE_A_VOLUME_CLAIMED, 0, F_SHOW, NULL },
	{ "reserved", &codec_extent, SLUICE_A_VOLUME_RESERVED, 0, F_SHOW, NULL },
	{ "ending", &codec_flag, SLUICE_A_VOLUME_ENDING, 0, F_SHOW, NULL },
	{ "dead", &codec_flag, SLUICE_A_VOLUME_DEAD, 0, F_SHOW, NULL },
	{ "quarantine", &codec_text, SLUICE_A_VOLUME_QUARANTINE, 0, F_SHOW, NULL },
	{ "since", &codec_time, SLUICE_A_VOLUME_QUARANTINE_TIME, 0, F_SHOW, NULL },
	{ "writeback", &codec_flag, SLUICE_A_VOLUME_WRITEBACK, 0, F_SHOW, NULL },
	{ "throttled-reads", &codec_u64, SLUICE_A_VOLUME_THROTTLED_READS, 0, F_STAT, NULL },
	{ "throttled-writes", &codec_u64, SLUICE_A_VOLUME_THROTTLED_WRITES, 0, F_STAT, NULL },
	{ "busy-ns", &codec_u64, SLUICE_A_VOLUME_BUSY_NS, 0, F_STAT, NULL },
	{ "polled", &codec_u64, SLUICE_A_VOLUME_POLLED, 0, F_STAT, NULL },
	{ "visits", &codec_u64, SLUICE_A_VOLUME_VISITS, 0, F_STAT, NULL },
	{ "integrity-errors", &codec_u64, SLUICE_A_VOLUME_INTEGRITY_ERRORS, 0, F_STAT, NULL },
	{ "rekey", NULL, SLUICE_A_VOLUME_REKEY, 0, F_SHOW | F_NEST, &object_rekey_state },
	{ "wiping", NULL, SLUICE_A_VOLUME_WIPING, 0, F_SHOW | F_NEST, &object_wiping },
	{ "queue", NULL, SLUICE_A_VOLUME_QUEUE, 0, F_SHOW | F_NEST, &object_volume_queue },
	{ "ops", NULL, SLUICE_A_VOLUME_COUNT, 0, F_STAT | F_NEST, &object_op },
	{ "latency", NULL, SLUICE_A_VOLUME_LATENCY, 0, F_STAT | F_NEST, &object_latency },
};

const struct object object_volume = OBJECT("volume", volume_fields);

static const struct field group_fields[] = {
	{ .name = "name", .codec = &codec_group_name, .attr = SLUICE_A_VOLUME_GROUP },
	LIMITS,
	{ "volumes", &codec_u32, SLUICE_A_VOLUME_VOLUMES, 0, F_SHOW, NULL },
};

const struct object object_volume_group = OBJECT("volume-group", group_fields);

static const struct field rekey_fields[] = {
	{ .name = "name", .codec = &codec_volume, .attr = SLUICE_A_VOLUME_NAME },
	{ "key", &codec_key, SLUICE_A_VOLUME_REKEY_KEY, 0, F_REF, NULL },
	{ .name = "journal", .codec = &codec_path, .attr = SLUICE_A_VOLUME_JOURNAL },
	{ .name = "journal-start", .codec = &codec_extent, .attr = SLUICE_A_VOLUME_JOURNAL_START },
	{ "unrecorded", &codec_flag, 0, 0, F_REF, NULL },
	{ .name = "skip-unreadable", .codec = &codec_flag,
	  .attr = SLUICE_A_VOLUME_SKIP_UNREADABLE },
	{ .name = "adopt", .codec = &codec_flag, .attr = SLUICE_A_VOLUME_ADOPT },
	{ "back", &codec_flag, 0, 0, F_REF, NULL },
	{ "forward", &codec_flag, 0, 0, F_REF, NULL },
};

const struct object object_rekey = OBJECT("rekey", rekey_fields);

static const struct field wipe_fields[] = {
	{ .name = "name", .codec = &codec_volume, .attr = SLUICE_A_VOLUME_NAME },
	{ "fail", &codec_flag, 0, 0, F_REF, NULL },
};

static const struct object object_wipe = OBJECT("key-wipe", wipe_fields);

static const struct field mode_fields[] = {
	{ "mode", &codec_volume_mode, SLUICE_A_VOLUME_MODE, 0, F_BARE, NULL },
};

const struct object object_volume_mode = OBJECT("volume-mode", mode_fields);

/* --- changing -------------------------------------------------------------------------------- */

static bool put_key(struct nl_msg *msg, int attr, const struct rec *r, const char *field)
{
	const char *key = rec_text(r, field);
	int32_t serial;

	if (!*key)
		return true;
	serial = !strcmp(key, VOLUME_KEY_STDIN) ? key_from_stdin(rec_text(r, "name")) :
						  key_find(key);
	return serial && !nla_put_s32(msg, attr, serial);
}

/* What it has elsewhere is as much worth to who tampers. */
bool volume_record_sound(const struct rec *r)
{
	return !rec_has(r, "record") ||
	       integrity_sound("the record of", rec_text(r, "name"), rec_text(r, "record"));
}

bool volume_put_key(struct nl_msg *msg, const struct rec *r)
{
	int32_t before = rec_has(r, "key-before") ? key_seek(rec_text(r, "key-before")) : 0;

	if (rec_has(r, "integrity") &&
	    (!integrity_sound("volume", rec_text(r, "name"), rec_text(r, "dev")) ||
	     !volume_record_sound(r)))
		return false;
	return put_key(msg, SLUICE_A_VOLUME_KEY, r, "key") &&
	       (!before || !nla_put_s32(msg, SLUICE_A_VOLUME_KEY_BEFORE, before));
}

/* No state has them, so they are not sent with what one has. */
static bool put_wipe_pace(struct nl_msg *msg, const struct rec *args)
{
	return (!rec_has(args, "wipe-bps") ||
		!codec_rate.put(msg, SLUICE_A_VOLUME_WIPE_BPS, rec_value(args, "wipe-bps"))) &&
	       (!rec_has(args, "wipe-pause") ||
		!codec_switch.put(msg, SLUICE_A_VOLUME_WIPE_PAUSE, rec_value(args, "wipe-pause")));
}

static bool is_wiped(const struct rec *args)
{
	return rec_has(args, "wipe") && rec_value(args, "wipe")->n != SLUICE_VOLUME_ERASURE_NONE;
}

/* After a crash nobody but a record knows that it is half wiped: that is to be said. */
static bool wipe_said(const struct rec *args)
{
	bool recorded = *rec_text(args, "record") == '/';

	if (rec_has(args, "unrecorded") == (is_wiped(args) && !recorded))
		return true;
	if (rec_has(args, "unrecorded"))
		complain("volume %s: 'unrecorded' is for one that is wiped and has no record",
			 rec_text(args, "name"));
	else
		complain("volume %s has no record: say 'unrecorded', or give it one",
			 rec_text(args, "name"));
	return false;
}

static int add_run(const struct command *c, struct rec *args)
{
	struct nl_msg *msg;

	if (!wipe_said(args))
		return EXIT_REFUSED;
	msg = ctl_new(c->cmd);
	if (!rec_put(msg, args) && put_wipe_pace(msg, args) && volume_put_key(msg, args))
		return ctl_change(msg, args->obj) ? EXIT_DONE : EXIT_REFUSED;
	nlmsg_free(msg);
	return EXIT_REFUSED;
}

bool volume_put_changes(struct nl_msg *msg, const struct rec *r)
{
	return strcmp(rec_text(r, "record"), "none") ||
	       !nla_put_string(msg, SLUICE_A_VOLUME_RECORD, "none");
}

/* What there is of a volume. */
struct has {
	bool record;
	bool integrity;
};

static void has_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_volume);
	struct has *has = arg;
	bool known = rec_get(r, attrs, len);

	has->record = known && *rec_text(r, "record") == '/';
	has->integrity = known && rec_has(r, "integrity");
	rec_free(r);
}

static bool has_what(const struct rec *args, struct has *has)
{
	struct nl_msg *msg = ctl_new(SLUICE_CMD_VOLUME_GET);
	bool changed;

	nla_put_string(msg, SLUICE_A_VOLUME_NAME, rec_text(args, "name"));
	return ctl_dump(msg, has_seen, has, &changed);
}

static int set_run(const struct command *c, struct rec *args)
{
	struct has has = {};
	struct nl_msg *msg;

	if (rec_has(args, "record") &&
	    (!has_what(args, &has) || (has.integrity && !volume_record_sound(args))))
		return EXIT_REFUSED;
	msg = ctl_new(c->cmd);
	if (!rec_put(msg, args) && put_wipe_pace(msg, args) && volume_put_changes(msg, args))
		return ctl_change(msg, args->obj) ? EXIT_DONE : EXIT_REFUSED;
	nlmsg_free(msg);
	return EXIT_REFUSED;
}

/* Without a record nobody but the journal knows how far it is: that is to be said. */
static bool rekey_said(const struct rec *args)
{
	struct has has = {};

	if (!has_what(args, &has))
		return false;
	if (has.record != rec_has(args, "unrecorded"))
		return true;
	complain(has.record ? "volume %s has a record: leave out 'unrecorded'" :
			    "volume %s has no record: say 'unrecorded', as for one that goes on, or give it one first",
		 rec_text(args, "name"));
	return false;
}

/* One that is under way is turned round by its name alone; all else needs what goes with it. */
static int rekey_check(const struct rec *args)
{
	bool turns = rec_has(args, "back") || rec_has(args, "forward");
	bool key = rec_has(args, "key"), journal = rec_has(args, "journal");

	if (rec_has(args, "back") && rec_has(args, "forward"))
		complain("back, or forward");
	else if (!key && (!turns || journal))
		complain("key is missing");
	else if (!journal && (!turns || key))
		complain("journal is missing");
	else
		return !key || rekey_said(args) ? EXIT_DONE : EXIT_REFUSED;
	return EXIT_USAGE;
}

bool volume_rekey(const struct rec *args)
{
	struct has has = {};
	struct nl_msg *msg;

	if (!has_what(args, &has))
		return false;
	/* What a journal holds may be written to the volume after a crash. */
	if (has.integrity && rec_has(args, "journal") &&
	    !integrity_sound("the journal of", rec_text(args, "name"), rec_text(args, "journal")))
		return false;
	msg = ctl_new(SLUICE_CMD_VOLUME_REKEY);
	if (rec_has(args, "back") || rec_has(args, "forward"))
		nla_put_u8(msg, SLUICE_A_VOLUME_REKEY_BACK, rec_has(args, "back"));
	if (!rec_put(msg, args) && put_key(msg, SLUICE_A_VOLUME_REKEY_KEY, args, "key"))
		return ctl_change(msg, args->obj);
	nlmsg_free(msg);
	return false;
}

static int rekey_run(const struct command *c, struct rec *args)
{
	int ret = rekey_check(args);

	(void)c;
	return ret ?: volume_rekey(args) ? EXIT_DONE : EXIT_REFUSED;
}

/* --- removing, with its key ------------------------------------------------------------------ */

/* What the key of a volume was called when it got it; NULL: it has none, or there is none. */
struct key_search {
	const char *volume;
	char *key;
};

static void key_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_volume);
	struct key_search *s = arg;

	if (rec_get(r, attrs, len) && rec_has(r, "key") && !s->key &&
	    !strcmp(rec_text(r, "name"), s->volume))
		s->key = xstrdup(rec_text(r, "key"));
	rec_free(r);
}

static bool del_with_key(struct nl_msg *msg, const char *name)
{
	struct key_found *found = xcalloc(KEYS_MAX, sizeof(*found));
	unsigned int i, n = keys_find(found, KEYS_MAX);
	int32_t *serials = xcalloc(KEYS_MAX, sizeof(*serials));
	bool ok;

	for (i = 0; i < n; i++)
		serials[i] = found[i].serial;
	nla_put(msg, SLUICE_A_VOLUME_WIPE_KEYS, n * sizeof(*serials), serials);
	ok = ctl_do(msg, NULL, NULL) && keys_say_gone(found, n, name);
	free(serials);
	free(found);
	return ok;
}

static int del_run(const struct command *c, struct rec *args)
{
	struct key_search s = { .volume = rec_word(args, "name") };
	bool key = rec_has(args, "wipe") &&
		   rec_value(args, "wipe")->n == SLUICE_VOLUME_ERASURE_KEY;
	struct nl_msg *msg;
	bool ok, changed;

	if (key && !ctl_dump(ctl_new(SLUICE_CMD_VOLUME_GET), key_seen, &s, &changed))
		return EXIT_REFUSED;
	msg = ctl_new(c->cmd);
	rec_put(msg, args);
	put_wipe_pace(msg, args);
	/* Of one that has none the kernel says so. */
	ok = s.key ? del_with_key(msg, s.key) : ctl_do(msg, NULL, NULL);
	free(s.key);
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

static int wipe_run(const struct command *c, struct rec *args)
{
	struct nl_msg *msg = ctl_new(c->cmd);

	rec_put(msg, args);
	nla_put_u8(msg, SLUICE_A_VOLUME_KEY_WIPED,
		   rec_has(args, "fail") ? SLUICE_VOLUME_WIPED_FAILS : SLUICE_VOLUME_WIPED_WAITS);
	return ctl_do(msg, NULL, NULL) ? EXIT_DONE : EXIT_REFUSED;
}

/* One that is being re-encrypted needs both. */
static int resume_run(const struct command *c, struct rec *args)
{
	struct nl_msg *msg;

	if (!strcmp(rec_text(args, "key"), VOLUME_KEY_STDIN) &&
	    !strcmp(rec_text(args, "key-before"), VOLUME_KEY_STDIN)) {
		complain("standard input has one key: name the other one");
		return EXIT_USAGE;
	}
	msg = ctl_new(c->cmd);
	nla_put_string(msg, SLUICE_A_VOLUME_NAME, rec_text(args, "name"));
	if (put_key(msg, SLUICE_A_VOLUME_KEY, args, "key") &&
	    put_key(msg, SLUICE_A_VOLUME_KEY_BEFORE, args, "key-before"))
		return ctl_do(msg, NULL, NULL) ? EXIT_DONE : EXIT_REFUSED;
	nlmsg_free(msg);
	return EXIT_REFUSED;
}

static int mode_run(const struct command *c, struct rec *args)
{
	struct nl_msg *msg;

	if (!args->has)
		return show_reply(&object_volume_mode, ctl_new(SLUICE_CMD_VOLUME_MODE_GET));
	msg = ctl_new(c->cmd);
	rec_put(msg, args);
	return ctl_do(msg, NULL, NULL) ? EXIT_DONE : EXIT_REFUSED;
}

/* --- showing --------------------------------------------------------------------------------- */

static void set_number(struct rec *r, const char *field, uint64_t n)
{
	int i = rec_field(r->obj, field);

	r->v[i].n = n;
	r->has |= FIELD(i);
}

static void latency_work_out(struct rec *latency)
{
	const struct value *list = rec_value(latency, "buckets");
	uint64_t buckets[VOLUME_BUCKETS], total = 0;
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		buckets[i] = list->item[i].n;
		total += buckets[i];
	}
	set_number(latency, "requests", total);
	set_number(latency, "p50", histogram_quantile(buckets, list->nr, 500));
	set_number(latency, "p95", histogram_quantile(buckets, list->nr, 950));
	set_number(latency, "p99", histogram_quantile(buckets, list->nr, 990));
	set_number(latency, "p999", histogram_quantile(buckets, list->nr, 999));
}

static void volume_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_volume);
	const struct value *latency;
	unsigned int i;

	(void)arg;
	if (rec_get(r, attrs, len)) {
		latency = rec_value(r, "latency");
		for (i = 0; i < latency->nr; i++)
			latency_work_out(latency->rec[i]);
		show_item(r, 0);
	} else {
		complain("the kernel said something that this tool does not understand");
	}
	rec_free(r);
}

static void group_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_volume_group);

	(void)arg;
	if (rec_get(r, attrs, len))
		show_item(r, 0);
	else
		complain("the kernel said something that this tool does not understand");
	rec_free(r);
}

/* All, or one of them: its name is a filter. */
static int show_all(const struct command *c, struct rec *args,
		    void (*seen)(struct nlattr *attrs, int len, void *arg))
{
	struct nl_msg *msg = ctl_new(c->cmd);
	bool ok, changed = false;

	rec_put(msg, args);
	show_begin();
	ok = ctl_dump(msg, seen, NULL, &changed);
	show_end();
	if (changed)
		complain("warning: it changed meanwhile, so this is not of one moment");
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

static int volumes_show(const struct command *c, struct rec *args)
{
	return show_all(c, args, volume_seen);
}

static int groups_show(const struct command *c, struct rec *args)
{
	return show_all(c, args, group_seen);
}

const struct command volume_commands[] = {
	{ "volume", "add", SLUICE_CMD_VOLUME_ADD, &object_volume,
	  "@name! dev! start size ro block-size queues key sector-size iv-offset allow-discards integrity record record-start record-new resume read-iops read-iops-burst read-iops-peak read-bps read-bps-burst read-bps-peak write-iops write-iops-burst write-iops-peak write-bps write-bps-burst write-bps-peak iops-unit read-iops-min read-bps-min write-iops-min write-bps-min group serial rekey-bps rekey-pause wipe wipe-bps wipe-pause unrecorded",
	  add_run, NULL, "make a volume of a block device; key -: from standard input" },
	{ "volume", "set", SLUICE_CMD_VOLUME_SET, &object_volume,
	  "@name! size+ read-iops+ read-iops-burst+ read-iops-peak+ read-bps+ read-bps-burst+ read-bps-peak+ write-iops+ write-iops-burst+ write-iops-peak+ write-bps+ write-bps-burst+ write-bps-peak+ iops-unit+ read-iops-min+ read-bps-min+ write-iops-min+ write-bps-min+ group+ serial+ record+ record-start record-new resume rekey-bps+ rekey-pause+ wipe-bps+ wipe-pause+",
	  set_run, NULL,
	  "change limits (bps in bytes; 0: none), size (0: to the end), group, serial, record" },
	{ "volume", "rekey", SLUICE_CMD_VOLUME_REKEY, &object_rekey,
	  "@name! key journal journal-start unrecorded skip-unreadable adopt back forward",
	  rekey_run, NULL,
	  "encrypt it with another key, while it is in use; back: with the old one again" },
	{ "volume", "key-wipe", SLUICE_CMD_VOLUME_KEY_WIPE, &object_wipe, "@name! fail", wipe_run,
	  NULL, "have no key of it in memory: requests wait for that, or fail" },
	{ "volume", "key-resume", SLUICE_CMD_VOLUME_KEY_RESUME, &object_volume,
	  "@name! key! key-before", resume_run, NULL,
	  "let it go on, with the key that it had; key -: from standard input; "
	  "being re-encrypted: with both, key is the one that it gets" },
	{ "volume", "del", SLUICE_CMD_VOLUME_DEL, &object_volume,
	  "@name! wipe wipe-bps wipe-pause", del_run, NULL,
	  "remove a volume that nobody has; wipe: first what it has, or its key" },
	{ "volume", "hold", SLUICE_CMD_VOLUME_HOLD, &object_volume, "@name!", NULL, NULL,
	  "take nothing new from its rings" },
	{ "volume", "release", SLUICE_CMD_VOLUME_RELEASE, &object_volume, "@name!", NULL, NULL,
	  "let one go on that is held" },
	{ "volume", "show", SLUICE_CMD_VOLUME_GET, &object_volume, "@name", volumes_show, NULL,
	  "show volumes" },
	{ "volume", "mode", SLUICE_CMD_VOLUME_MODE_SET, &object_volume_mode, "@mode", mode_run,
	  NULL, "attach volumes without key and report it, or not; without an argument: show" },
	{ "volume-group", "add", SLUICE_CMD_VOLUME_GROUP_ADD, &object_volume_group,
	  "@name! read-iops read-iops-burst read-iops-peak read-bps read-bps-burst read-bps-peak write-iops write-iops-burst write-iops-peak write-bps write-bps-burst write-bps-peak iops-unit",
	  NULL, NULL, "make a group of volumes that have limits together" },
	{ "volume-group", "set", SLUICE_CMD_VOLUME_GROUP_SET, &object_volume_group,
	  "@name! read-iops+ read-iops-burst+ read-iops-peak+ read-bps+ read-bps-burst+ read-bps-peak+ write-iops+ write-iops-burst+ write-iops-peak+ write-bps+ write-bps-burst+ write-bps-peak+ iops-unit+",
	  NULL, NULL, "change its limits" },
	{ "volume-group", "del", SLUICE_CMD_VOLUME_GROUP_DEL, &object_volume_group, "@name!",
	  NULL, NULL, "remove one in which no volume is" },
	{ "volume-group", "show", SLUICE_CMD_VOLUME_GROUP_GET, &object_volume_group, "@name",
	  groups_show, NULL, "show groups" },
	{}
};
