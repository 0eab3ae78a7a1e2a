# SPDX-License-Identifier: Apache-2.0
#
# Strangers ask for what registries fail at, fifty times a second, while regions serve, and
# while they die: nothing that they ask for takes a region out of service, and what is dead
# is out in time all the same. With rules that ask registries and with rules that do not;
# real registries, behind nginx where they are to fail in a way of its own.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::FastCGI qw(request variables);
use Signpost::Prober;
use Signpost::Registry qw(image digest_of);
use Signpost::Servers  qw(signpost);
use Signpost::Test;
use Signpost::Upstream;
use Test::More;
use Time::HiRes qw(time sleep);

use constant { INTERVAL => 2, RATE => 50, ATTACK => 60, GRACE => 8 };

local $ENV{SIGNPOST_TEST_TIMEOUT} = 600;
my $t       = Signpost::Test->new;
my $version = $t->run( [ $t->program('signpost'), '--version' ] )->{out};
$version =~ /libcurl/ or $t->skip_all('signpost was built without libcurl');
$t->need($_) for qw(docker-registry nginx);

# Registries of their own for those that are killed or stopped; one behind nginx for the rest.
my %registry =
    map { $_ => Signpost::Registry->start( $t, $_ ) } qw(canonical killed stopped shared);
my @images = map { image( "hello-$_.txt" => "hello $_" ) } 1 .. 4;
for my $registry ( values %registry ) {
    $registry->push( "mirror/team/app$_", $images[$_], 'v1' ) for 0 .. $#images;
}

# What a region turns into: by a file in the test's folder, which nginx looks for.
my %death = (
    notfound    => 'return 404 "404 page not found\n";',
    page        => 'return 200 "<html>Welcome</html>";',
    unavailable => 'return 503;',
    store       => 'set $objects "${objects}dead";',
);
my %type    = ( notfound => 'text/plain', page => 'text/html' );
my %port    = map { $_ => $t->port } ( keys %death, 'quota' );
my $servers = '';
for my $name ( sort keys %death ) {
    my $type = $type{$name} // 'text/html';
    $servers .= <<"EOT";
  server {
    listen 127.0.0.1:$port{$name}; default_type $type;
    set \$objects '';
    if (-f \@DIR\@/dead.$name) { $death{$name} }
    if (\$uri ~ "^/v2/.") { set \$objects "\${objects}!"; }
    if (\$objects = "dead!") { return 500; }
    location / { proxy_pass http://127.0.0.1:@{[ $registry{shared}->port ]}; }
  }
EOT
}
my $conf = $t->file(
    'front.nginx',
    <<'EOT', SERVERS => $servers =~ s/\@DIR\@/$t->folder/ger, PORT => $port{quota}, TO => $registry{shared}->port );
daemon off; master_process off; pid @DIR@/front.pid; error_log @DIR@/front.log crit;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path @DIR@/f1; fastcgi_temp_path @DIR@/f2;
  proxy_temp_path @DIR@/f3; uwsgi_temp_path @DIR@/f4; scgi_temp_path @DIR@/f5;
  limit_req_zone $server_addr zone=quota:1m rate=20r/s; limit_req_status 429;
@SERVERS@
  server { listen 127.0.0.1:@PORT@; limit_req zone=quota burst=20 nodelay;
           location / { proxy_pass http://127.0.0.1:@TO@; } }
}
EOT
$t->start( 'front', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/front.log' ] );
$t->wait_for_port( 'front', $port{quota} );

# One whose objects fail in ways of their own, by name.
my $odd = Signpost::Upstream->start( $t, 'odd' );

my %region = (
    killed      => [ 'FR', $registry{killed}->url ],
    stopped     => [ 'DE', $registry{stopped}->url ],
    notfound    => [ 'ES', "http://127.0.0.1:$port{notfound}" ],
    page        => [ 'IT', "http://127.0.0.1:$port{page}" ],
    unavailable => [ 'NL', "http://127.0.0.1:$port{unavailable}" ],
    store       => [ 'NO', "http://127.0.0.1:$port{store}" ],
    quota       => [ 'SE', "http://127.0.0.1:$port{quota}" ],
    odd         => [ 'PL', $odd->url ],
);
my @regions = sort keys %region;
my %name_of = ( $registry{canonical}->url => 'us', map { $region{$_}[1] => $_ } @regions );

# The two front doors: asking and trusting.
my %rules = (
    asking   => '',
    trusting => 'rules = ( { match = "signature"; to = [ "canonical" ]; }, '
        . '{ match = "*"; to = [ "nearest" ]; } );',
);
my %door;
for my $name ( sort keys %rules ) {
    my $state = $t->dir("$name.state");
    chmod 0755, $state;
    my $list = join ' ',
        map { "$_ = { url = \"$region{$_}[1]\"; serves = [ \"$region{$_}[0]\" ]; };" } @regions;
    my $text = <<"EOT";
name      = "registry.example.org";
prefix    = "mirror";
upstreams = { $list us = { url = "@{[ $registry{canonical}->url ]}"; }; };
canonical = [ "us" ];
state     = "$state";
prober    = "service";
health_interval = @{[INTERVAL]}; health_return = 0;
$rules{$name}
EOT
    my $socket = signpost( $t, $name, conf => $text );
    my $prober =
        Signpost::Prober->start( $t, "$name-prober", $t->file( "$name.conf", $text ), $state );
    $door{$name} = { prober => $prober, c => Signpost::FastCGI->new($socket) // die "$socket: $!" };
}

# Where a client of a region is sent.
sub where {
    my ( $door, $region, $path ) = @_;
    my $c = $door{$door}{c};
    $c->send(
        request( variables( $path, HTTP_X_CLIENT_REGION => $region{$region}[0] ), keep => 1 ) );
    my $location = ( $c->answer || {} )->{location} // '';
    my ($to) = grep { index( $location, "$_/" ) == 0 } keys %name_of;
    return $to ? $name_of{$to} : $location || 'nowhere';
}

# What strangers ask for: digests of algorithms that registries do not know, names that are
# too long with their prefix, and what is nowhere.
my $count = 0;

# One kind after the other, each for some seconds: what answers to one of them would mend
# what answers to another have done.
sub hostile {
    my ($now)  = @_;
    my $n      = ++$count;
    my $digest = sprintf 'sha256:%064x', 0xbad00000 + $n;
    my @paths  = (
        "/v2/team/app0/manifests/x:$n",
        '/v2/' . ( 'a' x 245 ) . "/manifests/$digest",
        "/v2/team/app0/blobs/$digest",
        "/v2/unknown/name$n/manifests/$digest",
        "/v2/team/app0/manifests/sha384:" . sprintf( '%096x', $n ),
        "/v2/status-500/app/blobs/$digest",
        "/v2/status-401/app/manifests/$digest",
        "/v2/reset/app/blobs/$digest",
        "/v2/status-429/app/blobs/$digest",
        "/v2/silent/app/blobs/$digest",
    );
    return $paths[ $now / 3 % @paths ];
}

# The path of an image's layer.
sub layer {
    my ($n) = @_;
    return "/v2/team/app$n/blobs/" . digest_of( $images[$n]{blobs}[1] );
}
my $tag = '/v2/team/app0/manifests/v1';

# Before: each region's layers are known, of four repositories.
for my $door ( sort keys %door ) {
    for my $region (@regions) {
        for my $n ( 0 .. 3 ) {
            where( $door, $region, layer($n) );
            where( $door, $region, $tag );
        }
    }
}
my $checked = sub {
    my $health = $_[0];
    return !grep { ( $health->{target}{$_}{check} // '' ) ne 'up' } @regions;
};
ok( $door{$_}{prober}->wait_for_health($checked), "$_: all regions are up" ) for sort keys %door;

# The attack, spread over the regions; $each is called ten times a second.
sub attack {
    my ( $seconds, $each ) = @_;
    my $began = time;
    my $sent  = 0;
    while ( ( my $now = time - $began ) < $seconds ) {
        for ( ; $sent < $now * RATE ; $sent++ ) {
            my $region = $regions[ $sent % @regions ];
            where( $_, $region, hostile($now) ) for sort keys %door;
        }
        last                                 if $each->($now);
        sleep 0.1 - ( time - $began - $now ) if time - $began - $now < 0.1;
    }
    return;
}

subtest 'regions that serve never leave' => sub {
    my ( %tags, %layers );
    my $turns = 0;
    attack(
        ATTACK,
        sub {
            for my $door ( sort keys %door ) {
                for my $region (@regions) {
                    $tags{ where( $door, $region, $tag ) eq $region ? 'right' : "$door $region" }++;
                    next if $region eq 'odd';
                    my $to = where( $door, $region, layer( $turns % 4 ) );
                    $layers{ $to eq $region ? 'right' : "$door $region $to" }++;
                }
            }
            $turns++;
            return 0;
        }
    );
    is_deeply( [ keys %tags ],   ['right'], "of $tags{right} tags each went to its region" );
    is_deeply( [ keys %layers ], ['right'], "of $layers{right} known layers, too" );
    cmp_ok( $turns, '>', ATTACK, 'all the time' );
    for my $door ( sort keys %door ) {
        my $health = $door{$door}{prober}->health;
        my @failed = grep { $health->{target}{$_}{failed} } @regions;
        is_deeply( \@failed, [], "$door: no check was bad" );
    }
    for my $door ( sort keys %door ) {    # a trusting one gains at most one a minute
        ok(
            $door{$door}{prober}->wait_for_health(
                sub {
                    where( $door, 'store', layer($_) ) for 0 .. 3;
                    return $_[0]{target}{store}{witnesses} >= 2;
                },
                120
            ),
            "$door: there are witnesses"
        );
    }
};

subtest 'regions that are dead are out in time' => sub {
    $t->stop('killed');
    $t->signal( 'stopped', 'STOP' );
    $t->file( "dead.$_", '' ) for keys %death;
    my @dead  = grep { !/^(?:quota|odd)$/ } @regions;
    my %limit = map  { $_ => INTERVAL + GRACE } @dead;
    my ( %out, %back );
    attack(
        INTERVAL + GRACE + 4,
        sub {
            my ($now) = @_;
            for my $door ( sort keys %door ) {
                for my $region (@dead) {
                    my $here = where( $door, $region, $tag ) eq $region;
                    $out{$door}{$region} //= $now if !$here;
                    $back{"$door $region"}++      if $here && defined $out{$door}{$region};
                }
            }
            return 0;
        }
    );
    for my $door ( sort keys %door ) {
        for my $region (@dead) {
            my $took = $out{$door}{$region};
            ok(
                defined $took && $took <= $limit{$region},
                sprintf '%s, %s: out after %s s',
                $door, $region, $took // 'no time'
            );
        }
        my $health = $door{$door}{prober}->health;
        is( $health->{target}{$_}{state}, 'up', "$door: $_ is up" ) for qw(quota odd us);
    }
    is_deeply( \%back, {}, 'and no tag goes there afterwards' );
    $t->signal( 'stopped', 'CONT' );
};

$t->stop($_)
    for ( map { ( $_, "$_-prober" ) } sort keys %door ), 'front', 'odd',
    qw(canonical stopped shared);
$t->done;
