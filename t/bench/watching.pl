#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What it costs to be watched: signpost.fcgi behind nginx with kept connections,
# which counts and logs nothing; counts, and logs one request in a hundred; counts, and
# logs each request as JSON.
#
#     SIGNPOST_BUILD=build t/bench/watching.pl [SECONDS [ROUNDS]]
#
# They are measured in turn, round after round, there and back; what is printed are the
# medians of the rounds' ratios, so that the machine's moods cancel out. Where others use
# the machine, too, look at the requests for a second of processor time, nginx's and the
# responder's: the throughput of a machine that has nothing else to do.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX             ();
use Signpost::Servers qw(signpost nginx);
use Signpost::Test;
use Test::More;

my ( $seconds, $rounds ) = ( $ARGV[0] || 1, $ARGV[1] || 25 );
my $target = '/v2/pause/manifests/latest';
my $tick   = POSIX::sysconf( POSIX::_SC_CLK_TCK() );

my $t = Signpost::Test->new;
alarm 0;
$t->need(qw(nginx wrk));
my $conf = $t->slurp( $t->source('etc/registry.k8s.io.conf') ) =~ s/^state\b.*//mr;

my @subjects = (
    { name => 'neither', more => 'metrics = "off"; log = "off";' },
    {
        name => 'metrics and a sampled log',
        more => 'metrics = "on"; log = "sampled";',
        goal => 'at least 0.97'
    },
    {
        name => 'metrics and a full log in JSON',
        more => 'metrics = "on"; log = "all"; log_format = "json";',
        goal => 'at least 0.85'
    },
);
my $program = $t->program('signpost');

for my $i ( 0 .. $#subjects ) {
    my $state = $t->dir("state$i");
    chmod 0755, $state;
    my $socket = signpost( $t, "signpost$i", conf => <<"EOT");
$conf
$subjects[$i]{more}
state = "$state"; prober = "start"; prober_program = "$program";
log_to = "$state/log";
EOT
    $subjects[$i]{log}  = "$state/log";
    $subjects[$i]{port} = nginx(
        $t, "nginx$i",
        socket   => $socket,
        upstream => 'keepalive 16; keepalive_requests 1000000000;',
        extra    => 'fastcgi_keep_conn on;'
    );
    $subjects[$i]{pids} = [ map { $t->pid("$_$i") } qw(nginx signpost) ];
}

# Seconds of processor time that nginx and the responder have used.
sub cpu_seconds {
    my ($subject) = @_;
    my $ticks = 0;
    for my $pid ( @{ $subject->{pids} } ) {
        my @field = split ' ', $t->slurp("/proc/$pid/stat") =~ s/.*\)//sr;
        $ticks += $field[11] + $field[12];
    }
    return $ticks / $tick;
}

# Requests a second, and for a second of processor time.
sub measure {
    my ( $subject, $for ) = @_;
    my $before = cpu_seconds($subject);
    my $run    = $t->run(
        [ $t->find('wrk'), '-t1', '-c16', "-d${for}s", "http://127.0.0.1:$subject->{port}$target" ]
    );
    die "wrk: $run->{out}$run->{err}" if $run->{out} =~ /Socket errors|Non-2xx or 3xx/;
    my ( $count, $took ) = $run->{out} =~ /(\d+) requests in ([\d.]+)s/ or die $run->{out};
    truncate $subject->{log}, 0 if -e $subject->{log};
    return ( $count / $took, $count / ( cpu_seconds($subject) - $before ) );
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[ @sorted / 2 ];
}

measure( $_, 1 ) for @subjects;    # to warm up
for my $round ( 1 .. $rounds ) {
    for my $subject ( $round % 2 ? @subjects : reverse @subjects ) {
        my ( $rate, $capacity ) = measure( $subject, $seconds );
        push @{ $subject->{rate} },     $rate;
        push @{ $subject->{capacity} }, $capacity;
    }
}

diag("medians of $rounds rounds of $seconds s each, 16 connections:");
diag('  requests/s   for a second of processor time');
diag(
    sprintf '  %10.0f   %10.0f   %s',
    median( @{ $_->{rate} } ),
    median( @{ $_->{capacity} } ),
    $_->{name}
) for @subjects;
diag('times those with neither:');
for my $subject ( @subjects[ 1 .. $#subjects ] ) {
    my @ratio = map {
        my $what = $_;
        median( map { $subject->{$what}[$_] / $subjects[0]{$what}[$_] } 0 .. $rounds - 1 )
    } qw(rate capacity);
    diag( sprintf '  %10.3f   %10.3f   %s (goal: %s)',
        @ratio, $subject->{name}, $subject->{goal} // 'none' );
}
pass('measured');
for my $i ( 0 .. $#subjects ) {
    $t->stop("nginx$i");
    $t->stop("signpost$i");
}

# Each prober ends a few seconds after its responder.
$t->wait_for(
    sub {
        !grep { -e $t->folder . "/state$_/prober.socket" } 0 .. $#subjects;
    },
    20
);
$t->done;
