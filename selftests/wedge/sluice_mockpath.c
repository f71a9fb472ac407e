// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests alone: a file system whose server does not answer.
 *
 *   mount -t mockpath none DIR
 *   echo 1 >/sys/module/sluice_mockpath/parameters/wait
 *
 * It has no file. Who looks for one waits until the parameter is 0.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/wait.h>

#define MOCKPATH_MAGIC	0x736c6d70

static bool waits;
static DECLARE_WAIT_QUEUE_HEAD(answered);

static int wait_set(const char *val, const struct kernel_param *kp)
{
	int err = param_set_bool(val, kp);

	wake_up_all(&answered);
	return err;
}

static const struct kernel_param_ops wait_ops = {
	.set = wait_set,
	.get = param_get_bool,
};
module_param_cb(wait, &wait_ops, &waits, 0644);

static struct dentry *mockpath_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	wait_event(answered, !READ_ONCE(waits));
	return simple_lookup(dir, dentry, flags);
}

static const struct inode_operations mockpath_dir_ops = {
	.lookup = mockpath_lookup,
};

static int mockpath_fill(struct super_block *sb, struct fs_context *fc)
{
	static const struct tree_descr none[] = { { "" } };
	int err = simple_fill_super(sb, MOCKPATH_MAGIC, none);

	if (!err)
		d_inode(sb->s_root)->i_op = &mockpath_dir_ops;
	return err;
}

static int mockpath_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, mockpath_fill);
}

static const struct fs_context_operations mockpath_context_ops = {
	.get_tree = mockpath_get_tree,
};

static int mockpath_init_context(struct fs_context *fc)
{
	fc->ops = &mockpath_context_ops;
	return 0;
}

static struct file_system_type mockpath_type = {
	.owner = THIS_MODULE,
	.name = "mockpath",
	.init_fs_context = mockpath_init_context,
	.kill_sb = kill_litter_super,
};

static int __init mockpath_init(void)
{
	return register_filesystem(&mockpath_type);
}

static void __exit mockpath_exit(void)
{
	unregister_filesystem(&mockpath_type);
}

module_init(mockpath_init);
module_exit(mockpath_exit);

MODULE_ALIAS_FS("mockpath");
MODULE_DESCRIPTION("Sluice tests: a file system that does not answer");
MODULE_LICENSE("GPL");
