# SPDX-License-Identifier: Apache-2.0
#
# The status page in Chromium, as lighttpd serves what the prober writes: it renders
# without a script and without a complaint, asks for nothing else, fits a phone, can be
# used by keyboard, tells what has happened, and shows hostile text as text.
#
# SIGNPOST_SCREENSHOTS, a folder: pictures are left there, to be looked at.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";
use HTTP::Tiny;
use JSON::PP ();
use Signpost::Browser;
use Signpost::Prober  qw(target_id);
use Signpost::Servers qw(lighttpd signpost);
use Signpost::Stub;
use Signpost::Test;
use Signpost::Upstream;
use Test::More;

binmode $_, ':encoding(UTF-8)' for map { Test::More->builder->$_ } qw(output failure_output);
my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
$t->need('lighttpd');
$t->run( [ $signpost, '--version' ] )->{out} =~ /libcurl/
    or $t->skip_all('signpost was built without libcurl, and so without the prober');
my $browser = Signpost::Browser->start($t);

# Kubernetes' layout, of which two registries are drained, and one registry and one bucket
# have failed: they do not answer. All others do, at names that lead to this machine.
my $state = $t->dir('state');
my $stub  = Signpost::Stub->new( $t, 'up' );
$stub->serve(
    '/v2/' => [ [ 200, { 'Docker-Distribution-Api-Version' => 'registry/2.0' }, '{}' ] ] );
my $hole   = Signpost::Upstream::black_hole();
my ($up)   = $stub->url =~ /:(\d+)$/;
my $conf   = $t->slurp( $t->source('etc/registry.k8s.io.conf') );
my $east   = qq(  { name = "us-east1"; url = "$hole->{url}"; place = "gcp:us-east1"; },\n);
my $bucket = qq(  { name = "eu-layers"; serves = [ "DE", "EU" ];\n)
    . qq(    url = "http://europe-west3.localhost:$up/{digest}"; },\n);
$conf =~ s/^databases.*//m;
$conf =~ s{https://\{region\}-docker\.pkg\.dev}{http://{region}.localhost:$up};
$conf =~ s/"us-east1", "us-east4"/"us-east4"/;
$conf =~ s/^(?=  # Madrid)/$east/m;
$conf =~ s/^(?=  \{ name = "cdn";)/$bucket/m;
$conf =~ s{https://d1be1w964nk82h\.cloudfront\.net}{$hole->{url}};
$conf .= <<"EOT";
state  = "$state";
prober = "service";
health_interval = 3600;
places = ( { name = "gcp:europe-west9"; title = "<b id='odd'>Paris</b> & \\"co\\""; } );
EOT
my $hostile =
    q{<img src=x onerror=alert(1)>"'&</td></table><script>document.title='taken'</script>};
my %failed = (
    'us-east1' => [ $hole->{url}, 'k8s-artifacts-prod/images' ],
    'cdn'      => ["$hole->{url}/containers/images/{digest}"],
);
write_health();
my $file = $t->file( 'signpost.conf', $conf );
$t->run( [ $signpost, 'drain', '--config', $file, $_ ] ) for qw(europe-west8 asia-south1);
my $prober = Signpost::Prober->start( $t, 'prober', $file, $state );
my $socket = signpost( $t, 'responder', conf => $conf );
my $port   = lighttpd( $t, 'lighttpd', socket => $socket, extra => <<"EOT" );
server.modules += ( "mod_alias" )
\$HTTP["url"] =~ "^/signpost/" {
  fastcgi.server = ()
  alias.url = ( "/signpost/" => "$state/public/" )
  index-file.names = ( "index.html" )
  mimetype.assign = ( ".html" => "text/html; charset=utf-8" )
}
EOT
my $origin = "http://127.0.0.1:$port";
my $page   = "$origin/signpost/";

# What a prober before this one has published: its successor goes on from there.
sub write_health {
    my $text = sprintf "signpost-health 2 %d 3600000 1\n", time;
    for my $name ( sort keys %failed ) {
        my $id = target_id( @{ $failed{$name} } );
        $text .= sprintf "target %016x down 0 41 1700000000 1700000300 0 0 0 0 0 0 0 %s %s\n",
            $id, $name, $hostile;
        $text .= sprintf "check %016x down %d 0 0\n", $id, time;
    }
    $t->file( "$state/health", $text );
    return;
}

# Twelve requests, from three places.
sub send_requests {
    my $http = HTTP::Tiny->new( max_redirect => 0 );
    for my $region (qw(FR BR JP)) {
        $http->get( "$origin/v2/pause/manifests/3.9",
            { headers => { 'X-Client-Region' => $region } } )
            for 1 .. 4;
    }
    return;
}

# Waits until the page says so.
sub wait_for_page {
    my ($pattern) = @_;
    return $t->wait_for( sub { $t->slurp("$state/public/index.html") =~ $pattern } );
}

sub picture {
    my ($name) = @_;
    $browser->run('document.querySelector("details").open = false');
    $browser->picture( "$ENV{SIGNPOST_SCREENSHOTS}/$name.png", 2600 ) if $ENV{SIGNPOST_SCREENSHOTS};
    return;
}

# How much of the page is beyond the right edge, in CSS pixels.
sub overflow {
    return $browser->run(
        'return document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

send_requests();
ok( wait_for_page(qr/\b12 requests have been answered/), 'the page tells of requests' );

$browser->screen( 1280, 900, 'light' );
$browser->open($page);
is(
    $browser->run('return document.title'),
    '2 targets are down, 2 targets are drained · registry.k8s.io',
    'the title tells what is wrong'
);
is_deeply( [ $browser->console ],  [],      'nothing on the console: no error, no violation' );
is_deeply( [ $browser->requests ], [$page], 'nothing else is asked for' );
is( $browser->run('return document.scripts.length'), 0, 'there is no script' );

my $policy = $browser->run(
    'return document.querySelector("meta[http-equiv=Content-Security-Policy]").content');
like(
    $policy,
    qr/^default-src 'none'; style-src 'sha256-\S{44}' 'sha256-\S{44}'; base-uri 'none'/,
    'the policy lets nothing in but its own style'
);
is( $browser->run('return document.styleSheets.length'), 2, 'which it has' );
$browser->run(<<'EOT');
const style = document.createElement('style');
style.textContent = 'body { display: none }';
document.head.append(style);
const image = new Image();
image.src = '/signpost/metrics.prom';
document.body.append(image);
EOT
like(
    join( '', $browser->console ),
    qr/Content Security Policy.*Content Security Policy/s,
    'a style or an image that somebody slips in is refused'
);
$browser->requests;

# ---- the table ----

$browser->open($page);
my $rows = $browser->run(<<'EOT');
return [...document.querySelectorAll('.targets tbody tr')].map(row =>
  [...row.children].map(cell => [...cell.childNodes].filter(node => node.localName !== 'svg')
    .map(node => node.innerText ?? node.data).join(' ').replace(/[ \n]+/g, ' ').trim()));
EOT
is( scalar @$rows, 56, 'each target has a row' );
is_deeply(
    [ map { ( split / /, $_->[0] )[0] } @$rows[ 0 .. 4 ] ],
    [ 'us-east1', 'cdn', 'asia-south1', 'europe-west8', 'asia-east1' ],
    'those in trouble come first'
) or diag explain @$rows[ 0 .. 4 ];
like( $rows->[0][1], qr/^▼ Down health since 2023-11-14 22:13:20 UTC/, 'in words and signs' );
is( $rows->[0][2], "0\x{202f}%",   'it takes nothing' );
is( $rows->[0][5], "41\x{202f}ms", 'a HEAD took so long' );
is(
    $rows->[0][6],
    "$hostile at 2023-11-14 22:18:20 UTC",
    'what was wrong last, and when; as text, whatever it is'
);
my ($paris) = grep { $_->[0] =~ /^europe-west9/ } @$rows;
is(
    $paris->[0],
    q{europe-west9 upstream in <b id='odd'>Paris</b> & "co"},
    'so is the name of a place'
);
is( $paris->[3], '4', 'the redirects to it are counted' );
is( $browser->run('return document.querySelectorAll("#odd, img, script").length'),
    0, 'and nothing of it became an element' );

# ---- the map ----

my $titles = $browser->run(
    'return [...document.querySelector("svg.map").querySelectorAll(".targets .wide title")].map(e => e.textContent)'
);
my %mark = map { /^\d+: (?:upstream|bucket) ([\w-]+)/ ? ( $1 => $_ ) : () } @$titles;
is_deeply(
    [ sort keys %mark ],
    [ sort map { $_->[0] =~ /^([\w-]+)/ } @$rows ],
    'the map has every target'
);
like( $mark{'us-east1'},     qr/\(down\): no place’s first choice$/, 'one is marked as down' );
like( $mark{'europe-west8'}, qr/\(drained\)/,                        'one as drained' );
my $dots = $browser->run(
    'return [...document.querySelector("svg.map").querySelectorAll(".countries title")].map(e => e.textContent)'
);
is( scalar @$dots, 250, 'and every country' );
is( scalar( grep { /from (?:us-east1|asia-south1|europe-west8|cdn) / } @$dots ),
    0, 'none goes to what is out of service' );
is(
    $browser->run(
        'return document.querySelector("svg.map").querySelectorAll(".wide > .out").length'),
    4,
    'which is crossed out'
);
is( $browser->run(<<'EOT'), 0, 'the marks of targets do not lie upon each other' );
const boxes = [...document.querySelector('figure').querySelectorAll('.targets .wide > .mark')].map(e => e.getBoundingClientRect());
let close = 0;
boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
  const dx = Math.abs(a.x + a.width / 2 - b.x - b.width / 2), dy = Math.abs(a.y + a.height / 2 - b.y - b.height / 2);
  close += Math.hypot(dx, dy) < 0.4 * Math.min(a.width, b.width);
}));
return close;
EOT
like(
    $browser->run(
        'document.querySelector("details").open = true;
        return document.querySelector("details").innerText'
    ),
    qr/europe-west9\s+Images for \d+ countr(?:y|ies): .*\bFrance\b/s,
    'the same as a list'
);

# ---- sizes and colours ----

picture('desktop-light');
is( overflow(), 0, 'it fits 1280 pixels' );
$browser->screen( 1280, 900, 'dark' );
picture('desktop-dark');
my $contrast = <<'EOT';
const luminance = colour => {
  const [r, g, b] = colour.match(/[\d.]+/g).map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const paper = element => {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if (!colour.endsWith(', 0)')) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const poor = new Set();
for (const element of document.querySelectorAll('h1, h2, p, a, summary, th, td, span, caption, figcaption, dt, dd')) {
  const [a, b] = [luminance(getComputedStyle(element).color), luminance(paper(element))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) poor.add(element.outerHTML.slice(0, 60));
}
return [...poor];
EOT
is_deeply( $browser->run($contrast), [], 'dark: every text has a contrast of at least 4.5' );
$browser->screen( 360, 740, 'dark' );
picture('phone-dark');
is( overflow(), 0, 'it fits 360 pixels' );
$browser->screen( 360, 740, 'light' );
picture('phone-light');
is_deeply( $browser->run($contrast), [], 'light: the same' );
is( $browser->run('return getComputedStyle(document.querySelector("figure .wide")).display'),
    'none', 'a small picture has badges in place of labels' );

# ---- by keyboard ----

$browser->screen( 1280, 900, 'light' );
$browser->open($page);
my @reached;
for ( 1 .. 5 ) {
    $browser->press("\x{E004}");
    push @reached, $browser->run(<<'EOT');
const e = document.activeElement, box = e.getBoundingClientRect();
const seen = getComputedStyle(e).outlineStyle !== 'none' && box.width > 0 && box.bottom > 0;
return (e.getAttribute('href') || e.localName) + (seen ? '' : ' unseen');
EOT
}
is_deeply(
    \@reached,
    [ '#targets', 'live.html', 'summary', 'metrics.prom', 'status.json' ],
    'Tab reaches each link in turn, with a visible focus'
);
$browser->open($page);
$browser->press($_) for "\x{E004}", "\x{E007}";
my $top = 'return Math.abs(document.getElementById("targets").getBoundingClientRect().top)';
ok( $t->wait_for( sub { $browser->run($top) < 100 } ), 'the first one skips to the targets' );

# ---- the page that loads itself again ----

$browser->open("${page}live.html");
is( $browser->run('return document.querySelector("meta[http-equiv=refresh]").content'),
    '10', 'the live page loads itself again' );
$browser->open($page);
is( $browser->run('return document.querySelectorAll("meta[http-equiv=refresh]").length'),
    0, 'the other does not' );
is_deeply( [ $browser->console ], [], 'nothing on the console to the end' );
is_deeply( [ grep { !/^\Q$page\E(?:live\.html)?(?:#targets)?$/ } $browser->requests ],
    [], 'and nothing was asked for beside the page' );

# ---- what changes ----

$t->run( [ $signpost, 'undrain', '--config', $file, $_ ] ) for qw(europe-west8 asia-south1);
ok( wait_for_page(qr/<title>2 targets are down [^,]/), 'undrained targets are back on the page' );
like( $t->slurp("$state/public/index.html"), qr/images from europe-west8 \(/, 'and on the map' );

$browser->stop;
$t->done;
