# SPDX-License-Identifier: Apache-2.0
# signpost.fcgi under everything that may start it and keep it running.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use Socket            qw(SOCK_DGRAM);
use Signpost::FastCGI qw(request variables);
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;

my $t       = Signpost::Test->new;
my $program = $t->program('signpost.fcgi');
my $get     = request( variables('/v2/app/manifests/v1') );
my $to      = 'https://us.example.org/v2/app/manifests/v1';
my $conf    = $t->file( 'signpost.conf', <<'EOT' );
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
state     = "@DIR@/state";
EOT
$t->dir('state');
$ENV{SIGNPOST_CONF} = $conf;

# Waits until a fresh connection to a socket gets the right answer.
sub serves {
    my ( $where, $name ) = @_;
    my $answer = $t->wait_for(
        sub {
            my $c = Signpost::FastCGI->new($where) or return;
            return $c->send($get) && $c->answer;
        }
    ) || {};
    return is( $answer->{location}, $to, $name );
}

# How many processes of the group of a started one have become signpost.fcgi.
sub workers {
    my ($name) = @_;
    my $group = $t->pid($name);
    return
        scalar grep { $t->slurp($_) =~ /\(signpost\.fcgi\) \S \d+ $group / }
        glob '/proc/[0-9]*/stat';
}

# Whether processes end, which are not our children.
sub all_end {
    my (@pids) = @_;
    return $t->wait_for(
        sub {
            !grep { kill 0, $_ } @pids;
        }
    );
}

subtest 'spawn-fcgi' => sub {
    $t->need('spawn-fcgi');
    my $path = $t->folder . '/spawned.sock';
    $t->start( spawned => [ $t->find('spawn-fcgi'), '-n', '-s', $path, '--', $program ] );
    serves( $path, 'in the foreground: serves' );
    is( $t->stop('spawned'), 0, 'stops with status 0' );

    $path = $t->folder . '/forked.sock';
    my $pids = $t->folder . '/forked.pid';
    my $run =
        $t->run( [ $t->find('spawn-fcgi'), '-s', $path, '-F', 3, '-P', $pids, '--', $program ] );
    is( $run->{status}, 0, 'with -F 3: starts' ) or diag $run->{err};
    my @pid = split ' ', $t->slurp($pids);
    is( scalar(@pid), 3, 'three processes' );
    serves( $path, 'serve' ) for 1 .. 6;
    kill 'TERM', $pid[0];
    ok( all_end( $pid[0] ), 'one stops' );
    serves( $path, 'the others serve on' ) for 1 .. 6;
    kill 'USR1', @pid[ 1, 2 ];
    ok( all_end(@pid), 'they stop, too' );
};

subtest 'multiwatch' => sub {
    $t->need( 'spawn-fcgi', 'multiwatch' );
    my $path = $t->folder . '/watched.sock';
    $t->start(
        watched => [
            $t->find('spawn-fcgi'),
            '-n', '-s', $path, '--', $t->find('multiwatch'),
            '-f', 2,    '--',  $program
        ]
    );
    serves( $path, 'serves' ) for 1 .. 4;
    ok( $t->wait_for( sub { workers('watched') == 2 } ), 'has two children' );
    is( $t->stop('watched'), 0, 'stops with status 0, and so do its children' );
};

subtest 'lighttpd, bin-path' => sub {
    $t->need('lighttpd');
    my $port = $t->port;
    my $file = $t->file( 'lighttpd.conf', <<'EOT', PORT => $port, PROGRAM => $program );
server.modules = ( "mod_fastcgi" )
server.document-root = "@DIR@"
server.bind = "127.0.0.1"
server.port = @PORT@
server.errorlog = "@DIR@/lighttpd.log"
fastcgi.server = ( "/" => ((
  "bin-path" => "@PROGRAM@",
  "bin-environment" => ( "SIGNPOST_CONF" => "@DIR@/signpost.conf" ),
  "socket" => "@DIR@/lighttpd.sock",
  "max-procs" => 2,
  "check-local" => "disable",
  "fix-root-scriptname" => "enable"
)))
EOT
    $t->start( lighttpd => [ $t->find('lighttpd'), '-D', '-f', $file ] );
    $t->wait_for_port( 'lighttpd', $port );
    for my $i ( 1 .. 6 ) {
        my $answer = http( $port, 'GET', '/v2/app/manifests/v1' );
        is( $answer->{header}{location}, $to, "request $i is answered" );
    }

    # lighttpd's own exit status is 1 now and then. That its whole process group is gone,
    # ours with it, is what stop() waits for, and complains of at the end if it is not.
    ok( defined $t->stop('lighttpd'), 'it stops, and takes its two processes with it' );
};

subtest 'systemd' => sub {
    $t->need('systemd-socket-activate');
    my $path = $t->folder . '/activated.sock';
    $t->start(
        activated => [
            $t->find('systemd-socket-activate'),
            '--inetd', '-l', $path, '-E', "SIGNPOST_CONF=$conf", $program
        ]
    );
    serves( $path, 'a socket on descriptor 0: serves' );
    is( $t->stop('activated'), 0, 'stops with status 0' );

    my @activate = ( $t->find('systemd-socket-activate'), '-E', "SIGNPOST_CONF=$conf" );
    my ( $third, $fourth ) = map { $t->folder . "/$_.sock" } qw(third fourth);
    $t->start( handed => [ @activate, '-l', $third, $program ] );
    serves( $third, 'a socket on descriptor 3: serves' );
    is( readlink '/proc/' . $t->pid('handed') . '/fd/0', '/dev/null',
        '… with descriptor 0 unused' );
    is(
        oct( ( $t->slurp( '/proc/' . $t->pid('handed') . '/fdinfo/3' ) =~ /^flags:\s+(\d+)/m )[0] )
            & 02000000,
        02000000,
        '… and that socket is closed on exec'
    );
    is( $t->stop('handed'), 0, 'stops with status 0' );

    for my $case (
        [ two => 'serves one', '-l', $third, '-l', $fourth ],
        [ datagram => 'no listening stream', '-d', '-l', $fourth ],
        )
    {
        my ( $name, $why, @listen ) = @$case;
        $t->start( $name => [ @activate, @listen, $program ] );
        my $come = sub {
            IO::Socket::UNIX->new( Peer => $listen[-1] )
                || IO::Socket::UNIX->new( Peer => $listen[-1], Type => SOCK_DGRAM );
        };
        my $client = $t->wait_for($come);
        send $client, 'x', 0 if $name eq 'datagram';
        is( $t->wait_end($name), 1 << 8, "$name: status 1" );
        like( $t->slurp("$name.err"), qr/signpost\.fcgi: .*\Q$why\E/, '… with a reason' );
        $t->stop($name);
    }

    # Another process's hand-over, as a child inherits it, is none of ours.
    my $run = $t->run( [$program], env => { LISTEN_PID => $$, LISTEN_FDS => 1 } );
    is( $run->{status}, 2, 'LISTEN_PID of another process: no socket' );
    like( $run->{err}, qr/--listen 127\.0\.0\.1:9000/, '… and what to do' );
};

subtest '--listen' => sub {
    my $path = $t->folder . '/own.sock';
    $t->start( own => [ $program, '--listen', $path ] );
    serves( $path, 'a path: serves' );
    is( ( stat $path )[2] & 07777, 0660, 'the socket is for its owner and group' );
    my $second = $t->run( [ $program, '--listen', $path ] );
    is( $second->{status}, 1, 'a second process there is refused' );
    like( $second->{err}, qr/Another process listens on \Q$path\E/, 'with a reason' );
    serves( $path, 'the first one serves on' );
    is( $t->stop('own'), 0, 'stops with status 0' );
    ok( !-e $path, 'and removes its socket' );

    $t->start( own => [ $program, '--listen', $path ] );
    serves( $path, 'once more' );
    $t->stop( 'own', 'KILL' );
    ok( -S $path, 'a killed process leaves its socket' );
    $t->start( own => [ $program, '--listen', $path ] );
    serves( $path, 'which the next one replaces' );
    unlink $path;
    my $heir = IO::Socket::UNIX->new( Local => $path, Listen => 1 );
    $t->stop('own');
    ok( -S $path, 'a socket that is another process\'s by now is left alone' );
    my $file = $t->file( 'file.sock', 'precious' );
    my $run  = $t->run( [ $program, '--listen', $file ] );
    is( $run->{status}, 1, 'a file that is no socket is refused' );
    like( $run->{err}, qr/no socket/, 'with a reason' );
    is( $t->slurp($file), 'precious', 'and left as it is' );
    like( $t->run( [ $program, '--listen', '/' . 'x' x 200 ] )->{err},
        qr/too long/, 'a path can be too long' );
    like(
        $t->run( [ $program, '--listen', $t->folder . '/no/where' ] )->{err},
        qr/cannot be made/,
        'or lead nowhere'
    );

    for my $host ( '127.0.0.1', 'localhost', '[::1]', '' ) {
        my $port = $t->port;
        $t->start( tcp => [ $program, '--listen', "$host:$port" ] );
        my $up =
            $t->wait_for( sub { $t->slurp('tcp.err') || Signpost::FastCGI->new("127.0.0.1:$port") },
            2 );
        undef $up;
    SKIP: {
            if ( $host eq '[::1]' ) {
                skip 'there is no IPv6 here', 1
                    if $t->slurp('tcp.err') =~ /cannot|not known|failed/;
                ok( $t->is_running('tcp'), "$host: listens" );
            }
            else {
                serves( "127.0.0.1:$port", ( $host || 'no host' ) . ': serves' );
            }
        }
        $t->stop('tcp');
    }
    for my $wrong ( '127.0.0.1', '127.0.0.1:', '127.0.0.1:99999', '::1:80', '[::1:80', 'a:b' ) {
        $run = $t->run( [ $program, '--listen', $wrong ] );
        is( $run->{status}, 1, "\"$wrong\" is refused" );
        like( $run->{err}, qr/HOST:PORT/, 'and it is said what to write' );
    }
};

subtest 'by hand' => sub {
    my $run = $t->run( [$program] );
    is( $run->{status}, 2, 'without a socket, a request or --listen: status 2' );
    like( $run->{err}, qr/--listen 127\.0\.0\.1:9000/, 'and what to do' );
    $run = $t->run( [ $program, '--help' ] );
    is( $run->{status}, 0, '--help' );
    like( $run->{out},                                 qr/^Usage: signpost\.fcgi /, 'says how' );
    like( $t->run( [ $program, '--version' ] )->{out}, qr/^signpost\.fcgi \d/,      '--version' );
    is( $t->run( [ $program, '--nonsense' ] )->{status}, 2, 'an unknown option: status 2' );
    is( $t->run( [ $program, 'nonsense' ] )->{status},   2, 'an argument: status 2' );
};

$t->done;
