# SPDX-License-Identifier: Apache-2.0
#
# The clients that people use, against the front door: signatures, attestations and
# referrers that only the canonical registry holds are found from elsewhere, by the
# built-in rules, with a prober (cold and warm, and after it was killed) or with an
# index alone; and not with rules that send only tags there.
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
    if !grep { $t->find($_) } qw(cosign cosign3 notation crane oras regctl);

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

sub is_content {
    my ($thing) = @_;
    return prove => sub { digest_of( $_[0] ) eq $thing->{digest} };
}

# Each: a client, what it does given the front door's port, and what proves by its
# output that it was done. `always`: it needs nothing that is found by digest only at
# the canonical registry, so that rules for tags are enough for it.
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
        crane  => 'validate an image',
        does   => sub { [ 'validate', '--remote', by_tag( $_[0], 'tags' ) ] },
        prove  => sub { 1 },
        always => 1
    ],
    [
        crane  => 'ls',
        does   => sub { [ 'ls', host( $_[0] ) . '/team/tags' ] },
        prove  => sub { $_[0] =~ /^v1$/m },
        always => 1
    ],
    [
        oras   => 'discover',
        does   => sub { [ 'discover', '--plain-http', by_tag( $_[0], 'referrer' ) ] },
        prove  => sub { $_[0] =~ /\Q$referrer->{digest}/ },
        always => 1
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
);

# Whether a client does what it should, and how it ended.
sub goes_well {
    my ( $port, $client, undef, %check ) = @_;
    my $run  = $clients->run( $client, @{ $check{does}->($port) } );
    my $good = $run->{status} == 0 && $check{prove}->( $run->{out} );
    return ( $good, $run );
}

# Every client in turn. With `tags_only`, what needs more than tags must fail.
sub clients {
    my ( $port, %option ) = @_;
    for my $client ( qw(cosign cosign3 notation crane oras regctl), $copier ) {
        subtest $client => sub {
            $t->need($client);
            for my $check ( grep { $_->[0] eq $client } @checks ) {
                my ( $good, $run ) = goes_well( $port, @$check );
                my %check = @$check[ 2 .. $#$check ];
                my $fails = $option{tags_only} && !$check{always};
                ok( $fails ? !$good : $good, $fails ? "$check->[1]: not found" : $check->[1] )
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
        clients($port);
        my $missing = missing();
        ok( delete $missing->{HEAD}, 'the prober has looked at the regional registry' );
        is_deeply( $missing, {}, 'but no client was sent there in vain' );
    };
    subtest 'warm' => sub {
        clients($port);
        is_deeply( missing(), {}, 'nobody asks the regional registry again' );
    };

    $t->stop( 'prober', 'KILL' );
    subtest 'killed' => sub {
        clients($port);
        is_deeply( missing(), {}, 'the findings are there still' );
    };
    subtest 'killed, CGI' => sub {
        clients( plain_server( $t, 'after', conf => conf($with_prober), region => 'EU' ) );
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
    clients( plain_server( $t, 'indexed', conf => conf($more), region => 'EU' ) );
    is_deeply( missing(), {}, 'nothing was asked of the regional registry in vain' );
};

subtest 'rules for tags alone' => sub {
    my $rules = <<'EOT';
prober = "off";
rules  = ( { match = "signature"; to = [ "canonical" ]; }, { match = "*"; to = [ "nearest" ]; } );
EOT
    clients( front( 'tags', $rules ), tags_only => 1 );
    ok( missing()->{GET}, 'clients were sent to the regional registry in vain' );
};

$t->done;
