# SPDX-License-Identifier: Apache-2.0
# Configurations as installed, and their manuals.
EXTRA_DIST += etc/lighttpd-try.conf etc/signpost.conf etc/registry.k8s.io.conf

# Settings for those that stand before signpost and know where clients are.
EXTRA_DIST += \
	etc/front-ends/apache-maxminddb.conf \
	etc/front-ends/cloudflare.conf \
	etc/front-ends/cloudfront.conf \
	etc/front-ends/fastly.conf \
	etc/front-ends/google.conf \
	etc/front-ends/lighttpd-maxminddb.conf \
	etc/front-ends/nginx-geoip2.conf

# Fresh address ranges once a day.
EXTRA_DIST += etc/signpost-ranges.service etc/signpost-ranges.timer

# The manual's list of options is made from the table that the program reads them by.
EXTRA_DIST += etc/signpost.conf.5.in
CLEANFILES += etc/signpost.conf.5
nodist_man_MANS = etc/signpost.conf.5
etc/signpost.conf.5: $(top_srcdir)/etc/signpost.conf.5.in src/signpost$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) etc && src/signpost$(EXEEXT) options --mdoc > $@.options && \
		sed -e '/^@OPTIONS@$$/{' -e 'r $@.options' -e 'd' -e '}' \
			$(top_srcdir)/etc/signpost.conf.5.in > $@ && rm -f $@.options
