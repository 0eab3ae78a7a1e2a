# SPDX-License-Identifier: Apache-2.0
#
# The prober against real registries and web servers, and against upstreams that
# fail in every way: what it answers, what it asks for that, and how it lives and ends.
use strict;
use warnings;

use lib 't/lib', '../t/lib';
use lib "$ENV{SIGNPOST_SRC}/t/lib";

use POSIX ();
use Signpost::Certificates;
use Signpost::Prober   qw(target_id question report_of use_of);
use Signpost::Registry qw(image digest_of);
use Signpost::Test;
use Signpost::Upstream;
use Test::More;
use Time::HiRes qw(time sleep);

my $t = Signpost::Test->new;
$t->run( [ $t->program('signpost'), '--version' ] )->{out} =~ /libcurl/
    or $t->skip_all('signpost was built without libcurl');

my $digest_count = 0;

# A digest that nobody has asked for before.
sub new_digest { return sprintf 'sha256:%064x', ++$digest_count }

my $prober_count = 0;

# A prober for upstreams { name => url }. Returns it, and a hash of target ids.
sub prober {
    my ( $upstreams, %option ) = @_;
    my $name  = 'prober' . ++$prober_count;
    my $state = $option{state} // $t->dir("$name.state");
    chmod 0755, $state;
    my $list = join ' ', map { "$_ = { url = \"$upstreams->{$_}\"; };" } sort keys %$upstreams;
    my $conf = $t->file(
        "$name.conf",
        <<'EOT', LIST => $list, STATE => $state, MORE => $option{more} // '', CANON => ( sort keys %$upstreams )[0] );
name = "registry.example.org";
upstreams = { @LIST@ };
canonical = [ "@CANON@" ];
state = "@STATE@";
prober = "service";
@MORE@
EOT
    my $prober = Signpost::Prober->start( $t, $name, $conf, $state, @{ $option{args} || [] } );
    my %id     = map { $_ => target_id( $upstreams->{$_} ) } keys %$upstreams;
    @$prober{qw(name_of conf)} = ( $name, $conf );
    return ( $prober, \%id );
}

sub stop {
    my ($prober) = @_;
    is( $t->stop( $prober->{name} ), 0, "$prober->{name} ends with 0 when it is told to" );
    ok( !-e $prober->socket_path, '… and takes its socket away' );
    return;
}

my $up    = Signpost::Upstream->start( $t, 'up' );
my $other = Signpost::Upstream->start( $t, 'other' );

subtest 'a real registry' => sub {
    my $registry = Signpost::Registry->start( $t, 'registry' );
    my $image    = image( 'hello.txt' => 'hello' );
    $registry->push( 'team/app', $image, 'v1' );
    my ($blob) = map { digest_of($_) } @{ $image->{blobs} };
    $registry->requests;
    my ( $prober, $id ) = prober( { eu => $registry->url } );
    my $client = $prober->client;
    my @ask    = ( [ $id->{eu} ], 'manifests', 'team/app', $image->{digest} );
    is_deeply( [ $client->ask(@ask) ], ['present'], 'a manifest that is there' );
    is_deeply( [ $client->ask( [ $id->{eu} ], 'blobs', 'team/app', $blob ) ],
        ['present'], 'a blob that is there' );
    is_deeply( [ $client->ask( [ $id->{eu} ], 'manifests', 'team/app', new_digest() ) ],
        ['absent'], 'a manifest that is not' );
    is_deeply( [ $client->ask( [ $id->{eu} ], 'blobs', 'team/other', $blob ) ],
        ['absent'], 'a blob of another repository' );
    is( scalar( $registry->requests ), 4, 'one request for each' );
    is_deeply( [ $client->ask(@ask) ], ['present'], 'asked again' );
    is( scalar( $registry->requests ), 0, '… it is known' );
    like(
        $t->run(
            [
                $t->program('signpost'), qw(explain --config),
                $prober->{conf},         "/v2/team/app/manifests/$image->{digest}"
            ]
        )->{out},
        qr/^known by  the cache/m,
        '… which signpost explain says'
    );
    stop($prober);
    ( $prober, $id ) =
        prober( { eu => $registry->url }, state => $prober->{state} );
    is_deeply( [ $prober->client->ask(@ask) ], ['present'], 'and by the next prober' );
    is( scalar( $registry->requests ), 0, '… from the cache' );
    stop($prober);
};

subtest 'a bucket' => sub {
    $t->need('nginx');
    my $port   = $t->port;
    my $digest = new_digest();
    $t->file( "bucket/blobs/$digest", 'hello' );
    my $conf = $t->file( 'bucket.conf', <<'EOT', PORT => $port );
daemon off; master_process off; pid @DIR@/bucket.pid; error_log @DIR@/bucket.log;
events { worker_connections 64; }
http {
  access_log @DIR@/bucket.access;
  client_body_temp_path @DIR@/b1; fastcgi_temp_path @DIR@/b2; proxy_temp_path @DIR@/b3;
  uwsgi_temp_path @DIR@/b4; scgi_temp_path @DIR@/b5;
  server {
    listen 127.0.0.1:@PORT@; root @DIR@/bucket; error_page 404 /error; error_page 403 /error;
    location /shy/ { return 403; }
    location = /error { internal; default_type application/xml; return 404 "<Error/>"; }
  }
}
EOT
    $t->start( 'bucket', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/bucket.log' ] );
    $t->wait_for_port( 'bucket', $port );
    my %url = map { $_ => "http://127.0.0.1:$port/$_/{digest}" } qw(blobs shy);
    my ( $prober, $id ) = prober( { up => $up->url }, more => <<"EOT" );
buckets = ( { name = "cdn"; serves = [ "*" ]; url = "$url{blobs}"; },
            { name = "shy"; serves = [ "EU" ]; url = "$url{shy}"; } );
EOT
    my $client = $prober->client;
    my ( $cdn, $shy ) = map { target_id( $url{$_} ) } qw(blobs shy);
    is_deeply( [ $client->ask( [$cdn], 'blobs', 'a/b', $digest ) ], ['present'], '200: present' );
    is_deeply( [ $client->ask( [$cdn], 'blobs', 'c/d', $digest ) ],
        ['present'], 'whatever the name' );
    is_deeply( [ $client->ask( [$cdn], 'blobs', 'a/b', new_digest() ) ], ['absent'],
        '404: absent' );
    is_deeply( [ $client->ask( [$shy], 'blobs', 'a/b', $digest ) ],
        ['absent'], '403: absent, as S3 says it' );
    $t->stop('bucket');    # nginx logs a request after its answer
    is( () = $t->slurp('bucket.access') =~ /HEAD.*\(probe\)/g, 3, 'three requests' );
    stop($prober);
};

subtest 'what a status means' => sub {
    my ( $prober, $id ) = prober( { up => $up->url, other => $other->url },
        more => 'health_fall = 100; redirect_hosts = [ "*.example.org" ];' );
    my $client = $prober->client;
    $up->requests;
    my $port = $other->port;
    my %case = (
        'present/app'     => 'present',
        'absent/app'      => 'absent',
        'status-401/app'  => 'unknown',
        'status-403/app'  => 'unknown',
        'status-410/app'  => 'unknown',
        'status-429/app'  => 'unknown',
        'status-500/app'  => 'unknown',
        'status-503/app'  => 'unknown',
        'status-204/app'  => 'unknown',
        'other/app'       => 'unknown',
        'here/app'        => 'present',
        "there-$port/app" => 'present',
        'away/app'        => 'unknown',
        'loop/app'        => 'unknown',
        'body/app'        => 'present',
    );
    for my $name ( sort keys %case ) {
        my $digest = new_digest();
        is_deeply(
            [ $client->ask( [ $id->{up} ], 'blobs', $name, $digest ) ],
            [ $case{$name} ],
            "$name: $case{$name}"
        );
    }
    my @asked = $up->requests;
    is( scalar( grep { /away/ } @asked ),    1, 'a redirect to a stranger is not followed' );
    is( scalar( grep { /loop/ } @asked ),    4, 'a loop is left after three' );
    is( scalar( grep { !/^HEAD / } @asked ), 0, 'all requests were HEADs' );
    is_deeply( [ $client->ask( [ $id->{up} ], 'blobs', 'status-503/app', new_digest() ) ],
        ['unknown'], 'what is not known' );
    my $digest = new_digest();
    $client->ask( [ $id->{up} ], 'blobs', 'status-503/app', $digest ) for 1 .. 3;
    is( scalar( grep { /$digest/ } $up->requests ), 1, '… is not asked each time' );
    stop($prober);
};

subtest 'upstreams that fail' => sub {
    my $nobody = $t->port;
    my %fault  = (
        silent  => qr/[Tt]imeout/,
        reset   => qr/receiving data|[Ee]mpty reply|no data|reset/,
        garbage => qr/./,
        endless => qr/header is too long|[Tt]imeout/,
    );
    for my $fault ( sort keys %fault ) {
        my ( $prober, $id ) = prober( { up => $up->url },
            more => 'probe_timeout = 0.5; probe_connect_timeout = 0.4;' );
        my $client = $prober->client;
        my $began  = time;
        is_deeply( [ $client->ask( [ $id->{up} ], 'blobs', "$fault/app", new_digest() ) ],
            ['unknown'], "$fault: unknown" );
        cmp_ok( time - $began, '<', 3, '… within the time limit' );
        is_deeply( [ $client->ask( [ $id->{up} ], 'blobs', 'present/app', new_digest() ) ],
            ['present'], 'the next one is answered' );
        $up->mode($fault);
        $client->ask( [ $id->{up} ], 'blobs', "$fault/app", new_digest() );    # hurries the check
        my $failure = sub { $_[0]{target}{up}{failure} };
        like( $prober->wait_for_health( $failure, 20 ) // '',
            $fault{$fault}, '… and where a check fails so, health says why' );
        $up->mode('');
        stop($prober);
    }
    my ( $prober, $id ) = prober(
        {
            refuses => "http://127.0.0.1:$nobody",
            unnamed => 'http://nowhere.invalid',
            up      => $up->url
        },
        more => 'probe_timeout = 2;'
    );
    my $client = $prober->client;
    is_deeply(
        [ $client->ask( [ @$id{qw(refuses unnamed up)} ], 'blobs', 'present/app', new_digest() ) ],
        [qw(unknown unknown present)],
        'refused, no such name: unknown; and all are asked'
    );
    $client->ask( [ $id->{refuses} ], 'blobs', 'present/app', new_digest() ) for 1 .. 5;
    my $health =
        $prober->wait_for_health( sub { $_[0]{target}{refuses}{state} eq 'down' && $_[0] } );
    is( $health->{target}{refuses}{admit}, 0, 'after three bad checks it is down' );
    like( $health->{target}{refuses}{failure}, qr/connect/i, '… told why' );
    my $probes = $health->{target}{refuses}{probes};
    $client->ask( [ $id->{refuses} ], 'blobs', 'present/app', new_digest() ) for 1 .. 5;
    is( $prober->health->{target}{refuses}{probes}, $probes, '… and not asked any more' );
    is( $health->{target}{up}{state},               'up',    'another is up' );
    like( $t->slurp("$prober->{name}.err"), qr/The target "refuses" is down: /, 'as stderr tells' );
    stop($prober);
};

subtest 'TLS and HTTP/2' => sub {
    $t->need('nginx');
    my $ca = Signpost::Certificates->new( $t, 'tls' );
    my ( $good, $good_key )   = $ca->sign('localhost');
    my ( $wrong, $wrong_key ) = $ca->sign('elsewhere.example.org');
    my %port  = map { $_ => $t->port } qw(good wrong);
    my %value = (
        GOOD  => "$port{good} ssl http2; ssl_certificate $good; ssl_certificate_key $good_key",
        WRONG => "$port{wrong} ssl http2; ssl_certificate $wrong; ssl_certificate_key $wrong_key",
    );
    my $conf = $t->file( 'tls.conf', <<'EOT', %value );
daemon off; master_process off; pid @DIR@/tls.pid; error_log @DIR@/tls.log;
events { worker_connections 256; }
http {
  log_format proto '$server_protocol $connection $request_method $http_accept $http_user_agent';
  access_log @DIR@/tls.access proto;
  client_body_temp_path @DIR@/t1; fastcgi_temp_path @DIR@/t2; proxy_temp_path @DIR@/t3;
  uwsgi_temp_path @DIR@/t4; scgi_temp_path @DIR@/t5;
  default_type application/vnd.oci.image.manifest.v1+json;
  add_header Docker-Distribution-Api-Version registry/2.0;
  server { listen 127.0.0.1:@GOOD@; location / { return 200 "{}"; } }
  server { listen 127.0.0.1:@WRONG@; location / { return 200 "{}"; } }
}
EOT
    $t->start( 'tls', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/tls.log' ] );
    $t->wait_for_port( 'tls', $port{good} );
    my %url = map { $_ => "https://localhost:$port{$_}" } qw(good wrong);
    my ( $prober, $id ) = prober( \%url, more => "ca_file = \"${\ $ca->authority}\";" );
    my $client = $prober->client;
    my @ask    = map { [ [ $id->{good} ], 'manifests', 'team/app', new_digest() ] } 1 .. 50;
    my @held   = map { $client->answer($_) } map { $client->begin(@$_) } @ask;
    is_deeply( \@held, [ ('present') x 50 ], 'fifty at once, by a private CA' );
    my @lines = grep { /\(probe\)/ } split /\n/, $t->slurp('tls.access');
    is( scalar( grep { m{^HTTP/2} } @lines ), 50, 'all by HTTP/2' );
    my %connection = map { ( split / / )[1] => 1 } @lines;
    is( scalar keys %connection, 1, 'over one connection' );
    my @missing = grep { index( $lines[0], $_ ) < 0 }
        map( { "application/vnd.oci.image.$_.v1+json" } qw(manifest index) ),
        map { "application/vnd.docker.distribution.manifest.$_+json" } qw(v2 list.v2);
    is_deeply( \@missing, [], 'with all manifest types in Accept' );
    is_deeply( [ $client->ask( [ $id->{wrong} ], 'blobs', 'team/app', new_digest() ) ],
        ['unknown'], 'a certificate of another name: unknown' );
    like( $prober->wait_for_health( sub { $_[0]{target}{wrong}{failure} } ),
        qr/certificate|SSL/, '… and told why' );
    stop($prober);
    ( $prober, $id ) = prober( \%url );
    is_deeply( [ $prober->client->ask( [ $id->{good} ], 'blobs', 'team/app', new_digest() ) ],
        ['unknown'], 'a CA that the system does not know: unknown' );
    stop($prober);
    $t->stop('tls');
};

subtest 'many ask for one object' => sub {
    my ( $prober, $id ) = prober( { up => $up->url } );
    my @client = map { $prober->client } 1 .. 20;
    my @ask    = ( [ $id->{up} ], 'blobs', 'slow-300/app', new_digest() );
    $up->requests;
    my %number;
    for my $i ( 0 .. $#client ) {
        push @{ $number{$i} }, $client[$i]->begin(@ask) for 1 .. 50;
    }
    my $present = 0;
    for my $i ( 0 .. $#client ) {
        $present += ( $client[$i]->answer($_) )[0] eq 'present' for @{ $number{$i} };
    }
    is( $present,                1000, 'a thousand questions have their answer' );
    is( scalar( $up->requests ), 1,    'and caused one request' );
    close $client[0]{socket};
    my $number =
        $client[1]->begin( [ $id->{up} ], 'blobs', 'slow-300/app', $ask[3] = new_digest() );
    $client[2]->begin(@ask);
    close $client[2]{socket};
    is_deeply( [ $client[1]->answer($number) ],
        ['present'], 'one client that goes takes nothing from another' );
    is( scalar( $up->requests ), 1, '… and again there was one request' );
    stop($prober);
};

subtest 'several targets' => sub {
    my ( $prober, $id ) =
        prober( { a => $up->url, b => $other->url }, more => 'probe_timeout = 3;' );
    my $client = $prober->client;
    my $digest = new_digest();
    my $began  = time;
    $up->mode('slow-300');
    $other->mode('slow-1500');
    $other->requests;
    is_deeply( [ $client->ask( [ @$id{qw(a b)} ], 'blobs', 'team/app', $digest ) ],
        [qw(present unknown)], 'the first one that has it makes the rest moot' );
    cmp_ok( time - $began, '<', 1.4, '… which is not waited for' );
    is( scalar( $other->requests ), 1, '… though all are asked at the same time' );
    $other->mode('');
    $up->mode('absent');
    is_deeply( [ $client->ask( [ @$id{qw(a b)} ], 'blobs', 'team/app', new_digest() ) ],
        [qw(absent present)], 'all that are before it are waited for' );
    $other->mode('silent');
    $up->mode('');
    $began = time;
    is_deeply( [ $client->ask( [ @$id{qw(a b)} ], 'blobs', 'team/app', new_digest() ) ],
        [qw(present unknown)], 'and those behind it are not' );
    cmp_ok( time - $began, '<', 1, '… however long they take' );
    $other->mode('');
    is_deeply( [ $client->ask( [ 4711, $id->{b} ], 'blobs', 'team/app', new_digest() ) ],
        [qw(unknown present)], 'a target that is not configured is unknown' );
    stop($prober);
};

subtest 'budgets' => sub {
    my ( $prober, $id ) = prober( { up => $up->url }, more => <<'EOT' );
probe_rate = 0; probe_burst = 5;
EOT
    my $client = $prober->client;
    $up->requests;
    is_deeply( [ $client->ask( [ $id->{up} ], 'blobs', 'present/app', new_digest() ) ],
        ['present'], 'one is asked for' );
    my $flood = sub {
        my ( $name, $count ) = @_;
        my @number =
            map { $client->begin( [ $id->{up} ], 'blobs', $name, new_digest() ) } 1 .. $count;
        my %held;
        $held{ ( $client->answer($_) )[0] }++ for @number;
        return \%held;
    };
    is_deeply(
        $flood->( 'absent/app', 200 ),
        { absent => 4, unknown => 196 },
        'a flood is probed as far as its budget goes'
    );
    is( scalar( $up->requests ), 5, '… by no request more' );
    $t->signal( $prober->{name}, 'HUP' );
    my $health = $prober->wait_for_health( sub { $_[0]{counter}{refused} == 196 && $_[0] } )
        || $prober->health;
    is( $health->{counter}{refused}, 196, 'the counter says so' );
    stop($prober);
};

subtest 'health by checks' => sub {
    my ( $prober, $id ) = prober( { up => $up->url }, more => <<'EOT' );
health_interval = 1; health_fall = 2; health_return = 1; probe_timeout = 0.5;
EOT
    my $client = $prober->client;
    my $state  = sub {
        my ( $state, $what ) = @_;
        my $health =
            $prober->wait_for_health( sub { ( $_[0]{target}{up}{state} // '' ) eq $state && $_[0] }
            );
        ok( $health, $what );
        return $health->{target}{up};
    };
    my $first = $prober->wait_for_health( sub { $_[0]{target}{up} && $_[0] } );
    is( $first->{target}{up}{checks}, 0, 'a target that is not used is left alone' );
    $client->send( use_of( $id->{up} ) );
    ok( $prober->wait_for_health( sub { $_[0]{target}{up}{checks} > 0 } ),
        'one that is in use is checked' );
    $up->mode('status 401');
    my $before = $prober->health->{target}{up}{checks};
    ok( $prober->wait_for_health( sub { $_[0]{target}{up}{checks} > $before + 1 } ),
        'checked again' );
    is( $prober->health->{target}{up}{state}, 'up', '401 is up' );

    for my $mode ( 'status 503', 'silent', 'reset' ) {
        $up->mode($mode);
        my $target = $state->( 'down', "$mode: it goes down" );
        is( $target->{admit}, 0, '… and takes nothing' );
        $up->mode('');
        $target = $state->( 'up', '… and comes up again' );
        ok( $target->{admit} > 0 && $target->{admit} <= 100, '… for a part of its requests' );
        ok( $prober->wait_for_health( sub { $_[0]{target}{up}{admit} == 100 } ), '… then for all' );
    }
    $up->mode('status 503');
    $state->( 'down', 'down' );
    $t->stop( $prober->{name} );
    ( $prober, $id ) = prober(
        { up => $up->url },
        state => $prober->{state},
        more  => 'health_interval = 1; health_return = 0;'
    );
    is( $prober->health->{target}{up}{state}, 'down', 'the next prober knows' );
    $up->mode('');
    $state->( 'up', '… and looks after it' );
    stop($prober);
};

# One bad check would take the target out here.
subtest 'a machine that stands still' => sub {
    my ( $prober, $id ) = prober( { up => $up->url },
        more => 'health_interval = 2; health_fall = 1; probe_timeout = 3;' );
    my $client = $prober->client;
    $client->send( use_of( $id->{up} ) );
    ok( $prober->wait_for_health( sub { ( $_[0]{target}{up}{check} // '' ) eq 'up' } ), 'up' );
    my @seen;
    for ( 1 .. 3 ) {
        $client->begin( [ $id->{up} ], 'blobs', 'slow-200/app', new_digest() ) for 1 .. 20;
        sleep 0.05;
        $t->signal( $prober->{name}, 'STOP' );
        sleep 6;
        $t->signal( $prober->{name}, 'CONT' );
        sleep 0.05;
        push @seen, $prober->health->{target}{up};
    }
    ok( $prober->wait_for_health( sub { $_[0]{counter}{sleeps} >= 3 && $_[0]{target}{up} } ),
        'the prober knows that it slept' );
    push @seen, $prober->health->{target}{up};
    is_deeply( [ grep { $_->{state} ne 'up' } @seen ], [], 'a target that is well stays up' );
    is( $seen[-1]{failed}, 0, '… nothing is counted against it' );
    cmp_ok( $seen[-1]{head_ms}, '<', 1500, '… nor taken for the time of a HEAD' );
    stop($prober);
};

subtest 'slow probes do not hold up checks' => sub {
    my ( $prober, $id ) = prober( { up => $up->url },
        more => 'health_interval = 1; health_fall = 1; probe_connections = 4; probe_timeout = 9;' );
    my $client = $prober->client;
    my $checks = sub { $prober->health->{target}{up}{checks} };
    $client->begin( [ $id->{up} ], 'blobs', 'silent/app', new_digest() ) for 1 .. 400;
    ok( $prober->wait_for_health( sub { $_[0]{target}{up}{checks} > 1 } ), 'it is checked' );
    my $before = $checks->();
    ok( $prober->wait_for_health( sub { $_[0]{target}{up}{checks} > $before + 4 } ),
        'and checked again, while 400 probes wait' );
    my $target = $prober->health->{target}{up};
    is( $target->{state},  'up', 'it is up' );
    is( $target->{failed}, 0,    'no check was bad' );
    stop($prober);
};

subtest 'what is checked, and what is up' => sub {
    my ( $prober, $id ) = prober(
        { up => $up->url },
        more => 'health_interval = 1; health_fall = 2; health_rise = 1;'
            . ' health_path = "/healthz"; health_status = [ "404" ];'
    );
    my $is = sub {
        my ($state) = @_;
        return $prober->wait_for_health(
            sub { $_[0]{target}{up}{checks} && $_[0]{target}{up}{state} eq $state } );
    };
    $up->mode('status 404');
    $up->requests;
    $prober->client->send( use_of( $id->{up} ) );
    ok( $is->('up'), 'up with the status that is configured' );
    is_deeply( [ grep { !m{^GET /healthz} } $up->requests ], [], '… asked for the path that is' );
    $up->mode('status 200');
    ok( $is->('down'), '… and down with another' );
    $up->mode('');
    stop($prober);
};

subtest 'killed, and started again' => sub {
    my ( $prober, $id ) = prober( { up => $up->url } );
    my $digest = new_digest();
    my @ask    = ( [ $id->{up} ], 'blobs', 'present/app', $digest );
    is_deeply( [ $prober->client->ask(@ask) ], ['present'], 'asked' );
    $prober->wait_for_health( sub { $_[0]{counter}{cache_present} } );
    my $client = $prober->client;
    my $number = $client->begin( [ $id->{up} ], 'blobs', 'slow-300/app', new_digest() );
    $t->stop( $prober->{name}, 'KILL' );
    ok( -e $prober->socket_path, 'its socket is left' );
    is_deeply( [ $client->answer( $number, 2 ) ], [],
        'whoever waits is told by the closed socket' );
    ok( !$prober->try_client, 'nobody answers there' );
    $up->requests;
    ( $prober, $id ) = prober( { up => $up->url }, state => $prober->{state} );
    is_deeply( [ $prober->client->ask(@ask) ], ['present'], 'another one answers' );
    is( scalar( $up->requests ), 0, '… from the cache' );

    my $second = $t->run( [ $t->program('signpost'), 'prober', '--config', $prober->{conf} ] );
    is( $second->{status}, 1, 'a second one does not start' );
    like( $second->{err}, qr/Another prober serves the state directory \S+ already: process \d+\./,
        '… told why' );
    is_deeply( [ $prober->client->ask(@ask) ], ['present'], '… and the first one does not mind' );
    stop($prober);
};

subtest 'it ends when nobody needs it' => sub {
    my $state = $t->dir('lonely.state');
    my $conf  = $t->file( 'lonely.conf',
        qq(name = "r.example.org"; upstreams = { up = { url = "${\ $up->url}"; }; }; state = "$state"; prober = "service";)
    );
    $t->start( 'lonely', [ $t->program('signpost'), 'prober', '--config', $conf, '--linger', 0 ] );
    my $prober = bless { t => $t, name => 'lonely', state => $state }, 'Signpost::Prober';
    my $client = $t->wait_for( sub { $prober->try_client } );
    is_deeply( [ $client->ask( [ target_id( $up->url ) ], 'blobs', 'present/app', new_digest() ) ],
        ['present'], 'it serves' );
    close $client->{socket};
    ok( $t->wait_for( sub { !$t->is_running('lonely') } ), 'and ends after its last client' );
    ok( !-e "$state/prober.socket",                        '… without its socket' );
    $t->stop('lonely');
};

subtest 'a reload' => sub {
    my ( $prober, $id ) = prober( { a => $up->url } );
    my $client = $prober->client;
    my $good   = $t->slurp( $prober->{conf} );
    my $slow   = $client->begin( [ $id->{a} ], 'blobs', 'slow-300/app', new_digest() );
    $t->file( $prober->{conf}, "nonsense = 1;\n$good" );
    $t->signal( $prober->{name}, 'HUP' );
    ok(
        $t->wait_for(
            sub { $t->slurp("$prober->{name}.err") =~ /is refused; the prober goes on/ }
        ),
        'a configuration with a mistake is refused'
    );
    is_deeply( [ $client->ask( [ $id->{a} ], 'blobs', 'present/app', new_digest() ) ],
        ['present'], '… and the old one goes on' );
    ( my $more = $good ) =~
        s/upstreams = \{/"upstreams = { b = { url = \"" . $other->url . '"; };'/e;
    $t->file( $prober->{conf}, $more );
    $t->run( [ $t->program('signpost'), 'reload', '--config', $prober->{conf} ] );
    ok( $t->wait_for( sub { $t->slurp("$prober->{name}.err") =~ /has been read again/ } ),
        '`signpost reload` reaches it' );
    is_deeply(
        [ $client->ask( [ target_id( $other->url ) ], 'blobs', 'present/app', new_digest() ) ],
        ['present'], 'a new upstream is known' );
    is_deeply( [ $client->answer($slow) ], ['present'], 'nothing under way was lost' );
    stop($prober);
};

subtest 'hostile peers' => sub {
    my ( $prober, $id ) = prober( { up => $up->url } );
    my $good   = question( [ $id->{up} ], 'blobs', 'present/app', new_digest() );
    my @packet = (
        '',
        'x',
        'x' x 79,
        'x' x 80,
        "\0" x 592,
        "\xff" x 600,
        substr( $good, 0, -1 ),
        "$good ",
        question( [ $id->{up} ],         'blobs',     '../../etc',   new_digest() ),
        question( [ $id->{up} ],         'blobs',     "a\r\nX: y",   new_digest() ),
        question( [ $id->{up} ],         'blobs',     'present/app', 'sha256:short' ),
        question( [ $id->{up} ],         'manifests', 'present/app', 'latest' ),
        question( [ $id->{up} ],         7,           'present/app', new_digest() ),
        question( [],                    'blobs',     'present/app', new_digest() ),
        question( [ ( $id->{up} ) x 9 ], 'blobs',     'present/app', new_digest() ),
        question( [ $id->{up} ],         'blobs',     'a' x 300,     new_digest() ),
        "\xf3" . substr( $good, 1 ),
        report_of( [] ),
        report_of( [ [ 0,         0,          1 ] ], 2 ),
        report_of( [ [ 0,         0,          1 ] ], 0 ),
        report_of( [ [ 0,         0xffffffff, 1 ] ] ),
        report_of( [ [ $id->{up}, 100_000,    1 ] ] ),
        report_of( [ [ 7,         100_000,    1 ] ] ),
        report_of( [ [ 0,         0,          -1 ] ] ),
        report_of( [ ( [ 0, 0, 1 ] ) x 161 ] ),
        "\xf3" . substr( report_of( [ [ 0, 0, 1 ] ] ), 1 ),
    );
    $up->requests;
    for my $i ( 0 .. $#packet ) {
        my $client = $prober->client;
        $client->send( $packet[$i] );
        is( $client->packet, '', "malformed packet $i: the connection ends" );
    }
    is( scalar( $up->requests ), 0, 'and nothing was asked anywhere' );
    my $client = $prober->client;
    my $deaf   = $prober->client;    # which never reads its answers
    $deaf->{socket}->blocking(0);
    my @ask = ( [ $id->{up} ], 'blobs', 'present/app', new_digest() );
    $client->ask(@ask);
    $deaf->begin(@ask) for 1 .. 5000;
    is_deeply( [ $client->ask(@ask) ], ['present'], 'one that does not read holds up nobody' );
SKIP: {
        skip 'only root can be somebody else', 1 if $> != 0;
        my $nobody = getpwnam 'nobody';
        chmod 0777, $prober->socket_path;    # else the kernel turns it away before
        chmod 0755, $t->folder, $prober->{state};
        my $child = fork // die "fork: $!";
        if ( !$child ) {
            POSIX::setuid($nobody);
            my $stranger = $prober->try_client;
            $stranger->send($good) if $stranger;
            my $packet = $stranger ? $stranger->packet : 'no connection';
            POSIX::_exit( defined $packet && $packet eq '' ? 0 : 1 );
        }
        waitpid $child, 0;
        is( $?, 0, 'another user is turned away' );
    }
    stop($prober);
};

subtest 'state directories that will not do' => sub {
    my $prober = sub {
        my ($state) = @_;
        my $conf = $t->file( 'bad.conf',
            qq(name = "r.example.org"; upstreams = { up = { url = "${\ $up->url}"; }; }; state = "$state"; prober = "service";)
        );
        return $t->run( [ $t->program('signpost'), 'prober', '--config', $conf ] );
    };
    my $open = $t->dir('open.state');
    chmod 0777, $open;
    for my $case (
        [ $open,                         qr/must belong to the web server's user/ ],
        [ $t->folder . '/none',          qr/cannot be opened/ ],
        [ $t->file( "plain.state", "" ), qr/cannot be opened/ ],
        )
    {
        my $run = $prober->( $case->[0] );
        is( $run->{status}, 1, 'refused' );
        like( $run->{err}, $case->[1], '… told why' );
    }
    symlink $t->dir('real.state'), $t->folder . '/link.state';
    is( $prober->( $t->folder . '/link.state' )->{status}, 1, 'a symbolic link is refused' );
};

subtest 'a full disk, and one that cannot be written' => sub {
    $t->need('unshare');
    my $mounted = sub {
        my ( $name, $options ) = @_;
        my $state = $t->dir("$name.state");
        my $conf  = $t->file( "$name.conf",
            qq(name = "r.example.org"; upstreams = { up = { url = "${\ $up->url}"; }; }; state = "$state"; )
                . 'prober = "service"; probe_burst = 100000;' );
        my $signpost = $t->program('signpost');
        my $mount    = "mount -t tmpfs -o $options,mode=0755 none '$state'";
        return (
            $state,
            [ 'unshare', '-m', 'sh', '-c', $mount ],
            [
                'unshare', '-m', 'sh', '-c',
                "$mount && exec '$signpost' prober --config '$conf' --stay"
            ]
        );
    };
    my ( $state, $try, $command ) = $mounted->( 'full', 'size=128k' );
    $t->run($try)->{status} == 0 or plan skip_all => 'file systems cannot be mounted here';
    my $pid    = $t->start( 'full', $command );
    my $prober = bless { t => $t, name => 'full', state => "/proc/$pid/root$state" },
        'Signpost::Prober';
    my $client = $t->wait_for( sub { $prober->try_client } );
    my @ask = map { [ [ target_id( $up->url ) ], 'blobs', 'present/app', new_digest() ] } 1 .. 3000;
    my $present = 0;

    while ( my @some = splice @ask, 0, 50 ) {
        my @number = map { $client->begin(@$_) } @some;
        $present += ( $client->answer($_) )[0] eq 'present' for @number;
        sleep 0.03;
    }
    is( $present, 3000, 'on a full disk every question is answered' );
    like(
        $t->slurp('full.err'),
        qr/The cache \S+ cannot be made: No space left on device/,
        '… and it is told'
    );
    my $last  = new_digest();
    my @again = ( [ target_id( $up->url ) ], 'blobs', 'present/app', $last );
    $client->ask(@again);
    $up->requests;
    is_deeply( [ $client->ask(@again) ], ['present'], '… and what was found of late is known' );
    is( scalar( $up->requests ), 0, '… without a request' );
    $t->stop('full');

    ( $state, $try, $command ) = $mounted->( 'fixed', 'ro' );
    my $run = $t->run($command);
    is( $run->{status}, 1, 'where nothing can be written there is no prober' );
    like( $run->{err}, qr/lock \S+prober\.lock .* Read-only file system/, '… told why' );
};

$t->done;
