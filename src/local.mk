# SPDX-License-Identifier: Apache-2.0
# libsignpost: everything that decides, free of CGI, sockets and signals. The
# responder, the command and the tests link it.
noinst_LIBRARIES += src/libsignpost.a
src_libsignpost_a_SOURCES = \
	src/address.c src/address.h \
	src/admission.c src/admission.h \
	src/arena.c src/arena.h \
	src/ask.c src/ask.h \
	src/cache.c src/cache.h \
	src/cache_table.c src/cache_table.h \
	src/child.c src/child.h \
	src/classify.c src/classify.h \
	src/client.c src/client.h \
	src/compile.c src/compile.h \
	src/compile_probing.c \
	src/compile_index.c \
	src/compile_rules.c \
	src/compile_targets.c \
	src/compile_words.c \
	src/configuration.c src/configuration.h \
	src/control.c src/control.h \
	src/counters.c src/counters.h \
	src/decide.c src/decide.h \
	src/environment.c src/environment.h \
	src/explain_words.c src/explain_words.h \
	src/forwarded.c src/forwarded.h \
	src/geodb.c src/geodb.h \
	src/geodb_describe.c \
	src/geodb_file.c src/geodb_file.h \
	src/geodb_none.c \
	src/health.c src/health.h \
	src/holding.h \
	src/identity.h \
	src/index.c src/index.h \
	src/index_address.c src/index_address.h \
	src/index_fetched.c src/index_fetched.h \
	src/index_file.c src/index_file.h \
	src/index_list.c src/index_list.h \
	src/index_status.c src/index_status.h \
	src/instant.h \
	src/knowledge.c src/knowledge.h \
	src/last_resort.c src/last_resort.h \
	src/locate.c src/locate.h \
	src/lock.c src/lock.h \
	src/log/count.c src/log/count.h \
	src/log/entry.c src/log/entry.h \
	src/log/log.c src/log/log.h \
	src/log/logging.h \
	src/log/notes.c src/log/notes.h \
	src/log/sink.c src/log/sink.h \
	src/mapped.c src/mapped.h \
	src/nearest.c src/nearest.h \
	src/oci.c src/oci.h \
	src/options.c src/options.h \
	src/pin.c src/pin.h \
	src/place.c src/place.h src/place_data.h \
	src/plain_file.c src/plain_file.h \
	src/place_distance.c \
	src/place_own.c \
	src/place_point.c \
	src/place_set.c src/place_set.h \
	src/presence.c src/presence.h \
	src/probing.h \
	src/problem.c src/problem.h \
	src/progress.c src/progress.h \
	src/query.c src/query.h \
	src/refusal.c src/refusal.h \
	src/region_value.c src/region_value.h \
	src/registry/reference.c src/registry/reference.h \
	src/replacement.c src/replacement.h \
	src/request.c src/request.h \
	src/respond.c src/respond.h \
	src/route.c src/route.h \
	src/rule.c src/rule.h \
	src/search.c src/search.h \
	src/settings.c src/settings.h \
	src/siphash.c src/siphash.h \
	src/fnv.h \
	src/slice.h \
	src/state.c src/state.h \
	src/suggest.c src/suggest.h \
	src/target.c src/target.h \
	src/text.h \
	src/tree.c src/tree.h \
	src/tree_read.c \
	src/url.c src/url.h \
	src/utf8.c src/utf8.h \
	src/version.h \
	src/why.c src/why.h
nodist_src_libsignpost_a_SOURCES = src/places_data.c

# The compiled-in facts. The order of the tables is that of generate.awk's comment.
PLACE_TABLES = \
	$(top_srcdir)/src/places/continents.tsv \
	$(top_srcdir)/src/places/countries.tsv \
	$(top_srcdir)/src/places/regions.tsv \
	$(top_srcdir)/src/places/border-groups.tsv
EXTRA_DIST += $(PLACE_TABLES) src/places/generate.awk src/places/README.md
CLEANFILES += src/places_data.c
src/places_data.c: $(PLACE_TABLES) $(top_srcdir)/src/places/generate.awk
	$(AM_V_GEN)$(MKDIR_P) src && LC_ALL=C $(AWK) -f $(top_srcdir)/src/places/generate.awk \
		$(PLACE_TABLES) > $@.tmp && mv $@.tmp $@

# The range compiler: for the command and the tests, not for the responder.
noinst_LIBRARIES += src/libranges.a
src_libranges_a_SOURCES = \
	src/ranges/compile.c src/ranges/compile.h \
	src/ranges/diff.c src/ranges/diff.h \
	src/ranges/download.c src/ranges/download.h \
	src/ranges/fetch.c src/ranges/fetch.h \
	src/ranges/lines.c src/ranges/lines.h \
	src/ranges/load.c src/ranges/load.h \
	src/ranges/mmdb_data.c src/ranges/mmdb_data.h \
	src/ranges/mmdb_read.c src/ranges/mmdb_read.h \
	src/ranges/mmdb_write.c src/ranges/mmdb_write.h \
	src/ranges/prefix.c src/ranges/prefix.h \
	src/ranges/prefix_tree.c src/ranges/prefix_tree.h \
	src/ranges/range_list.c src/ranges/range_list.h \
	src/ranges/range_place.c src/ranges/range_place.h \
	src/ranges/read.c src/ranges/read.h \
	src/ranges/read_geofeed.c \
	src/ranges/read_json.c \
	src/ranges/read_list.c \
	src/ranges/read_rir.c \
	src/ranges/record.c src/ranges/record.h \
	src/ranges/save.c src/ranges/save.h \
	src/ranges/sources.c src/ranges/sources.h

# A configuration made from archeio's: for the command and the tests.
noinst_LIBRARIES += src/libimport.a
src_libimport_a_SOURCES = \
	src/import/archeio.c src/import/archeio.h \
	src/import/manifest.c src/import/manifest.h

# What a new configuration would change: for the command and the tests.
noinst_LIBRARIES += src/libreplay.a
src_libreplay_a_SOURCES = \
	src/replay/compare.c src/replay/compare.h \
	src/replay/log_line.c src/replay/log_line.h \
	src/replay/report.c src/replay/report.h \
	src/replay/tally.c src/replay/tally.h

# The status as it is shown: files, page, map. For the command, the prober and the tests.
noinst_LIBRARIES += src/libstatus.a
src_libstatus_a_SOURCES = \
	src/status/atlas.c src/status/atlas.h \
	src/status/destinations.c src/status/destinations.h \
	src/status/equal_earth.c src/status/equal_earth.h \
	src/status/json.c \
	src/status/land.h \
	src/status/map.c src/status/map.h \
	src/status/map_layout.c src/status/map_layout.h \
	src/status/map_plane.c src/status/map_plane.h \
	src/status/map_spread.c src/status/map_spread.h \
	src/status/markup.c src/status/markup.h \
	src/status/metrics.c \
	src/status/page.c src/status/page_style.h \
	src/status/public.c src/status/public.h \
	src/status/status.c src/status/status.h
STATUS_GENERATED = src/status/land_data.c src/status/map_style.c src/status/page_style.c
nodist_src_libstatus_a_SOURCES = $(STATUS_GENERATED)
STATUS_LIBS = src/libstatus.a

EXTRA_DIST += src/status/land.awk src/status/land.txt src/status/map.css src/status/page.css \
	src/status/style.awk
CLEANFILES += $(STATUS_GENERATED)
src/status/land_data.c: $(top_srcdir)/src/status/land.txt $(top_srcdir)/src/status/land.awk
	$(AM_V_GEN)$(MKDIR_P) src/status && LC_ALL=C $(AWK) -f $(top_srcdir)/src/status/land.awk \
		$(top_srcdir)/src/status/land.txt > $@.tmp && mv $@.tmp $@
MAKE_STYLE = $(MKDIR_P) src/status && sha256sum $$css | LC_ALL=C $(AWK) -v name=$$name \
	-f $(top_srcdir)/src/status/style.awk - $$css > $@.tmp && mv $@.tmp $@
src/status/map_style.c: $(top_srcdir)/src/status/map.css $(top_srcdir)/src/status/style.awk
	$(AM_V_GEN)css=$(top_srcdir)/src/status/map.css name=map_style; $(MAKE_STYLE)
src/status/page_style.c: $(top_srcdir)/src/status/page.css $(top_srcdir)/src/status/style.awk
	$(AM_V_GEN)css=$(top_srcdir)/src/status/page.css name=page_style; $(MAKE_STYLE)

# The registry client: for the command and the prober.
if HAVE_REGISTRY
noinst_LIBRARIES += src/libregistry.a
noinst_LIBRARIES += src/libaudit.a
REGISTRY_LIBS = src/libaudit.a src/libregistry.a $(LIBCRYPTO_LIBS)
endif
# The audit of what registries hold, which the command runs.
src_libaudit_a_SOURCES = \
	src/audit/compare.c src/audit/compare.h \
	src/audit/crew.c src/audit/crew.h \
	src/audit/gate.c src/audit/gate.h \
	src/audit/inventory.c src/audit/inventory.h \
	src/audit/journal.c src/audit/journal.h \
	src/audit/registries.c src/audit/registries.h \
	src/audit/report.c src/audit/report.h \
	src/audit/report_csv.c \
	src/audit/report_json.c \
	src/audit/report_text.c \
	src/audit/repositories.c src/audit/repositories.h \
	src/audit/totals.c src/audit/totals.h
src_libregistry_a_SOURCES = \
	src/index_key.c src/index_key.h \
	src/index_folder.c src/index_folder.h \
	src/index_pull.c src/index_pull.h \
	src/index_remote.c src/index_remote.h \
	src/index_seen.c src/index_seen.h \
	src/registry/client.c src/registry/client.h \
	src/registry/digest.c src/registry/digest.h \
	src/registry/headers.c src/registry/headers.h \
	src/registry/http.c src/registry/http.h \
	src/registry/manifest.c src/registry/manifest.h \
	src/registry/private.c src/registry/private.h \
	src/registry/referrers.c src/registry/referrers.h \
	src/registry/signatures.c src/registry/signatures.h \
	src/registry/tags.c src/registry/tags.h \
	src/registry/token.c src/registry/token.h

# The checks of a front door: for the command and the tests.
if HAVE_REGISTRY
noinst_LIBRARIES += src/libverify.a
VERIFY_LIBS = src/libverify.a
endif
src_libverify_a_SOURCES = \
	src/verify/canonical.c src/verify/canonical.h \
	src/verify/checks.c src/verify/checks.h \
	src/verify/crew.c src/verify/crew.h \
	src/verify/door.h \
	src/verify/examine.h \
	src/verify/examine_blobs.c \
	src/verify/examine_input.c \
	src/verify/examine_manifests.c \
	src/verify/examine_methods.c \
	src/verify/examine_ping.c \
	src/verify/examine_referrers.c \
	src/verify/examine_signatures.c \
	src/verify/examine_tags.c \
	src/verify/fetch.c src/verify/fetch.h \
	src/verify/found.c src/verify/found.h \
	src/verify/journey.c src/verify/journey.h \
	src/verify/location.c src/verify/location.h \
	src/verify/oci_error.c src/verify/oci_error.h \
	src/verify/report.c src/verify/report.h \
	src/verify/resume.c src/verify/resume.h \
	src/verify/trial.c src/verify/trial.h \
	src/verify/verify.c src/verify/verify.h

# The prober: for the command and the tests, not for the responder.
noinst_LIBRARIES += src/libprober.a
src_libprober_a_SOURCES = \
	src/cache_write.c src/cache_write.h \
	src/prober/agenda.c src/prober/agenda.h src/prober/agenda_parts.h \
	src/prober/reply.c src/prober/reply.h \
	src/prober/budget.c src/prober/budget.h \
	src/prober/checks.c \
	src/prober/clients.c src/prober/clients.h \
	src/prober/door.c src/prober/door.h \
	src/prober/fetcher.c src/prober/fetcher.h \
	src/prober/flow.c src/prober/flow.h \
	src/prober/findings.c \
	src/prober/head.c src/prober/head.h \
	src/prober/jitter.h \
	src/prober/jobs.c \
	src/prober/monitor.c src/prober/monitor.h \
	src/prober/probe.c src/prober/probe.h \
	src/prober/proof.c src/prober/proof.h \
	src/prober/proof_body.c src/prober/proof_body.h \
	src/prober/proofs.c \
	src/prober/publish.c src/prober/publish.h \
	src/prober/questions.c \
	src/prober/remote.c src/prober/remote.h \
	src/prober/serve.c src/prober/serve.h \
	src/prober/unknown.c \
	src/prober/showing.c src/prober/showing.h \
	src/prober/witness.c src/prober/witness.h

bin_PROGRAMS += src/signpost
src_signpost_SOURCES = \
	src/cmd_audit.c \
	src/cmd_check.c \
	src/cmd_drain.c \
	src/cmd_forget.c \
	src/ask_connect.c \
	src/cmd_explain.c \
	src/cmd_hosts.c \
	src/cmd_import.c \
	src/cmd_index.c \
	src/cmd_map.c \
	src/cmd_options.c \
	src/cmd_places.c \
	src/cmd_prober.c \
	src/cmd_ranges.c \
	src/cmd_reload.c \
	src/cmd_replay.c \
	src/cmd_share.c \
	src/cmd_state.c \
	src/cmd_target.c \
	src/cmd_verify.c \
	src/cmd_where.c \
	src/command.c src/command.h \
	src/command_json.c src/command_json.h \
	src/explain.c src/explain.h \
	src/explain_json.c src/explain_json.h \
	src/index_add.c src/index_add.h \
	src/index_from.c src/index_from.h \
	src/index_layout.c src/index_layout.h \
	src/index_merge.c src/index_merge.h \
	src/index_publish.c src/index_publish.h \
	src/options_doc.c src/options_doc.h \
	src/print_config.c src/print_config.h \
	src/signpost.c
if HAVE_REGISTRY
src_signpost_SOURCES += src/audit/audit.c src/audit/audit.h
src_signpost_SOURCES += src/index_wait.c src/index_wait.h
endif
src_signpost_LDADD = $(VERIFY_LIBS) src/libimport.a src/libreplay.a src/libranges.a src/libprober.a $(REGISTRY_LIBS) $(STATUS_LIBS) src/libsignpost.a \
	$(CONFIG_LIBS) $(LIBMAXMINDDB_LIBS) $(JANSSON_LIBS) $(LIBCURL_LIBS) $(LIBYAML_LIBS) $(MATH_LIBS)
