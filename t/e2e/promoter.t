# SPDX-License-Identifier: Apache-2.0
#
# What etc/doc/promoters.md shows, with real parts: images are copied by skopeo, signed by
# cosign 2 and 3, and published by etc/promoters/promote on a web server or an object store;
# three front doors, in network namespaces of their own, answer rightly soon after that, and
# go on when their probers are killed. The steps for GitHub Actions and Tekton are run as they
# stand, and so is the script for shared hosts.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use CPAN::Meta::YAML;
use HTTP::Tiny;
use Signpost::Certificates;
use Signpost::Clients;
use Signpost::Machine;
use Signpost::Netns;
use Signpost::Prober;
use Signpost::Registry qw(image key_pair);
use Signpost::Servers  qw(signpost nginx plain_server);
use Signpost::Test;
use Test::More;
use Time::HiRes qw(sleep time);

Signpost::Machine::seclude();
my $t = Signpost::Test->new->need(qw(nginx docker-registry openssl skopeo cosign rsync curl));
$t->skip_all('signpost was built without its prober')
    if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};

my $interval = 2;                                                     # index_interval, seconds
my $here     = Signpost::Netns::here();
my @spaces   = map { Signpost::Netns->new( $t, $_ ) } qw(fr us jp);
my $key      = key_pair( $t, 'ours' );
my $clients  = Signpost::Clients->new( $t, $key );
my @cosigns  = grep { $t->find($_) } qw(cosign cosign3);

# What is signed by whom.
my %signer = ( v1 => 'cosign', v2 => 'cosign3' );

# ---- the source's web server ----

my $ca        = Signpost::Certificates->new( $t, 'tls' );
my $port      = $t->port;
my $s3_port   = $t->port;
my $www       = $t->dir('www');
my $index_key = key_pair( $t, 'index' );

sub serve_sources {
    my ( $cert, $cert_key ) = $ca->sign($here);
    my %value = ( PORT => $port, S3 => $s3_port, CERT => $cert, KEY => $cert_key );
    my $conf  = $t->file( 'sources.conf', <<'EOT', %value );
daemon off; master_process off; worker_processes 1;
pid @DIR@/sources.pid; error_log @DIR@/sources.log;
events { worker_connections 256; }
http {
  log_format short '$remote_addr $request_method $uri $status';
  access_log @DIR@/access.log short;
  client_body_temp_path @DIR@/s1; fastcgi_temp_path @DIR@/s2; proxy_temp_path @DIR@/s3;
  uwsgi_temp_path @DIR@/s4; scgi_temp_path @DIR@/s5;
  default_type application/octet-stream;
  server {
    listen *:@PORT@ ssl;
    ssl_certificate @CERT@; ssl_certificate_key @KEY@;
    root @DIR@/www;
    location /s3/ { proxy_pass http://127.0.0.1:@S3@/signatures/; }
  }
}
EOT
    $t->start( 'sources', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/sources.log' ] );
    $t->wait_for_port( 'sources', $port );
    return;
}
serve_sources();

# ---- front doors ----

my ( $regional, $canonical );

sub conf {
    my ( $state, @more ) = @_;
    my %url = map { $_->[0] => "http://$here:" . $_->[1]->port } [ regional => $regional ],
        [ central => $canonical ];
    return join "\n", <<"EOT", @more;
name      = "registry.example.org";
prefix    = "images";
upstreams = { regional = { url = "$url{regional}"; serves = [ "EU" ]; };
              central  = { url = "$url{central}"; }; };
canonical = [ "central" ];
rules     = ( { match = "signature"; to = [ "canonical" ]; },
              { match = "signature-digest"; to = [ "canonical" ]; },
              { match = "*"; to = [ "nearest" ]; } );
state     = "$state";
EOT
}

sub sources {
    my (@names) = @_;
    return <<"EOT";
ca_file        = "${\ $ca->authority }";
index_interval = $interval;
index_keys     = [ "$index_key->{public}" ];
index_sources  = ( ${\ join ', ', map { qq("https://$here:$port/$_/") } @names } );
EOT
}

# A prober, a responder and a web server in a namespace. Returns { name, at, host, space }.
sub front_door {
    my ( $space, $name, @sources ) = @_;
    my $state = $t->dir("$name.state");
    chmod 0755, $state or die $!;
    my $conf = conf( $state, sources(@sources), 'prober = "service";' );
    my $file = $t->file( "$name.prober.conf", $conf );
    my $port = $space->inside(
        sub {
            Signpost::Prober->start( $t, "$name-prober", $file, $state );
            return nginx(
                $t, "$name-nginx",
                socket     => signpost( $t, $name, conf => $conf ),
                everywhere => 1,
                extra      => "fastcgi_param SIGNPOST_REGION EU;\n"
                    . "location /signpost/ { alias $state/public/; }"
            );
        }
    );
    my $host = $space->address . ":$port";
    return { name => $name, address => $space->address, host => $host };
}

sub close_door {
    my ($door) = @_;
    $t->stop("$door->{name}$_") for '-nginx', '', '-prober';
    return;
}

# ---- what is asked of them ----

my $http = HTTP::Tiny->new( max_redirect => 0, timeout => 20 );

# Whether a door sends a digest to the canonical registry.
sub knows {
    my ( $door, $line ) = @_;
    my ( $digest, $name ) = split / /, $line;
    my $answer = $http->head("http://$door->{host}/v2/$name/blobs/$digest");
    return ( $answer->{headers}{location} // '' ) =~ m{^http://\Q$here\E:$canonical->{port}/};
}

# That each cosign which can read them verifies all images at a host, by tag and by digest.
sub all_verify {
    my ( $host, $what ) = @_;
    my %digest;
    for my $tag ( grep { $t->find( $signer{$_} ) } sort keys %signer ) {
        for my $cosign ( grep { $_ eq 'cosign3' || $signer{$tag} eq 'cosign' } @cosigns ) {
            my $image = image( hello => $tag );
            for my $reference ( ":$tag", "\@$image->{digest}" ) {
                my $run = $clients->run( $cosign,
                    $clients->verify( 'verify', "$host/team/app$reference" ) );
                my $kind = $reference =~ /^:/ ? 'tag' : 'digest';
                ok( $run->{status} == 0 && $run->{out} =~ /\Q$image->{digest}/,
                    "$what: $cosign verifies $tag by $kind" )
                    or diag $run->{err};
            }
        }
    }
    return;
}

# ---- the promoter ----

# A folder with programs under the names that the scripts use.
sub programs {
    my ($cosign) = @_;
    my $folder = $t->dir("bin-$cosign");
    for ( [ cosign => $t->find($cosign) ], [ signpost => $t->program('signpost') ] ) {
        symlink $_->[1], "$folder/$_->[0]" or $!{EEXIST} or die $!;
    }
    return $folder;
}

sub promoter_env {
    my ( $cosign, $doors, %more ) = @_;
    $clients->cosign_key;
    return {
        PATH            => programs($cosign) . ":$ENV{PATH}",
        TMPDIR          => $t->folder,
        COSIGN_PASSWORD => '',
        HTTPS_PROXY     => 'http://127.0.0.1:1',                # trust roots: do without
        no_proxy        => $here,
        TUF_ROOT        => $t->folder . '/tuf',
        SIGNPOST_CONF   => $t->folder . '/promoter.conf',
        COSIGN_KEY      => $clients->cosign_key,
        COSIGN_FLAGS    => join( ' ', '--allow-http-registry', $clients->offline($cosign) ),
        INDEX_KEY       => $index_key->{private},
        DOORS           => join( ' ', map { "http://$_->{host}/signpost/" } @$doors ),
        WAIT_FLAGS      => '--interval 0.2 --timeout 60',
        %more
    };
}

# Copies an image to where it belongs.
sub copy_image {
    my ($tag) = @_;
    my $thing = image( hello => $tag );
    my $from  = $t->dir('staging');
    if ( !-e "$from/$tag" ) {
        my $staging = Signpost::Registry->start( $t, 'staging' );
        $staging->push( 'app', $thing, $tag );
        $t->run(
            [
                qw(skopeo copy --src-tls-verify=false),
                "docker://127.0.0.1:$staging->{port}/app:$tag",
                "dir:$from/$tag"
            ]
        );
        $t->stop('staging');
    }
    for my $to ( $canonical, $regional ) {
        my $run = $t->run(
            [
                qw(skopeo copy --dest-tls-verify=false), "dir:$from/$tag",
                "docker://$here:$to->{port}/images/team/app:$tag"
            ]
        );
        $run->{status} == 0 or die "skopeo: $run->{err}";
    }
    return;
}

sub listed {
    my ($source) = @_;
    return
        map { $t->slurp("$www/$source/$_") =~ /^(sha256:.*)$/mg }
        $t->slurp("$www/$source/index") =~ /^sha256:\w+ \d+ (\S+)$/mg;
}

# The lines of the source's access log: [ address, method, path, status ].
sub accesses {
    return map { [split] } split /\n/, $t->slurp('access.log');
}

my $promote = $t->source('etc/promoters/promote');

# Promotes an image, and measures how long each door takes from the publication on.
sub promotes {
    my ( $tag, $doors ) = @_;
    my %before = map { $_ => 1 } listed('promoter');
    my $list   = $t->slurp("$www/promoter/index");
    my $run    = "promote-$tag-$doors->[0]{name}";
    my $env    = promoter_env(
        $signer{$tag}, $doors,
        SOURCE     => "$www/promoter",
        SOURCE_URL => "https://$here:$port/promoter/"
    );
    copy_image($tag);
    $t->start( $run, [ $promote, "team/app:$tag" ], env => $env );
    my ( $begin, $seen );    # the last moment before the publication
    $t->wait_for(
        sub {
            my @now = ( time, scalar accesses() );
            return 1
                if $t->slurp("$www/promoter/index") ne $list || !$t->is_running($run);
            ( $begin, $seen ) = @now;
            return 0;
        },
        60
    );
    my @new = grep { !$before{$_} } listed('promoter');
    cmp_ok( scalar @new, '>=', 3, "$tag: the signature's digests are published" )
        or diag $t->complaints($run);
    my %took;
    $t->wait_for(
        sub {
            for my $door ( grep { !$took{ $_->{name} } } @$doors ) {
                next if grep { !knows( $door, $_ ) } @new;
                $took{ $door->{name} } = time - $begin;
            }
            return keys %took == @$doors;
        },
        60
    );
    my @gets = accesses();
    @gets = grep { $_->[1] eq 'GET' } @gets[ $seen .. $#gets ];
    for my $door (@$doors) {
        my $took = $took{ $door->{name} } // 999;
        cmp_ok( $took, '<=', $interval + 5, "$tag: $door->{name} answers rightly in time" )
            or diag map { $t->complaints("$door->{name}$_") } '', '-nginx', '-prober';
        my $count = grep { $_->[0] eq $door->{address} } @gets;
        cmp_ok( $count, '>=', 2, "$tag: $door->{name} has fetched" );
        cmp_ok( $count, '<=', 4, "$tag: with few requests" );
        diag( sprintf '%s: %.1f s, %d GETs', $door->{name}, $took, $count )
            if $ENV{SIGNPOST_VERBOSE};
    }
    is( $t->wait_end( $run, 60 ), 0, "$tag: promote has waited for them, and ends well" )
        or diag $t->complaints($run);
    like( $t->slurp("$run.out"), qr/^3 front doors: serial \d+\.$/m, "$tag: and says so" );
    $t->stop($run);
    return;
}

# ---- hosts without a prober ----

# A CGI that has pulled, and one whose index the script for shared hosts has fetched.
sub plain_hosts {
    my ($what) = @_;
    my $state  = $t->dir("$what.pulled");
    my $conf   = conf( $state, sources('promoter'), 'prober = "off";' );
    my $file   = $t->file( "$what.pulled.conf", $conf );
    my $run    = $t->run( [ $t->program('signpost'), qw(index pull --config), $file ] );
    is( $run->{status}, 0, 'index pull' ) or diag $run->{err};
    my $pulled = plain_server( $t, "$what-pulled", conf => $conf, region => 'EU' );
    all_verify( "127.0.0.1:$pulled", 'a plain CGI, pulled' );

    $conf = conf( $state, 'index = "signatures.index"; prober = "off";' );
    my $shared = plain_server( $t, "$what-shared", conf => $conf, region => 'EU' );
    my $folder = $t->folder . "/$what-shared.bin";
    my $script = $t->install( $t->source('etc/web-servers/shared-host/fetch-index'),
        "$what-shared.bin/fetch-index" );
    my $fetch = sub {
        my ($source) = @_;
        my $run = $t->run(
            [ $script, "https://$here:$port/$source" ],
            env => { CURL_CA_BUNDLE => $ca->authority }
        );
        return wantarray ? ( $run->{status}, $run->{err} ) : $run->{status};
    };
    is_deeply( [ $fetch->('promoter') ], [ 0, '' ], 'fetch-index' );
    all_verify( "127.0.0.1:$shared", 'a shared host' );
    my $index = $t->slurp("$folder/signatures.index");
    is( $index, join( '', map { "$_\n" } sort( listed('promoter') ) ), 'it has all lines' );

    my $seen = accesses();
    is( $fetch->('promoter'), 0, 'again' );
    my @all = accesses();
    is_deeply(
        [ map { "@$_[ 1 .. 3 ]" } grep { $_->[0] eq $here } @all[ $seen .. $#all ] ],
        ['GET /promoter/index 304'],
        'which asks only whether there is news'
    );
    $t->dir('www/bad');
    $t->file( 'www/bad/index', "<html></html>\n" );
    my ( $status, $err ) = $fetch->('bad');
    is( $status, 1, 'what is no list is refused' );
    like( $err, qr/names no file of an index/, 'and why' );
    my ($name) = $t->slurp("$www/promoter/index") =~ /^sha256:\w+ \d+ (\S+)$/m;
    $t->file( 'www/bad/index', $t->slurp("$www/promoter/index") =~ s/^sha256:\w/sha256:0/mgr );
    $t->file( "www/bad/$name", 'other bytes' );
    ( $status, $err ) = $fetch->('bad');
    isnt( $status, 0, 'and so are wrong bytes' );
    is( $t->slurp("$folder/signatures.index"), $index, 'the index stays' );
    return;
}

sub scenario {
    my ($what) = @_;
    $t->dir('www/promoter');
    unlink glob "$www/promoter/*";
    my @doors = map { front_door( $spaces[$_], "$what-" . (qw(fr us jp))[$_], 'promoter' ) } 0 .. 2;
    $t->file( 'promoter.conf', conf( $t->dir('promoter.state') ) );
    promotes( $_, \@doors ) for grep { $t->find( $signer{$_} ) } sort keys %signer;
    all_verify( $_->{host}, $_->{name} ) for @doors;
    subtest 'hosts without a prober' => sub { plain_hosts($what) };

    for my $door (@doors) {
        $t->stop( "$door->{name}-prober", 'KILL' );
        all_verify( $door->{host}, "$door->{name}, its prober killed" );
    }
    close_door($_) for @doors;
    return;
}

$regional = Signpost::Registry->start( $t, 'regional', everywhere => 1 );

subtest 'docker-registry' => sub {
    $canonical = Signpost::Registry->start( $t, 'central', everywhere => 1 );
    scenario('plain');
};

subtest 'a registry with the referrers API' => sub {
    $canonical =
        Signpost::Registry->start_with_referrers( $t, 'central-referrers', everywhere => 1 );
    scenario('referrers');
};

# ---- steps for CI, and two writers ----

# An S3 server with an empty bucket that everybody may read; what aws wants to know of it.
sub object_store {
    my %aws = (
        AWS_ACCESS_KEY_ID     => 'any',
        AWS_SECRET_ACCESS_KEY => 'any',
        AWS_DEFAULT_REGION    => 'us-east-1',
        AWS_ENDPOINT_URL      => "http://127.0.0.1:$s3_port",
    );
    $t->start( 's3', [ $t->find('moto_server'), '-p', $s3_port ] );
    $t->wait_for( sub { $http->get("http://127.0.0.1:$s3_port/")->{status} != 599 }, 60 );
    my $run =
        $t->run( [ $t->find('aws'), qw(s3api create-bucket --bucket signatures --acl public-read) ],
        env => \%aws );
    $run->{status} == 0 or die "aws: $run->{err}";
    return \%aws;
}

# The shell parts of the shipped steps: [ name, how it is run, script, variables ].
sub ci_steps {
    my $github = CPAN::Meta::YAML->read( $t->source('etc/promoters/github-actions.yml') )->[0];
    my $tekton = CPAN::Meta::YAML->read( $t->source('etc/promoters/tekton.yaml') )->[0];
    my @bash   = qw(bash --noprofile --norc -eo pipefail);
    my @steps  = map { [ "GitHub, $_->{name}", \@bash, $_->{run}, $_->{env} ] }
        @{ $github->{jobs}{promote}{steps} };
    for my $step ( @{ $tekton->{spec}{steps} } ) {
        my %variables = map { $_->{name} => $_->{value} } @{ $step->{env} };
        push @steps, [ "Tekton, $step->{name}", [], $step->{script}, \%variables ];
    }
    return @steps;
}

# What stands in the files, as it is here.
sub as_here {
    my ( $text, $image, $door ) = @_;
    my %secret = (
        REGISTRY_PASSWORD  => 'any',
        COSIGN_PRIVATE_KEY => $t->slurp( $clients->cosign_key ),
        COSIGN_PASSWORD    => '',
        INDEX_PRIVATE_KEY  => $t->slurp( $index_key->{private} ),
    );
    $text =~ s/\$\{\{ secrets\.(\w+) \}\}/$secret{$1}/g;
    $text =~ s/\$\{\{ inputs\.images \}\}|\$\(params\.images\)/$image/g;
    $text =~ s/\$\(workspaces\.keys\.path\)/$t->folder . '\/keys'/ge;
    $text =~ s{/usr/local/share/signpost/}{$t->source('etc/')}ge;
    $text =~ s{https://signatures\.example\.org/}{https://$here:$port/s3/}g;
    $text =~ s{https://fr\.example\.org/}{http://$door->{host}/};
    $text =~ s{ https://\w+\.example\.org/signpost/}{}g;
    $text =~ s{us\.registry\.example\.org}{$here:$canonical->{port}}g;
    return $text;
}

subtest 'steps for CI' => sub {
    $t->need(qw(aws moto_server bash));
    $t->dir('www/promoter');
    unlink glob "$www/promoter/*";
    $canonical = Signpost::Registry->start( $t, 'central-ci', everywhere => 1 );
    my $aws  = object_store();
    my $door = front_door( $spaces[0], 'ci', 'promoter', 's3/promoter' );
    $t->file( 'promoter.conf', conf( $t->dir('promoter.state') ) );
    my %keys = ( 'cosign.key' => $clients->cosign_key, 'index.key' => $index_key->{private} );
    $t->file( "keys/$_",              $t->slurp( $keys{$_} ) ) for keys %keys;
    $t->file( 'keys/config.json',     "{}\n" );
    $t->file( 'keys/cosign.password', '' );

    my $env = promoter_env( 'cosign', [$door], %$aws );
    delete @$env{qw(COSIGN_KEY COSIGN_PASSWORD INDEX_KEY DOORS)};
    $env->{NO_PROXY} = '127.0.0.1,10.0.0.0/8,192.0.2.0/24';
    my $number = 0;
    for ( ci_steps() ) {
        my ( $name, $how, $script, $variables ) = @$_;
        my $image     = 'v' . ( 10 + $number++ );
        my %variables = map { $_ => as_here( $variables->{$_}, "team/app:$image", $door ) }
            keys %$variables;
        copy_image($image);
        my $file = $t->file( "step$number", as_here( $script, "team/app:$image", $door ) );
        chmod 0755, $file or die $!;
        my $run = $t->run( [ @$how, $file ], env => { %$env, %variables }, seconds => 120 );
        is( $run->{status}, 0, $name ) or diag $run->{out}, $run->{err};
        next if !$variables{DOORS};
        like( $run->{out}, qr/^1 front door: serial \d+\.$/m, "$name: it has waited" );
        $run = $clients->run( 'cosign',
            $clients->verify( 'verify', "$door->{host}/team/app:$image" ) );
        is( $run->{status}, 0, "$name: cosign verifies" ) or diag $run->{err};
    }
    my @objects =
        $t->run( [ $t->find('aws'), qw(s3 ls s3://signatures/promoter/) ], env => $aws )->{out} =~
        /\s(\S+)$/mg;
    ok( ( grep { $_ eq 'index' } @objects ), 'the list is there' );
    is( scalar( grep { !/^(?:index|sha256-[0-9a-f]{64})$/ } @objects ),
        0, 'and nothing else but its files' );

    # Another writer, with a source of its own.
    copy_image('v1');
    my %own = ( SOURCE => "$www/promoter", SOURCE_URL => "https://$here:$port/promoter/" );
    my $run =
        $t->run( [ $promote, 'team/app:v1' ], env => promoter_env( 'cosign', [$door], %own ) );
    is( $run->{status}, 0, 'another writer' ) or diag $run->{err};
    $run = $t->run( [ $promote, 'team/app:v1' ],
        env => promoter_env( 'cosign', [$door], %own, SOURCE_URL => '' ) );
    is( $run->{status}, 1, 'who does not say which source is theirs' );
    like( $run->{err}, qr/has several index sources: name one with --source/, 'is told' );

    for my $image (qw(v1 v11)) {
        $run = $clients->run( 'cosign',
            $clients->verify( 'verify', "$door->{host}/team/app:$image" ) );
        is( $run->{status}, 0, "$image is verified" ) or diag $run->{err};
    }
    close_door($door);
};

$t->done;
