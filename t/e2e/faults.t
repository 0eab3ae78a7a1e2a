# SPDX-License-Identifier: Apache-2.0
#
# What fails around the front door: upstreams in every way, the prober, the responders,
# the files that they share. For each fault, what the client is answered and what
# `signpost state` shows. No test waits for an interval of health checks.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use POSIX ();
use Signpost::Certificates;
use Signpost::FastCGI qw(request variables);
use Signpost::Prober  qw(target_id);
use Signpost::Servers qw(signpost);
use Signpost::Test;
use Signpost::Upstream;
use Test::More;
use Time::HiRes qw(time sleep);

my $t       = Signpost::Test->new;
my $version = $t->run( [ $t->program('signpost'), '--version' ] )->{out};
$version =~ /$_/ or $t->skip_all("signpost was built without $_") for qw(libcurl LMDB jansson);

my $number = 0;
sub digest { return 'sha256:' . sha256_hex( $_[0] // ++$number ) }

# The path of a blob or manifest, a new one unless its seed is given.
sub blob     { return '/v2/team/app/blobs/' . digest( $_[0] ) }
sub manifest { return '/v2/team/app/manifests/' . digest( $_[0] ) }

my $tag = '/v2/team/app/manifests/v1';

# Sends a request for a client of a region; its answer comes from `host_of`.
sub begin {
    my ( $socket, $path, $region ) = @_;
    my $c = Signpost::FastCGI->new($socket) // die "$socket: $!";
    $c->send( request( variables( $path, HTTP_X_CLIENT_REGION => $region // 'FR' ) ) );
    return $c;
}

# Where that is sent: the part of a Location before the request's path.
sub host_of {
    my ( $c, $path ) = @_;
    my $answer = $c->answer || {};
    my ($base) = ( $answer->{location} // '' ) =~ m{^(.*)\Q$path\E$};
    return $base // 'status ' . ( $answer->{status} // 'none' );
}

sub goes {
    my ( $socket, $path, $region ) = @_;
    return host_of( begin( $socket, $path, $region ), $path );
}

# What `signpost state` shows: { NAME => target }, and the prober's counters.
sub state_of {
    my ($conf) = @_;
    my $run    = $t->run( [ $t->program('signpost'), 'state', '--json', '--config', $conf ] );
    my $json   = eval { decode_json( $run->{out} ) } or return {};
    return { prober => $json->{prober}, map { $_->{name} => $_ } @{ $json->{targets} } };
}

# Waits until that is as the code says, which is given it; returns it in any case.
sub wait_for_state {
    my ( $conf, $code ) = @_;
    my $state;
    $t->wait_for( sub { $code->( $state = state_of($conf) ) } );
    return $state;
}

my $auto = sprintf 'prober = "start"; prober_program = "%s";', $t->program('signpost');

# A state directory as it has to be.
sub state_dir {
    my $path = $t->dir( $_[0] );
    chmod 0755, $path or die "$path: $!";
    return $path;
}

sub prober_pid {
    my ($state) = @_;
    my ($pid)   = $t->slurp("$state/health") =~ /^signpost-health \d+ \d+ \d+ (\d+)/;
    return $pid && kill( 0, $pid ) ? $pid : undef;
}

# Stops the front door, and the prober that it has started.
sub stop {
    my ( $name, $state, $signal ) = @_;
    my $pid = prober_pid($state);
    is( $t->stop( $name, $signal ), $signal ? POSIX->can("SIG$signal")->() : 0, "$name stops" );
    kill 'TERM', $pid if $pid;
    $t->wait_for( sub { !$pid || !kill 0, $pid } );
    return;
}

my $up = Signpost::Upstream->start( $t, 'up' );

# A server with certificates that are not to be believed: { NAME => [ region, URL ] }.
sub wrong_certificates {
    my ($ca) = @_;
    my %own = (
        'self-signed' => [ 'BE', $ca->self_signed('localhost') ],
        'other-name'  => [ 'AT', $ca->sign('elsewhere.example.org') ],
        expired       => [ 'CH', $ca->sign( 'localhost', expired => 1 ) ],
    );
    my $servers = '';
    my ( %found, $port );
    for my $name ( sort keys %own ) {
        my ( $region, $cert, $key ) = @{ $own{$name} };
        $port = $t->port;
        $found{$name} = [ $region, "https://localhost:$port" ];
        $servers .= "server { listen 127.0.0.1:$port ssl; location / { return 200; }\n"
            . "ssl_certificate $cert; ssl_certificate_key $key; }\n";
    }
    my $conf = $t->file( 'tls.conf', <<'EOT', SERVERS => $servers );
daemon off; master_process off; pid @DIR@/tls.pid; error_log @DIR@/tls.log;
events { worker_connections 64; }
http { access_log off; client_body_temp_path @DIR@/t1; fastcgi_temp_path @DIR@/t2;
proxy_temp_path @DIR@/t3; uwsgi_temp_path @DIR@/t4; scgi_temp_path @DIR@/t5;
@SERVERS@ }
EOT
    $t->start( 'tls', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/tls.log' ] );
    $t->wait_for_port( 'tls', $port );
    return \%found;
}

subtest 'upstreams that fail' => sub {
    my $state = state_dir('upstreams.state');
    my $us    = Signpost::Upstream->start( $t, 'us' );
    my $hole  = Signpost::Upstream::black_hole();

    # By name: region of its clients, URL, prefix, and what is the matter with it; none if
    # that is not counted against its health.
    my %fault = (
        refuses => [ 'FR', 'http://127.0.0.1:' . $t->port, '', qr/connect/i ],
        hole    => [ 'GB', $hole->{url},                   '', qr/[Tt]ime/ ],
        unnamed => [ 'DK', 'http://nowhere.invalid',       '', qr/resolve/ ],
        resets  => [ 'DE', $up->url, 'reset',      qr/receiving data|reply|no data|reset/i ],
        silent  => [ 'ES', $up->url, 'silent',     qr/[Tt]imeout/ ],
        '429'   => [ 'IT', $up->url, 'status-429', qr/status 429/ ],
        '500'   => [ 'NL', $up->url, 'status-500', qr/status 500/ ],
        garbage => [ 'NO', $up->url, 'garbage',    qr/./ ],
        endless => [ 'FI', $up->url, 'endless',    qr/header is too long|[Tt]imeout/ ],
        away    => [ 'SE', $up->url, 'away' ],
        loop    => [ 'PL', $up->url, 'loop' ],
        other   => [ 'PT', $up->url, 'other' ],
    );
    my $more = "$auto probe_timeout = 0.5; probe_connect_timeout = 0.4; health_rise = 100;";
    if ( $t->find('nginx') && $t->find('openssl') ) {
        my $ca  = Signpost::Certificates->new( $t, 'tls' );
        my $tls = wrong_certificates($ca);
        $fault{$_} = [ @{ $tls->{$_} }, '', qr/certificate|SSL/ ] for keys %$tls;
        $more .= "ca_file = \"${\ $ca->authority}\";";
    }
    else {
        diag 'nginx or openssl is not installed: wrong certificates are not tried';
    }
    my @names = sort keys %fault;
    my $list  = join ', ', map {
        my ( $region, $url, $prefix ) = @{ $fault{$_} };
        qq({ name = "$_"; url = "$url"; prefix = "$prefix"; serves = [ "$region" ]; })
    } @names;
    my $socket = signpost( $t, 'front', conf => <<"EOT");
name = "registry.example.org";
upstreams = ( $list, { name = "us"; url = "${\ $us->url}"; } );
canonical = [ "us" ]; state = "$state"; $more
EOT
    my $conf   = $t->folder . '/front.conf';
    my $near   = sub { my ( undef, $url, $prefix ) = @{ $fault{ $_[0] } }; return $url };
    my $region = sub { return $fault{ $_[0] }[0] };

    # Where all of them go, side by side: { NAME => "near" or "us" }.
    my $go = sub {
        my ($path) = @_;
        my %waiting = map { $_ => begin( $socket, $path, $region->($_) ) } @names;
        my %went;
        for my $name (@names) {
            my $location = ( $waiting{$name}->answer || {} )->{location} // 'nowhere';
            $went{$name} =
                  index( $location, $near->($name) . '/v2/' ) == 0 ? 'near'
                : index( $location, $us->url . '/v2/' ) == 0       ? 'us'
                :                                                    $location;
        }
        return \%went;
    };
    my $all = sub {
        my ($to) = @_;
        return { map { $_ => $to } @names };
    };
    my $down = { map { $_ => $fault{$_}[3] ? 'us' : 'near' } @names };

    is_deeply( $go->($tag), $all->('near'), 'tags go to the nearest, which nobody has asked yet' );
    ok(
        wait_for_state(
            $conf, sub { goes( $socket, blob(), 'SE' ); ( $_[0]{prober}{questions} // 0 ) > 0 }
        ),
        'the prober is asked'
    );
    is_deeply( $go->( manifest() ),
        $all->('us'), 'a manifest whose place is not known: to the canonical one' );
    is_deeply( $go->( blob() ), $all->('near'), '… a blob to the nearest' );
    my $seen = wait_for_state(
        $conf,
        sub {
            my ($s) = @_;
            my @up = grep { $fault{$_}[3] && $s->{$_}{state} ne 'down' } @names;
            $go->( blob() ) if @up;
            return !@up;
        }
    );

    for my $name (@names) {
        my $expected = $fault{$name}[3];
        my $shown    = $seen->{$name};
        is( $shown->{state}, $expected ? 'down' : 'up', "$name: the state shows it" );
        like( $shown->{failure}, $expected // qr/^$/, '… and why' );
        my $c = $shown->{counters};
        is( $c->{present} + $c->{absent}, 0, '… nothing is taken for known' );
        cmp_ok( $c->{failed}, $expected ? '>=' : '==', $expected ? 3 : 0, '… counted' );
    }
    ok( $seen->{prober}{redirected_away} >= 1, 'redirects to strangers are counted' );
    ok( $seen->{prober}{other_objects} >= 1,   'so are answers for other objects' );

    $t->wait_for(
        sub {
            !grep { $go->($tag)->{$_} ne $down->{$_} } @names;
        }
    );
    is_deeply( $go->($tag), $down, 'tags go past those that are down' );
    my %before = map { $_ => state_of($conf)->{$_}{counters}{probes} } @names;
    is_deeply( $go->( blob() ), $down, 'so do blobs' ) for 1 .. 3;
    my $after = state_of($conf);
    is_deeply( [ grep { $fault{$_}[3] && $after->{$_}{counters}{probes} > $before{$_} } @names ],
        [], '… without asking them' );
    is( $after->{us}{state},            'up', 'the canonical one is up' );
    is( $after->{us}{counters}{failed}, 0,    'and has not failed' );
    stop( 'front', $state );
    $t->stop($_) for grep { $t->pid($_) } qw(tls us);
};

# A configuration with the nearest registry "eu" for clients in FR, and "us" for the rest.
sub two_registries {
    my ( $state, %option ) = @_;
    my $more = $option{more} // '';
    return <<"EOT";
name = "registry.example.org";
upstreams = { eu = { url = "${\ $up->url}"; prefix = "$option{eu}"; serves = [ "FR" ]; };
              us = { url = "http://us.example.org"; }; };
canonical = [ "us" ]; state = "$state"; $more
EOT
}

my $us = 'http://us.example.org';

# Where requests for what eu does not hold go once the prober can be asked: to us.
sub ready {
    my ( $socket, $absent ) = @_;
    return $t->wait_for( sub { goes( $socket, $absent->() ) eq $us } );
}

# How many HEADs the upstream has seen for a path's digest, since the last call.
sub heads {
    my ($path)   = @_;
    my ($digest) = $path =~ /(sha256:\w+)/;
    return scalar grep { /^HEAD .*\Q$digest/ } $up->requests;
}

subtest 'an upstream that answers too late' => sub {
    my $state  = state_dir('slow.state');
    my $socket = signpost( $t, 'slow', conf => two_registries( $state, eu => '', more => $auto ) );
    my $conf   = $t->folder . '/slow.conf';
    $up->mode('absent');
    ok( ready( $socket, \&blob ), 'it is asked' );
    wait_for_state( $conf, sub { $_[0]{eu}{head_ms} } );
    $up->mode('slow-600');
    my ( $late, $later ) = ( manifest(), blob() );
    $t->wait_for( sub { goes( $socket, manifest() ) eq $us } );
    $up->requests;
    my @waiting = map { begin( $socket, $_ ) } $late, $later;
    is( host_of( $waiting[0], $late ), $us,
        'at the deadline a manifest goes to the canonical one' );
    is( host_of( $waiting[1], $later ), $up->url, '… a blob to the nearest' );
    ok(
        $t->wait_for( sub { goes( $socket, $late ) eq $up->url } ),
        'what it says afterwards is known to those who come then'
    );
    is( heads($late), 1, '… from one request' );
    my $shown = state_of($conf);
    is( $shown->{eu}{state},            'up', 'who is slow is up' );
    is( $shown->{eu}{counters}{failed}, 0,    'and has not failed' );
    cmp_ok( $shown->{eu}{head_ms}, '>', 50, 'its time is shown' );
    $up->mode('');
    stop( 'slow', $state );
};

subtest 'a bucket that is a black hole' => sub {
    my $state = state_dir('bucket.state');
    my $hole  = Signpost::Upstream::black_hole();
    my $more  = <<"EOT";
buckets = ( { name = "hole"; serves = [ "FR" ]; url = "$hole->{url}/{digest}"; } );
$auto probe_timeout = 0.5; probe_connect_timeout = 0.4; health_interval = 3600;
EOT
    my $socket =
        signpost( $t, 'hole', conf => two_registries( $state, eu => '', more => $more ) );
    my $conf  = $t->folder . '/hole.conf';
    my $shown = wait_for_state( $conf,
        sub { goes( $socket, blob() ); ( $_[0]{hole}{state} // '' ) eq 'down' } );
    is( $shown->{hole}{state}, 'down', 'blobs that want it take it down' );
    like( $shown->{hole}{failure}, qr/[Tt]ime/, '… told why' );
    my $before = wait_for_state( $conf, sub { $_[0]{hole}{counters}{probes} } );
    $up->requests;
    my %went;
    $went{ goes( $socket, blob() ) }++ for 1 .. 200;
    is_deeply( \%went, { $up->url => 200 }, '200 new blobs go to the registry beside it' );
    my $after = state_of($conf);
    is( $after->{hole}{counters}{probes} - $before->{hole}{counters}{probes},
        0, 'and the bucket is not asked for any' );
    is( scalar( grep { /^HEAD/ } $up->requests ), 200,      'the registry once for each' );
    is( goes( $socket, $tag ),                    $up->url, 'tags do not need it' );
    stop( 'hole', $state );
};

$t->done;
