# SPDX-License-Identifier: Apache-2.0
#
# Fifteen cases that a front door has to get right, with real registries, a bucket and
# a prober behind a real web server: for each request its status, where it goes, and
# what the prober asked of whom for it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex sha512_hex);
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Signpost::Bucket;
use Signpost::Prober;
use Signpost::Registry qw(image index_of artifact key_pair signature signature_tag digest_of);
use Signpost::Servers  qw(signpost nginx lighttpd);
use Signpost::Test;
use Signpost::Upstream;
use Signpost::Wire qw(http parse_answer);
use Test::More;

my $t = Signpost::Test->new->need(qw(nginx docker-registry openssl));
$t->skip_all('signpost was built without its prober')
    if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};

my $http = HTTP::Tiny->new(
    default_headers => { Accept => "application/vnd.oci.image.manifest.v1+json" } );
my $prefix     = 'mirror/images';
my $regional   = Signpost::Registry->start( $t, 'regional' );
my $starts     = $t->find('referrers-registry') ? 'start_with_referrers' : 'start';
my $canonical  = Signpost::Registry->$starts( $t, 'canonical' );
my $bucket     = Signpost::Bucket->start( $t, 'bucket' );
my %registries = ( regional => $regional, canonical => $canonical, bucket => $bucket );

# ---- what there is ----

my $key   = key_pair( $t, 'ours' );
my $image = index_of( image( 'hello.txt' => 'hello' ),
    image( { architecture => 'arm64' }, 'hello.txt' => 'hallo' ) );
my ($platform) = @{ $image->{parts} };
my @layers     = map { digest_of( $_->{blobs}[1] ) } @{ $image->{parts} };
my $signature  = signature( $t, $key, $image, 'registry.example.org/team/app' );
my ( $signature_config, $signature_layer ) = map { digest_of($_) } @{ $signature->{blobs} };

for my $name ( 'team/app', 'a/blobs/b', 'x/manifests/y', 'referrers/z', 'tags/list' ) {
    $_->push( "$prefix/$name", $image, 'v1' ) for $regional, $canonical;
}
$canonical->push( "$prefix/team/app", $signature, signature_tag($image) );
$bucket->add( $_->{blobs}[1] ) for @{ $image->{parts} };    # layers alone: not the configs

# ---- the front door ----

my %conf = ( upstreams => <<"UPSTREAMS", buckets => <<"BUCKETS", rules => <<'RULES', more => '' );
upstreams = { regional = { url = "${\ $regional->url }"; serves = [ "EU" ]; };
              central  = { url = "${\ $canonical->url }"; }; };
UPSTREAMS
buckets   = ( { name = "cdn"; serves = [ "*" ]; url = "${\ $bucket->url }"; } );
BUCKETS
rules     = ( { match = "blob"; client = "gcp:*"; to = [ "nearest?", "canonical" ]; }, "default" );
RULES

my $doors = 0;

# A front door that knows nothing yet: a state directory, a prober and a web server of
# its own. Returns { port, prober, conf }. Options replace parts of the configuration.
sub front {
    my (%option) = @_;
    my $name     = 'door' . ++$doors;
    my $state    = $t->dir("$name.state");
    chmod 0755, $state;
    my %part = ( %conf, %option );
    my $conf = <<"EOT";
name      = "registry.example.org";
prefix    = "$prefix";
canonical = [ "central" ];
state     = "$state";
prober    = "service";
signature_prefixes = [ "old-" ];
$part{upstreams}$part{buckets}$part{rules}$part{more}
EOT
    my $file   = $t->file( "$name.conf", $conf );
    my $prober = Signpost::Prober->start( $t, "$name-prober", $file, $state );
    $_->requests for values %registries;
    return { name => $name, conf => $conf, prober => $prober, port => worker( $name, $conf ) };
}

# One more responder behind a web server; its port.
sub worker {
    my ( $name, $conf ) = @_;
    return nginx( $t, "$name-nginx", socket => signpost( $t, $name, conf => $conf ) );
}

sub close_door {
    my ($door) = @_;
    $t->stop("$door->{name}-nginx");
    $t->stop( $door->{name} );
    $t->stop("$door->{name}-prober");
    return;
}

# ---- what is asserted ----

my %name_of = map { $registries{$_}{port} => $_ } keys %registries;

# "307 regional /v2/…", or "404" and the code of the error.
sub gone {
    my ($answer) = @_;
    my $location = $answer->{header}{location} // '';
    return join ' ', $answer->{status} // 'nothing', $answer->{body} =~ /"code":"(\w+)"/
        if $location eq '';
    my ( $port, $path ) = $location =~ m{^http://127\.0\.0\.1:(\d+)(/.*)}
        or return "$answer->{status} $location";
    return "$answer->{status} $name_of{$port} $path";
}

# What the targets were asked for since the last call, checks of their health aside:
# "regional HEAD team/app/manifests/sha256:… 404". So many are waited for: a bucket that
# has the object makes what the regional registry says moot, and may be faster.
sub probes {
    my ($count) = @_;
    my @seen;
    $t->wait_for(
        sub {
            for my $name ( sort keys %registries ) {
                push @seen, map { "$name $_" } grep { !m{ /v2/ \d+$} } $registries{$name}->requests;
            }
            return @seen >= $count;
        }
    );
    return [ sort map { s{/v2/$prefix/}{}r } @seen ];
}

# Where a request of a client goes, and what was asked for that. Options: region,
# method, header.
sub is_sent {
    my ( $door, $path, $to, $probes, $what, %option ) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $answer = http(
        $door->{port},
        $option{method} // 'GET',
        $path,
        'X-Client-Region' => $option{region} // 'EU',
        @{ $option{header} || [] }
    );
    my $seen = probes( scalar @$probes );
    $to .= " $1" if $to =~ / (?:regional|canonical)$/ && $path =~ m{^/v2(/.*)$};
    $to =~ s{^(307 (?:regional|canonical)) /}{$1 /v2/$prefix/};
    is( gone($answer), $to, "$what: to the right place" );
    is_deeply( $seen, $probes,
        '… ' . ( @$probes ? 'after ' . @$probes . ' probes' : 'without a probe' ) )
        or diag explain $seen;
    return $answer;
}

my $app = '/v2/team/app';

# What the prober asks for an object, and what it learns.
sub probe        { return "$_[0] HEAD team/app/$_[1] $_[2]" }
sub bucket_probe { return "bucket HEAD $_[0] $_[1]" }

# 1, 2.
for my $case ( [ 'the tag first', 1 ], [ 'a fresh door, the digest at once', 0 ] ) {
    my ( $what, $tag_first ) = @$case;
    subtest "signature manifest by digest: $what" => sub {
        my $door   = front();
        my $digest = $signature->{digest};
        if ($tag_first) {
            my $tag    = signature_tag($image);
            my $answer = is_sent( $door, "$app/manifests/$tag", '307 canonical', [], 'the tag' );
            my $got    = $http->get( $answer->{header}{location} );
            is( $got->{headers}{'docker-content-digest'}, $digest, 'the registry tells a digest' );
            $canonical->requests;
        }
        my @once = ( probe( regional => "manifests/$digest", 404 ) );
        is_sent( $door, "$app/manifests/$digest", '307 canonical', \@once, 'GET by digest' );
        is_sent(
            $door, "$app/manifests/$digest", '307 canonical',
            [],
            'HEAD by digest',
            method => 'HEAD'
        );
        close_door($door);
    };
}

subtest 'signature blobs, where the bucket lacks them and inside a cloud' => sub {
    my $door = front();
    for my $blob ( $signature_layer, $signature_config ) {
        is_sent(
            $door, "$app/blobs/$blob",
            '307 canonical',
            [ bucket_probe( $blob, 404 ), probe( regional => "blobs/$blob", 404 ) ],
            'from outside'
        );
        is_sent( $door, "$app/blobs/$blob", '307 canonical',
            [], 'from a cloud', region => 'gcp:europe-west1' );
    }
    close_door($door);
    $door = front();
    is_sent(
        $door, "$app/blobs/$signature_layer",
        '307 canonical',
        [ probe( regional => "blobs/$signature_layer", 404 ) ],
        'from a cloud first',
        region => 'gcp:europe-west1'
    );
    close_door($door);
};

subtest 'an ordinary image by digest' => sub {
    my $door     = front();
    my $manifest = $platform->{digest};
    my ($config) = map { digest_of($_) } $platform->{blobs}[0];
    my @once     = ( probe( regional => "manifests/$manifest", 200 ) );
    is_sent( $door, "$app/manifests/$manifest", '307 regional', \@once, 'a manifest' );
    is_sent( $door, "$app/manifests/$manifest", '307 regional', [],     'again' );
    my @layer = ( bucket_probe( $layers[0], 200 ), probe( regional => "blobs/$layers[0]", 200 ) );
    is_sent( $door, "$app/blobs/$layers[0]", "307 bucket /$layers[0]", \@layer, 'a layer' );
    is_sent( $door, "$app/blobs/$layers[0]", "307 bucket /$layers[0]", [],      'again' );
    my @config = ( bucket_probe( $config, 404 ), probe( regional => "blobs/$config", 200 ) );
    is_sent( $door, "$app/blobs/$config", '307 regional', \@config, 'a config that no bucket has' );
    is_sent( $door, "$app/blobs/$config", '307 regional', [],       'again' );
    close_door($door);
};

$t->done;
