# SPDX-License-Identifier: GPL-2.0-only
# `make help` says what there is.

# The kernel to build for: the running one if its headers are here, else the newest installed.
kernels := $(patsubst /lib/modules/%/build/Makefile,%,$(wildcard /lib/modules/*/build/Makefile))
running := $(shell uname -r)
KVER ?= $(or $(filter $(running),$(kernels)),$(shell printf '%s\n' $(kernels) | sort -V | tail -n 1))
KDIR ?= /lib/modules/$(KVER)/build
RELEASE = $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)

# Kbuild leaves the objects of an out-of-tree module beside its sources, so two kernels built in one
# place would spoil each other's work. BUILD= names a directory that stands in for the source tree,
# holding a link to each source file. A User-mode Linux build gets one unasked.
top := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
ifeq ($(ARCH),um)
BUILD ?= $(top)/build/$(notdir $(abspath $(KDIR)))
endif
override BUILD := $(abspath $(BUILD))
tree := $(or $(BUILD),$(top))

module_dirs := kmod vhost-vendor vfio-mdev
kbuild = $(MAKE) -C $(KDIR) M=$(tree)
dest := updates/sluice
# A distribution's headers come without its signing key: do not try to sign with it.
unsigned = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
installed = $(DESTDIR)/lib/modules/$(RELEASE)/$(dest)

.PHONY: all modules tool tree kernel kernelrelease install modules_install uninstall clean help
.PHONY: lint check check-long demo bench fuzz

all: modules tool

kernel:
	@test -e $(KDIR)/Makefile || { \
		echo "no kernel build tree in '$(KDIR)':" >&2; \
		echo "install a 6.12 kernel's headers (on Debian selftests/rig/deps.sh build does) or say KDIR= or KVER=" >&2; \
		exit 1; }

kernelrelease:
	@echo $(RELEASE)

# Links to files that are gone go too, or Kbuild would find objects without a source.
tree:
ifneq ($(BUILD),)
	@mkdir -p $(BUILD)
	@cd $(top) && find Kbuild $(module_dirs) -type d -exec mkdir -p '$(BUILD)/{}' ';' -o \
		'(' -name Kbuild -o -name '*.[chS]' ')' ! -name '*.mod.c' \
		-exec ln -sfn '$(top)/{}' '$(BUILD)/{}' ';'
	@find $(BUILD) -xtype l -delete
endif

modules: kernel tree
	+$(kbuild) modules

tool:
	+$(MAKE) -C userspace

modules_install: kernel
	+$(kbuild) INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=$(dest) $(unsigned) modules_install
	$(if $(DESTDIR),,depmod -a $(RELEASE))

install: modules_install
	+$(MAKE) -C userspace install

uninstall: kernel
	rm -rf $(installed)
	$(if $(DESTDIR),,depmod -a $(RELEASE))
	+$(MAKE) -C userspace uninstall

# Removes by name what Kbuild and our own Makefiles make, so that it works without a kernel tree too.
clean:
	@cd $(top) && rm -rf build Module.symvers modules.order .Module.symvers.cmd .modules.order.cmd \
		.module-common.o .module-common.o.d ..module-common.o.cmd
	@cd $(top) && find $(module_dirs) -type f '(' -name '*.o' -o -name '*.ko' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' -o -name '*.o.d' -o -name modules.order ')' -delete
	+@for dir in userspace $(patsubst %,selftests/%,unit vhost vdpa blk vfio bench); do \
		test ! -e $(top)/$$dir/Makefile || $(MAKE) -s -C $(top)/$$dir clean || exit 1; done

# Nothing happens, and no root is needed, when all is there.
deps-%:
	@$(top)/selftests/rig/deps.sh $*

lint: deps-lint
	$(top)/selftests/lint/lint.sh

# If make dies, so do they.
check: deps-rig
	setpriv --pdeathsig TERM $(top)/selftests/check.sh $(T)

check-long: deps-rig
	setpriv --pdeathsig TERM $(top)/selftests/check.sh --long $(T)

demo:
	$(top)/selftests/rig/demo.sh

bench: deps-rig
	$(top)/selftests/bench/run.sh

fuzz: deps-rig
	+$(MAKE) -C $(top)/selftests/unit fuzz

help:
	@echo 'Build'
	@echo '  all             the modules and the tool (the default)'
	@echo '  modules         sluice.ko, sluice_net.ko, sluice_blk.ko, sluice_vhost.ko, sluice_vdpa.ko,'
	@echo '                  sluice_mdev.ko'
	@echo '  tool            userspace/sluice'
	@echo '  install         both, and depmod          uninstall   takes them out again'
	@echo '  modules_install only the modules          clean       removes what was built'
	@echo
	@echo 'See it work'
	@echo '  demo            a KVM host with an SR-IOV NIC, a guest and a peer, step by step'
	@echo '  check           the tests; T=NAME runs one group or one test (T=list names them)'
	@echo '  check-long      all of them, with those that are slow, and longer fuzzing: for the night'
	@echo '  lint            checkpatch, W=1, sparse, coccicheck, shellcheck, codespell and others'
	@echo '  bench           cost per packet beside vhost-net with Open vSwitch, bridge and macvtap, and per request'
	@echo '                  beside vhost-scsi; BENCH=net or BENCH=block does one half. BENCH=rate: what TCP gets of'
	@echo '                  a limit; BENCH=pause: how long control, or a dead worker, holds up packets'
	@echo '  fuzz            the fuzz targets, at length'
	@echo
	@echo 'Variables'
	@echo '  KDIR=DIR        the kernel build tree       now: $(KDIR)'
	@echo '  KVER=VERSION    the same by version         now: $(KVER)'
	@echo '  ARCH=um         with KDIR= a User-mode Linux build'
	@echo '  BUILD=DIR       keep the modules'"'"' objects there instead of beside the sources'
	@echo '  DESTDIR= PREFIX=  where install puts things'
