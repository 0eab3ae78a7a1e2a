# SPDX-License-Identifier: Apache-2.0
# Makes land_data.c of land.txt; POSIX awk.

BEGIN {
    print "/* Made by land.awk from land.txt. Do not edit. */"
    print "#include \"status/land.h\"\n"
    print "const struct land_point land_points[] = {"
}

/^#/ { next }

{
    line = "   "
    for (i = 1; i <= NF; i++)
        line = line " {" $i "},"
    print line " {LAND_END, 0},"
}

END {
    print "};\n"
    print "const size_t land_count = sizeof land_points / sizeof *land_points;"
}
