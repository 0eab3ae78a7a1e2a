#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A bucket that is a black hole: how long each of 200 requests for new blobs takes, one after
# the other, from the first on; and what that does to requests that do not need the bucket,
# before and meanwhile. Once with a bucket that takes connections and never answers, and once
# with one that lets none come about. Beside them archeio, where it is installed (on PATH or
# in SIGNPOST_CLIENTS); it is asked for three blobs only, at up to 5 s each.
#
#     SIGNPOST_BUILD=build t/bench/blackhole.pl
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util     qw(max);
use POSIX          ();
use Signpost::Door qw(blob);
use Signpost::Test;
use Signpost::Upstream;
use Signpost::Wire qw(http);
use Test::More;
use Time::HiRes qw(time sleep);

my $blobs = 200;
my $t     = Signpost::Test->new;
my $up    = Signpost::Upstream->start( $t, 'up' );
my $tag   = '/v2/team/app/manifests/v1';

sub quantile {
    my ( $part, @values ) = @_;
    @values = sort { $a <=> $b } @values;
    return $values[ POSIX::floor( $part * $#values + 0.5 ) ];
}

sub milliseconds { return sprintf '%.1f ms', 1000 * $_[0] }

# How long a call takes, in seconds.
sub took {
    my ($code) = @_;
    my $began = time;
    $code->();
    return time - $began;
}

# Requests for a tag, one after the other, by a process of their own: seconds of each, when asked.
sub tags_meanwhile {
    my ($door) = @_;
    pipe my $stop, my $tell or die "pipe: $!";
    my $pid = open( my $from, '-|' ) // die "fork: $!";
    if ( !$pid ) {
        close $tell;
        my $end = time + 60;
        while ( time < $end && !IO::Select->new($stop)->can_read(0.002) ) {
            print took( sub { $door->goes($tag) } ), "\n";
        }
        POSIX::_exit( close(STDOUT) ? 0 : 1 );
    }
    return sub {
        close $tell;
        my @seconds = map { $_ + 0 } <$from>;
        return @seconds;
    };
}

sub report_tags {
    my ( $what, @seconds ) = @_;
    return diag sprintf '  tags %s: median %s, 99 %% within %s, at most %s (%d requests)', $what,
        map( { milliseconds($_) } quantile( 0.5, @seconds ),
        quantile( 0.99, @seconds ),
        max @seconds ),
        scalar @seconds;
}

sub measure {
    my ( $name, $words, $url ) = @_;
    my $more = qq(buckets = ( { name = "hole"; serves = [ "FR" ]; url = "$url/{digest}"; } ););
    my $door = Signpost::Door->start( $t, $name, eu => $up->url, more => $more );
    $t->wait_for( sub { $t->slurp("$door->{state}/health") } );
    diag "signpost, a bucket that $words:";
    my $tags = tags_meanwhile($door);
    sleep 1;
    report_tags( 'before', $tags->() );
    $tags = tags_meanwhile($door);
    my @seconds = map {
        my $path = blob();
        took( sub { $door->goes($path) } )
    } 1 .. $blobs;
    my @waited = grep { $_ > 0.1 } @seconds;
    my ($last) = grep { $seconds[$_] > 0.1 } reverse 0 .. $#seconds;
    my @after  = @seconds[ ( $last // -1 ) + 1 .. $#seconds ];
    diag sprintf '  blobs: the first %s; %d of %d waited, the last of them as number %d',
        milliseconds( $seconds[0] ), scalar @waited, $blobs, ( $last // -1 ) + 1;
    diag sprintf '  blobs after that: median %s, 99 %% within %s (goal: 5 ms), at most %s',
        map { milliseconds($_) } quantile( 0.5, @after ), quantile( 0.99, @after ), max @after;
    report_tags( 'meanwhile', $tags->() );
    $door->stop;
    return;
}

# It has its buckets compiled in, but for the one for clients of no cloud.
sub archeio {
    my ($url) = @_;
    my $program = $t->find('archeio');
    return diag 'archeio is not installed, and left out' if !$program;
    my $port = $t->port;
    $t->start( archeio => [$program], env => { PORT => $port, DEFAULT_AWS_BASE_URL => $url } );
    $t->wait_for_port( 'archeio', $port );
    my @blobs = map {
        my $path = blob();
        took( sub { http( $port, 'GET', $path ) } )
    } 1 .. 3;
    my @tags = map {
        took( sub { http( $port, 'GET', $tag ) } )
    } 1 .. 50;
    diag 'archeio: blobs ' . join ', ', map { milliseconds($_) } @blobs;
    report_tags( 'beside', @tags );
    return $t->stop( 'archeio', 'KILL' );
}

my $hole = Signpost::Upstream::black_hole();
measure( 'silent', 'takes connections and never answers', $up->url . '/v2/silent/x' );
measure( 'hole',   'lets no connection come about',       $hole->{url} );
archeio( $hole->{url} );
pass('measured');
$t->done;
