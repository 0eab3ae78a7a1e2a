# SPDX-License-Identifier: Apache-2.0
#
# What archeio, Kubernetes' redirector, answered where the client's address decides:
# the blobs of its recorded requests, replayed over HTTP with etc/registry.k8s.io.conf
# and a database made of the clouds' published ranges; then its table of addresses,
# every row, and the addresses that it does not understand.
#
# Existence is answered without a network from the list of URLs that were there when
# archeio was asked. The rules are what would depend on it, so each row is asked of a
# front door whose rules say "the bucket holds it"; if the list has not the URL that
# comes back, the answer is that of a second one, whose rules say that it does not.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP          ();
use Signpost::Servers qw(signpost lighttpd);
use Signpost::Test;
use Signpost::Wire qw(http fastcgi);
use Test::More;

my $t        = Signpost::Test->new->need('lighttpd');
my $data     = $t->source('../shared/data');
my $signpost = $t->program('signpost');
my $json     = JSON::PP->new;
$t->skip_all("archeio's recorded answers are not here ($data)") if !-e "$data/oracle/http.jsonl";

sub lines {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    chomp( my @lines = grep { !/^#/ } <$file> );
    return @lines;
}

my $made = $t->run(
    [
        $signpost, 'ranges', '-q', '-o',
        $t->folder . '/clouds.mmdb',
        map { "$data/ranges/$_" } qw(aws-ip-ranges.json gcp-cloud.json azure-service-tags.json)
    ]
);
$t->skip_all('signpost was built without jansson or libmaxminddb')
    if $made->{status} == 2 || $t->run( [ $signpost, 'ranges', '--help' ] )->{status};
is( $made->{status} . $made->{err}, 0, 'the published ranges are compiled' );

# etc/registry.k8s.io.conf, with archeio's way to find the client behind Google's load
# balancers, and a rule for all blobs outside of Google's cloud.
my $conf = $t->slurp( $t->source('etc/registry.k8s.io.conf') )
    . "forwarded_position = 2;\nprober = \"off\";\n";

sub conf_with {
    my ($rule) = @_;
    my $text = $conf;
    $text =~ s/\{ match = "blob"; to = [^}]*\}/$rule/ or die "no rule for blobs";
    return $text;
}

my @door;
for my $rule (
    '{ match = "blob"; to = [ "bucket", "nearest" ]; }',
    '{ match = "blob"; to = [ "nearest" ]; }'
    )
{
    my $name   = @door ? 'absent' : 'held';
    my $socket = signpost( $t, "signpost-$name", conf => conf_with($rule) );
    my $port   = lighttpd( $t, "lighttpd-$name", socket => $socket, extra => <<'EOT');
server.modules += ( "mod_extforward" )
extforward.headers = ( "X-Test-Peer" )
extforward.forwarder = ( "127.0.0.1" => "trust" )
EOT
    push @door, { socket => $socket, port => $port };
}

# ---------------------------------------------------------------- recorded requests

my $upstream = 'https://us-central1-docker.pkg.dev';
my $prefix   = 'k8s-artifacts-prod/images';
my $part     = qr/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/;
my $name     = qr{$part(?:/$part)*};
my $digest   = qr/sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}/;
my %held     = map { $_ => 1 } lines("$data/oracle/known-blobs.txt");
my %nearest  = map { ( split /\t/ )[ 0, 2 ] } lines( $t->source('t/data/nearest.golden') );
my ( %bucket, $cdn );

for ( lines("$data/registry.k8s.io.tsv") ) {
    my ( $kind, $serves, $url ) = split /\t/;
    $bucket{$serves} = $url if $kind eq 'bucket';
}
$cdn = delete $bucket{'anyone else'};

# Where the addresses are that stand in no row's group; looked up by hand.
my %place = (
    '35.180.1.1'        => 'aws:eu-west-3',
    '2a05:d012::1'      => 'aws:eu-west-3',
    '2600:1f18::1'      => 'aws:us-east-1',
    '3.4.12.4'          => 'aws:eu-west-1',
    '35.220.26.1'       => 'gcp:europe-north1',
    '1.179.101.1'       => 'aws:me-west-1',
    '2600:9000:5200::1' => 'aws:eu-west-1',
    '15.193.7.1'        => 'aws:us-west-2',
);

# The row's client as archeio finds it, as text.
sub client {
    my ($row)     = @_;
    my @forwarded = map { $_->[1] } grep { lc $_->[0] eq 'x-forwarded-for' } @{ $row->{headers} };
    my @entries   = split /[ ,]+/, join( ',', @forwarded ) =~ s/^[ ,]+|[ ,]+$//gr;
    return $entries[-2] if @entries > 1;
    return $row->{remote} =~ s/:\d+$//r =~ s/[][]//gr;
}

# Where the client is, '-' if that is not known.
sub place {
    my ($row) = @_;
    return lc("$1:$2") =~ s/^aws:global$/-/r if $row->{group} =~ m{^region (\w+)/(\S+)};
    return $place{ client($row) =~ s/^::ffff://r } // '-';
}

# Where a blob goes, by the rules of the file: what the classes below promise.
sub rightly {
    my ($row)  = @_;
    my $place  = place($row);
    my ($blob) = path($row) =~ m{/blobs/([^/]+)$};
    my $object = ( $bucket{$place} // $cdn ) . "/containers/images/$blob";
    return $object if $place !~ /^gcp:/ && $held{$object};
    my $region = $nearest{$place} // 'us-central1';
    return "https://$region-docker.pkg.dev/v2/$prefix" . path($row) =~ s{^/v2}{}r;
}

sub path {
    my ($row)  = @_;
    my ($path) = $row->{target} =~ m{^([^?]*)};
    return $path =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;
}

# Why signpost differs: as in oracle.t. The first that fits is taken.
my @classes = (
    {
        name => 'a digest outside the grammar, or of the wrong length: 404',
        fits => sub {
            path($_) !~ m{/blobs/(?:$digest|(?!sha\d+:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[\w=-]+)\z};
        },
        gives => 404,
        count => 12,
    },
    {
        name  => 'a name outside the grammar, empty segments, dot segments: 404',
        fits  => sub { path($_) !~ m{^/v2/$name/blobs/[^/]+\z} || $_->{target} =~ /%2f/i },
        gives => 404,
        count => 20,
    },
    {
        name => 'only commas separate the entries of a forwarding header; what has a space inside'
            . ' is no address, and tells no place',
        fits => sub {
            grep { $_->[1] =~ /\d \d/ } @{ $_->{headers} };
        },
        gives => sub { "$cdn/containers/images/" . path($_) =~ s{.*/}{}r },
        count => 2,
    },
    {
        name  => 'a v4-mapped address is where its IPv4 address is; archeio knows none',
        fits  => sub { client($_) =~ /^::ffff:/ },
        gives => sub { rightly($_) },
        count => 6,
    },
    {
        name  => 'the longest match is right; archeio stops at the shortest, AWS GLOBAL',
        fits  => sub { client($_) =~ /^(?:2600:9000:5200::1|15\.193\.7\.1)$/ },
        gives => sub { rightly($_) },
        count => 4,
    },
    {
        name => 'inside Google\'s cloud: the registry that is nearest; archeio runs in each region'
            . ' and knows one',
        fits  => sub { place($_) =~ /^gcp:/ },
        gives => sub { rightly($_) },
        count => 44,
    },
    {
        name  => 'held by no bucket: the registry that is nearest, for the same reason',
        fits  => sub { ( $_->{location} // '' ) =~ /^\Q$upstream\E/ },
        gives => sub { rightly($_) },
        count => 16,
    },
);

# A blob that archeio checked, or did not since it found the client in Google's cloud:
# the rows that oracle.t leaves.
sub by_address {
    my ($row) = @_;
    return 1 if @{ $row->{checks} };
    return 0 if $row->{status} != 307 || $row->{group} =~ /^(?:cosign|name)$/;
    return $row->{target} =~ m{^/v2/$name/blobs/sha256:[0-9a-f]{64}$};
}

# An address that lighttpd can be told, and a target and headers that it lets through.
sub direct {
    my ($row) = @_;
    my $peer  = $row->{remote} =~ s/:\d+$//r =~ s/[][]//gr;
    return 1 if $row->{method} eq 'HEAD' || $row->{target} =~ /[\x00-\x20\x7f]/;
    return $peer !~ /^(?:\d+(?:\.\d+){3}|[0-9a-f:]+)$/;
}

sub ask {
    my ( $door, $row ) = @_;
    my $peer    = $row->{remote} =~ s/:\d+$//r =~ s/[][]//gr;
    my @headers = map { @$_ } @{ $row->{headers} };
    return http( $door->{port}, $row->{method}, $row->{target}, @headers, 'X-Test-Peer' => $peer )
        if !direct($row);
    my %variables = (
        REQUEST_METHOD => $row->{method},
        REQUEST_URI    => $row->{target},
        REMOTE_ADDR    => $peer
    );
    while ( my ( $header, $value ) = splice @headers, 0, 2 ) {
        $variables{ 'HTTP_' . uc $header =~ tr/-/_/r } = $value;
    }
    return fastcgi( $door->{socket}, \%variables );
}

# The answer when existence is known.
sub answer {
    my ($row)  = @_;
    my $answer = ask( $door[0], $row );
    my $where  = $answer->{header}{location} // '';
    return $answer if $where !~ m{/containers/images/} || $held{$where};
    return ask( $door[1], $row );
}

sub gist { return join ' ', $_[0] // 'nothing', $_[1] // () }

sub promised {
    my ( $class, $row ) = @_;
    local $_ = $row;
    return ref $class->{gives} ? gist( 307, $class->{gives}->() ) : gist( $class->{gives} );
}

sub class_of {
    my ($row) = @_;
    for my $class (@classes) {
        local $_ = $row;
        return $class if $class->{fits}->();
    }
    return;
}

my ( @wrong, %count );
for my $row ( grep { by_address($_) } map { $json->decode($_) } lines("$data/oracle/http.jsonl") ) {
    my $answer = answer($row);
    my $here   = gist( $answer->{status}, $answer->{header}{location} );
    my $there  = gist( $row->{status},    $row->{location} );
    $count{ direct($row) ? 'direct' : 'http' }++;
    if ( $here eq $there ) {
        $count{agree}++;
        next;
    }
    my $class    = class_of($row);
    my $promised = $class ? promised( $class, $row ) : 'no class';
    $class->{found}++ if $class;
    push @wrong,
          "$row->{method} $row->{target} ($row->{remote}, "
        . join( ', ', map { "$_->[0]: $_->[1]" } @{ $row->{headers} } )
        . "): $here; archeio $there; $promised"
        if $here ne $promised;
}

note "$count{http} through lighttpd, ", $count{direct} // 0, " over FastCGI; $count{agree} agree";
note sprintf '%4d  %s',                 $_->{found}    // 0, $_->{name} for @classes;
is( $count{http} + ( $count{direct} // 0 ), 286, 'rows were replayed' );
is( scalar @wrong, 0, 'every difference has a class, and is as the class says' )
    or diag join "\n", grep { defined } @wrong[ 0 .. 19 ];
is( $_->{found} // 0, $_->{count}, $_->{name} ) for @classes;
is( $count{agree},    182,         'the rest agrees' );

# ---------------------------------------------------------------- tables of addresses

# The regions of clients with these addresses, as the tool explains them: a border
# group's region, '-' if none is known.
my %within;
for ( split /\n/, $t->run( [ $signpost, 'places', 'aws:*' ] )->{out} ) {
    my @place = split /\t/;
    $within{ $place[0] } = $place[6] if $place[6] ne '-';
}

sub regions {
    my (@addresses) = @_;
    my $plain       = $t->file( 'plain.conf', $conf );
    my $ask         = join '',
        map { $json->encode( { target => '/v2/pause/manifests/3.9', ip => $_ } ) . "\n" }
        @addresses;
    open my $in, '<', $t->file( 'requests', $ask ) or die $!;
    my $run     = $t->run( [ $signpost, 'explain', '--config', $plain, '--batch' ], stdin => $in );
    my @regions = map { /"client":\{[^}]*?"region":"([^"]+)"/ ? $1 : '-' } split /\n/, $run->{out};
    return map { $within{$_} // $_ } @regions;
}

my @rows  = map { [ split /\t/ ] } lines("$data/oracle/addr-lpm.tsv");
my @found = regions( map { $_->[0] } @rows );
is( scalar @found, 10092, 'every address gets an answer' );
my ( @differ, %archeio );
for my $i ( 0 .. $#rows ) {
    my ( $address, $first, $published ) =
        ( $rows[$i][0], map { lc "$rows[$i][$_]:$rows[$i][ $_ + 1 ]" =~ s/^-:-$/-/r } 3, 9 );
    push @differ, "$address: $found[$i], published $published" if $found[$i] ne $published;
    $archeio{ $found[$i] eq $first ? 'agree' : 'differ' }++;
}
is( scalar @differ, 0, 'each is where the longest published prefix says' )
    or diag join "\n", grep { defined } @differ[ 0 .. 19 ];
note
    "archeio, with the ranges that it has compiled in: $archeio{agree} agree, $archeio{differ} differ";

# What archeio does not know at all. Addresses of IPv4 have their place in such a
# database below ::/96 too, where ::35.180.1.1 is.
my %special = map { $_ => '-' } map { ( split /\t/ )[0] } lines("$data/oracle/addr-special.tsv");
is( scalar keys %special, 16, 'edge addresses' );
$special{$_} = 'aws:eu-west-3'
    for '::ffff:35.180.1.1', '64:ff9b::23b4:101', '2002:23b4:101::1', '::35.180.1.1';
$special{'::ffff:35.220.26.1'} = 'gcp:europe-north1';
my @special = sort keys %special;
my %is;
@is{@special} = regions(@special);
is_deeply( \%is, \%special, 'each is where it should be' );

for my $address (@special) {
    my $run   = $t->run( [ $signpost, 'where', '--config', $t->folder . '/plain.conf', $address ] );
    my $place = $special{$address};
    is( $run->{status}, $place eq '-' ? 1                    : 0, "where $address" );
    like( $run->{out}, $place eq '-'  ? qr/of unknown place/ : qr/^client    in region \Q$place\E /,
        'the same' );
}

$t->done;
