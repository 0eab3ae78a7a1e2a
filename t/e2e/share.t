# SPDX-License-Identifier: Apache-2.0
#
# Shares: as many clients as a share says, always the same ones; set on a running system
# without an error, seen in `signpost state`, and kept over a restart.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP          ();
use Signpost::FastCGI qw(request variables);
use Signpost::Prober;
use Signpost::Servers qw(signpost);
use Signpost::Test;
use Test::More;
use Time::HiRes qw(time);

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $version  = $t->run( [ $signpost, '--version' ] )->{out};
my $state    = $t->dir('state');
my %origin   = map { $_ => "https://$_.example.org" } qw(new eu us);

# Options of the upstream `new`, and more of the file.
sub conf {
    my ( $option, $more ) = @_;
    return <<"EOT";
name      = "registry.example.org";
upstreams = { new = { url = "$origin{new}"; serves = [ "EU" ]; $option };
              eu  = { url = "$origin{eu}"; serves = [ "EU" ]; };
              us  = { url = "$origin{us}"; }; };
canonical = [ "us" ];
health_interval = 3600;    # there are no such hosts
state     = "$state";
prober    = "service";
${\( $more // '' )}
EOT
}

my $conf = $t->file( 'signpost.conf', conf('share = 0.05;') );

sub call {
    my (@words) = @_;
    return $t->run( [ $signpost, $words[0], '--config', $conf, @words[ 1 .. $#words ] ] );
}

sub address { return join '.', 10, $_[0] >> 16 & 255, $_[0] >> 8 & 255, $_[0] & 255 }

subtest 'many clients' => sub {
    plan skip_all => 'signpost was built without jansson' if $version !~ /jansson/;
    my %in;
    for my $step ( [ '5%', 100_000 ], [ '25%', 20_000 ] ) {
        my ( $share, $clients ) = @$step;
        my $requests = join '', map {
            sprintf qq({"target": "/v2/app/manifests/v1", "region": "FR", "ip": "%s"}\n),
                address($_)
        } 1 .. $clients;
        my $input = $t->file( 'requests', $requests );
        is( call( 'share', 'new', $share )->{status}, 0, "a share of $share" );
        open my $in, '<', $input or die "$input: $!";
        my $run = $t->run( [ $signpost, 'explain', '--config', $conf, '--batch' ], stdin => $in );
        my @to  = $run->{out} =~ m{"location": ?"https://(\w+)\.}g;
        is( scalar @to, $clients, '  all have an answer' );
        $in{$share} = { map { $_ => 1 } grep { $to[$_] eq 'new' } 0 .. $#to };
        my ( $want, $got ) = ( $share =~ /(\d+)/, 100 * keys( %{ $in{$share} } ) / $clients );
        cmp_ok( abs( $got - $want ), '<', 1, "  $got % are in" );
        is( scalar( grep { !/^(?:new|eu)$/ } @to ), 0, '  the rest is where it was' );
    }
    my @early = grep { $_ < 20_000 } keys %{ $in{'5%'} };
    cmp_ok( scalar @early, '>', 800, 'of those who were in at 5 %' );
    is( scalar( grep { !$in{'25%'}{$_} } @early ), 0, 'all stay in at 25 %' );
    call(qw(share new default));
};

subtest 'the command' => sub {
    my $in  = sub { return call( 'explain', '--region', 'FR', '--ip', $_[0], '/v2/a/manifests/v1' ) };
    my $out = $in->('192.0.2.1');
    like( $out->{out}, qr/nearest = new: passed over: it takes a share/, 'explain says so' );
    like(
        $out->{out},
        qr/1\. new: .*, with a share of 5 %: this client is not in it$/m,
        '… and with what share'
    );
    call(qw(share new 0.5));
    my ($yes) = grep { $in->("192.0.2.$_")->{out} =~ /^location .*new\.example/m } 1 .. 20;
    ok( $yes, 'of 20 clients some are in a half' );
    like(
        $in->("192.0.2.$yes")->{out},
        qr/1\. new: .*, with a share of 50 %: this client is in it$/m,
        '… which is told'
    );
    like( call('state')->{out}, qr/^new +upstream +not checked +50% +50% +-/m, 'state shows it' );
    is( call('state')->{status}, 0, '… and finds nothing wrong' );
    call(qw(share new default));
    like( call('state')->{out}, qr/^new +upstream +not checked +5% +5% +-/m, 'the default again' );

    for my $wrong ( '', '5', 'x', '101%', '1.1', '25 %', 'nan', '5%%' ) {
        my $run = call( 'share', 'new', $wrong );
        is( $run->{status}, 2, "\"$wrong\" is no share" );
        like( $run->{err}, qr/"\Q$wrong\E" is no share: write a percentage/, '… with a cure' );
    }
    my $run = call(qw(share nwe 5%));
    is( $run->{status}, 2, 'an unknown target' );
    like( $run->{err}, qr/there is no target "nwe"; did you mean "new"\?/, '… with a suggestion' );
    like( call(qw(share us 50%))->{err},
        qr/"us" is the only canonical upstream: .* all the same/, 'what a share does not do' );
    my $digest = 'sha256:' . 'a' x 64;
    for my $ip ( 1 .. 10 ) {
        my $path = "/v2/app/referrers/$digest";
        $run = call( 'explain', '--region', 'FR', '--ip', "192.0.2.$ip", $path );
        like( $run->{out}, qr{^location  https://us\.}m, "a signature for client $ip" );
    }
    call(qw(share us default));
};

# One kept connection, as fast as it goes, each request from another of 5,000 clients.
sub load {
    my ( $socket, $count ) = @_;
    my $c = Signpost::FastCGI->new($socket) // die "$socket: $!";
    my %to;
    for my $i ( 1 .. $count ) {
        my $variables = variables(
            '/v2/app/manifests/v1',
            REMOTE_ADDR          => address( $i % 5000 ),
            HTTP_X_CLIENT_REGION => 'FR'
        );
        $c->send( request( $variables, keep => 1 ) );
        my $answer = $c->answer || {};
        my ($host) = ( $answer->{location} // '' ) =~ m{^https://(\w+)\.};
        $to{ $host // 'nowhere: ' . ( $answer->{status} // 'no answer' ) }++;
    }
    return \%to;
}

sub seen {
    my ($name) = @_;
    my $run = call(qw(state --json));
    my ($target) =
        grep { $_->{name} eq $name } @{ JSON::PP->new->decode( $run->{out} )->{targets} };
    return $target;
}

subtest 'a running system' => sub {
    plan skip_all => 'signpost was built without its prober or jansson'
        if $version !~ /libcurl/ || $version !~ /jansson/;
    my $socket = signpost( $t, 'front', conf => conf('share = 0.05;') );
    my $prober = Signpost::Prober->start( $t, 'prober', $conf, $state );
    my $to     = load( $socket, 2000 );
    is( join( ' ', sort keys %$to ), 'eu new', 'two upstreams take the clients' );
    cmp_ok( abs( $to->{new} / 20 - 5 ), '<', 1.5, 'new takes its share' );

    # Each change is waited for under load: what is sent meanwhile may go to either.
    my ( %all, $lost );
    for my $step ( [ '25%', 25 ], [ '100%', 100 ], [ '0', 0 ], [ '50%', 50 ] ) {
        my ( $share, $want ) = @$step;
        my $began = time;
        is( call( 'share', 'new', $share )->{status}, 0, "a share of $share" );
        my $holds = $t->wait_for(
            sub {
                my $some = load( $socket, 500 );
                $all{$_} += $some->{$_} for keys %$some;
                return abs( ( $some->{new} // 0 ) / 5 - $want ) < 6;
            }
        );
        ok( $holds, 'holds' );
        cmp_ok( time - $began, '<', 5, 'soon' );
    }
    is( join( ' ', sort keys %all ), 'eu new', 'all requests had a redirect' );
    my $target;
    ok(
        $t->wait_for(
            sub {
                load( $socket, 500 );
                $target = seen('new');
                return defined $target->{share_seen} && abs( $target->{share_seen} - 0.5 ) < 0.05;
            },
            20
        ),
        'what is seen is what was set'
    ) or diag explain $target;
    is( $target->{share}, 0.5, 'both are told' );
    like( call('state')->{out}, qr/^new .* 50% +(?:4[5-9]|5[0-5])(?:\.\d+)?% /m, 'in the table' );

    is( $t->stop('front'), 0, 'the responder ends' );
    unlink "$state/../front.sock";
    $socket = signpost( $t, 'front', conf => conf('share = 0.05;') );
    my $again = load( $socket, 1000 );
    cmp_ok( abs( ( $again->{new} // 0 ) / 10 - 50 ), '<', 6, 'and its next one knows the share' )
        or diag explain $again;
    $t->stop($_) for qw(front prober);
};

$t->done;
