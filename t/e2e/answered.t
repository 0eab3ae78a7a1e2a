# SPDX-License-Identifier: Apache-2.0
#
# Every request that can be read is answered, and no client does harm to another: behind each
# web server some clients send headers that are too long and bodies that never come, or break
# off, while others pull. None of these gets anything but its redirect, at once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Signpost::Load;
use Signpost::Servers qw(signpost nginx haproxy lighttpd apache apache_fcgid caddy h2o);
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;
use Time::HiRes qw(time sleep);

my $t    = Signpost::Test->new;
my $conf = <<'EOT';
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
prober    = "off";
state     = "@DIR@";
EOT
my $path = '/v2/app/manifests/v1';
my $to   = "https://us.example.org$path";
my $push = '/v2/app/blobs/uploads/';
my @long = map { ( "X-Long-$_" => 'x' x 7000 ) } 1 .. 6;

# What is wrong with the answer to an ordinary pull; a slow one is.
sub pull {
    my ($port)  = @_;
    my $start   = time;
    my $answer  = http( $port, GET => $path );
    my $seconds = time - $start;
    return "$seconds s" if $seconds > 3;
    return ''
        if ( $answer->{status} // '' ) eq '307' && ( $answer->{header}{location} // '' ) eq $to;
    return ( $answer->{status} // 'no answer' ) . ' ' . ( $answer->{header}{location} // '' );
}

# A push of which only so much of the body comes; its connection.
sub begin_push {
    my ( $port, $body ) = @_;
    my $c = IO::Socket::INET->new( PeerAddr => '127.0.0.1', PeerPort => $port ) or return;
    print {$c} "POST $push HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n$body";
    $c->flush;
    return $c;
}

# The status that a connection gets within some seconds, or nothing.
sub status_of {
    my ( $c, $seconds ) = @_;
    my $answer = '';
    return '' if !IO::Select->new($c)->can_read($seconds);
    sysread $c, $answer, 4096;
    return ( $answer =~ m{^HTTP/1\.1 (\d+)} )[0] // '';
}

# What strangers do, for some seconds; the statuses that they saw. So many pushes at most are
# left open: Apache has a thread for each.
sub harm {
    my ( $port, $seconds, $most ) = @_;
    my $end = time + $seconds;
    my ( %seen, @open );
    while ( time < $end ) {
        $seen{ 'long ' . ( http( $port, GET => $path, @long )->{status} // 'none' ) }++;
        $seen{ 'put ' . ( http( $port, PUT => $path, @long )->{status}  // 'none' ) }++;
        push @open, begin_push( $port, '' ), begin_push( $port, 'x' x 5000 );
        my $whole = begin_push( $port, 'x' x 100_000 ) or next;
        $seen{ 'push ' . status_of( $whole, 5 ) }++;
        shift @open while @open > $most;
    }
    return \%seen;
}

sub unharmed {
    my ( $name, $port, %option ) = @_;
    is( pull($port), '', "$name: a pull" );
    my $clients = $option{clients} // 3;
    my $load    = Signpost::Load->new( $clients, sub { pull($port) } );
    my $seen    = harm( $port, 2, $option{open} // 20 );
    my ( $good, @wrong ) = $load->end;
    @wrong = grep { $_ !~ $option{but} } @wrong if $option{but};
    is_deeply( \@wrong, [], "$name: pulls go on whatever others send" );
    cmp_ok( $good, '>=', 10 * $clients, "… many of them ($good)" );
    my @bad = grep { !/^(?:long|put) 431$|^push 405$/ } keys %$seen;
    @bad = grep { $_ !~ $option{but} } @bad if $option{but};
    is_deeply( \@bad, [], '… and those who send too much are told so' )
        or diag explain $seen;
    is( pull($port), '', '… a pull afterwards' );
    return if !$option{at_once};
    my $c     = begin_push( $port, '' );
    my $start = time;
    is( status_of( $c, 4 ), 405, '… a push is answered before its body comes' );
    cmp_ok( time - $start, '<', 2, '… at once' );
    return;
}

my $socket = signpost( $t, 'door',   conf => $conf );
my $second = signpost( $t, 'second', conf => $conf );
$t->wait_for( sub { Signpost::Wire::fastcgi( $_, { REQUEST_METHOD => 'GET' } )->{status} } )
    for $socket, $second;

my $long_nginx = 'large_client_header_buffers 8 64k;';
my $no_buffer  = 'fastcgi_request_buffering off; client_max_body_size 0;';

# As nginx does by default: a failed server gets no requests for 10 s.
for my $keep ( 0, 1 ) {
    subtest 'nginx, two sockets' . ( $keep ? ' and kept connections' : '' ) => sub {
        my $port = nginx(
            $t, 'nginx',
            socket   => $socket,
            http     => $long_nginx,
            upstream => "server unix:$second;" . ( $keep ? 'keepalive 16;' : '' ),
            extra    => $no_buffer . ( $keep ? 'fastcgi_keep_conn on;' : '' ),
        );
        unharmed( 'nginx', $port, at_once => 1 );
        my ($failed) =
            $t->slurp('nginx.log') =~ /^(.*(?:temporarily disabled|no live|upstream prematurely).*)$/m;
        is( $failed, undef, 'no responder counts as failed' );
        $t->stop('nginx');
    };
}

# So many that they fill the responder's table of connections.
subtest 'nginx, 1,024 pushes without a body' => sub {
    my $port = nginx(
        $t, 'many',
        socket   => $socket,
        upstream => 'keepalive 16;',
        extra    => $no_buffer . 'fastcgi_keep_conn on;'
    );
    pipe my $read, my $write or die "pipe: $!";
    pipe my $end,  my $until or die "pipe: $!";
    my @child;
    for ( 1 .. 8 ) {
        my $pid = fork // die "fork: $!";
        push @child, $pid and next if $pid;
        close $until;
        my @c    = map  { begin_push( $port, '' ) } 1 .. 128;
        my $told = grep { $_ && status_of( $_, 20 ) eq '405' } @c;
        syswrite $write, "$told\n";
        sysread $end, my $byte, 1;
        POSIX::_exit(0);
    }
    close $write;
    my $start = time;
    my @wrong = grep { length } map { sleep 0.02; pull($port) } 1 .. 50;
    is_deeply( \@wrong, [], 'pulls go on' );
    cmp_ok( ( time - $start ) / 50, '<', 1, '… at once' );
    my $told = 0;
    $told += readline($read) // 0 for @child;
    is( $told, 1024, 'all are answered' );
    close $until;
    waitpid $_, 0 for @child;
    $t->stop('many');
};

my $long_haproxy = "    tune.bufsize 49152\n    tune.maxrewrite 1024";
my $multiplexing = "    option keep-conn\n    option mpxs-conns\n    option max-reqs 50";
my @haproxy      = (
    [ 'HAProxy',                                  '' ],
    [ 'HAProxy, a connection for each request',   '    no option keep-conn' ],
    [ 'HAProxy, get-values',                      '    option get-values' ],
    [ 'HAProxy, requests that share connections', $multiplexing ],
    [ 'HAProxy, these and get-values',            "$multiplexing\n    option get-values" ],
);
for my $case (@haproxy) {
    my ( $name, $app ) = @$case;
    subtest $name => sub {
        my $port = haproxy(
            $t, 'haproxy',
            socket   => $socket,
            app      => $app,
            global   => $long_haproxy,
            defaults => '    http-reuse always'
        );

        # HAProxy 2.6 cannot write a request of its own where another one fills its buffer.
        unharmed( $name, $port, clients => 8, but => qr/\b500 ?$/ );
        $t->stop('haproxy');
        my ( $server, $own ) = ( 0, 0 );
        for my $line ( split /\n/, $t->slurp('haproxy.out') ) {
            my ( $status, $end ) = $line =~ m{ (\d+) \d+ - - (\S)\S{3} } or next;
            $server++ if $end =~ /[sS]/;
            $own++ if $status == 500 && $end eq 'I';
        }
        is( $server, 0, '… no request fails at the responder' );
        note "$own requests failed in HAProxy" if $own;
        unlink $t->folder . '/haproxy.out';
    };
}

subtest 'lighttpd' => sub {
    my $port = lighttpd(
        $t, 'lighttpd',
        socket => $socket,
        extra  => "server.max-request-field-size = 65536\nserver.stream-request-body = 2\n"
    );
    unharmed( 'lighttpd', $port );
    $t->stop('lighttpd');
};

for my $reuse ( 'off', 'on' ) {
    subtest "Apache, mod_proxy_fcgi, enablereuse=$reuse" => sub {
        my $port = apache(
            $t, 'apache',
            modules => [qw(proxy proxy_fcgi)],
            value   => { SOCKET => $socket, REUSE => $reuse },
            site    => <<'EOT' );
LimitRequestFieldSize 65536
ProxyPass "/" "unix:@SOCKET@|fcgi://signpost/" enablereuse=@REUSE@
EOT
        unharmed( 'Apache', $port, clients => 2, open => 2 );
        $t->stop('apache');
    };
}

subtest 'Apache, mod_fcgid' => sub {
    my $port = apache_fcgid( $t, 'fcgid', conf => $conf, extra => 'LimitRequestFieldSize 65536' );
    unharmed( 'mod_fcgid', $port, clients => 2, open => 2 );
    $t->stop('fcgid');
};

subtest 'Caddy' => sub {
    my $port = caddy( $t, 'caddy', socket => $socket );
    unharmed( 'Caddy', $port );
    $t->stop('caddy');
};

for my $keep ( 0, 1 ) {
    subtest 'h2o' . ( $keep ? ', connections kept' : '' ) => sub {
        my $port = h2o(
            $t, 'h2o',
            socket => $socket,
            extra  => $keep ? "        fastcgi.timeout.keepalive: 5000\n" : ''
        );
        unharmed( 'h2o', $port );
        $t->stop('h2o');
    };
}

for my $name (qw(door second)) {
    my $open = sub { scalar( () = glob '/proc/' . $t->pid($name) . '/fd/*' ) };
    ok( $t->wait_for( sub { $open->() < 20 } ), "no connection is left ($name)" ) or diag $open->();
    is( $t->stop($name), 0, '… and it stops' );
}
$t->done;
