# SPDX-License-Identifier: Apache-2.0
#
# signpost's units under systemd as PID 1, installed as README says, behind nginx and lighttpd:
# the socket starts the service, reloads and restarts lose nothing, stops are quick, what
# crashes comes back, all in the sandbox as shipped.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::FastCGI qw(request variables);
use Signpost::Load;
use Signpost::Stub;
use Signpost::Systemd;
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;
use Time::HiRes qw(sleep time);

Signpost::Systemd::enter();
my $t    = Signpost::Test->new;
my $host = Signpost::Systemd->boot($t);
$host->install;

my $stub = Signpost::Stub->new( $t, 'eu' );
my $held = 'sha256:' . 'a1' x 32;
my $ping = [ [ 200, { 'Docker-Distribution-Api-Version' => 'registry/2.0' } ] ];
my $manifest =
    [ [ 200, { 'Docker-Content-Digest' => $held, 'Content-Type' => 'application/json' } ] ];
$stub->serve(
    ( map { ( "/$_/v2/" => $ping ) } qw(old new eu) ),
    "/eu/v2/app/manifests/$held" => $manifest
);
my ( $old, $new, $eu ) = map { $stub->url . "/$_" } qw(old new eu);

# Tags go to the upstream "us", which is here.
sub configuration {
    my ( $us, @more ) = @_;
    return join "\n", <<"EOT", @more;
name      = "registry.example.org";
upstreams = { us = { url = "$us"; }; eu = { url = "$eu"; serves = [ "EU" ]; }; };
canonical = [ "us" ];
region_header = "X-Client-Region";
EOT
}

my $tag = '/v2/app/manifests/v1';

sub goes {
    my ( $port, @headers ) = @_;
    my $answer = http( $port, GET => $tag, @headers );
    return $answer->{header}{location} // "status $answer->{status}";
}

sub main_pid { return $host->property( "signpost$_[0].service", 'MainPID' ) }

# Seconds that systemctl takes; it must succeed.
sub seconds_of {
    my (@arguments) = @_;
    my $begun = time;
    $host->ok_run( 'systemctl', @arguments );
    return time - $begun;
}

# Whether the socket that the responder listens on is non-blocking, and its descriptor.
sub listening_descriptor {
    my $pid = main_pid('');
    for my $fd ( 0, 3 ) {
        my ($flags) = $host->read("/proc/$pid/fdinfo/$fd") =~ /^flags:\s*(\d+)/m or next;
        return ( $fd, oct($flags) & 04000 ? 'non-blocking' : 'blocking' )
            if $host->run( [ 'readlink', "/proc/$pid/fd/$fd" ] )->{out} =~ /^socket:/;
    }
    return ( -1, 'none' );
}

subtest 'what systemd thinks of the units' => sub {
    my $units = '/usr/local/lib/systemd/system';
    my @units = map { "$units/signpost$_" }
        qw(.service .socket -prober.service -ranges.service -ranges.timer);
    my $run = $host->run( [ 'systemd-analyze', '--man=no', 'verify', @units ] );
    is( $run->{out} . $run->{err}, '', 'it has nothing to say' );

    # The rates are from 0 to 10: "safe" is to 1.0, "ok" to 4.4.
    my %at_most = ( '' => 0.4, '-prober' => 1.2, '-ranges' => 1.3 );
    for my $unit ( sort keys %at_most ) {
        my $table =
            $host->run( [ qw(systemd-analyze security --no-pager), "signpost$unit.service" ] )
            ->{out};
        my ($exposure) = $table =~ /Overall exposure level for \S+: ([\d.]+)/;
        cmp_ok( $exposure // 10, '<=', $at_most{$unit}, "signpost$unit is shut in" )
            or diag $table;
    }
    my %limits = ( '' => [ 256, 16 ], '-prober' => [ 512, 4096 ], '-ranges' => [ 1024, 16 ] );
    for my $unit ( sort keys %limits ) {
        my ( $memory, $tasks ) =
            map { $host->property( "signpost$unit", $_ ) } qw(MemoryMax TasksMax);
        is_deeply( [ $memory / 2**20, $tasks ], $limits{$unit}, "signpost$unit has its limits" );
    }
};

subtest 'the first request starts the service' => sub {
    $host->write( '/etc/signpost.conf', configuration($old) );
    $host->ok_run(qw(ln -s ../sites-available/signpost /etc/nginx/sites-enabled/));
    $host->ok_run(qw(rm /etc/nginx/sites-enabled/default));
    $host->ok_run( qw(sed -i), 's/^server.port .*/server.port = 81/',
        '/etc/lighttpd/lighttpd.conf' );
    $host->ok_run(qw(lighty-enable-mod signpost));
    $host->ok_run(qw(systemctl enable --now signpost.socket signpost-prober.service));
    $host->ok_run(qw(systemctl start nginx lighttpd));
    ok( $host->wait_for_unit( 'signpost.socket',  'active/listening' ), 'the socket listens' );
    ok( $host->wait_for_unit( 'signpost.service', 'inactive' ),         '… and nothing runs yet' );
    is( goes(80), "$old$tag", 'nginx is answered' );
    is( goes(81), "$old$tag", '… and lighttpd' );
    ok( $host->wait_for_unit( 'signpost.service', 'active/running' ), 'the service runs' );
    is( $host->ok_run( qw(ps -o user= -p), main_pid('') ), "signpost\n", '… as its user' );
    is_deeply( [ listening_descriptor() ], [ 3, 'non-blocking' ],
        'the socket is its descriptor 3' );
};

subtest 'the prober, which is a service of its own' => sub {
    my $state = sub { $host->run( [qw(/usr/local/bin/signpost state)] )->{out} };
    my $pid   = main_pid('-prober');
    ok( $t->wait_for( sub { $state->() =~ /^Published by the prober, process $pid,/m } ),
        'it publishes what it sees' );
    my $answer = http( 80, GET => "/v2/app/manifests/$held", 'X-Client-Region' => 'FR' );
    is( $answer->{header}{location},
        "$eu/v2/app/manifests/$held", 'it finds out who holds a digest' );
    $host->ok_run( qw(systemctl kill -s KILL --kill-whom=main), 'signpost-prober' );
    ok( $t->wait_for( sub { main_pid('-prober') !~ /^(?:0|$pid)$/ }, 20 ),
        'after a crash it is started again' );
    $pid = main_pid('-prober');
    ok( $t->wait_for( sub { $state->() =~ /^Published by the prober, process $pid,/m } ),
        '… and publishes again' );
    is( goes(80), "$old$tag", 'requests go on' );
};

# A kept connection from the web server, which goes on while nobody else connects.
subtest 'a reload' => sub {
    my $kept = Signpost::FastCGI->new( $host->path('/run/signpost.sock') );
    my $ask  = sub {
        $kept->send( request( variables($tag), keep => 1 ) ) or return 'no connection';
        return ( $kept->answer(3) || {} )->{location} // 'no answer';
    };
    is( $ask->(), "$old$tag", 'there is a kept connection' );
    $host->write( '/etc/signpost.conf', configuration($new) );
    my $pid = main_pid('');
    $host->ok_run(qw(systemctl reload signpost));
    is( main_pid(''),                  $pid,           'the process is the same' );
    is( ( listening_descriptor() )[1], 'non-blocking', 'its socket is as it was' );
    ok( $t->wait_for( sub { goes(80) eq "$new$tag" } ), 'it has the new configuration' );
    is( $ask->(), "$new$tag", 'a kept connection is answered' );
    my $last = Signpost::FastCGI->new( $host->path('/run/signpost.sock') );
    $last->send( request( variables($tag) ) );
    is( ( $last->answer(3) || {} )->{location}, "$new$tag", '… and a new one' );
    is( $ask->(), "$new$tag", 'the kept one, too, while nobody else connects' );
    $kept->close;

    $host->write( '/etc/signpost.conf', configuration( $eu, 'nonsense = 1;' ) );
    my $run = $host->systemctl(qw(reload signpost));
    isnt( $run->{status}, 0, 'a mistake fails the reload' );
    like(
        $host->journal('signpost'),
        qr/^\/etc\/signpost\.conf:\d+: error: there is no option "nonsense"/m,
        '… with its line in the journal'
    );
    is( goes(80), "$new$tag", '… and the old one serves' );
    $host->write( '/etc/signpost.conf', configuration($new) );
    cmp_ok( seconds_of(qw(restart signpost)), '<', 2, 'a restart after that is quick' );
    is( goes(80), "$new$tag", '… and serves' );
};

# A client of a web server that keeps its connection as long as the server does.
sub kept_client {
    my ($port) = @_;
    my $socket;
    return sub {
        sleep 0.005;
        $socket ||= IO::Socket::INET->new( PeerAddr => '127.0.0.1', PeerPort => $port )
            or return "$!";
        syswrite $socket, "GET $tag HTTP/1.1\r\nHost: registry.example.org\r\n\r\n";
        my $answer = '';
        while ( $answer !~ /\r\n\r\n/ ) {
            sysread $socket, $answer, 4096, length $answer or return "closed after '$answer'";
        }
        undef $socket if $answer =~ /^Connection: close/mi;
        return $answer =~ /^Location: \Q$new$tag\E\r$/m ? '' : $answer;
    };
}

sub new_client {
    my ($port) = @_;
    return sub {
        sleep 0.005;
        my $answer = http( $port, GET => $tag );
        my $to     = $answer->{header}{location} // '';
        return $to eq "$new$tag" ? '' : $answer->{raw} || 'no answer';
    };
}

subtest 'under load' => sub {
    my %load;
    for my $port ( 80, 81 ) {
        $load{"new connections to port $port"}  = Signpost::Load->new( 1, new_client($port) );
        $load{"kept connections to port $port"} = Signpost::Load->new( 1, kept_client($port) );
    }
    for my $round ( 1 .. 3 ) {
        sleep 0.3;
        $host->ok_run(qw(systemctl reload signpost));
        sleep 0.3;
        cmp_ok( seconds_of(qw(restart signpost)), '<', 2, "restart $round is quick" );
    }
    sleep 0.3;
    my $begun = time;
    $host->ok_run(qw(systemctl stop signpost.service));
    cmp_ok( time - $begun, '<', 2, 'so is a stop' );
    sleep 0.3;
    for my $what ( sort keys %load ) {
        my ( $good, @wrong ) = $load{$what}->end;
        is_deeply( \@wrong, [], "$what: nothing is lost" );
        cmp_ok( $good, '>', 20, "… of $good requests" );
    }
};

subtest 'stops' => sub {
    is( goes(80), "$new$tag", 'it serves' );
    cmp_ok( seconds_of(qw(stop signpost-prober)), '<', 2, 'the prober stops at once' );
    is( goes(80), "$new$tag", 'requests go on without it' );
    cmp_ok( seconds_of(qw(stop signpost.service)), '<', 2, 'the responder stops at once' );
    is( goes(80), "$new$tag", 'the next request starts it again' );
    cmp_ok( seconds_of(qw(stop signpost.socket signpost.service)), '<', 2,
        'both, with the socket' );
    ok( !-e $host->path('/run/signpost.sock'), 'the socket is gone' );
    is( goes(80), 'status 502', 'then there is nobody' );
    $host->ok_run(qw(systemctl start signpost.socket signpost-prober));
    is( goes(80), "$new$tag", 'and there is again' );
    unlike(
        $host->journal,
        qr/^signpost\S*: .*(?:Killing process|timed out)/m,
        'nothing had to be killed'
    );
};

subtest 'crashes of the responder' => sub {
    for my $signal (qw(KILL SEGV ABRT)) {
        my $pid = main_pid('');
        $host->ok_run( qw(systemctl kill --kill-whom=main -s), $signal, 'signpost.service' );
        is( goes(80), "$new$tag", "SIG$signal: the next request is answered" );
        isnt( main_pid(''), $pid, '… by another process' );
    }
    is( $host->property( 'signpost.socket', 'Result' ), 'success', 'the socket is well' );
};

subtest 'the journal' => sub {
    my $said = $host->journal('signpost.service');
    like(
        $said,
        qr/^signpost\.fcgi: The configuration has been read again\.$/m,
        'has what it says'
    );
    unlike( $said, qr/denied|not permitted|bad system call/i, 'the sandbox is in nobody\'s way' );
    unlike(
        $host->journal('signpost-prober'),
        qr/denied|not permitted|bad system call/i,
        '… nor in the prober\'s'
    );
};

$t->done;
