# SPDX-License-Identifier: Apache-2.0
# Makes a C string of a style sheet, and its SHA-256 in base64; POSIX awk.
#
#     sha256sum map.css | awk -v name=map_style -f style.awk - map.css

BEGIN {
    print "/* Made by style.awk of a style sheet. Do not edit. */"
    print "extern const char " name "[], " name "_hash[];\n"
}

# Base64 (RFC 4648, 4) of 64 hexadecimal digits: three of them are two of its own.
function base64(hex,    alphabet, out, i, j, value) {
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    hex = hex "00"
    for (i = 1; i <= 64; i += 3) {
        value = 0
        for (j = i; j < i + 3; j++)
            value = value * 16 + index("0123456789abcdef", substr(hex, j, 1)) - 1
        out = out substr(alphabet, int(value / 64) + 1, 1) substr(alphabet, value % 64 + 1, 1)
    }
    return substr(out, 1, 43) "="
}

FILENAME == "-" {
    print "const char " name "_hash[] = \"" base64($1) "\";\n"
    print "const char " name "[] ="
    next
}

{
    gsub(/["\\]/, "\\\\&")
    print "    \"" $0 "\\n\""
}

END { print "    \"\";" }
