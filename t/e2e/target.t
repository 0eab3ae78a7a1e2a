# SPDX-License-Identifier: Apache-2.0
#
# signpost target: where a promoter pushes signatures, and the name that they must
# carry; a policy by name then takes the image through the front door, and does not
# take it without.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP           ();
use Signpost::Registry qw(image key_pair);
use Signpost::Servers  qw(plain_server);
use Signpost::Stub;
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new->need('docker-registry');
my $signpost = $t->program('signpost');
my $json     = JSON::PP->new->canonical->utf8;
my $regional = Signpost::Registry->start( $t, 'regional' );
my $central  = Signpost::Registry->start( $t, 'central' );
my $stub     = Signpost::Stub->new( $t, 'stub' );

# The canonical registry is neither the first in the file nor in the alphabet.
sub conf {
    my ( $name, $canonical, $index ) = @_;
    return <<"EOT" . ( $index ? qq(index = "$index";) : '' );
name      = "$name";
prefix    = "mirror/images";
upstreams = { a_regional = { url = "${\ $regional->url }"; serves = [ "EU" ]; };
              central    = { url = "${\ $central->url }"; };
              elsewhere  = { url = "https://elsewhere.example.org"; prefix = "own"; };
              stub       = { url = "${\ $stub->url }"; }; };
canonical = [ "$canonical", "a_regional" ];
prober    = "off";
EOT
}
my %conf = map { $_ => $t->file( "$_.conf", conf( 'registry.example.org', $_ ) ) }
    qw(central elsewhere stub);

sub target {
    my ( $which, @arguments ) = @_;
    return $t->run( [ $signpost, 'target', '--config', $conf{$which}, @arguments ] );
}

my $there  = "127.0.0.1:${\ $central->port }/mirror/images";
my $digest = 'sha256:' . '1' x 64;

subtest 'where to push' => sub {
    my %prints = (
        'team/app'                           => "$there/team/app",
        'team/app:v1'                        => "$there/team/app:v1",
        "team/app\@$digest"                  => "$there/team/app\@$digest",
        "team/app:v1\@$digest"               => "$there/team/app:v1\@$digest",
        'registry.example.org/team/app:v1'   => "$there/team/app:v1",
        "127.0.0.1:${\ $central->port }/app" => "$there/app",
    );
    is( target( central => $_ )->{out}, "$prints{$_}\n", $_ ) for sort keys %prints;
    is(
        target( elsewhere => 'app:v1' )->{out},
        "elsewhere.example.org/own/app:v1\n",
        'at a registry with a prefix of its own'
    );
};

subtest 'the name to carry' => sub {
    my %prints = (
        'team/app'                             => 'registry.example.org/team/app',
        'team/app:v1'                          => 'registry.example.org/team/app:v1',
        "team/app\@$digest"                    => 'registry.example.org/team/app',
        "registry.example.org/app:v1\@$digest" => 'registry.example.org/app:v1',
    );
    is( target( central => '--identity', $_ )->{out}, "$prints{$_}\n", $_ ) for sort keys %prints;
    is_deeply(
        $json->decode( target( central => '--json', 'app:v1' )->{out} ),
        {
            target     => "$there/app:v1",
            identity   => 'registry.example.org/app:v1',
            registry   => 'central',
            url        => $central->url,
            repository => 'mirror/images/app'
        },
        'both as JSON'
    );
};

subtest 'does it answer' => sub {
    my $run = target( central => '--check', 'app' );
    is_deeply( [ @$run{qw(status out err)} ], [ 0, "$there/app\n", '' ], 'a registry that is up' );
    $stub->serve( '/v2/' => [ [401] ] );
    is( target( stub => '--check', 'app' )->{status}, 0, 'one that wants us to log in' );
    $stub->serve( '/v2/' => [ [503] ] );
    $run = target( stub => '--check', 'app' );
    is_deeply(
        [ @$run{qw(status out err)} ],
        [
            1,
            '',
            "signpost target: ${\ $stub->url }/v2/ answers 503, as no registry that is up does.\n"
        ],
        'one that is not well'
    );
    $t->stop('stub');
    $run = target( stub => '--check', 'app' );
    is_deeply( [ @$run{qw(status out)} ], [ 1, '' ], 'one that is down' );
    like(
        $run->{err},
        qr{^signpost target: \Q${\ $stub->url }\E/v2/ does not answer: .+\.$},
        'with the reason'
    );
    is( target( stub => 'app' )->{status}, 0, 'which only --check asks' );
};

subtest 'mistakes' => sub {
    my %says = (
        'Team/App'              => qr/"Team\/App" is no image: write a name/,
        'other.example.org/app' => qr/at another registry: leave the host away/,
        'app@sha256:11'         => qr/has no digest behind its "@"/,
        'a' x 300               => qr/is no image/,
    );
    for my $image ( sort keys %says ) {
        my $run = target( central => $image );
        is( $run->{status}, 2, "$image is refused" );
        like( $run->{err}, $says{$image}, 'with a sentence' );
        is( $run->{out}, '', 'and nothing for a script' );
    }
    is( target( central => 'one', 'two' )->{status}, 2, 'there is to be one image' );
    is( target('central')->{status},                 2, 'at least' );
};

# ---- what it is for ----

my %offline = (
    HTTPS_PROXY     => 'http://127.0.0.1:1',
    TUF_ROOT        => $t->folder . '/tuf',
    COSIGN_PASSWORD => ''
);

sub cosign {
    my (@arguments) = @_;
    my $run = $t->run( [ $t->find('cosign'), @arguments ], env => \%offline );
    die "cosign @arguments: $run->{err}" if $run->{status};
    return;
}

my $index = $t->folder . '/signatures.index';
my ( $key, $port );

# Promotes an image: pushes it everywhere, signs it at the target, tells the index.
sub promote {
    my ( $name, @identity ) = @_;
    my $image = image( a => $name );
    $_->push( "mirror/images/$name", $image, 'v1' ) for $regional, $central;
    my $to = target( front => '--check', "$name\@$image->{digest}" )->{out} =~ s/\n//r;
    cosign( 'sign', '--yes', '--key', $t->folder . '/ours.key',
        '--tlog-upload=false', @identity, $to );
    my $run = $t->run( [ $signpost, 'index', 'add', '--config', $conf{front}, "$name:v1" ] );
    is( $run->{status}, 0, "$name is promoted" ) or diag $run->{err};
    return;
}

subtest 'what a promoter does' => sub {
    $t->need(qw(cosign openssl));
    $key = key_pair( $t, 'ours' );
    cosign( 'import-key-pair', '--key', $key->{private}, '--output-key-prefix',
        $t->folder . '/ours' );
    $port = plain_server(
        $t, 'cgi',
        conf   => conf( 'registry.example.org', 'central', $index ),
        region => 'EU'
    );
    $conf{front} = $t->file( 'front.conf', conf( "127.0.0.1:$port", 'central', $index ) );
    my $identity = target( front => '--identity', 'team/named' )->{out} =~ s/\n//r;
    promote( 'team/named', '--sign-container-identity', $identity );
    promote('team/unnamed');
    my %carries =
        ( 'team/named' => "127.0.0.1:$port/team/named", 'team/unnamed' => "$there/team/unnamed" );

    for my $name ( sort keys %carries ) {
        my $run = $t->run(
            [
                $t->find('cosign'),       'verify',
                '--key',                  $key->{public},
                '--insecure-ignore-tlog', "127.0.0.1:$port/$name:v1"
            ],
            env => \%offline
        );
        my $signed = eval { $json->decode( $run->{out} ) } or diag $run->{err};
        is( $signed->[0]{critical}{identity}{'docker-reference'},
            $carries{$name}, "the signature of $name, through the front door, and its name" );
    }
};

# Debian builds its skopeo without sigstore; others (in SIGNPOST_CLIENTS) have it.
subtest 'a policy by name' => sub {
    $t->need(qw(skopeo cosign openssl));
    my $policy = $t->file(
        'policy.json',
        $json->encode(
            {
                default    => [ { type => 'reject' } ],
                transports => {
                    docker => {
                        "127.0.0.1:$port" => [
                            {
                                type           => 'sigstoreSigned',
                                keyPath        => $key->{public},
                                signedIdentity => { type => 'matchRepository' }
                            }
                        ]
                    }
                }
            }
        )
    );
    $t->file( 'registries.d/all.yaml', "default-docker:\n  use-sigstore-attachments: true\n" );
    my $pull = sub {
        my ($name) = @_;
        return $t->run(
            [
                $t->find('skopeo'),
                '--policy',
                $policy,
                '--registries.d',
                $t->folder . '/registries.d',
                'copy',
                '--src-tls-verify=false',
                "docker://127.0.0.1:$port/$name:v1",
                'dir:' . $t->folder . '/' . $name =~ tr{/}{-}r
            ]
        );
    };
    my $run = $pull->('team/named');
    plan skip_all => 'this skopeo knows no sigstore' if $run->{err} =~ /sigstore disabled/;
    is( $run->{status}, 0, 'an image is pulled whose signature carries the public name' )
        or diag $run->{err};
    $run = $pull->('team/unnamed');
    isnt( $run->{status}, 0, 'and is not if it carries the name at the canonical registry' );
    like( $run->{err}, qr/Signature for identity/, 'which is why' ) or diag $run->{err};
};

$t->done;
