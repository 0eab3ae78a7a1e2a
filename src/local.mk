# SPDX-License-Identifier: Apache-2.0
# libsignpost: everything that decides, free of CGI, sockets and signals. The
# responder, the command and the tests link it.
noinst_LIBRARIES += src/libsignpost.a
src_libsignpost_a_SOURCES = \
	src/parse/address.c src/parse/address.h \
	src/state/admission.c src/state/admission.h \
	src/core/arena.c src/core/arena.h \
	src/state/ask.c src/state/ask.h \
	src/state/cache.c src/state/cache.h \
	src/state/cache_table.c src/state/cache_table.h \
	src/core/child.c src/core/child.h \
	src/parse/classify.c src/parse/classify.h \
	src/config/client.c src/config/client.h \
	src/config/compile.c src/config/compile.h \
	src/config/compile_probing.c \
	src/config/compile_index.c \
	src/config/compile_rules.c \
	src/config/compile_targets.c \
	src/config/compile_words.c \
	src/config/configuration.c src/config/configuration.h \
	src/state/control.c src/state/control.h \
	src/state/counters.c src/state/counters.h \
	src/route/decide.c src/route/decide.h \
	src/config/environment.c src/config/environment.h \
	src/route/explain_words.c src/route/explain_words.h \
	src/parse/forwarded.c src/parse/forwarded.h \
	src/place/geodb.c src/place/geodb.h \
	src/place/geodb_describe.c \
	src/place/geodb_file.c src/place/geodb_file.h \
	src/place/geodb_none.c \
	src/state/health.c src/state/health.h \
	src/config/holding.h \
	src/core/identity.h \
	src/state/index.c src/state/index.h \
	src/config/index_address.c src/config/index_address.h \
	src/state/index_fetched.c src/state/index_fetched.h \
	src/state/index_file.c src/state/index_file.h \
	src/state/index_list.c src/state/index_list.h \
	src/state/index_status.c src/state/index_status.h \
	src/core/instant.h \
	src/state/knowledge.c src/state/knowledge.h \
	src/route/last_resort.c src/route/last_resort.h \
	src/route/locate.c src/route/locate.h \
	src/core/lock.c src/core/lock.h \
	src/log/count.c src/log/count.h \
	src/log/entry.c src/log/entry.h \
	src/log/log.c src/log/log.h \
	src/config/logging.h \
	src/log/notes.c src/log/notes.h \
	src/log/sink.c src/log/sink.h \
	src/core/mapped.c src/core/mapped.h \
	src/route/nearest.c src/route/nearest.h \
	src/parse/oci.c src/parse/oci.h \
	src/config/options.c src/config/options.h \
	src/parse/pin.c src/parse/pin.h \
	src/place/place.c src/place/place.h src/place/place_data.h \
	src/core/plain_file.c src/core/plain_file.h \
	src/place/place_distance.c \
	src/place/place_own.c \
	src/place/place_point.c \
	src/place/place_set.c src/place/place_set.h \
	src/state/presence.c src/state/presence.h \
	src/config/probing.h \
	src/core/problem.c src/core/problem.h \
	src/cmd/progress.c src/cmd/progress.h \
	src/route/query.c src/route/query.h \
	src/state/refusal.c src/state/refusal.h \
	src/route/region_value.c src/route/region_value.h \
	src/parse/reference.c src/parse/reference.h \
	src/core/replacement.c src/core/replacement.h \
	src/parse/request.c src/parse/request.h \
	src/route/respond.c src/route/respond.h \
	src/route/route.c src/route/route.h \
	src/config/rule.c src/config/rule.h \
	src/route/search.c src/route/search.h \
	src/config/settings.c src/config/settings.h \
	src/core/siphash.c src/core/siphash.h \
	src/core/descriptors.c src/core/descriptors.h \
	src/core/fnv.h \
	src/core/slice.h \
	src/state/state.c src/state/state.h \
	src/core/suggest.c src/core/suggest.h \
	src/config/target.c src/config/target.h \
	src/core/text.h \
	src/config/tree.c src/config/tree.h \
	src/config/tree_read.c \
	src/parse/url.c src/parse/url.h \
	src/core/utf8.c src/core/utf8.h \
	src/core/version.h \
	src/core/why.c src/core/why.h
nodist_src_libsignpost_a_SOURCES = src/places_data.c

# The compiled-in facts. The order of the tables is that of generate.awk's comment.
PLACE_TABLES = \
	$(top_srcdir)/src/place/tables/continents.tsv \
	$(top_srcdir)/src/place/tables/countries.tsv \
	$(top_srcdir)/src/place/tables/regions.tsv \
	$(top_srcdir)/src/place/tables/border-groups.tsv
EXTRA_DIST += $(PLACE_TABLES) src/place/tables/generate.awk src/place/tables/README.md
CLEANFILES += src/places_data.c
src/places_data.c: $(PLACE_TABLES) $(top_srcdir)/src/place/tables/generate.awk
	$(AM_V_GEN)$(MKDIR_P) src && LC_ALL=C $(AWK) -f $(top_srcdir)/src/place/tables/generate.awk \
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
	src/cmd/import/archeio.c src/cmd/import/archeio.h \
	src/cmd/import/manifest.c src/cmd/import/manifest.h

# What a new configuration would change: for the command and the tests.
noinst_LIBRARIES += src/libreplay.a
src_libreplay_a_SOURCES = \
	src/cmd/replay/compare.c src/cmd/replay/compare.h \
	src/cmd/replay/log_line.c src/cmd/replay/log_line.h \
	src/cmd/replay/report.c src/cmd/replay/report.h \
	src/cmd/replay/tally.c src/cmd/replay/tally.h

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
	src/cmd/audit/compare.c src/cmd/audit/compare.h \
	src/cmd/audit/crew.c src/cmd/audit/crew.h \
	src/cmd/audit/gate.c src/cmd/audit/gate.h \
	src/cmd/audit/inventory.c src/cmd/audit/inventory.h \
	src/cmd/audit/journal.c src/cmd/audit/journal.h \
	src/cmd/audit/registries.c src/cmd/audit/registries.h \
	src/cmd/audit/report.c src/cmd/audit/report.h \
	src/cmd/audit/report_csv.c \
	src/cmd/audit/report_json.c \
	src/cmd/audit/report_text.c \
	src/cmd/audit/repositories.c src/cmd/audit/repositories.h \
	src/cmd/audit/totals.c src/cmd/audit/totals.h
src_libregistry_a_SOURCES = \
	src/state/index_key.c src/state/index_key.h \
	src/prober/index_folder.c src/prober/index_folder.h \
	src/prober/index_pull.c src/prober/index_pull.h \
	src/prober/index_remote.c src/prober/index_remote.h \
	src/prober/index_seen.c src/prober/index_seen.h \
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
	src/cmd/verify/canonical.c src/cmd/verify/canonical.h \
	src/cmd/verify/checks.c src/cmd/verify/checks.h \
	src/cmd/verify/crew.c src/cmd/verify/crew.h \
	src/cmd/verify/door.h \
	src/cmd/verify/examine.h \
	src/cmd/verify/examine_blobs.c \
	src/cmd/verify/examine_input.c \
	src/cmd/verify/examine_manifests.c \
	src/cmd/verify/examine_methods.c \
	src/cmd/verify/examine_ping.c \
	src/cmd/verify/examine_referrers.c \
	src/cmd/verify/examine_signatures.c \
	src/cmd/verify/examine_tags.c \
	src/cmd/verify/fetch.c src/cmd/verify/fetch.h \
	src/cmd/verify/found.c src/cmd/verify/found.h \
	src/cmd/verify/journey.c src/cmd/verify/journey.h \
	src/cmd/verify/location.c src/cmd/verify/location.h \
	src/cmd/verify/oci_error.c src/cmd/verify/oci_error.h \
	src/cmd/verify/report.c src/cmd/verify/report.h \
	src/cmd/verify/resume.c src/cmd/verify/resume.h \
	src/cmd/verify/trial.c src/cmd/verify/trial.h \
	src/cmd/verify/verify.c src/cmd/verify/verify.h

# The prober: for the command and the tests, not for the responder.
noinst_LIBRARIES += src/libprober.a
src_libprober_a_SOURCES = \
	src/state/cache_write.c src/state/cache_write.h \
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
	src/cmd/audit.c \
	src/cmd/check.c \
	src/cmd/drain.c \
	src/cmd/forget.c \
	src/state/ask_connect.c \
	src/cmd/explain.c \
	src/cmd/hosts.c \
	src/cmd/import.c \
	src/cmd/index.c \
	src/cmd/map.c \
	src/cmd/options.c \
	src/cmd/places.c \
	src/cmd/prober.c \
	src/cmd/ranges.c \
	src/cmd/reload.c \
	src/cmd/replay.c \
	src/cmd/share.c \
	src/cmd/state.c \
	src/cmd/target.c \
	src/cmd/verify.c \
	src/cmd/where.c \
	src/cmd/command.c src/cmd/command.h \
	src/cmd/command_json.c src/cmd/command_json.h \
	src/cmd/explanation.c src/cmd/explanation.h \
	src/cmd/explanation_json.c src/cmd/explanation_json.h \
	src/cmd/index/index_add.c src/cmd/index/index_add.h \
	src/cmd/index/index_from.c src/cmd/index/index_from.h \
	src/cmd/index/index_layout.c src/cmd/index/index_layout.h \
	src/cmd/index/index_merge.c src/cmd/index/index_merge.h \
	src/cmd/index/index_publish.c src/cmd/index/index_publish.h \
	src/config/options_doc.c src/config/options_doc.h \
	src/config/print_config.c src/config/print_config.h \
	src/cmd/signpost.c
if HAVE_REGISTRY
src_signpost_SOURCES += src/cmd/audit/audit.c src/cmd/audit/audit.h
src_signpost_SOURCES += src/cmd/index/index_wait.c src/cmd/index/index_wait.h
endif
src_signpost_LDADD = $(VERIFY_LIBS) src/libimport.a src/libreplay.a src/libranges.a src/libprober.a $(REGISTRY_LIBS) $(STATUS_LIBS) src/libsignpost.a \
	$(CONFIG_LIBS) $(LIBMAXMINDDB_LIBS) $(JANSSON_LIBS) $(LIBCURL_LIBS) $(LIBYAML_LIBS) $(MATH_LIBS)
