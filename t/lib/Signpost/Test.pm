# SPDX-License-Identifier: Apache-2.0
#
# The end-to-end tests' ground: a temporary folder, free ports, processes that are
# started, waited for and stopped, and what is asserted of all of them at the end.
#
#     my $t = Signpost::Test->new;
#     $t->need(qw(lighttpd skopeo));       # skips the whole file with a sentence
#     my $p = $t->start( lighttpd => [ 'lighttpd', '-D', '-f', $t->file( ... ) ] );
#     ...
#     $t->done;                            # in place of done_testing
#
# Environment: SIGNPOST_BUILD, the build folder ('.'); SIGNPOST_SRC, the source folder (this one);
# SIGNPOST_TEST_KEEP, to keep the folder; SIGNPOST_TEST_TIMEOUT, seconds for a file;
# SIGNPOST_CLIENTS, a folder with registry clients (see t/install-clients).
package Signpost::Test;

use strict;
use warnings;

use Cwd            ();
use Errno          qw(ESRCH);
use File::Basename ();
use File::Copy     ();
use File::Path     ();
use File::Temp     ();
use IO::Socket::INET;
use POSIX ();
use Socket;
use Test::More  ();
use Time::HiRes qw(time sleep);

my %alive;    # tests that have not been closed yet, by folder

our $stop_within = 15;    # seconds from a signal to the end of a process

# What no process may ever print.
my $alarming = qr/AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer
    |[ ]runtime[ ]error:|Assertion[ ].*failed|stack[ ]smashing[ ]detected/x;

# A test with a folder of its own. Stops everything it started, whatever happens.
sub new {
    my ($class) = @_;
    my $folder = File::Temp::tempdir( 'signpost-XXXXXX', TMPDIR => 1 );
    chmod 0755, $folder or die "chmod $folder: $!";
    my $self = bless {
        folder  => Cwd::abs_path($folder),
        owner   => $$,
        process => {},
        order   => [],
        lock    => [],
        build   => Cwd::abs_path( $ENV{SIGNPOST_BUILD} || '.' ),
        source  => Cwd::abs_path( $ENV{SIGNPOST_SRC}   || _source() ),
    }, $class;
    $alive{ $self->{folder} } = $self;
    $ENV{HOME} = $self->{folder};
    delete @ENV{ grep { /^SIGNPOST_(?:CONF|REGION)$|^(?:https?|no)_proxy$/i } keys %ENV };
    my $limit = $ENV{SIGNPOST_TEST_TIMEOUT} || 300;
    $SIG{ALRM} = sub { Test::More::BAIL_OUT("$0 has not ended within $limit seconds") };
    $SIG{$_} = sub { exit 1 }

        for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';
    alarm $limit;
    return $self;
}

# The folder above t/lib/Signpost.
sub _source { return File::Basename::dirname(__FILE__) . '/../../..' }

sub folder { return $_[0]{folder} }
sub source { return "$_[0]{source}/$_[1]" }
sub built  { return "$_[0]{build}/$_[1]" }

# The program under test: signpost or signpost.fcgi, as built.
sub program {
    my ( $self, $name ) = @_;
    my $path = $name =~ /\.fcgi\z/ ? "$self->{build}/fcgi/$name" : "$self->{build}/src/$name";
    return -x $path ? $path : die "$path is not there: run make first, or set SIGNPOST_BUILD\n";
}

# Where an installed program is, or undef. Servers live in sbin, which an
# ordinary user's PATH lacks; clients may live in SIGNPOST_CLIENTS.
sub find {
    my ( $self, $name ) = @_;
    my @path = (
        $ENV{SIGNPOST_CLIENTS} || (),
        split( /:/, $ENV{PATH} ),
        '/usr/local/sbin', '/usr/sbin', '/sbin'
    );
    for my $candidate ( map { "$_/$name" } @path ) {
        return $candidate if -f $candidate && -x _;
    }
    return undef;
}

# Skips the file, or the subtest, unless all these programs are installed.
sub need {
    my ( $self, @names ) = @_;
    for my $name (@names) {
        $self->skip_all("$name is not installed") if !$self->find($name);
    }
    return $self;
}

sub skip_all {
    my ( $self, $why ) = @_;
    $self->clear if !Test::More->builder->parent;
    Test::More::plan( skip_all => $why );
}

# A folder inside the test's own, made if it is not there.
sub dir {
    my ( $self, $name ) = @_;
    my $path = "$self->{folder}/$name";
    File::Path::make_path($path);
    return $path;
}

# Writes a file and returns its path. @NAME@ in the text stands for a value of
# the hash, @DIR@ for the test's folder.
sub file {
    my ( $self, $name, $text, %value ) = @_;
    my $path = $name =~ m{^/} ? $name : "$self->{folder}/$name";
    $value{DIR} = $self->{folder};
    $text =~ s/\@([A-Z][A-Z0-9_]*)\@/$value{$1} \/\/ die "$name: no value for $1"/ge;
    File::Path::make_path( File::Basename::dirname($path) );
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    return $path;
}

# The contents of a file, '' if it is not there.
sub slurp {
    my ( $self, $path ) = @_;
    $path = "$self->{folder}/$path" if $path !~ m{^/};
    open my $file, '<:raw', $path or return '';
    local $/ = undef;
    return scalar <$file> // '';
}

# A copy of a program inside the folder, where a web server's user can run it.
sub install {
    my ( $self, $from, $name ) = @_;
    my $path = "$self->{folder}/$name";
    File::Path::make_path( File::Basename::dirname($path) );
    File::Copy::copy( $from, $path ) or die "$path: $!";
    chmod 0755, $path or die "$path: $!";
    return $path;
}

# A port of 127.0.0.1 that nobody listens on, kept for this test by a UDP socket
# of the same number. Below the range that outgoing connections are given.
sub port {
    my ($self) = @_;
    for ( 1 .. 1000 ) {
        my $port = 20000 + int rand 12000;
        my %at   = ( LocalAddr => '127.0.0.1', LocalPort => $port );
        my $lock = IO::Socket::INET->new( %at, Proto => 'udp' ) or next;
        my $tcp = IO::Socket::INET->new( %at, Proto => 'tcp', Listen => 1, ReuseAddr => 1 ) or next;
        close $tcp;
        push @{ $self->{lock} }, $lock;
        return $port;
    }
    die 'no free port on 127.0.0.1';
}

# Calls the code until it returns something true, which is returned; false if
# that takes longer than so many seconds (default 10, more under sanitizers).
sub wait_for {
    my ( $self, $code, $seconds ) = @_;
    my $end   = time + ( $seconds || 10 );
    my $pause = 0.002;
    while (1) {
        my $found = $code->();
        return $found if $found;
        return        if time > $end;
        sleep $pause;
        $pause *= 1.5 if $pause < 0.1;
    }
}

sub wait_for_port {
    my ( $self, $name, $port ) = @_;
    my $up = $self->wait_for(
        sub {
            die "$name ended early:\n" . $self->complaints($name) if !$self->is_running($name);
            return IO::Socket::INET->new( PeerAddr => '127.0.0.1', PeerPort => $port );
        }
    );
    return $up ? 1 : die "$name does not listen on port $port:\n" . $self->complaints($name);
}

# Starts a program in a process group of its own; its output goes to NAME.out and
# NAME.err in the folder. Options: stdin and stderr, file handles in their place; env, a
# hash of variables to set (undef: unset); only_env, the whole environment; stop, the signal
# that ends it (default TERM); clean, what to do once it has ended.
sub start {
    my ( $self, $name, $command, %option ) = @_;
    die "$name is running already" if $self->is_running($name);
    my $pid = $self->_spawn( $command, "$self->{folder}/$name", %option );
    $self->{process}{$name} =
        { pid => $pid, command => $command, stop => $option{stop}, clean => $option{clean} };
    push @{ $self->{order} }, $name;
    return $pid;
}

sub _spawn {
    my ( $self, $command, $log, %option ) = @_;
    my ( $read, $write ) = _pipe();
    my $pid = fork // die "fork: $!";
    if ( !$pid ) {
        setpgrp 0, 0;
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE ALRM);
        eval { _become( $command, $log, %option ) };
        syswrite $write, $@ || "exec $command->[0]: $!";
        POSIX::_exit(127);
    }
    close $write;
    my $error = do { local $/ = undef; <$read> };
    if ( defined $error && length $error ) {
        waitpid $pid, 0;
        die $error;
    }
    return $pid;
}

# Both ends are closed on exec, which is how the parent learns that it worked.
sub _pipe {
    pipe my $read, my $write or die "pipe: $!";
    return ( $read, $write );
}

sub _become {
    my ( $command, $log, %option ) = @_;
    my $in = $option{stdin};
    if ( !$in ) {
        open $in, '<', '/dev/null' or die "/dev/null: $!";
    }
    POSIX::dup2( fileno $in, 0 ) // die "dup2: $!";
    for my $fd ( 1, 2 ) {
        my $file = POSIX::open( $log . ( $fd == 1 ? '.out' : '.err' ),
            POSIX::O_WRONLY | POSIX::O_CREAT | POSIX::O_APPEND, 0644 ) // die "$log: $!";
        POSIX::dup2( $file, $fd ) // die "dup2: $!";
        POSIX::close($file);
    }
    if ( $option{stderr} ) {
        POSIX::dup2( fileno $option{stderr}, 2 ) // die "dup2: $!";
    }
    my %env = ( %ENV, %{ $option{env} || {} } );
    %env = %{ $option{only_env} } if $option{only_env};
    delete @env{ grep { !defined $env{$_} } keys %env };
    local %ENV = %env;
    exec { $command->[0] } @$command;
    die "exec $command->[0]: $!\n";
}

sub pid { return $_[0]{process}{ $_[1] } && $_[0]{process}{ $_[1] }{pid} }

# Sends a signal to a process that was started under this name.
sub signal {
    my ( $self, $name, $signal ) = @_;
    return kill $signal, $self->pid($name);
}

sub is_running {
    my ( $self, $name ) = @_;
    my $process = $self->{process}{$name} or return 0;
    return 0 if defined $process->{status};
    my $gone = waitpid $process->{pid}, POSIX::WNOHANG;
    $process->{status} = $? if $gone == $process->{pid};
    return !defined $process->{status};
}

# Waits until a process has ended by itself; its wait status, undef if it has not.
sub wait_end {
    my ( $self, $name, $seconds ) = @_;
    $self->wait_for( sub { !$self->is_running($name) }, $seconds );
    return $self->{process}{$name}{status};
}

# Stops a process and its whole group, and returns its wait status. What had to
# be killed is remembered, and is a failure at the end.
sub stop {
    my ( $self, $name, $signal ) = @_;
    my $process = $self->{process}{$name} or return;
    my $pid     = $process->{pid};
    kill $signal || $process->{stop} || 'TERM', $pid if $self->is_running($name);
    my $end =
        $self->wait_for( sub { !$self->is_running($name) && !_group_lives($pid) }, $stop_within );
    if ( !$end ) {
        push @{ $self->{lingering} }, "$name (@{ $process->{command} })";
        kill 'KILL', -$pid;
        $self->wait_for( sub { !$self->is_running($name) } );
    }
    $process->{clean}->() if $process->{clean};
    delete $self->{process}{$name};
    $self->{order} = [ grep { $_ ne $name } @{ $self->{order} } ];
    return $process->{status};
}

sub _group_lives {
    my ($group) = @_;
    return kill( 0, -$group ) || $! != ESRCH;
}

# Runs a program to its end: { status, out, err }, status as a shell has it.
# Options as of start, and seconds, after which it is killed (default 60).
sub run {
    my ( $self, $command, %option ) = @_;
    my $log = sprintf '%s/run%d', $self->{folder}, ++$self->{runs};
    my $pid = $self->_spawn( $command, $log, %option );
    my $end = $self->wait_for( sub { waitpid( $pid, POSIX::WNOHANG ) == $pid && [$?] },
        $option{seconds} || 60 );
    if ( !$end ) {
        kill 'KILL', -$pid;
        waitpid $pid, 0;
        $end = [$?];
    }
    my ( $out, $err ) = map { $self->slurp("$log.$_") } qw(out err);
    my $status = $end->[0] & 127 ? 128 + ( $end->[0] & 127 ) : $end->[0] >> 8;
    return { status => $status, out => $out, err => $err };
}

# The end of a process's messages, to show when something is wrong with it.
sub complaints {
    my ( $self, $name ) = @_;
    my @lines =
        map { split /^/, $self->slurp($_) } grep { -f } glob "$self->{folder}/$name.{err,log}";
    splice @lines, 0, -20;
    return join '', @lines;
}

# Stops everything, in the opposite order of its start, and removes the folder.
sub clear {
    my ($self) = @_;
    return if $self->{owner} != $$ || !delete $alive{ $self->{folder} };
    $self->stop($_) for reverse @{ $self->{order} };
    $self->{stray}    = [ _processes_naming( $self->{folder} ) ];
    $self->{alarming} = [ $self->_alarming_lines ];
    if ( $ENV{SIGNPOST_TEST_KEEP} ) {
        Test::More::diag("kept: $self->{folder}");
        return;
    }
    File::Path::remove_tree( $self->{folder} );
    return;
}

sub _alarming_lines {
    my ($self) = @_;
    my @found;
    for my $path ( grep { -f } glob "$self->{folder}/*.err $self->{folder}/*.log" ) {
        push @found, map { "$path: $_" } grep { /$alarming/ } split /^/, $self->slurp($path);
    }
    return @found;
}

# Processes that have left their group are found by the folder's name in their
# command line or environment.
sub _processes_naming {
    my ($folder) = @_;
    my @found;
    for my $proc ( glob '/proc/[0-9]*' ) {
        my ($pid) = $proc =~ /(\d+)/;
        next if $pid == $$;
        for my $what (qw(cmdline environ)) {
            open my $file, '<:raw', "$proc/$what" or next;
            my $text = do { local $/ = undef; <$file> }
                // '';
            next if index( $text, $folder ) < 0;
            $text =~ tr/\0/ /;
            push @found, $what eq 'cmdline' ? "$pid: $text" : "$pid (by its environment)";
            kill 'KILL', $pid;
            last;
        }
    }
    return @found;
}

# Closes the test, in place of done_testing: what holds of every test is asserted.
sub done {
    my ($self) = @_;
    my $failed = !Test::More->builder->is_passing;
    my %log    = map { $_ => $self->complaints($_) } $failed ? @{ $self->{order} } : ();
    $self->clear;
    Test::More::is_deeply( $self->{alarming}, [], 'no sanitizer report and no failed assertion' )
        or Test::More::diag( @{ $self->{alarming} } );
    Test::More::is_deeply( [ @{ $self->{lingering} || [] }, @{ $self->{stray} } ],
        [], 'every process ended when it was told to' );
    Test::More::diag("$_:\n$log{$_}") for grep { length $log{$_} } sort keys %log;
    Test::More::done_testing();
    return;
}

END {
    my $status = $?;
    for my $self ( values %alive ) {
        next if $self->{owner} != $$;
        Test::More::diag("$0 ended without done()");
        $status ||= 1;
        $self->clear;
    }
    $? = $status;
}

1;
