# SPDX-License-Identifier: Apache-2.0
#
# Which of the 22 registries of etc/registry.k8s.io.conf is nearest to every place that
# signpost knows, and how far away it is: the same as in t/data/nearest.golden, a table
# that was looked through by a person; and the same as plain trigonometry has it, but for
# the few countries that the file itself sends elsewhere.
#
# After a change of the facts, SIGNPOST_TEST_WRITE=1 writes the table anew.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP   ();
use List::Util qw(min);
use Math::Trig qw(deg2rad);
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $golden   = $t->source('t/data/nearest.golden');
my $json     = JSON::PP->new->utf8;

my $conf = $t->file( 'registry.conf', $t->slurp( $t->source('etc/registry.k8s.io.conf') ) );

# Every place: { key, name, latitude, longitude, within }, '-' for what is not known.
sub places {
    my $run   = $t->run( [ $signpost, 'places' ] );
    my @lines = map { [ split /\t/, $_, -1 ] } split /\n/, $run->{out};
    my @names = @{ shift @lines };
    return map { my %place; @place{@names} = @$_; \%place } @lines;
}

# The decisions on as many requests, from clients in these places.
sub decisions {
    my (@keys) = @_;
    my $ask = join '',
        map { $json->encode( { target => '/v2/pause/manifests/3.9', region => $_ } ) . "\n" } @keys;
    open my $in, '<', $t->file( 'requests', $ask ) or die $!;
    my $run = $t->run( [ $signpost, 'explain', '--config', $conf, '--batch' ], stdin => $in );
    $t->skip_all('signpost was built without jansson') if $run->{err} =~ /without jansson/;
    die $run->{err}                                    if $run->{status};
    return map { $json->decode($_) } split /\n/, $run->{out};
}

# The great-circle distance in km, by haversines, on the same sphere.
sub distance {
    my ( $from, $to ) = @_;
    my ( $phi1, $lambda1, $phi2, $lambda2 ) =
        map { deg2rad($_) } map { @$_{qw(latitude longitude)} } $from, $to;
    my $h = sin( ( $phi2 - $phi1 ) / 2 )**2 +
        cos($phi1) * cos($phi2) * sin( ( $lambda2 - $lambda1 ) / 2 )**2;
    return 2 * 6371.0088 * atan2( sqrt $h, sqrt( 1 - $h ) );
}

my @places = places();
my %place  = map { $_->{key} => $_ } @places;
my @made   = decisions( map { $_->{key} } @places );
is( scalar @made, scalar @places, 'every place gets an answer' );

my ( @table, @wrong, %served );
my %upstream = map { $_->{upstream} => 1 } @{ $made[0]{nearest} };
is( scalar keys %upstream, 22, 'there are 22 registries' );

for my $i ( 0 .. $#places ) {
    my ( $place, $made ) = ( $places[$i], $made[$i] );
    my $nearest = $made->{nearest}[0];
    my $km      = $nearest->{km} // '-';
    push @table, join "\t", @$place{qw(key name)}, $made->{target}, $km;
    push @wrong, "$place->{key} goes to $made->{target}, $nearest->{upstream} is nearest"
        if $made->{target} ne $nearest->{upstream};

    if ( $nearest->{why} =~ /serves/ ) {
        $served{ $place->{country} } = $made->{target};
        next;
    }

    # A region of which only the country is known stands at the country's point.
    my $at = $place->{latitude} ne '-' ? $place : $place{ $place->{country} };
    if ( !$at || $at->{latitude} eq '-' ) {
        push @wrong, "$place->{key} is nowhere and goes to $made->{target}"
            if $made->{target} ne 'us-central1';
        next;
    }
    my %far  = map { $_ => distance( $at, $place{"gcp:$_"} ) } keys %upstream;
    my $best = min values %far;
    push @wrong, sprintf '%s goes to %s, %.1f km; at best it is %.1f km', $place->{key},
        $made->{target}, $far{ $made->{target} }, $best
        if $far{ $made->{target} } > $best + 0.5 || abs( $best - $km ) > 1;
}

is( scalar @wrong, 0, 'each goes to the registry that is nearest by haversines' )
    or diag join "\n", @wrong;

is_deeply(
    \%served,
    { map { $_ => 'europe-southwest1' } qw(BW LS MZ SZ ZA ZM ZW) },
    'southern Africa goes to Madrid whatever the distance'
);

my $text = join '', map { "$_\n" } "#place\tname\tupstream\tkm", @table;
if ( $ENV{SIGNPOST_TEST_WRITE} ) {
    $t->file( $golden, $text );
    diag("written: $golden");
}
my @was = split /\n/, $t->slurp($golden);
my @is  = split /\n/, $text;
my %was = map { $_ => 1 } @was;
my %is  = map { $_ => 1 } @is;
my @differ =
    ( ( map { "- $_" } grep { !$is{$_} } @was ), ( map { "+ $_" } grep { !$was{$_} } @is ) );
is( scalar @differ, 0, 'the table is the one that was looked through' )
    or diag join "\n", @differ;
ok( $text eq $t->slurp($golden), 'in its order too' );

$t->done;
