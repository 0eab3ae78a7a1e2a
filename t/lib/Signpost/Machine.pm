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

use Cwd ();
use Socket;
use Test::More ();

use constant { SIOCSIFFLAGS => 0x8914, IFF_UP => 1 };

my @folders = qw(/etc /usr/local /var);
my $inside  = 'SIGNPOST_TEST_MACHINE';    # names the namespace that it was started from

sub enter {
    my $here = readlink '/proc/self/ns/mnt';
    if ( !$ENV{$inside} ) {
        my @unshare = qw(unshare --mount --net --propagation private --);
        _skip('it needs root, for a machine of its own') if $> != 0;
        _skip('no machine of its own can be made, by unshare')
            if system "@unshare true 2>/dev/null";
        $ENV{$inside} = $here;
        exec @unshare, $^X, ( map { "-I$_" } @INC ), $0, @ARGV or die "unshare: $!";
    }
    die "still in $here" if $here eq delete $ENV{$inside};
    _lay_over();
    _bring_up('lo');
    return;
}

# Forgets all that was installed and written since enter().
sub renew {
    _run( qw(umount -l), $_ ) for @folders, '/run';
    _lay_over();
    return;
}

sub _skip {
    Test::More::plan( skip_all => $_[0] );
    exit 0;
}

sub _run {
    my (@command) = @_;
    return !system(@command) || die "@command: status $?";
}

sub _lay_over {
    _run(qw(mount -t tmpfs -o mode=755 tmpfs /run));
    mkdir '/run/lock' or die "/run/lock: $!";
    mkdir '/run/machine', 0700 or die "/run/machine: $!";
    for my $folder (@folders) {
        my $place = '/run/machine' . $folder =~ tr{/}{-}r;
        mkdir $_ or die "$_: $!" for $place, "$place/new", "$place/work";
        chmod 0755, "$place/new";
        _run( qw(mount -t overlay overlay -o),
            "lowerdir=$folder,upperdir=$place/new,workdir=$place/work", $folder );
    }
    return;
}

# An interface of a fresh network is down.
sub _bring_up {
    my ($name) = @_;
    socket my $socket, AF_INET, SOCK_DGRAM, 0 or die "socket: $!";
    my $request = pack 'a16 s x14', $name, IFF_UP;
    ioctl $socket, SIOCSIFFLAGS, $request or die "$name: $!";
    return;
}

# Installs this build, which must be one for /usr/local, and makes its user.
sub install {
    my ($t)      = @_;
    my $build    = Cwd::abs_path( $ENV{SIGNPOST_BUILD} || '.' );
    my ($prefix) = $t->slurp("$build/Makefile") =~ /^prefix = (.*)$/m;
    $t->skip_all("this build is for $prefix, not for /usr/local") if $prefix ne '/usr/local';
    for my $command (
        "make -s -C '$build' install",
        'systemd-sysusers',
        'systemd-tmpfiles --create --prefix=/run'
        )
    {
        my $run = $t->run( [ 'sh', '-c', $command ],
            env => { map { $_ => undef } qw(MAKEFLAGS MFLAGS MAKELEVEL DESTDIR) } );
        die "$command: $run->{err}" if $run->{status};
    }
    return;
}

1;
