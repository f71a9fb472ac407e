// SPDX-License-Identifier: GPL-2.0-only
/* What the operator can say: finding a command, its arguments, its usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sluice.h"

const struct command *const command_tables[] = {
	port_commands, wire_commands,	guard_commands, acl_commands, rate_commands,
	flow_commands, worker_commands, volume_commands, key_commands,
	tenant_commands, other_commands, NULL,
};

/* --- a command's arguments ------------------------------------------------------------------- */

/**
 * struct arg - an argument, out of struct command.args
 * @field: of the object
 * @place: by its place, without its name
 * @must: may not be left out
 * @some: one of those must be there
 * @either: likewise, and the kernel takes no two of them
 */
struct arg {
	unsigned int field;
	bool place;
	bool must;
	bool some;
	bool either;
};

static unsigned int args_parse(const struct command *c, struct arg *args)
{
	const char *s = c->args;
	unsigned int n = 0;
	char name[32];

	for (s += strspn(s, " "); *s; s += strspn(s, " ")) {
		size_t len;
		int field;

		memset(&args[n], 0, sizeof(*args));
		args[n].place = *s == '@';
		s += args[n].place;
		len = strcspn(s, " !+|");
		snprintf(name, sizeof(name), "%.*s", (int)len, s);
		field = rec_field(c->obj, name);
		if (field < 0)
			abort();
		s += len;
		args[n].must = *s == '!';
		args[n].some = *s == '+';
		args[n].either = *s == '|';
		s += strcspn(s, " ");
		args[n++].field = field;
	}
	return n;
}

#define MAX_ARGS FIELDS_MAX

/* --- usage ----------------------------------------------------------------------------------- */

static void usage_value(const struct command *c, const struct arg *a, FILE *out)
{
	const struct field *f = &c->obj->fields[a->field];

	if (a->place)
		fputs(c->obj == &object_wire ? "PORT" : f->codec->what, out);
	else if (f->flags & F_BARE)
		fputs(f->codec->what, out);
	else if (f->codec == &codec_flag)
		fputs(f->name, out);
	else
		fprintf(out, "%s %s", f->name, f->codec->what);
	if (f->flags & (F_LIST | F_COMMA))
		fprintf(out, "[,%s]...", f->codec->what);
}

/* Between those of which there can be but one stands a bar. */
static void usage_args(const struct command *c, FILE *out)
{
	struct arg args[MAX_ARGS];
	unsigned int i, n = args_parse(c, args);

	for (i = 0; i < n; i++) {
		bool optional = !args[i].must && !args[i].either;

		fputs(i && args[i].either && args[i - 1].either ? "|" : " ", out);
		fputs(optional ? "[" : "", out);
		usage_value(c, &args[i], out);
		fputs(optional ? "]" : "", out);
		if (c->obj->fields[args[i].field].flags & F_MULTI)
			fputs("...", out);
	}
}

static void usage_acts(FILE *out)
{
	fputs("    ACT: output:PORT drop slow push-vlan:ID[:PRIO] pop-vlan set-vlan:ID[:PRIO]\n"
	      "         set-eth-src:MAC set-eth-dst:MAC set-src:IP set-dst:IP set-ttl:N set-dscp:N\n"
	      "         set-sport:N set-dport:N meter:ID\n",
	      out);
}

static bool usage_noun(const char *noun, const char *verb, FILE *out)
{
	const struct command *const *table, *c;
	bool found = false;

	for (table = command_tables; *table; table++) {
		for (c = *table; c->noun; c++) {
			if (noun && strcmp(c->noun, noun))
				continue;
			if (verb && (!c->verb || strcmp(c->verb, verb)))
				continue;
			found = true;
			fprintf(out, "  sluice %s%s%s", c->noun, c->verb ? " " : "",
				c->verb ? c->verb : "");
			if (noun) {
				usage_args(c, out);
				fprintf(out, "\n      %s\n", c->help);
			} else {
				fprintf(out, "%*s%s\n",
					(int)(24 - strlen(c->noun) -
					      (c->verb ? strlen(c->verb) + 1 : 0)),
					"", c->help);
			}
			if (noun && c->cmd == SLUICE_CMD_FLOW_ADD)
				usage_acts(out);
		}
	}
	return found;
}

void command_usage(const char *noun, const char *verb, bool to_stderr)
{
	FILE *out = to_stderr ? stderr : stdout;

	if (noun && usage_noun(noun, verb, out))
		return;
	if (noun && verb && usage_noun(noun, NULL, out))
		return;
	fputs("usage: sluice [-j] [-s] COMMAND ...      sluice [-j] [-s] -b FILE|-\n\n", out);
	usage_noun(NULL, NULL, out);
	fputs("  sluice apply FILE|-...      make the state what files declare, or change nothing\n"
	      "  sluice apply --each [--on /dev/...] FILE|-...\n"
	      "                              likewise, but each volume by itself; or only those on a device\n"
	      "\n"
	      "  -j JSON    -s with statistics    -b FILE commands, a line each    -h, help this text\n"
	      "'sluice NOUN help' says more. Exit code: 0 done, 1 refused, 2 not understood,\n"
	      "3 all but some volumes.\n",
	      out);
}

static bool choice(const struct arg *a)
{
	return a->some || a->either;
}

/* Of some arguments one must be there: which they are, if none is. */
static bool choice_made(const struct command *c, const struct rec *r, const struct arg *args,
			unsigned int n)
{
	char names[256] = "";
	unsigned int i, len = 0;

	for (i = 0; i < n; i++) {
		if (!choice(&args[i]))
			continue;
		if (r->has & FIELD(args[i].field))
			return true;
		len += snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
				c->obj->fields[args[i].field].name);
	}
	if (len)
		complain("one of these is missing: %s", names);
	return !len;
}

static bool args_complete(const struct command *c, const struct rec *r)
{
	struct arg args[MAX_ARGS];
	unsigned int i, n = args_parse(c, args);

	for (i = 0; i < n; i++) {
		if (args[i].must && !(r->has & FIELD(args[i].field))) {
			complain("%s is missing", c->obj->fields[args[i].field].name);
			return false;
		}
	}
	return choice_made(c, r, args, n);
}

/* --- running --------------------------------------------------------------------------------- */

static const struct command *command_find(const char *noun, const char *verb, bool *verb_used)
{
	const struct command *const *table, *c;

	for (table = command_tables; *table; table++) {
		for (c = *table; c->noun; c++) {
			if (strcmp(c->noun, noun))
				continue;
			*verb_used = c->verb;
			if (!c->verb || (verb && !strcmp(c->verb, verb)))
				return c;
		}
	}
	return NULL;
}

const char *command_verb(int cmd)
{
	const struct command *const *table, *c;

	for (table = command_tables; *table; table++) {
		for (c = *table; c->noun; c++) {
			if (c->cmd == cmd)
				return c->verb;
		}
	}
	return NULL;
}

bool command_complete(const char *noun, const char *verb, const struct rec *r)
{
	bool verb_used;

	return args_complete(command_find(noun, verb, &verb_used), r);
}

static bool noun_known(const char *noun)
{
	const struct command *const *table, *c;

	for (table = command_tables; *table; table++) {
		for (c = *table; c->noun; c++) {
			if (!strcmp(c->noun, noun))
				return true;
		}
	}
	return false;
}

/* Which argument does a word stand for? A name, a bare value, or the next by its place. */
static struct arg *arg_for(const struct command *c, struct rec *r, struct arg *args, unsigned int n,
			   const char *word, bool *named)
{
	unsigned int i;

	*named = true;
	for (i = 0; i < n; i++) {
		const struct field *f = &c->obj->fields[args[i].field];

		if (!args[i].place && !(f->flags & F_BARE) && !strcmp(f->name, word))
			return &args[i];
	}
	*named = false;
	for (i = 0; i < n; i++) {
		const struct field *f = &c->obj->fields[args[i].field];
		struct value v = {};

		if (r->has & FIELD(args[i].field))
			continue;
		if (args[i].place || (f->flags & F_BARE && f->codec->parse(word, &v)))
			return &args[i];
	}
	return NULL;
}

/* A list may have spaces behind its commas: take words as long as there are. */
static bool set_list(struct rec *r, unsigned int field, int *argc, char ***argv)
{
	char text[1024] = "";
	size_t len = 0;

	while (*argc) {
		len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? "," : "", **argv);
		if (len >= sizeof(text)) {
			complain("too many %s", r->obj->fields[field].name);
			return false;
		}
		(*argv)++;
		(*argc)--;
	}
	return rec_set(r, field, text);
}

static bool args_read(const struct command *c, struct rec *r, int argc, char **argv)
{
	struct arg args[MAX_ARGS], *a;
	unsigned int n = args_parse(c, args);
	const struct field *f;
	bool named;

	while (argc) {
		a = arg_for(c, r, args, n, *argv, &named);
		if (!a) {
			complain("'%s' is not understood here", *argv);
			return false;
		}
		f = &c->obj->fields[a->field];
		if (r->has & FIELD(a->field) && !(f->flags & F_MULTI)) {
			complain("%s is there twice", f->name);
			return false;
		}
		if (named && f->codec == &codec_flag) {
			*argv = (char *)"true";
			named = false;
		}
		argv += named;
		argc -= named;
		if (!argc) {
			complain("%s: %s is missing", f->name, f->codec->what);
			return false;
		}
		if (f->flags & F_LIST) {
			if (!set_list(r, a->field, &argc, &argv))
				return false;
			continue;
		}
		if (!rec_set(r, a->field, *argv))
			return false;
		argv++;
		argc--;
	}
	return true;
}

int command_send(const struct command *c, struct rec *r)
{
	struct nl_msg *msg = ctl_new(c->cmd);
	const char *value = c->fixed ? strchr(c->fixed, '=') + 1 : NULL;

	if (rec_put(msg, r)) {
		complain("too much for one message");
		nlmsg_free(msg);
		return EXIT_USAGE;
	}
	if (value)
		nla_put_u8(msg, SLUICE_A_PORT_KIND,
			   strcmp(value, "uplink") ? SLUICE_KIND_GUEST : SLUICE_KIND_UPLINK);
	return ctl_do(msg, NULL, NULL) ? EXIT_DONE : EXIT_REFUSED;
}

static int command_args(const struct command *c, int argc, char **argv)
{
	static const struct object nothing;
	struct rec *r = rec_new(c->obj ? c->obj : &nothing);
	int rc = EXIT_USAGE;

	if (args_read(c, r, argc, argv) && args_complete(c, r)) {
		/* It says itself what is missing. */
		if (c->run != check_run && !ctl_open())
			rc = EXIT_REFUSED;
		else
			rc = c->run ? c->run(c, r) : command_send(c, r);
	} else {
		command_usage(c->noun, c->verb, true);
	}
	rec_free(r);
	return rc;
}

static bool wants_help(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "-h") || !strcmp(word, "--help");
}

/* Only as the last word, as an argument may have this value; or `help NOUN`. */
static bool asks_help(int argc, char **argv)
{
	return argc <= 3 && (wants_help(argv[argc - 1]) || wants_help(argv[0]));
}

static void help(int argc, char **argv)
{
	if (wants_help(argv[0]) && argc > 1)
		argv++;
	command_usage(argc > 1 ? argv[0] : NULL, argc > 2 ? argv[1] : NULL, false);
}

int command_run(int argc, char **argv)
{
	const struct command *c;
	bool verb_used;

	if (asks_help(argc, argv)) {
		help(argc, argv);
		return EXIT_DONE;
	}
	if (!strcmp(argv[0], "apply"))
		return apply_files(argc - 1, argv + 1);
	if (!strcmp(argv[0], "udev"))
		return udev_run(argc - 1, argv + 1);
	c = command_find(argv[0], argc > 1 ? argv[1] : "show", &verb_used);
	/* `wire A B` is what is said most often. */
	if (!c && argc == 3 && !strcmp(argv[0], "wire")) {
		c = command_find(argv[0], "add", &verb_used);
		verb_used = false;
	}
	if (c)
		return command_args(c, argc - (verb_used && argc > 1 ? 2 : 1),
				    argv + (verb_used && argc > 1 ? 2 : 1));
	/* All of the usage would only push these words off the screen. */
	if (!noun_known(argv[0])) {
		complain("there is no command '%s': 'sluice help' shows them all", argv[0]);
		return EXIT_USAGE;
	}
	complain("there is no command '%s %s'", argv[0], argv[1]);
	command_usage(argv[0], NULL, true);
	return EXIT_USAGE;
}
