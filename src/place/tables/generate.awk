# SPDX-License-Identifier: Apache-2.0
# Makes places_data.c of the tables beside this file; POSIX awk.
#
#     LC_ALL=C awk -f generate.awk continents.tsv countries.tsv regions.tsv border-groups.tsv
#
# The facts come out sorted by their key in lower case, as place.c looks them up.

BEGIN {
    FS = "\t"
    KEY_MAX = 47
    NAME_MAX = 63
    radian = atan2(0, -1) / 180
    print "/* Made by generate.awk from the tables in src/place/tables/. Do not edit. */"
    print "/* Coordinates: GeoNames (https://www.geonames.org/), CC BY 4.0. */"
    print "#include \"place/place_data.h\"\n"
}

function fail(why) {
    print FILENAME ":" FNR ": " why | "cat >&2"
    failed = 1
    exit 1
}

# Notes a fact. country and continent are codes, or "-"; within is a key, or "".
function fact(key, name, kind, within, country, continent, lat, lon) {
    if (length(key) > KEY_MAX || length(name) > NAME_MAX)
        fail("\"" key "\" or its name is too long")
    if (within != "" && index(key, within "-") != 1)
        fail("the key of a border group must begin with that of its region")
    if (key in kind_of)
        fail("\"" key "\" stands twice")
    if ((lat == "-") != (lon == "-") || \
        (lat != "-" && (lat + 0 > 90 || lat + 0 < -90 || lon + 0 > 180 || lon + 0 < -180)))
        fail("\"" key "\" has impossible coordinates")
    keys[++count] = key
    kind_of[key] = kind
    name_of[key] = name == "-" ? "" : name
    within_of[key] = within
    country_of[key] = country
    continent_of[key] = continent
    lat_of[key] = lat
    lon_of[key] = lon
}

# A code that names both a country and a continent cannot be a key by itself.
function code_key(kind, code) {
    return code in continents && code in countries ? kind ":" code : code
}

/^#/ || /^$/ { next }

FILENAME ~ /continents\.tsv$/ {
    continents[$1] = $0
    continent_code[++continent_count] = $1
    next
}

FILENAME ~ /countries\.tsv$/ {
    if (!($3 in continents))
        fail("\"" $1 "\" is on the unknown continent \"" $3 "\"")
    countries[$1] = $0
    country_code[++country_count] = $1
    next
}

FILENAME ~ /regions\.tsv$/ {
    provider = tolower($1)
    if ($4 != "-" && !($4 in countries))
        fail("\"" $2 "\" is in the unknown country \"" $4 "\"")
    key = provider ":" tolower($2)
    fact(key, $3, "PLACE_REGION", "", $4, "-", $5, $6)
    if ($8 != "-" && $8 != $2) {
        alias[++alias_count] = provider ":" $8
        alias_for[alias_count] = key
    }
    next
}

FILENAME ~ /border-groups\.tsv$/ {
    region = "aws:" tolower($2)
    if (!(region in kind_of))
        fail("\"" $1 "\" lies within the unknown region \"" $2 "\"")
    if ($1 != $2)
        fact("aws:" $1, $3, "PLACE_REGION", region, $4, "-", $5, $6)
    next
}

{ fail("not a known table") }

# Sorts array[1..n], whose order is that of sort_key[array[i]]; stable.
function sort(array, n, sort_key,    i, j, item) {
    for (i = 2; i <= n; i++) {
        item = array[i]
        for (j = i - 1; j >= 1 && (sort_key[array[j]] "") > (sort_key[item] ""); j--)
            array[j + 1] = array[j]
        array[j + 1] = item
    }
}

function number_of(key) {
    return key == "" ? "NO_PLACE" : position[key]
}

function write_fact(key,    country, continent, row) {
    country = country_of[key]
    continent = continent_of[key]
    if (country != "-") {
        split(countries[country], row, "\t")
        continent = row[3]
    }
    printf "    {\"%s\", \"%s\", %s, %s, %s, %s, %s, ", key, name_of[key], kind_of[key], \
        (lat_of[key] == "-" ? "false" : "true"), number_of(within_of[key]), \
        (country == "-" ? "NO_PLACE" : position[code_key("country", country)]), \
        (continent == "-" ? "NO_PLACE" : position[code_key("continent", continent)])
    if (lat_of[key] == "-")
        print "0, 0, {0, 0, 0}},"
    else
        printf "%.4ff, %.4ff, {%.8ff, %.8ff, %.8ff}},\n", lat_of[key], lon_of[key], \
            cos(lat_of[key] * radian) * cos(lon_of[key] * radian), \
            cos(lat_of[key] * radian) * sin(lon_of[key] * radian), sin(lat_of[key] * radian)
}

function write_facts(    i) {
    print "const int places_builtin = " count ";\n"
    print "const struct place_fact place_facts[] = {"
    for (i = 1; i <= count; i++)
        write_fact(keys[i])
    print "};\n"
}

# Where each fact is found by its key: a table of twice as many slots as there are facts, at
# least, each fact in the first free one from that of place.c's first_slot on.
function write_slots(    i, j, slot, size, used) {
    for (size = 1; size < 2 * count; size *= 2)
        ;
    for (i = 32; i < 127; i++)
        ord[sprintf("%c", i)] = i
    for (i = 1; i <= count; i++) {
        slot = 0
        for (j = 1; j <= length(keys[i]); j++)
            slot = (slot * 31 + ord[substr(lower[keys[i]], j, 1)]) % size
        while (slot in used)
            slot = (slot + 1) % size
        used[slot] = i - 1
    }
    print "const unsigned place_slot_count = " size ";\n"
    printf "const place_index place_slots[] = {"
    for (i = 0; i < size; i++)
        printf "%s%s,", (i % 16 ? " " : "\n    "), (i in used ? used[i] : "NO_PLACE")
    print "\n};\n"
}

# The regions once more, in the order of their names without the provider.
function write_bare(    i, n, key) {
    for (i = 1; i <= count; i++) {
        key = keys[i]
        if (kind_of[key] == "PLACE_REGION") {
            bare_keys[++n] = key
            bare_name[key] = substr(key, index(key, ":") + 1)
        }
    }
    sort(bare_keys, n, bare_name)
    print "const int places_bare = " n ";\n"
    printf "const place_index place_bare[] = {"
    for (i = 1; i <= n; i++)
        printf "%s%d,", ((i - 1) % 16 ? " " : "\n    "), position[bare_keys[i]]
    print "\n};\n"
}

function write_aliases(    i) {
    print "const int places_aliases = " alias_count ";\n"
    print "const struct place_alias place_aliases[] = {"
    for (i = 1; i <= alias_count; i++)
        printf "    {\"%s\", %d},\n", alias[i], position[alias_for[i]]
    print "};"
}

END {
    if (failed)
        exit 1
    for (i = 1; i <= continent_count; i++) {
        split(continents[continent_code[i]], row, "\t")
        fact(code_key("continent", row[1]), row[2], "PLACE_CONTINENT", "", "-", row[1], row[3], row[4])
    }
    for (i = 1; i <= country_count; i++) {
        split(countries[country_code[i]], row, "\t")
        fact(code_key("country", row[1]), row[2], "PLACE_COUNTRY", "", row[1], row[3], row[4], row[5])
    }
    for (i = 1; i <= count; i++)
        lower[keys[i]] = tolower(keys[i])
    sort(keys, count, lower)
    for (i = 1; i <= count; i++)
        position[keys[i]] = i - 1
    write_facts()
    write_slots()
    write_bare()
    write_aliases()
}
