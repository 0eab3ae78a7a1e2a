# SPDX-License-Identifier: Apache-2.0
#
# What operators and accidents do to signpost's units, with systemd as PID 1: wrong and missing
# configurations, crash loops, programs and folders that are gone, signals and restarts without
# pause. Each time it comes back without a hand, and the socket is never lost.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
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

my $stub = Signpost::Stub->new( $t, 'us' );
$stub->serve( '/v2/' => [ [ 200, { 'Docker-Distribution-Api-Version' => 'registry/2.0' } ] ] );

my $tag  = '/v2/app/manifests/v1';
my $to   = $stub->url . $tag;
my $conf = <<"EOT";
name      = "registry.example.org";
upstreams = { us = { url = "@{[ $stub->url ]}"; };
              eu = { url = "https://eu.example.org"; serves = [ "EU" ]; }; };
canonical = [ "us" ];
EOT
my $wrong = "${conf}nonsense = 1;\n";

sub configure { return $host->write( '/etc/signpost.conf', $_[0] ) }

# Where a request goes, or its status.
sub goes {
    my $answer = http( 80, GET => $tag );
    return $answer->{header}{location} // $answer->{status} // 'nothing';
}

sub comes_back {
    my ( $name, $seconds ) = @_;
    my $begun = time;
    ok( $t->wait_for( sub { goes() eq $to }, $seconds // 6 ), $name ) or diag goes();
    note sprintf '%s: after %.1f s', $name, time - $begun;
    return;
}

sub socket_is_well {
    my ($name) = @_;
    is( $host->property( 'signpost.socket', 'ActiveState' ), 'active',
        "the socket is there $name" );
    is( $host->property( 'signpost.socket', 'Result' ), 'success', '… and well' );
    return;
}

sub main_pid { return $host->property( "signpost$_[0].service", 'MainPID' ) }

sub said {
    my ( $unit, $what ) = @_;
    return scalar( () = $host->journal($unit) =~ /$what/g );
}

# Whether the prober of the unit has published what it sees, as it is now.
sub publishes {
    my $pid = main_pid('-prober');
    my $run = $host->run( [qw(/usr/local/bin/signpost state)] );
    return $pid && $run->{out} =~ /^Published by the prober, process $pid,/m;
}

subtest 'no configuration' => sub {
    $host->ok_run(qw(ln -s ../sites-available/signpost /etc/nginx/sites-enabled/));
    $host->ok_run(qw(rm /etc/nginx/sites-enabled/default));
    $host->ok_run(qw(systemctl enable --now signpost.socket signpost-prober.service));
    $host->ok_run(qw(systemctl start nginx));
    my $answer = http( 80, GET => $tag );
    is( $answer->{status}, 503, 'the first request gets 503' );
    like( $answer->{body},                        qr/"code"/, '… as a registry says it' );
    like( $answer->{header}{'retry-after'} // '', qr/^\d+$/,  '… and when to ask again' );
    is( goes(), 503, 'and so do those that follow' ) for 1 .. 4;
    sleep 4;
    is( said( 'signpost.service', 'signpost.fcgi: The configuration is refused' ),
        1, 'the journal says so once' );
    is( main_pid('-prober') > 0, 1, 'the prober waits' );
    cmp_ok( said( 'signpost-prober', 'error:' ), '<=', 1, '… and says so once, too' );
    configure($conf);
    comes_back('with one it serves');
    ok( $t->wait_for( \&publishes, 10 ), '… and so does the prober' );
    socket_is_well('after that');
};

subtest 'a wrong configuration and restarts' => sub {
    configure($wrong);
    for my $round ( 1 .. 7 ) {
        is( $host->systemctl(qw(restart signpost signpost-prober))->{status}, 0, "restart $round" );
        is( goes(), 503, '… is answered with 503' );
    }
    sleep 2;
    my $pid = main_pid('');
    ok( $host->wait_for_unit( 'signpost.service', 'active' ), 'the service runs' );
    socket_is_well('with it');
    configure($conf);
    comes_back('mended, it serves');
    is( main_pid(''), $pid, '… by the same process' );
    ok( $t->wait_for( \&publishes, 10 ), '… and so does the prober' );
};

subtest 'a reload mends it, too' => sub {
    configure($wrong);
    $host->ok_run(qw(systemctl restart signpost));
    is( goes(), 503, 'a wrong configuration at a start' );
    isnt( $host->systemctl(qw(reload signpost))->{status}, 0, 'a reload says so' );
    configure($conf);
    is( $host->systemctl(qw(reload signpost))->{status}, 0, 'a reload after it is mended' );
    comes_back( 'and it serves', 3 );
};

# The program is gone for a moment, as in a careless upgrade, or does not start at all.
subtest 'a program that is gone' => sub {
    my $program = '/usr/local/sbin/signpost.fcgi';
    for my $case ( [ 'not there' => 'true' ], [ 'ends at once' => "cp /bin/false $program" ] ) {
        my ( $name, $replace ) = @$case;
        $host->ok_run( 'sh', '-c', "mv $program $program.away && $replace" );
        $host->systemctl(qw(restart signpost));
        my $waiting = Signpost::Load->new( 1, sub { sleep 0.5; goes() eq $to ? '' : 'lost' } );
        sleep 7;
        socket_is_well("while the program is $name");
        $host->ok_run( 'mv', "$program.away", $program );
        comes_back("$name: once it is back it serves");
        my ( $good, @lost ) = $waiting->end;
        is_deeply( \@lost, [], '… and who had waited, too' );
    }
};

subtest 'killed without pause' => sub {
    for my $round ( 1 .. 20 ) {
        $host->systemctl(qw(kill -s KILL signpost.service));
        sleep 0.1;
    }
    comes_back('SIGKILL');
    socket_is_well('after that');
    for my $round ( 1 .. 30 ) {
        $host->systemctl(qw(kill signpost.service));
        is( goes(), $to, "SIGTERM $round: the next request is answered" ) if $round % 5 == 0;
        sleep 0.02;
    }
    comes_back('SIGTERM');
    socket_is_well('after that');
    for my $round ( 1 .. 10 ) {
        $host->systemctl(qw(kill -s KILL signpost-prober.service));
        is( goes(), $to, 'requests go on while the prober is killed' ) if $round % 5 == 0;
        sleep 0.1;
    }
    ok( $t->wait_for( \&publishes, 20 ), 'the prober comes back, too' );
};

subtest 'the state directory is removed' => sub {
    $host->remove('/var/lib/signpost');
    is( goes(), $to, 'requests go on' );
    ok( $t->wait_for( \&publishes, 20 ), 'the prober has a new one' )
        or diag $host->journal('signpost-prober');
    is( goes(), $to, 'requests go on' );
    configure( $conf =~ s/canonical/region_header = "X-Place";\ncanonical/r );
    is( $host->systemctl(qw(reload signpost))->{status}, 0, 'a reload reaches both' );
    ok( $t->wait_for( sub { said( 'signpost.service', 'read again' ) > 0 } ),
        '… in their own words' );
};

subtest 'reloads without pause under load' => sub {
    my $load   = Signpost::Load->new( 2, sub { sleep 0.005; goes() eq $to ? '' : goes() } );
    my $failed = 0;
    for my $round ( 1 .. 10 ) {
        $failed += $host->systemctl(qw(reload signpost))->{status} != 0;
    }
    my ( $good, @wrong ) = $load->end;
    is_deeply( \@wrong, [], 'nothing is lost' );
    is( $failed, 0, "… of $good requests, and each reload is done" );
};

subtest 'the socket is started anew' => sub {
    for my $round ( 1 .. 7 ) {
        is( $host->systemctl(qw(restart signpost.socket))->{status}, 0, "time $round" );
        comes_back( '… and it serves', 3 );
    }
    $host->ok_run(qw(systemctl stop signpost.service));
    comes_back( 'without the service, the socket starts it', 3 );
    socket_is_well('in the end');
    is( $host->ok_run(qw(systemctl --failed --no-legend --plain)),
        '', 'nothing has failed for good' );
};

$t->done;
