// SPDX-License-Identifier: GPL-2.0-only
/* Who may have ports and rules, and memory for them, outside of the first user namespace. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sluice.h"

/* Where ip(8) keeps the names. */
#define NETNS_DIR "/run/netns"

static const struct codec codec_netns = { "NAME",      false,	 parse_text,
					  format_text, put_text, get_text };

static const struct field who_fields[] = {
	{ "netns", &codec_netns, SLUICE_A_TENANT_NETNS_FD, 0, F_REF, NULL },
	{ .name = "pid", .codec = &codec_u32, .attr = SLUICE_A_TENANT_PID },
	{ .name = "uid", .codec = &codec_u32, .attr = SLUICE_A_TENANT_UID },
	{ .name = "ports", .codec = &codec_u32, .attr = SLUICE_A_TENANT_PORTS },
	{ .name = "rules", .codec = &codec_u32, .attr = SLUICE_A_TENANT_RULES },
	{ .name = "memory", .codec = &codec_bytes, .attr = SLUICE_A_TENANT_MEMORY },
};

static const struct object object_who = OBJECT("tenant", who_fields);

enum { TENANT_NETNS, TENANT_NAME };

static const struct field tenant_fields[] = {
	[TENANT_NETNS] = { .name = "netns", .codec = &codec_u32, .attr = SLUICE_A_TENANT_NETNS },
	[TENANT_NAME] = { .name = "name", .codec = &codec_netns },
	{ .name = "uid", .codec = &codec_u32, .attr = SLUICE_A_TENANT_UID },
	{ .name = "ports", .codec = &codec_u32, .attr = SLUICE_A_TENANT_PORTS },
	{ .name = "rules", .codec = &codec_u32, .attr = SLUICE_A_TENANT_RULES },
	{ .name = "memory", .codec = &codec_bytes, .attr = SLUICE_A_TENANT_MEMORY },
	{ .name = "ports-used", .codec = &codec_u32, .attr = SLUICE_A_TENANT_PORTS_USED },
	{ .name = "rules-used", .codec = &codec_u32, .attr = SLUICE_A_TENANT_RULES_USED },
	{ .name = "memory-used", .codec = &codec_u64, .attr = SLUICE_A_TENANT_MEMORY_USED },
};

static const struct object object_tenant = OBJECT("tenant", tenant_fields);

/* --- who is meant ---------------------------------------------------------------------------- */

/* A name of ip-netns(8)'s, or a path of any namespace's file. */
static int netns_open(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : NETNS_DIR "/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		complain("netns %s: %s", name, strerror(errno));
	return fd;
}

static int who_send(const struct command *c, struct rec *args)
{
	struct nl_msg *msg;
	bool ok = true;
	int fd = -1;

	if (rec_has(args, "netns")) {
		fd = netns_open(rec_text(args, "netns"));
		if (fd < 0)
			return EXIT_REFUSED;
	}
	msg = ctl_new(c->cmd);
	rec_put(msg, args);
	if (fd >= 0)
		nla_put_u32(msg, SLUICE_A_TENANT_NETNS_FD, fd);
	ok = ctl_do(msg, NULL, NULL);
	if (fd >= 0)
		close(fd);
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

/* --- showing --------------------------------------------------------------------------------- */

static void name_find(struct rec *r)
{
	ino_t wanted = rec_value(r, "netns")->n;
	DIR *dir = opendir(NETNS_DIR);
	struct dirent *e;
	struct stat st;

	if (!dir)
		return;
	while ((e = readdir(dir))) {
		if (!fstatat(dirfd(dir), e->d_name, &st, 0) && st.st_ino == wanted) {
			rec_set(r, TENANT_NAME, e->d_name);
			break;
		}
	}
	closedir(dir);
}

static void tenant_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_tenant);

	(void)arg;
	if (rec_get(r, attrs, len)) {
		if (rec_has(r, "netns"))
			name_find(r);
		show_item(r, 0);
	}
	rec_free(r);
}

static int tenants_show(const struct command *c, struct rec *args)
{
	bool ok, changed = false;

	(void)args;
	show_begin();
	ok = ctl_dump(ctl_new(c->cmd), tenant_seen, NULL, &changed);
	show_end();
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

const struct command tenant_commands[] = {
	{ "tenant", "allow", SLUICE_CMD_TENANT_ALLOW, &object_who,
	  "netns| pid| uid| ports rules memory", who_send, NULL,
	  "let a network namespace of a user's own have ports and rules, and memory for them" },
	{ "tenant", "deny", SLUICE_CMD_TENANT_DENY, &object_who, "netns| pid| uid|", who_send, NULL,
	  "let it have no more; what it has stays" },
	{ "tenant", "show", SLUICE_CMD_TENANT_GET, &object_tenant, "", tenants_show, NULL,
	  "show who may, how much, and what he has" },
	{}
};
