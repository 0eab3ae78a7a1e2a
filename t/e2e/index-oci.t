# SPDX-License-Identifier: Apache-2.0
#
# An index at a registry: `signpost index publish --oci` writes an OCI image layout, skopeo or
# crane pushes it, and `signpost index pull` or the prober fetches it: without a login, whether the
# registry wants a token or sends elsewhere for blobs. nginx stands before docker-registry with TLS.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use File::Path  ();
use HTTP::Tiny;
use JSON::PP ();
use Signpost::Certificates;
use Signpost::Prober;
use Signpost::Registry;
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new->need(qw(nginx openssl docker-registry skopeo));

my $ca       = Signpost::Certificates->new( $t, 'tls' );
my $registry = Signpost::Registry->start( $t, 'registry' );
my $signpost = $t->program('signpost');
my $type     = 'application/vnd.signpost.index.v1';
my %port     = map { $_ => $t->port } qw(plain token store mark);

# Three servers before the registry: as it is; one that wants a token and sends to another host
# for blobs; and that host. Each logs what it is asked.
my ( $cert, $key ) = $ca->sign('localhost');
my $conf = $t->file(
    'nginx.conf',
    <<'EOT', ( map { uc() => $port{$_} } keys %port ), CERT => $cert, KEY => $key, REGISTRY => $registry->port );
daemon off; master_process off; worker_processes 1;
pid @DIR@/nginx.pid; error_log @DIR@/nginx.log;
events { worker_connections 256; }
http {
  log_format requests '$request_method $uri $status';
  client_body_temp_path @DIR@/n1; fastcgi_temp_path @DIR@/n2; proxy_temp_path @DIR@/n3;
  uwsgi_temp_path @DIR@/n4; scgi_temp_path @DIR@/n5;
  ssl_certificate @CERT@; ssl_certificate_key @KEY@;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-Proto https;
  server {
    listen 127.0.0.1:@MARK@;
    access_log off;
    location / { return 204; }
    location /plain/ { return 302 http://localhost:@REGISTRY@/; }
  }
  server {
    listen 127.0.0.1:@PLAIN@ ssl;
    access_log @DIR@/plain.log requests;
    location /v2/ { proxy_pass http://127.0.0.1:@REGISTRY@; }
    location /layout/ { alias @DIR@/layout/; }
  }
  server {
    listen 127.0.0.1:@TOKEN@ ssl;
    access_log @DIR@/token.log requests;
    location /v2/ {
      if ($http_authorization != "Bearer everybody") { return 401; }
      proxy_pass http://127.0.0.1:@REGISTRY@;
    }
    location ~ ^/v2/.*/blobs/ {
      if ($http_authorization != "Bearer everybody") { return 401; }
      return 307 https://localhost:@STORE@$uri;
    }
    error_page 401 @challenge;
    location @challenge {
      add_header WWW-Authenticate 'Bearer realm="https://localhost:@STORE@/token",service="registry"' always;
      return 401;
    }
  }
  server {
    listen 127.0.0.1:@STORE@ ssl;
    access_log @DIR@/store.log requests;
    location /token { return 200 '{"token":"everybody"}'; }
    location /v2/ {
      if ($http_authorization) { return 400; }
      proxy_pass http://127.0.0.1:@REGISTRY@;
    }
    location /insecure/ { return 302 http://localhost:@REGISTRY@/; }
    location /round/ { return 302 https://localhost:@STORE@$request_uri; }
  }
}
EOT
$t->start( 'nginx', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/nginx.log' ] );
$t->wait_for_port( 'nginx', $_ ) for values %port;

# What a server was asked since the last time. One process writes all logs: once it has answered
# another request, they are whole.
my %seen;

sub asked {
    my ($server) = @_;
    HTTP::Tiny->new->get("http://127.0.0.1:$port{mark}/");
    my @all = split /\n/, $t->slurp( $t->folder . "/$server.log" );
    my @new = @all[ $seen{$server} // 0 .. $#all ];
    $seen{$server} = @all;
    return @new;
}

sub count {
    my ( $what, @requests ) = @_;
    return scalar grep { $_ =~ $what } @requests;
}

# ---- publishing ----

sub line { return 'sha256:' . sha256_hex( $_[0] ) . " team/app\n" }

sub index_file {
    my (@texts) = @_;
    return $t->file( 'signatures.index', join '', sort map { line($_) } @texts );
}

sub index_command { return $t->run( [ $signpost, 'index', @_ ] ) }

sub publish {
    my ( $layout, $texts, @more ) = @_;
    my $run = index_command( 'publish', '--name', 'registry.example.org',
        @more, $t->dir($layout), index_file(@$texts) );
    return $run;
}

sub skopeo {
    my ( $layout, $where ) = @_;
    return $t->run(
        [
            $t->find('skopeo'),
            qw(--insecure-policy copy -q --dest-tls-verify=false),
            'oci:' . $t->folder . "/$layout",
            'docker://127.0.0.1:' . $registry->port . "/$where"
        ]
    );
}

# Publishes texts and pushes them under a tag.
sub push_index {
    my ( $layout, $where, @texts ) = @_;
    for my $run ( publish( $layout, \@texts, '--oci' ), skopeo( $layout, $where ) ) {
        die $run->{err} if $run->{status};
    }
    return;
}

# Every file of a folder: its name, and its content.
sub content {
    my ($folder) = @_;
    return {
        map      { s{^\Q$folder\E/}{}r => $t->slurp($_) }
            grep { -f } glob("$folder/*"),
        glob("$folder/*/*"), glob("$folder/*/*/*")
    };
}

# ---- fetching ----

my $number = 0;

sub conf_file {
    my ( $state, $sources, $more ) = @_;
    $more //= '';
    return $t->file( 'conf' . ++$number . '.conf', <<"EOT" );
name      = "registry.example.org";
upstreams = { central = { url = "http://127.0.0.1:1"; }; };
canonical = [ "central" ];
state     = "${\ $t->dir($state) }";
ca_file   = "${\ $ca->authority }";
prober    = "service";
index_sources  = $sources;
index_interval = 1;
$more
EOT
}

sub source { my ( $server, $what ) = @_; return qq("oci://localhost:$port{$server}/$what") }

sub pull { return index_command( 'pull', '--config', $_[0] ) }

sub has {
    my ( $conf, $text ) = @_;
    return index_command( 'has', '--config', $conf, 'team/app@sha256:' . sha256_hex($text) )
        ->{status} == 0;
}

# ---- tests ----

subtest 'an OCI image layout' => sub {
    local $ENV{SOURCE_DATE_EPOCH} = 1764365400;
    my $run = publish( 'layout', [ 1 .. 20 ], '--oci' );
    is( $run->{status}, 0, 'is written' ) or diag $run->{err};
    my $folder = $t->folder . '/layout';
    my $json   = JSON::PP->new;
    my $index  = $json->decode( $t->slurp("$folder/index.json") );
    is( $json->decode( $t->slurp("$folder/oci-layout") )->{imageLayoutVersion}, '1.0.0',
        'version' );
    is( scalar @{ $index->{manifests} }, 1, 'with one manifest' );
    my $blob = sub {
        my ($descriptor) = @_;
        my ($hex)        = $descriptor->{digest} =~ /^sha256:(\w+)$/;
        my $bytes        = $t->slurp("$folder/blobs/sha256/$hex");
        is( sha256_hex($bytes), $hex,                "$descriptor->{mediaType}: digest" );
        is( length $bytes,      $descriptor->{size}, "$descriptor->{mediaType}: size" );
        return $bytes;
    };
    my $manifest = $json->decode( $blob->( $index->{manifests}[0] ) );
    is( $manifest->{artifactType}, $type, 'of an artifact' );
    my $list = $blob->( $manifest->{config} );
    is( $list, $t->slurp("$folder/index"), 'its configuration is the list' );
    my @layers = @{ $manifest->{layers} };
    is( scalar @layers,        1, 'each file is a layer' );
    is( $blob->( $layers[0] ), $t->slurp( $t->folder . '/signatures.index' ), 'of the lines' );
    like( $list, qr{ blobs/sha256/\w{64}\n\z}, 'which the list finds, too' );

    publish( 'again', [ 1 .. 20 ], '--oci' );
    my ( $once, $twice ) = map { content( $t->folder . "/$_" ) } qw(layout again);
    is_deeply( $twice, $once, 'the same input: the same bytes' );
    my $inode = ( stat "$folder/index.json" )[1];
    like( publish( 'layout', [ 1 .. 20 ] )->{out}, qr/unchanged/, 'again' );
    is( ( stat "$folder/index.json" )[1], $inode, 'nothing is written' );
    unlink "$folder/index.json";
    publish( 'layout', [ 1 .. 20 ] );
    is_deeply( content($folder), $once, 'what is lost is written again' );

    like(
        publish( 'layout', [ 1 .. 22 ] )->{out},
        qr/serial 2, 2 files/,
        'without --oci it stays one'
    );
    publish( 'layout', [ 1 .. 24 ] );
    is( scalar( () = glob "$folder/blobs/sha256/*" ), 5, 'three files, a list and a manifest' );
    publish( 'waits', [ 1 .. 20 ], '--oci', '--unsigned-list' );
    ok( !-e $t->folder . '/waits/index.json', 'a list that waits for a signature is in none' );
    $run = index_command(
        'publish', '--signature',
        $t->file( 'made', "MEUCIQ==\n" ),
        $t->folder . '/waits'
    );
    ok( -e $t->folder . '/waits/index.json', 'until it has one' ) or diag $run->{err};
    publish( 'plain', [ 1 .. 20 ] );
    $run = publish( 'plain', [ 1 .. 20 ], '--oci' );
    like(
        $run->{err},
        qr/is no OCI image layout: publish that into another/,
        'no other becomes one'
    );
};

subtest 'from a registry' => sub {
    my $conf = conf_file( 's-plain', '[ ' . source( plain => 'team/index:v1' ) . ' ]' );
    push_index( 'one', 'team/index:v1', 1 .. 30 );
    my $run = pull($conf);
    is( $run->{status}, 0, 'pull' ) or diag $run->{err};
    like(
        $run->{out},
        qr{^oci://localhost:\d+/team/index:v1: serial 1, 30 lines\.$}m,
        'says what there is'
    );
    ok( has( $conf, 30 ) && !has( $conf, 31 ), 'and has it' );
    is_deeply( [ map { /^(\S+)/ } asked('plain') ],
        [qw(HEAD GET GET GET)], 'a HEAD, and GETs for manifest, list and file' );
    is( pull($conf)->{status}, 0, 'again' );
    is_deeply( [ asked('plain') ], ['HEAD /v2/team/index/manifests/v1 200'], 'only a HEAD' );
    push_index( 'one', 'team/index:v1', 1 .. 31 );
    is( pull($conf)->{status}, 0, 'a line more' );
    ok( has( $conf, 1 ) && has( $conf, 31 ), 'is there' );
    is( count( qr/^GET .*blobs/, asked('plain') ),
        2, 'only the list and the new file were fetched' );

    my $absent = conf_file( 's-absent', '[ ' . source( plain => 'team/index:v9' ) . ' ]' );
    like(
        pull($absent)->{err},
        qr{/team/index:v9 cannot be read: there is no such tag\.},
        'no such tag'
    );
    $registry->push( 'team/app', Signpost::Registry::image( 'a' => 'b' ), 'v1' );
    my $image = conf_file( 's-image', '[ ' . source( plain => 'team/app:v1' ) . ' ]' );
    like(
        pull($image)->{err},
        qr{/team/app:v1 is no index: its type is application/vnd\.oci\.image\.config\.v1\+json, not},
        'an image is none'
    );
};

subtest 'a registry that wants a token, and keeps blobs elsewhere' => sub {
    asked($_) for keys %port;
    my $conf = conf_file( 's-token', '[ ' . source( token => 'team/index:v1' ) . ' ]' );
    my $run  = pull($conf);
    is( $run->{status}, 0, 'pull' ) or diag $run->{err};
    ok( has( $conf, 31 ), 'has it' );
    my @store = asked('store');
    is( count( qr{^GET /token 200}, @store ),      1, 'one token' );
    is( count( qr{^GET .*/blobs/.* 200}, @store ), 3, 'and blobs without it' );
    is( pull($conf)->{status},                     0, 'again' );
    is( count( qr/^GET/, asked('store') ),         1, 'only the token' );
};

subtest 'mirrors of either kind' => sub {
    my $both =
          '( [ '
        . source( plain => 'team/mixed:v1' )
        . qq{, "https://localhost:$port{plain}/layout/" ] )};
    my $conf = conf_file( 's-mixed', $both );
    File::Path::remove_tree( $t->folder . '/layout' );
    push_index( 'layout', 'team/mixed:v1', 1 .. 10 );
    is( pull($conf)->{status}, 0, 'both have the same' ) or diag pull($conf)->{err};
    publish( 'layout', [ 1 .. 11 ] );
    my $run = pull($conf);
    is( $run->{status}, 0, 'one has more' );
    ok( has( $conf, 11 ), 'which is taken' );
    like(
        pull($conf)->{err},
        qr/passed over in part: oci:\S+ has serial 1, which is older/,
        'the other is older'
    );
    push_index( 'layout', 'team/mixed:v1', 1 .. 12 );
SKIP: {
        $t->find('curl') or skip( 'curl is not installed', 2 );
        my $script = $t->install( $t->source('etc/web-servers/shared-host/fetch-index'),
            'shared/fetch-index' );
        my $fetch = $t->run(
            [ $script, "https://localhost:$port{plain}/layout" ],
            env => { CURL_CA_BUNDLE => $ca->authority }
        );
        is( $fetch->{status}, 0, 'fetch-index takes it from a layout' ) or diag $fetch->{err};
        is(
            $t->slurp( $t->folder . '/shared/signatures.index' ),
            join( '', sort map { line($_) } 1 .. 12 ),
            'all of it'
        );
    }
    rename $t->folder . '/layout', $t->folder . '/away';
    is( pull($conf)->{status}, 0, 'where one is away' );
    ok( has( $conf, 12 ), 'the other is taken' );
};

subtest 'a registry alone keeps the source' => sub {
    my ($script) =
        $t->slurp( $t->source('src/cmd/index.mdoc') ) =~
        /^Add to what a registry has,.*?^\.Bd .*?\n(.*?)^\.Ed/ms
        or die 'signpost-index(1) has no such example';
    $script =~ s/^\$ //mg;
    my $host = '127.0.0.1:' . $registry->port;
    my $copy = 'skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false';
    $script =~ s/skopeo copy/$copy/g;
    $script =~ s/registry\.example\.org/$host/g;
    $script =~
        s/signpost index publish/'$signpost' index publish --oci --name registry.example.org/;
    my $publishes = sub {
        my ( $lines, @texts ) = @_;
        my $folder = $t->dir( 'runner' . ++$number );
        system( 'cp', $t->folder . '/key.pem', $folder ) == 0 or die 'cp';
        $t->dir("runner$number/out") if $lines;
        $t->file( "runner$number/new.index", join '', sort map { line($_) } @texts );
        my @lines = split /^/, $script;
        return $t->run( [ 'sh', '-ec', "cd '$folder'; " . join '', @lines[ $lines .. $#lines ] ] );
    };
    $t->run(
        [ $t->find('openssl'), qw(genpkey -algorithm ED25519 -out), $t->folder . '/key.pem' ] );
    my $conf = conf_file( 's-alone', '[ ' . source( plain => 'team/index:latest' ) . ' ]' );
    my $run  = $publishes->( 1, 1 .. 5 );
    is( $run->{status},        0, 'the first time' ) or diag $run->{err};
    is( pull($conf)->{status}, 0, 'it is fetched' );
    $run = $publishes->( 0, 6 .. 7 );
    is( $run->{status}, 0, 'later, elsewhere' ) or diag $run->{err};
    like( $run->{out}, qr/serial 2, 2 files, signed\.$/, 'what was published is added to' );
    is( pull($conf)->{status}, 0, 'it is fetched' );
    ok( has( $conf, 1 ) && has( $conf, 7 ), 'all of it' );
    my $again = $publishes->( 0, 6 .. 7 );
    like( $again->{out}, qr/serial 2, 2 files, signed, unchanged/, 'the same again: nothing new' );
    ok( -s $t->folder . "/runner$number/out/index", 'the list is there for a web server, too' );
    my ($file) = $t->slurp( $t->folder . "/runner$number/out/index" ) =~ /^sha256:\w+ \d+ (\S+)/m;
    unlink $t->folder . "/runner$number/out/$file" or die $!;
    $again = publish( "runner$number/out", [8], '--add', '--key', $t->folder . '/key.pem' );
    like(
        $again->{err},
        qr/lacks blobs\S+, or has it damaged, so nothing can be added/,
        'to what is damaged nothing is added'
    );
};

subtest 'signed, and bytes that are others' => sub {
    my ( $private, $public ) = map { $t->folder . "/key.$_" } qw(pem pub);
    my @make = qw(genpkey -algorithm ED25519 -out);
    $t->run( [ $t->find('openssl'), @make, $private ] );
    $t->run( [ $t->find('openssl'), 'pkey', '-in', $private, '-pubout', '-out', $public ] );
    my $source = '[ ' . source( plain => 'team/signed:v1' ) . ' ]';
    my $conf   = conf_file( 's-signed', $source, qq(index_keys = [ "$public" ];) );
    push_index( 'signed', 'team/signed:v1', 1 );
    like(
        pull($conf)->{err},
        qr/is not signed by any of `index_keys`/,
        'a list that is not signed is refused'
    );
    publish( 'signed', [ 1 .. 2 ], '--key', $private );
    skopeo( 'signed', 'team/signed:v1' );
    is( pull($conf)->{status}, 0, 'one that is signed is taken' );
    my $hex = sha256_hex( $t->slurp( $t->folder . '/signatures.index' ) );

    publish( 'signed', [ 1 .. 3 ], '--key', $private );
    skopeo( 'signed', 'team/signed:v1' );
    my ($file) = $t->slurp( $t->folder . '/signed/index' ) =~ /^sha256:(\w+) \d+ \S+\nsignature/m;
    my $stored =
          $t->folder
        . '/registry.storage/docker/registry/v2/blobs/sha256/'
        . substr( $file, 0, 2 )
        . "/$file/data";
    my $bytes = $t->slurp($stored);
    $t->file( $stored =~ s{^\Q${\ $t->folder }\E/}{}r, $bytes =~ s/app/bpp/r );
    asked('plain');
    my $run = pull($conf);
    like(
        $run->{err},
        qr/has other bytes than its list says: its sha256 is wrong/,
        'a layer with other bytes'
    );
    ok( has( $conf, 2 ) && !has( $conf, 3 ), 'the one before serves on' );
    cmp_ok( count( qr/^GET/, asked('plain') ), '>', 0, 'it was fetched' );
    like( pull($conf)->{err}, qr/has other bytes/, 'again: refused' );
    is_deeply(
        [ asked('plain') ],
        ['HEAD /v2/team/signed/manifests/v1 200'],
        'and not fetched again'
    );
};

subtest 'redirects' => sub {
    my $only = 'is not followed: only addresses that begin with https:// are';
    for my $case (
        [
            "https://localhost:$port{store}/insecure/",
            qr{redirects to http://localhost:\d+/, which $only}
        ],
        [
            "http://localhost:$port{mark}/plain/",
            qr{redirects to http://localhost:\d+/, which $only}
        ],
        [ "https://localhost:$port{store}/round/", qr/redirects more than 5 times/ ]
        )
    {
        my ( $where, $why ) = @$case;
        my $run = pull( conf_file( 's-redirects', qq([ "$where" ]) ) );
        like( $run->{err}, $why, $where );
    }
};

subtest 'from a public address to a private one' => sub {
    my @apart = ( $t->find('unshare') // '', '-nm', 'sh', '-c' );
    my $hosts = $t->file( 'hosts', "203.0.113.1 source.test\n127.0.0.1 localhost\n" );
    my $net =
        "ip link set lo up && ip address add 203.0.113.1/32 dev lo && mount --bind $hosts /etc/hosts";
    plan skip_all => 'network namespaces cannot be made here'
        if !$apart[0] || $t->run( [ @apart, $net ] )->{status};
    my ( $public_cert, $public_key ) = $ca->sign('source.test');
    my $own = $t->file( 'apart.conf', <<'EOT', CERT => $public_cert, KEY => $public_key );
daemon on; worker_processes 1;
pid @DIR@/apart.pid; error_log @DIR@/apart.log;
events { worker_connections 64; }
http {
  access_log @DIR@/apart-access.log;
  client_body_temp_path @DIR@/n1; fastcgi_temp_path @DIR@/n2; proxy_temp_path @DIR@/n3;
  uwsgi_temp_path @DIR@/n4; scgi_temp_path @DIR@/n5;
  ssl_certificate @CERT@; ssl_certificate_key @KEY@;
  server { listen 203.0.113.1:443 ssl;
    location / { return 302 https://localhost:444$request_uri; }
    location /again/ { return 302 https://source.test:445$request_uri; } }
  server { listen 203.0.113.1:445 ssl; root @DIR@; rewrite ^/again/(.*) /plain/$1; }
  server { listen 127.0.0.1:444 ssl; root @DIR@; }
}
EOT
    my $pull = sub {
        my ($where) = @_;
        my $conf    = conf_file( "s-apart$number", qq([ "https://source.test/$where/" ]) );
        my $nginx   = $t->find('nginx');
        return $t->run(
            [
                @apart,
                "$net && $nginx -c $own -e /dev/null && $signpost index pull --config $conf; status=\$?; kill \$(cat ${\ $t->folder }/apart.pid); exit \$status"
            ]
        );
    };
    my $run = $pull->('plain');
    is( $run->{status}, 1, 'is not followed' );
    like( $run->{err}, qr/its host has a private address, to which no public one may lead/,
        'and why' );
    unlike( $t->slurp( $t->folder . '/apart-access.log' ), qr/ 200 /, 'nothing was asked there' );
    is( $pull->('again')->{status}, 0, 'to another public one it is' );
};

# Each pushes a folder to a repository.
my $at    = 'localhost:' . $registry->port;
my %tools = (
    crane => sub { ( qw(push --insecure),                      $_[0],         "$at/$_[1]" ) },
    oras  => sub { ( qw(cp --to-plain-http --from-oci-layout), "$_[0]:index", "$at/$_[1]" ) },
);
for my $tool ( sort keys %tools ) {
    subtest $tool => sub {
        $t->need($tool);
        my $conf = conf_file( "s-$tool", '[ ' . source( plain => "team/$tool:v1" ) . ' ]' );
        publish( $tool, [ 1 .. 3 ], '--oci' );
        my @push = $tools{$tool}->( $t->folder . "/$tool", "team/$tool:v1" );
        my $run  = $t->run( [ $t->find($tool), @push ] );
        is( $run->{status},        0, 'pushes the layout' ) or diag $run->{err};
        is( pull($conf)->{status}, 0, 'which is fetched' );
        ok( has( $conf, 3 ), 'as it is' );
    };
}

subtest 'the prober' => sub {
    my $state = $t->dir('s-prober');
    my $conf  = conf_file( 's-prober', '[ ' . source( token => 'team/live:v1' ) . ' ]' );
    push_index( 'live', 'team/live:v1', 1 );
    Signpost::Prober->start( $t, 'prober', $conf, $state );
    ok( $t->wait_for( sub { has( $conf, 1 ) } ), 'fetches' );
    push_index( 'live', 'team/live:v1', 1, 2 );
    ok( $t->wait_for( sub { has( $conf, 2 ) } ), 'what is pushed later, too' );
    $t->stop('prober');
};

$t->done;
