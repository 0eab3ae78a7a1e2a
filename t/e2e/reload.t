# SPDX-License-Identifier: Apache-2.0
#
# `signpost reload` says how many responders and whether the prober have taken the
# configuration, who refuses it and why, and fails if nobody is there; `signpost state` and
# `signpost drain` say who serves without one.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP          ();
use Signpost::FastCGI qw(request variables);
use Signpost::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t        = Signpost::Test->new;
my $signpost = $t->program('signpost');
my $program  = $t->program('signpost.fcgi');
my $tag      = '/v2/app/manifests/v1';
my $state    = $t->dir('state');
my $file     = $t->folder . '/signpost.conf';

sub configure {
    my (@more) = @_;
    my $text   = join "\n", <<"EOT", @more;
name      = "registry.example.org";
upstreams = { us = { url = "https://us.example.org"; };
              eu = { url = "https://eu.example.org"; serves = [ "EU" ]; }; };
canonical = [ "us" ];
state     = "$state";
prober    = "service";
EOT
    $t->file( 'signpost.conf.new', $text );
    rename "$file.new", $file or die "$file: $!";
    return;
}

sub command { return $t->run( [ $signpost, $_[0], '--config', $file, @_[ 1 .. $#_ ] ] ) }

sub responder {
    my ( $name, %option ) = @_;
    my $path = $t->folder . "/$name.sock";
    $t->start(
        $name => [ @{ $option{as} || [] }, $program, '--config', $file, '--listen', $path ],
        env   => { STATE_DIRECTORY => $state }
    );
    $t->wait_for( sub { Signpost::FastCGI->new($path) } ) or die $t->complaints($name);
    return $path;
}

sub ask {
    my ($path) = @_;
    my $client = Signpost::FastCGI->new($path) or return {};
    $client->send( request( variables($tag) ) );
    return $client->answer || {};
}

# The files of those who are there.
sub files {
    return map { s{.*/}{}r } glob "$state/processes/*";
}

subtest 'nobody is there' => sub {
    configure();
    my $begun = time;
    my $run   = command('reload');
    is( $run->{status}, 1, 'it fails' );
    like( $run->{err}, qr/No responder and no prober uses \Q$state\E /, '… and says why' );
    like(
        $run->{err},
        qr/To start them: (?:systemctl enable --now signpost\.socket|start the web)/,
        '… and what to do'
    );
    is( $run->{out}, '', '… and promises nothing' );
    cmp_ok( time - $begun, '<', 5, '… soon' );
};

subtest 'responders alone' => sub {
    responder($_) for qw(one two three);
    my $run = command('reload');
    is( $run->{status}, 0, 'it succeeds' ) or diag $run->{err};
    is( $run->{out},    "3 responders have read $file; no prober is there.\n", 'it counts them' );
    is( $run->{err},                                                  '', '… without a complaint' );
    is( scalar( () = $t->slurp("$_.err") =~ /has been read again/g ), 1,  "$_ has read it" )
        for qw(one two three);
    is( ( stat "$state/processes" )[2] & 07777, 0700, 'who they are is for them alone' );
};

subtest 'and the prober' => sub {
    $t->start( prober => [ $signpost, 'prober', '--config', $file, '--stay' ] );
    $t->wait_for(
        sub {
            grep { /^prober/ } files();
        }
    );
    my $run = command('reload');
    is( $run->{status}, 0, 'it succeeds' ) or diag $run->{err};
    is( $run->{out},    "3 responders and the prober have read $file.\n", 'it counts it, too' );
    like( $t->slurp('prober.err'), qr/has been read again/, '… which has read it' );
};

# Each hears of its own reload, or of a later one.
subtest 'several at once' => sub {
    my @status;
    for my $round ( 1 .. 4 ) {
        my @at_once = map { "$signpost reload --config $file &" } 1 .. 4;
        push @status, $t->run( [ 'sh', '-c', "@at_once wait" ] );
    }
    is( $_->{err}, '', 'nobody complains' ) for @status;
    my $line = "3 responders and the prober have read $file.\n";
    is( $_->{out}, $line x 4, '… and all are done' ) for @status;
};

subtest 'one is killed, one is stopped' => sub {
    $t->stop( 'three', 'KILL' );
    is( scalar files(), 4, 'what was killed leaves its file' );
    my $run = command('reload');
    is( $run->{status}, 0,                                                'a dead one is nobody' );
    is( $run->{out},    "2 responders and the prober have read $file.\n", '… and not counted' );
    is( scalar files(), 3, '… and its file is removed' );
    $t->stop('two');
    is( scalar files(), 2, 'who ends removes its file itself' );
    $t->signal( one => 'STOP' );
    my $begun = time;
    $run = command('reload');
    is( $run->{status}, 1, 'one that does not answer is a failure' );
    like(
        $run->{err},
        qr/^signpost reload: The responder ${\ $t->pid('one')} has not answered in 2/m,
        '… that says who'
    );
    is(
        $run->{out},
        "The prober has read $file; no responder is there.\n",
        '… beside what was done'
    );
    cmp_ok( time - $begun, '<', 6, '… and the command does not hang' );
    $t->signal( one => 'CONT' );
    ok( $t->wait_for( sub { command('reload')->{status} == 0 } ), 'it answers again' );
};

subtest 'the folder is removed' => sub {
    $t->run( [ 'rm', '-r', "$state/processes" ] );
    ok( $t->wait_for( sub { files() == 2 } ), 'they are there again, of themselves' );
    is( command('reload')->{out}, "1 responder and the prober have read $file.\n", 'and counted' );
    $t->run( [ 'rm', glob "$state/processes/responder*" ] );
    ok( $t->wait_for( sub { files() == 2 } ), 'and so with a file' );
    $t->run( [ 'rm', '-r', $state ] );
    $t->dir('state');
    ok( $t->wait_for( sub { files() == 2 } ), 'and with the whole state directory' );
    is( command('reload')->{out}, "1 responder and the prober have read $file.\n", 'and counted' );
};

subtest 'another configuration' => sub {
    my $other = $t->file( 'other.conf', $t->slurp($file) );
    my $run   = $t->run( [ $signpost, 'reload', '--config', $other ] );
    is( $run->{status}, 0, 'a reload by way of another file' );
    is( $run->{out}, "1 responder and the prober have read $file.\n", 'tells the one they read' );
    like( $run->{err}, qr/They do not read \Q$other\E, which was checked here/, '… and warns' );
};

# The command may read what the responder may not: in a folder of its group.
subtest 'who may not read it' => sub {
    plan skip_all => 'needs root and setpriv' if $> != 0 || !$t->find('setpriv');
    $t->stop($_) for qw(one prober);
    chown 65534, 65534, $state or die $!;
    chmod 02770, $state or die $!;
    $t->run( [ 'rm', '-rf', glob "$state/*" ] );
    chmod 0777, $t->dir('sockets');
    my $copy = $t->install( $program, 'sockets/signpost.fcgi' );
    my @as   = ( $t->find('setpriv'), qw(--reuid 12345 --regid 65534 --clear-groups) );
    my $path = $t->folder . '/sockets/group.sock';
    $t->start( group => [ @as, $copy, '--config', $file, '--listen', $path ] );
    ok( $t->wait_for( sub { files() == 1 } ), 'one of the group is there' );
    is( command('reload')->{out}, "1 responder has read $file; no prober is there.\n",
        'and reads' );
    is( ( stat "$state/processes" )[2] & 07777, 02770, 'the folder is the group\'s' );
    chmod 0600, $file;
    my $run = command('reload');
    is( $run->{status}, 1, 'what it may not read is a failure' );
    my $pid = $t->pid('group');
    like(
        $run->{err},
        qr/^signpost reload: The responder $pid refuses \Q$file\E, and goes on with the one before: .*Permission denied\.?$/m,
        '… with the reason'
    );
    my $state_of = command('state');
    is( $state_of->{status}, 1, '`signpost state` counts it as a failure' );
    like( $state_of->{out}, qr/responder $pid refuses .*Permission denied/, '… and says so, too' );
    $t->stop('group');

    # At a start there is none that it could go on with.
    $t->start(
        refused => [ @as, $copy, '--config', $file, '--listen', $path ],
        env     => { STATE_DIRECTORY => $state }
    );
    ok( $t->wait_for( sub { ( ask($path)->{status} // 0 ) == 503 } ), 'a new one answers 503' );
    ok( $t->wait_for( sub { files() == 1 } ),                         '… and is there' );
    $pid = $t->pid('refused');
    my $reason =
        qr/responder $pid refuses \Q$file\E, and answers 503 to all requests: .*Permission/;
    like(
        command('reload')->{err},
        qr/^signpost reload: The $reason/m,
        '`signpost reload` says so'
    );
    like( command('state')->{out}, qr/^The $reason/m, '`signpost state` says so' );
    my ($process) = @{ JSON::PP->new->decode( command( 'state', '--json' )->{out} )->{processes} };
    is_deeply(
        [ @$process{qw(kind pid standing file)} ],
        [ 'responder', $pid, 'unconfigured', $file ],
        '… for programs, too'
    );
    my $drain = command( 'drain', 'eu' );
    is( $drain->{status}, 0, 'a target is drained all the same' );
    like( $drain->{err}, qr/^signpost drain: The $reason/m, '… and it is said who serves nobody' );
    command( 'undrain', 'eu' );
    chmod 0644, $file;
    is(
        command('reload')->{out},
        "1 responder has read $file; no prober is there.\n",
        'a reload, and it serves'
    );
    is( ask($path)->{location}, "https://us.example.org$tag", '… in the right way' );
    like( command('state')->{out}, qr/^1 responder and no prober are there\.$/m, 'all is well' );
    $t->stop('refused');
};

# A configuration that names the state directory itself: while it is refused nobody knows where.
subtest 'mended, and reloaded at once' => sub {
    configure('nonsense = 1;');
    chmod 0700, $state;
    chown $>, -1, $state;
    my $path = $t->folder . '/mended.sock';
    $t->start( mended => [ $program, '--config', $file, '--listen', $path ] );
    ok( $t->wait_for( sub { ( ask($path)->{status} // 0 ) == 503 } ), 'refused at the start' );
    configure();
    my $run = command('reload');
    is( $run->{out}, "1 responder has read $file; no prober is there.\n", 'it has it soon' )
        or diag $run->{err};
    is( ask($path)->{location}, "https://us.example.org$tag", '… and serves' );
    $t->stop('mended');
};

$t->done;
