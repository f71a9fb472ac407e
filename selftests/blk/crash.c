// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume gets another key, with its record and the journal on one disk; the power is cut ahead
 * of each single request that changes that disk, and whatever its cache had is kept, lost or torn.
 * From what is left the same declared state gets to the same end: each time all of the disk that
 * the volume has is what it is when nothing was cut.
 *
 * This needs no luck, unlike blk/power, which has a guest that writes meanwhile.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "medium.h"
#include "rig.h"

#define NAME	"slblk0"
#define SIZE	(1 * MB)
/* Behind the volume are the journal and the record. */
#define DISK	(4 * MB)
#define OLD	"logon:slblk:old"
#define NEW	"logon:slblk:new"
#define RECORD	"record " MEDIUM " record-start 3M"
#define STATE	"/tmp/slblk-state.json"

FIXTURE(crash)
{
	struct medium m;
	unsigned char *first;
	unsigned char *last;
};

/**
 * @twice: the power is cut once more, in the midst of what follows
 */
FIXTURE_VARIANT(crash)
{
	bool twice;
};

FIXTURE_VARIANT_ADD(crash, once) {};
FIXTURE_VARIANT_ADD(crash, twice) { .twice = true };

static int state_write(void)
{
	FILE *f = fopen(STATE, "w");

	if (!f)
		return -errno;
	fprintf(f, "{ \"version\": 2,"
		" \"volume\": [ { \"name\": \"" NAME "\", \"dev\": \"" MEDIUM "\","
		" \"size\": \"1m\", \"record\": \"" MEDIUM "\", \"record-start\": \"3m\","
		" \"key\": \"" NEW "\", \"key-before\": \"" OLD "\","
		" \"rekey-journal\": \"" MEDIUM "\", \"rekey-journal-start\": \"2m\" } ] }\n");
	return fclose(f) ? -errno : 0;
}

FIXTURE_SETUP(crash)
{
	netio_run("sluice volume del " NAME);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slblk:old", 37, 64));
	ASSERT_EQ(0, rig_key_add("slblk:new", 41, 64));
	ASSERT_EQ(0, state_write());
	ASSERT_EQ(0, medium_start(&self->m, DISK));
	self->first = malloc(DISK);
	self->last = malloc(SIZE);
	/* Whatever it has is what one reads by the old key. */
	rig_pattern(self->m.memory, SIZE, 0, 1);
	ASSERT_EQ(0, rig_volume_add(NAME, MEDIUM, "size 1M key " OLD " " RECORD " record-new"));
	ASSERT_EQ(0, rig_volume_del(NAME));
	memcpy(self->first, self->m.memory, DISK);
	medium_forget(&self->m);
}

FIXTURE_TEARDOWN(crash)
{
	netio_run("sluice volume del " NAME);
	medium_stop(&self->m);
	free(self->first);
	free(self->last);
	unlink(STATE);
}

/* "apply" is all that has to be said, at any point. In one shell, as there are many points. */
static int finish(void)
{
	return netio_run("sluice apply " STATE " || exit; n=3000;"
			 "while s=$(sluice volume show " NAME ") || exit;"
			 "case $s in *rekey-key*) : $((n -= 1)); [ $n != 0 ];; *) false;; esac;"
			 "do sleep 0.02; done;"
			 "case $s in *\" key " NEW " \"*) sluice volume del " NAME ";;"
			 "*) exit 1;; esac") ? -EIO : 0;
}

/* It goes on, and is cut somewhere on its way, another way each time. */
static int cut_again(struct medium *m, unsigned int turn)
{
	unsigned char *before = malloc(DISK);
	int ret;

	memcpy(before, m->memory, DISK);
	medium_forget(m);
	ret = finish();
	medium_cut(m, before, m->nr ? turn * 7 % m->nr : 0, turn % MEDIUM_CUTS, m->memory);
	free(before);
	return ret;
}

TEST_F_TIMEOUT(crash, points, 1200)
{
	unsigned int n, how, nr, turn = 0;
	struct medium whole;

	ASSERT_EQ(0, finish());
	memcpy(self->last, self->m.memory, SIZE);
	EXPECT_NE(0, memcmp(self->first, self->last, SIZE));
	/* What it took from the first request to the last; what follows is noted elsewhere. */
	whole = self->m;
	nr = whole.nr;
	self->m.op = calloc(16384, sizeof(*self->m.op));
	self->m.nr = 0;
	EXPECT_GT(nr, 20);
	for (n = 0; n <= nr; n++) {
		for (how = 0; how < MEDIUM_CUTS; how++) {
			medium_cut(&whole, self->first, n, how, self->m.memory);
			if (variant->twice)
				ASSERT_EQ(0, cut_again(&self->m, turn++));
			ASSERT_EQ(0, finish()) {
				TH_LOG("ahead of request %u of %u, cut %u", n, nr, how);
			}
			ASSERT_EQ(0, memcmp(self->m.memory, self->last, SIZE)) {
				TH_LOG("ahead of request %u of %u, cut %u", n, nr, how);
			}
			medium_forget(&self->m);
		}
	}
	TH_LOG("%u points", (nr + 1) * MEDIUM_CUTS);
	while (whole.nr)
		free(whole.op[--whole.nr].data);
	free(whole.op);
}

TEST_HARNESS_MAIN
