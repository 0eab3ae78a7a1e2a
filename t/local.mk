# SPDX-License-Identifier: Apache-2.0
# Tests: C units and end-to-end tests, all in TAP, all run by prove.
#
#   make check                              everything
#   make check TESTS_ONLY="test_oci pull.t" some of it
#   make check-unit                         the C units and the fuzzers' corpora alone
#   make check-valgrind                     the same under valgrind
#   make coverage                           everything, and how much of the code that runs
#   make bench                              builds what is in t/bench
AM_CPPFLAGS += -I$(top_srcdir)/t

# ---- C units: a program a file, t/unit/NAME.c ----

UNIT_TESTS = \
	t/unit/test_address \
	t/unit/test_admission \
	t/unit/test_agenda \
	t/unit/test_ask \
	t/unit/test_asker \
	t/unit/test_audit \
	t/unit/test_budget \
	t/unit/test_cache \
	t/unit/test_child \
	t/unit/test_classify \
	t/unit/test_configuration \
	t/unit/test_control \
	t/unit/test_counters \
	t/unit/test_decide \
	t/unit/test_descriptors \
	t/unit/test_environment \
	t/unit/test_fetcher \
	t/unit/test_files \
	t/unit/test_flow \
	t/unit/test_forwarded \
	t/unit/test_geodb \
	t/unit/test_guard \
	t/unit/test_handover \
	t/unit/test_health \
	t/unit/test_http \
	t/unit/test_index \
	t/unit/test_index_fetched \
	t/unit/test_index_list \
	t/unit/test_index_merge \
	t/unit/test_knowledge \
	t/unit/test_last_resort \
	t/unit/test_listen \
	t/unit/test_locate \
	t/unit/test_log_line \
	t/unit/test_log \
	t/unit/test_loop \
	t/unit/test_map \
	t/unit/test_mapped \
	t/unit/test_markup \
	t/unit/test_mmdb_write \
	t/unit/test_nearest \
	t/unit/test_oci \
	t/unit/test_page \
	t/unit/test_parking \
	t/unit/test_peers \
	t/unit/test_place \
	t/unit/test_place_set \
	t/unit/test_monitor \
	t/unit/test_prefix_tree \
	t/unit/test_presence \
	t/unit/test_progress \
	t/unit/test_proof \
	t/unit/test_query \
	t/unit/test_range_place \
	t/unit/test_ranges_published \
	t/unit/test_ranges_read \
	t/unit/test_records \
	t/unit/test_region_value \
	t/unit/test_registry \
	t/unit/test_remotes \
	t/unit/test_reply \
	t/unit/test_request \
	t/unit/test_respond \
	t/unit/test_rule \
	t/unit/test_slice \
	t/unit/test_save \
	t/unit/test_state \
	t/unit/test_showing \
	t/unit/test_suggest \
	t/unit/test_tree \
	t/unit/test_url \
	t/unit/test_verify \
	t/unit/test_why \
	t/unit/test_witness
check_PROGRAMS += $(UNIT_TESTS)

# Whatever of it a test calls is linked.
LDADD = t/libcorpus.a $(VERIFY_LIBS) src/libimport.a src/libreplay.a src/libranges.a src/libprober.a $(REGISTRY_LIBS) $(STATUS_LIBS) fcgi/libloop.a src/libsignpost.a \
	$(FCGI_LIBS) $(CONFIG_LIBS) $(LIBMAXMINDDB_LIBS) $(JANSSON_LIBS) $(LIBCURL_LIBS) \
	$(LIBCRYPTO_LIBS) $(LIBYAML_LIBS) $(MATH_LIBS)
t_unit_test_index_merge_SOURCES = t/unit/test_index_merge.c src/cmd/index/index_merge.c

# ---- fuzz targets: t/fuzz/fuzz_NAME.c, a program each, which replays t/fuzz/corpus/NAME ----

FUZZERS = \
	t/fuzz/fuzz_agenda \
	t/fuzz/fuzz_asker \
	t/fuzz/fuzz_audit \
	t/fuzz/fuzz_cache \
	t/fuzz/fuzz_classify \
	t/fuzz/fuzz_configuration \
	t/fuzz/fuzz_forwarded \
	t/fuzz/fuzz_guard \
	t/fuzz/fuzz_index \
	t/fuzz/fuzz_index_list \
	t/fuzz/fuzz_listen \
	t/fuzz/fuzz_log_line \
	t/fuzz/fuzz_manifest \
	t/fuzz/fuzz_mmdb \
	t/fuzz/fuzz_proof \
	t/fuzz/fuzz_ranges \
	t/fuzz/fuzz_redirect \
	t/fuzz/fuzz_region_value \
	t/fuzz/fuzz_registry \
	t/fuzz/fuzz_report \
	t/fuzz/fuzz_state \
	t/fuzz/fuzz_token \
	t/fuzz/fuzz_verify
check_PROGRAMS += $(FUZZERS)
check_LIBRARIES = t/libcorpus.a
t_libcorpus_a_SOURCES = t/fuzz/replay.c

# configure CC=clang --enable-fuzzing --enable-sanitizers; then they look for more:
#   make fuzz SECONDS=120                      each so long, until one finds something
#   make fuzz FUZZ_ONLY="fuzz_index fuzz_url"  some of them
# What they found out about is in t/fuzz/new/NAME of the build; to add it to the corpus:
#   t/fuzz/fuzz_NAME -set_cover_merge=1 …/t/fuzz/corpus/NAME t/fuzz/new/NAME
SECONDS = 120
FUZZ_MORE =
.PHONY: fuzz
if FUZZING
$(FUZZERS): AM_LDFLAGS += $(FUZZ_LDFLAGS)
fuzz: $(FUZZERS)
	@only='$(FUZZ_ONLY)'; for fuzzer in $(FUZZERS); do \
		name=$${fuzzer##*/fuzz_}; new=t/fuzz/new/$$name; \
		case " $${only:-fuzz_$$name} " in *" fuzz_$$name "*) ;; *) continue;; esac; \
		$(MKDIR_P) $$new; echo "fuzz_$$name, $(SECONDS) s"; \
		./$$fuzzer -max_total_time=$(SECONDS) -timeout=20 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=$$new. $(FUZZ_MORE) $$new $(top_srcdir)/t/fuzz/corpus/$$name || exit 1; done
else
fuzz:
	@echo 'To fuzz, configure CC=clang --enable-fuzzing --enable-sanitizers.' >&2; exit 1
endif

# ---- benchmarks: built on demand, never a test ----

BENCHMARKS = t/bench/cache t/bench/cgi t/bench/constant_fcgi t/bench/decide t/bench/index t/bench/page t/bench/simulate
if HAVE_LIBMAXMINDDB
BENCHMARKS += t/bench/locate t/bench/ranges
endif
EXTRA_PROGRAMS = $(BENCHMARKS)
CLEANFILES += $(BENCHMARKS)
t_bench_constant_fcgi_LDADD = -lfcgi -lpthread # shared on purpose: what most programs do
.PHONY: bench
bench: $(BENCHMARKS) t/bench/soak_load

# What t/bench/soak.pl and soak.t send requests with.
check_PROGRAMS += t/bench/soak_load
t_bench_soak_load_LDADD =

# ---- running them ----

EXTRA_DIST += t/tap.h t/coverage.h t/valgrind.supp t/walks \
	t/analyze t/house t/mutate t/mutate.explained t/install-clients t/web-servers-table t/debian-root t/systemd-host t/policy-copy.go t/referrers-registry.go t/faulty-disk.c \
	t/no-memory.c \
	t/bench/audit.pl t/bench/blackhole.pl t/bench/delays.pl t/bench/failover.pl \
	t/bench/fastcgi.pl t/bench/memory.pl t/bench/replay.pl t/bench/soak.pl t/bench/watching.pl \
	t/bench/verification.pl \
	t/data t/e2e t/fuzz/corpus t/fuzz/input.h t/fuzz/folder.h t/lib \
	t/unit/asking.h t/unit/descriptors.h t/unit/leaks.h t/unit/mmdb_sample.h t/unit/sound.h t/unit/told.h t/unit/tight.h t/unit/variables.h \
	t/unit/wire.h

# The folders are needed by tests; prove takes a program in a folder "t" for Perl, hence "./".
RUN_TESTS = SIGNPOST_BUILD=$(abs_top_builddir) SIGNPOST_SRC=$(abs_top_srcdir) $(PROVE)
PROCESSORS = `nproc 2>/dev/null || echo 1`
if FUZZING
UNITS = for test in $(UNIT_TESTS); do echo ./$$test; done
else
UNITS = for test in $(UNIT_TESTS) $(FUZZERS); do echo ./$$test; done
endif

# The tests that take longest, which begin first. Most of them wait most of the time, so twice as
# many run at once as there are processors.
LONGEST = strangers.t promises.t no-memory.t ranges.t prober.t systemd-trouble.t web-servers-restart.t \
	clients.t promoter.t systemd-service.t web-servers.t attack.t share.t registry-client.t faults.t verify-faults.t \
	pull.t command.t status-page.t audit.t verify.t answered.t reload.t delays.t index.t cases-protocol.t \
	systemd-ranges.t replay.t metrics.t parking.t refused.t failover.t damage.t switch-off.t soak.t

check-local:
	@for test in $(top_srcdir)/t/unit/test_*.c $(top_srcdir)/t/fuzz/fuzz_*.c; do \
		name=`echo $$test | sed 's,.*/t/,t/,; s,\.c$$,,'`; \
		case " $(UNIT_TESTS) $(FUZZERS) " in *" $$name "*) ;; \
		*) echo "$$test is not in t/local.mk." >&2; exit 1;; esac; done
	@all=`for test in $(LONGEST); do ls $(top_srcdir)/t/e2e/$$test 2>/dev/null; done; $(UNITS); \
		ls $(top_srcdir)/t/e2e/*.t`; only='$(TESTS_ONLY)'; \
	tests=; for test in $$all; do case "$$tests " in *" $$test "*) continue;; esac; \
		case " $${only:-$${test##*/}} " in *" $${test##*/} "*) tests="$$tests $$test";; esac; done; \
	test -n "$$tests" || { echo "There is no test called $$only." >&2; exit 1; }; \
	$(RUN_TESTS) -j$$(( 2 * $(PROCESSORS) )) -I$(top_srcdir)/t/lib $$tests

.PHONY: check-unit check-valgrind
check-unit: all-am $(check_PROGRAMS)
	@$(RUN_TESTS) -j$(PROCESSORS) `$(UNITS)`

# A child process leaves by _exit: it has no leaks, and must not write its parent's streams. What
# reads a mapped file goes on after SIGBUS, so registers have to be right at each access.
VALGRIND = valgrind -q --px-default=allregs-at-mem-access --child-silent-after-fork=yes --run-libc-freeres=no --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
	--suppressions=$(top_srcdir)/t/valgrind.supp
check-valgrind: all-am $(check_PROGRAMS)
	@SIGNPOST_VALGRIND=1 $(RUN_TESTS) -j$(PROCESSORS) --exec '$(VALGRIND)' `$(UNITS)`

# ---- coverage: what of src and fcgi the tests run; configure --enable-coverage first ----

#   make coverage                               all tests, then the figures, also of the ten least covered files
#   make coverage TESTS_ONLY="test_oci pull.t"  some of them
#   make coverage-report                        the figures of what has run since
# Branches are counted as gcc -O0 has them, all of them. What a process does that is killed, or whose
# service may not write here, is not counted; processes of other users write to what is there already.
# Tests that are short of time may fail, since the programs are slower so; the figures come all the same.
GCOVR = gcovr
COVERED = $(GCOVR) -r $(top_srcdir) -f $(top_srcdir)/src/ -f $(top_srcdir)/fcgi/ src fcgi
LEAST = 10
# The programs are slower so; a process that may not write here must not say so on its stderr.
COVERING = SIGNPOST_TEST_TIMEOUT=$${SIGNPOST_TEST_TIMEOUT:-900} GCOV_ERROR_FILE=/dev/null
.PHONY: coverage coverage-report
if COVERAGE
coverage: all-am $(check_PROGRAMS)
	@$(GCOVR) --version >/dev/null || { echo 'gcovr is missing: install the package gcovr.' >&2; exit 1; }
	@find . -name '*.gcda' -exec rm -f {} +
	@src/signpost --version >coverage.log; fcgi/signpost.fcgi </dev/null >>coverage.log 2>&1; \
		find . -name '*.gcda' -exec chmod a+rw {} +
	@$(COVERING) $(MAKE) check; status=$$?; $(MAKE) -s coverage-report && exit $$status

coverage-report:
	@$(GCOVR) --version >/dev/null || { echo 'gcovr is missing: install the package gcovr.' >&2; exit 1; }
	@$(COVERED) --csv coverage.csv
	@$(AWK) -F, 'NR > 1 { lines += $$2; run += $$3; branches += $$5; taken += $$6 } \
		END { printf "%6.2f %% of %d lines, %.2f %% of %d branches\n", 100 * run / lines, lines, \
			100 * taken / branches, branches }' coverage.csv
	@echo 'The least covered files: lines and branches that were not run'
	@$(AWK) -F, 'NR > 1 && $$2 + $$5 { printf "%6.2f %%  %4d of %4d lines, %4d of %4d branches  %s\n", \
		100 * ($$3 + $$6) / ($$2 + $$5), $$2 - $$3, $$2, $$5 - $$6, $$5, $$1 }' coverage.csv | \
		sort -n | head -n $(LEAST)
else
coverage coverage-report:
	@echo 'For coverage, configure with --enable-coverage, and install gcovr.' >&2; exit 1
endif
