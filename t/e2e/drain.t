# SPDX-License-Identifier: Apache-2.0
#
# signpost drain and undrain: what would have gone to a target goes elsewhere, by
# `unsure` too, and comes back.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $digest   = 'sha256:' . 'a' x 64;
my $conf     = $t->file( 'signpost.conf', <<"EOT");
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU" ]; };
              us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
state     = "${\ $t->folder }";
prober    = "off";
EOT
chmod 0755, $t->folder;

# Where a client in France is sent for a target, by the text of an explanation.
sub goes {
    my ($target) = @_;
    my $run      = $t->run( [ $signpost, qw(explain --config), $conf, qw(--region FR), $target ] );
    my ($host)   = $run->{out} =~ m{^location  https://(\w+)\.example\.org/}m;
    return $host // "nowhere: $run->{err}";
}

sub call {
    my (@words) = @_;
    return $t->run( [ $signpost, $words[0], '--config', $conf, @words[ 1 .. $#words ] ] );
}

my %path = (
    tag       => '/v2/app/manifests/v1',
    manifest  => "/v2/app/manifests/$digest",
    blob      => "/v2/app/blobs/$digest",
    signature => "/v2/app/referrers/$digest",
);
my $where = sub {
    return { map { $_ => goes( $path{$_} ) } keys %path };
};
my $usual = { tag => 'eu', manifest => 'us', blob => 'eu', signature => 'us' };

is_deeply( $where->(), $usual, 'the usual' );
my $run = call(qw(drain eu));
is( $run->{status},            0,                                             'eu is drained' );
is( $run->{out} . $run->{err}, "eu gets no more requests within a second.\n", 'as it says' );
is_deeply( $where->(), { map { $_ => 'us' } keys %path }, 'and gets nothing' );
is( call('state')->{status}, 1, 'state counts that as a finding' );
like( call('state')->{out}, qr/^eu +upstream +drained +0%/m, 'and shows it' );
is( call(qw(undrain eu))->{status}, 0, 'eu is back' );
is_deeply( $where->(), $usual, 'with all that it had' );

$run = call(qw(drain us));
is( $run->{status}, 0, 'the canonical registry is drained' );
like(
    call( qw(explain --region FR), $path{signature} )->{out},
    qr/^targets   canonical = us: taken, although it is out of service$/m,
    '… and an explanation'
);
like( $run->{err}, qr/"us" is the only canonical upstream: .* all the same/, '… with a warning' );
is_deeply(
    $where->(),
    { %$usual, manifest => 'eu' },
    'pulls by digest go to who is up; signatures have nowhere else to go'
);
is( call(qw(drain eu))->{status}, 0, 'all are drained' );
is_deeply( $where->(), $usual, 'the first choice is taken after all' );

$run = call(qw(drain ue));
is( $run->{status}, 2, 'an unknown target is a misuse' );
like( $run->{err}, qr/there is no target "ue"; did you mean "eu"\?/, 'with a suggestion' );
$t->done;
