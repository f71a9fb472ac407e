// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker that dies or does not answer while it serves a volume, and a device that does not answer
 * its opening: one volume is held, the others go on, and nobody waits without an end (issue 9,
 * 4.1).
 */
#include <time.h>
#include "kselftest_harness.h"
#include "rig.h"
#include "wedge.h"

#define BAD	"slbad"
#define GOOD	"slgood"
#define WEDGED	"/dev/wedge0"
#define IO	(16 * KB)

FIXTURE(contain)
{
	struct disk bad;
	struct disk good;
	unsigned char *data;
};

FIXTURE_VARIANT(contain)
{
	const char *dev;
};

/* A disk of the block layer's own, and one that is served by its driver alone. */
FIXTURE_VARIANT_ADD(contain, queues) { .dev = "/dev/" BAD };
FIXTURE_VARIANT_ADD(contain, driver) { .dev = WEDGED };

static int attach(struct disk *d, const char *name)
{
	const struct vdrv_cfg cfg = { .features = DISK_FEATURES, .num = 16, .disk_queues = 1,
				      .disk_buf = IO, .disk_seg = 4 };

	return disk_open(d, name, &cfg);
}

FIXTURE_SETUP(contain)
{
	self->bad.v.fd = -1;
	self->good.v.fd = -1;
	ASSERT_EQ(0, wedge_load());
	self->data = rig_alloc(IO);
	ASSERT_EQ(0, rig_null_add(BAD, "size=8"));
	ASSERT_EQ(0, rig_null_add(GOOD, "size=8"));
	ASSERT_EQ(0, rig_volume_add(BAD, variant->dev, ""));
	ASSERT_EQ(0, rig_volume_add(GOOD, "/dev/" GOOD, ""));
	ASSERT_EQ(0, attach(&self->bad, BAD));
	ASSERT_EQ(0, attach(&self->good, GOOD));
}

FIXTURE_TEARDOWN(contain)
{
	wedge_go();
	wedge_times();
	disk_close(&self->bad);
	disk_close(&self->good);
	EXPECT_EQ(0, rig_volume_del(BAD));
	EXPECT_EQ(0, rig_volume_del(GOOD));
	rig_null_pull(BAD);
	rig_null_pull(GOOD);
	EXPECT_EQ(0, rig_null_del(BAD));
	EXPECT_EQ(0, rig_null_del(GOOD));
	free(self->data);
}

/* What is written comes back. */
static int works(struct disk *d, uint32_t round)
{
	static unsigned char data[IO], back[IO];
	int ret;

	rig_pattern(data, IO, 0, round);
	ret = disk_write(d, 8, data, IO);
	ret = ret ?: disk_read(d, 8, back, IO);
	return ret ?: memcmp(data, back, IO) ? -EBADMSG : 0;
}

static int says(const char *name, const char *what)
{
	return netio_run("sluice -s volume show %s | grep -qE '%s'", name, what);
}

static void await(const char *name, const char *what)
{
	while (says(name, what))
		usleep(10000);
}

/* RTNL is free, and what is about volumes is answered. */
static int control_works(void)
{
	return netio_run("ip link show >/dev/null") ?:
	       netio_run("sluice volume show >/dev/null && sluice worker show >/dev/null") ?:
	       netio_run("sluice volume set " GOOD " read-iops 100000") ?:
	       !netio_run("sluice volume del " BAD " 2>/dev/null");
}

static int begin(struct disk *d, uint32_t type, uint64_t sector, const void *data)
{
	const struct vblk_io io = { .type = type, .sector = sector, .len = IO };
	int ret = vblk_begin(&d->v, &d->v.vq[0], &io, data);

	return ret < 0 ? ret : 0;
}

/* A driver that starts anew on a volume that is held: answered when that is let go on. */
static void start_anew(struct __test_metadata *_metadata, struct disk *d)
{
	struct vblk_done done;

	ASSERT_EQ(0, disk_reopen(d));
	ASSERT_EQ(0, begin(d, VIRTIO_BLK_T_IN, 0, NULL));
	EXPECT_EQ(0, vblk_wait(&d->v.vq[0], &done, 100));
	ASSERT_EQ(0, netio_run("sluice volume release " BAD));
	EXPECT_EQ(1, vblk_wait(&d->v.vq[0], &done, 60000));
	EXPECT_EQ(VIRTIO_BLK_S_OK, done.status);
	EXPECT_NE(0, says(BAD, "quarantine"));
}

/* Found, buried and replaced; the volume that it died for is held, its neighbour goes on. */
TEST_F_TIMEOUT(contain, thread_dies, 240)
{
	ASSERT_EQ(0, works(&self->good, 1));
	ASSERT_EQ(0, wedge_die("volume/" BAD));
	EXPECT_EQ(0, works(&self->good, 2));
	EXPECT_EQ(0, says(BAD, "quarantine a worker died in it since 20"));
	EXPECT_EQ(0, says(BAD, "broken the host.s worker died in it"));
	EXPECT_NE(0, says(GOOD, "quarantine|broken"));
	EXPECT_EQ(0, control_works());
	start_anew(_metadata, &self->bad);
	EXPECT_EQ(0, works(&self->good, 3));
}

/* While it hands requests over: what the device has, and what it may have, is waited for. */
TEST_F_TIMEOUT(contain, dies_in_the_device, 240)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .len = IO };
	struct vdrv_vq *q = &self->bad.v.vq[0];
	unsigned int before = wedge_deaths();

	if (strcmp(variant->dev, WEDGED))
		SKIP(return, "a worker dies in a driver alone");
	ASSERT_EQ(0, wedge("disk", "die"));
	/* Three at once: one is with the device, one is died in, one was not handed over. */
	vblk_put(&self->bad.v, q, 0, &io);
	vblk_put(&self->bad.v, q, 1, &io);
	ASSERT_EQ(0, begin(&self->bad, VIRTIO_BLK_T_OUT, 64, self->data));
	wedge_await_deaths(before + 1);
	EXPECT_EQ(0, works(&self->good, 4));
	EXPECT_EQ(0, says(BAD, "quarantine a worker died in it"));
	EXPECT_EQ(0, says(BAD, "in-flight 2"));
	EXPECT_EQ(0, control_works());
	ASSERT_EQ(0, wedge_go());
	await(BAD, "in-flight 0");
	start_anew(_metadata, &self->bad);
	EXPECT_EQ(0, works(&self->good, 5));
}

/* One that does not answer is given up, known as such, and nothing is torn afterwards. */
TEST_F_TIMEOUT(contain, does_not_answer, 240)
{
	ASSERT_EQ(0, wedge("block", "volume/" BAD));
	wedge_await("state stuck");
	EXPECT_EQ(0, control_works());
	/* Nothing that needs the worker waits for it, or leaves something. */
	EXPECT_NE(0, netio_run("sluice worker del cpu 0 2>/dev/null"));
	EXPECT_NE(0, netio_run("echo '{\"version\":2,\"meter\":[{\"id\":7,\"pps\":1}]}' |"
			       " sluice apply - 2>/dev/null"));
	EXPECT_EQ(0, netio_run("sluice volume set " GOOD " size 4m"));
	ASSERT_EQ(0, wedge_go());
	wedge_await("state ok");
	EXPECT_EQ(0, works(&self->good, 6));
	EXPECT_EQ(0, disk_read(&self->bad, 0, self->data, IO));
	EXPECT_EQ(0, netio_run("sluice volume set " GOOD " size 8m"));
}

/* The operator's word. */
TEST_F_TIMEOUT(contain, held, 120)
{
	struct vblk_done done;

	ASSERT_EQ(0, netio_run("sluice volume hold " BAD));
	EXPECT_EQ(0, says(BAD, "quarantine held by the operator"));
	ASSERT_EQ(0, begin(&self->bad, VIRTIO_BLK_T_IN, 0, NULL));
	EXPECT_EQ(0, vblk_wait(&self->bad.v.vq[0], &done, 100));
	EXPECT_EQ(0, works(&self->good, 7));
	ASSERT_EQ(0, netio_run("sluice volume release " BAD));
	EXPECT_EQ(1, vblk_wait(&self->bad.v.vq[0], &done, 60000));
	EXPECT_NE(0, netio_run("sluice volume release " BAD " 2>/dev/null"));
}

#define MOCKDISK	"/dev/mockdisk0"

static int mockdisk(const char *what)
{
	return netio_run("echo %s >/sys/module/sluice_mockdisk/parameters/do", what);
}

/* How often workers slept over a request, and others. */
static int slept(int *workers, int *others)
{
	FILE *f = fopen("/sys/module/sluice_wedge/parameters/slept", "r");
	int n = f ? fscanf(f, "%d %d", workers, others) : 0;

	if (f)
		fclose(f);
	return n == 2 ? 0 : -EIO;
}

FIXTURE(dying)
{
	struct disk disk;
	unsigned char *data;
};

FIXTURE_SETUP(dying)
{
	self->disk.v.fd = -1;
	self->data = rig_alloc(IO);
	if (access("/sys/module/sluice_mockdisk", F_OK))
		ASSERT_EQ(0, netio_run("insmod $SLUICE_OBJECTS/wedge/sluice_mockdisk.ko"));
	ASSERT_EQ(0, rig_volume_add(BAD, MOCKDISK, ""));
	ASSERT_EQ(0, attach(&self->disk, BAD));
}

FIXTURE_TEARDOWN(dying)
{
	mockdisk("go");
	disk_close(&self->disk);
	EXPECT_EQ(0, rig_volume_del(BAD));
	free(self->data);
}

/* A device whose opening does not return: refused, not tried again, and closed when it does. */
TEST(opening)
{
	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, wedge("disk", "open"));
	EXPECT_NE(0, netio_run("sluice volume add " BAD " dev " WEDGED " 2>/tmp/why"));
	EXPECT_EQ(0, netio_run("grep -q 'does not answer its opening' /tmp/why"));
	EXPECT_EQ(0, netio_run("ip link show >/dev/null && sluice volume show >/dev/null"));
	EXPECT_NE(0, netio_run("sluice volume show " BAD " 2>/dev/null"));
	EXPECT_NE(0, netio_run("sluice volume add " BAD " dev " WEDGED " 2>/dev/null"));
	/* Nor within a transaction, whose other half leaves no trace. */
	ASSERT_EQ(0, rig_null_add(GOOD, "size=8"));
	EXPECT_NE(0, netio_run("echo '{\"version\":2,"
			       "\"volume\":[{\"name\":\"" GOOD "\",\"dev\":\"/dev/" GOOD
			       "\"},{\"name\":\"" BAD "\",\"dev\":\"" WEDGED "\"}]}' |"
			       " sluice apply - 2>/dev/null"));
	EXPECT_NE(0, netio_run("sluice volume show " GOOD " 2>/dev/null"));
	ASSERT_EQ(0, wedge_go());
	while (netio_run("sluice volume add " BAD " dev " WEDGED " 2>/dev/null"))
		usleep(10000);
	EXPECT_EQ(0, rig_volume_del(BAD));
	/* Nobody has it any more. */
	EXPECT_EQ(0, netio_run("blockdev --flushbufs " WEDGED));
	rig_null_pull(GOOD);
	EXPECT_EQ(0, rig_null_del(GOOD));
}

/* Words: whose it is, and where. */
static int refused_late(const char *command)
{
	return netio_run("sluice volume add slnext dev %s 2>/tmp/why", command) ?
	       netio_run("grep -q 'may yet be written there' /tmp/why") :
	       -EPERM;
}

/*
 * A new record that the device has, and keeps: given up, and its place is nobody's until the device
 * is done with it.
 */
TEST(late_record)
{
	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, rig_null_add(GOOD, "size=8"));
	ASSERT_EQ(0, wedge("disk", "keep"));
	EXPECT_NE(0, netio_run("sluice volume add " GOOD " dev /dev/" GOOD " size 4m record " WEDGED
			       " record-start 1m record-new 2>/tmp/why"));
	EXPECT_EQ(0, netio_run("grep -q 'does not answer' /tmp/why"));
	EXPECT_NE(0, netio_run("sluice volume show " GOOD " 2>/dev/null"));
	EXPECT_EQ(0, refused_late(WEDGED));
	EXPECT_EQ(0, refused_late(WEDGED " start 1028k size 4k"));
	EXPECT_EQ(0, refused_late("/dev/" GOOD " record " WEDGED " record-start 1020k record-new"));
	/* What is beside it is free. */
	EXPECT_EQ(0, netio_run("sluice volume add slnext dev " WEDGED " size 1m"));
	EXPECT_NE(0, netio_run("sluice volume set slnext size 2m 2>/dev/null"));
	EXPECT_EQ(0, rig_volume_del("slnext"));
	ASSERT_EQ(0, wedge_go());
	while (netio_run("sluice volume add slnext dev " WEDGED " 2>/dev/null"))
		usleep(10000);
	EXPECT_EQ(0, rig_volume_del("slnext"));
	rig_null_pull(GOOD);
	EXPECT_EQ(0, rig_null_del(GOOD));
}

static int set_record(const char *how)
{
	return netio_run("sluice volume set " GOOD " record %s 2>/tmp/why", how);
}

/* The same of a volume that is there, which stays as it was; what is on its way holds it up. */
TEST(late_record_of_a_live_volume)
{
	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, rig_null_add(GOOD, "size=8"));
	ASSERT_EQ(0, rig_volume_add(GOOD, "/dev/" GOOD, ""));
	ASSERT_EQ(0, wedge("disk", "keep"));
	EXPECT_NE(0, set_record(WEDGED " record-new"));
	EXPECT_EQ(0, netio_run("grep -q 'does not answer' /tmp/why"));
	EXPECT_EQ(0, says(GOOD, " record none "));
	EXPECT_NE(0, set_record(WEDGED " record-new"));
	EXPECT_EQ(0, netio_run("grep -q 'may yet be written there' /tmp/why"));
	EXPECT_EQ(0, says(GOOD, " record none "));
	ASSERT_EQ(0, wedge_go());
	while (set_record(WEDGED " record-new"))
		usleep(10000);
	ASSERT_EQ(0, wedge("disk", "keep"));
	EXPECT_EQ(0, netio_run("sluice volume set " GOOD " size 4m"));
	EXPECT_NE(0, set_record("none"));
	EXPECT_EQ(0, netio_run("grep -q 'its record is being written' /tmp/why"));
	EXPECT_EQ(0, says(GOOD, " record " WEDGED));
	ASSERT_EQ(0, wedge_go());
	while (set_record("none"))
		usleep(10000);
	EXPECT_EQ(0, says(GOOD, " record none "));
	EXPECT_EQ(0, rig_volume_del(GOOD));
	rig_null_pull(GOOD);
	EXPECT_EQ(0, rig_null_del(GOOD));
}

/*
 * While it hands over several that the block layer keeps back for each other: what the driver was
 * not given when the thread died nobody gives to it any more.
 */
TEST_F_TIMEOUT(dying, with_more_to_come, 240)
{
	struct vdrv_vq *q = &self->disk.v.vq[0];
	unsigned int before = wedge_deaths(), i;
	struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .len = 4 * KB };

	ASSERT_EQ(0, mockdisk("die"));
	for (i = 0; i < 4; i++, io.sector += 64)
		vblk_put(&self->disk.v, q, i, &io);
	ASSERT_EQ(0, begin(&self->disk, VIRTIO_BLK_T_OUT, io.sector, self->data));
	wedge_await_deaths(before + 1);
	EXPECT_EQ(0, says(BAD, "quarantine a worker died in it"));
	await(BAD, "in-flight 2");
	ASSERT_EQ(0, mockdisk("go"));
	await(BAD, "in-flight 0");
	start_anew(_metadata, &self->disk);
}

/*
 * One that makes who hands it something sleep, whatever it was asked: not the worker, once that is
 * known.
 */
TEST(sleeping_device)
{
	int workers, others, before;
	unsigned char *data = rig_alloc(IO);
	struct disk d;
	unsigned int i;

	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, rig_volume_add(BAD, WEDGED, ""));
	ASSERT_EQ(0, attach(&d, BAD));
	ASSERT_EQ(0, slept(&before, &others));
	ASSERT_EQ(0, wedge("disk", "sleep"));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, disk_read(&d, 8 * i, data, IO));
	ASSERT_EQ(0, slept(&workers, &others));
	printf("# of 20 requests workers slept over %d\n", workers - before);
	EXPECT_LE(1, workers - before);
	EXPECT_GE(10, workers - before);
	ASSERT_EQ(0, wedge_go());
	disk_close(&d);
	EXPECT_EQ(0, rig_volume_del(BAD));
	free(data);
}

/* A path that is not walked to its end, as with a server that is down: likewise. */
TEST(looking)
{
	const char *wait = "/sys/module/sluice_mockpath/parameters/wait";

	if (access(wait, F_OK))
		ASSERT_EQ(0, netio_run("insmod $SLUICE_OBJECTS/wedge/sluice_mockpath.ko"));
	ASSERT_EQ(0, netio_run("mkdir -p /tmp/dead && mount -t mockpath none /tmp/dead"));
	ASSERT_EQ(0, netio_run("echo 1 >%s", wait));
	EXPECT_NE(0, netio_run("sluice volume add " BAD " dev /tmp/dead/disk 2>/tmp/why"));
	EXPECT_EQ(0, netio_run("grep -q 'does not answer its opening' /tmp/why"));
	EXPECT_EQ(0, netio_run("ip link show >/dev/null && sluice volume show >/dev/null"));
	/* Not walked again; another path may be. */
	EXPECT_NE(0, netio_run("sluice volume add " BAD " dev /tmp/dead/disk 2>/dev/null"));
	ASSERT_EQ(0, rig_null_add(GOOD, "size=8"));
	EXPECT_EQ(0, rig_volume_add(GOOD, "/dev/" GOOD, ""));
	EXPECT_EQ(0, rig_volume_del(GOOD));
	ASSERT_EQ(0, netio_run("echo 0 >%s", wait));
	while (netio_run("sluice volume add " BAD " dev /tmp/dead/disk 2>&1 |"
			 " grep -q 'there is no such file'"))
		usleep(10000);
	EXPECT_EQ(0, netio_run("umount /tmp/dead"));
	rig_null_pull(GOOD);
	EXPECT_EQ(0, rig_null_del(GOOD));
}

/*
 * So many at once do not answer: a command waits for one of them. Volumes on one device would share
 * its opening, so each has a partition of its own.
 */
#define MANY	40

/* Of each; the disk has eight MiB. */
#define MANY_SECTORS	"256"

static int many_parts(bool add)
{
	return netio_run(add ? "for n in $(seq %d); do addpart " WEDGED " $n"
			       " $((($n - 1) * " MANY_SECTORS ")) " MANY_SECTORS " || exit; done" :
			       "for n in $(seq %d); do delpart " WEDGED " $n || exit; done", MANY);
}

static int many_volumes(const char *errors)
{
	char apply[64];
	FILE *state;
	int i;

	snprintf(apply, sizeof(apply), "sluice apply - %s", errors);
	state = popen(apply, "w");
	if (!state)
		return -errno;
	fputs("{\"version\":2,\"volume\":[", state);
	for (i = 0; i < MANY; i++)
		fprintf(state, "%s{\"name\":\"slmany%d\",\"dev\":\"" WEDGED "p%d\"}",
			i ? "," : "", i, i + 1);
	fputs("]}", state);
	return pclose(state);
}

static unsigned int opened(void)
{
	FILE *f = fopen("/sys/module/sluice_wedge/parameters/opened", "r");
	unsigned int n = 0;

	if (!f || fscanf(f, "%u", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

static int many_are_there(void)
{
	return !netio_run("sluice volume show | grep -q slmany");
}

static int no_volumes(void)
{
	return netio_run("echo '{\"version\":2,\"volume\":[]}' | sluice apply -");
}

/* Each answers its opening, but all of them together would hold up others. */
TEST(slow_openings)
{
	unsigned int before;
	int refused;

	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, many_parts(true));
	before = opened();
	ASSERT_EQ(0, wedge("disk", "slow"));
	refused = many_volumes("2>/tmp/why");
	EXPECT_NE(0, refused);
	if (!refused)
		EXPECT_EQ(0, no_volumes());
	EXPECT_EQ(0, netio_run("grep -q 'take too long together' /tmp/why"));
	printf("# of %d slow devices %u were opened\n", MANY, opened() - before);
	EXPECT_GT(MANY / 2, opened() - before);
	/* Nothing is left of it, and nothing in the way. */
	while (many_are_there())
		usleep(10000);
	ASSERT_EQ(0, wedge_go());
	while (many_volumes("2>/dev/null"))
		usleep(10000);
	ASSERT_EQ(0, netio_run("[ $(sluice volume show | grep -c slmany) = %d ]", MANY));
	EXPECT_EQ(0, no_volumes());
	while (many_are_there())
		usleep(10000);
	EXPECT_EQ(0, many_parts(false));
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/*
 * A closing is waited for a quarter of a second, so all of them would be for ten: how fast the
 * machine is makes no such difference.
 */
TEST(one_wait_a_command)
{
	double then;

	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, many_parts(true));
	ASSERT_EQ(0, many_volumes(""));
	ASSERT_EQ(0, netio_run("[ $(sluice volume show | grep -c slmany) = %d ]", MANY));
	ASSERT_EQ(0, wedge("disk", "close"));
	then = seconds();
	EXPECT_EQ(0, no_volumes());
	then = seconds() - then;
	printf("# %d closings that do not return: %.2f s\n", MANY, then);
	EXPECT_GT(MANY / 4 / 2, then);
	EXPECT_EQ(0, netio_run("ip link show >/dev/null && sluice volume show >/dev/null"));
	ASSERT_EQ(0, wedge_go());
	while (many_are_there())
		usleep(10000);
	EXPECT_EQ(0, many_parts(false));
}

TEST_HARNESS_MAIN
