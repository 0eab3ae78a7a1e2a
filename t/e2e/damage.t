# SPDX-License-Identifier: Apache-2.0
#
# What is wrong with the files that the front door shares with others: cut short, foreign or
# overwritten while they are in use, on a full disk, in a directory that cannot be trusted.
# For each, what the client is answered and what the log or `signpost state` shows.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Signpost::Door qw(blob manifest state_dir);
use Signpost::Test;
use Signpost::Upstream;
use Test::More;
use Time::HiRes qw(sleep);

my $t       = Signpost::Test->new;
my $version = $t->run( [ $t->program('signpost'), '--version' ] )->{out};
$version =~ /$_/ or $t->skip_all("signpost was built without $_") for qw(libcurl jansson);

my $up  = Signpost::Upstream->start( $t, 'up' );
my $tag = '/v2/team/app/manifests/v1';
my %eu  = ( eu => $up->url );

# How many HEADs the upstream has seen for a path's digest, since the last call.
sub heads {
    my ($path)   = @_;
    my ($digest) = $path =~ /(sha256:\w+)/;
    return scalar grep { /^HEAD .*\Q$digest/ } $up->requests;
}

# Puts bytes in a file's place in one step, as who replaces it should.
sub replace {
    my ( $path, $bytes ) = @_;
    rename $t->file( "$path.part", $bytes ), $path or die "$path: $!";
    return;
}

# What may happen to a file in use: { WORDS => code }.
sub damages {
    my ( $path, $good ) = @_;
    my $noise = join '', map { pack 'N', int rand 2**32 } 1 .. 1 + length($good) / 4;
    return (
        'cut short to nothing' => sub { truncate $path, 0                 or die "$path: $!" },
        'cut short'            => sub { truncate $path, length($good) / 2 or die "$path: $!" },
        'foreign'              => sub { replace( $path, "some other program's file\n" ) },
        'overwritten'          => sub {
            open my $file, '+<:raw', $path or die "$path: $!";
            print {$file} $noise;
            close $file or die "$path: $!";
        },
    );
}

subtest 'files that are damaged while they are in use' => sub {
    my ( $index,  $mmdb )   = map { $t->folder . "/$_" } qw(signed.index places.mmdb);
    my ( $absent, $signed ) = map { blob($_) } qw(absent signed);
    my ($digest) = $signed =~ /(sha256:\w+)/;
    $t->file( 'feed.csv',     "192.0.2.0/24,FR,,,\n" );
    $t->file( 'signed.index', "$digest\n" x 1 );
    my $ranges = [ $t->program('signpost'), qw(ranges -q -o), $mmdb, $t->folder . '/feed.csv' ];
    plan skip_all => 'signpost was built without libmaxminddb' if $t->run($ranges)->{status};
    my $more = qq(index = "$index"; databases = [ "$mmdb" ];);
    my $door = Signpost::Door->start( $t, 'files', eu => $up->url, more => $more );
    my $pid  = $t->pid('files');
    $up->mode('absent');
    $door->ready;
    $door->goes($absent);
    $door->wait_for_state( sub { ( $_[0]{prober}{cache_absent} // 0 ) > 0 } );

    # How each is asked, where that leads to, and where without it. The prober makes a new
    # cache itself; the others are put back.
    my %file = (
        $index => [ sub { $door->goes($signed) },                            $door->us, $up->url ],
        $mmdb  => [ sub { $door->goes( $tag, REMOTE_ADDR => '192.0.2.1' ) }, $up->url,  $door->us ],
        "$door->{state}/cache.table" => [ sub { $door->goes($absent) }, $door->us, $up->url ],
    );
    for my $path ( sort keys %file ) {
        my ( $ask, $with, $without ) = @{ $file{$path} };
        my ($name) = $path =~ m{([^/]+)$};
        my $good   = $t->slurp($path);
        my %damage = damages( $path, $good );
        $up->mode( $name eq 'cache.table' ? 'absent' : '' );
        is( $ask->(), $with, "$name: it is heeded" );
        for my $how ( sort keys %damage ) {
            my $said = length $t->slurp('files.err');
            $damage{$how}->();
            my $inode = ( stat $path )[1];
            my %went;
            $t->wait_for( sub { $went{ $ask->() }++; length $t->slurp('files.err') > $said }, 2.5 );
            my @wrong = grep { $_ ne $with && $_ ne $without } keys %went;
            is( "@wrong", '', "$name $how: each answer is a right one, or one for not knowing" );
            is( $door->goes($tag), $up->url, '… the rest is answered as ever' );

            if ( $name eq 'cache.table' ) {
                ok( $t->wait_for( sub { ( stat $path )[1] != $inode } ), '… a new one is made' );
            }
            else {
                like( substr( $t->slurp('files.err'), $said ), qr/\Q$name\E/, '… and it is said' );
                replace( $path, $good );
            }
            ok( $t->wait_for( sub { $ask->() eq $with } ), '… with a good file it is as before' );
        }
    }
    $up->mode('');
    is( $t->pid('files'), $pid, 'the process is the same' );
    ok( $t->is_running('files'), 'and runs' );
    is( $door->stop, 0, 'the front door stops' );
    is( $door->state->{prober}{cache_rebuilt},
        4, 'the state shows how often there was a new cache' );
};

subtest 'state directories that are not to be trusted' => sub {
    symlink state_dir( $t, 'real.state' ), $t->folder . '/link.state' or die "symlink: $!";
    my @case = ( [ 'link', $t->folder . '/link.state' ] );
    if ( $> == 0 && $t->find('setpriv') ) {
        my $foreign = state_dir( $t, 'foreign.state' );
        chown 12345, 12345, $foreign or die "chown: $!";
        push @case, [ 'foreign', $foreign, $t->find('setpriv'), qw(--reuid=65534 --clear-groups) ];
    }
    for my $case (@case) {
        my ( $name, $state, @command ) = @$case;
        my $door = Signpost::Door->start( $t, $name, %eu, state => $state, command => \@command );
        is( $door->goes( blob() ),     $up->url,  "$name: a blob goes to the nearest" );
        is( $door->goes( manifest() ), $door->us, '… a manifest to the canonical one' );
        ok( $t->wait_for( sub { $t->slurp("$name.err") =~ /The state directory / } ),
            '… and the log says why nothing is known' )
            or diag $t->slurp("$name.err");
        is_deeply( [ glob "$state/*" ], [], '… nothing is written there' );
        is( $door->state->{eu}{state}, 'not checked', 'nor shown' ) if $name eq 'link';
        $door->stop;
    }
};

# A command that runs another one where something is mounted for it alone; skips the
# subtest where that cannot be done.
sub apart {
    my ($mount) = @_;
    my @command = ( 'unshare', $> == 0 ? '-m' : '-rm', 'sh', '-c' );
    $t->skip_all('file systems cannot be mounted here')
        if !$t->find('unshare') || $t->run( [ @command, $mount ] )->{status};
    return [ @command, "$mount && exec \"\$0\"" ];
}

subtest 'a state directory that has become read-only' => sub {
    my $state = state_dir( $t, 'fixed.state' );
    my $apart = apart("mount --bind '$state' '$state' && mount -o remount,bind,ro '$state'");
    my $door  = Signpost::Door->start( $t, 'warm', %eu, state => $state );
    my $known = blob();
    $up->mode('absent');
    $door->ready;
    $door->goes($known);
    $door->wait_for_state( sub { ( $_[0]{prober}{cache_absent} // 0 ) > 1 } );
    $door->stop;
    $up->mode('');
    $door = Signpost::Door->start( $t, 'fixed', %eu, state => $state, command => $apart );
    is( $door->goes($known),       $door->us, 'what was found before is known' );
    is( $door->goes( blob() ),     $up->url,  'a new blob goes to the nearest' );
    is( $door->goes( manifest() ), $door->us, '… a manifest to the canonical one' );
    is( $t->stop('fixed'),         0,         'it stops' );
};

subtest 'a disk that is full' => sub {
    my $state = state_dir( $t, 'full.state' );
    my $apart = apart("mount -t tmpfs -o size=64k,mode=0755 none '$state'");
    my $door  = Signpost::Door->start(
        $t, 'full', %eu,
        state   => $state,
        more    => 'probe_burst = 100000; probe_rate = 100000;',
        command => $apart
    );
    $up->mode('absent');
    ok( $door->ready, 'the prober is asked' );
    my %went;
    for ( 1 .. 20 ) {
        my @path    = map { blob() } 1 .. 40;
        my @waiting = map { $door->begin($_) } @path;
        $went{ $door->host_of( $waiting[$_], $path[$_] ) }++ for 0 .. $#path;
    }
    is_deeply( \%went, { $door->us => 800 }, '800 blobs are looked for, each is answered right' );
    my $last = blob();
    $door->goes($last);
    $up->requests;
    is( $door->goes($last), $door->us, 'what was found of late is known' );
    is( heads($last),       0,         '… without another HEAD' );
    $door->{state} = '/proc/' . $t->pid('full') . "/root$state";
    ok( !-e "$door->{state}/cache.table", 'all that without room for a file' );
    is( $door->stop, 0, 'it stops' );
    $up->mode('');
};

$t->done;
