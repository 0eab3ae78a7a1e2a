# SPDX-License-Identifier: Apache-2.0
# Configurations as installed, and their manuals.

# Made where the places of this installation are known.
MADE = \
	etc/logrotate/signpost \
	etc/systemd/signpost-prober.service \
	etc/systemd/signpost-ranges.service \
	etc/systemd/signpost.service \
	etc/systemd/signpost.socket \
	etc/systemd/sysusers/signpost.conf \
	etc/web-servers/apache2/signpost-cgi.conf \
	etc/web-servers/apache2/signpost-fcgid.conf \
	etc/web-servers/apache2/signpost.conf \
	etc/web-servers/caddy/signpost.caddyfile \
	etc/web-servers/h2o/signpost.yaml \
	etc/web-servers/lighttpd/50-signpost-cgi.conf \
	etc/web-servers/lighttpd/50-signpost-spawn.conf \
	etc/web-servers/lighttpd/50-signpost.conf \
	etc/web-servers/nginx/signpost \
	etc/web-servers/nginx/snippets/signpost.conf
PLACES = sed \
	-e 's|@bindir[@]|$(bindir)|g' \
	-e 's|@sbindir[@]|$(sbindir)|g' \
	-e 's|@statedir[@]|$(localstatedir)/lib/signpost|g' \
	-e 's|@runstatedir[@]|$(runstatedir)|g' \
	-e 's|@socket[@]|$(socket)|g' \
	-e 's|@webgroup[@]|$(webgroup)|g' \
	-e 's|@lighttpddir[@]|$(lighttpddir)|g' \
	-e 's|@nginxdir[@]|$(nginxdir)|g' \
	-e 's|@apachedir[@]|$(apachedir)|g' \
	-e 's|@caddydir[@]|$(caddydir)|g' \
	-e 's|@h2odir[@]|$(h2odir)|g'
EXTRA_DIST += $(MADE:=.in)
CLEANFILES += $(MADE)
$(MADE): Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(PLACES) $(top_srcdir)/$@.in > $@.new && mv $@.new $@
$(MADE): %: $(top_srcdir)/%.in

apacheavailabledir = $(apachedir)/conf-available
nodist_apacheavailable_DATA = \
	etc/web-servers/apache2/signpost-cgi.conf \
	etc/web-servers/apache2/signpost-fcgid.conf \
	etc/web-servers/apache2/signpost.conf
lighttpdavailabledir = $(lighttpddir)/conf-available
nodist_lighttpdavailable_DATA = \
	etc/web-servers/lighttpd/50-signpost-cgi.conf \
	etc/web-servers/lighttpd/50-signpost-spawn.conf \
	etc/web-servers/lighttpd/50-signpost.conf
nginxsitesdir = $(nginxdir)/sites-available
nodist_nginxsites_DATA = etc/web-servers/nginx/signpost
nginxsnippetsdir = $(nginxdir)/snippets
nodist_nginxsnippets_DATA = etc/web-servers/nginx/snippets/signpost.conf
nodist_caddy_DATA = etc/web-servers/caddy/signpost.caddyfile
nodist_h2o_DATA = etc/web-servers/h2o/signpost.yaml

nodist_unit_DATA = \
	etc/systemd/signpost-prober.service \
	etc/systemd/signpost-ranges.service \
	etc/systemd/signpost.service \
	etc/systemd/signpost.socket
dist_unit_DATA = etc/systemd/signpost-ranges.timer
nodist_sysusers_DATA = etc/systemd/sysusers/signpost.conf

logrotatedir = $(sysconfdir)/logrotate.d
nodist_logrotate_DATA = etc/logrotate/signpost

# What a shared host is given, examples, and settings for those that stand before signpost
# and know where clients are.
sharedhostdir = $(pkgdatadir)/shared-host
dist_sharedhost_DATA = \
	etc/web-servers/shared-host/htaccess \
	etc/web-servers/shared-host/htaccess-cgi-bin
dist_sharedhost_SCRIPTS = etc/web-servers/shared-host/fetch-index
dist_pkgdata_DATA = etc/signpost.conf etc/registry.k8s.io.conf
frontendsdir = $(pkgdatadir)/front-ends
dist_frontends_DATA = \
	etc/front-ends/apache-maxminddb.conf \
	etc/front-ends/cloudflare.conf \
	etc/front-ends/cloudfront.conf \
	etc/front-ends/fastly.conf \
	etc/front-ends/google.conf \
	etc/front-ends/lighttpd-maxminddb.conf \
	etc/front-ends/nginx-geoip2.conf

# For those who sign.
promotersdir = $(pkgdatadir)/promoters
dist_promoters_DATA = etc/promoters/github-actions.yml etc/promoters/tekton.yaml
dist_promoters_SCRIPTS = etc/promoters/promote
dist_doc_DATA = etc/doc/clients.md etc/doc/hacking.md etc/doc/promoters.md

EXTRA_DIST += etc/lighttpd-try.conf

# The manual's list of options is made from the table that the program reads them by.
EXTRA_DIST += etc/signpost.conf.5.in
CLEANFILES += etc/signpost.conf.5
nodist_man_MANS = etc/signpost.conf.5 fcgi/signpost.fcgi.8 $(COMMAND_MANUALS)
etc/signpost.conf.5: $(top_srcdir)/etc/signpost.conf.5.in src/signpost$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) etc && src/signpost$(EXEEXT) options --mdoc > $@.options && \
		sed -e '/^@OPTIONS@$$/{' -e 'r $@.options' -e 'd' -e '}' \
			$(top_srcdir)/etc/signpost.conf.5.in > $@ && rm -f $@.options

# The programs' pages are made from their --help, with examples from the .mdoc beside each.
MANUAL_DATE = November 24, 2026
COMMANDS = audit check drain explain forget hosts import index map options places prober ranges \
	reload replay share state target undrain verify where
COMMAND_MANUALS = src/signpost.1 src/signpost-audit.1 src/signpost-check.1 \
	src/signpost-drain.1 src/signpost-explain.1 src/signpost-forget.1 src/signpost-hosts.1 src/signpost-import.1 \
	src/signpost-index.1 src/signpost-map.1 src/signpost-options.1 src/signpost-places.1 \
	src/signpost-prober.1 src/signpost-ranges.1 src/signpost-reload.1 src/signpost-replay.1 \
	src/signpost-share.1 src/signpost-state.1 src/signpost-target.1 src/signpost-undrain.1 \
	src/signpost-verify.1 src/signpost-where.1
MANUAL_PARTS = $(top_srcdir)/src/manuals.sh $(top_srcdir)/src/manual.awk \
	$(top_srcdir)/src/cmd/signpost.mdoc $(top_srcdir)/src/cmd/audit.mdoc \
	$(top_srcdir)/src/cmd/check.mdoc $(top_srcdir)/src/cmd/drain.mdoc \
	$(top_srcdir)/src/cmd/explain.mdoc $(top_srcdir)/src/cmd/forget.mdoc \
	$(top_srcdir)/src/cmd/hosts.mdoc \
	$(top_srcdir)/src/cmd/import.mdoc $(top_srcdir)/src/cmd/index.mdoc \
	$(top_srcdir)/src/cmd/map.mdoc $(top_srcdir)/src/cmd/places.mdoc \
	$(top_srcdir)/src/cmd/prober.mdoc $(top_srcdir)/src/cmd/ranges.mdoc \
	$(top_srcdir)/src/cmd/reload.mdoc $(top_srcdir)/src/cmd/replay.mdoc \
	$(top_srcdir)/src/cmd/share.mdoc $(top_srcdir)/src/cmd/state.mdoc \
	$(top_srcdir)/src/cmd/target.mdoc $(top_srcdir)/src/cmd/verify.mdoc \
	$(top_srcdir)/src/cmd/where.mdoc $(top_srcdir)/fcgi/signpost.fcgi.mdoc
EXTRA_DIST += $(MANUAL_PARTS)
CLEANFILES += src/manuals.stamp fcgi/signpost.fcgi.8 $(COMMAND_MANUALS)
src/manuals.stamp: $(MANUAL_PARTS) src/signpost$(EXEEXT) fcgi/signpost.fcgi$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) src fcgi && $(SHELL) $(top_srcdir)/src/manuals.sh $(top_srcdir) \
		src/signpost$(EXEEXT) fcgi/signpost.fcgi$(EXEEXT) "$(MANUAL_DATE)" $(COMMANDS) && touch $@
$(COMMAND_MANUALS) fcgi/signpost.fcgi.8: src/manuals.stamp
	@test -e $@ || { rm -f src/manuals.stamp && $(MAKE) $(AM_MAKEFLAGS) src/manuals.stamp; }

# bash finds completions by the command's name.
completionsdir = $(datadir)/bash-completion/completions
dist_completions_DATA = src/completion/signpost

# One layout by hand and by signpost, for those who move over.
EXTRA_DIST += etc/moving/apache-maps.conf etc/moving/nginx-maps.conf etc/moving/signpost.conf
