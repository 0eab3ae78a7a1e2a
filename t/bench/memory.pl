#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The memory of a front door and of its prober, before and after 50,000 questions for blobs that
# nobody knows; and how many of these a second are answered. All go to the same nginx, 200 at a
# time.
#
#     SIGNPOST_BUILD=build t/bench/memory.pl [QUESTIONS]
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Door    qw(blob state_dir);
use Signpost::Servers qw(nginx);
use Signpost::Test;
use Test::More;
use Time::HiRes qw(time);

my ( $questions, $at_once ) = ( $ARGV[0] || 50_000, 200 );
my $t = Signpost::Test->new;
$t->need('nginx');
alarm 0;

# What the kernel says of a process's memory.
sub report {
    my ( $what, $pid ) = @_;
    my %kb = ( $t->slurp("/proc/$pid/smaps_rollup") . $t->slurp("/proc/$pid/status") ) =~
        /^(Pss|RssAnon|RssFile):\s+(\d+)/mg;
    return diag sprintf '  %-24s %6d KB of its own, %6d KB with its share of files (Pss)', $what,
        $kb{RssAnon}, $kb{Pss};
}

my $state = state_dir( $t, 'door.state' );
my $port  = nginx( $t, 'nginx', socket => '/nowhere', extra => 'return 404;' );
my $door  = Signpost::Door->start(
    $t, 'door',
    eu    => "http://127.0.0.1:$port",
    state => $state,
    more  => <<'EOT'
probe_rate = 100000; probe_burst = 100000; max_parked = 1000;
EOT
);
$door->ready or die 'the prober is not asked: ' . $t->complaints('door');
report( 'front door, at first', $t->pid('door') );
report( 'prober, at first',     $door->prober_pid );
my $began = time;
my %went;

for ( 1 .. $questions / $at_once ) {
    my @path    = map { blob() } 1 .. $at_once;
    my @waiting = map { $door->begin($_) } @path;
    $went{ $door->host_of( $waiting[$_], $path[$_] ) }++ for 0 .. $#path;
}
diag sprintf '  %d questions in %.1f s, %.0f a second; %d of them answered by a HEAD', $questions,
    time - $began, $questions / ( time - $began ), $went{ $door->us } // 0;
report( 'front door', $t->pid('door') );
report( 'prober',     $door->prober_pid );
diag sprintf '  the file: %.1f MB', ( -s "$state/cache.table" ) / 1e6;
$door->stop;
pass('measured');
$t->done;
