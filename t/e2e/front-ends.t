# SPDX-License-Identifier: Apache-2.0
#
# The ready settings of etc/front-ends/ for those who stand before signpost and know
# where clients are: each with what that front end really sends, as its maker documents
# it. What is commented out there for a web server is tried as it stands.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Servers qw(signpost lighttpd nginx apache);
use Signpost::Test;
use Signpost::Wire qw(http fastcgi);
use Test::More;

my $t       = Signpost::Test->new;
my $folder  = $t->folder;
my $samples = $t->source('t/data/ranges');
my $ready   = $t->source('etc/front-ends');

# All networks of the samples are those for documentation.
my $paris = '192.0.2.70';          # aws:eu-west-3
my $tokyo = '2001:db8:a123::1';    # aws:ap-northeast-1
my $lima  = '192.0.2.130';         # aws:us-east-1-lim-1

my $conf = <<'EOT';
name      = "registry.example.org";
upstreams = { paris = { url = "https://paris.example.org"; place = "FR"; };
              iowa  = { url = "https://iowa.example.org";  place = "gcp:us-central1"; };
              lima  = { url = "https://lima.example.org";  place = "PE"; };
              tokyo = { url = "https://tokyo.example.org"; place = "JP"; }; };
canonical = [ "iowa" ];
databases = [ "clouds.mmdb" ];
prober    = "off";
EOT

for my $database ( [ 'clouds.mmdb', "$samples/aws.json", "$samples/google.json" ],
    [ 'country.mmdb', "$samples/delegated-sample" ] )
{
    my ( $name, @files ) = @$database;
    my $run =
        $t->run( [ $t->program('signpost'), 'ranges', '-q', '-o', "$folder/$name", @files ] );
    $t->skip_all('signpost was built without jansson or libmaxminddb') if $run->{status} == 2;
    die $run->{err}                                                    if $run->{status};
}

# The name of the upstream that an answer leads to.
sub upstream {
    my ($answer) = @_;
    my ($name) = ( $answer->{header}{location} // '' ) =~ m{^https://(\w+)\.example\.org/v2/pause/};
    return $name // "nowhere: $answer->{raw}";
}

my $target = '/v2/pause/manifests/3.9';

# A front door with a file of etc/front-ends/: a function from the peer's address and
# headers to the upstream.
sub behind {
    my ($name) = @_;
    $t->file( "front-ends/$name.conf", $t->slurp("$ready/$name.conf") );
    my $socket = signpost( $t, $name, conf => $conf . "\@include \"front-ends/$name.conf\"\n" );
    return sub {
        my ( $peer, @headers ) = @_;
        my %variables = ( REQUEST_METHOD => 'GET', REQUEST_URI => $target, REMOTE_ADDR => $peer );
        while ( my ( $header, $value ) = splice @headers, 0, 2 ) {
            $variables{ 'HTTP_' . uc $header =~ tr/-/_/r } = $value;
        }
        return upstream( fastcgi( $socket, \%variables ) );
    };
}

# A line that a file has for a web server, in a comment.
sub line_of {
    my ( $name, $start ) = @_;
    my @lines = $t->slurp("$ready/$name.conf") =~ /^#\s+(\Q$start\E\s.*)$/mg;
    is( scalar @lines, 1, "$name has one line $start" );
    return $lines[0];
}

subtest 'Cloudflare' => sub {
    my $goes = behind('cloudflare');
    my $edge = '172.71.1.2';
    is( $goes->( $edge, 'CF-IPCountry' => 'FR' ), 'paris', 'country' );
    is( $goes->( $edge, 'CF-IPCountry' => $_, 'CF-Connecting-IP' => $tokyo ),
        'tokyo', "$_: by the address" )
        for qw(XX T1);
    is( $goes->( '2a06:98c1::7', 'CF-Connecting-IP' => $paris ), 'paris', 'no geolocation at all' );
    is( $goes->( '198.51.100.250', 'CF-Connecting-IP' => $paris ),
        'iowa', 'an address is believed from Cloudflare alone' );
    is( $goes->( $edge, 'X-Forwarded-For' => $paris ), 'iowa', 'and in its own header' );

SKIP: {
        my @published = map { split /\n/, $t->slurp($_) }
            glob $t->source('../shared/data/ranges/other/cloudflare-ips-v?.txt');
        skip 'the list of networks is absent', 1 if !@published;
        my ($trusted) = $t->slurp("$ready/cloudflare.conf") =~ /^trusted_proxies = \[(.*?)\]/ms;
        is_deeply(
            [ sort $trusted =~ /"(.*?)"/g ],
            [ sort @published ],
            'the networks are those that it publishes'
        );
    }
};

subtest 'Google Cloud' => sub {
    my $goes   = behind('google');
    my $header = 'X-Client-Region';
    my $proxy  = '35.191.10.20';
    is( $goes->( $proxy, $header => 'FR,FRIDF,48.856614,2.352222' ),   'paris', 'all three' );
    is( $goes->( $proxy, $header => 'US,USCA,37.386051,-122.083851' ), 'iowa',  'Mountain View' );
    is( $goes->( $proxy, $header => 'JP,,' ), 'tokyo', 'the country alone' );
    is( $goes->( $proxy, $header => "$_", 'X-Forwarded-For' => "$tokyo,203.0.113.250" ),
        'tokyo', "\"$_\": by the address" )
        for ',,', 'ZZ,,', ',,0.000000,0.000000';
    my $forged = "$paris,$tokyo,203.0.113.250";
    is( $goes->( $proxy, 'X-Forwarded-For' => $forged ),
        'tokyo', 'what the client itself says is not believed' );
    is( $goes->( '130.211.3.255',      'X-Forwarded-For' => $forged ), 'tokyo', 'the other range' );
    is( $goes->( '2600:2d00:1:b029::', 'X-Forwarded-For' => $forged ), 'tokyo', 'IPv6' );
    is( $goes->( '198.51.100.250',     'X-Forwarded-For' => $forged ), 'iowa',  'nobody else' );
};

subtest 'CloudFront' => sub {
    my $goes = behind('cloudfront');
    my $edge = '64.252.64.1';
    is( $goes->( $edge, 'CloudFront-Viewer-Country' => 'FR' ),   'paris', 'country' );
    is( $goes->( $edge, 'X-Forwarded-For' => "$paris, $tokyo" ), 'tokyo', 'without: the address' );
    is( $goes->( $edge, 'CloudFront-Viewer-Country' => '', 'X-Forwarded-For' => $tokyo ),
        'tokyo', 'empty: the address' );
};

subtest 'Fastly' => sub {
    my $goes = behind('fastly');
    my $edge = '151.101.1.1';
    is( $goes->( $edge, 'X-Client-Region' => 'FR,48.860,2.340' ), 'paris', 'all' );
    is( $goes->( $edge, 'X-Client-Region' => 'US,35.690,139.690' ),
        'tokyo', 'coordinates go before the country' );
    is( $goes->( $edge, 'X-Client-Region' => $_, 'Fastly-Client-IP' => $paris ),
        'paris', "\"$_\": by the address" )
        for '?,0.000,0.000', '**,0.000,0.000', ',999.000,999.000', '';
    is( $goes->( $edge, 'X-Forwarded-For' => $paris ), 'iowa', 'X-Forwarded-For is not looked at' );
};

subtest 'nginx joins what a front end sends apart' => sub {
    $t->need('nginx');
    my $socket = signpost( $t, 'joined', conf => $conf );
    my %header = (
        cloudflare => [ map { "CF-IP$_" } qw(Country Latitude Longitude) ],
        cloudfront => [ map { "CloudFront-Viewer-$_" } qw(Country Latitude Longitude) ],
    );
    for my $name ( sort keys %header ) {
        my $port = nginx(
            $t, "nginx-$name",
            socket => $socket,
            extra  => line_of( $name, 'fastcgi_param' )
        );
        my $goes = sub {
            my @values = @_;
            return upstream(
                http(
                    $port,
                    GET => $target,
                    map { ( $header{$name}[$_] => $values[$_] ) } 0 .. $#values
                )
            );
        };
        is( $goes->( 'US', '48.85340', '2.34880' ), 'paris', "$name: coordinates" );
        is( $goes->('JP'),                          'tokyo', "$name: country" );
        is( $goes->('XX'),                          'iowa',  "$name: neither" );
        is( $goes->(),                              'iowa',  "$name: nothing" );
    }
};

# The client's address, so that the samples can be looked up, in a header of its own.
my @clients = (
    [ $paris,          'paris' ],
    [ $lima,           'lima', 'a local zone' ],
    [ $tokyo,          'tokyo' ],
    [ '203.0.113.1',   'iowa',  "Google's" ],
    [ '192.0.2.1',     'paris', 'of no region, in a country' ],
    [ '198.51.100.17', 'iowa',  'of a region that is not known' ],
    [ '127.0.0.1',     'iowa',  'nowhere' ],
);

subtest 'nginx with GeoIP2' => sub {
    $t->need('nginx');
    my $module = '/usr/lib/nginx/modules/ngx_http_geoip2_module.so';
    plan skip_all => "nginx's GeoIP2 module is not installed" if !-e $module;
    my $socket = signpost( $t, 'geoip2', conf => $conf =~ s/^databases.*//mr );
    my $taken  = $t->slurp("$ready/nginx-geoip2.conf") =~ s{/var/lib/signpost-ranges}{$folder}gr;
    my $param  = line_of( 'nginx-geoip2', 'fastcgi_param' );
    my $port   = $t->port;
    my $file   = $t->file(
        'geoip2-nginx.conf',
        <<'EOT', PORT => $port, SOCKET => $socket, TAKEN => $taken, PARAM => $param, MODULE => $module );
load_module @MODULE@;
daemon off; master_process off; worker_processes 1;
pid @DIR@/geoip2-nginx.pid; error_log @DIR@/geoip2-nginx.log info;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path @DIR@/geoip2-body; fastcgi_temp_path @DIR@/geoip2-fcgi;
  proxy_temp_path @DIR@/geoip2-proxy; uwsgi_temp_path @DIR@/geoip2-uwsgi;
  scgi_temp_path @DIR@/geoip2-scgi;
  @TAKEN@
  server {
    listen 127.0.0.1:@PORT@;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Test-Peer;
    location / {
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param REMOTE_ADDR $remote_addr;
      @PARAM@
      fastcgi_pass unix:@SOCKET@;
    }
  }
}
EOT
    $t->start( 'geoip2-nginx',
        [ $t->find('nginx'), '-c', $file, '-e', "$folder/geoip2-nginx.log" ] );
    $t->wait_for_port( 'geoip2-nginx', $port );

    for my $client (@clients) {
        my ( $address, $want, $what ) = @$client;
        is( upstream( http( $port, GET => $target, 'X-Test-Peer' => $address ) ),
            $want, join ': ', $address, $what // () );
    }
};

subtest 'lighttpd with mod_maxminddb' => sub {
    $t->need('lighttpd');
    plan skip_all => "lighttpd's mod_maxminddb is not installed"
        if !-e '/usr/lib/lighttpd/mod_maxminddb.so';
    my $socket = signpost( $t, 'maxminddb', conf => $conf =~ s/^databases.*//mr );
    my $taken =
        $t->slurp("$ready/lighttpd-maxminddb.conf") =~ s{/var/lib/signpost-ranges}{$folder}gr;
    my $port = lighttpd( $t, 'lighttpd-maxminddb', socket => $socket, extra => $taken . <<'EOT' );
server.modules += ( "mod_extforward" )
extforward.headers = ( "X-Test-Peer" )
extforward.forwarder = ( "127.0.0.1" => "trust" )
EOT
    for my $client ( [ '192.0.2.1', 'paris' ], [ '127.0.0.1', 'iowa' ] ) {
        my ( $address, $want ) = @$client;
        is( upstream( http( $port, GET => $target, 'X-Test-Peer' => $address ) ), $want, $address );
    }
};

# mod_maxminddb is in no Debian, so where it is absent another module says what it would.
subtest 'Apache with mod_maxminddb' => sub {
    my $socket = signpost( $t, 'apache', conf => $conf =~ s/^databases.*//mr );
    my @city   = $t->slurp("$ready/apache-maxminddb.conf") =~ /^#\s+(Rewrite.*)$/mg;
    is( scalar @city, 3, 'three lines for mod_rewrite' );
    my $module   = '/usr/lib/apache2/modules/mod_maxminddb.so';
    my $instead  = 'SetEnvIf X-Test-Region ^(.*)$ SIGNPOST_REGION=$1';
    my $has      = -e $module;
    my $settings = $has ? $t->slurp("$ready/apache-maxminddb.conf") : $instead;
    $settings =~ s{/var/lib/signpost-ranges}{$folder}g;
    my $port = apache(
        $t, 'apache2',
        modules => [ qw(proxy proxy_fcgi setenvif rewrite remoteip), $has ? 'maxminddb' : () ],
        value   => { SETTINGS => $settings, SOCKET => $socket, CITY => join "\n", @city },
        site    => <<'EOT' );
RemoteIPHeader X-Test-Peer
RemoteIPInternalProxy 127.0.0.1
<VirtualHost *>
  ServerName country.test
  @SETTINGS@
  ProxyPass "/" "unix:@SOCKET@|fcgi://country/"
</VirtualHost>
<VirtualHost *>
  ServerName city.test
  SetEnvIf X-Test-Country (.*) MM_COUNTRY=$1
  SetEnvIf X-Test-Latitude (.*) MM_LATITUDE=$1
  SetEnvIf X-Test-Longitude (.*) MM_LONGITUDE=$1
  @CITY@
  ProxyPass "/" "unix:@SOCKET@|fcgi://city/"
</VirtualHost>
EOT
    my $country = sub {
        my ( $address, $region ) = @_;
        return upstream(
            http(
                $port,
                GET           => $target,
                Host          => 'country.test',
                'X-Test-Peer' => $address,
                $has || !$region ? () : ( 'X-Test-Region' => $region )
            )
        );
    };
    is( $country->( '192.0.2.1', 'FR' ), 'paris', 'a country' );
    is( $country->('127.0.0.1'),         'iowa',  'none' );
    my $city = sub {
        my ( $code, $latitude, $longitude ) = @_;
        return upstream(
            http(
                $port,
                GET                => $target,
                Host               => 'city.test',
                'X-Test-Country'   => $code,
                'X-Test-Latitude'  => $latitude,
                'X-Test-Longitude' => $longitude
            )
        );
    };
    is( $city->( 'US', '48.85340', '2.34880' ), 'paris', 'coordinates' );
    is( $city->( 'JP', '',         '' ),        'tokyo', 'a country without' );
    is( $city->( '',   '',         '' ),        'iowa',  'nothing' );
};

$t->done;
