# SPDX-License-Identifier: Apache-2.0
#
# `signpost index wait` asks front doors' statuses until all have a serial, and says which do
# not. (promoter.t waits for real ones.)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use JSON::PP ();
use Signpost::Stub;
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $json     = JSON::PP->new->canonical;
my $stub     = Signpost::Stub->new( $t, 'doors' );

# A status with sources, each [ address, serial, reason ].
sub status {
    my @sources = map { { source => $_->[0], serial => $_->[1], reason => $_->[2] // '' } } @_;
    return [ [ 200, {}, $json->encode( { registry => 'r', index_sources => \@sources } ) ] ];
}

my $ours   = 'https://signatures.example.org/ours/';
my $theirs = 'https://signatures.example.org/theirs/';

sub index_wait {
    return $t->run( [ $signpost, qw(index wait --interval 0.05), @_ ] );
}

# Asks for serial 7, once, at doors named by their statuses' paths.
sub has_seven {
    my ( $doors, @more ) = @_;
    return index_wait( qw(--serial 7 --timeout 0), @more, map { $stub->url . $_ } @$doors );
}

if ( index_wait(qw(--serial 7 --timeout 0 http://127.0.0.1:1/))->{err} =~ /was built without/ ) {
    $t->skip_all('signpost was built without libcurl, jansson or libcrypto');
}

$stub->serve(
    '/kept/status.json'    => status( [ $ours, 7 ] ),
    '/has/status.json'     => status( [ $ours, 7 ] ),
    '/later/status.json'   => status( [ $ours, 19 ] ),
    '/before/status.json'  => status( [ $ours, 6 ] ),
    '/refused/status.json' => status( [ $ours, 6, 'the answer is 404.' ] ),
    '/nothing/status.json' => status( [ $ours, 0 ] ),
    '/never/status.json'   => status(),
    '/two/status.json'     => status( [ $theirs, 9 ], [ $ours, 6 ] ),
    '/page/status.json'    => [ [ 200, {}, "<html></html>\n" ] ],
    '/odd/status.json'     => [ [ 200, {}, '{"index_sources":[7,{"source":1,"serial":"9"}]}' ] ],
    '/soon/status.json'    => [
        @{ status() },
        [ 503, {}, '' ],
        @{ status( [ $ours, 6 ] ) },
        @{ status( [ $ours, 7 ] ) },
        [ 500, {}, '' ]
    ],
);

subtest 'doors that have it' => sub {
    my $run = has_seven( [ '/has/', '/later/status.json' ] );
    is( $run->{status}, 0,                                        'both' ) or diag $run->{err};
    is( $run->{out},    "2 front doors: serial 7.\n",             'said' );
    is( $run->{err},    '',                                       'and nothing else' );
    is( has_seven( ['/two/'], '--source', $theirs )->{status}, 0, 'of the named source' );
    is( has_seven( ['/two/'], '--source', $theirs =~ s{/$}{}r )->{status}, 0, 'slash or not' );
};

subtest 'a door that has it after a while' => sub {
    my $run = index_wait( qw(--serial 7 --timeout 30), map { $stub->url . $_ } '/soon/', '/kept/' );
    is( $run->{status}, 0, 'is waited for' ) or diag $run->{err};
    my %asked;
    $asked{$_}++ for map { $_->[0] =~ m{^GET /(soon|kept)/} } $stub->requests;
    is_deeply( \%asked, { soon => 4, kept => 1 }, 'who has it is asked no more' );
};

subtest 'doors that do not have it' => sub {
    my %says = (
        '/before/'  => "has serial 6 of $ours, not 7.",
        '/refused/' => "has serial 6 of $ours, not 7: the answer is 404.",
        '/nothing/' => "has nothing of $ours yet.",
        '/never/'   => 'has not asked any index source yet.',
        '/page/'    => 'is not the status (status.json) of a signpost that knows index sources.',
        '/gone/'    => 'cannot be read: the answer is 404.',
    );
    my @doors = sort keys %says;
    my $run   = has_seven( [ '/has/', @doors ] );
    is( $run->{status}, 1,  'the exit status' );
    is( $run->{out},    '', 'nothing is said to be well' );
    is(
        $run->{err},
        join( '', map { "signpost index: ${\ $stub->url }${_}status.json $says{$_}\n" } @doors ),
        'a sentence for each, and none for who has it'
    );
    like(
        has_seven( ['/has/'], '--source', $theirs )->{err},
        qr/has no source \Q$theirs\E, but \Q$ours\E\.$/,
        'or has another source'
    );
    is( has_seven( ['/odd/'], '--source', $ours )->{status}, 1, 'an odd status is no "yes"' );
    like(
        has_seven( ['/two/'], '--source', $ours )->{err},
        qr/has serial 6 of \Q$ours/,
        'nor is another source that has it'
    );
    like(
        index_wait(qw(--serial 7 --timeout 0 http://127.0.0.1:1/x/))->{err},
        qr{^signpost index: http://127\.0\.0\.1:1/x/status\.json cannot be read: \S},
        'nor one that is not there'
    );
};

subtest 'a door that never answers' => sub {
    my $silent = IO::Socket::INET->new( LocalAddr => '127.0.0.1', Listen => 50 );
    my $url    = 'http://127.0.0.1:' . $silent->sockport . '/';
    my $began  = time;
    my $run =
        index_wait( qw(--serial 7 --timeout 4), $url, map { $stub->url . $_ } '/has/', '/before/' );
    cmp_ok( time - $began, '<', 30, 'is not waited for without an end' );
    is( $run->{status}, 1, 'the exit status' );
    like( $run->{err}, qr{^\S+ \S+ \Q$url\Estatus\.json cannot be read: Timeout was reached\.$}m,
        'it is said' );
    like( $run->{err}, qr{/before/status\.json has serial 6 of}, 'the others are asked' );
    unlike( $run->{err}, qr{/has/}, 'and found to have it' );
};

subtest 'several sources, and none named' => sub {
    my $run = index_wait( qw(--serial 7 --timeout 600), $stub->url . '/two/' );
    is( $run->{status}, 1, 'ends at once' );
    like(
        $run->{err},
        qr/has several index sources: name one with --source: \Q$theirs, $ours\E\.$/,
        'and says what to do'
    );
};

subtest 'misuse' => sub {
    my @wrong = (
        [ [qw(--serial 7)],                              qr/which front doors' URLs/ ],
        [ [qw(http://a/)],                               qr/wants --serial N/ ],
        [ [qw(--serial 0 http://a/)],                    qr/wants --serial N/ ],
        [ [qw(--serial 7x http://a/)],                   qr/wants --serial N/ ],
        [ [qw(--serial 99999999999999999999 http://a/)], qr/wants --serial N/ ],
        [ [qw(--serial 7 a)],                            qr/"a" is not an http or https URL/ ],
        [ [qw(--serial 7 --timeout soon http://a/)],     qr/wants seconds/ ],
        [ [qw(--serial 7 --timeout 86401 http://a/)],    qr/wants seconds/ ],
        [ [qw(--serial 7 --interval 0 http://a/)],       qr/wants seconds/ ],
        [ [qw(--serial 7 --config x http://a/)],         qr/with wait go only/ ],
    );
    for (@wrong) {
        my ( $arguments, $says ) = @$_;
        my $run = $t->run( [ $signpost, qw(index wait), @$arguments ] );
        is( $run->{status}, 2, "wait @$arguments" );
        like( $run->{err}, $says, 'and why' );
    }
    my $run = $t->run( [ $signpost, qw(index pull --serial 7) ] );
    is( $run->{status}, 2, 'pull --serial' );
    like( $run->{err}, qr/with pull goes only --config/, 'and why' );
};

$t->done;
