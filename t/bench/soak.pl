#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A soak: requests of all classes, through nginx with kept connections and through lighttpd, half
# each. Meanwhile the configuration is read again every 10 s, the prober is killed every minute,
# the index and a database are replaced every 20 s, and an upstream dies or returns every 25 s.
# Every answer is compared with what is right at that moment. Prints figures; fails if an answer
# was wrong or lost, or if private memory, descriptors or mapped files have grown.
#
#     SIGNPOST_BUILD=build t/bench/soak.pl [--requests 10000000] [--connections 16] [--seed N]
#         [--reload 10] [--prober 60] [--files 20] [--upstream 25] [--first 60] [--seconds N]
#
# 10 million requests take some 10 minutes on two cores.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Getopt::Long qw(GetOptions);
use Signpost::Soak;
use Signpost::Test;
use Test::More;

my %option = (
    requests => 10_000_000,
    reload   => 10,
    prober   => 60,
    files    => 20,
    upstream => 25,
    seed     => time
);
GetOptions( \%option,
    map { "$_=i" } qw(requests connections seed reload prober files upstream first seconds) )
    or exit 2;
my $t = Signpost::Test->new;
alarm 0;
my $soak = Signpost::Soak->start( $t, %option );
$soak->run;
diag("seed $option{seed}");
diag($_) for split /\n/, $soak->figures;
is_deeply( [ $soak->faults ], [], 'nothing is wrong' );
$t->done;
