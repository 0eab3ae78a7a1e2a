# SPDX-License-Identifier: Apache-2.0
#
# No request is lost from the sums when a target's URL changes, in whatever order responders
# and the prober read the new configuration, and while requests come.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use Signpost::Door qw(state_dir);
use Signpost::FastCGI qw(request variables);
use Signpost::Prober;
use Signpost::Test;
use Signpost::Upstream;
use Test::More;

my $t     = Signpost::Test->new;
my $state = state_dir( $t, 'state' );
my $built = $t->run( [ $t->program('signpost'), '--version' ] );
$t->skip_all('signpost was built without jansson') if $built->{out} !~ /jansson/;

my $registry = Signpost::Upstream->start( $t, 'registry' )->url;

sub write_conf {
    my ($where) = @_;
    return $t->file( 'signpost.conf', <<"EOT");
name = "registry.example.org"; canonical = [ "us" ]; state = "$state"; prober = "service";
upstreams = { eu = { url = "$registry/$where"; serves = [ "FR" ]; };
              us = { url = "$registry/us"; }; };
metrics = "on";
EOT
}
my $conf   = write_conf('eu0');
my $prober = Signpost::Prober->start( $t, 'prober', $conf, $state );
my $path   = $t->folder . '/door.sock';
my $listen = IO::Socket::UNIX->new( Local => $path, Listen => 16 ) or die "$path: $!";
$t->start(
    'door',
    [ $t->program('signpost.fcgi') ],
    stdin => $listen,
    env   => { SIGNPOST_CONF => $conf }
);

# Sends so many requests for eu; where at the registry the last one is sent to.
my $sent = 0;

sub ask {
    my ($n) = @_;
    my $where;
    for ( 1 .. $n ) {
        my $c = Signpost::FastCGI->new($path) or die "$path: $!";
        $c->send( request( variables( '/v2/app/manifests/v1', SIGNPOST_REGION => 'FR' ) ) );
        my $answer = $c->answer || {};
        ($where) = ( $answer->{location} // '' ) =~ m{^\Q$registry\E/(\w+)/};
        $sent++;
    }
    return $where;
}

sub reload {
    my ($name) = @_;
    my $lines  = sub { return scalar( () = $t->slurp("$name.err") =~ /has been read again/g ) };
    my $before = $lines->();
    $t->signal( $name, 'HUP' );
    return $t->wait_for( sub { $lines->() > $before } );
}

# What the prober shows to everybody, once it shows so many requests.
sub sums {
    my ($wanted) = @_;
    my $requests = {};
    $t->wait_for(
        sub {
            my $json = eval { decode_json( $t->slurp("$state/public/status.json") ) } || {};
            $requests = $json->{requests} || {};
            return ( $requests->{all} // 0 ) >= $wanted;
        },
        15
    );
    return { all => $requests->{all}, eu => $requests->{by_target}{eu} };
}

sub exported {
    my ($text) = $t->slurp("$state/public/metrics.prom");
    my $sum = 0;
    $sum += $1 while $text =~ /^signpost_requests_total\{.*target="eu".*\} (\d+)$/mg;
    return $sum;
}

is( ask(20), 'eu0', 'requests go to eu' );
is_deeply( sums($sent), { all => 20, eu => 20 }, 'they are counted' );

write_conf('eu1');
ask(7);
reload('door') or fail('the responder reloads');
is( ask(11), 'eu1', 'eu is at another URL, and the responder knows that first' );
sleep 2;    # so that it is reported before the prober knows it, too
reload('prober') or fail('the prober reloads');
ask(13);
is_deeply( sums($sent), { all => 51, eu => 51 }, 'no request is lost' );

write_conf('eu2');
ask(7);
reload('prober') or fail('the prober reloads');
is( ask(11), 'eu1', 'eu is at a third URL, and the prober knows that first' );
sleep 2;
reload('door') or fail('the responder reloads');
is( ask(13), 'eu2', '… then the responder' );
is_deeply( sums($sent), { all => 82, eu => 82 }, 'no request is lost' );

write_conf('eu3');
$t->signal( $_, 'HUP' ) for qw(door prober);
ask(40);
is_deeply( sums($sent), { all => 122, eu => 122 }, 'nor while requests come' );
$t->wait_for( sub { exported() == 122 } );
is( exported(), 122, 'Prometheus is told the same' );
$t->stop('door');
is_deeply( sums($sent), { all => 122, eu => 122 }, 'at the end nothing more is counted' );
$t->done;
