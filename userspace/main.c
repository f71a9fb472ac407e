// SPDX-License-Identifier: GPL-2.0-only
/* sluice: control of Sluice. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sluice.h"

struct options opt;
unsigned int batch_line;
bool batch_stdin;

void complain(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("sluice: ", stderr);
	if (batch_line)
		fprintf(stderr, "line %u: ", batch_line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void *xcalloc(size_t nr, size_t size)
{
	void *p = calloc(nr, size);

	if (!p) {
		complain("out of memory");
		exit(EXIT_REFUSED);
	}
	return p;
}

char *xstrdup(const char *s)
{
	return memcpy(xcalloc(1, strlen(s) + 1), s, strlen(s));
}

/* --- a command on each line ------------------------------------------------------------------ */

#define MAX_WORDS 96

/* Words between white space; what is behind a # is a comment. -1: too many. */
static int split_line(char *line, char **words)
{
	char *save, *word;
	int n = 0;

	line[strcspn(line, "#\n")] = '\0';
	for (word = strtok_r(line, " \t\r", &save); word; word = strtok_r(NULL, " \t\r", &save)) {
		if (n == MAX_WORDS)
			return -1;
		words[n++] = word;
	}
	return n;
}

static int batch_words(int n, char **words)
{
	if (n > 0 && !strcmp(words[0], "sluice")) {
		words++;
		n--;
	}
	if (n < 0) {
		complain("too many words");
		return EXIT_USAGE;
	}
	return n ? command_run(n, words) : EXIT_DONE;
}

/* Lines are done one by one, and the first that is refused ends it. */
int batch_file(const char *path)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char *line = NULL, *words[MAX_WORDS];
	size_t size = 0;
	int rc = EXIT_DONE;

	if (!in) {
		complain("%s: cannot be read: %s", path, strerror(errno));
		return EXIT_USAGE;
	}
	batch_stdin = in == stdin;
	for (batch_line = 1; rc == EXIT_DONE && getline(&line, &size, in) >= 0; batch_line++)
		rc = batch_words(split_line(line, words), words);
	batch_line = 0;
	batch_stdin = false;
	free(line);
	if (in != stdin)
		fclose(in);
	return rc;
}

/* --- options --------------------------------------------------------------------------------- */

static bool take_option(const char *word)
{
	static const struct {
		const char *word;
		bool json, stats;
	} known[] = {
		{ "-j", true, false },	   { "--json", true, false }, { "-s", false, true },
		{ "--stats", false, true }, { "-js", true, true },     { "-sj", true, true },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known) && strcmp(known[i].word, word); i++)
		;
	if (i == ARRAY_SIZE(known))
		return false;
	opt.json |= known[i].json;
	opt.stats |= known[i].stats;
	return true;
}

/* They may also stand behind what they are about. Return: how many words are left. */
static int options_behind(int argc, char **argv)
{
	int i, n = 0;

	for (i = 0; i < argc; i++) {
		if (!take_option(argv[i]))
			argv[n++] = argv[i];
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "stats", no_argument, NULL, 's' },
		{ "batch", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{}
	};
	const char *batch = NULL;
	int c, rc;

	while ((c = getopt_long(argc, argv, "+jsb:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			opt.json = true;
			break;
		case 's':
			opt.stats = true;
			break;
		case 'b':
			batch = optarg;
			break;
		case 'h':
			argv[optind - 1] = (char *)"help";
			return command_run(argc - optind + 1, argv + optind - 1);
		case 'V':
			command_version();
			return EXIT_DONE;
		default:
			return EXIT_USAGE;
		}
	}
	argc = optind + options_behind(argc - optind, argv + optind);
	if (batch && optind == argc) {
		rc = batch_file(batch);
	} else if (!batch && optind < argc) {
		rc = command_run(argc - optind, argv + optind);
	} else {
		command_usage(NULL, NULL, true);
		rc = EXIT_USAGE;
	}
	ctl_close();
	return rc;
}
