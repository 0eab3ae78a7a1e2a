# SPDX-License-Identifier: Apache-2.0
#
# A whole pull through the front door, with real parts: skopeo, two registries,
# and the web servers that signpost is made for.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Registry qw(image index_of digest_of);
use Signpost::Servers  qw(signpost lighttpd nginx apache_fcgid shared_host plain_server);
use Signpost::Test;
use Signpost::Wire qw(http cgi);
use Test::More;

my $t = Signpost::Test->new->need(qw(skopeo docker-registry lighttpd));

# Two registries. Both hold the image; what is signed is written to one only.
my $regional  = Signpost::Registry->start( $t, 'regional' );
my $canonical = Signpost::Registry->start( $t, 'canonical' );

my $hello = 'hello, ' x 10_000;
my $image = index_of( image( 'hello.txt' => $hello ),
    image( { architecture => 'arm64' }, 'hello.txt' => 'hallo' ) );
my @children = map { $_->{digest} } @{ $image->{parts} };
my @blobs    = map { digest_of($_) } map { @{ $_->{blobs} } } @{ $image->{parts} };
$_->push( 'mirror/images/team/app', $image, 'v1' ) for $regional, $canonical;
$_->requests                                       for $regional, $canonical;

my $conf = <<"EOT";
name      = "registry.example.org";
prefix    = "mirror/images";
upstreams = { regional = { url = "${\ $regional->url }"; serves = [ "EU" ]; };
              central  = { url = "${\ $canonical->url }"; }; };
canonical = [ "central" ];
signature_prefixes = [ "old-" ];
EOT

# Where a request is sent, without its scheme, and the answer.
my %name_of = ( $regional->port => 'regional', $canonical->port => 'canonical' );

sub where {
    my ($answer) = @_;
    my ( $port, $path ) =
        ( $answer->{header}{location} // '' ) =~ m{^http://127\.0\.0\.1:(\d+)(/.*)}
        or return "$answer->{status} without a Location";
    return "$answer->{status} $name_of{$port} $path";
}

my $app = '/v2/team/app';
my $got = '/v2/mirror/images/team/app';

# What each registry is asked for in a pull of everything: a tag goes near, a
# manifest by digest to where it is sure to be, and the big blobs near again.
my @near = map { "GET $got/blobs/$_ 200" } sort @blobs;
my @sure = map { "GET $got/manifests/$_ 200" } sort @children;

sub skopeo {
    my ( $port, $reference ) = @_;
    my $to  = $t->folder . '/pulled' . ++$t->{pulls};
    my $run = $t->run(
        [
            $t->find('skopeo'), '--insecure-policy', 'copy', '--all', '--src-tls-verify=false',
            "docker://127.0.0.1:$port/team/app$reference", "dir:$to"
        ]
    );
    is( $run->{status}, 0, "skopeo copies team/app$reference" ) or diag $run->{err};
    return $to;
}

# skopeo has checked every digest; so does this, and that nothing is missing.
sub holds_the_image {
    my ($folder) = @_;
    is( digest_of( $t->slurp("$folder/manifest.json") ),
        $image->{digest}, 'the index is the one pushed' );
    is_deeply( [ grep { digest_of( $t->slurp( "$folder/" . s/^sha256://r ) ) ne $_ } @blobs ],
        [], 'and so is every blob' );
    is_deeply(
        [
            grep { digest_of( $t->slurp( "$folder/" . s/^sha256://r . '.manifest.json' ) ) ne $_ }
                @children
        ],
        [],
        'and every manifest'
    );
    return;
}

sub registries_saw {
    my ( $near, $sure ) = @_;
    is_deeply(
        [ sort $regional->requests ],
        [ sort @$near ],
        'the regional registry was asked for'
    );
    is_deeply(
        [ sort $canonical->requests ],
        [ sort @$sure ],
        'the canonical registry was asked for'
    );
    return;
}

sub pulls_an_image {
    my ($port) = @_;
    holds_the_image( skopeo( $port, ':v1' ) );
    registries_saw( [ "GET $got/manifests/v1 200", @near ], \@sure );
    holds_the_image( skopeo( $port, "\@$image->{digest}" ) );
    registries_saw( \@near, [ "GET $got/manifests/$image->{digest} 200", @sure ] );
    return;
}

# Signatures are where they are written, wherever the client is.
my $hex       = $image->{digest} =~ s/^sha256://r;
my %signature = (
    'signature tag'     => [ "manifests/sha256-$hex.sig"     => "manifests/sha256-$hex.sig" ],
    'attestation tag'   => [ "manifests/sha256-$hex.att"     => "manifests/sha256-$hex.att" ],
    'SBOM tag'          => [ "manifests/sha256-$hex.sbom"    => "manifests/sha256-$hex.sbom" ],
    'tag with a prefix' => [ "manifests/old-sha256-$hex.sig" => "manifests/old-sha256-$hex.sig" ],
    'referrers fallback tag'    => [ "manifests/sha256-$hex"   => "manifests/sha256-$hex" ],
    'referrers'                 => [ "referrers/sha256:$hex"   => "referrers/sha256:$hex" ],
    'referrers, digest escaped' => [ "referrers/sha256%3A$hex" => "referrers/sha256:$hex" ],
    'referrers, filtered'       =>
        [ ("referrers/sha256:$hex?artifactType=application%2Fvnd.a%2Bb&artifactType=c%20d") x 2 ],
);

# What only looks like one is an ordinary tag.
my @near_misses = (
    "new-sha256-$hex.sig", "sha256-$hex.sigx",
    "sha256-$hex.SIG",     'sha256-' . substr( $hex, 1 ),
    'sha256-' . uc $hex,   "sha256-0$hex.sig"
);

sub signatures_are_canonical {
    my ( $port, @headers ) = @_;
    for my $tag (@near_misses) {
        is(
            where( http( $port, 'GET', "$app/manifests/$tag", @headers ) ),
            "307 regional $got/manifests/$tag",
            "$tag is an ordinary tag"
        );
    }
    for my $what ( sort keys %signature ) {
        my ( $ask, $expect ) = @{ $signature{$what} };
        for my $method (qw(GET HEAD)) {
            is(
                where( http( $port, $method, "$app/$ask", @headers ) ),
                "307 canonical $got/$expect",
                "$method of a $what"
            );
        }
    }
    return;
}

# Every set-up a client placed in Europe by the web server.
my %front = (
    'lighttpd, mod_fastcgi' => sub {
        my $socket = signpost( $t, 'signpost-lighttpd', conf => $conf );
        return lighttpd(
            $t, 'lighttpd',
            socket => $socket,
            extra  => 'setenv.add-environment = ( "SIGNPOST_REGION" => "EU" )'
        );
    },
    'nginx, kept connections' => sub {
        my $socket = signpost( $t, 'signpost-nginx', conf => $conf );
        return nginx(
            $t, 'nginx',
            socket   => $socket,
            upstream => 'keepalive 4;',
            extra    => 'fastcgi_keep_conn on; fastcgi_param SIGNPOST_REGION EU;'
        );
    },
    'Apache, mod_fcgid' => sub {
        return apache_fcgid( $t, 'fcgid', conf => $conf, extra => 'SetEnv SIGNPOST_REGION EU' );
    },
    'Apache, a shared host with nothing but .htaccess and the CGI' => sub {
        return shared_host( $t, 'shared', conf => $conf, extra => 'SetEnv SIGNPOST_REGION EU' );
    },
    'Apache, a shared host whose programs run in /cgi-bin/ alone' => sub {
        return shared_host(
            $t, 'cgi-bin',
            conf    => $conf,
            cgi_bin => 1,
            extra   => 'SetEnv SIGNPOST_REGION EU'
        );
    },
    'CGI with four variables' => sub {
        return plain_server( $t, 'plain', conf => $conf, region => 'EU' );
    },
);

for my $name ( sort keys %front ) {
    subtest $name => sub {
        my $port = $front{$name}->();
        my $ping = http( $port, 'GET', '/v2/' );
        is( $ping->{status}, 200, '/v2/ is answered' );
        is( $ping->{header}{'docker-distribution-api-version'},
            'registry/2.0', 'as a registry does' );
        pulls_an_image($port);
        signatures_are_canonical($port) if $name !~ /^CGI/;
        is( http( $port, 'GET', "/$_" )->{status}, 404, "$_ is nobody's business" )
            for qw(signpost.conf .htaccess registry.cgi);
        registries_saw( [], [] );
    };
}

# The client's region: the web server's word, then the header, then nothing.
subtest 'a region header sends a client near' => sub {
    my $socket = signpost( $t, 'signpost-header', conf => $conf );
    my $port   = lighttpd( $t, 'lighttpd-header', socket => $socket );
    my $to     = sub { return where( http( $port, 'GET', "$app/manifests/v1", @_ ) ) };
    is( $to->(), "307 canonical $got/manifests/v1", 'no header: the first canonical' );
    is(
        $to->( 'X-Client-Region' => 'EU' ),
        "307 regional $got/manifests/v1",
        'the continent served'
    );
    is( $to->( 'X-Client-Region' => 'FR' ), "307 regional $got/manifests/v1", 'a country in it' );
    is(
        $to->( 'X-Client-Region' => 'aws:eu-west-3' ),
        "307 regional $got/manifests/v1",
        'a cloud region in it'
    );
    is(
        $to->( 'X-Client-Region' => 'US' ),
        "307 canonical $got/manifests/v1",
        'a place nobody serves'
    );
    is( $to->( 'X-Client-Region' => $_ ), "307 canonical $got/manifests/v1", "nonsense ('$_')" )
        for '*', 'E', 'EU\0', 'x' x 2000, 'EU, US';
    holds_the_image( skopeo( $port, ':v1' ) );
    registries_saw( [], [ "GET $got/manifests/v1 200", @sure, @near ] );
    signatures_are_canonical( $port, 'X-Client-Region' => 'EU' );
};

subtest 'the web server knows better than the header' => sub {
    my $socket = signpost( $t, 'signpost-both', conf => $conf );
    my $port   = lighttpd(
        $t, 'lighttpd-both',
        socket => $socket,
        extra  => 'setenv.add-environment = ( "SIGNPOST_REGION" => "EU" )'
    );
    is(
        where( http( $port, 'GET', "$app/manifests/v1", 'X-Client-Region' => 'US' ) ),
        "307 regional $got/manifests/v1",
        'SIGNPOST_REGION=EU, X-Client-Region: US'
    );
};

# All of an answer but its body.
sub gist { return $_[0]{raw} =~ s/\r?\n\r?\n.*//sr }

subtest 'a CGI with four variables' => sub {
    my $program = $t->install( $t->program('signpost.fcgi'), 'bare/registry.cgi' );
    my $ask     = sub {
        my ( $method, $path, %more ) = @_;
        return cgi( $t, $program,
            { SCRIPT_NAME => $path, REMOTE_ADDR => '192.0.2.1', REQUEST_METHOD => $method, %more }
        );
    };
    $t->file( 'bare/signpost.conf', $conf );
    my $answer = $ask->( GET => "$app/manifests/v1", HTTP_X_CLIENT_REGION => 'EU' );
    is( where($answer), "307 regional $got/manifests/v1", 'with the region header' );
    like(
        $answer->{raw},
        qr/\AStatus: 307 Temporary Redirect\r?\nLocation: /,
        'Status first, then Location'
    );
    is( $answer->{header}{'cache-control'},  'private, no-store',    'not for shared caches' );
    is( $answer->{header}{'content-length'}, length $answer->{body}, 'Content-Length is true' );
    is( $answer->{exit},                     0,                      'exits 0' );
    is( $answer->{stderr},                   '',                     'and says nothing' );
    is(
        where( $ask->( GET => "$app/manifests/v1" ) ),
        "307 canonical $got/manifests/v1",
        'without it'
    );
    is(
        where(
            $ask->( GET => "$app/$signature{'signature tag'}[0]", HTTP_X_CLIENT_REGION => 'EU' )
        ),
        "307 canonical $got/$signature{'signature tag'}[1]",
        'a signature'
    );
    is( $ask->( GET  => '/v2/' )->{status}, 200, '/v2/' );
    is( $ask->( POST => '/v2/' )->{status}, 405, 'POST' );

    for my $path ( "$app/manifests/v1", '/v2/', '/nowhere' ) {
        my ( $get, $head ) = map { $ask->( $_ => $path ) } qw(GET HEAD);
        is( gist($head),   gist($get), "HEAD of $path is answered as GET is" );
        is( $head->{body}, '',         'but has no body' );
    }

    $t->file( 'bare/signpost.conf', "$conf\nnamme = 1;\n" );
    $answer = $ask->( GET => "$app/manifests/v1" );
    is( $answer->{status}, 503, 'a refused configuration' );
    like( $answer->{body},   qr/\A\{"errors":\[\{"code":"[A-Z_]+"/, 'is an OCI error' );
    like( $answer->{stderr}, qr/signpost\.conf:\d+.*namme/,         'and is told on stderr' );
};

$t->done;
