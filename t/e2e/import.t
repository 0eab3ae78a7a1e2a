# SPDX-License-Identifier: Apache-2.0
#
# signpost import archeio: what it makes of manifests and variables has no mistakes, and
# sends requests where those variables send them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $json     = JSON::PP->new->utf8;
my $hex      = 'ab' x 32;
delete @ENV{ grep { /^(?:UPSTREAM_REGISTRY_|SIGNATURE_UPSTREAM_|DEFAULT_AWS_)/ } keys %ENV };

sub import_archeio {
    my ( $arguments, %option ) = @_;
    my $run = $t->run( [ $signpost, 'import', 'archeio', @$arguments ], %option );
    $t->skip_all('signpost was built without libyaml') if $run->{err} =~ /without libyaml/;
    return $run;
}

# A configuration that was made without a complaint.
sub imported {
    my ( $arguments, %option ) = @_;
    my $run = import_archeio( $arguments, %option );
    is( "$run->{status}$run->{err}", 0, 'it is imported' );
    my $conf  = $t->file( 'imported' . ++$t->{imported} . '.conf', $run->{out} );
    my $check = $t->run( [ $signpost, 'check', $conf ] );
    is( $check->{status}, 0, '  and has no mistake' ) or diag $check->{err};
    return $conf;
}

my @requests = map { { target => $_, region => 'FR' } } (
    '/', '/privacy', '/v2/', '/v2/a/manifests/v1', "/v2/a/manifests/sha256-$hex.sig",
    "/v2/a/manifests/sha256:$hex", "/v2/a/referrers/sha256:$hex", "/v2/a/blobs/sha256:$hex",
    '/v2/a/tags/list', '/v2/../x', '/nothing',
);

sub locations {
    my ( $arguments, %option ) = @_;
    my $ask = $t->file( 'requests', join '', map { $json->encode($_) . "\n" } @requests );
    open my $in, '<', $ask or die $!;
    my $run = $t->run( [ $signpost, 'explain', '--batch', @$arguments ], stdin => $in, %option );
    my @lines = map { $json->decode($_) } split /\n/, $run->{out};
    return [ map { join ' ', $_->{status}, $_->{location} // '' } @lines ];
}

my %variables = (
    UPSTREAM_REGISTRY_ENDPOINT  => 'https://registry-a.example.net',
    UPSTREAM_REGISTRY_PATH      => 'team/images',
    SIGNATURE_UPSTREAM_ENDPOINT => 'https://signatures.example.net',
    DEFAULT_AWS_BASE_URL        => 'https://cdn.example.net',
);

subtest 'variables' => sub {
    my $want = locations( [], env => \%variables );
    is( scalar @$want, scalar @requests, 'they say where requests go' );
    my $conf = imported( [], env => \%variables );
    is_deeply( locations( [ '--config', $conf ] ), $want, 'and so does what is made of them' );
};

subtest 'Kubernetes' => sub {
    my $conf = imported( [ $t->source('t/data/import/kubernetes.yaml') ] );
    is_deeply( locations( [ '--config', $conf ] ), locations( [], env => \%variables ),
        'the data of a ConfigMap are as good as variables' );
};

subtest 'Compose, from standard input' => sub {
    open my $in, '<', $t->source('t/data/import/compose.yaml') or die $!;
    my $conf = imported( ['-'], stdin => $in );
    my %less = map { ( $_ => $variables{$_} ) } qw(UPSTREAM_REGISTRY_ENDPOINT DEFAULT_AWS_BASE_URL);
    is_deeply( locations( [ '--config', $conf ] ), locations( [], env => \%less ), 'a list' );
};

subtest 'Cloud Run, two regions' => sub {
    my $conf = imported( [ '--name', 'registry.example.org',
            $t->source('t/data/import/cloud-run.yaml') ] );
    my $text = $t->slurp($conf);
    like( $text, qr/^name = "registry\.example\.org"; # the public name$/m, 'the name' );
    my %near = ( FR => 'mirror.example.net', MX => 'us-central1-docker.pkg.dev' );
    for my $region ( sort keys %near ) {
        my $run = $t->run( [ $signpost, 'explain', '--config', $conf, '--json', '--region',
                $region, '/v2/a/manifests/v1' ] );
        is( $json->decode( $run->{out} )->{location},
            "https://$near{$region}/v2/example/images/a/manifests/v1", "from $region" );
    }
    like( $text, qr/^canonical = \[ "us-central1" \];$/m, 'signatures stay where they are' );
};

# The same as JSON, an alias that leads in a circle, and the same twice.
subtest 'other shapes' => sub {
    my %container = ( env =>
            [ map { { name => $_, value => $variables{$_} } } sort keys %variables ] );
    my $file = $t->file( 'deployment.json',
        $json->encode( { kind => 'List', items => [ { spec => \%container }, { spec => \%container } ] } ) );
    is_deeply( locations( [ '--config', imported( [$file] ) ] ),
        locations( [], env => \%variables ), 'JSON' );
    $file = $t->file( 'circle.yaml',
        "a: &a\n  b: *a\n  UPSTREAM_REGISTRY_ENDPOINT: https://registry-a.example.net\n" );
    imported( [$file] );
};

subtest 'mistakes' => sub {
    my %wrong = (
        "a: [" => qr/wrong\.yaml: line \d+: this is no YAML: /,
        "env:\n- name: UPSTREAM_REGISTRY_ENDPOINT\n  value: example.org\n" =>
            qr/wrong\.yaml: line 2: UPSTREAM_REGISTRY_ENDPOINT: expected a URL such as .* found "example\.org"/,
        "env:\n- name: UPSTREAM_REGISTRY_ENDPOINT\n  valueFrom: { secretKeyRef: {} }\n" =>
            qr/line 2: the value of UPSTREAM_REGISTRY_ENDPOINT is not in the manifest/,
        "nothing: here\n" => qr/UPSTREAM_REGISTRY_ENDPOINT is not set anywhere/,
        "UPSTREAM_REGISTRY_ENDPOINT: https://a.example\nUPSTREAM_REGISTRY_PATH: a\n---\n"
            . "UPSTREAM_REGISTRY_ENDPOINT: https://b.example\nUPSTREAM_REGISTRY_PATH: b\n" =>
            qr/UPSTREAM_REGISTRY_PATH differs between services/,
    );
    for my $text ( sort keys %wrong ) {
        my $run = import_archeio( [ $t->file( 'wrong.yaml', $text ) ] );
        is( $run->{status}, 1, 'it is refused' );
        like( $run->{err}, $wrong{$text}, '  with the reason' );
        is( $run->{out}, '', '  and nothing is printed' );
    }
    is( import_archeio( [ $t->folder . '/nowhere.yaml' ] )->{status}, 1, 'no file' );
    is( import_archeio( [ '--name', 'a b' ] )->{status},              2, 'no name' );
    is( $t->run( [ $signpost, 'import' ] )->{status},                 2, 'import what?' );
};

$t->done;
