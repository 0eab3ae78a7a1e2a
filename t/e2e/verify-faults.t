# SPDX-License-Identifier: Apache-2.0
#
# `signpost verify` against a front door that does one thing wrong at a time: each is
# found, and by just the check that is for it. And what an interrupted call leaves.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
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

my %fault = Signpost::FaultyDoor::faults();
for my $fault ( sort keys %fault ) {
    $door->break($fault);
    my @image = $fault{$fault} eq 'platforms' ? 'team/multi:v1' : 'team/app:v1';
    is( failing( @canonical, $door->url, @image ),
        $fault{$fault}, "$fault: found by $fault{$fault}" );
}
$door->break('');

$t->done;
