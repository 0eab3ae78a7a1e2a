# SPDX-License-Identifier: Apache-2.0
#
# etc/doc/promoters.md, as it is written: its commands are run in order, with its
# configurations, against a real registry and a front door that fetches what they publish.
# (promoter.t runs what it links to.)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use HTTP::Tiny;
use Signpost::Certificates;
use Signpost::Clients;
use Signpost::Prober;
use Signpost::Registry qw(image key_pair);
use Signpost::Servers  qw(signpost plain_server);
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new->need(qw(nginx docker-registry openssl skopeo cosign rsync curl));
$t->skip_all('signpost was built without its prober')
    if $t->run( [ $t->program('signpost'), 'prober', '--help' ] )->{status};

my $central = Signpost::Registry->start( $t, 'central' );
my $staging = Signpost::Registry->start( $t, 'staging' );
my $clients = Signpost::Clients->new( $t, key_pair( $t, 'ours' ) );
my $ca      = Signpost::Certificates->new( $t, 'tls' );
my $port    = $t->port;
my $http    = HTTP::Tiny->new( max_redirect => 0 );
my $state   = $t->dir('state');
chmod 0755, $state or die $!;
$t->dir('www');
$staging->push( 'app', image( a => 'v2' ), 'v2' );

# ---- the page ----

# The blocks of a section, in order.
sub blocks {
    my ($section) = @_;
    my ($text) =
        $t->slurp( $t->source('etc/doc/promoters.md') ) =~ /^## \Q$section\E\n(.*?)(?=^## |\z)/ms
        or die "promoters.md has no section \"$section\"";
    return $text =~ /^((?:(?: {4}| {6}).+\n)+)/mg;
}

# What stands there, for what is here.
sub as_here {
    my ($text) = @_;
    my $folder = $t->folder;
    $text =~ s{ssh signatures\.example\.org }{}g;
    $text =~ s{(?:signatures\.example\.org:)?/srv/www}{$folder/www}g;
    $text =~ s{https://signatures\.example\.org}{https://localhost:$port}g;
    $text =~ s{docker://registry\.example\.org}{docker://127.0.0.1:$central->{port}}g;
    $text =~ s{oci://registry\.example\.org}{oci://localhost:$port}g;
    $text =~ s{staging\.example\.org}{127.0.0.1:$staging->{port}}g;
    $text =~ s{https://fr\.example\.org/signpost/}{https://localhost:$port/signpost/status.json}g;
    $text =~ s{ https://us\.example\.org/signpost/}{}g;
    $text =~ s{/var/lib/signpost}{$state}g;
    $text =~ s{awskms:///alias/index}{cosign.key}g;
    $text =~ s{192\.0\.2\.7}{127.0.0.1}g;
    return $text;
}

sub serve {
    my ($status) = map { as_here($_) } blocks('Waiting');
    my ( $cert, $key ) = $ca->sign('localhost');
    my $conf = $t->file(
        'nginx.conf',
        <<'EOT', PORT => $port, CERT => $cert, KEY => $key, STATUS => $status, REGISTRY => $central->url );
daemon off; master_process off; worker_processes 1;
pid @DIR@/nginx.pid; error_log @DIR@/nginx.log;
events { worker_connections 256; }
http {
  access_log off; default_type application/octet-stream;
  client_body_temp_path @DIR@/n1; fastcgi_temp_path @DIR@/n2; proxy_temp_path @DIR@/n3;
  uwsgi_temp_path @DIR@/n4; scgi_temp_path @DIR@/n5;
  server {
    listen 127.0.0.1:@PORT@ ssl;
    ssl_certificate @CERT@; ssl_certificate_key @KEY@;
    root @DIR@/www;
    location /v2/ { proxy_pass @REGISTRY@; }
    @STATUS@
  }
}
EOT
    $t->start( 'nginx', [ $t->find('nginx'), '-c', $conf, '-e', $t->folder . '/nginx.log' ] );
    $t->wait_for_port( 'nginx', $port );
    return;
}

my $bin = $t->dir('bin');
symlink $_->[1], "$bin/$_->[0]"
    for [ cosign => $t->find('cosign') ], [ signpost => $t->program('signpost') ],
    [ promote => $t->source('etc/promoters/promote') ];
my $registries = join "\n",
    map { "[[registry]]\nlocation = \"127.0.0.1:$_->{port}\"\ninsecure = true" } $central, $staging;
$t->file( '.config/containers/registries.conf', $registries );
my %env = (
    PATH            => "$bin:$ENV{PATH}",
    COSIGN_PASSWORD => '',
    COSIGN_FLAGS    => '--tlog-upload=false',
    CURL_CA_BUNDLE  => $ca->authority,
    HTTPS_PROXY     => 'http://127.0.0.1:1',    # trust roots: do without
    NO_PROXY        => 'localhost,127.0.0.1',
    TMPDIR          => $t->folder,
    TUF_ROOT        => $t->folder . '/tuf',
    WAIT_FLAGS      => "--interval 0.2 --timeout 60 --ca ${\ $ca->authority }",
);

my ( $use, $make, $sources, $steps, $other_signer ) = blocks('In a shell');

# Runs commands in a shell, in the test's folder.
sub shell {
    my ($text) = @_;
    return $t->run( [ 'sh', '-euc', "cd '${\ $t->folder }'\n$text" ], env => \%env );
}

# Runs a block as it is written, with the variables that the page sets.
sub is_run {
    my ( $block, $what ) = @_;
    my $exports = join '', $use =~ /^ *(export .*\n)/mg;
    my $run     = shell( as_here( $exports . $block ) );
    is( $run->{status}, 0, $what ) or diag as_here($block), $run->{out}, $run->{err};
    return $run->{out};
}

# ---- the front door ----

sub conf {
    my ($more) = @_;
    return <<"EOT";
name      = "registry.example.org";
upstreams = { eu = { url = "http://eu.example.org"; serves = [ "EU" ]; };
              us = { url = "${\ $central->url }"; }; };
canonical = [ "us" ];
rules     = ( { match = "signature-digest"; to = [ "canonical" ]; },
              { match = "*"; to = [ "nearest" ]; } );
$more
EOT
}

sub lines {
    return
        map { $t->slurp("www/promoter/$_") =~ /^(sha256:.*)$/mg }
        $t->slurp('www/promoter/index') =~ /^sha256:\w+ \d+ (\S+)$/mg;
}

# Whether a host sends all that is published to the canonical registry.
sub knows_all {
    my ($port) = @_;
    return !grep {
        my ( $digest, $name ) = split / /;
        my $location =
            $http->head("http://127.0.0.1:$port/v2/$name/blobs/$digest")->{headers}{location} // '';
        index( $location, $central->url ) != 0;
    } lines();
}

is_run( $make, 'the folder and the key are made' );
$clients->cosign_key;
rename "${\ $t->folder }/cosign-key.key", $t->folder . '/cosign.key' or die $!;

sub start_prober {
    my ($sources) = @_;
    my $conf = $t->file( 'signpost.conf', conf( as_here($sources) . <<"EOT" ) );
state          = "$state";
prober         = "service";
index_interval = 1;
ca_file        = "${\ $ca->authority }";
EOT
    Signpost::Prober->start( $t, 'prober', $conf, $state );
    return;
}
serve();
start_prober($sources);

like( is_run( $use, 'promote' ), qr/^1 front door: serial 1\.$/m, 'it is told' );
cmp_ok( scalar lines(), '>=', 3, 'the signature is published' );

# Another image, since cosign does not sign the same one twice.
$central->push( 'team/app', image( a => 'v3' ), 'v3' );
$steps =~ s/:v2/:v3/g;
$steps =~ s/cosign sign --yes/$& --tlog-upload=false/;
$steps =~ s/ --serial 42/ --serial 2 $env{WAIT_FLAGS}/ or die 'no serial';
my $before = lines();
like( is_run( $steps, 'step by step' ), qr/^1 front door: serial 2\.$/m, 'it is told' );
cmp_ok( scalar lines(), '>', $before, 'another signature is published' );

shell( 'echo sha256:' . 'a' x 64 . ' team/app >>new.index; LC_ALL=C sort -o new.index new.index' );
like( is_run( $other_signer, 'another signer' ), qr/serial 3, .* signed\.$/m, 'has signed' );
is_run( 'rsync -rt --exclude .lock source/ www/promoter/', 'its list is copied' );

# ---- at a registry ----

subtest 'at a registry' => sub {
    my ( $begin, $promote, $oci ) = blocks('At a registry');
    $t->stop('prober');
    is_run( $begin, 'the source is begun' );
    start_prober($oci);
    $central->push( 'team/app', image( a => 'v4' ), 'v4' );
    like( is_run( $promote, 'promote' ), qr/^1 front door: serial 2\.$/m, 'it is told' );
    my $status = $t->slurp("$state/public/status.json");
    like( $status, qr{"source": "oci://localhost:$port/team/index:latest"}, 'of that source' );
    like( $status, qr/"lines": [3-9]/,                                      'with its lines' );

    # The same folder on a web server, for a host that has only curl.
    is_run( 'skopeo copy -q docker://registry.example.org/team/index:latest oci:www/layout:index',
        'a mirror' );
    is_run( 'skopeo inspect --config --raw oci:www/layout:index >www/layout/index',
        'with its list' );
    $t->install( $t->source('etc/web-servers/shared-host/fetch-index'), 'mirrored/fetch-index' );
    is_run( 'mirrored/fetch-index https://signatures.example.org/layout', 'fetch-index' );
    my @lines = split /\n/, $t->slurp('mirrored/signatures.index');
    cmp_ok( scalar @lines, '>=', 3, 'it has the lines' );
};

# ---- hosts that fetch by cron ----

subtest 'cron' => sub {
    my ( $pull, $fetch ) = map { s/^ *\*\/10 \* \* \* \* //r } blocks('Hosts that fetch by cron');
    my $pulled = $t->dir('pulled');
    my $key    = 'index_keys = [ "../cosign.pub" ]; prober = "off";';
    is_run( 'cosign public-key --key cosign.key >cosign.pub', 'the other key' );
    my $conf = conf( as_here( $sources =~ s/index_keys.*//r )
            . "$key\nca_file = \"${\ $ca->authority }\"; state = \"$pulled\";" );
    $t->file( 'www/signpost.conf', $conf );
    $t->file( 'cosign.pub',        $t->slurp('cosign.pub') );
    is_run( $pull, 'index pull' );
    my $cgi = plain_server(
        $t, 'pulled',
        conf   => $conf =~ s{\.\./cosign}{@{[ $t->folder ]}/cosign}r,
        region => 'EU'
    );
    ok( knows_all($cgi), 'a CGI knows all' );

    $conf = conf('index = "signatures.index"; prober = "off";');
    $cgi  = plain_server( $t, 'shared', conf => $conf, region => 'EU' );
    ok( !knows_all($cgi), 'a shared host knows nothing' );
    $t->install( $t->source('etc/web-servers/shared-host/fetch-index'), 'shared.bin/fetch-index' );
    is_run( $fetch =~ s{www/}{shared.bin/}r, 'fetch-index' );
    ok( knows_all($cgi), 'then it knows all' );
};

subtest 'the former form' => sub {
    my ($cut) = grep { /^ *cut / } blocks('Front doors first');
    shell('mkdir former; cp new.index signatures.index');
    is_run( $cut, 'is made' );
    like(
        $t->slurp('former/signatures.index'),
        qr/\A(?:sha256:[0-9a-f]{64}\n)+\z/,
        'without names'
    );
    is(
        $t->run(
            [ $t->program('signpost'), qw(index check), $t->folder . '/former/signatures.index' ]
        )->{status},
        0,
        'and well'
    );
};

$t->done;
