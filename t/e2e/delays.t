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

# All delays at once, each with a front door of its own. So many new layers a second as
# the prober may ask for by default.
my @ms    = ( 20, 100, 300 );
my @lines = map { Signpost::Delays::line( $t, $_ ) } @ms;
my @doors = map { Signpost::Delays::door( $t, $_, $regional, $bucket ) } @lines;
my @first = splice @layers, 0, 50;
Signpost::Delays::pace( 20, map { [ $_->{socket}, @first ] } @doors );
my @went = Signpost::Delays::pace( 200, map { [ $_->{socket}, @layers ] } @doors );

for my $i ( 0 .. $#ms ) {
    my $nearest = $bucket->base( $lines[$i] );
    my @past    = grep { $_->[0] !~ /^\Q$nearest/ } @{ $went[$i] };
    is( scalar @{ $went[$i] }, @layers, "$ms[$i] ms: all new layers are answered" );
    cmp_ok(
        scalar @past, '<=',
        @layers / 1000,
        '… and at most one in a thousand goes past the bucket that holds it'
    );
    my @seconds = sort { $a <=> $b } map { $_->[1] } @{ $went[$i] };
    note sprintf '%d went past; the median waited %.0f ms, 99 %% of them at most %.0f ms',
        scalar @past, 1000 * $seconds[ @seconds / 2 ], 1000 * $seconds[ @seconds * 0.99 ];
}

$t->done;
