#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# How long the first request for a digest takes on slow networks, in round trips and
# what is added to them: of layers that a bucket holds, by HTTP/1.1 and by HTTP/2 over
# TLS, and of signatures' manifests, which the regional registry has to deny. First with
# kept connections, at a steady pace; then the very first request of a fresh prober,
# which has to connect.
#
#     SIGNPOST_BUILD=build t/bench/delays.pl [REQUESTS [RATE]]
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Delays;
my $hindrance = Signpost::Delays::enter();

use Digest::SHA qw(sha256_hex);
use Signpost::Bucket;
use Signpost::Registry;
use Signpost::Test;
use Test::More;

my ( $requests, $rate ) = ( $ARGV[0] || 1000, $ARGV[1] || 40 );

my $t = Signpost::Test->new->need(qw(ip unshare nginx docker-registry openssl));
alarm 0;
$t->skip_all($hindrance) if $hindrance;

my @ms    = ( 20, 100, 300 );
my @lines = map { Signpost::Delays::line( $t, $_ ) } @ms;

my $registry = Signpost::Registry->start( $t, 'registry', everywhere => 1 );
my $plain    = Signpost::Bucket->start( $t, 'plain' );
my $secure   = Signpost::Bucket->start( $t, 'secure', secure => \@lines );
my $trust    = 'ca_file = "' . $t->folder . '/secure.pem";';

my $made = 0;

# Paths of layers that nobody has asked for yet, and of manifests that nobody has.
sub layers {
    my ($count) = @_;
    my @bytes = map { 'layer ' . ++$made } 1 .. $count;
    for my $bucket ( $plain, $secure ) {
        $bucket->add($_) for @bytes;
    }
    return map { "/v2/team/app/blobs/$_" } $registry->add_blobs( 'team/app', @bytes );
}

sub manifests {
    my ($count) = @_;
    return
        map { '/v2/team/app/manifests/sha256:' . sha256_hex( 'manifest ' . ++$made ) } 1 .. $count;
}

# Milliseconds: the median, the 99th hundredth and the longest.
sub spread {
    my @ms = sort { $a <=> $b } map { 1000 * $_->[1] } @_;
    return @ms[ @ms / 2, @ms * 0.99, -1 ];
}

# What is measured: a name, a bucket, and what makes paths.
my @subjects = (
    [ 'layer, HTTP/1.1',       $plain,  \&layers ],
    [ 'layer, TLS and HTTP/2', $secure, \&layers ],
    [ 'signature, HTTP/1.1',   $plain,  \&manifests ],
);

diag("$requests new digests, $rate a second; milliseconds until the redirect, with TCP's congestion"
);
diag( 'control "' . Signpost::Delays::congestion_control() . '":' );
diag('  round trip   median    99 %  longest   99 % less the round trip (goal: at most 50)');
for my $i ( 0 .. $#ms ) {
    for my $subject (@subjects) {
        my ( $name, $bucket, $paths ) = @$subject;
        my $door      = Signpost::Delays::door( $t, $lines[$i], $registry, $bucket, $trust );
        my $warm      = 3 * $rate;
        my ($answers) = Signpost::Delays::pace( { rate => $rate },
            [ $door->{socket}, layers(1), $paths->( $warm - 1 + $requests ) ] );
        my ( $median, $most, $longest ) = spread( @$answers[ $warm .. $#$answers ] );
        diag( sprintf '  %7d   %9.1f %7.1f  %7.1f   %7.1f   %s',
            $ms[$i], $median, $most, $longest, $most - $ms[$i], $name );
    }
}

diag('The first request of all, which has to connect (median of 5 fresh probers):');
diag('  round trip   median   round trips');
for my $i ( 0 .. $#ms ) {
    for my $subject (@subjects) {
        my ( $name, $bucket, $paths ) = @$subject;
        my @first;
        for ( 1 .. 5 ) {
            my $door = Signpost::Delays::door( $t, $lines[$i], $registry, $bucket, $trust );
            push @first,
                @{ ( Signpost::Delays::pace( { rate => 1 }, [ $door->{socket}, $paths->(1) ] ) )[0]
                };
        }
        my ($median) = spread(@first);
        diag( sprintf '  %7d   %9.1f   %7.2f   %s', $ms[$i], $median, $median / $ms[$i], $name );
    }
}
pass('measured');
$t->done;
