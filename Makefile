# libsess: builds, demonstrates, tests and installs. `make help` lists the targets.

PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man
DESTDIR ?=
CARGO   ?= cargo
CC      ?= cc
INSTALL ?= install
STRIP   ?= strip

VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1)
# 0.1.0 -> 0.1: while the version is below 1.0 each minor one may change the interface.
SOVERSION := $(shell echo $(VERSION) | cut -d. -f1,2)
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
CMAKEDIR = $(LIBDIR)/cmake/libsess
SHARED  := libsess.so.$(VERSION)

all: build/libsess.pc ## Build build/libsess.so, build/libsess.a and build/libsess.pc
	$(CARGO) build --release --lib
	$(INSTALL) -m 755 $(RELEASE)/libsess.so build/$(SHARED)
	$(INSTALL) -m 644 $(RELEASE)/libsess.a build/libsess.a
	ln -sf $(SHARED) build/libsess.so.$(SOVERSION)
	ln -sf libsess.so.$(SOVERSION) build/libsess.so
	@scripts/go-link

# $(call filled,TEMPLATE): what pkg-config and CMake are told.
filled = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
    -e 's|@VERSION@|$(VERSION)|' -e 's|@SOVERSION@|$(SOVERSION)|' packaging/$(1).in

# Depends on variables, so it is made anew each time.
build/libsess.pc: packaging/libsess.pc.in FORCE
	@mkdir -p build
	@$(call filled,libsess.pc) > $@

demo: all ## Run the demonstration: one program over files, memory and nine callbacks of its own
	@$(MAKE) --no-print-directory -C c-examples demo CC='$(CC)' CPPFLAGS=-I../include \
	    LDFLAGS='-L../build -Wl,-rpath,$(CURDIR)/build' LDLIBS='-lsess -lpthread'
	@c-examples/demo

setup: ## Install what the tests need (apt, as root; otherwise says what to run)
	@scripts/setup

test: ## Run all tests, print the time of each part; what setup installs has to be there
	@scripts/test

check: ## Formats, lints, whether the header is up to date, and whether it breaks programs
	@scripts/check

bench: ## Measure a session's cycle beside a minimal C program, the codec beside PHP's, and how locks change hands
	@scripts/bench
	@scripts/bench-gc
	@scripts/bench-codec
	@scripts/bench-locks

soak: ## Long runs of storms, hammers and faults, round after round for SECONDS (600), and Go with the address sanitizer
	@scripts/soak $(SECONDS)

fuzz: ## Fuzz what reads bytes from outside, SECONDS (60) per target
	@scripts/fuzz $(SECONDS)

rules: ## List the rules that no test shows, dropping those that one shows by now
	@SESS_RULES=write $(CARGO) test --quiet --test rules
	@cat tests/rules-untested.txt

# $(call stripped,FLAGS,FILE): most of a file is debug information, and in the archive what only rustc reads.
stripped = if command -v '$(firstword $(STRIP))' >/dev/null 2>&1; then $(STRIP) $(1) '$(2)'; \
    else echo 'note: no program to strip $(notdir $(2)): installed as it was built'; fi

# For each manual page: where it goes, and the names under which it is looked up besides its own.
each_page = for page in man/*.[0-9]; do there='$(DESTDIR)$(MANDIR)'/man$${page\#\#*.}; \
    names=$$(sed -n -e '/^\.Sh SYNOPSIS/q' -e 's/^\.Nm \([Ss][Ee][Ss][Ss]_[A-Za-z0-9_]*\).*/\1/p' "$$page" | \
        sed "s/$$/.$${page\#\#*.}/");

# Root may have no cargo, and is not to leave files in the sources: what is installed was made before.
install: ## Install what make has built: library, header, manuals, files for pkg-config and CMake, under DESTDIR and PREFIX
	@test -f build/$(SHARED) && test -f build/libsess.a || { echo 'Nothing is built: run make first' >&2; exit 1; }
	$(INSTALL) -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(CMAKEDIR)' '$(DESTDIR)$(INCLUDEDIR)'
	$(INSTALL) -m 755 build/$(SHARED) '$(DESTDIR)$(LIBDIR)/$(SHARED)'
	@$(call stripped,--strip-unneeded,$(DESTDIR)$(LIBDIR)/$(SHARED))
	ln -sf $(SHARED) '$(DESTDIR)$(LIBDIR)/libsess.so.$(SOVERSION)'
	ln -sf libsess.so.$(SOVERSION) '$(DESTDIR)$(LIBDIR)/libsess.so'
	$(INSTALL) -m 644 build/libsess.a '$(DESTDIR)$(LIBDIR)/libsess.a'
	@$(call stripped,-g -R .llvmbc -R .llvmcmd,$(DESTDIR)$(LIBDIR)/libsess.a)
	$(INSTALL) -m 644 include/sess.h '$(DESTDIR)$(INCLUDEDIR)/sess.h'
	$(call filled,libsess.pc) > '$(DESTDIR)$(LIBDIR)/pkgconfig/libsess.pc'
	$(call filled,libsess-config.cmake) > '$(DESTDIR)$(CMAKEDIR)/libsess-config.cmake'
	$(call filled,libsess-config-version.cmake) > '$(DESTDIR)$(CMAKEDIR)/libsess-config-version.cmake'
	@$(each_page) $(INSTALL) -d "$$there" && $(INSTALL) -m 644 "$$page" "$$there/" && \
	    for name in $$names; do ln -sf "$${page##*/}" "$$there/$$name"; done || exit 1; done
	@chmod 644 '$(DESTDIR)$(LIBDIR)/pkgconfig/libsess.pc' '$(DESTDIR)$(CMAKEDIR)'/*.cmake
	@test -n '$(DESTDIR)' || { \
	    PATH="$$PATH:/usr/sbin:/sbin"; \
	    if test "$$(id -u)" = 0 && command -v ldconfig >/dev/null 2>&1; then ldconfig; \
	    else echo 'Installed. Run ldconfig, as root, if $(LIBDIR) is in its list.'; fi; }

uninstall: ## Remove what install put there
	rm -f '$(DESTDIR)$(LIBDIR)/$(SHARED)' '$(DESTDIR)$(LIBDIR)/libsess.so.$(SOVERSION)' \
	    '$(DESTDIR)$(LIBDIR)/libsess.so' '$(DESTDIR)$(LIBDIR)/libsess.a' \
	    '$(DESTDIR)$(INCLUDEDIR)/sess.h' '$(DESTDIR)$(LIBDIR)/pkgconfig/libsess.pc' \
	    '$(DESTDIR)$(CMAKEDIR)'/libsess-config*.cmake
	@$(each_page) rm -f "$$there/$${page##*/}"; for name in $$names; do rm -f "$$there/$$name"; done; done
	@! test -d '$(DESTDIR)$(CMAKEDIR)' || rmdir '$(DESTDIR)$(CMAKEDIR)'

dist: ## Pack the sources of the last commit, and say what is in the library: build/libsess-VERSION.tar.gz and .cdx.json
	@mkdir -p build
	git archive --format=tar --prefix='libsess-$(VERSION)/' HEAD | gzip -9n > 'build/libsess-$(VERSION).tar.gz'
	scripts/sbom > 'build/libsess-$(VERSION).cdx.json'

check-packaging: ## Build the Debian packages in a copy of the last commit (minutes), and programs with them
	@scripts/package-deb

help: ## This list
	@echo 'make [target] [PREFIX=/usr/local] [LIBDIR=PREFIX/lib] [DESTDIR=] [STRIP=strip]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

FORCE:
.PHONY: all demo setup test check bench soak fuzz rules install uninstall dist check-packaging help FORCE
