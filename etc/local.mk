# SPDX-License-Identifier: Apache-2.0
# Configurations as installed, and their manuals.
EXTRA_DIST += etc/lighttpd-try.conf etc/signpost.conf etc/registry.k8s.io.conf
