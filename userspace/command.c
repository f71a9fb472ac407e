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
	fputs("  sluice apply [-f] FILE|-... make the state what files declare, or do nothing;\n"
	      "                              -f: what somebody uses may go, what is fixed is made anew\n"
	      "  sluice apply --each [--on DEVICE] FILE|-...\n"
	      "                              likewise, but what cannot be is left out, each volume\n"
	      "                              by itself; or only what is on /dev/... or a netdev\n"
	      "  sluice apply -n, diff FILE  say what would be done, and do nothing\n"
	      "\n"
	      "  -j JSON    -s with statistics    -b FILE commands, a line each\n"
	      "  -h, help this text    -V the tool's version\n"
	      "'sluice NOUN help' says more. Exit code: 0 done, 1 refused, 2 not understood,\n"
	      "3 all but what is held back, 4 there would be something to do.\n",
	      out);
}

/* Where to read on. A static buffer. */
static const char *help_words(const struct command *c)
{
	static char text[64];

	snprintf(text, sizeof(text), "sluice help %s%s%s", c->noun, c->verb ? " " : "",
		 c->verb ? c->verb : "");
	return text;
}

static bool choice(const struct arg *a)
{
	return a->some || a->either;
}

/* Of some arguments one must be there: which they are, if none is. */
static bool choice_made(const struct command *c, const struct rec *r, const struct arg *args,
			unsigned int n)
{
	char names[64] = "";
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!choice(&args[i]))
			continue;
		if (r->has & FIELD(args[i].field))
			return true;
		if (len < sizeof(names))
			len += snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
					c->obj->fields[args[i].field].name);
	}
	if (len >= sizeof(names))
		complain("it is not said what of it: '%s' says what there is to say",
			 help_words(c));
	else if (len)
		complain("one of these is missing: %s", names);
	return !len;
}

static bool args_complete(const struct command *c, const struct rec *r)
{
	struct arg args[MAX_ARGS];
	unsigned int i, n = args_parse(c, args);

	for (i = 0; i < n; i++) {
		if (args[i].must && !(r->has & FIELD(args[i].field))) {
			complain("%s is missing: '%s' says what there is to say",
				 c->obj->fields[args[i].field].name, help_words(c));
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

/* @noun: NULL: which noun was meant, else which of its verbs. */
static const char *commands_near(const char *noun, const char *word)
{
	const struct command *const *table, *c;
	struct near near = { .word = word };

	for (table = command_tables; *table; table++) {
		for (c = *table; c->noun; c++) {
			if (!noun)
				near_try(&near, c->noun);
			else if (c->verb && !strcmp(c->noun, noun))
				near_try(&near, c->verb);
		}
	}
	if (!noun)
		near_try(&near, "apply");
	return near_text(&near);
}

/* What is to be done with it, in one line. */
static void verb_complain(const char *noun, const char *word)
{
	const struct command *const *table, *c;
	const char *near = commands_near(noun, word);
	char verbs[160] = "";
	size_t len = 0;

	for (table = command_tables; *table; table++) {
		for (c = *table; c->noun; c++) {
			if (strcmp(c->noun, noun) || !c->verb || len >= sizeof(verbs))
				continue;
			len += snprintf(verbs + len, sizeof(verbs) - len, "%s%s", len ? ", " : "",
					c->verb);
		}
	}
	if (*near)
		complain("there is no command '%s %s'%s", noun, word, near);
	else
		complain("there is no command '%s %s': behind '%s' comes one of %s", noun, word,
			 noun, verbs);
}

static void noun_complain(const char *word)
{
	const char *near = commands_near(NULL, word);

	complain("there is no command '%s'%s", word,
		 *near ? near : ": 'sluice help' shows them all");
}

static struct arg *arg_named(const struct command *c, struct arg *args, unsigned int n,
			     const char *word)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		const struct field *f = &c->obj->fields[args[i].field];

		if (!args[i].place && !(f->flags & F_BARE) && !strcmp(f->name, word))
			return &args[i];
	}
	return NULL;
}

static bool is_value(const struct field *f, const char *word)
{
	struct value v = {};

	return f->codec->parse(word, &v);
}

/* Is it the name of what goes by its place, ahead of that? One may be called so itself. */
static bool is_label(const struct command *c, struct arg *args, unsigned int n,
		     const struct field *f, const char *word, const char *next)
{
	return next && !arg_named(c, args, n, next) &&
	       (!strcmp(word, f->name) || !strcmp(word, c->noun) ||
		(f->codec == &codec_name && !strcmp(word, "port")) ||
		(f->codec == &codec_volume && !strcmp(word, "volume")));
}

static const char *words_near(const struct command *c, const struct arg *args, unsigned int n,
			      const char *word)
{
	struct near near = { .word = word };
	const char *const *words;
	unsigned int i;

	for (i = 0; i < n; i++) {
		const struct field *f = &c->obj->fields[args[i].field];

		if (!args[i].place && !(f->flags & F_BARE))
			near_try(&near, f->name);
		for (words = f->flags & F_BARE ? f->codec->words : NULL; words && *words; words++)
			near_try(&near, *words);
	}
	return near_text(&near);
}

/* What a command is about may come first without its name: a port, or a rule's id. */
static bool may_be_first(const struct command *c, struct arg *args, unsigned int n,
			 const char *word, const char *next)
{
	const struct field *f = &c->obj->fields[args[0].field];

	return (f->codec == &codec_name || f->codec == &codec_id) && is_value(f, word) &&
	       (!next || !*words_near(c, args, n, word));
}

/*
 * Which argument does a word stand for, ahead of @next? A name, a bare value, or the next by its
 * place.
 */
static struct arg *arg_for(const struct command *c, struct rec *r, struct arg *args, unsigned int n,
			   const char *word, const char *next, bool *named)
{
	struct arg *a = arg_named(c, args, n, word);
	unsigned int i;

	*named = a;
	for (i = 0; !a && i < n; i++) {
		const struct field *f = &c->obj->fields[args[i].field];

		if (r->has & FIELD(args[i].field))
			continue;
		if (!args[i].place && !(f->flags & F_BARE && is_value(f, word)))
			continue;
		a = &args[i];
		*named = a->place && is_label(c, args, n, f, word, next);
	}
	if (!a && n && !r->has && may_be_first(c, args, n, word, next))
		a = &args[0];
	return a;
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

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

/* Whose value is it, without the name that has to be ahead of it? NULL: nothing's. */
static const char *field_of(const struct command *c, const struct arg *args, unsigned int n,
			    const char *word)
{
	const char *const *words;
	const struct field *f;
	unsigned int i;

	for (i = 0; i < n; i++) {
		f = &c->obj->fields[args[i].field];
		for (words = f->codec->words; words && *words; words++) {
			if (!strcmp(*words, word))
				return f->name;
		}
	}
	return NULL;
}

static void word_complain(const struct command *c, const struct arg *args, unsigned int n,
			  const char *word)
{
	const char *near = words_near(c, args, n, word), *field = field_of(c, args, n, word);

	if (is_option(word))
		complain("there is no option '%s': 'sluice help' has all", word);
	else if (field)
		complain("'%s' is not understood here: say '%s %s'", word, field, word);
	else if (*near)
		complain("'%s' is not understood here%s", word, near);
	else
		complain("'%s' is not understood here: '%s' says what is", word, help_words(c));
}

static bool args_read(const struct command *c, struct rec *r, int argc, char **argv)
{
	struct arg args[MAX_ARGS], *a;
	unsigned int n = args_parse(c, args);
	const struct field *f;
	bool named;

	while (argc) {
		a = arg_for(c, r, args, n, *argv, argc > 1 ? argv[1] : NULL, &named);
		if (!a || is_option(*argv)) {
			word_complain(c, args, n, *argv);
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
		/* What may be anything need not be said. */
		if (f->codec->any && !(f->flags & (F_MULTI | F_LIST)) && !strcmp(*argv, "any")) {
			argv++;
			argc--;
			continue;
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
	return ctl_change(msg, c->obj) ? EXIT_DONE : EXIT_REFUSED;
}

static int command_args(const struct command *c, int argc, char **argv)
{
	static const struct object nothing;
	struct rec *r = rec_new(c->obj ? c->obj : &nothing);
	int rc = EXIT_USAGE;

	if (args_read(c, r, argc, argv) && icmp_settle(r) && args_complete(c, r)) {
		/* It says itself what is missing. */
		if (c->run != check_run && !ctl_open())
			rc = EXIT_REFUSED;
		else
			rc = c->run ? c->run(c, r) : command_send(c, r);
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

static int help(int argc, char **argv)
{
	if (wants_help(argv[0]) && argc > 1)
		argv++;
	if (argc > 1 && !noun_known(argv[0]) && strcmp(argv[0], "apply")) {
		noun_complain(argv[0]);
		return EXIT_USAGE;
	}
	command_usage(argc > 1 ? argv[0] : NULL, argc > 2 ? argv[1] : NULL, false);
	return EXIT_DONE;
}

void command_version(void)
{
	printf("sluice %s\n", SLUICE_TOOL_VERSION);
}

int command_run(int argc, char **argv)
{
	const struct command *c;
	bool verb_used;

	if (asks_help(argc, argv))
		return help(argc, argv);
	if (!strcmp(argv[0], "apply"))
		return apply_files(argc - 1, argv + 1, false);
	if (!strcmp(argv[0], "diff"))
		return apply_files(argc - 1, argv + 1, true);
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
	if (noun_known(argv[0]))
		verb_complain(argv[0], argc > 1 ? argv[1] : "show");
	else
		noun_complain(argv[0]);
	return EXIT_USAGE;
}
