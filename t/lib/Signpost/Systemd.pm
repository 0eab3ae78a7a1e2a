# SPDX-License-Identifier: Apache-2.0
#
# A machine on which systemd runs as PID 1: Debian 12 by debootstrap, made once and kept, with
# this build installed, in namespaces of the test's own. What is written there is gone with it.
#
#     Signpost::Systemd::enter();                  # first of all: a network of the test's own
#     my $t    = Signpost::Test->new;
#     my $host = Signpost::Systemd->boot($t);      # skips the file where it cannot be
#     $host->install;                              # make install, users, units
#     $host->write( '/etc/signpost.conf', ... );
#     $host->ok_run(qw(systemctl start signpost.socket));
#     $host->wait_for_unit( 'signpost.service', 'active' );
#     like( $host->journal('signpost.service'), ... );
#
# The test and the machine share their network, so that the test can ask the machine's web
# server. All of it ends with the test, also when that is killed.
#
# Environment: SIGNPOST_TEST_CACHE, the folder that the Debian is kept in.
package Signpost::Systemd;

use strict;
use warnings;

use Digest::MD5    qw(md5_hex);
use Fcntl          qw(:flock);
use File::Basename ();
use File::Path     ();
use Signpost::Machine;
use Test::More ();

# systemd's own, what is linked to, web servers, and what README names.
my @packages = qw(systemd systemd-sysv dbus lighttpd nginx-light logrotate spawn-fcgi multiwatch
    procps libfcgi0ldbl libconfig9 libmaxminddb0 libjansson4 libcurl4 libyaml-0-2 libssl3);

my $path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

# What Debian starts as soon as it is installed; each test starts what it wants.
my @idle = qw(lighttpd.service nginx.service apt-daily.timer apt-daily-upgrade.timer);

# Runs the test anew with a network of its own, after making the Debian if there is none: that
# takes the network of the machine.
sub enter {
    _skip('systemd runs as PID 1 for root alone') if $> != 0;
    for my $program (qw(debootstrap unshare setpriv nsenter)) {
        _skip("$program is not installed")
            if !grep { -x "$_/$program" } split( /:/, $ENV{PATH} ), qw(/usr/sbin /sbin);
    }
    _debian();
    return Signpost::Machine::seclude();
}

sub _skip {
    Test::More::plan( skip_all => $_[0] );
    exit 0;
}

# Boots the machine, after making the Debian if there is none.
sub boot {
    my ( $class, $t ) = @_;
    my $self = bless { t => $t, name => "host$$" }, $class;
    my $root = _debian();
    $t->start(
        $self->{name} => [
            $t->find('setpriv'),          '--pdeathsig',
            'KILL',                       '--',
            $t->source('t/systemd-host'), $root,
            $self->{name}
        ],
        stop  => 'KILL',
        clean => sub { _remove_cgroups( $t, $self->{name} ) }
    );
    $self->{pid} = $t->wait_for( sub { $self->_find_init } )
        or $t->skip_all( 'no systemd can be started here: ' . $t->complaints( $self->{name} ) );
    my $state = sub { $self->run( [qw(systemctl is-system-running)] )->{out} };
    $t->wait_for( sub { $state->() =~ /^(?:running|degraded)$/ }, 60 )
        or die 'systemd does not come up: it is ' . $state->();
    return $self;
}

# PID 1, seen from outside, once it is systemd.
sub _find_init {
    my ($self) = @_;
    my $t      = $self->{t};
    my $parent = $t->pid( $self->{name} );
    return if !$t->is_running( $self->{name} );
    my ($pid) = $t->slurp("/proc/$parent/task/$parent/children") =~ /(\d+)/ or return;
    return $t->slurp("/proc/$pid/comm") eq "systemd\n" ? $pid : undef;
}

# The folder with the Debian. Only one test makes it; others wait.
sub _debian {
    my $cache = $ENV{SIGNPOST_TEST_CACHE} || ( getpwuid $> )[7] . '/.cache/signpost-tests';
    my $root  = "$cache/debian-12-" . substr md5_hex("@packages"), 0, 8;
    return $root if -d $root;
    File::Path::make_path($cache);
    open my $lock, '>>', "$root.lock" or die "$root.lock: $!";
    flock $lock, LOCK_EX or die "$root.lock: $!";
    _make_debian($root) if !-d $root;
    return $root;
}

sub _make_debian {
    my ($root) = @_;
    my $make = File::Basename::dirname(__FILE__) . '/../../debian-root';
    Test::More::note("$root is made, once; that takes some minutes");
    File::Path::remove_tree("$root.new");
    my $said = qx{"$make" "$root.new" @packages};
    _skip( 'debootstrap could not make a Debian: ' . substr $said, -300 ) if $?;
    unlink glob "$root.new/etc/systemd/system/*.wants/$_" for @idle;
    rename "$root.new", $root or die "$root: $!";
    return;
}

# What systemd has made below the machine's cgroup outlives it. Its processes may take a moment
# to end.
sub _remove_cgroups {
    my ( $t, $name ) = @_;
    my ($hierarchy) = map { / - cgroup2 / ? ( split ' ' )[4] : () } split /^/,
        $t->slurp('/proc/self/mountinfo');
    return if !$hierarchy;
    my $remove = qq{find "\$1" -depth -type d -path "*/signpost-test-$name*" }
        . q{-exec rmdir {} \; 2>/dev/null; };
    my $left = qq{find "\$1" -type d -name "signpost-test-$name"};
    $t->wait_for( sub { `set -- '$hierarchy'; $remove $left` eq '' } );
    return;
}

# ---- inside ----

sub pid { return $_[0]{pid} }

# Where the test finds a file of the machine.
sub path { return "/proc/$_[0]{pid}/root$_[1]" }

sub _inside {
    my ( $self, @command ) = @_;
    my @enter = ( $self->{t}->find('nsenter'), '-t', $self->{pid}, qw(-m -p -u -i -C --) );
    return [ @enter, '/usr/bin/env', '-i', "PATH=$path", 'LC_ALL=C.UTF-8', @command ];
}

# Runs a program there to its end, as Signpost::Test's run: { status, out, err }.
sub run {
    my ( $self, $command, %option ) = @_;
    return $self->{t}->run( $self->_inside(@$command), %option );
}

# The same for one that must succeed; returns what it printed.
sub ok_run {
    my ( $self, @command ) = @_;
    my $run = $self->run( \@command );
    return $run->{out} if $run->{status} == 0;
    die "@command: status $run->{status}: $run->{err}$run->{out}";
}

# Starts a program there that goes on, as Signpost::Test's start.
sub start {
    my ( $self, $name, $command, %option ) = @_;
    return $self->{t}->start( $name, $self->_inside(@$command), %option );
}

# ---- files ----

sub read { return $_[0]{t}->slurp( $_[0]->path( $_[1] ) ) }

# In one step, as careful editors do.
sub write {
    my ( $self, $file, $text, $mode ) = @_;
    my $at = $self->path($file);
    $self->{t}->file( "$at.new", $text =~ s/\@/\@AT\@/gr, AT => '@' );
    chmod $mode, "$at.new" or die "$file: $!" if defined $mode;
    rename "$at.new", $at or die "$file: $!";
    return $file;
}

sub remove {
    my ( $self, @files ) = @_;
    $self->ok_run( 'rm', '-rf', '--', @files );
    return;
}

# Copies a file or a folder of the test's into the machine.
sub copy {
    my ( $self, $from, $to ) = @_;
    File::Path::make_path( File::Basename::dirname( $self->path($to) ) );
    my $run = $self->{t}->run( [ 'cp', '-a', '--no-preserve=ownership', $from, $self->path($to) ] );
    return $run->{status} ? die "$to: $run->{err}" : $to;
}

# Installs this build, which must be one for /usr/local, as README says.
sub install {
    my ($self)   = @_;
    my $t        = $self->{t};
    my ($prefix) = $t->slurp( $t->built('Makefile') ) =~ /^prefix = (.*)$/m;
    $t->skip_all("this build is for $prefix, not for /usr/local") if $prefix ne '/usr/local';
    my %none = map { $_ => undef } qw(MAKEFLAGS MFLAGS MAKELEVEL DESTDIR);
    my $run  = $t->run( [ qw(make -s -C), $t->built(''), 'install', 'DESTDIR=' . $self->path('') ],
        env => \%none );
    die "make install: $run->{err}" if $run->{status};
    $run = $self->run( [qw(/usr/local/bin/signpost --version)] );
    $t->skip_all("this build does not run on a Debian 12: $run->{err}") if $run->{status};
    $self->ok_run('systemd-sysusers');
    $self->ok_run(qw(systemctl daemon-reload));
    return;
}

# ---- units ----

sub systemctl {
    my ( $self, @arguments ) = @_;
    return $self->run( [ 'systemctl', '--no-pager', @arguments ] );
}

# What `systemctl show` says of one property.
sub property {
    my ( $self, $unit, $name ) = @_;
    my $value = $self->ok_run( qw(systemctl show --value -p), $name, $unit );
    chomp $value;
    return $value;
}

# Waits until a unit is in a state ("active", "failed" …), perhaps with a word of its own
# behind a slash ("active/listening"); false if it has not come to that in time.
sub wait_for_unit {
    my ( $self, $unit, $state, $seconds ) = @_;
    my $is = sub {
        my $now = join '/', map { $self->property( $unit, $_ ) } qw(ActiveState SubState);
        return $now eq $state || $now =~ m{^\Q$state\E/};
    };
    return $self->{t}->wait_for( $is, $seconds );
}

# The sentences that a unit (default: all) has written to the journal, a line each.
sub journal {
    my ( $self, $unit ) = @_;
    $self->ok_run(qw(journalctl --sync));
    return $self->ok_run( qw(journalctl --no-pager -q -o cat), $unit ? ( '-u', $unit ) : () );
}

# Ends the machine at once, as a power cut does.
sub stop {
    my ($self) = @_;
    return $self->{t}->stop( $self->{name} );
}

1;
