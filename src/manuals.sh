#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the manual pages of the command and the responder from their --help, each with
# the sections that are written by hand beside it (src/cmd/check.mdoc …).
#
#   manuals.sh SOURCE SIGNPOST FCGI DATE COMMAND…      writes src/*.1 and fcgi/*.8 here
set -eu
source=$1 signpost=$2 fcgi=$3 date=$4
shift 4

# page PROGRAM-AND-COMMAND TITLE SECTION ABOUT REST: the page of a help text, on stdout.
page() {
    awk -f "$source/src/manual.awk" -v name="$1" -v title="$2" -v section="$3" -v about="$4" \
        -v date="$date" -v rest="$(test ! -e "$source/$5" || echo "$source/$5")"
}

"$signpost" --help |
    page signpost signpost 1 "the tools of signpost, the front door for container registries" \
        src/cmd/signpost.mdoc >src/signpost.1
for command; do
    about=$("$signpost" --help | sed -n "s/^  $command  *//p")
    "$signpost" "$command" --help |
        page "signpost $command" "signpost-$command" 1 "$about" "src/cmd/$command.mdoc" \
            >"src/signpost-$command.1"
done
"$fcgi" --help |
    page signpost.fcgi signpost.fcgi 8 "the front door for container registries, as FastCGI or CGI" \
        fcgi/signpost.fcgi.mdoc >fcgi/signpost.fcgi.8
