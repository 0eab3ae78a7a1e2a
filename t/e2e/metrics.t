# SPDX-License-Identifier: Apache-2.0
#
# What is counted: by several responders behind nginx, as Prometheus, a program and
# people read it, while responders and the prober stop, are killed and come back.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP          qw(decode_json);
use Signpost::FastCGI qw(request variables);
use Signpost::Prober;
use Signpost::Servers qw(signpost nginx);
use Signpost::Test;
use Signpost::Upstream;
use Signpost::Wire qw(http);
use Test::More;

my $t       = Signpost::Test->new;
my $version = $t->run( [ $t->program('signpost'), '--version' ] )->{out};
$version =~ /libcurl/ or $t->skip_all('signpost was built without libcurl');
my $has_json = $version =~ /jansson/;

my $digest   = 'sha256:' . 'a' x 64;
my $upstream = Signpost::Upstream->start( $t, 'up' );
my ( $eu, $us ) = map { $upstream->url . "/$_" } qw(eu us);

# A configuration with a state directory of its own.
sub conf {
    my ( $name, %option ) = @_;
    my $state = $t->dir("$name.state");
    chmod 0755, $state;
    my $more = $option{more} // '';
    my $text = <<"EOT";
name      = "registry.example.org";
upstreams = { eu = { url = "$eu"; serves = [ "EU" ]; };
              us = { url = "$us"; place = "US"; }; };
canonical = [ "us" ];
state     = "$state";
prober    = "service";
$more
EOT
    return ( $text, $state );
}

sub prober {
    my ( $name, $text, $state ) = @_;
    return Signpost::Prober->start( $t, $name, $t->file( "$name.conf", $text ), $state, '--stay' );
}

# The values in a folder's metrics: { 'name{label="value"}' => number }.
sub metrics {
    my ($state) = @_;
    return { $t->slurp("$state/public/metrics.prom") =~ /^signpost_([^#\s]+) (\S+)$/mg };
}

# The sum of those requests whose labels match.
sub requests {
    my ( $metrics, $pattern ) = @_;
    my $sum = 0;
    $sum += $metrics->{$_} for grep { /^requests_total\{.*$pattern/ } keys %$metrics;
    return $sum;
}

# Waits until so many requests have been counted; the metrics.
sub counted {
    my ( $state, $n ) = @_;
    my $metrics = {};
    $t->wait_for( sub { $metrics = metrics($state); requests( $metrics, '' ) >= $n } );
    return $metrics;
}

sub talk {
    my ( $socket, $path, %more ) = @_;
    my $c = Signpost::FastCGI->new($socket) // die "$socket: $!";
    $c->send( request( variables( $path, %more ) ) );
    return $c->answer;
}

subtest 'one upstream, and a prober for the metrics alone' => sub {
    my $state = $t->dir('one.state');
    chmod 0755, $state;
    my $program = $t->program('signpost');
    my $socket  = signpost( $t, 'alone', conf => <<"EOT");
name = "registry.example.org"; upstreams = { us = { url = "$us"; }; };
state = "$state"; prober = "start"; prober_program = "$program"; metrics = "on";
EOT
    talk( $socket, '/v2/app/manifests/v1' );
    is( requests( counted( $state, 1 ), 'target="us"' ), 1, 'it is counted' );
    $t->stop('alone');    # its prober ends a few seconds later
};

subtest 'three responders behind nginx' => sub {
    my ( $text, $state ) = conf('three');
    my $prober = prober( 'prober', $text, $state );
    my @socket = map { signpost( $t, "responder$_", conf => $text ) } 1 .. 3;
    my $port   = nginx(
        $t, 'nginx',
        socket   => $socket[0],
        upstream => "server unix:$socket[1]; server unix:$socket[2]; keepalive 8;",
        extra    => 'fastcgi_keep_conn on; fastcgi_param HTTP_X_CLIENT_REGION $arg_region;'
    );
    my @kinds = (
        [ 40, GET    => '/v2/app/manifests/v1?region=FR' ],
        [ 25, GET    => '/v2/app/manifests/v1?region=JP' ],
        [ 20, HEAD   => '/v2/app/manifests/v1?region=US' ],
        [ 15, GET    => "/v2/app/manifests/sha256-" . 'a' x 64 . '.sig?region=FR' ],
        [ 12, GET    => '/v2/' ],
        [ 11, GET    => '/nothing' ],
        [ 7,  DELETE => '/v2/app/manifests/v1?region=FR' ],
        [ 5,  GET    => '/v2/app/referrers/latest' ],
    );
    my $all = 0;
    for my $kind (@kinds) {
        my ( $times, $method, $path ) = @$kind;
        $all += $times;
        http( $port, $method, $path ) for 1 .. $times;
    }
    my $m    = counted( $state, $all );
    my %want = (
        'class="manifest-tag",status="307",target="eu",continent="EU"' => 40,
        'class="manifest-tag",status="307",target="us",continent="AS"' => 25,
        'class="manifest-tag",status="307",target="us",continent="NA"' => 20,
        'class="signature",status="307",target="us",continent="EU"'    => 15,
        'class="ping",status="200",target="",continent="unknown"'      => 12,
        'class="other",status="404",target="",continent="unknown"'     => 11,
        'class="manifest-tag",status="405",target="",continent="EU"'   => 7,
        'class="other",status="400",target="",continent="unknown"'     => 5,
    );
    my %got = map { /^requests_total\{(.*)\}/ ? ( $1 => $m->{$_} ) : () } keys %$m;
    is_deeply( \%got, \%want, 'each request is counted once, and as what it is' );
    is( $m->{decision_seconds_count},               $all, 'so is the time it took' );
    is( $m->{'decision_seconds_bucket{le="+Inf"}'}, $all, '  in all buckets together' );
    ok( $m->{decision_seconds_sum} > 0 && $m->{decision_seconds_sum} < 1, '  in seconds' );
    is( $m->{prober_responders},                        3, 'three responders' );
    is( $m->{'target_up{target="eu",kind="upstream"}'}, 1, 'eu is up' );
    like(
        $t->slurp("$state/public/metrics.prom"),
        qr/^signpost_build_info\{version="[\d.]+"\} 1$/m,
        'the version'
    );

SKIP: {
        my $promtool = $t->find('promtool') or skip 'promtool (Debian: prometheus) is not there', 1;
        open my $file, '<', "$state/public/metrics.prom" or die $!;
        my $run = $t->run( [ $promtool, 'check', 'metrics' ], stdin => $file );
        is( "$run->{status}$run->{out}$run->{err}", 0, 'promtool has nothing to say' );
    }
SKIP: {
        skip 'signpost was built without jansson', 5 if !$has_json;
        my $status = decode_json( $t->slurp("$state/public/status.json") );
        is( $status->{requests}{all}, $all, 'status.json: all requests' );
        is_deeply(
            $status->{requests}{by_status},
            { 307 => 100, 200 => 12, 404 => 11, 405 => 7, 400 => 5 },
            '  by status'
        );
        is_deeply( $status->{requests}{by_target}, { eu => 40, us => 60 }, '  by target' );
        my @state = ( $t->program('signpost'), 'state', '--config', $t->folder . '/prober.conf' );
        my $json  = decode_json( $t->run( [ @state, '--json' ] )->{out} );
        is_deeply( $json->{requests}, $status->{requests}, 'signpost state --json has the same' );
        my $shown = $t->run( \@state )->{out};
        like(
            $shown,
            qr/^Requests since 20\S+Z: $all\n.*^  target +eu 40, us 60$/ms,
            'signpost state shows it'
        );
    }
    my @files = map { sprintf '%s %04o', $_, ( stat "$state/public/$_" )[2] & 07777 }
        grep { !/^\.\.?$/ } do { opendir my $d, "$state/public" or die $!; readdir $d };
    is( scalar( grep { / 0644$/ } @files ), @files, 'everyone may read the files' )
        or diag "@files";
    is( scalar( grep { /new/ } @files ), 0, '  and none is half done' );

    # An orderly stop: what was counted last is not lost. One that is killed: what has
    # been counted stays. A new one is counted along.
    talk( $socket[0], '/v2/app/manifests/last', HTTP_X_CLIENT_REGION => 'FR' );
    is( $t->stop('responder1'), 0, 'a responder stops, another is killed' );
    $t->stop( 'responder2', 'KILL' );
    unlink $socket[1];
    signpost( $t, 'responder2', conf => $text );
    talk( $socket[$_], '/v2/' ) for 1, 2;
    $m = counted( $state, $all + 3 );
    is( requests( $m, '' ),      $all + 3, 'nothing is lost, and nothing counted twice' );
    is( $m->{prober_responders}, 2,        'two responders' );

    # The prober is killed: sums begin anew, and what the responders count then is not lost.
    $t->stop( 'prober', 'KILL' );
    unlink "$state/public/metrics.prom";
    is( talk( $socket[2], '/v2/app/manifests/v2', HTTP_X_CLIENT_REGION => 'FR' )->{status},
        307, 'without a prober there are answers' );
    prober( 'prober', $text, $state );
    $m = counted( $state, 1 );
    is( requests( $m, '' ), 1, 'and the next prober learns of them' );

    # An orderly stop of the prober writes down what it was told.
    talk( $socket[1], '/v2/' );
    $t->stop($_) for qw(nginx responder2 responder3);
    $t->stop('prober');
    is( requests( metrics($state), '' ), 2, 'the last word of all is written down' );
};

subtest 'nothing is written without news' => sub {
    my ( $text, $state ) = conf( 'quiet', more => 'health_interval = 1;' );
    prober( 'quiet', $text, $state );
    my $written = sub { return join ' ', ( stat "$state/public/metrics.prom" )[ 1, 9 ] };
    ok( $t->wait_for( sub { -e "$state/public/metrics.prom" } ), 'written at the start' );
    my $before = $written->();
    my $socket = signpost( $t, 'front', conf => $text );
    ok( $t->wait_for( sub { $written->() ne $before } ), 'written when a responder comes' );
    $before = $written->();
    my $looked = ( stat "$state/health" )[9];
    $t->wait_for( sub { ( stat "$state/health" )[9] >= $looked + 3 } );
    is( $written->(), $before, 'and not again, while the prober lives on' );
    talk( $socket, '/v2/' );
    ok( $t->wait_for( sub { $written->() ne $before } ), 'written when there is a request' );
    $t->stop($_) for qw(front quiet);
};

subtest 'reloads' => sub {
    my ( $text, $state ) = conf('reload');
    prober( 'prober', $text, $state );
    my $socket = signpost( $t, 'reloading', conf => $text );
    talk( $socket, '/v2/app/manifests/v1', HTTP_X_CLIENT_REGION => $_ ) for qw(FR JP);

    # The next configuration has one target more, and in another order. What has been
    # counted with the former one may not have been reported yet.
    my $new =
        $text =~ s/upstreams = \{/upstreams = { asia = { url = "$eu\/asia"; place = "JP"; };/r;
    $t->file( $_, $new ) for qw(reloading.conf prober.conf);
    $t->signal( $_, 'HUP' ) for qw(reloading prober);
    $t->wait_for( sub { $t->slurp('reloading.err') =~ /has been read again/ } );
    talk( $socket, '/v2/app/manifests/v1', HTTP_X_CLIENT_REGION => $_ ) for qw(FR JP);
    my $m = counted( $state, 4 );
    is_deeply(
        [ map { requests( $m, "target=\"$_\"" ) } qw(asia eu us) ],
        [ 1, 2, 1 ],
        'targets keep their counts, whatever their order'
    );

    $t->file( 'reloading.conf', 'nonsense' );
    $t->signal( 'reloading', 'HUP' );
    $t->wait_for( sub { metrics($state)->{'reloads_total{result="refused"}'} } );
    $m = metrics($state);
    is_deeply(
        [ map { $m->{"reloads_total{result=\"$_\"}"} } qw(taken refused) ],
        [ 1, 1 ],
        'one was taken, one refused'
    );

    # A malformed request.
    my $c = Signpost::FastCGI->new($socket);
    $c->send( "\xff" x 64 );
    $c->answer;
    ok( $t->wait_for( sub { metrics($state)->{connections_malformed_total} == 1 } ),
        'a connection that was closed for what came on it' );
    $t->stop($_) for qw(reloading prober);
};

subtest 'who knew who holds a digest' => sub {
    my ( $text, $state ) =
        conf( 'known', more => 'index = "known.index"; probe_rate = 0; probe_burst = 3;' );
    $t->file( 'known.index', 'sha256:' . '1' x 64 . "\n" );
    prober( 'prober', $text, $state );
    my $socket = signpost( $t, 'knowing', conf => $text );
    my $all    = 0;
    my $ask    = sub {
        $all++;
        talk( $socket, "/v2/present/app/blobs/sha256:" . $_[0] x 64, HTTP_X_CLIENT_REGION => 'FR' );
    };
    my $known = sub { metrics($state)->{"digests_total{known_by=\"$_[0]\"}"} };
    ok( $t->wait_for( sub { metrics($state)->{prober_responders} } ), 'a responder' );
    $ask->($_) for 1, 2, 3;    # the index, then the prober
    ok( $t->wait_for( sub { metrics($state)->{cache_present_entries} >= 2 } ), 'two are cached' );
    ok( $t->wait_for( sub { $ask->(2); $known->('cache') >= 5 } ), 'the cache decides' );
    is( $known->('index'), 1, 'the index has decided once' );
    my $prober = $known->('prober');
    cmp_ok( $prober, '>=', 2, 'the prober was asked before' );
    $ask->(4);                 # what its budget still has
    $ask->(5);
    ok( $t->wait_for( sub { $known->('nobody') == 1 } ), 'nobody knows when the budget is spent' );
    my $m = counted( $state, $all );
    is( $m->{prober_refused_by_budget_total},                         1, '… which is counted' );
    is( $m->{'target_not_probed_total{target="eu",reason="budget"}'}, 1, '… for the target, too' );
    my $sum = 0;
    $sum += $known->($_) for qw(index cache prober nobody);
    is( $sum,                                   $all,                   'each is counted once' );
    is( $m->{'waits_total{result="answered"}'}, $known->('prober') + 1, 'who asked has waited' );
SKIP: {
        skip 'signpost was built without jansson', 2 if !$has_json;
        my $json = decode_json( $t->slurp("$state/public/status.json") );
        is( $json->{responders}{digests_known_by}{nobody}, 1, 'JSON tells it, too' );
        is(
            $json->{responders}{waits_answered},
            $m->{'waits_total{result="answered"}'},
            '… and what responders met with'
        );
    }
    $t->stop($_) for qw(knowing prober);
};

subtest 'who wants no metrics' => sub {
    my ( $text, $state ) = conf( 'off', more => 'metrics = "off";' );
    prober( 'prober', $text, $state );
    my $socket = signpost( $t, 'silent', conf => $text );
    talk( $socket, '/v2/' );
    $t->stop('silent');
    $t->stop('prober');
    is( requests( metrics($state), '' ), 0, 'gets none' );
};

ok(
    $t->wait_for( sub { !-e $t->folder . '/one.state/prober.socket' }, 20 ),
    'a prober that a responder has started ends soon after it'
);
$t->done;
