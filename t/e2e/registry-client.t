# SPDX-License-Identifier: Apache-2.0
#
# The registry client of `signpost index add`, at registries that want a token,
# are busy, out of order, or up to no good.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA        qw(sha512_hex);
use JSON::PP           ();
use Signpost::Registry qw(image index_of artifact digest_of);
use Signpost::Stub;
use Signpost::Test;
use Test::More;

my $t     = Signpost::Test->new;
my $json  = JSON::PP->new->canonical->utf8;
my $stub  = Signpost::Stub->new( $t, 'stub' );
my $other = Signpost::Stub->new( $t, 'other' );
my $file  = $t->folder . '/signatures.index';
my $image = image( 'hello.txt' => 'hello' );
my $type  = 'application/vnd.oci.image.index.v1+json';

$t->run(
    [ $t->program('signpost'), qw(index add --registry http://127.0.0.1:1 --index), $file, 'app' ] )
    ->{err} =~ /built without/
    and $t->skip_all('signpost was built without libcurl or jansson');

sub referrer {
    my ( $to, $text ) = @_;
    my $thing    = artifact( 'application/vnd.oci.empty.v1+json', '{}', [ 'text/plain', $text ] );
    my $manifest = $json->decode( $thing->{bytes} );
    $manifest->{subject} = { mediaType => $to->{type}, digest => $to->{digest}, size => 1 };
    my $bytes = $json->encode($manifest);
    return { %$thing, bytes => $bytes, digest => digest_of($bytes) };
}

# The list of referrers, as the API answers.
sub listing {
    return $json->encode(
        {
            schemaVersion => 2,
            mediaType     => $type,
            manifests     =>
                [ map { { digest => $_->{digest}, mediaType => $_->{type}, size => 1 } } @_ ]
        }
    );
}

my $manifests = '/v2/app/manifests/';
my $list      = "/v2/app/referrers/$image->{digest}";

sub manifest {
    my ( $thing, $as ) = @_;
    return ( $manifests
            . ( $as // $thing->{digest} ) =>
            [ [ 200, { 'Content-Type' => $thing->{type} }, $thing->{bytes} ] ] );
}

# Adds app:v1 anew, from these answers: { status, out, err, lines }.
sub add {
    my ( $answers, @arguments ) = @_;
    $stub->serve(
        manifest( $image, 'v1' ),
        '/v2/app/tags/list' => [ [ 200, {}, '{"tags":["v1"]}' ] ],
        %$answers
    );
    unlink $file;
    my @where = @arguments ? @arguments : ( '--registry', $stub->url );
    my $run =
        $t->run( [ $t->program('signpost'), 'index', 'add', @where, '--index', $file, 'app:v1' ] );
    $run->{lines} = [ split /\n/, $t->slurp($file) ];
    return $run;
}

sub asked {
    my ($target) = @_;
    return scalar grep { $_->[0] eq "GET $target" } $stub->requests;
}

sub digests { return [ sort map { "$_ app" } @_ ] }

# What is added for referrers: their manifests and layers, and the configuration that all have.
sub lines_of {
    return digests( digest_of('{}'), map { ( $_->{digest}, digest_of( $_->{blobs}[1] ) ) } @_ );
}

my @r   = map { referrer( $image, "referrer $_" ) } 0 .. 4;
my %all = ( map { manifest($_) } @r );

sub fails {
    my ( $what, $answers, $says, @arguments ) = @_;
    my $run = add( $answers, @arguments );
    is( $run->{status}, 1, "$what: refused" );
    like( $run->{err}, $says, 'with a sentence' );
    is_deeply( $run->{lines}, [], 'and nothing is added' );
    return;
}

subtest 'referrers' => sub {
    my $stray =
        referrer( { type => $image->{type}, digest => digest_of('another') }, 'of another' );
    my $run = add(
        {
            %all, manifest($stray),
            $list => [ [ 200, { 'Content-Type' => $type }, listing( @r[ 0, 1 ], $stray ) ] ]
        }
    );
    is( $run->{status}, 0, 'are read' ) or diag $run->{err};
    is_deeply( $run->{lines}, lines_of( @r[ 0, 1 ] ), 'those of something else are left out' );

    $run = add(
        {
            %all,
            $list => [ [ 200, { Link => qq(<$list?page=2>; rel="next") }, listing( $r[0] ) ] ],
            "$list?page=2" => [
                [
                    200,
                    {
                        Link =>
                            qq(<${\ $stub->url }$list?page=3>; title="a, b"; rel="prefetch next")
                    },
                    listing( $r[1] )
                ]
            ],
            "$list?page=3" =>
                [ [ 200, { Link => qq(<$list?page=1>; rel=prev) }, listing( $r[2] ) ] ]
        }
    );
    is_deeply( $run->{lines}, lines_of( @r[ 0 .. 2 ] ), 'on all pages' ) or diag $run->{err};

    for my $status ( 400, 404, 405, 406, 501 ) {
        $run = add(
            {
                %all,
                $list => [ [$status] ],
                manifest(
                    { type => $type, bytes => listing( $r[3] ) },
                    $image->{digest} =~ s/:/-/r
                )
            }
        );
        is_deeply(
            $run->{lines},
            [ sort @{ lines_of( $r[3] ) }, @{ digests( digest_of( listing( $r[3] ) ) ) } ],
            "without the API ($status) under the fallback tag"
        ) or diag $run->{err};
    }
    $run = add( { $list => [ [ 200, { 'Content-Type' => 'text/html' }, '<p>Hello</p>' ] ] } );
    is( $run->{status}, 0, 'a page for people is none' ) or diag $run->{err};
    $run = add( { $list => [ [ 200, {}, listing( $r[0] ) ] ] } );
    is( $run->{status}, 0, 'one that is listed but gone is left out' ) or diag $run->{err};

    # The same through the tag: an image that lists what does not refer to it.
    $run = add(
        {
            %all,
            manifest($stray),
            manifest(
                { type => $type, bytes => listing( $r[0], $stray ) },
                $image->{digest} =~ s/:/-/r
            )
        }
    );
    is_deeply(
        $run->{lines},
        lines_of( $r[0] ),
        'a fallback tag with something else in it is not added itself'
    );

    fails(
        'a page on another host',
        {
            %all,
            $list =>
                [ [ 200, { Link => qq(<${\ $other->url }$list>; rel="next") }, listing( $r[0] ) ] ]
        },
        qr/app:v1: \S+ goes on at \S+, which is not followed\.$/m
    );
    fails(
        'pages without an end',
        { %all, $list => [ [ 200, { Link => qq(<$list>; rel="next") }, listing() ] ] },
        qr/more than 1000 pages of referrers/
    );
    is( asked($list), 1001, 'but they are no longer asked for then' );
    fails( 'referrers that are put off', { $list => [ [503] ] }, qr/referrers\S+ answers 503\.$/m );
    is( asked($list), 3, 'three tries' );
};

subtest 'signatures of signatures without an end' => sub {
    my ( %chain, $last );
    my @chain = ($image);
    for my $depth ( 1 .. 11 ) {
        push @chain, referrer( $chain[-1], "depth $depth" );
        %chain = (
            %chain,
            manifest( $chain[-1] ),
            "/v2/app/referrers/$chain[-2]{digest}" => [ [ 200, {}, listing( $chain[-1] ) ] ]
        );
    }
    my $run = add( \%chain );
    is_deeply( $run->{lines}, lines_of( @chain[ 1 .. 9 ] ), 'are read to some depth' )
        or diag $run->{err};
    like(
        $run->{err},
        qr/What refers to app goes more than 8 steps deep; what lies deeper is missing/,
        'and there is a word of what lies deeper'
    );
};

subtest 'indexes' => sub {
    my $hex      = $image->{digest} =~ s/.*://r;
    my $platform = sub { return { %{ $_[0] }, platform => {} } };
    my ( $there, $gone ) = map { image( a => $_ ) } qw(amd64 arm64);
    my $both = index_of( map { $platform->($_) } $there, $gone );
    my $run  = add(
        {
            manifest( $both, 'v1' ),
            manifest($there),
            manifest( $r[0], 'sha256-' . $gone->{digest} =~ s/.*://r . '.sig' )
        }
    );
    is( $run->{status}, 0, 'a platform that was not copied' ) or diag $run->{err};
    is_deeply( $run->{lines}, lines_of( $r[0] ), 'its signature is found all the same' );

    # An index that stands where a signature does: what it lists is taken with it.
    my $signatures = index_of( map { $platform->($_) } @r[ 0, 1, 0, 2 ] );
    my %signed     = manifest( $signatures, "sha256-$hex.sig" );
    $run = add( { %signed, map { manifest($_) } @r[ 0, 1 ] } );
    is_deeply(
        $run->{lines},
        [ sort @{ lines_of( @r[ 0, 1 ] ) }, @{ digests( $signatures->{digest} ) } ],
        'an index of signatures, one of which is gone'
    ) or diag $run->{err};
    fails(
        'one of its signatures that cannot be had',
        { %signed, $manifests . $r[0]{digest} => [ [500] ] },
        qr/answers 500/
    );
    my @nested = ( $r[0] );
    push @nested, index_of( $platform->( $nested[-1] ) ) for 1 .. 7;
    $run = add(
        { ( map { manifest($_) } @nested ), manifest( $nested[-1], "sha256-$hex.att" ) } );
    is_deeply(
        $run->{lines},
        digests( map { $_->{digest} } @nested[ 3 .. 7 ] ),
        'indexes in indexes are read to some depth'
    ) or diag $run->{err};
};

subtest 'tags' => sub {
    my $hex  = $image->{digest} =~ s/.*://r;
    my $tags = sub { return $json->encode( { name => 'app', tags => [@_] } ) };
    my $run  = add(
        {
            '/v2/app/tags/list' => [
                [
                    200,
                    { Link => '</v2/app/tags/list?last=x>; rel="next"' },
                    $tags->( 'v1', "a-sha256-$hex.sig" )
                ]
            ],
            '/v2/app/tags/list?last=x' => [
                [
                    200,
                    {},
                    $tags->(
                        "b-sha256-$hex.att", 'c-sha256-' . '0' x 64 . '.sig',
                        "d-sha256-$hex.sigx"
                    )
                ]
            ],
            manifest( $r[0], "a-sha256-$hex.sig" ),
            manifest( $r[1], "b-sha256-$hex.att" ),
            manifest( $r[2], "sha256-$hex.sbom" ),
            manifest( $r[3], "d-sha256-$hex.sigx" ),
            manifest( $r[4], "c-sha256-" . '0' x 64 . '.sig' )
        }
    );
    is_deeply( $run->{lines}, lines_of( @r[ 0 .. 2 ] ), 'with any prefix, on all pages' )
        or diag $run->{err};
    $run = add( { '/v2/app/tags/list' => [ [403] ], manifest( $r[0], "sha256-$hex.sig" ) } );
    is( $run->{status}, 0, 'without a list' );
    is_deeply( $run->{lines}, lines_of( $r[0] ), 'those without a prefix are found' );
    like(
        $run->{err},
        qr/^signpost index: The tags of app cannot be listed, so signatures under tags with a prefix are not found: .* answers 403/m,
        'and there is a word of the others'
    );
};

subtest 'tokens' => sub {
    my $challenge =
        qq(Bearer realm="${\ $stub->url }/token",service="the registry",scope="repository:app:pull");
    my $token  = '/token?service=the%20registry&scope=repository%3Aapp%3Apull';
    my %locked = ( "${manifests}v1" =>
            [ [ 401, { 'WWW-Authenticate' => $challenge } ], [ 200, {}, $image->{bytes} ] ] );
    for my $word (qw(token access_token)) {
        my $run =
            add( { %locked, $token => [ [ 200, {}, qq({"$word":"abc.def","expires_in":300}) ] ] } );
        is( $run->{status}, 0, "a token is asked for ($word)" ) or diag $run->{err};
        my @seen = $stub->requests;
        is_deeply(
            [ map { $_->[1] // '' } @seen[ 0 .. 2 ] ],
            [ '', '', 'Bearer abc.def' ],
            'and shown'
        );
        is( $seen[-1][1],  'Bearer abc.def', 'with all that follows' );
        is( asked($token), 1,                'it is asked for once' );
    }
    my $run = add(
        {
            "${manifests}v1" => [
                [
                    401,
                    {
                        'WWW-Authenticate' =>
                            qq(Basic realm="x", Bearer realm="${\ $stub->url }/token")
                    }
                ],
                [ 200, {}, $image->{bytes} ]
            ],
            '/token?service=&scope=repository%3Aapp%3Apull' => [ [ 200, {}, '{"token":"x"}' ] ]
        }
    );
    is( $run->{status}, 0, 'a challenge behind another, and without a scope' ) or diag $run->{err};

    fails(
        'a token endpoint without a token',
        { %locked, $token => [ [ 200, {}, '{}' ] ] },
        qr{/token\S+ answers without a token}
    );
    fails(
        'a token that is none',
        { %locked, $token => [ [ 200, {}, '{"token":"a\r\nX: y"}' ] ] },
        qr{/token\S+ answers without a token}
    );
    fails(
        'a token endpoint that is out of order',
        { %locked, $token => [ [500] ] },
        qr{/token\S+ answers 500, where an anonymous token should be}
    );
    fails(
        'a token that does not help',
        {
            %locked,
            "${manifests}v1" => [ [ 401, { 'WWW-Authenticate' => $challenge } ] ],
            $token           => [ [ 200, {}, '{"token":"x"}' ] ]
        },
        qr/answers 401, so not everybody may read it/
    );
    fails(
        'passwords',
        { "${manifests}v1" => [ [ 401, { 'WWW-Authenticate' => 'Basic realm="x"' } ] ] },
        qr/answers 401|offers no anonymous token/
    );
};

subtest 'a busy registry' => sub {
    my $run = add(
        {
            "${manifests}v1" => [
                [ 429, { 'Retry-After' => 0 } ],
                [ 429, { 'Retry-After' => 0 } ],
                [503],
                [ 200, {}, $image->{bytes} ]
            ]
        }
    );
    is( $run->{status},          0, 'is asked again' ) or diag $run->{err};
    is( asked("${manifests}v1"), 4, 'until it answers' );
    fails(
        'always busy',
        { "${manifests}v1" => [ [ 429, { 'Retry-After' => 0 } ] ] },
        qr/answers 429, it asks us to come back later/
    );
    is( asked("${manifests}v1"), 5, 'five tries' );
    fails(
        'busy for long',
        { "${manifests}v1" => [ [ 429, { 'Retry-After' => 100000 } ] ] },
        qr/answers 429/
    );
    is( asked("${manifests}v1"), 1, 'is not waited for' );
};

subtest 'redirects' => sub {
    my $away  = $other->url . "${manifests}moved";
    my %moved = ( "${manifests}v1" => [ [ 307, { Location => $away } ] ] );
    $other->serve( manifest( $image, 'moved' ) );
    fails( 'a redirect to another host',
        {%moved}, qr/redirects to \Q$away\E, which is not followed/ );
    is_deeply( [ grep { $_->[0] =~ /moved/ } $other->requests ], [], 'which was not asked' );
    my $conf = $t->file( 'two.conf', <<"EOT" );
name      = "registry.example.org";
upstreams = { here  = { url = "${\ $stub->url }"; };
              there = { url = "${\ $other->url }"; }; };
canonical = [ "here" ];
EOT
    my $run = add( {%moved}, '--config', $conf );
    is( $run->{status}, 0, 'a redirect to a configured host is followed' ) or diag $run->{err};
    $run = add(
        {
            "${manifests}v1" => [ [ 302, { Location => '../manifests/here' } ] ],
            manifest( $image, 'here' )
        }
    );
    is( $run->{status}, 0, 'as is one within the registry' ) or diag $run->{err};
    fails(
        'a redirect to itself',
        { "${manifests}v1" => [ [ 307, { Location => "${manifests}v1" } ] ] },
        qr/redirects more than 5 times/
    );
    fails(
        'a redirect to a file',
        { "${manifests}v1" => [ [ 307, { Location => 'file:///etc/passwd' } ] ] },
        qr/redirects to no URL/
    );
    fails( 'a redirect to nowhere', { "${manifests}v1" => [ [307] ] }, qr/redirects/ );

    my $challenge = qq(Bearer realm="${\ $stub->url }/token");
    $other->serve( manifest( $image, 'moved' ) );
    $run = add(
        {
            "${manifests}v1" =>
                [ [ 401, { 'WWW-Authenticate' => $challenge } ], [ 307, { Location => $away } ] ],
            '/token?service=&scope=repository%3Aapp%3Apull' => [ [ 200, {}, '{"token":"secret"}' ] ]
        },
        '--config',
        $conf
    );
    is( $run->{status}, 0, 'a redirect after a token' ) or diag $run->{err};
    is_deeply( [ grep { ( $_->[1] // '' ) ne '' } $other->requests ],
        [], 'which another host does not get' );
};

subtest 'out of order' => sub {
    my $good = { $list => [ [ 200, {}, listing( $r[0] ) ] ] };
    fails(
        'another body than asked for',
        { %$good, $manifests . $r[0]{digest} => [ [ 200, {}, "$r[0]{bytes} " ] ] },
        qr/answers with something that has another digest/
    );
    fails(
        'an image that is no JSON',
        { "${manifests}v1" => [ [ 200, {}, 'no JSON' ] ] },
        qr/what stands at v1 is no manifest/
    );
    fails(
        'an image that is too large',
        { "${manifests}v1" => [ [ 200, {}, ' ' x ( ( 4 << 20 ) + 1 ) ] ] },
        qr/cannot be read: it has more than 4194304 bytes/
    );
    my $endless = "HTTP/1.1 200 OK\r\n" . join '', map { "X-$_: " . 'x' x 1000 . "\r\n" } 1 .. 1000;
    fails( 'an endless header', { "${manifests}v1" => [$endless] }, qr/cannot be read: / );
    fails(
        'an answer that breaks off',
        { "${manifests}v1" => ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"] },
        qr/cannot be read: /
    );
    fails( 'no HTTP', { "${manifests}v1" => ["hello\r\n"] }, qr/cannot be read: / );
    fails(
        'too many layers',
        { "${manifests}v1" => [ [ 200, {}, $json->encode( { layers => [ (1) x 10001 ] } ) ] ] },
        qr/is no manifest/
    );
    fails(
        'JSON that is deep',
        { "${manifests}v1" => [ [ 200, {}, '[' x 100000 ] ] },
        qr/is no manifest/
    );
    fails(
        'a forbidden image',
        { "${manifests}v1" => [ [403] ] },
        qr/answers 403, so not everybody may read it/
    );
    my $odd = $json->encode(
        {
            config    => 7,
            layers    => [ {}, { digest => 'x' }, { digest => "sha256:zz" }, [], undef ],
            subject   => [],
            manifests => undef
        }
    );
    my $run = add( { "${manifests}v1" => [ [ 200, {}, $odd ] ] } );
    is( $run->{status}, 0, 'an odd manifest refers to nothing' ) or diag $run->{err};

    my @nested = ($image);
    push @nested, index_of( { %{ $nested[-1] }, platform => {} } ) for 1 .. 6;
    fails(
        'indexes in indexes',
        { ( map { manifest($_) } @nested ), manifest( $nested[-1], 'v1' ) },
        qr/indexes in indexes, more than 4 deep/
    );
};

subtest 'sha512' => sub {
    my $thing  = referrer( $image, 'by sha512' );
    my $digest = 'sha512:' . sha512_hex( $thing->{bytes} );
    my $run    = add(
        {
            manifest( $thing, $digest ),
            $list => [ [ 200, {}, listing( { %$thing, digest => $digest } ) ] ]
        }
    );
    is_deeply(
        $run->{lines},
        digests( $digest, map { digest_of($_) } @{ $thing->{blobs} } ),
        'digests are checked, too'
    ) or diag $run->{err};
    fails(
        'another body',
        {
            $manifests . $digest => [ [ 200, {}, '{}' ] ],
            $list                => [ [ 200, {}, listing( { %$thing, digest => $digest } ) ] ]
        },
        qr/has another digest/
    );
};

$t->done;
