# SPDX-License-Identifier: Apache-2.0
#
# `signpost verify` with real registries and web servers: all is well behind signpost,
# with an index and with a prober, though signatures and referrers are at the canonical
# registry alone. With rules that know of tags only, and behind archeio, it finds the
# faults kubernetes/registry.k8s.io#324 and #326.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Signpost::Prober;
use Signpost::Registry qw(image index_of artifact key_pair signature signature_tag digest_of);
use Signpost::Servers  qw(signpost lighttpd nginx);
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new->need(qw(nginx lighttpd docker-registry openssl));

$t->run( [ $t->program('signpost'), qw(verify http://127.0.0.1:1) ] )->{err} =~ /built without/
    and $t->skip_all('signpost was built without libcurl, jansson or libcrypto');

my $json     = JSON::PP->new->canonical->utf8;
my $prefix   = 'mirror/images';
my %regional = map { $_ => Signpost::Registry->start( $t, $_ ) } qw(europe asia);

# The canonical registry has the referrers API, where such a registry is installed.
my $api       = $t->find('referrers-registry');
my $canonical = $api ? with_referrers() : Signpost::Registry->start( $t, 'canonical' );

sub with_referrers {
    my $port = $t->port;
    $t->start( 'canonical', [ $api, "127.0.0.1:$port" ] );
    $t->wait_for_port( 'canonical', $port );
    my $like = $regional{europe};
    return bless { %$like, name => 'canonical', port => $port }, ref $like;
}

# ---- what there is ----

my $key   = key_pair( $t, 'ours' );
my $app   = image( 'hello.txt' => 'hello' );
my @parts = ( image( a => 'amd64' ), image( { architecture => 'arm64' }, a => 'arm64' ) );
my $multi = index_of(@parts);
my %image = ( 'team/app' => $app, 'team/multi' => $multi );
for my $registry ( values %regional, $canonical ) {
    $registry->push( "$prefix/$_", $image{$_}, 'v1' ) for sort keys %image;
}

# Both an image and a platform's manifest are signed, and the image has an SBOM, by
# referrer, and under the fallback tag where the registry does not tell referrers.
for my $signed ( [ 'team/app' => $app ], [ 'team/multi' => $multi ], [ 'team/multi' => $parts[0] ] )
{
    my ( $name, $thing ) = @$signed;
    my $signature = signature( $t, $key, $thing, "registry.example.org/$name" );
    $canonical->push( "$prefix/$name", $signature, signature_tag($thing) );
}
my $sbom =
    artifact( 'application/vnd.oci.empty.v1+json', '{}', [ 'text/spdx+json', '{"sbom":1}' ] );
$sbom->{bytes} = $json->encode(
    {
        %{ $json->decode( $sbom->{bytes} ) },
        artifactType => 'text/spdx+json',
        subject      =>
            { mediaType => $app->{type}, digest => $app->{digest}, size => length $app->{bytes} }
    }
);
$sbom->{digest} = digest_of( $sbom->{bytes} );
$canonical->push( "$prefix/team/app", $sbom );
$canonical->push( "$prefix/team/app", index_of($sbom), $app->{digest} =~ s/:/-/r ) if !$api;

# Where cosign is installed, what it writes itself is there as well.
sub cosign {
    my ( $name, @arguments ) = @_;
    my $run = $t->run( [ $t->find($name), @arguments ],
        env => { COSIGN_PASSWORD => '', TUF_ROOT => $t->folder . '/tuf' } );
    die "$name @arguments: $run->{err}" if $run->{status};
    return;
}

my $predicate = $t->file( 'predicate.json', '{"tested":true}' );
for my $name ( grep { $t->find($_) } qw(cosign cosign3) ) {
    my $file = $t->folder . "/$name";
    my $to   = "127.0.0.1:$canonical->{port}/$prefix/team/app\@$app->{digest}";
    my @new  = $name eq 'cosign3' ? '--use-signing-config=false' : ();
    cosign( $name, qw(import-key-pair --key), $key->{private}, '--output-key-prefix', $file );
    my @with = ( '--yes', '--key', "$file.key", '--tlog-upload=false', @new );
    cosign( $name, 'sign', @with, $to );
    cosign( $name, 'attest', @with, '--type', 'custom', '--predicate', $predicate, $to );
}

# ---- the front doors ----

my $index = $t->folder . '/signatures.index';
my $state = $t->dir('state');

sub conf {
    my ($more) = @_;
    return <<"EOT";
name      = "registry.example.org";
prefix    = "$prefix";
upstreams = { europe  = { url = "${\ $regional{europe}->url }"; serves = [ "EU" ]; };
              asia    = { url = "${\ $regional{asia}->url }"; serves = [ "AS" ]; };
              central = { url = "${\ $canonical->url }"; }; };
canonical = [ "central" ];
$more
EOT
}

my $region = 'fastcgi_param HTTP_X_CLIENT_REGION $http_x_client_region;';

sub verify {
    my ( $port, @arguments ) = @_;
    my @places = map { ( '--place', $_ ) } qw(FR JP);
    return $t->run(
        [
            $t->program('signpost'),  qw(verify --header X-Client-Region),
            @places,                  @arguments,
            "http://127.0.0.1:$port", qw(team/app:v1 team/multi:v1)
        ]
    );
}

# That all checks pass, and that those of signatures had something to check.
sub passes {
    my ($port) = @_;
    my $run = verify($port);
    is( $run->{status}, 0, 'all is well' ) or diag $run->{out}, $run->{err};
    for my $place (qw(FR JP)) {
        for my $check (
            'its signatures arrive by digest',
            'its signatures\' content arrives by digest',
            'each of its referrers arrives by digest',
            'its referrers\' content arrives by digest',
            'a layer can be fetched in parts'
            )
        {
            like(
                $run->{out},
                qr/^ok \d+ - team\/app:v1: \Q$check\E \[from $place\]$/m,
                "$check, from $place"
            );
        }
    }
    return;
}

# What fails of an image, by its checks' keys.
sub failing {
    my ( $port, $image, @arguments ) = @_;
    my $run   = verify( $port, '--json', @arguments );
    my %wrong = map { $_->{check} => 1 }
        grep { $_->{subject} eq $image && $_->{outcome} eq 'failed' }
        @{ $json->decode( $run->{out} )->{findings} };
    is( $run->{status}, 1, 'verify fails' );
    return [ sort keys %wrong ];
}

subtest 'an index, nginx' => sub {
    my $more = qq(index = "$index"; prober = "off";);
    my $run  = $t->run(
        [
            $t->program('signpost'),
            qw(index add --config),
            $t->file( 'index.conf', conf($more) ),
            qw(team/app:v1 team/multi:v1)
        ]
    );
    is( $run->{status}, 0, 'signpost index add' ) or diag $run->{err};
    my $socket = signpost( $t, 'indexed', conf => conf($more) );
    passes( nginx( $t, 'indexed-nginx', socket => $socket, extra => $region ) );
};

subtest 'a prober, lighttpd' => sub {
    plan skip_all => 'signpost was built without its prober'
        if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};
    my $more = qq(state = "$state"; prober = "service";);
    Signpost::Prober->start( $t, 'prober', $t->file( 'prober.conf', conf($more) ), $state );
    passes(
        lighttpd( $t, 'probed-lighttpd', socket => signpost( $t, 'probed', conf => conf($more) ) )
    );
};

subtest 'rules for tags alone' => sub {
    my $rules = 'prober = "off"; rules = ( { match = "signature"; to = [ "canonical" ]; }, '
        . '{ match = "*"; to = [ "nearest" ]; } );';
    my $socket = signpost( $t, 'tags', conf => conf($rules) );
    my $port   = nginx( $t, 'tags-nginx', socket => $socket, extra => $region );
    is_deeply(
        failing( $port, 'team/app:v1' ),
        [qw(referrer-content referrer-digest signature-content signature-digest)],
        'signatures and referrers are not found by digest'
    );
    is_deeply(
        failing( $port, 'team/multi:v1' ),
        [qw(signature-content signature-digest)],
        'nor are the signatures of an image for several platforms'
    );
    my $out = verify($port)->{out};
    like( $out, qr/^#   breaks: .*kubernetes\/registry\.k8s\.io#$_\)$/m, "#$_ is named" )
        for 324, 326;
    like( $out, qr/^#   breaks: cosign verify and skopeo: /m, 'with who breaks' );
};

# What fails of an image behind archeio, or behind what decides as it does: signatures and
# attestations go to their registry by tag, all else to a region, and queries are lost.
my @as_archeio = qw(fallback referrer-content referrer-digest referrers referrers-query sbom
    signature-content signature-digest);

subtest 'rules by hand, as archeio decides' => sub {
    my %value = (
        PORT      => $t->port,
        REGION    => $regional{europe}->url . "/v2/$prefix",
        CANONICAL => $canonical->url . "/v2/$prefix"
    );
    my $conf = $t->file( 'hand.conf', <<'EOT', %value );
daemon off; master_process off; pid @DIR@/hand.pid; error_log @DIR@/hand.log;
events {}
http {
  access_log off;
  client_body_temp_path @DIR@/hand-body; fastcgi_temp_path @DIR@/hand-fcgi;
  proxy_temp_path @DIR@/hand-proxy; uwsgi_temp_path @DIR@/hand-uwsgi; scgi_temp_path @DIR@/hand-scgi;
  server {
    listen 127.0.0.1:@PORT@;
    if ($request_method !~ "^(GET|HEAD)$") { return 405; }
    location ~ ^/v2/?$ { return 200; }
    location ~ "^/v2/([a-z0-9/]+/manifests/sha256-[0-9a-f]{64}\.(sig|att))$" { return 307 @CANONICAL@/$1; }
    location ~ "^/v2/([a-z0-9/]+/(manifests|blobs|tags|referrers)/[\w.:-]{1,128})$" { return 307 @REGION@/$1; }
  }
}
EOT
    $t->start( 'hand', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/hand.log' ] );
    $t->wait_for_port( 'hand', $value{PORT} );
    is_deeply( failing( $value{PORT}, 'team/app:v1' ), \@as_archeio, 'all that is known is found' );
    is_deeply( failing( $value{PORT}, 'the front door' ),
        [qw(bad-digest methods)], 'and 405 without Allow, and bad digests that break a registry' );
};

subtest 'archeio' => sub {
    my $archeio = $ENV{SIGNPOST_ARCHEIO} || $t->find('archeio');
    plan skip_all => 'archeio is not installed, nor named by SIGNPOST_ARCHEIO' if !$archeio;
    my $port = $t->port;
    $t->start(
        'archeio',
        [$archeio],
        env => {
            PORT                        => $port,
            UPSTREAM_REGISTRY_ENDPOINT  => $regional{europe}->url,
            UPSTREAM_REGISTRY_PATH      => $prefix,
            SIGNATURE_UPSTREAM_ENDPOINT => $canonical->url,
            DEFAULT_AWS_BASE_URL        => $regional{europe}->url . '/none',
        }
    );
    $t->wait_for_port( 'archeio', $port );
    my %wrong = map { $_ => 1 } @{ failing( $port, 'team/app:v1' ) };
    ok( $wrong{$_}, "$_ is found" ) for @as_archeio;
};

# ---- redirects to what is not encrypted ----

subtest 'from https to http' => sub {
    my $pem = $t->folder . '/front.pem';
    my $run = $t->run(
        [
            $t->find('openssl'),
            qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes),
            qw(-days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1),
            '-keyout',
            "$pem.key",
            '-out',
            $pem
        ]
    );
    is( $run->{status}, 0, 'a certificate' ) or diag $run->{err};
    my $socket = signpost( $t, 'tls', conf => conf('prober = "off";') );
    my $port   = $t->port;
    nginx(
        $t, 'tls-nginx',
        socket => $socket,
        extra  => "} } server { listen 127.0.0.1:$port ssl; ssl_certificate $pem; "
            . "ssl_certificate_key $pem.key; location / { include $pem.params; "
            . 'fastcgi_pass signpost;'
    ) if $t->file( 'front.pem.params', <<'EOT' );
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param REQUEST_URI $request_uri;
fastcgi_param REMOTE_ADDR $remote_addr;
EOT
    my @call = ( $t->program('signpost'), 'verify', '--ca', $pem, "https://127.0.0.1:$port" );
    is( $t->run( \@call )->{status}, 0, 'the front door itself is fine' );
    my $out = $t->run( [ @call, 'team/app:v1' ] )->{out};
    like( $out, qr/^not ok \d+ - team\/app:v1: its tag leads to a manifest$/m, 'a tag is not' );
    like( $out, qr/^#   wrong: it redirects from https to http$/m,             'for this reason' );
    my $strict = $t->run( [ grep { $_ ne '--ca' && $_ ne $pem } @call ] );
    like(
        $strict->{out},
        qr/^Bail out! https:.* does not answer: /m,
        'a certificate that nobody vouches for is not taken'
    );
};

$t->done;
