# SPDX-License-Identifier: Apache-2.0
#
# systemd's units as installed, on a machine of the test's own: systemd finds nothing wrong
# with them and rates them as safe, the user is made, and a restart on a socket that is held
# as systemd holds it loses nothing, though it is not systemd that restarts here.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use Signpost::FakeProber;
use Signpost::FastCGI qw(request variables);
use Signpost::Load;
use Signpost::Machine;
use Signpost::Shipped;
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;
use Time::HiRes qw(sleep);

Signpost::Machine::enter();
my $t = Signpost::Test->new->need(qw(systemd-analyze systemd-sysusers));
Signpost::Machine::install($t);

my $folder = '/usr/local/lib/systemd/system';
my @units  = glob "$folder/signpost*";
is( scalar @units, 5, 'two services with a socket and a timer, and the prober' );
my $run = $t->run( [ 'systemd-analyze', '--man=no', 'verify', @units ] );
is( $run->{out} . $run->{err}, '', 'systemd has nothing to say' );
is( $run->{status},            0,  'and nothing against them' );

# The rates are from 0 to 10, times ten here: "safe" is to 1.0, "ok" to 4.4.
my %at_most = ( 'signpost' => 5, 'signpost-prober' => 15, 'signpost-ranges' => 20 );
for my $unit ( sort keys %at_most ) {
    $run = $t->run(
        [
            qw(systemd-analyze security --no-pager --offline=yes), "--threshold=$at_most{$unit}",
            "$folder/$unit.service"
        ]
    );
    is( $run->{status}, 0, "$unit is as shut in as it can be" ) or diag $run->{out}, $run->{err};
    note $run->{out} =~ /(Overall exposure.*)/;
}
my $service = $t->slurp("$folder/signpost.service");
like( $service, qr/^StateDirectoryMode=0755$/m, 'who reads metrics may go to the public folder' );
like( $service, qr/^LogsDirectory=signpost$/m,  'there is a place for the log' );
SKIP: {
    my $logrotate = $t->find('logrotate') or skip 'logrotate is not installed', 2;
    $run = $t->run( [ $logrotate, '--debug', '/etc/logrotate.d/signpost' ] );
    is( $run->{status}, 0, '… that is looked after' );
    unlike( $run->{err}, qr/error/, '… as logrotate understands' );
}
like( $service, qr/^PrivateNetwork=yes$/m,              'the responder has no network' );
like( $service, qr/^RestrictAddressFamilies=AF_UNIX$/m, 'but the local socket' );
like( $service, qr/^IPAddressDeny=any$/m,               'nor may it have one' );
ok( scalar getpwnam('signpost'), 'systemd-sysusers has made the user' );

# What a unit allows, beside what its process takes with all that the configuration allows.
subtest 'memory' => sub {
    my ($megabytes) = $service =~ /^MemoryMax=(\d+)M$/m;
    my $state       = $t->dir('state');
    my $conf        = $t->file( 'memory.conf', <<'EOT' );
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; };
              eu = { url = "https://eu.example.org"; serves = [ "EU" ]; }; };
canonical = [ "us" ];
region_header = "X-Client-Region";
state     = "@DIR@/state";
EOT
    my $fake = Signpost::FakeProber->start( $t, 'fake', $state );
    my $path = $t->folder . '/memory.sock';
    $t->start(
        memory => [ '/usr/local/sbin/signpost.fcgi', '--config', $conf, '--listen', $path ] );
    my $anonymous = sub {
        my $status = $t->slurp( '/proc/' . $t->pid('memory') . '/status' );
        return ( $status =~ /^RssAnon:\s*(\d+) kB/m )[0] / 1024;
    };
    my %large = ( HTTP_X_CLIENT_REGION => 'FR', HTTP_X_LARGE => 'x' x 30_000 );
    $t->wait_for( sub { Signpost::FastCGI->new($path) } );
    my @connections = map {
        my $connection = Signpost::FastCGI->new($path);
        my $digest     = sprintf 'sha256:%064x', $_;
        my $begun = request( variables( "/v2/never/app/manifests/$digest", %large ), keep => 1 );
        $connection->send( $_ <= 256 ? $begun : substr $begun, 0, 20_000 );
        $connection;
    } 1 .. 1000;
    my $most = 0;
    $t->wait_for( sub { $most = $anonymous->() if $anonymous->() > $most; $most > 10 }, 1.2 );
    cmp_ok( $most, '>', 10, sprintf 'with 256 requests that wait it takes %.1f MB', $most );
    cmp_ok( $most * 4, '<', $megabytes, "of the $megabytes MB that its unit allows" );
    $_->close for @connections;
    $t->stop('memory');
    $fake->stop;
};

subtest 'a restart loses nothing' => sub {
    my ( $door, $why ) = Signpost::Shipped->new( $t, 'nginx', <<'EOT');
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
prober    = "off";
EOT
    plan skip_all => $why if !$door;

    # The socket's owner stays; the service is the command of the unit, with that socket.
    my $path = '/run/signpost.sock';
    is( ( $t->slurp("$folder/signpost.socket") =~ /^ListenStream=(.*)$/m )[0],
        $path, 'the socket is where web servers look' );
    my $socket = IO::Socket::UNIX->new( Local => $path, Listen => 4096 ) or die "$path: $!";
    chmod 0666, $path or die "$path: $!";
    my ($command) = $service =~ /^ExecStart=(.*)$/m;
    my $serve = sub { $t->start( service => [ split ' ', $command ], stdin => $socket ) };
    $door->start($serve);
    my $to   = 'https://us.example.org/v2/app/manifests/v1';
    my $load = Signpost::Load->new(
        3,
        sub {
            my $answer = http( 80, GET => '/v2/app/manifests/v1' );
            return ( $answer->{header}{location} // '' ) eq $to ? '' : $answer->{raw}
                || 'no answer';
        }
    );
    for ( 1 .. 5 ) {
        sleep 0.1;
        is( $t->stop('service'), 0, 'the service stops' );
        sleep 0.05;    # nobody accepts: requests wait at the socket
        $serve->();
    }
    sleep 0.1;
    my ( $good, @wrong ) = $load->end;
    is_deeply( \@wrong, [], 'no request is lost' );
    cmp_ok( $good, '>', 20, "among many ($good)" );
    $door->stop;
    $t->stop('service');
};

subtest 'systemctl reload' => sub {
    my $conf = sub { <<"EOT" };
name      = "registry.example.org";
upstreams = { us = { url = "https://$_[0].example.org"; };
              eu = { url = "https://eu.example.org"; serves = [ "EU" ]; }; };
canonical = [ "us" ];
EOT
    my ( $door, $why ) = Signpost::Shipped->new( $t, 'nginx', $conf->('old') );
    plan skip_all => $why if !$door;
    $t->run( [qw(install -d -o signpost -g www-data -m 750 /var/lib/signpost)] );
    $door->start;
    my ($command)  = $service =~ /^ExecReload=(.*)$/m;
    my @as_service = qw(setpriv --reuid signpost --regid www-data --clear-groups);
    my $goes       = sub { http( 80, GET => '/v2/app/manifests/v1' )->{header}{location} // '' };
    my $prober =
        sub { $t->slurp('/var/lib/signpost/health') =~ /^target (?!.* eu ).*$/m ? $& : '' };
    like( $goes->(), qr/old/, 'it serves' );
    ok( $t->wait_for($prober), 'with a prober' );
    my $before = $prober->();
    $t->file( '/etc/signpost.conf', $conf->('new') );
    is( $t->run( [ @as_service, split ' ', $command ] )->{status}, 0, 'it is told to reload' );
    ok( $t->wait_for( sub { $goes->() =~ /new/ } ),         '… and has the new configuration' );
    ok( $t->wait_for( sub { $prober->() ne $before }, 40 ), '… as has the prober' );
    $t->file( '/etc/signpost.conf', $conf->('worse') . "nonsense = 1;\n" );
    my $refused = $t->run( [ @as_service, split ' ', $command ] );
    isnt( $refused->{status}, 0, 'a mistake is refused' );
    like( $refused->{err}, qr/signpost\.conf:5: error: /, '… with its line' );
    like( $goes->(),       qr/new/,                       '… and the old one serves' );
    $door->stop;
};

$t->done;
