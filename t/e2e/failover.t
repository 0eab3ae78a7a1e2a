# SPDX-License-Identifier: Apache-2.0
#
# A region dies under load, and comes back: what is sent where meanwhile, by counts, with
# intervals of a second. (t/bench/failover.pl prints the times with default settings.)
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
use Time::HiRes qw(time);

my $t       = Signpost::Test->new;
my $version = $t->run( [ $t->program('signpost'), '--version' ] )->{out};
$version =~ /libcurl/ or $t->skip_all('signpost was built without libcurl');

my %up = map { $_ => Signpost::Upstream->start( $t, $_ ) } qw(eu us);

# A front door with a prober of its own; the stand-in accepts so much extra.
my %front;

sub front {
    my ( $name, $extra ) = @_;
    my $state = $t->dir("$name.state");
    my $conf  = <<"EOT";
name      = "registry.example.org";
upstreams = { eu = { url = "@{[ $up{eu}->url ]}"; serves = [ "EU" ]; };
              us = { url = "@{[ $up{us}->url ]}"; accept_extra = $extra; }; };
canonical = [ "us" ];
state     = "$state";
prober    = "service";
health_interval = 1; health_fall = 2; health_rise = 2; health_return = 4; probe_timeout = 1;
EOT
    my $socket = signpost( $t, $name, conf => $conf );
    my $prober = Signpost::Prober->start( $t, "$name-prober", $t->folder . "/$name.conf", $state );
    $front{$name} = {
        prober     => $prober,
        socket     => $socket,
        connection => Signpost::FastCGI->new($socket) // die "$socket: $!",
        number     => 0
    };
    return;
}

# So many requests of clients in France, each another of 2,000: where they are sent.
sub load {
    my ( $name, $count ) = @_;
    my $front = $front{$name};
    my $c     = $front->{connection};
    my %to    = ( eu => 0, us => 0, none => 0 );
    for ( 1 .. $count ) {
        my $client    = $front->{number}++ % 2000;
        my $variables = variables(
            '/v2/app/manifests/v1',
            REMOTE_ADDR          => sprintf( '10.0.%d.%d', $client / 200, $client % 200 ),
            HTTP_X_CLIENT_REGION => 'FR'
        );
        $c->send( request( $variables, keep => 1 ) );
        my $location = ( $c->answer || {} )->{location} // '';
        my ($to) = grep { index( $location, $up{$_}->url . '/' ) == 0 } qw(eu us);
        $to{ $to // 'none' }++;
    }
    $front->{none} += $to{none};
    return \%to;
}

# Load at all front doors in turn until the code, which is given the counts of the last
# turn, is content; a second is enough for what has been published to be seen.
sub load_until {
    my ( $code, $seconds ) = @_;
    return $t->wait_for(
        sub {
            return $code->( { map { $_ => load( $_, 100 ) } sort keys %front } );
        },
        $seconds // 15
    );
}

sub load_for {
    my ($seconds) = @_;
    my $end = time + $seconds;
    load_until( sub { return time > $end }, $seconds + 5 );
    return;
}

# A value of a front door's metrics.
sub metric {
    my ( $name, $metric ) = @_;
    return $t->slurp("$name.state/public/metrics.prom") =~ /^signpost_\Q$metric\E (\S+)$/m
        ? $1
        : undef;
}

sub state_of {
    my ( $name, $target ) = @_;
    return $front{$name}{prober}->health->{target}{$target} || {};
}

my $cap = 40;    # requests a second
front( free   => 1 );
front( part   => 0.25 );
front( capped => "\"$cap/s\"" );

load_for(4);
is_deeply( load( $_, 100 ), { eu => 100, us => 0, none => 0 }, "$_: all go to the nearest" )
    for sort keys %front;

subtest 'a region is killed' => sub {
    $t->stop('eu');
    ok(
        load_until(
            sub {
                return !grep { !$_[0]{$_}{us} } keys %front;
            }
        ),
        'requests go elsewhere'
    );
    is( state_of( $_, 'eu' )->{state}, 'down', "$_: it is down" ) for sort keys %front;
    load_for(1.5);

    my $to = load( 'free', 1000 );
    is( $to->{eu}, 0, 'free: the dead region is sent nothing any more' );
    $to = load( 'part', 2000 );
    cmp_ok( abs( $to->{us} / 20 - 25 ), '<', 4, 'part: the stand-in takes a quarter' );
    is( $to->{eu} + $to->{us}, 2000, '… and the rest stays where it was' );
    is_deeply( load( 'part', 2000 ), $to, '… of the same clients' );

    load_for(4);
    my ( $began, $offered, $taken ) = ( time, 0, 0 );
    load_until(
        sub {
            $offered += 100;
            $taken   += $_[0]{capped}{us};
            return time > $began + 4;
        }
    );
    my $rate = $taken / ( time - $began );
    cmp_ok( $offered / ( time - $began ), '>', 3 * $cap, 'capped: much more is asked' );
    cmp_ok( $rate, '<', 1.6 * $cap, sprintf '… than the rate that is taken: %.0f/s', $rate );
    cmp_ok( $rate, '>', 0.4 * $cap, '… which is not far below the limit' );
};

subtest 'what was counted' => sub {
    my $counted = sub { $t->wait_for( $_[0], 5 ) };
    my ( $taken, $left ) =
        map { "target_extra_requests_total{target=\"us\",result=\"$_\"}" } qw(taken left);
    my $passed = 'target_passed_over_total{target="eu"}';
    ok(
        $counted->(
            sub {
                metric( 'free', $taken ) && metric( 'free', $taken ) == metric( 'free', $passed );
            }
        ),
        'free: what eu has lost, us has taken'
    );
    is( metric( 'free', $left ), 0, '… without exception' );
    ok( $counted->( sub { metric( 'part', $left ) > 2 * metric( 'part', $taken ) } ),
        'part: most stayed' );
    is( metric( 'free', 'target_passed_over_total{target="us"}' ), 0, 'us was not passed over' );
};

subtest 'it comes back' => sub {
    $up{eu}->again;
    my @all;
    ok(
        load_until(
            sub {
                my $eu = $_[0]{free}{eu};
                push @all, $eu if $eu || @all;
                return $eu == 100;
            }
        ),
        'it gets all again'
    );
    cmp_ok( $all[0], '<', 60, 'but only some at first' );
    my $steps = grep { $all[$_] > 0 && $all[$_] < 100 } 0 .. $#all;
    cmp_ok( $steps, '>', 2, 'and more by and by' );
    load_for(1.5);
    is_deeply( load( $_, 100 ), { eu => 100, us => 0, none => 0 }, "$_: all is as it was" )
        for sort keys %front;
};

is( $front{$_}{none}, 0, "$_: every request had a redirect" ) for sort keys %front;

subtest 'all are down' => sub {
    $t->stop($_) for qw(eu us);
    my @pairs = map { ( [ $_, 'eu' ], [ $_, 'us' ] ) } keys %front;
    load_until(
        sub {
            return !grep { state_of(@$_)->{state} ne 'down' } @pairs;
        }
    );
    load_for(1.5);
    is_deeply( load( $_, 100 ), { eu => 100, us => 0, none => 0 }, "$_: the first choice anyway" )
        for sort keys %front;
};

$t->stop($_) for map { ( $_, "$_-prober" ) } sort keys %front;
$t->done;
