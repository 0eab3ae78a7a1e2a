#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# How many lines of a log a second `signpost replay` decides, twice each, beside how many
# awk takes to print their targets. Run it in the build folder: perl …/t/bench/replay.pl
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Time::HiRes qw(time);

my ( $lines, $rounds ) = ( $ARGV[0] || 1_000_000, 3 );
my $folder  = tempdir( CLEANUP => 1 );
my $conf    = "$FindBin::Bin/../../etc/registry.k8s.io.conf";
my @regions = qw(FR DE US BR JP IN ZA aws:eu-west-3 gcp:us-central1 -);
my @kinds   = ( 'manifests/v1.31.0-', 'manifests/sha256:', 'blobs/sha256:' );

srand 7;
open my $log, '>', "$folder/log" or die $!;
for my $n ( 1 .. $lines ) {
    my $target = $kinds[ rand @kinds ] . sprintf '%064x', rand 5000;
    my $region = $regions[ rand @regions ];
    print {$log} qq(192.0.2.7 - - [23/Nov/2026:20:00:00 +0000] "GET /v2/pause/$target HTTP/1.1" )
        . qq(307 95 "-" "containerd/1.7" "$region"\n);
}
close $log or die $!;

my $build   = $ENV{SIGNPOST_BUILD} || '.';
my @replay  = ( "$build/src/signpost", 'replay', '--config', $conf, '--against', $conf );
my %command = (
    replay => [ @replay, '--quoted',     '4=X-Client-Region', "$folder/log" ],
    awk    => [ 'awk',   '{ print $7 }', "$folder/log" ],
);
my %best;
for my $round ( 1 .. $rounds ) {
    for my $name ( sort keys %command ) {
        my $start = time;
        my $pid   = fork // die $!;
        if ( !$pid ) {
            open $_, '>', '/dev/null' or die $! for *STDOUT, *STDERR;
            exec @{ $command{$name} } or die "$command{$name}[0]: $!\n";
        }
        waitpid $pid, 0;
        die "$name failed\n" if $?;
        my $rate = $lines / ( time - $start );
        $best{$name} = $rate if !$best{$name} || $best{$name} < $rate;
    }
}
printf "%d lines, the best of %d rounds\n", $lines, $rounds;
printf "%-8s %10.0f lines/s\n",             $_,     $best{$_} for 'replay', 'awk';
printf "ratio    %10.2f\n",                 $best{replay} / $best{awk};
