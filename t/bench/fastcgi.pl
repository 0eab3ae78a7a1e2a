#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# signpost.fcgi side by side with a libfcgi responder that always gives the same
# answer (constant_fcgi), behind nginx with kept connections and behind lighttpd:
# requests a second, and processor time a request. Beside them nginx's own
# "return 307", which is the ceiling, and archeio where it is installed.
#
#     SIGNPOST_BUILD=build t/bench/fastcgi.pl [SECONDS [ROUNDS]]
#
# All are measured in turn, round after round; what is printed are medians.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use POSIX             ();
use Signpost::Servers qw(signpost lighttpd nginx);
use Signpost::Test;
use Test::More;

my ( $seconds, $rounds ) = ( $ARGV[0] || 3, $ARGV[1] || 5 );
my $target = '/v2/pause/manifests/latest';
my $to   = 'https://us-central1-docker.pkg.dev/v2/k8s-artifacts-prod/images/pause/manifests/latest';
my $tick = POSIX::sysconf( POSIX::_SC_CLK_TCK() );
my $keep = 'keepalive 16; keepalive_requests 1000000000;';

my $t = Signpost::Test->new;
alarm 0;
$t->need(qw(nginx lighttpd wrk));
my $conf = $t->slurp( $t->source('etc/registry.k8s.io.conf') );
$conf .= qq{state = "@{[ $t->dir('state') ]}";\n} if $conf !~ /^state/m;

# What is measured: { port, pid }, by name.
my %subject;
my @order;

sub subject {
    my ( $name, $port, $process ) = @_;
    $subject{$name} =
        { port => $port, pid => $process && $t->pid($process), rate => [], cpu => [] };
    push @order, $name;
    return;
}

# A constant responder; its socket.
sub constant {
    my ($name) = @_;
    my $program = $t->built('t/bench/constant_fcgi');
    -x $program or die "$program is not there: run make bench first\n";
    my $path   = $t->folder . "/$name.sock";
    my $socket = IO::Socket::UNIX->new( Local => $path, Listen => 512 ) or die "$path: $!";
    chmod 0666, $path;
    $t->start( $name => [$program], stdin => $socket );
    close $socket;
    return $path;
}

# The responders behind nginx and lighttpd. The constant one is another for lighttpd: nginx'
# kept connections would pin all threads of one.
sub responders {
    my %socket = (
        signpost => signpost( $t, 'signpost', conf => $conf ),
        constant => constant('constant')
    );

    for my $name (qw(signpost constant)) {
        my $port = nginx(
            $t, "nginx-$name",
            socket   => $socket{$name},
            upstream => $keep,
            extra    => 'fastcgi_keep_conn on;'
        );
        subject( "nginx, $name", $port, $name );
    }
    for my $name (qw(signpost constant)) {
        my $own  = $name eq 'constant' ? 'constant2' : $name;
        my $port = lighttpd( $t, "lighttpd-$name",
            socket => $own eq $name ? $socket{$name} : constant($own) );
        subject( "lighttpd, $name", $port, $own );
    }
    return $socket{constant};
}

sub ceiling {
    my ($socket) = @_;
    subject( 'nginx, return 307',
        nginx( $t, 'nginx-ceiling', socket => $socket, extra => "return 307 $to;" ) );
    return;
}

# archeio speaks HTTP; nginx keeps its connections, too.
sub archeio {
    my $program = $t->find('archeio') or return;
    my ( $port, $own ) = ( $t->port, $t->port );
    $t->start( archeio => [$program], env => { PORT => $own } );
    my $file = $t->file( 'nginx-archeio.conf', <<'EOT', PORT => $port, OWN => $own, KEEP => $keep );
daemon off; master_process off; worker_processes 1;
pid @DIR@/nginx-archeio.pid;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path @DIR@/archeio-body; proxy_temp_path @DIR@/archeio-proxy;
  fastcgi_temp_path @DIR@/archeio-fcgi; uwsgi_temp_path @DIR@/archeio-uwsgi;
  scgi_temp_path @DIR@/archeio-scgi;
  upstream archeio { server 127.0.0.1:@OWN@; @KEEP@ }
  server {
    listen 127.0.0.1:@PORT@;
    location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://archeio; }
  }
}
EOT
    $t->wait_for_port( 'archeio', $own );
    $t->start(
        'nginx-archeio' => [ $t->find('nginx'), '-c', $file, '-e', $t->folder . '/archeio.log' ] );
    $t->wait_for_port( 'nginx-archeio', $port );
    subject( 'nginx, archeio', $port, 'archeio' );
    return;
}

# Seconds of processor time that all threads of a process have used.
sub cpu_seconds {
    my ($pid) = @_;
    return 0 if !$pid;
    my @field = split ' ', $t->slurp("/proc/$pid/stat") =~ s/.*\)//sr;
    return ( $field[11] + $field[12] ) / $tick;
}

# One round for one subject. The load is one client thread with 16 connections.
sub measure {
    my ( $subject, $for ) = @_;
    my $before = cpu_seconds( $subject->{pid} );
    my $run    = $t->run(
        [ $t->find('wrk'), '-t1', '-c16', "-d${for}s", "http://127.0.0.1:$subject->{port}$target" ]
    );
    my $used = cpu_seconds( $subject->{pid} ) - $before;
    die "wrk: $run->{out}$run->{err}" if $run->{out} =~ /Socket errors|Non-2xx or 3xx/;
    my ( $count, $took ) = $run->{out} =~ /(\d+) requests in ([\d.]+)s/ or die $run->{out};
    return ( $count / $took, $count ? 1e6 * $used / $count : 0 );
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[ @sorted / 2 ];
}

sub ratio {
    my ( $what, $name, $other, $goal ) = @_;
    my ( $a, $b ) = map { median( @{ $subject{$_}{$what} } ) } $name, $other;
    return diag(
        sprintf '  %.2f  %s (goal: %s)',
        $a / ( $b || 1e-9 ),
        $what eq 'rate'
        ? "$name: throughput, times that of $other"
        : "$name: processor time a request, times that of $other",
        $goal
    );
}

sub machine {
    my ($model) = $t->slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
    my $cores = () = $t->slurp('/proc/cpuinfo') =~ /^processor/mg;
    return sprintf '%s, %d cores, Linux %s', $model // 'unknown processor', $cores,
        ( POSIX::uname() )[2];
}

ceiling( responders() );
archeio();
diag( machine() );
measure( $subject{$_}, 1 ) for @order;    # to warm up
for my $round ( 1 .. $rounds ) {
    for my $name (@order) {
        my ( $rate, $cpu ) = measure( $subject{$name}, $seconds );
        push @{ $subject{$name}{rate} }, $rate;
        push @{ $subject{$name}{cpu} },  $cpu;
    }
}

diag("medians of $rounds rounds of $seconds s each, 16 connections:");
diag('  requests/s   responder us/request');
diag(
    sprintf '  %9.0f   %10s   %s',
    median( @{ $subject{$_}{rate} } ),
    $subject{$_}{pid} ? sprintf( '%.2f', median( @{ $subject{$_}{cpu} } ) ) : '-', $_
) for @order;
ratio( 'rate', 'nginx, signpost',    'nginx, constant',    'at least 1.4' );
ratio( 'cpu',  'nginx, signpost',    'nginx, constant',    'at most 0.55' );
ratio( 'rate', 'lighttpd, signpost', 'lighttpd, constant', 'none' );
ratio( 'cpu',  'lighttpd, signpost', 'lighttpd, constant', 'none' );
ratio( 'rate', 'nginx, signpost',    'nginx, return 307',  'none' );
ratio( 'rate', 'nginx, signpost',    'nginx, archeio',     'none' ) if $subject{'nginx, archeio'};
my ($private) = $t->slurp( '/proc/' . $t->pid('signpost') . '/status' ) =~ /^RssAnon:\s*(\d+)/m;
diag("  $private KB of private memory in signpost.fcgi after all this (goal: at most 4096)");
pass('measured');

# The usual responder does not stop by SIGTERM while its threads wait in accept().
$t->stop( 'constant', 'KILL' );
$t->done;
