# SPDX-License-Identifier: Apache-2.0
# Makes a manual page, in mdoc(7), of what a program prints for --help, so that both
# always say the same. What stands in the file `rest` (sections such as EXAMPLES) is
# put behind it.
#
#   signpost check --help | awk -f manual.awk -v title=signpost-check -v section=1 \
#       -v name="signpost check" -v about="checks a configuration" -v date="May 1, 2026" \
#       -v rest=FILE
#
# The layout of a help text: usage lines, paragraphs, and lists whose items stand two or
# more columns in, with their texts behind at least two spaces, and on lines further in.

# What roff would take for its own.
function escape(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/"/, "\\(dq", text)
    gsub(/…/, "...", text)
    gsub(/→/, "\\(->", text)
    gsub(/é/, "\\('e", text)
    gsub(/--/, "\\-\\-", text)
    gsub(/`/, "\\(ga", text)
    return text
}

# A sentence begins a line, as mdoc wants it, and no line is longer than 80 bytes.
function print_text(text,    count, i, words, line)
{
    count = split(escape(text), words, / +/)
    for (i = 1; i <= count; i++) {
        if (line != "" && (line ~ /[.?!]$/ || length(line) + length(words[i]) > 78)) {
            print line
            line = ""
        }
        if (line == "" && words[i] ~ /^[.']/)
            line = "\\&"
        line = line (line == "" || line == "\\&" ? "" : " ") words[i]
    }
    if (line != "")
        print line
}

# "--config FILE" as macros: flags, and what they take.
function mark(term,    count, i, words, out, word, comma)
{
    gsub(/,/, " ,", term)
    count = split(term, words, / +/)
    for (i = 1; i <= count; i++) {
        word = escape(words[i])
        if (words[i] == "")
            continue
        if (word == ",")
            out = out " ,"
        else if (words[i] ~ /^-/)
            out = out " Fl " escape(substr(words[i], 2))
        else if (words[i] ~ /^'/ && words[i] !~ /'$/ && i < count)
            out = out " Ar \"" word " " escape(words[++i]) "\""
        else
            out = out kind_of(words[i], out) word (title == "signpost" && word ~ /^[a-z]+$/ ? " 1" : "")
    }
    return substr(out, 2)
}

# A word in lower case is a command, unless it is what a flag takes.
function kind_of(word, before)
{
    if (word !~ /^[a-z]+$/ || before ~ /Fl [^ ]*$/)
        return " Ar "
    return title == "signpost" ? " Xr signpost-" : " Cm "
}

function print_usage(line,    count, i, words, depth, group, prefix)
{
    sub(/^(Usage:|      ) */, "", line)
    prefix = length(name) + 1
    if (substr(line, 1, prefix - 1) != name) {
        print ".Nm " title_of(line)
        sub(/^[^ ]+ [^ ]+ */, "", line)
    } else {
        print ".Nm " name
        line = substr(line, prefix + 1)
    }
    count = split(line, words, / +/)
    for (i = 1; i <= count; i++) {
        group = group (group == "" ? "" : " ") words[i]
        depth += gsub(/\[/, "[", words[i]) - gsub(/\]/, "]", words[i])
        if (depth > 0 || group == "")
            continue
        # A flag takes the word behind it along, unless that is in brackets.
        if (group ~ /^--?[a-z-]+$/ && i < count && words[i + 1] ~ /^[A-Za-z\x27]/)
            continue
        print_group(group)
        group = ""
    }
}

function title_of(line,    words)
{
    split(line, words, / +/)
    return words[1] " " words[2]
}

function print_group(group)
{
    if (group ~ /^\[/) {
        sub(/^\[/, "", group)
        if (sub(/\]\.\.\.$/, "", group) || sub(/\]…$/, "", group))
            group = group "…"
        else
            sub(/\]$/, "", group)
        print ".Op " mark(group)
    } else if (group ~ /^[<>]$/) {
        print ".No " group
    } else {
        print "." mark(group)
    }
}

function end_list()
{
    if (item != "") {
        print_text(item)
        item = ""
    }
    if (in_list)
        print ".El"
    in_list = 0
}

function end_paragraph()
{
    if (paragraph == "")
        return
    if (paragraph ~ /^(The exit status|Exit status)/) {
        status = status " " paragraph
    } else {
        if (described && !after_heading)
            print ".Pp"
        print_text(paragraph)
        described = 1
    }
    paragraph = ""
}

function begin_item(line,    gap, term)
{
    end_paragraph()
    if (item != "")
        print_text(item)
    item = ""
    if (!in_list) {
        print ".Bl -tag -width Ds"
        described = in_list = 1
    }
    sub(/^ +/, "", line)
    gap = match(line, /   */)
    term = gap ? substr(line, 1, gap - 1) : line
    item = gap ? substr(line, gap + RLENGTH) : ""
    print ".It " mark(term)
}

BEGIN {
    print ".\\\" SPDX-License-Identifier: Apache-2.0"
    print ".\\\" Made from the program's --help by manual.awk."
    print ".Dd " date
    print ".Dt " toupper(title) " " section
    print ".Os"
    print ".Sh NAME"
    print ".Nm " title
    print ".Nd " escape(about)
    print ".Sh SYNOPSIS"
    usage = 1
}

usage && /^$/ { usage = 0; print ".Sh DESCRIPTION"; next }
usage { print_usage($0); next }

/^$/ { end_list(); end_paragraph(); next }
match($0, /^ +/) && RLENGTH < 8 && (/^ +-/ || /[^ ]   *[^ ]/) { begin_item($0); next }
in_list && /^   / { sub(/^ +/, ""); item = item (item == "" ? "" : " ") $0; next }
{
    end_list()
    sub(/^ +/, "")
    paragraph = paragraph (paragraph == "" ? "" : " ") $0
}

END {
    end_list()
    end_paragraph()
    if (status != "") {
        print ".Sh EXIT STATUS"
        sub(/^ +/, "", status)
        print_text(status)
    }
    while (rest != "" && (getline line < rest) > 0)
        if (line !~ /^\.\\"/)
            print line
    print ".Sh SEE ALSO"
    if (title != "signpost")
        print ".Xr signpost 1 ,"
    print ".Xr signpost.conf 5" (title == "signpost.fcgi" ? "" : " ,")
    if (title != "signpost.fcgi")
        print ".Xr signpost.fcgi 8"
}
