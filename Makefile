# libsess: builds, demonstrates, tests and installs. `make help` lists the targets.

PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR ?=
CARGO   ?= cargo
CC      ?= cc
INSTALL ?= install

VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1)
# 0.1.0 -> 0.1: while the version is below 1.0 each minor one may change the interface.
SOVERSION := $(shell echo $(VERSION) | cut -d. -f1,2)
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
SHARED  := libsess.so.$(VERSION)

all: build/libsess.pc ## Build build/libsess.so, build/libsess.a and build/libsess.pc
	$(CARGO) build --release --lib
	$(INSTALL) -m 755 $(RELEASE)/libsess.so build/$(SHARED)
	$(INSTALL) -m 644 $(RELEASE)/libsess.a build/libsess.a
	ln -sf $(SHARED) build/libsess.so.$(SOVERSION)
	ln -sf libsess.so.$(SOVERSION) build/libsess.so

# Depends on variables, so it is made anew each time.
build/libsess.pc: packaging/libsess.pc.in FORCE
	@mkdir -p build
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' packaging/libsess.pc.in > $@

demo: all ## Run the demonstration: one program over files, memory and nine callbacks of its own
	@$(MAKE) --no-print-directory -C c-examples demo CC='$(CC)' CPPFLAGS=-I../include \
	    LDFLAGS='-L../build -Wl,-rpath,$(CURDIR)/build' LDLIBS='-lsess -lpthread'
	@c-examples/demo

setup: ## Install what the tests need (apt, as root; otherwise says what to run)
	@scripts/setup

test: ## Install what the tests need, run all tests, print the time of each part
	@scripts/test

check: ## Formats, lints, whether the header is up to date, and whether it breaks programs
	@scripts/check

bench: ## Measure a session's cycle beside a minimal C program
	@scripts/bench

rules: ## List the rules that no test shows, dropping those that one shows by now
	@SESS_RULES=write $(CARGO) test --quiet --test rules
	@cat tests/rules-untested.txt

install: all ## Install library, header and libsess.pc under DESTDIR and PREFIX
	$(INSTALL) -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)'
	$(INSTALL) -m 755 build/$(SHARED) '$(DESTDIR)$(LIBDIR)/$(SHARED)'
	ln -sf $(SHARED) '$(DESTDIR)$(LIBDIR)/libsess.so.$(SOVERSION)'
	ln -sf libsess.so.$(SOVERSION) '$(DESTDIR)$(LIBDIR)/libsess.so'
	$(INSTALL) -m 644 build/libsess.a '$(DESTDIR)$(LIBDIR)/libsess.a'
	$(INSTALL) -m 644 include/sess.h '$(DESTDIR)$(INCLUDEDIR)/sess.h'
	$(INSTALL) -m 644 build/libsess.pc '$(DESTDIR)$(LIBDIR)/pkgconfig/libsess.pc'
	@test -n '$(DESTDIR)' || echo "Installed. Run ldconfig if $(LIBDIR) is in its list."

uninstall: ## Remove what install put there
	rm -f '$(DESTDIR)$(LIBDIR)/$(SHARED)' '$(DESTDIR)$(LIBDIR)/libsess.so.$(SOVERSION)' \
	    '$(DESTDIR)$(LIBDIR)/libsess.so' '$(DESTDIR)$(LIBDIR)/libsess.a' \
	    '$(DESTDIR)$(INCLUDEDIR)/sess.h' '$(DESTDIR)$(LIBDIR)/pkgconfig/libsess.pc'

help: ## This list
	@echo 'make [target] [PREFIX=/usr/local] [LIBDIR=PREFIX/lib] [DESTDIR=]'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

FORCE:
.PHONY: all demo setup test check bench rules install uninstall help FORCE
