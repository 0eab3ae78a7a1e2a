# SPDX-License-Identifier: Apache-2.0
#
# Slow lines to servers of this machine, in a network namespace of the test's own.
#
#     Signpost::Delays::enter();                           # first of all: starts the test anew
#     my $address = Signpost::Delays::line( $t, 100 );     # a round trip there takes 100 ms
#     my $door    = Signpost::Delays::door( $t, $address, $registry, $bucket );
#     my ( $answers, $held_up ) =
#         Signpost::Delays::pace( { rate => 200 }, [ $door->{socket}, @paths ] );
#
# A line is a TUN device whose other end holds back each packet for half of the time
# and returns it with its addresses exchanged, so that the kernel talks to itself: any
# server that listens on all addresses is there, handshakes take their time as well,
# and nothing is lost. (netem would do the same, where the kernel has it.)
package Signpost::Delays;

use strict;
use warnings;

use IO::Select;
use Signpost::FastCGI qw(request variables);
use Signpost::Prober;
use Signpost::Servers qw(signpost);
use Time::HiRes       qw(time sleep);

use constant { IFF_TUN => 1, IFF_NO_PI => 0x1000, TUNSETIFF => 0x400454ca };

# Every kernel has Reno, and any namespace may choose it; nothing is lost here, so it is as good
# as others. The host's may be BBR, which every ten seconds holds a busy connection back for
# 0.2 s, to measure.
my $congestion = '/proc/sys/net/ipv4/tcp_congestion_control';

# Continues in a namespace of its own. Why that is impossible here, as a sentence's
# beginning; an empty string if it is done.
sub enter {
    return ''                         if $ENV{SIGNPOST_DELAYS};
    return 'there is no /dev/net/tun' if !-e '/dev/net/tun';
    my @unshare = ( 'unshare', $> == 0 ? '-n' : '-rn' );
    my $try     = 'ip link set lo up && ip tuntap add dev try mode tun';
    return 'network namespaces with TUN devices are not allowed here'
        if system( @unshare, 'sh', '-c', "( $try ) >/dev/null 2>&1" ) != 0;
    local $ENV{SIGNPOST_DELAYS} = 1;
    my @again = ( $^X, ( map { "-I$_" } @INC ), $0, @ARGV );
    my $setup = "ip link set lo up; { echo reno >$congestion; } 2>/dev/null";
    exec @unshare, 'sh', '-c', "$setup; exec \"\$@\"", 'sh', @again
        or return "unshare does not run: $!";
}

sub congestion_control {
    open my $file, '<', $congestion or return 'unknown';
    return <$file> =~ s/\s+//r;
}

# A line on which a round trip takes so many ms; returns the address of its far end.
sub line {
    my ( $t, $ms ) = @_;
    my $net = '10.77.' . ( ++$t->{lines} );
    my $lib = $INC{'Signpost/Delays.pm'} =~ s{/Signpost/Delays\.pm$}{}r;
    $t->start(
        "line$ms",
        [
            $^X,       "-I$lib", '-MSignpost::Delays', '-e', 'Signpost::Delays::hold_back(@ARGV)',
            "line$ms", "$net.1/24", $ms / 2000
        ]
    );
    $t->wait_for( sub { $t->slurp("line$ms.out") =~ /^ready/ } )
        or die "line$ms does not start: " . $t->complaints("line$ms");
    return "$net.2";
}

sub hold_back {
    my ( $name, $address, $seconds ) = @_;
    $| = 1;
    open my $tun, '+<:raw', '/dev/net/tun' or die "/dev/net/tun: $!";
    ioctl $tun, TUNSETIFF, pack 'a16sx22', $name, IFF_TUN | IFF_NO_PI or die "TUNSETIFF: $!";
    system("ip addr add $address dev $name && ip link set $name up txqueuelen 10000") == 0
        or die "$name cannot be set up";
    print "ready\n";
    my @held;
    while (1) {
        my $wait = @held ? $held[0][0] - time : undef;
        $wait = 0 if defined $wait && $wait < 0;
        vec( my $ready = '', fileno $tun, 1 ) = 1;
        if ( select( $ready, undef, undef, $wait ) > 0 && sysread $tun, my $packet, 65536 ) {
            next if ord($packet) >> 4 != 4;        # not IPv4
            my ( $from, $to ) = unpack 'x12 a4 a4', $packet;
            substr $packet, 12, 8, $to . $from;    # the checksums stay right
            push @held, [ time + $seconds, $packet ];
        }
        syswrite $tun, ( shift @held )->[1] while @held && $held[0][0] <= time;
    }
    return;
}

# A front door that knows nothing yet, to a registry, which is canonical as well, and a
# bucket, both at the end of a line. Returns { socket, prober }.
sub door {
    my ( $t, $address, $registry, $bucket, $more ) = @_;
    $more //= '';
    my $name  = 'door' . ++$t->{doors};
    my $state = $t->dir("$name.state");
    chmod 0755, $state;
    my $conf = <<"EOT";
name      = "registry.example.org";
upstreams = { regional = { url = "http://$address:${\ $registry->port }"; serves = [ "EU" ]; };
              central  = { url = "http://$address:${\ $registry->port }/"; prefix = "central"; }; };
buckets   = ( { name = "cdn"; serves = [ "*" ]; url = "${\ $bucket->url($address) }"; } );
canonical = [ "central" ];
probe_rate = 100000; probe_burst = 100000;
state     = "$state";
prober    = "service";
$more
EOT
    my $file   = $t->file( "$name.prober", $conf );
    my $prober = Signpost::Prober->start( $t, "$name-prober", $file, $state );
    return { socket => signpost( $t, $name, conf => $conf ), prober => $prober };
}

# Sends requests to responders, each a socket and paths: to each of them at most so many a
# second, and so many at once (default 100). Returns a list for each responder, [ location,
# seconds ] in the order of its paths, and after them the longest time that this process
# itself was held up.
sub pace {
    my ( $limit, @jobs ) = @_;
    my $select = IO::Select->new;
    my @all    = map { { socket => $_->[0], next => 1, paths => $_, busy => 0, idle => [] } } @jobs;
    my %busy;
    my ( $begin, $held_up ) = ( time, 0 );
    while ( %busy || grep { $_->{next} < @{ $_->{paths} } } @all ) {
        my $due = 1 + ( time - $begin ) * $limit->{rate};
        for my $job (@all) {
            while ($job->{next} < @{ $job->{paths} }
                && $job->{next} <= $due
                && $job->{busy} < ( $limit->{most} // 100 ) )
            {
                my $c = _send( $job, $job->{paths}[ $job->{next} ] );
                $busy{ $c->handle } = [ $c, $job, $job->{next}++ - 1, time ];
                $select->add( $c->handle );
            }
        }
        my $before = time;
        my @ready  = $select->can_read( 1 / $limit->{rate} );
        my $late   = time - $before - 1 / $limit->{rate};
        $held_up = $late if $late > $held_up;
        for my $handle (@ready) {
            my ( $c, $job, $number, $since ) = @{ delete $busy{$handle} };
            my $answer = $c->answer // die 'a request has no answer';
            $select->remove($handle);
            push @{ $job->{idle} }, $c;
            $job->{busy}--;
            $job->{answers}[$number] = [ $answer->{location} // '', time - $since ];
        }
    }
    return ( ( map { $_->{answers} } @all ), $held_up );
}

# On a connection that is idle, or a new one.
sub _send {
    my ( $job, $path ) = @_;
    my $c = pop @{ $job->{idle} } // Signpost::FastCGI->new( $job->{socket} )
        // die "$job->{socket}: $!";
    $c->send( request( variables( $path, HTTP_X_CLIENT_REGION => 'EU' ), keep => 1 ) );
    $job->{busy}++;
    return $c;
}

1;
