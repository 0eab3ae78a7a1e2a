# SPDX-License-Identifier: Apache-2.0
#
# signpost forget: a registry that has lost what it had, a responder and a CGI that believe that
# it has it, and who hears of it.
use strict;
use warnings;

use lib 't/lib', '../t/lib';
use lib "$ENV{SIGNPOST_SRC}/t/lib";

use Digest::SHA      qw(sha256_hex);
use File::Path       qw(remove_tree);
use POSIX ();
use Socket;
use Signpost::Prober qw(target_id);
use Signpost::Registry;
use Signpost::Servers qw(signpost nginx);
use Signpost::Test;
use Signpost::Wire qw(http cgi);
use Test::More;

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
$t->run( [ $signpost, '--version' ] )->{out} =~ /libcurl/
    or $t->skip_all('signpost was built without libcurl');
$t->need(qw(nginx docker-registry));

my %registry = map { $_ => Signpost::Registry->start( $t, $_ ) } qw(eu us);
my $state    = $t->dir('state');
chmod 0755, $state;
my $text = <<"EOT";
name      = "registry.example.org";
upstreams = { eu = { url = "@{[ $registry{eu}->url ]}"; serves = [ "EU" ]; };
              us = { url = "@{[ $registry{us}->url ]}"; }; };
canonical = [ "us" ];
state     = "$state";
prober    = "service";
EOT
my $conf   = $t->file( 'signpost.conf', $text );
my $prober = Signpost::Prober->start( $t, 'prober', $conf, $state );
my $port   = nginx( $t, 'nginx', socket => signpost( $t, 'signpost', conf => $text ) );

my ( $blob, $kept ) = map { "content number $_" } 1 .. 2;
$_->add_blobs( 'app', $blob, $kept ) for values %registry;
my ( $lost_hex, $kept_hex ) = map { sha256_hex($_) } $blob, $kept;

sub name_of { return $_[0] =~ m{^\Q@{[ $registry{eu}->url ]}\E/} ? 'eu' : 'us' }

sub sent {
    my ($hex) = @_;
    my $answer = http( $port, 'GET', "/v2/app/blobs/sha256:$hex", 'X-Client-Region' => 'EU' );
    return name_of( $answer->{header}{location} // '' );
}

sub sent_by_cgi {
    my ($hex) = @_;
    my $answer = cgi( $t, $t->program('signpost.fcgi'),
        { REQUEST_METHOD => 'GET', REQUEST_URI => "/v2/app/blobs/sha256:$hex",
            HTTP_X_CLIENT_REGION => 'EU', SIGNPOST_CONF => $conf } );
    return name_of( $answer->{header}{location} // '' );
}

sub forget { return $t->run( [ $signpost, 'forget', '--config', $conf, @_ ] ) }

# Deletes a blob from a registry's storage, as if an older backup had been restored.
sub lose {
    my ($hex) = @_;
    my $folder = $t->folder . '/eu.storage/docker/registry/v2';
    remove_tree( "$folder/repositories/app/_layers/sha256/$hex",
        "$folder/blobs/sha256/" . substr( $hex, 0, 2 ) . "/$hex" );
    return;
}

subtest 'one object' => sub {
    ok( $t->wait_for( sub { sent($lost_hex) eq 'eu' && sent_by_cgi($lost_hex) eq 'eu' } ),
        'a blob is nearby' );
    my $answers = sub {
        return grep { m{^HEAD /v2/app/blobs/sha256:$lost_hex } } $registry{eu}->requests;
    };
    ok( $t->wait_for( sub { $answers->() } ), '… as the registry was asked' );
    lose($lost_hex);
    is( sent($lost_hex),        'eu', 'it is lost, which is not known' );
    is( sent_by_cgi($lost_hex), 'eu', '… nor to a CGI' );
    my $run = forget( 'eu', "app\@sha256:$lost_hex" );
    is( $run->{status}, 0, 'it is forgotten' ) or diag $run->{err};
    is(
        $run->{out},
        "What was known of app\@sha256:$lost_hex at eu is forgotten.\n",
        '… which is said'
    );
    ok( $t->wait_for( sub { sent($lost_hex) eq 'us' } ), 'the next request is looked for anew' );
    is( scalar( $answers->() ), 1, '… by one question' );
    is( sent_by_cgi($lost_hex), 'us', 'a CGI knows, too' );
    is( sent($kept_hex),        'eu', 'another blob is where it was' );
};

subtest 'a whole target' => sub {
    is( sent_by_cgi($kept_hex), 'eu', 'another blob is nearby' );
    lose($kept_hex);
    my $run = forget('eu');
    is( $run->{status}, 0,                                        'all is forgotten' );
    is( $run->{out},    "What was known of eu is forgotten.\n", '… which is said' );
    ok( $t->wait_for( sub { sent($kept_hex) eq 'us' } ), 'what is lost is elsewhere' );
    is( sent_by_cgi($kept_hex), 'us', '… for a CGI, too' );
};

subtest 'mistakes' => sub {
    my %said = (
        'eu2'                     => qr/there is no target "eu2"; did you mean "eu"\?/,
        "eu app"                  => qr/"app" is no NAME\@DIGEST: write the repository/,
        "eu app\@sha256:x"        => qr/is no NAME\@DIGEST/,
        "eu A\@sha256:$kept_hex"  => qr/is no NAME\@DIGEST/,
        "eu app\@$kept_hex"       => qr/did you mean "app\@sha256:$kept_hex"\?/,
        "eu registry.example.org/app\@sha256:$kept_hex" =>
            qr/did you mean "app\@sha256:$kept_hex"\?/,
    );
    for my $words ( sort keys %said ) {
        my $run = forget( split / /, $words );
        is( $run->{status}, 2, "\"$words\" is refused" );
        like( $run->{err}, $said{$words}, '… with a cure' );
    }
    my $other = $t->file( 'other.conf', $text =~ s{\Qurl = "@{[ $registry{eu}->url ]}\E}{url = "http://localhost:1}r );
    my $run = $t->run( [ $signpost, 'forget', '--config', $other, 'eu' ] );
    is( $run->{status}, 1, 'a target that the prober does not know' );
    like( $run->{err}, qr/has no such target, or another URL for it: run `signpost reload`/,
        '… is told' );
};

subtest 'without a prober, and with a former one' => sub {
    $t->stop('prober');
    my $run = forget('eu');
    is( $run->{status}, 1, 'without a prober' );
    like(
        $run->{err},
        qr{^signpost forget: There is no prober to be asked: start one .* Or delete the file \Q$state\E/cache\.table},
        '… it is said what to do'
    );
    socket my $door, AF_UNIX, SOCK_SEQPACKET, 0 or die $!;
    bind $door, pack_sockaddr_un("$state/prober.socket") or die $!;
    listen $door, 1 or die $!;
    defined( my $child = fork ) or die $!;
    if ( !$child ) {    # version 0.2 hangs up on who sends what it does not know; the responder comes, too
        my $kind = 0;
        while ( $kind != 254 ) {
            accept( my $peer, $door );
            recv( $peer, my $packet, 4096, 0 );
            $kind = length $packet > 8 ? ord substr $packet, 8, 1 : 0;
            close $peer;
        }
        POSIX::_exit(0);
    }
    $run = forget('eu');
    waitpid $child, 0;
    is( $?,             0, 'a former prober hears it' );
    is( $run->{status}, 1, '… and cannot' );
    like( $run->{err}, qr/The prober is of another version, which cannot forget: start it again/,
        '… which is said' );
    unlink "$state/prober.socket";
};

$t->done;
