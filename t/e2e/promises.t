# SPDX-License-Identifier: Apache-2.0
#
# What signpost promises of others' failures, with real clients, registries and a
# bucket: with the canonical registry dead no pull fails; with a second one listed no
# verification does; a flood of invented digests moves no ordinary layer away from its
# nearest place and costs no more probes than are allowed.
#
# SIGNPOST_TEST_FLOOD: how many digests are invented under each kind of name (10,000).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use Signpost::Bucket;
use Signpost::Clients;
use Signpost::FastCGI  qw(request variables);
use Signpost::Prober   qw(target_id use_of);
use Signpost::Registry qw(image index_of key_pair signature signature_tag digest_of);
use Signpost::Servers  qw(signpost nginx);
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;
use Time::HiRes qw(time);

my $t = Signpost::Test->new->need(qw(nginx docker-registry skopeo openssl));
$t->skip_all('signpost was built without its prober')
    if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};

my $regional      = Signpost::Registry->start( $t, 'regional' );
my $has_referrers = $t->find('referrers-registry');
my $starts        = $has_referrers ? 'start_with_referrers' : 'start';
my @canonical     = map { Signpost::Registry->$starts( $t, $_ ) } qw(first second);
my $bucket        = Signpost::Bucket->start( $t, 'bucket' );
my $clients       = Signpost::Clients->new( $t, my $key = key_pair( $t, 'ours' ) );

my $image = index_of( image( 'hello.txt' => 'hello' ),
    image( { architecture => 'arm64' }, 'hello.txt' => 'hallo' ) );
my $bundle    = image( 'bundle.txt' => 'signed by a bundle' );
my $signature = signature( $t, $key, $image, 'registry.example.org/team/app' );

# Starts the canonical registries, if they are not there, with all that they hold.
sub start_canonical {
    for my $registry (@canonical) {
        next             if $t->is_running( $registry->{name} ) && $registry->{filled}++;
        $registry->again if !$t->is_running( $registry->{name} );
        $registry->push( 'team/app',    $image,     'v1' );
        $registry->push( 'team/app',    $signature, signature_tag($image) );
        $registry->push( 'team/bundle', $bundle,    'v1' );
        $clients->signs( 'cosign3', "127.0.0.1:$registry->{port}/team/bundle\@$bundle->{digest}" )
            if $has_referrers && $t->find('cosign3');
    }
    return;
}
start_canonical();
$regional->push( 'team/app',    $image,  'v1' );
$regional->push( 'team/bundle', $bundle, 'v1' );
$bucket->add( $image->{parts}[0]{blobs}[1] );    # one of the layers

my $doors = 0;

# A front door that knows nothing yet, before clients in Europe; or elsewhere.
sub front {
    my (%option) = @_;
    my $name     = 'door' . ++$doors;
    my $state    = $option{state}  // $t->dir("$name.state");
    my $region   = $option{region} // 'EU';
    my $more     = $option{more}   // '';
    chmod 0755, $state;
    my $conf = <<"EOT";
name      = "registry.example.org";
upstreams = { regional = { url = "${\ $regional->url }"; serves = [ "EU" ]; };
              first    = { url = "${\ $canonical[0]->url }"; };
              second   = { url = "${\ $canonical[1]->url }"; serves = [ "AQ" ]; }; };
buckets   = ( { name = "cdn"; serves = [ "*" ]; url = "${\ $bucket->url }"; } );
canonical = [ @{[ $option{canonical} // '"first"' ]} ];
state     = "$state";
prober    = "service";
health_interval = 1;
$more
EOT
    my $prober =
        $option{alone}
        ? undef
        : Signpost::Prober->start( $t, "$name-prober", $t->file( "$name.conf", $conf ), $state );
    my $socket = signpost( $t, $name, conf => $conf );
    my $port   = nginx(
        $t, "$name-nginx",
        socket => $socket,
        extra  => "fastcgi_param SIGNPOST_REGION $region;"
    );
    return {
        name   => $name,
        conf   => $t->folder . "/$name.conf",
        state  => $state,
        prober => $prober,
        socket => $socket,
        port   => $port
    };
}

sub close_door {
    my ($door) = @_;
    $t->stop("$door->{name}-nginx");
    $t->stop( $door->{name} );
    $t->stop("$door->{name}-prober");
    return;
}

# Waits until a responder sends a request elsewhere than to the first canonical registry.
sub is_passed_over {
    my ( $door, $path ) = @_;
    my $dead = $canonical[0]->port;
    return $t->wait_for( sub { _location( $door, $path ) !~ /:$dead\b/ } );
}

sub _location { return http( $_[0]{port}, 'GET', $_[1] )->{header}{location} // '' }

my $tag = '/v2/team/app/manifests/' . signature_tag($image);

sub drain {
    my ( $door, $target ) = @_;
    my $run = $t->run( [ $t->program('signpost'), 'drain', '--config', $door->{conf}, $target ] );
    return is( $run->{status}, 0, "signpost drain $target" );
}

# ---- the canonical registry is dead ----

sub pulls {
    my ( $door, $what ) = @_;
    my $folder = $t->folder . "/pulled-$door->{name}-" . $what =~ s/\W+/-/gr;
    my $there  = "127.0.0.1:$door->{port}/team/app:v1";
    my $run    = $t->run(
        [
            $t->find('skopeo'),       '--insecure-policy',
            'copy',                   '--all',
            '--src-tls-verify=false', "docker://$there",
            "dir:$folder"
        ]
    );
    is( $run->{status}, 0, "skopeo pulls, $what" ) or diag $run->{err};
SKIP: {
        skip 'crane is not installed', 1 if !$t->find('crane');
        $run = $clients->run( 'crane', 'pull', '--format=oci', $there, "$folder.crane" );
        is( $run->{status}, 0, "crane pulls, $what" ) or diag $run->{err};
    }
    return;
}

subtest 'no pull fails while the canonical registry is dead' => sub {
    my $door = front();
    $t->stop( 'first', 'KILL' );
    pulls( $door, 'cold' );
    pulls( $door, 'warm' );
    $t->stop( "$door->{name}-prober", 'KILL' );
    pulls( $door, 'warm, and without a prober' );
    my $other = front( state => $door->{state}, alone => 1 );
    pulls( $other, 'warm, by another process' );
    close_door($_) for $door, $other;

    $door = front( alone => 1 );
    drain( $door, 'first' );
    my $by_digest = "/v2/team/app/manifests/$image->{digest}";
    ok( is_passed_over( $door, $by_digest ), '… is known within a second or so' );
    pulls( $door, 'cold, without a prober, once an operator has said so' );
    close_door($door);

    $door = front( region => 'US' );
    ok(
        is_passed_over( $door, '/v2/team/app/manifests/v1' ),
        'near the dead registry, the front door gets to know'
    );
    pulls( $door, 'and clients near it go elsewhere' );
    close_door($door);
    start_canonical();
};

# ---- a second canonical registry ----

# Verifies with each client that is installed: an image with a tag, one with a bundle.
sub verifies {
    my ( $door, $what ) = @_;
    for my $case ( [ 'cosign', 'app' ], [ 'cosign3', 'app' ], [ 'cosign3', 'bundle' ] ) {
        my ( $cosign, $name ) = @$case;
    SKIP: {
            skip "$cosign or a registry with referrers is not installed", 1
                if !$t->find($cosign) || !$has_referrers;
            my $run = $clients->run( $cosign,
                $clients->verify( 'verify', "127.0.0.1:$door->{port}/team/$name:v1" ) );
            is( $run->{status}, 0, "$cosign verifies team/$name, $what" ) or diag $run->{err};
        }
    }
    return;
}

subtest 'no verification fails while a second canonical registry is there' => sub {
    my $both = '"first", "second"';
    my $door = front( canonical => $both );
    verifies( $door, 'with both' );
    $t->stop( 'first', 'KILL' );
    ok( is_passed_over( $door, $tag ), 'the front door gets to know that one is dead' );
    verifies( $door, 'warm' );
    close_door($door);

    $door = front( canonical => $both );
    ok( is_passed_over( $door, $tag ), 'so does a fresh one' );
    verifies( $door, 'cold' );
    close_door($door);

    $door = front( canonical => $both, alone => 1 );
    drain( $door, 'first' );
    ok( is_passed_over( $door, $tag ), '… and tags go to the second one' );
    close_door($door);
    start_canonical();
};

# ---- a flood ----

my $flood = $ENV{SIGNPOST_TEST_FLOOD} || 10_000;
my $fresh = $flood / 200;                          # layers that are new in it

# Keeps so many FastCGI connections busy with requests, each [ path, code for the location ].
sub send_all {
    my ( $socket, $next, $width ) = @_;
    my @connection = map { Signpost::FastCGI->new($socket) // die "$socket: $!" } 1 .. $width;
    while (1) {
        my @begun;
        for my $c (@connection) {
            my ( $path, $then ) = $next->() or last;
            $c->send( request( variables( $path, HTTP_X_CLIENT_REGION => 'EU' ), keep => 1 ) );
            push @begun, [ $c, $then ];
        }
        last if !@begun;
        for my $begun (@begun) {
            my $answer = $begun->[0]->answer // die 'a request has no answer';
            $begun->[1]->( $answer->{location} // '' );
        }
    }
    return;
}

# Blobs that the bucket and the regional registry hold, as an ordinary image's do.
sub add_layers {
    my ( $name, $from, $to ) = @_;
    my @bytes = map { "layer $_ of $name" } $from .. $to;
    $bucket->add($_) for @bytes;
    return map { "/v2/$name/blobs/$_" } $regional->add_blobs( $name, @bytes );
}

# Which of the places a location names.
sub place_of {
    my ($location) = @_;
    my ($port)     = $location =~ /:(\d+)/ or return 'nowhere';
    return
          $port == $bucket->{port} ? 'bucket'
        : $port == $regional->port ? 'regional'
        :                            'canonical';
}

# How many HEADs each target was sent since the last call; for these paths' digests only,
# if there are any: others may be under way still.
sub heads {
    my %wanted = map { /(sha256:\w+)$/ => 1 } @_;
    my $counts = sub { /^HEAD .*?(sha256:\w+)/ && ( !%wanted || $wanted{$1} ) };
    return map {
        scalar grep { $counts->() }
            $_->requests
    } $bucket, $regional;
}

# Counts where requests go, in a hash of hashes.
sub counter {
    my ( $went, $what ) = @_;
    return sub { $went->{$what}{ place_of( $_[0] ) }++ };
}

# Sends these requests, ten at a time; returns how many went where.
sub places_of {
    my ( $door, @paths ) = @_;
    my %went;
    my $count = counter( \%went, 'all' );
    send_all( $door->{socket}, sub { @paths ? ( shift @paths, $count ) : () }, 10 );
    return $went{all};
}

# Invented digests under names that the code makes of a number, so many; a hundredth
# beside that are requests for known layers, and for new ones. Returns where all went.
sub flood {
    my ( $door, $size, $name_of, $warm, @new ) = @_;
    my ( %went, $count );
    my %counter = map { $_ => counter( \%went, $_ ) } qw(known new manifests blobs);
    my $sent    = 0;
    send_all(
        $door->{socket},
        sub {
            return if $sent == $size;
            if ( $count++ % 100 == 0 ) {
                return ( $warm->[ $count / 200 % @$warm ], $counter{known} )
                    if $count % 200 < 100 || !@new;
                return ( shift @new, $counter{new} );
            }
            my $endpoint = $sent % 5 ? 'blobs' : 'manifests';
            my $name     = $name_of->( ++$sent );
            my $digest   = 'sha256:' . sha256_hex("invented $name $sent");
            return ( "/v2/$name/$endpoint/$digest", $counter{$endpoint} );
        },
        64
    );
    return \%went;
}

subtest 'a flood of invented digests moves no ordinary layer' => sub {
    my %budget = (
        probe_rate  => 100,
        probe_burst => 600
    );
    my $door = front( more => join ' ', map { "$_ = $budget{$_};" } sort keys %budget );
    my @warm = add_layers( 'team/app', 1,  50 );
    my @new  = add_layers( 'team/app', 51, 50 + 2 * $fresh );
    is_deeply( places_of( $door, @warm ), { bucket => 50 },
        'before it, they come from the bucket' );
    $t->wait_for( sub { $door->{prober}->health->{counter}{cache_present} } );
    heads();

    my $began = time;
    my $went  = flood( $door, $flood, sub { "flood/name$_[0]" }, \@warm, @new[ 0 .. $fresh - 1 ] );
    is_deeply( [ keys %{ $went->{known} } ], ['bucket'], 'during it, known layers do' );
    is( $went->{new}{canonical} // 0, 0, '… and new ones come from the bucket or the region' );

    $went = flood( $door, $flood, sub { 'team/app' }, \@warm, @new[ $fresh .. $#new ] );
    is_deeply( [ keys %{ $went->{known} } ],
        ['bucket'], 'one under their own name: known layers do still' );
    is( $went->{new}{canonical} // 0, 0, '… and new ones come from the bucket or the region' );
    my $took = time - $began;

    my $most  = $took * $budget{probe_rate} + $budget{probe_burst} + $took;    # … and checks
    my @heads = heads();
    cmp_ok( $_, '<=', $most, 'a target is sent no more HEADs than are allowed' ) for @heads;
    note sprintf '%d invented digests in %.1f s, with %d and %d HEADs', 2 * $flood, $took, @heads;
    ok( $door->{prober}->wait_for_health( sub { $_[0]{counter}{refused} } ),
        'a counter says how many were refused' );

    is_deeply( places_of( $door, @warm ), { bucket => 50 }, 'after it, all is as it was' );
    is_deeply( [ heads() ],               [ 0, 0 ],         '… without a probe' );
    close_door($door);
};

subtest 'what targets do not hold pushes nothing out that they hold' => sub {
    my $door = front( more => <<'EOT' );
cache_size = 0.0625;
probe_rate = 100000; probe_burst = 100000;
rules = ( { match = "blob"; to = [ "bucket?", "nearest" ]; }, "default" );
EOT
    my @warm = add_layers( 'team/app', 1, 50 );
    places_of( $door, @warm );
    my $went = flood( $door, 10_000, sub { 'flood/app' }, \@warm );
    ok( $door->{prober}->wait_for_health( sub { $_[0]{counter}{cache_evicted} } ),
        'a cache that is full drops something' );
    heads();
    is_deeply( places_of( $door, @warm ), { bucket => 50 }, 'but not the layers' );
    is_deeply( [ heads() ],               [ 0, 0 ],         '… which cost no probe' );
    close_door($door);
};

$t->done;
