# SPDX-License-Identifier: Apache-2.0
#
# check_object: a target that does not serve the pinned object, whole and from its middle
# on, gets no requests; with real registries, with a bucket, and with upstreams that damage
# what they serve.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA        qw(sha256_hex);
use Signpost::FastCGI  qw(request variables);
use Signpost::Prober   qw(use_of target_id);
use Signpost::Registry qw(image digest_of);
use Signpost::Servers  qw(signpost);
use Signpost::Test;
use Signpost::Upstream;
use Test::More;

my $t       = Signpost::Test->new;
my $version = $t->run( [ $t->program('signpost'), '--version' ] )->{out};
$version =~ /libcurl/ && $version =~ /jansson/
    or $t->skip_all('signpost was built without libcurl or jansson');

my $content = join '', map { sha256_hex($_) } 1 .. 1000;
my $digest  = 'sha256:' . sha256_hex($content);
my $file    = $t->file( 'content', $content );
my $quick = 'health_interval = 1; health_return = 1; check_object_interval = 1; probe_timeout = 2;';
my $pin   = "check_object = \"app/blobs/$digest\";";
my $count = 0;

# A prober for this part of a configuration.
sub prober {
    my ($conf)  = @_;
    my $name    = 'prober' . ++$count;
    my $state   = $t->dir("$name.state");
    my $written = $t->file( "$name.conf", <<"EOT");
name = "registry.example.org"; state = "$state"; prober = "service"; $quick
$conf
EOT
    return Signpost::Prober->start( $t, $name, $written, $state );
}

# Waits until a target has this state; its last failure.
sub state_is {
    my ( $prober, $target, $state, $what ) = @_;
    my $health = $prober->wait_for_health(
        sub {
            my $is = $_[0]{target}{$target} || {};
            return ( $is->{state} // '' ) eq $state && $is;
        }
    );
    ok( $health, $what ) or diag explain $prober->health->{target};
    return $health ? $health->{failure} // '' : '';
}

subtest 'a real registry' => sub {
    my $registry = Signpost::Registry->start( $t, 'registry' );
    my $image    = image( 'content' => $content );
    $registry->push( 'team/app', $image, 'v1' );
    my ($blob) = map { digest_of($_) } $image->{blobs}[1];
    $registry->requests;
    my $url = $registry->url;
    my %pin = (
        blob     => "team/app/blobs/$blob",
        manifest => "team/app\@$image->{digest}",
        missing  => "team/app/blobs/$digest",
    );
    for my $what ( sort keys %pin ) {
        my $prober = prober(<<"EOT");
upstreams = { eu = { url = "$url"; check_object = "$pin{$what}"; }; us = { url = "$url/us"; }; };
canonical = [ "us" ];
EOT
        my $failure = state_is( $prober, 'eu', $what eq 'missing' ? 'down' : 'up', $what );
        my ($end)   = $pin{$what} =~ /(sha256:.*)/;
        my @asked   = grep { /\Q$end/ } $registry->requests;
        if ( $what eq 'missing' ) {
            ok( $prober->wait_for_health( sub { $_[0]{target}{eu}{failure} =~ /status 404/ } ),
                '… told why' );
        }
        else {
            is( scalar( grep { /^GET/ } @asked[ 0, 1 ] ), 2, '… was fetched twice' );
            like( $asked[1], qr/ 206$/, '… the second time by Range' ) if $what eq 'blob';
        }
        is( $prober->health->{target}{us}{state}, 'up', '… where nothing is pinned, it is up' );
        is( $t->stop( $prober->{name} ),          0,    '… and the prober ends well' );
    }
};

subtest 'what is served' => sub {
    my %case = (
        right     => '',
        rangeless => '',
        damaged   => qr/check_object: damaged, 64000 bytes$/,
        truncated => qr/check_object: damaged, 32000 bytes$/,
        cut       => qr/check_object: .*(?:partial|closed|remaining)/i,
        misranged => qr/check_object: damaged, \d+ bytes of a Range$/,
    );
    my %upstream = map { $_ => Signpost::Upstream->start( $t, $_ ) } sort keys %case;
    $upstream{$_}->mode("serve $_ $file") for keys %case;
    my $list   = join ' ', map { "$_ = { url = \"@{[ $upstream{$_}->url ]}\"; };" } sort keys %case;
    my $prober = prober("upstreams = { $list }; canonical = [ \"right\" ]; $pin");
    for my $how ( sort keys %case ) {
        my $bad = $case{$how};
        state_is( $prober, $how, $bad ? 'down' : 'up', $how );
        ok( $prober->wait_for_health( sub { $_[0]{target}{$how}{failure} =~ $bad } ), '… told why' )
            if $bad;
    }
    $t->stop($_) for $prober->{name}, keys %case;
};

subtest 'an error whose body does not end' => sub {
    my $endless = Signpost::Upstream->start( $t, 'endless' );
    $endless->mode('endless-404');
    my $prober =
        prober(
        "upstreams = { us = { url = \"@{[ $endless->url ]}\"; }; }; canonical = [ \"us\" ]; $pin");
    ok(
        $prober->wait_for_health(
            sub { ( $_[0]{target}{us}{failure} // '' ) =~ /check_object: .*404/ }
        ),
        'the target is out, with the reason'
    );
    my @sent;
    ok(
        $t->wait_for(
            sub {
                push @sent, map { /^sent (\d+)/ } $endless->requests;
                return @sent;
            }
        ),
        'the connection is closed'
    );
    my ($most) = sort { $b <=> $a } @sent;
    cmp_ok( $most, '<', 16 * 1024, '… before much was read: KB that were sent, buffers included' );
    $t->stop($_) for $prober->{name}, 'endless';
};

my $new   = Signpost::Upstream->start( $t, 'new' );
my $other = Signpost::Upstream->start( $t, 'other' );

subtest 'a bucket' => sub {
    $new->mode("serve right $file");
    my $prober = prober(<<"EOT");
upstreams = { us = { url = "@{[ $other->url ]}"; check_object = ""; }; };
buckets = { cdn = { url = "@{[ $new->url ]}/v2/x/blobs/{digest}"; serves = "*"; }; };
$pin
EOT
    $new->requests;
    state_is( $prober, 'cdn', 'up', 'that serves the blob' );
    $prober->client->send( use_of( target_id( $new->url . '/v2/x/blobs/{digest}' ) ) );
    my $client = $prober->client;
    $new->mode("serve truncated $file");
    state_is( $prober, 'cdn', 'down', 'and then only a part of it' );
    is( $prober->health->{target}{us}{state}, 'up', 'a target may be left out' );
    $new->mode("serve right $file");
    state_is( $prober, 'cdn', 'up', 'all again: it comes back' );
    ok( $prober->wait_for_health( sub { $_[0]{target}{cdn}{admit} == 100 } ),
        'for all of its requests, after a while' );
    like(
        $t->slurp("$prober->{name}.err"),
        qr/"cdn" is down: check_object: damaged, (?:32000|31999) bytes/,
        'the log tells'
    );
    $t->stop( $prober->{name} );
};

# A target that truncates is added to a running system: it gets no request at all.
subtest 'a front door' => sub {
    my $state = $t->dir('front.state');
    my $old   = Signpost::Upstream->start( $t, 'old' );
    my $conf  = sub {
        my ($more) = @_;
        return <<"EOT";
name = "registry.example.org"; state = "$state"; $quick
prober = "service";
upstreams = { old = { url = "@{[ $old->url ]}"; };
              $more };
canonical = [ "old" ];
$pin
EOT
    };
    $_->mode("serve right $file") for $old;
    $new->mode("serve truncated $file");
    my $socket = signpost( $t, 'front', conf => $conf->('') );
    Signpost::Prober->start( $t, 'prober-front', $t->folder . '/front.conf', $state );
    my $ask = sub {
        my $c = Signpost::FastCGI->new($socket) // die "$socket: $!";
        $c->send( request( variables( '/v2/app/manifests/v1', HTTP_X_CLIENT_REGION => 'FR' ) ) );
        return ( ( $c->answer || {} )->{location} // '' ) =~ s{/v2/.*}{}r;
    };
    ok( $t->wait_for( sub { $t->slurp("$state/health") =~ /^target \w+ up .* old /m } ),
        'a prober is there' );
    is( $ask->(), $old->url, 'all go to the old one' );

    my $reload = sub {
        my ($more) = @_;
        $t->file( 'front.conf', $conf->($more) );
        $t->run( [ $t->program('signpost'), 'reload', '--config', $t->folder . '/front.conf' ] );
        return;
    };
    my %seen;
    $reload->( sprintf 'new = { url = "%s"; serves = [ "EU" ]; };', $new->url );
    my $told = $t->wait_for(
        sub {
            $seen{ $ask->() }++ for 1 .. 20;
            return $t->slurp("$state/health") =~ /^target \w+ down .* new check_object: damaged/m;
        }
    );
    ok( $told, 'a new one, nearer, that truncates is found out' );
    $seen{ $ask->() }++ for 1 .. 200;
    is( $seen{ $new->url } // 0, 0, 'before it gets a single request' );
    cmp_ok( $seen{ $old->url }, '>', 200, 'all of which went where they had gone' );
    $new->mode("serve right $file");
    ok( $t->wait_for( sub { $ask->() eq $new->url } ), 'once it is mended it gets them' );
    is( $t->stop('front'), 0, 'the front door stops' );
};

$t->done;
