# SPDX-License-Identifier: Apache-2.0
#
# Files of address ranges that are damaged, or none: `signpost ranges` says what is wrong and where,
# and writes nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Test::More;

my $t       = Signpost::Test->new;
my $program = $t->program('signpost');
my $built   = $t->run( [ $program, '--version' ] )->{out};
$t->skip_all('this signpost was built without libmaxminddb or jansson')
    if $built !~ /libmaxminddb/ || $built !~ /jansson/;

# Each: what is wrong, the file F, what is said, and options.
my $version = "2|ripencc|20260101|1|19830705|20260101|+0000\n";
my @files   = (
    [ 'zip',   "PK\x03\x04rest", 'F is a zip archive; unpack it first.' ],
    [ 'empty', '',               'F is empty.' ],
    [
        'comments only',
        "# nothing\n\n",
        'F is a plain list of prefixes, which does not say where they are; give their place with --place.'
    ],
    [
        'azure: no region',
        '{"values":[{"name":"AzureCloud.x","properties":{"addressPrefixes":["192.0.2.0/24"]}}]}',
        'F: values[0] has no text "region"; the file is not what it seems.'
    ],
    [
        'azure: no prefixes',
        '{"values":[{"name":"AzureCloud.westeurope","properties":{"region":"westeurope"}}]}',
        'F: values[0] has no list "addressPrefixes"; the file is not what it seems.'
    ],
    [
        'azure: a prefix that is a number',
        '{"values":[{"name":"AzureCloud.westeurope","properties":{"region":"westeurope","addressPrefixes":[7]}}]}',
        'F: values[0].properties.addressPrefixes[0] is not text; the file is not what it seems.'
    ],
    [
        'azure: a bad prefix',
        '{"values":[{"name":"AzureCloud.westeurope","properties":{"region":"westeurope","addressPrefixes":["192.0.2.0/33"]}}]}',
        'F:1: values[0]: "192.0.2.0/33" is a prefix whose length is not a number from 0 to 32; mend the file or get it anew (nothing was written).'
    ],
    [
        'azure: a tag without a name',
        '{"values":[{"properties":{}}]}',
        'F: values[0] has no text "name"; the file is not what it seems.'
    ],
    [
        'oracle: no name',
        '{"regions":[{"cidrs":[{"cidr":"192.0.2.0/24"}]}]}',
        'F: regions[0] has no text "region"; the file is not what it seems.'
    ],
    [
        'oracle: no addresses',
        '{"regions":[{"region":"eu-frankfurt-1"}]}',
        'F: regions[0] has no list "cidrs"; the file is not what it seems.'
    ],
    [
        'oracle: an address without a prefix',
        '{"regions":[{"region":"eu-frankfurt-1","cidrs":[{}]}]}',
        'F: regions[0] has no text "cidr"; the file is not what it seems.'
    ],
    [
        'oracle: a bad prefix',
        '{"regions":[{"region":"eu-frankfurt-1","cidrs":[{"cidr":"nonsense"}]}]}',
        'F:1: regions[0]: "nonsense" is not an IPv4 or IPv6 prefix; mend the file or get it anew (nothing was written).'
    ],
    [
        'google: no scope',
        '{"prefixes":[{"ipv4Prefix":"192.0.2.0/24"}]}',
        'F: prefixes[0] has no text "scope"; the file is not what it seems.'
    ],
    [
        'google: a bad prefix',
        '{"prefixes":[{"ipv6Prefix":"192.0.2.0.0/24","scope":"europe-west1"}]}',
        'F:1: prefixes[0]: "192.0.2.0.0/24" is not an IPv4 or IPv6 prefix; mend the file or get it anew (nothing was written).'
    ],
    [
        'aws: no region',
        '{"prefixes":[{"ip_prefix":"192.0.2.0/24"}]}',
        'F: prefixes[0] has no text "region"; the file is not what it seems.'
    ],
    [
        'aws: a group that is none',
        '{"prefixes":[{"ip_prefix":"192.0.2.0/24","region":"eu-west-1","network_border_group":"a b"}]}',
        'F:1: prefixes[0]: "a b" is not a network border group\'s name; mend the file or get it anew (nothing was written).'
    ],
    [
        'aws: a region that is a number',
        '{"prefixes":[{"ip_prefix":"192.0.2.0/24","region":7}]}',
        'F: prefixes[0] has no text "region"; the file is not what it seems.'
    ],
    [
        'aws: no list', '{"prefixes":7}',
        'F is JSON, but not the address ranges of AWS, Google, Azure or Oracle.'
    ],
    [
        'aws: too wide',
        '{"prefixes":[{"ip_prefix":"0.0.0.0/1","region":"eu-west-1"}]}',
        'F:1: prefixes[0]: "0.0.0.0/1" is far too wide a network for one region; mend the file or get it anew (nothing was written).'
    ],
    [
        'other JSON', '{"a":1}',
        'F is JSON, but not the address ranges of AWS, Google, Azure or Oracle.'
    ],
    [
        'other JSON, a list',
        '[1]', 'F is JSON, but not the address ranges of AWS, Google, Azure or Oracle.'
    ],
    [
        'as aws, what is another',
        '{"values":[]}',
        'F has no prefix with a place; check that it is the right file.',
        qw(--format aws)
    ],
    [
        'list: a bad prefix',
        "192.0.2.0/24\nnonsense\n",
        'F:2: "nonsense" is not an IPv4 or IPv6 prefix; mend the file or get it anew (nothing was written).',
        qw(--place FR)
    ],
    [
        'list: bits behind the prefix',
        "192.0.2.1/24\n",
        'F:1: "192.0.2.1/24" is a prefix with address bits set beyond its length; mend the file or get it anew (nothing was written).',
        qw(--place FR)
    ],
    [
        'list: a line with a NUL',
        "192.0.2.0/24\n\x00\n", 'F is a binary file, not a list of address ranges.',
        qw(--place FR)
    ],
    [
        'list: a long line',
        '1' x 3000,
        'F:1: The line is longer than 1000 bytes; this is not a list of address ranges.',
        qw(--place FR)
    ],
    [
        'list: two words',
        "192.0.2.0/24 x\n",
        'F:1: "192.0.2.0/24 x" is a prefix whose length is not a number from 0 to 32; mend the file or get it anew (nothing was written).',
        qw(--place FR)
    ],
    [
        'geofeed: a bad country',
        "192.0.2.0/24,QQ,,,\n",
        'F:1: "QQ" is not a country\'s two-letter code (ISO 3166-1); mend the file or get it anew (nothing was written).'
    ],
    [
        'geofeed: a bad prefix',
        "192.0.2.0/40,FR,,,\n",
        'F:1: "192.0.2.0/40" is a prefix whose length is not a number from 0 to 32; mend the file or get it anew (nothing was written).'
    ],
    [
        'geofeed: a provider that is too long',
        "192.0.2.0/24,FR,FR-IDF,Paris,\n",
        'The provider\'s name is longer than 63 bytes.',
        '--provider', 'p' x 300, qw(--format geofeed)
    ],
    [
        'geofeed: a city that is too long',
        '192.0.2.0/24,FR,FR-IDF,' . 'P' x 300 . ',',
        'F:1: "' . 'P' x 76 . '..." is not a city\'s name in UTF-8 of fewer than 128 bytes.'
    ],
    [
        'rir: another version',
        "3|ripencc|20260101|1|19830705|20260101|+0000\nripencc|FR|ipv4|192.0.2.0|256|20100101|allocated\n",
        'F:1: "3" is not a version of the registries\' statistics that is known (2); the file must begin with its version line.',
        qw(--format rir)
    ],
    [
        'rir: a bad start',
        $version . 'ripencc|FR|ipv4|nonsense|256|20100101|allocated',
        'F:2: "nonsense" is not an IPv4 or IPv6 prefix; mend the file or get it anew (nothing was written).'
    ],
    [
        'rir: a bad count',
        $version . 'ripencc|FR|ipv4|192.0.2.0|x|20100101|allocated',
        'F:2: "x" is not a count of IPv4 addresses from there on.'
    ],
    [
        'rir: a count of none',
        $version . 'ripencc|FR|ipv4|192.0.2.0|0|20100101|allocated',
        'F:2: "0" is not a count of IPv4 addresses from there on.'
    ],
    [
        'rir: a count beyond the end',
        $version . 'ripencc|FR|ipv4|255.255.255.0|512|20100101|allocated',
        'F:2: "512" is not a count of IPv4 addresses from there on.'
    ],
    [
        'rir: no count',
        $version . 'ripencc|FR|ipv4|192.0.2.0||20100101|allocated',
        'F:2: "" is not a count of IPv4 addresses from there on.'
    ],
    [
        'rir: an address of IPv6 as one of IPv4',
        $version . 'ripencc|FR|ipv4|2001:db8::|256|20100101|allocated',
        'F:2: "256" is not a count of IPv4 addresses from there on.'
    ],
    [
        'rir: a start that is too long',
        $version . 'ripencc|FR|ipv6|' . '2001:db8:' x 10 . ':|32|20100101|allocated',
        'F:2: The start or the length is too long for an IPv6 prefix.'
    ],
    [
        'rir: a length that is none',
        $version . 'ripencc|FR|ipv6|2001:db8::|200|20100101|allocated',
        'F:2: "2001:db8::/200" is a prefix whose length is not a number from 0 to 128; mend the file or get it anew (nothing was written).'
    ],
    [
        'rir: an unknown country',
        $version . 'ripencc|QQ|ipv4|192.0.2.0|256|20100101|allocated',
        'F:2: "QQ" is not a country\'s two-letter code (ISO 3166-1); mend the file or get it anew (nothing was written).'
    ],
    [
        'rir: few fields',
        $version . 'ripencc|FR|ipv4',
        'F has no prefix with a place; check that it is the right file.'
    ],
);

my $dir = $t->folder;
chdir $dir or die "$dir: $!";    # so that names are short
for (@files) {
    my ( $name, $text, $said, @options ) = @$_;
    $t->file( 'F', $text );
    my $run = $t->run( [ $program, qw(ranges -q -o out), @options, 'F' ] );
    is( $run->{status}, 1,         $name );
    is( $run->{err},    "$said\n", '  which is said' );
    ok( !-e 'out', '  and nothing is written' );
}
chdir '/' or die;
$t->done;
