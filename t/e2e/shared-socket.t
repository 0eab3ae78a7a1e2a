# SPDX-License-Identifier: Apache-2.0
#
# The processes that have a listening socket open share whether it blocks, and systemd, for
# one, makes it block when it runs a service's ExecReload with that socket as standard input.
# Whatever they do to it, the responder goes on: kept connections, requests that wait for the
# prober, what is due each second, and an orderly stop.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Fcntl;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Signpost::FakeProber;
use Signpost::FastCGI qw(request variables);
use Signpost::Test;
use Test::More;
use Time::HiRes qw(time sleep);

my $t    = Signpost::Test->new;
my $conf = <<'EOT';
name      = "registry.example.org";
upstreams = { eu = { url = "http://127.0.0.1:7001"; serves = [ "EU" ]; };
              us = { url = "http://127.0.0.1:7002"; }; };
canonical = [ "us" ];
prober    = "service";
state     = "@STATE@";
EOT

sub ask {
    my ( $c, $path ) = @_;
    $c->send( request( variables( $path, HTTP_X_CLIENT_REGION => 'EU' ), keep => 1 ) );
    return ( $c->answer(5) || {} )->{location} // 'no answer';
}

# Makes the socket block, from a process that shares it, once or all the time.
sub make_blocking { return fcntl $_[0], F_SETFL, 0 }

sub keep_blocking {
    my ($socket) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    my $end = time + 30;
    while ( time < $end ) { make_blocking($socket) for 1 .. 1000 }
    POSIX::_exit(0);
}

sub still_works {
    my ( $name, $where, $socket, $state ) = @_;
    my $kept = Signpost::FastCGI->new($where) or die "$where: $!";
    my $path = '/v2/app/manifests/v1';
    like( ask( $kept, $path ), qr/:7001/, "$name: a connection is kept" );

    make_blocking($socket);
    my $new = Signpost::FastCGI->new($where) or die "$where: $!";
    like( ask( $new,  $path ), qr/:7001/, 'a new one, on a socket that blocks by now' );
    like( ask( $kept, $path ), qr/:7001/, 'does not stop the kept one' );
    sleep 0.1;
    make_blocking($socket);
    my ($flags) = $t->slurp( "/proc/" . $t->pid($name) . '/fdinfo/0' ) =~ /^flags:\s+(\d+)/m;
    is( oct($flags) & O_NONBLOCK, 0, 'nobody else connects' );
    $new = Signpost::FastCGI->new($where) or die "$where: $!";
    my $blob = "/v2/late-200/app/blobs/sha256:" . sha256_hex($name);
    $t->wait_for( sub { ask( $kept, "/v2/absent/app/blobs/sha256:" . sha256_hex(rand) ) =~ /7002/ }
    );
    my $start = time;
    like( ask( $kept, $blob ), qr/:7001/, 'a request that waits for the prober gets its answer' );
    cmp_ok( time - $start, '<', 2, '… in time' );

    # The control file is looked at once a second.
    my $run = $t->run( [ $t->program('signpost'), 'drain', '--config', "$state.conf", 'eu' ] );
    is( $run->{status}, 0, 'a target is drained' ) or diag $run->{err};
    ok( $t->wait_for( sub { ask( $kept, $path ) =~ /:7002/ }, 5 ), '… and the tick has seen it' );
    $t->run( [ $t->program('signpost'), 'undrain', '--config', "$state.conf", 'eu' ] );

    my $other = keep_blocking($socket);
    my ( $good, $worst ) = ( 0, 0 );
    for ( 1 .. 100 ) {
        $start = time;
        my $one = Signpost::FastCGI->new($where) or last;
        $good += ask( $one, $path ) =~ /:700/ && ask( $kept, $path ) =~ /:700/;
        $worst = time - $start if time - $start > $worst;
    }
    is( $good, 100, 'however often another process does it' );
    cmp_ok( $worst, '<', 2, '… everybody is served in time' );
    kill 'KILL', $other;
    waitpid $other, 0;
    make_blocking($socket);
    is( $t->stop($name), 0, 'and it stops in order' );
    return;
}

for my $name (qw(unix tcp)) {
    my ( $where, $socket ) = ( $t->folder . "/$name.sock" );
    if ( $name eq 'unix' ) {
        $socket = IO::Socket::UNIX->new( Local => $where, Listen => 512 ) or die "$where: $!";
    }
    else {
        $where  = '127.0.0.1:' . $t->port;
        $socket = IO::Socket::INET->new( LocalAddr => $where, Listen => 512, ReuseAddr => 1 )
            or die "$where: $!";
    }
    my $state = $t->dir("state-$name");
    my $file  = $t->file( "state-$name.conf", $conf, STATE => $state );
    my $fake  = Signpost::FakeProber->start( $t, "prober-$name", $state );
    $t->start(
        $name,
        [ $t->program('signpost.fcgi') ],
        stdin => $socket,
        env   => { SIGNPOST_CONF => $file }
    );
    subtest $name => sub { still_works( $name, $where, $socket, $state ) };
    $fake->stop;
}

$t->done;
