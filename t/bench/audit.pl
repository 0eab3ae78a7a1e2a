#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# signpost audit of 2,000 signed images at four real registries, of which three hold
# signatures that the canonical one lacks: seconds, requests an image, memory, and
# that each gap is found. Beside it curl, which sends the same requests and looks at
# nothing. Fails if the audit takes more than two minutes.
#
#     SIGNPOST_BUILD=build t/bench/audit.pl [IMAGES]
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Path  qw(make_path);
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP           ();
use Signpost::Registry qw(artifact);
use Signpost::Test;
use Test::More;
use Time::HiRes qw(time sleep);

my $images = $ARGV[0] || 2000;
my ( $tags, $gap, $limit ) = ( 20, 97, 120 );    # tags a repository, images a gap, seconds
my @names = qw(us eu ap sa);
my $t     = Signpost::Test->new->need(qw(docker-registry curl));
alarm 600;

# ---- seeding: what a push leaves behind, written at once ----

sub put {
    my ( $path, $text ) = @_;
    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    return;
}

sub seed {
    my ( $root, $repository, $tag, $thing ) = @_;
    my ($hex)  = $thing->{digest} =~ /:(.*)/;
    my $there  = "$root/docker/registry/v2/repositories/mirror/$repository/_manifests";
    my $blob   = "$root/docker/registry/v2/blobs/sha256/" . substr( $hex, 0, 2 ) . "/$hex";
    my @places = ( "revisions/sha256/$hex", "tags/$tag/current", "tags/$tag/index/sha256/$hex" );
    make_path( $blob, "$there/../_layers", map { "$there/$_" } @places );
    put( "$blob/data",     $thing->{bytes} );
    put( "$there/$_/link", $thing->{digest} ) for @places;
    return;
}

my $gaps = 0;
for my $n ( 0 .. $images - 1 ) {
    my ( $repository, $tag ) = ( sprintf( 'team/app%03d', $n / $tags ), 'v' . $n % $tags );
    my $config = 'application/vnd.oci.image.config.v1+json';
    my $image  = artifact( $config, "{\"image\":$n}",     [ 'text/plain', "layer $n" ] );
    my $signed = artifact( $config, "{\"signature\":$n}", [ 'text/plain', "signature $n" ] );
    my $under  = $image->{digest} =~ s/:/-/r . '.sig';
    for my $name (@names) {
        my $root = $t->folder . "/$name.storage";
        seed( $root, $repository, $tag,   $image );
        seed( $root, $repository, $under, $signed ) if $name ne 'us' || $n % $gap;
    }
    $gaps += !( $n % $gap );
}
my %at        = map { $_ => Signpost::Registry->start( $t, $_ ) } @names;
my $upstreams = join ' ', map { "$_ = { url = \"" . $at{$_}->url . '"; };' } @names;
my $conf      = $t->file( 'signpost.conf', <<"EOT" );
name      = "registry.example.org";
prefix    = "mirror";
upstreams = { $upstreams };
canonical = [ "us" ];
state     = "${\ $t->folder }";
prober    = "off";
EOT

# ---- measuring ----

# Runs a command: seconds, and the most memory it had, in MB.
sub measure {
    my ( $name,  @command ) = @_;
    my ( $begun, $memory )  = ( time, 0 );
    my $pid = $t->start( $name, \@command );
    while ( $t->is_running($name) ) {
        my ($kb) = $t->slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
        $memory = $kb / 1024 if $kb;
        sleep 0.02;
    }
    return ( time - $begun, $memory );
}

$_->requests for values %at;
my ( $seconds, $memory ) =
    measure( 'audit', $t->program('signpost'), 'audit', '--config', $conf, '--json' );
my $report = JSON::PP->new->decode( $t->slurp('audit.out') );
my $found  = grep { $_->{finding} eq 'missing' } @{ $report->{findings} };
my $list   = '';
for my $registry ( values %at ) {
    $list .= "url = \"${\ $registry->url }$_\"\noutput = /dev/null\n"
        for map { m{^GET (\S+)} ? $1 : () } $registry->requests;
}
my ($by_curl) =
    measure( 'curl', $t->find('curl'), '-sZ', '--parallel-max', '16', '-K',
    $t->file( 'urls', $list ) );

printf "%d images with a signature each, at %d registries, %d gaps\n", $images, scalar @names,
    $gaps;
printf "signpost audit %7.1f s  %d requests, %.1f an image  %.0f/s  %.0f MB\n", $seconds,
    $report->{requests}, $report->{requests} / $images, $report->{requests} / $seconds, $memory;
printf "curl           %7.1f s  the same requests\n", $by_curl;
printf "ratio          %7.2f\n",                      $seconds / $by_curl;
printf "a pass of replication: %d requests\n",        $report->{replication}{requests_per_pass};
is( $found, $gaps, 'each gap is found, and no other' );
cmp_ok( $seconds, '<', $limit, "within $limit seconds" );
$t->done;
