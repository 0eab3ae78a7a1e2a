# SPDX-License-Identifier: Apache-2.0
#
# What a responder takes with all that its configuration allows by default, beside what its
# unit allows (MemoryMax): every connection with a part of a large request, and as many
# requests as may wait.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::FakeProber;
use Signpost::FastCGI qw(request variables);
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new;
$t->skip_all('this build has sanitizers, which take memory of their own')
    if $t->slurp( $t->built('Makefile') ) =~ /^MODE_CFLAGS = .*sanitize/m;
my ($megabytes) = $t->slurp( $t->built('etc/systemd/signpost.service') ) =~ /^MemoryMax=(\d+)M$/m;
my $state       = $t->dir('state');
my $conf        = $t->file( 'signpost.conf', <<'EOT' );
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; };
              eu = { url = "https://eu.example.org"; serves = [ "EU" ]; }; };
canonical = [ "us" ];
region_header = "X-Client-Region";
state     = "@DIR@/state";
EOT
my $fake = Signpost::FakeProber->start( $t, 'fake', $state );
my $path = $t->folder . '/signpost.sock';
$t->start( fcgi => [ $t->program('signpost.fcgi'), '--config', $conf, '--listen', $path ] );
ok( $t->wait_for( sub { Signpost::FastCGI->new($path) } ), 'it listens' );

my $anonymous = sub {
    my $status = $t->slurp( '/proc/' . $t->pid('fcgi') . '/status' );
    return ( $status =~ /^RssAnon:\s*(\d+) kB/m )[0] / 1024;
};
my $at_first = $anonymous->();
my %large    = ( HTTP_X_CLIENT_REGION => 'FR', HTTP_X_LARGE => 'x' x 30_000 );
my @connections;
for my $i ( 1 .. 1000 ) {
    my $connection = Signpost::FastCGI->new($path) or last;
    my $digest     = sprintf 'sha256:%064x', $i;
    my $whole      = request( variables( "/v2/never/app/manifests/$digest", %large ), keep => 1 );
    $connection->send( $i <= 256 ? $whole : substr $whole, 0, 20_000 );
    push @connections, $connection;
}
is( scalar @connections, 1000, 'a thousand connections are open' );
my $most = 0;
$t->wait_for( sub { $most = $anonymous->() if $anonymous->() > $most; $most > $at_first + 8 }, 5 );
cmp_ok( $most, '>', $at_first + 8, sprintf 'with 256 requests that wait it takes %.1f MB', $most );
cmp_ok( $most * 4, '<', $megabytes, "of the $megabytes MB that its unit allows" );
$_->close for @connections;

$t->done;
