# SPDX-License-Identifier: Apache-2.0
#
# New layers on slow networks: with 20, 100 and 300 ms to the targets, next to none goes
# past the nearest place that holds it. How long that takes: t/bench/delays.pl.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Delays;
my $hindrance = Signpost::Delays::enter();

use Signpost::Bucket;
use Signpost::Registry;
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new->need(qw(ip unshare nginx docker-registry));
$t->skip_all($hindrance) if $hindrance;
$t->skip_all('signpost was built without its prober')
    if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};

my $regional = Signpost::Registry->start( $t, 'regional', everywhere => 1 );
my $bucket   = Signpost::Bucket->start( $t, 'bucket' );
my @bytes    = map { "layer $_" } 1 .. 2050;
my @layers   = map { "/v2/team/app/blobs/$_" } $regional->add_blobs( 'team/app', @bytes );
$bucket->add($_) for @bytes;

# All delays at once, each with a front door of its own.
my @ms    = ( 20, 100, 300 );
my @lines = map { Signpost::Delays::line( $t, $_ ) } @ms;
my @doors = map { Signpost::Delays::door( $t, $_, $regional, $bucket ) } @lines;
my @first = splice @layers, 0, 50;
Signpost::Delays::pace( { rate => 20 }, map { [ $_->{socket}, @first ] } @doors );
my ( @went, $held_up );
( @went[ 0 .. $#ms ], $held_up ) =
    Signpost::Delays::pace( { rate => 150, most => 40 }, map { [ $_->{socket}, @layers ] } @doors );

for my $i ( 0 .. $#ms ) {
    my $nearest = $bucket->base( $lines[$i] );
    my @past    = grep { $_->[0] !~ /^\Q$nearest/ } @{ $went[$i] };
    my @seconds = sort { $a <=> $b } map { $_->[1] } @{ $went[$i] };
    note sprintf
        '%d ms, by a TUN device: %d went past; half of them waited %.0f ms, 99 %% at most %.0f ms',
        $ms[$i], scalar @past, map { 1000 * $seconds[$_] } @seconds / 2, @seconds * 0.99;
    is( scalar @{ $went[$i] }, @layers, "$ms[$i] ms: all new layers are answered" );
SKIP: {
        skip sprintf( 'this machine stood still for %.0f ms', 1000 * $held_up ), 1
            if $held_up > 0.2 && @past > @layers / 1000 && @past < @layers / 5;
        cmp_ok(
            scalar @past, '<=',
            @layers / 1000,
            '… and at most one in a thousand goes past the bucket that holds it'
        );
    }
}

$t->done;
