# SPDX-License-Identifier: Apache-2.0
#
# A name server that does not answer: what the prober does for other targets does not wait for
# it, nor does its end.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Signpost::Door   qw(state_dir);
use Signpost::Prober qw(target_id use_of);
use Signpost::Test;
use Signpost::Upstream;
use Test::More;
use Time::HiRes qw(time);

my $t = Signpost::Test->new->need('unshare');
$t->skip_all('only root can have a name server of its own') if $> != 0;

# A name server whose queries nobody reads.
my ( $queries, $server );
for ( 1 .. 20 ) {
    $server  = join '.', 127, map { 1 + int rand 250 } 1 .. 3;
    $queries = IO::Socket::INET->new( Proto => 'udp', LocalAddr => $server, LocalPort => 53 );
    last if $queries;
}
$t->skip_all("the port of a name server cannot be had: $!") if !$queries;
my $resolv = $t->file( 'resolv.conf', "nameserver $server\n" );
my @apart =
    ( $t->find('unshare'), '-m', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"' );
$t->run( [ @apart, $resolv, 'true' ] )->{status} == 0
    or $t->skip_all('file systems cannot be mounted here');

my $up    = Signpost::Upstream->start( $t, 'up' );
my $state = state_dir( $t, 'state' );
my @names = map { "http://slow$_.example.org" } 1 .. 8;
my $slow  = join '', map { my $n = $_; qq(slow$n = { url = "$names[$n - 1]"; }; ) } 1 .. 8;
my $conf  = $t->file( 'signpost.conf', <<"EOT");
name = "registry.example.org"; canonical = [ "up" ]; state = "$state"; prober = "service";
upstreams = { up = { url = "${\ $up->url }"; }; $slow };
EOT
$t->start( 'prober',
    [ @apart, $resolv, $t->program('signpost'), 'prober', '--config', $conf, '--stay' ] );
my $prober = bless { t => $t, name => 'prober', state => $state }, 'Signpost::Prober';
$t->wait_for( sub { $prober->try_client } ) or die $t->complaints('prober');

my $client = $prober->client;
$client->send( use_of( map { target_id($_) } @names ) );
my ( $slowest, $asked, $end ) = ( 0, 0, time + 12 );
while ( time < $end ) {
    my $digest = sprintf 'sha256:%064x', $asked++;
    my $began  = time;
    my $n      = $client->begin( [ target_id( $up->url ) ], 'blobs', 'present/app', $digest );
    my @held   = $client->answer( $n, 20 );
    my $took   = time - $began;
    $slowest = $took if $took > $slowest;
    Time::HiRes::sleep(0.1);
}
cmp_ok( $asked, '>', 20, 'another target is asked all the time' );
cmp_ok( $slowest, '<', 2, sprintf 'and none of %d answers takes long (%.2f s)', $asked, $slowest );
my $began = time;
$t->stop('prober');
cmp_ok( time - $began, '<', 3, 'the prober ends at once when it is told to' );
$t->done;
