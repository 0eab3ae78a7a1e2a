# SPDX-License-Identifier: Apache-2.0
#
# The manual pages: sound, whole, and pointing nowhere that is not there; and bash's
# completion of the command.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Test::More;

my $t        = Signpost::Test->new->need('mandoc');
my $signpost = $t->program('signpost');
my $build    = $signpost =~ s{/src/signpost$}{}r;
my %page     = map { m{([^/]+)\.\d$} ? ( $1 => $_ ) : () }
    glob "$build/src/*.1 $build/fcgi/*.8 $build/etc/*.5";
my $help     = $t->run( [ $signpost, '--help' ] )->{out};
my @commands = $help =~ /^  ([a-z]+)  /mg;

cmp_ok( scalar @commands, '>=', 14, 'there are commands' );
for my $command (@commands) {
    my $file = $page{"signpost-$command"};
    ok( $file, "$command has a page" ) or next;
    my $shown = $t->run( [ 'mandoc', '-T', 'ascii', '-O', 'width=500', $file ] )->{out};
    $shown =~ s/.\x08//g;
    my $said    = $t->run( [ $signpost, $command, '--help' ] )->{out};
    my %options = map { $_ => 1 } $said =~ /(?<![\w-])(--[a-z][a-z-]*)/g;
    is_deeply( [ grep { index( $shown, $_ ) < 0 } sort keys %options ], [], '  with every option' );
    unlike( $said, qr/^.{89}/m, '  and a help of narrow lines' );
}

for my $name ( sort keys %page ) {
    my $run = $t->run( [ 'mandoc', '-T', 'lint', $page{$name} ] );
    my @found =
        grep { !/referenced manual not found|outdated mandoc\.db/ } split /\n/, $run->{out} . $run->{err};
    is_deeply( \@found, [], "$name is clean" );
    my $text = $t->slurp( $page{$name} );
    unlike( $text, qr/[^\x00-\x7f]/, '  and plain ASCII' );
    is_deeply( [ grep { /^signpost/ && !$page{$_} } $text =~ /^\.(?:It )?Xr (\S+)/mg ],
        [], '  and points to pages that there are' );
}

my $completion = $t->source('src/completion/signpost');

# What bash would offer for these words, the last one being typed.
sub completed {
    my (@words) = @_;
    my $run = $t->run( [ 'bash', '-c', <<'EOT', 'bash', $completion, @words ] );
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_signpost
printf '%s\n' "${COMPREPLY[@]}"
EOT
    is( $run->{err}, '', "@words[1..$#words]" );
    return [ sort split /\n/, $run->{out} ];
}

my $conf = $t->file( 'signpost.conf', <<'EOT' );
name      = "registry.example.org";
upstreams = { eu = { url = "https://eu.example.org"; }; us = { url = "https://us.example.org"; }; };
canonical = [ "us" ];
EOT

is_deeply( completed( $signpost, '' ), [ sort @commands, '--help', '--version' ], '  commands' );
is_deeply( completed( $signpost, 'rel' ), ['reload'], '  one command' );
is_deeply( completed( $signpost, 'replay', '--f' ), ['--fail-over'], '  an option' );
is_deeply( completed( $signpost, 'drain', '--config', $conf, '' ), [ 'eu', 'us' ], '  targets' );
is_deeply( completed( $signpost, 'where', 'gcp:europe-west1' ),
    [ map { "gcp:europe-west1$_" } '', 0, 2, 5 ], '  places' );

$t->done;
