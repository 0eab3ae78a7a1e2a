# SPDX-License-Identifier: Apache-2.0
#
# The index's sources: `signpost index publish` writes one into a folder, nginx serves it, and
# `signpost index pull` or the prober fetches it, from which on CGI and FastCGI send what it lists
# to the canonical registry. What is wrong is refused, and the one before serves on.
#
# SIGNPOST_KILLS: how often the prober is killed while it fetches (20).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use IO::Socket::INET;
use Signpost::Certificates;
use Signpost::Prober;
use Signpost::Servers qw(signpost lighttpd plain_server);
use Signpost::Stub;
use Signpost::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Signpost::Test->new->need(qw(nginx lighttpd openssl));

my $ca       = Signpost::Certificates->new( $t, 'tls' );
my $regional = Signpost::Stub->new( $t, 'regional' );
my $central  = Signpost::Stub->new( $t, 'central' );
my $signpost = $t->program('signpost');
my $port     = $t->port;
my $mark     = $t->port;
my $www      = $t->dir('www');
my $openssl  = $t->find('openssl');
my $stuck    = IO::Socket::INET->new( LocalAddr => '127.0.0.1', Listen => 50 );    # never answers

sub serve {
    my ( $cert, $key ) = $ca->sign('localhost');
    my $conf = $t->file(
        'nginx.conf',
        <<'EOT', STUCK => $stuck->sockport, MARK => $mark, PORT => $port, CERT => $cert, KEY => $key );
daemon off; master_process off; worker_processes 1;
pid @DIR@/nginx.pid; error_log @DIR@/nginx.log;
events { worker_connections 256; }
http {
  access_log @DIR@/access.log; default_type application/octet-stream;
  client_body_temp_path @DIR@/n1; fastcgi_temp_path @DIR@/n2; proxy_temp_path @DIR@/n3;
  uwsgi_temp_path @DIR@/n4; scgi_temp_path @DIR@/n5;
  server { listen 127.0.0.1:@MARK@; access_log off; return 204; }
  server {
    listen 127.0.0.1:@PORT@ ssl;
    ssl_certificate @CERT@; ssl_certificate_key @KEY@;
    root @DIR@/www;
    location /slow/ { limit_rate 400k; }
    location /stuck/ { proxy_pass http://127.0.0.1:@STUCK@; }
    location /drip/ { limit_rate 8; }
    location /faulty/ { return 503; }
    location /moved/ { rewrite ^/moved/(.*) /one/$1 redirect; }
    location /away/ { return 302 http://127.0.0.1:1/; }
  }
}
EOT
    $t->start( 'nginx', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/nginx.log' ] );
    $t->wait_for_port( 'nginx', $port );
    return;
}
serve();

# Where a list of sources is, and which keys sign it; a state directory of this name.
sub conf {
    my ( $state, $sources, $more ) = @_;
    $sources =~ s{(\w+)}{"https://localhost:$port/$1/"}g;
    $more //= '';
    return <<"EOT";
name      = "registry.example.org";
upstreams = { regional = { url = "${\ $regional->url }"; serves = [ "EU" ]; };
              central  = { url = "${\ $central->url }"; }; };
canonical = [ "central" ];
rules     = ( { match = "signature-digest"; to = [ "canonical" ]; }, { match = "*"; to = [ "nearest" ]; } );
state     = "${\ $t->dir($state) }";
ca_file   = "${\ $ca->authority }";
prober    = "service";
index_sources  = $sources;
index_interval = 1;
$more
EOT
}

my $number = 0;

sub conf_file { return $t->file( 'conf' . ++$number . '.conf', conf(@_) ) }

sub index_command {
    my (@arguments) = @_;
    return $t->run( [ $signpost, 'index', @arguments ] );
}

# ---- indexes and lists ----

sub digest { return 'sha256:' . sha256_hex(@_) }

# The line of a signature's digest, made of any text.
sub line { return digest( $_[0] ) . " team/app\n" }

sub index_file {
    my ( $name, @texts ) = @_;
    return $t->file( $name, join '', sort map { line($_) } @texts );
}

sub publish {
    my ( $source, $file, @more ) = @_;
    return index_command(
        'publish', '--name', 'registry.example.org', @more,
        $t->dir("www/$source"),
        ref $file ? @$file : $file
    );
}

sub published { return $t->slurp("$www/$_[0]/index") }

# Writes a list by hand: words of the first line, and the files' contents.
sub handmade {
    my ( $source, $words, @contents ) = @_;
    my %value = (
        registry => 'registry.example.org',
        source   => $source,
        serial   => 1,
        time     => '2026-11-28T21:30:00Z',
        %$words
    );
    my @order = ( qw(registry source serial time), grep { $_ eq 'shrinks' } keys %value );
    my $list  = '# signpost-index 1' . join( '', map { " $_=$value{$_}" } @order ) . "\n";
    for my $content (@contents) {
        my $name = 'sha256-' . sha256_hex($content);
        $t->dir("www/$source");
        $t->file( "www/$source/$name", $content );
        $list .= digest($content) . ' ' . length($content) . " $name\n";
    }
    $t->dir("www/$source");
    rename $t->file( "www/$source/index.new", $list ), "$www/$source/index" or die $!;
    return $list;
}

# ---- the front door ----

my $http = HTTP::Tiny->new( max_redirect => 0, timeout => 20 );

sub goes {
    my ( $front, $text ) = @_;
    my $answer = $http->head( "http://127.0.0.1:$front/v2/team/app/blobs/" . digest($text) );
    my $where  = $answer->{headers}{location} // "nowhere ($answer->{status})";
    return
          index( $where, $central->url ) == 0  ? 'central'
        : index( $where, $regional->url ) == 0 ? 'regional'
        :                                        $where;
}

sub has {
    my ( $conf, $text ) = @_;
    return index_command( 'has', '--config', $conf, 'team/app@' . digest($text) )->{status} == 0;
}

# What nginx was asked since the last time, "PATH STATUS" each.
my $seen = 0;

sub asked {
    HTTP::Tiny->new( verify_SSL => 0 )->get("http://127.0.0.1:$mark/");
    my @all = $t->slurp( $t->folder . '/access.log' ) =~ m{"GET (\S+) HTTP/1.1" (\d+ )}g;
    my @new = @all[ $seen .. $#all ];
    $seen = @all;
    return map { join ' ', @new[ 2 * $_, 2 * $_ + 1 ] } 0 .. @new / 2 - 1;
}

# As if a source had been published an hour before.
sub age {
    my ($source) = @_;
    utime time - 3600, time - 3600, glob "$www/$source/*";
    return;
}

sub pull {
    my ($conf) = @_;
    return index_command( 'pull', '--config', $conf );
}

sub fetched_list {
    return join '', map { $t->slurp($_) } glob "$_[0]/index/*/list";
}

# Every file that a fetched list names is there, whole.
sub is_whole {
    my ($state) = @_;
    for ( split /\n/, fetched_list($state) ) {
        my ( $hex, $size ) = /^sha256:(\w+) (\d+) / or next;
        my $content = $t->slurp( glob "$state/index/*/sha256-$hex" );
        return 0 if length $content != $size || sha256_hex($content) ne $hex;
    }
    return 1;
}

# ---- tests ----

subtest 'publish' => sub {
    local $ENV{SOURCE_DATE_EPOCH} = 1764365400;
    my $run = publish( one => index_file( 'a.index', 1 .. 30 ) );
    is( $run->{status}, 0, 'writes a source' ) or diag $run->{err};
    like( $run->{out}, qr/www\/one: serial 1, 1 file, not signed\.$/, 'says what' );
    my ( $first, $only, @rest ) = split /\n/, published('one');
    like(
        $first,
        qr/^# signpost-index 1 registry=registry\.example\.org source=[0-9a-f]{16} serial=1 time=2025-11-28T21:30:00Z$/,
        'the list begins with registry, source, serial and time'
    );
    my ( $digest, $size, $name ) = split / /, $only;
    my $content = $t->slurp("$www/one/$name");
    is( $content,          $t->slurp( $t->folder . '/a.index' ), 'its file has the lines' );
    is( $digest,           digest($content),                     'and its digest' );
    is( $size,             length $content,                      'and size' );
    is( scalar @rest,      0,                                    'nothing else' );
    is( $name =~ tr/-/:/r, $digest, 'the file is named by its digest' );

    my $inode = ( stat "$www/one/index" )[1];
    like( publish( one => "${\ $t->folder }/a.index" )->{out}, qr/unchanged/, 'again' );
    is( ( stat "$www/one/index" )[1], $inode, 'nothing is written' );

    publish( two => "${\ $t->folder }/a.index" );
    is( published('two'), published('one'), 'elsewhere, the same bytes' );

    publish( one => index_file( 'a.index', 1 .. 33 ) );
    my @lines = split /\n/, published('one');
    like( $lines[0], qr/serial=2 /, 'lines more: the next serial' );
    is( $lines[1],                   $only,              'the file before stays' );
    is( ( split / /, $lines[2] )[1], 3 * length line(1), 'the new ones are in one of their own' );

    publish( one => index_file( 'a.index', 2 .. 33 ) );
    @lines = split /\n/, published('one');
    is( scalar @lines, 3, 'a line fewer: the file with it is written anew' );
    isnt( $lines[2], $only, 'as another' );
    ok( -e "$www/one/$name", 'which the list before still names, so it is kept' );
    publish( one => index_file( 'a.index', 2 .. 34 ) );
    ok( !-e "$www/one/$name", 'until the next list' );

    publish( one => index_file( 'a.index', 1 .. 34 + $_ ) ) for 1 .. 12;
    @lines = split /\n/, published('one');
    cmp_ok( scalar @lines, '<', 11, 'small files are folded' );
    my %all = map { $_ => 1 }
        map { split /\n/, $t->slurp( "$www/one/" . ( split / / )[2] ) } @lines[ 1 .. $#lines ];
    is_deeply(
        [ sort keys %all ],
        [ sort map { line($_) =~ s/\n//r } 1 .. 46 ],
        'all lines are there'
    );

    publish( many => index_file( 'many.index', 1 .. 3000 ) );
    my $before = published('many');
    $run = publish( many => index_file( 'many.index', 1 .. 1000 ) );
    is( $run->{status}, 1, 'many lines fewer are refused' );
    like( $run->{err}, qr/would list 1000 lines in place of 3000: .* --shrinks/, 'and why' );
    is( published('many'), $before, 'nothing is changed' );
    publish( many => "${\ $t->folder }/many.index", '--shrinks' );
    like( published('many'), qr/serial=2 .* shrinks=2\n/, 'unless they are meant' );

    publish( rot => index_file( 'rot.index', 1 .. 9 ) );
    my ($rot) = published('rot') =~ /(sha256-\S+)$/m;
    my $whole = $t->slurp("$www/rot/$rot");
    $t->file( "www/rot/$rot", $whole =~ s{app\n\z}{bpp\n}r );
    $run = publish( rot => index_file( 'rot.index', 1 .. 10 ), '--add' );
    like(
        $run->{err},
        qr/rot lacks \Q$rot\E, or has it damaged, so nothing can be added: copy it/,
        'to a file of other bytes in order nothing is added'
    );
    $run = publish( rot => index_file( 'rot.index', 1 .. 9 ) );
    is( $t->slurp("$www/rot/$rot"), $whole, 'and it is not kept' ) or diag $run->{err};

    my $damaged = published('rot') . "nonsense\n";
    $t->file( 'www/rot/index', $damaged );
    {
        local $ENV{TZ} = ':No/Where';    # the C library does not find it
        $run = publish( rot => index_file( 'rot.index', 1 .. 9 ) );
    }
    is( $run->{status}, 1, 'a list that is damaged is not taken for none' );
    like( $run->{err}, qr/:3: "nonsense" is neither a file/, 'and why' );
    is( published('rot'), $damaged, 'it stays' );

    $run = publish( many => $t->file( 'bad.index', "sha256:0\n" ) );
    is( $run->{status}, 1, 'a bad file is refused' );
    $run = publish( many => [] );
    is( $run->{status}, 2, 'a folder alone is not enough' );
};

subtest 'from a source to answers, without a prober' => sub {
    my $state = $t->dir('s-pull');
    my $text  = conf( 's-pull', '[ moved ]' );
    my $conf  = $t->file( 'pull.conf', $text );
    my $cgi   = plain_server( $t, 'cgi', conf => $text, region => 'EU' );
    is( goes( $cgi, 40 ), 'regional', 'nothing is known' );
    my $run = pull($conf);
    is( $run->{status}, 0, 'pull' ) or diag $run->{err};
    like( $run->{out}, qr{/moved/: serial \d+, 46 lines\.}, 'says what there is' );
    is( goes( $cgi, 40 ),      'central',  'CGI knows' );
    is( goes( $cgi, 'other' ), 'regional', 'and what is not listed' );
    is( fetched_list($state), published('one'), 'the list is the publisher\'s' );
    ok( is_whole($state), 'its files are whole' );

    publish( one => index_file( 'a.index', 1 .. 50 ) );
    is( pull($conf)->{status}, 0,         'another list' );
    is( goes( $cgi, 50 ),      'central', 'is taken' );
    my %named = map { ( split / / )[2] => 1 } grep { /^sha256/ } split /\n/, published('one');
    is_deeply(
        [ sort map { s{.*/}{}r } glob "$state/index/*/sha256-*" ],
        [ sort keys %named ],
        'what no list names is removed'
    );
    my ($some) = glob "$state/index/*/sha256-*";
    truncate $some, 10 or die $!;
    is( pull($conf)->{status}, 0, 'a file that was cut short' );
    ok( is_whole($state), 'is fetched again' );
    like(
        $t->run( [ $signpost, 'check', $conf ] )->{err},
        qr/warning: index_sources: no `index_keys` are set, so whoever/,
        'check says what it means that nothing is signed'
    );
    my $plain = $text =~ s{"https://localhost:}{"http://registry.example.org:}r;
    $run = $t->run( [ $signpost, 'check', $t->file( 'plain.conf', $plain ) ] );
    like(
        $run->{err},
        qr/is not encrypted: use https, or set `index_keys`/,
        'without TLS or keys, the configuration is refused'
    );
};

# ---- what is refused ----

my $good = join '', sort map { line($_) } 1 .. 20;
my $more = join '', sort map { line($_) } 1 .. 25;

# The second line and the third in the place of each other.
sub swapped {
    my ( $first, $second, $third, @rest ) = split /^/, $_[0];
    return join '', $first, $third, $second, @rest;
}

# Each changes a source that was pulled as serial 5, with $good.
my @refused = (
    [
        'an older serial',
        qr/has serial 4, which is older than .* 5/,
        sub { handmade( bad => { serial => 4 }, $more ) }
    ],
    [
        'the same serial with other files',
        qr/other files than before under the same serial, 5/,
        sub { handmade( bad => { serial => 5 }, $more ) }
    ],
    [
        'the index of another registry',
        qr/is the index of other\.example\.org, and this front door is registry\.example\.org/,
        sub { handmade( bad => { serial => 6, registry => 'other.example.org' }, $more ) }
    ],
    [
        'a wrong hash',
        qr/has other bytes than its list says: its sha256 is wrong/,
        sub {
            handmade( bad => { serial => 6 }, $more );
            $t->file( 'www/bad/sha256-' . sha256_hex($more), $more =~ s/team/Team/r );
        }
    ],
    [
        'a file that is longer than its list says',
        qr/has more bytes than it should/,
        sub {
            handmade( bad => { serial => 6 }, $more );
            $t->file( 'www/bad/sha256-' . sha256_hex($more), $more . line('x') );
        }
    ],
    [
        'a file that is shorter',
        qr/has fewer bytes than its list says: 1 are missing/,
        sub {
            handmade( bad => { serial => 6 }, $more );
            $t->file( 'www/bad/sha256-' . sha256_hex($more), substr $more, 0, -1 );
        }
    ],
    [
        'a file that was taken away',
        qr/cannot be read: the answer is 404/,
        sub {
            handmade( bad => { serial => 6 }, $more );
            unlink "$www/bad/sha256-" . sha256_hex($more);
        }
    ],
    [
        'lines out of order',
        qr{sha256-\w+ of \S+/bad/:3: the line is not in order},
        sub { handmade( bad => { serial => 6 }, swapped($more) ) }
    ],
    [
        'a file that is no index',
        qr/is no line of an index/,
        sub { handmade( bad => { serial => 6 }, "<html>\n" ) }
    ],
    [
        'a file that is too large',
        qr/:2: .* is neither a file/,
        sub {
            my $list = handmade( bad => { serial => 6 }, $more );
            $t->file( 'www/bad/index', $list =~ s/ \d+ (?=sha256-)/ 9999999999 /r );
        }
    ],
    [
        'a list that is too long',
        qr/has at most 65536 bytes/,
        sub { $t->file( 'www/bad/index', handmade( bad => { serial => 6 }, $more ) x 999 ) }
    ],
    [
        'a list that was cut short',
        qr/the list is torn/,
        sub { $t->file( 'www/bad/index', substr handmade( bad => { serial => 6 }, $more ), 0, -1 ) }
    ],
    [
        'a page in its place',
        qr/this is no list of an index/,
        sub { $t->file( 'www/bad/index', "<html></html>\n" ) }
    ],
    [ 'no list', qr/cannot be read: the answer is 404/, sub { unlink "$www/bad/index" } ],
    [
        'bytes that are no text, and could tell a terminal what to do',
        qr/bad\/:3: "a\?\[31m\?\?31m\?\?31m" is neither a file/,
        sub {
            $t->file( 'www/bad/index',
                handmade( bad => { serial => 6 }, $more ) . "a\e[31m\xff\x{9b}31m\xc2\x{9b}31m\n" );
        }
    ],
    [
        'a list in an encoding of its own',
        qr/this is no list|the list is torn/,
        sub { $t->file( 'www/bad/index', "\0" x 100 . "\n" ) }
    ],
);

subtest 'what is refused' => sub {
    my $state = $t->dir('s-bad');
    my $conf  = conf_file( 's-bad', '[ bad ]' );
    handmade( bad => { serial => 5 }, $good );
    is( pull($conf)->{status}, 0, 'a good one' );
    my $before = fetched_list($state);
    for my $case (@refused) {
        my ( $what, $why, $make ) = @$case;
        $make->();
        my $run = pull($conf);
        is( $run->{status}, 1, $what );
        like( $run->{err}, qr/An index source is refused: /, "$what: said" );
        like( $run->{err}, $why,                             "$what: why" );
        ok( fetched_list($state) eq $before && is_whole($state) && has( $conf, 20 ),
            "$what: the one before serves on" );
    }
    my ($refused) =
        $t->slurp( glob "$state/index/*/status" ) =~ /^source \w+ 5 \d+ 20 \d+ \d+ (\d+) \S/;
    is( $refused, scalar @refused, 'all are counted' );
    is_deeply( [ glob "$state/index/*/.*.new" ], [], 'nothing is left behind' );
    handmade( bad => { serial => 6 }, $more );
    is( pull($conf)->{status}, 0, 'a good one' );
    ok( has( $conf, 25 ), 'is taken again' );

    handmade( bad => { serial => 7 }, join '', sort map { line($_) } 1 .. 3000 );
    pull($conf);
    handmade( bad => { serial => 8 }, $good );
    like(
        pull($conf)->{err},
        qr/has 20 lines, and had 3000: if that is meant, .* --shrinks/,
        'many lines fewer'
    );
    ok( has( $conf, 3000 ), 'are refused' );
    handmade( bad => { serial => 9, shrinks => 8 }, $good );
    is( pull($conf)->{status}, 0, 'unless the list, or one before it, says that it is meant' );
    ok( !has( $conf, 3000 ), 'then they are gone' );
    my $run = pull( conf_file( 's-away', '[ away ]' ) );
    like(
        $run->{err},
        qr/is not followed: only addresses that begin with https/,
        'TLS is not left by a redirect'
    );
};

subtest 'mirrors' => sub {
    my $state = $t->dir('s-mirrors');
    my $conf  = conf_file( 's-mirrors', '( [ m1, m2 ], other )' );
    handmade( m1    => { source => 'm', serial => 1 }, $good );
    handmade( m2    => { source => 'm', serial => 2 }, $more );
    handmade( other => { serial => 7 }, line('other') );
    my $run = pull($conf);
    is( $run->{status}, 0, 'the newest list of several mirrors' ) or diag $run->{err};
    ok( has( $conf, 25 ),      'is taken' );
    ok( has( $conf, 'other' ), 'and joined with other sources' );
    $run = pull($conf);
    is( $run->{status}, 0, 'an older mirror' );
    like( $run->{err}, qr/passed over in part: .* older/, 'is passed over' );
    handmade( m2 => { source => 'm', serial => 1 }, $good );
    $run = pull($conf);
    is( $run->{status}, 1, 'if all are older' );
    like( $run->{err}, qr/is refused: .* older/, 'the source is refused' );
    ok( has( $conf, 25 ), 'and the one before serves on' );
    handmade( m1 => { source => 'm', serial => 3 }, line('new') );
    handmade( m2 => { source => 'm', serial => 4 }, line('newer') );
    unlink "$www/m2/sha256-" . sha256_hex( line('newer') );
    $run = pull($conf);
    is( $run->{status}, 0, 'where the newest is bad' );
    ok( has( $conf, 'new' ), 'the next one is taken' );
};

subtest 'mirrors that do not come to an end' => sub {
    handmade( $_ => { source => 'm', serial => 9 }, $good ) for qw(drip quick);
    my @conf  = map { conf_file( "s-$_", "[ faulty, $_, quick ]" ) } qw(stuck drip);
    my $pulls = join ' & ', map { "'$signpost' index pull --config '$_'" } @conf;
    asked();
    my $began = time;
    my $run   = $t->run( [ 'sh', '-c', "$pulls & wait" ] );
    cmp_ok( time - $began, '<', 45, 'are given up' );
    ok( has( $_, 20 ), 'and the next one is asked' ) for @conf;
    is( scalar( grep { m{^/faulty/} } asked() ), 2, 'one that is not well is asked once' );
};

# ---- signatures ----

sub openssl {
    my (@arguments) = @_;
    my $run = $t->run( [ $openssl, @arguments ] );
    $run->{status} == 0 or die "openssl @arguments: $run->{err}";
    return $run->{out};
}

sub key_files {
    my ( $name, @kind ) = @_;
    my ( $key,  $pub )  = map { $t->folder . "/$name.$_" } qw(key pub);
    openssl( 'genpkey', @kind, '-out', $key );
    openssl( 'pkey', '-in', $key, '-pubout', '-out', $pub );
    return ( $key, $pub );
}

subtest 'signatures' => sub {
    my @p256 = qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256);
    my ( $key, $pub )   = key_files( 'first', @p256 );
    my ( $next, $npub ) = key_files( 'next', qw(-algorithm ED25519) );
    my ( $odd, $opub )  = key_files( 'odd', qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-384) );
    my $keys  = qq(index_keys = [ "$pub", "$npub" ];);
    my $conf  = conf_file( 's-signed', '[ signed ]', $keys );
    my $state = $t->dir('s-signed');
    publish( signed => index_file( 's.index', 1 ) );
    like( pull($conf)->{err}, qr/is not signed by any of `index_keys`/, 'no signature: refused' );

    my $run = publish( signed => index_file( 's.index', 1 ), '--key', $key );
    like( $run->{out}, qr/serial 1, 1 file, signed\.$/, 'publish signs' ) or diag $run->{err};
    my ( $body, $base64 ) = published('signed') =~ /\A(.*)signature (\S+)\n\z/s;
    $t->file( 'body',  $body );
    $t->file( 'sig64', "$base64\n" );
    openssl( 'base64', '-d', '-A', '-in', $t->folder . '/sig64', '-out', $t->folder . '/sig' );
    like(
        openssl(
            'dgst', '-sha256', '-verify', $pub, '-signature',
            map { $t->folder . "/$_" } qw(sig body)
        ),
        qr/Verified OK/,
        'as openssl verifies it'
    );
    is( pull($conf)->{status}, 0, 'it is taken' );
    like(
        publish( signed => index_file( 's.index', 1 ), '--key', $key )->{out},
        qr/signed, unchanged/,
        'again: the same signature'
    );
    $run = publish( signed => index_file( 's.index', 1, 2 ) );
    like(
        $run->{err},
        qr/is signed, and readers with keys would refuse/,
        'a signed list is not replaced by one that is not'
    );

    publish( signed => index_file( 's.index', 1, 2 ), '--key', $next );
    is( pull($conf)->{status}, 0, 'another key, Ed25519' );
    ok( has( $conf, 2 ), 'is taken' );
    my $rotated = conf_file( 's-signed', '[ signed ]', qq(index_keys = [ "$pub" ];) );
    publish( signed => index_file( 's.index', 1 .. 3 ), '--key', $next );
    is( pull($rotated)->{status}, 1, 'but not once its key was taken out' );
    ok( !has( $rotated, 3 ), 'the one before serves on' );
    my ($signature) = published('signed') =~ /(signature .*)/;
    $t->file( 'www/signed/index', published('signed') =~ s/serial=3/serial=4/r );
    like( pull($conf)->{err}, qr/is not signed by any/, 'nor is a list that was changed' );
    like(
        publish( signed => index_file( 's.index', 1 ), '--key', $odd )->{err},
        qr/has no private key in PEM form, of ECDSA P-256 or Ed25519/,
        'nor a key of another kind'
    );
    $run = pull( conf_file( 's-odd', '[ signed ]', qq(index_keys = [ "$opub" ];) ) );
    like( $run->{err}, qr/has no public key in PEM form/, 'nor as a public one' );
    my $odd_conf = conf_file( 's-odd', '[ signed ]', qq(index_keys = [ "$pub", "$opub" ];) );
    $run = $t->run( [ $signpost, 'check', $odd_conf ] );
    is( $run->{status}, 1, 'which check finds' );
    like( $run->{err}, qr/\Q$opub\E has no public key/, 'and which of the keys it is' );

    $run = publish( elsewhere => index_file( 's.index', 1 .. 4 ), '--unsigned-list' );
    is( $run->{status}, 0, 'a list waits for another signer' );
    ok( !-e "$www/elsewhere/index", 'and is not published before' );
    my $list = $t->file( 'to-sign', $run->{out} );
    openssl( 'dgst', '-sha256', '-sign', $key, '-out', $t->folder . '/raw', $list );
    my $made = $t->file( 'made', openssl( 'base64', '-in', $t->folder . '/raw' ) );
    $run = index_command( 'publish', '--signature', $made, "$www/elsewhere" );
    like( $run->{out}, qr/serial 1, 1 file, signed\.$/, 'its signature is added' )
        or diag $run->{err};
    ok( !-e "$www/elsewhere/index.unsigned", 'nothing waits any more' );
    my $other = conf_file( 's-elsewhere', '[ elsewhere ]', $keys );
    is( pull($other)->{status}, 0, 'and it is taken' );
    ok( has( $other, 4 ), 'with its lines' );

SKIP: {
        my $cosign  = $t->find('cosign') or skip( 'cosign is not installed', 1 );
        my $prefix  = $t->folder . '/cosign';
        my %offline = (
            COSIGN_PASSWORD => '',
            HTTPS_PROXY     => 'http://127.0.0.1:1',
            TUF_ROOT        => $t->dir('tuf')
        );
        $t->run( [ $cosign, 'generate-key-pair', '--output-key-prefix', $prefix ],
            env => \%offline );
        my $printed = publish( elsewhere => index_file( 's.index', 1 .. 5 ), '--unsigned-list' );
        my $signed  = $t->run(
            [
                $cosign, 'sign-blob', '--yes', '--tlog-upload=false', '--key', "$prefix.key",
                $t->file( 'to-sign', $printed->{out} )
            ],
            env => \%offline
        );
        index_command( 'publish', '--signature', $t->file( 'made', $signed->{out} ),
            "$www/elsewhere" );
        $run = pull(
            conf_file( 's-elsewhere', '[ elsewhere ]', qq(index_keys = [ "$prefix.pub" ];) ) );
        is( $run->{status}, 0, 'cosign sign-blob signs, too' ) or diag "$signed->{err}$run->{err}";
    }
};

# ---- whose list it is, and who has signed it ----

subtest 'a list of another source' => sub {
    my ( $key, $pub ) = key_files( 'both', qw(-algorithm ED25519) );
    my $keys = qq(index_keys = [ "$pub" ];);
    publish( a => index_file( 'a.index', 1 .. 9 ),   '--key', $key );
    publish( a => index_file( 'a.index', 1 .. 10 ),  '--key', $key );
    publish( b => index_file( 'b.index', 21 .. 22 ), '--key', $key );
    my $conf = conf_file( 's-bound', '( a, b )', $keys );
    is( pull($conf)->{status}, 0, 'two sources, with one key' );
    my $own = published('b');
    system( 'cp', glob("$www/a/*"), "$www/b/" ) == 0 or die 'cp';
    my $run = pull($conf);
    is( $run->{status}, 1, 'the list of one in the place of the other' );
    like(
        $run->{err},
        qr{refused: \S+/b/ has the list of \S+/a/, which is another of `index_sources`: name mirrors},
        'is refused'
    );
    ok( has( $conf, 22 ), 'the one before serves on' );
    $run = pull( conf_file( 's-bound2', '( a, b )', $keys ) );
    like( $run->{err}, qr{/b/ has the list of \S+/a/}, 'nor is it taken at first' );

    my $heals = conf_file( 's-heals', '( late, c )', $keys );
    $t->dir("www/$_") for qw(late c);
    system( 'cp', glob("$www/a/*"), "$www/c/" ) == 0 or die 'cp';
    pull($heals);
    ok( has( $heals, 10 ), 'where the first source is not there yet, it is not known' );
    system( 'cp', glob("$www/a/*"), "$www/late/" ) == 0 or die 'cp';
    $t->file( 'www/c/index', $own );
    system( 'cp', ( grep { !/index$/ } glob "$www/b/*" ), "$www/c/" ) == 0 or die 'cp';
    $run = pull($heals);
    is( $run->{status}, 0, 'later each has its own' ) or diag $run->{err};
    ok( has( $heals, 10 ) && has( $heals, 22 ), 'and both serve' );

    my $alone = conf_file( 's-alone', '( b )', $keys );
    $t->file( 'www/b/index', $own );
    is( pull($alone)->{status}, 0, 'a source alone' );
    $t->file( 'www/b/index', published('a') );
    like(
        pull($alone)->{err},
        qr/has the list of another source than before, \w{16} in place of \w{16}: if it was begun anew/,
        'keeps to the lists that came first'
    );
    ok( has( $alone, 22 ), 'and serves on' );
};

# Copies what a source has to another.
sub copy_source {
    my ( $from, $to ) = @_;
    system( 'cp', glob("$www/$from/*"), $t->dir("www/$to") ) == 0 or die 'cp';
    return;
}

subtest 'a source that is another no more' => sub {
    my $state = $t->dir('s-freed');
    handmade( first => { serial => 1 }, $good );
    copy_source( first => 'second' );
    handmade( third => { serial => 1 }, $more );
    age($_) for qw(first second third);
    my $run = pull( conf_file( 's-freed', '( first, second )' ) );
    like( $run->{err}, qr/which is another of `index_sources`/, 'is refused before' );
    $run = pull( conf_file( 's-freed', '( third, second )' ) );
    is( $run->{status}, 0, 'and taken at once' ) or diag $run->{err};
};

subtest 'two sources that took the same list' => sub {
    my $state = $t->dir('s-both');
    handmade( twin1 => { source => 'twin', serial => 1 }, $good );
    copy_source( twin1 => 'twin2' );
    pull( conf_file( 's-both', '( twin2 )' ) );
    my $conf = conf_file( 's-both', '( twin1, twin2 )' );
    like( pull($conf)->{err}, qr/which is another of `index_sources`/, 'one is refused' );
    is( scalar( () = glob "$state/index/*/list" ),     1, 'and its list is removed' );
    is( scalar( () = glob "$state/index/*/sha256-*" ), 1, 'with its file' );
    ok( has( $conf, 20 ), 'the other serves' );
};

# A list that is there, but cannot be read, as where there are no descriptors for it.
subtest 'what was fetched cannot be read' => sub {
    my $state = $t->dir('s-unread');
    my $conf  = conf_file( 's-unread', '( unread1, unread2 )' );
    handmade( unread1 => { serial => 1 }, $good );
    handmade( unread2 => { serial => 1 }, $more );
    is( pull($conf)->{status}, 0, 'two sources' );
    my ($list) = grep { $t->slurp($_) =~ /source=unread1/ } glob "$state/index/*/list";
    my $folder = $list =~ s{/list$}{}r;
    my @before = glob "$folder/sha256-*";
    rename $list, "$folder/kept" or die $!;
    symlink 'kept', $list or die $!;
    handmade( unread1 => { serial => 2 }, $more );
    my $run = pull($conf);
    is( $run->{status}, 1, 'a list that cannot be read' );
    like( $run->{err}, qr{\Q$list\E cannot be read: .*\. Nothing there is changed}, 'is said' );
    is_deeply( [ glob "$folder/sha256-*" ], \@before, 'its files stay' );
    like(
        $run->{err},
        qr{What was fetched from \S+/unread1/ cannot be read},
        'and no source after it is compared with nothing'
    );
    unlink $list or die $!;
    rename "$folder/kept", $list or die $!;
    is( pull($conf)->{status}, 0, 'later it can' );
    ok( has( $conf, 25 ), 'and all goes on' );
};

subtest 'too many keys' => sub {
    my $keys = join ', ', map { "\"key$_\"" } 1 .. 65;
    my $run  = $t->run(
        [ $signpost, 'check', conf_file( 's-many', '[ a ]', "index_keys = [ $keys ];" ) ] );
    is( $run->{status}, 1, 'are refused' );
    like( $run->{err}, qr/index_keys: there can be at most 64 keys/, 'and why' );
};

subtest 'keys are changed' => sub {
    my ( $old, $old_pub ) = key_files( 'old', qw(-algorithm ED25519) );
    my ( $new, $new_pub ) = key_files( 'new', qw(-algorithm ED25519) );
    my $state  = $t->dir('s-keys');
    my $before = conf_file( 's-keys', '[ keys ]', qq(index_keys = [ "$old_pub" ];) );
    my $after  = conf_file( 's-keys', '[ keys ]', qq(index_keys = [ "$new_pub" ];) );
    my $asked  = sub { ( split / /, $t->slurp( glob "$state/index/*/status" ) )[6] };
    publish( keys => index_file( 'k.index', 1 .. 2000 ), '--key', $old );
    publish( keys => index_file( 'k.index', 1 .. 2001 ), '--key', $old );
    is( pull($before)->{status}, 0, 'a list that is signed by a key' );
    cmp_ok( $asked->(), '>', 0, 'is a good answer' );
    my $run = pull($after);
    is( $run->{status}, 1, 'with another key in its place it is refused' );
    like(
        $run->{err},
        qr/What was fetched from it before is not signed by any of `index_keys`, either\. It serves on/,
        'and so is what was fetched'
    );
    ok( has( $after, 2001 ), 'which serves on' );
    is( $asked->(), 0, 'with an alarm' );
    like(
        $t->run( [ $signpost, 'state', '--config', $after ] )->{out},
        qr{/keys/: serial 2, .*\n.*\n +ALARM: it is not confirmed\. What was fetched serves on},
        'that state shows'
    );

    unlink glob "$www/keys/*";
    publish( keys => index_file( 'k.index', 1 .. 3 ), '--key', $new );
    is( pull($after)->{status}, 0,
        'what the new key has signed is taken: begun anew, and smaller' );
    ok( has( $after, 3 ) && !has( $after, 4 ), 'and what was there before is gone' );
    cmp_ok( $asked->(), '>', 0, 'and so is the alarm' );
};

# ---- what is not asked for again ----

subtest 'the same is not sent again' => sub {
    my $state = $t->dir('s-again');
    my $conf  = conf_file( 's-again', '[ again ]' );
    handmade( again => { serial => 1 }, $good );
    my $file = 'sha256-' . sha256_hex($good);
    age('again');
    asked();
    is( pull($conf)->{status}, 0, 'a list and its file' );
    is_deeply( [ asked() ], [ '/again/index 200 ', "/again/$file 200 " ], 'are sent' );
    is( pull($conf)->{status}, 0, 'again' );
    is_deeply( [ asked() ], ['/again/index 304 '], 'neither is sent' );
    unlink glob "$state/index/*/$file";
    is( pull($conf)->{status}, 0, 'where a file is lost' );
    is_deeply( [ asked() ], [ '/again/index 200 ', "/again/$file 200 " ], 'both are' );

    handmade( again => { serial => 2 }, "<html>\n" );
    age('again');
    like( pull($conf)->{err}, qr/is no line of an index/, 'what is refused' );
    is( scalar( () = asked() ), 2, 'is sent' );
    my $run = pull($conf);
    is( $run->{status}, 1, 'again' );
    like( $run->{err}, qr/is no line of an index/, 'it is refused' );
    is_deeply( [ asked() ], ['/again/index 304 '], 'and not sent' );
    my ($seen_file) = glob "$state/index/*/seen";
    my $text = $t->slurp($seen_file) =~ s/\t(\d{10})\t/"\t" . ( $1 - 3600 ) . "\t"/er;
    $t->file( $seen_file =~ s{^\Q${\ $t->folder }\E/}{}r, $text );
    is( pull($conf)->{status},  1, 'an hour later' );
    is( scalar( () = asked() ), 2, 'it is judged anew' );
    handmade( again => { serial => 2 }, $more );
    $t->file( 'www/again/sha256-' . sha256_hex($more), $more . line('x') );
    age('again');
    pull($conf);
    asked();
    like( pull($conf)->{err}, qr/has more bytes than/, 'a file with more bytes than listed' );
    is_deeply( [ asked() ], ['/again/index 304 '], 'is not sent again, either' );
    handmade( again => { serial => 2 }, $more );
    is( pull($conf)->{status}, 0, 'what is published later' );
    ok( has( $conf, 25 ), 'is taken' );
};

# ---- the prober ----

# The processes that a process has started.
sub children { return split / /, $t->slurp("/proc/$_[0]/task/$_[0]/children") }

subtest 'a source that hangs' => sub {
    my $state = $t->dir('s-hang');
    my $conf  = $t->file( 'hang.conf', conf( 's-hang', '( stuck, well )' ) );
    publish( well => index_file( 'well.index', 1 ) );
    Signpost::Prober->start( $t, 'hang', $conf, $state );
    ok( $t->wait_for( sub { has( $conf, 1 ) } ), 'hinders no other' );
    publish( well => index_file( 'well.index', 1, 2 ) );
    ok( $t->wait_for( sub { has( $conf, 2 ) } ), 'not later, either' );
    like(
        $t->run( [ $signpost, 'state', '--config', $conf ] )->{out},
        qr{/stuck/: never asked\n.*/well/: serial 2, 2 lines}s,
        'whose status is written'
    );
    my $pid = $t->pid('hang');
    ok( children($pid) > 0, 'it is still asked' );
    $t->file( 'hang.conf',
        conf( 's-hang', '( stuck )', 'index_interval = 3600;' ) =~ s/index_interval = 1;//r );
    my ($first) = children($pid);
    $t->signal( hang => 'HUP' );
    ok(
        $t->wait_for(
            sub {
                !grep { $_ == $first } children($pid);
            }
        ),
        'a reload ends that'
    );
    $t->stop('hang');
};

subtest 'from a source to answers, with a prober' => sub {
    my $state = $t->dir('s-prober');
    my $text  = conf( 's-prober', '[ live ]' );
    my $conf  = $t->file( 'prober.conf', $text );
    publish( live => index_file( 'live.index', 1 .. 10 ) );
    Signpost::Prober->start( $t, 'prober', $conf, $state );
    my $socket = signpost( $t, 'fastcgi', conf => $text );
    my $front  = lighttpd(
        $t, 'lighttpd',
        socket => $socket,
        extra  => 'setenv.add-environment = ( "SIGNPOST_REGION" => "EU" )'
    );
    ok( $t->wait_for( sub { goes( $front, 10 ) eq 'central' } ), 'the prober fetches' );
    my $digest  = digest(10);
    my $explain = $t->run(
        [ $signpost, qw(explain --config), $conf, '--region', 'EU', "/v2/team/app/blobs/$digest" ]
    );
    like(
        $explain->{out},
        qr{^known by  the index: https://\S+/live/$}m,
        'explain says from where'
    );
    publish( live => index_file( 'live.index', 1 .. 11 ) );
    my $began = time;
    ok( $t->wait_for( sub { goes( $front, 11 ) eq 'central' } ), 'what is published later, too' );
    diag( sprintf 'after %.1f s', time - $began ) if $ENV{SIGNPOST_VERBOSE};
    is( goes( $front, 12 ), 'regional', 'what is not listed is ordinary' );

    handmade( live => { serial => 99, registry => 'other.example.org' }, line(12) );
    ok(
        $t->wait_for(
            sub { $t->slurp( $t->folder . '/prober.err' ) =~ /An index source is refused: / }
        ),
        'the prober says what it refuses'
    );
    my $metrics;
    ok(
        $t->wait_for(
            sub {
                ( $metrics = $t->slurp("$state/public/metrics.prom") ) =~
                    /^signpost_index_refused_total\{.*\} [1-9]/m;
            }
        ),
        'and counts it'
    );
    like( $metrics, qr{^signpost_index_serial\{source="https://localhost:$port/live/"\} 2$}m,
        'serial' );
    like( $metrics, qr/^signpost_index_lines\{.*\} 11$/m,        'lines' );
    like( $metrics, qr/^signpost_index_age_seconds\{.*\} \d+$/m, 'age' );
    my $shown = $t->run( [ $signpost, 'state', '--config', $conf ] )->{out};
    like(
        $shown,
        qr{^index  https://localhost:$port/live/: serial 2, 11 lines, made .*, fetched .*, confirmed .*, refused \d.*\n +the last time: .*other\.example\.org}m,
        'state shows all that'
    );
    unlike( $shown, qr/ALARM/, 'without an alarm' );
    like( $shown, qr/^  known by   .*\bindex \d/m, 'how many requests the index has decided' );
    sleep 2.5;
    my @said = $t->slurp( $t->folder . '/prober.err' ) =~ /An index source is refused/g;
    is( scalar @said, 1, 'the same reason is said once' );

    $t->signal( prober => 'KILL' );
    $t->stop('prober');
    is( goes( $front, 11 ), 'central', 'with the prober killed, all goes on' );
    my $yesterday = int( time - 90000 );

    my ($file) = glob "$state/index/*/status";
    my $status = $t->slurp($file) =~ s/^(source(?: \S+){5}) \d+/$1 $yesterday/mr;
    $t->file( $file =~ s{^\Q${\ $t->folder }\E/}{}r, $status );
    like(
        $t->run( [ $signpost, 'state', '--config', $conf ] )->{out},
        qr/ALARM: it has not been confirmed for a day/,
        'what has not been confirmed for a day is an alarm'
    );
    is( goes( $front, 11 ), 'central', '  and reroutes nothing' );
    $t->stop('fastcgi');
};

subtest 'the prober is killed while it fetches' => sub {
    my $kills = $ENV{SIGNPOST_KILLS} // 20;
    my $state = $t->dir('s-kill');
    my $text  = conf( 's-kill', '[ slow ]', 'metrics = "off";' );
    my $conf  = $t->file( 'kill.conf', $text );
    my ( $wrong, $fetching ) = ( 0, 0 );
    my @before = ('');
    publish( slow => index_file( 'slow.index', 1 .. 100 ) );
    pull($conf);

    for my $i ( 1 .. $kills ) {

        # Each time half of the lines are others.
        publish(
            slow => index_file( 'slow.index', 1 .. 100, map { "$i-$_" } 1 .. 900 ),
            '--shrinks'
        );
        @before = ( fetched_list($state), published('slow') );
        Signpost::Prober->start( $t, "killed$i", $conf, $state );
        $fetching +=
            $t->wait_for(
            sub { ( () = glob "$state/index/*/.part.new" ) || fetched_list($state) eq $before[1] } )
            && 1;
        sleep rand 0.25;
        $t->signal( "killed$i" => 'KILL' );
        $t->stop("killed$i");
        my $now = fetched_list($state);
        $wrong++ if !( grep { $_ eq $now } @before ) || !is_whole($state) || !has( $conf, 100 );
    }
    is( $fetching, $kills,        "$kills times" );
    is( $wrong,    0,             'there is the old list or the new one, and all of its files' );
    is( pull($conf)->{status}, 0, 'and the next one fetches' );
    ok( has( $conf, "$kills-900" ), 'all' );
};

subtest 'a full disk' => sub {
    my @apart = ( $t->find('unshare') // '', '-m', 'sh', '-c' );
    my $state = $t->dir('s-full');
    my $mount = "mount -t tmpfs -o size=96k,mode=0755 none '$state'";
    plan skip_all => 'file systems cannot be mounted here'
        if !$apart[0] || $t->run( [ @apart, $mount ] )->{status};
    my $conf = conf_file( 's-full', '[ full ]' );
    handmade( full => { serial => 1 }, $good );
    handmade(
        large => { source => 'full', serial => 2 },
        join '', sort map { line($_) } 1 .. 2000
    );
    my $pull = "'$signpost' index pull --config '$conf'";
    my $run  = $t->run(
        [
            @apart,
            "$mount; $pull >&2 && cp $www/large/* $www/full/ && $pull >&2; echo \$?; cat $state/index/*/list; "
                . "cat $state/index/*/sha256-* | wc -l; ls -A $state/index/* | grep -c new"
        ]
    );
    my ( $status, $list, @rest ) = split /\n/, $run->{out};
    is( $status, 1, 'what does not fit is refused' );
    like( $run->{err}, qr{s-full/index/\w+ cannot be written: No space left on device}, 'and why' );
    like( $list,       qr/serial=1 /, 'the list before serves on' );
    is_deeply( [ @rest[ -2, -1 ] ], [ 20, 0 ], 'with its file, and nothing else' );
};

$t->done;
