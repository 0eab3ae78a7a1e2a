# SPDX-License-Identifier: Apache-2.0
#
# A folder on a disk that fails, or whose machine loses its power, as t/faulty-disk.c does it:
#
#     my $disk = Signpost::FaultyDisk->new( $t, $folder );    # one for each process that is tried
#     $disk->plan( $fault, $first, $last );    # at these of the calls that change something
#     my $run = $disk->run(@command);          # { status, err }
#     $disk->calls; $disk->hits; $disk->last;  # how many there were, and failed; the last of those
#     local %ENV = ( %ENV, $disk->environment );    # for a process that stays
package Signpost::FaultyDisk;

use strict;
use warnings;

use Errno ();
use POSIX ();

my %fault = (
    ( map { $_ => Errno->can($_)->() } qw(ENOSPC EIO EDQUOT EROFS EINTR) ),
    kill         => 1000,
    'lose names' => 1001,
    'lose bytes' => 1002,
    'lose both'  => 1003,
    short        => 1004,
    full         => 1005,    # half of a write, and then ENOSPC
);
my $size = 5 * 8 + 2 * 1024;

# Skips the test where calls cannot be caught.
sub new {
    my ( $class, $t, $folder ) = @_;
    my $shim = $t->folder . '/faulty-disk.so';
    if ( !-e $shim ) {
        $t->need('cc');
        my $built =
            $t->run( [ qw(cc -shared -fPIC -O1 -o), $shim, $t->source('t/faulty-disk.c') ] );
        $t->skip_all('system calls cannot be caught on this machine')
            if $built->{err} =~ /#error|seccomp\.h/;
        die $built->{err} if $built->{status};
    }
    my $number = ++$t->{disks};
    my $self   = bless {
        t      => $t,
        folder => $folder,
        shim   => $shim,
        plan   => $t->folder . "/disk.$$.$number"
    }, $class;
    $self->plan;
    $t->skip_all('system calls cannot be caught here') if $self->run('/bin/true')->{status} == 125;
    return $self;
}

# Without a fault: none.
sub plan {
    my ( $self, $fault, $first, $last ) = @_;
    my $number = $fault ? $fault{$fault} // die "no fault $fault" : 0;
    my $plan   = pack 'q5', $fault ? $first : 0, $number, $last // $first // 0, 0, 0;
    my $mode   = -e $self->{plan} ? '+<' : '>';    # as it is mapped, it must not be cut
    open my $file, "$mode:raw", $self->{plan} or die "$self->{plan}: $!";
    syswrite $file, $plan . "\0" x ( $size - length $plan );
    return;
}

sub _get { return ( unpack 'q5 Z1024 Z1024', $_[0]{t}->slurp( $_[0]{plan} ) )[ $_[1] ] }

sub calls { return $_[0]->_get(3) }
sub hits  { return $_[0]->_get(4) }
sub last  { return $_[0]->_get(5) }
sub kinds { return $_[0]->_get(6) }    # "owfcr": open, write, fsync, close, rename

sub environment {
    my ($self) = @_;
    return (
        LD_PRELOAD         => $self->{shim},
        FAULTY_DISK        => $self->{plan},
        FAULTY_DISK_FOLDER => $self->{folder},
        ASAN_OPTIONS       =>
            join( ':', $ENV{ASAN_OPTIONS} || (), qw(verify_asan_link_order=0 detect_leaks=0) ),
    );
}

# Runs a command to its end, on this disk unless sound; its standard output is a file of that name.
sub run {
    my ( $self, @command ) = @_;
    my %how = ref $command[0] ? %{ shift @command } : ();
    my $out = "$self->{plan}.err";
    my $pid = fork // die "fork: $!";
    if ( !$pid ) {
        open STDERR, '>', $out or POSIX::_exit(126);
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', $how{out} // '/dev/null' or POSIX::_exit(126);
        my %env = $how{sound} ? () : $self->environment;
        @ENV{ keys %env } = values %env;
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    local $SIG{ALRM} = sub { kill 'KILL', $pid; die "@command does not end\n" };
    my $left = alarm 60;
    waitpid $pid, 0;
    alarm $left;
    my $status = $? & 127 ? 128 + ( $? & 127 ) : $? >> 8;
    return { status => $status, err => $self->{t}->slurp($out) };
}

1;
