# SPDX-License-Identifier: Apache-2.0
#
# signpost in archeio's place: its environment variables configure signpost.fcgi and
# the command, alone and over a file. (t/unit/test_environment.c has the details.)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Signpost::Wire qw(cgi);
use Test::More;

my $t           = Signpost::Test->new;
my $fcgi        = $t->program('signpost.fcgi');
my $hex         = '7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097';
my %environment = (
    UPSTREAM_REGISTRY_ENDPOINT => 'https://us-central1-docker.pkg.dev',
    UPSTREAM_REGISTRY_PATH     => 'k8s-artifacts-prod/images',
    DEFAULT_AWS_BASE_URL       => 'https://cdn.example.org',
);
my $prefix = 'https://us-central1-docker.pkg.dev/v2/k8s-artifacts-prod/images';

# The answer to a GET by the CGI program, with these variables beside the request's.
sub get {
    my ( $target, %more ) = @_;
    return cgi( $t, $fcgi, { REQUEST_METHOD => 'GET', REQUEST_URI => $target, %more } );
}

subtest 'alone' => sub {
    my $answer = get( '/v2/pause/manifests/3.9', %environment );
    is( $answer->{header}{location}, "$prefix/pause/manifests/3.9", 'an image' );
    is( $answer->{stderr},           '',                            'with nothing on stderr' );
    is(
        get( "/v2/pause/manifests/sha256-$hex.sig", %environment )->{header}{location},
        "$prefix/pause/manifests/sha256-$hex.sig",
        'a signature'
    );
    is(
        get(
            "/v2/pause/manifests/sha256-$hex.sig", %environment,
            SIGNATURE_UPSTREAM_ENDPOINT => 'https://sign.example.org'
        )->{header}{location},
        "https://sign.example.org/v2/k8s-artifacts-prod/images/pause/manifests/sha256-$hex.sig",
        'a signature, with an upstream of its own'
    );
    is(
        get(
            '/v2/pause/manifests/3.9', %environment,
            SIGNATURE_UPSTREAM_ENDPOINT => 'https://sign.example.org'
        )->{header}{location},
        "$prefix/pause/manifests/3.9",
        'where no image goes'
    );
    is(
        get( '/privacy', %environment )->{header}{location},
        'https://www.linuxfoundation.org/privacy-policy/',
        'a page'
    );
    is( get( '/v2/', %environment )->{status}, 200, 'the ping' );
};

subtest 'wrong or absent' => sub {
    my $answer = get('/v2/');
    is( $answer->{status}, 503, 'none' );
    like( $answer->{stderr}, qr/UPSTREAM_REGISTRY_ENDPOINT/, '  it is said which there are' );
    $answer = get( '/v2/', %environment, UPSTREAM_REGISTRY_ENDPOINT => 'us.gcr.io' );
    is( $answer->{status}, 503, 'one that is no URL' );
    like( $answer->{stderr},
        qr/variable UPSTREAM_REGISTRY_ENDPOINT: expected a URL .* "us\.gcr\.io"/,
        '  is named' );
};

subtest 'over a file' => sub {
    my $conf = $t->file( 'signpost.conf', <<'EOT' );
name = "registry.example.org";
prefix = "mine";
upstreams = { eu = { url = "https://eu.example.org"; }; us = { url = "https://us.example.org"; }; };
canonical = "us";
rules = ( { match = "tags-list"; to = "default"; }, "default" );
EOT
    my @file = ( SIGNPOST_CONF => $conf );
    is(
        get( '/v2/a/tags/list', @file )->{header}{location},
        'https://us.example.org/v2/mine/a/tags/list',
        'the file alone'
    );
    is(
        get( '/v2/a/tags/list', @file, UPSTREAM_REGISTRY_PATH => 'theirs' )->{header}{location},
        'https://us.example.org/v2/theirs/a/tags/list',
        'a variable goes before it'
    );
    is( get( '/v2/a/tags/list', @file, %environment )->{header}{location},
        "$prefix/a/tags/list", 'all of them' );
    is( get( '/privacy', @file, %environment )->{status}, 404, "the rest is the file's" );
};

subtest 'the command' => sub {
    my $signpost = $t->program('signpost');
    my $run      = $t->run( [ $signpost, 'check' ], only_env => \%environment );
    is( $run->{status}, 0, 'signpost check' ) or diag $run->{err};
    is(
        $run->{out},
        "environment: no mistakes; 1 upstream, 1 bucket, 6 rules; signatures at upstream.\n",
        '  what they come to'
    );
    my $printed = $t->run( [ $signpost, 'check', '--print' ], only_env => \%environment );
    $run = $t->run( [ $signpost, 'check', $t->file( 'printed.conf', $printed->{out} ) ],
        only_env => {} );
    is( $run->{status}, 0, 'what is printed is a file that says the same' ) or diag $run->{err};
};

$t->done;
