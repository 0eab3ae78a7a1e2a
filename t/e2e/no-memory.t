# SPDX-License-Identifier: Apache-2.0
#
# A reload that finds no memory is refused, and the old configuration serves on: each of a
# reload's allocations fails in turn, alone and with all that follow it, in the responder and
# in the prober.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Door    qw(state_dir);
use Signpost::FastCGI qw(request variables);
use Signpost::Prober  qw(target_id);
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new->need('cc');
$t->skip_all('this is a coverage build, whose counters need memory themselves')
    if -e $t->built('src/core/child.gcno');

my $shim  = $t->folder . '/no-memory.so';
my $plan  = $t->folder . '/plan';
my $built = $t->run( [ qw(cc -shared -fPIC -o), $shim, $t->source('t/no-memory.c') ] );
is( $built->{status}, 0, 'what makes allocations fail is built' ) or diag $built->{err};

# Lets an allocation fail after so many, and with all that follow if so; below 0: none.
sub fail_after {
    my ( $left, $all ) = @_;
    open my $file, '+<:raw', $plan or die "$plan: $!";    # as it is mapped, it must not be cut
    syswrite $file, pack 'q3', $left, $all // 0, 0;
    close $file;
    return;
}

sub failed { return ( unpack 'q3', $t->slurp($plan) )[2] }

$t->file( 'plan', '' );
fail_after(-1);
local $ENV{LD_PRELOAD}   = $shim;
local $ENV{NO_MEMORY}    = $plan;
local $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} || (), 'verify_asan_link_order=0',
    'detect_leaks=1';

# A configuration with something of everything that a reload makes. France is at eu; an address
# of the database and a digest of the index are at us.
my $state        = state_dir( $t, 'state' );
my $signed       = 'sha256:' . 'a' x 64;
my $address      = '203.0.113.1';                                                  # gcp:us-central1
my @samples      = map { $t->source("t/data/ranges/$_") } qw(aws.json google.json);
my $database     = $t->folder . '/clouds.mmdb';
my $ranges       = $t->run( [ $t->program('signpost'), qw(ranges -q -o), $database, @samples ] );
my $has_database = $ranges->{status} == 0;
$t->file( 'signatures.index', "$signed\n" );
$t->file( 'more.inc',
    'places = ( { name = "onprem:berlin"; country = "DE"; latitude = 52.5; longitude = 13.4; } );'
);

sub write_conf {
    my ($host) = @_;

    # No host has a name that would have to be looked up.
    my $databases = $has_database ? 'databases = [ "clouds.mmdb" ];' : '';
    my $more      = join '',
        map { qq(p$_ = { url = "http://127.0.0.1:1/p$_/$host"; place = "JP"; }; ) } 1 .. 6;
    return $t->file( 'signpost.conf', <<"EOT");
name = "registry.example.org";
upstreams = { eu = { url = "http://127.0.0.1:1/eu/$host"; serves = [ "FR", "aws:eu-*", "onprem:berlin" ]; };
              us = { url = "http://127.0.0.1:1"; prefix = "$host"; place = "gcp:us-central1"; }; $more };
buckets = ( { provider = "aws"; regions = [ "eu-west-1", "us-east-1" ];
              url = "http://127.0.0.1:1/{region}/{digest}"; } );
canonical = [ "us" ]; state = "$state"; prober = "service"; index = "signatures.index"; $databases
trusted_proxies = [ "127.0.0.1" ]; metrics = "on"; redirect_hosts = [ "a.example.org" ];
rules = ( { match = "blob"; client = [ "10.0.0.0/8", "AS1" ]; to = [ "eu?", "us" ]; }, "default" );
pages = ( { path = "/"; url = "http://a.example.org"; } ); log = "all"; log_to = "decisions.log";
\@include "more.inc"
EOT
}

sub lines_of {
    my ( $name, $what ) = @_;
    my @lines = $t->slurp("$name.err") =~ /$what/g;
    return scalar @lines;
}

my $taken   = qr/The configuration has been read again/;
my $refused = qr/The new configuration is refused/;

# Tells a process to reload; what it says of that.
sub reload {
    my ($name) = @_;
    my %before = map { $_ => lines_of( $name, $_ ) } $taken, $refused;
    $t->signal( $name, 'HUP' );
    return $t->wait_for(
        sub {
            return 'ended'   if !$t->is_running($name);
            return 'taken'   if lines_of( $name, $taken ) > $before{$taken};
            return 'refused' if lines_of( $name, $refused ) > $before{$refused};
            return;
        }
    ) // 'nothing said';
}

# Has a process reload with each allocation failing in turn, until none does. The new
# configuration is another one each time; serves is called with what must be in use then.
my $host = 'start';

sub starve {
    my ( $name, $all, $serves ) = @_;
    my ( $n, $refusals, @wrong, $fine ) = ( 0, 0 );
    while ( !$fine && $n < 2000 && !@wrong ) {
        my $next = "n$n-$all.example.org";
        write_conf($next);
        fail_after( $n++, $all );
        my $said = reload($name);
        $fine = !failed();
        fail_after(-1);
        $host = $next if $said eq 'taken';    # a mere warning may have found no memory
        $refusals += $said eq 'refused';
        push @wrong, "$n: $said" if $said !~ ( $fine ? qr/^taken$/ : qr/^(?:refused|taken)$/ );
        push @wrong, "$n: $said, and does not serve" if !@wrong && !$serves->($host);
    }
    is_deeply( \@wrong, [],
        "$name: each reload without memory is refused, and it serves on, "
            . ( $all ? 'with all allocations failing that follow' : 'with one that fails' ) )
        or diag $t->complaints($name);
    cmp_ok( $refusals, '>', 5, "$name: $refusals of $n were refused" );
    return;
}

my $socket = $t->folder . '/door.sock';
my $listen = IO::Socket::UNIX->new( Local => $socket, Listen => 16 ) or die "$socket: $!";
my $conf   = write_conf('start');
$t->file( "$state/control", 'drained = [ "p1" ];' );
$t->start(
    'door',
    [ $t->program('signpost.fcgi') ],
    stdin => $listen,
    env   => { SIGNPOST_CONF => $conf }
);

# Where a client is sent, without scheme and with what tells the configuration.
sub goes {
    my ( $path, %variable ) = @_;
    my $c = Signpost::FastCGI->new($socket) or return 'no connection';
    $c->send( request( variables( $path, %variable ) ) );
    my $answer = $c->answer(5) || {};
    return ( $answer->{location} // 'nowhere' ) =~ s{^http://}{}r;
}

# All that a configuration's parts do: regions, database, index, log; and what is drained stays so.
my $logged = 0;
my $door   = sub {
    my ($host) = @_;
    my ( $tag, $rest ) = ( '/v2/app/manifests/v1', 'app/manifests' );
    my @goes = (
        goes( $tag,                        SIGNPOST_REGION => 'FR' ),
        goes( "/v2/app/manifests/$signed", SIGNPOST_REGION => 'FR' ),
        goes( $tag,                        SIGNPOST_REGION => 'JP' ),
        goes( $tag,                        REMOTE_ADDR     => $address ),
    );
    my @wanted = (
        "127.0.0.1:1/eu/$host/v2/$rest/v1",
        "127.0.0.1:1/v2/$host/$rest/$signed",
        "127.0.0.1:1/p2/$host/v2/$rest/v1",
        $has_database ? "127.0.0.1:1/v2/$host/$rest/v1" : $goes[3]
    );
    $logged += @goes;
    my $written = $t->wait_for( sub { ( () = $t->slurp('decisions.log') =~ /\n/g ) == $logged } );
    return $written && "@goes" eq "@wanted"
        || diag("got @goes, wanted @wanted, $logged logged") && 0;
};
ok( $door->('start'), 'the responder serves' );
starve( 'door', $_, $door ) for 0, 1;

# Some seconds in which there is none at all, while it only looks around.
sub without_memory {
    my ( $name, $serves ) = @_;
    fail_after( 0, 1 );
    sleep 3;
    my $failed = failed();
    fail_after(-1);
    ok( $t->is_running($name) && $serves->($host),
        "$name: serves on after 3 s without any memory, $failed times looked for" )
        or diag $t->complaints($name);
    return;
}
without_memory( 'door', $door );
$t->stop('door');

my $prober = Signpost::Prober->start( $t, 'prober', $conf, $state );
my $digest = 'sha256:' . 'b' x 64;
my $asks   = sub {
    my ($host) = @_;
    my $c      = $prober->try_client or return;
    my @held   = $c->ask( [ target_id( 'http://127.0.0.1:1', $host ) ], 'blobs', 'a', $digest );
    return @held == 1;
};
write_conf( $host = 'start' );
is( reload('prober'), 'taken', 'the prober has the first configuration' );
ok( $asks->('start'), '… and answers' );
starve( 'prober', $_, $asks ) for 0, 1;
without_memory( 'prober', $asks );
$t->stop('prober');
$t->done;
