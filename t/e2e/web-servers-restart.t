# SPDX-License-Identifier: Apache-2.0
#
# Every web server with the configuration that is shipped for it, as in web-servers.t:
# whether it keeps connections to the responder, what is lost when the program is replaced
# under load as the shipped file says, and where one reads of a mistake.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Load;
use Signpost::Machine;
use Signpost::ServerTable qw(measured);
use Signpost::Shipped;
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;
use Time::HiRes qw(sleep);

Signpost::Machine::enter();
my $t = Signpost::Test->new->need(qw(spawn-fcgi multiwatch));
Signpost::Machine::install($t);
my $conf = <<'EOT';
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
prober    = "off";
EOT
my $path = '/v2/app/manifests/v1';
my $to   = "https://us.example.org$path";

# What is wrong with one more answer.
sub ask {
    my $answer = http( 80, GET => $path );
    return ( $answer->{header}{location} // '' ) eq $to ? '' : $answer->{raw} || 'no answer';
}

# Connections between the web server and responders, which are Unix sockets here.
sub kept_connections {
    my @lines = split /\n/, $t->slurp('/proc/net/unix');
    return scalar grep { m{ 03 \s+ \d+ \s+ /\S*(?:signpost|fcgid)}x } @lines;
}

# mod_fcgid has a socket for each process: what it hands over in the moment in which that
# ends is lost, which is seen on a busy machine.
sub loss {
    my ( $way, $replaced, $lost ) = @_;
    return 'but for one a process' if $way =~ /fcgid/ && $lost <= $replaced;
    return $lost ? 'no' : 'yes';
}

for my $way ( Signpost::Shipped::ways() ) {
    subtest $way => sub {
        my ( $door, $why ) = Signpost::Shipped->new( $t, $way, $conf );
        plan skip_all => $why if !$door;
        $door->start;
        is( ask(), '', 'it serves' ) or diag $door->log;
        ask() for 1 .. 4;
        my $closed = $t->wait_for( sub { !kept_connections() }, 1 );
        measured( $t, $way, 'kept connections', $closed ? 'no' : 'yes' );

        my ( $load, $replaced ) = ( Signpost::Load->new( 3, \&ask ), 0 );
        for my $round ( 1 .. 2 ) {
            sleep 0.1;
            my @before = $door->responders;
            $replaced += @before;
            $door->restart;
            my %now = map { $_ => 1 } $door->responders;
            is_deeply( [ grep { $now{$_} } @before ], [], "round $round: all responders are new" );
        }
        sleep 0.1;
        my ( $good, @wrong ) = $load->end;
        diag "$way: $_" for @wrong ? $wrong[0] : ();
        measured( $t, $way, 'restart without loss', loss( $way, $replaced, scalar @wrong ) );
        cmp_ok( $good, '>', 20, "among many ($good)" );

        $t->file( $door->configuration, "$conf\nnonsense = 1;\n" );
        kill 'HUP', $door->responders;
        my $says = qr/signpost\.conf:6: error: /;
        my $read = $t->wait_for(
            sub {
                ask() if !$door->responders;
                return $door->log =~ $says ? 'of the server' : $door->service_log =~ $says
                    && 'of the service';
            }
        );
        measured( $t, $way, 'error log', $read || 'none' );
        $door->stop;
    };
}

$t->done;
