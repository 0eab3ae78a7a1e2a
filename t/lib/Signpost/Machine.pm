# SPDX-License-Identifier: Apache-2.0
#
# A machine of the test's own, on which all is installed and set up as on a user's: what
# is written to /etc, /usr/local, /var and /run is seen by this test alone and gone with
# it, and so is the network, where every port is free. Before anything else:
#
#     Signpost::Machine::enter();      # runs the test anew, inside
#     my $t = Signpost::Test->new;
#     Signpost::Machine::install($t);  # make install
#
# Where this cannot be (it takes root and Linux' namespaces), the test is skipped.
package Signpost::Machine;

use strict;
use warnings;

use Cwd        ();
use File::Path ();
use Socket;
use Test::More ();

use constant { SIOCSIFFLAGS => 0x8914, SIOCSIFADDR => 0x8916, IFF_UP => 1 };

my @folders = grep { -d } qw(/etc /usr/local /usr/lib/cgi-bin /var);
my $layers  = '/mnt';                       # where what is written to them goes
my ( $top, @kept ) = (0);                   # numbers of the layer in use, and of those below
my $inside    = 'SIGNPOST_TEST_MACHINE';    # names the namespace that it was started from
my $elsewhere = '192.0.2.7';

sub enter {
    _skip('it needs root, for a machine of its own') if $> != 0;
    _skip('no machine of its own can be made, by unshare')
        if !$ENV{$inside} && system "unshare --mount mount -t tmpfs tmpfs $layers 2>/dev/null";
    seclude('--mount');
    _run( qw(mount -t tmpfs -o mode=755 tmpfs), $layers );
    _lay_over();
    _bring_up( 'lo:1', $elsewhere );
    return;
}

# Runs the test anew with a network of its own, where every port is free, and with what else
# unshare is told.
sub seclude {
    my (@namespaces) = @_;
    my $here = readlink '/proc/self/ns/net';
    if ( !$ENV{$inside} ) {
        my @unshare = ( qw(unshare --net), @namespaces, '--' );
        _skip('no network of its own can be made, by unshare')
            if system "@unshare true 2>/dev/null";
        $ENV{$inside} = $here;
        exec @unshare, $^X, ( map { "-I$_" } @INC ), $0, @ARGV or die "unshare: $!";
    }
    die "still in $here" if $here eq delete $ENV{$inside};
    _bring_up( 'lo', '127.0.0.1' );
    return;
}

# An address of this machine that is no loopback address: who comes from there is a stranger.
sub elsewhere { return $elsewhere }

# Installs this build, which must be one for /usr/local, and makes its user. This stays.
sub install {
    my ($t)      = @_;
    my $build    = Cwd::abs_path( $ENV{SIGNPOST_BUILD} || '.' );
    my ($prefix) = $t->slurp("$build/Makefile") =~ /^prefix = (.*)$/m;
    $t->skip_all("this build is for $prefix, not for /usr/local") if $prefix ne '/usr/local';
    my %none = map { $_ => undef } qw(MAKEFLAGS MFLAGS MAKELEVEL DESTDIR);
    for my $command ( [ qw(make -s -C), $build, 'install' ], ['systemd-sysusers'] ) {
        my $run = $t->run( $command, env => \%none );
        die "@$command: $run->{err}" if $run->{status};
    }
    push @kept, $top;
    renew();
    return;
}

# Forgets all that was written since install().
sub renew {
    _run( qw(umount -l), $_ ) for @folders, '/run';
    $top++;
    _lay_over();
    return;
}

sub _lay_over {
    _run(qw(mount -t tmpfs -o mode=755 tmpfs /run));
    for my $folder (@folders) {
        my ( $new, $work ) = map { "$layers$folder/$top/$_" } qw(new work);
        File::Path::make_path( $new, $work );
        my $below = join ':', ( map { "$layers$folder/$_/new" } reverse @kept ), $folder;
        _run( qw(mount -t overlay overlay -o),
            "lowerdir=$below,upperdir=$new,workdir=$work", $folder );
    }
    mkdir '/run/lock' or die "/run/lock: $!";
    _run(qw(systemd-tmpfiles --create --prefix=/run));    # servers' folders
    return;
}

sub _bring_up {
    my ( $name, $address ) = @_;
    socket my $socket, AF_INET, SOCK_DGRAM, 0 or die "socket: $!";
    my $given = pack 'a16 a16', $name, pack_sockaddr_in( 0, inet_aton($address) );
    ioctl $socket, SIOCSIFADDR, $given or die "$name $address: $!";
    my $up = pack 'a16 s x14', $name, IFF_UP;
    ioctl $socket, SIOCSIFFLAGS, $up or die "$name: $!";
    return;
}

sub _run {
    my (@command) = @_;
    return !system(@command) || die "@command: status $?";
}

sub _skip {
    Test::More::plan( skip_all => $_[0] );
    exit 0;
}

1;
