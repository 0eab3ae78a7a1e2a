# SPDX-License-Identifier: Apache-2.0
#
# An upgrade stops nothing: the complete configuration of the version before, with each of its
# options set, is accepted, and what is retired since then has a warning.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::FastCGI qw(request variables);
use Signpost::Test;
use Signpost::Wire qw(cgi);
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $program  = $t->program('signpost.fcgi');
my $tag      = '/v2/app/manifests/v1';
my $old      = $t->slurp( $t->source('t/data/upgrade/signpost-0.1.0.conf') );
my %retired  = map { $_ => '0.2.0' } qw(probe_rate_unknown probe_burst_unknown);

# What shows an option: "#name = value;", on one line or more.
my %option;
while ( $old =~ /^#([a-z_0-9]+) *= (.*(?:\n# {3,}.*)*)/mg ) {
    my ( $name, $value ) = ( $1, $2 );
    $option{$name} = "$name = " . $value =~ s/\n#/\n/gr;
}
cmp_ok( scalar keys %option, '>', 50, 'the old file shows its options' );

# The old file with lines of its options. Where they stand already, they are left as they are.
sub conf {
    my (@lines) = @_;
    ( my $text = $old ) =~ s/^#.*\n//mg;
    return join "\n", $text, @lines, '';
}

sub check { return $t->run( [ $signpost, 'check', $t->file( 'check.conf', $_[0] ) ] ) }

my $run = check($old);
is( $run->{status}, 0,  'as it was shipped, it has no mistakes' );
is( $run->{err},    '', '… and no warnings' );

my %used;
for my $name ( sort keys %option ) {
    next if conf() =~ /^\Q$name\E\b/m;
    $run = check( conf( $option{$name} ) );
    is( $run->{status}, 0, "$name is accepted" ) or diag $run->{err};
    my $warning = $run->{err} =~
        /check\.conf:\d+: warning: the option "$name" is retired since version (\S+) and ignored: .+\. The next version refuses it\.$/m;
    is( $warning ? $1 : '', $retired{$name} // '', '… and retired, if it is' );
    $used{$name} = 1;
}
is_deeply( [ grep { !$used{$_} } sort keys %retired ], [], 'all that is retired was there' );

subtest 'with retired options' => sub {
    my $state = $t->dir('state');
    my @lines = ( ( map { $option{$_} } sort keys %retired ), qq{state = "$state";} );
    my $file  = $t->file( 'front.conf', conf(@lines) );
    my $path  = $t->folder . '/front.sock';
    $t->start( front => [ $program, '--config', $file, '--listen', $path ] );
    my $ask = sub {
        my $client = Signpost::FastCGI->new($path) or return '';
        $client->send( request( variables($tag) ) );
        return ( $client->answer || {} )->{location} // '';
    };
    my $to = "https://us.registry.example.org$tag";
    ok( $t->wait_for( sub { $ask->() eq $to } ), 'a responder serves' );
    like(
        $t->slurp('front.err'),
        qr/front\.conf:\d+: warning: the option "$_" is retired/,
        "… with a warning of $_"
    ) for sort keys %retired;
    $t->start( prober => [ $signpost, 'prober', '--config', $file, '--stay' ] );
    ok( $t->wait_for( sub { -e "$state/health" } ), 'a prober serves' );
    like(
        $t->slurp('prober.err'),
        qr/warning: the option "probe_rate_unknown"/,
        '… with a warning'
    );
    $run = $t->run( [ $signpost, 'reload', '--config', $file ] );
    is( $run->{status}, 0, 'a reload is taken' ) or diag $run->{err};
    like( $run->{err}, qr/warning: the option "probe_burst_unknown"/, '… with a warning' );
    is( $ask->(), $to, '… and the responder serves on' );

    my $answer = cgi( $t, $program, { %{ variables($tag) }, SIGNPOST_CONF => $file } );
    is( $answer->{header}{location}, $to, 'a CGI serves' );
    is( $answer->{stderr},           '',  '… and says nothing, each time' );
};

subtest 'the value of a retired option is ignored' => sub {
    for my $value ( '"many"', '( { a = 1; } )', '[ ]', '-1', '{ }' ) {
        $run = check( conf("probe_rate_unknown = $value;") );
        is( $run->{status}, 0, "$value is accepted" ) or diag $run->{err};
    }
    $run = $t->run( [ $signpost, 'check', '--print', $t->folder . '/check.conf' ] );
    unlike( $run->{out}, qr/unknown/, 'what is printed has it no more' );
};

subtest 'what never was an option' => sub {
    $run = check( conf('probe_rate_unknwn = 1;') );
    is( $run->{status}, 1, 'is refused' );
    like( $run->{err}, qr/error: there is no option "probe_rate_unknwn"/, '… as it was' );
    unlike( $run->{err}, qr/"probe_rate_unknown"/, '… and no retired one is suggested' );
    $run = check( conf('databases = ( { file = "a.mmdb"; probe_rate_unknown = 1; } );') );
    is( $run->{status}, 1, 'nor is a retired one in another place' );
};

is_deeply( [ sort $t->run( [ $signpost, 'options' ] )->{out} =~ /^  (probe_\w+_unknown)/mg ],
    [], 'what is retired is no option any more' );

$t->done;
