# SPDX-License-Identifier: Apache-2.0
#
# signpost map: the picture is well-formed, has every target and every country where
# `signpost explain` sends it, comes out the same twice, and keeps names as text.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $layout   = $t->source('etc/registry.k8s.io.conf');

sub map_of {
    my (@words) = @_;
    return $t->run( [ $signpost, 'map', @words ] );
}

# What keeps a text from being well-formed XML, as far as signpost writes it; '' if nothing does.
sub malformed {
    my ($xml) = @_;
    my @open;
    while ( $xml =~ /\G([^<]*)(<[^<>]*>)/gc ) {
        my ( $text, $tag ) = ( $1, $2 );
        return "text \"$text\""
            if $text =~ /&(?!(?:amp|lt|gt|quot|#39);)/ || $text =~ />/ && $text !~ /\{/;
        if ( $tag =~ m{^</(\S+)>$} ) {
            my $last = pop @open // 'nothing';
            return "$tag closes $last" if $last ne $1;
        }
        elsif ( $tag =~
            m{^<([\w:]+)((?:\s+[\w:-]+="[^"<&]*(?:&(?:amp|lt|gt|quot|\#39);[^"<&]*)*")*)\s*(/?)>$} )
        {
            my ( $name, $attributes, $empty ) = ( $1, $2, $3 );
            my %seen;
            $seen{$_}++ && return "$_ twice in $tag" for $attributes =~ /([\w:-]+)=/g;
            push @open, $name if !$empty;
        }
        else {
            return "tag $tag";
        }
    }
    return "left open: @open" if @open;
    return substr( $xml, pos($xml) // 0 ) =~ /\S/ ? 'text behind the end' : '';
}

# The titles of the elements in a group: what a pointer is told.
sub titles {
    my ( $svg, $group ) = @_;
    my ($part) = $svg =~ m{<g class="$group">\n(.*?)\n</g>\n(?:<g|</svg)}s;
    return ( $part // '' ) =~ m{<title>([^<]*)</title>}g;
}

my $run = map_of( '--config', $layout );
my $svg = $run->{out};
is( $run->{status},                       0,    'a map of 55 targets' ) or diag $run->{err};
is( malformed($svg),                      '',   'it is well-formed' );
is( map_of( '--config', $layout )->{out}, $svg, 'and the same again' );
like(
    $svg,
    qr/^<svg [^>]*role="img" aria-labelledby="images-title images-desc"/,
    'an image, named'
);
like( $svg, qr{<title id="images-title">Where images of registry\.k8s\.io come from</title>},
    'by its title' );
like( $svg, qr/prefers-color-scheme: dark/, 'with a dark side' );
unlike( $svg, qr/(?:href|src|url\(|\@import|<script)/, 'which needs nothing else' );

my %target =
    map { /^\d+: (\w+) ([\w-]+)/ ? ( $2 => $1 ) : ( $_ => 'no target' ) } titles( $svg, 'targets' );
my @hosts = map { @{ $_->{upstreams} }, @{ $_->{buckets} } } @{ JSON::PP->new->decode(
        $t->run( [ $signpost, qw(hosts --json --config), $layout ] )->{out} || '[]'
    )
};
SKIP: {
    skip 'signpost was built without jansson', 1 if !@hosts;
    is_deeply( [ sort keys %target ], [ sort @hosts ], 'every target has a mark' );
}

# Every country's dot, and what explain says of an image and a layer there.
my %dot = map { /^(.*?): images from ([\w-]+)/ ? ( $1 => $2 ) : ( $_ => 'nothing' ) }
    titles( $svg, 'countries' );
my @country = grep { $_->[0] eq $_->[2] }    # a country names itself
    map { [ split /\t/ ] } split /\n/, $t->run( [ $signpost, 'places' ] )->{out};
is( scalar @country, 250, 'there are 250 countries' );
s/&#39;/'/g for my @names = keys %dot;
is_deeply( [ sort @names ], [ sort map { $_->[1] } @country ], 'every country has a dot' );
my ($golden) = map {
    {
        map { ( split /\t/ )[ 1, 2 ] } grep { /^(?:country:)?[A-Z]{2}\t/ } split /\n/
    }
} $t->slurp( $t->source('t/data/nearest.golden') );
my @wrong = grep { my $name = $_; $name =~ s/&#39;/'/g; $dot{$_} ne ( $golden->{$name} // '' ) }
    sort keys %dot;
is( "@wrong", '', 'in the colour of the target that the golden table has' );

# What a mark tells of its target is what the golden table has of countries and regions.
my ( %countries, %regions );
for ( grep { !/^#/ } split /\n/, $t->slurp( $t->source('t/data/nearest.golden') ) ) {
    my ( $key, undef, $upstream ) = split /\t/;
    next if $key =~ /^continent:|^(?:AN|EU|OC)$/;
    $key =~ /^(?:country:)?[A-Z]{2}$/ ? $countries{$upstream}++ : $regions{$upstream}++;
}
my %count =
    map { /: upstream ([\w-]+).* images: ([^;]*)/ ? ( $1 => $2 ) : () } titles( $svg, 'targets' );
is_deeply(
    \%count,
    {
        map {
            my $upstream = $_;
            $upstream => join ', ',
                map { "$_->[0] " . ( $_->[0] == 1 ? $_->[1] : $_->[2] ) }
                grep { $_->[0] } [ $countries{$upstream} // 0, 'country', 'countries' ],
                [ $regions{$upstream} // 0, 'region', 'regions' ]
        } keys %count
    },
    'and the counts beside it'
);

like(
    $svg,
    qr{<title>France: images from europe-west9 \(\d+ km\), layers from cdn</title>},
    'with the way in km'
);

my $layers = map_of( '--layers', '--config', $layout )->{out};
is( malformed($layers), '', 'the map of layers' );
like(
    $layers,
    qr{<title>55: bucket cdn, at an unknown place: layers: 250 countries, \d+ regions</title>},
    'goes to the buckets'
);

# Names and places are a configuration's: text, whatever they are.
my $odd = $t->file( 'odd.conf', <<'EOT' );
name      = "r.example.org";
upstreams = ( { name = "a"; url = "https://a.example.org"; place = "onprem:x"; } );
canonical = [ "a" ];
places    = ( { name = "onprem:x"; title = "<b>&\"' \x1b"; country = "FR";
                latitude = 48.0; longitude = 2.0; } );
EOT
my $hostile = map_of( '--config', $odd );
is( malformed( $hostile->{out} ), '', 'an odd name leaves the picture well-formed' )
    or diag $hostile->{err};
like( $hostile->{out}, qr/upstream a, &lt;b&gt;&amp;&quot;&#39; \xef\xbf\xbd, France/, 'as text' );

my $refused = $t->file( 'refused.conf', 'name = 3;' );
is( map_of( '--config', $refused )->{status}, 1, 'a configuration with a mistake draws nothing' );
is( map_of('--wrong')->{status},              2, 'an unknown option is a misuse' );
is( map_of('more')->{status},                 2, 'as is an argument' );
like( map_of('--help')->{out}, qr/^Usage: signpost map/, '--help' );

$t->done;
