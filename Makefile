# SPDX-License-Identifier: MIT
# make          build the program and its manual page into build/ (installs nothing)
# make check    install what is missing, build, run every test: "N passed, N failed, N skipped"
# make demo     a call through the gateway, and three attacks, before your eyes
# make simulate members over a simulated group, SEEDS of them (default 20000)
# make cluster  what is lost when a member of a cluster dies: a row for each way, CALLS calls each
# make bench    the figures, beside what a user would pick instead
# make lint     the checks that hold the house up
# make fuzz     the fuzzers, FUZZ_SECONDS each
MAKEFLAGS += --no-builtin-rules
BUILD ?= build
CC = gcc
CLANG ?= clang
CFLAGS ?= -O2 -g
FUZZ_SECONDS ?= 600
SEEDS ?= 20000
sanitize_flags = -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all
CALLS ?= 50

packages = libbpf libxdp libsystemd yaml-0.1 smartcols jansson libmnl libpcap libcpg
warnings = -Wall -Wextra -Wshadow -Wmissing-prototypes -Werror
flags = -std=gnu11 -D_GNU_SOURCE $(warnings) -Iinclude -Iuser -I$(BUILD) $(CFLAGS) -MMD -MP
bpf_compile = $(CLANG) -O2 -fno-strict-aliasing -g -Wall -Werror -target bpf -mcpu=v3 -Iinclude \
	-I/usr/include/$(shell uname -m)-linux-gnu
libs = $(shell pkg-config --libs $(packages)) -lelf -lz -lm

# Pure code: linked into one archive whose undefined symbols scripts/purity checks.
pure = $(filter-out user/inspect/inspect.c user/inspect/pending.c user/inspect/travel.c, \
	$(wildcard user/base/*.c user/reasm/*.c user/inspect/*.c user/proto/*/*.c)) user/policy/policy.c user/policy/nat.c
acts = $(filter-out $(pure) user/main.c, $(wildcard user/*.c user/*/*.c))
pure_objects = $(pure:%.c=$(BUILD)/%.o)
acts_objects = $(acts:%.c=$(BUILD)/%.o)

unit_tests = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c tests/torture/*_test.c tests/golden/*_test.c))
bpf_tests = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bpf/*_test.c))
simulations = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/simulate/*_test.c))
bench_tools = $(patsubst tests/bench/%.c,$(BUILD)/%,$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))
fuzzers = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*_fuzz.c))

# Where there is no scdoc the program is all the same.
manual = $(if $(shell command -v scdoc),$(BUILD)/ringfence.8)

.PHONY: all check tests unit_tests sanitized demo cluster bench lint fuzz simulate clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(if $(wildcard user/main.c),$(BUILD)/ringfence) $(manual)

ifeq ($(filter clean,$(MAKECMDGOALS)),)
ifeq ($(filter check demo cluster bench,$(MAKECMDGOALS)),)
missing := $(shell for p in $(packages); do pkg-config --exists $$p 2>/dev/null || echo $$p; done; \
	for t in $(CLANG) bpftool; do command -v $$t >/dev/null || ls /usr/sbin/$$t >/dev/null 2>&1 || echo $$t; done)
ifneq ($(strip $(missing)),)
$(error ringfence: build: missing: $(missing) (install all that is needed with scripts/deps))
endif
endif
endif

$(BUILD)/ringfence: $(BUILD)/user/main.o $(acts_objects) $(BUILD)/libpure.a
	$(CC) $(CFLAGS) -o $@ $(BUILD)/user/main.o $(acts_objects) $(BUILD)/libpure.a $(libs)

$(BUILD)/ringfence.8: user/cli/ringfence.8.scd
	@mkdir -p $(@D)
	scdoc <$< >$@

$(BUILD)/libpure.a: $(pure_objects)
	rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c | $(BUILD)/gateway.skel.h
	@mkdir -p $(@D)
	$(CC) $(flags) -c -o $@ $<

$(BUILD)/gateway.bpf.o: bpf/gateway.bpf.c $(wildcard bpf/*.h include/ringfence/*)
	@mkdir -p $(@D)
	$(bpf_compile) -c -o $@ $<

$(BUILD)/gateway.skel.h: $(BUILD)/gateway.bpf.o
	PATH=$$PATH:/usr/sbin bpftool gen skeleton $< name gateway_bpf > $@

# A test links what it needs of everything but main.
$(BUILD)/libacts.a: $(acts_objects)
	rm -f $@
	ar rcs $@ $^

$(BUILD)/tests/%: tests/%.c $(BUILD)/libacts.a $(BUILD)/libpure.a
	@mkdir -p $(@D)
	$(CC) $(flags) -Itests -o $@ $< $(BUILD)/libacts.a $(BUILD)/libpure.a -lcmocka $(libs)

# What is fuzzed is pure, but for the channel of a connection, which keeps bytes.
fuzzed = $(pure) user/io/channel.c

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(fuzzed)
	@mkdir -p $(@D)
	$(CLANG) -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -Iinclude -Iuser -o $@ $< $(fuzzed)

$(BUILD)/bench/%.bpf.o: tests/bench/%.bpf.c $(wildcard tests/bench/*.h)
	@mkdir -p $(@D)
	$(bpf_compile) -c -o $@ $<

$(BUILD)/bench/%.skel.h: $(BUILD)/bench/%.bpf.o
	PATH=$$PATH:/usr/sbin bpftool gen skeleton $< name $*_bpf > $@

$(BUILD)/blast: $(BUILD)/bench/blast.skel.h tests/bench/blast.h

$(BUILD)/%: tests/bench/%.c $(BUILD)/libacts.a $(BUILD)/libpure.a
	@mkdir -p $(@D)
	$(CC) $(flags) -Itests -o $@ $< $(BUILD)/libacts.a $(BUILD)/libpure.a $(libs) -lcmocka -lm

tests: all $(unit_tests) $(bpf_tests) $(simulations)

unit_tests: $(unit_tests) $(simulations)

# The same tests with each access and each sum watched, in a tree of their own.
sanitized:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/san CFLAGS='$(sanitize_flags)' unit_tests

check:
	@scripts/deps
	@$(MAKE) --no-print-directory -j2 --quiet tests
	@$(MAKE) --no-print-directory -j2 --quiet sanitized
	@tests/run

demo:
	@scripts/deps
	@$(MAKE) --no-print-directory -j2 --quiet all
	@scripts/demo

cluster:
	@scripts/deps
	@$(MAKE) --no-print-directory -j2 --quiet all
	@tests/cluster/run --calls $(CALLS)

bench:
	@scripts/deps
	@$(MAKE) --no-print-directory -j2 --quiet all
	@$(MAKE) --no-print-directory -j2 --quiet $(bench_tools)
	@tests/bench/run

lint: $(BUILD)/libpure.a
	@scripts/lint

simulate: $(simulations)
	@for test in $(simulations); do SEEDS=$(SEEDS) $$test || exit 1; done

fuzz: $(fuzzers)
	@tests/fuzz/run $(FUZZ_SECONDS)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
