# SPDX-License-Identifier: Apache-2.0
#
# The index: `signpost index add` reads what belongs to an image at the canonical
# registry, and then all of it is found by digest through the front door, from
# elsewhere, by the built-in rules, with nothing else running; and not without it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use HTTP::Tiny;
use JSON::PP           ();
use Signpost::Registry qw(image index_of artifact key_pair signature signature_tag digest_of);
use Signpost::Servers  qw(signpost lighttpd plain_server);
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new->need(qw(lighttpd docker-registry openssl));

my $regional  = Signpost::Registry->start( $t, 'regional' );
my $canonical = Signpost::Registry->start( $t, 'canonical' );
my $signpost  = $t->program('signpost');
my $file      = $t->folder . '/signatures.index';
my $name      = 'mirror/images/team/app';
my $json      = JSON::PP->new->canonical->utf8;

sub conf {
    my ($index) = @_;
    my $line = $index ? qq(index = "$index";) : '';
    return <<"EOT";
name      = "registry.example.org";
prefix    = "mirror/images";
upstreams = { regional = { url = "${\ $regional->url }"; serves = [ "EU" ]; };
              central  = { url = "${\ $canonical->url }"; }; };
canonical = [ "central" ];
state     = "${\ $t->folder }";
$line
prober    = "off";
EOT
}
my $conf = $t->file( 'add.conf', conf($file) );

# ---- what there is ----

# A manifest that refers to another.
sub referrer {
    my ( $to, $text ) = @_;
    my $thing    = artifact( 'application/vnd.oci.empty.v1+json', '{}', [ 'text/plain', $text ] );
    my $manifest = $json->decode( $thing->{bytes} );
    $manifest->{subject} = { mediaType => $to->{type}, digest => $to->{digest}, size => 1 }
        if $to;
    $manifest->{artifactType} = 'text/plain';
    $thing->{bytes}           = $json->encode($manifest);
    $thing->{digest}          = digest_of( $thing->{bytes} );
    return $thing;
}

sub tag {
    my ( $thing, $suffix ) = @_;
    return $thing->{digest} =~ s/:/-/r . $suffix;
}

# Everything of a thing that a client may ask for by digest.
sub digests {
    return map {
        (
            $_->{digest},
            ( map { digest_of($_) } @{ $_->{blobs} || [] } ),
            digests( @{ $_->{parts} || [] } )
        )
    } @_;
}

sub sorted {
    my %seen;
    return [ sort grep { !$seen{$_}++ } @_ ];
}

my @images = (
    image( 'hello.txt'                              => 'hello' ),
    image( { architecture => 'arm64' }, 'hello.txt' => 'hallo' )
);
my $image   = index_of(@images);
my $key     = key_pair( $t, 'ours' );
my %belongs = (
    'the signature' => signature( $t, $key, $image, 'registry.example.org/team/app' ),
    'the signature of one platform' => signature( $t, $key, $images[1], 'arm64' ),
    'an attestation'                => artifact(
        'application/vnd.oci.image.config.v1+json', '{"a":1}',
        [ 'application/vnd.dsse.envelope.v1+json', 'attestation' ]
    ),
    'an SBOM' =>
        artifact( 'application/vnd.oci.image.config.v1+json', '{}', [ 'text/spdx+json', 'sbom' ] ),
    'a signature under a prefix' => signature( $t, $key, $image, 'prefixed' ),
    'a referrer'                 => referrer( $image,     'a referrer' ),
    'a referrer of a platform'   => referrer( $images[0], 'of one platform' ),
);
$belongs{'an index that refers'} = do {
    my $inner =
        artifact( 'text/plain', 'an inner configuration', [ 'text/plain', 'an inner layer' ] );
    my $index = index_of( { %$inner, platform => {} } );
    my $text  = $json->decode( $index->{bytes} );
    $text->{subject} = { mediaType => $image->{type}, digest => $image->{digest}, size => 1 };
    my $bytes = $json->encode($text);
    +{ %$index, bytes => $bytes, digest => digest_of($bytes) };
};
$belongs{'the signature of a referrer'} =
    signature( $t, $key, $belongs{'a referrer'}, 'signed referrer' );

my $stray = referrer( undef, 'of nothing' );

# Fallback tags list manifests as the referrers API would.
my $listed = index_of(
    map {
        { %$_, platform => {} }
    } @belongs{ 'a referrer', 'an index that refers' }
);
my $strays = index_of(
    map {
        { %$_, platform => {} }
    } $belongs{'a referrer of a platform'},
    $stray
);

my $unsigned = image( 'hello.txt' => 'nobody signed this' );

for my $registry ( $regional, $canonical ) {
    $registry->push( $name, $image,    'v1' );
    $registry->push( $name, $unsigned, 'unsigned' );
}
my %tags = (
    'the signature'                 => signature_tag($image),
    'the signature of one platform' => signature_tag( $images[1] ),
    'an attestation'                => tag( $image, '.att' ),
    'an SBOM'                       => tag( $image, '.sbom' ),
    'a signature under a prefix'    => 'release-' . signature_tag($image),
    'the signature of a referrer'   => signature_tag( $belongs{'a referrer'} ),
);
$canonical->push( $name, $belongs{$_}, $tags{$_} ) for sort keys %tags;
$canonical->push( $name, $listed,      tag( $image,     '' ) );
$canonical->push( $name, $strays,      tag( $images[0], '' ) );
$canonical->push( $name, $image,       tag( $images[1], '' ) );    # as `cosign copy` does

my @expected = ( digests( values %belongs ), $listed->{digest} );

# ---- through the front door ----

sub front {
    my ( $what, $index ) = @_;
    my $socket = signpost( $t, $what, conf => conf($index) );
    return lighttpd(
        $t, "$what-lighttpd",
        socket => $socket,
        extra  => 'setenv.add-environment = ( "SIGNPOST_REGION" => "EU" )'
    );
}

my $http = HTTP::Tiny->new( max_redirect => 0, timeout => 20 );

# Where a request for some content goes, as a word.
sub goes {
    my ( $port, $endpoint, $digest ) = @_;
    my $answer = $http->head("http://127.0.0.1:$port/v2/team/app/$endpoint/$digest");
    my $where  = $answer->{headers}{location} // "nowhere ($answer->{status})";
    return
          index( $where, $canonical->url ) == 0 ? 'canonical'
        : index( $where, $regional->url ) == 0  ? 'regional'
        :                                         $where;
}

# Fetches content as clients do, redirects and all.
sub arrives {
    my ( $port, $endpoint, $digest ) = @_;
    my $accept =
        'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';
    my $answer = HTTP::Tiny->new->get( "http://127.0.0.1:$port/v2/team/app/$endpoint/$digest",
        { headers => { Accept => $accept } } );
    return $answer->{status} == 200 && digest_of( $answer->{content} ) eq $digest;
}

# cosign would fetch its trust roots from the internet; it does without.
my %offline = ( HTTPS_PROXY => 'http://127.0.0.1:1', TUF_ROOT => $t->folder . '/tuf' );

sub cosign_verifies {
    my ( $port, $reference ) = @_;
    my $run = $t->run(
        [
            $t->find('cosign'),       'verify',
            '--key',                  $key->{public},
            '--insecure-ignore-tlog', "127.0.0.1:$port/team/app$reference"
        ],
        env => \%offline
    );
    return $run->{status} == 0;
}

sub add {
    my (@arguments) = @_;
    return $t->run( [ $signpost, 'index', 'add', '--config', $conf, @arguments ] );
}

my $fastcgi   = front( 'fastcgi', $file );
my $blind     = front('blind');
my $cgi       = plain_server( $t, 'cgi', conf => conf($file), region => 'EU' );
my ($payload) = map { digest_of( $_->{blobs}[1] ) } $belongs{'the signature'};

subtest 'without an index' => sub {
    my $run = $t->run( [ $signpost, 'check', $conf ] );
    is( $run->{status}, 0, 'the configuration is good' );
    like(
        $run->{err},
        qr/add\.conf:7: warning: the index \Q$file\E cannot be read, .* add/,
        'though there is no index'
    );
    $run = $t->run( [ $signpost, 'check', $t->file( 'blind.conf', conf() ) ] );
    like(
        $run->{err},
        qr/warning: signatures will not be found from everywhere: .* name an `index`/,
        'if it names none, there is a warning'
    );
    for (
        [ '',                                                       0, 'the default rules' ],
        [ '{ match = "blob"; to = [ "nearest" ]; }',                1, 'rules that ask nothing' ],
        [ '{ match = "blob"; to = [ "nearest?", "regional" ]; }',   1, 'that end elsewhere' ],
        [ '{ match = "blob"; to = [ "regional?", "canonical" ]; }', 0, 'that ask' ],
        )
    {
        my ( $rule, $warns, $what ) = @$_;
        my $text = conf() =~ s/prober\s*=\s*"off";//r;
        my $file = $t->file( 'asking.conf',
            qq($text prober = "service"; ) . ( $rule ? qq(rules = ( $rule, "default" );) : '' ) );
        $run = $t->run( [ $signpost, 'check', $file ] );
        is( $run->{err} =~ /signatures will not be found from everywhere/ ? 1 : 0,
            $warns, "with a prober: $what" )
            or diag $run->{err};
    }
    my $elsewhere = qr/rules\.conf:\d+: warning: signatures' tags and referrers may go elsewhere/;
    my $unasked   = qr/rules\.conf:\d+: warning: "nearest\?" is taken as if it stood without/;
    for (
        [ '"default"',                                                                0, 0 ],
        [ '{ match = "signature"; to = [ "nearest" ]; }, "default"',                  0, 0 ],
        [ '{ match = "signature"; to = [ "nearest?", "canonical" ]; }, "default"',    0, 1 ],
        [ '{ match = "manifest-tag"; to = [ "nearest?", "canonical" ]; }, "default"', 0, 1 ],
        [ '{ match = "*"; to = [ "nearest?", "canonical" ]; }',                       1, 0 ],
        [ '{ match = "*"; to = [ "canonical" ]; }',                                   0, 0 ],
        )
    {
        my ( $rules, @warns ) = @$_;
        $run = $t->run(
            [ $signpost, 'check', $t->file( 'rules.conf', conf() . "rules = ( $rules );" ) ] );
        is_deeply( [ map { $run->{err} =~ $_ ? 1 : 0 } $elsewhere, $unasked ],
            \@warns, "signatures' tags: $rules" )
            or diag $run->{err};
    }
    for my $port ( $fastcgi, $cgi, $blind ) {
        is( goes( $port, 'manifests', $belongs{'the signature'}{digest} ),
            'canonical', 'a manifest goes to canonical, to be safe' );
        is( goes( $port, 'blobs', $payload ), 'regional', 'but a payload to the nearest' );
        ok( !arrives( $port, 'blobs', $payload ), 'which does not have it' );
    }
};

subtest 'signpost index add' => sub {
    my $run = add( 'team/app:v1', 'registry.example.org/team/app:unsigned' );
    is( $run->{status}, 0, 'reads the canonical registry' ) or diag $run->{err};
    my $count = @{ sorted(@expected) };
    is( $run->{out}, "$file: $count lines added, $count in all.\n", 'says how much' );
    is(
        $run->{err},
        "signpost index: registry.example.org/team/app:unsigned: nothing belongs to it, neither signatures nor referrers.\n",
        'and where there was nothing'
    );
    my @lines = split /\n/, $t->slurp($file);
    is_deeply(
        \@lines,
        sorted( map { "$_ team/app" } @expected ),
        'and writes all that belongs to the image, but not the image'
    );
    my $inode = ( stat $file )[1];
    $run = add("registry.example.org/team/app\@$image->{digest}");
    is( $run->{out}, "$file: 0 lines added, $count in all.\n", 'again, by digest' )
        or diag $run->{err};
    is( ( stat $file )[1], $inode, 'the file is left alone then' );
    is_deeply( [ glob $t->folder . '/.sig*' ], [], 'nothing else is left behind' );
    is(
        $t->run( [ $signpost, 'index', 'check', '--config', $conf ] )->{out},
        "$file: $count lines in order, $count of them with a repository's name.\n",
        'signpost index check'
    );
    is( $t->run( [ $signpost, 'check', $conf ] )->{err}, '', 'signpost check is content, too' );
    $run = $t->run(
        [
            $signpost, 'explain', '--config', $conf, '--region', 'EU',
            "/v2/team/app/blobs/$payload"
        ]
    );
    like( $run->{out}, qr/^class     signature-digest/m,      'signpost explain knows' );
    like( $run->{out}, qr/^known by  the index: \Q$file\E$/m, '  and says what knows' );
};

subtest 'by digest' => sub {
    ok( $t->wait_for( sub { goes( $fastcgi, 'blobs', $payload ) eq 'canonical' } ),
        'a running responder takes a new index' );
    $_->requests for $regional, $canonical;
    for my $door ( [ FastCGI => $fastcgi ], [ CGI => $cgi ] ) {
        my ( $mode, $port ) = @$door;
        my %manifest = map  { $_->{digest} => 1 } values %belongs, $listed;
        my @missing  = grep { !arrives( $port, 'manifests', $_ ) } keys %manifest;
        is_deeply( \@missing, [], "$mode: every manifest arrives" );
        @missing = grep {
            !$manifest{$_} && !arrives( $port, 'blobs', $_ ) && !arrives( $port, 'manifests', $_ )
        } @expected;
        is_deeply( \@missing,               [], 'so does every other content' );
        is_deeply( [ $regional->requests ], [], 'with no request to the regional registry' );
        is( goes( $port, 'blobs', $belongs{'an SBOM'}{digest} ),
            'canonical', 'a manifest that is looked for among the blobs, too' );
        for my $own ( digests($unsigned), digests(@images) ) {
            is( goes( $port, 'blobs', $own ), 'regional',
                'a blob of an image goes to the nearest' );
        }
    }
};

subtest 'cosign, cold' => sub {
    $t->need('cosign');
    for my $reference ( ':v1', "\@$image->{digest}", "\@$images[1]{digest}" ) {
        ok( cosign_verifies( $fastcgi, $reference ), "FastCGI: verifies $reference" );
        ok( cosign_verifies( $cgi,     $reference ), "CGI: verifies $reference" );
        ok( !cosign_verifies( $blind,  $reference ), 'and does not without an index' );
    }
    ok( !cosign_verifies( $fastcgi, ':unsigned' ), 'nor what is not signed' );
};

subtest 'crane, by digest' => sub {
    $t->need('crane');
    for my $port ( $fastcgi, $cgi ) {
        my $run = $t->run( [ $t->find('crane'), 'blob', "127.0.0.1:$port/team/app\@$payload" ],
            env => \%offline );
        is( digest_of( $run->{out} ), $payload, 'a payload' ) or diag $run->{err};
    }
};

# "{}" is the configuration of every artifact, whoever made it.
subtest 'the same content in two repositories' => sub {
    my $empty = digest_of('{}');
    my $artifact =
        artifact( 'application/vnd.oci.empty.v1+json', '{}', [ 'text/plain', 'a chart' ] );
    $_->push( "$name-charts", $artifact, 'v1' ) for $regional, $canonical;
    my $run = add( 'team/app:v1', 'team/app-charts:v1' );
    is( $run->{status}, 0, 'an artifact beside an image, in one run' ) or diag $run->{err};
    ok(
        $t->wait_for( sub { goes( $fastcgi, 'blobs', $empty ) eq 'canonical' } ),
        'where it is a part of a signature, it is at the canonical registry'
    );
    my $goes = sub {
        my $answer = $http->head("http://127.0.0.1:$_[0]/v2/team/app-charts/blobs/$empty");
        return index( $answer->{headers}{location}, $regional->url ) ? 'elsewhere' : 'regional';
    };
    is( $goes->($_), 'regional', 'where it is a part of an image, anywhere' ) for $fastcgi, $cgi;
    for (
        [ "team/app\@$empty"                      => 0, "listed by $file" ],
        [ "registry.example.org/team/app\@$empty" => 0, "listed by $file" ],
        [ "team/app-charts\@$empty"               => 1, 'not listed' ],
        )
    {
        my ( $what, $status, $says ) = @$_;
        $run = $t->run( [ $signpost, qw(index has --config), $conf, $what ] );
        is( $run->{status}, $status,          "signpost index has $what" );
        is( $run->{out},    "$what: $says\n", 'says so' );
    }
};

subtest 'lines that are at hand' => sub {
    my $index = $t->folder . '/from.index';
    my ( $one, $two, $three ) = map { 'sha256:' . $_ x 64 } qw(1 2 3);
    my $from = sub {
        my ( $text, @option ) = @_;
        $t->file( 'lines', $text );
        return $t->run( [ $signpost, qw(index add --from), $t->folder . '/lines', @option ] );
    };
    my $run = $from->(
        "$two team/app\nregistry.example.org/team/app\@$one\n# a comment\n\n$three\n$two team/app\r\n",
        '--config', $conf
    );
    is( $run->{status}, 0, 'are added' ) or diag $run->{err};
    like( $run->{out}, qr/^\Q$file\E: 3 lines added, /, 'to the first index of the configuration' );
    $run = $from->( "team/app\@$one\nteam/web\@$one\n", '--index', $index );
    is( $t->slurp($index), "$one team/app\n$one team/web\n", 'or to one that is named' );
    $run = $from->( "$two team/app\nsha256:12 team/app\n", '--index', $index );
    is( $run->{status}, 1, 'a line with a mistake' );
    like( $run->{err}, qr{lines:2: the line is neither .*; nothing was added}, '… is said' );
    is( $t->slurp($index), "$one team/app\n$one team/web\n", '… and adds nothing' );

    for my $name ( 'registry.example.org/team/app', 'localhost:5000/team/app' ) {
        $run = $from->( "$two team/app\n$name\@$three\n", '--index', $index );
        is( $run->{status}, 1, "$name, where no host is known" );
        like(
            $run->{err},
            qr{lines:2: the name begins with a host, .* --name or --config, .*; nothing was added},
            '… is refused'
        );
    }
    for my $known ( [ '--name', 'registry.example.org' ], [ '--config', $conf ] ) {
        unlink $index;
        $run = $from->( "registry.example.org/team/app\@$two\n", '--index', $index, @$known );
        is( $t->slurp($index), "$two team/app\n", "… and taken with $known->[0]" );
    }
    unlink $index;
    $from->( "team/app\@$one\nteam/web\@$one\n", '--index', $index );
    $run = $t->run(
        [ 'sh', '-c', "echo $three team/app | '$signpost' index add --from - --index '$index'" ] );
    is( $run->{out}, "$index: 1 line added, 3 in all.\n", 'from standard input' );
    $run = $t->run( [ $signpost, qw(index add --from), $t->folder . '/none', '--index', $index ] );
    like( $run->{err}, qr/none cannot be read: No such file/, 'a file that is not there' );
    $run = $t->run( [ $signpost, qw(index add --from - team/app --index), $index ] );
    is( $run->{status}, 2, 'IMAGE does not go with it' );
};

subtest 'a bad index' => sub {
    my $good = $t->slurp($file);
    my $bad  = join '', map { "$_\n" } reverse split /\n/, $good;
    my $put  = sub {
        my $new = $t->file( 'new.index', $_[0] );
        rename $new, $file or die "$file: $!";
    };
    $put->($bad);
    my $run = $t->run( [ $signpost, 'check', $conf ] );
    is( $run->{status}, 1, 'is found by signpost check' );
    like(
        $run->{err},
        qr/^signpost check: \Q$file\E: its lines are not in order: sort it with `LC_ALL=C sort -u`\.$/m,
        'with the cure'
    );
    $run = add('team/app:v1');
    is( $run->{status},   1,    'nothing is added to it' );
    is( $t->slurp($file), $bad, 'it stays as it is' );
    ok(
        $t->wait_for(
            sub {
                $t->slurp('fastcgi.err') =~
                    /: its lines are not in order.* The one before serves on\./;
            }
        ),
        'a running responder says so'
    );
    is( goes( $fastcgi, 'blobs', $payload ), 'canonical', 'and goes on with the one before' );
    my %went = map { goes( $cgi, 'blobs', $_ ) => 1 } @expected;
    ok( $went{regional}, 'a CGI does without what it does not find in it' );
    $put->( substr $good, 0, -30 );
    ok(
        $t->wait_for(
            sub { $t->slurp('fastcgi.err') =~ /is torn: .* The one before serves on\./ }
        ),
        'a torn one is refused as well'
    );
    is( goes( $fastcgi, 'blobs', $payload ), 'canonical', 'and the one before serves on' );
    $put->($good);
    is( goes( $cgi, 'blobs', $payload ), 'canonical', 'a good one is taken again' );
};

subtest 'several at once' => sub {
    my $index = $t->folder . '/parallel.index';
    my @runs;
    for my $n ( 1 .. 4 ) {
        my $thing = image( 'n' => $n );
        $canonical->push( "$name$n", $thing, 'v1' );
        my $signature = signature( $t, $key, $thing, $n );
        $canonical->push( "$name$n", $signature, signature_tag($thing) );
        push @runs, [ "add$n", map { "$_ team/app$n" } digests($signature) ];
    }
    for my $n ( 1 .. 4 ) {
        $t->start(
            "add$n",
            [
                $signpost,
                qw(index add --registry),
                $canonical->url . '/mirror/images',
                '--index', $index, "team/app$n:v1"
            ]
        );
    }
    is( $t->wait_end("add$_"), 0, "number $_ ends well" ) for 1 .. 4;
    $t->stop("add$_") for 1 .. 4;
    is_deeply(
        [ split /\n/, $t->slurp($index) ],
        sorted( map { @$_[ 1 .. $#$_ ] } @runs ),
        'none has lost what another added'
    );
};

subtest 'mistakes' => sub {
    my %says = (
        'team/app:no-such-tag'        => 'team/app:no-such-tag: the registry has no such image.',
        'no-such/app'                 => 'no-such/app: the registry has no such image.',
        'team/app@sha256:' . '0' x 64 => 'the registry has no such image.',
        'Team/App'                    => '"Team/App" is no image: write a name',
        'team/app:v1:v2'              => 'has no tag behind its colon',
        'team/app@sha256:12'          => 'has no digest behind its "@"',
        'docker.io/library/alpine:3'  => 'docker.io/library/alpine:3: that is at another registry',
    );
    for my $what ( sort keys %says ) {
        my $run = add($what);
        is( $run->{status}, 1, "$what is refused" );
        like( $run->{err}, qr/\Q$says{$what}\E/, 'with a sentence' );
    }
    my $run = add( 'no-such/app', 'team/app' );
    $run = add( '--registry', 'http://127.0.0.1:1', 'team/app' );
    is( $run->{status}, 1, 'a registry that does not answer' );
    like( $run->{err},
        qr{team/app: http://127\.0\.0\.1:1/v2/team/app/manifests/latest cannot be read: },
        'is told of' );
    for my $arguments (
        [], ['add'],
        [ 'remove', 'x' ],
        [ 'check',  'a',         'b' ],
        [ 'add',    '--no-such', 'x' ]
        )
    {
        $run = $t->run( [ $signpost, 'index', @$arguments ] );
        is( $run->{status}, 2, "signpost index @$arguments makes no sense" );
        like( $run->{err}, qr/`signpost index --help` says how to call it\./, 'which is said' );
    }
    $run = $t->run( [ $signpost, 'index', '--help' ] );
    is( $run->{status}, 0, '--help' );
    like( $run->{out}, qr/^Usage: signpost index add/, 'tells how' );
};

# A registry that has the referrers API, and keeps no fallback tags.
subtest 'the referrers API' => sub {
    $t->need('referrers-registry');
    my $port = $t->port;
    $t->start( 'referrers', [ $t->find('referrers-registry'), "127.0.0.1:$port" ] );
    $t->wait_for_port( 'referrers', $port );
    my $registry = bless { %$canonical, name => 'referrers', port => $port }, ref $canonical;
    my $referrer = referrer( $images[0], 'by the API' );
    my $second   = referrer( $referrer,  'of a referrer, by the API' );
    $registry->push( 'app', $_ ) for $images[0], $referrer, $second, $stray;
    my $index = $t->folder . '/referrers.index';
    my $run   = $t->run(
        [
            $signpost,                qw(index add --registry),
            "http://127.0.0.1:$port", '--index',
            $index,                   "app\@$images[0]{digest}"
        ]
    );
    is( $run->{status}, 0, 'is read' ) or diag $run->{err};
    is_deeply(
        [ split /\n/, $t->slurp($index) ],
        sorted( map { "$_ app" } digests( $referrer, $second ) ),
        'with all that it lists'
    );
};

$t->done;
