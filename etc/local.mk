# SPDX-License-Identifier: Apache-2.0
# Configurations as installed, and their manuals.
EXTRA_DIST += etc/lighttpd-try.conf etc/signpost.conf etc/registry.k8s.io.conf

# The manual's list of options is made from the table that the program reads them by.
EXTRA_DIST += etc/signpost.conf.5.in
CLEANFILES += etc/signpost.conf.5
nodist_man_MANS = etc/signpost.conf.5
etc/signpost.conf.5: $(top_srcdir)/etc/signpost.conf.5.in src/signpost$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) etc && src/signpost$(EXEEXT) options --mdoc > $@.options && \
		sed -e '/^@OPTIONS@$$/{' -e 'r $@.options' -e 'd' -e '}' \
			$(top_srcdir)/etc/signpost.conf.5.in > $@ && rm -f $@.options
