# SPDX-License-Identifier: Apache-2.0
#
# `signpost verify` against a front door that does one thing wrong at a time: each is
# found, and by just the check that is for it. And what an interrupted call leaves.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP         ();
use Signpost::Faults qw(faults);
use Signpost::FaultyDoor;
use Signpost::Registry qw(image index_of artifact digest_of);
use Signpost::Test;
use Test::More;

my $t    = Signpost::Test->new;
my $json = JSON::PP->new->canonical->utf8;

$t->run( [ $t->program('signpost'), qw(verify http://127.0.0.1:1) ] )->{err} =~ /built without/
    and $t->skip_all('signpost was built without libcurl, jansson or libcrypto');

# ---- what there is ----

my $app = image( 'hello.txt' => 'hello' );
my $multi =
    index_of( image( 'a' => 'amd64' ), image( { architecture => 'arm64' }, 'a' => 'arm64' ) );
my $signature = artifact( 'application/vnd.oci.image.config.v1+json',
    '{"signature":1}', [ 'text/plain', 'a signature' ] );
my $referrer = artifact( 'application/vnd.oci.empty.v1+json', '{}', [ 'text/plain', 'an SBOM' ] );
$referrer->{bytes} = $json->encode(
    {
        %{ $json->decode( $referrer->{bytes} ) },
        subject =>
            { mediaType => $app->{type}, digest => $app->{digest}, size => length $app->{bytes} }
    }
);
$referrer->{digest} = digest_of( $referrer->{bytes} );

my %images = (
    'team/app'   => { tags => { v1 => $app->{digest} },   things => [$app] },
    'team/multi' => { tags => { v1 => $multi->{digest} }, things => [$multi] }
);
my %signed = (
    tags   => { v1 => $app->{digest}, $app->{digest} =~ s/:/-/r . '.sig' => $signature->{digest} },
    things => [ $app, $signature, $referrer ]
);
my $door = Signpost::FaultyDoor->start( $t, 'door', \%images, { %images, 'team/app' => \%signed } );

# ---- what is found ----

my @canonical = ( '--canonical', $door->canonical );

sub verify {
    my (@arguments) = @_;
    return $t->run( [ $t->program('signpost'), 'verify', @arguments ] );
}

# What fails, by its key.
sub failing {
    my (@arguments) = @_;
    my $run         = verify( '--json', @arguments );
    my $whole = eval { $json->decode( $run->{out} ) } or return "no JSON: $run->{out}$run->{err}";
    my @wrong = grep { $_->{outcome} eq 'failed' } @{ $whole->{findings} };
    push @wrong, { check => 'the exit status' } if $run->{status} != ( @wrong ? 1 : 0 );
    return join ' ', sort map { $_->{check} } @wrong;
}

my $good = verify( $door->url, qw(team/app:v1 team/multi:v1) );
is( $good->{status}, 0, 'a good front door passes' ) or diag $good->{out};
my @skipped = $good->{out} =~ /^ok \d+ - (team\/app:v1: .*) # SKIP/mg;
is_deeply(
    \@skipped,
    ['team/app:v1: its platforms\' manifests arrive by digest'],
    'with every check made, but the one for platforms, which it has none of'
);
my $base = $door->canonical =~ s{/mirror}{/v2/mirror}r;
like(
    $good->{out},
    qr/^# Signatures are written at \Q$base\E\.$/m,
    'the canonical registry is found'
);

my %fault = faults();
for my $fault ( sort keys %fault ) {
    $door->break($fault);
    my @image = $fault{$fault} eq 'platforms' ? 'team/multi:v1' : 'team/app:v1';
    is( failing( @canonical, $door->url, @image ),
        $fault{$fault}, "$fault: found by $fault{$fault}" );
}
$door->break('');

subtest 'a busy front door' => sub {
    $door->break('busy');
    is( verify( '--jobs', 1, $door->url, 'team/app:v1' )->{status},
        0, 'is asked again, and passes' );
    $door->break('');
};

# ---- interrupted ----

my $state = $t->folder . '/verify.state';
my @call  = ( '--state', $state, $door->url, qw(team/app:v1 team/multi:v1) );

# The same call, sent a signal when it waits for an answer about team/multi.
sub interrupted {
    my ($signal) = @_;
    $door->break('silent team/multi/manifests/v1');
    $door->requests;
    unlink map { $t->folder . "/verify.$_" } qw(out err);
    $t->start( 'verify', [ $t->program('signpost'), 'verify', @call ] );
    my @asked;
    $t->wait_for(
        sub {
            push @asked, $door->requests;
            grep { m{team/multi/manifests/v1} } @asked;
        }
    ) or die 'it has not come to team/multi';
    $t->wait_for( sub { $t->slurp($state) =~ m{team/app:v1} } ) or die 'nothing is noted';
    $t->signal( 'verify', $signal );
    my $status = $t->wait_end('verify');
    $t->stop('verify');
    $door->break('');
    $door->requests;
    return { status => $status, out => $t->slurp('verify.out') };
}

# The call goes on: all is told, but only what was not done is asked for.
sub goes_on {
    my $run = verify(@call);
    my @again =
        grep { m{team/app/} && !m{%|sha256:|sha512-|/latest|/list|0000\.sig} } $door->requests;
    is( $run->{status}, 0, 'it goes on, and all is well' ) or diag $run->{out}, $run->{err};
    is( $run->{out} =~ s/^#.*\n//mgr, $good->{out} =~ s/^#.*\n//mgr, 'all is told' );
    is_deeply( \@again, [], 'but what was done is not done again' );
    ok( !-e $state, 'and the file is gone' );
    return;
}

subtest 'Ctrl-C' => sub {
    my $run = interrupted('INT');
    is( $run->{status} >> 8, 1, 'it ends, with status 1' );
    like( $run->{out}, qr/^Bail out! Interrupted; the same call goes on from \Q$state\E\.$/m,
        'and says so' );
    unlike( $run->{out}, qr/^1\.\./m,  'without a plan' );
    unlike( $run->{out}, qr/^not ok/m, 'what was not finished has not failed' );
    like( $run->{out}, qr/^ok \d+ - team\/app/m, 'what was finished is told' );
    goes_on();
};

subtest 'kill -9' => sub {
    is( interrupted('KILL')->{status} & 127, 9, 'it is killed' );
    my $whole = $t->slurp($state);
    $t->file( 'verify.state', $whole . substr( $whole, -50 ) =~ s/\n//r );
    goes_on();
};

subtest 'another call' => sub {
    interrupted('INT');
    my $run = verify( '--whole', @call );
    is( $run->{status}, 1, 'does not go on from it' );
    like( $run->{err}, qr/is not the state of this call/, 'and says so' );
    ok( -s $state, 'and leaves it alone' );
    unlink $state;
};

# ---- the command line ----

subtest 'places and addresses' => sub {
    my $address = '127.0.0.1:' . $door->port;
    my $run     = verify( '--header', 'X-Client-Region', '--place', 'FR', '--place', 'JP',
        '--address', $address, 'http://registry.example.org' );
    is( $run->{status}, 0, 'pass' ) or diag $run->{out}, $run->{err};
    like( $run->{out}, qr/^ok \d+ - the front door: .* \[from $_ at \Q$address\E\]/m, "from $_" )
        for qw(FR JP);
};

subtest 'on a terminal' => sub {
    $t->need('script');
    my $call = join ' ', $t->program('signpost'), 'verify', $door->url;
    my $out  = $t->run( [ $t->find('script'), '-qec', $call, '/dev/null' ] )->{out};
    like(
        $out,
        qr/\r\e\[K0 of 1 done, 0 checks failed\r\e\[Kok 1 - /,
        'a line tells how far it is, and goes before findings come'
    );
    unlike( $good->{err}, qr/done/, 'and elsewhere there is none' );
};

subtest 'images from a file' => sub {
    my $file = $t->file( 'images.txt', "# ours\nteam/app:v1\n\n  team/multi:v1 # two platforms\n" );
    my $run  = verify( '--file', $file, '--jobs', 1, $door->url );
    is( $run->{out}, $good->{out}, 'are checked as those that are named' );
};

subtest 'misuse' => sub {
    for my $call (
        [ 'no URL'       => qr/which URL/ ],
        [ 'a path'       => qr/is no front door/, 'https://registry.example.org/v2/' ],
        [ 'no image'     => qr/is no image/,      'https://registry.example.org', 'UPPER' ],
        [ 'no header'    => qr/go together/,      '--place',  'FR',  'registry.example.org' ],
        [ 'a bad header' => qr/is no header/,     '--header', 'A B', '--place', 'FR', 'a.example' ],
        [ 'no address'   => qr/is no address/,     '--address',   '::1',  'a.example' ],
        [ 'jobs'         => qr/--jobs wants/,      '--jobs',      '0',    'a.example' ],
        [ 'canonical'    => qr/--canonical wants/, '--canonical', 'here', 'a.example' ],
        )
    {
        my ( $what, $says, @arguments ) = @$call;
        my $run = verify(@arguments);
        is( $run->{status}, 2, $what );
        like( $run->{err}, $says, '  with a sentence' );
    }
    my $run = verify( '--file', $t->folder . '/none', 'a.example' );
    is( $run->{status}, 1, 'no such file is no misuse' );
    like( $run->{err}, qr/cannot be opened/, '  with a sentence' );
};

$t->done;
