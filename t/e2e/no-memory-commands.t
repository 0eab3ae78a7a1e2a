# SPDX-License-Identifier: Apache-2.0
#
# Commands with one allocation that fails, each in turn, or with all that follow: each does what
# it does otherwise, or says what is wrong and ends with an exit status that is not 0; none
# crashes. What it writes is the old or the new; `index add` adds what it could read.
#
#     SIGNPOST_NO_MEMORY=100 prove …    # so many allocations of each, spread over all; else 12
#     SIGNPOST_NO_MEMORY_ONLY=PATTERN      # the commands with such names
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Signpost::FaultyDoor;
use Signpost::Registry qw(image key_pair signature signature_tag);
use Signpost::Stub;
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new->need(qw(cc openssl));
my $signpost = $t->program('signpost');
my $most     = $ENV{SIGNPOST_NO_MEMORY} || 12;
my $dir      = $t->folder;
$t->skip_all('this signpost reads no registries')
    if $t->run( [ $signpost, qw(verify http://127.0.0.1:1) ] )->{err} =~ /built without/;
my $shim  = "$dir/no-memory.so";
my $built = $t->run( [ qw(cc -shared -fPIC -O1 -o), $shim, $t->source('t/no-memory.c'), '-ldl' ] );
die $built->{err} if $built->{status};
$t->skip_all('this is a coverage build, whose counters need memory themselves')
    if -e $t->built('src/core/child.gcno');

# ---- what the commands read ----

my $key       = key_pair( $t, 'ours' );
my $image     = image( hello => 0 );
my $signature = signature( $t, $key, $image, 'registry.example.org/team/app' );
my %tags      = ( v1                           => $image->{digest} );
my %signed    = ( %tags, signature_tag($image) => $signature->{digest} );
my $door      = Signpost::FaultyDoor->start(
    $t, 'door',
    { 'team/app' => { tags => \%tags,   things => [$image] } },
    { 'team/app' => { tags => \%signed, things => [ $image, $signature ] } }
);
my @digest = map { 'sha256:' . sha256_hex($_) } 1, 2;
my $index  = join '', map { "$_ team/app\n" } sort @digest;
my $file   = 'sha256-' . sha256_hex($index);
my $list =
    "# signpost-index 1 registry=registry.example.org source=one serial=1 time=2026-11-28T21:30:00Z\n"
    . $file =~ s/-/:/r . ' '
    . length($index)
    . " $file\n";
my $source = Signpost::Stub->new( $t, 'source' );
$source->serve( '/index' => [ [ 200, {}, $list ] ], "/$file" => [ [ 200, {}, $index ] ] );
$t->file( 'in.index', $index );
$t->file( 'aws',
    '{"prefixes":[{"ip_prefix":"192.0.2.0/24","region":"eu-west-1","service":"EC2"}]}' );
$t->file( 'fed', "192.0.2.0/24,FR,FR-IDF,Paris,\n198.51.100.0/24,US,,,\n" );
$t->file( 'log',
    '192.0.2.1 - - [28/Nov/2026:21:30:00 +0000] "GET /v2/team/app/manifests/v1 HTTP/1.1" 307 0 "-" "x" "FR"'
        . "\n" );
my $openssl = $t->find('openssl');
my @curve   = qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256);
$t->run( [ $openssl, 'genpkey', @curve, '-out', "$dir/key" ] )->{status} == 0 or die;
$t->run( [ $signpost, qw(ranges -q -o), "$dir/clouds.mmdb", "$dir/aws" ] )->{status} == 0 or die;
my $state = $t->dir('state');
my $text  = <<"EOT";
name = "registry.example.org"; canonical = [ "us" ]; prober = "service"; prefix = "mirror/images";
state = "$state"; databases = [ "clouds.mmdb" ]; index_sources = "${\ $source->url }/";
trusted_proxies = [ "127.0.0.1" ];
upstreams = { eu = { url = "http://127.0.0.1:$door->{port}{regional}"; serves = [ "EU" ]; };
              us = { url = "http://127.0.0.1:$door->{port}{canonical}"; place = "gcp:us-central1"; }; };
buckets = ( { provider = "aws"; regions = [ "eu-west-1" ]; url = "http://127.0.0.1:1/{region}/{digest}"; } );
EOT
my @conf   = ( '--config', $t->file( 'signpost.conf', $text ) );
my $other  = $t->file( 'other.conf', $text =~ s/"EU"/"US"/r );
my @source = map { "--source=$_=" } qw(google azure oracle digitalocean linode);

# Each: the command; what it writes, which is removed before. Those with --config are tried from
# the end of reading it, since libconfig crashes without memory; responders read it in a child
# first (no-memory.t). Nor are those here that read a second configuration, or a control file.
my @commands = (
    [ [ qw(explain --ip 192.0.2.1 /v2/team/app/manifests/v1), @conf ] ],
    [ [ qw(explain --json --ip 192.0.2.1), @conf,    "/v2/team/app/blobs/$digest[0]" ] ],
    [ [ 'where',                           @conf,    '192.0.2.1' ] ],
    [ [ 'where',                           '--json', @conf, 'FR' ] ],
    [ [ 'places',                          @conf,    'paris' ] ],
    [ [ 'places',                          '--json', @conf, 'aws:eu-*' ] ],
    [ [ 'hosts',                           '--json', @conf ] ],
    [ [ 'map',                             @conf ] ],
    [ [ 'target',                          '--json', @conf, 'team/app:v1' ] ],
    [ [ 'state',                           @conf ] ],
    [ [ 'state',           '--json',  @conf ] ],
    [ [ 'import',          'archeio', $t->source('t/data/import/kubernetes.yaml') ] ],
    [ [ 'options',         '--conf' ] ],
    [ [ qw(ranges -q -o),  "$dir/out.mmdb",    "$dir/aws", "$dir/fed" ], 'out.mmdb' ],
    [ [ qw(ranges --diff), "$dir/clouds.mmdb", "$dir/fed" ] ],
    [
        [
            qw(ranges -q --download clouds -o),
            "$dir/got.mmdb", @conf, "--source=aws=file://$dir/aws", @source
        ],
        'got.mmdb',
        'got.mmdb.sources/*'
    ],
    [ [ qw(index has --index), "$dir/in.index", "team/app\@$digest[0]" ] ],
    [ [ qw(index check), "$dir/in.index" ] ],
    [ [ qw(index add --index), "$dir/from.index", '--from', "$dir/in.index" ], 'from.index' ],
    [ [ qw(index add --index), "$dir/read.index", @conf, 'team/app:v1' ],      'read.index' ],
    [ [ qw(index pull), @conf ],                                               'state/index/*' ],
    [ [ qw(index publish --name registry.example.org), $t->dir('www'), "$dir/in.index" ], 'www/*' ],
    [
        [
            qw(index publish --key),         "$dir/key",
            qw(--name registry.example.org), $t->dir('keyed'),
            "$dir/in.index"
        ],
        'keyed/*'
    ],
    [ [ qw(verify --canonical), $door->canonical,   $door->url, 'team/app:v1' ] ],
    [ [ qw(audit --index),      "$dir/audit.index", @conf,      'team/app' ], 'audit.index' ],
    [ [ qw(audit --json),       @conf,              'team/app' ] ],
);

# ---- one run ----

# How many allocations succeed before one fails, below 0: none fails; whether all that follow do.
sub plan_of {
    my ( $left, $all ) = @_;
    $t->file( 'plan', pack 'q3', $left, $all, 0 );
    return;
}

sub left_and_failed { return ( unpack 'q3', $t->slurp("$dir/plan") )[ 0, 2 ] }

sub run_it {
    my ( $command, @files ) = @_;
    unlink map { glob "$dir/$_" } @files;
    my %env = (
        LD_PRELOAD        => $shim,
        NO_MEMORY         => "$dir/plan",
        SOURCE_DATE_EPOCH => 1764365400,
        ASAN_OPTIONS      => join( ':',
            $ENV{ASAN_OPTIONS} || (),
            qw(verify_asan_link_order=0 detect_leaks=0 allocator_may_return_null=1) ),
    );
    my $run = $t->run( [ $signpost, @$command ], env => \%env );
    $run->{out} =~ s/\b[\d.]+ (?:m?s|seconds?)\b|"seconds\w*": \S+//g;    # how long it took
    return $run;
}

# What is wrong with a run in which memory was missing.
sub wrong {
    my ( $run, $sound ) = @_;
    return "status $run->{status}, $run->{err}" if $run->{status} > 2;
    my $said = $run->{err} ne $sound->{err} || $run->{out} =~ /memory|cannot|does not/;
    return "says nothing but $run->{out}" if !$said && $run->{status} != $sound->{status};

    # Jansson does not tell a lack of memory from mistakes in a text, and leaves out of an object
    # what it had no memory for.
    return "prints something else: $run->{out}"
        if !$said && $run->{out} ne $sound->{out} && $run->{out} !~ /^[\[{]|read\.index/;
    return "says no sentence: $run->{err}$run->{out}"
        if $said && "$run->{err}$run->{out}" !~ /\w.*[.:]\n/;
    return;
}

sub counted {
    my ( $command, @files ) = @_;
    my $many = 1 << 40;
    plan_of( $many, 0 );
    my $run = run_it( $command, @files );
    return ( $many - ( left_and_failed() )[0], $run );
}

# ---- all ----

my ($reading) = counted( [ qw(index check), @conf ] );
my $only = $ENV{SIGNPOST_NO_MEMORY_ONLY} // '';
for my $c ( grep { "@{ $_->[0] }" =~ /(?:$only)/ } @commands ) {
    my ( $command, @files ) = @$c;
    my ( $count,   $sound ) = counted( $command, @files );
    my $first = ( grep { $_ eq '--config' } @$command ) ? $reading : 0;
    my $name  = join ' ', map { s{.*/}{}r } @$command;
    my %new   = map { $_ => $t->slurp($_) } map { glob "$dir/$_" } @files;
    my $step  = POSIX::ceil( ( $count - $first ) / $most ) || 1;
    my ( $runs, @wrong ) = (0);
    for my $all ( 0, 1 ) {
        for ( my $n = $first ; $n < $count ; $n += $step ) {
            plan_of( $n, $all );
            my $run = run_it( $command, @files );
            next if !( left_and_failed() )[1];
            $runs++;
            push @wrong,
                map { "$n of $count" . ( $all ? '…' : '' ) . ": $_" } wrong( $run, $sound );
            push @wrong, "$n: $_ is neither old nor new"
                for grep { $t->slurp($_) ne $new{$_} }
                grep     { -e && !/status$|keyed|read\.index$/ }
                map      { glob "$dir/$_" } @files;
        }
    }
    push @wrong, "without a fault, status $sound->{status}, $sound->{err}"
        if $sound->{status} != ( $name =~ /--diff/ ? 1 : 0 );
    is( scalar @wrong, 0, "$name: $runs runs" ) or diag join "\n", @wrong;
}
$t->done;
