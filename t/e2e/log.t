# SPDX-License-Identifier: Apache-2.0
#
# The log of decisions: what it says of real requests, plain and as JSON, from several
# processes, through rotation, and when it cannot be written.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Fcntl qw(O_NONBLOCK O_RDWR);
use IO::Socket::UNIX;
use JSON::PP          qw(decode_json);
use POSIX             ();
use Signpost::FastCGI qw(request variables);
use Signpost::Servers qw(signpost);
use Signpost::Test;
use Signpost::Wire qw(cgi);
use Test::More;

my $t      = Signpost::Test->new;
my $folder = $t->folder;
my $digest = 'sha256:' . 'a' x 64;

sub conf {
    my (@more) = @_;
    return join "\n", <<'EOT', @more;
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU" ]; };
              us = { url = "https://us.example.org"; place = "US"; }; };
canonical = [ "us" ];
prober    = "off";
EOT
}

# Sends requests, each [ target, more variables ], on one kept connection.
sub talk {
    my ( $socket, @requests ) = @_;
    my $c = Signpost::FastCGI->new($socket) // die "$socket: $!";
    my @status;
    for (@requests) {
        my ( $target, %more ) = @$_;
        $c->send( request( variables( $target, %more ), keep => 1 ) );
        push @status, $c->answer->{status};
    }
    return @status;
}

# The lines of a file, as soon as there are so many.
sub lines {
    my ( $file, $count ) = @_;
    my @lines;
    $t->wait_for( sub { @lines = $t->slurp($file) =~ /^.*\n/mg; @lines >= $count } );
    chomp @lines;
    return @lines;
}

# The fields of a plain line, and their names in order.
sub fields {
    my ($line) = @_;
    my ( %field, @names );
    while ( $line =~ /\G(?:^| )(\w+)=(?:"([^"]*)"|([^" ]+))/gc ) {
        push @names, $1;
        $field{$1} = $2 // $3;
    }
    return ( pos $line // 0 ) == length $line ? ( \%field, \@names ) : ( {}, [] );
}

my @hostile = (
    [ "/v2/app/blobs/$digest?q=\"\n\xff\\", HTTP_X_REQUEST_ID => qq(a"b\nstatus=200 {}\\) ],
    [ '/v2/' . "\x01" x 5000,               HTTP_X_REQUEST_ID => 'x' x 5000 ],
    [ '/v2/%00%0a',                         REQUEST_METHOD    => "G\"\nET" ],
);

subtest 'prefixes of clients' => sub {
    my $socket = signpost(
        $t,
        'prefixes',
        conf => conf(
            'log = "all"; log_client = true; log_ipv4_prefix = 8; log_ipv6_prefix = 32;',
            qq(log_to = "$folder/prefixes.log";)
        )
    );
    talk( $socket, map { [ '/v2/app/manifests/v1', REMOTE_ADDR => $_ ] } '192.0.2.77',
        '2001:db8:1:2::3' );
    my @clients = map { /\bclient=(\S+)/ } lines( 'prefixes.log', 2 );
    is_deeply( \@clients, [ '192.0.0.0/8', '2001:db8::/32' ], 'are as long as is configured' );
    $t->stop('prefixes');
};

subtest 'as JSON' => sub {
    my $socket = signpost(
        $t, 'json',
        conf => conf(
            'log = "all"; log_format = "json"; log_id_header = "X-Request-Id";',
            qq(log_to = "$folder/json.log"; log_client = true;)
        )
    );
    talk(
        $socket,
        [
            '/v2/app/manifests/v1?x=y',
            HTTP_X_CLIENT_REGION => 'FR',
            HTTP_X_REQUEST_ID    => 'abc-123',
            REMOTE_ADDR          => '192.0.2.77'
        ],
        ['/v2/'],
        @hostile
    );
    my @lines = map { decode_json($_) } lines( 'json.log', 5 );
    is( scalar @lines, 5, 'each request is a line, and JSON' );
    my $first = $lines[0];
    like( delete $first->{time}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'the time' );
    my $took = delete $first->{took};
    ok( $took > 0 && $took < 1, 'the time it took, in seconds' );
    is_deeply(
        $first,
        {
            status => 307,
            class  => 'manifest-tag',
            method => 'GET',
            path   => '/v2/app/manifests/v1?x=y',
            name   => 'app',
            target => 'eu',
            place  => 'FR',
            rule   => 6,
            reason => "nearest = eu: taken, serves the client's continent",
            id     => 'abc-123',
            client => '192.0.2.0/24',
        },
        'and all else'
    );
    is( $lines[1]{target},    undef,                                  'a ping has no target' );
    is( $lines[2]{id},        'a%22b%0Astatus=200%20{}%5C',           'a hostile id' );
    is( $lines[2]{path},      "/v2/app/blobs/$digest?q=%22%0A%FF%5C", 'a hostile query' );
    is( length $lines[3]{id}, 128,                                    'a long id is cut' );
    cmp_ok( length $lines[3]{path}, '<=', 2048, 'and a long path' );
    is( $lines[4]{method}, 'G%22%0AET', 'a hostile method' );
    my $explained = $t->run(
        [
            $t->program('signpost'), qw(explain --config),
            "$folder/json.conf",     qw(--region FR /v2/app/manifests/v1)
        ]
    )->{out};
    like( $explained, qr/^targets\s+nearest = eu: taken$/m, 'signpost explain has the same words' );
    $t->stop('json');
};

subtest 'plain, to standard error' => sub {
    my $socket =
        signpost( $t, 'plain', conf => conf('log = "all"; log_id_header = "X-Request-Id";') );
    talk( $socket, [ "/v2/app/blobs/$digest", HTTP_X_CLIENT_REGION => 'JP' ], @hostile );
    $t->wait_for( sub { () = $t->slurp('plain.err') =~ /^time=/mg; } );
    $t->stop('plain');
    my @lines = grep { /^time=/ } lines( 'plain.err', 1 );
    is( scalar @lines, 4, 'each request is a line' );
    my ( $fields, $names ) = fields( $lines[0] );
    is(
        "@$names",
        'time status class method path name target place rule took reason id',
        'the fields, in their order, and no client'
    );
    is(
        "@$fields{qw(status class method path name target place rule id)}",
        "307 blob GET /v2/app/blobs/$digest app us JP 4 -",
        'their values'
    );
    is( scalar( grep { @{ ( fields($_) )[1] } == 12 } @lines ), 4, 'the hostile ones, too' );
    unlike( "@lines", qr/127\.0\.0\.1/, 'no address of a client' );
};

subtest 'several processes, one file, and rotation' => sub {
    my $text   = conf( 'log = "all";', qq(log_to = "$folder/many.log";) );
    my @socket = map { signpost( $t, "many$_", conf => $text ) } 1 .. 3;
    my $n      = 0;
    my $some   = sub {
        for my $socket (@socket) {
            talk( $socket, map { [ '/v2/app/manifests/v' . ++$n ] } 1 .. 100 );
        }
    };
    $some->();
    rename "$folder/many.log", "$folder/many.log.1" or die "rename: $!";
    $some->();
    $t->signal( "many$_", 'USR2' ) for 1 .. 3;
    ok( $t->wait_for( sub { -e "$folder/many.log" } ), 'SIGUSR2 opens the log anew' );
    $t->wait_for(
        sub {
            my @open = map { readlink } map { glob "/proc/" . $t->pid("many$_") . '/fd/*' } 1 .. 3;
            return !grep { defined && /many\.log\.1/ } @open;
        }
    );
    $some->();
    is( $t->stop("many$_"), 0, "process $_ stops" ) for 1 .. 3;
    my ( $old, $new ) = map { $t->slurp($_) } qw(many.log.1 many.log);
    my %seen;
    my $both = $old . $new;
    $seen{$1}++ while $both =~ m{^time=\S+ .*path=/v2/app/manifests/(v\d+) .*"$}mg;
    is_deeply( \%seen, { map { +"v$_" => 1 } 1 .. $n }, "each of $n requests is logged once" );
    is( scalar( () = $both =~ /\n/g ), $n,  'and nothing else' );
    is( scalar( () = $new  =~ /\n/g ), 300, 'those after the signal in the new file' );
    is( ( stat "$folder/many.log" )[2] & 07777, 0640, 'which is not for everybody' );
};

subtest 'sampled' => sub {
    my $socket = signpost( $t, 'sampled',
        conf => conf( 'log = "sampled"; log_rate = 0.2;', qq(log_to = "$folder/sampled.log";) ) );
    talk( $socket, ( ['/v2/'] ) x 1000 );
    $t->stop('sampled');
    my $count = () = $t->slurp('sampled.log') =~ /^time=/mg;
    ok( $count > 120 && $count < 280, "about a fifth: $count of 1000" );
};

subtest 'off' => sub {
    my $socket = signpost( $t, 'off', conf => conf(qq(log_to = "$folder/off.log";)) );
    talk( $socket, ['/v2/'] );
    $t->signal( 'off', 'USR2' );
    is_deeply( [ talk( $socket, ['/v2/'] ) ], [200], 'SIGUSR2 does no harm' );
    $t->stop('off');
    ok( !-e "$folder/off.log", 'by default nothing is logged' );
};

subtest 'a reload' => sub {
    my $socket = signpost( $t, 'turned', conf => conf() );
    talk( $socket, ['/v2/before'] );
    $t->file( 'turned.conf', conf( 'log = "all";', qq(log_to = "turned.log";) ) );
    $t->signal( 'turned', 'HUP' );
    $t->wait_for( sub { $t->slurp('turned.err') =~ /has been read again/ } );
    talk( $socket, ['/v2/after'] );
    $t->stop('turned');
    like( $t->slurp('turned.log'), qr{\A\S+ .*path=/v2/after .*\n\z}, 'turns the log on' );
};

subtest 'a log that cannot be written' => sub {
    for my $to ( '/dev/full', "$folder/no/such/folder/log" ) {
        my $name   = $to =~ /full/ ? 'full' : 'missing';
        my $socket = signpost( $t, $name, conf => conf( 'log = "all";', qq(log_to = "$to";) ) );
        my @status = talk( $socket, ( ['/v2/app/manifests/v1'] ) x 1000 );
        is( scalar( grep { $_ == 307 } @status ), 1000, "$to: all requests are answered" );
        $t->wait_for( sub { $t->slurp("$name.err") =~ /log/i } );
        is( $t->stop($name), 0, '  the process ends as it should' );
        my $said = () = $t->slurp("$name.err") =~ /cannot be (?:written|opened)/g;
        is( $said, 1, '  and it was told once' ) or diag $t->slurp("$name.err");
    }

    # Standard error is a pipe that nobody reads.
    POSIX::mkfifo( "$folder/pipe", 0600 ) or die "mkfifo: $!";
    sysopen my $pipe, "$folder/pipe", O_RDWR | O_NONBLOCK or die "pipe: $!";
    my $path   = "$folder/stuck.sock";
    my $socket = IO::Socket::UNIX->new( Local => $path, Listen => 5 ) or die "$path: $!";
    my $conf   = $t->file( 'stuck.conf', conf('log = "all";') );
    $t->start(
        'stuck', [ 'sh', '-c', 'exec "$0" 2>"$1"', $t->program('signpost.fcgi'), "$folder/pipe" ],
        stdin => $socket,
        env   => { SIGNPOST_CONF => $conf },
    );
    close $socket;
    my @status = talk( $path, ( ['/v2/app/manifests/v1'] ) x 2000 );
    is( scalar( grep { $_ == 307 } @status ), 2000, 'a pipe that nobody reads: all are answered' );
    sysread $pipe, my $bytes, 1 << 20;
    my @lines = grep { /^time=/ } split /\n/, $bytes;
    is( scalar( grep { @{ ( fields($_) )[1] } == 11 } @lines ), @lines,
        '  what is in it is whole' );
    cmp_ok( scalar @lines, '<', 2000, '  and less than all' );
    is( $t->stop('stuck'), 0, '  the process ends as it should' );
};

subtest 'plain CGI' => sub {
    my $conf = $t->file( 'cgi.conf', conf( 'log = "all";', qq(log_to = "$folder/cgi.log";) ) );
    for ( 1 .. 3 ) {
        my $variables = variables( "/v2/app/manifests/v$_", SIGNPOST_CONF => $conf );
        is( cgi( $t, $t->program('signpost.fcgi'), $variables )->{status}, 307, "request $_" );
    }
    my @lines = lines( 'cgi.log', 3 );
    is(
        join( ' ', map { ( fields($_) )[0]{path} } @lines ),
        join( ' ', map { "/v2/app/manifests/v$_" } 1 .. 3 ),
        'a line a request'
    );
};

$t->done;
