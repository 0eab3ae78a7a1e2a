# SPDX-License-Identifier: Apache-2.0
#
# Requests that wait for the prober, in a real signpost.fcgi: first with a prober that
# does anything it likes, then with the real one, which the front door starts itself.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use List::Util qw(max);
use POSIX      ();
use Signpost::FakeProber;
use Signpost::FastCGI qw(request variables);
use Signpost::Prober  qw(target_id);
use Signpost::Servers qw(signpost nginx lighttpd);
use Signpost::Test;
use Signpost::Upstream;
use Signpost::Wire qw(http);
use Test::More;
use Time::HiRes qw(time sleep);

my $t     = Signpost::Test->new;
my $state = $t->dir('state');
my $eu    = 'http://127.0.0.1:7001';
my $us    = 'http://127.0.0.1:7002';

sub conf {
    my (%option) = @_;
    my ( $to_eu, $to_us ) = ( $option{eu} // $eu, $option{us} // $us );
    my $more = $option{more} // '';
    return <<"EOT";
name      = "registry.example.org";
upstreams = { eu = { url = "$to_eu"; serves = [ "EU" ]; };
              us = { url = "$to_us"; }; };
canonical = [ "us" ];
state     = "$state";
$more
EOT
}

my $number = 0;
sub digest { return 'sha256:' . sha256_hex( $_[0] // ++$number ) }

# The path of a new blob or manifest below a name.
sub blob     { return "/v2/$_[0]/app/blobs/" . digest( $_[1] ) }
sub manifest { return "/v2/$_[0]/app/manifests/" . digest( $_[1] ) }

# Sends a request on a connection of its own, or on one that is given; returns it.
sub begin {
    my ( $socket, $path, %option ) = @_;
    my $c         = $option{on} // Signpost::FastCGI->new($socket) // die "$socket: $!";
    my $variables = variables( $path, HTTP_X_CLIENT_REGION => $option{region} // 'EU' );
    $c->send( request( $variables, keep => $option{keep} ) );
    return $c;
}

# Where a request is sent, and how many seconds that took.
sub ask {
    my ( $socket, $path, %option ) = @_;
    my $began  = time;
    my $answer = begin( $socket, $path, %option )->answer || {};
    return ( $answer->{location} // '', time - $began );
}

# Asserts that a request is sent to an upstream; returns the seconds.
sub goes {
    my ( $socket, $path, $to, $name ) = @_;
    my ( $location, $seconds ) = ask( $socket, $path );
    is( $location, "$to$path", $name );
    return $seconds;
}

# How many descriptors a process has open.
sub descriptors {
    my ($name) = @_;
    my $pid = $t->pid($name);
    return scalar( () = glob "/proc/$pid/fd/*" );
}

my $service = 'prober = "service";';

subtest 'what the prober may answer' => sub {
    my $socket = signpost( $t, 'door', conf => conf( more => $service ) );
    my $fake   = Signpost::FakeProber->start( $t, 'fake', $state );

    # Until the front door has found the prober.
    $t->wait_for( sub { ( ask( $socket, blob('absent') ) )[0] =~ /^\Q$us/ } );
    $fake->questions;

    my $path = blob('present');
    goes( $socket, $path, $eu, 'present: to the nearest' );
    is_deeply(
        [ $fake->questions ],
        [ "blobs present/app " . ( $path =~ /(sha256:.*)/ )[0] . ' 1' ],
        'one question, in full'
    );
    goes( $socket, blob('absent'),      $us, 'absent: to the canonical one' );
    goes( $socket, blob('unknown'),     $eu, 'not known: a blob goes to the nearest' );
    goes( $socket, manifest('unknown'), $us, 'a manifest to the canonical one' );
    goes( $socket, blob('stray'),       $eu, 'an answer to another question does nothing' );
    is( $fake->connections, 1, 'all over one connection' );

    for my $how (qw(short garbage version verdict count hangup)) {
        my $seconds = goes( $socket, manifest($how), $us, "$how: as if nothing were known" );
        cmp_ok( $seconds, '<', 0.9, 'at once' );
        ok( $t->wait_for( sub { ( ask( $socket, blob('absent') ) )[0] =~ /^\Q$us/ } ),
            'and there is a new connection a moment later' );
    }

    # A HEAD is said to take 5 ms: then 300 ms are waited for, as the least.
    $fake->publish( target_id($eu) => 5, target_id($us) => 5 );
    $t->wait_for( sub { ( ask( $socket, manifest('never') ) )[1] < 0.9 } );
    my $seconds = goes( $socket, manifest('never'), $us, 'no answer: decided at the deadline' );
    cmp_ok( $seconds, '>', 0.28, 'not before' );
    goes( $socket, blob('never'), $eu, 'a blob is, too' );
    $path = blob('late-800');
    ask( $socket, $path ) for 1 .. 3;
    is( scalar( grep { /^blobs late-800/ } $fake->questions ),
        1, 'a question that is still in flight is not asked again' );

    $fake->publish( target_id($eu) => 100, target_id($us) => 5 );
    $t->wait_for(
        sub {
            $seconds = goes( $socket, manifest('never'), $us, 'the deadline follows the targets' );
            return $seconds > 0.38;
        }
    );
    cmp_ok( $seconds, '<', 1, 'four times the HEAD of the one that is asked about' );

    # Without health: 1.5 s.
    $fake->stop;
    $fake = Signpost::FakeProber->start( $t, 'fake', $state );
    $t->wait_for( sub { ( ask( $socket, blob('absent') ) )[0] =~ /^\Q$us/ } );
    my $waiting = begin( $socket, manifest('never') );
    $t->wait_for(
        sub {
            grep { /never/ } $fake->questions;
        }
    );
    my $began = time;
    $t->signal( 'fake', 'KILL' );
    is( ( $waiting->answer || {} )->{status}, 307, 'the prober dies: who waits is answered' );
    cmp_ok( time - $began, '<', 0.9, 'at once' );
    $seconds = goes( $socket, manifest('present'), $us, 'and nobody waits any more' );
    cmp_ok( $seconds, '<', 0.9, 'without a prober' );
    $fake->stop;
    is( $t->stop('door'), 0, 'the front door stops' );
};

subtest 'while requests wait' => sub {
    my $socket = signpost( $t, 'busy', conf => conf( more => "$service max_parked = 200;" ) );
    my $fake   = Signpost::FakeProber->start( $t, 'fake', $state );
    $t->wait_for( sub { ( ask( $socket, blob('absent') ) )[0] =~ /^\Q$us/ } );
    my $idle = descriptors('busy');
    $fake->questions;

    my @waiting = map { begin( $socket, manifest('never') ) } 1 .. 200;
    my $all     = 0;
    ok( $t->wait_for( sub { ( $all += $fake->questions ) == 200 } ), '200 wait' );
    my ( $kept, @seconds ) = Signpost::FastCGI->new($socket);
    for ( 1 .. 200 ) {
        my $began = time;
        begin( $socket, '/v2/app/manifests/v1', on => $kept, keep => 1 );
        like( ( $kept->answer || {} )->{location}, qr{^\Q$eu}, 'an ordinary one does not' )
            if $_ == 1;
        $kept->answer if $_ > 1;
        push @seconds, time - $began;
    }
    @seconds = sort { $a <=> $b } @seconds;
    cmp_ok( $seconds[100], '<', 0.01, 'and is answered in the usual time' );
    my ( undef, $seconds ) = ask( $socket, blob('never') );
    cmp_ok( $seconds, '<', 0.3, 'beyond the limit nobody waits' );
    is( scalar( $fake->questions ), 0, 'nor is anything asked' );

    $_->close for splice @waiting, 0, 100;
    ok( $t->wait_for( sub { descriptors('busy') <= $idle + 102 }, 1.2 ),
        'who goes is forgotten at once' );
    my $half = begin( $socket, manifest('never') );
    $t->wait_for( sub { $fake->questions } );
    my $began = time;
    $half->half_close;
    is( ( $half->answer || {} )->{status}, 307, 'who has closed its side gets an answer' );
    cmp_ok( time - $began, '<', 0.9, 'at once' );

    my @answers = map { $_->answer || {} } @waiting;
    is( scalar( grep { ( $_->{location} // '' ) =~ /^\Q$us/ } @answers ),
        100, 'all others are answered at their deadline' );

    # One question for all who want to know the same.
    my $path = manifest('late-200');
    @waiting = map { begin( $socket, $path ) } 1 .. 50;
    @answers = map { $_->answer || {} } @waiting;
    is( scalar( grep { ( $_->{location} // '' ) eq "$eu$path" } @answers ),
        50, '50 get the answer' );
    is( scalar( $fake->questions ), 1, 'to one question' );

    # What comes behind a parked request on a kept connection waits for it.
    $path = manifest('late-100');
    my $c = begin( $socket, $path, keep => 1 );
    $t->wait_for( sub { $fake->questions } );
    begin( $socket, '/v2/app/manifests/v1', on => $c, keep => 1 );
    is( ( $c->answer || {} )->{location}, "$eu$path", 'a kept connection: the answer' );
    is( ( $c->answer || {} )->{location}, "$eu/v2/app/manifests/v1", 'and the next one' );
    $fake->stop;
    is( $t->stop('busy'), 0, 'it stops' );
};

subtest 'reload and stop' => sub {
    my $socket = signpost( $t, 'other', conf => conf( more => $service ) );
    my $fake   = Signpost::FakeProber->start( $t, 'fake', $state );
    $t->wait_for( sub { ( ask( $socket, blob('absent') ) )[0] =~ /^\Q$us/ } );
    $fake->questions;
    my $path    = manifest('late-700');
    my $waiting = begin( $socket, $path );
    $t->wait_for( sub { $fake->questions } );
    $t->file( 'other.conf', conf( more => $service, eu => 'http://new.example.org' ) );
    $t->signal( 'other', 'HUP' );
    $t->wait_for( sub { $t->slurp('other.err') =~ /read again/ } );
    goes( $socket, '/v2/app/manifests/v1', 'http://new.example.org', 'reloaded' );
    is( ( $waiting->answer || {} )->{location},
        "$eu$path", 'who has waited meanwhile goes by the configuration it came with' );
    goes( $socket, manifest('present'), 'http://new.example.org',
        'who comes after by the new one' );

    my @waiting = map { begin( $socket, manifest('never') ) } 1 .. 20;
    my $late    = begin( $socket, manifest('late-400') );
    my $all     = 0;
    $t->wait_for( sub { ( $all += $fake->questions ) >= 21 } );
    my $began = time;
    $t->signal( 'other', 'TERM' );
    is( scalar( grep { ( $_->answer || {} )->{status} } @waiting ),
        20, 'SIGTERM: all are answered' );
    cmp_ok( time - $began, '<', 1.4, 'within the time for a stop' );
    like( ( $late->answer || {} )->{location},
        qr{^http://new}, 'by what the prober has answered, if it has' );
    is( $t->wait_end('other'), 0, 'and the program ends' );
    $fake->stop;
    $t->stop('other');
};

# ---- the real prober ----

my $up_eu = Signpost::Upstream->start( $t, 'eu' );
my $up_us = Signpost::Upstream->start( $t, 'us' );
my %to    = ( eu => $up_eu->url, us => $up_us->url );
my $start = sprintf 'prober = "auto"; prober_program = "%s"; max_parked = 1500;
    max_connections = 2000;', $t->program('signpost');
my $works = $t->run( [ $t->program('signpost'), 'prober', '--help' ] );

# The process of the prober that has published last.
sub prober_pid {
    my ($pid) = $t->slurp("$state/health") =~ /^signpost-health \d+ \d+ \d+ (\d+)/;
    return $pid && kill( 0, $pid ) ? $pid : undef;
}

sub asked {
    my ($upstream) = @_;
    return scalar grep { /^HEAD/ } $upstream->requests;
}

# Waits until questions are answered, and forgets what that took.
sub ready {
    my ($socket) = @_;
    $up_eu->mode('absent');
    my $is = $t->wait_for( sub { ( ask( $socket, blob('x') ) )[0] =~ /^\Q$to{us}/ } );
    $up_eu->mode('');
    $up_eu->requests, $up_us->requests;
    return $is;
}

subtest 'the real prober' => sub {
    plan skip_all => 'signpost was built without its prober' if $works->{status};
    my $socket = signpost( $t, 'front', conf => conf( %to, more => $start ) );
    ok( ready($socket), 'the front door starts a prober' )
        or diag $t->complaints('front');
    my $pid = prober_pid();
    my ($parent) = $t->slurp("/proc/$pid/stat") =~ /\) \S (\d+)/;
    isnt( $parent, $t->pid('front'), 'which is no child of it' );
    is( $t->slurp("/proc/$pid/environ"), '', 'has no environment' );
    my @open = map { readlink "/proc/$pid/fd/$_" } 0 .. 2;
    is( "@open", '/dev/null /dev/null /dev/null', 'and no terminal or log of another' );

    my $path = blob('x');
    $up_eu->mode('absent');
    goes( $socket, $path, $to{us}, 'a blob that is only at the canonical registry is found there' );
    is( asked($up_eu), 1, 'after one HEAD at the nearest' );
    is( asked($up_us), 0, 'and none at the canonical one' );
    goes( $socket, $path, $to{us}, 'again' ) for 1 .. 3;
    is( asked($up_eu), 0, 'without another' );
    $up_eu->mode('');
    $path = blob('x');
    goes( $socket, $path, $to{eu}, 'an ordinary layer comes from the nearest' ) for 1 .. 3;
    is( asked($up_eu), 1, 'after one HEAD for all of its requests' );

    $path = blob('x');
    is( ( ask( $socket, $path, region => 'US' ) )[0],
        "$to{us}$path", 'where the canonical registry is the nearest' );
    is( asked($up_us), 0, 'nobody is asked' );

    # All at once: 4 processes with 250 connections each.
    $path = blob('slow-300');
    my @children = map {
        my $pid = open( my $from, '-|' ) // die "fork: $!";
        if ( !$pid ) {
            my @waiting = map { begin( $socket, $path ) } 1 .. 250;
            print scalar( grep { ( ( $_->answer || {} )->{location} // '' ) eq "$to{eu}$path" }
                    @waiting ), "\n";
            STDOUT->flush;
            POSIX::_exit(0);
        }
        $from;
    } 1 .. 4;
    my $right = 0;
    $right += <$_> for @children;
    is( $right,        1000, '1,000 requests at once for one unknown blob get the right answer' );
    is( asked($up_eu), 1,    'after one HEAD' );

    # The prober is killed while it looks.
    $path = manifest('silent');
    my $waiting = begin( $socket, $path );
    $t->wait_for( sub { asked($up_eu) } );
    my $began = time;
    kill 'KILL', prober_pid();
    is( ( $waiting->answer || {} )->{location}, "$to{us}$path", 'killed: who waits is answered' );
    cmp_ok( time - $began, '<', 0.9, 'at once' );
    my $seconds = goes( $socket, blob('x'), $to{eu}, 'so is who comes after' );
    cmp_ok( $seconds, '<', 0.9, 'at once' );
    ok( $t->wait_for( sub { ( prober_pid() // $pid ) != $pid }, 20 ), 'it is started again' );
    ok( ready($socket),                                               'and asked' );
};

subtest 'behind web servers' => sub {
    plan skip_all => 'signpost was built without its prober' if $works->{status};
    my $socket = $t->folder . '/front.sock';
    my %port   = (
        nginx => $t->find('nginx') && nginx(
            $t, 'nginx',
            socket   => $socket,
            upstream => 'keepalive 16;',
            extra    => 'fastcgi_keep_conn on; fastcgi_param HTTP_X_CLIENT_REGION EU;'
        ),
        lighttpd => $t->find('lighttpd') && lighttpd( $t, 'lighttpd', socket => $socket ),
    );
    ready($socket);
    for my $server ( sort keys %port ) {
    SKIP: {
            skip "$server is not installed", 1 if !$port{$server};
            my @ask = ( $port{$server}, 'GET' );
            for my $round ( 1 .. 3 ) {
                my $path = blob('slow-100');
                my $here = http( @ask, $path, 'X-Client-Region' => 'EU' );
                is( $here->{header}{location}, "$to{eu}$path", "$server: an ordinary layer" );
                $up_eu->mode('absent');
                $path = blob('x');
                $here = http( @ask, $path, 'X-Client-Region' => 'EU' );
                is( $here->{header}{location}, "$to{us}$path", 'one that only the canonical has' );
                $up_eu->mode('');
            }
            my $gone = IO::Socket::INET->new( PeerAddr => '127.0.0.1', PeerPort => $port{$server} );
            print {$gone} "GET "
                . blob('silent')
                . " HTTP/1.1\r\nHost: x\r\nX-Client-Region: EU\r\n\r\n";
            $up_eu->requests;
            $t->wait_for( sub { asked($up_eu) } );
            close $gone;
            my $path = '/v2/app/manifests/v1';
            is( http( @ask, $path, 'X-Client-Region' => 'EU' )->{header}{location},
                "$to{eu}$path", 'a client that goes away harms nobody' );
        }
    }
    $t->stop($_) for grep { $port{$_} } keys %port;
    my $pid = prober_pid();
    is( $t->stop('front'), 0, 'the front door stops' );
    ok( $t->wait_for( sub { !kill 0, $pid }, 20 ), 'soon after that the prober ends' );
    ok( !-e "$state/prober.socket",                'and takes its socket away' );
};

# systemd tells a process of its own by its number; then the prober is a service, too.
subtest 'under systemd' => sub {
    for my $variable (qw(SYSTEMD_EXEC_PID LISTEN_PID)) {
        my $name   = lc $variable;
        my $path   = $t->folder . "/$name.sock";
        my $socket = IO::Socket::UNIX->new( Local => $path, Listen => 5 ) or die "$path: $!";
        my $conf =
            conf( %to, more => $start ) =~ s/^state .*$/'state = "' . $t->dir($name) . '";'/mer;
        my $script = "$variable=\$\$ exec \"\$0\" --config \"\$1\"";
        $t->start(
            $name,
            [
                '/bin/sh', '-c', $script,
                $t->program('signpost.fcgi'),
                $t->file( "$name.conf", $conf )
            ],
            stdin => $socket
        );
        goes( $path, manifest('x'), $to{us}, "$variable names the process: it serves" );
        $t->stop($name);
        ok( !-e $t->folder . "/$name/prober.lock", 'and starts nothing' );
    }
};

subtest 'without a prober' => sub {
    my %without = (
        'no state directory'  => [ 'state = "@DIR@/nowhere"', 'start' ],
        'one for everybody'   => [ 'state = "@DIR@/open"',    'start' ],
        'a service not there' => [ 'state = "@DIR@/empty"',   'service' ],
        'prober = "off"'      => [ 'state = "@DIR@/empty"',   'off' ],
        'no such program'     => [ 'state = "@DIR@/empty"',   'nothing' ],
    );
    chmod 0777, $t->dir('open') or die "chmod: $!";
    $t->dir('empty');
    for my $what ( sort keys %without ) {
        my ( $where, $how ) = @{ $without{$what} };
        my $name = 'alone' . ++$number;
        my $conf = conf(%to) =~ s/^state .*$/$where;/mr;
        $conf .=
              $how eq 'start'   ? $start
            : $how eq 'nothing' ? 'prober = "start"; prober_program = "/nowhere/signpost";'
            :                     qq{prober = "$how";};
        my $socket  = signpost( $t, $name, conf => $conf );
        my $seconds = goes( $socket, blob('x'), $to{eu}, "$what: a blob goes to the nearest" );
        $seconds += goes( $socket, manifest('x'), $to{us}, 'a manifest to the canonical one' );
        cmp_ok( $seconds, '<', 0.9, 'at once' );
        is( $t->stop($name), 0, 'and a stop is one' );
        ok( !-e $t->folder . '/empty/prober.socket', 'nothing was started' );
        my $said = () = $t->slurp("$name.err") =~ s/^.*signatures will not be found.*\n//mr =~
            /prober|state directory/g;
        ok( $how eq 'off' || $how eq 'service' ? !$said : $said, 'the log says so, if it is amiss' )
            or diag $t->slurp("$name.err");
    }
};

$t->done;
