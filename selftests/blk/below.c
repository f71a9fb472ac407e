// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operators have below a volume: targets of the device mapper and NVMe over TCP. They change,
 * lose a leg or a path, and are suspended, while a driver writes and reads: each request ends well,
 * and what is read is what was written.
 */
#include "kselftest_harness.h"
#include <pthread.h>
#include "rig.h"

#define NAME	"slbelow"
#define A	"/dev/slbelowa"
#define B	"/dev/slbelowb"
#define MAPPER	"/dev/mapper/"
/* Sectors of the device, and of the volume on it. */
#define SIZE	"32768"
#define PLACES	64
#define PLACE	(128 * KB)
/* Of what goes on at the same time so many are seen to its end. */
#define CHANGES	4
#define ROUNDS	3

/* What commands below are made of. Nobody but dmsetup makes nodes here. */
#define WORDS \
	"export DM_DISABLE_UDEV=1;" \
	"make() { dmsetup create $1 --table \"$2\"; };" \
	"change() { dmsetup load $1 --table \"$2\" && dmsetup resume $1; };" \
	"hold() { dmsetup suspend $1; };" \
	"go() { dmsetup resume $1; };" \
	"tell() { dmsetup message $1 0 \"$2\"; };" \
	"unmake() { dmsetup remove $1; };"

/* What goes on beside the driver. */
struct below_changes {
	const char *command;
	/* The thread's: how many there were, and what the last one came to if it failed. */
	unsigned int done;
	int failed;
	bool stop;
};

FIXTURE(below)
{
	struct disk d;
	pthread_t thread;
	bool started;
	struct below_changes c;
};

FIXTURE_VARIANT(below)
{
	/* Of the device; missing: a target of the test's name. */
	const char *dev;
	const char *make;
	/* Again and again. */
	const char *change;
	const char *unmake;
	/* A target that not every kernel of tests has. */
	const char *needs;
	/* What the volume has beside its size. */
	const char *words;
};

FIXTURE_VARIANT_ADD(below, linear) {
	.make = "make " NAME " '0 " SIZE " linear " A " 0'",
	/* In two pieces, and in one. */
	.change = "printf '0 16384 linear " A " 0\\n16384 16384 linear " A " 16384\\n' |"
		  "dmsetup load " NAME " && go " NAME " &&"
		  "change " NAME " '0 " SIZE " linear " A " 0'",
};

FIXTURE_VARIANT_ADD(below, striped) {
	.make = "make " NAME " '0 " SIZE " striped 2 64 " A " 0 " B " 0'",
	.change = "hold " NAME "; go " NAME,
};

#define LEG0	MAPPER "slbelow0 " A " "
#define LEG1	MAPPER "slbelow1 " B

FIXTURE_VARIANT_ADD(below, raid1) {
	.make = "make slbelow0 '0 8192 linear " A " 98304' &&"
		"make slbelow1 '0 8192 linear " B " 98304' &&"
		"make " NAME " '0 " SIZE " raid raid1 2 0 nosync 2 " LEG0 LEG1 "'",
	/* A leg is lost, and comes back. */
	.change = "change " NAME " '0 " SIZE " raid raid1 1 0 2 " LEG0 " - -' &&"
		  "change " NAME " '0 " SIZE " raid raid1 3 0 rebuild 1 2 " LEG0 LEG1 "' &&"
		  "while ! dmsetup status " NAME " | grep -q ' AA " SIZE "/" SIZE " idle';"
		  "do sleep 0.1; done",
	.unmake = "unmake " NAME "; unmake slbelow0; unmake slbelow1",
};

/*
 * As pvmove does: what is above goes to a mirror of where it lies and where it is to lie, and on
 * to the latter alone once all is there; and back.
 */
FIXTURE_VARIANT_ADD(below, mirror) {
	.needs = "mirror",
	.make = "make " NAME " '0 " SIZE " linear " A " 0'",
	.change = "move() { hold " NAME " && make slbelowm \"0 " SIZE " mirror core 1 1024 "
		  "2 $1 0 $2 0 1 handle_errors\" && "
		  "change " NAME " '0 " SIZE " linear " MAPPER "slbelowm 0' && "
		  "until dmsetup status slbelowm | grep -q ' 32/32 '; do sleep 0.1; done &&"
		  "change " NAME " \"0 " SIZE " linear $2 0\" && unmake slbelowm; };"
		  "move " A " " B " && move " B " " A,
};

FIXTURE_VARIANT_ADD(below, thin) {
	.make = "make slbelowm '0 8192 linear " B " 0' && make slbelowp '0 98304 thin-pool "
		MAPPER "slbelowm " A " 128 0 1 skip_block_zeroing' &&"
		"tell slbelowp 'create_thin 0' &&"
		"make " NAME " '0 " SIZE " thin " MAPPER "slbelowp 0'",
	/* A snapshot: each block that is written next is another one. */
	.change = "hold " NAME " && tell slbelowp 'create_snap 1 0'; go " NAME " && sleep 0.1 &&"
		  "tell slbelowp 'delete 1'",
	.unmake = "unmake " NAME "; unmake slbelowp; unmake slbelowm",
};

FIXTURE_VARIANT_ADD(below, snapshot_origin) {
	.make = "make " NAME " '0 " SIZE " snapshot-origin " A "'",
	.change = "hold " NAME " && make slbelows '0 " SIZE " snapshot " A " " B " N 16'; go " NAME
		  " && sleep 0.1 && hold " NAME " && unmake slbelows; go " NAME,
};

FIXTURE_VARIANT_ADD(below, multipath) {
	.make = "make slbelow0 '0 " SIZE " linear " A " 0' &&"
		"make slbelow1 '0 " SIZE " linear " A " 0' &&"
		"make " NAME " '0 " SIZE " multipath 3 queue_if_no_path queue_mode bio 0 1 1 "
		"round-robin 0 2 1 " MAPPER "slbelow0 8 " MAPPER "slbelow1 8'",
	/* One path goes after the other. */
	.change = "for p in slbelow0 slbelow1; do change $p '0 " SIZE " error' && sleep 0.1 &&"
		  "change $p '0 " SIZE " linear " A " 0' &&"
		  "tell " NAME " \"reinstate_path " MAPPER "$p\" || exit; done",
	.unmake = "unmake " NAME "; unmake slbelow0; unmake slbelow1",
};

#define KEY	"00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef" \
		"102132435465768798a9bacbdcedfe0f1032547698badcfe1032547698badcfe"

FIXTURE_VARIANT_ADD(below, crypt) {
	.make = "make " NAME " '0 " SIZE " crypt aes-xts-plain64 " KEY " 0 " A " 0'",
	/* As luksSuspend and luksResume do. */
	.change = "hold " NAME " && tell " NAME " 'key wipe' && tell " NAME " 'key set " KEY "';"
		  "go " NAME,
};

FIXTURE_VARIANT_ADD(below, integrity) {
	.needs = "integrity",
	.words = "integrity",
	.make = "make " NAME " '0 " SIZE " integrity " A " 0 32 J 4 journal_sectors:1024 "
		"internal_hash:hmac(sha256):" KEY " journal_mac:hmac(sha256):" KEY " fix_hmac'",
	/* All that is in its journal is written to its place. */
	.change = "hold " NAME "; go " NAME,
};

#define NVMET	"/sys/kernel/config/nvmet"

FIXTURE_VARIANT_ADD(below, nvme_tcp) {
	.dev = "/dev/nvme0n1",
	.make = "set -e; ip link set lo up; cd " NVMET "; mkdir subsystems/slbelow;"
		"echo 1 >subsystems/slbelow/attr_allow_any_host; mkdir subsystems/slbelow/namespaces/1;"
		"echo " A " >subsystems/slbelow/namespaces/1/device_path;"
		"echo 1 >subsystems/slbelow/namespaces/1/enable; mkdir ports/1; cd ports/1;"
		"echo tcp >addr_trtype; echo ipv4 >addr_adrfam;"
		"echo 127.0.0.1 >addr_traddr; echo 4420 >addr_trsvcid;"
		"ln -s " NVMET "/subsystems/slbelow subsystems/slbelow;"
		"echo nqn=slbelow,transport=tcp,traddr=127.0.0.1,trsvcid=4420 >/dev/nvme-fabrics;"
		"n=100; until [ -b /dev/nvme0n1 ]; do : $((n -= 1)); [ $n != 0 ];"
		"sleep 0.1; done",
	.change = "echo 1 >/sys/class/nvme/nvme0/reset_controller &&"
		  "until grep -q live /sys/class/nvme/nvme0/state; do sleep 0.1; done",
	.unmake = "echo 1 >/sys/class/nvme/nvme0/delete_controller; cd " NVMET ";"
		  "rm ports/1/subsystems/slbelow;"
		  "rmdir ports/1 subsystems/slbelow/namespaces/1 subsystems/slbelow",
};

static void *changes(void *arg)
{
	struct below_changes *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE) && !c->failed) {
		c->failed = netio_run(WORDS "%s", c->command);
		__atomic_add_fetch(&c->done, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

FIXTURE_SETUP(below)
{
	const struct vdrv_cfg cfg = { .features = DISK_FEATURES | VDRV_F_INDIRECT, .num = 64,
				      .disk_buf = VBLK_DATA + PLACE, .disk_seg = 8 };
	char words[64];

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	if (variant->needs && netio_run("dmsetup targets | grep -q ^%s", variant->needs))
		SKIP(return, "no dm-%s in this kernel", variant->needs);
	ASSERT_EQ(0, rig_null_add("slbelowa", "size=64 discard=1"));
	ASSERT_EQ(0, rig_null_add("slbelowb", "size=64 discard=1"));
	ASSERT_EQ(0, netio_run(WORDS "%s", variant->make));
	snprintf(words, sizeof(words), "size " SIZE "s %s", variant->words ?: "");
	ASSERT_EQ(0, rig_volume_add(NAME, variant->dev ?: MAPPER NAME, words));
	ASSERT_EQ(0, disk_open(&self->d, NAME, &cfg));
	self->c.command = variant->change;
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, changes, &self->c));
	self->started = true;
}

FIXTURE_TEARDOWN(below)
{
	__atomic_store_n(&self->c.stop, true, __ATOMIC_RELEASE);
	if (self->started)
		pthread_join(self->thread, NULL);
	EXPECT_EQ(0, self->c.failed);
	disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, netio_run(WORDS "%s", variant->unmake ?: "unmake " NAME));
	rig_null_pull("slbelowa");
	rig_null_pull("slbelowb");
	EXPECT_EQ(0, rig_null_del("slbelowa"));
	EXPECT_EQ(0, rig_null_del("slbelowb"));
}

static uint32_t length(unsigned int place, uint32_t round)
{
	static const uint32_t len[] = { 512, 4 * KB, 36 * KB, PLACE };

	return len[(place + round) % 4];
}

/* One place of a round is written, or read and looked at. */
struct turn {
	uint32_t type;
	uint32_t round;
	unsigned int place[64];
};

static int ends(struct disk *d, struct turn *t, unsigned char *data)
{
	struct vdrv_vq *q = &d->v.vq[0];
	struct vblk_done done;
	int ret = vblk_wait(q, &done, 60000);
	uint32_t len;

	if (ret != 1)
		return ret ?: -ETIMEDOUT;
	len = length(t->place[done.slot], t->round);
	if (done.status == VIRTIO_BLK_S_OK && t->type == VIRTIO_BLK_T_IN) {
		rig_pattern(data, len, (uint64_t)t->place[done.slot] * PLACE, t->round);
		if (memcmp(vblk_at(q, done.slot, VBLK_DATA), data, len))
			ret = -EILSEQ;
	}
	vdrv_vq_release(q, done.slot);
	return done.status ? (int)done.status : ret == 1 ? 0 : ret;
}

static int all_places(struct disk *d, struct turn *t, unsigned char *data)
{
	struct vdrv_vq *q = &d->v.vq[0];
	unsigned int i;
	int slot, ret = 0;

	for (i = 0; !ret && i < PLACES; i++) {
		struct vblk_io io = { .type = t->type, .sector = (uint64_t)i * PLACE / 512,
				      .len = length(i, t->round) };

		rig_pattern(data, io.len, (uint64_t)i * PLACE, t->round);
		if (q->nslot - q->nfree >= 12)
			ret = ends(d, t, data + PLACE);
		slot = ret ? 0 : vblk_begin(&d->v, q, &io, data);
		if (slot < 0)
			return slot;
		t->place[slot] = i;
	}
	while (!ret && q->nfree < q->nslot)
		ret = ends(d, t, data + PLACE);
	return ret;
}

TEST_F_TIMEOUT(below, changes, 300)
{
	unsigned char *data = rig_alloc(2 * PLACE);
	struct turn t = {};

	do {
		t.round++;
		t.type = VIRTIO_BLK_T_OUT;
		ASSERT_EQ(0, all_places(&self->d, &t, data));
		ASSERT_EQ(VIRTIO_BLK_S_OK, disk_flush(&self->d));
		t.type = VIRTIO_BLK_T_IN;
		ASSERT_EQ(0, all_places(&self->d, &t, data));
	} while (t.round < ROUNDS ||
		 (__atomic_load_n(&self->c.done, __ATOMIC_ACQUIRE) < CHANGES && !self->c.failed));
	TH_LOG("%u rounds, %u changes", t.round, self->c.done);
	free(data);
}

TEST_HARNESS_MAIN
