# SPDX-License-Identifier: Apache-2.0
#
# Where the client is, as real web servers hand it over: the region header in all its
# forms, SIGNPOST_REGION, the address behind proxies that are trusted and others that
# are not, sockets that have no address; and databases that change under a running
# front door.
use strict;
use warnings;

use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use Signpost::Servers qw(signpost lighttpd nginx);
use Signpost::Test;
use Signpost::Wire qw(parse_answer);
use Test::More;

my $t       = Signpost::Test->new->need(qw(lighttpd nginx));
my $folder  = $t->folder;
my $samples = $t->source('t/data/ranges');

# All networks of the samples are those for documentation.
my $paris = '192.0.2.70';          # aws:eu-west-3
my $iowa  = '203.0.113.1';         # gcp:us-central1
my $tokyo = '2001:db8:a123::1';    # aws:ap-northeast-1

sub ranges {
    my ( $name, @files ) = @_;
    my $run =
        $t->run( [ $t->program('signpost'), 'ranges', '-q', '-o', "$folder/$name", @files ] );
    $t->skip_all('signpost was built without jansson or libmaxminddb') if $run->{status} == 2;
    die $run->{err}                                                    if $run->{status};
    return "$folder/$name";
}
ranges( 'clouds.mmdb', "$samples/aws.json", "$samples/google.json" );

my $conf = <<'EOT';
name      = "registry.example.org";
upstreams = { paris = { url = "https://paris.example.org"; place = "FR"; };
              iowa  = { url = "https://iowa.example.org";  place = "gcp:us-central1"; };
              tokyo = { url = "https://tokyo.example.org"; place = "JP"; }; };
canonical = [ "iowa" ];
databases = [ "clouds.mmdb" ];
prober    = "off";
EOT
my $list = "trusted_proxies = [ \"127.0.0.2\", \"unix\" ];\n";

my %socket = (
    list      => signpost( $t, 'list', conf => $conf . $list ),
    forwarded =>
        signpost( $t, 'forwarded', conf => $conf . $list . "forwarded_header = \"Forwarded\";\n" ),
);

# Each server also listens on a Unix socket, and sets SIGNPOST_REGION for some hosts.
sub lighttpd_before {
    my ($name) = @_;
    return {
        name  => "lighttpd, $name",
        unix  => "$folder/lighttpd-$name.front",
        joins => 1,
        port  => lighttpd( $t, "lighttpd-$name", socket => $socket{$name}, extra => <<"EOT") };
\$SERVER["socket"] == "$folder/lighttpd-$name.front" { }
\$HTTP["host"] == "jp.test" { setenv.add-environment = ( "SIGNPOST_REGION" => "JP" ) }
\$HTTP["host"] == "xx.test" { setenv.add-environment = ( "SIGNPOST_REGION" => "XX" ) }
EOT
}

sub nginx_before {
    my ($name) = @_;
    return {
        name => "nginx, $name",
        unix => "$folder/nginx-$name.front",
        port => nginx( $t, "nginx-$name", socket => $socket{$name}, extra => <<"EOT") };
set \$region "";
if (\$host = "jp.test") { set \$region "JP"; }
if (\$host = "xx.test") { set \$region "XX"; }
fastcgi_param SIGNPOST_REGION \$region;
}
listen unix:$folder/nginx-$name.front;
location = /none {
EOT
}

# Asks for a manifest: the name of the upstream that the client is sent to. From: the
# address that the connection comes from, or 'unix'.
sub goes {
    my ( $server, $from, @headers ) = @_;
    my $socket =
        $from eq 'unix'
        ? IO::Socket::UNIX->new( Peer => $server->{unix} )
        : IO::Socket::INET->new(
        PeerAddr  => '127.0.0.1',
        PeerPort  => $server->{port},
        LocalAddr => $from
        );
    die "$server->{name}: $!" if !$socket;
    unshift @headers, Host => 'registry.example.org' if !grep { /^Host$/ } @headers;
    my $text = "GET /v2/pause/manifests/3.9 HTTP/1.1\r\n";
    while ( my ( $name, $value ) = splice @headers, 0, 2 ) {
        $text .= "$name: $value\r\n";
    }
    syswrite $socket, "${text}Connection: close\r\n\r\n";
    my $answer = parse_answer( do { local $/ = undef; <$socket> }, 'GET' );
    my ($upstream) =
        ( $answer->{header}{location} // '' ) =~ m{^https://(\w+)\.example\.org/v2/pause/};
    return $upstream // "nowhere: $answer->{raw}";
}

my $peer    = '127.0.0.3';    # of no known place: the default is iowa
my @servers = ( lighttpd_before('list'), nginx_before('list') );

# ---------------------------------------------------------------- the region header

my @values = (
    [ 'FR'                              => 'paris' ],
    [ 'fr'                              => 'paris' ],
    [ ' JP '                            => 'tokyo' ],
    [ 'EU'                              => 'paris' ],
    [ 'continent:AS'                    => 'tokyo' ],
    [ 'country:SA'                      => 'paris' ],
    [ 'aws:eu-west-3'                   => 'paris' ],
    [ 'eu-west-3'                       => 'paris' ],
    [ 'gcp:asia-northeast1'             => 'tokyo' ],
    [ 'azure:koreacentral'              => 'tokyo' ],
    [ 'tokyo'                           => 'tokyo', 'an upstream of the configuration' ],
    [ 'Paris'                           => 'paris', 'in any case of letters' ],
    [ '48.85,2.35'                      => 'paris' ],
    [ '35.6, 139.7'                     => 'tokyo' ],
    [ '-33.87,151.21'                   => 'tokyo' ],
    [ 'US,USCA,37.42,-122.08'           => 'iowa' ],
    [ 'GB,GBENG,London'                 => 'paris' ],
    [ 'US,FR'                           => 'iowa',  'the first of two countries' ],
    [ 'US,48.85,2.35'                   => 'paris', 'coordinates before a country' ],
    [ '48.85,2.35,ap-northeast-1'       => 'tokyo', 'a region before coordinates' ],
    [ 'ap-northeast-1,48.85,2.35,paris' => 'paris', 'an upstream before all' ],
    [ 'XX,JP'                           => 'tokyo' ],
    map { [ $_ => undef ] } '',
    'XX',
    'T1',
    'ZZ',
    ',',
    ',,,',
    '0,0',
    '0.000000,0.000000',
    '91,2',
    '48.85',
    'nan,nan',
    '1e1,2',
    'Atlantis',
    'aws:eu-west-9',
    'x' x 2000,
    'unknown',
    '-',
    '*',
    '%46%52',
    "F\x{52}\x{e9}",
);

for my $server (@servers) {
    subtest "the region header: $server->{name}" => sub {
        for my $case (@values) {
            my ( $value, $want, $why ) = @$case;
            my $short = substr $value, 0, 40;
            is(
                goes( $server, $peer, 'X-Client-Region' => $value ),
                $want // 'iowa',
                "\"$short\"" . ( $why ? ": $why" : '' )
            );
            is(
                goes(
                    $server, '127.0.0.2',
                    'X-Client-Region' => $value,
                    'X-Forwarded-For' => $tokyo
                ),
                $want // 'tokyo',
                "\"$short\", or the address"
            ) if !$want;
        }
        my $two = sub {
            my (@list) = @_;
            return goes( $server, $peer, map { ( 'X-Client-Region' => $_ ) } @list );
        };
        is( $two->( 'XX',       'FR' ),         'paris', 'repeated: the one that is known' );
        is( $two->( 'JP',       'FR' ),         'tokyo', 'repeated: the first of its kind' );
        is( $two->( 'US',       '48.85,2.35' ), 'paris', 'repeated: the most precise' );
        is( $two->( ('XX') x 3, 'FR' ),         'paris', 'four of them' );
        is(
            $two->( '48.85', '2.35' ),
            $server->{joins} ? 'paris' : 'iowa',
            $server->{joins}
            ? 'a point in two headers, which lighttpd joins'
            : 'a point does not span two headers'
        );

        # Only what the web server passes on can be looked at; see its manual for how to
        # take the look-alike away.
        my $look_alike = $server->{joins} ? 'tokyo' : 'iowa';
        is( goes( $server, $peer, X_Client_Region => 'JP' ),
            $look_alike, 'X_Client_Region, which nginx drops' );
        is( goes( $server, $peer, 'X-Client-Region' => 'FR', X_Client_Region => 'JP' ),
            'paris', 'it does not hide the right one' );
        is( goes( $server, $peer, 'X-Client-Regions' => 'JP', 'X-Client' => 'JP' ),
            'iowa', 'other names are others' );
    };

    subtest "SIGNPOST_REGION: $server->{name}" => sub {
        is( goes( $server, $peer, Host => 'jp.test' ), 'tokyo', 'it tells the place' );
        is( goes( $server, $peer, Host => 'jp.test', 'X-Client-Region' => 'FR' ),
            'tokyo', 'and goes before the header' );
        is( goes( $server, $peer, Host => 'jp.test', 'X-Client-Region' => 'paris' ),
            'tokyo', 'however precise that is' );
        is( goes( $server, $peer, Host => 'xx.test', 'X-Client-Region' => 'FR' ),
            'paris', 'unless it tells nothing' );
        is( goes( $server, $peer, map { ( $_ => 'JP' ) } 'SIGNPOST_REGION', 'Signpost-Region' ),
            'iowa', 'a client cannot set it' );
    };

    subtest "X-Forwarded-For: $server->{name}" => sub {
        my @cases = (
            [ $paris             => 'paris' ],
            [ $tokyo             => 'tokyo' ],
            [ "$iowa, $paris"    => 'paris', 'the right-most' ],
            [ "$paris,127.0.0.2" => 'paris', 'that is no proxy' ],
            [
                "$tokyo, $paris, 127.0.0.2" => 'paris',
                'and what stands left of it is not believed'
            ],
            [ "$paris:4711"         => 'paris' ],
            [ "[$tokyo]:443"        => 'tokyo' ],
            [ "::ffff:$paris"       => 'paris' ],
            [ "64:ff9b::$paris"     => 'paris' ],
            [ "$tokyo, 192.0.2.256" => 'iowa', 'who cannot be read is not known' ],
            [ "$tokyo, unknown"     => 'iowa' ],
            [ "$tokyo, $paris, "    => 'paris', 'an empty entry is none' ],
        );
        for my $case (@cases) {
            my ( $value, $want, $why ) = @$case;
            is( goes( $server, '127.0.0.2', 'X-Forwarded-For' => $value ),
                $want, join ': ', "\"$value\"", $why // () );
            is( goes( $server, $peer, 'X-Forwarded-For' => $value ),
                'iowa', "\"$value\" from anyone else" );
        }
        is( goes( $server, '127.0.0.2', map { ( 'X-Forwarded-For' => $_ ) } $tokyo, $paris ),
            'paris', 'twice: one list' );
        is( goes( $server, '127.0.0.2', Forwarded => "for=$paris" ),
            'iowa', 'Forwarded is not looked at' );
        is( goes( $server, '127.0.0.2', 'X-Forwarded-For' => join ', ', ($tokyo) x 200, $paris ),
            'paris', 'two hundred entries' );
    };

    subtest "no address: $server->{name}" => sub {
        is( goes( $server, 'unix' ), 'iowa', 'a peer on a Unix socket is nowhere' );
        is( goes( $server, 'unix', 'X-Client-Region' => 'FR' ), 'paris', 'its header tells' );
        is( goes( $server, 'unix', 'X-Forwarded-For' => $tokyo ),
            'tokyo', 'it is trusted, since all local sockets are' );
    };
}

for my $server ( lighttpd_before('forwarded'), nginx_before('forwarded') ) {
    subtest "Forwarded: $server->{name}" => sub {
        my @cases = (
            [ "for=$paris"                             => 'paris' ],
            [ "For=$paris;proto=https;by=203.0.113.43" => 'paris' ],
            [ "proto=https;for=\"$paris:47011\""       => 'paris' ],
            [ "for=\"[$tokyo]:4711\""                  => 'tokyo' ],
            [ "for=\"[$tokyo]\""                       => 'tokyo' ],
            [ "for=$tokyo, for=$paris"                 => 'paris' ],
            [ "for=$tokyo, for=$paris, for=127.0.0.2"  => 'paris' ],
            [ "for=$tokyo, for=unknown"                => 'iowa' ],
            [ "for=$tokyo, for=_hidden"                => 'iowa' ],
            [ "for=$tokyo, proto=https"                => 'iowa' ],
            [ "for=$tokyo, for=\"$paris"               => 'iowa', 'a quote that is left open' ],
            [ "for=$paris;for=$paris"                  => 'iowa' ],
        );
        for my $case (@cases) {
            my ( $value, $want, $why ) = @$case;
            is( goes( $server, '127.0.0.2', Forwarded => $value ),
                $want, join ': ', $value, $why // () );
            is( goes( $server, $peer, Forwarded => $value ), 'iowa', "$value from anyone else" );
        }
        is( goes( $server, '127.0.0.2', map { ( Forwarded => "for=$_" ) } $tokyo, $paris ),
            'paris', 'twice: one list' );
        is( goes( $server, '127.0.0.2', 'X-Forwarded-For' => $paris ),
            'iowa', 'X-Forwarded-For is not looked at' );
        is( goes( $server, 'unix', Forwarded => "for=$tokyo" ), 'tokyo', 'from a Unix socket' );
    };
}

# ---------------------------------------------------------------- replaced databases

# What the front door has said of the database; since the last call.
sub said {
    return grep { /clouds\.mmdb/ } split /^/, $t->slurp('list.err');
}

my $said = said();

sub news {
    my @lines = said();
    my @new   = @lines[ $said .. $#lines ];
    $said = @lines;
    return join '', @new;
}

sub from {
    my ($address) = @_;
    return goes( $servers[0], '127.0.0.2', 'X-Forwarded-For' => $address );
}

sub replace {
    my ($text) = @_;
    $t->file( 'clouds.new', $text );
    rename "$folder/clouds.new", "$folder/clouds.mmdb" or die $!;
    return;
}

subtest 'databases that change' => sub {
    my $database = "$folder/clouds.mmdb";
    my $pid      = $t->pid('list');
    is( from($paris), 'paris', 'before' );
    copy( $database, "$folder/good.mmdb" ) or die $!;

    my $moved =
        $t->file( 'aws.json', $t->slurp("$samples/aws.json") =~ s/eu-west-3/ap-northeast-3/gr );
    ranges( 'clouds.mmdb', $moved, "$samples/google.json" );
    ok( $t->wait_for( sub { from($paris) eq 'tokyo' } ), 'a replacement is taken' );
    is( from($tokyo), 'tokyo', 'all of it' );
    is( news(),       '',      'without a word' );

    replace("no database\n");
    ok( $t->wait_for( sub { said() > $said } ), 'a bad one is noticed' );
    is( from($paris), 'tokyo', 'the one before serves on' ) for 1 .. 3;
    $t->wait_for( sub { from($paris) ne 'tokyo' }, 1.5 );
    my $news = news();
    like(
        $news,
        qr{^signpost\.fcgi: \Q$database\E is no usable address database: .* The one before serves on\.$},
        'with a reason'
    );
    is( () = $news =~ /\n/g, 1, 'once' );

    unlink $database or die $!;
    $t->wait_for( sub { said() > $said }, 5 );
    is( from($paris),         'tokyo', 'and goes on when the file is gone' );
    is( () = news() =~ /\n/g, 1,       'which is said once' );

    copy( "$folder/good.mmdb", "$folder/clouds.new" ) or die $!;
    rename "$folder/clouds.new", $database or die $!;
    ok( $t->wait_for( sub { from($paris) eq 'paris' } ), 'a good one is taken again' );
    is( news(), '', 'without a word' );

    # To nothing, which the next look-up runs into, and to a part, which a look around
    # may have to find.
    for my $left ( 0, 1000 ) {
        truncate $database, $left or die $!;
        is( from($paris), 'iowa', 'a file that is cut short in place tells nothing' ) if !$left;
        ok( $t->wait_for( sub { said() > $said } ), "$left bytes: noticed" );
        is( from($_), 'iowa', 'it is asked no more' ) for $paris, $tokyo;
        is( goes( $servers[0], $peer, 'X-Client-Region' => 'JP' ), 'tokyo', 'the rest works' );
        $t->wait_for( sub { from($paris) ne 'iowa' }, 1.5 );
        $news = news();
        like( $news, qr/\Q$database\E was cut short or overwritten while in use/, 'it is said' );
        is( () = $news =~ /\n/g, 1, 'once' );

        replace( $t->slurp("$folder/good.mmdb") );
        ok( $t->wait_for( sub { from($paris) eq 'paris' } ), 'a good one mends that' );
        is( news(), '', 'without a word' );
    }
    is( $t->pid('list'), $pid, 'the same process' );
    ok( $t->is_running('list'), 'runs all the time' );
};

$t->done;
