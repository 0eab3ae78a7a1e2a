# SPDX-License-Identifier: Apache-2.0
# Tests: C units and end-to-end tests, all in TAP, all run by prove.
UNIT_TESTS = t/unit/test_classify
check_PROGRAMS += $(UNIT_TESTS)
t_unit_test_classify_SOURCES = t/unit/test_classify.c t/tap.h
LDADD = src/libsignpost.a $(CONFIG_LIBS)
