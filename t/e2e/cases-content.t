# SPDX-License-Identifier: Apache-2.0
#
# Where content is, as registry clients ask for it: signatures, referrers and ordinary
# images by digest, with real registries, a bucket and a prober behind a real web server.
# For each request its status, where it goes, and what was asked of whom for that.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP ();
use Signpost::Clients;
use Signpost::Registry qw(image artifact signature_tag digest_of);
use Signpost::Scene;
use Signpost::Test;
use Signpost::Upstream;
use Signpost::Wire qw(http parse_answer);
use Test::More;

my $t     = Signpost::Test->new;
my $scene = Signpost::Scene->new($t);
my ( $prefix, $regional, $canonical, $image, $signature ) =
    @$scene{qw(prefix regional canonical image signature)};
my ($platform) = @{ $image->{parts} };
my @layers     = map { digest_of( $_->{blobs}[1] ) } @{ $image->{parts} };
my ( $signature_config, $signature_layer ) = map { digest_of($_) } @{ $signature->{blobs} };
my $app  = '/v2/team/app';
my $http = HTTP::Tiny->new(
    default_headers => { Accept => 'application/vnd.oci.image.manifest.v1+json' } );

# What the prober asks for an object, and what it learns.
sub probe        { return "$_[0] HEAD team/app/$_[1] $_[2]" }
sub bucket_probe { return "bucket HEAD $_[0] $_[1]" }

# A referrer of a thing, without a configuration.
sub referrer {
    my ( $subject, @layers ) = @_;
    my $json     = JSON::PP->new->canonical->utf8;
    my $thing    = artifact( 'application/vnd.oci.empty.v1+json', '{}', @layers );
    my $manifest = $json->decode( $thing->{bytes} );
    my ( $type, $digest, $bytes ) = @$subject{qw(type digest bytes)};
    $manifest->{subject}      = { mediaType => $type, digest => $digest, size => length $bytes };
    $manifest->{artifactType} = $layers[0][0];
    my $text = $json->encode($manifest);
    return { %$thing, bytes => $text, digest => digest_of($text) };
}

# 1, 2.
for my $case ( [ 'the tag first', 1 ], [ 'a fresh door, the digest at once', 0 ] ) {
    my ( $what, $tag_first ) = @$case;
    subtest "signature manifest by digest: $what" => sub {
        my $door   = $scene->front();
        my $digest = $signature->{digest};
        if ($tag_first) {
            my $tag = signature_tag($image);
            my $answer =
                $scene->is_sent( $door, "$app/manifests/$tag", '307 canonical', [], 'the tag' );
            my $got = $http->get( $answer->{header}{location} );
            is( $got->{headers}{'docker-content-digest'}, $digest, 'the registry tells a digest' );
            $canonical->requests;
        }
        my @once = ( probe( regional => "manifests/$digest", 404 ) );
        $scene->is_sent( $door, "$app/manifests/$digest", '307 canonical', \@once,
            'GET by digest' );
        $scene->is_sent(
            $door, "$app/manifests/$digest", '307 canonical',
            [],
            'HEAD by digest',
            method => 'HEAD'
        );
        $scene->close($door);
    };
}

subtest 'signature blobs, where the bucket lacks them and inside a cloud' => sub {
    my $door = $scene->front();
    for my $blob ( $signature_layer, $signature_config ) {
        $scene->is_sent(
            $door, "$app/blobs/$blob",
            '307 canonical',
            [ bucket_probe( $blob, 404 ), probe( regional => "blobs/$blob", 404 ) ],
            'from outside'
        );
        $scene->is_sent( $door, "$app/blobs/$blob", '307 canonical',
            [], 'from a cloud', region => 'gcp:europe-west1' );
    }
    $scene->close($door);
    $door = $scene->front();
    $scene->is_sent(
        $door, "$app/blobs/$signature_layer",
        '307 canonical',
        [ probe( regional => "blobs/$signature_layer", 404 ) ],
        'from a cloud first',
        region => 'gcp:europe-west1'
    );
    $scene->close($door);
};

subtest 'an ordinary image by digest' => sub {
    my $door     = $scene->front();
    my $manifest = $platform->{digest};
    my ($config) = map { digest_of($_) } $platform->{blobs}[0];
    my @once     = ( probe( regional => "manifests/$manifest", 200 ) );
    $scene->is_sent( $door, "$app/manifests/$manifest", '307 regional', \@once, 'a manifest' );
    $scene->is_sent( $door, "$app/manifests/$manifest", '307 regional', [],     'again' );
    my @layer = ( bucket_probe( $layers[0], 200 ), probe( regional => "blobs/$layers[0]", 200 ) );
    $scene->is_sent( $door, "$app/blobs/$layers[0]", "307 bucket /$layers[0]", \@layer, 'a layer' );
    $scene->is_sent( $door, "$app/blobs/$layers[0]", "307 bucket /$layers[0]", [],      'again' );
    my @config = ( bucket_probe( $config, 404 ), probe( regional => "blobs/$config", 200 ) );
    $scene->is_sent( $door, "$app/blobs/$config", '307 regional', \@config,
        'a config that no bucket has' );
    $scene->is_sent( $door, "$app/blobs/$config", '307 regional', [], 'again' );
    $scene->close($door);
};

subtest 'referrers, and all that hangs on them' => sub {
    $t->need('referrers-registry');
    my $subject  = image( 'hello.txt' => 'hello, with a bill of materials' );
    my $referrer = referrer( $subject, [ 'text/spdx+json', '{"sbom":1}' ] );
    my $layer    = digest_of( $referrer->{blobs}[1] );
    $scene->push( 'team/app', $subject, 'bom' );
    $canonical->push( "$prefix/team/app", $referrer );
    my $door  = $scene->front( real_clients => 1 );
    my $query = '?artifactType=a%2Bb&artifactType=c';
    $scene->is_sent(
        $door,
        "$app/referrers/$subject->{digest}$query",
        '307 canonical',
        [], 'referrers, the query byte for byte'
    );
    $scene->is_sent(
        $door,
        "$app/referrers/$subject->{digest}",
        '307 canonical',
        [], 'HEAD', method => 'HEAD'
    );
    $scene->is_sent(
        $door,
        "$app/manifests/$referrer->{digest}",
        '307 canonical',
        [ probe( regional => "manifests/$referrer->{digest}", 404 ) ],
        'a referrer by digest'
    );
    $scene->is_sent(
        $door, "$app/blobs/$layer",
        '307 canonical',
        [ bucket_probe( $layer, 404 ), probe( regional => "blobs/$layer", 404 ) ],
        'its layer'
    );
    subtest 'cosign 3 counts every bundle' => sub {
        $t->need('cosign3');
        my $clients = Signpost::Clients->new( $t, $scene->{key} );
        my $there   = "127.0.0.1:$canonical->{port}/$prefix/team/app\@$subject->{digest}";
        $clients->signs( 'cosign3', $there ) for 1 .. 3;
        $scene->probes(0);
        my $run = $clients->run( 'cosign3',
            $clients->verify( 'verify', "127.0.0.1:$door->{port}/team/app:bom" ) );
        is( $run->{status}, 0, 'verified' ) or diag $run->{err};
        is( scalar( () = $run->{out} =~ /\Q$subject->{digest}/g ), 3, 'three times' )
            or diag $run->{out};
        my @asked = grep { /^regional HEAD/ } @{ $scene->probes(6) };
        is( @asked, 6, 'the prober looked for three bundles, each a manifest and a layer' )
            or diag explain \@asked;
        is( scalar( grep { / 404$/ } @asked ), 6, '… which the regional registry has not' );
    };
    $scene->close($door);
};

subtest 'referrers while the canonical registry does not answer' => sub {
    my $door   = $scene->front();
    my $digest = $signature->{digest};
    $t->signal( 'canonical', 'STOP' );
    my %to = map { $_ => $_ } "referrers/$image->{digest}",
        'manifests/' . signature_tag($image), "manifests/$digest";
    my %answer = map { $_ => http( $door->{port}, 'GET', "$app/$_", 'X-Client-Region' => 'EU' ) }
        sort keys %to;
    $t->signal( 'canonical', 'CONT' );
    is(
        $scene->gone( $answer{$_} ),
        "307 canonical /v2/$prefix/team/app/$_",
        "$_: sent there, never 404"
    ) for sort keys %to;
    is_deeply( $scene->probes(1), [ probe( regional => "manifests/$digest", 404 ) ], 'one probe' );
    $scene->is_sent( $door, "$app/$_", '307 canonical', [], 'afterwards' ) for sort keys %to;
    $scene->close($door);
};

subtest 'what the status of a probe means' => sub {
    my %conf = $scene->conf;
    my $odd  = Signpost::Upstream->start( $t, 'odd' );
    my $door = $scene->front(
        prefix    => '',
        upstreams => $conf{upstreams} =~ s/serves = \[ "EU" \];/serves = [ "US" ];/r =~
            s/\{ regional/{ odd = { url = "@{[ $odd->url ]}"; serves = [ "EU" ]; };\n regional/r,
        buckets => '',
        more    => 'health_fall = 100; probe_timeout = 0.4;'
    );
    $scene->{name_of}{ $odd->port } = 'odd';

    # For each: where a manifest and a blob go, and how many HEADs two requests for one cause.
    my @cases = (
        [ 'present/app',    'odd',       'odd',       1 ],
        [ 'absent/app',     'canonical', 'canonical', 1 ],
        [ 'status-401/app', 'odd',       'odd',       1 ],    # in trouble: not canonical's
        [ 'status-403/app', 'canonical', 'odd',       1 ],
        [ 'status-429/app', 'odd',       'odd',       1 ],    # in trouble: not canonical's
        [ 'status-503/app', 'odd',       'odd',       1 ],    # in trouble: not canonical's
        [ 'silent/app',     'canonical', 'odd',       1 ],
        [ 'here/app',       'odd',       'odd',       2 ],    # followed: 307, then 200
        [ 'away/app',       'canonical', 'odd',       1 ],    # to a stranger: not followed
    );
    for my $case (@cases) {
        my ( $name, @expected ) = @$case;
        my $heads = pop @expected;
        for my $endpoint (qw(manifests blobs)) {
            my $to   = shift @expected;
            my $path = "/v2/$name/$endpoint/sha256:" . sha256_hex("$name $endpoint");
            my @went =
                map { $scene->where( $door->{port}, $path ) } 1 .. 2;
            is_deeply( \@went, [ ("307 $to $path") x 2 ], "$name $endpoint: to $to" );
            is( scalar( $odd->requests ), $heads, "… after $heads probes in two requests" );
        }
    }
    is_deeply( $scene->probes(0), [], 'nobody else was asked' );
    $t->stop('odd');
    $scene->close($door);
};

subtest 'an image under a tag such as referrers have' => sub {
    my $copy = image( 'copy.txt' => 'cosign copy writes the image itself here' );
    my $bare = $image->{digest} =~ s/:/-/r;
    my ( $config, $layer ) = map { digest_of($_) } @{ $copy->{blobs} };
    $scene->push( 'team/app', $copy, $bare );
    $regional->push( "$prefix/copied/app", $image,     'v1' );
    $regional->push( "$prefix/copied/app", $copy,      $bare );
    $regional->push( "$prefix/copied/app", $signature, "old-$bare.sig" );
    my $index = $t->folder . '/copy.index';
    my $file  = $t->file( 'copy.conf', <<"EOT" );
name      = "registry.example.org";
prefix    = "$prefix";
upstreams = { regional = { url = "${\ $regional->url }"; }; };
index     = "$index";
signature_prefixes = [ "old-" ];
prober    = "off";
EOT
    my $run =
        $t->run( [ $t->program('signpost'), qw(index add --config), $file, 'copied/app:v1' ] );
    is( $run->{status}, 0, 'signpost index add, of what has both' ) or diag $run->{err};
    my $listed = $t->slurp($index);
    like( $listed, qr/^\Q$signature->{digest}\E copied\/app$/m, 'the signature is in the index' );
    unlike( $listed, qr/\Q$_/, 'nothing of the image is' ) for $copy->{digest}, $config, $layer;
    $t->file( 'copy.index', $listed =~ s/ copied\/app$//gmr );    # here it is in another repository

    my $door = $scene->front( more => qq(index = "$index";) );
    $scene->is_sent( $door, "$app/manifests/$bare", '307 canonical', [], 'the tag' );
    my @once = ( probe( regional => "manifests/$copy->{digest}", 200 ) );
    $scene->is_sent( $door, "$app/manifests/$copy->{digest}",
        '307 regional', \@once, 'its manifest' );
    for my $blob ( $config, $layer ) {
        @once = ( bucket_probe( $blob, 404 ), probe( regional => "blobs/$blob", 200 ) );
        $scene->is_sent( $door, "$app/blobs/$blob", '307 regional', \@once, 'its blobs' );
    }
    $scene->is_sent(
        $door,
        "$app/manifests/$signature->{digest}",
        '307 canonical',
        [], 'a digest of the index'
    );
    $scene->close($door);
};

# Sends the same request so many times at once; returns where each went.
sub at_once {
    my ( $path, @ports ) = @_;
    my @socket = map { IO::Socket::INET->new( PeerAddr => "127.0.0.1:$_" ) // die "$_: $!" } @ports;
    syswrite $_, "GET $path HTTP/1.0\r\nHost: registry.example.org\r\nX-Client-Region: EU\r\n\r\n"
        for @socket;
    return sub {
        map {
            local $/ = undef;
            $scene->gone( parse_answer( scalar readline($_), 'GET' ) )
        } @socket;
    };
}

subtest 'many at once, on two workers' => sub {
    my $door   = $scene->front();
    my $second = $scene->worker( $door, 'second' );
    my $digest = $signature->{digest};
    $scene->is_sent(
        $door,
        "$app/manifests/" . signature_tag($image),
        '307 canonical',
        [], 'a tag'
    );
    $scene->is_sent(
        { port => $second },
        "$app/manifests/$digest",
        '307 canonical',
        [ probe( regional => "manifests/$digest", 404 ) ],
        'its digest, at once, on another worker'
    );
    $t->signal( 'regional', 'STOP' );
    my $answers =
        at_once( "$app/blobs/$signature_layer", ( $door->{port}, $second ) x 50 );
    $t->wait_for( sub { $door->{prober}->health->{counter}{shared} >= 2 }, 1 );
    $t->signal( 'regional', 'CONT' );
    my %went;
    $went{$_}++ for $answers->();
    is_deeply(
        \%went,
        { "307 canonical /v2/$prefix/team/app/blobs/$signature_layer" => 100 },
        'a hundred requests for one blob: all to the right place'
    );
    is_deeply(
        $scene->probes(2),
        [
            bucket_probe( $signature_layer, 404 ),
            probe( regional => "blobs/$signature_layer", 404 )
        ],
        '… after one probe of each target'
    );
    $t->stop($_) for qw(second-nginx second);
    $scene->close($door);
};

$t->done;
