# SPDX-License-Identifier: Apache-2.0
#
# Peers on the responder's own socket that send anything: halves of requests, several at once,
# records of one byte and of 64 KB, aborts, noise; and that go away in the middle of an answer
# or never read one. Meanwhile clients of nginx and lighttpd get their answers, and afterwards
# nothing is left of it all: no descriptor, no work.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util        qw(shuffle);
use POSIX             ();
use Signpost::FastCGI qw(record begin pairs request variables
    BEGIN_REQUEST ABORT_REQUEST PARAMS STDIN_RECORD DATA GET_VALUES);
use Signpost::Load;
use Signpost::Servers qw(signpost nginx lighttpd);
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;
use Time::HiRes qw(time sleep);

use constant { PEERS => 4, OPEN_MAX => 60, SECONDS => 6 };

my $t    = Signpost::Test->new;
my $seed = $ENV{SIGNPOST_TEST_SEED} || time ^ $$;
note "SIGNPOST_TEST_SEED=$seed";
my $path   = '/v2/app/manifests/v1';
my $to     = "https://us.example.org$path";
my $socket = signpost( $t, 'door', conf => <<"EOT");
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
prober    = "off";
state     = "${\ $t->folder }";
record_timeout = 0.7;
EOT
my $vars = pairs( %{ variables($path) } );

sub dice { return int rand $_[0] }

# A request's records, one by one: its variables cut anywhere, padded, with a body or not.
sub records {
    my ($id)  = @_;
    my @list  = ( begin( dice(20) ? 1 : dice(9), dice(4) ? 1 : 0, $id ) );
    my $bytes = $vars . ( dice(5) ? '' : pairs( X => 'x' x dice(50_000) ) );
    my $size  = dice(3) ? length $bytes : 1 + dice(200);
    push @list, map { record( PARAMS, $id, $_, dice(3) ? 0 : dice(256) ) } unpack "(a$size)*",
        $bytes;
    splice @list, dice( scalar @list ), 0, record( ABORT_REQUEST, $id ) if !dice(8);
    push @list, record( PARAMS, $id, '', dice(9) ? 0 : dice(256) );
    push @list, map { record( STDIN_RECORD, $id, 'b' x dice(65_535), dice(256) ) } 1 .. dice(4)
        if !dice(3);
    push @list, record( STDIN_RECORD, $id ) if dice(4);
    return @list;
}

# Requests of several numbers, their records mixed, but those of each in order.
sub mixed {
    my @queue = map { [ records( 1 + dice(5) ) ] } 1 .. 1 + dice(4);
    my $bytes = '';
    while ( @queue = grep { @$_ } @queue ) {
        $bytes .= shift @{ $queue[ dice( scalar @queue ) ] };
    }
    return $bytes;
}

sub noise {
    my $bytes = request( variables($path), keep => 1 );
    substr $bytes, dice( length $bytes ), 1, chr dice(256) for 0 .. dice(3);
    return $bytes;
}

my @sends = (
    sub { return mixed() },
    sub { return mixed() },
    sub { return substr mixed(), 0, 1 + dice(300) },
    sub {
        return join '', begin( 1, 1 ), ( map { record( PARAMS, 1, $_ ) } split //, $vars ),
            dice(2) ? record( PARAMS, 1 ) : '';
    },
    sub {
        return join '', map { request( variables($path), keep => 1, id => $_ ) } 1 .. 1 + dice(200);
    },
    sub { return request( variables($path), keep => dice(2) ) x ( 1 + dice(3) ) },
    sub { return record( dice(12),     dice(3), 'x' x dice(9), dice(9) ) x ( 1 + dice(30) ) },
    sub { return record( GET_VALUES,   0, pairs( FCGI_MAX_CONNS => '' ) ) x ( 1 + dice(30) ) },
    sub { return record( STDIN_RECORD, 1 + dice(5), 'x' x 65_535, 255 ) x dice(5) },
    sub { return noise() },
    sub {
        return join '', map { chr dice(256) } 1 .. dice(100);
    },
    sub { return '' },
);

# Sends this, as far as the responder takes it at once, and reads or does not.
sub send_some {
    my ($c)   = @_;
    my $bytes = $sends[ dice( scalar @sends ) ]->();
    my @parts = dice(3) ? ($bytes) : unpack 'a' . ( 1 + dice(40) ) . 'a*', $bytes;
    for my $part (@parts) {
        last if !defined syswrite $c->handle, $part;
    }
    return if dice(2);
    sysread $c->handle, my $got, dice(2) ? 65_536 : 1 + dice(100);
    return;
}

sub be_hostile {
    my ($number) = @_;
    srand $seed + $number;
    local $SIG{PIPE} = 'IGNORE';
    my $end = time + SECONDS;
    my @open;
    while ( time < $end ) {
        my $c = @open && dice(2) ? $open[ dice( scalar @open ) ] : Signpost::FastCGI->new($socket);
        next if !$c;
        sleep 0.002;    # the socket's backlog is not to run over
        $c->handle->blocking(0);
        push @open, $c if !grep { $_ == $c } @open;
        send_some($c);
        splice @open, dice( scalar @open ), 1 if @open > OPEN_MAX || !dice(3);
    }
    return;
}

sub descriptors { return scalar( () = glob '/proc/' . $t->pid('door') . '/fd/*' ) }

sub cpu_seconds {
    my @field = split ' ', $t->slurp( '/proc/' . $t->pid('door') . '/stat' ) =~ s/.*\)//sr;
    return ( $field[11] + $field[12] ) / POSIX::sysconf( POSIX::_SC_CLK_TCK() );
}

sub memory_kb {
    return ( $t->slurp( '/proc/' . $t->pid('door') . '/status' ) =~ /VmRSS:\s+(\d+)/ )[0];
}

sub pull {
    my ($port)   = @_;
    my $start    = time;
    my $answer   = http( $port, GET => $path );
    my $location = $answer->{header}{location} // '';
    return '' if $location eq $to && time - $start < 4;
    return join ' ', $answer->{status} // 'no answer', $location, time - $start;
}

my %port = (
    nginx => $t->find('nginx') && nginx(
        $t, 'nginx',
        socket   => $socket,
        upstream => 'keepalive 16;',
        extra    => 'fastcgi_keep_conn on;'
    ),
    lighttpd => $t->find('lighttpd') && lighttpd( $t, 'lighttpd', socket => $socket ),
);
my @servers = grep { $port{$_} } sort keys %port;
is( pull( $port{$_} ), '', "$_: a pull before" ) for @servers;
my $before = descriptors();
my $memory = memory_kb();

my %load = map {
    my $port = $port{$_};
    ( $_ => Signpost::Load->new( 2, sub { pull($port) } ) )
} @servers;
my @peers = map {
    my $number = $_;
    my $pid    = fork // die "fork: $!";
    if ( !$pid ) {
        be_hostile($number);
        POSIX::_exit(0);
    }
    $pid
} 1 .. PEERS;
waitpid $_, 0 for @peers;
for (@servers) {
    my ( $good, @wrong ) = $load{$_}->end;
    is_deeply( \@wrong, [], "$_: no pull is lost" );
    cmp_ok( $good, '>=', 20, "… of many ($good)" );
    is( pull( $port{$_} ), '', '… nor one afterwards' );
}
ok( $t->is_running('door'),                                   'the responder lives' );
ok( $t->wait_for( sub { descriptors() <= $before + 4 }, 20 ), 'no connection is left' )
    or diag descriptors() . " descriptors, $before before";
sleep 1;
my $cpu = cpu_seconds();
sleep 2;
cmp_ok( cpu_seconds() - $cpu, '<', 0.1, 'and nothing to do' );
my $sanitized = $t->slurp( '/proc/' . $t->pid('door') . '/maps' ) =~ /lib[at]san/;
cmp_ok( memory_kb() - $memory, '<', 20_000, 'it needs little more memory' ) if !$sanitized;
my $messages = () = $t->slurp('door.err') =~ /^/mg;
cmp_ok( $messages, '<', 20, "few messages were written ($messages)" );
$t->stop($_) for @servers;
is( $t->stop('door'), 0, 'it stops in order' );
$t->done;
