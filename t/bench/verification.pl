#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# What checks of existence cost a verification: cosign 2 (a tag) and cosign 3 (a bundle)
# verify an image whose signatures only the canonical registry has, from elsewhere, with
# the same round trip to the front door, and from there and from the client to all
# registries and buckets: with an index, so that nothing is
# checked; with a prober that knows nothing yet; and with the same one a second time.
#
#     SIGNPOST_BUILD=build SIGNPOST_CLIENTS=FOLDER t/bench/verification.pl [ROUNDS]
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Delays;
my $hindrance = Signpost::Delays::enter();

use Signpost::Bucket;
use Signpost::Clients;
use Signpost::Prober;
use Signpost::Registry qw(image key_pair signature signature_tag);
use Signpost::Servers  qw(signpost nginx);
use Signpost::Test;
use Test::More;
use Time::HiRes qw(time);

my $rounds = $ARGV[0] || 5;

my $t = Signpost::Test->new->need(qw(ip unshare nginx docker-registry openssl));
alarm 0;
$t->skip_all($hindrance) if $hindrance;
$t->need(qw(cosign cosign3 referrers-registry));

my @ms        = ( 20, 100, 300 );
my @lines     = map { Signpost::Delays::line( $t, $_ ) } @ms;
my $regional  = Signpost::Registry->start( $t, 'regional', everywhere => 1 );
my $canonical = Signpost::Registry->start_with_referrers( $t, 'canonical', everywhere => 1 );
my $bucket    = Signpost::Bucket->start( $t, 'bucket' );

my $key     = key_pair( $t, 'ours' );
my $clients = Signpost::Clients->new( $t, $key );
my %image   = map { $_ => image( 'hello.txt' => $_ ) } qw(tag bundle);
for my $name ( sort keys %image ) {
    $_->push( $name, $image{$name}, 'v1' ) for $regional, $canonical;
}
$canonical->push(
    'tag',
    signature( $t, $key, $image{tag}, 'registry.example.org/tag' ),
    signature_tag( $image{tag} )
);
$clients->signs( 'cosign3', "127.0.0.1:$canonical->{port}/bundle\@$image{bundle}{digest}" );

my $doors = 0;

# A front door that knows nothing yet but what an index tells, if there is one.
sub door {
    my ( $address, $index ) = @_;
    my $name  = 'door' . ++$doors;
    my $state = $t->dir("$name.state");
    chmod 0755, $state;
    my $conf = <<"EOT";
name      = "registry.example.org";
upstreams = { regional = { url = "http://$address:${\ $regional->port }"; serves = [ "EU" ]; };
              central  = { url = "http://$address:${\ $canonical->port }"; }; };
buckets   = ( { name = "cdn"; serves = [ "*" ]; url = "${\ $bucket->url($address) }"; } );
canonical = [ "central" ];
state     = "$state";
prober    = "service";
@{[ $index ? qq(index = "$index";) : '' ]}
EOT
    my $file = $t->file( "$name.prober", $conf );
    Signpost::Prober->start( $t, "$name-prober", $file, $state );
    my $port = nginx(
        $t, "$name-nginx",
        socket     => signpost( $t, $name, conf => $conf ),
        extra      => 'fastcgi_param SIGNPOST_REGION EU;',
        everywhere => 1
    );
    return { file => $file, at => "$address:$port", name => $name };
}

# Verifies; returns the seconds it took and the HEADs that the prober sent for it.
sub verify {
    my ( $door, $cosign, $name ) = @_;
    $_->requests for $regional, $bucket;
    my $began = time;
    my $run   = $clients->run( $cosign, $clients->verify( 'verify', "$door->{at}/$name:v1" ) );
    my $took  = time - $began;
    $run->{status} == 0 or die "$cosign: $run->{err}";
    return [ $took, scalar grep { /^HEAD/ } map { $_->requests } $regional, $bucket ];
}

sub stop {
    my ($door) = @_;
    $t->stop("$door->{name}$_") for '-nginx', '', '-prober';
    return;
}

sub median {
    my ( $what, @runs ) = @_;
    return ( sort { $a <=> $b } map { $_->[$what] } @runs )[ @runs / 2 ];
}

my $index = $t->folder . '/signatures.index';
my $maker = door( $lines[0], $index );
my $run   = $t->run(
    [ $t->program('signpost'), qw(index add --config), $maker->{file}, 'tag:v1', 'bundle:v1' ] );
die "signpost index add: $run->{err}" if $run->{status};
stop($maker);

diag("Medians of $rounds; HEADs; added to the time with an index, in ms and in round trips:");
diag('  round trip   index s   cold s  HEADs   added   warm s  HEADs   added');
for my $i ( 0 .. $#ms ) {
    for my $case ( [ 'cosign', 'tag' ], [ 'cosign3', 'tag' ], [ 'cosign3', 'bundle' ] ) {
        my ( %runs, $with_index );
        $with_index = door( $lines[$i], $index );
        for ( 1 .. $rounds ) {
            my $fresh = door( $lines[$i] );
            push @{ $runs{index} }, verify( $with_index, @$case );
            push @{ $runs{$_} },    verify( $fresh,      @$case ) for qw(cold warm);
            stop($fresh);
        }
        stop($with_index);
        my $base  = median( 0, @{ $runs{index} } );
        my @cells = map {
            my $s = median( 0, @{ $runs{$_} } );
            sprintf '%6.2f %6d %5.0f (%.1f)', $s, median( 1, @{ $runs{$_} } ),
                1000 * ( $s - $base ),
                1000 * ( $s - $base ) / $ms[$i];
        } qw(cold warm);
        diag( sprintf '  %7d   %9.2f  %s  %s   %s', $ms[$i], $base, @cells, "@$case" );
    }
}
pass('measured');
$t->done;
