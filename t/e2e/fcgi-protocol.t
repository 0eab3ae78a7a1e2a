# SPDX-License-Identifier: Apache-2.0
# FastCGI as web servers speak it, and as nobody should, to a running signpost.fcgi.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use POSIX             ();
use Signpost::FastCGI qw(:DEFAULT record begin pairs request variables
    BEGIN_REQUEST ABORT_REQUEST END_REQUEST PARAMS STDIN_RECORD DATA GET_VALUES
    GET_VALUES_RESULT UNKNOWN_TYPE);
use Signpost::Servers qw(signpost);
use Signpost::Test;
use Socket qw(SOL_SOCKET SO_SNDBUF);
use Test::More;
use Time::HiRes qw(time sleep);

my $t = Signpost::Test->new;

# The time limit is short so that the tests are.
my $conf = <<'EOT';
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU" ]; };
              us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
record_timeout = 0.5;
state = "@DIR@/state";
EOT
$t->dir('state');

my $path = signpost( $t, 'fcgi', conf => $conf );
my $get  = request( variables('/v2/app/manifests/v1') );
my $keep = request( variables('/v2/app/manifests/v1'), keep => 1 );
my $to   = 'https://us.example.org/v2/app/manifests/v1';
connect_to($path);

# A new connection; the first one may have to wait for the program to start.
sub connect_to {
    my ($where) = @_;
    return $t->wait_for( sub { Signpost::FastCGI->new($where) } ) || die "$where: $!";
}

# Whether a fresh request is answered as it should be.
sub serves {
    my ( $where, $name ) = @_;
    my $c = connect_to($where);
    $c->send($get);
    my $answer = $c->answer || {};
    return is( $answer->{location}, $to, $name );
}

# Seconds of processor time that a process has used.
sub cpu_seconds {
    my ($name) = @_;
    my $stat   = $t->slurp( '/proc/' . $t->pid($name) . '/stat' );
    my @field  = split ' ', $stat =~ s/.*\)//sr;
    return ( $field[11] + $field[12] ) / 100;
}

subtest 'connections' => sub {
    my $c = connect_to($path);
    $c->send($get);
    my $answer = $c->answer;
    is( $answer->{status},   307, 'a request is answered' );
    is( $answer->{location}, $to, 'with the upstream' );
    is( $answer->{end},      0,   'and ends well' );
    ok( $c->is_closed, 'a connection for one request is closed after it' );

    $c = connect_to($path);
    my $good = 0;
    for my $i ( 1 .. 200 ) {
        $c->send( request( variables("/v2/app/manifests/v$i"), keep => 1, id => $i ) );
        my $kept = $c->answer || {};
        $good += ( $kept->{location} || '' ) eq "https://us.example.org/v2/app/manifests/v$i";
    }
    is( $good, 200, 'a kept connection serves one request after another' );
    my @kept = map { connect_to($path) } 1 .. 50;
    $_->send($keep) for @kept;
    is( scalar( grep { ( $_->answer || {} )->{location} } @kept ), 50, 'fifty kept connections' );
    serves( $path, 'hold up nobody' );
    sleep 0.7;
    $_->send($keep) for @kept;
    is( scalar( grep { ( $_->answer || {} )->{location} } @kept ),
        50, 'and outlast the time limit, since they are idle' );
};

subtest 'management records' => sub {
    my $c     = connect_to($path);
    my @names = qw(FCGI_MAX_CONNS FCGI_MAX_REQS FCGI_MPXS_CONNS);
    $c->send( record( GET_VALUES, 0, pairs( map { $_ => '' } @names, 'FCGI_OTHER' ) ) );
    my $record = $c->next_record;
    is( $record->{type}, GET_VALUES_RESULT, 'FCGI_GET_VALUES is answered at once' );
    is(
        $record->{content},
        pairs( FCGI_MAX_CONNS => 1024, FCGI_MAX_REQS => 1024, FCGI_MPXS_CONNS => 0 ),
        'with what is known'
    );
    $c->send( record( GET_VALUES, 0, pairs( map { $_ => '' } ( $names[2] ) x 4 ) ) . $keep );
    is(
        $c->next_record->{content},
        pairs( FCGI_MPXS_CONNS => 0 ),
        'names may be repeated, and bytes may follow'
    );
    is( $c->answer->{location}, $to, 'which are a request' );
    $c->send( record( 77, 0, 'what is it', 6 ) . $keep );
    $record = $c->next_record;
    is( $record->{type},        UNKNOWN_TYPE, 'an unknown type is answered as unknown' );
    is( ord $record->{content}, 77,           'by its number' );
    is( $c->answer->{location}, $to,          'and what follows as ever' );
};

my $vars          = pairs( %{ variables('/v2/app/manifests/v1') } );
my ($one)         = pairs( REQUEST_METHOD => 'GET' );
my $end           = record( PARAMS, 1 ) . record( STDIN_RECORD, 1 );
my $begin         = begin( 1, 1 );
my $other_version = record( PARAMS, 1, $vars );
substr $other_version, 0, 1, "\2";

my @malformed = (
    'HTTP'                  => "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
    'another version first' => "\2" . substr( $begin, 1 ),
    'request number 0'      => begin( 1, 1, 0 ),
    'PARAMS first'          => record( PARAMS,        1, $vars ) . $end,
    'STDIN first'           => record( STDIN_RECORD,  1 ),
    'a short BEGIN_REQUEST' => record( BEGIN_REQUEST, 1, "\0\1\1\0" )
        . record( PARAMS, 1, $vars )
        . $end,
    'padding behind BEGIN_REQUEST' => record( BEGIN_REQUEST, 1, pack( 'nCx5', 1, 1 ), 8 )
        . record( PARAMS, 1, $vars )
        . $end,
    'variables that end in one' => $begin
        . record( PARAMS, 1, substr $vars, 0, length($vars) - 1 )
        . $end,
    'another version among the variables' => $begin
        . record( PARAMS, 1, $one )
        . $other_version
        . $end,
    'STDIN among the variables' => $begin . record( PARAMS, 1, $one ) . record( STDIN_RECORD, 1 ),
    'DATA among the variables'  => $begin . record( PARAMS, 1, $one ) . record( DATA, 1, 'x' ),
    'a management record among the variables' => $begin . record( GET_VALUES, 0, $one ),
    'BEGIN_REQUEST twice'                     => $begin . $begin,
    'FCGI_GET_VALUES cut in a name'  => record( GET_VALUES,   0, "\x0e\0FCGI" ) . $keep,
    'FCGI_GET_VALUES of 2^31 bytes'  => record( GET_VALUES,   0, "\xff\xff\xff\xfe\0" ) . $keep,
    'a record that only we send'     => record( UNKNOWN_TYPE, 0, "\1" . "\0" x 7 ),
    'management records without end' => record( 99,           0 ) x 100,
);

subtest 'malformed records' => sub {
    while ( my ( $name, $bytes ) = splice @malformed, 0, 2 ) {
        my $c = connect_to($path);
        $c->send($bytes);
        my $answer = $c->answer(5);
        ok( $answer && $answer->{closed}, "$name: the connection is closed" );
        is( $answer->{out}, '', "$name: nothing is answered" );
        serves( $path, "$name: the next request is served" );
    }
    my $c = connect_to($path);
    $c->send( substr $begin, 0, 12 );
    $c->half_close;
    ok( $c->is_closed, 'a cut BEGIN_REQUEST at the end of a connection: closed' );
    for my $role ( 2, 3, 9 ) {
        $c = connect_to($path);
        $c->send( begin( $role, 1 ) . record( PARAMS, 1, $vars ) . $end );
        is( ( $c->answer || {} )->{end}, 3, "role $role is refused as unknown" );
        ok( $c->is_closed, "role $role: the connection is closed" );
    }
    ok( $t->is_running('fcgi'), 'the process lives' );
};

# What can be read is answered, if it cannot be taken, and its connection ends afterwards.
my @refused = (
    [ 431, 'a name of 2^31 - 1 bytes', $begin . record( PARAMS, 1, "\xff\xff\xff\xff\1" ) . $end ],
    [ 431, 'a name of 2^31 - 2 bytes', $begin . record( PARAMS, 1, "\xff\xff\xff\xfe\1" ) . $end ],
    [ 431, 'a value of 1 GB',          $begin . record( PARAMS, 1, "\1\xc0\0\0\0x" ) . $end ],
    [
        431,
        'variables over 32 KB',
        $begin . record( PARAMS, 1, $vars . pairs( X => 'x' x 33_000 ) ) . $end
    ],
    [ 431, 'many records',                 $begin . record( PARAMS, 1, $vars ) x 1000 . $end ],
    [ 408, 'variables that do not end',    $begin . record( PARAMS, 1, $vars ) ],
    [ 408, 'half a record of them',        $begin . substr record( PARAMS, 1, $vars ), 0, 20 ],
    [ 408, 'variables of another request', $begin . record( PARAMS, 2, $vars ) ],
);

subtest 'requests that cannot be taken' => sub {
    for my $case (@refused) {
        my ( $status, $name, $bytes ) = @$case;
        for my $keep ( 1, 0 ) {
            substr $bytes, 10, 1, chr $keep;    # the flags
            my $c = connect_to($path);
            $c->send($bytes);
            my $answer = $c->answer(5) || {};
            is( $answer->{status}, $status, "$name: $status" );
            is( $answer->{end},    0,       '… as a whole answer' );
            my ( $head, $body ) = split /\r\n\r\n/, $answer->{out} // '', 2;
            my ($length) = ( $head // '' ) =~ /^Content-Length: (\d+)/m;
            is( length( $body // '' ), $length, '… of the length that it says' );
            like( $body, qr/^\{"errors":\[\{"code":"UNSUPPORTED",/, '… in JSON' ) if $length;
            ok( $c->is_closed(5), '… behind which the connection ends' );
        }
        serves( $path, 'the next request is served' );
    }
    my $head = pairs( %{ variables( '/v2/', REQUEST_METHOD => 'HEAD' ) } );
    for my $known ( $vars, $head, '' ) {
        my $c = connect_to($path);
        $c->send( $begin . record( PARAMS, 1, $known . pairs( X => 'x' x 33_000 ) ) . $end );
        my ($body) = ( $c->answer || {} )->{out} =~ /\r\n\r\n(.*)/s;
        is( length($body) > 0, $known eq $vars, 'a body only if it is known not to be a HEAD' );
    }
};

subtest 'requests at the same time' => sub {
    my $c = connect_to($path);
    $c->send( $begin . begin( 1, 1, 2 ) );
    my $record = $c->next_record || {};
    is( $record->{type} . ' ' . ( $record->{id} // '' ), END_REQUEST . ' 2', 'a second: ended' );
    is( ( unpack 'NC', $record->{content} )[1],          1, 'with FCGI_CANT_MPX_CONN' );
    $c->send( record( PARAMS, 2, $vars )
            . record( PARAMS,       1, $vars )
            . record( PARAMS,       2 )
            . record( PARAMS,       1 )
            . record( STDIN_RECORD, 2 )
            . record( STDIN_RECORD, 1 ) );
    is( ( $c->answer || {} )->{location}, $to, 'the first is answered' );
    $c->send($keep);
    is( ( $c->answer || {} )->{location}, $to, 'and the connection goes on' );

    $c = connect_to($path);
    my @id = map { 2 * $_ + 1 } 0 .. 299;
    $c->send( join '',
        map { request( variables("/v2/app/manifests/v$_"), keep => 1, id => $_ ) } @id );
    my %location;
    for (@id) {
        my ( $out, $end ) = $c->next_record(5);
        my ($location) = ( $out->{content} // '' ) =~ m{^Location: \S+/v(\d+)\r}m or last;
        $location{$location} = $out->{id};
        $end = $c->next_record(5) while !$end || $end->{type} != END_REQUEST;
    }
    is( join( ' ', map { $location{$_} // '-' } @id ),
        "@id", 'requests behind each other, with numbers of their own, are all answered' );

    # A body that comes late is nobody else's trouble.
    my $post = { %{ variables('/v2/app/blobs/uploads/') }, REQUEST_METHOD => 'POST' };
    $c->send(
        begin( 1, 1, 1001 ) . record( PARAMS, 1001, pairs(%$post) ) . record( PARAMS, 1001 ) );
    is( ( $c->answer(1) || {} )->{status}, 405, 'one without its body is answered' );
    for my $id ( 1003, 1005 ) {
        $c->send( record( STDIN_RECORD, 1001, 'x' x 50_000, 7 ) );
        $c->send( request( variables('/v2/app/manifests/v1'), keep => 1, id => $id ) );
        is( ( $c->answer || {} )->{location}, $to, 'and another on the same connection' );
    }
    $c->send( record( STDIN_RECORD, 1001 ) . record( ABORT_REQUEST, 1001 ) );
    $c->send( request( variables('/v2/app/manifests/v1'), id => 1007 ) );
    is( ( $c->answer || {} )->{location}, $to, 'one behind its end, too' );
    ok( $c->is_closed, 'which was to be the last' );
};

subtest 'odd but right' => sub {
    my $c = connect_to($path);
    $c->send( join '', $begin, ( map { record( PARAMS, 1, $_, ord($_) % 8 ) } split //, $vars ),
        $end );
    is( ( $c->answer || {} )->{location}, $to, 'records of one byte, padded' );
    $c->send(
        $begin . record( PARAMS, 1, pairs( ( X => '' ) x 2000, %{ variables('/v2/') } ) ) . $end );
    is( ( $c->answer || {} )->{status}, 200, '2000 variables more' );
    $c->send(
        $begin . record( PARAMS, 1, pairs( "\0" => "\0", '=' => '=', '' => '' ) . $vars ) . $end );
    is( ( $c->answer || {} )->{location},
        $to, 'names and values with NUL and "=", and of no length' );
    $c->send( $begin . record( PARAMS, 1, pairs( X => 'x' x 20_000 ) . $vars ) . $end );
    is( ( $c->answer || {} )->{location}, $to, 'a value of 20 KB' );

    for my $length ( map { 8192 * 2 + $_ } -30 .. 30 ) {
        $c->send( $begin
                . record( PARAMS, 1, pairs( X => 'x' x ( $length - length($vars) - 54 ) ) . $vars )
                . $end );
        next if ( ( $c->answer || {} )->{location} || '' ) eq $to;
        fail("a request of $length bytes");
    }
    $c->send( $begin . record( PARAMS, 1, $vars ) . record( ABORT_REQUEST, 1 ) );
    is( $c->answer->{end}, 0, 'an aborted request is ended' );
    $c->send($keep);
    is( $c->answer->{location}, $to, 'and its connection serves on' );
    $c = connect_to($path);
    $c->send( $begin
            . record( PARAMS,       1, $vars )
            . record( PARAMS,       1, '', 8 )
            . record( STDIN_RECORD, 1, '', 8 ) );
    is( ( $c->answer || {} )->{location}, $to, 'padded ends' );
    ok( $c->is_closed, 'though the connection cannot be kept then' );
};

subtest 'bodies and what comes behind' => sub {
    my $c    = connect_to($path);
    my $post = variables(
        '/v2/app/blobs/uploads/',
        REQUEST_METHOD => 'POST',
        CONTENT_LENGTH => 1_000_000
    );
    $c->send( request( $post, keep => 1, body => 'x' x 1_000_000 ) );
    is( ( $c->answer || {} )->{status}, 405, 'a request with 1 MB is answered' );
    ok( $c->is_closed, 'its connection ends' );
    for my $keep ( 1, 0 ) {
        my $whole = request( $post, keep => $keep, body => 'x' x 1_000_000 );
        for my $length ( 10_000, index( $whole, record( PARAMS, 1 ) ) + 8 ) {
            $c = connect_to($path);
            $c->send( substr $whole, 0, $length );
            my $start = time;
            is( ( $c->answer || {} )->{status}, 405, 'before the body has come' );
            cmp_ok( time - $start, '<', 0.4, '… at once' );
            ok( $c->is_closed(5), '… and the connection ends' );
        }
    }
    $c = connect_to($path);
    $c->send( $keep . $keep );
    is( ( $c->answer || {} )->{location}, $to, 'the first of two requests at once is answered' );
    ok( $c->is_closed, 'and the connection ends, so that the second can be sent again' );
};

subtest 'stalled peers' => sub {
    my @silent = map { connect_to($path) } 1 .. 20;
    my @half   = map { connect_to($path) } 1 .. 20;
    $half[$_]->send( substr $keep, 0, 1 + $_ * 3 ) for 0 .. $#half;
    my $start = time;
    serves( $path, 'others are served meanwhile' );
    cmp_ok( time - $start, '<', 0.4, 'without waiting' );
    my $closed = grep { $_->is_closed(5) } @silent, @half[ 0 .. 4 ];
    my $late   = grep { ( $_->answer(5) || {} )->{status} // '' eq '408' } @half[ 5 .. 19 ];
    is( $closed, 25, 'those who stall are closed' );
    is( $late,   15, 'or answered, if they have begun a request' );
    cmp_ok( time - $start, '<', 4,   'when their time is up' );
    cmp_ok( time - $start, '>', 0.3, 'and not before' );

    my $c = connect_to($path);
    setsockopt $c->handle, SOL_SOCKET, SO_SNDBUF, 4096;
    $c->send($keep);
    $c->answer;
    my $unread = 0;
    $unread++ while $unread < 5000 && $c->send($keep) && !$c->is_closed(0);
    $start = time;
    serves( $path, 'one who does not read his answers holds up nobody' );
    cmp_ok( time - $start, '<', 0.4, 'nor makes anybody wait' );
    ok( $t->is_running('fcgi'), 'the process lives' );
};

subtest 'the limit on descriptors' => sub {
    my $few    = $t->folder . '/few.sock';
    my $socket = IO::Socket::UNIX->new( Local => $few, Listen => 100 ) or die "$few: $!";
    $t->start(
        few   => [ 'sh', '-c', 'ulimit -n 40; exec "$0"', $t->program('signpost.fcgi') ],
        stdin => $socket,
        env   => { SIGNPOST_CONF => $t->folder . '/fcgi.conf' }
    );
    close $socket;
    my @kept = map { connect_to($few) } 1 .. 60;
    $_->send($keep) for @kept;
    my $answered = grep { defined $_->answer(0.3) } @kept[ 0 .. 9 ];
    is( $answered, 10, 'those who came first are served' );
    my $cpu = cpu_seconds('few');
    sleep 1;
    cmp_ok( cpu_seconds('few') - $cpu, '<', 0.2, 'it does not spin while others wait' );
    like( $t->slurp('few.err'), qr/limit on open files, 40, leaves room for 16 /,
        'it has said so' );
    my $last = $t->wait_for( sub { $kept[-1]->answer(1) } ) || {};
    is( $last->{location}, $to, 'the last is served in the end: idle ones have made room' );
    @kept = ();
    serves( $few, 'and anybody when the others are gone' );
    is( $t->stop('few'), 0, 'it stops' );
};

subtest 'FCGI_WEB_SERVER_ADDRS' => sub {
    for my $case ( [ '127.0.0.2,10.0.0.1', 0 ], [ '10.0.0.1,127.0.0.1', 1 ] ) {
        my ( $list, $served ) = @$case;
        my $port = $t->port;
        $t->start(
            addrs => [ $t->program('signpost.fcgi'), '--listen', "127.0.0.1:$port" ],
            env   => { SIGNPOST_CONF => $t->folder . '/fcgi.conf', FCGI_WEB_SERVER_ADDRS => $list }
        );
        my $c = connect_to("127.0.0.1:$port");
        $c->send($get);
        my $answer = $c->answer(5) || {};
        is(
            $answer->{location},
            $served ? $to : undef,
            "$list: " . ( $served ? 'served' : 'closed' )
        );
        is( $t->stop('addrs'), 0, 'it stops' );
    }
    my $socket = IO::Socket::UNIX->new( Local => $t->folder . '/bad.sock', Listen => 1 );
    my $run    = $t->run(
        [ $t->program('signpost.fcgi') ],
        stdin => $socket,
        env   => {
            SIGNPOST_CONF         => $t->folder . '/fcgi.conf',
            FCGI_WEB_SERVER_ADDRS => '127.0.0.1,web'
        }
    );
    is( $run->{status}, 1, 'a list with something else in it is refused' );
    like( $run->{err}, qr/FCGI_WEB_SERVER_ADDRS.*"web"/, 'and it is said what' );
};

# Requests without pause from so many processes, until told to stop; each writes
# how many were answered and what went wrong.
sub load {
    my ( $where, $workers, $kept ) = @_;
    my @worker;
    for ( 1 .. $workers ) {
        pipe my $read, my $write or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if ( !$pid ) {
            my ( $on, $good, @bad ) = ( 1, 0 );
            $SIG{TERM} = sub { $on = 0 };
            alarm 60;
            my $c;
            while ($on) {
                $c = undef if !$kept;
                $c ||= Signpost::FastCGI->new($where);
                if ( !$c ) { push @bad, "connect: $!"; last }
                my $sent   = $c->send( $kept ? $keep : $get );
                my $answer = $c->answer(5) || {};
                if ( ( $answer->{location} || '' ) eq $to ) { $good++; next }

                # A kept connection may be closed between requests: web servers try again then.
                if ( $kept && $answer->{closed} && !length $answer->{out} ) { $c = undef; next }
                push @bad, !$sent ? "send: $!" : $answer->{closed} ? 'closed' : 'no answer';
                last;
            }
            syswrite $write, "$good @bad\n";
            POSIX::_exit(0);
        }
        CORE::close $write;
        push @worker, { pid => $pid, read => $read };
    }
    return \@worker;
}

# Ends it: how many were answered, and the mistakes.
sub unload {
    my ($workers) = @_;
    my ( $good, @bad ) = (0);
    kill 'TERM', map { $_->{pid} } @$workers;
    for my $worker (@$workers) {
        my $read = $worker->{read};
        my ( $n, $mistake ) = split / /, <$read>, 2;
        waitpid $worker->{pid}, 0;
        $good += $n;
        chomp $mistake;
        push @bad, $mistake if length $mistake;
    }
    return ( $good, @bad );
}

subtest 'reload' => sub {
    my $file = $t->folder . '/fcgi.conf';
    my $load = load( $path, 3, 0 );
    my $kept = load( $path, 1, 1 );
    my $text = $t->slurp($file);
    for my $i ( 1 .. 20 ) {
        $t->file( 'fcgi.conf', $i % 3 ? $text : 'upstreams = nonsense' );
        $t->signal( fcgi => 'HUP' );
        sleep 0.03;
    }
    $t->file( 'fcgi.conf', "name = 7;\n" );
    $t->signal( fcgi => 'HUP' );
    ok( $t->wait_for( sub { $t->slurp('fcgi.err') =~ /fcgi\.conf:1: error/ } ),
        'a bad configuration is refused, with its line' );
    like( $t->slurp('fcgi.err'), qr/the old one goes on serving/, 'and it is said what happens' );
    serves( $path, 'the old one serves' );
    my ( $good, @bad ) = ( unload($load), unload($kept) );
    is_deeply( [ grep { !/^\d+$/ } @bad ], [], 'no request is lost' );
    cmp_ok( $good, '>', 50, "among many ($good)" );
    $t->file( 'fcgi.conf', $text =~ s/us\.example/moved.example/r );
    $t->signal( fcgi => 'HUP' );
    my $moved = $t->wait_for(
        sub {
            my $c = connect_to($path);
            $c->send($get);
            return $c->answer->{location} =~ /moved/;
        }
    );
    ok( $moved, 'a good one is taken' );
    $t->file( 'fcgi.conf', $text );
    $t->signal( fcgi => 'HUP' );
};

# One listening socket, and processes that take over from each other on it.
subtest 'orderly stop' => sub {
    my $shared = $t->folder . '/shared.sock';
    my $socket = IO::Socket::UNIX->new( Local => $shared, Listen => 512 ) or die "$shared: $!";
    my %how    = ( stdin => $socket, env => { SIGNPOST_CONF => $t->folder . '/fcgi.conf' } );
    $t->start( turn0 => [ $t->program('signpost.fcgi') ], %how );
    my $load = load( $shared, 3, 0 );
    my $kept = load( $shared, 2, 1 );
    for my $i ( 1 .. 10 ) {
        $t->start( "turn$i" => [ $t->program('signpost.fcgi') ], %how );
        sleep 0.1;
        my $start = time;
        is( $t->stop( 'turn' . ( $i - 1 ), $i % 2 ? 'TERM' : 'USR1' ),
            0, 'the process stops, with status 0' );
        cmp_ok( time - $start, '<', 3, 'soon' );
    }
    my ( $good, @bad ) = ( unload($load), unload($kept) );
    is_deeply( [ grep { !/^\d+$/ } @bad ], [], 'no request is lost' );
    cmp_ok( $good, '>', 50, "among many ($good)" );

    # What has been sent, but not been accepted, when the signal comes.
    $t->stop('turn10');
    $t->start( last => [ $t->program('signpost.fcgi') ], %how );
    serves( $shared, 'one more process' );
    close $socket;
    $t->signal( last => 'STOP' );
    my @waiting = map { connect_to($shared) } 1 .. 20;
    $_->send($keep) for @waiting[ 0 .. 18 ];
    $t->signal( last => 'TERM' );
    $t->signal( last => 'CONT' );
    is( scalar( grep { ( $_->answer || {} )->{location} } @waiting[ 0 .. 18 ] ),
        19, 'who had connected and sent is answered' );
    $waiting[19]->send($get);
    is( ( $waiting[19]->answer || {} )->{location}, $to,   'and who sends within a second' );
    is( $t->wait_end('last'),                       0,     'then it ends' );
    is( Signpost::FastCGI->new($shared),            undef, 'nobody listens' );
};

is( $t->stop('fcgi'), 0, 'the first process stops, with status 0' );
$t->done;
