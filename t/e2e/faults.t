# SPDX-License-Identifier: Apache-2.0
#
# What fails around the front door: upstreams in every way, the prober, the responders. For
# each fault, what the client is answered and what `signpost state` shows. No test waits for
# an interval of health checks.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Certificates;
use Signpost::Door    qw(blob manifest state_dir two_registries);
use Signpost::FastCGI qw(variables);
use Signpost::Prober  qw(target_id);
use Signpost::Test;
use Signpost::Upstream;
use Test::More;
use Time::HiRes qw(sleep);

my $t       = Signpost::Test->new;
my $version = $t->run( [ $t->program('signpost'), '--version' ] )->{out};
$version =~ /$_/ or $t->skip_all("signpost was built without $_") for qw(libcurl jansson);

my $up  = Signpost::Upstream->start( $t, 'up' );
my $tag = '/v2/team/app/manifests/v1';

# How many HEADs the upstream has seen for a path's digest, since the last call.
sub heads {
    my ($path)   = @_;
    my ($digest) = $path =~ /(sha256:\w+)/;
    return scalar grep { /^HEAD .*\Q$digest/ } $up->requests;
}

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
    my $us   = Signpost::Upstream->start( $t, 'us' );
    my $hole = Signpost::Upstream::black_hole();

    # By name: region of its clients, URL, prefix, and what its checks find; none where only
    # objects fail: they are no reason to take a target out of service.
    my %fault = (
        refuses => [ 'FR', 'http://127.0.0.1:' . $t->port, '', qr/connect/i ],
        hole    => [ 'GB', $hole->{url},                   '', qr/[Tt]ime/ ],
        unnamed => [ 'DK', 'http://nowhere.invalid',       '', qr/resolve/ ],
        resets  => [ 'DE', $up->url,                       'reset' ],
        silent  => [ 'ES', $up->url,                       'silent' ],
        '429'   => [ 'IT', $up->url,                       'status-429' ],
        '500'   => [ 'NL', $up->url,                       'status-500' ],
        garbage => [ 'NO', $up->url,                       'garbage' ],
        endless => [ 'FI', $up->url,                       'endless' ],
        away    => [ 'SE', $up->url,                       'away' ],
        loop    => [ 'PL', $up->url,                       'loop' ],
        other   => [ 'PT', $up->url,                       'other' ],
    );
    my $more = "probe_timeout = 0.5; probe_connect_timeout = 0.4; health_rise = 100;";
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
    my $state = state_dir( $t, 'front.state' );
    my $door  = Signpost::Door->start( $t, 'front', state => $state, conf => <<"EOT");
name = "registry.example.org";
upstreams = ( $list, { name = "us"; url = "${\ $us->url}"; } );
canonical = [ "us" ]; state = "$state"; $more
EOT
    my $near   = sub { my ( undef, $url, $prefix ) = @{ $fault{ $_[0] } }; return $url };
    my $region = sub { return $fault{ $_[0] }[0] };

    # Where all of them go, side by side: { NAME => "near" or "us" }.
    my $go = sub {
        my ($path) = @_;
        my %waiting =
            map { $_ => $door->begin( $path, HTTP_X_CLIENT_REGION => $region->($_) ) } @names;
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
        $door->wait_for_state(
            sub {
                $door->goes( blob(), HTTP_X_CLIENT_REGION => 'SE' );
                ( $_[0]{prober}{questions} // 0 ) > 0;
            }
        ),
        'the prober is asked'
    );
    my $went = $go->( manifest() );
    $went->{refuses} = 'near';    # or it is out of service already
    is_deeply(
        $went,
        { %{ $all->('us') }, map { $_ => 'near' } qw(refuses 429 500) },
        'a manifest whose place is not known: to the canonical one, but for regions in trouble'
    );
    is_deeply( $go->( blob() ), $all->('near'), '… a blob to the nearest' );
    my $seen = $door->wait_for_state(

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
    my %before = map { $_ => $door->state->{$_}{counters}{probes} } @names;
    is_deeply( $go->( blob() ), $down, 'so do blobs' ) for 1 .. 3;
    my $after = $door->state;
    is_deeply( [ grep { $fault{$_}[3] && $after->{$_}{counters}{probes} > $before{$_} } @names ],
        [], '… without asking them' );
    is( $after->{us}{state},            'up', 'the canonical one is up' );
    is( $after->{us}{counters}{failed}, 0,    'and has not failed' );
    is( $door->stop,                    0,    'the front door stops' );
    $t->stop($_) for grep { $t->pid($_) } qw(tls us);
};

subtest 'an upstream that answers too late' => sub {
    my $door = Signpost::Door->start( $t, 'slow', eu => $up->url );
    $up->mode('absent');
    ok( $door->ready, 'it is asked' );
    $door->wait_for_state( sub { $_[0]{eu}{head_ms} } );
    $up->mode('slow-2000');    # more than the longest deadline
    my ( $late, $later ) = ( manifest(), blob() );
    $t->wait_for( sub { $door->goes( manifest() ) eq $door->us } );
    $up->requests;
    my @waiting = map { $door->begin($_) } $late, $later;
    is( $door->host_of( $waiting[0], $late ),
        $door->us, 'at the deadline a manifest goes to the canonical one' );
    is( $door->host_of( $waiting[1], $later ), $up->url, '… a blob to the nearest' );
    ok(
        $t->wait_for( sub { $door->goes($late) eq $up->url } ),
        'what it says afterwards is known to those who come then'
    );
    is( heads($late), 1, '… from one request' );
    my $shown = $door->state;
    is( $shown->{eu}{state},            'up', 'who is slow is up' );
    is( $shown->{eu}{counters}{failed}, 0,    'and has not failed' );
    cmp_ok( $shown->{eu}{head_ms}, '>', 50, 'its time is shown' );
    $up->mode('');
    is( $door->stop, 0, 'the front door stops' );
};

subtest 'a bucket that is a black hole' => sub {
    my $hole = Signpost::Upstream::black_hole();
    my $more = <<"EOT";
buckets = ( { name = "hole"; serves = [ "FR" ]; url = "$hole->{url}/{digest}"; } );
probe_timeout = 0.5; probe_connect_timeout = 0.4; health_interval = 3600;
EOT
    my $door = Signpost::Door->start( $t, 'hole', eu => $up->url, more => $more );
    my $shown =
        $door->wait_for_state( sub { $door->goes( blob() ); ( $_[0]{hole}{state} // '' ) eq 'down' }
        );
    is( $shown->{hole}{state}, 'down', 'blobs that want it take it down' );
    like( $shown->{hole}{failure}, qr/[Tt]ime/, '… told why' );
    my $before = $door->wait_for_state( sub { $_[0]{hole}{counters}{probes} } );
    $up->requests;
    my %went;
    $went{ $door->goes( blob() ) }++ for 1 .. 200;
    is_deeply( \%went, { $up->url => 200 }, '200 new blobs go to the registry beside it' );
    my $after = $door->state;
    is( $after->{hole}{counters}{probes} - $before->{hole}{counters}{probes},
        0, 'and the bucket is not asked for any' );
    is( scalar( grep { /^HEAD/ } $up->requests ), 200,      'the registry once for each' );
    is( $door->goes($tag),                        $up->url, 'tags do not need it' );
    is( $door->stop,                              0,        'the front door stops' );
};

subtest 'a prober that is killed a hundred times' => sub {
    my $state = state_dir( $t, 'killed.state' );
    my $conf  = $t->file(
        'killed.conf',
        two_registries(
            eu    => $up->url,
            state => $state,
            more  => 'prober = "service";'
        )
    );
    my $eu = target_id( $up->url );
    my ( %held, $wrong, $asked ) = ( (), 0, 0 );
    my $digest = sub { return sprintf 'sha256:%064x', $_[0] };
    my $how    = sub { ( 'present', 'absent' )[ $_[0] % 2 ] };
    for my $round ( 1 .. 100 ) {
        my $prober = Signpost::Prober->start( $t, 'killed', $conf, $state );
        my $client = $prober->client;
        my %number =
            map { $client->begin( [$eu], 'blobs', $how->($_) . '/app', $digest->($_) ) => $_ }
            map { int rand 400 } 1 .. 30;
        for my $id ( ( sort { $a <=> $b } keys %number )[ 0 .. $round % 20 ] ) {
            my ($held) = $client->answer( $id, 2 );
            $wrong += $held ne 'unknown' && $held ne $how->( $number{$id} ) if defined $held;
            $asked++;
        }
        sleep $round % 7 / 100;    # some are killed while they write
        $t->stop( 'killed', 'KILL' );
    }
    is( $wrong, 0, "no wrong answer of $asked" );
    my $prober = Signpost::Prober->start( $t, 'killed', $conf, $state );
    my $client = $prober->client;
    $up->requests;
    my %last;
    for my $n ( 0 .. 399 ) {
        my ($held) = $client->ask( [$eu], 'blobs', $how->($n) . '/app', $digest->($n) );
        $last{ $held eq $how->($n) ? 'right' : $held }++;
    }
    is_deeply( \%last, { right => 400 }, 'the last one knows the truth' );
    cmp_ok( scalar( $up->requests ), '<', 300, '… much of it from the cache' );
    unlike( $t->slurp('killed.err'), qr/damaged/, 'which never had to be made anew' );
    $t->stop('killed');
};

subtest 'two responders, a CGI and one prober' => sub {
    my $state = state_dir( $t, 'several.state' );
    my @door = map { Signpost::Door->start( $t, $_, eu => $up->url, state => $state ) } qw(one two);
    my ( $door, $us ) = ( $door[1], $door[1]->us );
    $up->mode('absent');
    $_->ready for @door;
    my $pid = $door->prober_pid;
    my ( $absent, $here, $later ) = map { blob() } 1 .. 3;
    my @waiting = map { $door[ $_ % 2 ]->begin($absent) } 0 .. 19;
    is_deeply(
        { map { $door->host_of( $_, $absent ) => 1 } @waiting },
        { $us => 1 },
        'twenty ask two responders for one blob: all get the right answer'
    );
    is( heads($absent), 1, '… after one HEAD' );
    $up->mode('');
    is( $_->goes($here), $up->url, 'another one is at the nearest' ) for @door;
    is( heads($here),    1,        '… which was asked once' );
    $door->wait_for_state( sub { ( $_[0]{prober}{cache_present} // 0 ) > 0 } );
    my $cgi = sub {
        my ($path) = @_;
        my $run = $t->run(
            [ $t->program('signpost.fcgi') ],
            only_env => {
                %{ variables( $path, HTTP_X_CLIENT_REGION => 'FR' ) },
                SIGNPOST_CONF => $door->{conf}
            }
        );
        return ( $run->{out} =~ m{^Location: (.*)\Q$path\E\r?$}m )[0];
    };
    is( $cgi->($absent),         $us,      'a CGI reads in the cache who has it not' );
    is( $cgi->($here),           $up->url, '… and who has' );
    is( $cgi->($later),          $up->url, 'what it does not know goes by the rules' );
    is( scalar( $up->requests ), 0,        '… without a HEAD' );

    $up->mode('slow-200');
    my $waiting = $door->begin($later);
    $t->stop( 'one', 'KILL' );
    is( $door->host_of( $waiting, $later ), $up->url, 'a responder is killed: the other answers' );
    $up->mode('absent');
    is( $door->goes( blob() ),     $us,  '… and asks' );
    is( $door->prober_pid,         $pid, '… the same prober' );
    is( $door->state->{eu}{state}, 'up', 'the state shows nothing of it' );
    is( $door->stop,               0,    'the other one stops' );
    $up->mode('');
};

$t->done;
