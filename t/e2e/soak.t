# SPDX-License-Identifier: Apache-2.0
#
# The short form of t/bench/soak.pl: some seconds of requests of all classes, in which what
# happens in a week to a front door happens to it, and no answer is wrong or lost.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Soak;
use Signpost::Test;
use Test::More;

my $t         = Signpost::Test->new;
my $sanitized = $t->slurp( $t->built('Makefile') ) =~ /^MODE_CFLAGS = .*sanitize/m;
my $seed      = $ENV{SIGNPOST_TEST_SEED} || time ^ $$;
note "SIGNPOST_TEST_SEED=$seed";
my $soak = Signpost::Soak->start(
    $t,
    requests        => 1_000_000,
    seconds         => 11,
    first           => 4,
    growth          => 512,
    reload          => 2,
    prober          => 6,
    files           => 3,
    upstream        => 4,
    health_interval => 1,
    connections     => 6,
    index_lines     => 2_000,
    seed            => $seed,
    sanitized       => $sanitized,
);
$soak->run;
is_deeply( [ $soak->faults ], [], 'no answer is wrong or lost, and nothing grows' );

for my $server (qw(nginx lighttpd)) {
    my $answered = $soak->load->{$server}{answered};
    cmp_ok( $answered, '>=', 1000, "many requests through $server ($answered)" );
}
my $count = $soak->count;
cmp_ok( $count->{reload},   '>=', 3, "reloads: $count->{reload}" );
cmp_ok( $count->{prober},   '>=', 1, "deaths of the prober: $count->{prober}" );
cmp_ok( $count->{files},    '>=', 2, "replacements of index and database: $count->{files}" );
cmp_ok( $count->{upstream}, '>=', 2, "deaths and returns of an upstream: $count->{upstream}" );
note $soak->figures;
$t->done;
