# SPDX-License-Identifier: Apache-2.0
#
# signpost ranges: from published address ranges to a database, from the sources by
# download, and what changed between two.
use strict;
use warnings;

use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $samples  = $t->source('t/data/ranges');
my $folder   = $t->dir('work');

sub ranges {
    my (@arguments) = @_;
    my %option = ref $arguments[-1] eq 'HASH' ? %{ pop @arguments } : ();
    return $t->run( [ $signpost, 'ranges', @arguments ], %option );
}

# Compiles and expects no complaint; returns the database's path.
sub compiled {
    my ( $name, @arguments ) = @_;
    my $run = ranges( '-q', '-o', "$folder/$name.mmdb", @arguments );
    is_deeply( $run, { status => 0, out => '', err => '' }, "$name is compiled without a word" );
    return "$folder/$name.mmdb";
}

# A database's record of an address on one line, '' if there is none.
sub look_up {
    my ( $database, $address, @path ) = @_;
    my $run = $t->run( [ 'mmdblookup', '--file', $database, '--ip', $address, @path ] );
    return ''          if $run->{err} =~ /Could not find an entry|lookup path does not match/;
    return $run->{err} if $run->{status};
    my $text = $run->{out} =~ s/ <\w+>//gr;
    $text =~ s/\s+/ /g;
    return $text =~ s/^ | $//gr;
}

# Like is(), for the fields that "provider region border_group country continent city" names.
sub place_is {
    my ( $database, $address, $want ) = @_;
    my @paths = (
        ['provider'], ['region'], ['border_group'],
        [ 'country',   'iso_code' ],
        [ 'continent', 'code' ],
        [ 'city',      'names', 'en' ]
    );
    my @got = map { my $value = look_up( $database, $address, @$_ ); $value =~ /"(.*)"/ ? $1 : '-' }
        @paths;
    return is( "@got", $want, "$address is at $want" );
}

sub differences { return ranges( '--diff', @_ ) }

# ---------------------------------------------------------------- formats

my $has_mmdblookup = $t->find('mmdblookup');

my $aws     = compiled( 'aws',     "$samples/aws.json" );
my $google  = compiled( 'google',  "$samples/google.json" );
my $azure   = compiled( 'azure',   "$samples/azure.json" );
my $oracle  = compiled( 'oracle',  "$samples/oracle.json" );
my $geofeed = compiled( 'geofeed', '--provider', 'feeder',              "$samples/geofeed.csv" );
my $list    = compiled( 'list',    '--place',    'aws:us-east-1-lim-1', "$samples/list.txt" );
my $rir     = compiled( 'rir',     "$samples/delegated-sample" );

SKIP: {
    skip 'mmdblookup is not installed', 1 if !$has_mmdblookup;

    place_is( $aws, '192.0.2.70',       'aws eu-west-3 - FR EU Paris' );
    place_is( $aws, '192.0.2.1',        'aws global - - - -' );
    place_is( $aws, '192.0.2.130',      'aws us-east-1 us-east-1-lim-1 PE SA Lima' );
    place_is( $aws, '198.51.100.1',     'aws eu-central-1 - DE EU Frankfurt am Main' );
    place_is( $aws, '198.51.100.17',    'aws xx-new-1 - - - -' );
    place_is( $aws, '2001:db8:a123::1', 'aws ap-northeast-1 - JP AS Tokyo' );
    place_is( $aws, '198.51.100.200',   '- - - - - -' );
    is(
        look_up( $aws, '192.0.2.130', 'location' ),
        '{ "latitude": -12.043200 "longitude": -77.028200 }',
        'a local zone has its own coordinates'
    );
    place_is( $aws, '::ffff:192.0.2.70',   'aws eu-west-3 - FR EU Paris' );
    place_is( $aws, '64:ff9b::192.0.2.70', 'aws eu-west-3 - FR EU Paris' );
    place_is( $aws, '2002:c000:246::1',    'aws eu-west-3 - FR EU Paris' );
    place_is( $aws, '::192.0.2.70',        'aws eu-west-3 - FR EU Paris' );

    place_is( $google, '203.0.113.1',      'gcp us-central1 - US NA Council Bluffs' );
    place_is( $google, '203.0.113.65',     'gcp global - - - -' );
    place_is( $google, '2001:db8:b00f::1', 'gcp europe-west1 - BE EU Saint-Ghislain' );

    place_is( $azure, '203.0.113.129',    'azure germanywc - DE EU Frankfurt am Main' );
    place_is( $azure, '203.0.113.241',    '- - - - - -' );
    place_is( $azure, '2001:db8:c0ff::1', 'azure germanywc - DE EU Frankfurt am Main' );

    like( look_up( $oracle, '203.0.113.100' ), qr/"oracle" "region": "us-ashburn-1"/, 'Oracle' );

    place_is( $geofeed, '198.51.100.33', 'feeder - - BR SA Sao Paulo' );
    is( look_up( $geofeed, '198.51.100.33', 'location', 'latitude' ),
        '-23.547500', 'the place of a city is known without its accents' );
    is( look_up( $geofeed, '198.51.100.49', 'location', 'latitude' ),
        '50.115500', 'and without the rest of its name' );
    place_is( $geofeed, '198.51.100.65',    'feeder - - FR EU Marseille' );
    place_is( $geofeed, '198.51.100.81',    'feeder - - NZ OC -' );
    place_is( $geofeed, '198.51.100.97',    'feeder - - - - -' );
    place_is( $geofeed, '2001:db8:d0ff::1', 'feeder - - US NA Cedar Knolls' );
    is( look_up( $geofeed, '2001:db8:d0ff::1', 'location' ),
        '', 'a city that no region is in has no coordinates' );
    place_is( $geofeed, '2001:db8:d100::1', 'feeder - - US NA -' );
    place_is( $geofeed, '2001:db8:d100::2', '- - - - - -' );

    for my $address (qw(198.51.100.130 198.51.100.144 2001:db8:e0ff::1 198.51.100.175)) {
        place_is( $list, $address, 'aws us-east-1 us-east-1-lim-1 PE SA Lima' );
    }
    place_is( $list, '198.51.100.145', '- - - - - -' );

    place_is( $rir, '192.0.2.95',       '- - - FR EU -' );
    place_is( $rir, '192.0.2.96',       '- - - DE EU -' );
    place_is( $rir, '192.0.2.255',      '- - - DE EU -' );
    place_is( $rir, '198.51.100.0',     '- - - - - -' );
    place_is( $rir, '198.51.100.1',     '- - - SA AS -' );
    place_is( $rir, '198.51.100.5',     '- - - SA AS -' );
    place_is( $rir, '198.51.100.6',     '- - - - - -' );
    place_is( $rir, '203.0.113.1',      '- - - - - -' );
    place_is( $rir, '2001:db8:1fff::1', '- - - - EU -' );
    place_is( $rir, '2001:db8:2000::1', '- - - - - -' );
}

subtest 'places of plain lists' => sub {
    plan skip_all => 'mmdblookup is not installed' if !$has_mmdblookup;
    my $run = ranges(
        '-o',                                    "$folder/places.mmdb",
        '--place',                               'FR',
        $t->file( 'fr.txt', "192.0.2.0/28\n" ),  '--place',
        'continent:SA',                          $t->file( 'sa.txt', "192.0.2.16/28\n" ),
        '--place',                               '48.85, 2.35',
        $t->file( 'at.txt', "192.0.2.32/28\n" ), '--place',
        'onprem:berlin',                         $t->file( 'own.txt', "192.0.2.48/28\n" ),
        '--place',                               '',
        "$samples/google.json"
    );
    is( $run->{status}, 0, 'every file has its own place' );
    is(
        $run->{err},
        qq(The region "onprem:berlin" is not known; the configuration must say where it is.\n),
        'an own region is noted'
    );
    my $database = "$folder/places.mmdb";
    place_is( $database, '192.0.2.1',  '- - - FR EU -' );
    place_is( $database, '192.0.2.17', '- - - - SA -' );
    is(
        look_up( $database, '192.0.2.33' ),
        '{ "location": { "latitude": 48.850000 "longitude": 2.350000 } }',
        'coordinates'
    );
    place_is( $database, '192.0.2.49',  'onprem berlin - - - -' );
    place_is( $database, '203.0.113.1', 'gcp us-central1 - US NA Council Bluffs' );
};

subtest 'standard input and forced formats' => sub {
    open my $in, '<', "$samples/aws.json" or die $!;
    my $run = ranges( '-q', '-o', "$folder/stdin.mmdb", '-', { stdin => $in } );
    is( "$run->{status}$run->{err}",     0,               'standard input is read' );
    is( $t->slurp("$folder/stdin.mmdb"), $t->slurp($aws), 'and gives the same database' );
    $run = ranges( '-o', "$folder/forced.mmdb", '--format', 'google', "$samples/aws.json" );
    is( $run->{status}, 1, 'a wrong format is refused' );
    is(
        $run->{err},
        "$samples/aws.json: prefixes[0] has no text \"ipv4Prefix\"; the file is not "
            . "what it seems.\n",
        'with the reason'
    );
    $run = ranges( '-q', '-o', "$folder/forced.mmdb", '--format', 'aws', "$samples/aws.json" );
    is( $run->{status}, 0, 'the right one is not' );
};

# ---------------------------------------------------------------- the file

subtest 'the same input gives the same bytes' => sub {
    my @files = glob "$samples/*.json";
    my $first = compiled( 'first', @files, "$samples/geofeed.csv" );
    copy( $_, $folder ) or die "$_: $!" for @files;
    utime 1, 1, glob "$folder/*.json";
    my $second = compiled( 'second', "$samples/geofeed.csv", reverse glob "$folder/*.json" );
    is( $t->slurp($first), $t->slurp($second), 'in another order, from another folder' );
    my $again = ranges( '-o', $first, @files, "$samples/geofeed.csv" );
    like( $again->{out}, qr/first\.mmdb: unchanged/, 'and is left alone then' );
SKIP: {
        skip 'mmdblookup is not installed', 1 if !$has_mmdblookup;
        my $epoch = sub {
            my $run = $t->run( [ 'mmdblookup', '-v', '--file', $_[0], '--ip', '192.0.2.1' ] );
            return $run->{out} =~ /Build epoch: +(\d+)/ ? $1 : '';
        };
        is( $epoch->($first), 1767323046, 'the build date is that of the newest input' );
        is( $epoch->($azure), 1,          'without one it is 1970' );
        ranges( '-q', '-o', "$folder/dated.mmdb", @files,
            { env => { SOURCE_DATE_EPOCH => 1234567890 } } );
        is( $epoch->("$folder/dated.mmdb"), 1234567890, 'SOURCE_DATE_EPOCH goes before' );
    }
    my $bad = ranges( '-o', "$folder/dated.mmdb", @files,
        { env => { SOURCE_DATE_EPOCH => 'yesterday' } } );
    is(
        "$bad->{status} $bad->{err}",
        "1 SOURCE_DATE_EPOCH is \"yesterday\", not a number of seconds.\n",
        'if it is one'
    );
};

subtest 'bad input changes nothing' => sub {
    my $database = compiled( 'good', "$samples/aws.json" );
    my $before   = $t->slurp($database);
    my $mended   = 'mend the file or get it anew (nothing was written)';
    my $aws_of   = sub { return $t->slurp("$samples/aws.json") =~ s/$_[0]/$_[1]/r };
    my @bad      = (
        [
            'cut.json',
            substr( $t->slurp("$samples/aws.json"), 0, 300 ),
            qr/^\S+cut\.json:\d+:\d+: This is not right JSON \(.*\); get the file anew /
        ],
        [
            'prefix.json',
            $aws_of->( '192\.0\.2\.128/28', '192.0.2.129/28' ),
            qr/^\S+prefix\.json:24: prefixes\[3\]: "192\.0\.2\.129\/28" is a prefix with address bits set beyond its length; \Q$mended\E\.$/
        ],
        [
            'wide.json',
            $aws_of->( '192\.0\.2\.0/24', '0.0.0.0/0' ),
            qr/^\S+wide\.json:6: prefixes\[0\]: "0\.0\.0\.0\/0" is far too wide a network for one region; /
        ],
        [
            'region.json',
            $aws_of->( '"eu-central-1"', '"eu central 1\u0000"' ),
            qr/^\S+region\.json:1:|^\S+region\.json:\d+:\d+: This is not right JSON/
        ],
        [
            'name.json',
            $aws_of->( '"eu-central-1"', '"eu central 1"' ),
            qr/^\S+name\.json:37: prefixes\[5\]: "eu central 1" is not a region's name; /
        ],
        [
            'key.json',
            $aws_of->( '"region": "us-east-1"', '"reg": 1' ),
            qr/^\S+key\.json: prefixes\[3\] has no text "region"; the file is not what it seems\.$/
        ],
        [
            'other.json',
            '{"a": []}',
            qr/^\S+other\.json is JSON, but not the address ranges of AWS, Google, Azure or Oracle\.$/
        ],
        [ 'array.json', '[]', qr/^\S+array\.json is JSON, but not the address ranges / ],
        [
            'none.json',
            '{"prefixes": []}',
            qr/^\S+none\.json has no prefix with a place; check that it is the right file\.$/
        ],
        [
            'deep.json', '[' x 100_000,
            qr/^\S+deep\.json:\d+:\d+: This is not right JSON \(.*depth/
        ],
        [
            'bad.csv',
            "192.0.2.0/24,FR,,,\n192.0.2.256/24,FR,,,\n",
            qr/^\S+bad\.csv:2: "192\.0\.2\.256\/24" is not an IPv4 or IPv6 prefix; \Q$mended\E\.$/
        ],
        [
            'country.csv', "192.0.2.0/24,QQ,,,\n",
            qr/^\S+country\.csv:1: "QQ" is not a country's two-letter code \(ISO 3166-1\); /
        ],
        [
            'city.csv',
            "192.0.2.0/24,FR,,Par\xffis,\n",
            qr/^\S+city\.csv:1: "Par\?is" is not a city's name in UTF-8 of fewer than 128 bytes\.$/
        ],
        [
            'long.csv',
            '192.0.2.0/24,FR,' . 'x' x 2000,
            qr/^\S+long\.csv:1: The line is longer than 1000 bytes; this is not a list of address ranges\.$/
        ],
        [
            'version.rir',
            "3|x|y\n",
            qr/^\S+version\.rir:1: "3" is not a version of the registries' statistics that is known \(2\); /
        ],
        [
            'count.rir',
            "2|s|1|1|1|20260102|+0\ns|FR|ipv4|255.255.255.0|257|1|allocated\n",
            qr/^\S+count\.rir:2: "257" is not a count of IPv4 addresses from there on\.$/
        ],
        [
            'length.rir',
            "2|s|1|1|1|20260102|+0\ns|FR|ipv6|2001:db8::|129|1|allocated\n",
            qr/^\S+length\.rir:2: "2001:db8::\/129" is a prefix whose length is not a number from 0 to 128; /
        ],
        [
            'list.txt',
            "192.0.2.0/24\n",
            qr/^\S+list\.txt is a plain list of prefixes, which does not say where they are; give their place with --place\.$/
        ],
        [ 'empty.json', '', qr/^\S+empty\.json is empty\.$/ ],
        [
            'file.gz', "\x1f\x8b\x08\0",
            qr/^\S+file\.gz is compressed; unpack it first \(gunzip -k\)\.$/
        ],
        [ 'page.html', '<html>',      qr/^\S+page\.html is a web page or XML, not a list / ],
        [ 'binary',    "1.2.3.4\0\n", qr/^\S+binary is a binary file, not a list / ],
    );
    for my $bad (@bad) {
        my ( $name, $text, $want ) = @$bad;
        my $path = "$folder/bad/$name";
        $t->file( $path, '' );
        open my $file, '>:raw', $path or die "$path: $!";
        print {$file} $text;
        close $file or die "$path: $!";
        my $run = ranges( '-o', $database, "$samples/google.json", $path );
        is( $run->{status}, 1, "$name is refused" );
        like( $run->{err}, $want,              "$name: the message" );
        like( $run->{err}, qr/\A[^\n]+\.\n\z/, "$name: is one sentence" );
    }
    my $run = ranges( '-o', $database, "$folder/absent.json" );
    is( $run->{err}, "$folder/absent.json cannot be read: No such file or directory.\n", 'absent' );
    is( $t->slurp($database), $before, 'the database stays as it was' );
    $run = ranges( '-o', "$folder/absent/x.mmdb", "$samples/aws.json" );
    is(
        $run->{err},
        "$folder/absent/x.mmdb cannot be written: No such file or directory.\n",
        'no folder to write to'
    );
    $run = ranges( '-o', '/dev/null', "$samples/aws.json" );
    is(
        $run->{err},
        "/dev/null is not a regular file; give another name to write to.\n",
        'not a file to write to'
    );
    is_deeply( [ glob "$folder/.*.mmdb.*" ], [], 'and no temporary file is left' );
};

subtest 'misuse' => sub {
    my @misuse = (
        [ [],                    'There is no file to read.' ],
        [ ['x'],                 'Name the database to write with -o.' ],
        [ ['--bogus'],           '--bogus is not an option.' ],
        [ ['-o'],                '-o lacks its value.' ],
        [ [qw(--diff a -o b c)], '--diff writes nothing; leave out -o.' ],
        [ [qw(--download mars)], '"mars" cannot be downloaded: say clouds or country.' ],
        [
            [qw(--download clouds x)],
            '--download takes no files; compile or compare in a run of its own.'
        ],
        [ [qw(--source a=b -o c d)], '--source goes with --download.' ],
        [
            [qw(--format xml)],
            '"xml" is not a format: aws, google, azure, oracle, geofeed, list, rir or auto.'
        ],
        [ [qw(--source aws)], '--source "aws" lacks the URL: say --source NAME=URL.' ],
        [
            [
                qw(--download country),
                map { ( '--source', "$_=" ) } qw(afrinic apnic arin lacnic ripencc)
            ],
            'All sources of "country" are left out: there would be nothing in the database.'
        ],
        [ [qw(--download clouds --source mars=)], '--source "mars=" is not a source of this set.' ],
        [
            [qw(--download clouds --source ../x=https://a/)],
            '--source "../x=https://a/" is not a source\'s name (small letters, digits and \'-\').'
        ],
        (
            map {
                [
                    [ qw(--download clouds --source), "aws=$_" ],
                    qq(--source "aws=$_" must be an https or file URL.)
                ]
            } 'http://192.0.2.1/',
            'http://127.0.0.1@192.0.2.1/',
            'http://127.0.0.1:1@192.0.2.1/',
            'http://127.0.0.1.example/',
            'ftp://192.0.2.1/',
            'https://a b'
        ),
    );
    for my $misuse (@misuse) {
        my ( $arguments, $want ) = @$misuse;
        my $run = ranges(@$arguments);
        is( $run->{status},                 2,                        "@$arguments is misuse" );
        is( ( split /\n/, $run->{err} )[0], "signpost ranges: $want", 'and says why' );
    }
    my $run = ranges( '--place', 'nowhere', 'x' );
    like( $run->{err}, qr/^signpost ranges: "nowhere" is not a place: say a region /, 'no place' );
    $run = ranges('--help');
    is( $run->{status}, 0, '--help' );
    like( $run->{out}, qr/^Usage: signpost ranges -o DATABASE /, 'helps' );
};

# ---------------------------------------------------------------- changes

subtest 'what changed' => sub {
    my $new = $t->slurp("$samples/aws.json");
    $new =~ s{192\.0\.2\.64/26}{192.0.2.64/27}g;
    $new =~ s/us-east-1-lim-1/us-east-1-bos-1/;
    $new =~ s{198\.51\.100\.16/28}{198.51.100.64/28};
    my $path = $t->file( 'new.json', $new );
    my $same = differences( $aws, "$samples/aws.json" );
    is_deeply(
        $same,
        { status => 0, out => "0 networks added, 0 removed, 0 moved\n", err => '' },
        'a database and its source are the same'
    );
    my $want = <<'END';
~ 192.0.2.96/27        aws:eu-west-3, Paris, FR -> aws:global
~ 192.0.2.128/28       aws:us-east-1 (us-east-1-lim-1), Lima, PE -> aws:us-east-1 (us-east-1-bos-1), Boston, US
- 198.51.100.16/28     aws:xx-new-1
+ 198.51.100.64/28     aws:xx-new-1
1 network added, 1 removed, 2 moved
END
    my $run = differences( $aws, $path );
    is( $run->{status}, 1,     'changes are a finding' );
    is( $run->{out},    $want, 'a database and a file' );
    my $database = compiled( 'new', $path );
    is( differences( "$samples/aws.json", $database )->{out}, $want, 'a file and a database' );
    my $two = differences( $aws, "$samples/aws.json", "$samples/google.json" );
    like( $two->{out}, qr/^3 networks added, 0 removed, 0 moved$/m, 'several files are one' );
    my $damaged = $t->slurp($aws);
    substr $damaged, 0, 60, "\xff" x 60;
    my $bad = differences( $t->file( 'damaged.mmdb', $damaged ), $aws );
    is(
        "$bad->{status} $bad->{err}",
        '1 ' . $t->folder . "/damaged.mmdb is damaged; make it again or get it anew.\n",
        'a damaged database is said to be one'
    );
};

# ---------------------------------------------------------------- download

subtest 'download' => sub {
    my $lighttpd = $t->find('lighttpd');
    plan skip_all => 'lighttpd is not installed' if !$lighttpd;
    my $version = $t->run( [ $signpost, '--version' ] );
    plan skip_all => 'signpost was built without libcurl' if $version->{out} !~ /libcurl/;

    my $root = $t->dir('www');
    my $port = $t->port;
    my $url  = "http://127.0.0.1:$port";
    my $conf = $t->file( 'lighttpd.conf', <<'END', PORT => $port );
server.document-root = "@DIR@/www"
server.bind = "127.0.0.1"
server.port = @PORT@
server.stat-cache-engine = "disable"
server.modules = ( "mod_redirect", "mod_accesslog" )
accesslog.filename = "@DIR@/access.log"
accesslog.format = "%s %U"
url.redirect = ( "^/moved$" => "http://127.0.0.1:@PORT@/aws" )
static-file.etags = "enable"
mimetype.assign = ( "" => "text/plain" )
END
    $t->start( lighttpd => [ $lighttpd, '-D', '-f', $conf ] );
    $t->wait_for_port( lighttpd => $port );

    my $serial  = 1_600_000_000;
    my $publish = sub {
        my ( $name, $text ) = @_;
        my $path = $t->file( "www/$name.new", '' );
        open my $file, '>:raw', $path or die "$path: $!";
        print {$file} $text;
        close $file or die "$path: $!";
        utime $serial, $serial, $path;    # another ETag each time
        rename $path, "$root/$name" or die "$name: $!";
        return $serial++;
    };
    my %file = (
        aws    => 'aws.json',
        google => 'google.json',
        oracle => 'oracle.json',
        linode => 'geofeed.csv'
    );
    $publish->( $_, $t->slurp("$samples/$file{$_}") ) for keys %file;
    $publish->(
        'azure',
        qq(<a href="https://evil.example/ServiceTags_Public_1.json">x</a>\n)
            . qq(<a href="$url/ServiceTags_Public_20260102.json">Download</a>\n)
    );
    $publish->( 'ServiceTags_Public_20260102.json', $t->slurp("$samples/azure.json") );

    my $database = "$folder/clouds.mmdb";
    my @sources  = map { ( '--source', "$_=$url/$_" ) } qw(aws google azure oracle linode);
    my $get      = sub {
        return ranges( '--download', 'clouds', '-o', $database, @sources, '--source',
            'digitalocean=', @_ );
    };

    my $run = $get->();
    is( "$run->{status}$run->{err}", 0,       'the first time' );
    is( $run->{out},                 <<"END", 'everything is new' );
aws: new, 6 prefixes
google: new, 3 prefixes
azure: new, 2 prefixes
oracle: new, 3 prefixes
linode: new, 7 prefixes
$database: written, 21 prefixes, @{[ $run->{out} =~ /(\d+) nodes/ ]} nodes
END
    my $first = $t->slurp($database);
    my $all   = compiled( 'all', ( map { "$samples/$_.json" } qw(aws google azure oracle) ),
        '--provider', 'linode', "$samples/geofeed.csv" );
    is( $first, $t->slurp($all), 'as if compiled from the files' );

    truncate $t->folder . '/access.log', 0;
    my $inode = ( stat $database )[1];
    $run = $get->();
    is( "$run->{status}$run->{err}",        0,      'the second time' );
    is( () = $run->{out} =~ /: unchanged/g, 6,      'nothing has changed' );
    is( ( stat $database )[1],              $inode, 'and the database is left alone' );
    $t->wait_for( sub { ( () = $t->slurp('access.log') =~ /^304 /mg ) == 5 } );
    is(
        join( ' ', sort $t->slurp('access.log') =~ /^304 (\S+)/mg ),
        '/ServiceTags_Public_20260102.json /aws /google /linode /oracle',
        'all were asked for with their ETag'
    );

    for my $damage ( '{"prefixes": []}', '' ) {
        $t->file( "$database.sources/aws", $damage );
        $run = $get->();
        is( "$run->{status}$run->{err}", 0, 'a damaged copy of an unchanged file' );
        like( $run->{out}, qr/^aws: new, 6 prefixes\n.*: unchanged, 21 /s, 'is got anew' );
    }

    my $moved = $t->slurp("$samples/aws.json") =~ s/eu-central-1/eu-north-1/gr;
    $publish->( 'aws', $moved );
    $run = $get->();
    like( $run->{out}, qr/^aws: new, 6 prefixes\n.*google: unchanged.*: written/s, 'one changes' );
    is(
        differences( $all, $database )->{out},
        "~ 198.51.100.0/28      aws:eu-central-1, Frankfurt am Main, DE -> aws:eu-north-1, "
            . "Stockholm, SE\n0 networks added, 0 removed, 1 moved\n",
        'and that is what changes'
    );
    my $good = $t->slurp($database);

    # What comes is not what should come: each leaves the last good copy in use.
    my $shrunk = '{"prefixes": [{"ip_prefix": "192.0.2.0/24", "region": "GLOBAL"}]}';
    my @bad    = (
        [
            'shrunken',
            $shrunk,
            "aws: $url/aws has 1 prefix, and the last one had 6: refused, since so much is seldom "
                . "given up at once; if it is right, add --force."
        ],
        [ 'empty', '', "$url/aws is empty." ],
        [
            'no prefixes',
            '{"prefixes": []}',
            "$url/aws has no prefix with a place; check that it is the right file."
        ],
        [
            'an error page',
            '<html>',
            "$url/aws is a web page or XML, not a list of address ranges; get the file itself."
        ],
    );
    for my $bad (@bad) {
        my ( $name, $text, $want ) = @$bad;
        $publish->( 'aws', $text );
        $run = $get->('-q');
        is( $run->{status}, 1,                                           "$name: exit status" );
        is( $run->{err},    "$want\naws: The last good copy is used.\n", "$name: the message" );
        is( $t->slurp($database), $good, "$name: the database stays" );
    }
    unlink "$root/aws";
    $run = $get->('-q');
    is(
        "$run->{status} $run->{err}",
        "1 aws: $url/aws cannot be got: the server answered 404.\naws: The last good copy is used.\n",
        'gone'
    );
    open my $large, '>', "$root/large" or die $!;
    truncate $large, 129 * 1024 * 1024 or die $!;
    close $large;
    $run = $get->( '-q', '--source', "aws=$url/large" );
    like( $run->{err}, qr{^aws: \Q$url\E/large is larger than 128 MB, too large to be right\.$}m,
        'too large' );
    unlink "$root/large";
    $run = $get->( '-q', '--source', "aws=$url/moved" );
    like(
        $run->{err},
        qr{^aws: \Q$url\E/moved cannot be got: Unsupported protocol\.$}m,
        'a redirect to plain HTTP'
    );
    $run = $get->( '-q', '--source', 'aws=http://127.0.0.1:1/' );
    like( $run->{err}, qr{^aws: http://127\.0\.0\.1:1/ cannot be got: Couldn't connect},
        'nobody there' );
    is( $t->slurp($database), $good, 'the database stays through all of this' );

    $publish->( 'google', $t->slurp("$samples/google.json") =~ s/us-central1/us-east1/r );
    $run = $get->();
    is( $run->{status}, 1, 'one source is gone' );
    like( $run->{out}, qr/^google: new/m, 'another one comes all the same' );
    isnt( $t->slurp($database), $good, 'into the database' );

    $publish->( 'aws', $shrunk );
    $run = $get->('--force');
    is( "$run->{status}$run->{err}", 0, '--force takes what has shrunk' );
    like( $run->{out}, qr/^aws: new, 1 prefix$/m, 'and says so' );

    # Without the notes beside it, the database itself tells that it would shrink.
    $publish->( $_, $shrunk ) for qw(google oracle linode);
    rename "$database.sources", "$folder/away" or die $!;
    copy( $all, $database ) or die $!;
    $run = $get->( '-q', map { ( '--source', "$_=" ) } qw(google azure oracle linode) );
    is( $run->{status}, 1, 'a whole database that shrinks is refused' );
    is(
        $run->{err},
        "$database was not written: it would have 1 network, and it has "
            . "@{[ $run->{err} =~ /it has (\d+)/ ]}; if this is right, add --force.\n"
            . "$database was left as it was.\n",
        'with the reason'
    );
    is( $t->slurp($database), $first, 'and stays' );

    $run = ranges( '--download', 'clouds', '-o', "$folder/none.mmdb", '-q',
        map { ( '--source', "$_=$url/absent-$_" ) }
            qw(aws google azure oracle linode digitalocean) );
    is( $run->{status},                                                1, 'nothing can be got' );
    is( () = $run->{err} =~ /cannot be got: the server answered 404/g, 6, 'every source is tried' );
    like( $run->{err}, qr/none\.mmdb was left as it was\.$/m, 'the database is not made' );
    ok( !-e "$folder/none.mmdb", 'indeed' );

    $publish->( 'delegated', $t->slurp("$samples/delegated-sample") );
    $run = ranges(
        '--download',                                                    'country',
        '-o',                                                            "$folder/country.mmdb",
        ( map { ( '--source', "$_=" ) } qw(afrinic apnic arin lacnic) ), '--source',
        "ripencc=$url/delegated",                                        '--source',
        "extra=file://$samples/delegated-sample"
    );
    is( "$run->{status}$run->{err}",       0,               'countries' );
    is( $t->slurp("$folder/country.mmdb"), $t->slurp($rir), 'as if compiled from the file' );
    $t->stop('lighttpd');
};

# ---------------------------------------------------------------- the real files

subtest 'the published files' => sub {
    my $data = $t->source('../shared/data/ranges');
    plan skip_all => '../shared/data is absent' if !-d $data;
    my @files = map { "$data/$_" }
        qw(aws-ip-ranges.json gcp-cloud.json azure-service-tags.json other/oracle-public_ip_ranges.json);
    my @feeds = (
        '--provider', 'linode',       "$data/other/linode-geofeed.csv",
        '--provider', 'digitalocean', "$data/other/digitalocean-google.csv"
    );
    my $database = compiled( 'published', @files, @feeds );
    compiled( 'aws-geofeed', "$data/aws-geofeed.csv" );
    my $lists = ranges( '-o', "$folder/lists.mmdb", '--place', 'EU',
        glob "$data/other/{akamai,cloudflare}*.txt" );
    is( "$lists->{status}$lists->{err}", 0, 'plain lists' );
    like( $lists->{out}, qr/ 44 prefixes of 4 files/, 'of other providers' );

    if ( $t->find('gunzip') ) {
        my $azure_file = "$folder/azure-tags.json";
        $t->run(
            [
                'sh', '-c',                                              'gunzip -c "$1" > "$2"',
                '-',  "$data/azure-ServiceTags_Public_20260427.json.gz", $azure_file
            ]
        );
        compiled( 'azure-published', $azure_file );
    }
    plan skip_all => 'mmdblookup is not installed' if !$has_mmdblookup;
    open my $rows, '<', $t->source('../shared/data/oracle/addr-lpm.tsv') or die $!;
    my ( $count, $wrong ) = ( 0, 0 );
    while ( my $row = <$rows> ) {
        my ( $address, $cloud, $region ) = ( split /\t|\n/, $row )[ 0, 9, 10 ];
        next if $row =~ /^#/ || $. % 50;
        my $got = look_up( $database, $address );
        my $is  = $got =~ /"provider": "(\w+)" "region": "([^"]+)"/ ? "$1 $2" : '- -';
        $is = '- -' if $cloud eq '-' && $is !~ /^(?:aws|gcp|azure) /;
        $count++;
        next if $is eq lc "$cloud $region";
        $wrong++;
        diag("$address: got $is, expected $cloud $region");
    }
    is( $wrong, 0, "mmdblookup agrees on $count addresses" );
    my $special = sub { place_is( $database, @_ ) };
    $special->( '::ffff:35.180.1.1', 'aws eu-west-3 - FR EU Paris' );
    $special->( '2002:23b4:101::1',  'aws eu-west-3 - FR EU Paris' );
    $special->( '192.0.2.1',         '- - - - - -' );
};

$t->done;
