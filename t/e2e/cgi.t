# SPDX-License-Identifier: Apache-2.0
# signpost.fcgi as a plain CGI program.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Test::More;
use Time::HiRes qw(time);

my $t       = Signpost::Test->new;
my $program = $t->program('signpost.fcgi');
my $conf    = $t->file( 'signpost.conf', <<'EOT' );
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU" ]; };
              us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
region_header = "X-Client-Region";
state     = "@DIR@/state";
EOT
my $bad = $t->file( 'bad.conf', "name = 7;\n" );
$t->dir('state');

# Runs it with these variables only.
sub cgi {
    my ( $variables, %option ) = @_;
    my $env = { SIGNPOST_CONF => $conf, %$variables };
    return $t->run(
        [ $program, @{ $option{arguments} || [] } ],
        only_env => $env,
        stdin    => $option{stdin}
    );
}

my %get = (
    REQUEST_METHOD => 'GET',
    SCRIPT_NAME    => '/v2/app/manifests/v1',
    REMOTE_ADDR    => '192.0.2.1'
);

my $run = cgi( \%get );
is( $run->{status}, 0, 'the plainest environment is enough' );
like(
    $run->{out},
    qr{^Status: 307 [A-Za-z ]+\r?\nLocation: https://us\.example\.org/v2/app/manifests/v1\r?\n},
    'for the answer'
);
is( $run->{err}, '', 'nothing is on stderr' );
$run = cgi( { %get, HTTP_X_CLIENT_REGION => 'EU' } );
like( $run->{out}, qr{^Location: https://eu\.example\.org/}m, 'a region header is heeded' );

subtest 'arguments are the client\'s' => sub {
    for my $words (
        ['--help'], ['--version'],
        [ '--config', $bad ],
        [ '--listen', $t->folder . '/x.sock' ], ['x']
        )
    {
        $run = cgi( \%get, arguments => $words );
        like( $run->{out}, qr/^Status: 307 /, "@$words: not looked at" );
    }
    ok( !-e $t->folder . '/x.sock', 'nothing has listened' );
};

subtest 'bodies' => sub {

    # A server's own writing must come to its end: the body is read away.
    my $size = 1_000_000;
    pipe my $read, my $write or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ( !$pid ) {
        close $read;
        local $SIG{PIPE} = 'DEFAULT';
        my $left = $size;
        while ( $left > 0 ) { $left -= syswrite $write, 'x' x ( $left < 65536 ? $left : 65536 ) }
        POSIX::_exit(0);
    }
    close $write;
    my $post = {
        %get,
        REQUEST_METHOD => 'POST',
        SCRIPT_NAME    => '/v2/app/blobs/uploads/',
        CONTENT_LENGTH => $size
    };
    $run = cgi( $post, stdin => $read );
    close $read;
    waitpid $pid, 0;
    like( $run->{out}, qr/^Status: 405 /, 'a request with 1 MB is answered' );
    is( $?, 0, 'and its body is read' );

    for my $length ( undef, '', '0' ) {
        pipe $read, $write or die "pipe: $!";
        my $start = time;
        $run =
            cgi( { %get, defined $length ? ( CONTENT_LENGTH => $length ) : () }, stdin => $read );
        like(
            $run->{out},
            qr/^Status: 307 /,
            'without a body, CONTENT_LENGTH ' . ( defined $length ? "\"$length\"" : 'absent' )
        );
        cmp_ok( time - $start, '<', 3, 'an input that does not end is not read' );
    }
    pipe $read, $write or die "pipe: $!";
    syswrite $write, 'chunks';
    close $write;
    $run = cgi( { %$post, CONTENT_LENGTH => -1 }, stdin => $read );
    like( $run->{out}, qr/^Status: 405 /, 'a body of unknown length is read to its end' );
};

subtest 'a refused configuration' => sub {
    for my $file ( $bad, $t->folder . '/nowhere.conf' ) {
        $run = cgi( { %get, SIGNPOST_CONF => $file } );
        like( $run->{out}, qr/^Status: 503 /, 'answers 503' );
        like( $run->{out}, qr/"errors"/,      'with an OCI error' );
        like( $run->{err}, qr/\Q$file\E/,     'and stderr names the file' );
    }
    unlike(
        cgi( { %get, REQUEST_METHOD => 'HEAD', SCRIPT_NAME => '/v2/', SIGNPOST_CONF => $bad } )
            ->{out},
        qr/\r?\n\r?\n./s,
        'no body on HEAD'
    );
};

$t->done;
