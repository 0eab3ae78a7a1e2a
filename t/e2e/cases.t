# SPDX-License-Identifier: Apache-2.0
#
# Fifteen cases that a front door has to get right, with real registries, a bucket and
# a prober behind a real web server: for each request its status, where it goes, and
# what the prober asked of whom for it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex sha512_hex);
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Signpost::Bucket;
use Signpost::Clients;
use Signpost::Prober;
use Signpost::Registry qw(image index_of artifact key_pair signature signature_tag digest_of);
use Signpost::Servers  qw(signpost nginx lighttpd);
use Signpost::Stub;
use Signpost::Test;
use Signpost::Upstream;
use Signpost::Wire qw(http parse_answer);
use Test::More;

my $t = Signpost::Test->new->need(qw(nginx docker-registry openssl));
$t->skip_all('signpost was built without its prober')
    if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};

my $http = HTTP::Tiny->new(
    default_headers => { Accept => "application/vnd.oci.image.manifest.v1+json" } );
my $prefix     = 'mirror/images';
my $regional   = Signpost::Registry->start( $t, 'regional' );
my $starts     = $t->find('referrers-registry') ? 'start_with_referrers' : 'start';
my $canonical  = Signpost::Registry->$starts( $t, 'canonical' );
my $bucket     = Signpost::Bucket->start( $t, 'bucket' );
my %registries = ( regional => $regional, canonical => $canonical, bucket => $bucket );

# ---- what there is ----

my $key     = key_pair( $t, 'ours' );
my $clients = Signpost::Clients->new( $t, $key );
my $image   = index_of( image( 'hello.txt' => 'hello' ),
    image( { architecture => 'arm64' }, 'hello.txt' => 'hallo' ) );
my ($platform) = @{ $image->{parts} };
my @layers     = map { digest_of( $_->{blobs}[1] ) } @{ $image->{parts} };
my $signature  = signature( $t, $key, $image, 'registry.example.org/team/app' );
my ( $signature_config, $signature_layer ) = map { digest_of($_) } @{ $signature->{blobs} };

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

for my $name ( 'team/app', 'a/blobs/b', 'x/manifests/y', 'referrers/z', 'tags/list' ) {
    $_->push( "$prefix/$name", $image, 'v1' ) for $regional, $canonical;
}
$canonical->push( "$prefix/team/app", $signature, signature_tag($image) );
$bucket->add( $_->{blobs}[1] ) for @{ $image->{parts} };    # layers alone: not the configs

# ---- the front door ----

my %conf = ( upstreams => <<"UPSTREAMS", buckets => <<"BUCKETS", rules => <<'RULES', more => '' );
upstreams = { regional = { url = "${\ $regional->url }"; serves = [ "EU" ]; };
              central  = { url = "${\ $canonical->url }"; }; };
UPSTREAMS
buckets   = ( { name = "cdn"; serves = [ "*" ]; url = "${\ $bucket->url }"; } );
BUCKETS
rules     = ( { match = "blob"; client = "gcp:*"; to = [ "nearest?", "canonical" ]; }, "default" );
RULES

# Real clients send no header that tells where they are.
my $in_europe = 'fastcgi_param SIGNPOST_REGION EU;';

my $doors = 0;

# A front door that knows nothing yet: a state directory, a prober and a web server of
# its own. Returns { name, port, prober, conf }. Options replace parts of the
# configuration; extra, lines of the web server's.
sub front {
    my (%option) = @_;
    my $name     = 'door' . ++$doors;
    my $state    = $t->dir("$name.state");
    chmod 0755, $state;
    my %part = ( %conf, %option );
    my $conf = <<"EOT";
name      = "registry.example.org";
prefix    = "@{[ $option{prefix} // $prefix ]}";
canonical = [ "central" ];
state     = "$state";
prober    = "service";
signature_prefixes = [ "old-" ];
$part{upstreams}$part{buckets}$part{rules}$part{more}
EOT
    my $file   = $t->file( "$name.conf", $conf );
    my $prober = Signpost::Prober->start( $t, "$name-prober", $file, $state );
    $_->requests for values %registries;
    my $port = worker( $name, $conf, extra => $option{extra} );
    return { name => $name, conf => $conf, prober => $prober, port => $port };
}

# One more responder behind a web server; its port. Option: extra, lines of that server's.
sub worker {
    my ( $name, $conf, %option ) = @_;
    return nginx( $t, "$name-nginx", socket => signpost( $t, $name, conf => $conf ), %option );
}

sub close_door {
    my ($door) = @_;
    $t->stop("$door->{name}-nginx");
    $t->stop( $door->{name} );
    $t->stop("$door->{name}-prober");
    return;
}

# ---- what is asserted ----

my %name_of = map { $registries{$_}{port} => $_ } keys %registries;

# "307 regional /v2/…", or "404" and the code of the error.
sub gone {
    my ($answer) = @_;
    my $location = $answer->{header}{location} // '';
    return join ' ', $answer->{status} // 'nothing', $answer->{body} =~ /"code":"(\w+)"/
        if $location eq '';
    my ( $port, $path ) = $location =~ m{^http://127\.0\.0\.1:(\d+)(/.*)}
        or return "$answer->{status} $location";
    return "$answer->{status} $name_of{$port} $path";
}

# What the targets were asked for since the last call, checks of their health aside:
# "regional HEAD team/app/manifests/sha256:… 404". So many are waited for: a bucket that
# has the object makes what the regional registry says moot, and may be faster.
sub probes {
    my ($count) = @_;
    my @seen;
    $t->wait_for(
        sub {
            for my $name ( sort keys %registries ) {
                push @seen, map { "$name $_" } grep { !m{ /v2/ \d+$} } $registries{$name}->requests;
            }
            return @seen >= $count;
        }
    );
    return [ sort map { s{/v2/$prefix/}{}r } @seen ];
}

# Where a request of a client goes, and what was asked for that. Options: region,
# method, header.
sub is_sent {
    my ( $door, $path, $to, $probes, $what, %option ) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $answer = http(
        $door->{port},
        $option{method} // 'GET',
        $path,
        'X-Client-Region' => $option{region} // 'EU',
        @{ $option{header} || [] }
    );
    my $seen = probes( scalar @$probes );
    $to .= " $1" if $to =~ / (?:regional|canonical)$/ && $path =~ m{^/v2(/.*)$};
    $to =~ s{^(307 (?:regional|canonical)) /}{$1 /v2/$prefix/};
    is( gone($answer), $to, "$what: to the right place" );
    is_deeply( $seen, $probes,
        '… ' . ( @$probes ? 'after ' . @$probes . ' probes' : 'without a probe' ) )
        or diag explain $seen;
    return $answer;
}

my $app = '/v2/team/app';

# What the prober asks for an object, and what it learns.
sub probe        { return "$_[0] HEAD team/app/$_[1] $_[2]" }
sub bucket_probe { return "bucket HEAD $_[0] $_[1]" }

# 1, 2.
for my $case ( [ 'the tag first', 1 ], [ 'a fresh door, the digest at once', 0 ] ) {
    my ( $what, $tag_first ) = @$case;
    subtest "signature manifest by digest: $what" => sub {
        my $door   = front();
        my $digest = $signature->{digest};
        if ($tag_first) {
            my $tag    = signature_tag($image);
            my $answer = is_sent( $door, "$app/manifests/$tag", '307 canonical', [], 'the tag' );
            my $got    = $http->get( $answer->{header}{location} );
            is( $got->{headers}{'docker-content-digest'}, $digest, 'the registry tells a digest' );
            $canonical->requests;
        }
        my @once = ( probe( regional => "manifests/$digest", 404 ) );
        is_sent( $door, "$app/manifests/$digest", '307 canonical', \@once, 'GET by digest' );
        is_sent(
            $door, "$app/manifests/$digest", '307 canonical',
            [],
            'HEAD by digest',
            method => 'HEAD'
        );
        close_door($door);
    };
}

subtest 'signature blobs, where the bucket lacks them and inside a cloud' => sub {
    my $door = front();
    for my $blob ( $signature_layer, $signature_config ) {
        is_sent(
            $door, "$app/blobs/$blob",
            '307 canonical',
            [ bucket_probe( $blob, 404 ), probe( regional => "blobs/$blob", 404 ) ],
            'from outside'
        );
        is_sent( $door, "$app/blobs/$blob", '307 canonical',
            [], 'from a cloud', region => 'gcp:europe-west1' );
    }
    close_door($door);
    $door = front();
    is_sent(
        $door, "$app/blobs/$signature_layer",
        '307 canonical',
        [ probe( regional => "blobs/$signature_layer", 404 ) ],
        'from a cloud first',
        region => 'gcp:europe-west1'
    );
    close_door($door);
};

subtest 'an ordinary image by digest' => sub {
    my $door     = front();
    my $manifest = $platform->{digest};
    my ($config) = map { digest_of($_) } $platform->{blobs}[0];
    my @once     = ( probe( regional => "manifests/$manifest", 200 ) );
    is_sent( $door, "$app/manifests/$manifest", '307 regional', \@once, 'a manifest' );
    is_sent( $door, "$app/manifests/$manifest", '307 regional', [],     'again' );
    my @layer = ( bucket_probe( $layers[0], 200 ), probe( regional => "blobs/$layers[0]", 200 ) );
    is_sent( $door, "$app/blobs/$layers[0]", "307 bucket /$layers[0]", \@layer, 'a layer' );
    is_sent( $door, "$app/blobs/$layers[0]", "307 bucket /$layers[0]", [],      'again' );
    my @config = ( bucket_probe( $config, 404 ), probe( regional => "blobs/$config", 200 ) );
    is_sent( $door, "$app/blobs/$config", '307 regional', \@config, 'a config that no bucket has' );
    is_sent( $door, "$app/blobs/$config", '307 regional', [],       'again' );
    close_door($door);
};

subtest 'referrers, and all that hangs on them' => sub {
    $t->need('referrers-registry');
    my $subject  = image( 'hello.txt' => 'hello, with a bill of materials' );
    my $referrer = referrer( $subject, [ 'text/spdx+json', '{"sbom":1}' ] );
    my $layer    = digest_of( $referrer->{blobs}[1] );
    $_->push( "$prefix/team/app", $subject, 'bom' ) for $regional, $canonical;
    $canonical->push( "$prefix/team/app", $referrer );
    my $door  = front( extra => $in_europe );
    my $query = '?artifactType=a%2Bb&artifactType=c';
    is_sent(
        $door,
        "$app/referrers/$subject->{digest}$query",
        '307 canonical',
        [], 'referrers, the query byte for byte'
    );
    is_sent(
        $door,
        "$app/referrers/$subject->{digest}",
        '307 canonical',
        [], 'HEAD', method => 'HEAD'
    );
    is_sent(
        $door,
        "$app/manifests/$referrer->{digest}",
        '307 canonical',
        [ probe( regional => "manifests/$referrer->{digest}", 404 ) ],
        'a referrer by digest'
    );
    is_sent(
        $door, "$app/blobs/$layer",
        '307 canonical',
        [ bucket_probe( $layer, 404 ), probe( regional => "blobs/$layer", 404 ) ],
        'its layer'
    );
    subtest 'cosign 3 counts every bundle' => sub {
        $t->need('cosign3');
        my $there = "127.0.0.1:$canonical->{port}/$prefix/team/app\@$subject->{digest}";
        $clients->signs( 'cosign3', $there ) for 1 .. 3;
        probes(0);
        my $run = $clients->run( 'cosign3',
            $clients->verify( 'verify', "127.0.0.1:$door->{port}/team/app:bom" ) );
        is( $run->{status}, 0, 'verified' ) or diag $run->{err};
        is( scalar( () = $run->{out} =~ /\Q$subject->{digest}/g ), 3, 'three times' )
            or diag $run->{out};
        my @asked = grep { /^regional HEAD/ } @{ probes(6) };
        is( @asked, 6, 'the prober looked for three bundles, each a manifest and a layer' )
            or diag explain \@asked;
        is( scalar( grep { / 404$/ } @asked ), 6, '… which the regional registry has not' );
    };
    close_door($door);
};

subtest 'referrers while the canonical registry does not answer' => sub {
    my $door   = front();
    my $digest = $signature->{digest};
    $t->signal( 'canonical', 'STOP' );
    my %to = map { $_ => $_ } "referrers/$image->{digest}",
        'manifests/' . signature_tag($image), "manifests/$digest";
    my %answer = map { $_ => http( $door->{port}, 'GET', "$app/$_", 'X-Client-Region' => 'EU' ) }
        sort keys %to;
    $t->signal( 'canonical', 'CONT' );
    is( gone( $answer{$_} ), "307 canonical /v2/$prefix/team/app/$_", "$_: sent there, never 404" )
        for sort keys %to;
    is_deeply( probes(1), [ probe( regional => "manifests/$digest", 404 ) ], 'one probe' );
    is_sent( $door, "$app/$_", '307 canonical', [], 'afterwards' ) for sort keys %to;
    close_door($door);
};

subtest 'what the status of a probe means' => sub {
    my $odd  = Signpost::Upstream->start( $t, 'odd' );
    my $door = front(
        prefix    => '',
        upstreams => $conf{upstreams} =~ s/serves = \[ "EU" \];/serves = [ "US" ];/r =~
            s/\{ regional/{ odd = { url = "@{[ $odd->url ]}"; serves = [ "EU" ]; };\n regional/r,
        buckets => '',
        more    => 'health_fall = 100; probe_timeout = 0.4;'
    );
    $name_of{ $odd->port } = 'odd';

    # For each: where a manifest and a blob go, and how many HEADs two requests for one cause.
    my @cases = (
        [ 'present/app',    'odd',       'odd',       1 ],
        [ 'absent/app',     'canonical', 'canonical', 1 ],
        [ 'status-401/app', 'canonical', 'odd',       2 ],
        [ 'status-403/app', 'canonical', 'odd',       2 ],
        [ 'status-429/app', 'canonical', 'odd',       2 ],
        [ 'status-503/app', 'canonical', 'odd',       2 ],
        [ 'silent/app',     'canonical', 'odd',       2 ],
        [ 'here/app',       'odd',       'odd',       2 ],    # followed: 307, then 200
        [ 'away/app',       'canonical', 'odd',       2 ],    # to a stranger: not followed
    );
    for my $case (@cases) {
        my ( $name, @expected ) = @$case;
        my $heads = pop @expected;
        for my $endpoint (qw(manifests blobs)) {
            my $to   = shift @expected;
            my $path = "/v2/$name/$endpoint/sha256:" . sha256_hex("$name $endpoint");
            my @went =
                map { gone( http( $door->{port}, 'GET', $path, 'X-Client-Region' => 'EU' ) ) }
                1 .. 2;
            is_deeply( \@went, [ ("307 $to $path") x 2 ], "$name $endpoint: to $to" );
            is( scalar( $odd->requests ), $heads, "… after $heads probes in two requests" );
        }
    }
    is_deeply( probes(0), [], 'nobody else was asked' );
    $t->stop('odd');
    close_door($door);
};

subtest 'tags of signatures, and what only looks like them' => sub {
    my $door = front();
    my $hex  = 'a' x 64;
    my %to   = (
        canonical =>
            [ "sha256-$hex", map( { "sha256-$hex.$_" } qw(sig att sbom) ), "old-sha256-$hex.sig" ],
        regional => [
            'sha256-' . 'a' x 63,
            'sha256-' . 'a' x 63 . '.sig',
            'sha256-' . 'A' x 64 . '.sig',
            'sha256-' . 'a' x 65 . '.sig',
            "sha256-$hex.sigx",
            "sha256-$hex.SIG",
            "new-sha256-$hex.sig",
        ],
    );
    for my $place ( sort keys %to ) {
        is_sent( $door, "$app/manifests/$_", "307 $place", [], $_ ) for @{ $to{$place} };
    }
    close_door($door);
};

subtest 'an image under a tag such as referrers have' => sub {
    my $copy = image( 'copy.txt' => 'cosign copy writes the image itself here' );
    my $bare = $image->{digest} =~ s/:/-/r;
    my ( $config, $layer ) = map { digest_of($_) } @{ $copy->{blobs} };
    $_->push( "$prefix/team/app", $copy, $bare ) for $regional, $canonical;
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
    like( $listed, qr/^\Q$signature->{digest}\E$/m, 'the signature is in the index' );
    unlike( $listed, qr/\Q$_/, 'nothing of the image is' ) for $copy->{digest}, $config, $layer;

    my $door = front( more => qq(index = "$index";) );
    is_sent( $door, "$app/manifests/$bare", '307 canonical', [], 'the tag' );
    my @once = ( probe( regional => "manifests/$copy->{digest}", 200 ) );
    is_sent( $door, "$app/manifests/$copy->{digest}", '307 regional', \@once, 'its manifest' );
    for my $blob ( $config, $layer ) {
        @once = ( bucket_probe( $blob, 404 ), probe( regional => "blobs/$blob", 200 ) );
        is_sent( $door, "$app/blobs/$blob", '307 regional', \@once, 'its blobs' );
    }
    is_sent(
        $door,
        "$app/manifests/$signature->{digest}",
        '307 canonical',
        [], 'a digest of the index'
    );
    close_door($door);
};

subtest 'other algorithms' => sub {
    my $door   = front();
    my $digest = 'sha512:' . sha512_hex('nobody has this');
    is_sent( $door, "$app/referrers/$digest", '307 canonical', [], 'referrers of sha512' );
    is_sent( $door, "$app/manifests/sha512-" . 'a' x 64, '307 canonical', [], 'their tag' );
    is_sent(
        $door,
        "$app/manifests/sha512-" . 'a' x 128,
        '404 MANIFEST_UNKNOWN',
        [], 'a tag that is too long'
    );
    for my $other ( $digest, 'blake3:' . 'a' x 64, 'new+kind:aB-_=' ) {
        my $answer = http( $door->{port}, 'GET', "$app/blobs/$other" );
        like(
            gone($answer),
            qr{^307 \w+ /(?:v2/$prefix/team/app/blobs/)?\Q$other\E$},
            "a blob $other passes"
        );
        $answer = http( $door->{port}, 'HEAD', "$app/manifests/$other" );
        like(
            gone($answer),
            qr{^307 \w+ /v2/$prefix/team/app/manifests/\Q$other\E$},
            '… a manifest, too'
        );
    }
    my $seen = probes(1);
    is( scalar( grep { !/ HEAD / } @$seen ), 0, 'the prober may have looked, by HEAD alone' );
    close_door($door);
};

subtest 'names that contain words of the protocol' => sub {
    my $door = front();
    for my $name ( 'a/blobs/b', 'x/manifests/y', 'referrers/z', 'tags/list' ) {
        my $manifest = "$name/manifests/$platform->{digest}";
        is_sent( $door, "/v2/$name/manifests/v1", '307 regional', [], "$name by tag" );
        is_sent(
            $door, "/v2/$manifest", '307 regional',
            ["regional HEAD $manifest 200"],
            "$name by digest"
        );
        is_sent(
            $door,
            "/v2/$name/referrers/$image->{digest}",
            '307 canonical',
            [], "$name, referrers"
        );
        is_sent( $door, "/v2/$name/tags/list", '307 regional', [], "$name, tags" );
    }
    is_sent( $door, $_, '404 UNSUPPORTED', [], $_ )
        for '/v2foo', '/v2foo/team/app/manifests/v1', '/v2/_catalog';
    close_door($door);
};

subtest 'hostile paths' => sub {
    my $door   = front();
    my $second = lighttpd( $t, 'door-lighttpd', socket => $t->folder . "/$door->{name}.sock" );
    my @bad    = (
        "/v2/team/app/manifests/../../../../secret/manifests/v1",
        "/v2/team/%2e%2e/%2e%2e/secret/manifests/v1",
        "/v2/team%2Fapp/../secret/manifests/v1",
        "/v2/team/app/blobs/../../../secret",
        "/v2//team/app/manifests/v1",
        "/v2/team//app/manifests/v1",
        "/v2/team/app/manifests/v1%00.sig",
        "/v2/team/app/manifests/v1%0d%0aX-Injected:%20yes",
        "/v2/team/app%0d%0aX-Injected:%20yes/manifests/v1",
        "/v2/team/./app/manifests/v1",
        "/v2/..;/team/app/manifests/v1",
        "/v2/team/app/manifests/%2e%2e",
    );
    for my $port ( $door->{port}, $second ) {
        for my $target (@bad) {
            my $answer = http( $port, 'GET', $target, 'X-Client-Region' => 'EU' );
            like( gone($answer), qr/^40[04]/, "$target: refused" ) or diag $answer->{raw};
            is( $answer->{header}{'x-injected'}, undef, '… and adds no header' );
        }
        my $colon  = "$app/manifests/$platform->{digest}";
        my $answer = http( $port, 'GET', $colon =~ s/:/%3A/r, 'X-Client-Region' => 'EU' );
        is(
            gone($answer),
            "307 regional /v2/$prefix/team/app/manifests/$platform->{digest}",
            '%3A becomes a colon'
        );
        $answer = http( $port, 'GET', '/v2/team%2Fapp/manifests/v1', 'X-Client-Region' => 'EU' );
        like(
            gone($answer),
            qr{^(?:404|307 regional /v2/$prefix/team/app/manifests/v1$)},
            '%2F leads nowhere else'
        );
    }
    is_deeply(
        probes(1),
        [ probe( regional => "manifests/$platform->{digest}", 200 ) ],
        'one probe, for the one good path'
    );
    $t->stop('door-lighttpd');
    close_door($door);
};

my @many = map { sprintf 'v%04d', $_ } 1 .. 1200;    # crane asks for 1000 at a time

# Each client that is installed lists those tags, or fails if it is named.
sub list_tags {
    my ( $port, %fails ) = @_;
    my $there   = "127.0.0.1:$port/many/tags";
    my %command = (
        crane  => [ 'ls',        $there ],
        skopeo => [ 'list-tags', '--tls-verify=false', "docker://$there" ],
        oras   => [ 'repo',      'tags', '--plain-http', $there ],
        regctl => [ '--host',    "reg=127.0.0.1:$port,tls=disabled", 'tag', 'ls', $there ],
    );
    for my $client ( sort keys %command ) {
    SKIP: {
            skip "$client is not installed", 1 if !$t->find($client);
            my $run  = $clients->run( $client, @{ $command{$client} } );
            my %seen = map { $_ => 1 } $run->{out} =~ /\b(v\d{4})\b/g;
            my $all  = $run->{status} == 0 && keys %seen == @many;
            ok( $fails{$client} ? !$all : $all, "$client: " . ( $fails{$client} ? 'no' : 'all' ) )
                or diag $run->{err};
        }
    }
    return;
}

subtest 'tags' => sub {
    $regional->push( "$prefix/many/tags", $platform, $many[0] );
    my $folder = "regional.storage/docker/registry/v2/repositories/$prefix/many/tags/_manifests";
    my ($hex) = $platform->{digest} =~ /:(.*)/;
    for my $tag (@many) {
        $t->file( "$folder/tags/$tag/$_", $platform->{digest} )
            for 'current/link', "index/sha256/$hex/link";
    }
    my $door = front( extra => $in_europe );
    is_sent(
        $door,
        '/v2/many/tags/tags/list?n=1000&last=v0100',
        "307 regional /many/tags/tags/list?last=v0100",
        [], 'n is dropped, last is kept'
    );
    list_tags( $door->{port} );
    is( scalar( grep { / HEAD / } @{ probes(1) } ), 0, 'nothing was probed' );
    close_door($door);
};

# Debian's registry lists all at once. This one gives a page, and a link to the next
# one with its own path, when it is asked for so many.
subtest 'tags, where the registry has them in pages' => sub {
    my $stub = Signpost::Stub->new( $t, 'pages' );
    my $list = "/v2/$prefix/many/tags/tags/list";
    my $page = sub {
        my ( $tags, @link ) = @_;
        return [
            [
                200,
                { 'Content-Type' => 'application/json', @link },
                JSON::PP->new->encode( { name => "$prefix/many/tags", tags => $tags } )
            ]
        ];
    };
    my $next = "last=$many[999]&n=1000";
    $stub->serve(
        $list          => $page->( \@many ),
        "$list?n=1000" => $page->( [ @many[ 0 .. 999 ] ], Link => "<$list?$next>; rel=\"next\"" ),
        "$list?$next"  => $page->( [ @many[ 1000 .. 1199 ] ] ),
    );
    my $paging = $conf{upstreams} =~ s/"http[^"]*"; serves/'"' . $stub->url . '"; serves'/er;
    my $door   = front( extra => $in_europe, upstreams => $paging );
    list_tags( $door->{port} );
    close_door($door);

    my $keep =
        'rules = ( { match = "tags-list"; to = [ "nearest" ]; query = "keep"; }, "default" );';
    $door = front( extra => $in_europe, upstreams => $paging, rules => $keep );
    list_tags( $door->{port}, crane => 1 );
    close_door($door);
    $t->stop('pages');
};

subtest 'what is answered here' => sub {
    my $door = front();
    for my $path ( '/v2/', '/v2' ) {
        for my $method (qw(GET HEAD)) {
            my $answer = is_sent( $door, $path, '200', [], "$method $path", method => $method );
            is( $answer->{header}{'docker-distribution-api-version'},
                'registry/2.0', '… with its header' );
            is( $answer->{body}, '', '… without a body' ) if $method eq 'HEAD';
        }
    }
    for my $method (qw(POST PUT PATCH DELETE)) {
        for my $path ( '/v2/', "$app/manifests/v1", "$app/blobs/uploads/" ) {
            my $answer =
                is_sent( $door, $path, '405 UNSUPPORTED', [], "$method $path", method => $method );
            like( $answer->{header}{allow} // '', qr/\bGET\b.*\bHEAD\b/, '… with Allow' );
        }
    }
    my %code = (
        '/v2/Team/app/manifests/v1'     => '404 MANIFEST_UNKNOWN',
        "$app/manifests/-no-tag"        => '404 MANIFEST_UNKNOWN',
        "$app/manifests/sha256:short"   => '404 MANIFEST_UNKNOWN',
        "$app/blobs/v1"                 => '404 BLOB_UNKNOWN',
        "$app/blobs/sha256:" . 'A' x 64 => '404 BLOB_UNKNOWN',
        "$app/referrers/v1"             => '400 DIGEST_INVALID',
        "$app/blobs/uploads/1"          => '404 BLOB_UPLOAD_UNKNOWN',
    );
    is_sent( $door, $_, $code{$_}, [], $_ ) for sort keys %code;
    my $answer = is_sent( $door, "$app/manifests/-no-tag", '404', [], 'HEAD', method => 'HEAD' );
    is( $answer->{body}, '', '… without a body' );
    close_door($door);
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
            gone( parse_answer( scalar readline($_), 'GET' ) )
        } @socket;
    };
}

subtest 'many at once, on two workers' => sub {
    my $door   = front();
    my $second = worker( 'second', $door->{conf} );
    my $digest = $signature->{digest};
    is_sent( $door, "$app/manifests/" . signature_tag($image), '307 canonical', [], 'a tag' );
    is_sent(
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
        probes(2),
        [
            bucket_probe( $signature_layer, 404 ),
            probe( regional => "blobs/$signature_layer", 404 )
        ],
        '… after one probe of each target'
    );
    $t->stop($_) for qw(second-nginx second);
    close_door($door);
};

subtest 'no loops; what clients add is tolerated' => sub {
    my $same = front( upstreams => <<"EOT" );
upstreams = { regional = { url = "${\ $canonical->url }"; serves = [ "EU" ]; };
              central  = { url = "${\ $canonical->url }"; }; };
EOT
    my $digest = 'sha256:' . sha256_hex('nobody has this');
    is_sent(
        $same, "$app/manifests/$digest",
        '307 canonical',
        [ probe( canonical => "manifests/$digest", 404 ) ],
        'an upstream that is the canonical registry'
    );
    is_sent(
        $same,
        "$app/manifests/$signature->{digest}",
        '307 canonical',
        [ probe( canonical => "manifests/$signature->{digest}", 200 ) ],
        'with what it has'
    );
    close_door($same);

    my $itself = $t->file( 'itself.conf', <<"EOT");
name      = "registry.example.org";
upstreams = { here = { url = "https://registry.example.org"; }; };
EOT
    my $run = $t->run( [ $t->program('signpost'), 'check', $itself ] );
    isnt( $run->{status}, 0, 'an upstream that is the front door itself is refused' );
    like( $run->{out} . $run->{err}, qr/itself: requests would go round/, '… told why' );

    my $door = front();
    is_sent(
        $door,
        "$app/manifests/v1?ns=registry.example.org",
        '307 regional /team/app/manifests/v1',
        [], '?ns= is dropped'
    );
    my @probes = (
        bucket_probe( $signature_layer, 404 ),
        probe( regional => "blobs/$signature_layer", 404 )
    );
    my $answer = is_sent( $door, "$app/blobs/$signature_layer", '307 canonical',
        \@probes, 'a range', header => [ Range => 'bytes=0-9' ] );
    my $part = $http->get( $answer->{header}{location}, { headers => { Range => 'bytes=0-9' } } );
    is(
        $part->{content} =~ s/(.{10}).*/$1/sr,
        substr( $signature->{blobs}[1], 0, 10 ),
        '… of which the registry has the bytes'
    );
    close_door($door);
};

$t->done;
