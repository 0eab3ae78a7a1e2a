# SPDX-License-Identifier: Apache-2.0
#
# Other users of the machine, and what they, or the group that the state directory belongs to,
# can put there: locks, FIFOs, links, directories, huge files, a directory of their own under
# the same name. No request waits, no command hangs, nothing ends, nothing elsewhere is written.
use strict;
use warnings;

use Fcntl qw(:flock);
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use POSIX             ();
use Signpost::FastCGI qw(request variables);
use Signpost::Test;
use Signpost::Upstream;
use Socket ();
use Test::More;
use Time::HiRes qw(time sleep);

use constant {
    LIMIT  => 2,        # seconds that a command may wait for another process
    SLACK  => 4,        # and that a busy machine may take for it
    WEB    => 71001,    # users: the web server's, …
    MEMBER => 71002,    # … one of the directory's group, …
    OTHER  => 71003,    # … and one who has nothing to do with it
    GROUP  => 71010,
};

my $t = Signpost::Test->new->need(qw(setpriv mkfifo));
$t->skip_all('only root can be somebody else') if $> != 0;
my $registry = Signpost::Upstream->start( $t, 'registry' )->url;
my ( $signpost, $fcgi ) =
    map { $t->install( $t->program($_), "bin/$_" ) } qw(signpost signpost.fcgi);
my $state  = $t->folder . '/state';
my $victim = $t->file( 'elsewhere/victim', 'precious' );
my $conf   = $t->file( 'signpost.conf',    <<"EOT");
name = "registry.example.org"; canonical = [ "us" ]; state = "$state"; metrics = "on";
upstreams = { eu = { url = "$registry/eu"; serves = [ "FR" ]; };
              us = { url = "$registry/us"; }; };
prober = "service"; health_interval = 2; rules = ( { match = "tags-list"; to = [ "canonical" ]; }, "default" );
EOT
chmod 0755, $t->folder, $t->folder . '/elsewhere';

# Runs something as another user.
sub as {
    my ( $user, @command ) = @_;
    my @group = $user == OTHER ? ( '--regid', OTHER ) : ( '--regid', GROUP );
    return ( $t->find('setpriv'), '--reuid', $user, @group, '--clear-groups', @command );
}

# Runs it to its end; status is 'hangs' if it takes too long.
sub run_as {
    my ( $user, @command ) = @_;
    my $began = time;
    my $run   = $t->run(
        [ as( $user, @command ) ],
        seconds => 20,
        env     => { SIGNPOST_CONF => $conf, ASAN_OPTIONS => 'detect_leaks=0' }
    );
    $run->{took}   = time - $began;
    $run->{status} = 'hangs' if $run->{took} > LIMIT + SLACK;
    return $run;
}
sub command { return run_as( WEB, $signpost, @_ ) }

# The state directory, as the group's or as the web server's alone.
sub make_state {
    my ( $mode, $path ) = @_;
    $path //= $state;
    mkdir $path or die "$path: $!";
    chown WEB, GROUP, $path;
    chmod $mode, $path;
    return $path;
}

sub remove { return system( 'rm', '-rf', "$state" ) }

sub start {
    my $path = $t->folder . '/door.sock';
    unlink $path;
    my $listen = IO::Socket::UNIX->new( Local => $path, Listen => 64 ) or die "$path: $!";
    my %env    = ( env => { SIGNPOST_CONF => $conf } );
    $t->start( 'prober', [ as( WEB, $signpost, 'prober', '--config', $conf, '--stay' ) ], %env );
    $t->wait_for( sub { -S "$state/prober.socket" } );
    $t->start( 'door', [ as( WEB, $fcgi ) ], stdin => $listen, %env );
    return;
}
sub stop { $t->stop($_) for qw(door prober); return }

# Where a client in France is sent, by the responder; 'late' after a second.
sub goes {
    my $c = Signpost::FastCGI->new( $t->folder . '/door.sock' ) or return 'no connection';
    $c->send( request( variables( '/v2/app/manifests/v1', SIGNPOST_REGION => 'FR' ) ) );
    my $answer = $c->answer( 1 + SLACK ) or return 'late';
    return ( $answer->{location} // '' ) =~ m{^\Q$registry\E/(\w+)/}
        ? $1
        : 'status ' . ( $answer->{status} // 'none' );
}

# The same by a CGI.
sub cgi {
    my %env = (
        REQUEST_METHOD    => 'GET',
        REQUEST_URI       => '/v2/app/manifests/v1',
        SIGNPOST_REGION   => 'FR',
        SIGNPOST_CONF     => $conf,
        GATEWAY_INTERFACE => 'CGI/1.1'
    );
    my $began = time;
    my $run   = $t->run( [ as( WEB, $fcgi ) ], only_env => \%env, seconds => 20 );
    return 'late' if time - $began > 1 + SLACK;
    return $run->{out} =~ m{^Location: \Q$registry\E/(\w+)/}m ? $1 : "status $run->{status}";
}

# What must hold whatever is in the directory: requests are answered at once, nothing has ended,
# and each command ends with success or a sentence. Returns what went wrong.
sub wrong {
    my @wrong;
    push @wrong, "the responder: $_" for grep { $_ !~ /^(?:eu|us)$/ } goes();
    push @wrong, "a CGI: $_"         for grep { $_ !~ /^(?:eu|us)$/ } cgi();
    for my $words ( [qw(drain us)], [qw(undrain us)], [qw(share us 50%)], [qw(share us default)],
        ['state'], [qw(explain --region FR /v2/app/manifests/v1)],
        ['reload'] )
    {
        my $run  = command(@$words);
        my $fine = $run->{status} =~ /^[01]$/ && ( $run->{out} . $run->{err} ) =~ /\w/;
        push @wrong, "@$words: $run->{status} $run->{err}" if !$fine;
    }
    push @wrong, "$_ has ended" for grep { !$t->is_running($_) } qw(door prober);
    push @wrong, "the victim: " . $t->slurp($victim) if $t->slurp($victim) ne 'precious';
    return @wrong;
}

# What the attackers put in the place of a file.
my %attack = (
    'a FIFO'                    => sub { POSIX::mkfifo( $_[0], 0666 ) },
    'a symbolic link'           => sub { symlink $victim,              $_[0] },
    'a symbolic link to a FIFO' => sub { symlink $t->folder . '/fifo', $_[0] },
    'a hard link'               => sub { link $victim,                 $_[0] },
    'a directory'               => sub { mkdir $_[0] and mkdir "$_[0]/full" },
    'a huge file'               => sub { open my $file, '>', $_[0]; truncate $file, 1 << 42 },
    'a socket'                  => sub { IO::Socket::UNIX->new( Local => $_[0], Listen => 1 ) },
    'an unreadable file'        => sub { open my $file,  '>',   $_[0]; chmod 0, $_[0] },
    'a device'                  => sub { system 'mknod', $_[0], 'c', 5, 0 },
);
POSIX::mkfifo( $t->folder . '/fifo', 0666 ) or die "mkfifo: $!";

# Puts it there under these names, as one of the group would.
sub put {
    my ( $what, @there ) = @_;
    for my $path ( map { "$state/$_" } @there ) {
        system 'rm', '-rf', $path;
        $attack{$what}->($path) and system 'chown', '-h', MEMBER . ':' . GROUP, $path;
    }
    return;
}

my @names = qw(control control.lock .control.new health .health.new cache.table .cache.table.new
    cache.table.new prober.lock public public/status.json public/.status.json.new
    public/metrics.prom);

subtest 'what is put in the place of files' => sub {
    make_state(02770);
    start();
    is_deeply( [ wrong() ], [], 'all is well at first' );
    for my $what ( sort keys %attack ) {
        put( $what, grep { !m{/} } @names );
        sleep 1.2;    # all look at it once a second
        my @wrong = wrong();
        system 'rm', '-rf', map { "$state/$_" } @names;
        mkdir "$state/public";
        put( $what, grep { m{/} } @names );
        sleep 2.2;    # status files are written every two seconds
        is_deeply( [ @wrong, wrong() ], [], "$what everywhere" );
        system 'rm', '-rf', map { "$state/$_" } @names;
    }
    ok( $t->wait_for( sub { goes(); -f "$state/health" && -f "$state/public/status.json" } ),
        'the prober has gone on: it writes its files' );
    is( command(qw(drain us))->{status}, 0, 'and commands theirs' );
    stop();
    remove();
};

# Whether the prober listens.
sub serves {
    socket my $socket, Socket::AF_UNIX, Socket::SOCK_SEQPACKET, 0 or die "socket: $!";
    return connect $socket, Socket::pack_sockaddr_un("$state/prober.socket");
}

subtest 'at a start, too' => sub {
    for my $what ( sort keys %attack ) {
        make_state(02770);
        mkdir "$state/public";
        put( $what, grep { !/^public$/ } @names );
        $t->start( 'prober', [ as( WEB, $signpost, 'prober', '--config', $conf, '--stay' ) ] );
        my $came = $t->wait_for( sub { serves() || !$t->is_running('prober') } );
        ok( $came && ( $t->is_running('prober') || $t->slurp('prober.err') =~ /\.$/m ),
            "$what: the prober starts, or says why not" )
            or diag $t->complaints('prober');
        $t->stop('prober');
        is( cgi(), 'eu', "$what: a CGI answers" );
        remove();
    }
};

subtest 'an include in the control file' => sub {
    make_state(02770);
    start();
    for my $file ( $t->folder . '/fifo', $victim, '/dev/zero' ) {
        $t->file( "$state/control.edited", "\@include \"$file\"\n" );
        rename "$state/control.edited", "$state/control";
        sleep 1.2;
        is_deeply( [ wrong() ], [], "of $file" );
        like(
            command(qw(drain us))->{err},
            qr/control is damaged.*nothing may be included/,
            '  it is said'
        );
    }
    stop();
    remove();
};

subtest 'locks' => sub {
    for my $mode ( 0755, 02770 ) {
        make_state($mode);
        start();
        my $user = $mode == 0755 ? OTHER : MEMBER;
        $t->start( 'locker', [ as( $user, $^X, '-e', <<'EOT', $state, glob "$state/*" ) ] );
use Fcntl ":flock";
my @held;
for my $file (@ARGV) { open my $in, "<", $file or next; flock $in, LOCK_EX | LOCK_NB and push @held, $in }
$| = 1; print scalar(@held), " locked\n"; sleep 60;
EOT
        $t->wait_for( sub { $t->slurp('locker.out') =~ /locked/ } );
        like(
            $t->slurp('locker.out'),
            qr/^[1-9]\d* locked$/,
            'another user has locked what he can'
        );
        is_deeply( [ wrong() ], [], '… and stops nobody' );
        is( command(qw(drain us))->{status}, 0, '… not a change either' );
        $t->stop('locker');
        unlink $t->folder . '/locker.out';
        stop();
        remove();
    }
    make_state(02770);
    open my $lock, '>', "$state/control.lock" or die "control.lock: $!";
    chown WEB, GROUP, "$state/control.lock";
    flock $lock, LOCK_EX;
    my $run = command(qw(drain us));
    is( $run->{status}, 1, 'who has the right to the lock, and keeps it, is not waited for' );
    cmp_ok( $run->{took}, '>=', LIMIT * 0.9, '… after two seconds' );
    like( $run->{err}, qr/control\.lock is in use by process $$:/, '… and is named' );
    close $lock;
    remove();
};

subtest 'the directory is exchanged' => sub {
    make_state(0755);
    start();
    is( goes(), 'eu', 'all is well' );
    my $drains_eu = sub {
        my ($where) = @_;
        $t->file( "$where/control", 'drained = [ "eu" ];' );
        chown WEB, GROUP, "$where/control";
    };
    rename $state, "$state.away" or die "rename: $!";
    mkdir $state;
    chown OTHER, OTHER, $state;
    chmod 0777, $state;
    $drains_eu->($state);
    sleep 2.5;
    is( goes(), 'eu', 'a foreign directory under its name is not believed' );
    like(
        $t->slurp('door.err'),
        qr/state directory .* has owner 71003/,
        '… which the responder says'
    );
    like( $t->slurp('prober.err'), qr/state directory .* has owner 71003/, '… and the prober' );
    my @written = grep { !m{/control$} } glob "$state/* $state/.??*";
    is_deeply( \@written, [], '… and nothing is written there' );
    is( cgi(), 'eu', '… nor does a CGI believe it' );
    my $run = command(qw(drain us));
    like( $run->{err}, qr/state directory .* has owner 71003/, '… nor a command' );

    remove();
    make_state(0755);
    $drains_eu->($state);
    ok( $t->wait_for( sub { goes() eq 'us' } ), 'a rightful one in its place is' );
    ok( $t->wait_for( sub { -S "$state/prober.socket" && -f "$state/health" } ),
        '… and the prober has gone there' );
    is( command(qw(undrain eu))->{status}, 0, '… and commands' );
    ok( $t->wait_for( sub { goes() eq 'eu' } ), '… which are heard' );

    remove();
    sleep 1.5;
    is( goes(), 'eu', 'without a directory requests are served' );
    make_state(0755);
    ok( $t->wait_for( sub { -S "$state/prober.socket" && -f "$state/public/status.json" } ),
        'made anew, it is taken' );
    is_deeply( [ wrong() ], [], '… and all is well' );
    chmod 0, $state;
    sleep 1.5;
    is( goes(), 'eu', 'one that nobody may enter stops nothing' );
    chmod 0777, $state;
    sleep 1.5;
    is( goes(), 'eu', 'nor does one that all may write to' );
    chmod 0755, $state;
    ok( $t->wait_for( sub { command('state')->{out} =~ /^Published by the prober/m } ),
        'mended, it is used again' );
    stop();
    remove();
    system 'rm', '-rf', "$state.away";
};

subtest 'who may not read it is told so' => sub {
    make_state(02770);
    for my $words ( ['state'], [qw(explain --region FR /v2/app/manifests/v1)] ) {
        my $run = run_as( OTHER, $signpost, @$words );
        like(
            $run->{err},
            qr/state directory \Q$state\E cannot be opened: Permission denied/,
            "$words->[0] says why it sees nothing"
        );
    }
    is( run_as( OTHER, $signpost, 'state' )->{status}, 1, '… and state counts that as a finding' );
    remove();
    make_state(0755);
    like(
        run_as( OTHER, $signpost, 'state' )->{err},
        qr/has owner 71001.* of user 71003/,
        'a directory that is not his is refused with the reason'
    );
    remove();
};

subtest 'a full disk' => sub {
    $t->need('unshare');
    mkdir $state;
    my $mount =
        "mount -t tmpfs -o size=64k,mode=0755,uid=@{[ WEB ]},gid=@{[ GROUP ]} none '$state'";
    if ( $t->run( [ 'unshare', '-m', 'sh', '-c', $mount ] )->{status} != 0 ) {
        rmdir $state;
        plan skip_all => 'file systems cannot be mounted here';
    }
    my @web    = map { "'$_'" } as(WEB);
    my $script = <<"EOT";
$mount; dd if=/dev/zero of='$state/fill' bs=1k count=100 2>/dev/null
for words in 'drain us' 'share us 50%' 'state' 'reload'; do
    @web timeout 10 '$signpost' \${words%% *} --config '$conf' \$(echo "\$words" | cut -s -d' ' -f2-)
    echo "\$words: \$?"
done; ls -A '$state'
EOT
    my $run = $t->run( [ 'unshare', '-m', 'sh', '-c', $script ] );
    like( $run->{out}, qr/^drain us: 1$/m, 'drain fails' ) or diag $run->{out};
    like(
        $run->{err},
        qr{signpost drain: The file \S+/control cannot be written: No space left},
        '… and says why'
    );
    like( $run->{out}, qr/^state: [01]$/m,           'state shows what it can' );
    like( $run->{out}, qr/^fill\n(?:control\n)?\z/m, 'and nothing half-written is left' )
        or diag $run->{out};
    rmdir $state;
};

$t->done;
