# SPDX-License-Identifier: Apache-2.0
#
# The test kit's own promises: what it asserts of every test does fail when it
# should, and nothing is left behind, however a test ends.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Test::More;

my $t = Signpost::Test->new;

# Runs a test that is only these lines, and returns its status and what it said.
# Its folder is its first line of output.
sub test_of {
    my ( $lines, $while_running ) = @_;
    my $text = "use Signpost::Test; use Test::More; \$| = 1;\n"
        . "my \$t = Signpost::Test->new; print \$t->folder, qq(\\n);\n$lines";
    my $file    = $t->file( 'inner.t', $text );
    my @command = ( $^X, "-I$FindBin::Bin/../lib", $file );
    if ( !$while_running ) {
        my $run = $t->run( \@command );
        unlink glob $t->folder . '/run*.err';    # what is alarming there is meant to be
        return $run;
    }
    my $name = 'inner' . ++$t->{inner};
    $t->start( $name, \@command );
    $t->wait_for( sub { $t->slurp("$name.out") =~ /^started$/m } ) or die 'not started';
    $while_running->($name);
    my $status = $t->wait_end( $name, 30 );
    my %result =
        ( status => $status, out => $t->slurp("$name.out"), err => $t->slurp("$name.err") );
    $t->stop($name);
    return \%result;
}

sub leaves_nothing {
    my ($run)    = @_;
    my ($folder) = $run->{out} =~ m{^(/.*)$}m or return fail('it had no folder');
    ok( !-e $folder, 'its folder is gone' );
    my @left =
        grep { $_->[1] =~ /\Q$folder/ } map { [ $_, $t->slurp("$_/cmdline") ] } glob '/proc/[0-9]*';
    is_deeply( \@left, [], 'and so are its processes' );
    return;
}

my $sleeper = q{'perl', '-e', '# ' . $t->folder . "\nsleep 60"};

subtest 'a good test' => sub {
    my $run = test_of(qq{\$t->start( sleeper => [ $sleeper ] ); ok 1; \$t->done;});
    is( $run->{status}, 0, 'passes' ) or diag $run->{out}, $run->{err};
    leaves_nothing($run);
};

subtest 'a program that is not installed' => sub {
    my $run = test_of(q{$t->need('no-such-server'); fail('not reached'); $t->done;});
    is( $run->{status}, 0, 'skips the test' );
    like( $run->{out}, qr/^1\.\.0 # SKIP no-such-server is not installed$/m, 'with a sentence' );
    leaves_nothing($run);
    $run = test_of( q{subtest part => sub { $t->need('no-such-server'); fail('not reached') };}
            . q{ok -d $t->folder; $t->done;} );
    is( $run->{status}, 0, 'or the subtest alone' ) or diag $run->{out}, $run->{err};
    leaves_nothing($run);
};

subtest 'a sanitizer report' => sub {
    for my $line (
        'x.c:1:2: runtime error: signed integer overflow',
        '==1==ERROR: AddressSanitizer: stack',
        q(prog: a.c:3: f: Assertion `x' failed.)
        )
    {
        my $run = test_of(
            qq{\$t->run( [ 'perl', '-e', 'print STDERR shift', q($line) ] ); ok 1; \$t->done;});
        isnt( $run->{status}, 0, 'fails the test' );
        like( $run->{out}, qr/^not ok \d+ - no sanitizer report/m, 'and says so' );
    }
};

subtest 'a process that will not end' => sub {
    my $run =
        test_of( q{$Signpost::Test::stop_within = 0.3;}
            . q{my $deaf = '$SIG{TERM} = "IGNORE"; $| = 1; print "up"; sleep 60';}
            . q{$t->start( deaf => [ 'perl', '-e', $deaf ] );}
            . q{$t->wait_for( sub { $t->slurp('deaf.out') } ); ok 1; $t->done;} );
    like( $run->{out}, qr/^not ok \d+ - every process ended/m, 'fails the test' );
    leaves_nothing($run);
};

subtest 'a process that has left its group' => sub {
    my $run =
        test_of( q{my $stray = '# ' . $t->folder . "\nexit if fork; setsid(); sleep 60";}
            . q{$t->start( stray => [ 'perl', '-MPOSIX', '-e', $stray ] );}
            . q{$t->wait_end('stray'); ok 1; $t->done;} );
    like( $run->{out}, qr/^not ok \d+ - every process ended/m, 'fails the test' );
    leaves_nothing($run);
};

subtest 'a test that dies' => sub {
    my $run = test_of(qq{\$t->start( sleeper => [ $sleeper ] ); ok 1; die "ouch\n";});
    isnt( $run->{status}, 0, 'fails' );
    leaves_nothing($run);
};

subtest 'a test that is interrupted' => sub {
    for my $signal (qw(INT TERM)) {
        my $run =
            test_of( qq{\$t->start( sleeper => [ $sleeper ] ); ok 1; print "started\n"; sleep 60;},
            sub { $t->signal( $_[0], $signal ) } );
        isnt( $run->{status}, 0, "fails ($signal)" );
        leaves_nothing($run);
    }
};

subtest 'ports' => sub {
    my %seen;
    $seen{ $t->port }++ for 1 .. 200;
    is( scalar keys %seen, 200, 'are all different' );
    my $run =
        test_of(q{print join( ' ', 'ports:', map { $t->port } 1 .. 200 ), "\n"; ok 1; $t->done;});
    my ($ports) = $run->{out} =~ /^ports: (.*)$/m;
    is_deeply( [ grep { $seen{$_} } split / /, $ports ], [], 'in tests that run side by side too' );
};

$t->done;
