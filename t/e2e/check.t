# SPDX-License-Identifier: Apache-2.0
#
# signpost check: good configurations pass, and every mistake in a bad one is told
# of, word for word as beside it in t/data/config/invalid. After a change of words,
# look at what comes out, and write it there:
#
#     cd t/data/config/invalid; for f in *.conf; do
#         signpost check $PWD/$f 2>&1 | sed "s,$PWD/,,g" > ${f%.conf}.expected; done
use strict;
use warnings;

use FindBin;
use POSIX ();
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $folder   = $t->source('t/data/config');
delete @ENV{
    grep { /^(?:UPSTREAM_REGISTRY_|SIGNATURE_UPSTREAM_|DEFAULT_AWS_|STATE_DIRECTORY$)/ }
        keys %ENV
};

sub check { return $t->run( [ $signpost, 'check', @_ ] ) }

# What a configuration without mistakes comes to. Of warnings there may be some, on stderr.
my %summary = (
    'two-registries' => '2 upstreams, 0 buckets, 6 rules; signatures at us',
    'kubernetes'     => '22 upstreams, 19 buckets, 7 rules; signatures at us-central1',
    'everything'     => '5 upstreams, 2 buckets, 9 rules; signatures at paris',
    'one-registry'   => '1 upstream, 0 buckets, 6 rules; signatures at only',
    'included'       => '2 upstreams, 0 buckets, 6 rules; signatures at us',
);

for my $file ( glob "$folder/valid/*.conf" ) {
    my ($name) = $file =~ m{([^/]+)\.conf$};
    my $run = check($file);
    is( $run->{status}, 0,                                        "$name.conf has no mistakes" );
    is( $run->{out},    "$file: no mistakes; $summary{$name}.\n", '  and a summary' );
    unlike( $run->{err}, qr/error/, '  nor errors' );
    delete $summary{$name};
}
is_deeply( [ keys %summary ], [], 'all of them were there' );

for my $file ( glob $t->source('etc/*.conf') ) {
    next if $file =~ /lighttpd|nginx|apache|httpd/;
    my $run = check($file);
    is( $run->{status}, 0, "$file has no mistakes" ) or diag $run->{err};
}

my @invalid = glob "$folder/invalid/*.conf";
cmp_ok( scalar @invalid, '>=', 25, 'there are enough bad ones' );
for my $file (@invalid) {
    my ($name) = $file =~ m{([^/]+)\.conf$};
    my $run = check($file);
    ( my $said = $run->{err} ) =~ s{\Q$folder\E/invalid(/?)}{ $1 ? "" : "FOLDER" }ge;
    is( $run->{status}, 1,                                  "$name.conf is refused" );
    is( $run->{out},    '',                                 '  with nothing on stdout' );
    is( $said, $t->slurp("$folder/invalid/$name.expected"), '  and told all that is wrong' );
}

subtest 'files that cannot be read' => sub {
    my $nowhere = $t->folder . '/nowhere.conf';
    my $run     = check($nowhere);
    is( $run->{status}, 1, 'none is there' );
    is(
        $run->{err},
        "$nowhere: error: the configuration cannot be read: No such file or directory.\n",
        '  it is named'
    );
    $run = check( $t->folder );
    is( $run->{status}, 1, 'a folder' );
    like( $run->{err}, qr/: error: the configuration cannot be read: it is not a plain file\.$/m,
        '  is none' );
    my $fifo = $t->folder . '/fifo.conf';
    POSIX::mkfifo( $fifo, 0600 ) or die "$fifo: $!";
    $run = check($fifo);
    is( $run->{status}, 1, 'nor is a FIFO, which is not waited for' );
    $run = check( $t->file( 'includes-fifo.conf', qq(name = "r";\n\@include "fifo.conf"\n) ) );
    is( $run->{status}, 1, 'nor may one be included' );
    like(
        $run->{err},
        qr{conf:2: error: \S+/fifo.conf cannot be included: it is not a plain file\.$}m,
        '  it is said where'
    );
SKIP: {
        skip 'root may read all', 2 if $> == 0;
        my $secret = $t->file( 'secret.conf', 'name = "r";' );
        chmod 0, $secret;
        $run = check($secret);
        is( $run->{status}, 1, 'one that may not be read' );
        like( $run->{err}, qr/Permission denied/, '  it is said why' );
    }
    my $large = $t->file( 'large.conf', '#' x ( 9 * 1024 * 1024 ) );
    $run = check($large);
    is( $run->{status}, 1, 'one of 9 MB' );
    like( $run->{err}, qr/with all that it includes it may have at most \d+ bytes/, '  it is said why' );
};

subtest 'where a configuration is found' => sub {
    my $conf = "$folder/valid/one-registry.conf";
    my $run  = $t->run( [ $signpost, 'check' ], env => { SIGNPOST_CONF => $conf } );
    is( $run->{out} =~ s/:.*//sr, $conf, 'SIGNPOST_CONF names it' );
    $run = $t->run( [ $signpost, 'check' ], env => { SIGNPOST_CONF => '/nowhere.conf' } );
    like( $run->{err}, qr{^/nowhere\.conf: error: }, 'and no other is taken then' );
    my $program = $t->install( $signpost, 'bin/signpost' );
    $t->file( 'bin/signpost.conf', $t->slurp($conf) );
    $run = $t->run( [ $program, 'check' ] );
    is( $run->{out} =~ s/:.*//sr, $t->folder . '/bin/signpost.conf', 'else beside the program' );
    $t->file( 'bin/signpost.conf', qq(name = "r";\n\@include "more/part.inc"\n) );
    $t->file( 'bin/more/part.inc', qq(upstreams = { a = { url = "https://a"; }; };\n) );
    $run = $t->run( [ $program, 'check' ] );
    is( $run->{status}, 0, 'what it includes is found from its own folder' ) or diag $run->{err};
};

$t->done;
