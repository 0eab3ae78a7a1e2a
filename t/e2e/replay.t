# SPDX-License-Identifier: Apache-2.0
#
# signpost replay: what a new configuration changes for the requests of a log. A million
# made-up lines with known answers, and the access logs of real web servers, whose
# requests must come out as they were answered.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP          ();
use Signpost::Servers qw(signpost lighttpd nginx apache_fcgid);
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $json     = JSON::PP->new->utf8;
my $hex      = 'ab' x 32;

my $now = $t->file( 'now.conf', <<'EOT' );
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU", "AF" ]; };
              us = { url = "https://us.example.org"; }; };
buckets   = ( { name = "cdn"; url = "https://cdn.example.org/{digest}"; serves = "JP"; } );
canonical = [ "us" ];
EOT

# France moves, Japan's bucket goes, and a region of its own comes.
my $then = $t->file( 'then.conf', <<'EOT' );
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU", "AF" ]; };
              us = { url = "https://us.example.org"; };
              fr = { url = "https://fr.example.org"; serves = "FR"; }; };
canonical = [ "us" ];
EOT

sub replay {
    my (@more) = @_;
    return $t->run( [ $signpost, 'replay', '--config', $now, '--against', $then, @more ] );
}

sub replay_json {
    my (@more) = @_;
    my $run = replay( '--json', @more );
    $t->skip_all('signpost was built without jansson') if $run->{err} =~ /without jansson/;
    is( $run->{err}, '', 'nothing on stderr' );
    return $json->decode( $run->{out} );
}

my %near    = ( FR => 'eu', DE => 'eu', KE => 'eu', US => 'us', JP => 'us', '-' => 'us' );
my @regions = sort keys %near;
my %asked   = (
    'manifest-tag'    => 'manifests/v1',
    'manifest-digest' => "manifests/sha256:$hex",
    'blob'            => "blobs/sha256:$hex",
    'signature'       => "manifests/sha256-$hex.sig",
    'tags-list'       => 'tags/list?n=100',
);
my @classes = sort keys %asked;

# Where a request of this class from there goes, under either configuration.
sub target_now {
    my ( $class, $region ) = @_;
    return 'us' if $class =~ /^(?:signature|tags-list)\z/;
    return $class eq 'blob' && $region eq 'JP' ? 'cdn' : $near{$region};
}

sub target_then {
    my ( $class, $region ) = @_;
    return 'us' if $class =~ /^(?:signature|tags-list)\z/;
    return $region eq 'FR' ? 'fr' : $near{$region};
}

sub line {
    my ( $target, $bytes, $region ) = @_;
    return qq(192.0.2.7 - - [23/Nov/2026:20:00:00 +0000] "GET /v2/team/app/$target HTTP/1.1" )
        . qq(307 $bytes "-" "containerd/1.7" "$region"\n);
}

subtest 'a million lines with known answers' => sub {
    my ( %want, %load, $text );
    my $lines = 0;
    open my $log, '>', $t->folder . '/million.log' or die $!;
    for my $class (@classes) {
        for my $region (@regions) {
            my $count = 33_333 + 7 * length($class) - ord $region;
            my $bytes = 100 + length $class;
            print {$log} line( $asked{$class}, $bytes, $region ) x $count;
            $lines += $count;
            my ( $from, $to ) = ( target_now( $class, $region ), target_then( $class, $region ) );
            $load{$from}{now} += $count;
            $load{$to}{then}  += $count;
            $want{"$class $region $from $to"} = [ $count, $count * $bytes ] if $from ne $to;
        }
    }
    print {$log} line( '..%2f..', 0, 'FR' ), "no line\n", qq(h - - [x] "-" 400 0\n);
    close $log or die $!;

    my $got = replay_json( '--quoted', '4=X-Client-Region', $t->folder . '/million.log' );
    my %got = map {
        ( "$_->{class} $_->{client} $_->{now} $_->{then}" => [ $_->{requests}, $_->{bytes} ] )
    } @{ $got->{changes} };
    is_deeply( \%got, \%want, 'every change, to the request and the byte' );
    is( $got->{requests},   $lines + 1, 'all requests' );
    is( $got->{unreadable}, 1,          'one line is none' );
    is( $got->{no_request}, 1,          'one holds no request' );
    my %loads = map { ( $_->{name} => $_ ) } @{ $got->{targets} };
    for my $name (qw(eu us cdn fr)) {
        is( $loads{$name}{$_} || 0, $load{$name}{$_} || 0, "requests for $name $_" )
            for qw(now then);
    }
    my ($example) = map { $_->{example} } grep { $_->{class} eq 'blob' } @{ $got->{changes} };
    is( $example, "/v2/team/app/$asked{blob}", 'an example' );
};

subtest 'for people, and for CI' => sub {
    my $log = $t->file( 'small.log',
        line( $asked{blob}, 10, 'FR' ) . line( $asked{blob}, 10, 'US' ) x 3 );
    my @quoted = ( '--quoted', '4=X-Client-Region' );
    my $run    = replay( @quoted, $log );
    is( $run->{status}, 0, 'a change is no failure by itself' );
    like( $run->{out}, qr/^1 of them \(25\.00 %\) are answered differently/m, 'the sum' );
    like( $run->{out}, qr/^ +1 +10 +blob +FR +eu → fr$/m,                     'the change' );
    like( $run->{out}, qr/^ +1 +0 +-100\.00 %  eu$/m, 'what a target loses' );
    like( $run->{out}, qr/^ +0 +1 +new  fr$/m,        'what a target gets' );
    unlike( $run->{out}, qr/192\.0\.2\.7/, 'no address' );
    is( replay( @quoted, '--fail-over', '25%',   $log )->{status}, 0, 'not over 25 %' );
    is( replay( @quoted, '--fail-over', '24.9%', $log )->{status}, 1, 'over 24.9 %' );
    like(
        replay( @quoted, '--fail-over', '1', $log )->{err},
        qr/25 % of the requests change, more than 1 %\./,
        'which it says'
    );
    like(
        replay(
            '--top', '1', @quoted, $log, $t->file( 'more.log', line( $asked{blob}, 1, 'JP' ) )
        )->{out},
        qr/and 1 more kinds of change/,
        'not all are shown'
    );
    is( replay_json( @quoted, '--skip', '1', $log )->{changed}, 0, 'lines can be passed over' );
    open my $in, '<', $log or die $!;
    $run = $t->run( [ $signpost, 'replay', '--config', $now, '--against', $now, @quoted, '-' ],
        stdin => $in );
    like( $run->{out}, qr/^0 of them \(0\.00 %\)/m, 'the same configuration changes nothing' );
};

subtest 'mistakes' => sub {
    my $log = $t->file( 'none.log', "nothing\nof use\n" );
    like( replay($log)->{err}, qr/holds no request that can be read/, 'no log at all' );
    is( replay($log)->{status}, 1, '  fails' );
    like(
        replay( $t->folder . '/nowhere.log' )->{err},
        qr/nowhere\.log cannot be read: No such/,
        'no file'
    );
    my $half = $t->file( 'half.log', "junk\n" . line( $asked{blob}, 1, 'JP' ) );
    is( replay($half)->{status}, 0, 'lines that cannot be read are no failure by themselves' );
    my $run = replay( '--fail-over', '49%', $half );
    is( $run->{status}, 1, '  but more of them than may change are' );
    like( $run->{err}, qr/50 % of the lines cannot be read, more than the 49 %/,
        '  which it says' );
    is( replay( '--fail-over', '50%', $half )->{status}, 0, '  not as many' );

    for my $wrong (
        [ '--quoted',    '4' ],
        [ '--quoted',    '0=X' ],
        [ '--fail-over', 'x' ],
        [ '--fail-over', '101' ],
        [ '--top',       '-1' ],
        ['--nothing']
        )
    {
        is( replay(@$wrong)->{status}, 2, "@$wrong" );
    }
    is( $t->run( [ $signpost, 'replay' ] )->{status}, 2, 'against what?' );
};

# Requests that web servers write into their logs with escapes, and plain ones.
my @odd = (
    '/v2/',                            "/v2/a/manifests/v1",
    "/v2/a/blobs/sha256:$hex",         "/v2/a/blobs/sha256%3A$hex",
    "/v2/a/manifests/sha256-$hex.sig", '/v2/a/tags/list?last=x&n=5',
    '/v2/%22/manifests/x',             "/v2/a/referrers/sha256:$hex?artifactType=a%2Bb",
    '/v2/a%5C%22/manifests/v1',        '/',
    '/v2/a/../b/manifests/v1',         '/v2/a"b\\c/manifests/v1',
);

for my $server ( [ nginx => \&nginx ], [ lighttpd => \&lighttpd ], [ apache => \&apache_fcgid ] ) {
    my ( $name, $start ) = @$server;
    subtest "the log of $name" => sub {
        my $log   = $t->folder . "/$name.access";
        my %extra = (
            nginx    => "access_log $log combined;",
            lighttpd => qq(server.modules += ( "mod_accesslog" )\naccesslog.filename = "$log"),
            apache   =>
                qq(LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"" c\n)
                . "CustomLog $log c",
        );
        my $conf   = $t->slurp($now);
        my $socket = $name eq 'apache' ? undef : signpost( $t, "$name-fcgi", conf => $conf );
        my $port   = $start->(
            $t, $name,
            socket => $socket,
            conf   => $conf,
            extra  => $extra{$name}
        );
        my ( %want, $answered );
        for my $target (@odd) {
            my $answer = http( $port, 'GET', $target );
            next if !$answer->{status} || $answer->{status} == 400 && $answer->{body} =~ /html/i;
            $answered++;
            my ($to) = ( $answer->{header}{location} // '' ) =~ m{^https://(\w+)\.example};
            $want{$to}++ if $to;
        }
        $t->stop($name);    # writes the log out
        my $got = replay_json($log);
        cmp_ok( $got->{requests}, '>=', $answered, 'every answered request is there' );
        is( $got->{unreadable}, 0, 'every line can be read' );
        my %got = map { ( $_->{name} => $_->{now} ) } @{ $got->{targets} };
        is_deeply( \%got, \%want, 'and goes where it went' ) or diag $t->slurp($log);
    };
}

for my $format (qw(plain json)) {
    subtest "signpost's own log, $format" => sub {
        my $log  = $t->folder . "/own.$format.log";
        my $conf = $t->slurp($now) . qq(log = "all"; log_to = "$log"; log_format = "$format";\n);
        my $port = nginx(
            $t, "own-$format",
            socket => signpost( $t, "own-$format-fcgi", conf => $conf ),
            extra  => 'fastcgi_param HTTP_X_CLIENT_REGION $http_x_client_region;'
        );
        my %want;
        for my $region (qw(FR KE US)) {
            for my $target (@odd) {
                my $answer = http( $port, 'GET', $target, 'X-Client-Region' => $region );
                my ($to) = ( $answer->{header}{location} // '' ) =~ m{^https://(\w+)\.example};
                $want{$to}++ if $to;
            }
        }
        $t->stop("own-$format-fcgi");    # writes the log out
        my $got = replay_json($log);
        is( $got->{unreadable}, 0, 'every line can be read' );
        my %got = map { ( $_->{name} => $_->{now} ) } grep { $_->{now} } @{ $got->{targets} };
        is_deeply( \%got, \%want, 'every request goes where it went' ) or diag $t->slurp($log);
        is( ( grep { $_->{client} eq 'FR' } @{ $got->{changes} } ) > 0,
            1, 'and would go elsewhere' );
    };
}

# Every class from every country changes, and so do pages and what is refused; places come from
# a header of the log, as addresses do.
subtest 'many changes of all kinds' => sub {
    my $places    = $t->run( [ $signpost, 'places' ] )->{out};
    my @countries = $places =~ /^([A-Z]{2})\t/mg;
    cmp_ok( scalar @countries, '>', 200, 'there are many countries' );
    my $before = $t->file( 'before.conf', <<'EOT' );
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; }; };
canonical = [ "us" ]; forwarded_header = "X-Forwarded-For"; trusted_proxies = [ "10.0.0.0/8" ];
pages     = ( { path = "/"; url = "https://www.example.org/"; }, { path = "/privacy"; url = "https://www.example.org/1"; } );
EOT
    my $after = $t->file( 'after.conf', <<'EOT' );
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; }; };
canonical = [ "eu" ]; forwarded_header = "X-Forwarded-For"; trusted_proxies = [ "10.0.0.0/8" ];
pages     = ( { path = "/privacy"; url = "https://www.example.org/2"; }, { path = "/new"; url = "https://www.example.org/"; } );
EOT
    my $line = sub {
        my ( $target, $region, $forwarded, $method ) = @_;
        return
              '10.0.0.1 - - [28/Nov/2026:21:30:00 +0000] "'
            . ( $method // 'GET' )
            . qq( $target HTTP/1.1" 307 7 "-" "x" "$region" "$forwarded"\n);
    };
    my @lines = map {
        my $country = $_;
        map { $line->( "/v2/app/$_", $country, '-' ) } values %asked
    } @countries;
    push @lines, map { $line->( $_, '-', '192.0.2.1, 10.0.0.2' ) } '/', '/privacy', '/new',
        '/nowhere';
    push @lines, map { $line->( '/v2/app/manifests/v1', '-',  $_ ) } 'unknown', '-', '192.0.2.1';
    push @lines, map { $line->( '/v2/app/manifests/v1', 'FR', '-', $_ ) } qw(HEAD POST);
    push @lines, qq(10.0.0.1 - - [28/Nov/2026:21:30:00 +0000] "-" 408 0 "-" "-"\n);
    push @lines, qq(10.0.0.1 - - [28/Nov/2026:21:30:00 +0000] "\\x16\\x03" 400 0 "-" "-"\n);
    my @call = (
        $signpost,  qw(replay --top 0 --quoted 4=SIGNPOST_REGION --quoted 5=X-Forwarded-For),
        '--config', $before, '--against', $after, $t->file( 'kinds.log', join '', @lines )
    );
    my $run = $t->run( \@call );
    is( $run->{status}, 0, 'the log is read' ) or diag $run->{err};
    my $changed = 5 * @countries + 3 + 4;    # all but /nowhere and POST
    like( $run->{out}, qr/^$changed of them /m, 'all that changes is counted' )
        or diag substr $run->{out}, 0, 3000;
    like( $run->{out}, qr/answered 404/, 'what was a page is none' );
    like( $run->{out}, qr/a page/,       'and what was none is one' );
    $run = $t->run( [ @call, '--fail-over', '50%' ] );
    is( $run->{status}, 1, 'that is more than half' );
};

$t->done;
