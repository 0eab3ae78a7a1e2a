# SPDX-License-Identifier: Apache-2.0
#
# The architecture: includes and linked symbols lead to rooms below only, no files and no rooms
# in a circle, no long functions; and what breaks that is named.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Test::More;

my $t     = Signpost::Test->new;
my $house = $t->source('t/house');

my $run = $t->run( [ $house, '--check', $t->{build} ] );
is( $run->{out},    '', 'nothing leads upwards or in a circle' );
is( $run->{err},    '', 'and nothing is said' );
is( $run->{status}, 0,  'the exit status says so, too' );

# A copy, in which something is wrong.
sub check_with {
    my ( $path, $text ) = @_;
    my $copy = $t->folder . '/copy';
    if ( !-d $copy ) {
        system( 'mkdir', '-p',                                          "$copy/t" );
        system( 'cp',    '-R', ( map { $t->source($_) } qw(src fcgi) ), $copy );
        system( 'cp',    $house,                                        "$copy/t/" );
        system( 'chmod', '-R', 'u+w', $copy );    # those of a distribution may be read-only
    }
    my $before = $t->slurp("$copy/$path");
    $t->file( "$copy/$path", $before . $text );
    my $out = $t->run( [ "$copy/t/house", '--check', $t->{build} ] )->{out};
    $before ? $t->file( "$copy/$path", $before ) : unlink "$copy/$path";
    return $out;
}

is(
    check_with( 'src/core/why.c', qq(\n#include "route/decide.h"\n) ),
    "src/core/why.c includes src/route/decide.h, which is not below it\n",
    'an include upwards is named'
);
is(
    check_with( 'src/stray.c', "int stray;\n" ),
    "src/stray.c is in no room\n",
    'a file in no room is named'
);
is(
    check_with( 'src/core/why.c', "\nvoid long_one(void)\n{\n" . "    ;\n" x 60 . "}\n" ),
    "src/core/why.c: long_one has 62 lines, more than 60\n",
    'a long function is named'
);

subtest 'the page on how to work on it' => sub {
    my $page  = $t->slurp( $t->source('etc/doc/hacking.md') );
    my @rooms = $page =~ m{^\| `(\w+)/` \|}mg;
    my @there = grep { my @files = glob $t->source("src/$_/*.c"); @files }
        map { m{([^/]+)/$} } glob( $t->source('src') . '/*/' );
    is_deeply( [ sort @rooms ], [ sort @there ], 'its rooms are there' );
    my @missing;
    for my $name ( $page =~ /`([\w.\/*-]+)`/g ) {
        next if $name !~ m{/|\.(?:c|h|pm|t)$} || $name =~ /NAME/;
        my @found = map { glob $t->source("$_$name") } '', 'src/', 'fcgi/',
            map { "src/$_/" } @rooms;
        push @missing, $name if !grep { -e } @found;
    }
    is_deeply( \@missing, [], 'what it names is there' );
};

$t->done;
