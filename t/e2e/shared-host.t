# SPDX-License-Identifier: Apache-2.0
#
# A shared host with what is uploaded there and nothing else: the program as
# --enable-static-cgi makes it, the shipped .htaccess, a configuration, a database and an
# index; and what `make install` leaves behind after `make uninstall`: nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Machine;
use Signpost::Shipped;
use Signpost::Test;
use Signpost::Wire qw(http);
use Test::More;

Signpost::Machine::enter();
my $t      = Signpost::Test->new->need('apache2');
my $static = $t->built('fcgi/static.fcgi');
$t->skip_all('this build has no static program') if !-x $static;
Signpost::Machine::install($t);

my $digest = 'sha256:' . 'e3' x 32;
my $conf   = <<'EOT';
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; serves = [ "EU" ]; };
              us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
index     = "signatures.index";
databases = [ "country.mmdb" ];
EOT

subtest 'at most five files' => sub {
    my $site = '/var/www/html';
    my ($host) = Signpost::Shipped->new( $t, 'Apache, .htaccess and a CGI', $conf );
    $t->run( [ 'sh', '-c', "rm -f $site/*.html; cp $static $site/registry.cgi" ] );
    $t->file( "$site/signatures.index", "$digest\n" );
    my $list   = $t->file( 'list', "127.0.0.0/8\n" );
    my @ranges = ( qw(ranges -q --place FR -o), "$site/country.mmdb", $list );
    my $run    = $t->run( [ $t->program('signpost'), @ranges ] );
    plan skip_all => 'signpost was built without jansson or libmaxminddb' if $run->{status} == 2;
    is( $run->{status}, 0, 'a database of where clients are' ) or diag $run->{err};
    my @files = grep { -f } glob "$site/* $site/.[a-z]*";
    cmp_ok( scalar @files, '<=', 5, 'files to upload' ) or diag "@files";
    unlike( $t->slurp("$site/registry.cgi"), qr{/ld-linux}, 'the program needs no library' );

    # What a stranger's machine has of ours: nothing.
    $t->run(
        [
            'sh', '-c',
            'rm -rf /usr/local/sbin/* /usr/local/bin/signpost /usr/local/share/signpost'
        ]
    );
    $host->start;
    my %to = (
        '/v2/app/manifests/v1'      => 'eu',
        "/v2/app/blobs/$digest"     => 'us',
        "/v2/app/manifests/$digest" => 'us',
        '/v2/app/tags/list'         => 'us',
    );
    for my $path ( sort keys %to ) {
        my $answer = http( 80, GET => $path );
        is( $answer->{header}{location}, "https://$to{$path}.example.org$path", $path )
            or diag $answer->{raw}, $host->log;
    }
    isnt( http( 80, GET => "/$_" )->{status}, 200, "$_ is not handed out" )
        for qw(signpost.conf country.mmdb .htaccess registry.cgi);
    $host->stop;
};

subtest 'make uninstall leaves nothing' => sub {
    my $dest = $t->dir('dest');
    my $make = sub {
        my ($what) = @_;
        my %none = map { $_ => undef } qw(MAKEFLAGS MFLAGS MAKELEVEL);
        my $run =
            $t->run( [ qw(make -s -C), $t->built('.'), $what, "DESTDIR=$dest" ], env => \%none );
        is( $run->{status}, 0, "make $what" ) or diag $run->{err};
        return split /\n/, $t->run( [ 'find', $dest, '!', '-type', 'd' ] )->{out};
    };
    cmp_ok( scalar $make->('install'), '>', 25, 'files are installed' );
    is_deeply( [ $make->('uninstall') ], [], 'and all are taken away' );
};

$t->done;
