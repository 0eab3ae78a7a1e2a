# SPDX-License-Identifier: Apache-2.0
#
# Standard error that nobody reads, a pipe that is full: neither program waits for room there,
# from its start on; what could not be said is counted, and that is said when there is room.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Fcntl;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use Signpost::FastCGI qw(request variables);
use Signpost::Prober  qw(target_id);
use Signpost::Test;
use Signpost::Wire qw(http cgi);
use Test::More;
use Time::HiRes qw(time sleep);

my $t = Signpost::Test->new;

# The database that is not there is warned of at the start.
sub conf {
    my ( $state, @more ) = @_;
    return <<"EOT" . join "\n", @more;
name      = "registry.example.org";
upstreams = { eu = { url = "http://127.0.0.1:1"; serves = [ "EU" ]; };
              us = { url = "http://127.0.0.1:2"; }; };
canonical = [ "us" ];
databases = [ "nowhere.mmdb" ];
state     = "$state";
EOT
}

# A pipe without room, as its two ends. It blocks, as those that shells make do.
sub full_pipe {
    pipe my $read, my $write or die "pipe: $!";
    fcntl $write, F_SETFL, O_NONBLOCK or die "fcntl: $!";
    1 while syswrite $write, 'x' x 4096;
    1 while syswrite $write, 'x';
    fcntl $write, F_SETFL, 0 or die "fcntl: $!";
    return ( $read, $write );
}

# What is in it by now.
sub empty_pipe {
    my ($read) = @_;
    my ( $all, $flags ) = ( '', fcntl $read, F_GETFL, 0 );
    fcntl $read, F_SETFL, $flags | O_NONBLOCK;
    1 while sysread $read, $all, 1 << 16, length $all;
    return $all =~ s/^x+//r;
}

# How it is run: as this user, who may open the pipe anew, or as another, who may not.
my %as = ( 'this user' => [] );
$as{'another user'} = [ $t->find('setpriv'), qw(--reuid 65534 --regid 65534 --clear-groups) ]
    if $> == 0 && $t->find('setpriv');

sub ask {
    my ($c) = @_;
    my $start = time;
    $c->send(
        request( variables( '/v2/app/manifests/v1', HTTP_X_CLIENT_REGION => 'EU' ), keep => 1 ) );
    my $location = ( $c->answer(5) || {} )->{location} // 'no answer';
    return time - $start < 2 ? $location : "late: $location";
}

for my $who ( sort keys %as ) {
    subtest "the responder, as $who" => sub {
        my $name  = $who =~ s/ .*//r;
        my $state = $t->dir("state-$name");
        my $path  = $t->folder . "/$name.sock";
        my $file  = $t->file( "$name.conf", conf( $state, 'prober = "off"; log = "all";' ) );
        my ( $read, $write ) = full_pipe();
        my $socket = IO::Socket::UNIX->new( Local => $path, Listen => 100 ) or die "$path: $!";
        $t->start(
            $name,
            [ @{ $as{$who} }, $t->program('signpost.fcgi') ],
            stdin  => $socket,
            stderr => $write,
            env    => { SIGNPOST_CONF => $file }
        );
        my $kept = Signpost::FastCGI->new($path) or die "$path: $!";
        like( ask($kept), qr/:1\//, 'it starts, and answers' );

        for ( 1 .. 3 ) {
            my $bad = Signpost::FastCGI->new($path) or die "$path: $!";
            $bad->send("GET / HTTP/1.0\r\n\r\n");
            $bad->answer(5);
            like( ask($kept), qr/:1\//, 'also when a web server has sent nonsense' );
        }
        $t->file( "$name.conf", conf( $state, ( map { "nonsense$_ = 1;" } 1 .. 300 ) ) );
        for ( 1 .. 3 ) {
            $t->signal( $name, 'HUP' );
            sleep 0.1;
            like( ask($kept), qr/:1\//, 'and when a configuration is refused' );
        }
        ok( !( fcntl( $write, F_GETFL, 0 ) & O_NONBLOCK ), 'the pipe is as it was' );
        my $said = empty_pipe($read);
        unlike( $said, qr/signpost/, 'nothing was said until then' );
        $t->file( "$name.conf", conf( $state, 'prober = "off";' ) =~ s/:1"/:3"/r );
        $t->signal( $name, 'HUP' );
        ok( $t->wait_for( sub { ask($kept) =~ /:3\// } ), 'a good one is taken' );
        ok( $t->wait_for( sub { ( $said .= empty_pipe($read) ) =~ /has been read again/ } ),
            'and what is said now can be read' );
        like( $said,      qr/^signpost\.fcgi: \d+ messages were lost here/m, 'with what was lost' );
        like( ask($kept), qr/:3\//,                                          'it goes on' );
        close $read;
        $t->signal( $name, 'HUP' );
        sleep 0.1;
        like( ask($kept), qr/:3\//, 'also when nobody can read it any more' );
        is( $t->stop($name), 0, 'and stops in order' );
    };
}

subtest 'a CGI' => sub {
    my $file = $t->file( 'cgi.conf', "nonsense = 1;\n" );
    my ( $read, $write ) = full_pipe();
    my %env = ( SIGNPOST_CONF => $file, REQUEST_METHOD => 'GET', REQUEST_URI => '/v2/' );
    my $run = $t->run(
        [ $t->program('signpost.fcgi') ],
        only_env => \%env,
        stderr   => $write,
        seconds  => 5
    );
    like( $run->{out}, qr/^Status: 503 /m, 'answers' );
    empty_pipe($read);
    close $read;
    $run = $t->run(
        [ $t->program('signpost.fcgi') ],
        only_env => \%env,
        stderr   => $write,
        seconds  => 5
    );
    like( $run->{out}, qr/^Status: 503 /m, 'also when nobody reads what it says' );
};

subtest 'the prober' => sub {
    my $program = $t->program('signpost');
    plan skip_all => 'signpost was built without libcurl'
        if $t->run( [ $program, '--version' ] )->{out} !~ /curl/i;
    my $state = $t->dir('state-prober');
    my $good  = conf( $state, 'prober = "service"; metrics = "on";' );
    my $file  = $t->file( 'prober.conf', $good );
    my ( $read, $write ) = full_pipe();
    $t->start(
        prober => [ $program, 'prober', '--stay', '--config', $file ],
        stderr => $write
    );
    my $prober = bless { state => $state }, 'Signpost::Prober';
    my $client = $t->wait_for( sub { $prober->try_client } );
    ok( $client, 'it starts' );
    my $lives = sub {
        my @held = $client->ask( [ target_id('http://127.0.0.1:1') ],
            'blobs', 'app', 'sha256:' . sha256_hex(rand) );
        return "@held" eq 'unknown';
    };
    ok( $lives->(), 'and answers' );
    $t->file( 'prober.conf', $good . join "\n", map { "nonsense$_ = 1;" } 1 .. 300 );
    for ( 1 .. 3 ) {
        $t->signal( 'prober', 'HUP' );
        sleep 0.2;
        ok( $lives->(), 'it goes on when a configuration is refused' );
    }
    my $said = empty_pipe($read);
    unlike( $said, qr/signpost/, 'nothing was said until then' );
    $t->file( 'prober.conf', $good );
    $t->signal( 'prober', 'HUP' );
    ok( $t->wait_for( sub { ( $said .= empty_pipe($read) ) =~ /has been read again/ } ),
        'what is said now can be read' );
    like( $said, qr/^signpost prober: \d+ messages were lost here/m, 'with what was lost' );
    close $read;
    $t->signal( 'prober', 'HUP' );
    sleep 0.2;
    ok( $lives->(), 'it goes on when nobody can read it any more' );
    is( $t->stop('prober'), 0, 'and stops in order' );
};

$t->done;
