# SPDX-License-Identifier: Apache-2.0
#
# Network namespaces of a test's own: one for the test, and others that reach it, each as a
# machine of its own would. First of all:
#
#     Signpost::Machine::seclude();                   # the test's own; takes root
#     my $here  = Signpost::Netns::here();            # the test's address, for all of them
#     my $there = Signpost::Netns->new( $t, 'fr' );   # skips where the kernel cannot
#     $there->address                                 # its own, as the test sees it
#     $there->inside( sub { ... } );                  # what is started there, runs there
#
# Two namespaces are joined by a TUN device in each and a process that hands on packets, since
# not every kernel has veth.
package Signpost::Netns;

use strict;
use warnings;

use POSIX ();

use constant {
    CLONE_NEWNET => 0x40000000,
    IFF_TUN      => 1,
    IFF_NO_PI    => 0x1000,
    TUNSETIFF    => 0x400454ca
};

my %number =
    ( x86_64 => { unshare => 272, setns => 308 }, aarch64 => { unshare => 97, setns => 268 } );

# Clients follow no redirect to a private address. To a private one they speak HTTP, as it is.
my $here  = '192.0.2.1';
my $count = 0;

sub here { return $here }

sub _call {
    my ( $name, @arguments ) = @_;
    syscall( $number{ ( POSIX::uname() )[4] }{$name}, @arguments ) == 0 or die "$name: $!";
    return;
}

sub _present {
    open my $file, '<', '/proc/self/ns/net' or die "/proc/self/ns/net: $!";
    return $file;
}

sub _ip {
    for my $command (@_) {
        system("ip $command") == 0 or die "ip $command: status $?";
    }
    return;
}

sub new {
    my ( $class, $t, $name ) = @_;
    $t->need('ip');
    $t->skip_all('there is no /dev/net/tun') if !-e '/dev/net/tun';
    $t->skip_all('the numbers of system calls are not known here')
        if !$number{ ( POSIX::uname() )[4] };
    _ip("addr add $here/32 dev lo") if !$count++;
    my ( $near, $far ) = map { "10.79.$count.$_" } 1, 2;
    my $self = bless { address => $far }, $class;
    my $old  = _present();
    _call( unshare => CLONE_NEWNET );
    $self->{namespace} = _present();
    _call( setns => fileno $old, CLONE_NEWNET );
    my @ends = ( _tun( $name, $near ) );
    $self->inside(
        sub {
            _ip('link set lo up');
            push @ends, _tun( 'eth0', $self->{address} );
            _ip("route add default via $near");
        }
    );
    my $lib = $INC{'Signpost/Netns.pm'} =~ s{/Signpost/Netns\.pm$}{}r;
    $t->start(
        "$name-line",
        [
            $^X, "-I$lib", '-MSignpost::Netns', '-e',
            'Signpost::Netns::_hand_on(@ARGV)',
            map { fileno $_ } @ends
        ]
    );
    return $self;
}

sub address { return $_[0]{address} }

# Runs code in the namespace, and returns what that returns.
sub inside {
    my ( $self, $code ) = @_;
    my $old = _present();
    _call( setns => fileno $self->{namespace}, CLONE_NEWNET );
    my @all  = eval { $code->() };
    my $died = $@;
    _call( setns => fileno $old, CLONE_NEWNET );
    die $died if $died;
    return wantarray ? @all : $all[0];
}

# A device with an address, as a file of its packets.
sub _tun {
    my ( $name, $address ) = @_;
    local $^F = 1023;    # the relay inherits it
    open my $tun, '+<:raw', '/dev/net/tun' or die "/dev/net/tun: $!";
    ioctl $tun, TUNSETIFF, pack 'a16sx22', $name, IFF_TUN | IFF_NO_PI or die "TUNSETIFF: $!";
    _ip( "addr add $address/30 dev $name", "link set $name up" );
    return $tun;
}

sub _hand_on {
    my (@fd) = @_;
    my @end = map { open my $end, '+<&=:raw', $_ or die "$_: $!"; $end } @fd;
    while (1) {
        my $ready = '';
        vec( $ready, $_, 1 ) = 1 for @fd;
        next if select( $ready, undef, undef, undef ) <= 0;
        for my $i ( 0, 1 ) {
            next if !vec( $ready, $fd[$i], 1 ) || !sysread $end[$i], my $packet, 65536;
            syswrite $end[ 1 - $i ], $packet;
        }
    }
    return;
}

1;
