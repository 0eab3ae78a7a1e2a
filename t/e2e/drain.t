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
    qr/^targets   canonical = us: taken, although it is out of service \(no other canonical /m,
    '… and an explanation'
);
my $nowhere = 'no other canonical upstream is in service, and signatures are nowhere else';
is(
    $run->{out} . $run->{err},
    "us is drained within a second, but still gets requests: $nowhere.\n",
    '… and what it still gets is said'
);
like(
    call('state')->{out},
    qr/^us is drained, but still gets requests: \Q$nowhere\E\.$/m,
    '… by `signpost state`, too'
);
like( call(qw(state --json))->{out}, qr/"still_used": ?true/, '… in JSON, too' );
is_deeply(
    $where->(),
    { %$usual, manifest => 'eu' },
    'pulls by digest go to who is up; signatures have nowhere else to go'
);
$run = call(qw(drain eu));
is( $run->{status}, 0, 'all are drained' );
my $all = 'all upstreams are drained';
is(
    $run->{out} . $run->{err},
    "eu is drained within a second, but still gets requests: $all.\n"
        . "us, which is drained as well, gets requests: $all, and $nowhere.\n",
    '… so they get requests all the same, which is said'
);
is_deeply( $where->(), $usual, '… as the first choice' );
like(
    call( qw(explain --region FR), $path{tag} )->{out},
    qr/= eu: taken, although it is out of service \($all\)$/m,
    '… and explained'
);
is(
    call(qw(undrain eu us))->{out},
    "eu gets requests again within a second.\n" . "us gets requests again within a second.\n",
    'both are back'
);

my $share = call(qw(share eu 0));
is( $share->{out}, "eu takes 0 % of its requests within a second.\n", 'a share of none' );
$share = call(qw(share us 0));
$all   = 'all upstreams are drained or have a share of none';
is(
    $share->{out},
    'us takes 0 % of its requests within a second, but still gets those that no other target may '
        . "take: $all, and $nowhere.\n",
    '… of all is one that cannot be kept, which is said'
);
is_deeply( $where->(), $usual, '… since requests go somewhere' );
like( call(qw(share --json us 0))->{out}, qr/"still_used": true/, '… in JSON, too' );
call( qw(share), $_, 'default' ) for qw(eu us);

my $text  = $t->slurp($conf);
my $lists = 'rules = ( { match = "tags-list"; to = [ "eu" ]; }, "default" );';
$t->file( 'signpost.conf', "$text\n$lists\n" );
is(
    call(qw(drain eu))->{out},
    "eu is drained within a second, but still gets requests: the rule at $conf:8 ends with it.\n",
    'a target that a rule ends with has no stand-in there, which is said'
);
is( goes('/v2/app/tags/list'), 'eu', '… and so it is' );
( my $two = $text ) =~ s/canonical = .*/canonical = [ "us", "eu" ];/;
$t->file( 'signpost.conf', $two );
call(qw(undrain eu));
is(
    call(qw(drain us))->{out},
    "us gets no more requests within a second.\n",
    'one of two canonical upstreams gets nothing'
);
call(qw(undrain us));
$t->file( 'signpost.conf', $text );

$run = call(qw(drain ue));
is( $run->{status}, 2, 'an unknown target is a misuse' );
like( $run->{err}, qr/there is no target "ue"; did you mean "eu"\?/, 'with a suggestion' );
$t->done;
