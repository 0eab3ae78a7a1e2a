# SPDX-License-Identifier: Apache-2.0
# signpost.fcgi, and what of it the unit tests link.
noinst_LIBRARIES += fcgi/libloop.a
fcgi_libloop_a_SOURCES = \
	fcgi/asker.c fcgi/asker.h \
	src/state/ask_connect.c \
	fcgi/cgi.c fcgi/cgi.h \
	fcgi/guard.c fcgi/guard.h \
	fcgi/handover.c fcgi/handover.h \
	fcgi/listen.c fcgi/listen.h \
	fcgi/loop.c fcgi/loop.h fcgi/loop_parts.h \
	fcgi/loop_connection.c \
	fcgi/loop_listener.c \
	fcgi/parking.c fcgi/parking.h \
	fcgi/peers.c fcgi/peers.h \
	fcgi/records.c fcgi/records.h \
	fcgi/reporter.c fcgi/reporter.h \
	fcgi/starter.c fcgi/starter.h \
	fcgi/table.c fcgi/table.h \
	fcgi/usage.c fcgi/usage.h

sbin_PROGRAMS += fcgi/signpost.fcgi
fcgi_signpost_fcgi_SOURCES = fcgi/front.c fcgi/front.h fcgi/main.c
fcgi_signpost_fcgi_LDFLAGS = $(AM_LDFLAGS) $(RESPONDER_LDFLAGS)
fcgi_signpost_fcgi_LDADD = fcgi/libloop.a src/libsignpost.a $(FCGI_LIBS) $(CONFIG_LIBS) \
	$(RESPONDER_MMDB_LIBS)

# The same as --enable-static-cgi makes it, for tests and t/bench/cgi.
if CAN_BE_STATIC
check_PROGRAMS += fcgi/static.fcgi
fcgi_static_fcgi_SOURCES = $(fcgi_signpost_fcgi_SOURCES)
fcgi_static_fcgi_LDFLAGS = $(AM_LDFLAGS) -static
fcgi_static_fcgi_LDADD = fcgi/libloop.a src/libsignpost.a $(STATIC_LIBS)
endif
