# SPDX-License-Identifier: Apache-2.0
#
# Every web server with the configuration that is shipped for it, installed by `make
# install` and enabled as its first lines say, on a machine of the test's own.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Machine;
use Signpost::Shipped;
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;

Signpost::Machine::enter();
my $t    = Signpost::Test->new;
my $conf = <<'EOT';
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU" ]; };
              us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
prober    = "off";
EOT

for my $way ( Signpost::Shipped::ways() ) {
    subtest $way => sub {
        my ( $door, $why ) = Signpost::Shipped->new( $t, $way, $conf );
        plan skip_all => $why if !$door;
        $door->start;
        my $answer = http( $door->port, GET => '/v2/app/manifests/v1' );
        is( $answer->{header}{location}, 'https://us.example.org/v2/app/manifests/v1', 'a pull' )
            or diag $answer->{raw}, $door->log;
        $door->stop;
    };
}

$t->done;
