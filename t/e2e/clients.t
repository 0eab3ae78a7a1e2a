# SPDX-License-Identifier: Apache-2.0
#
# The clients that people use, against the front door: signatures, attestations and
# referrers that only the canonical registry holds are found from elsewhere, by the
# built-in rules, with a prober (cold and warm, and after it was killed), with an index
# alone, and with an index and a killed prober; and not with rules that send only tags
# there. What works is what the table in etc/doc/clients.md says. SIGNPOST_TABLE=1 prints
# what that should be.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Signpost::Clients;
use Signpost::Prober;
use Signpost::Registry qw(image artifact key_pair signature signature_tag digest_of);
use Signpost::Servers  qw(signpost lighttpd plain_server);
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new->need(qw(lighttpd docker-registry openssl referrers-registry));
$t->skip_all('no registry client is installed')
    if !grep { $t->find($_) } qw(cosign cosign3 notation crane oras regctl skopeo podman);

my $json      = JSON::PP->new->canonical->utf8;
my $prefix    = 'mirror/images';
my $regional  = Signpost::Registry->start( $t, 'regional' );
my $canonical = Signpost::Registry->start_with_referrers( $t, 'canonical' );

# ---- what there is ----

my $key     = key_pair( $t, 'ours' );
my $clients = Signpost::Clients->new( $t, $key );

# An image for each kind of signature: cosign 2 stops at the bundles of cosign 3.
my %image =
    map { $_ => image( 'hello.txt' => "hello $_" ) } qw(tags bundle notation referrer unsigned);
for my $what ( sort keys %image ) {
    $_->push( "$prefix/team/$what", $image{$what}, 'v1' ) for $regional, $canonical;
}

my $repository = 'registry.example.org/team/tags';
my $signature  = signature( $t, $key, $image{tags}, $repository );
$canonical->push( "$prefix/team/tags", $signature, signature_tag( $image{tags} ) );

my $referrer = do {
    my $thing =
        artifact( 'application/vnd.oci.empty.v1+json', '{}', [ 'text/spdx+json', '{"sbom":1}' ] );
    my $manifest = $json->decode( $thing->{bytes} );
    my ( $type, $digest, $bytes ) = @{ $image{referrer} }{qw(type digest bytes)};
    $manifest->{subject}      = { mediaType => $type, digest => $digest, size => length $bytes };
    $manifest->{artifactType} = 'text/spdx+json';
    my $text = $json->encode($manifest);
    +{ %$thing, bytes => $text, digest => digest_of($text) };
};
my $layer = { digest => digest_of( $referrer->{blobs}[1] ) };
$canonical->push( "$prefix/team/referrer", $referrer );

# Ordinary artifacts that have the same empty configuration as the referrer, or are charts.
my %artifact = (
    'v1'    => artifact( 'application/vnd.oci.empty.v1+json', '{}', [ 'text/plain', 'ordinary' ] ),
    '1.0.0' => artifact(
        'application/vnd.cncf.helm.config.v1+json',
        '{"name":"chart","version":"1.0.0","apiVersion":"v2"}',
        [ 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', 'a chart' ]
    ),
);
for my $registry ( $regional, $canonical ) {
    $registry->push( "$prefix/team/chart", $artifact{$_}, $_ ) for sort keys %artifact;
}

sub there {
    my ($what) = @_;
    return "127.0.0.1:$canonical->{port}/$prefix/team/$what\@" . $image{$what}{digest};
}
$clients->attests( 'cosign', there('tags') ) if $t->find('cosign');
if ( $t->find('cosign3') ) {
    $clients->signs( 'cosign3', there('bundle') );
    $clients->attests( 'cosign3', there('bundle') );
}
$clients->notates( there('notation') ) if $t->find('notation');

# Debian's skopeo is built without sigstore; policy-copy does the same in its place.
my ($copier) = grep {
    my $at = "127.0.0.1:$canonical->{port}/$prefix/team/tags:v1";
    $t->find($_) && !$clients->run( $_, $clients->copy_signed( $_, $at, $repository ) )->{status};
} qw(skopeo policy-copy);
$copier //= 'policy-copy';

# ---- what clients do ----

sub host      { return "127.0.0.1:$_[0]" }
sub by_tag    { return host( $_[0] ) . "/team/$_[1]:v1" }
sub by_digest { return host( $_[0] ) . "/team/$_[1]\@" . ( $_[2] // $image{ $_[1] } )->{digest} }
sub regctl    { return [ '--host', 'reg=' . host( $_[0] ) . ',tls=disabled', @_[ 1 .. $#_ ] ] }

# That cosign verifies an image: what it prints names it.
sub verifies {
    my ( $what, $command, @more ) = @_;
    return (
        does  => sub { [ $clients->verify( $command, @more, by_tag( $_[0], $what ) ) ] },
        prove => sub {
            $_[0] =~ ( $command eq 'verify' ? qr/\Q$image{$what}{digest}/ : qr/"payload":"ey/ );
        },
    );
}

# A new folder for what a client writes, and whether the file of a digest is in it.
my ( $into, $runs ) = ( '', 0 );
sub anew { return $into = $t->dir( 'into' . ++$runs ) }

sub has_blob {
    my ($digest) = @_;
    return -e "$into/blobs/" . $digest =~ tr{:}{/}r;
}

sub is_content {
    my ($thing) = @_;
    return prove => sub { digest_of( $_[0] ) eq $thing->{digest} };
}

# What copies repositories, and what pulls.
my $copies   = Signpost::Registry->start( $t, 'copies' );
my $has_done = sub { 1 };
my $payload  = digest_of( $signature->{blobs}[1] );

sub has_signature { return has_blob($payload) && has_blob( $signature->{digest} ) }

sub regsync_conf {
    my ($port) = @_;
    my ( $host, $folder ) = ( host($port), anew() );
    return $t->file( "regsync$runs.yml", <<"EOT" );
version: 1
creds: [ { registry: "$host", tls: disabled } ]
sync: [ { source: "$host/team/tags", target: "ocidir://$folder", type: repository } ]
EOT
}

my @tls_off = qw(--src-tls-verify=false);
my @copiers = (
    [
        crane => 'copy of all tags',
        does  => sub {
            anew();
            [ qw(cp -a), host( $_[0] ) . '/team/tags', host( $copies->port ) . "/copy$runs" ];
        },
        prove => sub {
            my $copy = host( $copies->port ) . "/copy$runs:" . signature_tag( $image{tags} );
            digest_of( $clients->run( crane => 'manifest', $copy )->{out} ) eq $signature->{digest};
        },
    ],
    [
        regctl => 'image copy with digest tags',
        does   => sub {
            regctl(
                $_[0],
                qw(image copy --digest-tags),
                by_tag( $_[0], 'tags' ),
                'ocidir://' . anew() . ':v1'
            );
        },
        prove => \&has_signature,
    ],
    [
        regctl => 'image copy with referrers',
        does   => sub {
            regctl(
                $_[0],
                qw(image copy --referrers),
                by_tag( $_[0], 'referrer' ),
                'ocidir://' . anew() . ':v1'
            );
        },
        prove => sub { has_blob( $layer->{digest} ) },
    ],
    [
        regsync => 'sync of a repository',
        does    => sub { [ '-c', regsync_conf( $_[0] ), 'once' ] },
        prove   => \&has_signature,
    ],
    [
        oras => 'cp with referrers',
        does => sub {
            [
                qw(cp -r --from-plain-http --to-oci-layout),
                by_tag( $_[0], 'referrer' ),
                anew() . ':v1'
            ]
        },
        prove => sub { has_blob( $layer->{digest} ) },
    ],
    [
        skopeo => 'sync of a repository',
        does   => sub {
            [ qw(sync --src docker --dest dir), @tls_off, host( $_[0] ) . '/team/tags', anew() ]
        },
        prove =>
            sub { -e "$into/tags:" . signature_tag( $image{tags} ) . '/' . $payload =~ s/.*://r },
    ],
    [
        skopeo => 'copy of a referrer',
        does   => sub {
            [
                'copy',                                                  @tls_off,
                'docker://' . by_digest( $_[0], 'referrer', $referrer ), 'dir:' . anew()
            ]
        },
        prove => sub { -e "$into/" . $layer->{digest} =~ s/.*://r },
    ],
    [
        crane => 'pull of a referrer',
        does  =>
            sub { [ qw(pull --format oci), by_digest( $_[0], 'referrer', $referrer ), anew() ] },
        prove => sub { has_blob( $layer->{digest} ) },
    ],
);

# Artifacts and images that are everywhere; given the program and its way to pull.
sub chart { return host( $_[0] ) . "/team/chart:$_[1]" }

my @pullers = (
    [
        skopeo => 'copy of an image',
        does   =>
            sub { [ 'copy', @tls_off, 'docker://' . by_tag( $_[0], 'tags' ), 'dir:' . anew() ] },
        prove => $has_done,
    ],
    [
        skopeo => 'copy of an artifact',
        does   => sub { [ 'copy', @tls_off, 'docker://' . chart( $_[0], 'v1' ), 'dir:' . anew() ] },
        prove  => $has_done,
    ],
    [
        oras => 'pull of an artifact',
        does => sub {
            [ qw(cp --from-plain-http --to-oci-layout), chart( $_[0], 'v1' ), anew() . ':v1' ]
        },
        prove => sub { has_blob( digest_of('{}') ) },
    ],
    [
        crane => 'pull of an artifact',
        does  => sub { [ qw(pull --format oci), chart( $_[0], 'v1' ), anew() ] },
        prove => sub { has_blob( digest_of('{}') ) },
    ],
    [
        helm => 'pull of a chart',
        does => sub {
            [
                qw(pull --plain-http --version 1.0.0 -d),
                anew(),
                'oci://' . host( $_[0] ) . '/team/chart'
            ]
        },
        prove => sub { $t->slurp("$into/chart-1.0.0.tgz") eq 'a chart' },
    ],
);

# As root, with storage of their own.
my @engines = (
    (
        map {
            my ( $way, $image ) = @$_;
            (
                [
                    podman => "pull by $way",
                    does   => sub {
                        anew();
                        [
                            "--root=$into/root",
                            "--runroot=$into/run",
                            "--tmpdir=$into/tmp",
                            qw(--storage-driver=vfs pull --tls-verify=false),
                            $image->( $_[0], 'tags' )
                        ];
                    },
                    prove => $has_done,
                ],
                [
                    ctr  => "pull by $way",
                    does => sub {
                        anew();
                        [
                            '-a', $t->folder . '/containerd.sock',
                            '-n', "n$runs",
                            qw(images pull --plain-http --snapshotter native),
                            $image->( $_[0], 'tags' )
                        ];
                    },
                    prove => $has_done,
                ]
            )
        } [ tag => \&by_tag ],
        [ digest => \&by_digest ]
    ),
    [
        ctr  => 'content fetch of a referrer',
        does => sub {
            anew();
            [
                '-a', $t->folder . '/containerd.sock',
                '-n', "n$runs",
                qw(content fetch --plain-http),
                by_digest( $_[0], 'referrer', $referrer )
            ];
        },
        prove => $has_done,
    ],
    [
        buildctl => 'build from an image',
        does     => sub {
            my $address = 'unix://' . $t->folder . '/buildkitd.sock';
            $clients->run( buildctl => '--addr', $address, qw(prune --all) );
            $t->file( anew() =~ s{.*/}{}r . '/Dockerfile',
                'FROM ' . by_tag( $_[0], 'tags' ) . "\nLABEL a=b\n" );
            [
                '--addr', $address, qw(build --no-cache --frontend dockerfile.v0),
                "--local=context=$into", "--local=dockerfile=$into",
                "--output=type=oci,dest=$into/built"
            ];
        },
        prove => sub { -s "$into/built" },
    ],
);
my %is_engine = map { $_->[0] => 1 } @engines;
my @more      = ( @copiers, @pullers, @engines );

sub start_containerd {
    my $folder = $t->folder;
    my $conf   = $t->file( 'containerd.toml', <<'EOT' );
version = 2
disabled_plugins = [ "io.containerd.grpc.v1.cri" ]
root = "@DIR@/containerd.root"
state = "@DIR@/containerd.state"
[grpc]
  address = "@DIR@/containerd.sock"
[plugins."io.containerd.metadata.v1.bolt"]
  content_sharing_policy = "isolated"
EOT
    $t->start( 'containerd', [ $t->find('containerd'), '-c', $conf ] );
    return $t->wait_for( sub { -S "$folder/containerd.sock" }, 30 );
}

sub start_buildkitd {
    my $folder = $t->folder;
    my $conf   = $t->file( 'buildkitd.toml', <<'EOT' );
root = "@DIR@/buildkitd.root"
[grpc]
  address = [ "unix://@DIR@/buildkitd.sock" ]
[otel]
  socketPath = "@DIR@/buildkitd.otel"
[worker.oci]
  snapshotter = "native"
[worker.containerd]
  enabled = false
EOT
    $t->start( 'buildkitd', [ $t->find('buildkitd'), '--config', $conf ] );
    return $t->wait_for( sub { -S "$folder/buildkitd.sock" }, 30 );
}
if ( $> == 0 ) {
    start_containerd() if $t->find('ctr') && $t->find('containerd');
    start_buildkitd() if $t->find('buildctl') && $t->find('buildkitd') && $t->find('runc');
}
$t->file( '.config/containers/policy.json', '{"default":[{"type":"insecureAcceptAnything"}]}' );

# Each: a client, what it does given the front door's port, and what proves by its
# output that it was done.
my @custom = qw(--type custom);
my @checks = (
    [ cosign => 'verify, a .sig tag', verifies( 'tags', 'verify' ) ],
    [
        cosign => 'verify-attestation, a .att tag',
        verifies( 'tags', 'verify-attestation', @custom )
    ],
    [ cosign3 => 'verify, a .sig tag', verifies( 'tags',   'verify' ) ],
    [ cosign3 => 'verify, a bundle',   verifies( 'bundle', 'verify' ) ],
    [
        cosign3 => 'verify-attestation, a bundle',
        verifies( 'bundle', 'verify-attestation', @custom )
    ],
    [
        notation => 'verify',
        does     => sub { [ qw(verify --insecure-registry), by_digest( $_[0], 'notation' ) ] },
        prove    => sub { $_[0] =~ /Successfully verified/ },
    ],
    [
        $copier => 'copy, by a policy that wants a signature',
        does  => sub { [ $clients->copy_signed( $copier, by_tag( $_[0], 'tags' ), $repository ) ] },
        prove => sub { 1 },
        label => 'skopeo, or policy-copy',
    ],
    [
        crane => 'manifest of a signature, by digest',
        does  => sub { [ 'manifest', by_digest( $_[0], 'tags', $signature ) ] },
        is_content($signature)
    ],
    [
        crane => 'blob of a referrer',
        does  => sub { [ 'blob', by_digest( $_[0], 'referrer', $layer ) ] },
        is_content($layer)
    ],
    [
        crane => 'validate an image',
        does  => sub { [ 'validate', '--remote', by_tag( $_[0], 'tags' ) ] },
        prove => sub { 1 },
    ],
    [
        crane => 'ls',
        does  => sub { [ 'ls', host( $_[0] ) . '/team/tags' ] },
        prove => sub { $_[0] =~ /^v1$/m },
    ],
    [
        oras  => 'discover',
        does  => sub { [ 'discover', '--plain-http', by_tag( $_[0], 'referrer' ) ] },
        prove => sub { $_[0] =~ /\Q$referrer->{digest}/ },
    ],
    [
        oras => 'manifest fetch of a referrer',
        does =>
            sub { [ qw(manifest fetch --plain-http), by_digest( $_[0], 'referrer', $referrer ) ] },
        is_content($referrer)
    ],
    [
        oras => 'blob fetch of a referrer',
        does => sub {
            [ qw(blob fetch --plain-http --output -), by_digest( $_[0], 'referrer', $layer ) ];
        },
        is_content($layer)
    ],
    [
        regctl => 'manifest get of a referrer',
        does   => sub {
            regctl(
                $_[0],
                qw(manifest get --format raw-body),
                by_digest( $_[0], 'referrer', $referrer )
            );
        },
        is_content($referrer)
    ],
    [
        regctl => 'artifact tree',
        does   => sub { regctl( $_[0], qw(artifact tree), by_tag( $_[0], 'referrer' ) ) },
        prove  => sub { $_[0] =~ /Referrers:\s+- \Q$referrer->{digest}/ },
    ],
    @more,
);

# Whether a client does what it should, and how it ended.
sub goes_well {
    my ( $port, $client, undef, %check ) = @_;
    my $run  = $clients->run( $client, @{ $check{does}->($port) } );
    my $good = $run->{status} == 0 && $check{prove}->( $run->{out} );
    return ( $good, $run );
}

# ---- the table ----

my $page  = $t->slurp( $t->source('etc/doc/clients.md') );
my @modes = ( 'prober', 'prober killed', 'index', 'index, prober killed', 'rules for tags' );
my %table = map { my ( $client, $what, @cells ) = @$_; ( "$client: $what" => \@cells ) }
    grep { @$_ == 2 + @modes && $_->[0] !~ /^(?:client|---)$/ }
    map { [ split / +\| +/, s/^\| +| +\|$//gr ] } grep { /^\|/ } split /\n/, $page;
my %measured;

sub row_of {
    my ( $client, $what, %check ) = @{ $_[0] };
    return ( $check{label} // $client ) . ": $what";
}

# What is said of a row in a mode: yes or no.
sub said {
    my ( $row, $mode ) = @_;
    my ($column) = grep { $modes[$_] eq $mode } 0 .. $#modes;
    return $table{$row} ? $table{$row}[$column] : 'nothing';
}

# Every client in turn, compared with the table's column for this mode.
sub clients {
    my ( $port, $mode, @only ) = @_;
    my %seen;
    for my $client ( grep { !$seen{$_}++ } map { $_->[0] } @checks ) {
        next if @only && !grep { $_ eq $client } @only;
        subtest $client => sub {
            $t->need($client);
            plan skip_all => "$client needs root" if $is_engine{$client} && $> != 0;
            for my $check ( grep { $_->[0] eq $client } @checks ) {
                my $row = row_of($check);
                my ( $good, $run ) = goes_well( $port, @$check );
                $measured{$row}{$mode} = $good ? 'yes' : 'no';
                is( $measured{$row}{$mode}, said( $row, $mode ), $row )
                    or diag "status $run->{status}: $run->{out}$run->{err}";
            }
            if ( $client =~ /^cosign/ ) {
                my $run = $clients->run( $client,
                    $clients->verify( 'verify', by_tag( $port, 'unsigned' ) ) );
                isnt( $run->{status}, 0, 'what is not signed does not verify' );
            }
        };
    }
    return;
}

# What the regional registry was asked for and did not have, by method.
sub missing {
    my %count;
    for my $request ( $regional->requests ) {
        $count{$1}++ if $request =~ /^(\w+) .* 404$/;
    }
    return \%count;
}

# ---- the front door ----

my $state = $t->dir('state');
my $index = $t->folder . '/signatures.index';

sub conf {
    my ($more) = @_;
    return <<"EOT";
name      = "registry.example.org";
prefix    = "$prefix";
upstreams = { regional = { url = "${\ $regional->url }"; serves = [ "EU" ]; };
              central  = { url = "${\ $canonical->url }"; }; };
canonical = [ "central" ];
$more
EOT
}

# signpost.fcgi behind lighttpd, which says that every client is far from the canonical
# registry.
sub front {
    my ( $what, $more ) = @_;
    my $socket = signpost( $t, $what, conf => conf($more) );
    return lighttpd(
        $t, "$what-lighttpd",
        socket => $socket,
        extra  => 'setenv.add-environment = ( "SIGNPOST_REGION" => "EU" )'
    );
}

my $with_prober = qq(state = "$state"; prober = "service";);

subtest 'a prober' => sub {
    plan skip_all => 'signpost was built without its prober'
        if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};
    Signpost::Prober->start( $t, 'prober', $t->file( 'prober.conf', conf($with_prober) ), $state );
    my $port = front( 'probed', $with_prober );
    $regional->requests;
    subtest 'cold' => sub {
        clients( $port, 'prober' );
        my $missing = missing();
        ok( delete $missing->{HEAD}, 'the prober has looked at the regional registry' );
        is_deeply( $missing, {}, 'but no client was sent there for what it lacks' );
    };
    subtest 'warm' => sub {
        clients( $port, 'prober' );
        is_deeply( missing(), {}, 'nobody asks the regional registry again' );
    };

    $t->stop( 'prober', 'KILL' );
    subtest 'killed' => sub {
        clients( $port, 'prober killed' );
        is_deeply( missing(), {}, 'the findings are there still' );
    };
    subtest 'killed, CGI' => sub {
        clients( plain_server( $t, 'after', conf => conf($with_prober), region => 'EU' ),
            'prober killed' );
        is_deeply( missing(), {}, 'for every process' );
    };
};

subtest 'an index alone, CGI' => sub {
    my $more = qq(index = "$index"; prober = "off";);
    my $run  = $t->run(
        [
            $t->program('signpost'),
            qw(index add --config),
            $t->file( 'index.conf', conf($more) ),
            map { "team/$_:v1" } qw(tags bundle notation referrer)
        ]
    );
    is( $run->{status}, 0, 'signpost index add' ) or diag $run->{err};
    clients( plain_server( $t, 'indexed', conf => conf($more), region => 'EU' ), 'index' );
    is_deeply( missing(), {}, 'the regional registry was asked for nothing that it lacks' );
};

subtest 'an index, and the prober killed' => sub {
    plan skip_all => 'signpost was built without its prober'
        if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};
    my $fresh = $t->dir('fresh');
    my $more  = qq(index = "$index"; state = "$fresh"; prober = "service";);
    Signpost::Prober->start( $t, 'short', $t->file( 'short.conf', conf($more) ), $fresh );
    my $port = front( 'indexed-killed', $more );
    $t->stop( 'short', 'KILL' );
    clients( $port, 'index, prober killed' );
    is_deeply( missing(), {}, 'the regional registry was asked for nothing that it lacks' );
};

subtest 'rules for tags alone' => sub {
    my $rules = <<'EOT';
prober = "off";
rules  = ( { match = "signature"; to = [ "canonical" ]; }, { match = "*"; to = [ "nearest" ]; } );
EOT
    clients( front( 'tags', $rules ), 'rules for tags' );
    ok( missing()->{GET}, 'clients were sent to the regional registry for what it lacks' );
};

# The empty configuration of the referrer is in the index for its repository alone.
subtest 'the canonical registry is dead' => sub {
    my $rules = <<"EOT";
index  = "$index"; prober = "off";
rules  = ( { match = "signature"; to = [ "canonical" ]; },
           { match = "signature-digest"; to = [ "canonical" ]; }, { match = "*"; to = [ "nearest" ]; } );
EOT
    my $port = front( 'dead', $rules );
    like( $t->slurp($index), qr{^\Q${\ digest_of('{}') }\E team/referrer$}m, 'the index has it' );
    $t->stop('canonical');
    for my $check ( grep { $_->[1] =~ /artifact$|chart$/ } @pullers ) {
    SKIP: {
            $t->find( $check->[0] ) or skip( "$check->[0] is not installed", 1 );
            my ( $good, $run ) = goes_well( $port, @$check );
            ok( $good, row_of($check) ) or diag "status $run->{status}: $run->{out}$run->{err}";
        }
    }
};

subtest 'the table' => sub {
    my @rows = map { row_of($_) } @checks;
    is_deeply( [ sort keys %table ], [ sort @rows ], 'has a row for each check' );
    my @bad = grep {
        my @cells = @{ $table{$_} };
        grep { $_ ne 'yes' } @cells[ 0 .. 3 ]
    } keys %table;
    is_deeply( \@bad, [], 'and all works that is promised' );
    my $text = join '', map {
        my $row = $_;
        my ( $client, $what ) = split /: /, $row, 2;
        "| $client | $what | " . join( ' | ', map { $measured{$row}{$_} // '?' } @modes ) . " |\n"
    } @rows;
    diag $text if $ENV{SIGNPOST_TABLE};
};

$t->done;
