# ptverdict: make fetches what is missing (Debian), builds, and runs. `make help` lists the targets.
# SPDX-License-Identifier: Apache-2.0

.DEFAULT_GOAL := all
PREFIX  ?= /usr/local
DESTDIR ?=
CFLAGS  ?= -O2 -g
V       ?= 0
T       ?=
SECONDS_EACH ?= 20
BOOTSTRAP    ?= yes

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
Q    := $(if $(filter 0,$(V)),@)
say   = @$(if $(filter 0,$(V)),printf '  %-7s %s\n' "$(1)" "$(2)",:)

PKGS := libcurl libcjson lua5.4 inih libidn2 libpsl libcrypto sqlite3 libmicrohttpd
DEBS := gcc libc6-dev pkg-config libcurl4-openssl-dev libcjson-dev liblua5.4-dev libinih-dev libidn2-dev libpsl-dev libssl-dev libsqlite3-dev libmicrohttpd-dev
# Programs and packages that only some targets use.
DEMO_PROGS := node
DEMO_DEBS  := nodejs
CHECK_PROGS := node prove curl openssl python3 g++ man xmllint systemd-analyze
CHECK_DEBS  := nodejs perl curl openssl python3 python3-jsonschema python3-requests python3-yaml g++ libcmocka-dev man-db ca-certificates libxml2-utils systemd
SOAR_PROGS := node java
SOAR_DEBS  := activemq default-jre-headless
LINT_PROGS := clang clang-tidy clang-format luacheck shellcheck
LINT_DEBS  := clang clang-tidy clang-format lua-check shellcheck
FUZZ_PROGS := clang
FUZZ_DEBS  := clang libclang-rt-14-dev
COVER_PROGS := gcovr
COVER_DEBS  := gcovr

# $(call install,what is missing,packages): fetch Debian packages, or say which.
define install
{ [ "$(BOOTSTRAP)" != no ] && command -v apt-get >/dev/null && \
  echo "  FETCH   $(2)" && $(SUDO) apt-get update -qq && \
  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $(2) >build/apt.log 2>&1; } || \
{ cat build/apt.log 2>/dev/null >&2; echo "missing one of: $(1). On Debian: apt-get install $(2)" >&2; exit 1; }
endef

NEEDS_DEPS := $(if $(MAKECMDGOALS),$(filter-out help clean uninstall app-zip,$(MAKECMDGOALS)),all)
ifneq ($(NEEDS_DEPS),)
include build/deps.mk # absent at first: make runs the rule below, then starts over with the flags known
endif

build/deps.mk: Makefile
	@mkdir -p build
	@{ command -v $(CC) >/dev/null && command -v pkg-config >/dev/null && pkg-config --exists $(PKGS); } 2>/dev/null || \
	  $(call install,$(CC) $(PKGS),$(DEBS))
	@printf 'DEP_CFLAGS := %s\nDEP_LIBS := %s\n' "$$(pkg-config --cflags $(PKGS))" "$$(pkg-config --libs $(PKGS))" >$@

# build/tools-NAME: the programs of one target are there.
define tools
build/tools-$(1): Makefile
	@mkdir -p build
	@( for p in $$($(2)_PROGS); do command -v $$$$p >/dev/null || exit 1; done; $(3) ) 2>/dev/null || \
	  $$(call install,$$($(2)_PROGS),$$($(2)_DEBS))
	@touch $$@
endef
$(eval $(call tools,demo,DEMO,:))
$(eval $(call tools,check,CHECK,pkg-config --exists cmocka && /usr/bin/python3 -c "import jsonschema; import yaml"))
$(eval $(call tools,lint,LINT,:))
# A broker of its own: without one its tests are skipped, and say so.
build/tools-soar: Makefile build/tools-check
	@( { command -v java && [ -d /usr/share/activemq/lib ]; } >/dev/null 2>&1 || $(call install,$(SOAR_PROGS) activemq,$(SOAR_DEBS)) ) && touch $@ || \
	  echo '  SKIP    the tests that need a broker'
$(eval $(call tools,fuzz,FUZZ,ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a >/dev/null))
$(eval $(call tools,cover,COVER,:))

WARN := -std=c17 -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wstrict-prototypes
BASE := -D_GNU_SOURCE -DPTV_SHARE_DIR='"$(PREFIX)/share/ptverdict"' -Iinclude -Isrc -include src/base/banned.h -fvisibility=hidden -fPIC -MMD -MP $(WARN)
SAN  := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_release := $(BASE) $(CFLAGS) -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fno-plt
FLAGS_asan    := $(BASE) -O1 -g $(SAN)
FLAGS_cover   := $(BASE) -O0 -g --coverage
FLAGS_fuzz    := $(BASE) -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LINK_release  := -Wl,-z,relro,-z,now -Wl,--as-needed
LINK_asan     := $(SAN)
LINK_cover    := --coverage
LIBS = $(DEP_LIBS) -lm

SRC     := $(sort $(wildcard src/*.c src/*/*.c))
LIB_SRC := $(filter-out src/cli/%,$(SRC))
CLI_SRC := $(filter src/cli/%,$(SRC)) build/starter.c
HEADERS := $(wildcard include/*.h src/*/*.h src/*.h src/*/*.def)
UNIT    := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/bench_*.c))
EXAMPLES := $(patsubst examples/%.c,%,$(wildcard examples/*.c))
objects  = $(patsubst %.c,build/$(1)/%.o,$(2))

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all demo check check-soar soak unit cli lint format fuzz bench bench-soar coverage app-zip install uninstall clean help FORCE
all: build/ptverdict build/libptverdict.a build/libptverdict.so

# A stamp a mode: rebuilt when compiler or flags change.
build/%/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ',,$(CC) $(FLAGS_$*) $(DEP_CFLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ',,$(CC) $(FLAGS_$*) $(DEP_CFLAGS))' >$@

define mode
build/$(1)/%.o: %.c build/$(1)/flags
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(COMPILER_$(1)) $$(FLAGS_$(1)) $$(DEP_CFLAGS) -c $$< -o $$@
build/$(1)/libptverdict.a: $$(call objects,$(1),$$(LIB_SRC))
	$$(call say,AR,$$@)
	@rm -f $$@
	$$(Q)ar qcs $$@ $$^
build/$(1)/ptverdict: $$(call objects,$(1),$$(CLI_SRC)) build/$(1)/libptverdict.a
	$$(call say,LINK,$$@)
	$$(Q)$$(COMPILER_$(1)) $$(LINK_$(1)) $$^ $$(LIBS) -o $$@
endef
# What `ptverdict init` hands out, embedded from the one place where it is kept.
STARTER := $(wildcard rules/*.lua) $(wildcard rules/lists/*)
build/starter.c: scripts/embed.sh $(STARTER) examples/archive/starter.ndjson
	$(call say,EMBED,$@)
	$(Q)sh scripts/embed.sh $(foreach f,$(STARTER),$(f)=$(f)) archive/starter.ndjson=examples/archive/starter.ndjson >$@

COMPILER_release = $(CC)
COMPILER_asan    = $(CC)
COMPILER_cover   = $(CC)
COMPILER_fuzz    = clang
$(foreach m,release asan cover fuzz,$(eval $(call mode,$(m))))

build/ptverdict: build/release/ptverdict
	$(Q)ln -sf release/ptverdict $@
build/libptverdict.a: build/release/libptverdict.a
	$(Q)ln -sf release/libptverdict.a $@
build/libptverdict.so.0: $(call objects,release,$(LIB_SRC))
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(@F) $(LINK_release) $^ $(LIBS) -o $@
build/libptverdict.so: build/libptverdict.so.0
	$(Q)ln -sf $(<F) $@

# Tests: unit tests and fuzz replays against the sanitized library.
build/asan/unit/%: build/asan/tests/unit/%.o build/asan/libptverdict.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LINK_asan) $^ $(LIBS) -lcmocka -o $@
build/cover/unit/%: build/cover/tests/unit/%.o build/cover/libptverdict.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LINK_cover) $^ $(LIBS) -lcmocka -o $@
# Its judge is exchanged for a careless one.
build/%/unit/test_fail_sections: LIBS += -Wl,--wrap=ptv_ruleset_judge
build/asan/replay/%: build/asan/tests/fuzz/%.o build/asan/tests/fuzz/replay.o build/asan/libptverdict.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LINK_asan) $^ $(LIBS) -o $@
build/fuzz/%: build/fuzz/tests/fuzz/%.o build/fuzz/libptverdict.a
	$(call say,LINK,$@)
	$(Q)clang -fsanitize=fuzzer,address,undefined $^ $(LIBS) -o $@
build/bench/%: build/release/tests/bench/%.o build/release/libptverdict.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LINK_release) $^ $(LIBS) -o $@
build/bench/bare: build/release/tests/soar/bare.o build/release/libptverdict.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LINK_release) $^ $(LIBS) -o $@
build/examples/%: examples/%.c build/libptverdict.so include/ptverdict.h
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -Wall -Wextra -Iinclude $< -Lbuild -Wl,-rpath,'$$ORIGIN/..' -lptverdict -o $@

demo: build/ptverdict build/tools-demo
	@sh examples/demo.sh

CHECK_BUILDS := $(UNIT:%=build/asan/unit/%) $(FUZZERS:%=build/asan/replay/%) build/asan/ptverdict build/ptverdict \
                build/libptverdict.so $(EXAMPLES:%=build/examples/%) build/bench/bare
# One prove run over everything; T=PATTERN picks files by name. check-soar: only what plays the SOAR platform, 3 to 4 minutes.
check: build/tools-check build/tools-soar $(CHECK_BUILDS)
	@tests/run.sh '$(T)'
check-soar: build/tools-soar build/asan/ptverdict build/ptverdict build/bench/bare
	@tests/soar/run.sh '$(T)'

# Full counts, or CUTS=… CONNECTS=… CALLS=…; against the program as it is shipped.
CUTS     ?= 1000
CONNECTS ?= 10000
CALLS    ?= 100000
soak: build/tools-soar build/ptverdict build/bench/bare
	@MODE=release CUTS=$(CUTS) CONNECTS=$(CONNECTS) SHAPED_CALLS=1000 tests/soar/run.sh 'row-\(06\|13\|21\)'
	@PTVERDICT=build/ptverdict CALLS=$(CALLS) tests/soar/bench.js memory
bench-soar: build/tools-soar build/ptverdict build/bench/bare
	@PTVERDICT=build/ptverdict tests/soar/bench.js $(T)

lint: build/tools-lint $(call objects,release,$(SRC))
	@tests/lint/run.sh
format: build/tools-lint
	$(Q)clang-format -i $(filter %.c %.h,$(SRC) $(HEADERS)) $(wildcard tests/*/*.c tests/*/*.h examples/*.c)

# make fuzz            every target for SECONDS_EACH seconds;  make fuzz T=artifact SECONDS_EACH=600   one for longer
FUZZ_NOW := $(if $(T),$(filter fuzz_$(T),$(FUZZERS)),$(FUZZERS))
fuzz: build/tools-fuzz $(FUZZ_NOW:%=build/fuzz/%)
	@tests/fuzz/run.sh $(SECONDS_EACH) $(FUZZ_NOW)

bench: build/tools-check all $(BENCHES:%=build/bench/%)
	@tests/bench/run.sh "$(T)"

coverage: build/tools-check build/tools-cover $(UNIT:%=build/cover/unit/%) build/cover/ptverdict
	@find build/cover -name '*.gcda' -delete
	@MODE=cover tests/run.sh
	@gcovr --root . --filter src/ --object-directory build/cover --print-summary --txt build/coverage.txt && tail -n 20 build/coverage.txt

# make app-zip APP_IMAGE=REGISTRY/fn_passivetotal:1.1.0 APP_VERSION=1.1.0     the app of a SOAR platform with an App Host
APP_IMAGE   ?= registry.example.com/soar/fn_passivetotal:$(APP_VERSION)
APP_VERSION ?= 1.1.0
APP_EXPORT  ?= fresh
app-zip:
	@mkdir -p build
	@python3 packaging/soar/app_zip.py --image $(APP_IMAGE) --version $(APP_VERSION) --export $(APP_EXPORT) --out build

BIN := $(DESTDIR)$(PREFIX)/bin
INC := $(DESTDIR)$(PREFIX)/include
LIB := $(DESTDIR)$(PREFIX)/lib
SHARE := $(DESTDIR)$(PREFIX)/share
install: all
	install -d $(BIN) $(INC) $(LIB) $(SHARE)/man/man1 $(SHARE)/ptverdict/rules/lists $(SHARE)/ptverdict/examples $(SHARE)/doc/ptverdict
	install -m 755 build/release/ptverdict $(BIN)/ptverdict
	install -m 644 include/ptverdict.h $(INC)/ptverdict.h
	install -m 644 build/release/libptverdict.a $(LIB)/libptverdict.a
	install -m 755 build/libptverdict.so.0 $(LIB)/libptverdict.so.0
	ln -sf libptverdict.so.0 $(LIB)/libptverdict.so
	install -m 644 docs/man/ptverdict.1 $(SHARE)/man/man1/ptverdict.1
	install -m 644 rules/*.lua $(SHARE)/ptverdict/rules/
	install -m 644 rules/lists/* $(SHARE)/ptverdict/rules/lists/
	cp -R examples/rules examples/cookbook examples/ci $(SHARE)/ptverdict/examples/
	install -m 644 README.md LICENSE docs/*.md docs/*.json $(wildcard docs/*.yaml) $(SHARE)/doc/ptverdict/
	install -d $(LIB)/systemd/system $(LIB)/sysusers.d $(SHARE)/ptverdict/packaging/soar
	sed 's|/usr/local/bin|$(PREFIX)/bin|' packaging/systemd/ptverdict.service >$(LIB)/systemd/system/ptverdict.service
	install -m 644 packaging/systemd/ptverdict.sysusers $(LIB)/sysusers.d/ptverdict.conf
	cp -R packaging/kubernetes packaging/shim $(SHARE)/ptverdict/packaging/
	cp -R packaging/soar/export.py packaging/soar/scripts $(SHARE)/ptverdict/packaging/soar/
uninstall:
	rm -f $(BIN)/ptverdict $(INC)/ptverdict.h $(LIB)/libptverdict.a $(LIB)/libptverdict.so $(LIB)/libptverdict.so.0 $(SHARE)/man/man1/ptverdict.1
	rm -f $(LIB)/systemd/system/ptverdict.service $(LIB)/sysusers.d/ptverdict.conf
	rm -rf $(SHARE)/ptverdict $(SHARE)/doc/ptverdict

clean:
	rm -rf build

help:
	@echo 'make             build build/ptverdict, build/libptverdict.a and .so (fetches missing Debian packages; BOOTSTRAP=no: only says which)'
	@echo 'make demo        see it judge artifacts against a local server that plays PassiveTotal'
	@echo 'make check       all tests under ASan and UBSan; T=PATTERN picks test files by name'
	@echo 'make check-soar  the part of it that plays the SOAR platform, with a real broker; make soak: with full counts'
	@echo 'make lint        clang-tidy, luacheck, shellcheck, format, who includes whom'
	@echo 'make fuzz        libFuzzer, SECONDS_EACH=20 a target; T=artifact for one'
	@echo 'make bench       measured figures beside their targets; T=PATTERN for one'
	@echo 'make bench-soar  the same for serve, with a real broker; T=latency, throughput, start, limits or memory'
	@echo 'make coverage    line coverage of the tests'
	@echo 'make format      clang-format'
	@echo 'make install     to PREFIX=/usr/local (DESTDIR honoured); make uninstall takes it away'
	@echo 'make app-zip     the app of a SOAR platform; APP_IMAGE=REGISTRY/fn_passivetotal:1.1.0 is its image'
	@echo 'make clean       remove build/'
	@echo 'V=1 shows the commands.'

-include $(shell find build -name '*.d' 2>/dev/null)
