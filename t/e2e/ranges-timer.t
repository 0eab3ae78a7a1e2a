# SPDX-License-Identifier: Apache-2.0
#
# The systemd units that get fresh address ranges once a day: systemd finds nothing wrong
# with them, and the command does what it should, with a stand-in that gets nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Test;
use Test::More;

my $t     = Signpost::Test->new;
my @units = (
    $t->built("etc/systemd/signpost-ranges.service"),
    $t->source("etc/systemd/signpost-ranges.timer")
);

SKIP: {
    my $analyze = $t->find('systemd-analyze');
    skip 'systemd-analyze is not installed', 2 if !$analyze;
    my $run = $t->run( [ $analyze, 'verify', @units ] );
    is( $run->{out} . $run->{err}, '', 'systemd has nothing to say' );
    $run = $t->run( [ $analyze, 'calendar', $t->slurp( $units[1] ) =~ /^OnCalendar=(.*)$/m ] );
    is( $run->{status}, 0, 'nor against the time' );
}

# The command as systemd would hand it to the shell.
my $unit = $t->slurp( $units[0] ) =~ s/\\\n\s*/ /gr;
my ($command) = $unit =~ m{^ExecStart=/bin/sh -c '(.*)'$}m;
ok( $command, 'the service runs one command' );
$command =~ s/\$\$/\$/g;
like( $command, qr{ /\S+/signpost ranges }, 'with its whole path' );
$command =~ s{/\S+/signpost ranges}{signpost ranges};

my $stand_in = $t->file( 'bin/signpost', <<'EOT' );
#!/bin/sh
echo "$*" >> @DIR@/calls
case "$*" in *"$FAILS"*) exit 1 ;; esac
EOT
chmod 0755, $stand_in or die $!;

for my $fails ( 'nothing', 'clouds', 'country' ) {
    unlink $t->folder . '/calls';
    my $run = $t->run(
        [ '/bin/sh', '-c', $command ],
        only_env => {
            PATH            => $t->folder . '/bin',
            STATE_DIRECTORY => '/var/lib/with a space',
            FAILS           => $fails
        }
    );
    is( $run->{err},        '',      "$fails fails: no complaint of the shell" );
    is( $t->slurp('calls'), <<'EOT', "$fails fails: both are made" );
ranges --quiet --download clouds -o /var/lib/with a space/clouds.mmdb
ranges --quiet --download country -o /var/lib/with a space/country.mmdb
EOT
    is( $run->{status}, $fails eq 'nothing' ? 0 : 1, "$fails fails: exit status" );
}

# The options are the real one's: it takes them, and stops for want of a source.
SKIP: {
    my $signpost = $t->program('signpost');
    my $version  = $t->run( [ $signpost, '--version' ] );
    skip 'signpost was built without libcurl', 1 if $version->{out} !~ /libcurl/;
    my @none = map { ( '--source', "$_=" ) } qw(aws google azure oracle linode digitalocean);
    my $run  = $t->run(
        [ $signpost, qw(ranges --quiet --download clouds -o), $t->folder . '/clouds.mmdb', @none ]
    );
    like( $run->{err}, qr/^signpost ranges: All sources of "clouds" are left out/,
        'its options are known' );
}

$t->done;
