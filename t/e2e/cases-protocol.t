# SPDX-License-Identifier: Apache-2.0
#
# What a front door has to make of names, tags, digests, queries and methods, good and bad,
# with real registries and a prober behind real web servers, and with real clients: for
# each request its status, where it goes, and what was asked of whom for that.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex sha512_hex);
use HTTP::Tiny;
use JSON::PP ();
use Signpost::Clients;
use Signpost::Registry qw(digest_of);
use Signpost::Scene;
use Signpost::Servers qw(lighttpd);
use Signpost::Stub;
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;

my $t       = Signpost::Test->new;
my $scene   = Signpost::Scene->new($t);
my $clients = Signpost::Clients->new( $t, $scene->{key} );
my ( $prefix, $regional, $canonical, $image, $signature ) =
    @$scene{qw(prefix regional canonical image signature)};
my ($platform) = @{ $image->{parts} };
my ( undef, $signature_layer ) = map { digest_of($_) } @{ $signature->{blobs} };
my $app = '/v2/team/app';

# What the prober asks for an object, and what it learns.
sub probe        { return "$_[0] HEAD team/app/$_[1] $_[2]" }
sub bucket_probe { return "bucket HEAD $_[0] $_[1]" }

subtest 'tags of signatures, and what only looks like them' => sub {
    my $door = $scene->front();
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
        $scene->is_sent( $door, "$app/manifests/$_", "307 $place", [], $_ ) for @{ $to{$place} };
    }
    $scene->close($door);
};

subtest 'other algorithms' => sub {
    my $door   = $scene->front();
    my $digest = 'sha512:' . sha512_hex('nobody has this');
    $scene->is_sent( $door, "$app/referrers/$digest", '307 canonical', [], 'referrers of sha512' );
    $scene->is_sent( $door, "$app/manifests/sha512-" . 'a' x 64, '307 canonical', [], 'their tag' );
    $scene->is_sent(
        $door,
        "$app/manifests/sha512-" . 'a' x 128,
        '404 MANIFEST_UNKNOWN',
        [], 'a tag that is too long'
    );
    for my $other ( $digest, 'blake3:' . 'a' x 64, 'new+kind:aB-_=' ) {
        my $answer = http( $door->{port}, 'GET', "$app/blobs/$other" );
        like(
            $scene->gone($answer),
            qr{^307 \w+ /(?:v2/$prefix/team/app/blobs/)?\Q$other\E$},
            "a blob $other passes"
        );
        $answer = http( $door->{port}, 'HEAD', "$app/manifests/$other" );
        like(
            $scene->gone($answer),
            qr{^307 \w+ /v2/$prefix/team/app/manifests/\Q$other\E$},
            '… a manifest, too'
        );
    }
    my $seen = $scene->probes(1);
    is( scalar( grep { !/ HEAD / } @$seen ), 0, 'the prober may have looked, by HEAD alone' );
    $scene->close($door);
};

subtest 'names that contain words of the protocol' => sub {
    my $door = $scene->front();
    for my $name ( 'a/blobs/b', 'x/manifests/y', 'referrers/z', 'tags/list' ) {
        $scene->push( $name, $image, 'v1' );
        $scene->probes(0);
        my $manifest = "$name/manifests/$platform->{digest}";
        $scene->is_sent( $door, "/v2/$name/manifests/v1", '307 regional', [], "$name by tag" );
        $scene->is_sent(
            $door, "/v2/$manifest", '307 regional',
            ["regional HEAD $manifest 200"],
            "$name by digest"
        );
        $scene->is_sent(
            $door,
            "/v2/$name/referrers/$image->{digest}",
            '307 canonical',
            [], "$name, referrers"
        );
        $scene->is_sent( $door, "/v2/$name/tags/list", '307 canonical', [], "$name, tags" );
    }
    $scene->is_sent( $door, $_, '404 UNSUPPORTED', [], $_ )
        for '/v2foo', '/v2foo/team/app/manifests/v1', '/v2/_catalog';
    $scene->close($door);
};

subtest 'hostile paths' => sub {
    my $door   = $scene->front();
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
            like( $scene->gone($answer), qr/^40[04]/, "$target: refused" ) or diag $answer->{raw};
            is( $answer->{header}{'x-injected'}, undef, '… and adds no header' );
        }
        my $colon  = "$app/manifests/$platform->{digest}";
        my $answer = http( $port, 'GET', $colon =~ s/:/%3A/r, 'X-Client-Region' => 'EU' );
        is(
            $scene->gone($answer),
            "307 regional /v2/$prefix/team/app/manifests/$platform->{digest}",
            '%3A becomes a colon'
        );
        $answer = http( $port, 'GET', '/v2/team%2Fapp/manifests/v1', 'X-Client-Region' => 'EU' );
        like(
            $scene->gone($answer),
            qr{^(?:404|307 regional /v2/$prefix/team/app/manifests/v1$)},
            '%2F leads nowhere else'
        );
    }
    is_deeply(
        $scene->probes(1),
        [ probe( regional => "manifests/$platform->{digest}", 200 ) ],
        'one probe, for the one good path'
    );
    $t->stop('door-lighttpd');
    $scene->close($door);
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

# The registry that has many tags is not the canonical one.
my $near = 'rules = ( { match = "tags-list"; to = [ "nearest" ]; }, "default" );';

subtest 'tags' => sub {
    $regional->push( "$prefix/many/tags", $platform, $many[0] );
    my $folder = "regional.storage/docker/registry/v2/repositories/$prefix/many/tags/_manifests";
    my ($hex) = $platform->{digest} =~ /:(.*)/;
    for my $tag (@many) {
        $t->file( "$folder/tags/$tag/$_", $platform->{digest} )
            for 'current/link', "index/sha256/$hex/link";
    }
    my $door = $scene->front( real_clients => 1 );
    $scene->is_sent(
        $door,
        '/v2/many/tags/tags/list?n=1000&last=v0100',
        "307 canonical /many/tags/tags/list?last=v0100",
        [], 'n is dropped, last is kept'
    );
    $scene->close($door);
    $door = $scene->front( real_clients => 1, rules => $near );
    list_tags( $door->{port} );
    is( scalar( grep { / HEAD / } @{ $scene->probes(1) } ), 0, 'nothing was probed' );
    $scene->close($door);
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
    my %conf   = $scene->conf;
    my $paging = $conf{upstreams} =~ s/"http[^"]*"; serves/'"' . $stub->url . '"; serves'/er;
    my $door   = $scene->front( real_clients => 1, upstreams => $paging, rules => $near );
    list_tags( $door->{port} );
    $scene->close($door);

    my $keep =
        'rules = ( { match = "tags-list"; to = [ "nearest" ]; query = "keep"; }, "default" );';
    $door = $scene->front( real_clients => 1, upstreams => $paging, rules => $keep );
    list_tags( $door->{port}, crane => 1 );
    $scene->close($door);
    $t->stop('pages');
};

subtest 'what is answered here' => sub {
    my $door = $scene->front();
    for my $path ( '/v2/', '/v2' ) {
        for my $method (qw(GET HEAD)) {
            my $answer =
                $scene->is_sent( $door, $path, '200', [], "$method $path", method => $method );
            is( $answer->{header}{'docker-distribution-api-version'},
                'registry/2.0', '… with its header' );
            is( $answer->{body}, '', '… without a body' ) if $method eq 'HEAD';
        }
    }
    for my $method (qw(POST PUT PATCH DELETE)) {
        for my $path ( '/v2/', "$app/manifests/v1", "$app/blobs/uploads/" ) {
            my $answer = $scene->is_sent(
                $door, $path, '405 UNSUPPORTED',
                [],
                "$method $path",
                method => $method
            );
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
    $scene->is_sent( $door, $_, $code{$_}, [], $_ ) for sort keys %code;
    my $answer =
        $scene->is_sent( $door, "$app/manifests/-no-tag", '404', [], 'HEAD', method => 'HEAD' );
    is( $answer->{body}, '', '… without a body' );
    $scene->close($door);
};

subtest 'no loops; what clients add is tolerated' => sub {
    my $same = $scene->front( upstreams => <<"EOT" );
upstreams = { regional = { url = "${\ $canonical->url }"; serves = [ "EU" ]; };
              central  = { url = "${\ $canonical->url }"; }; };
EOT
    my $digest = 'sha256:' . sha256_hex('nobody has this');
    $scene->is_sent(
        $same, "$app/manifests/$digest",
        '307 canonical',
        [ probe( canonical => "manifests/$digest", 404 ) ],
        'an upstream that is the canonical registry'
    );
    $scene->is_sent(
        $same,
        "$app/manifests/$signature->{digest}",
        '307 canonical',
        [ probe( canonical => "manifests/$signature->{digest}", 200 ) ],
        'with what it has'
    );
    $scene->close($same);

    my $itself = $t->file( 'itself.conf', <<"EOT");
name      = "registry.example.org";
upstreams = { here = { url = "https://registry.example.org"; }; };
EOT
    my $run = $t->run( [ $t->program('signpost'), 'check', $itself ] );
    isnt( $run->{status}, 0, 'an upstream that is the front door itself is refused' );
    like( $run->{out} . $run->{err}, qr/itself: requests would go round/, '… told why' );

    my $door = $scene->front();
    $scene->is_sent(
        $door,
        "$app/manifests/v1?ns=registry.example.org",
        '307 regional /team/app/manifests/v1',
        [], '?ns= is dropped'
    );
    my @probes = (
        bucket_probe( $signature_layer, 404 ),
        probe( regional => "blobs/$signature_layer", 404 )
    );
    my $answer = $scene->is_sent( $door, "$app/blobs/$signature_layer", '307 canonical',
        \@probes, 'a range', header => [ Range => 'bytes=0-9' ] );
    my $part = HTTP::Tiny->new->get( $answer->{header}{location},
        { headers => { Range => 'bytes=0-9' } } );
    is(
        $part->{content} =~ s/(.{10}).*/$1/sr,
        substr( $signature->{blobs}[1], 0, 10 ),
        '… of which the registry has the bytes'
    );
    $scene->close($door);
};

$t->done;
