/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tool's own contracts.
 *
 * Everything that can be configured is an object: a table of fields, each with a codec that knows a
 * value's text, JSON and netlink form. A command says which fields of which object it takes. So an
 * object's table is all there is to know for parsing, showing, dumping and applying it.
 */
#ifndef _SLUICE_TOOL_H
#define _SLUICE_TOOL_H

#include <json-c/json.h>
#include <linux/sluice.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit codes. */
enum { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, EXIT_HELD_BACK, EXIT_DIFFERS };

/* Global options. */
struct options {
	bool json;
	bool stats;
};

extern struct options opt;

/* --- values ---------------------------------------------------------------------------------- */

/**
 * struct value - one value of any kind
 * @n: number, or the lower end of a range
 * @mask: its mask, or the upper end
 * @bytes: MAC, address or short text
 * @text: long text, allocated
 * @bmask: mask of @bytes
 * @family: AF_INET or AF_INET6
 * @len: prefix length
 * @act: attribute of an action; the other members are its argument
 * @nr: number of @item
 * @item: of a list
 * @rec: of a list of objects
 */
struct value {
	uint64_t n;
	uint64_t mask;
	uint8_t bytes[64];
	char *text;
	uint8_t bmask[16];
	uint8_t family;
	uint8_t len;
	uint8_t act;
	unsigned int nr;
	struct value *item;
	struct rec **rec;
};

/**
 * struct codec - a kind of value
 * @what: for the usage text
 * @number: JSON has it as a number
 * @parse: from text; false if it is not of this kind
 * @format: to text
 * @put: to netlink
 * @get: from netlink
 * @put2: the second half (mask, end of a range); NULL if there is none
 * @get2: likewise
 * @rule: what else it has to be, for whoever said something else; NULL if @what says all
 * @words: those that it may be, NULL at the end; NULL: there are none
 * @any: "any" is said of it for what need not be said
 */
struct codec {
	const char *what;
	bool number;
	bool (*parse)(const char *text, struct value *v);
	void (*format)(const struct value *v, char *buf, size_t size);
	int (*put)(struct nl_msg *msg, int attr, const struct value *v);
	bool (*get)(const struct nlattr *nla, struct value *v);
	int (*put2)(struct nl_msg *msg, int attr, const struct value *v);
	bool (*get2)(const struct nlattr *nla, struct value *v);
	const char *rule;
	const char *const *words;
	bool any;
};

extern const struct codec codec_u8, codec_u16, codec_u32, codec_u64, codec_rate, codec_bits;
extern const struct codec codec_id, codec_name, codec_text, codec_flag;
extern const struct codec codec_dir, codec_mode, codec_verdict, codec_kind, codec_proto;
extern const struct codec codec_link;
extern const struct codec codec_eth_type, codec_icmp_type, codec_range, codec_acl_flags;
extern const struct codec codec_icmp_code, codec_match_icmp, codec_match_port;
extern const struct codec codec_mac, codec_prefix;
extern const struct codec codec_match_u8, codec_match_u16, codec_match_mac, codec_match_addr;
extern const struct codec codec_match_vlan, codec_match_dscp, codec_match_frag;
extern const struct codec codec_match_proto, codec_match_eth_type, codec_match_flags;
extern const struct codec codec_match_name, codec_arp_op, codec_act;
extern const struct codec codec_volume, codec_group, codec_path, codec_key, codec_serial;
extern const struct codec codec_group_name, codec_key_name;
extern const struct codec codec_record, codec_extent, codec_volume_mode, codec_volume_wiped;
extern const struct codec codec_erasure;
extern const struct codec codec_block_op, codec_block_stage, codec_buckets, codec_ns, codec_amount;
extern const struct codec codec_time, codec_bytes, codec_switch, codec_seconds;
extern const struct codec codec_keyring, codec_count;
extern const struct codec codec_vlan_range, codec_guard_role, codec_guard_mode;
extern const struct codec codec_link_control;
extern const struct codec codec_acl_vlan, codec_ip_option;

/* What several codecs need. */
bool parse_number(const char *text, uint64_t max, uint64_t *n);
/* A number, or the name of a service in /etc/services. */
bool parse_service(const char *text, uint64_t *n);
bool parse_addr(const char *text, uint8_t *family, uint8_t addr[16]);
void format_addr(uint8_t family, const uint8_t addr[16], char *buf, size_t size);
bool parse_mac(const char *text, uint8_t mac[6]);
void format_mac(const uint8_t mac[6], char *buf, size_t size);
bool parse_word(const char *const *words, size_t nr, const char *text, struct value *v);
void format_word(const char *const *words, size_t nr, const struct value *v, char *buf,
		 size_t size);
int put_u8(struct nl_msg *msg, int attr, const struct value *v);
int put_uint(struct nl_msg *msg, int attr, const struct value *v);
int put_text(struct nl_msg *msg, int attr, const struct value *v);
bool get_number(const struct nlattr *nla, struct value *v);
bool get_text(const struct nlattr *nla, struct value *v);
bool parse_text(const char *text, struct value *v);
void format_text(const struct value *v, char *buf, size_t size);
void format_number(const struct value *v, char *buf, size_t size);

/* A kind of value that is one of some words; a number on the wire. */
#define WORDS(name, what, ...)                                                          \
	static const char *const words_##name[] = { __VA_ARGS__, NULL };                \
	static bool parse_##name(const char *text, struct value *v)                     \
	{                                                                               \
		return parse_word(words_##name, ARRAY_SIZE(words_##name) - 1, text, v); \
	}                                                                               \
	static void format_##name(const struct value *v, char *buf, size_t size)        \
	{                                                                               \
		format_word(words_##name, ARRAY_SIZE(words_##name) - 1, v, buf, size);  \
	}                                                                               \
	const struct codec codec_##name = { what,	   false,  parse_##name,        \
					    format_##name, put_u8, get_number,          \
					    .words = words_##name }

/* --- objects --------------------------------------------------------------------------------- */

#define F_STAT (1U << 0) /* shown with -s only (JSON: always) */
#define F_SHOW (1U << 1) /* what the kernel says: no part of a declared state */
#define F_BARE (1U << 2) /* the value stands without the field's name */
#define F_MULTI (1U << 3) /* comes several times; a JSON array */
#define F_LIST (1U << 4) /* comes once, values with commas between; a JSON array */
#define F_MATCH (1U << 5) /* goes into the nests key and mask */
#define F_NEST (1U << 6) /* objects of its own */
#define F_ORDER (1U << 7) /* a list: its attributes are in the nest in their order */
#define F_REF (1U << 8) /* what is sent instead is looked up by the command */
#define F_JSON (1U << 9) /* not in text */
#define F_COMMA (1U << 10) /* F_MULTI of which a word may hold several, with commas between */
#define F_SAID (1U << 11) /* the last: a sentence about what stands before it */

/**
 * struct field - a field of an object
 * @name: on the command line and in JSON
 * @codec: kind of value
 * @attr: netlink attribute
 * @attr2: of the second half, 0 if it has none or the mask nest has it
 * @flags: F_*
 * @sub: F_NEST: of these objects
 */
struct field {
	const char *name;
	const struct codec *codec;
	int attr;
	int attr2;
	unsigned int flags;
	const struct object *sub;
};

/* In a set of an object's fields. */
#define FIELD(i) ((__uint128_t)1 << (i))
#define FIELDS_MAX 128

/**
 * struct object - a noun
 * @name: of it
 * @fields: in the order in which they are shown
 * @nr_fields: number of them, FIELDS_MAX at most
 */
struct object {
	const char *name;
	const struct field *fields;
	unsigned int nr_fields;
};

#define OBJECT(noun, table)                                                       \
	{                                                                         \
		.name = (noun), .fields = (table), .nr_fields = ARRAY_SIZE(table) \
	}

/**
 * struct rec - an object's values
 * @obj: kind
 * @has: those that have a value
 * @v: values, as many as fields
 */
struct rec {
	const struct object *obj;
	__uint128_t has;
	struct value v[];
};

struct rec *rec_new(const struct object *obj);
void rec_free(struct rec *r);
int rec_field(const struct object *obj, const char *name);
bool rec_has(const struct rec *r, const char *name);
/* Text of a field, all values of a list. Allocated. */
char *rec_field_text(const struct rec *r, unsigned int field);
/* The value of a field that is there. */
struct value *rec_value(const struct rec *r, const char *name);
/* Text of one field; "" if it has no value. Static buffers, used in turn. */
const char *rec_text(const struct rec *r, const char *name);
/* Set from text; prints what is wrong. */
bool rec_set(struct rec *r, unsigned int field, const char *text);
bool rec_from_json(struct rec *r, struct json_object *json, bool declared);
struct json_object *rec_to_json(const struct rec *r, bool declared);
void rec_print(const struct rec *r, unsigned int skip);
/* Declared fields as one text, the same for equal objects. @but: without this field. Allocated. */
char *rec_canon(const struct rec *r, const char *but);
int rec_put(struct nl_msg *msg, const struct rec *r);
bool rec_get(struct rec *r, struct nlattr *attrs, int len);

extern const struct object object_port, object_uplink, object_wire, object_guard, object_acl;
extern const struct object object_acl_default, object_rate, object_meter, object_flow;
extern const struct object object_worker, object_assign, object_stats, object_version, object_event;
extern const struct object object_queue, object_volume, object_volume_mode, object_top;
extern const struct object object_volume_group, object_rekey, object_check;
/* A value's text is no longer, the terminating zero included. */
#define TEXT_MAX 4352

/* --- commands -------------------------------------------------------------------------------- */

/**
 * struct command - something that the operator can say
 * @noun: first word
 * @verb: second word; NULL if the noun says it all
 * @cmd: SLUICE_CMD_*
 * @obj: object whose fields are arguments
 * @args: names of fields: "@" ahead: without its name, in this order; "!" behind: must be there;
 *	"+" behind: at least one of those so marked
 * @run: what it does; NULL: sends the arguments
 * @fixed: "name=value" that is sent too
 * @help: one line
 */
struct command {
	const char *noun;
	const char *verb;
	int cmd;
	const struct object *obj;
	const char *args;
	int (*run)(const struct command *c, struct rec *args);
	const char *fixed;
	const char *help;
};

extern const struct command port_commands[], wire_commands[], guard_commands[], acl_commands[];
extern const struct command rate_commands[], flow_commands[], worker_commands[], other_commands[];
extern const struct command volume_commands[], key_commands[], tenant_commands[];
extern const struct command *const command_tables[];

/* Verb of what sends this; NULL: none does. */
const char *command_verb(int cmd);
/* Run one line of words; an exit code. */
int command_run(int argc, char **argv);
/* Is all there that the command must have? */
bool command_complete(const char *noun, const char *verb, const struct rec *r);
void command_usage(const char *noun, const char *verb, bool to_stderr);
/* Of what the tool itself is. */
void command_version(void);
/* What a command without a run function does. */
int command_send(const struct command *c, struct rec *args);
/* Is a ring of the port, or of the volume, attached? */
bool queues_attached(const struct rec *r);
/* Fill in what the operator's words imply. */
void flow_imply(struct rec *r);
/* A name that ICMP and ICMPv6 number each its own way. Complains if it is the other one's. */
bool icmp_settle(struct rec *r);
/* @mode: of a guard that does not say it */
void guard_imply(struct rec *r, const char *mode);

/* One object after the other: the common show command. */
int show_run(const struct command *c, struct rec *args);
/* List of what is shown, as text or JSON. */
void show_begin(void);
void show_item(const struct rec *r, unsigned int skip);
void show_end(void);

/* The answer to a request for one object. */
int show_reply(const struct object *obj, struct nl_msg *msg);

int top_run(const struct command *c, struct rec *args);
int check_run(const struct command *c, struct rec *args);
int monitor_run(const struct command *c, struct rec *args);
int dump_run(const struct command *c, struct rec *args);
/* @diff: say what would be done, and do nothing. */
int apply_files(int nr, char **paths, bool diff);
/* What udev is to know of a device by these names. */
int udev_run(int nr, char **names);
int batch_file(const char *path);

/* --- transport ------------------------------------------------------------------------------- */

/* All print what is wrong and return false, unless said otherwise. */
bool ctl_open(void);
/* Does the kernel know of Sluice? Prints nothing. */
bool ctl_there(void);
void ctl_close(void);
struct nl_msg *ctl_new(int cmd);
/* Send, wait for the end; @cb gets each answer's attributes. Frees @msg. */
bool ctl_do(struct nl_msg *msg, void (*cb)(struct nlattr *attrs, int len, void *arg), void *arg);
/* Likewise, without answers: a number that is out of its range is called by the object's field. */
bool ctl_change(struct nl_msg *msg, const struct object *obj);
/* As ctl_do(), all objects of a kind. *@changed: what was read is not of one moment. */
bool ctl_dump(struct nl_msg *msg, void (*cb)(struct nlattr *attrs, int len, void *arg), void *arg,
	      bool *changed);
/* May the caller see them? Prints nothing: what else is wrong is found when it is asked for. */
bool ctl_may_dump(int cmd);

/* Several changes as one. @what says, for the message, which change a number is about. */
bool ctl_txn_begin(void);
bool ctl_txn_add(struct nl_msg *msg);
bool ctl_txn_commit(char *(*what)(unsigned int nr, void *arg), void *arg);
/* Forget them; if one of them was refused already, say why. */
void ctl_txn_abort(char *(*what)(unsigned int nr, void *arg), void *arg);

/* Call @cb for each event until there is an error, and @ready when @also, if it is not -1, is. */
bool ctl_listen(void (*cb)(struct nlattr *attrs, int len, void *arg), void *arg, int also,
		void (*ready)(int fd));

/* --- lists ----------------------------------------------------------------------------------- */

/**
 * struct list - objects of a kind
 * @v: they
 * @nr: number of them
 */
struct list {
	struct rec **v;
	size_t nr;
};

/* All add what the kernel answers, and print what is wrong. */
bool list_ask(struct list *l, struct nl_msg *msg, const struct object *obj);
bool list_dump(struct list *l, struct nl_msg *msg, const struct object *obj);
bool list_read(struct list *l, int cmd, const struct object *obj);
void list_free(struct list *l);
/* The object whose field has this text; NULL: there is none. */
const struct rec *list_find(const struct list *l, const char *field, const char *text);
/* A name or a text of an object, which lasts as long as that; "" if it has none. */
const char *rec_word(const struct rec *r, const char *field);
/* A number of it; 0 if it has none, or if there is no object. */
uint64_t rec_count(const struct rec *r, const char *field);
/* One that was made anew under the same name counts from 0. */
uint64_t count_grown(uint64_t before, uint64_t now);

/* --- volumes and keys ------------------------------------------------------------------------- */

#define VOLUME_BUCKETS 64
#define VOLUME_KEY_STDIN "-"

/* Time, in ns, that a share (in thousandths) of what a histogram counts did not exceed. */
uint64_t histogram_quantile(const uint64_t *buckets, unsigned int nr, unsigned int permille);
/* What is sent for a field that is F_REF. Complains. */
bool volume_put_key(struct nl_msg *msg, const struct rec *r);
/* Encrypt it with another key, as "volume rekey" does. Complains. */
bool volume_rekey(const struct rec *args);
/*
 * Does the device find out what was tampered with? Complains of @what, a volume or a journal, if
 * not, or if it does so only half.
 */
bool integrity_sound(const char *what, const char *name, const char *path);
/* Is what a volume with integrity says of its record such a device? Complains. */
bool volume_record_sound(const struct rec *r);
/* What a change of a volume says beyond rec_put(): that it is to have no record. */
bool volume_put_changes(struct nl_msg *msg, const struct rec *r);
/* Serial number of a key that is there, by "type:description"; 0 with a complaint. */
int32_t key_find(const char *name);
/* Likewise, of one that need not be there: 0 without one. */
int32_t key_seek(const char *name);

/* A key that may be a volume's, and that the caller can see: "type:description". */
struct key_found {
	int32_t serial;
	char name[128];
};

/* The kernel looks which of them are a volume's; so many it takes. */
#define KEYS_MAX 1024

/*
 * How many there are, @max at most. say_gone: which of them are gone by now, of the key of that
 * name; false: none, and there is one of that name.
 */
unsigned int keys_find(struct key_found *found, unsigned int max);
bool keys_say_gone(const struct key_found *found, unsigned int n, const char *name);
/*
 * Serial number of a key that standard input has and that lasts as long as this process; 0 with a
 * complaint.
 */
int32_t key_from_stdin(const char *name);

/* --- words that nobody knows ------------------------------------------------------------------ */

/**
 * struct near - what may have been meant by a word
 * @word: it
 * @best: what it is most like; NULL: like none of those that were tried
 * @far: how many letters are other ones in that
 */
struct near {
	const char *word;
	const char *best;
	unsigned int far;
};

void near_try(struct near *n, const char *candidate);
/* ": did you mean '...'?"; "" if nothing is like it. A static buffer. */
const char *near_text(const struct near *n);

/* --- messages -------------------------------------------------------------------------------- */

/* "sluice: ...", after the line's number in a batch. */
__attribute__((format(printf, 1, 2))) void complain(const char *fmt, ...);
/* The line of a batch, from 1; 0 without one. Does it come from standard input? */
extern unsigned int batch_line;
extern bool batch_stdin;
void *xcalloc(size_t nr, size_t size);
char *xstrdup(const char *s);

#endif /* _SLUICE_TOOL_H */
