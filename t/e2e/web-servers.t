# SPDX-License-Identifier: Apache-2.0
#
# Every web server with the configuration that is shipped for it, installed by `make
# install` and enabled as its first lines say, on a machine of the test's own: each of
# t/data/tricky-requests has the same answer everywhere, or the server's own refusal that
# is noted there; and the prober's files are there for this machine alone.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Signpost::Machine;
use Signpost::ServerTable qw(measured);
use Signpost::Shipped;
use Signpost::Test;
use Signpost::Tricky qw(tricky_requests answer_to expected);
use Signpost::Wire   qw(http parse_answer);
use Test::More;

Signpost::Machine::enter();
my $t        = Signpost::Test->new;
Signpost::Machine::install($t);
my @requests = tricky_requests( $t->source('t/data/tricky-requests') );
my $conf     = <<'EOT';
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU" ]; };
              us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
prober    = "off";
EOT

my $path     = '/v2/app/manifests/v1';
my $digest   = 'sha256:' . 'e3' x 32;
my $referrer = "/v2/app/referrers/$digest?artifactType=a%2fb%2Bc%41&x=+%20";

sub yes { return $_[0] ? 'yes' : 'no' }

# One request from a stranger's address.
sub from_elsewhere {
    my ($text) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr  => '127.0.0.1',
        PeerPort  => 80,
        LocalAddr => Signpost::Machine::elsewhere()
    ) or die "port 80: $!";
    syswrite $socket, $text;
    return parse_answer( do { local $/ = undef; <$socket> }, 'GET' );
}

# As the prober leaves them.
sub write_files {
    my ($door) = @_;
    my $folder = '/var/lib/signpost';
    my $owner  = $door->state_owner;
    $t->run( [ 'sh', '-c', "install -d -o $owner -g www-data -m 0750 $folder" ] );
    $t->run( [ 'sh', '-c', "install -d -o $owner -g www-data $folder/public" ] );
    $t->file( "$folder/public/index.html",   "<p>the page</p>\n" );
    $t->file( "$folder/public/status.json",  "{}\n" );
    $t->file( "$folder/public/metrics.prom", "up 1\n" );
    $t->file( "$folder/cache",               "secret\n" );
    return;
}

sub files_are_for_here {
    my ($door) = @_;
    my %type = (
        ''             => qr{^text/html},
        'index.html'   => qr{^text/html},
        'status.json'  => qr{^application/json},
        'metrics.prom' => qr{^text/plain; version=0\.0\.4},
    );
    for my $name ( sort keys %type ) {
        my $answer = http( 80, GET => "/signpost/$name" );
        is( $answer->{status}, 200, "/signpost/$name is served" )
            or diag $answer->{raw}, $door->log;
        like( $answer->{header}{'content-type'} // '', $type{$name}, 'as what it is' );
        my @forged = map { "$_: 127.0.0.1\r\n" } qw(X-Forwarded-For X-Real-IP Client-IP);
        my $end    = "HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
        $answer = from_elsewhere( join '', "GET /signpost/$name $end", @forged, "\r\n" );
        is( $answer->{status}, 403, 'and to nobody elsewhere' ) or diag $answer->{raw};
    }
    for my $way (
        '/signpost/../cache',   '/signpost/%2e%2e/cache',
        '/signpost/..%2fcache', '/signpost//../cache',
        '/signpost../cache'
        )
    {
        unlike( http( 80, GET => $way )->{raw}, qr/secret/, "$way does not lead out" );
    }
    return;
}

for my $way ( Signpost::Shipped::ways() ) {
    subtest $way => sub {
        my ( $door, $why ) = Signpost::Shipped->new( $t, $way, $conf );
        plan skip_all => $why if !$door;
        write_files($door);
        $door->start;
        my $get = http( 80, GET => $path );
        is( $get->{header}{location}, "https://us.example.org$path", 'a pull' )
            or diag $get->{raw}, $door->log;
        my $head = http( 80, HEAD => $path );
        my $asks = http( 80, GET  => $referrer );
        measured( $t, $way, 'redirect', yes( $get->{status} == 307 ) );
        measured( $t, $way, 'HEAD',     yes( $head->{status} == 307 && !length $head->{body} ) );
        measured( $t, $way, 'query',
            yes( ( $asks->{header}{location} // '' ) eq "https://us.example.org$referrer" ) );

        my ( $alike, $refused ) = ( 0, 0 );
        for my $request (@requests) {
            my $answer = answer_to( 80, $request );
            is( $answer, expected( $request, $way ), $request->{name} );
            $alike   += $answer eq $request->{answer};
            $refused += $answer ne $request->{answer} && $answer =~ / server$/;
        }
        measured( $t, $way, 'encoded input', sprintf '%d of %d alike, %d refused',
            $alike, scalar @requests, $refused );
        files_are_for_here($door) if $door->has_files;
        $door->stop;
    };
}

$t->done;
