# SPDX-License-Identifier: Apache-2.0
#
# An image's signature, which only the canonical registry holds, is found and
# verified through the front door: by openssl, and by cosign and crane where they
# are installed. Blobs are ruled to the canonical registry here.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use HTTP::Tiny;
use JSON::PP           ();
use MIME::Base64       ();
use Signpost::Registry qw(image index_of key_pair signature signature_tag digest_of);
use Signpost::Servers  qw(signpost lighttpd);
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new->need(qw(lighttpd docker-registry openssl));

my $regional  = Signpost::Registry->start( $t, 'regional' );
my $canonical = Signpost::Registry->start( $t, 'canonical' );

my $socket = signpost( $t, 'signpost', conf => <<"EOT" );
name      = "registry.example.org";
prefix    = "mirror/images";
upstreams = { regional = { url = "${\ $regional->url }"; serves = [ "EU" ]; };
              central  = { url = "${\ $canonical->url }"; }; };
canonical = [ "central" ];
rules     = ( { match = "blob"; to = [ "canonical" ]; }, "default" );
EOT
my $port = lighttpd(
    $t, 'lighttpd',
    socket => $socket,
    extra  => 'setenv.add-environment = ( "SIGNPOST_REGION" => "EU" )'
);
my $app = "127.0.0.1:$port/team/app";

my $name  = 'mirror/images/team/app';
my $image = index_of( image( 'hello.txt' => 'hello' ),
    image( { architecture => 'arm64' }, 'hello.txt' => 'hallo' ) );
my $unsigned = image( 'hello.txt' => 'nobody signed this' );
my %key      = map { $_ => key_pair( $t, $_ ) } qw(ours theirs);
my $signed   = signature( $t, $key{ours}, $image, $app );
for my $registry ( $regional, $canonical ) {
    $registry->push( $name, $image,    'v1' );
    $registry->push( $name, $unsigned, 'unsigned' );
}
$canonical->push( $name, $signed, signature_tag($image) );
$_->requests for $regional, $canonical;

# GETs a path of the image through the front door as clients do, redirects and all.
sub fetch {
    my ($path) = @_;
    my $answer = HTTP::Tiny->new->get( "http://127.0.0.1:$port/v2/team/app/$path",
        { headers => { Accept => 'application/vnd.oci.image.manifest.v1+json' } } );
    is( $answer->{status}, 200, "GET $path" ) or diag $answer->{content};
    return $answer->{content};
}

sub openssl_verifies {
    my ( $with, $payload, $signature ) = @_;
    my $run = $t->run(
        [
            $t->find('openssl'), 'dgst', '-sha256', '-verify', $with->{public}, '-signature',
            $t->file( 'fetched.sig',  $signature ),
            $t->file( 'fetched.json', $payload )
        ]
    );
    return $run->{status} == 0;
}

subtest 'openssl' => sub {
    my $bytes = fetch( 'manifests/' . signature_tag($image) );
    is( digest_of($bytes), $signed->{digest}, 'the signature manifest that was pushed' );
    my $layer   = JSON::PP::decode_json($bytes)->{layers}[0];
    my $payload = fetch("blobs/$layer->{digest}");
    is( digest_of($payload), $layer->{digest}, 'its payload' );
    is( JSON::PP::decode_json($payload)->{critical}{image}{'docker-manifest-digest'},
        $image->{digest}, 'which names the image' );
    my $signature =
        MIME::Base64::decode_base64( $layer->{annotations}{'dev.cosignproject.cosign/signature'} );
    ok( openssl_verifies( $key{ours},    $payload,    $signature ), 'verifies with our key' );
    ok( !openssl_verifies( $key{theirs}, $payload,    $signature ), 'and with no other' );
    ok( !openssl_verifies( $key{ours},   "$payload ", $signature ), 'nor if it were changed' );
    fetch("manifests/$signed->{digest}");
    is_deeply( [ $regional->requests ], [], 'the regional registry was asked for nothing' );
    is_deeply(
        [ $canonical->requests ],
        [
            "GET /v2/$name/manifests/" . signature_tag($image) . ' 200',
            "GET /v2/$name/blobs/$layer->{digest} 200",
            "GET /v2/$name/manifests/$signed->{digest} 200",
        ],
        'all of it came from the canonical one'
    );
};

# cosign would fetch its trust roots from the internet; it does without.
my %offline = ( HTTPS_PROXY => 'http://127.0.0.1:1', TUF_ROOT => $t->folder . '/tuf' );

sub cosign {
    my ( $with, $reference ) = @_;
    return $t->run(
        [
            $t->find('cosign'),       'verify', '--key', $with->{public},
            '--insecure-ignore-tlog', $reference
        ],
        env => \%offline
    );
}

subtest 'cosign' => sub {
    $t->need('cosign');
    for my $reference ( "$app:v1", "$app\@$image->{digest}" ) {
        my $run = cosign( $key{ours}, $reference );
        is( $run->{status}, 0, 'verifies ' . $reference =~ s/.*app//r ) or diag $run->{err};
        like( $run->{out}, qr/"docker-manifest-digest":"\Q$image->{digest}"/, 'and says what' );
    }
    my @near = grep { !m{/manifests/v1 } } $regional->requests;
    is_deeply( \@near, [], 'only the tag was asked of the regional registry' );
    my %asked = map { $_ => 1 } $canonical->requests;
    my $hex   = $image->{digest} =~ s/^sha256://r;
    ok( $asked{"GET /v2/$name/manifests/sha256-$hex.sig 200"},
        'the canonical one gave the signature' );
    ok( $asked{ "GET /v2/$name/blobs/" . digest_of( $signed->{blobs}[1] ) . ' 200' },
        'and its payload' );

    isnt( cosign( $key{theirs}, "$app:v1" )->{status}, 0, 'another key does not verify it' );
    my $run = cosign( $key{ours}, "$app:unsigned" );
    isnt( $run->{status}, 0, 'what is not signed does not verify' );
    like( $run->{err}, qr/no signatures found/, 'and is found to be unsigned' );
};

subtest 'crane' => sub {
    $t->need('crane');
    my $crane = sub { return $t->run( [ $t->find('crane'), @_ ], env => \%offline ) };
    my $run   = $crane->( 'digest', "$app:v1" );
    is( $run->{out}, "$image->{digest}\n", 'crane digest' ) or diag $run->{err};
    $run = $crane->( 'manifest', "$app:" . signature_tag($image) );
    is( digest_of( $run->{out} ), $signed->{digest}, 'crane manifest of the signature' )
        or diag $run->{err};
    $run = $crane->( 'manifest', "$app\@$signed->{digest}" );
    is( digest_of( $run->{out} ), $signed->{digest}, 'and by its digest' ) or diag $run->{err};
    $run = $crane->( 'validate', '--remote', "$app:v1" );
    is( $run->{status}, 0, 'crane validate: every layer arrives whole' ) or diag $run->{err};
};

$t->done;
