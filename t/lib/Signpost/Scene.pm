# SPDX-License-Identifier: Apache-2.0
#
# The ground of tests that count probes: a regional and a canonical registry, a bucket,
# an image with a signature that only the canonical registry has, and front doors to them.
#
#     my $scene = Signpost::Scene->new($t);
#     my $door  = $scene->front;
#     $scene->is_sent( $door, '/v2/team/app/manifests/v1', '307 regional', [], 'a tag' );
package Signpost::Scene;

use strict;
use warnings;

use Signpost::Bucket;
use Signpost::Prober;
use Signpost::Registry qw(image index_of key_pair signature signature_tag);
use Signpost::Servers  qw(signpost nginx);
use Signpost::Wire     qw(http);
use Test::More         ();

my $prefix = 'mirror/images';

# The image is team/app:v1; its layers are in the bucket, its configurations are not.
sub new {
    my ( $class, $t ) = @_;
    $t->need(qw(nginx docker-registry openssl));
    $t->skip_all('signpost was built without its prober')
        if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};
    my $starts = $t->find('referrers-registry') ? 'start_with_referrers' : 'start';
    my $key    = key_pair( $t, 'ours' );
    my $image  = index_of( image( 'hello.txt' => 'hello' ),
        image( { architecture => 'arm64' }, 'hello.txt' => 'hallo' ) );
    my $self = bless {
        t         => $t,
        prefix    => $prefix,
        key       => $key,
        image     => $image,
        signature => signature( $t, $key, $image, 'registry.example.org/team/app' ),
        regional  => Signpost::Registry->start( $t, 'regional' ),
        canonical => Signpost::Registry->$starts( $t, 'canonical' ),
        bucket    => Signpost::Bucket->start( $t, 'bucket' ),
    }, $class;
    $self->{targets} = { map { $_                => $self->{$_} } qw(regional canonical bucket) };
    $self->{name_of} = { map { $self->{$_}{port} => $_ } qw(regional canonical bucket) };
    $self->push( 'team/app', $image, 'v1' );
    $self->{canonical}->push( "$prefix/team/app", $self->{signature}, signature_tag($image) );
    $self->{bucket}->add( $_->{blobs}[1] ) for @{ $image->{parts} };
    return $self;
}

# Both registries get a thing.
sub push {
    my ( $self, $name, $thing, $tag ) = @_;
    $_->push( "$prefix/$name", $thing, $tag ) for @$self{qw(regional canonical)};
    return;
}

# What a configuration says of targets and rules, by the options of front.
sub conf {
    my ($self) = @_;
    my %url = map { $_ => $self->{$_}->url } qw(regional canonical bucket);
    return ( upstreams => <<"UPSTREAMS", buckets => <<"BUCKETS", rules => <<'RULES', more => '' );
upstreams = { regional = { url = "$url{regional}"; serves = [ "EU" ]; };
              central  = { url = "$url{canonical}"; }; };
UPSTREAMS
buckets   = ( { name = "cdn"; serves = [ "*" ]; url = "$url{bucket}"; } );
BUCKETS
rules     = ( { match = "blob"; client = "gcp:*"; to = [ "nearest?", "canonical" ]; }, "default" );
RULES
}

# A front door that knows nothing yet: a state directory, a prober and a web server of its
# own. Returns { name, port, prober, conf }. Options: upstreams, buckets, rules, more and
# prefix replace parts of the configuration; real_clients, true for clients that send no
# header to tell where they are.
sub front {
    my ( $self, %option ) = @_;
    my $t     = $self->{t};
    my $name  = 'door' . ++$self->{doors};
    my $state = $t->dir("$name.state");
    chmod 0755, $state;
    my %part = ( prefix => $prefix, $self->conf, %option );
    my $conf = <<"EOT";
name      = "registry.example.org";
prefix    = "$part{prefix}";
canonical = [ "central" ];
state     = "$state";
prober    = "service";
signature_prefixes = [ "old-" ];
$part{upstreams}$part{buckets}$part{rules}$part{more}
EOT
    my $file   = $t->file( "$name.conf", $conf );
    my $prober = Signpost::Prober->start( $t, "$name-prober", $file, $state );
    $_->requests for values %{ $self->{targets} };
    my $door = { name => $name, conf => $conf, prober => $prober };
    $door->{port} = $self->worker( $door, $name,
        $option{real_clients} ? ( extra => 'fastcgi_param SIGNPOST_REGION EU;' ) : () );
    return $door;
}

# One more responder of a door behind a web server; its port. Options as of nginx.
sub worker {
    my ( $self, $door, $name, %option ) = @_;
    my $socket = signpost( $self->{t}, $name, conf => $door->{conf} );
    return nginx( $self->{t}, "$name-nginx", socket => $socket, %option );
}

sub close {
    my ( $self, $door ) = @_;
    $self->{t}->stop("$door->{name}$_") for '-nginx', '', '-prober';
    return;
}

# "307 regional /v2/…", or "404" and the code of the error.
sub gone {
    my ( $self, $answer ) = @_;
    my $location = $answer->{header}{location} // '';
    return join ' ', $answer->{status} // 'nothing', $answer->{body} =~ /"code":"(\w+)"/
        if $location eq '';
    my ( $port, $path ) = $location =~ m{^http://127\.0\.0\.1:(\d+)(/.*)}
        or return "$answer->{status} $location";
    return "$answer->{status} $self->{name_of}{$port} $path";
}

# Where a client in Europe is sent.
sub where {
    my ( $self, $port, $path, $method ) = @_;
    return $self->gone( http( $port, $method // 'GET', $path, 'X-Client-Region' => 'EU' ) );
}

# What the targets were asked for since the last call, checks of their health aside:
# "regional HEAD team/app/manifests/sha256:… 404". So many are waited for: a bucket that
# has the object makes what the regional registry says moot, and may be faster.
sub probes {
    my ( $self, $count ) = @_;
    my @seen;
    $self->{t}->wait_for(
        sub {
            for my $name ( sort keys %{ $self->{targets} } ) {
                CORE::push @seen,
                    map { "$name $_" } grep { !m{ /v2/ \d+$} } $self->{targets}{$name}->requests;
            }
            return @seen >= $count;
        }
    );
    return [ sort map { s{/v2/$prefix/}{}r } @seen ];
}

# Asserts where a request of a client goes ("307 regional" stands for the same path there;
# "404 MANIFEST_UNKNOWN") and what was asked of whom for that. Options: region, method,
# header.
sub is_sent {
    my ( $self, $door, $path, $to, $probes, $what, %option ) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $answer = http(
        $door->{port},
        $option{method} // 'GET',
        $path,
        'X-Client-Region' => $option{region} // 'EU',
        @{ $option{header} || [] }
    );
    my $seen = $self->probes( scalar @$probes );
    $to .= " $1" if $to =~ / (?:regional|canonical)$/ && $path =~ m{^/v2(/.*)$};
    $to =~ s{^(307 (?:regional|canonical)) /}{$1 /v2/$prefix/};
    Test::More::is( $self->gone($answer), $to, "$what: to the right place" );
    Test::More::is_deeply( $seen, $probes,
        '… ' . ( @$probes ? 'after so many probes: ' . @$probes : 'without a probe' ) )
        or Test::More::diag( Test::More::explain($seen) );
    return $answer;
}

1;
