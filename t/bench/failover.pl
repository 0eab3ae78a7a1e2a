#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A region is killed under load, with default settings: how long until requests go
# elsewhere, how many went to the dead one meanwhile, and how long it takes until it has
# all of them again. Not a test.
#
#     SIGNPOST_BUILD=build t/bench/failover.pl [REQUESTS A SECOND]
#
# Most are for tags, which are found out by checks alone; one in ten is for a new blob, so
# that the prober's own HEADs tell. It ends within about three minutes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::FastCGI qw(request variables);
use Signpost::Prober;
use Signpost::Servers qw(signpost);
use Signpost::Test;
use Signpost::Upstream;
use Test::More;
use Time::HiRes qw(time sleep);

my $rate = $ARGV[0] || 2000;
my $t    = Signpost::Test->new;
my %up   = map { $_ => Signpost::Upstream->start( $t, $_ ) } qw(eu us);

my ( $digest, $client ) = ( 0, 0 );

# Sends one request; where it goes.
sub ask {
    my ( $c, $with_blobs ) = @_;
    my $path =
          $with_blobs && ++$digest % 10 == 0
        ? sprintf( '/v2/present/app/blobs/sha256:%064x', $digest )
        : '/v2/present/app/manifests/v1';
    $client = ( $client + 1 ) % 5000;
    my $variables = variables(
        $path,
        REMOTE_ADDR          => sprintf( '10.1.%d.%d', $client / 200, $client % 200 ),
        HTTP_X_CLIENT_REGION => 'FR'
    );
    $c->send( request( $variables, keep => 1 ) );
    my $location = ( $c->answer || {} )->{location} // '';
    return ( grep { index( $location, $up{$_}->url . '/' ) == 0 } qw(eu us) )[0] // 'none';
}

# Paced load until the code, given each answer, is content; true if it was in time.
sub load {
    my ( $c, $with_blobs, $seconds, $code ) = @_;
    my ( $began, $sent ) = ( time, 0 );
    while ( time - $began < $seconds ) {
        return 1 if $code->( ask( $c, $with_blobs ) );
        my $ahead = ++$sent / $rate - ( time - $began );
        sleep $ahead if $ahead > 0;
    }
    return 0;
}

sub run {
    my ( $name, $with_blobs ) = @_;
    my $state = $t->dir("$name.state");
    my $conf  = <<"EOT";
name = "registry.example.org"; state = "$state"; prober = "service"; canonical = [ "us" ];
upstreams = { eu = { url = "@{[ $up{eu}->url ]}"; serves = [ "EU" ]; };
              us = { url = "@{[ $up{us}->url ]}"; }; };
EOT
    my $socket = signpost( $t, $name, conf => $conf );
    Signpost::Prober->start( $t, "$name-prober", $t->folder . "/$name.conf", $state );
    my $c = Signpost::FastCGI->new($socket) // die "$socket: $!";
    load( $c, $with_blobs, 5, sub { return 0 } );

    $t->stop('eu');
    my ( $began, $dead, $after, $first ) = ( time, 0, 0, undef );
    load(
        $c,
        $with_blobs,
        45,
        sub {
            my ($to) = @_;
            $first //= time if $to eq 'us';
            $dead++  if $to eq 'eu';
            $after++ if $to eq 'eu' && $first;
            return $first && time - $first > 3;
        }
    );
    $up{eu}->again;
    my ( $back, $in_row, $some ) = ( time, 0, undef );
    load(
        $c,
        $with_blobs,
        100,
        sub {
            $some //= time if $_[0] eq 'eu';
            $in_row = $_[0] eq 'eu' ? $in_row + 1 : 0;
            return $in_row > $rate;
        }
    );
    printf "%-22s %9.1f %10d %12d %11.1f %11.1f\n", $with_blobs ? 'tags and new blobs' : 'tags alone',
        ( $first // time ) - $began, $dead, $after, ( $some // time ) - $back, time - $back;
    $t->stop($_) for $name, "$name-prober";
    return;
}

$| = 1;
printf "%-22s %9s %10s %12s %11s %11s\n", "$rate/s", 'first, s', 'to dead', 'after first', 'returns, s',
    'all back, s';
run( 'blobs', 1 );
run( 'tags',  0 );
pass('measured');
$t->done;
